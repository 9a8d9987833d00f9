//! What is told of a socket, and how long.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use tuntcp::net::{Interest, Poller};
use tuntcp::runtime::memory_pair;
use tuntcp::{TcpListener, TcpStream, UdpSocket};

use crate::{BOTH, SERVER, event, joined, kind, quiet};

#[test]
fn a_socket_is_told_of_as_long_as_it_is_ready() {
    let (a, _b, mut ours, mut theirs) = joined();
    let poller = Poller::new(&a);
    poller.register(&ours, 7, Interest::READABLE).unwrap();
    quiet(&poller);
    theirs.write_all(b"text").unwrap();
    for left in (1..=4).rev() {
        let event = event(&poller);
        assert_eq!(event.token(), 7);
        assert!(event.is_readable() && event.is_writable());
        assert!(!event.is_read_closed() && !event.is_error());
        ours.read_exact(&mut [0]).unwrap_or_else(|error| panic!("{left} bytes left: {error}"));
    }
    quiet(&poller);
    theirs.write_all(b"more").unwrap();
    assert!(event(&poller).is_readable());
}

#[test]
fn a_wait_that_has_begun_is_ended_by_what_comes() {
    let (a, _b, ours, mut theirs) = joined();
    let poller = Poller::new(&a);
    poller.register(&ours, 7, Interest::READABLE).unwrap();
    thread::scope(|scope| {
        let waits = scope.spawn(|| event(&poller));
        thread::sleep(Duration::from_millis(20));
        theirs.write_all(b"x").unwrap();
        assert!(waits.join().unwrap().is_readable());
    });
}

#[test]
fn only_what_is_of_interest_is_told() {
    let (a, _b, mut ours, mut theirs) = joined();
    let poller = Poller::new(&a);
    poller.register(&ours, 0, Interest::READABLE).unwrap();
    // It is writable, and each acknowledgement says so.
    ours.write_all(b"x").unwrap();
    theirs.read_exact(&mut [0]).unwrap();
    quiet(&poller);
    poller.reregister(&ours, 1, Interest::WRITABLE).unwrap();
    theirs.write_all(b"x").unwrap();
    let told = event(&poller);
    assert!(told.token() == 1 && told.is_writable());
    poller.reregister(&ours, 2, Interest::empty()).unwrap();
    quiet(&poller);
    poller.reregister(&ours, 3, BOTH).unwrap();
    let told = event(&poller);
    assert!(told.token() == 3 && told.is_writable() && told.is_readable());
}

#[test]
fn room_to_write_is_told() {
    let (a, _b, mut ours, mut theirs) = joined();
    let poller = Poller::new(&a);
    let full = loop {
        if let Err(error) = ours.write(&[7; 1 << 16]) {
            break error;
        }
        // So that what is under way arrives.
        thread::sleep(Duration::from_millis(1));
    };
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
    poller.register(&ours, 0, Interest::WRITABLE).unwrap();
    let reads = thread::spawn(move || {
        let mut bytes = 0;
        while let Ok(count) = theirs.read(&mut [0; 1 << 16])
            && count > 0
        {
            bytes += count;
        }
        bytes
    });
    assert!(event(&poller).is_writable());
    ours.write_all(b"more").unwrap();
    drop(ours);
    assert!(reads.join().unwrap() > 1 << 16);
}

#[test]
fn the_end_and_the_error_are_told() {
    let (a, _b, mut ours, theirs) = joined();
    let poller = Poller::new(&a);
    poller.register(&ours, 0, Interest::READABLE).unwrap();
    theirs.shutdown(Shutdown::Write).unwrap();
    let end = event(&poller);
    assert!(end.is_readable() && end.is_read_closed() && !end.is_error());
    assert_eq!(ours.read(&mut [0]).unwrap(), 0);
    assert!(event(&poller).is_read_closed(), "as long as it is so");

    poller.reregister(&ours, 0, Interest::empty()).unwrap();
    theirs.set_linger(Some(Duration::ZERO)).unwrap();
    drop(theirs);
    assert!(event(&poller).is_error(), "nobody asked for it");
    assert!(ours.take_error().unwrap().is_some());
    quiet(&poller);
}

#[test]
fn a_listener_is_readable_until_everybody_is_accepted() {
    let (a, b) = memory_pair().unwrap();
    let listener = TcpListener::bind(&a, SERVER).unwrap();
    listener.set_nonblocking(true).unwrap();
    let poller = Poller::new(&a);
    poller.register(&listener, 0, Interest::READABLE).unwrap();
    quiet(&poller);
    let clients = [(); 2].map(|()| TcpStream::connect(&b, SERVER).unwrap());
    for _ in &clients {
        assert!(event(&poller).is_readable());
        listener.accept().unwrap();
    }
    assert_eq!(kind(listener.accept()), ErrorKind::WouldBlock);
    quiet(&poller);
}

#[test]
fn an_attempt_to_connect_ends_writable() {
    let (a, b) = memory_pair().unwrap();
    let listener = TcpListener::bind(&a, SERVER).unwrap();
    let poller = Poller::new(&b);
    let mut stream = TcpStream::connect_nonblocking(&b, &listener.local_addr().unwrap()).unwrap();
    poller.register(&stream, 0, BOTH).unwrap();
    let told = event(&poller);
    assert!(told.is_writable() && !told.is_readable() && !told.is_error());
    assert!(stream.take_error().unwrap().is_none());
    assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());
    assert_eq!(kind(stream.read(&mut [0])), ErrorKind::WouldBlock);
    stream.write_all(b"hello").unwrap();
    let mut text = [0; 5];
    listener.accept().unwrap().0.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"hello");
}

#[test]
fn an_attempt_to_connect_that_fails_says_why() {
    let (_a, b) = memory_pair().unwrap();
    let poller = Poller::new(&b);
    let mut stream = TcpStream::connect_nonblocking(&b, &SERVER.parse().unwrap()).unwrap();
    poller.register(&stream, 0, Interest::WRITABLE).unwrap();
    let told = event(&poller);
    assert!(told.is_writable() && told.is_error());
    let error = stream.take_error().unwrap().expect("nobody listens");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(kind(stream.write(b"x")), ErrorKind::BrokenPipe);
    // What cannot even begin says so at once.
    let nowhere = "192.0.2.1:0".parse().unwrap();
    let failure = kind(TcpStream::connect_nonblocking(&b, &nowhere));
    assert_eq!(failure, ErrorKind::NetworkUnreachable);
}

#[test]
fn an_attempt_to_connect_that_hangs_blocks_nobody() {
    let (_a, b) = memory_pair().unwrap();
    let nobody = "192.0.2.99:80".parse().unwrap();
    let poller = Poller::new(&b);
    let mut stream = TcpStream::connect_nonblocking(&b, &nobody).unwrap();
    poller.register(&stream, 0, BOTH).unwrap();
    assert_eq!(kind(stream.write(b"x")), ErrorKind::WouldBlock);
    assert_eq!(kind(stream.read(&mut [0])), ErrorKind::WouldBlock);
    quiet(&poller);
    drop(stream);
    assert_eq!(b.engine().connections(), 0, "an attempt that is let go leaves nothing");
    quiet(&poller);
}

#[test]
fn datagrams_and_what_the_network_says_are_told() {
    let (a, b) = memory_pair().unwrap();
    let ours = UdpSocket::bind(&a, SERVER).unwrap();
    ours.set_nonblocking(true).unwrap();
    let theirs = UdpSocket::bind(&b, "192.0.2.2:9").unwrap();
    let poller = Poller::new(&a);
    poller.register(&ours, 3, Interest::READABLE).unwrap();
    quiet(&poller);
    for _ in 0..2 {
        theirs.send_to(b"datagram", SERVER).unwrap();
    }
    for _ in 0..2 {
        let told = event(&poller);
        assert!(told.token() == 3 && told.is_readable() && !told.is_error());
        assert_eq!(ours.recv(&mut [0; 9]).unwrap(), 8);
    }
    assert_eq!(kind(ours.recv(&mut [0; 9])), ErrorKind::WouldBlock);
    quiet(&poller);
    // Nobody is at that port, and the network says so.
    ours.connect("192.0.2.2:10").unwrap();
    ours.send(b"is anybody there?").unwrap();
    assert!(event(&poller).is_error());
    assert_eq!(kind(ours.recv(&mut [0])), ErrorKind::ConnectionRefused);
    quiet(&poller);
    poller.reregister(&ours, 4, Interest::WRITABLE).unwrap();
    assert!(event(&poller).is_writable());
    poller.reregister(&ours, 5, Interest::READABLE).unwrap();
    theirs.send_to(b"from another", SERVER).unwrap();
    drop(ours);
    quiet(&poller);
}
