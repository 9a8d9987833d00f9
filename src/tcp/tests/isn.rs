//! First numbers: RFC 6528; RFC 9293 3.4.1; RFC 7323 7.1; RFC 6056 3.3.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::IsnGenerator;
use crate::time::Instant;
use crate::wire::Flow;

const KEY: [u8; 16] = *b"a secret of ours";

fn flow(port: u16) -> Flow {
    Flow {
        local: SocketAddr::from(([192, 0, 2, 2], 7)),
        remote: SocketAddr::from(([192, 0, 2, 1], port)),
    }
}

/// Proves: MUST-8, SHLD-1, RFC6528-3-a.
#[test]
fn the_sequence_numbers_of_a_flow_follow_a_clock_of_4_microseconds() {
    let generator = IsnGenerator::new(KEY);
    let start = Instant::ZERO + Duration::from_secs(1);
    let first = generator.isn(start, &flow(1));
    for (after, ticks) in [
        (Duration::ZERO, 0),
        (Duration::from_nanos(3_999), 0),
        (Duration::from_micros(4), 1),
        (Duration::from_secs(1), 250_000),
        // 2^32 ticks are 4.77 hours: the clock has come around.
        (Duration::from_micros(4) * 0x8000_0000 * 2, 0),
    ] {
        assert_eq!(generator.isn(start + after, &flow(1)), first + ticks, "{after:?}");
    }
}

/// Proves: MUST-9, SHLD-1, RFC6528-3-a, RFC6528-3-b.
#[test]
fn flows_and_keys_say_nothing_about_each_other() {
    let now = Instant::ZERO;
    let generator = IsnGenerator::new(KEY);
    let mut seen = HashSet::new();
    for port in 1..=1_000 {
        let Flow { local, remote } = flow(port);
        seen.insert(generator.isn(now, &flow(port)));
        seen.insert(generator.isn(now, &Flow { local: remote, remote: local }));
        seen.insert(IsnGenerator::new([port as u8; 16]).isn(now, &flow(port)));
    }
    // Two of 3,000 numbers of 32 bits hardly ever meet.
    assert_eq!(seen.len(), 3_000);
}

#[test]
fn the_same_key_gives_the_same_numbers() {
    let (one, other) = (IsnGenerator::new(KEY), IsnGenerator::new(KEY));
    assert_eq!(one.isn(Instant::ZERO, &flow(9)), other.isn(Instant::ZERO, &flow(9)));
    assert_eq!(one.timestamp_offset(&flow(9)), other.timestamp_offset(&flow(9)));
}

/// Proves: RFC7323-7.1.
#[test]
fn timestamps_are_shifted_by_peer_and_not_by_port() {
    let generator = IsnGenerator::new(KEY);
    let offset = generator.timestamp_offset(&flow(1));
    assert_eq!(offset, generator.timestamp_offset(&flow(2)), "RFC 6191 needs it to grow");
    let elsewhere = Flow { remote: SocketAddr::from(([192, 0, 2, 3], 1)), ..flow(1) };
    assert_ne!(offset, generator.timestamp_offset(&elsewhere));
    assert_ne!(offset, IsnGenerator::new([0; 16]).timestamp_offset(&flow(1)));
}

/// Proves: RFC6056-3.3.
#[test]
fn the_search_for_a_port_begins_elsewhere_for_each_destination() {
    let generator = IsnGenerator::new(KEY);
    let local = IpAddr::from([192, 0, 2, 2]);
    let begins: HashSet<u32> =
        (1..=1_000).map(|port| generator.port_offset(local, flow(port).remote)).collect();
    assert_eq!(begins.len(), 1_000);
}

#[test]
fn each_purpose_has_a_hash_of_its_own() {
    let generator = IsnGenerator::new(KEY);
    let numbers = HashSet::from([
        generator.isn(Instant::ZERO, &flow(1)).raw(),
        generator.timestamp_offset(&flow(1)),
        generator.port_offset(flow(1).local.ip(), flow(1).remote),
    ]);
    assert_eq!(numbers.len(), 3);
}

/// Proves: MUST-9, RFC6528-3-b.
#[test]
fn the_key_is_not_printed() {
    let printed = format!("{:?}", IsnGenerator::new(KEY));
    assert_eq!(printed, "IsnGenerator { .. }");
}
