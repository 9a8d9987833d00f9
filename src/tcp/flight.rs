//! What is under way? Everything that recovery knows of the segments that are outstanding; gone as
//! soon as all of them are acknowledged.

use std::time::Duration;

use super::congestion::{CongestionControl, Lost, RateSample};
use super::delivery::{Delivery, Stamp};
use super::harvest::{Harvest, News};
use super::prr::Prr;
use super::rack::{DUP_THRESHOLD, Rack};
use super::rtt::Timing;
use super::scoreboard::{Census, Fate, Record, Scoreboard};
use super::tail_probe::TailProbe;
use super::undo::Undo;
use crate::time::Instant;
use crate::wire::{SeqNum, SeqRange};

/// Where a connection stands between a loss and its repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Nothing is known to be lost.
    Open,
    /// The window shrinks because segments were marked; nothing is known to be lost.
    Reduced(Prr),
    /// Lost segments are sent again, and the window shrinks.
    Fast(Descent),
    /// The timer expired: slow start from one segment, what is lost first.
    Timeout {
        /// Whether the time-out was a mistake is still being found out.
        frto: Frto,
    },
}

/// How the window comes down in a repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Descent {
    /// In proportion to what arrives (RFC 9937).
    Proportional(Prr),
    /// At once, with what duplicate ACKs tell to have left the network on top, bytes: without SACK
    /// nobody knows what has arrived (RFC 6582).
    Inflated(u32),
}

/// Where F-RTO stands (RFC 5682).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frto {
    /// The time-out was real, for all we know.
    Off,
    /// The first segment was sent again; its acknowledgement is waited for.
    First,
    /// New data was sent instead of the rest; `sent` is SND.NXT before that.
    Second { sent: SeqNum },
}

/// How much of the congestion window is made use of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// Sending stopped for want of congestion window with SND.NXT here: what is acknowledged up
    /// to here tells that the window was too small.
    pub(super) limited_to: SeqNum,
    /// Bytes outstanding at most, of late: what was sent before `most_to` counts.
    pub(super) most: u32,
    most_to: SeqNum,
}

impl Usage {
    fn new(una: SeqNum) -> Self {
        Self { limited_to: una, most: 0, most_to: una }
    }

    /// What is `sent` is outstanding, and nothing more can be sent now; `limited`: for want of window.
    pub(super) fn note(&mut self, sent: SeqRange, limited: bool) {
        let over = !sent.start.before(self.most_to);
        if sent.end.after(self.most_to) && (over || sent.len() > self.most) {
            (self.most, self.most_to) = (sent.len(), sent.end);
        }
        if limited {
            self.limited_to = sent.end;
        }
    }

    /// Whether the window was used up when what `news` tells of was sent.
    pub(super) fn was_limited(&self, news: &News<'_>) -> bool {
        match news.advances() {
            true => !news.ack.after(self.limited_to),
            false => news.ack.before(self.limited_to),
        }
    }
}

impl Mode {
    /// Lost segments are being repaired, so more of them are no news.
    pub(super) fn repairs(&self) -> bool {
        matches!(self, Self::Fast(_) | Self::Timeout { .. })
    }
}

/// What is outstanding.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) mode: Mode,
    pub(super) board: Scoreboard,
    pub(super) rack: Rack,
    pub(super) delivery: Delivery,
    pub(super) undo: Undo,
    pub(super) timing: Timing,
    /// Since when SND.UNA stands still.
    pub(super) stuck_since: Instant,
    pub(super) usage: Usage,
    /// The tail probe that no acknowledgement has answered yet.
    pub(super) probe: Option<TailProbe>,
    /// The probe of the path MTU that is under way, and not known to be lost.
    pub(super) mtu_probe: Option<SeqRange>,
    /// When the next one is sent.
    pub(super) probe_at: Instant,
    /// It shall be sent now.
    pub(super) probe_due: bool,
    /// The one of this repair was sent.
    pub(super) rescued: bool,
    /// When what was overtaken has waited long enough.
    pub(super) reorder_at: Instant,
    /// The timer has expired: the first segment goes out again, whatever else flies (RFC 6298 5.4,
    /// RFC6298-5.4).
    pub(super) first_due: bool,
    /// Duplicate ACKs in a row.
    pub(super) dup_acks: u32,
    /// Bytes that duplicate ACKs tell to have arrived, where SACK does not say which: when they are
    /// acknowledged they are no news.
    echoed: u32,
}

impl Flight {
    /// Nothing is outstanding yet; it begins at `una`.
    pub(super) fn new(now: Instant, una: SeqNum, delivery: Delivery) -> Self {
        Self {
            mode: Mode::Open,
            board: Scoreboard::new(una),
            rack: Rack::new(),
            delivery,
            undo: Undo::default(),
            timing: Timing::new(una),
            stuck_since: now,
            usage: Usage::new(una),
            probe: None,
            mtu_probe: None,
            probe_at: Instant::NEVER,
            probe_due: false,
            rescued: false,
            reorder_at: Instant::NEVER,
            first_due: false,
            dup_acks: 0,
            echoed: 0,
        }
    }

    /// Everything before `una` has arrived, and more than before.
    pub(super) fn advanced(&mut self, now: Instant, una: SeqNum) {
        self.stuck_since = now;
        // Far enough behind, or two gigabytes later it would lie ahead.
        self.usage.limited_to = self.usage.limited_to.later(una - 1);
    }

    /// Bytes thought to be in the network.
    pub(super) fn pipe(&self) -> u32 {
        self.board.pipe()
    }

    /// What is outstanding, segments of `mss` bytes. Where there is no SACK, a duplicate ACK stands
    /// for a segment that the peer holds.
    pub(super) fn census(&self, mss: u32) -> Census {
        let mut census = self.board.census();
        census.sacked += self.echoed.div_ceil(mss.max(1));
        census
    }

    /// Whether lost data is being repaired after a fast retransmit.
    pub(super) fn in_fast_recovery(&self) -> bool {
        matches!(self.mode, Mode::Fast(_))
    }

    /// Acknowledged up to what the peer had reported, and no further: it has thrown that away
    /// (RFC 2018, 8).
    pub(super) fn has_reneged(&self) -> bool {
        self.board.first().is_some_and(|first| first.fate == Fate::Sacked)
    }

    /// The reduction that is under way.
    pub(super) fn prr(&mut self) -> Option<&mut Prr> {
        match &mut self.mode {
            Mode::Fast(Descent::Proportional(prr)) | Mode::Reduced(prr) => Some(prr),
            _ => None,
        }
    }

    /// How much may be in flight.
    pub(super) fn window(&self, congestion: &dyn CongestionControl, mss: u32) -> u32 {
        let window = congestion.window();
        match &self.mode {
            Mode::Fast(Descent::Proportional(prr)) | Mode::Reduced(prr) => {
                if congestion.governs_recovery() { window } else { prr.window() }
            }
            Mode::Fast(Descent::Inflated(inflation)) => window.saturating_add(*inflation),
            // RFC 3042 2, RFC3042-2-a, RFC3042-2-b, RFC5681-3.2-lt: each of the first two duplicates
            // lets a segment go. With SACK what has arrived makes room by itself, and what tells
            // nothing new makes none (RFC3042-2-c, RFC5681-3.2-lt-sack).
            Mode::Open if self.echoed > 0 => {
                window.saturating_add(self.dup_acks.min(DUP_THRESHOLD - 1) * mss)
            }
            Mode::Open | Mode::Timeout { .. } => window,
        }
    }

    /// Something new is to be sent before what is lost (RFC 5682 2.1, step 2b); SND.NXT before it.
    pub(super) fn prefers_new(&self) -> Option<SeqNum> {
        match self.mode {
            Mode::Timeout { frto: Frto::Second { sent } } => Some(sent),
            _ => None,
        }
    }

    /// The application has nothing left to send.
    pub(super) fn starve(&mut self) {
        let pipe = self.pipe();
        self.delivery.starve(pipe);
    }

    /// The application had too little to send of late.
    pub(super) fn is_app_limited(&self) -> bool {
        self.delivery.is_app_limited()
    }

    /// `len` bytes leave.
    pub(super) fn stamp(&mut self, now: Instant, len: u32) -> Stamp {
        let pipe = self.pipe();
        if let Some(prr) = self.prr() {
            prr.sent(len);
        }
        self.delivery.stamp(now, pipe, len)
    }

    /// What an acknowledgement tells where there is no SACK: how many bytes have arrived. A duplicate
    /// tells that a segment has, not which; so in a repair the window is inflated by what has left
    /// the network (RFC 5681 3.2, RFC5681-3.2-infl; RFC 6582 3.2, step 3).
    pub(super) fn count_echoes(&mut self, news: &News<'_>) -> u32 {
        let acked = news.ack.since(news.una);
        let Mode::Fast(Descent::Inflated(inflation)) = &mut self.mode else {
            let echoed = std::mem::take(&mut self.echoed);
            self.echoed = match (news.advances(), news.duplicate) {
                // The first of what is acknowledged is the hole: no duplicate has told of that.
                (true, _) => return acked - echoed.min(acked.saturating_sub(news.mss)),
                (false, true) => (echoed + news.mss).min(self.board.pipe()),
                (false, false) => echoed,
            };
            return self.echoed - echoed;
        };
        if news.advances() {
            *inflation = inflation.saturating_sub(acked);
            *inflation += if acked >= news.mss { news.mss } else { 0 };
            let before = self.echoed.min(acked.saturating_sub(news.mss));
            self.echoed -= before;
            return acked - before;
        }
        if !news.duplicate {
            return 0;
        }
        *inflation = inflation.saturating_add(news.mss);
        self.echoed = self.echoed.saturating_add(news.mss);
        news.mss
    }

    /// Whether the first segment is lost, where SACK does not say: three duplicate ACKs, if they are
    /// no echoes of what we sent twice ourselves (RFC 5681 3.2, RFC5681-3.2-fr; RFC 6582 3.2,
    /// RFC6582-3.2-1); or an ACK that is short of all that was out then (RFC6582-3.2-partial).
    pub(super) fn misses_first(&self, news: &News<'_>, recover: SeqNum) -> bool {
        match self.mode {
            Mode::Open | Mode::Reduced(_) => {
                let third = news.duplicate && self.dup_acks == DUP_THRESHOLD;
                third && news.ack.after(recover)
            }
            Mode::Fast(_) => news.advances() && news.ack.before(recover),
            Mode::Timeout { .. } => false,
        }
    }

    /// The controller learns of a lost segment.
    pub(super) fn tell_lost(
        &mut self,
        now: Instant,
        record: &Record,
        congestion: &mut dyn CongestionControl,
    ) {
        let bytes = record.range.len();
        let lost = self.delivery.lost(bytes, &record.stamp);
        let Stamp { tx_in_flight, app_limited, .. } = record.stamp;
        congestion.on_lost(now, &Lost { lost, app_limited, ..Lost::new(bytes, tx_in_flight) });
    }

    /// Only the retransmission timer counts now.
    pub(super) fn stop_timers(&mut self) {
        (self.probe, self.probe_due) = (None, false);
        (self.probe_at, self.reorder_at) = (Instant::NEVER, Instant::NEVER);
    }

    /// Nothing is to be repaired any more.
    pub(super) fn end_repair(&mut self) {
        self.mode = Mode::Open;
        self.rescued = false;
        self.first_due = false;
        self.dup_acks = 0;
        self.echoed = 0;
    }

    /// The delivery rate that an acknowledgement tells. A sample that is shorter than the least
    /// round trip says nothing (draft-ietf-ccwg-bbr, 4.1.2.3).
    pub(super) fn sample(
        &mut self,
        harvest: &Harvest,
        least: Option<Duration>,
    ) -> Option<RateSample> {
        let (sent_at, stamp) = harvest.sample?;
        let sample = self.delivery.sample(sent_at, &stamp);
        let believable = least.is_none_or(|least| sample.interval >= least);
        (believable && !sample.interval.is_zero()).then_some(sample)
    }
}
