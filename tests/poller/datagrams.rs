//! Sockets of datagrams beside those of connections.

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

use tuntcp::net::{Interest, Poller};
use tuntcp::runtime::memory_pair;
use tuntcp::{RawSocket, UdpSocket};

use crate::{BOTH, PATIENCE, event, events, joined, kind, quiet};

#[test]
fn one_is_told_of_as_long_as_something_waits() {
    let (a, b) = memory_pair().unwrap();
    let ours = UdpSocket::bind(&a, "192.0.2.1:7").unwrap();
    let theirs = UdpSocket::bind(&b, "192.0.2.2:9").unwrap();
    let poller = Poller::new(&a);
    poller.register(&ours, 7, Interest::READABLE).unwrap();
    quiet(&poller);
    for text in [&b"first"[..], b"", b"third"] {
        theirs.send_to(text, "192.0.2.1:7").unwrap();
    }
    for len in [5, 0, 5] {
        let event = event(&poller);
        assert_eq!(event.token(), 7);
        assert!(event.is_readable() && event.is_writable());
        assert!(!event.is_error() && !event.is_read_closed());
        assert_eq!(ours.recv(&mut [0; 9]).unwrap(), len);
    }
    quiet(&poller);
    // It can always be written to.
    poller.reregister(&ours, 8, BOTH).unwrap();
    assert!(event(&poller).is_writable());
    poller.deregister(&ours).unwrap();
    theirs.send_to(b"more", "192.0.2.1:7").unwrap();
    quiet(&poller);
}

#[test]
fn an_error_of_the_network_is_told() {
    let (a, _b) = memory_pair().unwrap();
    let ours = UdpSocket::bind(&a, "192.0.2.1:7").unwrap();
    ours.connect("192.0.2.2:9").unwrap();
    let poller = Poller::new(&a);
    poller.register(&ours, 0, Interest::READABLE).unwrap();
    ours.send(b"is anybody there?").unwrap();
    let told = event(&poller);
    assert!(told.is_error() && told.is_readable());
    assert_eq!(kind(ours.recv(&mut [0])), ErrorKind::ConnectionRefused);
    quiet(&poller);
}

#[test]
fn a_wait_is_ended_by_what_the_host_itself_sends_and_by_its_end() {
    let (a, _b) = memory_pair().unwrap();
    let ours = UdpSocket::bind(&a, "192.0.2.1:7").unwrap();
    let other = UdpSocket::bind(&a, "192.0.2.1:8").unwrap();
    let poller = Poller::new(&a);
    poller.register(&ours, 0, Interest::READABLE).unwrap();
    thread::scope(|scope| {
        let waits = scope.spawn(|| event(&poller));
        thread::sleep(Duration::from_millis(20));
        other.send_to(b"x", "192.0.2.1:7").unwrap();
        assert!(waits.join().unwrap().is_readable());
    });
    assert_eq!(ours.recv(&mut [0]).unwrap(), 1);
    drop(a);
    let told = event(&poller);
    assert!(told.is_readable() && told.is_read_closed());
    assert_eq!(kind(ours.recv(&mut [0])), ErrorKind::NetworkDown);
}

#[test]
fn sockets_of_every_type_in_one_wait() {
    let (a, b, stream, mut theirs) = joined();
    let udp: Vec<_> = (0..100).map(|_| UdpSocket::bind(&a, "192.0.2.1:0").unwrap()).collect();
    let raw = RawSocket::bind(&a, Ipv4Addr::UNSPECIFIED.into(), 253).unwrap();
    let poller = Poller::new(&a);
    poller.register(&stream, 1000, Interest::READABLE).unwrap();
    poller.register(&raw, 1001, Interest::READABLE).unwrap();
    for (token, socket) in udp.iter().enumerate() {
        socket.set_nonblocking(true).unwrap();
        poller.register(socket, token, Interest::READABLE).unwrap();
    }
    let sender = UdpSocket::bind(&b, "192.0.2.2:9").unwrap();
    for socket in &udp {
        sender.send_to(b"x", socket.local_addr().unwrap()).unwrap();
    }
    let sends = RawSocket::bind(&b, Ipv4Addr::UNSPECIFIED.into(), 253).unwrap();
    sends.send_to(b"x", Ipv4Addr::new(192, 0, 2, 1).into()).unwrap();
    std::io::Write::write_all(&mut theirs, b"x").unwrap();
    let mut told = Vec::new();
    while told.len() < udp.len() + 2 {
        for event in events(&poller, PATIENCE) {
            match event.token() {
                1000 => assert_eq!(std::io::Read::read(&mut &stream, &mut [0; 9]).unwrap(), 1),
                1001 => assert_eq!(raw.recv_from(&mut [0; 9]).unwrap().0, 1),
                token => assert_eq!(udp[token].recv(&mut [0; 9]).unwrap(), 1),
            }
            told.push(event.token());
        }
    }
    told.sort_unstable();
    assert_eq!(told, (0..100).chain([1000, 1001]).collect::<Vec<_>>());
    quiet(&poller);
    // One that is dropped is told of no more.
    drop(udp);
    quiet(&poller);
}
