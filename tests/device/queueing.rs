//! The model of a bad wire: losses in bursts, marks, managed queues, outages.

use std::time::Duration;

use tuntcp::device::impair::{Backlog, Impairment, Spec};
use tuntcp::time::Instant;
use tuntcp::wire::checksum::Sum;

fn wire(text: &str) -> Impairment {
    Impairment::new(&text.parse::<Spec>().unwrap(), 0)
}

fn at(micros: u64) -> Instant {
    Instant::ZERO + Duration::from_micros(micros)
}

const NOT_ECT: u8 = 0b00;
const ECT_1: u8 = 0b01;
const ECT_0: u8 = 0b10;
const CE: u8 = 0b11;

/// An IPv4 packet of `len` bytes with these two bits, its number behind the header.
fn v4(ecn: u8, number: u32, len: usize) -> Vec<u8> {
    let mut frame = vec![0; len];
    frame[0] = 0x45;
    frame[1] = 0xb8 | ecn;
    frame[2..4].copy_from_slice(&(len as u16).to_be_bytes());
    frame[8..10].copy_from_slice(&[64, 6]);
    frame[12..20].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
    let checksum = Sum::new().plus(&frame[..20]).finish();
    frame[10..12].copy_from_slice(&checksum.to_be_bytes());
    frame[20..24].copy_from_slice(&number.to_be_bytes());
    frame
}

fn number(frame: &[u8]) -> u32 {
    u32::from_be_bytes(frame[20..24].try_into().unwrap())
}

/// Everything that comes out, with its moment.
fn drain(wire: &mut Impairment) -> Vec<(Instant, Vec<u8>)> {
    let mut out = Vec::new();
    while !wire.next_due().is_never() {
        let due = wire.next_due();
        out.extend(wire.pop_due(due).map(|frame| (due, frame)));
    }
    out
}

/// Which of so many frames are lost.
fn losses(text: &str, frames: u32) -> Vec<bool> {
    let mut wire = wire(text);
    (0..frames)
        .map(|number| {
            wire.offer(at(0), &v4(NOT_ECT, number, 24));
            wire.pop_due(at(0)).is_none()
        })
        .collect()
}

fn share(losses: &[bool]) -> f64 {
    losses.iter().filter(|&&lost| lost).count() as f64 / losses.len() as f64
}

fn bursts(losses: &[bool]) -> Vec<usize> {
    losses.split(|&lost| !lost).map(<[bool]>::len).filter(|&len| len > 0).collect()
}

fn mean(numbers: &[usize]) -> f64 {
    numbers.iter().sum::<usize>() as f64 / numbers.len() as f64
}

/// Bounds of about four standard deviations.
#[test]
fn losses_come_in_bursts_of_the_mean_that_was_asked() {
    for (loss, burst, share_off, burst_off) in
        [(2, 8, 0.0036, 1.5), (10, 3, 0.007, 0.15), (50, 20, 0.025, 1.6)]
    {
        let lost = losses(&format!("loss={loss}%,burst={burst},seed=4"), 200_000);
        let (share, mean) = (share(&lost), mean(&bursts(&lost)));
        assert!((share - f64::from(loss) / 100.0).abs() < share_off, "{loss}%: {share}");
        assert!((mean - f64::from(burst)).abs() < burst_off, "{burst}: {mean}");
    }
    // Alone, they hardly ever meet.
    let alone = losses("loss=2%,seed=4", 200_000);
    assert!(mean(&bursts(&alone)) < 1.05);
    // One at a time, never two.
    let single = losses("loss=2%,burst=1,seed=4", 200_000);
    assert_eq!(bursts(&single).iter().max(), Some(&1));
    assert!((share(&single) - 0.02).abs() < 0.0013);
}

#[test]
fn where_bursts_cannot_be_so_short_the_loss_is_kept() {
    let lost = losses("loss=90%,burst=2", 200_000);
    assert!((share(&lost) - 0.9).abs() < 0.01);
    assert!((mean(&bursts(&lost)) - 9.0).abs() < 0.4);
    assert_eq!(share(&losses("loss=100%,burst=3", 1000)), 1.0);
}

#[test]
fn bursts_and_marks_leave_the_other_draws_alone() {
    let fates = |text: &str| {
        let mut wire = wire(text);
        (0..3000).for_each(|number| wire.offer(at(number * 100), &v4(ECT_0, number as u32, 24)));
        drain(&mut wire).into_iter().map(|(due, frame)| (due, number(&frame))).collect::<Vec<_>>()
    };
    let others = "delay=9ms,jitter=3ms,reorder=5%,duplicate=3%,seed=2";
    let plain = fates(others);
    assert_eq!(plain, fates(&format!("{others},mark=50%")));
    let lossy = fates(&format!("{others},loss=20%,burst=4"));
    assert!(lossy.len() < plain.len() && lossy.iter().all(|fate| plain.contains(fate)));
}

#[test]
fn only_what_supports_it_is_marked_and_the_checksum_stays_right() {
    for (ecn, expected) in [(NOT_ECT, NOT_ECT), (ECT_0, CE), (ECT_1, CE), (CE, CE)] {
        let mut wire = wire("mark=100%");
        for number in 0..300 {
            let before = v4(ecn, number, 24 + number as usize);
            wire.offer(at(0), &before);
            let after = wire.pop_due(at(0)).unwrap();
            assert_eq!(after[1], 0xb8 | expected, "the DSCP is left alone");
            assert_eq!(Sum::new().plus(&after[..20]).finish(), 0, "the header's sum is right");
            let untouched = |frame: &[u8]| [&frame[2..10], &frame[12..]].concat();
            assert_eq!((after[0], untouched(&after)), (before[0], untouched(&before)));
        }
        assert_eq!(wire.tally().marked, if ecn == NOT_ECT { 0 } else { 300 });
    }
}

/// Every header whose sum takes a carry of its own.
#[test]
fn a_marked_headers_checksum_is_right_whatever_it_was() {
    let mut wire = wire("mark=100%");
    for id in 0..=u16::MAX {
        let mut frame = v4(ECT_0, 0, 24);
        frame[4..6].copy_from_slice(&id.to_be_bytes());
        frame[10..12].fill(0);
        let checksum = Sum::new().plus(&frame[..20]).finish();
        frame[10..12].copy_from_slice(&checksum.to_be_bytes());
        wire.offer(at(0), &frame);
        let after = wire.pop_due(at(0)).unwrap();
        assert_eq!(Sum::new().plus(&after[..20]).finish(), 0, "{id:#x}");
    }
}

#[test]
fn an_ipv6_packet_is_marked_in_its_traffic_class() {
    for (ecn, expected) in [(NOT_ECT, NOT_ECT), (ECT_0, CE), (ECT_1, CE)] {
        let mut frame = vec![0; 60];
        frame[0] = 0x6a;
        frame[1] = ecn << 4 | 0x7;
        let mut wire = wire("mark=100%");
        wire.offer(at(0), &frame);
        let after = wire.pop_due(at(0)).unwrap();
        assert_eq!((after[0], after[1]), (0x6a, expected << 4 | 0x7));
        assert_eq!(after[2..], frame[2..]);
    }
}

#[test]
fn what_is_no_ip_packet_is_never_marked() {
    let mut wire = wire("mark=100%");
    for frame in [vec![], vec![0x45], vec![0x45, 0xff], vec![0xff; 19], vec![0x6f; 39], vec![3; 60]]
    {
        wire.offer(at(0), &frame);
        assert_eq!(wire.pop_due(at(0)), Some(frame));
    }
    assert_eq!(wire.tally().marked, 0);
}

/// At 8 Mbit/s a frame of 1,000 bytes takes a millisecond. So many wait from the beginning, and
/// one more comes each millisecond: those that come out, with their moments.
fn standing_queue(text: &str, ecn: u8, frames: u32, millis: u32) -> (Impairment, Vec<Vec<u8>>) {
    let mut wire = wire(&format!("rate=8mbit,{text}"));
    let mut out = Vec::new();
    (0..frames).for_each(|number| wire.offer(at(0), &v4(ecn, number, 1000)));
    for milli in 1..=millis {
        let now = at(u64::from(milli) * 1000);
        while let Some(frame) = wire.pop_due(now) {
            out.push(frame);
        }
        wire.offer(now, &v4(ecn, frames + milli - 1, 1000));
    }
    (wire, out)
}

/// RFC 8289, 5: the first after an interval, then after an interval over the square root of how
/// many there were.
#[test]
fn codel_marks_more_and_more_often_while_a_queue_stands() {
    let (wire, out) = standing_queue("aqm=codel", ECT_0, 20, 700);
    let marked: Vec<u32> = out.iter().filter(|f| f[1] & 3 == CE).map(|f| number(f)).collect();
    // Frame 5 is the first that has waited for 5 ms; it leaves at 5 ms, so at 105 ms it is time.
    let mut expected = Vec::new();
    let mut next: f64 = 105.0;
    for count in 1.. {
        if next >= 700.0 {
            break;
        }
        expected.push(next.ceil() as u32);
        next += 100.0 / f64::from(count).sqrt();
    }
    assert_eq!(marked, expected);
    assert!(marked.len() > 10);
    let tally = wire.tally();
    assert_eq!((tally.shed, tally.overflowed), (0, 0), "a mark is all that they need");
}

#[test]
fn codel_drops_what_cannot_be_marked_until_the_queue_is_short() {
    for (text, ecn) in [("aqm=codel", NOT_ECT), ("aqm=codel,ecn=off", ECT_0)] {
        let (mut wire, out) = standing_queue(text, ecn, 20, 2000);
        let tally = wire.tally();
        assert_eq!((tally.marked, tally.overflowed), (0, 0));
        // Each has waited for 19 ms: 15 have to go, and none is dropped beyond that.
        assert_eq!(tally.shed, 15, "{text}");
        assert!(wire.backlog(at(2_000_000)).frames <= 5);
        assert!(out.iter().all(|frame| frame[1] & 3 == ecn));
        let missing: Vec<u32> =
            out.windows(2).flat_map(|pair| number(&pair[0]) + 1..number(&pair[1])).collect();
        assert_eq!(missing[0], 105);
        assert!(missing.windows(2).all(|pair| pair[0] < pair[1]));
    }
}

#[test]
fn codel_lets_bursts_and_short_queues_pass() {
    // 60 ms at once, which are gone before the interval is over; then again, much later.
    let mut wire = wire("rate=8mbit,aqm=codel");
    for burst in 0..5_u64 {
        (0..60).for_each(|number| wire.offer(at(burst * 1_000_000), &v4(ECT_0, number, 1000)));
        drain(&mut wire);
    }
    // Four milliseconds that stand for ever.
    let (short, _) = standing_queue("aqm=codel", ECT_0, 4, 2000);
    for tally in [wire.tally(), short.tally()] {
        assert_eq!((tally.marked, tally.shed), (0, 0));
    }
}

#[test]
fn codels_target_and_interval_are_as_set() {
    let (_, out) = standing_queue("aqm=codel,target=12ms,interval=30ms", ECT_0, 20, 100);
    let first = out.iter().find(|frame| frame[1] & 3 == CE).map(|frame| number(frame));
    assert_eq!(first, Some(42));
}

/// A managed queue decides when a frame's turn comes, however seldom somebody looks.
#[test]
fn who_looks_seldom_sees_the_same() {
    let look = |often: bool| {
        let mut wire = wire("rate=8mbit,aqm=codel,delay=3ms,jitter=2ms,reorder=5%,seed=9");
        let mut out = Vec::new();
        for number in 0..4000_u32 {
            let now = at(u64::from(number) * 900);
            while often && wire.next_due() <= now {
                let due = wire.next_due();
                out.extend(wire.pop_due(due).map(|frame| (due, frame)));
            }
            wire.offer(now, &v4(NOT_ECT, number, 1000));
        }
        let rest = drain(&mut wire);
        out.extend(rest);
        (out.into_iter().map(|(_, frame)| frame).collect::<Vec<_>>(), wire.tally())
    };
    let (seen, tally) = look(true);
    assert!(tally.shed > 50, "{tally}");
    assert_eq!((seen, tally), look(false));
}

#[test]
fn queues_hold_so_many_bytes_or_so_long_a_time() {
    for (text, taken) in [
        ("rate=8mbit,queue=10500b", 10),
        ("rate=8mbit,queue=10kb", 10),
        ("rate=8mbit,queue=7ms", 7),
        ("rate=8mbit,queue=7999us", 7),
        ("rate=8mbit,queue=7ms,aqm=codel", 7),
        // One is always taken.
        ("rate=8mbit,queue=1b", 1),
        ("rate=8mbit,queue=1us", 1),
    ] {
        let mut wire = wire(text);
        (0..20).for_each(|number| wire.offer(at(0), &v4(NOT_ECT, number, 1000)));
        assert_eq!(wire.tally().overflowed, 20 - taken, "{text}");
        // One has left.
        (0..20).for_each(|number| wire.offer(at(1000), &v4(NOT_ECT, number, 1000)));
        assert_eq!(wire.tally().overflowed, 39 - taken, "{text}");
    }
}

#[test]
fn a_backlog_is_told_and_so_is_how_long_each_waited() {
    for text in ["rate=8mbit,delay=50ms", "rate=8mbit,delay=50ms,aqm=codel"] {
        let mut wire = wire(text);
        (0..10).for_each(|number| wire.offer(at(0), &v4(NOT_ECT, number, 1000)));
        for (micros, frames) in [(0, 10), (999, 10), (1000, 9), (9999, 1), (10_000, 0)] {
            let backlog = Backlog { frames, bytes: frames as u64 * 1000 };
            assert_eq!(wire.backlog(at(micros)), backlog, "{text} at {micros}");
        }
        for number in 0..10_u64 {
            let passed = wire.pop(at(1_000_000)).unwrap();
            assert_eq!(passed.queued, Duration::from_millis(number));
        }
        assert_eq!(wire.tally().delivered_bytes, 10_000);
    }
    let mut unlimited = wire("delay=50ms");
    unlimited.offer(at(0), &[0; 100]);
    assert_eq!(unlimited.backlog(at(0)), Backlog::default());
}

#[test]
fn nothing_passes_in_an_outage() {
    let mut wire = wire("delay=1ms,outage=10ms-20ms/30ms-31ms");
    (0..50).for_each(|milli| wire.offer(at(milli * 1000), &v4(NOT_ECT, milli as u32, 24)));
    let passed: Vec<u32> = drain(&mut wire).iter().map(|(_, frame)| number(frame)).collect();
    let expected: Vec<u32> =
        (0..50).filter(|milli| !(10..20).contains(milli) && *milli != 30).collect();
    assert_eq!(passed, expected);
    assert_eq!(wire.tally().cut, 11);
}

#[test]
fn what_waits_when_an_outage_begins_waits_until_its_end() {
    for text in ["rate=8mbit,outage=3ms-10ms", "rate=8mbit,outage=3ms-10ms,aqm=codel"] {
        let mut wire = wire(text);
        (0..6).for_each(|number| wire.offer(at(0), &v4(NOT_ECT, number, 1000)));
        let due: Vec<Instant> = drain(&mut wire).iter().map(|(due, _)| *due).collect();
        assert_eq!(due, [1, 2, 3, 11, 12, 13].map(|milli| at(milli * 1000)), "{text}");
    }
}

#[test]
fn a_tally_tells_of_what_is_rare_where_it_happened() {
    let mut wire = wire("mark=100%,outage=1s-2s");
    wire.offer(at(0), &v4(ECT_0, 0, 24));
    wire.offer(at(1_500_000), &v4(ECT_0, 0, 24));
    let told = wire.tally().to_string();
    assert!(told.starts_with("2 frames offered, 0 lost"), "{told}");
    assert!(told.ends_with("0 delivered, 1 cut, 1 marked"), "{told}");
}
