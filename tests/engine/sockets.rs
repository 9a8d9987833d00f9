//! What the application sees: read, write, shutdown, errors.

use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use tuntcp::engine::{NotOpen, Socket, WriteError};
use tuntcp::tcp::{Error, State};
use tuntcp::wire::{Flags, RawWindow, Segment};

use crate::world::{Bench, Duo, Peer, THERE, at, frame, tcp};

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index % 253) as u8).collect()
}

/// Reads all that is there, `step` bytes at a time.
fn drain(duo: &Duo, socket: &Socket, step: usize) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buf = vec![0; step];
    while let Some(count @ 1..) = socket.read(duo.now(), &mut buf, false).expect("no error") {
        all.extend_from_slice(&buf[..count]);
    }
    all
}

#[test]
fn bytes_arrive_whatever_the_steps() {
    for (write, read) in [(1_000_000, 1_000_000), (100_000, 7), (13, 100_000), (70_000, 4096)] {
        let mut duo = Duo::new();
        let (near, far) = duo.connect(80);
        let text = pattern(300_000);
        let mut got = Vec::new();
        for piece in text.chunks(write) {
            let mut rest = piece;
            while !rest.is_empty() {
                let taken = near.write(duo.now(), rest).unwrap().unwrap_or(0);
                rest = &rest[taken..];
                duo.settle();
                got.extend(drain(&duo, &far, read));
            }
        }
        duo.pass(Duration::from_secs(1));
        got.extend(drain(&duo, &far, read));
        assert!(got == text, "{} of {} bytes, steps {write} and {read}", got.len(), text.len());
    }
}

#[test]
fn peeked_bytes_stay() {
    let mut duo = Duo::new();
    let (near, far) = duo.connect(80);
    let mut buf = [0; 4];
    assert_eq!(far.read(duo.now(), &mut buf, true), Ok(None));
    near.write(duo.now(), b"abcdef").unwrap();
    duo.settle();
    for peek in [true, true, false] {
        assert_eq!(far.read(duo.now(), &mut buf, peek), Ok(Some(4)));
        assert_eq!(&buf, b"abcd");
    }
    assert_eq!(far.read(duo.now(), &mut [], false), Ok(Some(0)));
    assert_eq!(far.read(duo.now(), &mut buf, false), Ok(Some(2)));
    assert_eq!(&buf[..2], b"ef");
    assert_eq!(far.read(duo.now(), &mut buf, false), Ok(None));
}

#[test]
fn a_full_send_buffer_takes_no_more_until_it_drains() {
    let mut duo = Duo::new();
    let (near, far) = duo.connect(80);
    let text = pattern(1 << 16);
    let mut written = 0;
    loop {
        duo.pass(Duration::from_millis(50));
        match near.write(duo.now(), &text).unwrap() {
            Some(count) => written += count,
            None => break,
        }
    }
    let bound = 2 * duo.here.engine.config().tcp.send_buffer.largest();
    assert!(written <= bound + (1 << 16), "{written} bytes were taken");
    assert!(!near.wait_writable(Some(Duration::ZERO)));
    assert!(!near.wait_flushed(Some(Duration::ZERO)));
    let mut read = 0;
    while read < written {
        read += drain(&duo, &far, 1 << 16).len();
        duo.pass(Duration::from_millis(500));
    }
    assert!(near.wait_writable(None) && near.wait_flushed(None));
    assert_eq!(near.write(duo.now(), b"more"), Ok(Some(4)));
}

#[test]
fn each_direction_ends_by_itself() {
    let mut duo = Duo::new();
    let (near, far) = duo.connect(80);
    near.write(duo.now(), b"question").unwrap();
    near.shutdown(duo.now(), Shutdown::Write).unwrap();
    assert_eq!(near.write(duo.now(), b"more"), Err(WriteError::Ended));
    duo.settle();
    assert_eq!(drain(&duo, &far, 64), b"question");
    assert_eq!(far.read(duo.now(), &mut [0; 4], false), Ok(Some(0)));
    assert!(near.wait_flushed(None), "text and FIN are acknowledged");
    assert_eq!(far.write(duo.now(), b"answer"), Ok(Some(6)));
    far.close(duo.now());
    duo.settle();
    assert_eq!(drain(&duo, &near, 64), b"answer");
    assert_eq!(near.info(duo.now()).state, State::TimeWait);
    assert_eq!(near.shutdown(duo.now(), Shutdown::Both), Err(NotOpen));
    assert_eq!((duo.here.engine.connections(), duo.there.engine.connections()), (1, 0));
    duo.pass(Duration::from_secs(61));
    assert_eq!(duo.here.engine.connections(), 0);
    assert_eq!(near.take_error(), None);
}

#[test]
fn reading_can_be_shut_down_alone() {
    let mut duo = Duo::new();
    let (near, far) = duo.connect(80);
    far.shutdown(duo.now(), Shutdown::Read).unwrap();
    assert!(far.wait_readable(Some(Duration::ZERO)));
    assert_eq!(far.read(duo.now(), &mut [0; 4], false), Ok(Some(0)));
    near.write(duo.now(), &pattern(100_000)).unwrap();
    duo.pass(Duration::from_secs(1));
    assert!(near.wait_flushed(Some(Duration::ZERO)), "acknowledged and thrown away");
    assert_eq!(far.write(duo.now(), b"still"), Ok(Some(5)));
}

#[test]
fn an_error_comes_after_the_text_and_once() {
    type Told = fn(&Duo, &Socket);
    let told: [Told; 3] = [
        |duo, socket| {
            assert_eq!(socket.read(duo.now(), &mut [0; 9], false), Err(Error::Reset));
        },
        |duo, socket| {
            let failed = socket.write(duo.now(), b"x");
            assert_eq!(failed, Err(WriteError::Failed(Error::Reset)));
        },
        |_, socket| assert_eq!(socket.take_error(), Some(Error::Reset)),
    ];
    for tell in told {
        let mut duo = Duo::new();
        let (near, far) = duo.connect(80);
        near.write(duo.now(), b"last words").unwrap();
        duo.settle();
        near.abort(duo.now());
        duo.settle();
        assert_eq!(far.read(duo.now(), &mut [0; 64], false), Ok(Some(10)));
        tell(&duo, &far);
        assert_eq!(far.read(duo.now(), &mut [0; 9], false), Ok(Some(0)));
        assert_eq!(far.write(duo.now(), b"x"), Err(WriteError::Ended));
        assert_eq!(far.take_error(), None);
        assert_eq!(far.opened(), Ok(true));
        assert_eq!(far.shutdown(duo.now(), Shutdown::Both), Err(NotOpen));
        assert_eq!(duo.there.engine.connections(), 0);
    }
}

#[test]
fn a_reset_after_the_end_is_an_end() {
    // As on Linux: who has read to the end, and writes on, learns that nobody reads it.
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    let mut peer = Peer::open(&mut bench, 5000, 7);
    let socket = listener.accept().unwrap().unwrap();
    bench.give([peer.segment(Flags::FIN, b"")]);
    peer.seq += 1;
    bench.give([peer.segment(Flags::RST, b"")]);
    assert_eq!(socket.info(bench.now).state, State::Closed);
    assert_eq!(socket.read(bench.now, &mut [0; 9], false), Ok(Some(0)));
    assert_eq!(socket.write(bench.now, b"x"), Err(WriteError::Ended));
}

#[test]
fn what_was_taken_is_told_before_the_error() {
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    let _peer = Peer::open(&mut bench, 5000, 7);
    let socket = Arc::new(listener.accept().unwrap().unwrap());
    let (other, now) = (Arc::clone(&socket), bench.now);
    bench.world.during_transmit(move || other.abort(now));
    let text = pattern(200_000);
    let taken = socket.write(now, &text).expect("some was taken").expect("there was room");
    assert!(0 < taken && taken < text.len(), "{taken}");
    assert_eq!(socket.write(now, &text), Err(WriteError::Failed(Error::Aborted)));
    assert_eq!(socket.write(now, &text), Err(WriteError::Ended));
}

/// RFC 9293 3.8.5: who waits for urgent data learns of it before its bytes have come.
/// Proves: MUST-32, MUST-33.
#[test]
fn urgent_data_is_announced() {
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    let peer = Peer::open(&mut bench, 5000, 7);
    let socket = listener.accept().unwrap().unwrap();
    assert!(!socket.wait_urgent(0, Some(Duration::ZERO)));
    let urgent = |pointer| {
        let flags = Flags::URG;
        let window = RawWindow(65_535);
        let (seq, ack, urgent) = (peer.seq, peer.ack, pointer);
        frame(&peer.flow, &Segment { seq, ack, flags, window, urgent, ..Segment::default() }, b"")
    };
    std::thread::scope(|threads| {
        let waiter = threads.spawn(|| socket.wait_urgent(0, None));
        // Nothing tells when it sleeps; then the announcement, and nothing else, must wake it.
        std::thread::sleep(Duration::from_millis(50));
        bench.give([urgent(5)]);
        assert!(waiter.join().unwrap());
        assert!(!socket.is_readable() && socket.urgent_unread() == 5);
        let waiter = threads.spawn(|| socket.wait_urgent(5, None));
        bench.give([urgent(9)]);
        assert!(waiter.join().unwrap());
    });
    bench.give([peer.segment(Flags::empty(), b"all of it")]);
    assert_eq!(socket.read(bench.now, &mut [0; 8], false), Ok(Some(8)));
    assert!(socket.wait_urgent(0, Some(Duration::ZERO)) && socket.urgent_unread() == 1);
    assert_eq!(socket.read(bench.now, &mut [0; 8], false), Ok(Some(1)));
    assert!(!socket.wait_urgent(0, Some(Duration::ZERO)));
    bench.give([peer.segment(Flags::RST, b"")]);
}

#[test]
fn dropping_a_socket_closes_it() {
    let mut duo = Duo::new();
    let (near, far) = duo.connect(80);
    near.write(duo.now(), b"bye").unwrap();
    drop(near);
    duo.settle();
    assert_eq!(drain(&duo, &far, 64), b"bye");
    assert_eq!(far.info(duo.now()).state, State::CloseWait);
    drop(far);
    duo.pass(Duration::from_secs(61));
    assert_eq!((duo.here.engine.connections(), duo.there.engine.connections()), (0, 0));
}

#[test]
fn unread_text_makes_a_close_a_reset() {
    // RFC 9293 3.6.1, SHLD-3.
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    let peer = Peer::open(&mut bench, 5000, 7);
    let socket = listener.accept().unwrap().unwrap();
    bench.give([peer.segment(Flags::empty(), b"unread")]);
    drop(socket);
    assert!(tcp(bench.sent().last().expect("a RST")).flags.contains(Flags::RST));
    assert_eq!(bench.engine.connections(), 0);
}

#[test]
fn closing_twice_closes_once() {
    let mut duo = Duo::new();
    let (near, far) = duo.connect(80);
    near.close(duo.now());
    far.write(duo.now(), b"to nobody").unwrap();
    near.close(duo.now());
    duo.settle();
    near.close(duo.now());
    assert_eq!(far.take_error(), Some(Error::Reset));
    assert_eq!(near.take_error(), None);
}

#[test]
fn a_connect_that_is_let_go_leaves_nothing() {
    let bench = Bench::new();
    let socket = bench.engine.connect(bench.now, None, at(THERE, 80)).unwrap();
    assert_eq!(bench.engine.connections(), 1);
    drop(socket);
    assert_eq!(bench.engine.connections(), 0);
}

#[test]
fn threads_that_wait_are_woken() {
    let mut duo = Duo::new();
    let (near, far) = duo.connect(80);
    let (near, far) = (Arc::new(near), Arc::new(far));
    let waiters = |socket: &Arc<Socket>| {
        let (one, other) = (Arc::clone(socket), Arc::clone(socket));
        [
            std::thread::spawn(move || one.wait_readable(None)),
            std::thread::spawn(move || other.wait_flushed(None)),
        ]
    };
    near.write(duo.now(), b"text").unwrap();
    let before = waiters(&near);
    let reader = {
        let far = Arc::clone(&far);
        std::thread::spawn(move || far.wait_readable(None))
    };
    duo.settle();
    assert!(reader.join().unwrap());
    far.abort(duo.now());
    duo.settle();
    for waiter in before {
        assert!(waiter.join().unwrap());
    }
    let (near, far) = duo.connect(81);
    drop(near);
    far.write(duo.now(), b"unanswered").unwrap();
    let far = Arc::new(far);
    let after = waiters(&far);
    duo.there.engine.abort_all(duo.now());
    for waiter in after {
        assert!(waiter.join().unwrap());
    }
}
