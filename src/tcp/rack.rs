//! Who is late? Recent acknowledgement: a segment is lost when one that was sent later has arrived,
//! and it has had time enough since to arrive itself (RFC 8985, 6).
//!
//! ```text
//!  sent      1   2   3   4   5
//!             \   \   x   \   \          3 is lost when 5 has arrived, and the reordering window
//!  arrived     1   2       4   5  .. w   w has passed: a quarter of a round trip, more where the
//!                                        path is seen to reorder by more
//! ```
//!
//! Time, not sequence numbers: so it finds lost retransmissions, and tails of small flights, which
//! duplicate ACKs cannot tell. Not here: the segments themselves (`scoreboard`), and what follows
//! from a loss (`recovery`).

use std::time::Duration;

use super::scoreboard::{Overdue, Record};
use crate::time::Instant;
use crate::wire::SeqNum;

/// Segments that must have arrived out of order before a loss is presumed at once (RFC 5681, 3.2).
/// With SACK this is all that RACK has in common with IsLost (RFC 6675 4, RFC6675-4-islost).
pub(super) const DUP_THRESHOLD: u32 = 3;

/// How far a segment is thought to have been overtaken at most, segments (`tcp_max_reordering` of
/// Linux).
const FURTHEST: u32 = 300;

/// For so many recoveries without a D-SACK a widened reordering window stays (RFC 8985 6.2, step 4).
/// Then it is halved, not forgotten: a path that reorders goes on to.
const PERSISTENCE: u8 = 16;

/// A round trip before there was a sample (RFC 6298, 2.1).
const UNKNOWN: Duration = Duration::from_secs(1);

/// What lasts as long as the connection: how much the path reorders.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reordering {
    /// The end of the newest segment that has arrived (RACK.fack).
    fack: SeqNum,
    /// Reordering was seen.
    pub(super) seen: bool,
    /// How far a segment was overtaken at most, segments.
    pub(super) degree: u16,
    /// Acknowledgements that have told of reordering.
    pub(super) events: u32,
    /// The reordering window in quarters of the least round trip.
    quarters: u16,
    /// Recoveries until the window is narrowed again.
    persists: u8,
    /// SND.NXT when a D-SACK widened the window last: once a round trip.
    widened: Option<SeqNum>,
}

/// What lasts as long as a flight: the segment that was sent last of all that have arrived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rack {
    /// When it was sent.
    sent_at: Instant,
    /// How many were sent before it.
    nth: u64,
    /// How long a round trip took of late.
    rtt: Duration,
}

/// How long round trips take, as far as is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoundTrips {
    /// The least of late.
    pub(super) min: Option<Duration>,
    /// SRTT.
    pub(super) smoothed: Option<Duration>,
}

impl Reordering {
    pub(super) fn new(iss: SeqNum) -> Self {
        let degree = DUP_THRESHOLD as u16;
        Self { fack: iss, seen: false, degree, events: 0, quarters: 1, persists: 0, widened: None }
    }

    /// `record` has arrived (RFC 8985 6.2, step 3, RFC8985-6.2-3): before one that was sent later,
    /// though it was sent once? Whether it was.
    pub(super) fn note(&mut self, record: &Record, mss: u32) -> bool {
        if record.range.end.after(self.fack) {
            self.fack = record.range.end;
            return false;
        }
        if record.resent {
            return false;
        }
        self.seen = true;
        let segments = self.fack.since(record.range.start).div_ceil(mss.max(1)).min(FURTHEST);
        self.degree = self.degree.max(u16::try_from(segments).unwrap_or(u16::MAX));
        true
    }

    /// `una` is acknowledged: whether that ends the round trip of the last D-SACK.
    pub(super) fn acknowledged(&mut self, una: SeqNum) {
        self.widened = self.widened.filter(|&until| una.before(until));
    }

    /// A D-SACK has arrived: something was sent again too early (RFC 8985 6.2, step 4).
    pub(super) fn widen(&mut self, nxt: SeqNum) {
        if self.widened.is_none() {
            self.widened = Some(nxt);
            // By one more quarter, says RFC 8985: where single segments overtake all others, and so
            // make the least round trip a small part of the others', a hundred rounds would not do.
            self.quarters = self.quarters.saturating_mul(2);
        }
        self.persists = PERSISTENCE;
    }

    /// A recovery has ended.
    pub(super) fn recovered(&mut self) {
        self.persists = self.persists.saturating_sub(1);
        if self.persists == 0 && self.quarters > 1 {
            self.quarters /= 2;
            self.persists = PERSISTENCE;
        }
    }

    /// How long a segment may be overtaken (RFC 8985 6.2, step 4, RFC8985-6.2-4). None where no
    /// reordering was seen and losses are likely: `eager`. At most SRTT (RFC8985-3.3.2).
    pub(super) fn window(&self, eager: bool, trips: &RoundTrips) -> Duration {
        if !self.seen && eager {
            return Duration::ZERO;
        }
        let least = trips.min.unwrap_or(UNKNOWN);
        (least / 4 * u32::from(self.quarters)).min(trips.smoothed.unwrap_or(least))
    }
}

impl Rack {
    /// Nothing of the flight has arrived yet.
    pub(super) fn new() -> Self {
        Self { sent_at: Instant::ZERO, nth: 0, rtt: Duration::ZERO }
    }

    /// `newest` is what was sent last of all that an acknowledgement tells of: how many were sent
    /// before it, and when it was (RFC 8985 6.2, step 2, RFC8985-6.2-1). `trip`: how long a round trip takes; as in Linux that of the segment with the
    /// highest number, not of the newest. The two differ where one acknowledgement tells of a
    /// retransmission and of originals behind it: then the longer one leaves others more time.
    pub(super) fn note(&mut self, (nth, sent_at): (u64, Instant), trip: Duration) {
        self.rtt = trip;
        if nth >= self.nth {
            (self.sent_at, self.nth) = (sent_at, nth);
        }
    }

    /// By what time segments must have arrived, if they may be overtaken for `window`
    /// (RFC 8985 6.2, step 5, RFC8985-6.2-5).
    pub(super) fn overdue(&self, window: Duration) -> Overdue {
        Overdue { nth: self.nth, patience: self.rtt + window }
    }

    /// When the last of those that wait have waited long enough.
    pub(super) fn deadline(&self, window: Duration) -> Instant {
        self.sent_at + self.rtt + window
    }

    /// How long a round trip took of late; zero if nothing has arrived.
    pub(super) fn rtt(&self) -> Duration {
        self.rtt
    }
}
