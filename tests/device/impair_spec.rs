//! The words of an impairment.

use std::time::Duration;

use proptest::prelude::*;
use tuntcp::device::impair::{Share, Spec};

#[test]
fn every_field_is_read() {
    let text = "loss=1%,delay=20ms,jitter=5ms,reorder=2%,duplicate=1%,corrupt=0.1%,rate=50mbit,\
                queue=100,seed=7";
    let spec = Spec {
        loss: Share::per_million(10_000),
        delay: Duration::from_millis(20),
        jitter: Duration::from_millis(5),
        reorder: Share::per_million(20_000),
        duplicate: Share::per_million(10_000),
        corrupt: Share::per_million(1_000),
        rate: Some(50_000_000),
        queue: Some(100),
        seed: 7,
    };
    assert_eq!(text.parse(), Ok(spec.clone()));
    assert_eq!(spec.to_string(), text);
}

#[test]
fn each_field_stands_alone_and_is_written_in_its_shortest_form() {
    let table = [
        ("", ""),
        ("  ", ""),
        ("loss=0%", ""),
        ("loss=100%", "loss=100%"),
        ("loss=0.0001%", "loss=0.0001%"),
        ("loss=05.50 %", "loss=5.5%"),
        ("delay=1500us", "delay=1500us"),
        ("delay=1.5ms", "delay=1500us"),
        ("delay=0.001us", "delay=0.001us"),
        ("delay=2000ms", "delay=2s"),
        ("delay=0s", ""),
        ("delay=3600s", "delay=3600s"),
        ("jitter=20MS", "jitter=20ms"),
        ("reorder=2%", "reorder=2%"),
        ("duplicate=1%", "duplicate=1%"),
        ("corrupt=0.1%", "corrupt=0.1%"),
        ("rate=1bit", "rate=1bit"),
        ("rate=64kbit", "rate=64kbit"),
        ("rate=1.5mbit", "rate=1500kbit"),
        ("rate=10Gbit", "rate=10gbit"),
        ("queue=1", "queue=1"),
        ("queue=65536", "queue=65536"),
        ("seed=0", ""),
        ("seed=18446744073709551615", "seed=18446744073709551615"),
        (" seed = 7 , loss = 1% ", "loss=1%,seed=7"),
    ];
    for (text, written) in table {
        let spec: Spec = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(spec.to_string(), written, "{text}");
    }
}

#[test]
fn errors_name_the_field_and_what_it_accepts() {
    let share = "expected a share from 0% to 100%, like";
    let time = "expected a time up to an hour in us, ms or s, like";
    let rate = "expected a rate above zero in bit, kbit, mbit or gbit (a second), like rate=50mbit";
    let queue = "expected a number of packets from 1 to 65536, like queue=100";
    let seed = "expected a whole number from 0 to 18446744073709551615, like seed=7";
    let table = [
        ("loss=5", share),
        ("loss=100.0001%", share),
        ("loss=0.00001%", share),
        ("loss=-1%", share),
        ("loss=%", share),
        ("loss=.%", share),
        ("loss=1.2.3%", share),
        ("loss=99999999999999999999%", share),
        ("loss", "like loss=1%"),
        ("reorder=much", share),
        ("duplicate=", share),
        ("corrupt=1ms", share),
        ("delay=20", time),
        ("delay=20min", time),
        ("delay=3601s", time),
        ("jitter=1e3ms", time),
        ("rate=50", rate),
        ("rate=0mbit", rate),
        ("rate=0.5bit", rate),
        ("rate=20000000000gbit", rate),
        ("queue=0", queue),
        ("queue=65537", queue),
        ("queue=1.5", queue),
        ("seed=-1", seed),
        ("seed=0x7", seed),
        ("los=1%", "one of loss, delay, jitter, reorder, duplicate, corrupt, rate, queue, seed"),
        ("LOSS=1%", "one of loss"),
    ];
    for (text, expected) in table {
        let error = text.parse::<Spec>().expect_err(text).to_string();
        assert!(error.starts_with(&format!("`{text}`: ")) && error.contains(expected), "{error}");
        // Among good ones it is still the bad one that is named.
        let other = if text.starts_with("queue") { "seed=5" } else { "queue=5" };
        let amid = format!("{other},{text}").parse::<Spec>().unwrap_err();
        assert_eq!(amid.to_string(), error);
    }
    let twice = "loss=1%,delay=1s,loss=1%".parse::<Spec>().unwrap_err();
    assert_eq!(twice.to_string(), "`loss=1%`: loss is given twice");
    let comma = "loss=1%,".parse::<Spec>().unwrap_err().to_string();
    assert!(comma.starts_with("``: unknown; NAME=VALUE is expected"), "{comma}");
}

fn any_spec() -> impl Strategy<Value = Spec> {
    let share = || (0..=1_000_000_u32).prop_map(Share::per_million);
    let time = || (0..=3_600_000_000_000_u64).prop_map(Duration::from_nanos);
    let rate = proptest::option::of(1..=u64::MAX);
    let queue = proptest::option::of(1..=65_536_usize);
    (share(), time(), time(), share(), share(), share(), rate, queue, any::<u64>()).prop_map(
        |(loss, delay, jitter, reorder, duplicate, corrupt, rate, queue, seed)| Spec {
            loss,
            delay,
            jitter,
            reorder,
            duplicate,
            corrupt,
            rate,
            queue,
            seed,
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(spec in any_spec()) {
        prop_assert_eq!(spec.to_string().parse(), Ok(spec));
    }

    #[test]
    fn no_text_makes_it_panic(text in "([a-z]{0,9}=?[0-9.]{0,25}[a-z%]{0,5},?){0,4}|.*") {
        let _ = text.parse::<Spec>();
    }
}
