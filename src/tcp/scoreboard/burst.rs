//! Segments that left together: one record does for all of them as long as nothing is known of any
//! but that it flies. Most are acknowledged as they were sent, and then cost what one costs.

use super::{Fate, Record, Scoreboard, touch};
use crate::tcp::delivery::Stamp;
use crate::time::Instant;
use crate::wire::{SeqNum, SeqRange};

/// Segments that leave together, side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Burst {
    pub(in super::super) range: SeqRange,
    /// How many they are, 1 at least.
    pub(in super::super) segments: u16,
    /// Bytes of each but the last.
    pub(in super::super) size: u32,
}

impl Burst {
    /// A single segment.
    pub(in super::super) fn one(range: SeqRange) -> Self {
        Self { range, segments: 1, size: range.len() }
    }
}

impl Record {
    /// Segments beyond the first.
    pub(super) fn more(&self) -> u32 {
        u32::from(self.segments) - 1
    }

    /// How many segments were sent before the first one.
    pub(super) fn first_nth(&self) -> u64 {
        self.nth - u64::from(self.more())
    }

    /// The last segment.
    pub(super) fn last_segment(&self) -> SeqRange {
        SeqRange { start: self.range.start + self.more() * self.size, end: self.range.end }
    }

    /// Whether `burst`, which follows, could have been sent as part of this.
    fn goes_on(&self, now: Instant, nth: u64, burst: &Burst, stamp: &Stamp) -> bool {
        let same_size = burst.size == self.size || burst.segments == 1 && burst.size < self.size;
        self.sent_at == now
            && self.nth + 1 == nth
            && self.fate == Fate::Flying
            && !self.resent
            && same_size
            && self.range.len() == u32::from(self.segments) * self.size
            && self.segments.checked_add(burst.segments).is_some()
            && stamp.goes_on(&self.stamp, burst.range.len())
    }

    /// Takes the first `count` segments off; they are fewer than all.
    fn take_front(&mut self, count: u16) -> Self {
        let end = self.range.start + u32::from(count) * self.size;
        let rest = SeqRange { start: end, end: self.range.end };
        let front = Self {
            range: SeqRange { start: self.range.start, end },
            segments: count,
            nth: self.nth - u64::from(self.segments - count),
            stamp: self.stamp.before(rest.len()),
            ..*self
        };
        self.range = rest;
        self.segments -= count;
        if self.segments == 1 {
            self.size = rest.len();
        }
        front
    }

    /// What must hold of a record; only some may be several segments.
    pub(super) fn check_invariants(&self, may_be_several: bool) {
        if self.segments == 1 {
            return;
        }
        assert!(may_be_several, "it was to be a single segment");
        let as_sent = self.fate == Fate::Flying && !self.resent && self.copies == 1;
        assert!(as_sent, "something is known of one of several segments");
        // A FIN makes the last one longer.
        let last = self.last_segment().len();
        assert!(last > 0 && last <= self.size + 1, "segments of another size");
    }
}

impl Scoreboard {
    /// New data leaves. `stamp` is that of the last segment.
    pub(in super::super) fn sent(&mut self, now: Instant, mut burst: Burst, stamp: Stamp) {
        if burst.segments == 1 {
            burst.size = burst.range.len();
        }
        let Burst { range, segments, size } = burst;
        debug_assert!(self.last().is_none_or(|last| last.range.end == range.start));
        let nth = self.sent;
        self.sent += u64::from(segments);
        self.pipe += range.len();
        let last = self.records.back_mut();
        if let Some(last) = last.filter(|last| last.goes_on(now, nth, &burst, &stamp)) {
            (last.range.end, last.nth, last.stamp) = (range.end, self.sent - 1, stamp);
            last.segments += segments;
            if self.together == 0 {
                self.together_from = self.position(self.records.len() - 1);
            }
            self.together += u32::from(segments);
            return;
        }
        if self.records.is_empty() {
            self.judged = range.start;
        }
        self.records.push_back(Record {
            range,
            segments,
            size,
            sent_at: now,
            nth: self.sent - 1,
            stamp,
            fate: Fate::Flying,
            resent: false,
            copies: 1,
            skip: 1,
        });
        if segments > 1 && self.together == 0 {
            self.together_from = self.position(self.records.len() - 1);
        }
        self.together += u32::from(segments) - 1;
    }

    /// The first segments of the first record have arrived, all that end before `ack`: whether there
    /// are any.
    pub(super) fn take_from_first(&mut self, ack: SeqNum, told: &mut dyn FnMut(&Record)) -> bool {
        let Some(first) = self.records.front_mut().filter(|first| first.segments > 1) else {
            return false;
        };
        let whole = ack.since(first.range.start) / first.size;
        let whole = u16::try_from(whole).unwrap_or(u16::MAX).min(first.segments - 1);
        if whole == 0 {
            return false;
        }
        let gone = first.take_front(whole);
        self.together -= u32::from(whole);
        self.pipe -= gone.range.len();
        self.base += u64::from(gone.range.len());
        told(&gone);
        true
    }

    /// Something else is about to happen to a segment: from here on every one that was sent has a
    /// record of its own, which happens once in its life.
    pub(super) fn part(&mut self) {
        if self.together == 0 {
            return;
        }
        let first = self.index_at(self.together_from.max(self.base));
        for mut record in self.records.split_off(first) {
            while record.segments > 1 {
                touch();
                self.records.push_back(record.take_front(1));
            }
            self.records.push_back(record);
        }
        self.together = 0;
    }
}
