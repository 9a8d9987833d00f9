//! What may be chosen when an endpoint is opened: who may listen beside whom, which ports.

use std::collections::HashMap;
use std::sync::Arc;

use tuntcp::engine::{ConnectOptions, ListenOptions, Listener, OpenError};
use tuntcp::tcp::Config;

use crate::world::{Bench, HERE, Peer, THERE, at};

fn listening(change: impl FnOnce(&mut ListenOptions)) -> ListenOptions {
    let mut options = ListenOptions::new(1000, Arc::new(Config::default()));
    change(&mut options);
    options
}

fn connecting(change: impl FnOnce(&mut ConnectOptions)) -> ConnectOptions {
    let mut options = ConnectOptions::new(Arc::new(Config::default()));
    change(&mut options);
    options
}

/// Four listeners at one port of a host that is the same each time.
fn four() -> (Bench, Vec<Listener>) {
    let bench = Bench::new();
    let shared = listening(|options| options.reuse_port = true);
    let listen = |_| bench.engine.listen_as(at(HERE, 7), &shared).expect("they share it");
    let listeners = (0..4).map(listen).collect();
    (bench, listeners)
}

/// Who of them gets the connection from which port.
fn shares(bench: &mut Bench, listeners: &[Listener]) -> HashMap<u16, u16> {
    for port in 5000..5400 {
        Peer::open(bench, port, 7);
    }
    let mut owners = HashMap::new();
    for (owner, listener) in (0..).zip(listeners) {
        while let Some(socket) = listener.accept().unwrap() {
            owners.insert(socket.peer_addr().port(), owner);
        }
    }
    owners
}

#[test]
fn listeners_that_share_a_port_get_a_share_each() {
    let (mut bench, listeners) = four();
    let owners = shares(&mut bench, &listeners);
    assert_eq!(owners.len(), 400);
    for owner in 0..4 {
        let share = owners.values().filter(|&&other| other == owner).count();
        assert!((60..=140).contains(&share), "{owner} has {share} of 400");
    }
}

#[test]
fn a_listener_that_goes_leaves_its_share_to_the_others_and_theirs_as_it_was() {
    let (mut bench, listeners) = four();
    let before = shares(&mut bench, &listeners);
    let (mut bench, mut listeners) = four();
    drop(listeners.remove(3));
    let after = shares(&mut bench, &listeners);
    assert_eq!(after.len(), 400);
    let moved = |port: &u16| before[port] != after[port];
    assert!(before.iter().all(|(port, &owner)| moved(port) == (owner == 3)));
    for owner in 0..3 {
        let inherited = after.iter().filter(|&(port, &to)| to == owner && moved(port)).count();
        assert!(inherited > 10, "{owner} inherits {inherited}");
    }
}

#[test]
fn a_port_is_shared_only_by_those_who_all_say_so() {
    for (first, second) in [(false, false), (false, true), (true, false)] {
        let bench = Bench::new();
        let listen = |reuse| {
            let options = listening(|options| options.reuse_port = reuse);
            bench.engine.listen_as(at(HERE, 7), &options)
        };
        let _first = listen(first).expect("it is free");
        assert_eq!(listen(second).unwrap_err(), OpenError::AddrInUse, "{first} {second}");
    }
}

#[test]
fn a_port_of_its_own_is_not_shared() {
    let bench = Bench::new();
    let options = listening(|options| (options.reuse_port, options.ports) = (true, Some(7..=8)));
    let listen = || bench.engine.listen_as(at(HERE, 0), &options);
    let taken = [listen().expect("two are free"), listen().expect("one is free")];
    assert_ne!(taken[0].local_addr(), taken[1].local_addr());
    assert_eq!(listen().unwrap_err(), OpenError::PortsExhausted);
}

#[test]
fn an_address_that_connections_have_is_free_unless_that_is_not_wanted() {
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    Peer::open(&mut bench, 5000, 7);
    let socket = listener.accept().unwrap().expect("it is open");
    drop(listener);
    let strict = listening(|options| options.reuse_address = false);
    for ip in [HERE, "0.0.0.0"] {
        let refused = bench.engine.listen_as(at(ip, 7), &strict).unwrap_err();
        assert_eq!(refused, OpenError::AddrInUse);
    }
    drop(bench.engine.listen_as(at(HERE, 8), &strict).expect("nobody is there"));
    drop(bench.listen(7, 8));

    let from_here = |reuse| {
        let options = connecting(|options| options.reuse_address = reuse);
        bench.engine.connect_as(bench.now, Some(at(HERE, 7)), at(THERE, 80), &options)
    };
    assert_eq!(from_here(false).unwrap_err(), OpenError::AddrInUse);
    drop(from_here(true).expect("another remote"));
    socket.abort(bench.now);
    drop(bench.engine.listen_as(at(HERE, 7), &strict).expect("nobody is there any more"));
    drop(from_here(false).expect("nobody is there any more"));
}

#[test]
fn ephemeral_ports_come_from_where_the_socket_wants() {
    let bench = Bench::new();
    let options = connecting(|options| options.ports = Some(600..=602));
    let connect = || bench.engine.connect_as(bench.now, None, at(THERE, 80), &options);
    let sockets: Vec<_> = (0..3).map(|_| connect().expect("three are free")).collect();
    let mut ports: Vec<_> = sockets.iter().map(|socket| socket.local_addr().port()).collect();
    ports.sort_unstable();
    assert_eq!(ports, [600, 601, 602]);
    assert_eq!(connect().unwrap_err(), OpenError::PortsExhausted);
    let elsewhere = bench.engine.connect(bench.now, None, at(THERE, 80)).expect("there are more");
    assert!(elsewhere.local_addr().port() >= 1024);
}

#[test]
fn the_families_share_a_port_unless_one_takes_both() {
    let bench = Bench::new();
    let listen = |ip, only_v6| {
        let options = listening(|options| options.only_v6 = only_v6);
        bench.engine.listen_as(at(ip, 7), &options)
    };
    let four = listen("0.0.0.0", false).expect("it is free");
    assert_eq!(listen("::", false).unwrap_err(), OpenError::AddrInUse);
    drop(listen("::", true).expect("of the other family"));
    drop(four);
    let both = listen("::", false).expect("it is free");
    assert_eq!(listen(HERE, false).unwrap_err(), OpenError::AddrInUse);
    let mut bench = bench;
    Peer::open(&mut bench, 5000, 7);
    let socket = both.accept().unwrap().expect("it takes both");
    assert_eq!(socket.local_addr(), at(HERE, 7));
}
