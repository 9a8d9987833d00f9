//! What time is it? A number that somebody hands in.
//!
//! Nothing below `runtime/` reads a clock: `now` is an argument everywhere, so a test or the
//! simulator decides what time it is, and the same inputs give the same packets.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A moment, in nanoseconds since the host started: 8 bytes, ordered, with a value for *never*.
///
/// ```
/// use std::time::Duration;
/// use tuntcp::time::Instant;
///
/// let start = Instant::ZERO;
/// let later = start + Duration::from_millis(1250);
/// assert_eq!(later.to_string(), "+1.250s");
/// assert_eq!(later - start, Duration::from_millis(1250));
/// assert!(later < Instant::NEVER);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The moment the host started.
    pub const ZERO: Self = Self(0);
    /// Later than every moment: the deadline of a timer that is not set.
    pub const NEVER: Self = Self(u64::MAX);

    /// The moment `nanos` nanoseconds after the start.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the start.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whether this is the deadline of a timer that is not set.
    #[must_use]
    pub const fn is_never(self) -> bool {
        self.0 == u64::MAX
    }

    /// Whether a timer set for this moment has expired at `now`.
    #[must_use]
    pub const fn is_due(self, now: Self) -> bool {
        self.0 <= now.0
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Saturates: a moment too far away to be told is `NEVER`.
    fn add(self, after: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(after.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, after: Duration) {
        *self = *self + after;
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// The time from `earlier` to this moment; zero where `earlier` is the later one.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_never() {
            return f.write_str("never");
        }
        let millis = self.0 / 1_000_000;
        write!(f, "+{}.{:03}s", millis / 1_000, millis % 1_000)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
