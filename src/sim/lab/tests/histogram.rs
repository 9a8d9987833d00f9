//! Buckets and what is read from them.

use super::*;

#[test]
fn a_bucket_is_no_wider_than_a_thirty_second_of_what_is_in_it() {
    for micros in (0..100_000).chain((0..64).map(|bit| 1 << bit)).chain([u64::MAX]) {
        let least = least(bucket(micros));
        assert!(least <= micros && micros - least <= micros / 32, "{micros}");
        assert_eq!(bucket(least), bucket(micros));
    }
}

#[test]
fn no_bucket_is_left_out_and_each_begins_at_its_least() {
    for micros in 1..100_000 {
        let (before, at) = (bucket(micros - 1), bucket(micros));
        assert!(at == before || at == before + 1 && least(at) == micros, "{micros}");
    }
}

#[test]
fn means_and_percentiles_are_those_of_what_was_added() {
    let mut histogram = Histogram::default();
    assert_eq!((histogram.mean(), histogram.percentile(95)), (None, None));
    (1..=100).for_each(|millis| histogram.add(Duration::from_millis(millis)));
    assert_eq!(histogram.mean(), Some(Duration::from_micros(50_500)));
    for (percent, millis) in [(0, 1), (1, 1), (50, 50), (95, 95), (100, 100)] {
        let (told, exact) = (histogram.percentile(percent).unwrap(), Duration::from_millis(millis));
        assert!(told <= exact && exact - told <= exact / 32, "{percent}: {told:?}");
    }
    let mut single = Histogram::default();
    single.add(Duration::ZERO);
    assert_eq!(single.percentile(95), Some(Duration::ZERO));
}
