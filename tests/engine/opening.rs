//! Active opens: which addresses, which ports (RFC 9293 3.9.1.1; RFC 6056).

use tuntcp::engine::OpenError;
use tuntcp::tcp::Error;
use tuntcp::wire::icmp::{Echo, emit_echo};
use tuntcp::wire::{Flags, Flow, Packet, RawWindow, Segment};

use crate::world::{Bench, Duo, HERE, THERE, address, at, config_at, frame, only, tcp};

/// Proves: RFC1122-3.2.1.3-d.
/// Proves: RFC1122-3.2.1.3-e.
#[test]
fn no_host_can_have_that_address() {
    // MUST-46.
    let bench = Bench::new();
    let rows =
        ["0.0.0.0", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.255", HERE];
    for remote in rows {
        let refused = bench.engine.connect(bench.now, None, at(remote, 80));
        assert_eq!(refused.map(drop), Err(OpenError::BadRemote), "{remote}");
    }
    let refused = bench.engine.connect(bench.now, None, at(THERE, 0));
    assert_eq!(refused.map(drop), Err(OpenError::BadRemote));
    let refused = bench.engine.connect(bench.now, None, "[2001:db8::1]:80".parse().unwrap());
    assert_eq!(refused.map(drop), Err(OpenError::BadRemote));
    assert!(bench.sent().is_empty());
    assert_eq!(bench.engine.connections(), 0);
}

/// Proves: MUST-43, RFC1122-3.2.1.3-a.
/// Proves: RFC1122-3.2.2.9-a, RFC1122-3.3.1.6, RFC1122-3.3.4.2-b, RFC1122-3.2.1.3-f.
#[test]
fn the_address_of_the_remotes_network_is_chosen() {
    // MUST-44.
    let mut config = config_at("192.0.2.2/24");
    config.addresses.push("198.51.100.2/24".parse().unwrap());
    let bench = Bench::with(config);
    let rows = [
        (None, "198.51.100.9", "198.51.100.2"),
        (None, THERE, HERE),
        (None, "203.0.113.1", HERE),
        (Some("0.0.0.0"), "198.51.100.9", "198.51.100.2"),
        (Some(HERE), "198.51.100.9", HERE),
    ];
    for (local, remote, expected) in rows {
        let local = local.map(|ip| at(ip, 0));
        let socket = bench.engine.connect(bench.now, local, at(remote, 80)).unwrap();
        assert_eq!(socket.local_addr().ip(), at(expected, 0).ip(), "{remote}");
        assert!(socket.local_addr().port() >= 1024);
    }
    let refused = bench.engine.connect(bench.now, Some(at(THERE, 0)), at(THERE, 80));
    assert_eq!(refused.map(drop), Err(OpenError::AddrNotAvailable));
}

/// Proves: RFC6056-3.3-coll, RFC6056-3.2.
/// RFC 1122 3.3.4.2. Proves: RFC1122-3.3.4.2-a, RFC1122-3.2.2.6-b.
#[test]
fn the_address_that_was_asked_answers() {
    let other = "198.51.100.2";
    let mut config = config_at("192.0.2.2/24");
    config.addresses.push("198.51.100.2/24".parse().unwrap());
    let mut bench = Bench::with(config);
    let _listener = bench.engine.listen(at("0.0.0.0", 7), 8).unwrap();
    let flow = Flow { local: at(THERE, 5000), remote: at(other, 7) };
    let syn = Segment { flags: Flags::SYN, window: RawWindow(5000), ..Segment::default() };
    let closed = Flow { remote: at(other, 9), ..flow };
    let mut ping = Vec::new();
    let echo = Echo { identifier: 7, sequence: 9, payload: b"who?" };
    emit_echo(&mut ping, address(THERE), address(other), false, &echo);
    for frame in [frame(&flow, &syn, &[]), frame(&closed, &syn, &[]), ping] {
        let answer = only(bench.give([frame]));
        let answer = Packet::parse(&answer, false).expect("a sound frame");
        assert_eq!((answer.source, answer.destination), (address(other), address(THERE)));
    }
}

#[test]
fn every_port_is_used_once_towards_a_remote() {
    let mut config = config_at("192.0.2.2/24");
    // RFC 6056 3.2.
    assert_eq!(config.ephemeral_ports, 1_024..=65_535, "as many as there are");
    config.ephemeral_ports = 50_000..=50_003;
    let bench = Bench::with(config);
    let _listener = bench.listen(50_001, 8);
    let connect = |port| bench.engine.connect(bench.now, None, at(THERE, port));
    let sockets = [80, 80, 80].map(|port| connect(port).expect("three ports are free"));
    let mut ports = sockets.each_ref().map(|socket| socket.local_addr().port());
    ports.sort_unstable();
    assert_eq!(ports, [50_000, 50_002, 50_003], "not where somebody listens");
    assert_eq!(connect(80).map(drop), Err(OpenError::PortsExhausted));
    assert!(connect(81).is_ok(), "another remote has all of them");
    let again = bench.engine.connect(bench.now, Some(at(HERE, 50_000)), at(THERE, 80));
    assert_eq!(again.map(drop), Err(OpenError::AddrInUse));
    drop(sockets);
    assert!(connect(80).is_ok(), "given up, free again");
}

#[test]
fn a_refused_connect_is_told() {
    let mut duo = Duo::new();
    let socket = duo.here.engine.connect(duo.now(), None, at(THERE, 80)).unwrap();
    assert!(!socket.wait_writable(Some(std::time::Duration::ZERO)));
    duo.settle();
    assert!(socket.wait_writable(None));
    assert_eq!(socket.opened(), Err(Error::Refused));
    assert_eq!(duo.here.engine.connections(), 0);
}

/// Proves: RFC1122-3.3.1.1-b.
#[test]
fn both_may_open_at_once() {
    // RFC 9293 3.5, MUST-10.
    let mut bench = Bench::new();
    let socket = bench.engine.connect(bench.now, Some(at(HERE, 7)), at(THERE, 80)).unwrap();
    let ours = tcp(&only(bench.sent())).seq;
    let flow = Flow { local: at(THERE, 80), remote: at(HERE, 7) };
    let mut theirs = Segment { flags: Flags::SYN, window: RawWindow(5000), ..Segment::default() };
    let syn_ack = only(bench.give([frame(&flow, &theirs, &[])]));
    assert!(tcp(&syn_ack).flags.contains(Flags::SYN) && tcp(&syn_ack).ack == Some(theirs.seq + 1));
    theirs.ack = Some(ours + 1);
    bench.give([frame(&flow, &theirs, &[])]);
    assert_eq!(socket.opened(), Ok(true));
}

#[test]
fn the_segment_that_answers_is_taken_under_the_right_flow() {
    let mut bench = Bench::new();
    let socket = bench.engine.connect(bench.now, None, at(THERE, 80)).unwrap();
    let ours = tcp(&only(bench.sent())).seq;
    let flow = Flow { local: at(THERE, 81), remote: socket.local_addr() };
    let refusal = Segment { flags: Flags::RST, ack: Some(ours + 1), ..Segment::default() };
    bench.give([frame(&flow, &refusal, &[])]);
    assert_eq!(socket.opened(), Ok(false), "a RST from another port");
    let flow = Flow { local: at(THERE, 80), ..flow };
    bench.give([frame(&flow, &refusal, &[])]);
    assert_eq!(socket.opened(), Err(Error::Refused));
}
