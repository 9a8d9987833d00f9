//! Who watches an endpoint is told when it may be ready, and asks what for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tuntcp::engine::{Listener, Readiness, Socket, Watcher};
use tuntcp::tcp::{Error, Shutdown};
use tuntcp::wire::Flags;

use crate::world::{Bench, Duo, HERE, Peer, THERE, at};

/// Counts how often it was told.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Watcher for Bell {
    fn notify(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Bell {
    /// One that watches `socket` from now on.
    fn at(socket: &Socket) -> Arc<Self> {
        let bell = Arc::new(Self::default());
        assert!(
            socket.watched().set_watcher(Some(bell.clone())).is_none(),
            "nobody has watched it"
        );
        bell
    }

    fn at_listener(listener: &Listener) -> Arc<Self> {
        let bell = Arc::new(Self::default());
        assert!(
            listener.watched().set_watcher(Some(bell.clone())).is_none(),
            "nobody has watched it"
        );
        bell
    }

    /// How often since the last time.
    fn rings(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

const OPEN: Readiness = Readiness::WRITABLE;
const OVER: Readiness =
    Readiness::READABLE.union(Readiness::WRITABLE).union(Readiness::READ_CLOSED);

/// A connection that was accepted, and its peer.
fn accepted(bench: &mut Bench) -> (Peer, Socket) {
    let listener = bench.listen(7, 8);
    let peer = Peer::open(bench, 5000, 7);
    let socket = listener.accept().unwrap().expect("a connection");
    (peer, socket)
}

#[test]
fn text_is_told_once_a_batch() {
    let mut bench = Bench::new();
    let (mut peer, socket) = accepted(&mut bench);
    let bell = Bell::at(&socket);
    assert_eq!(socket.readiness(), OPEN);
    for _ in 0..5 {
        bench.world_gets(peer.segment(Flags::empty(), &[7; 100]));
        peer.seq += 100;
    }
    bench.turn();
    assert_eq!(bell.rings(), 1);
    assert_eq!(socket.readiness(), OPEN | Readiness::READABLE);
    // Reading a part of it changes nothing, and the rest is still told when it is asked for.
    assert_eq!(socket.read(bench.now, &mut [0; 300], false), Ok(Some(300)));
    assert_eq!(socket.readiness(), OPEN | Readiness::READABLE);
    assert_eq!(socket.read(bench.now, &mut [0; 300], false), Ok(Some(200)));
    assert_eq!(socket.readiness(), OPEN);
    bench.turn();
    assert_eq!(bell.rings(), 0, "nothing happened");
}

#[test]
fn text_that_pours_in_is_told_when_it_is_shown() {
    let mut bench = Bench::new();
    let (mut peer, socket) = accepted(&mut bench);
    let bell = Bell::at(&socket);
    for _ in 0..128 {
        bench.world_gets(peer.segment(Flags::empty(), &[7; 100]));
        peer.seq += 100;
    }
    assert_eq!(bench.turn(), bench.now, "the first batch looks for more");
    assert_eq!((bell.rings(), socket.readiness()), (0, OPEN));
    while bench.turn() == bench.now {}
    assert_eq!((bell.rings(), socket.readiness()), (1, OPEN | Readiness::READABLE));
}

#[test]
fn room_is_told() {
    let mut duo = Duo::new();
    let (near, far) = duo.connect(80);
    let bell = Bell::at(&near);
    while near.write(duo.now(), &[7; 10_000]).unwrap().is_some() {
        duo.pass(Duration::from_millis(50));
    }
    bell.rings();
    assert_eq!(near.readiness(), Readiness::empty());
    while far.read(duo.now(), &mut [0; 10_000], false).unwrap().is_some() {
        duo.pass(Duration::from_millis(50));
    }
    assert!(bell.rings() > 0);
    assert_eq!(near.readiness(), OPEN);
}

/// What is told and what is found by asking are the same: a third of the buffer.
#[test]
fn room_is_found_when_it_is_told() {
    let mut bench = Bench::new();
    let (mut peer, socket) = accepted(&mut bench);
    socket.set_send_buffer(bench.now, 3_000);
    assert_eq!(socket.write(bench.now, &[7; 3_000]), Ok(Some(3_000)));
    let bell = Bell::at(&socket);
    for (acked, room) in [(500, false), (499, false), (1, true), (500, true)] {
        peer.ack = peer.ack.map(|ack| ack + acked);
        bench.give([peer.segment(Flags::empty(), &[])]);
        let expected = if room { OPEN } else { Readiness::empty() };
        assert_eq!((bell.rings(), socket.readiness()), (usize::from(room), expected));
        assert_eq!(socket.is_writable(), room);
    }
    // Who does not ask gets what there is; who was refused is told.
    assert_eq!(socket.write(bench.now, &[7; 1_400]), Ok(Some(1_400)));
    assert_eq!(socket.readiness(), Readiness::empty());
    assert_eq!(socket.write(bench.now, &[7; 400]), Ok(Some(100)));
    assert_eq!(socket.write(bench.now, &[7; 300]), Ok(None));
    peer.ack = peer.ack.map(|ack| ack + 1_500);
    bench.give([peer.segment(Flags::empty(), &[])]);
    assert_eq!((bell.rings(), socket.readiness()), (1, OPEN));
}

#[test]
fn an_open_is_told_to_both_ends() {
    let mut duo = Duo::new();
    let listener = duo.there.engine.listen(at(THERE, 80), 8).unwrap();
    let door = Bell::at_listener(&listener);
    let socket = duo.here.engine.connect(duo.now(), None, at(THERE, 80)).unwrap();
    let bell = Bell::at(&socket);
    assert_eq!(socket.readiness(), Readiness::empty());
    assert_eq!(listener.watched().readiness(), Readiness::empty());
    duo.settle();
    assert_eq!((bell.rings(), socket.readiness()), (1, OPEN));
    assert_eq!((door.rings(), listener.watched().readiness()), (1, Readiness::READABLE));
    drop(listener.accept().unwrap().expect("a connection"));
    assert_eq!(listener.watched().readiness(), Readiness::empty());
}

#[test]
fn an_attempt_that_is_refused_is_an_error() {
    let mut duo = Duo::new();
    let socket = duo.here.engine.connect(duo.now(), None, at(THERE, 80)).unwrap();
    let bell = Bell::at(&socket);
    duo.settle();
    assert_eq!((bell.rings(), socket.readiness()), (1, OVER | Readiness::ERROR));
    assert_eq!(socket.take_error(), Some(Error::Refused));
    assert_eq!(socket.readiness(), OVER, "the error was told");
}

#[test]
fn the_end_of_a_connection_is_told() {
    let mut duo = Duo::new();
    let (near, far) = duo.connect(80);
    let bell = Bell::at(&near);
    far.shutdown(duo.now(), Shutdown::Write).unwrap();
    duo.settle();
    let half = OPEN | Readiness::READABLE | Readiness::READ_CLOSED;
    assert_eq!((bell.rings(), near.readiness()), (1, half));
    far.abort(duo.now());
    duo.settle();
    assert_eq!((bell.rings(), near.readiness()), (1, OVER | Readiness::ERROR));
}

#[test]
fn what_the_application_does_itself_is_told() {
    let mut duo = Duo::new();
    let (near, _far) = duo.connect(80);
    let bell = Bell::at(&near);
    near.shutdown(duo.now(), Shutdown::Both).unwrap();
    assert!(bell.rings() > 0);
    assert_eq!(near.readiness(), OVER);
}

#[test]
fn a_watcher_goes_with_its_endpoint() {
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    let mut peer = Peer::open(&mut bench, 5000, 7);
    let socket = listener.accept().unwrap().unwrap();
    let (bell, door) = (Bell::at(&socket), Bell::at_listener(&listener));
    let (connection, port) = (socket.watched(), listener.watched());
    drop(socket);
    drop(listener);
    assert_eq!((Arc::strong_count(&bell), Arc::strong_count(&door)), (1, 1));
    peer.ack = peer.ack.map(|ack| ack + 1);
    bench.give([peer.segment(Flags::FIN, &[])]);
    assert_eq!((bell.rings(), door.rings()), (0, 0));
    assert_eq!((connection.readiness(), port.readiness()), Default::default());
}

#[test]
fn one_watcher_follows_another() {
    let mut bench = Bench::new();
    let (mut peer, socket) = accepted(&mut bench);
    let first = Bell::at(&socket);
    assert!(socket.watched().watcher().is_some());
    let second = Arc::new(Bell::default());
    let before = socket.watched().set_watcher(Some(second.clone())).expect("the first");
    assert!(std::ptr::addr_eq(Arc::as_ptr(&before), Arc::as_ptr(&first)));
    bench.give([peer.segment(Flags::empty(), b"x")]);
    peer.seq += 1;
    assert_eq!((first.rings(), second.rings()), (0, 1));
    socket.watched().set_watcher(None);
    bench.give([peer.segment(Flags::empty(), b"y")]);
    assert_eq!(second.rings(), 0);
    assert_eq!(socket.watched().readiness(), Readiness::empty(), "nobody watches");
    assert_eq!(socket.readiness(), OPEN | Readiness::READABLE);
}

#[test]
fn the_end_of_the_engine_is_told() {
    let mut bench = Bench::new();
    let (_peer, socket) = accepted(&mut bench);
    let listener = bench.engine.listen(at(HERE, 8), 8).unwrap();
    let (bell, door) = (Bell::at(&socket), Bell::at_listener(&listener));
    bench.engine.abort_all(bench.now);
    assert!(bell.rings() > 0 && door.rings() > 0);
    assert_eq!(socket.readiness(), OVER | Readiness::ERROR);
    assert_eq!(listener.watched().readiness(), Readiness::READABLE);
    assert!(listener.accept().is_err());
}
