//! The words of an impairment.

use std::time::Duration;

use proptest::prelude::*;
use tuntcp::device::impair::{Codel, Outage, Room, Share, Spec, units};

#[test]
fn every_field_is_read() {
    let text = "loss=1%,burst=5,mark=3%,delay=20ms,jitter=5ms,reorder=2%,duplicate=1%,corrupt=0.1%,\
                rate=50mbit,queue=100,aqm=codel,target=2ms,interval=40ms,ecn=off,\
                outage=5s-7500ms/20s-21s,seed=7";
    let millis = Duration::from_millis;
    let spec = Spec {
        loss: Share::per_million(10_000),
        burst: Some(5),
        mark: Share::per_million(30_000),
        delay: Duration::from_millis(20),
        jitter: Duration::from_millis(5),
        reorder: Share::per_million(20_000),
        duplicate: Share::per_million(10_000),
        corrupt: Share::per_million(1_000),
        rate: Some(50_000_000),
        queue: Some(Room::Frames(100)),
        aqm: Some(Codel { target: millis(2), interval: millis(40), ecn: false }),
        outages: vec![
            Outage { from: millis(5_000), to: millis(7_500) },
            Outage { from: millis(20_000), to: millis(21_000) },
        ],
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
        ("rate=1mbit,queue=64KB", "rate=1mbit,queue=64kb"),
        ("rate=1mbit,queue=1500b", "rate=1mbit,queue=1500b"),
        ("queue=1.5s,rate=1mbit", "rate=1mbit,queue=1500ms"),
        ("burst=1,loss=1%", "loss=1%,burst=1"),
        ("mark=100%", "mark=100%"),
        ("aqm=codel,rate=1mbit", "rate=1mbit,aqm=codel"),
        ("target=5ms,rate=1mbit,aqm=codel,interval=0.1s,ecn=on", "rate=1mbit,aqm=codel"),
        ("outage=0s-1s", "outage=0s-1s"),
        ("outage= 1s - 2s / 2s - 3000ms", "outage=1s-2s/2s-3s"),
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
    let queue = "expected a number of packets from 1 to 65536, or beside a rate a size";
    let aqm = "expected codel beside a rate, like rate=50mbit,aqm=codel";
    let outage = "expected times in ascending order, like outage=5s-7s or outage=5s-7s/20s-21s";
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
        ("queue=0ms", queue),
        ("queue=0kb", queue),
        // There is no rate that they could be counted at.
        ("queue=64kb", queue),
        ("queue=50ms", queue),
        ("burst=5", "expected a number of packets from 1 to 65536 beside a loss"),
        ("burst=0", "beside a loss, like loss=1%,burst=5"),
        ("burst=2.5", "beside a loss"),
        ("mark=1", share),
        ("aqm=codel", aqm),
        ("aqm=red", aqm),
        ("aqm", aqm),
        ("target=5ms", "beside aqm=codel, like target=5ms"),
        ("target=0ms", "expected a time above zero"),
        ("interval=1", "like interval=100ms"),
        ("interval=100ms", "beside aqm=codel"),
        ("ecn=on", "expected on or off beside aqm=codel"),
        ("ecn=yes", "expected on or off"),
        ("outage=5s", outage),
        ("outage=7s-5s", outage),
        ("outage=5s-5s", outage),
        ("outage=5s-7s/6s-8s", outage),
        ("outage=5s-7s/", outage),
        ("outage=5-7", outage),
        ("seed=-1", seed),
        ("seed=0x7", seed),
        (
            "los=1%",
            "one of loss, burst, mark, delay, jitter, reorder, duplicate, corrupt, rate, queue, \
             aqm, target, interval, ecn, outage, seed",
        ),
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
    let nanos = |least| (least..=3_600_000_000_000_u64).prop_map(Duration::from_nanos);
    let time = move || nanos(0);
    let shares = (share(), share(), share(), share(), share());
    let rate = proptest::option::of(1..=u64::MAX);
    let room = prop_oneof![
        (1..=65_536_usize).prop_map(Room::Frames),
        (1..=u64::MAX).prop_map(Room::Bytes),
        nanos(1).prop_map(Room::Time),
    ];
    let codel = (nanos(1), nanos(1), any::<bool>()).prop_map(|(target, interval, ecn)| Codel {
        target,
        interval,
        ecn,
    });
    let queue = (proptest::option::of(room), proptest::option::of(codel));
    let outages =
        proptest::collection::btree_set(0..=3_600_000_000_000_u64, 0..6).prop_map(|times| {
            let times: Vec<_> = times.into_iter().map(Duration::from_nanos).collect();
            times.chunks_exact(2).map(|ends| Outage { from: ends[0], to: ends[1] }).collect()
        });
    let burst = proptest::option::of(1..=65_536_u32);
    (shares, time(), time(), rate, queue, (burst, outages), any::<u64>()).prop_map(
        |(shares, delay, jitter, rate, (queue, aqm), (burst, outages), seed)| {
            let (loss, mark, reorder, duplicate, corrupt) = shares;
            // What makes no sense without something else is no text either.
            let rated = rate.is_some();
            Spec {
                loss,
                burst: burst.filter(|_| loss != Share::NONE),
                mark,
                delay,
                jitter,
                reorder,
                duplicate,
                corrupt,
                rate,
                queue: queue.filter(|room| rated || matches!(room, Room::Frames(_))),
                aqm: aqm.filter(|_| rated),
                outages,
                seed,
            }
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

#[test]
fn quantities_are_read_exactly() {
    assert_eq!(units::size("1.5mb"), Some(1_500_000));
    assert_eq!(units::size("3GB"), Some(3_000_000_000));
    assert_eq!(units::size("1500b"), Some(1500));
    assert_eq!(units::rate("2.5gbit"), Some(2_500_000_000));
    assert_eq!(units::share("0.1%"), Some(Share::per_million(1000)));
    for nothing in ["", "0b", "1500", "0.5b", "-1kb", "kb", "1kib"] {
        assert_eq!(units::size(nothing), None, "{nothing}");
    }
}
