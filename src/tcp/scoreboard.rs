//! What does the peer hold? Every segment that is outstanding, when it was sent last, and what has
//! become of it (RFC 6675, 3; RFC 8985, 5).
//!
//! ```text
//!    SND.UNA                                                       SND.NXT
//!       | flying | SACKed SACKed SACKed | lost | SACKed | flying flying |
//!       |        |  skip ------------>  |                               |
//! ```
//!
//! What one acknowledgement costs is bounded: a block finds its place by bisection, jumps over what
//! was SACKed before, and touches each segment once in its life; the segments that may be overdue
//! come in the order in which they were sent, so the search for lost ones stops at the first that
//! is not. A peer that reports every second segment, or the same block for ever, buys nothing.
//!
//! Not here: what to do about it. That is the question of `recovery`.

mod overdue;

use std::collections::{BTreeSet, VecDeque};

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

/// One segment that is outstanding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) range: SeqRange,
    /// When it was sent last.
    pub(super) sent_at: Instant,
    /// What was known when it was sent last.
    pub(super) stamp: Stamp,
    pub(super) fate: Fate,
    /// It was sent more than once: an acknowledgement may answer either copy (Karn).
    pub(super) resent: bool,
    /// It was thought lost when it was sent last.
    missed: bool,
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
    /// Position of the first one in the stream: what wraps cannot be sorted.
    base: u64,
    /// Positions of lost segments that were not sent again.
    lost: BTreeSet<u64>,
    /// Retransmissions in the order of their sending. Who was sent again since, or has arrived, has
    /// an entry still.
    resends: VecDeque<(Instant, SeqNum)>,
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

/// Whether a segment that was sent at `a.0` and ends at `a.1` was sent after `b`: many are sent at
/// one moment (RFC 8985 6.2, step 2).
pub(super) fn sent_after(a: (Instant, SeqNum), b: (Instant, SeqNum)) -> bool {
    a.0 > b.0 || a.0 == b.0 && a.1.after(b.1)
}

impl Scoreboard {
    /// Nothing is outstanding; the next segment begins at `una`.
    pub(super) fn new(una: SeqNum) -> Self {
        Self {
            records: VecDeque::new(),
            base: 0,
            lost: BTreeSet::new(),
            resends: VecDeque::new(),
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
        let mut census = Census { sacked: self.sacked_segments, ..Census::default() };
        for record in &self.records {
            let flying = record.fate == Fate::Flying;
            census.outstanding += 1;
            census.resent += u32::from(flying && record.resent);
            census.missing += u32::from(record.fate == Fate::Lost || flying && record.missed);
        }
        census
    }

    /// The oldest segment that is outstanding.
    pub(super) fn first(&self) -> Option<&Record> {
        self.records.front()
    }

    /// The newest segment that is outstanding.
    pub(super) fn last(&self) -> Option<&Record> {
        self.records.back()
    }

    /// The last segment that the peer does not hold.
    pub(super) fn last_missing(&self) -> Option<&Record> {
        self.records.iter().rev().find(|record| record.fate != Fate::Sacked)
    }

    /// A segment of new data leaves.
    pub(super) fn sent(&mut self, now: Instant, range: SeqRange, stamp: Stamp) {
        debug_assert!(self.last().is_none_or(|last| last.range.end == range.start));
        if self.records.is_empty() {
            self.judged = range.start;
        }
        self.records.push_back(Record {
            range,
            sent_at: now,
            stamp,
            fate: Fate::Flying,
            resent: false,
            missed: false,
            copies: 1,
            skip: 1,
        });
        self.pipe += range.len();
    }

    /// `range`, which begins where a segment does, leaves again.
    pub(super) fn resent(&mut self, now: Instant, range: SeqRange, stamp: Stamp) {
        let mut index = self.index_of(range.start);
        while let Some(record) = self.records.get(index) {
            if !record.range.start.before(range.end) {
                break;
            }
            if record.range.end.after(range.end) {
                self.split(index, range.end);
            }
            self.resent_one(now, index, stamp);
            index += 1;
        }
    }

    fn resent_one(&mut self, now: Instant, index: usize, stamp: Stamp) {
        let position = self.position(index);
        let record = &mut self.records[index];
        let len = record.range.len();
        match record.fate {
            Fate::Sacked => return,
            Fate::Lost => {
                record.fate = Fate::Flying;
                record.missed = true;
                self.lost_bytes -= len;
                self.lost.remove(&position);
            }
            Fate::Flying => {}
        }
        record.resent = true;
        record.sent_at = now;
        record.stamp = stamp;
        if record.copies < u8::MAX {
            record.copies += 1;
            self.pipe += len;
        }
        self.resends.push_back((now, record.range.start));
    }

    /// Everything before `ack` has arrived; `told` is called for what was not known to have.
    pub(super) fn acknowledge(&mut self, ack: SeqNum, told: &mut dyn FnMut(&Record)) {
        while let Some(record) = self.records.front() {
            if !record.range.start.before(ack) {
                break;
            }
            if record.range.end.after(ack) {
                self.split(0, ack);
            }
            let Some(record) = self.records.pop_front() else { break };
            let len = record.range.len();
            match record.fate {
                Fate::Sacked => {
                    self.sacked -= len;
                    self.sacked_segments -= 1;
                }
                Fate::Lost => {
                    self.lost_bytes -= len;
                    self.lost.remove(&self.base);
                    told(&record);
                }
                Fate::Flying => told(&record),
            }
            self.pipe -= len * u32::from(record.copies);
            self.base += u64::from(len);
        }
    }

    /// The peer holds `block`, which lies between SND.UNA and SND.NXT; `told` is called for what was
    /// not known to. A segment of which it holds a part counts as missing.
    pub(super) fn sack(&mut self, block: SeqRange, told: &mut dyn FnMut(&Record)) {
        let first = self.index_of(block.start);
        let mut index = first;
        while let Some(record) = self.records.get_mut(index) {
            if record.range.end.after(block.end) {
                break;
            }
            if record.fate == Fate::Sacked || record.range.start.before(block.start) {
                index += record.skip as usize;
                continue;
            }
            let before = *record;
            record.fate = Fate::Sacked;
            record.copies = 0;
            record.skip = 1;
            let len = record.range.len();
            self.pipe -= len * u32::from(before.copies);
            self.sacked += len;
            self.sacked_segments += 1;
            if before.fate == Fate::Lost {
                self.lost_bytes -= len;
                let position = self.position(index);
                self.lost.remove(&position);
            }
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
            let Some(record) = self.records.get_mut(index) else { break };
            let next = index + record.skip as usize;
            if record.fate == Fate::Sacked {
                record.skip = u32::try_from(end - index).unwrap_or(1);
            }
            index = next;
        }
    }

    /// The oldest segment is lost, whatever the time.
    pub(super) fn lose_first(&mut self) -> Option<Record> {
        let first = *self.records.front().filter(|record| record.fate == Fate::Flying)?;
        self.lose(0);
        Some(first)
    }

    /// Every segment that the peer does not hold is lost, whatever the time.
    pub(super) fn lose_all(&mut self) -> Vec<Record> {
        let mut lost = Vec::new();
        for index in 0..self.records.len() {
            if self.records[index].fate == Fate::Flying {
                lost.push(self.records[index]);
                self.lose(index);
            }
        }
        lost
    }

    fn lose(&mut self, index: usize) {
        let position = self.position(index);
        let record = &mut self.records[index];
        let len = record.range.len();
        record.fate = Fate::Lost;
        self.pipe -= len * u32::from(record.copies);
        record.copies = 0;
        self.lost_bytes += len;
        self.lost.insert(position);
    }

    /// Nothing was lost: what seemed to be flies.
    pub(super) fn find_lost(&mut self) {
        for record in self.records.iter_mut().filter(|record| record.missed) {
            // The copy that was thought lost flies beside the last one.
            record.missed = false;
            if record.fate == Fate::Flying && record.copies < u8::MAX {
                record.copies += 1;
                self.pipe += record.range.len();
            }
        }
        for position in std::mem::take(&mut self.lost) {
            let index = self.index_at(position);
            let record = &mut self.records[index];
            record.fate = Fate::Flying;
            record.copies = 1;
            self.pipe += record.range.len();
            let (sent_at, start, resent) = (record.sent_at, record.range.start, record.resent);
            if resent {
                self.await_resend(sent_at, start);
            }
        }
        self.lost_bytes = 0;
        self.judged = self.first().map_or(self.judged, |first| first.range.start);
    }

    /// The peer may have thrown away what it has reported: nothing is SACKed any more (RFC 2018, 8).
    pub(super) fn forget_sacks(&mut self) {
        for record in self.records.iter_mut().filter(|record| record.fate == Fate::Sacked) {
            record.fate = Fate::Flying;
            record.copies = 1;
            record.skip = 1;
            self.pipe += record.range.len();
        }
        self.sacked = 0;
        self.sacked_segments = 0;
        self.judged = self.first().map_or(self.judged, |first| first.range.start);
    }

    /// What is to be sent again first: lost segments side by side, or parts of them, at most `most`
    /// bytes.
    pub(super) fn next_lost(&self, most: u32) -> Option<SeqRange> {
        let index = self.index_at(*self.lost.first()?);
        let first = self.records[index].range;
        let mut range = SeqRange::of_len(first.start, first.len().min(most));
        for record in self.records.range(index + 1..) {
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
        match rest.fate {
            Fate::Lost => {
                self.lost.insert(position + u64::from(at.since(record.range.start)));
            }
            Fate::Sacked => self.sacked_segments += 1,
            Fate::Flying if rest.resent => self.await_resend(rest.sent_at, at),
            Fate::Flying => {}
        }
        self.records.insert(index + 1, rest);
    }

    /// What begins at `start` was sent again at `sent_at`, and is to be judged by that.
    fn await_resend(&mut self, sent_at: Instant, start: SeqNum) {
        let place = self.resends.partition_point(|(other, _)| *other <= sent_at);
        self.resends.insert(place, (sent_at, start));
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

    /// What must hold after every step.
    pub(super) fn check_invariants(&self, sent: SeqRange) {
        let (mut pipe, mut sacked, mut lost, mut segments) = (0, 0, 0, 0);
        let mut next = sent.start;
        for (index, record) in self.records.iter().enumerate() {
            assert_eq!(record.range.start, next, "a gap between records");
            next = record.range.end;
            let len = record.range.len();
            pipe += len * u32::from(record.copies);
            match record.fate {
                Fate::Sacked => {
                    (sacked, segments) = (sacked + len, segments + 1);
                    let run = self.records.range(index..index + record.skip as usize);
                    assert!(run.into_iter().all(|record| record.fate == Fate::Sacked), "skip");
                }
                Fate::Lost => {
                    lost += len;
                    assert!(self.lost.contains(&self.position(index)), "lost without a place");
                }
                Fate::Flying => assert!(record.copies > 0, "nothing of it flies"),
            }
        }
        assert_eq!(next, sent.end, "the records do not cover what is outstanding");
        assert_eq!((pipe, sacked, lost), (self.pipe, self.sacked, self.lost_bytes), "sums");
        assert_eq!(segments, self.sacked_segments, "segments");
    }
}
