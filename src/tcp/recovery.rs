//! What is lost, and what do we do about it? One machine for all the signs of a loss.
//!
//! ```text
//!             lost (RACK, RFC 8985; three duplicate ACKs without SACK, RFC 6582)
//!     +------+ -----------------------------------------> +------+
//!     | Open |        all of it acknowledged, or undone   | Fast |  window led down by PRR
//!     +------+ <----------------------------------------- +------+  (RFC 9937)
//!       |  ^ \__ marks of congestion (RFC 3168) __ Reduced: the same without a repair
//!  RTO  |  |
//!       v  | all of it acknowledged, or F-RTO (RFC 5682) finds that nothing was lost
//!     +---------+
//!     | Timeout |  slow start from one segment
//!     +---------+
//! ```
//!
//! Recovery knows which sequence range to send again, and tells the congestion controller of what
//! happens; how much may fly is that one's question. What lasts only as long as something is
//! outstanding lives in a [`Flight`], which an idle connection does not own.

use std::time::Duration;

use super::congestion::{Congestion, CongestionControl, RateSample};
use super::delivery::Delivery;
use super::flight::{Descent, Flight, Frto, Mode};
use super::harvest::{Harvest, News};
use super::loss_detection::Losses;
use super::prr::{Arrival, Prr};
use super::rack::{DUP_THRESHOLD, Reordering, RoundTrips};
use super::scoreboard::{Burst, Fate, Judged, Overdue, Record};
use super::tally::{Tally, Troubles};
use crate::time::Instant;
use crate::wire::{SeqNum, SeqRange};

/// The loss recovery of one connection.
#[derive(Debug)]
pub(super) struct Recovery {
    /// SND.NXT when the last loss was noticed (`recover` of RFC 6582, RecoveryPoint of RFC 6675).
    pub(super) recover: SeqNum,
    pub(super) reordering: Reordering,
    /// A round trip was measured since the last tail probe (RFC 8985 7.3, RFC8985-7.3-a).
    pub(super) measured: bool,
    /// Time-outs in a row without progress.
    timeouts: u8,
    /// The controller was told of a loss since somebody asked last.
    pub(super) reduced: bool,
    /// What has happened since the connection opened.
    pub(super) tally: Tally,
    /// What is outstanding.
    pub(super) flight: Option<Box<Flight>>,
    /// There was nothing left to send when all of the flight before had arrived.
    starved: bool,
}

/// What an acknowledgement has changed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Findings {
    /// Bytes that it newly tells to have arrived.
    pub(super) delivered: u32,
    /// Bytes newly thought lost.
    pub(super) lost: u32,
    /// Something that was sent once is among them.
    pub(super) once: bool,
    /// The least round trip of what was sent once and has arrived in order.
    pub(super) rtt: Option<Duration>,
    /// Bytes in flight before it.
    pub(super) pipe_before: u32,
    /// Lost data was being repaired, or is now.
    pub(super) in_recovery: bool,
    /// How fast data was delivered.
    pub(super) rate: Option<RateSample>,
    /// A time-out was a mistake.
    pub(super) undone: bool,
}

impl Recovery {
    /// Nothing is lost yet; `iss` is our initial sequence number, whose SYN was repeated
    /// `syn_retries` times.
    pub(super) fn new(iss: SeqNum, syn_retries: u32) -> Self {
        let mut tally = Tally::default();
        if syn_retries > 0 {
            tally.troubles_mut().resent_segments = syn_retries;
        }
        Self {
            recover: iss,
            reordering: Reordering::new(iss),
            measured: true,
            timeouts: 0,
            reduced: false,
            tally,
            flight: None,
            starved: false,
        }
    }

    pub(super) fn flight(&self) -> Option<&Flight> {
        self.flight.as_deref()
    }

    pub(super) fn flight_mut(&mut self) -> Option<&mut Flight> {
        self.flight.as_deref_mut()
    }

    /// Segments were overtaken by more than the threshold that tells of a loss.
    pub(super) fn reorders(&self) -> bool {
        u32::from(self.reordering.degree) > DUP_THRESHOLD
    }

    /// Time-outs in a row without progress.
    pub(super) fn timeouts(&self) -> u32 {
        self.timeouts.into()
    }

    /// When a timer of recovery wants to be looked at.
    pub(super) fn next_timeout(&self) -> Instant {
        self.flight().map_or(Instant::NEVER, |flight| flight.probe_at.min(flight.reorder_at))
    }

    /// What has not gone well since the connection opened.
    pub(super) fn troubles(&self) -> Troubles {
        self.tally.troubles()
    }

    /// A round trip was measured.
    pub(super) fn note_measured(&mut self) {
        self.measured = true;
    }

    /// What is outstanding is no measure of the round trip any more.
    pub(super) fn stop_timing(&mut self, now: Instant) {
        if let Some(flight) = self.flight_mut() {
            flight.timing.stop(now);
        }
    }

    /// The peer has shown that it is there: what is outstanding has time again.
    pub(super) fn renew_patience(&mut self, now: Instant) {
        if let Some(flight) = self.flight_mut() {
            flight.stuck_since = now;
        }
    }

    /// Since when SND.UNA stands still with something outstanding.
    pub(super) fn stuck_since(&self, now: Instant) -> Instant {
        self.flight().map_or(now, |flight| flight.stuck_since)
    }

    /// New data leaves; `acked` bytes were acknowledged so far.
    pub(super) fn sent(&mut self, now: Instant, burst: Burst, acked: u64) {
        let starved = self.starved;
        let flight = self.flight.get_or_insert_with(|| {
            Box::new(Flight::new(now, burst.range.start, Delivery::new(now, acked, starved)))
        });
        let stamp = flight.stamp(now, burst.range.len());
        flight.board.sent(now, burst, stamp);
    }

    /// What is outstanding in `range` leaves again.
    pub(super) fn resent(&mut self, now: Instant, range: SeqRange) {
        let Some(flight) = self.flight.as_deref_mut() else { return };
        let stamp = flight.stamp(now, range.len());
        flight.board.resent(now, range, stamp);
        if flight.mtu_probe.is_some_and(|probe| probe.start.before(range.end)) {
            flight.mtu_probe = None;
        }
        flight.undo.resent(now, range);
        flight.first_due = false;
        if let Mode::Timeout { frto: frto @ Frto::Second { .. } } = &mut flight.mode {
            // There was nothing new that might have been sent: its answer will tell nothing.
            *frto = Frto::Off;
        }
        let tally = self.tally.troubles_mut();
        tally.resent += u64::from(range.len());
        tally.resent_segments = tally.resent_segments.wrapping_add(1);
    }

    /// An acknowledgement has arrived: what it tells, and what follows from it.
    pub(super) fn on_ack(
        &mut self,
        news: &News<'_>,
        congestion: &mut dyn CongestionControl,
    ) -> Findings {
        self.reordering.acknowledged(news.ack);
        self.count_duplicate(news);
        let Some(mut flight) = self.flight.take() else { return Findings::default() };
        let before = Before {
            outstanding: SeqRange { start: news.una, end: news.nxt },
            held: flight.board.sacked(),
            mode: flight.mode,
            sack: news.sack,
            mss: news.mss,
        };
        let mut findings = Findings { pipe_before: flight.pipe(), ..Findings::default() };
        let harvest = self.reap(&mut flight, news);
        findings.delivered = harvest.delivered;
        (findings.once, findings.rtt) = (harvest.once, harvest.rtt);
        self.judge_probe(&mut flight, news, congestion);
        let losses = self.find_losses(&mut flight, news, congestion);
        let losses = flight.without_mtu_probe(losses);
        findings.lost = losses.bytes;
        findings.undone = self.judge_mistake(&mut flight, news, &harvest, congestion);
        if !findings.undone {
            self.end_repair(&mut flight, news, congestion);
            self.answer_losses(&mut flight, news.now, &before, &losses, congestion);
        }
        // What ends a repair is news like any other, as in Linux; but without SACK it deflates the
        // window (RFC 6582 3.2, step 3), and a mistake has its own answer.
        let ended = matches!(before.mode, Mode::Fast(_)) && (findings.undone || !news.sack);
        findings.in_recovery = flight.in_fast_recovery() || ended;
        findings.rate = flight.sample(&harvest, news.trips.min);
        flight.undo.acknowledged(news.ack);
        self.flight = Some(flight);
        findings
    }

    /// The controller has heard of the acknowledgement: what may fly now? What nobody needs any more
    /// is let go.
    pub(super) fn regulate(
        &mut self,
        news: &News<'_>,
        findings: &Findings,
        congestion: &dyn CongestionControl,
    ) {
        let Some(flight) = self.flight.as_deref_mut() else { return };
        let pipe = flight.pipe();
        if let Some(prr) = flight.prr() {
            let safe = news.advances() && findings.lost == 0;
            let arrival = Arrival { delivered: findings.delivered, pipe, safe };
            prr.on_ack(&arrival, congestion.window(), news.mss);
        }
        let done = flight.board.first().is_none();
        if done && flight.probe.is_none() && !flight.undo.is_open() {
            self.starved = flight.is_app_limited();
            self.flight = None;
        }
    }

    /// Takes what the acknowledgement tells into the scoreboard.
    fn reap(&mut self, flight: &mut Flight, news: &News<'_>) -> Harvest {
        let mut harvest = Harvest::default();
        let first = flight.board.first().filter(|first| first.resent && news.advances());
        harvest.answered = first.zip(news.echo).is_some_and(|(first, echo)| {
            first.fate == Fate::Flying && echo.is_before(first.sent_at)
        });
        let Self { recover, reordering, tally, .. } = self;
        let mut overtaken = false;
        let mut told = |record: &Record| {
            overtaken |= reordering.note(record, news.mss);
            tally.delivered = tally.delivered.wrapping_add(record.segments.into());
            harvest.take(news, record, *recover);
        };
        flight.board.acknowledge(news.ack, &mut told);
        let sacked = flight.board.sacked();
        let own = usize::from(news.reported.is_some());
        let mut blocks = *news.blocks;
        for block in blocks.sort_from(own, news.ack) {
            // Ancient, hostile or mangled blocks: only what lies in what is outstanding counts.
            let start = block.start.later(news.ack);
            if start.before(block.end) && !block.end.after(news.nxt) {
                flight.board.sack(SeqRange { start, end: block.end }, &mut told);
            }
        }
        reordering.events = reordering.events.wrapping_add(overtaken.into());
        harvest.sacked = flight.board.sacked() > sacked;
        let repeats = news.duplicate && (!news.sack || harvest.sacked);
        flight.dup_acks = match (news.advances(), repeats) {
            (true, _) => 0,
            (false, true) => flight.dup_acks.saturating_add(1),
            (false, false) => flight.dup_acks,
        };
        if !news.sack {
            harvest.delivered = flight.count_echoes(news);
        }
        if let Some(newest) = harvest.newest {
            flight.rack.note(newest, harvest.trip);
        }
        if harvest.delivered > 0 {
            flight.delivery.arrived(news.now, harvest.delivered);
        }
        if news.advances() {
            self.timeouts = 0;
            if !flight.mode.repairs() {
                // Far enough behind, or two gigabytes later it would lie ahead.
                self.recover = self.recover.later(news.ack - 1);
            }
        }
        harvest
    }

    /// A D-SACK (RFC 2883 5, RFC2883-5): something was sent again too early, which widens the
    /// reordering window; not where it was a tail probe, nor for more than we have sent twice.
    fn count_duplicate(&mut self, news: &News<'_>) {
        let Some(range) = news.reported else { return };
        let segments = range.len().div_ceil(news.mss);
        let tally = self.tally.troubles_mut();
        tally.duplicates = tally.duplicates.saturating_add(segments);
        let explained = tally.duplicates <= tally.resent_segments;
        let probe = self.flight().and_then(|flight| flight.probe);
        let probed = probe.is_some_and(|probe| probe.again && probe.end == range.end);
        if !probed && explained {
            self.reordering.widen(news.nxt);
        }
    }

    /// All that was out when the loss was noticed is acknowledged (RFC 6675 5, RFC6675-5-end;
    /// RFC 6582 3.2, RFC6582-3.2-full).
    fn end_repair(
        &mut self,
        flight: &mut Flight,
        news: &News<'_>,
        congestion: &mut dyn CongestionControl,
    ) {
        if flight.mode == Mode::Open || news.ack.before(self.recover) {
            return;
        }
        let repaired = flight.in_fast_recovery();
        if flight.mode.repairs() {
            self.reordering.recovered();
        }
        flight.end_repair();
        flight.undo.recovered(news.nxt);
        if repaired {
            congestion.on_recovered(news.now, news.nxt.since(news.ack));
        }
    }

    /// What new losses mean.
    fn answer_losses(
        &mut self,
        flight: &mut Flight,
        now: Instant,
        before: &Before,
        losses: &Losses,
        congestion: &mut dyn CongestionControl,
    ) {
        let outstanding = before.outstanding.len();
        let timed_out = matches!(flight.mode, Mode::Timeout { .. });
        if losses.bytes > 0 && (!flight.mode.repairs() || losses.again && timed_out) {
            // RFC 6675 5, RFC6675-5-enter. RFC 5681 4.3, RFC5681-4.3-b: a retransmission that is lost
            // after a time-out is an event of its own. In a fast recovery it is none, as in Linux:
            // the flight is on its way down already, and what is lost shrinks it further.
            // RFC 3168 6.1.2: losses and marks in one window of data reduce it once.
            let marked = if let Mode::Reduced(prr) = flight.mode { Some(prr) } else { None };
            if marked.is_some() {
                flight.undo.clear();
            } else {
                flight.undo.begin(before.sack);
            }
            // RFC 6582 3.2, RFC6582-3.2-2.
            self.recover = before.outstanding.end;
            if marked.is_none() {
                // RFC 5681 3.2, RFC5681-3.2-ssthresh: without what limited transmit has added.
                let reduced = outstanding.min(congestion.window());
                congestion.on_congestion(now, &Congestion::Loss { flight: reduced });
                self.reduced = true;
            }
            let fresh = || Prr::new(outstanding.saturating_sub(before.held));
            flight.mode = Mode::Fast(match before.sack {
                true => Descent::Proportional(marked.unwrap_or_else(fresh)),
                false => Descent::Inflated(DUP_THRESHOLD * before.mss),
            });
            flight.rescued = false;
            flight.probe_at = Instant::NEVER;
            flight.probe = None;
        }
    }

    /// The retransmission timer expired with `sent` outstanding (RFC 6298, 5.4; RFC 6582 3.2,
    /// RFC6582-3.2-rto; RFC 6675 5.1, RFC6675-5.1; RFC 8985 6.3, RFC8985-6.3). `sack`: the peer
    /// tells what it holds.
    pub(super) fn on_timeout(
        &mut self,
        now: Instant,
        sent: SeqRange,
        sack: bool,
        trips: &RoundTrips,
        congestion: &mut dyn CongestionControl,
    ) {
        let Some(mut flight) = self.flight.take() else { return };
        let again = self.timeouts > 0;
        // RFC 5682 2.1, RFC5682-2.1-1: F-RTO not where a time-out follows a time-out, nor, as in
        // Linux, a fast retransmit; nor is it any use where the peer has reneged.
        let known = flight.mode.repairs() || flight.has_reneged();
        if !sack || flight.has_reneged() {
            // RFC 2018 5.1, RFC2018-5.1: what it reports first it does not hold any more.
            let lost = flight.board.forget_sacks();
            self.tell_lost(&mut flight, now, &lost, congestion);
        } else {
            let lost = flight.board.lose_first();
            self.tell_lost(&mut flight, now, lost.as_slice(), congestion);
            let window = self.reordering.window(true, trips);
            let trip = trips.smoothed.unwrap_or_default().max(flight.rack.rtt());
            let all = Overdue { nth: u64::MAX, patience: trip + window };
            while let Judged::Lost(record) = flight.board.judge(now, &all) {
                flight.tell_lost(now, &record, congestion);
                self.tally.count_lost(1);
            }
        }
        let frto = if known { Frto::Off } else { Frto::First };
        if !known {
            flight.undo.begin(false);
        }
        flight.end_repair();
        flight.mode = Mode::Timeout { frto };
        flight.first_due = true;
        flight.mtu_probe = None;
        flight.stop_timers();
        self.flight = Some(flight);
        self.recover = sent.end;
        self.timeouts = self.timeouts.saturating_add(1);
        let tally = self.tally.troubles_mut();
        tally.timeouts = tally.timeouts.saturating_add(1);
        congestion.on_congestion(now, &Congestion::Timeout { flight: sent.len(), again });
        self.reduced = true;
    }

    /// A closed window opened again, or the path turned out narrower: what was thrown away is sent
    /// again, and nobody is to blame for it.
    pub(super) fn rewind(&mut self, sent: SeqRange) {
        let Some(flight) = self.flight.as_deref_mut() else { return };
        flight.board.lose_all();
        flight.end_repair();
        flight.undo.clear();
        flight.mode = Mode::Timeout { frto: Frto::Off };
        flight.stop_timers();
        self.recover = sent.end;
    }

    /// The network marks segments of ours (RFC 3168, 6.1.2): the window shrinks as after a loss, but
    /// nothing is sent again. Whether it does: not twice for what was `outstanding` at once.
    pub(super) fn on_mark(
        &mut self,
        now: Instant,
        outstanding: SeqRange,
        congestion: &mut dyn CongestionControl,
    ) -> bool {
        let Some(flight) = self.flight.as_deref_mut().filter(|flight| flight.mode == Mode::Open)
        else {
            return false;
        };
        let held = flight.board.sacked();
        let bytes = outstanding.len();
        congestion.on_congestion(now, &Congestion::Ecn { flight: bytes.min(congestion.window()) });
        flight.mode = Mode::Reduced(Prr::new(bytes.saturating_sub(held)));
        // Nothing is sent again: duplicates for the very end are no echoes of that (RFC 6582 3.2,
        // step 1).
        self.recover = outstanding.end - 1;
        true
    }

    /// The timer of the reordering window expired (RFC 8985 6.2, step 5).
    pub(super) fn on_reorder_timer(
        &mut self,
        now: Instant,
        sent: SeqRange,
        trips: &RoundTrips,
        mss: u32,
        congestion: &mut dyn CongestionControl,
    ) {
        let Some(mut flight) = self.flight.take() else { return };
        let held = flight.board.sacked();
        let before = Before { outstanding: sent, held, mode: flight.mode, sack: true, mss };
        let losses = self.judge_lateness(&mut flight, now, trips, congestion);
        let losses = flight.without_mtu_probe(losses);
        self.answer_losses(&mut flight, now, &before, &losses, congestion);
        let pipe = flight.pipe();
        if let Some(prr) = flight.prr() {
            prr.on_timer(pipe, mss);
        }
        self.flight = Some(flight);
    }
}

/// How things stood before an acknowledgement.
struct Before {
    outstanding: SeqRange,
    /// Bytes of it that the peer held out of order.
    held: u32,
    mode: Mode,
    /// The peer tells what it holds.
    sack: bool,
    mss: u32,
}
