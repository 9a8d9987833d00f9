//! How much, how fast, how many times as much? Arithmetic that saturates where it would overflow.
//!
//! Volumes are bytes, rates are bytes a second, gains are percent: there are no floating-point
//! numbers here, so there is no NaN, and the same events give the same window on every machine.

use std::time::Duration;

/// A bound that is not known: the lesser of it and anything is the latter.
pub(super) const INFINITE: u64 = u64::MAX;

const NANOS: u128 = 1_000_000_000;

/// A factor, percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gain(u32);

impl Gain {
    /// `percent` of something.
    pub(super) const fn percent(percent: u32) -> Self {
        Self(percent)
    }

    /// That much of `value`.
    pub(super) fn of(self, value: u64) -> u64 {
        saturate(u128::from(value) * u128::from(self.0) / 100)
    }
}

/// Bytes that pass at `rate` in `time`.
pub(super) fn volume(rate: u64, time: Duration) -> u64 {
    saturate(u128::from(rate).saturating_mul(time.as_nanos()) / NANOS)
}

/// Bytes a second where `bytes` pass in `time`.
pub(super) fn rate(bytes: u64, time: Duration) -> u64 {
    saturate(u128::from(bytes) * NANOS / time.as_nanos().max(1))
}

fn saturate(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
