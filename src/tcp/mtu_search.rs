//! Do large packets get through at all? Where something on the way drops them without a word, a black
//! hole (RFC 2923, 2.1), nobody tells the path MTU: it is found by trying (RFC 4821, RFC 8899).
//!
//! ```text
//!   four time-outs, a large segment first        acknowledged
//!   ------------------------------------> low  <-- size ----> high      a probe is a segment of new
//!                      and further down,       (low, high]              text, longer than the others
//!                      time-out by time-out          lost three times
//! ```
//!
//! Where there was no black hole but silence, the first probe, as long as segments were before, ends
//! the search.

use std::time::Duration;

use super::flight::Mode;
use super::send::Stretch;
use super::tcb::Tcb;
use crate::time::Instant;
use crate::wire::SeqRange;
use crate::wire::ip::LEAST_MTU_V6;

/// Time-outs in a row after which a black hole is suspected: after three seconds, as in Linux.
const SUSPICIOUS: u32 = 4;

/// What gets through almost everywhere, bytes (RFC 4821, 7.2).
const BASE: u32 = 1024;

/// Probes of one size that must be lost (RFC 8899, 5.1.2): one alone may be lost by chance.
const MOST_TRIES: u8 = 3;

/// Between a lost probe and the next: no more than that of its losses is taken for no congestion
/// (RFC 4821 7.6.2).
const PAUSE: Duration = Duration::from_secs(1);

/// The search is over when it is known so closely, bytes: nothing to be won.
const CLOSE: u32 = 16;

/// Until the search begins anew (RFC 4821 7.3: 5 minutes at least).
const REST: Duration = Duration::from_secs(600);

/// Segments that must follow a probe, for its loss to be noticed without a time-out (RFC 4821, 7.4);
/// twice as many without SACK, where not every answer is a duplicate.
const FOLLOWERS: u32 = 3;

/// The search of one connection, which only those have that were in a black hole.
#[derive(Debug)]
pub(super) struct MtuSearch {
    /// Packets of so many bytes get through, as far as is known (`search_low`, `eff_pmtu`).
    pub(super) low: u32,
    /// Larger ones do not (`search_high`).
    high: u32,
    /// Packets of `high` bytes were tried, and lost.
    tried: bool,
    /// What is under way.
    probe: Option<SeqRange>,
    /// Bytes of the packet that it is.
    size: u32,
    /// How often that size was lost.
    lost: u8,
    /// Until then nothing is tried.
    next: Instant,
}

impl MtuSearch {
    /// What to try, (search_low, search_high] being what is not known (RFC 4821 7.1, RFC4821-7.1).
    fn candidate(&self) -> u32 {
        if self.tried { u32::midpoint(self.low, self.high) } else { self.high }
    }

    /// The size that was lost too often is not tried again: nor anything close to what gets through.
    fn give_up(&mut self, now: Instant) {
        (self.high, self.tried, self.lost) = (self.size, true, 0);
        if self.high - self.low <= CLOSE {
            self.next = now + REST;
        }
    }
}

impl Tcb {
    /// Largest IP packet that is sent, bytes.
    pub(super) fn packet_size(&self) -> u32 {
        self.search.as_ref().map_or(self.path_mtu, |search| search.low.min(self.path_mtu))
    }

    /// A packet larger than that is of no use, whatever the path takes: the peer's MSS.
    fn largest_packet(&self) -> u32 {
        self.path_mtu.min(u32::from(self.snd.mss) + u32::from(self.headers))
    }

    /// The retransmission timer has expired again. RFC 4821 7.7, RFC4821-7.7: what was thought to get
    /// through may not, so the next retransmissions are smaller, down to what every path takes.
    pub(super) fn suspect_black_hole(&mut self, now: Instant) {
        let suspicious = self.config.mtu_probing && self.recovery.timeouts() >= SUSPICIOUS;
        let first = self.recovery.flight().and_then(|flight| flight.board.first());
        let Some(first) = first.filter(|_| suspicious) else { return };
        let least = u32::from(if self.is_v6() { LEAST_MTU_V6 } else { self.config.min_path_mtu });
        let size = self.packet_size().min(self.largest_packet());
        let low = if size > BASE + CLOSE { BASE } else { size / 2 }.max(least);
        let text = low.saturating_sub(self.headers.into());
        if low >= size || first.range.len() <= text {
            return;
        }
        let high = self.search.take().map_or(size, |search| search.high);
        self.search = Some(Box::new(MtuSearch {
            low,
            high,
            tried: false,
            probe: None,
            size: 0,
            lost: 0,
            next: now,
        }));
        // In bytes the window stays (RFC 4821 4, RFC4821-4-cwnd).
        self.congestion.on_mss(self.mss());
    }

    /// A probe, if the time is right: a segment of new text that is longer than the others, when
    /// nothing is amiss, and enough follows for its loss to be noticed (RFC 4821 7.4, 10.1,
    /// RFC4821-10.1).
    pub(super) fn choose_mtu_probe(&self, now: Instant) -> Option<Stretch> {
        let search = self.search.as_deref().filter(|search| search.probe.is_none())?;
        let calm = self.recovery.flight().is_none_or(|flight| flight.mode == Mode::Open);
        // Without SACK, duplicates for the end of a repair tell of no loss (RFC 6582 3.2, step 1).
        let heard = self.sack || self.snd.una.after(self.recovery.recover);
        let may_send = !self.ecn.is_held() && !self.ecn.cwr_owed();
        let ready = calm && heard && may_send && search.next.is_due(now);
        let text = self.probe_text(search.candidate());
        let followers = if self.sack { FOLLOWERS } else { 2 * FOLLOWERS };
        let all = text + followers * self.mss();
        let fits = all <= self.room().min(self.snd.usable()).min(self.snd.unsent());
        (ready && fits && text > self.mss()).then_some(Stretch { text, fin: false, probes: true })
    }

    /// Text of a packet of `size` bytes.
    fn probe_text(&self, size: u32) -> u32 {
        let options = self.options(Instant::ZERO).wire_len();
        let rest = u32::from(self.headers) + u32::try_from(options).unwrap_or(0);
        size.min(self.largest_packet()).saturating_sub(rest)
    }

    /// The probe leaves as `range`.
    pub(super) fn mtu_probe_sent(&mut self, range: SeqRange) {
        if let Some(search) = &mut self.search {
            search.size = search.candidate();
            search.probe = Some(range);
            if let Some(flight) = self.recovery.flight_mut() {
                flight.mtu_probe = Some(range);
            }
        }
    }

    /// An acknowledgement, or a timer, has told of what was sent: of the probe, too?
    pub(super) fn judge_mtu_probe(&mut self, now: Instant) {
        let Some(search) = &mut self.search else { return };
        let Some(probe) = search.probe else { return };
        let missing = self.recovery.flight().is_none_or(|flight| flight.mtu_probe.is_none());
        let arrived = !probe.end.after(self.snd.una);
        if !arrived && !missing {
            return;
        }
        search.probe = None;
        if let Some(flight) = self.recovery.flight_mut() {
            flight.mtu_probe = None;
        }
        if missing {
            search.lost += 1;
            search.next = now + PAUSE;
            if search.lost == MOST_TRIES {
                search.give_up(now);
            }
            return;
        }
        // RFC 4821 7.6.1, RFC4821-7.6.1: so much gets through.
        (search.low, search.lost) = (search.size, 0);
        let over = search.low >= search.high;
        if over && !search.tried {
            self.search = None;
        } else if search.high - search.low <= CLOSE {
            search.next = now + REST;
        }
        self.congestion.on_mss(self.mss());
    }

    /// After a rest larger packets are tried again (RFC 4821 7.3, RFC4821-7.3); none that a router has
    /// told not to fit (RFC 8899 3, RFC8899-3-b).
    pub(super) fn renew_mtu_search(&mut self, now: Instant) {
        let Some(search) = self.search.as_deref() else { return };
        let largest = self.largest_packet();
        if search.low >= largest {
            self.search = None;
            return;
        }
        let Some(search) = self.search.as_deref_mut() else { return };
        let rested = search.next.is_due(now) && search.high - search.low <= CLOSE;
        if rested && search.probe.is_none() || search.high > largest {
            (search.high, search.tried) = (largest, false);
        }
    }
}
