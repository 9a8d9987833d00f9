//! What does the peer hold? Every segment that is outstanding, when it was sent last, and what has
//! become of it (RFC 6675, 3; RFC 8985, 5).
//!
//! ```text
//!    SND.UNA                                                       SND.NXT
//!       | flying | SACKed SACKed SACKed | lost | SACKed | flying flying |
//!       |        |  skip ------------>  |                               |
//! ```
//!
//! Segments that left together share a record until something is known of one of them (`burst`).
//! What one acknowledgement costs is bounded: a block finds its place by bisection, jumps over what
//! was SACKed before, and touches each segment once in its life; the segments that may be overdue
//! come in the order in which they were sent, so the search for lost ones stops at the first that
//! is not. A peer that reports every second segment, or the same block for ever, buys nothing.
//!
//! Not here: what to do about it. That is the question of `recovery`.

mod burst;
mod invariants;
mod overdue;
#[cfg(test)]
#[path = "tests/work.rs"]
pub(super) mod work;

use std::collections::{BTreeSet, VecDeque};

pub(super) use burst::Burst;
pub(super) use overdue::{Judged, Overdue};

use super::delivery::Stamp;
use crate::time::Instant;
use crate::wire::{SeqNum, SeqRange};

/// What is thought to have become of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is in the network.
    Flying,
    /// It is not, and nobody has it.
    Lost,
    /// The peer holds it.
    Sacked,
}

/// One segment that is outstanding, or several that left together and fly.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) range: SeqRange,
    /// How many segments it is.
    pub(super) segments: u16,
    /// Bytes of each but the last.
    pub(super) size: u32,
    /// When it was sent last (RFC 8985 4, RFC8985-4-a).
    pub(super) sent_at: Instant,
    /// How many were sent before that; of several, before the last.
    pub(super) nth: u64,
    /// What was known when it was sent last; of several, when the last was.
    pub(super) stamp: Stamp,
    pub(super) fate: Fate,
    /// It was sent more than once: an acknowledgement may answer either copy (Karn).
    pub(super) resent: bool,
    /// Copies that fly.
    copies: u8,
    /// Of a SACKed one: so many records from here on are SACKed, at least.
    skip: u32,
}

/// Segments that are outstanding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Census {
    /// All of them.
    pub(super) outstanding: u32,
    /// The peer holds them out of order.
    pub(super) sacked: u32,
    /// They were thought lost, whether or not they were sent again since.
    pub(super) missing: u32,
    /// They were sent again, and fly.
    pub(super) resent: u32,
}

/// All segments from SND.UNA to SND.NXT.
#[derive(Debug)]
pub(super) struct Scoreboard {
    /// Without gaps between them.
    records: VecDeque<Record>,
    /// Segments beyond one for each record.
    together: u32,
    /// No record before this position is more than one segment.
    together_from: u64,
    /// Position of the first one in the stream: what wraps cannot be sorted.
    base: u64,
    /// Positions of lost segments that were not sent again.
    lost: BTreeSet<u64>,
    /// Segments that were sent again, and fly, in the order of their last sending: `nth` and
    /// position.
    resends: BTreeSet<(u64, u64)>,
    /// Positions of those that were thought lost when they were sent last.
    missed: BTreeSet<u64>,
    /// Segments sent so far, those sent again counted again: one moment may see many of them, so
    /// time alone does not tell which one was first (RFC 8985 6.2, step 2, breaks ties by sequence
    /// numbers, which a retransmission turns around).
    sent: u64,
    /// What was sent once and stands before this has been judged.
    judged: SeqNum,
    /// Bytes in flight: the pipe of RFC 6675.
    pipe: u32,
    /// Bytes that the peer holds out of order.
    sacked: u32,
    /// Segments of them.
    sacked_segments: u32,
    /// Bytes lost and not sent again.
    lost_bytes: u32,
}

impl Scoreboard {
    /// Nothing is outstanding; the next segment begins at `una`.
    pub(super) fn new(una: SeqNum) -> Self {
        Self {
            records: VecDeque::new(),
            together: 0,
            together_from: 0,
            base: 0,
            lost: BTreeSet::new(),
            resends: BTreeSet::new(),
            missed: BTreeSet::new(),
            sent: 0,
            judged: una,
            pipe: 0,
            sacked: 0,
            sacked_segments: 0,
            lost_bytes: 0,
        }
    }

    /// Bytes in flight: neither SACKed nor lost, and what was sent again (RFC 6675 4,
    /// RFC6675-4-pipe).
    pub(super) fn pipe(&self) -> u32 {
        self.pipe
    }

    /// Bytes that the peer holds out of order.
    pub(super) fn sacked(&self) -> u32 {
        self.sacked
    }

    /// Segments that the peer holds out of order.
    pub(super) fn sacked_segments(&self) -> u32 {
        self.sacked_segments
    }

    /// Bytes that are lost and were not sent again.
    pub(super) fn lost(&self) -> u32 {
        self.lost_bytes
    }

    /// How many segments are outstanding, and what has become of them.
    pub(super) fn census(&self) -> Census {
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        Census {
            outstanding: count(self.records.len()) + self.together,
            sacked: self.sacked_segments,
            missing: count(self.lost.len() + self.missed.len()),
            resent: count(self.resends.len()),
        }
    }

    /// The oldest segment that is outstanding, with those that left together with it.
    pub(super) fn first(&self) -> Option<&Record> {
        self.records.front()
    }

    /// The newest segment that is outstanding, with those that left together with it.
    pub(super) fn last(&self) -> Option<&Record> {
        self.records.back()
    }

    /// The last segment that the peer does not hold.
    pub(super) fn last_missing(&self) -> Option<SeqRange> {
        let mut backwards = self.records.iter().rev().inspect(|_| touch());
        backwards.find(|record| record.fate != Fate::Sacked).map(Record::last_segment)
    }

    /// `range`, which begins where a segment does, leaves again.
    pub(super) fn resent(&mut self, now: Instant, range: SeqRange, stamp: Stamp) {
        self.part();
        let mut index = self.index_of(range.start);
        while let Some(record) = self.records.get(index) {
            if !record.range.start.before(range.end) {
                break;
            }
            touch();
            if record.range.end.after(range.end) {
                self.split(index, range.end);
            }
            self.resent_one(now, index, stamp);
            index += 1;
        }
    }

    fn resent_one(&mut self, now: Instant, index: usize, stamp: Stamp) {
        let position = self.position(index);
        let before = self.records[index];
        match before.fate {
            Fate::Sacked => return,
            Fate::Lost => {
                self.retire(position, &before);
                self.missed.insert(position);
            }
            Fate::Flying => {
                self.resends.remove(&(before.nth, position));
            }
        }
        let more = u8::from(before.copies < u8::MAX);
        self.pipe += before.range.len() * u32::from(more);
        self.resends.insert((self.sent, position));
        self.records[index] = Record {
            sent_at: now,
            nth: self.sent,
            stamp,
            fate: Fate::Flying,
            resent: true,
            copies: before.copies + more,
            ..before
        };
        self.sent += 1;
    }

    /// Everything before `ack` has arrived; `told` is called for what was not known to have.
    pub(super) fn acknowledge(&mut self, ack: SeqNum, told: &mut dyn FnMut(&Record)) {
        while let Some(record) = self.records.front() {
            if !record.range.start.before(ack) {
                break;
            }
            touch();
            if record.range.end.after(ack) {
                if self.take_from_first(ack, told) {
                    continue;
                }
                self.part();
                self.split(0, ack);
            }
            let Some(record) = self.records.pop_front() else { break };
            self.together -= record.more();
            self.retire(self.base, &record);
            if record.fate != Fate::Sacked {
                told(&record);
            }
            self.base += u64::from(record.range.len());
        }
    }

    /// The peer holds `block`, which lies between SND.UNA and SND.NXT; `told` is called for what was
    /// not known to. A segment of which it holds a part counts as missing.
    pub(super) fn sack(&mut self, block: SeqRange, told: &mut dyn FnMut(&Record)) {
        self.part();
        let first = self.index_of(block.start);
        let mut index = first;
        while let Some(record) = self.records.get(index) {
            touch();
            if record.range.end.after(block.end) {
                break;
            }
            if record.fate == Fate::Sacked || record.range.start.before(block.start) {
                index += record.skip as usize;
                continue;
            }
            let before = *record;
            self.retire(self.position(index), &before);
            self.records[index] = Record { fate: Fate::Sacked, copies: 0, skip: 1, ..before };
            self.sacked += before.range.len();
            self.sacked_segments += 1;
            told(&before);
            index += 1;
        }
        self.remember_skip(first, index);
    }

    /// All of `first..end` is SACKed: who comes next jumps over it.
    fn remember_skip(&mut self, first: usize, end: usize) {
        let mut index = first;
        let end = end.min(self.records.len());
        while index < end {
            touch();
            let Some(record) = self.records.get_mut(index) else { break };
            let next = index + record.skip as usize;
            if record.fate == Fate::Sacked {
                record.skip = u32::try_from(end - index).unwrap_or(1);
            }
            index = next;
        }
    }

    /// `record`, which begins at `position`, is no longer what it is.
    fn retire(&mut self, position: u64, record: &Record) {
        let len = record.range.len();
        self.pipe -= len * u32::from(record.copies);
        match record.fate {
            Fate::Flying if record.resent => {
                self.resends.remove(&(record.nth, position));
                self.missed.remove(&position);
            }
            Fate::Flying => {}
            Fate::Lost => {
                self.lost_bytes -= len;
                self.lost.remove(&position);
            }
            Fate::Sacked => {
                self.sacked -= len;
                self.sacked_segments -= 1;
            }
        }
    }

    /// The oldest segment is lost, whatever the time.
    pub(super) fn lose_first(&mut self) -> Option<Record> {
        self.part();
        let first = *self.records.front().filter(|record| record.fate == Fate::Flying)?;
        self.lose(0);
        Some(first)
    }

    /// Every segment that the peer does not hold is lost, whatever the time.
    pub(super) fn lose_all(&mut self) -> Vec<Record> {
        self.lose_where(|record| record.fate == Fate::Flying)
    }

    /// The peer may have thrown away what it has reported (RFC 2018, 8): that, and all that flies, is
    /// lost.
    pub(super) fn forget_sacks(&mut self) -> Vec<Record> {
        self.lose_where(|record| record.fate != Fate::Lost)
    }

    fn lose_where(&mut self, which: impl Fn(&Record) -> bool) -> Vec<Record> {
        self.part();
        let mut lost = Vec::new();
        for index in 0..self.records.len() {
            touch();
            if which(&self.records[index]) {
                lost.push(self.records[index]);
                self.lose(index);
            }
        }
        lost
    }

    fn lose(&mut self, index: usize) {
        let position = self.position(index);
        let before = self.records[index];
        self.retire(position, &before);
        self.records[index] = Record { fate: Fate::Lost, copies: 0, skip: 1, ..before };
        self.lost_bytes += before.range.len();
        self.lost.insert(position);
    }

    /// Nothing was lost: what seemed to be flies.
    pub(super) fn find_lost(&mut self) {
        for position in std::mem::take(&mut self.missed) {
            touch();
            // The copy that was thought lost flies beside the last one.
            let index = self.index_at(position);
            let record = &mut self.records[index];
            if record.copies < u8::MAX {
                record.copies += 1;
                self.pipe += record.range.len();
            }
        }
        for position in std::mem::take(&mut self.lost) {
            touch();
            let index = self.index_at(position);
            let record = &mut self.records[index];
            record.fate = Fate::Flying;
            record.copies = 1;
            self.pipe += record.range.len();
            if record.resent {
                self.resends.insert((record.nth, position));
            } else {
                self.judged = self.judged.earlier(record.range.start);
            }
        }
        self.lost_bytes = 0;
    }

    /// What is to be sent again first: lost segments side by side, or parts of them, at most `most`
    /// bytes.
    pub(super) fn next_lost(&self, most: u32) -> Option<SeqRange> {
        let index = self.index_at(*self.lost.first()?);
        let first = self.records[index].range;
        let mut range = SeqRange::of_len(first.start, first.len().min(most));
        for record in self.records.range(index + 1..) {
            touch();
            if range.len() == most || record.fate != Fate::Lost {
                break;
            }
            range.end = record.range.end.earlier(range.start + most);
        }
        Some(range)
    }

    fn split(&mut self, index: usize, at: SeqNum) {
        let position = self.position(index);
        let record = &mut self.records[index];
        let mut rest = *record;
        record.range.end = at;
        rest.range.start = at;
        rest.skip = 1;
        record.skip = 1;
        let behind = position + u64::from(record.range.len());
        match rest.fate {
            Fate::Lost => {
                self.lost.insert(behind);
            }
            Fate::Sacked => self.sacked_segments += 1,
            Fate::Flying if rest.resent => {
                self.resends.insert((rest.nth, behind));
                if self.missed.contains(&position) {
                    self.missed.insert(behind);
                }
            }
            Fate::Flying => {}
        }
        self.records.insert(index + 1, rest);
    }

    /// The record that `seq` lies in, or the first behind it.
    fn index_of(&self, seq: SeqNum) -> usize {
        self.records.partition_point(|record| !record.range.end.after(seq))
    }

    fn index_at(&self, position: u64) -> usize {
        let Some(first) = self.first() else { return 0 };
        let ahead = u32::try_from(position - self.base).unwrap_or(u32::MAX);
        self.index_of(first.range.start + ahead)
    }

    fn position(&self, index: usize) -> u64 {
        let first = self.records[0].range.start;
        self.base + u64::from(self.records[index].range.start.since(first))
    }
}

/// A record is looked at: tests count how often (`tests/work.rs`).
fn touch() {
    #[cfg(test)]
    work::note();
}
