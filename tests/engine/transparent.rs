//! Listeners that take connections to addresses that are not the host's.

use std::sync::Arc;
use std::time::Duration;

use tuntcp::engine::{ConnectOptions, ListenOptions, Listener, OpenError};
use tuntcp::tcp::Config;
use tuntcp::trace::Dropped;
use tuntcp::wire::icmp::emit_unreachable;
use tuntcp::wire::{Flags, Flow, Packet, Segment};

use crate::world::{Bench, HERE, Peer, THERE, at, frame, only, tcp};

const ELSEWHERE: &str = "203.0.113.7";

fn listen(bench: &Bench, ip: &str, port: u16) -> Result<Listener, OpenError> {
    let mut options = ListenOptions::new(8, Arc::new(Config::default()));
    options.transparent = true;
    bench.engine.listen_as(at(ip, port), &options)
}

#[test]
fn every_address_and_every_port_is_taken() {
    let mut bench = Bench::new();
    let listener = listen(&bench, "::", 0).unwrap();
    let wishes = [(ELSEWHERE, 1), (ELSEWHERE, 443), ("8.8.8.8", 53), (HERE, 7), (HERE, 65_535)];
    for (ip, port) in wishes {
        let peer = Peer::new(5000, 0).to(at(ip, port)).opened(&mut bench);
        let socket = listener.accept().unwrap().expect("it is open");
        assert_eq!(socket.local_addr(), at(ip, port));
        assert_eq!(socket.peer_addr(), at(THERE, 5000));
        socket.write(bench.now, b"welcome").unwrap();
        let frame = only(bench.sent());
        assert_eq!(tcp(&frame).payload, b"welcome");
        assert_eq!(Packet::parse(&frame, false).unwrap().source, peer.flow.remote.ip());
        drop(socket);
        bench.sent();
    }
}

#[test]
fn whoever_fits_better_comes_first() {
    let mut bench = Bench::new();
    let listeners = [
        bench.listen(7, 8),
        bench.engine.listen(at("0.0.0.0", 8), 8).unwrap(),
        listen(&bench, ELSEWHERE, 80).unwrap(),
        listen(&bench, "0.0.0.0", 80).unwrap(),
        listen(&bench, "0.0.0.0", 8).unwrap(),
        listen(&bench, "0.0.0.0", 0).unwrap(),
    ];
    for (ip, port, expected) in [
        (HERE, 7, 0),
        (ELSEWHERE, 7, 5),
        (HERE, 8, 1),
        (ELSEWHERE, 8, 4),
        (ELSEWHERE, 80, 2),
        ("203.0.113.8", 80, 3),
        (HERE, 80, 3),
        (HERE, 81, 5),
    ] {
        Peer::new(5000, 0).to(at(ip, port)).opened(&mut bench);
        let taker = listeners.iter().position(Listener::is_acceptable);
        assert_eq!(taker, Some(expected), "{ip}:{port}");
        drop(listeners[expected].accept().unwrap());
        bench.sent();
    }
}

#[test]
fn strangers_are_nobodys_business_unless_somebody_takes_them() {
    let mut bench = Bench::new();
    let stranger = |port| Peer::new(5000, 0).to(at(ELSEWHERE, port));
    assert!(bench.give([stranger(80).syn()]).is_empty());
    assert_eq!(bench.dropped(Dropped::NotOurs), 1);
    let listener = listen(&bench, "0.0.0.0", 80).unwrap();
    // Another port: not for us, so it is not for us to refuse it.
    assert!(bench.give([stranger(81).syn()]).is_empty());
    assert_eq!(bench.dropped(Dropped::NotOurs), 2);
    // An end of a connection that we never had, at a place for which we speak.
    let stray = Peer { ack: Some(tuntcp::wire::SeqNum::new(1)), ..stranger(80) };
    let reset = only(bench.give([stray.segment(Flags::empty(), b"?")]));
    assert!(tcp(&reset).flags.contains(Flags::RST));

    let peer = stranger(80).opened(&mut bench);
    let socket = listener.accept().unwrap().expect("it is open");
    drop(listener);
    // It goes on without its listener; a new one does not come.
    bench.give([peer.segment(Flags::empty(), b"still here")]);
    assert_eq!(socket.readable(), 10);
    let late = Peer::new(5001, 0).to(at(ELSEWHERE, 80));
    assert!(bench.give([late.syn()]).is_empty());
}

/// Packets to others are looked at while there is a listener or a connection for them, and no longer.
#[test]
fn once_nobody_is_there_others_are_left_alone() {
    let mut bench = Bench::new();
    // An error about a segment of a connection that is not there.
    let mut error = Vec::new();
    let (there, elsewhere) = (at(THERE, 80), at(ELSEWHERE, 80));
    let flow = Flow { local: elsewhere, remote: there };
    let sent = frame(&flow, &Segment::default(), &[]);
    emit_unreachable(&mut error, there.ip(), elsewhere.ip(), 1, &sent);
    let is_looked_at = |bench: &mut Bench| {
        let before = [Dropped::IcmpStranger, Dropped::NotOurs].map(|why| bench.dropped(why));
        assert!(bench.give([error.clone()]).is_empty());
        let after = [Dropped::IcmpStranger, Dropped::NotOurs].map(|why| bench.dropped(why));
        assert_eq!(before.iter().sum::<u64>() + 1, after.iter().sum());
        after[0] > before[0]
    };
    assert!(!is_looked_at(&mut bench));
    let listener = listen(&bench, ELSEWHERE, 80).unwrap();
    let mut peer = Peer::new(5000, 0).to(at(ELSEWHERE, 80)).opened(&mut bench);
    let socket = listener.accept().unwrap().expect("it is open");
    drop(listener);
    assert!(is_looked_at(&mut bench));
    // It closes first, so that it stays for a while.
    drop(socket);
    bench.sent();
    peer.ack = peer.ack.map(|ack| ack + 1);
    bench.give([peer.segment(Flags::FIN, &[])]);
    assert_eq!(only(bench.give([peer.segment(Flags::FIN, &[])])).len(), 40, "heard again");
    assert!(is_looked_at(&mut bench));
    bench.now += Duration::from_secs(61);
    bench.turn();
    assert_eq!(bench.engine.connections(), 0);
    assert!(!is_looked_at(&mut bench));
    // It begins anew.
    let listener = listen(&bench, ELSEWHERE, 80).unwrap();
    let peer = Peer::new(5000, 0).to(at(ELSEWHERE, 80)).opened(&mut bench);
    bench.give([peer.segment(Flags::RST, &[])]);
    assert_eq!(bench.engine.connections(), 0);
    assert!(is_looked_at(&mut bench));
    drop(listener);
    assert!(!is_looked_at(&mut bench));
}

#[test]
fn what_no_host_has_is_never_taken() {
    let mut bench = Bench::new();
    let _listener = listen(&bench, "::", 0).unwrap();
    for ip in ["192.0.2.255", "255.255.255.255", "224.0.0.1", "127.0.0.1", "0.0.0.0"] {
        let wish = Peer::new(5000, 0).to(at(ip, 80));
        assert!(bench.give([wish.syn()]).is_empty(), "{ip}");
    }
    assert_eq!(bench.dropped(Dropped::NotOurs), 5);
    // Nor is port 0, though it is ours to refuse.
    let reset = only(bench.give([Peer::new(5000, 0).syn()]));
    assert!(tcp(&reset).flags.contains(Flags::RST));
}

#[test]
fn two_of_a_kind_are_refused_and_so_are_impossible_addresses() {
    let bench = Bench::new();
    let _any = listen(&bench, "::", 0).unwrap();
    assert_eq!(listen(&bench, "0.0.0.0", 0).unwrap_err(), OpenError::AddrInUse);
    let _web = listen(&bench, ELSEWHERE, 80).unwrap();
    assert_eq!(listen(&bench, ELSEWHERE, 80).unwrap_err(), OpenError::AddrInUse);
    for ip in ["224.0.0.1", "127.0.0.1", "192.0.2.255"] {
        assert_eq!(listen(&bench, ip, 81).unwrap_err(), OpenError::AddrNotAvailable, "{ip}");
    }
    // Who is not transparent still finds ports of his own.
    bench.engine.listen(at(HERE, 0), 8).unwrap();
    bench.engine.connect(bench.now, None, at(THERE, 80)).unwrap();
}

#[test]
fn a_connection_may_come_from_anybody() {
    let mut bench = Bench::new();
    let connect = |transparent| {
        let mut options = ConnectOptions::new(Arc::new(Config::default()));
        options.transparent = transparent;
        bench.engine.connect_as(bench.now, Some(at(ELSEWHERE, 0)), at(THERE, 80), &options)
    };
    assert_eq!(connect(false).unwrap_err(), OpenError::AddrNotAvailable);
    let socket = connect(true).unwrap();
    assert_eq!(socket.local_addr().ip(), at(ELSEWHERE, 0).ip());
    let syn = only(bench.sent());
    let mut peer = Peer::new(80, 0).to(socket.local_addr());
    peer.ack = Some(tcp(&syn).seq + 1);
    bench.give([peer.segment(Flags::SYN, &[])]);
    assert_eq!(socket.opened(), Ok(true));
}
