//! Segments that left together share a record; nobody can tell that they do.

use crate::tcp::delivery::Delivery;
use crate::tcp::scoreboard::work::noted;
use crate::tcp::scoreboard::{Burst, Record, Scoreboard};
use crate::time::Instant;
use crate::wire::{SeqNum, SeqRange};

const SIZE: u32 = 100;

fn range(from: u32, to: u32) -> SeqRange {
    let first = SeqNum::new(u32::MAX - 150);
    SeqRange { start: first + from, end: first + to }
}

fn send(board: &mut Scoreboard, from: u32, segments: u16, last: u32) {
    let range = range(from, from + (u32::from(segments) - 1) * SIZE + last);
    let stamp = Delivery::new(Instant::ZERO, 0, false).stamp(Instant::ZERO, from, range.len());
    board.sent(Instant::ZERO, Burst { range, segments, size: SIZE }, stamp);
}

/// What a segment is known by.
fn known(record: &Record) -> (SeqRange, u64, u32) {
    (record.range, record.nth, record.stamp.tx_in_flight)
}

#[test]
fn each_is_told_as_if_it_had_left_alone() {
    // In one frame, in one for each, and in two.
    for frames in [&[5][..], &[1, 1, 1, 1, 1], &[2, 3]] {
        let mut board = Scoreboard::new(range(0, 0).start);
        let mut from = 0;
        for &segments in frames {
            let last = if from + u32::from(segments) == 5 { 30 } else { SIZE };
            send(&mut board, from * SIZE, segments, last);
            from += u32::from(segments);
        }
        assert_eq!(board.census().outstanding, 5);
        assert_eq!(board.last_missing(), Some(range(400, 430)));
        let mut told = Vec::new();
        let mut tell = |record: &Record| told.push(known(record));
        board.acknowledge(range(0, 100).end, &mut tell);
        board.sack(range(200, 300), &mut tell);
        board.acknowledge(range(0, 150).end, &mut tell);
        board.acknowledge(range(0, 430).end, &mut tell);
        let rows = [
            (range(0, 100), 0, 100),
            (range(200, 300), 2, 300),
            // A part of a segment knows what the segment did.
            (range(100, 150), 1, 200),
            (range(150, 200), 1, 200),
            (range(300, 400), 3, 400),
            (range(400, 430), 4, 430),
        ];
        assert_eq!(told, rows, "{frames:?}");
        board.check_invariants(range(430, 430));
    }
}

#[test]
fn what_is_acknowledged_as_it_was_sent_is_looked_at_once() {
    let mut board = Scoreboard::new(range(0, 0).start);
    send(&mut board, 0, 40, SIZE);
    let began = noted();
    let mut told = Vec::new();
    let mut tell = |record: &Record| told.push((record.segments, known(record)));
    board.acknowledge(range(0, 1_000).end, &mut tell);
    board.acknowledge(range(0, 4_000).end, &mut tell);
    assert_eq!(told, [(10, (range(0, 1_000), 9, 1_000)), (30, (range(1_000, 4_000), 39, 4_000)),]);
    assert_eq!(noted() - began, 2);
}

#[test]
fn only_what_left_at_once_shares() {
    let alone = |between: &dyn Fn(&mut Scoreboard), at: u64, bytes: u32| {
        let mut board = Scoreboard::new(range(0, 0).start);
        send(&mut board, 0, 2, SIZE);
        between(&mut board);
        let stamp =
            Delivery::new(Instant::ZERO, 0, false).stamp(Instant::ZERO, board.pipe(), bytes);
        board.sent(Instant::from_nanos(at), Burst::one(range(200, 200 + bytes)), stamp);
        let una = board.first().map(|first| first.range.start);
        let all = range(0, 200 + bytes);
        board.check_invariants(SeqRange { start: una.unwrap_or(all.start), ..all });
        board.last().map(|last| last.segments) == Some(1)
    };
    assert!(!alone(&|_| {}, 0, SIZE));
    assert!(!alone(&|_| {}, 0, SIZE / 2), "a smaller one is the last");
    assert!(alone(&|_| {}, 0, SIZE + 1), "a larger one");
    assert!(alone(&|_| {}, 1, SIZE), "later");
    let sack = |board: &mut Scoreboard| board.sack(range(100, 200), &mut |_| {});
    assert!(alone(&sack, 0, SIZE), "behind what the peer holds");
    let lose = |board: &mut Scoreboard| assert_eq!(board.lose_all().len(), 2);
    assert!(alone(&lose, 0, SIZE), "behind what is lost");
    let acknowledge = |board: &mut Scoreboard| board.acknowledge(range(0, 100).end, &mut |_| {});
    assert!(alone(&acknowledge, 0, SIZE), "less flew when it left");
    let resend = |board: &mut Scoreboard| {
        let stamp = Delivery::new(Instant::ZERO, 0, false).stamp(Instant::ZERO, 200, SIZE);
        board.resent(Instant::ZERO, range(0, 100), stamp);
    };
    assert!(alone(&resend, 0, SIZE), "after one that was sent again");
}
