//! `UdpSocket`: what is sent and what arrives.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use crate::nets::{FOREIGN, NOBODY, SERVER};
use crate::udp_nets::{Datagrams, Udp};

mod tests {
    crate::twins! {
        what_is_sent_arrives_once
        what_does_not_fit_is_lost
        peeking_takes_nothing_away
        a_datagram_of_nothing
        no_datagram_is_that_long
        who_may_be_bound_where
        of_several_addresses_the_first_that_works
        a_peer_and_nobody_else_is_heard
        a_peer_can_be_changed
        without_a_peer
        nobody_is_there
        who_speaks_to_many_is_not_told
        what_a_host_says_to_itself
        both_families_at_the_unspecified_address
        addresses_that_cannot_be_spoken_to
        who_waits_is_woken
        of_those_who_wait_each_gets_one
        what_nobody_receives_is_lost
    }
}

/// What a call failed with: its kind, and the number that it has on either stack where std has no kind.
fn failure<T: std::fmt::Debug>(result: io::Result<T>) -> (ErrorKind, Option<i32>) {
    let error = result.expect_err("a failure");
    let nameless = format!("{:?}", error.kind()) == "Uncategorized";
    (error.kind(), error.raw_os_error().filter(|_| nameless))
}

fn kind<T: std::fmt::Debug>(result: io::Result<T>) -> ErrorKind {
    result.expect_err("a failure").kind()
}

fn what_is_sent_arrives_once<N: Datagrams>(net: &N) {
    let (server, at) = net.udp_server();
    let (client, from) = net.udp_client();
    let mut buf = vec![0; 70_000];
    for len in [1, 1472, 1473, 20_000, 65_507] {
        let bytes: Vec<u8> = (0..len).map(|index| (index % 251) as u8).collect();
        assert_eq!(client.send_to(&bytes, &[at]).unwrap(), len);
        assert_eq!(server.recv_from(&mut buf).unwrap(), (len, from));
        assert!(buf[..len] == bytes[..], "{len} bytes");
        assert_eq!(server.send_to(&bytes[..len / 2], &[from]).unwrap(), len / 2);
        assert_eq!(client.recv(&mut buf).unwrap(), len / 2);
    }
    server.set_nonblocking(true).unwrap();
    assert_eq!(kind(server.recv(&mut buf)), ErrorKind::WouldBlock);
}

fn what_does_not_fit_is_lost<N: Datagrams>(net: &N) {
    let (server, at) = net.udp_server();
    let (client, from) = net.udp_client();
    for bytes in [&b"hello"[..], b"again", b"world"] {
        client.send_to(bytes, &[at]).unwrap();
    }
    let mut buf = [0; 4];
    assert_eq!(server.recv_from(&mut buf).unwrap(), (4, from));
    assert_eq!(&buf, b"hell");
    assert_eq!(server.recv(&mut []).unwrap(), 0);
    assert_eq!(server.recv(&mut buf).unwrap(), 4);
    assert_eq!(&buf, b"worl");
}

fn peeking_takes_nothing_away<N: Datagrams>(net: &N) {
    let (server, at) = net.udp_server();
    let (client, from) = net.udp_client();
    client.send_to(b"first", &[at]).unwrap();
    client.send_to(b"second", &[at]).unwrap();
    for _ in 0..2 {
        let mut buf = [0; 9];
        assert_eq!(server.peek_from(&mut buf).unwrap(), (5, from));
        assert_eq!(&buf[..5], b"first");
        assert_eq!(server.peek(&mut buf[..3]).unwrap(), 3);
    }
    assert_eq!(server.recv(&mut [0; 9]).unwrap(), 5);
    assert_eq!(server.peek(&mut [0; 9]).unwrap(), 6);
    assert_eq!(server.recv(&mut [0; 9]).unwrap(), 6);
}

fn a_datagram_of_nothing<N: Datagrams>(net: &N) {
    let (server, at) = net.udp_server();
    let (client, from) = net.udp_client();
    assert_eq!(client.send_to(b"", &[at]).unwrap(), 0);
    assert_eq!(server.peek_from(&mut [0; 9]).unwrap(), (0, from));
    assert_eq!(server.recv_from(&mut [0; 9]).unwrap(), (0, from));
    client.connect(&[at]).unwrap();
    assert_eq!(client.send(b"").unwrap(), 0);
    assert_eq!(server.recv_from(&mut []).unwrap(), (0, from));
}

fn no_datagram_is_that_long<N: Datagrams>(net: &N) {
    const EMSGSIZE: i32 = 90;
    let (_server, at) = net.udp_server();
    let (client, _) = net.udp_client();
    client.connect(&[at]).unwrap();
    for len in [65_508, 65_535, 65_536, 1_000_000] {
        let bytes = vec![0; len];
        assert_eq!(failure(client.send_to(&bytes, &[at])).1, Some(EMSGSIZE), "{len}");
        assert_eq!(failure(client.send(&bytes)).1, Some(EMSGSIZE), "{len}");
    }
}

fn who_may_be_bound_where<N: Datagrams>(net: &N) {
    let (server, at) = net.udp_server();
    assert_eq!(at.ip(), SERVER);
    assert_ne!(at.port(), 0);
    let unspecified = SocketAddr::from((Ipv4Addr::UNSPECIFIED, at.port()));
    assert_eq!(kind(net.bind_udp(&[at]).map(drop)), ErrorKind::AddrInUse);
    assert_eq!(kind(net.bind_udp(&[unspecified]).map(drop)), ErrorKind::AddrInUse);
    let foreign = net.bind_udp(&[(FOREIGN, 0).into()]).map(drop);
    assert_eq!(kind(foreign), ErrorKind::AddrNotAvailable);
    // A port of TCP is another one.
    net.bind(&[at]).expect("nobody listens there");
    drop(server);
    let any = net.bind_udp(&[unspecified]).expect("it is free again");
    assert_eq!(any.local_addr().unwrap(), unspecified);
    assert_eq!(kind(net.bind_udp(&[at]).map(drop)), ErrorKind::AddrInUse);
}

fn of_several_addresses_the_first_that_works<N: Datagrams>(net: &N) {
    assert_eq!(kind(net.bind_udp(&[]).map(drop)), ErrorKind::InvalidInput);
    let here = SocketAddr::from((SERVER, 0));
    let server = net.bind_udp(&[(FOREIGN, 0).into(), here]).expect("the second");
    let at = server.local_addr().unwrap();
    assert_eq!(at.ip(), SERVER);
    let (client, from) = net.udp_client();
    assert_eq!(kind(client.send_to(b"x", &[])), ErrorKind::InvalidInput);
    assert_eq!(kind(client.connect(&[])), ErrorKind::InvalidInput);
    client.connect(&["[2001:db8::1]:9".parse().unwrap(), at]).expect("the second");
    assert_eq!(client.peer_addr().unwrap(), at);
    // Of those to send to only the first counts.
    client.send_to(b"x", &[at, (SERVER, 1).into()]).unwrap();
    assert_eq!(server.recv_from(&mut [0; 9]).unwrap(), (1, from));
}

fn a_peer_and_nobody_else_is_heard<N: Datagrams>(net: &N) {
    let (server, at) = net.udp_server();
    let (client, from) = net.udp_client();
    let (other, _) = net.udp_client();
    other.send_to(b"before", &[at]).unwrap();
    assert_eq!(server.peek(&mut [0; 9]).unwrap(), 6);
    server.connect(&[from]).unwrap();
    assert_eq!(server.peer_addr().unwrap(), from);
    assert_eq!(server.local_addr().unwrap(), at);
    other.send_to(b"after", &[at]).unwrap();
    client.send_to(b"peer", &[at]).unwrap();
    assert_eq!(server.recv(&mut [0; 9]).unwrap(), 6, "what had arrived is there still");
    assert_eq!(server.recv_from(&mut [0; 9]).unwrap(), (4, from));
    assert_eq!(server.send(b"hello").unwrap(), 5);
    assert_eq!(client.recv_from(&mut [0; 9]).unwrap(), (5, at));
    // Others can be spoken to.
    server.send_to(b"you", &[other.local_addr().unwrap()]).unwrap();
    assert_eq!(other.recv_from(&mut [0; 9]).unwrap(), (3, at));
}

fn a_peer_can_be_changed<N: Datagrams>(net: &N) {
    let (first, first_at) = net.udp_server();
    let (second, second_at) = net.udp_server();
    let client = net.bind_client(&["0.0.0.0:0".parse().unwrap()]).unwrap();
    for (server, at) in [(&first, first_at), (&second, second_at), (&first, first_at)] {
        client.connect(&[at]).unwrap();
        assert_eq!(client.peer_addr().unwrap(), at);
        assert_eq!(client.local_addr().unwrap().ip(), net.client_ip());
        client.send(b"hello").unwrap();
        assert_eq!(server.recv_from(&mut [0; 9]).unwrap(), (5, client.local_addr().unwrap()));
    }
}

fn without_a_peer<N: Datagrams>(net: &N) {
    const EDESTADDRREQ: i32 = 89;
    let (server, at) = net.udp_server();
    assert_eq!(failure(server.send(b"x")).1, Some(EDESTADDRREQ));
    assert_eq!(kind(server.peer_addr()), ErrorKind::NotConnected);
    // Receiving takes none.
    let (client, _) = net.udp_client();
    client.send_to(b"x", &[at]).unwrap();
    assert_eq!(server.recv(&mut [0; 9]).unwrap(), 1);
}

fn nobody_is_there<N: Datagrams>(net: &N) {
    let closed = net.closed_udp_port();
    let (client, _) = net.udp_client();
    client.connect(&[closed]).unwrap();
    let refused = ErrorKind::ConnectionRefused;
    for _ in 0..2 {
        client.send(b"x").unwrap();
        assert_eq!(kind(client.recv(&mut [0])), refused);
        client.set_nonblocking(true).unwrap();
        assert_eq!(kind(client.recv(&mut [0])), ErrorKind::WouldBlock, "it is told once");
        client.set_nonblocking(false).unwrap();
        client.send(b"x").unwrap();
        let error = crate::eventually("the error", || client.take_error().unwrap());
        assert_eq!(error.kind(), refused);
        assert!(client.take_error().unwrap().is_none());
        client.send(b"x").unwrap();
        assert_eq!(kind(client.peek(&mut [0])), refused);
    }
    // Or to the next call that sends.
    client.send(b"x").unwrap();
    let error = crate::eventually("the error", || client.send(b"y").err());
    assert_eq!(error.kind(), refused);
}

fn who_speaks_to_many_is_not_told<N: Datagrams>(net: &N) {
    let closed = net.closed_udp_port();
    let (client, from) = net.udp_client();
    let (server, at) = net.udp_server();
    client.send_to(b"x", &[closed]).unwrap();
    client.send_to(b"x", &[at]).unwrap();
    server.recv(&mut [0]).unwrap();
    server.send_to(b"hello", &[from]).unwrap();
    assert_eq!(client.recv(&mut [0; 9]).unwrap(), 5);
    assert!(client.take_error().unwrap().is_none());
}

fn what_a_host_says_to_itself<N: Datagrams>(net: &N) {
    let (server, at) = net.udp_server();
    let (other, other_at) = net.udp_server();
    other.send_to(b"hello", &[at]).unwrap();
    assert_eq!(server.recv_from(&mut [0; 9]).unwrap(), (5, other_at));
    server.send_to(b"me", &[at]).unwrap();
    assert_eq!(server.recv_from(&mut [0; 9]).unwrap(), (2, at));
    server.connect(&[net.closed_udp_port()]).unwrap();
    server.send(b"hello").unwrap();
    assert_eq!(kind(server.recv(&mut [0; 9])), ErrorKind::ConnectionRefused);
}

fn both_families_at_the_unspecified_address<N: Datagrams>(net: &N) {
    let both = net.bind_udp(&["[::]:0".parse().unwrap()]).unwrap();
    let port = both.local_addr().unwrap().port();
    let unspecified = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    assert_eq!(kind(net.bind_udp(&[unspecified]).map(drop)), ErrorKind::AddrInUse);
    let (client, from) = net.udp_client();
    client.send_to(b"hello", &[(SERVER, port).into()]).unwrap();
    let (len, shown) = both.recv_from(&mut [0; 9]).unwrap();
    assert_eq!((len, shown.port()), (5, from.port()));
    assert!(shown.is_ipv6());
    assert_eq!(shown.ip().to_canonical(), from.ip());
    both.send_to(b"answer", &[shown]).unwrap();
    assert_eq!(client.recv_from(&mut [0; 9]).unwrap(), (6, (SERVER, port).into()));
    both.connect(&[shown]).unwrap();
    assert_eq!(both.peer_addr().unwrap(), shown);
    assert_eq!(both.local_addr().unwrap().ip().to_canonical(), SERVER);
}

fn addresses_that_cannot_be_spoken_to<N: Datagrams>(net: &N) {
    const EAFNOSUPPORT: i32 = 97;
    let (client, _) = net.udp_client();
    let port_zero = SocketAddr::from((SERVER, 0));
    assert_eq!(kind(client.send_to(b"x", &[port_zero])), ErrorKind::InvalidInput);
    let other_family = ["[2001:db8::1]:9".parse().unwrap()];
    assert_eq!(failure(client.send_to(b"x", &other_family)).1, Some(EAFNOSUPPORT));
    assert_eq!(failure(client.connect(&other_family)).1, Some(EAFNOSUPPORT));
    // Nobody answers, and nobody says so.
    assert_eq!(client.send_to(b"x", &[(NOBODY, 9).into()]).unwrap(), 1);
}

fn who_waits_is_woken<N: Datagrams>(net: &N) {
    let (server, at) = net.udp_server();
    let (client, from) = net.udp_client();
    let waits = thread::spawn(move || {
        for round in 0..20_u8 {
            let mut buf = [0; 9];
            assert_eq!(server.recv_from(&mut buf).unwrap(), (1, from));
            assert_eq!(buf[0], round);
            server.send_to(&buf[..1], &[from]).unwrap();
        }
    });
    for round in 0..20 {
        client.send_to(&[round], &[at]).unwrap();
        let mut buf = [0; 9];
        assert_eq!(client.recv(&mut buf).unwrap(), 1);
        assert_eq!(buf[0], round);
    }
    waits.join().unwrap();
}

fn of_those_who_wait_each_gets_one<N: Datagrams>(net: &N) {
    let (server, at) = net.udp_server();
    let (client, _) = net.udp_client();
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let clone = server.try_clone().unwrap();
            thread::spawn(move || {
                let mut buf = [0; 9];
                clone.recv(&mut buf).unwrap();
                buf[0]
            })
        })
        .collect();
    for byte in 0..4 {
        client.send_to(&[byte], &[at]).unwrap();
    }
    let mut got: Vec<_> = waiting.into_iter().map(|thread| thread.join().unwrap()).collect();
    got.sort_unstable();
    assert_eq!(got, [0, 1, 2, 3]);
}

fn what_nobody_receives_is_lost<N: Datagrams>(net: &N) {
    let (server, at) = net.udp_server();
    let (client, _) = net.udp_client();
    for _ in 0..2000 {
        client.send_to(&[7; 1000], &[at]).unwrap();
    }
    server.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let got = std::iter::from_fn(|| server.recv(&mut [0; 1000]).ok()).count();
    assert!((50..2000).contains(&got), "{got} were received");
    client.send_to(b"again", &[at]).unwrap();
    assert_eq!(server.recv(&mut [0; 9]).unwrap(), 5);
}
