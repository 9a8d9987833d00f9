//! When does the packet loop go to sleep? Not at once: what answers a packet is often there within
//! microseconds, and to be woken takes longer.

use std::time::Duration;

use crate::time::Instant;

/// The looks that a packet loop takes at an empty device before it waits for it.
#[derive(Debug)]
pub(crate) struct BusyPoll {
    /// How long it looks after a burst (`HostConfig::busy_poll`).
    lasts: Duration,
    /// Until when.
    until: Instant,
}

impl BusyPoll {
    /// There was no burst yet.
    pub(crate) fn new(lasts: Duration) -> Self {
        Self { lasts, until: Instant::ZERO }
    }

    /// Something has come, and more may follow soon.
    pub(crate) fn note_burst(&mut self, now: Instant) {
        self.until = now + self.lasts;
    }

    /// Whether to look again, rather than to sleep.
    pub(crate) fn looks_again(&self, now: Instant) -> bool {
        now < self.until
    }
}
