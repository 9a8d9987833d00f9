//! Who may speak to us, and to whom (RFC 1122 3.2.1.3; RFC 9293 3.9.2.3, MUST-57, MUST-63)?

use std::net::SocketAddr;

use tuntcp::trace::Dropped;
use tuntcp::wire::icmp::{Echo, emit_echo};
use tuntcp::wire::{Flags, Flow, IpFields, RawWindow, Segment, ip};

use crate::world::{Bench, HERE, THERE, address, at, frame};

fn syn(from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    let segment = Segment { flags: Flags::SYN, window: RawWindow(1000), ..Segment::default() };
    frame(&Flow { local: from, remote: to }, &segment, &[])
}

/// Proves: MUST-57, MUST-63, RFC1122-3.2.1.3-b, RFC1122-3.2.1.3-c, RFC791-3.1-ttl.
/// Proves: RFC1122-3.1-c, RFC1122-3.1-d, RFC1122-3.3.6-b.
#[test]
fn each_reason_has_its_counter() {
    let rows = [
        (THERE, "192.0.2.3", Dropped::NotOurs),
        (THERE, "192.0.2.255", Dropped::NotOurs),
        (THERE, "255.255.255.255", Dropped::NotOurs),
        (THERE, "224.0.0.1", Dropped::NotOurs),
        (THERE, "127.0.0.1", Dropped::NotOurs),
        ("224.0.0.1", HERE, Dropped::FromMulticast),
        ("239.255.255.255", HERE, Dropped::FromMulticast),
        ("255.255.255.255", HERE, Dropped::FromBroadcast),
        ("192.0.2.255", HERE, Dropped::FromBroadcast),
        ("127.0.0.1", HERE, Dropped::FromLoopback),
        ("127.255.0.9", HERE, Dropped::FromLoopback),
        (HERE, HERE, Dropped::FromOurselves),
        ("0.0.0.0", HERE, Dropped::FromNowhere),
        ("0.1.2.3", HERE, Dropped::FromNowhere),
        ("240.0.0.1", HERE, Dropped::FromNowhere),
    ];
    for (from, to, why) in rows {
        let mut bench = Bench::new();
        let _listener = bench.listen(7, 8);
        let sent = bench.give([syn(at(from, 5000), at(to, 7))]);
        assert!(sent.is_empty(), "{from} > {to} was answered");
        assert_eq!(bench.dropped(why), 1, "{from} > {to}");
        assert_eq!(bench.engine.counters().iter().count(), 1, "{from} > {to}");
        assert_eq!(bench.engine.connections(), 0);
    }
}

/// Proves: RFC1122-3.2.1.3-e.
#[test]
fn the_broadcast_of_another_network_is_an_address_like_any() {
    let mut bench = Bench::new();
    let _listener = bench.listen(7, 8);
    assert_eq!(bench.give([syn(at("198.51.100.255", 5000), at(HERE, 7))]).len(), 1);
}

/// Proves: RFC1122-3.2.2-e.
#[test]
fn no_icmp_error_about_what_was_not_for_us_alone() {
    // RFC 1122 3.2.2: nothing about broadcasts, or from a source that names no host.
    let rows = [(THERE, "192.0.2.255"), ("0.0.0.0", HERE), ("192.0.2.255", HERE)];
    for (from, to) in rows {
        let mut bench = Bench::new();
        let fields = IpFields::default();
        let packet = ip::emit_packet(address(from), address(to), 99, &fields, b"whatever");
        assert!(bench.give([packet]).is_empty(), "{from} > {to}");
        assert_eq!(bench.dropped(Dropped::UnknownProtocol), 0);
    }
}

/// Proves: RFC1122-3.2.1.1.
/// RFC 1122 3.2.2.6: it may be ignored, and is: many would answer one.
/// Proves: RFC1122-3.2.2.6-c.
#[test]
fn a_ping_to_everybody_gets_no_answer() {
    for to in ["192.0.2.255", "255.255.255.255", "224.0.0.1"] {
        let mut bench = Bench::new();
        let echo = Echo { identifier: 7, sequence: 9, payload: b"anybody?" };
        let mut ping = Vec::new();
        emit_echo(&mut ping, address(THERE), address(to), false, &echo);
        assert!(bench.give([ping]).is_empty(), "{to}");
        assert_eq!(bench.dropped(Dropped::NotOurs), 1, "{to}");
    }
}

#[test]
fn garbage_is_counted_and_nothing_else() {
    let mut bench = Bench::new();
    let garbage = (0..200_usize).map(|len| vec![u8::try_from(len).unwrap_or(0); len]);
    assert!(bench.give(garbage).is_empty());
    while bench.turn() == bench.now {}
    let counted: u64 = bench.engine.counters().iter().map(|(_, count)| count).sum();
    assert_eq!(counted, 200);
}
