//! When must the connection be looked at again, though nothing arrives?

use crate::time::Instant;

/// The timers of an open connection; `NEVER` where one does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timers {
    /// Retransmission, or, where nothing may be retransmitted, the probe of a closed window and
    /// the override of silly-window avoidance: they exclude each other.
    pub(super) retransmit: Instant,
    /// An acknowledgement that waits for company.
    pub(super) delayed_ack: Instant,
    /// The next keep-alive probe, or the moment to see whether one is due.
    pub(super) keepalive: Instant,
    /// The end of an orphan's patience in FIN-WAIT-2.
    pub(super) orphan: Instant,
}

impl Timers {
    /// None runs.
    pub(super) const fn new() -> Self {
        Self {
            retransmit: Instant::NEVER,
            delayed_ack: Instant::NEVER,
            keepalive: Instant::NEVER,
            orphan: Instant::NEVER,
        }
    }

    /// The earliest.
    pub(super) fn next(&self) -> Instant {
        self.retransmit.min(self.delayed_ack).min(self.keepalive).min(self.orphan)
    }
}

/// Whether `timer` has expired; if so it is stopped.
pub(super) fn expire(timer: &mut Instant, now: Instant) -> bool {
    let due = !timer.is_never() && timer.is_due(now);
    if due {
        *timer = Instant::NEVER;
    }
    due
}
