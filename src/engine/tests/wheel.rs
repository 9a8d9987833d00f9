//! The timing wheel, against a list in which every entry is looked at.

use std::time::Duration;

use proptest::prelude::*;

use super::{KEPT, LEVELS, SLOTS, TICK, Wheel};
use crate::time::Instant;

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn expired(wheel: &mut Wheel<usize>, now: Instant) -> Vec<usize> {
    let mut due = Vec::new();
    wheel.expire(now, &mut due);
    due.sort_unstable();
    due
}

/// Durations of every size, so that every level of the wheel is used.
fn any_span() -> impl Strategy<Value = u64> {
    (0..64_u32, any::<u64>()).prop_map(|(bits, value)| value >> bits >> 1)
}

proptest! {
    #[test]
    fn everything_is_given_out_at_its_time_and_nothing_earlier(
        steps in prop::collection::vec((any::<bool>(), any_span()), 1..200),
        start in any_span(),
    ) {
        let mut wheel = Wheel::new();
        let mut model: Vec<(Instant, usize)> = Vec::new();
        let mut now = at(start / 2);
        expired(&mut wheel, now);
        for (item, (insert, span)) in steps.into_iter().enumerate() {
            if insert {
                let when = at((now + Duration::from_nanos(span)).as_nanos().min(u64::MAX - 1));
                wheel.insert(when, item);
                model.push((when, item));
            } else {
                now = at((now + Duration::from_nanos(span >> 3)).as_nanos().min(u64::MAX - 1));
                let due = model.extract_if(.., |(when, _)| when.is_due(now));
                let due: Vec<usize> = due.map(|(_, item)| item).collect();
                prop_assert_eq!(expired(&mut wheel, now), due);
            }
            let earliest = model.iter().map(|(when, _)| *when).min().unwrap_or(Instant::NEVER);
            prop_assert!(wheel.next() <= earliest);
            let in_vain = wheel.next() <= now && now < earliest;
            prop_assert!(!in_vain, "it would be called at once, for nothing");
            prop_assert_eq!(wheel.next().is_never(), model.is_empty());
        }
    }

    #[test]
    fn who_comes_whenever_it_says_misses_nothing(
        spans in prop::collection::vec(any_span(), 1..100),
    ) {
        let mut wheel = Wheel::new();
        for (item, &span) in spans.iter().enumerate() {
            wheel.insert(at(span), item);
        }
        let (mut calls, mut given_out) = (0, Vec::new());
        while !wheel.next().is_never() {
            let now = wheel.next();
            for item in expired(&mut wheel, now) {
                prop_assert_eq!(at(spans[item]), now, "exactly then");
                given_out.push(item);
            }
            calls += 1;
            prop_assert!(calls <= spans.len() * LEVELS);
        }
        prop_assert_eq!(given_out.len(), spans.len());
    }
}

#[test]
fn two_moments_of_one_tick_are_told_apart() {
    let mut wheel = Wheel::new();
    let tick = 1 << TICK;
    wheel.insert(at(5 * tick + 100), 1);
    wheel.insert(at(5 * tick + 10), 0);
    assert_eq!(wheel.next(), at(5 * tick + 10));
    assert!(expired(&mut wheel, at(5 * tick + 9)).is_empty());
    assert_eq!(expired(&mut wheel, at(5 * tick + 10)), [0]);
    assert_eq!(wheel.next(), at(5 * tick + 100));
    assert_eq!(expired(&mut wheel, at(5 * tick + 100)), [1]);
    assert!(wheel.next().is_never());
}

#[test]
fn a_moment_that_has_passed_is_due_at_once() {
    let mut wheel = Wheel::new();
    let now = Instant::ZERO + Duration::from_secs(3_600);
    expired(&mut wheel, now);
    wheel.insert(Instant::ZERO, 7);
    assert!(wheel.next() <= now);
    assert_eq!(expired(&mut wheel, now), [7]);
}

#[test]
fn an_item_may_be_armed_again_as_it_is_given_out() {
    let mut wheel = Wheel::new();
    let mut now = Instant::ZERO;
    wheel.insert(now + Duration::from_millis(200), 0);
    for round in 1..1_000 {
        now = Instant::ZERO + Duration::from_millis(200) * round;
        assert_eq!(expired(&mut wheel, now), [0], "round {round}");
        wheel.insert(now + Duration::from_millis(200), 0);
    }
}

#[test]
#[should_panic(expected = "never expires")]
#[cfg(debug_assertions)]
fn a_timer_that_never_expires_is_refused() {
    Wheel::new().insert(Instant::NEVER, 0);
}

#[test]
fn an_empty_wheel_is_small_also_after_a_burst() {
    assert!(size_of::<Wheel<usize>>() <= 320);
    let mut wheel = Wheel::new();
    assert!(wheel.levels.iter().all(|level| level.slots.capacity() == 0));
    for item in 0..10_000 {
        wheel.insert(Instant::ZERO + Duration::from_secs(1), item);
        wheel.insert(Instant::ZERO + Duration::from_micros(item as u64), item);
    }
    assert_eq!(expired(&mut wheel, Instant::ZERO + Duration::from_secs(1)).len(), 20_000);
    for slot in wheel.levels.iter().flat_map(|level| &level.slots) {
        assert!(slot.capacity() <= KEPT);
    }
    assert!(wheel.levels.iter().all(|level| level.slots.len() <= SLOTS));
}
