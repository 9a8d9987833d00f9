//! Which bytes arrived too early? Out-of-order ranges to in-order bytes, and the SACK blocks to
//! report (RFC 9293 3.10.7.4, SHLD-31; RFC 2018, 4).
//!
//! ```text
//!   next        |<- held ->|      |<->|    |<------>|
//!  ---+---------+----------+------+---+----+--------+---> offsets in the stream
//!         page        page        page       page
//! ```
//!
//! Positions are `u64` offsets in the stream, not sequence numbers: nothing wraps here, and
//! ordered containers work. The bytes lie in pages, each at its place, so a thousand segments of
//! one byte cost what one segment of a thousand bytes costs, and memory is bounded by the window:
//! its pages, and for every gap one entry of an ordered map, in which each segment finds its place
//! in logarithmic time. Pages and entries stand in the account of the pool.

#[cfg(test)]
#[path = "tests/reassembly.rs"]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::buffer::{Chunk, Pool, Queue, Share};

/// Bytes of a page.
const PAGE: u64 = 4096;

/// Bytes that one range takes in the map, whose nodes are two thirds full in the mean.
const RECORD: usize = 32;

/// How many of the last changed ranges are remembered: as many as SACK can report.
const RECENT: usize = 4;

/// Bytes that lie beyond the next one expected.
#[derive(Debug, Default)]
pub struct Reassembly {
    /// Nothing is owned while nothing is held.
    held: Option<Box<Held>>,
}

#[derive(Debug)]
struct Held {
    /// Start and end of each range; no two touch.
    ranges: BTreeMap<u64, u64>,
    /// Full-length chunks by `offset / PAGE`.
    pages: BTreeMap<u64, Chunk>,
    /// A position in each of the last changed ranges, the most recent first.
    recent: [u64; RECENT],
    len: usize,
    /// What `ranges` takes.
    records: Share,
}

impl Reassembly {
    /// Nothing out of order; owns no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self { held: None }
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_none()
    }

    /// Bytes held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.len)
    }

    /// Bytes that it takes to know what is held, beside what is held.
    #[must_use]
    pub fn overhead(&self) -> u32 {
        self.held.as_ref().map_or(0, |held| held.records.bytes())
    }

    /// Keeps `bytes`, whose first stands at `offset`. What is held already stays as it was: the
    /// first copy of a byte wins. The caller has trimmed `bytes` to the receive window. How many
    /// bytes are new.
    pub fn insert(&mut self, pool: &Pool, offset: u64, bytes: &[u8]) -> usize {
        if bytes.is_empty() {
            return 0;
        }
        self.held.get_or_insert_with(|| Box::new(Held::new(pool))).insert(pool, offset, bytes)
    }

    /// The first stretch of `part` that is held.
    pub fn overlap(&self, part: Range<u64>) -> Option<Range<u64>> {
        let held = self.held.as_ref()?;
        let around = held.range_around(part.start).map(|range| part.start..range.end);
        let first = || held.ranges.range(part.clone()).next().map(|(&start, &end)| start..end);
        let found = around.or_else(first)?;
        Some(found.start..found.end.min(part.end))
    }

    /// Moves what has become in order, from `next` on, to the end of `queue`; the new `next`.
    /// Held bytes below `next` are forgotten.
    pub fn take_ready(&mut self, pool: &Pool, next: u64, queue: &mut Queue) -> u64 {
        let Some(held) = &mut self.held else { return next };
        let end = held.take_ready(pool, next, queue);
        if held.ranges.is_empty() {
            self.held = None;
        }
        end
    }

    /// The held ranges to report, the most recently changed first, then others from the left, at
    /// most `max` of them, none twice (RFC 2018 4, RFC2018-4-first, RFC2018-4-many); only what is still
    /// held (RFC 2018 8, RFC2018-8-b).
    pub fn report(&self, max: usize, mut each: impl FnMut(Range<u64>)) {
        let Some(held) = &self.held else { return };
        let mut told: [Option<u64>; RECENT] = [None; RECENT];
        let recent = held.recent.iter().filter_map(|&at| held.range_around(at));
        let all = held.ranges.iter().map(|(&start, &end)| start..end);
        let mut count = 0;
        for range in recent.chain(all.take(RECENT)) {
            if count == max.min(RECENT) {
                break;
            }
            if !told.contains(&Some(range.start)) {
                told[count] = Some(range.start);
                count += 1;
                each(range);
            }
        }
    }
}

impl Held {
    fn new(pool: &Pool) -> Self {
        Self {
            ranges: BTreeMap::new(),
            pages: BTreeMap::new(),
            recent: [0; RECENT],
            len: 0,
            records: Share::new(pool),
        }
    }

    fn insert(&mut self, pool: &Pool, offset: u64, bytes: &[u8]) -> usize {
        let end = offset + bytes.len() as u64;
        let mut merged = self.touching_left(offset).unwrap_or(offset)..end;
        let mut from = offset;
        let mut new = 0;
        // What lies between the ranges that the bytes touch is new; the ranges become one.
        while let Some((start, stop)) = self.first_touching(merged.start, end) {
            if from < start {
                new += self.write(pool, from, &bytes[index(from - offset)..index(start - offset)]);
            }
            from = stop;
            merged.end = merged.end.max(stop);
            self.ranges.remove(&start);
        }
        if from < end {
            new += self.write(pool, from, &bytes[index(from - offset)..]);
        }
        self.ranges.insert(merged.start, merged.end);
        self.remember(merged);
        self.count_records();
        self.len += new;
        new
    }

    fn count_records(&mut self) {
        self.records.set(u32::try_from(self.ranges.len() * RECORD).unwrap_or(u32::MAX));
    }

    /// Start of the range that begins left of `offset` and reaches it.
    fn touching_left(&self, offset: u64) -> Option<u64> {
        let (&start, &end) = self.ranges.range(..=offset).next_back()?;
        (end >= offset).then_some(start)
    }

    /// The first range that begins in `from..=to`.
    fn first_touching(&self, from: u64, to: u64) -> Option<(u64, u64)> {
        self.ranges.range(from..=to).next().map(|(&start, &end)| (start, end))
    }

    fn range_around(&self, at: u64) -> Option<Range<u64>> {
        let (&start, &end) = self.ranges.range(..=at).next_back()?;
        (at < end).then_some(start..end)
    }

    /// `range` was changed last; others in it are forgotten, it stands for them.
    fn remember(&mut self, range: Range<u64>) {
        let old = self.recent;
        let others = old.iter().filter(|&&at| !range.contains(&at));
        let now = std::iter::once(&range.start).chain(others);
        for (slot, &at) in self.recent.iter_mut().zip(now) {
            *slot = at;
        }
    }

    /// Copies bytes that are not held yet to their pages.
    fn write(&mut self, pool: &Pool, mut at: u64, mut bytes: &[u8]) -> usize {
        let count = bytes.len();
        while !bytes.is_empty() {
            let within = index(at % PAGE);
            let part = bytes.len().min(index(PAGE) - within);
            let page = self.pages.entry(at / PAGE).or_insert_with(|| blank(pool));
            page.overwrite(within, &bytes[..part]);
            bytes = &bytes[part..];
            at += part as u64;
        }
        count
    }

    fn take_ready(&mut self, pool: &Pool, next: u64, queue: &mut Queue) -> u64 {
        let mut end = next;
        while let Some((&start, &stop)) = self.ranges.first_key_value() {
            if start > end {
                break;
            }
            self.ranges.remove(&start);
            self.len -= index(stop - start);
            if stop > end {
                self.hand_over(pool, end, stop, queue);
                end = stop;
            }
        }
        self.count_records();
        // Pages that nothing held lies in any more.
        let first_needed =
            self.ranges.first_key_value().map_or(u64::MAX, |(&start, _)| start / PAGE);
        while let Some(page) = self.pages.first_entry().filter(|page| *page.key() < first_needed) {
            page.remove();
        }
        end
    }

    /// Moves full pages; the ends of the stretch, which share theirs with others, are copied.
    fn hand_over(&mut self, pool: &Pool, mut from: u64, to: u64, queue: &mut Queue) {
        while from < to {
            let number = from / PAGE;
            let end = to.min((number + 1) * PAGE);
            if end - from == PAGE {
                self.pages.remove(&number).into_iter().for_each(|page| queue.append(page));
            } else if let Some(page) = self.pages.get(&number) {
                let start = number * PAGE;
                queue.extend(pool, &page.as_slice()[index(from - start)..index(end - start)]);
            }
            from = end;
        }
    }
}

/// A page whose bytes say nothing yet.
fn blank(pool: &Pool) -> Chunk {
    let mut page = pool.chunk(index(PAGE));
    page.fill();
    page
}

/// An offset within a window, or within a page.
fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
