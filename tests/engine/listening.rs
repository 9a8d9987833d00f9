//! Half-open connections, the backlog, the accept queue, and who may listen where.

use std::sync::Arc;
use std::time::Duration;

use tuntcp::engine::OpenError;
use tuntcp::tcp::Error;
use tuntcp::trace::Dropped;
use tuntcp::wire::{Flags, SeqNum};

use crate::world::{Bench, HERE, Peer, THERE, at, config_at, only, tcp};

#[test]
fn connections_are_accepted_in_the_order_they_opened() {
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    assert!(listener.accept().unwrap().is_none());
    assert!(!listener.wait(Some(Duration::ZERO)));
    for port in [5003, 5001, 5002] {
        Peer::open(&mut bench, port, 7);
    }
    assert!(listener.wait(None));
    for port in [5003, 5001, 5002] {
        let socket = listener.accept().unwrap().expect("one more");
        assert_eq!(socket.peer_addr(), at(THERE, port));
        assert_eq!(socket.opened(), Ok(true));
    }
    assert!(listener.accept().unwrap().is_none());
}

#[test]
fn syn_with_fin_is_dropped_where_that_is_wanted() {
    let mut config = crate::world::config_at("192.0.2.2/24");
    for dropped in [false, true] {
        config.drop_syn_fin = dropped;
        let mut bench = Bench::with(config.clone());
        let _listener = bench.listen(7, 2);
        let peer = Peer::new(5000, 7);
        let syn_fin = peer.segment(Flags::SYN | Flags::FIN, &[]);
        assert_eq!(bench.give([syn_fin]).len(), usize::from(!dropped));
        assert_eq!(bench.dropped(Dropped::SynFin), u64::from(dropped));
    }
}

/// Proves: RFC4987-3.2.
#[test]
fn a_syn_beyond_the_backlog_is_dropped_and_its_next_try_is_not() {
    let mut bench = Bench::new();
    let listener = bench.listen(7, 2);
    // One open, one half-open: the backlog is full.
    Peer::open(&mut bench, 5000, 7);
    let mut half_open = Peer::new(5001, 7);
    let syn_ack = only(bench.give([half_open.syn()]));
    let late = Peer::new(5002, 7);
    assert!(bench.give([late.syn()]).is_empty(), "neither answered nor reset");
    assert_eq!(bench.dropped(Dropped::BacklogFull), 1);
    assert_eq!(bench.engine.connections(), 2);
    // What is half-open keeps its place.
    half_open.seq += 1;
    half_open.ack = Some(tcp(&syn_ack).seq + 1);
    bench.give([half_open.segment(Flags::empty(), &[])]);
    let first = listener.accept().unwrap().expect("the first");
    assert_eq!(first.peer_addr().port(), 5000);
    // One place is free again.
    assert_eq!(bench.give([late.syn()]).len(), 1);
    let second = listener.accept().unwrap().expect("the second");
    assert_eq!(second.peer_addr().port(), 5001);
}

#[test]
fn a_half_open_connection_that_fails_frees_its_place() {
    let mut bench = Bench::new();
    let listener = bench.listen(7, 1);
    for port in 5000..5010 {
        let mut peer = Peer::new(port, 7);
        assert_eq!(bench.give([peer.syn()]).len(), 1, "{port}");
        peer.seq += 1;
        assert!(bench.give([peer.segment(Flags::RST, &[])]).is_empty());
        assert_eq!(bench.engine.connections(), 0);
    }
    // One that nobody answers goes after R2.
    bench.give([Peer::new(6000, 7).syn()]);
    assert!(bench.give([Peer::new(6001, 7).syn()]).is_empty());
    bench.pass(Duration::from_secs(1000));
    assert_eq!(bench.engine.connections(), 0);
    bench.sent();
    assert_eq!(bench.give([Peer::new(6001, 7).syn()]).len(), 1);
    assert!(listener.accept().unwrap().is_none());
}

#[test]
fn what_was_reset_before_it_was_accepted_is_accepted_and_tells() {
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    let peer = Peer::open(&mut bench, 5000, 7);
    bench.give([peer.segment(Flags::empty(), b"hello")]);
    let peer = Peer { seq: peer.seq + 5, ..peer };
    bench.give([peer.segment(Flags::RST, &[])]);
    let socket = listener.accept().unwrap().expect("it was open");
    let mut buf = [0; 16];
    assert_eq!(socket.read(bench.now, &mut buf, false), Ok(Some(5)));
    assert_eq!(socket.read(bench.now, &mut buf, false), Err(Error::Reset));
    assert_eq!(socket.read(bench.now, &mut buf, false), Ok(Some(0)));
}

#[test]
fn a_dropped_listener_resets_what_nobody_accepted() {
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    Peer::open(&mut bench, 5000, 7);
    let accepted = listener.accept().unwrap().expect("the first");
    Peer::open(&mut bench, 5001, 7);
    bench.give([Peer::new(5002, 7).syn()]);
    drop(listener);
    let resets = bench.sent();
    assert_eq!(resets.len(), 2);
    assert!(resets.iter().all(|frame| tcp(frame).flags.contains(Flags::RST)));
    assert_eq!(bench.engine.connections(), 1);
    assert_eq!(accepted.write(bench.now, b"on we go"), Ok(Some(8)));
    assert_eq!(tcp(&only(bench.sent())).payload, b"on we go");
    // The port is free, and closed.
    assert_eq!(tcp(&only(bench.give([Peer::new(5003, 7).syn()]))).flags, Flags::RST);
    bench.listen(7, 8);
}

/// Proves: MUST-41, MUST-43.
#[test]
fn who_may_listen_where() {
    let mut config = config_at("192.0.2.2/24");
    config.addresses.push("198.51.100.2/24".parse().unwrap());
    config.ephemeral_ports = 40_000..=40_002;
    let bench = Bench::with(config);
    let listen = |ip, port| bench.engine.listen(at(ip, port), 8);
    let other = "198.51.100.2";
    assert_eq!(listen(THERE, 7).unwrap_err(), OpenError::AddrNotAvailable);
    let exact = listen(HERE, 7).expect("free");
    assert_eq!(listen(HERE, 7).unwrap_err(), OpenError::AddrInUse);
    assert_eq!(listen("0.0.0.0", 7).unwrap_err(), OpenError::AddrInUse);
    let second = listen(other, 7).expect("another address");
    drop((exact, second));
    let any = listen("0.0.0.0", 7).expect("free again");
    assert_eq!(listen(HERE, 7).unwrap_err(), OpenError::AddrInUse);
    assert_eq!(any.local_addr(), at("0.0.0.0", 7));
    let taken: Vec<_> = (0..3).map(|_| listen(HERE, 0).expect("three are free")).collect();
    let mut ports: Vec<_> = taken.iter().map(|one| one.local_addr().port()).collect();
    ports.sort_unstable();
    assert_eq!(ports, [40_000, 40_001, 40_002]);
    assert_eq!(listen(HERE, 0).unwrap_err(), OpenError::PortsExhausted);
    assert_eq!(listen(other, 0).map(drop), Ok(()));
}

#[test]
fn a_wildcard_answers_from_the_address_that_was_asked() {
    let mut bench = Bench::new();
    let listener = bench.engine.listen(at("0.0.0.0", 7), 8).unwrap();
    Peer::open(&mut bench, 5000, 7);
    let socket = listener.accept().unwrap().expect("it is open");
    assert_eq!(socket.local_addr(), at(HERE, 7));
}

#[test]
fn a_port_with_an_open_under_way_can_be_listened_at() {
    // RFC 9293 3.9.1.1, MUST-42.
    let mut bench = Bench::new();
    let socket = bench.engine.connect(bench.now, Some(at(HERE, 7)), at(THERE, 80)).unwrap();
    bench.sent();
    let listener = bench.listen(7, 8);
    Peer::open(&mut bench, 5000, 7);
    assert!(listener.accept().unwrap().is_some());
    assert_eq!(socket.opened(), Ok(false));
}

#[test]
fn an_accepting_thread_is_woken() {
    let mut bench = Bench::new();
    let listener = Arc::new(bench.listen(7, 8));
    let waiter = std::thread::spawn({
        let listener = Arc::clone(&listener);
        move || {
            assert!(listener.wait(None));
            listener.accept().unwrap().expect("it was woken for one")
        }
    });
    Peer::open(&mut bench, 5000, 7);
    assert_eq!(waiter.join().unwrap().peer_addr(), at(THERE, 5000));
    let waiter = std::thread::spawn(move || {
        assert!(listener.wait(None));
        listener.accept().unwrap_err()
    });
    bench.engine.close_all(bench.now);
    assert_eq!(waiter.join().unwrap(), OpenError::HostDown);
}

#[test]
fn a_listener_that_goes_while_segments_arrive_leaves_nobody_behind() {
    for round in 0..200_u32 {
        let mut bench = Bench::new();
        let listener = bench.listen(7, 64);
        let mut peers: Vec<_> = (0..16).map(|index| Peer::new(5000 + index, 7)).collect();
        let syns: Vec<_> = peers.iter().map(Peer::syn).collect();
        let early = if round % 2 == 0 { bench.give(syns.clone()) } else { Vec::new() };
        for (peer, frame) in peers.iter_mut().zip(&early) {
            peer.seq += 1;
            peer.ack = Some(tcp(frame).seq + 1);
        }
        let next: Vec<_> = if early.is_empty() {
            syns
        } else {
            peers.iter().map(|peer| peer.segment(Flags::empty(), &[])).collect()
        };
        let gone = std::thread::spawn(move || drop(listener));
        let answers = bench.give(next);
        gone.join().unwrap();
        // Those that were let in by a hair's breadth find nobody when they open.
        let late: Vec<_> = answers
            .iter()
            .filter(|frame| tcp(frame).flags.contains(Flags::SYN))
            .map(|frame| {
                let port = u16::from_be_bytes([frame[22], frame[23]]);
                let mut peer = Peer::new(port, 7);
                peer.seq += 1;
                peer.ack = Some(tcp(frame).seq + 1);
                peer.segment(Flags::empty(), &[])
            })
            .collect();
        bench.give(late);
        assert_eq!(bench.engine.connections(), 0, "round {round}");
    }
}

#[test]
fn first_numbers_differ() {
    let mut bench = Bench::new();
    let _listener = bench.listen(7, 8);
    let numbers: Vec<SeqNum> = [5000, 5001, 5002]
        .map(|port| tcp(&only(bench.give([Peer::new(port, 7).syn()]))).seq)
        .into();
    assert!(numbers[0] != numbers[1] && numbers[1] != numbers[2]);
}
