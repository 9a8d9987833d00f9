//! When does a queue stand, and how hard must its senders be told? RFC 8289's controlled delay.
//!
//! What a frame has waited when its turn comes is all that is looked at: while it has not once been
//! below the target for an interval, the queue is a standing one, and a frame is dropped (or
//! marked) from time to time, more and more often, until it is.

use std::time::Duration;

use super::ecn;
use super::queue::Codel;
use crate::time::Instant;

/// What is to be done with a frame whose turn has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    Mark,
    Drop,
}

#[derive(Debug)]
pub(super) struct Control {
    settings: Codel,
    /// When the wait will have been above the target for an interval; `NEVER` while it is not.
    first_above: Instant,
    /// The queue is being shortened.
    dropping: bool,
    /// When the next frame is to be dropped.
    drop_next: Instant,
    /// Drops since the shortening began, those of the last time carried over.
    count: u32,
    /// `count` at its beginning.
    last_count: u32,
    /// The largest frame so far, bytes: with less behind it, the queue does not stand.
    largest: u64,
}

impl Control {
    pub(super) fn new(settings: Codel) -> Self {
        Self {
            settings,
            first_above: Instant::NEVER,
            dropping: false,
            drop_next: Instant::ZERO,
            count: 0,
            last_count: 0,
            largest: 0,
        }
    }

    /// `frame` has waited for `sojourn`, and `behind` bytes are left in the queue.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        sojourn: Duration,
        behind: u64,
        frame: &[u8],
    ) -> Verdict {
        self.largest = self.largest.max(frame.len() as u64);
        let stands = self.stands(now, sojourn, behind);
        if !self.dropping {
            if !stands {
                return Verdict::Pass;
            }
            self.begin(now);
        } else if !stands {
            self.dropping = false;
            return Verdict::Pass;
        } else if self.drop_next.is_due(now) {
            self.count += 1;
            self.drop_next = self.after(self.drop_next);
        } else {
            return Verdict::Pass;
        }
        if self.settings.ecn && ecn::is_capable(frame) { Verdict::Mark } else { Verdict::Drop }
    }

    /// Whether the wait has been above the target for an interval (RFC 8289, 5.6).
    fn stands(&mut self, now: Instant, sojourn: Duration, behind: u64) -> bool {
        if sojourn < self.settings.target || behind <= self.largest {
            self.first_above = Instant::NEVER;
            return false;
        }
        if self.first_above.is_never() {
            self.first_above = now + self.settings.interval;
        }
        self.first_above.is_due(now)
    }

    /// The first drop. Where the last time is not long ago, the rate of drops that was right then
    /// is a better guess than one an interval (RFC 8289, 5.5).
    fn begin(&mut self, now: Instant) {
        self.dropping = true;
        let new = self.count - self.last_count;
        let lately = now - self.drop_next < self.settings.interval * 16;
        self.count = if new > 1 && lately { new } else { 1 };
        self.last_count = self.count;
        self.drop_next = self.after(now);
    }

    /// When to drop after `at`: the senders' rates fall with the square root of the drops
    /// (RFC 8289, 3.3).
    fn after(&self, at: Instant) -> Instant {
        at + self.settings.interval.div_f64(f64::from(self.count).sqrt())
    }
}
