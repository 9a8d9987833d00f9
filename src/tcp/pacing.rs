//! When may the next segment leave? Where the congestion controller gives a rate, segments are
//! spread over time instead of leaving with the acknowledgements that release them.
//!
//! ```text
//!  credit  |##|        |##|        |##|      a quantum at a time: for each segment alone the packet
//!  sent     ^^^         ^^^         ^^^      loop would have to wake up, at 1 Gbit/s 80,000 times a
//!          -----------------------------> t  second
//! ```

use std::time::Duration;

use super::timers::expire;
use crate::time::Instant;

/// Wake-ups a second, about, where the rate lets more than the least leave at once.
const QUANTA_A_SECOND: u64 = 1_000;

/// Bytes that leave at once, at most.
const MOST: u32 = 64 << 10;

/// Segments that leave at once, at least.
const LEAST_SEGMENTS: u32 = 2;

/// The pacing of one connection: nothing, as long as its controller gives no rate.
#[derive(Clone, Debug)]
pub(super) struct Pacer {
    paced: Option<Box<Paced>>,
}

#[derive(Clone, Copy, Debug)]
struct Paced {
    /// By the rate the next byte leaves then.
    next: Instant,
    /// When what waits for that may leave; `NEVER` where nothing does.
    timer: Instant,
}

impl Pacer {
    pub(super) const fn new() -> Self {
        Self { paced: None }
    }

    /// Whether a segment may leave.
    pub(super) fn is_open(&self, now: Instant) -> bool {
        self.paced.as_ref().is_none_or(|paced| paced.next.is_due(now))
    }

    /// Bytes in segments of `mss` that may leave one after the other, where one may.
    pub(super) fn allowance(&self, now: Instant, rate: u64, mss: u32) -> u32 {
        let next = self.paced.as_ref().map_or(Instant::ZERO, |paced| paced.next);
        let each = time_of(mss, rate).as_nanos().max(1);
        let more = (now - next.max(earliest(now, rate, mss))).as_nanos() / each;
        u32::try_from(more + 1).unwrap_or(u32::MAX).saturating_mul(mss)
    }

    /// Something waits for its moment: sets the timer to when a quantum may leave.
    pub(super) fn wait(&mut self, rate: u64, mss: u32) {
        if let Some(paced) = &mut self.paced {
            // The last byte of the quantum before may have been late by less than a segment.
            paced.timer = paced.next + time_of(quantum(rate, mss).saturating_sub(mss), rate);
        }
    }

    /// When to look again.
    pub(super) fn next_timeout(&self) -> Instant {
        self.paced.as_ref().map_or(Instant::NEVER, |paced| paced.timer)
    }

    /// Stops the timer if it has expired.
    pub(super) fn on_timeout(&mut self, now: Instant) {
        if let Some(paced) = &mut self.paced {
            expire(&mut paced.timer, now);
        }
    }

    /// `bytes` leave, at `rate` bytes a second. What was not used of late counts, up to a quantum.
    pub(super) fn sent(&mut self, now: Instant, bytes: u32, rate: u64, mss: u32) {
        let none = || Box::new(Paced { next: Instant::ZERO, timer: Instant::NEVER });
        let paced = self.paced.get_or_insert_with(none);
        // To the nanosecond what they would take one by one.
        let (full, rest) = (bytes / mss, bytes % mss);
        let took = time_of(mss, rate) * full + time_of(rest, rate);
        paced.next = paced.next.max(earliest(now, rate, mss)) + took;
    }
}

/// When the next byte leaves at the earliest, if nothing was sent of late.
fn earliest(now: Instant, rate: u64, mss: u32) -> Instant {
    let credit = time_of(quantum(rate, mss), rate);
    let credit = u64::try_from(credit.as_nanos()).unwrap_or(u64::MAX);
    Instant::from_nanos(now.as_nanos().saturating_sub(credit))
}

/// Bytes that may leave at once.
fn quantum(rate: u64, mss: u32) -> u32 {
    let bytes = (rate / QUANTA_A_SECOND).min(u64::from(MOST));
    u32::try_from(bytes).unwrap_or(MOST).max(LEAST_SEGMENTS.saturating_mul(mss))
}

fn time_of(bytes: u32, rate: u64) -> Duration {
    Duration::from_nanos(u64::from(bytes) * 1_000_000_000 / rate.max(1))
}
