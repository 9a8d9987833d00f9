//! When is how much to be written?

use super::*;

fn source(rate: Option<u64>, on_off: Option<(u64, u64)>) -> Source {
    let on_off = on_off
        .map(|(on, off)| OnOff { on: Duration::from_millis(on), off: Duration::from_millis(off) });
    let stop = Instant::NEVER;
    Source { stop, bytes: u64::MAX, rate, on_off, opened: None, written: 77, shut: false }
}

#[test]
fn a_program_without_a_rate_writes_all_it_may_while_it_is_on() {
    let (bulk, rhythm) = (source(None, None), source(None, Some((100, 50))));
    let millis = Duration::from_millis;
    assert_eq!(bulk.due(millis(5)), (u64::MAX, Duration::MAX));
    for (elapsed, expected) in [
        (0, (u64::MAX, Duration::MAX)),
        (99, (u64::MAX, Duration::MAX)),
        (100, (77, millis(150))),
        (149, (77, millis(150))),
        (150, (u64::MAX, Duration::MAX)),
        (1601, (77, millis(1650))),
    ] {
        assert_eq!(rhythm.due(millis(elapsed)), expected, "{elapsed}");
    }
}

#[test]
fn a_rate_holds_for_the_time_in_which_the_program_writes() {
    let millis = Duration::from_millis;
    // 100 bytes a millisecond.
    let steady = source(Some(800_000), None);
    assert_eq!(steady.due(millis(30)), (3000, millis(30) + Duration::from_micros(14_480)));
    let rhythm = source(Some(800_000), Some((10, 90)));
    assert_eq!(rhythm.due(millis(5)).0, 500);
    assert_eq!(rhythm.due(millis(50)), (1000, millis(100)));
    assert_eq!(rhythm.due(millis(205)).0, 2500);
    // However fast, not more than a thousand times a second.
    assert_eq!(source(Some(u64::MAX), None).due(millis(3)).1, millis(4));
}
