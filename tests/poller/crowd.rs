//! Many connections, of which few have something to say.

use std::io::{Read, Write};
use std::thread;

use tuntcp::net::{Interest, Poller};
use tuntcp::runtime::memory_pair;
use tuntcp::{Host, TcpListener, TcpStream};

use crate::{PATIENCE, SERVER};

/// Connections that say nothing, and those that do.
const IDLE: usize = 10_000;
const ACTIVE: usize = 1_000;
/// Connections that open at a time, and rounds of questions.
const STEP: usize = 250;
const ROUNDS: u8 = 5;

/// Serves everybody from this thread, until all that came have gone; how many events that took.
fn serve(host: &Host, listener: &TcpListener) -> usize {
    let listening = usize::MAX;
    listener.set_nonblocking(true).unwrap();
    let poller = Poller::new(host);
    poller.register(listener, listening, Interest::READABLE).unwrap();
    let (mut streams, mut gone) = (Vec::<Option<TcpStream>>::new(), 0);
    let (mut events, mut count) = (Vec::new(), 0);
    while gone < IDLE + ACTIVE {
        count += poller.wait(&mut events, PATIENCE).unwrap();
        assert!(!events.is_empty(), "{} came, {gone} went, and nothing happens", streams.len());
        for event in &events {
            if event.token() == listening {
                let (stream, _) = listener.accept().unwrap();
                stream.set_nonblocking(true).unwrap();
                poller.register(&stream, streams.len(), Interest::READABLE).unwrap();
                streams.push(Some(stream));
                continue;
            }
            let place = &mut streams[event.token()];
            let stream = place.as_mut().expect("who has gone is told of no more");
            let mut buf = [0; 16];
            match stream.read(&mut buf).unwrap() {
                0 => {
                    *place = None;
                    gone += 1;
                }
                len => stream.write_all(&buf[..len]).unwrap(),
            }
        }
    }
    count
}

/// Opens all connections, a few at a time.
fn open_all(host: &Host, poller: &Poller) -> Vec<TcpStream> {
    let (mut streams, mut events) = (Vec::new(), Vec::new());
    while streams.len() < IDLE + ACTIVE {
        let first = streams.len();
        for token in first..first + STEP {
            let stream = TcpStream::connect_nonblocking(host, &SERVER.parse().unwrap()).unwrap();
            poller.register(&stream, token, Interest::WRITABLE).unwrap();
            streams.push(stream);
        }
        let mut opened = 0;
        while opened < STEP {
            poller.wait(&mut events, PATIENCE).unwrap();
            assert!(!events.is_empty(), "{opened} of {STEP} opened");
            for event in &events {
                assert!(event.is_writable() && !event.is_error());
                let stream = &streams[event.token()];
                poller.reregister(stream, event.token(), Interest::READABLE).unwrap();
                opened += 1;
            }
        }
    }
    streams
}

#[test]
fn ten_thousand_idle_and_a_thousand_active_connections_take_one_thread() {
    let (a, b) = memory_pair().unwrap();
    let listener = TcpListener::bind(&a, SERVER).unwrap();
    thread::scope(|scope| {
        let serves = scope.spawn(|| serve(&a, &listener));
        let poller = Poller::new(&b);
        let mut streams = open_all(&b, &poller);
        let (mut events, stride) = (Vec::new(), streams.len() / ACTIVE);
        for round in 0..ROUNDS {
            // The active ones stand among the idle ones.
            for stream in streams.iter_mut().step_by(stride) {
                stream.write_all(&[round]).unwrap();
            }
            let mut answered = 0;
            while answered < ACTIVE {
                poller.wait(&mut events, PATIENCE).unwrap();
                assert!(!events.is_empty(), "{answered} answers in round {round}");
                for event in &events {
                    assert!(event.token().is_multiple_of(stride), "an idle one is told of");
                    let mut byte = [0];
                    streams[event.token()].read_exact(&mut byte).unwrap();
                    assert_eq!(byte, [round]);
                    answered += 1;
                }
            }
        }
        drop(streams);
        let events = serves.join().unwrap();
        let most = 2 * (IDLE + ACTIVE) + ACTIVE * usize::from(ROUNDS);
        assert_eq!(events, most, "one for each that came, asked and went");
    });
}
