//! How are so many durations distributed? In buckets whose width grows with what is in them.

use std::time::Duration;

/// Bits of a number of microseconds that are kept: what is told is at most 1/32 too small.
const KEPT: u32 = 6;

#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    sum: Duration,
}

impl Histogram {
    pub(super) fn add(&mut self, time: Duration) {
        let bucket = bucket(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
        self.count += 1;
        self.sum += time;
    }

    pub(super) fn mean(&self) -> Option<Duration> {
        let count = self.count.max(1);
        let nanos = self.sum.as_nanos() / u128::from(count);
        (self.count > 0).then(|| Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    /// The least that so many percent do not exceed, or a little less.
    pub(super) fn percentile(&self, percent: u64) -> Option<Duration> {
        let rank = (self.count * percent).div_ceil(100).max(1);
        let mut below = 0;
        let bucket = self.buckets.iter().position(|&count| {
            below += count;
            below >= rank
        });
        bucket.map(|bucket| Duration::from_micros(least(bucket)))
    }
}

/// Numbers below 2^KEPT have a bucket each; from there on each power of two has half as many.
fn bucket(micros: u64) -> usize {
    let shift = (u64::BITS - micros.leading_zeros()).saturating_sub(KEPT);
    ((u64::from(shift) << (KEPT - 1)) + (micros >> shift)) as usize
}

/// The least number of a bucket.
fn least(bucket: usize) -> u64 {
    let half = 1 << (KEPT - 1);
    let shift = (bucket / half).saturating_sub(1);
    ((bucket - shift * half) as u64) << shift
}

#[cfg(test)]
#[path = "tests/histogram.rs"]
mod tests;
