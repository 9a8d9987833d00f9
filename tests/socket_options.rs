//! What is chosen before a socket opens holds when it is open, at both ends of a connection.

use std::io::{ErrorKind, Read, Write};
use std::ops::RangeInclusive;
use std::time::Duration;

use tuntcp::net::{KeepAlive, SocketOptions};
use tuntcp::runtime::memory_pair;
use tuntcp::{TcpListener, TcpStream};

const SERVER: &str = "192.0.2.1:80";

#[test]
fn every_option_reaches_the_socket() {
    let (a, b) = memory_pair().unwrap();
    let keepalive = KeepAlive { idle: Duration::from_secs(60), ..KeepAlive::default() };
    let all = SocketOptions::new()
        .receive_buffer(50_000)
        .send_buffer(60_000)
        .nodelay(true)
        .cork(true)
        .quickack(true)
        .keepalive(keepalive)
        .user_timeout(Duration::from_secs(30))
        .maximum_segment(700)
        .ttl(9)
        .dscp(46)
        .congestion("reno")
        .linger(Duration::from_secs(2));
    let listener = all.listen(&a, SERVER).unwrap();
    let client = all.connect(&b, SERVER).unwrap();
    let (server, _) = listener.accept().unwrap();
    assert_eq!(listener.ttl().unwrap(), 9);
    assert_eq!(listener.congestion().unwrap(), "reno");
    for stream in [client, server] {
        assert_eq!(stream.receive_buffer().unwrap(), 50_000);
        assert_eq!(stream.send_buffer().unwrap(), 60_000);
        assert!(stream.nodelay().unwrap() && stream.cork().unwrap() && stream.quickack().unwrap());
        assert_eq!(stream.keepalive().unwrap(), Some(keepalive));
        assert_eq!(stream.user_timeout().unwrap(), Some(Duration::from_secs(30)));
        assert_eq!((stream.ttl().unwrap(), stream.dscp().unwrap()), (9, 46));
        assert_eq!(stream.congestion().unwrap(), "reno");
        assert_eq!(stream.linger().unwrap(), Some(Duration::from_secs(2)));
        let info = stream.info();
        assert_eq!(info.advertised_mss, 700);
        assert!(info.mss <= 700, "{}", info.mss);
    }
}

#[test]
fn the_last_word_counts_and_others_begin_as_ever() {
    let (a, b) = memory_pair().unwrap();
    let _listener = TcpListener::bind(&a, SERVER).unwrap();
    let undecided = SocketOptions::new().ttl(9).nodelay(true).ttl(10).nodelay(false);
    let client = undecided.connect(&b, SERVER).unwrap();
    assert_eq!((client.ttl().unwrap(), client.nodelay().unwrap()), (10, false));
    let other = TcpStream::connect(&b, SERVER).unwrap();
    assert_eq!(other.ttl().unwrap(), 64);
}

#[test]
fn what_is_out_of_range_is_told_and_nothing_opens() {
    let (a, b) = memory_pair().unwrap();
    let new = SocketOptions::new;
    let never = KeepAlive { probes: 0, ..KeepAlive::default() };
    let at_once = KeepAlive { idle: Duration::ZERO, ..KeepAlive::default() };
    let rows = [
        (new().ttl(0), "0 hops"),
        (new().ttl(256), "256 hops"),
        (new().dscp(64), "DSCP 64"),
        (new().maximum_segment(63), "63 bytes"),
        (new().receive_buffer(0), "0 bytes"),
        (new().send_buffer(0), "0 bytes"),
        (new().keepalive(never), "keep-alive"),
        (new().keepalive(at_once), "keep-alive"),
        (new().user_timeout(Duration::ZERO), "zero"),
        (new().ephemeral_ports(0..=10), "1 to 65535"),
        (new().ephemeral_ports(RangeInclusive::new(10, 9)), "1 to 65535"),
    ];
    for (options, said) in rows {
        let listening = options.listen(&a, SERVER).map(drop).unwrap_err();
        let connecting = options.connect(&b, SERVER).map(drop).unwrap_err();
        let early = options.connect_with_data(&b, SERVER, b"hello").map(drop).unwrap_err();
        for error in [listening, connecting, early] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{options:?}");
            assert!(error.to_string().contains(said), "{error}");
        }
    }
    let unknown = new().congestion("vegas").listen(&a, SERVER).map(drop).unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
    assert_eq!((a.engine().connections(), b.engine().connections()), (0, 0));
    TcpListener::bind(&a, SERVER).expect("nobody has taken it");
}

#[test]
fn a_listener_hands_its_linger_on() {
    let (a, b) = memory_pair().unwrap();
    let listener = SocketOptions::new().linger(Duration::ZERO).listen(&a, SERVER).unwrap();
    let mut client = TcpStream::connect(&b, SERVER).unwrap();
    drop(listener.accept().unwrap());
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_local_address_is_taken_once_for_each_remote() {
    let (a, b) = memory_pair().unwrap();
    let _listeners = [80, 81].map(|port| TcpListener::bind(&a, ("192.0.2.1", port)).unwrap());
    let from = SocketOptions::new().bind("0.0.0.0:1023".parse().unwrap());
    let first = from.connect(&b, SERVER).unwrap();
    assert_eq!(first.local_addr().unwrap().to_string(), "192.0.2.2:1023");
    assert_eq!(from.connect(&b, SERVER).unwrap_err().kind(), ErrorKind::AddrInUse);
    let second = from.connect(&b, "192.0.2.1:81").unwrap();
    assert_eq!(second.local_addr().unwrap(), first.local_addr().unwrap());
    let strict = from.reuse_address(false);
    assert_eq!(strict.connect(&b, "192.0.2.1:82").unwrap_err().kind(), ErrorKind::AddrInUse);

    let foreign = SocketOptions::new().bind("203.0.113.1:0".parse().unwrap());
    let error = foreign.connect(&b, SERVER).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    let spoofed = foreign.transparent(true).connect(&b, SERVER).unwrap();
    assert_eq!(spoofed.local_addr().unwrap().ip().to_string(), "203.0.113.1");
}

/// All of it arrives, once, whether or not a part of it went with the SYN.
#[test]
fn much_is_said_with_the_first_word() {
    let (a, b) = memory_pair().unwrap();
    let listener = SocketOptions::new().fast_open_queue(4).listen(&a, SERVER).unwrap();
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
    let server = std::thread::spawn(move || {
        let read = |(mut stream, _): (TcpStream, _)| {
            let mut text = Vec::new();
            stream.read_to_end(&mut text).unwrap();
            stream.write_all(b"thanks").unwrap();
            text
        };
        [(); 3].map(|()| read(listener.accept().unwrap()))
    });
    let fast = SocketOptions::new().fast_open(true);
    for _ in 0..3 {
        let mut client = fast.connect_with_data(&b, SERVER, &bytes).unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let mut thanks = String::new();
        client.read_to_string(&mut thanks).unwrap();
        assert_eq!(thanks, "thanks");
    }
    assert!(server.join().unwrap().iter().all(|text| *text == bytes));
}
