//! When may the next segment leave? Where the congestion controller gives a rate, segments are
//! spread over time instead of leaving with the acknowledgements that release them.
//!
//! ```text
//!  credit  |##|        |##|        |##|      a quantum at a time: for each segment alone the packet
//!  sent     ^^^         ^^^         ^^^      loop would have to wake up, at 1 Gbit/s 80,000 times a
//!          -----------------------------> t  second
//! ```

use std::time::Duration;

use crate::time::Instant;

/// Wake-ups a second, about, where the rate lets more than the least leave at once.
const QUANTA_A_SECOND: u64 = 1_000;

/// Bytes that leave at once, at most.
const MOST: u32 = 64 << 10;

/// Segments that leave at once, at least.
const LEAST_SEGMENTS: u32 = 2;

/// The pacing of one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pacer {
    /// By the rate the next byte leaves then.
    next: Instant,
}

impl Pacer {
    pub(super) const fn new() -> Self {
        Self { next: Instant::ZERO }
    }

    /// Whether a segment may leave.
    pub(super) fn is_open(&self, now: Instant) -> bool {
        self.next.is_due(now)
    }

    /// When to look again: by then a quantum may leave.
    pub(super) fn deadline(&self, rate: u64, mss: u32) -> Instant {
        // The last byte of the quantum before may have been late by less than a segment.
        self.next + time_of(quantum(rate, mss).saturating_sub(mss), rate)
    }

    /// `bytes` leave, at `rate` bytes a second. What was not used of late counts, up to a quantum.
    pub(super) fn sent(&mut self, now: Instant, bytes: u32, rate: u64, mss: u32) {
        let credit = time_of(quantum(rate, mss), rate);
        let earliest = Instant::from_nanos(
            now.as_nanos().saturating_sub(u64::try_from(credit.as_nanos()).unwrap_or(u64::MAX)),
        );
        self.next = self.next.max(earliest) + time_of(bytes, rate);
    }
}

/// Bytes that may leave at once.
fn quantum(rate: u64, mss: u32) -> u32 {
    let bytes = (rate / QUANTA_A_SECOND).min(u64::from(MOST));
    u32::try_from(bytes).unwrap_or(MOST).max(LEAST_SEGMENTS.saturating_mul(mss))
}

fn time_of(bytes: u32, rate: u64) -> Duration {
    Duration::from_nanos(u64::from(bytes) * 1_000_000_000 / rate.max(1))
}
