//! What acknowledgements cost at worst: how often the scoreboard looks at a record, on average over
//! all of them, when 4,000 segments are in flight and the peer means no good.

use std::time::Duration;

use super::harness::{Harness, flow};
use super::script::{At, at};
use crate::buffer::Pool;
use crate::tcp::delivery::Delivery;
use crate::tcp::scoreboard::work::noted;
use crate::tcp::scoreboard::{Burst, Judged, Overdue, Scoreboard};
use crate::tcp::{Connection, Limits};
use crate::time::Instant;
use crate::wire::{Flags, Options, RawWindow, SackBlocks, Segment, SeqNum, SeqRange};

/// Segments in flight.
const MANY: u32 = 4_000;

/// Segments that leave at once.
const TOGETHER: u16 = 40;

/// Bytes of each.
const SIZE: u32 = 100;

/// Looks at a record for each acknowledgement that are little: a few blocks, each found by
/// bisection, and the segments that it changes.
const FEW: u64 = 20;

/// A scoreboard with `MANY` segments, and an acknowledgement count.
struct Counted {
    board: Scoreboard,
    now: u64,
    acks: u64,
    began: u64,
}

fn segments(from: u32, to: u32) -> SeqRange {
    let first = SeqNum::new(u32::MAX - 1_000);
    SeqRange { start: first + from * SIZE, end: first + to * SIZE }
}

impl Counted {
    fn new() -> Self {
        let mut board = Scoreboard::new(segments(0, 0).start);
        for nth in (0..MANY).step_by(TOGETHER.into()) {
            let stamp = Delivery::new(Instant::ZERO, 0, false).stamp(Instant::ZERO, 0, 0);
            let range = segments(nth, nth + u32::from(TOGETHER));
            let burst = Burst { range, segments: TOGETHER, size: SIZE };
            board.sent(Instant::from_nanos(u64::from(nth)), burst, stamp);
        }
        Self { board, now: u64::from(MANY), acks: 0, began: noted() }
    }

    /// An acknowledgement of everything before `una` with these blocks; who is late then is lost.
    fn ack(&mut self, una: u32, blocks: &[(u32, u32)], late: u64) {
        self.acks += 1;
        self.board.acknowledge(segments(una, una).start, &mut |_| {});
        for &(from, to) in blocks {
            self.board.sack(segments(from, to), &mut |_| {});
        }
        let overdue = Overdue { nth: late, patience: Duration::ZERO };
        while let Judged::Lost(_) = self.board.judge(Instant::from_nanos(self.now), &overdue) {}
    }

    /// What is lost first is sent again.
    fn resend(&mut self) -> bool {
        self.now += 1;
        let Some(range) = self.board.next_lost(SIZE) else { return false };
        let stamp = Delivery::new(Instant::ZERO, 0, false).stamp(Instant::ZERO, 0, 0);
        self.board.resent(Instant::from_nanos(self.now), range, stamp);
        true
    }

    /// Looks for each acknowledgement.
    fn each(&self) -> u64 {
        (noted() - self.began) / self.acks
    }
}

#[test]
fn every_second_segment_one_by_one() {
    let mut counted = Counted::new();
    for nth in (1..MANY).step_by(2) {
        let older = [2, 4, 6].map(|back| nth.saturating_sub(back) | 1);
        let all = [nth, older[0], older[1], older[2]].map(|nth| (nth, nth + 1));
        counted.ack(0, &all, u64::from(nth));
    }
    assert_eq!(counted.board.lost(), MANY / 2 * SIZE);
    assert!(counted.each() <= FEW, "{}", counted.each());
    // The holes are filled one by one, the last ones first.
    while counted.resend() {}
    for nth in (0..MANY).step_by(2).rev() {
        counted.ack(0, &[(nth, MANY)], 0);
    }
    counted.ack(MANY, &[], 0);
    assert_eq!(counted.board.pipe(), 0);
    assert!(counted.each() <= FEW, "{}", counted.each());
}

#[test]
fn the_same_blocks_for_ever() {
    let mut counted = Counted::new();
    let blocks = [(1, 1_000), (1_001, 2_000), (2_001, 3_000), (3_001, MANY)];
    for _ in 0..10_000 {
        counted.ack(0, &blocks, u64::from(MANY));
    }
    assert!(counted.each() <= FEW, "{}", counted.each());
}

#[test]
fn blocks_that_grow_and_shrink() {
    let mut counted = Counted::new();
    for nth in 1..MANY {
        // Each from another place inside of what is known.
        let from = 1 + nth * 7 % nth;
        counted.ack(0, &[(1, nth), (from, nth + 1), (nth / 2 + 1, nth), (nth, nth + 1)], 0);
    }
    for nth in 1..MANY {
        counted.ack(0, &[(nth, MANY), (MANY - nth, MANY), (1, MANY - nth)], u64::from(MANY));
    }
    assert!(counted.each() <= FEW, "{}", counted.each());
}

#[test]
fn from_right_to_left() {
    let mut counted = Counted::new();
    for nth in (1..MANY).rev() {
        counted.ack(0, &[(nth, nth + 1), (nth, MANY), (nth + 1, MANY)], 0);
    }
    assert!(counted.each() <= FEW, "{}", counted.each());
}

#[test]
fn retransmissions_lost_again_and_again() {
    let mut counted = Counted::new();
    let mut sent = u64::from(MANY);
    for _ in 0..5 {
        // One after the other is found late, and sent again at once.
        for _ in 0..MANY {
            let oldest = sent - u64::from(MANY) + 1;
            counted.ack(0, &[], oldest);
            assert!(counted.resend());
            sent += 1;
        }
    }
    assert!(counted.each() <= FEW, "{}", counted.each());
}

#[test]
fn one_mistake_behind_many_repairs() {
    let mut counted = Counted::new();
    counted.ack(0, &[], u64::from(MANY / 2));
    while counted.resend() {}
    for _ in 0..1_000 {
        counted.ack(0, &[], u64::from(MANY / 2) + 1);
        assert_eq!(counted.board.lost(), SIZE);
        counted.board.find_lost();
    }
    assert!(counted.each() <= FEW, "{}", counted.each());
}

#[test]
fn bytes_one_by_one() {
    let mut counted = Counted::new();
    // All of it was sent again.
    counted.ack(0, &[], u64::from(MANY) - 1);
    while counted.resend() {}
    let first = segments(0, 0).start;
    for byte in 1..=20 * SIZE {
        counted.acks += 1;
        counted.board.acknowledge(first + byte, &mut |_| {});
    }
    assert!(counted.each() <= FEW, "{}", counted.each());
}

/// A connection with `MANY` segments in flight whose peer may say what it likes.
struct Victim {
    harness: Harness,
    now: Instant,
    acks: u64,
    sent: u64,
    began: u64,
}

impl Victim {
    fn new() -> Self {
        let setup = at(At::Established).sack().peer(|peer| peer.window_scale = Some(14));
        let setup = setup.config(|config| {
            config.send_buffer = (10 << 20).into();
            config.initial_window = MANY;
            config.rto_min = Duration::from_millis(1);
        });
        let mut harness = setup.start();
        let now = harness.now;
        for _ in 0..100 {
            let mut chunk = Pool::new().chunk(1 << 16);
            chunk.extend(&[0; 1 << 16]);
            assert_eq!(harness.connection().write(now, chunk), Ok(1 << 16));
        }
        let mut victim = Self { harness, now, acks: 0, sent: 0, began: 0 };
        // The window of the SYN was not scaled.
        victim.ack(0, &[], 1_000);
        assert_eq!(victim.sent, u64::from(MANY));
        (victim.acks, victim.began) = (0, noted());
        victim
    }

    fn connection(&mut self) -> &mut Connection {
        self.harness.connection()
    }

    fn flush(&mut self) {
        let now = self.now;
        let limits = Limits::plain(1500);
        let mut frame = Vec::new();
        while self.connection().poll_transmit(now, &flow(), &limits, &mut frame).is_some() {
            frame.clear();
            self.sent += 1;
        }
    }

    /// Everything before segment `una` is acknowledged, and those blocks of segments are reported.
    fn ack(&mut self, una: u32, blocks: &[(u32, u32)], window: u16) {
        let (iss, irs) = (self.harness.numbers.iss, self.harness.numbers.irs);
        let place = |nth: u32| SeqNum::new(iss) + 1 + nth * 1460;
        let mut sack = SackBlocks::default();
        for &(from, to) in blocks {
            sack.push(SeqRange { start: place(from), end: place(to) });
        }
        let segment = Segment {
            seq: SeqNum::new(irs) + 1,
            ack: Some(place(una)),
            flags: Flags::empty(),
            window: RawWindow(window),
            options: Options { sack, ..Options::default() },
            ..Segment::default()
        };
        self.now += Duration::from_micros(10);
        while self.connection().poll_timeout().is_due(self.now) {
            let now = self.now;
            self.connection().on_timeout(now);
            self.flush();
        }
        let now = self.now;
        self.connection().on_segment(now, &segment, &Pool::new());
        self.acks += 1;
        self.flush();
    }

    /// Looks for each segment that came or went.
    fn each(&self) -> u64 {
        (noted() - self.began) / (self.acks + self.sent - u64::from(MANY))
    }
}

#[test]
fn a_peer_that_throws_away_what_it_has_reported() {
    let mut victim = Victim::new();
    for una in 1..MANY / 2 {
        victim.ack(una - 1, &[(una, MANY)], 1_000);
        victim.ack(una, &[], 1_000);
    }
    assert!(victim.each() <= FEW, "{}", victim.each());
}

#[test]
fn a_window_that_opens_and_closes() {
    let mut victim = Victim::new();
    for _ in 0..MANY {
        victim.ack(0, &[], 0);
        victim.ack(0, &[], 1_000);
    }
    assert!(victim.each() <= FEW, "{}", victim.each());
}

#[test]
fn retransmissions_that_were_needless() {
    let mut victim = Victim::new();
    for una in 1..MANY / 4 {
        victim.ack(una - 1, &[(una, MANY)], 1_000);
        victim.ack(una + 3, &[(una - 1, una)], 1_000);
        victim.ack(una, &[(una - 1, una), (una + 3, una + 4)], 1_000);
    }
    assert!(victim.each() <= FEW, "{}", victim.each());
}
