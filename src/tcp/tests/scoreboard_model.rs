//! The scoreboard against a model that knows no shortcuts.

use std::time::Duration;

use proptest::prelude::*;

use crate::tcp::delivery::{Delivery, Stamp};
use crate::tcp::scoreboard::{Burst, Census, Fate, Judged, Overdue, Record, Scoreboard};
use crate::time::Instant;
use crate::wire::{SeqNum, SeqRange};

/// The numbers wrap early.
const ISS: u32 = u32::MAX - 40;

/// One segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    start: u32,
    end: u32,
    fate: Fate,
    copies: u32,
    resent: bool,
    /// It was thought lost when it was sent last.
    missed: bool,
    /// When it was sent last, and after how many others.
    sent_at: u64,
    nth: u64,
}

impl Piece {
    fn len(&self) -> u32 {
        self.end - self.start
    }
}

/// Every operation looks at every segment. Numbers count from `ISS`.
#[derive(Default)]
struct Model {
    pieces: Vec<Piece>,
    una: u32,
    nxt: u32,
    sent: u64,
}

impl Model {
    fn sum(&self, of: impl Fn(&Piece) -> u32) -> u32 {
        self.pieces.iter().map(of).sum()
    }

    fn in_state(&self, fate: Fate) -> u32 {
        self.sum(|piece| if piece.fate == fate { piece.len() } else { 0 })
    }

    fn send(&mut self, now: u64, len: u32) {
        let (start, end) = (self.nxt, self.nxt + len);
        let nth = self.sent;
        self.pieces.push(Piece {
            start,
            end,
            fate: Fate::Flying,
            copies: 1,
            resent: false,
            missed: false,
            sent_at: now,
            nth,
        });
        (self.nxt, self.sent) = (end, nth + 1);
    }

    fn cut(&mut self, at: u32) {
        if let Some(index) = self.pieces.iter().position(|p| p.start < at && at < p.end) {
            let rest = Piece { start: at, ..self.pieces[index] };
            self.pieces[index].end = at;
            self.pieces.insert(index + 1, rest);
        }
    }

    fn resend(&mut self, now: u64, start: u32, end: u32) {
        self.cut(end);
        for piece in &mut self.pieces {
            if piece.start >= start && piece.end <= end && piece.fate != Fate::Sacked {
                piece.missed |= piece.fate == Fate::Lost;
                piece.fate = Fate::Flying;
                piece.copies += 1;
                piece.resent = true;
                (piece.sent_at, piece.nth) = (now, self.sent);
                self.sent += 1;
            }
        }
    }

    /// What was not known to have arrived.
    fn acknowledge(&mut self, ack: u32) -> Vec<(u32, u32)> {
        self.cut(ack);
        let (gone, rest) = std::mem::take(&mut self.pieces).into_iter().partition(|p| p.end <= ack);
        (self.pieces, self.una) = (rest, ack);
        let gone: Vec<Piece> = gone;
        let new = gone.iter().filter(|piece| piece.fate != Fate::Sacked);
        new.map(|piece| (piece.start, piece.end)).collect()
    }

    fn sack(&mut self, start: u32, end: u32) -> Vec<(u32, u32)> {
        let mut told = Vec::new();
        for piece in &mut self.pieces {
            if piece.start >= start && piece.end <= end && piece.fate != Fate::Sacked {
                (piece.fate, piece.copies) = (Fate::Sacked, 0);
                told.push((piece.start, piece.end));
            }
        }
        told
    }

    fn lose(&mut self, which: impl Fn(&Piece) -> bool) -> Vec<(u32, u32)> {
        let mut lost = Vec::new();
        for piece in &mut self.pieces {
            if piece.fate == Fate::Flying && which(piece) {
                (piece.fate, piece.copies, piece.missed) = (Fate::Lost, 0, false);
                lost.push((piece.start, piece.end));
            }
        }
        lost
    }

    fn find(&mut self) {
        for piece in &mut self.pieces {
            let flies = piece.missed && piece.fate == Fate::Flying;
            piece.copies += u32::from(flies || piece.fate == Fate::Lost);
            piece.missed = false;
            if piece.fate == Fate::Lost {
                piece.fate = Fate::Flying;
            }
        }
    }

    fn forget(&mut self) {
        for piece in self.pieces.iter_mut().filter(|piece| piece.fate == Fate::Sacked) {
            piece.fate = Fate::Flying;
        }
    }

    fn count(&self, which: impl Fn(&Piece) -> bool) -> u32 {
        self.sum(|piece| which(piece).into())
    }

    fn census(&self) -> Census {
        let flying = |piece: &Piece| piece.fate == Fate::Flying;
        Census {
            outstanding: self.count(|_| true),
            sacked: self.count(|piece| piece.fate == Fate::Sacked),
            missing: self.count(|piece| piece.fate == Fate::Lost || flying(piece) && piece.missed),
            resent: self.count(|piece| flying(piece) && piece.resent),
        }
    }

    fn next_lost(&self, most: u32) -> Option<(u32, u32)> {
        let first = self.pieces.iter().position(|piece| piece.fate == Fate::Lost)?;
        let start = self.pieces[first].start;
        let run = self.pieces[first..].iter().take_while(|piece| piece.fate == Fate::Lost);
        Some((start, run.last().unwrap().end.min(start + most)))
    }
}

/// What happens to both.
#[derive(Clone, Debug)]
enum Step {
    Send {
        segments: u16,
        size: u32,
        last: u32,
    },
    Wait {
        time: u64,
    },
    /// The lost ones, at most so many bytes.
    Repair {
        most: u32,
    },
    /// Some segment, or the beginning of it, whatever has become of it.
    Repeat {
        which: usize,
        most: u32,
    },
    Acknowledge {
        len: u32,
    },
    /// Any range at all, cut to what is outstanding.
    Sack {
        start: u32,
        len: u32,
    },
    /// Those sent before the nth last sending, `patience` ago.
    Judge {
        back: u64,
        patience: u64,
    },
    LoseFirst,
    LoseAll,
    FindLost,
    Forget,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1..4u16, 1..6u32, 1..6u32)
            .prop_map(|(segments, size, last)| Step::Send { segments, size, last }),
        3 => (0..5u64).prop_map(|time| Step::Wait { time }),
        5 => (1..9u32).prop_map(|most| Step::Repair { most }),
        2 => (0..40usize, 1..6u32).prop_map(|(which, most)| Step::Repeat { which, most }),
        3 => (0..12u32).prop_map(|len| Step::Acknowledge { len }),
        8 => (0..80u32, 0..20u32).prop_map(|(start, len)| Step::Sack { start, len }),
        1 => (0..80u32, 0..200u32).prop_map(|(start, len)| Step::Sack { start, len }),
        6 => (0..30u64, 0..8u64).prop_map(|(back, patience)| Step::Judge { back, patience }),
        1 => Just(Step::LoseFirst),
        1 => Just(Step::LoseAll),
        1 => Just(Step::FindLost),
        1 => Just(Step::Forget),
    ]
}

fn at(time: u64) -> Instant {
    Instant::from_nanos(time)
}

fn seq(number: u32) -> SeqNum {
    SeqNum::new(ISS) + number
}

fn range(start: u32, end: u32) -> SeqRange {
    SeqRange { start: seq(start), end: seq(end) }
}

fn stamp(pipe: u32, len: u32) -> Stamp {
    Delivery::new(at(0), 0, false).stamp(at(0), pipe, len)
}

/// Segments that share a record one by one.
fn places(records: &[Record]) -> Vec<(u32, u32)> {
    let number = |seq: SeqNum| seq.since(SeqNum::new(ISS));
    let one_by_one = |record: &Record| {
        let (start, end) = (number(record.range.start), number(record.range.end));
        let (size, last) = (record.size, u32::from(record.segments) - 1);
        (0..=last).map(move |nth| {
            (start + nth * size, if nth == last { end } else { start + (nth + 1) * size })
        })
    };
    records.iter().flat_map(one_by_one).collect()
}

/// The scoreboard beside its model.
struct Pair {
    board: Scoreboard,
    model: Model,
    now: u64,
}

impl Pair {
    fn new() -> Self {
        Self { board: Scoreboard::new(seq(0)), model: Model::default(), now: 0 }
    }

    /// The last segment may be another size than those before it.
    fn send(&mut self, segments: u16, size: u32, last: u32) {
        let nxt = self.model.nxt;
        let len = (u32::from(segments) - 1) * size + last;
        let burst = Burst { range: range(nxt, nxt + len), segments, size };
        self.board.sent(at(self.now), burst, stamp(self.board.pipe(), len));
        for _ in 1..segments {
            self.model.send(self.now, size);
        }
        self.model.send(self.now, last);
    }

    fn resend(&mut self, start: u32, end: u32) {
        let stamp = stamp(self.board.pipe(), end - start);
        self.board.resent(at(self.now), range(start, end), stamp);
        self.model.resend(self.now, start, end);
    }

    /// The segments to be told of are the same ones.
    fn told(&mut self, act: impl FnOnce(&mut Scoreboard, &mut dyn FnMut(&Record))) -> Vec<Record> {
        let mut told = Vec::new();
        act(&mut self.board, &mut |record| told.push(*record));
        told
    }

    fn sack(&mut self, start: u32, end: u32) {
        let (start, end) = (start.max(self.model.una), end.min(self.model.nxt));
        if start < end {
            let told = self.told(|board, told| board.sack(range(start, end), told));
            assert_eq!(places(&told), self.model.sack(start, end));
        }
    }

    fn acknowledge(&mut self, ack: u32) {
        let told = self.told(|board, told| board.acknowledge(seq(ack), told));
        assert_eq!(places(&told), self.model.acknowledge(ack));
    }

    fn judge(&mut self, nth: u64, patience: u64) {
        let now = self.now;
        let overdue = Overdue { nth, patience: Duration::from_nanos(patience) };
        let mut lost = Vec::new();
        let waits = loop {
            match self.board.judge(at(now), &overdue) {
                Judged::Lost(record) => lost.push(record),
                Judged::Waits => break true,
                Judged::None => break false,
            }
        };
        let mut lost = places(&lost);
        lost.sort_unstable();
        let due = |piece: &Piece| piece.nth < nth && piece.sent_at + patience <= now;
        assert_eq!(lost, self.model.lose(due), "lost");
        let mut flying = self.model.pieces.iter().filter(|piece| piece.fate == Fate::Flying);
        assert_eq!(waits, flying.any(|piece| piece.nth < nth), "one waits");
    }

    fn take(&mut self, step: &Step) {
        match *step {
            // A FIN makes the last one longer.
            Step::Send { segments, size, last } => self.send(segments, size, last.min(size + 1)),
            Step::Wait { time } => self.now += time,
            Step::Repair { most } => {
                if let Some((start, end)) = self.model.next_lost(most) {
                    self.resend(start, end);
                }
            }
            Step::Repeat { which, most } => {
                let missing = self.model.pieces.iter().filter(|piece| piece.fate != Fate::Sacked);
                if let Some(&Piece { start, end, .. }) = missing.clone().nth(which) {
                    self.resend(start, end.min(start + most));
                }
            }
            Step::Acknowledge { len } => {
                self.acknowledge((self.model.una + len).min(self.model.nxt));
            }
            Step::Sack { start, len } => {
                let start = self.model.una + start;
                self.sack(start, start + len);
            }
            Step::Judge { back, patience } => {
                self.judge(self.model.sent.saturating_sub(back), patience);
            }
            Step::LoseFirst => {
                let first = self.model.pieces.first().map_or(0, |piece| piece.start);
                let lost: Vec<Record> = self.board.lose_first().into_iter().collect();
                assert_eq!(places(&lost), self.model.lose(|piece| piece.start == first));
            }
            Step::LoseAll => {
                assert_eq!(places(&self.board.lose_all()), self.model.lose(|_| true));
            }
            Step::FindLost => {
                self.board.find_lost();
                self.model.find();
            }
            Step::Forget => {
                self.model.forget();
                assert_eq!(places(&self.board.forget_sacks()), self.model.lose(|_| true));
            }
        }
    }

    fn compare(&self) {
        let Self { board, model, .. } = self;
        board.check_invariants(range(model.una, model.nxt));
        assert_eq!(board.pipe(), model.sum(|piece| piece.len() * piece.copies), "pipe");
        assert_eq!(board.sacked(), model.in_state(Fate::Sacked), "sacked");
        assert_eq!(board.lost(), model.in_state(Fate::Lost), "lost");
        assert_eq!(board.census(), model.census(), "census");
        assert_eq!(board.sacked_segments(), model.census().sacked, "segments");
        for most in [1, 4, 100] {
            let next = model.next_lost(most).map(|(start, end)| range(start, end));
            assert_eq!(board.next_lost(most), next, "what is to be sent again first");
        }
        let last = model.pieces.iter().rev().find(|piece| piece.fate != Fate::Sacked);
        let last = last.map(|piece| range(piece.start, piece.end));
        assert_eq!(board.last_missing(), last, "the last missing one");
        let first = model.pieces.first().map(|piece| (piece.fate, piece.resent, piece.nth));
        let nth = |record: &Record| record.nth - u64::from(record.segments - 1);
        assert_eq!(board.first().map(|record| (record.fate, record.resent, nth(record))), first);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Proves: RFC6675-4-pipe.
    #[test]
    fn the_scoreboard_is_its_model(steps in prop::collection::vec(step(), 1..200)) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.take(step);
            pair.compare();
        }
    }
}
