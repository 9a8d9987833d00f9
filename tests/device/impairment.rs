//! The model of a bad wire.

use std::time::Duration;

use tuntcp::device::impair::{Impairment, Spec};
use tuntcp::time::Instant;

const FRAMES: u64 = 10_000;

fn spec(text: &str) -> Spec {
    text.parse().unwrap()
}

fn at(micros: u64) -> Instant {
    Instant::ZERO + Duration::from_micros(micros)
}

/// Offers numbered frames of `len` bytes, one each `gap` microseconds, and takes every one as soon
/// as it is due: when, and what.
fn run(wire: &mut Impairment, count: u64, len: usize, gap: u64) -> Vec<(Instant, Vec<u8>)> {
    let mut out = Vec::new();
    for number in 0..count {
        let now = at(number * gap);
        drain(wire, now, &mut out);
        let mut frame = vec![0; len];
        frame[..8].copy_from_slice(&number.to_be_bytes());
        wire.offer(now, &frame);
    }
    drain(wire, Instant::from_nanos(u64::MAX - 1), &mut out);
    assert_eq!(wire.next_due(), Instant::NEVER);
    out
}

fn drain(wire: &mut Impairment, until: Instant, out: &mut Vec<(Instant, Vec<u8>)>) {
    while wire.next_due() <= until {
        let due = wire.next_due();
        out.push((due, wire.pop_due(due).expect("it is due")));
    }
}

fn number(frame: &[u8]) -> u64 {
    u64::from_be_bytes(frame[..8].try_into().unwrap())
}

fn numbers(out: &[(Instant, Vec<u8>)]) -> Vec<u64> {
    out.iter().map(|(_, frame)| number(frame)).collect()
}

const EVERYTHING: &str = "loss=5%,delay=20ms,jitter=5ms,reorder=2%,duplicate=3%,corrupt=4%,\
                          rate=50mbit,queue=100,seed=7";

#[test]
fn the_same_seed_gives_the_same_frames_and_another_one_does_not() {
    let frames = |text: &str, stream| run(&mut Impairment::new(&spec(text), stream), 2000, 100, 10);
    let first = frames(EVERYTHING, 0);
    assert_eq!(first, frames(EVERYTHING, 0));
    assert_ne!(first, frames(EVERYTHING, 1), "the other direction");
    assert_ne!(first, frames(&EVERYTHING.replace("seed=7", "seed=8"), 0), "another seed");
}

#[test]
fn recycled_buffers_change_nothing() {
    let mut fresh = Impairment::new(&spec(EVERYTHING), 0);
    let mut recycled = Impairment::new(&spec(EVERYTHING), 0);
    for number in 0..2000_u64 {
        let now = at(number * 300);
        let frame = vec![number as u8; 20 + (number % 7) as usize];
        fresh.offer(now, &frame);
        recycled.offer(now, &frame);
        while let Some(frame) = fresh.pop_due(now) {
            let other = recycled.pop_due(now).unwrap();
            assert_eq!(frame, other);
            recycled.recycle(other);
        }
        assert_eq!(recycled.pop_due(now), None);
    }
}

#[test]
fn nothing_asked_nothing_done() {
    let mut wire = Impairment::new(&Spec::default(), 0);
    let out = run(&mut wire, 1000, 64, 10);
    assert_eq!(numbers(&out), (0..1000).collect::<Vec<_>>());
    assert!(out.iter().all(|(due, frame)| *due == at(number(frame) * 10)));
    let tally = wire.tally();
    assert_eq!((tally.offered, tally.delivered), (1000, 1000));
    let harm = [tally.lost, tally.duplicated, tally.corrupted, tally.overflowed, tally.reordered];
    assert_eq!(harm, [0; 5]);
}

/// Four standard deviations of a binomial distribution.
#[test]
fn shares_are_kept() {
    for percent in [1_u32, 10, 50] {
        let text = format!(
            "loss={percent}%,duplicate={percent}%,corrupt={percent}%,\
                            reorder={percent}%,seed=3"
        );
        let mut wire = Impairment::new(&spec(&text), 0);
        run(&mut wire, FRAMES, 64, 10);
        let tally = wire.tally();
        let copies = tally.offered - tally.lost + tally.duplicated;
        assert_eq!((tally.offered, tally.delivered), (FRAMES, copies));
        let share = f64::from(percent) / 100.0;
        for (what, count, of) in [
            ("lost", tally.lost, tally.offered),
            ("duplicated", tally.duplicated, tally.offered - tally.lost),
            ("corrupted", tally.corrupted, copies),
            ("reordered", tally.reordered, copies),
        ] {
            let expected = of as f64 * share;
            let bound = 4.0 * (of as f64 * share * (1.0 - share)).sqrt();
            let off = (count as f64 - expected).abs();
            assert!(off <= bound, "{what}: {count} of {of}, expected {expected} +- {bound}");
        }
    }
}

#[test]
fn all_and_none_are_exact() {
    let mut wire = Impairment::new(&spec("loss=100%"), 0);
    assert!(run(&mut wire, 1000, 64, 10).is_empty());
    let mut wire = Impairment::new(&spec("duplicate=100%"), 0);
    let twice: Vec<u64> = (0..1000).flat_map(|number| [number, number]).collect();
    assert_eq!(numbers(&run(&mut wire, 1000, 64, 10)), twice);
}

#[test]
fn one_field_leaves_the_draws_of_the_others_alone() {
    let survivors = |text: &str| {
        let mut out = numbers(&run(&mut Impairment::new(&spec(text), 0), 5000, 64, 10));
        out.sort_unstable();
        out.dedup();
        out
    };
    let lossy = survivors("loss=10%,seed=5");
    assert!(lossy.len() < 5000);
    assert_eq!(lossy, survivors("loss=10%,delay=3ms,jitter=2ms,reorder=9%,duplicate=9%,seed=5"));
}

#[test]
fn corruption_flips_one_bit_anywhere() {
    let mut wire = Impairment::new(&spec("corrupt=100%,seed=2"), 0);
    let mut seen = [false; 80];
    for _ in 0..2000 {
        wire.offer(Instant::ZERO, &[0; 10]);
        let frame = wire.pop_due(Instant::ZERO).unwrap();
        let bits = (0..80).filter(|bit| frame[bit / 8] >> (bit % 8) & 1 == 1).collect::<Vec<_>>();
        assert_eq!(bits.len(), 1);
        seen[bits[0]] = true;
    }
    assert_eq!(seen, [true; 80]);
    wire.offer(Instant::ZERO, &[]);
    assert_eq!(wire.pop_due(Instant::ZERO), Some(vec![]));
}

#[test]
fn delay_moves_all_alike_and_ties_keep_their_order() {
    let mut wire = Impairment::new(&spec("delay=20ms"), 0);
    let out = run(&mut wire, 1000, 64, 0);
    assert_eq!(numbers(&out), (0..1000).collect::<Vec<_>>());
    assert!(out.iter().all(|(due, _)| *due == at(20_000)));
}

#[test]
fn jitter_spreads_around_the_delay_and_fills_its_range() {
    let mut wire = Impairment::new(&spec("delay=20ms,jitter=5ms"), 0);
    let out = run(&mut wire, FRAMES, 64, 1000);
    let delays = out.iter().map(|(due, frame)| *due - at(number(frame) * 1000));
    let (low, high) = (delays.clone().min().unwrap(), delays.clone().max().unwrap());
    let mean = delays.sum::<Duration>() / FRAMES as u32;
    let near = |time: Duration, millis, micros| {
        time.abs_diff(Duration::from_millis(millis)) <= Duration::from_micros(micros)
    };
    assert!(low >= Duration::from_millis(15) && near(low, 15, 10), "{low:?}");
    assert!(high <= Duration::from_millis(25) && near(high, 25, 10), "{high:?}");
    assert!(near(mean, 20, 120), "{mean:?}");
    // More jitter than delay: no frame comes out before it went in.
    let mut wire = Impairment::new(&spec("delay=1ms,jitter=5ms"), 0);
    let out = run(&mut wire, 1000, 64, 100);
    assert!(out.iter().all(|(due, frame)| *due >= at(number(frame) * 100)));
}

#[test]
fn a_reordered_frame_skips_the_delay() {
    let mut wire = Impairment::new(&spec("delay=20ms,reorder=10%"), 0);
    let out = run(&mut wire, 1000, 64, 100);
    let at_once = out.iter().filter(|(due, frame)| *due == at(number(frame) * 100)).count();
    let delayed =
        out.iter().filter(|(due, frame)| *due == at(number(frame) * 100 + 20_000)).count();
    assert_eq!((at_once as u64, at_once + delayed), (wire.tally().reordered, 1000));
    assert!(!numbers(&out).is_sorted());
}

#[test]
fn without_a_delay_a_reordered_frame_is_overtaken() {
    let mut wire = Impairment::new(&spec("reorder=10%"), 0);
    let out = run(&mut wire, 1000, 64, 100);
    let held = out.iter().filter(|(due, frame)| *due == at(number(frame) * 100 + 1000)).count();
    assert_eq!(held as u64, wire.tally().reordered);
    assert!(!numbers(&out).is_sorted());
}

#[test]
fn the_rate_spaces_frames_by_their_size() {
    // 1,000 bytes are 8 ms at 1 Mbit/s.
    let mut wire = Impairment::new(&spec("rate=1mbit"), 0);
    let out = run(&mut wire, 100, 1000, 0);
    for (index, (due, frame)) in out.iter().enumerate() {
        assert_eq!((*due, number(frame)), (at(8000 * (index as u64 + 1)), index as u64));
    }
    // Slower than that, nobody waits for anybody.
    let mut wire = Impairment::new(&spec("rate=1mbit"), 0);
    let out = run(&mut wire, 100, 1000, 9000);
    assert!(out.iter().all(|(due, frame)| *due == at(number(frame) * 9000 + 8000)));
}

#[test]
fn the_queue_drops_its_tail_and_drains() {
    let mut wire = Impairment::new(&spec("rate=1mbit,queue=10,delay=50ms"), 0);
    for _ in 0..25 {
        wire.offer(Instant::ZERO, &[0; 1000]);
    }
    assert_eq!(wire.tally().overflowed, 15);
    // Two have left the queue, though both are still on the wire.
    (0..5).for_each(|_| wire.offer(at(16_000), &[0; 1000]));
    assert_eq!(wire.tally().overflowed, 18);
    // Without a rate: what is held back.
    let mut wire = Impairment::new(&spec("delay=50ms,queue=10"), 0);
    (0..25).for_each(|_| wire.offer(Instant::ZERO, &[0; 1000]));
    assert_eq!(wire.tally().overflowed, 15);
}

#[test]
fn queues_are_bounded_by_themselves() {
    let overflow = |text: &str| {
        let mut wire = Impairment::new(&spec(text), 0);
        (0..70_000).for_each(|_| wire.offer(Instant::ZERO, &[]));
        (0..70_000).for_each(|_| wire.offer(Instant::ZERO, &[0]));
        wire.tally().offered - wire.tally().overflowed
    };
    assert_eq!(overflow("delay=1s"), 65_536);
    // Empty frames take no time at a rate, so they are held by the delay alone.
    assert_eq!(overflow("rate=1bit,delay=1s"), 65_536);
    let mut wire = Impairment::new(&spec("rate=1bit"), 0);
    (0..5000).for_each(|_| wire.offer(Instant::ZERO, &[0; 100]));
    assert_eq!(wire.tally().overflowed, 4000);
}

#[test]
fn a_tally_tells_all() {
    let mut wire = Impairment::new(&spec("loss=100%"), 0);
    wire.offer(Instant::ZERO, b"x");
    assert_eq!(
        wire.tally().to_string(),
        "1 frames offered, 1 lost, 0 duplicated, 0 corrupted, 0 overflowed, 0 reordered, 0 delivered"
    );
}
