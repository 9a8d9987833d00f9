//! TIME-WAIT that gives way, and the end of the host.

use std::time::Duration;

use tuntcp::engine::{OpenError, WriteError};
use tuntcp::tcp::{Error, Shutdown, State};
use tuntcp::time::Instant;
use tuntcp::wire::Flags;

use crate::world::{Bench, Duo, HERE, Peer, THERE, address, at, only, tcp};

/// A connection in TIME-WAIT: the server has closed first.
fn time_wait(bench: &mut Bench, listener: &tuntcp::engine::Listener) -> Peer {
    let mut peer = Peer::open(bench, 5000, 7);
    drop(listener.accept().unwrap().expect("it is open"));
    let fin = only(bench.sent());
    assert!(tcp(&fin).flags.contains(Flags::FIN));
    peer.ack = Some(tcp(&fin).end());
    assert_eq!(bench.give([peer.segment(Flags::FIN, &[])]).len(), 1);
    peer.seq += 1;
    assert_eq!(bench.engine.connections(), 1);
    peer
}

#[test]
fn a_new_syn_takes_over_a_time_wait() {
    // RFC 9293 3.6.1, MAY-2; RFC 6191.
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    time_wait(&mut bench, &listener);
    let mut again = Peer::new(5000, 7);
    again.seq += 100_000;
    let syn_ack = only(bench.give([again.syn()]));
    assert_eq!(tcp(&syn_ack).ack, Some(again.seq + 1));
    again.seq += 1;
    again.ack = Some(tcp(&syn_ack).seq + 1);
    bench.give([again.segment(Flags::empty(), b"second life")]);
    let socket = listener.accept().unwrap().expect("a new connection");
    let mut buf = [0; 64];
    assert_eq!(socket.read(bench.now, &mut buf, false), Ok(Some(11)));
    assert_eq!(bench.engine.connections(), 1);
    // The old one's 2 MSL mean nothing to the new one.
    bench.pass(Duration::from_secs(120));
    assert_eq!(bench.engine.connections(), 1);
    assert_eq!(socket.info(bench.now).state, State::Established);
}

#[test]
fn an_old_syn_does_not() {
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    time_wait(&mut bench, &listener);
    bench.give([Peer::new(5000, 7).syn()]);
    assert_eq!(bench.engine.connections(), 1);
    assert!(listener.accept().unwrap().is_none());
    bench.pass(Duration::from_secs(61));
    assert_eq!(bench.engine.connections(), 0);
}

#[test]
fn a_time_wait_that_nobody_listens_behind_stays() {
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    let old = time_wait(&mut bench, &listener);
    drop(listener);
    let mut again = Peer::new(5000, 7);
    again.seq += 100_000;
    // RFC 5961 4.2: a challenge.
    let answer = only(bench.give([again.syn()]));
    let answer = tcp(&answer);
    assert!(answer.flags.is_empty(), "{answer}");
    assert_eq!((Some(answer.seq), answer.ack), (old.ack, Some(old.seq)));
    assert_eq!(bench.engine.connections(), 1);
}

#[test]
fn closing_all_ends_in_good_order() {
    let mut duo = Duo::new();
    let (near, far) = duo.connect(80);
    let listener = duo.here.listen(7, 8);
    let half_open = duo.here.engine.connect(duo.now(), None, at("192.0.2.77", 80)).unwrap();
    near.write(duo.now(), b"last words").unwrap();
    duo.here.engine.close_all(duo.now());
    assert_eq!(duo.here.engine.unfinished(), 2);
    duo.settle();
    assert_eq!(far.read(duo.now(), &mut [0; 64], false), Ok(Some(10)));
    assert_eq!(far.read(duo.now(), &mut [0; 64], false), Ok(Some(0)));
    assert_eq!(duo.here.engine.unfinished(), 1, "nobody answers the SYN");
    assert_eq!(near.write(duo.now(), b"more"), Err(WriteError::Ended));
    // What the peer still has to say is read.
    far.write(duo.now(), b"answer").unwrap();
    duo.settle();
    assert_eq!(near.read(duo.now(), &mut [0; 64], false), Ok(Some(6)));
    let engine = &duo.here.engine;
    assert_eq!(listener.accept().map(drop), Err(OpenError::HostDown));
    assert_eq!(engine.listen(at(HERE, 9), 8).map(drop), Err(OpenError::HostDown));
    assert_eq!(engine.connect(duo.now(), None, at(THERE, 80)).map(drop), Err(OpenError::HostDown));
    assert_eq!(engine.pinger().map(drop), Err(OpenError::HostDown));
    engine.abort_all(duo.now());
    assert_eq!((engine.unfinished(), engine.connections()), (0, 0));
    assert_eq!(half_open.opened(), Err(Error::Aborted));
    duo.settle();
    assert_eq!(far.take_error(), Some(Error::Reset));
}

#[test]
fn a_device_that_is_gone_ends_everything() {
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    let pinger = bench.engine.pinger().unwrap();
    Peer::open(&mut bench, 5000, 7);
    let socket = listener.accept().unwrap().unwrap();
    let opening = bench.engine.connect(bench.now, None, at(THERE, 80)).unwrap();
    std::thread::scope(|threads| {
        let waiters = [
            threads.spawn(|| socket.wait_readable(None)),
            threads.spawn(|| opening.wait_writable(None)),
            threads.spawn(|| listener.wait(None)),
        ];
        let pinging = threads.spawn(|| pinger.wait(None));
        bench.unplug();
        assert!(bench.engine.turn(bench.now).is_err());
        assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap()));
        assert!(!pinging.join().unwrap(), "nothing will ever arrive");
    });
    assert_eq!(socket.read(bench.now, &mut [0; 9], false), Err(Error::Aborted));
    assert_eq!(opening.opened(), Err(Error::Aborted));
    assert_eq!(bench.engine.connections(), 0);
    assert_eq!(pinger.send(bench.now, address(THERE), 1, b""), Err(OpenError::HostDown));
    assert!(bench.engine.turn(bench.now).is_err());
}

#[test]
fn a_connection_that_is_over_is_forgotten_at_once() {
    let mut duo = Duo::new();
    for round in 0..100 {
        let (near, far) = duo.connect(1000 + round);
        near.abort(duo.now());
        duo.settle();
        drop(far);
        assert_eq!((duo.here.engine.connections(), duo.there.engine.connections()), (0, 0));
    }
}

/// The peer has closed, too: one whose connection to port 7 the application has closed first.
fn linger(bench: &mut Bench, listener: &tuntcp::engine::Listener, port: u16) -> Peer {
    let mut peer = Peer::open(bench, port, 7);
    drop(listener.accept().unwrap().expect("it is open"));
    peer.ack = Some(tcp(&only(bench.sent())).end());
    assert_eq!(bench.give([peer.segment(Flags::FIN, &[])]).len(), 1);
    peer
}

#[test]
fn a_fin_that_comes_again_starts_a_time_wait_anew() {
    // RFC 9293 3.10.7.4, eighth.
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    let mut peers: Vec<_> = (1..=3)
        .map(|port| {
            bench.pass(Duration::from_secs(1));
            linger(&mut bench, &listener, port)
        })
        .collect();
    bench.pass(Duration::from_secs(30));
    for peer in &mut peers[..2] {
        let answer = only(bench.give([peer.segment(Flags::FIN, &[])]));
        assert_eq!(tcp(&answer).ack, Some(peer.seq + 1));
        bench.pass(Duration::from_secs(1));
    }
    // 2 MSL are a minute: the third one's end 61 s after it began, the others' later.
    let left = |bench: &Bench| {
        let flows = bench.engine.flows().into_iter();
        flows.map(|(flow, state)| (flow.remote.port(), state)).collect::<Vec<_>>()
    };
    assert_eq!(left(&bench), [1, 2, 3].map(|port| (port, State::TimeWait)));
    bench.pass(Duration::from_secs(28));
    assert_eq!(left(&bench), [1, 2].map(|port| (port, State::TimeWait)));
    bench.pass(Duration::from_secs(30));
    assert_eq!(left(&bench), [(2, State::TimeWait)]);
    bench.pass(Duration::from_secs(1));
    assert_eq!(left(&bench), []);
    assert_eq!(bench.turn(), Instant::NEVER);
}

#[test]
fn who_holds_a_connection_in_time_wait_can_read_on() {
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    let mut peer = Peer::open(&mut bench, 5000, 7);
    let socket = listener.accept().unwrap().expect("it is open");
    socket.shutdown(bench.now, Shutdown::Write).unwrap();
    peer.ack = Some(tcp(&only(bench.sent())).end());
    bench.give([peer.segment(Flags::FIN, b"late")]);
    assert_eq!(socket.info(bench.now).state, State::TimeWait);
    assert_eq!(socket.read(bench.now, &mut [0; 9], false), Ok(Some(4)));
    assert_eq!(socket.read(bench.now, &mut [0; 9], false), Ok(Some(0)));
    // What is left when it lets go is a TIME-WAIT still.
    drop(socket);
    assert_eq!(bench.engine.flows().len(), 1);
    assert_eq!(only(bench.give([peer.segment(Flags::FIN, b"late")])).len(), 40);
    bench.pass(Duration::from_secs(61));
    assert_eq!(bench.engine.connections(), 0);
}

#[test]
fn the_flow_of_a_time_wait_is_taken() {
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    linger(&mut bench, &listener, 5000);
    let connect = |bench: &Bench| {
        let opened = bench.engine.connect(bench.now, Some(at(HERE, 7)), at(THERE, 5000));
        opened.map(drop)
    };
    assert_eq!(connect(&bench), Err(OpenError::AddrInUse));
    bench.engine.abort_all(bench.now);
    assert_eq!(bench.engine.connections(), 0);
}
