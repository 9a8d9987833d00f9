//! Settings of one connection, and of those that a listener accepts.

use std::sync::Arc;
use std::time::Duration;

use tuntcp::engine::Socket;
use tuntcp::tcp::congestion::Algorithm;
use tuntcp::tcp::{Config, KeepAlive};
use tuntcp::wire::{Flags, Packet};

use crate::world::{Bench, HERE, Peer, THERE, at, only, tcp};

fn config(change: impl FnOnce(&mut Config)) -> Arc<Config> {
    let mut config = Config::default();
    change(&mut config);
    Arc::new(config)
}

/// TTL and DSCP of a frame that was sent.
fn ip(frame: &[u8]) -> (u8, u8) {
    let ip = Packet::parse(frame, false).expect("a sound frame").ip;
    (ip.ttl, ip.dscp)
}

/// Proves: MUST-48, MUST-49, RFC1122-3.2.1.6, RFC1122-3.2.1.7-c.
#[test]
fn an_active_open_with_settings_of_its_own() {
    let bench = Bench::new();
    let config = config(|config| (config.ttl, config.dscp, config.sack) = (9, 46, false));
    let socket = bench.engine.connect_with(bench.now, None, at(THERE, 80), config).unwrap();
    let syn = only(bench.sent());
    assert_eq!(ip(&syn), (9, 46));
    assert!(!tcp(&syn).options.sack_permitted);
    assert_eq!((socket.ttl(), socket.dscp()), (9, 46));
    let _other = bench.engine.connect(bench.now, None, at(THERE, 80)).unwrap();
    assert_eq!(ip(&only(bench.sent())), (64, 0));
}

#[test]
fn a_listener_hands_its_settings_on() {
    let mut bench = Bench::new();
    let first = config(|config| config.ttl = 9);
    let listener = bench.engine.listen_with(at(HERE, 7), 8, Arc::clone(&first)).unwrap();
    assert!(Arc::ptr_eq(&listener.config(), &first));
    let syn_ack = only(bench.give([Peer::new(5000, 7).syn()]));
    assert_eq!(ip(&syn_ack), (9, 0));
    let mut inherited = Config::clone(&listener.config());
    (inherited.dscp, inherited.nodelay) = (46, true);
    listener.set_config(Arc::new(inherited));
    let syn_ack = only(bench.give([Peer::new(5001, 7).syn()]));
    assert_eq!(ip(&syn_ack), (9, 46));
    Peer::open(&mut bench, 5002, 7);
    assert!(listener.accept().unwrap().expect("it is open").nodelay());
    // Who is there already keeps what he began with, and so does every other listener.
    bench.pass(Duration::from_secs(1));
    assert!(bench.sent().iter().any(|frame| ip(frame) == (9, 0)));
    let _other = bench.listen(8, 8);
    assert_eq!(ip(&only(bench.give([Peer::new(5000, 8).syn()]))), (64, 0));
    let _any_port = bench.engine.listen_with(at(HERE, 0), 8, first).unwrap();
}

fn open(bench: &mut Bench) -> (Peer, Socket) {
    let listener = bench.listen(7, 8);
    let peer = Peer::open(bench, 5000, 7);
    (peer, listener.accept().unwrap().expect("it is open"))
}

/// Proves: SHLD-21, MUST-17, MUST-21, MUST-24.
#[test]
fn each_setting_is_told_as_it_was_set() {
    let mut bench = Bench::new();
    let (_peer, socket) = open(&mut bench);
    let now = bench.now;
    socket.set_ttl(now, 9);
    socket.set_dscp(now, 46);
    socket.set_send_buffer(now, 5000);
    socket.set_nodelay(now, true);
    socket.set_quick_ack(now, true);
    socket.set_cork(now, true);
    socket.set_keepalive(now, Some(KeepAlive::default()));
    socket.set_user_timeout(now, Some(Duration::from_secs(7)));
    assert_eq!((socket.ttl(), socket.dscp(), socket.send_buffer()), (9, 46, 5000));
    assert!(socket.nodelay() && socket.quick_ack() && socket.cork());
    assert_eq!(socket.keepalive(), Some(KeepAlive::default()));
    assert_eq!(socket.user_timeout(), Some(Duration::from_secs(7)));
    assert!(bench.sent().is_empty());
    assert_eq!(socket.write(now, b"held"), Ok(Some(4)));
    assert!(bench.sent().is_empty());
    socket.set_cork(now, false);
    let frame = only(bench.sent());
    assert_eq!((ip(&frame), tcp(&frame).payload), ((9, 46), &b"held"[..]));
}

#[test]
fn buffers_change_at_once() {
    let mut bench = Bench::new();
    let (peer, socket) = open(&mut bench);
    let now = bench.now;
    socket.set_receive_buffer(now, 4 << 20);
    assert_eq!(socket.receive_buffer(), 4 << 20);
    assert!(bench.sent().is_empty(), "sixteen bits cannot tell more");
    bench.give([peer.segment(Flags::empty(), &[7; 1000])]);
    socket.set_quick_ack(now, true);
    assert_eq!(tcp(&only(bench.sent())).ack, Some(peer.seq + 1000));

    socket.set_send_buffer(now, 1000);
    assert_eq!(socket.write(now, &[0; 2000]), Ok(Some(1000)));
    std::thread::scope(|threads| {
        let writer = threads.spawn(|| socket.wait_writable(None));
        while !writer.is_finished() {
            socket.set_send_buffer(now, 1500);
            std::thread::yield_now();
        }
        assert!(writer.join().unwrap());
    });
    assert_eq!(socket.write(now, &[0; 2000]), Ok(Some(500)));
}

#[test]
fn time_wait_keeps_what_is_set() {
    let mut bench = Bench::new();
    let (mut peer, socket) = open(&mut bench);
    socket.shutdown(bench.now, std::net::Shutdown::Write).unwrap();
    peer.ack = peer.ack.map(|ack| ack + 1);
    bench.give([peer.segment(Flags::FIN, b"")]);
    bench.sent();
    socket.set_ttl(bench.now, 9);
    let again = only(bench.give([peer.segment(Flags::FIN, b"")]));
    assert_eq!(ip(&again), (9, 0));
}

/// Proves: MAY-18.
#[test]
fn congestion_control_is_chosen_by_name() {
    let reno: Algorithm = "reno".parse().unwrap();
    let cubic: Algorithm = "cubic".parse().unwrap();
    let mut bench = Bench::new();
    let config = config(|config| config.congestion = reno);
    let active = bench.engine.connect_with(bench.now, None, at(THERE, 80), config).unwrap();
    assert_eq!((active.congestion(), active.info(bench.now).congestion), (reno, "reno"));
    active.set_congestion(bench.now, cubic);
    assert_eq!((active.congestion(), active.info(bench.now).congestion), (cubic, "cubic"));

    // What a listener hands on.
    bench.sent();
    let listener = bench.listen(7, 8);
    let mut accepted = Vec::new();
    for (port, algorithm) in [(5000, reno), (5001, cubic)] {
        listener.set_congestion(algorithm);
        Peer::open(&mut bench, port, 7);
        let socket = listener.accept().unwrap().expect("it is open");
        assert_eq!(socket.info(bench.now).congestion, algorithm.name());
        socket.set_congestion(bench.now, reno);
        assert_eq!(listener.config().congestion, algorithm, "its own");
        accepted.push(socket);
    }

    let error = "vegas".parse::<Algorithm>().unwrap_err();
    let said = error.to_string();
    assert!(said.contains("`vegas`") && said.contains("cubic") && said.contains("reno"), "{said}");
    assert_eq!("newreno".parse(), Ok(reno), "as FreeBSD calls it");
}
