//! What time is it, really? The only reading of the clock in the crate.
#![expect(clippy::disallowed_methods, reason = "this is the one place that may")]

use crate::time::Instant;

/// The clock of one host: it stands at zero when the host starts. Monotonic.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: std::time::Instant,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self { start: std::time::Instant::now() }
    }

    /// Time since the start.
    #[must_use]
    pub fn now(&self) -> Instant {
        Instant::ZERO + self.start.elapsed()
    }
}
