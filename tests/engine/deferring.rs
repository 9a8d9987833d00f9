//! A listener that is shown only who has said something (`TCP_DEFER_ACCEPT`).

use std::sync::Arc;
use std::time::Duration;

use tuntcp::engine::{ListenOptions, Listener};
use tuntcp::tcp::Config;
use tuntcp::trace::Dropped;
use tuntcp::wire::Flags;

use crate::world::{Bench, HERE, Peer, at};

const WAIT: Duration = Duration::from_secs(10);

fn deferring(backlog: usize) -> (Bench, Listener) {
    let bench = Bench::new();
    let mut options = ListenOptions::new(backlog, Arc::new(Config::default()));
    options.defer_accept = Some(WAIT);
    let listener = bench.engine.listen_as(at(HERE, 7), &options).expect("a free port");
    (bench, listener)
}

#[test]
fn who_says_something_is_accepted() {
    let (mut bench, listener) = deferring(8);
    let silent = Peer::open(&mut bench, 5000, 7);
    let talker = Peer::open(&mut bench, 5001, 7);
    let leaver = Peer::open(&mut bench, 5002, 7);
    assert!(!listener.is_acceptable());
    bench.give([talker.segment(Flags::empty(), b"hello")]);
    let socket = listener.accept().unwrap().expect("it has spoken");
    assert_eq!(socket.peer_addr(), talker.flow.local);
    assert_eq!(socket.readable(), 5);
    assert!(!listener.is_acceptable());
    bench.give([leaver.segment(Flags::FIN, &[])]);
    let gone = listener.accept().unwrap().expect("its end is something, too");
    assert_eq!(gone.peer_addr(), leaver.flow.local);
    bench.give([silent.segment(Flags::empty(), b"at last")]);
    assert!(listener.accept().unwrap().is_some());
    bench.pass(WAIT * 2);
    assert!(listener.accept().unwrap().is_none(), "each is shown once");
}

#[test]
fn text_with_the_third_segment_of_the_handshake_is_enough() {
    let (mut bench, listener) = deferring(8);
    let mut peer = Peer::new(5000, 7);
    let answer = crate::world::only(bench.give([peer.syn()]));
    peer.seq += 1;
    peer.ack = Some(crate::world::tcp(&answer).seq + 1);
    bench.give([peer.segment(Flags::empty(), b"hello")]);
    assert!(listener.accept().unwrap().is_some());
}

#[test]
fn nobody_waits_for_longer_than_the_bound() {
    let (mut bench, listener) = deferring(8);
    let first = Peer::open(&mut bench, 5000, 7);
    bench.pass(WAIT / 2);
    let second = Peer::open(&mut bench, 5001, 7);
    bench.pass(WAIT / 2 - Duration::from_millis(1));
    assert!(!listener.is_acceptable());
    bench.pass(Duration::from_millis(2));
    let socket = listener.accept().unwrap().expect("it has waited");
    assert_eq!(socket.peer_addr(), first.flow.local);
    assert_eq!(socket.opened(), Ok(true));
    assert!(!listener.is_acceptable());
    bench.pass(WAIT / 2);
    let socket = listener.accept().unwrap().expect("it has waited");
    assert_eq!(socket.peer_addr(), second.flow.local);
}

#[test]
fn who_says_nothing_keeps_his_place_until_he_goes() {
    let (mut bench, listener) = deferring(1);
    let silent = Peer::open(&mut bench, 5000, 7);
    assert!(bench.give([Peer::new(5001, 7).syn()]).is_empty());
    assert_eq!(bench.dropped(Dropped::BacklogFull), 1);
    bench.give([silent.segment(Flags::RST, &[])]);
    assert!(!listener.is_acceptable(), "he was never there");
    assert_eq!(bench.engine.connections(), 0);
    Peer::open(&mut bench, 5001, 7);
    bench.pass(WAIT * 2);
    assert!(listener.accept().unwrap().is_some());
    assert!(listener.accept().unwrap().is_none());
}

#[test]
fn a_listener_that_goes_takes_along_whom_it_was_not_shown() {
    let (mut bench, listener) = deferring(8);
    let silent = Peer::open(&mut bench, 5000, 7);
    drop(listener);
    let reset = crate::world::only(bench.sent());
    assert!(crate::world::tcp(&reset).flags.contains(Flags::RST));
    assert_eq!(bench.engine.connections(), 0);
    bench.pass(WAIT * 2);
    assert_eq!(bench.give([silent.segment(Flags::empty(), b"hello?")]).len(), 1);
}
