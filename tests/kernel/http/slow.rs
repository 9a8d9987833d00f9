//! Clients that are slow, or deaf, and files that become shorter: bounded, and nobody else is harmed.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrIn, setsockopt, sockopt};

use super::{Got, Site, curl};
use crate::world::{PATIENCE, STACK, Server, World, connect};

/// Until the server has so many threads at most, as it had before its clients came.
fn wait_for_threads(server: &Server, wanted: usize) {
    for _ in 0..PATIENCE.as_millis() / 50 {
        if server.threads() <= wanted {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{} threads instead of {wanted}", server.threads());
}

/// Slowloris: many clients begin a request and go on with a byte now and then. Others are served while
/// they are there, and at last each of them is told that it took too long, and sent away.
#[test]
fn who_sends_a_byte_now_and_then() {
    let world = World::new();
    let site = Site::new("slowloris").with("a.txt", "hello\n");
    let server = site.serve(&world, &["--request-timeout", "4", "--idle-timeout", "60"]);
    assert_eq!(curl(&["/a.txt"]).status, 200);
    let before = server.threads();
    let mut slow: Vec<TcpStream> = (0..200).map(|_| connect(80)).collect();
    for client in &mut slow {
        client.write_all(b"GET / HTTP/1.1\r\nX-Slow: ").expect("it is open");
    }
    // Nobody has been sent away when another one has his answer.
    assert_eq!(curl(&["/a.txt"]).body, b"hello\n");
    for client in &slow {
        client.set_nonblocking(true).expect("it can be set");
        let error = client.peek(&mut [0]).expect_err("nobody is answered");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
    // They go on until they are sent away.
    while slow
        .iter()
        .any(|client| client.peek(&mut [0]).is_err_and(|e| e.kind() == ErrorKind::WouldBlock))
    {
        for client in &mut slow {
            let _ = client.write(b"x");
        }
        assert_eq!(curl(&["/a.txt"]).body, b"hello\n");
    }
    for client in &mut slow {
        client.set_nonblocking(false).expect("it can be set");
        let mut answer = Vec::new();
        // It may be reset behind the answer: he still sends.
        let _ = client.read_to_end(&mut answer);
        assert_eq!(Got::parse(&answer).status, 408);
    }
    drop(slow);
    wait_for_threads(&server, before);
    server.stop();
}

#[test]
fn who_says_nothing_is_sent_away() {
    let world = World::new();
    let site = Site::new("silent").with("a.txt", "hello\n");
    let server = site.serve(&world, &["--idle-timeout", "0.5"]);
    assert_eq!(curl(&["/a.txt"]).status, 200);
    let before = server.threads();
    let mut silent: Vec<TcpStream> = (0..20).map(|_| connect(80)).collect();
    for client in silent.iter_mut().step_by(2) {
        // With or without a request before.
        client.write_all(b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n").expect("it is open");
    }
    for (index, client) in silent.iter_mut().enumerate() {
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).expect("it is closed, not reset");
        assert_eq!(answer.ends_with(b"\r\n\r\nhello\n"), index % 2 == 0);
    }
    wait_for_threads(&server, before);
    server.stop();
}

/// A connection whose receive buffer is as small as can be from its beginning on: its window closes soon,
/// but it says so, and says so again whenever it is asked.
fn deaf() -> TcpStream {
    let (family, kind) = (AddressFamily::Inet, SockType::Stream);
    let client = socket::socket(family, kind, SockFlag::empty(), None).expect("a socket");
    setsockopt(&client, sockopt::RcvBuf, &2304).expect("it can be set");
    socket::connect(client.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(STACK, 80)))
        .expect("the stack accepts");
    let client = TcpStream::from(client);
    client.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    client
}

#[test]
fn who_never_reads() {
    let world = World::new();
    let site = Site::new("deaf").with("a.txt", "hello\n").with("small", vec![b'x'; 20_000]);
    let large = File::create(site.root().join("large")).expect("room");
    large.set_len(1 << 30).expect("it is sparse");
    let server = site.serve(&world, &["--stall-timeout", "2", "--idle-timeout", "1"]);
    assert_eq!(curl(&["/a.txt"]).status, 200);
    let (threads, memory) = (server.threads(), server.resident());
    let mut deaf: Vec<TcpStream> = (0..40).map(|_| deaf()).collect();
    for (index, client) in deaf.iter_mut().enumerate() {
        // What fits our buffers is written at once, and waits there for who does not come for it.
        let path = if index % 2 == 0 { "large" } else { "small" };
        write!(client, "GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n").expect("it is open");
    }
    assert_eq!(curl(&["/a.txt"]).body, b"hello\n");
    wait_for_threads(&server, threads);
    let grown = server.resident().saturating_sub(memory);
    assert!(grown < 40 * (3 << 20), "{grown} bytes for forty of them");
    for client in &mut deaf {
        let error = client.read_to_end(&mut Vec::new()).expect_err("it was given up");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    assert_eq!(curl(&["/a.txt"]).body, b"hello\n");
    server.stop();
}

#[test]
fn a_file_that_becomes_shorter_while_it_is_sent() {
    let world = World::new();
    let site = Site::new("shrinking").with("a.txt", "hello\n");
    let file = File::create(site.root().join("file")).expect("room");
    file.set_len(100 << 20).expect("it is sparse");
    let server = site.serve(&world, &[]);
    let mut client = deaf();
    client.write_all(b"GET /file HTTP/1.1\r\nHost: a\r\n\r\n").expect("it is open");
    let mut begin = [0; 1000];
    client.read_exact(&mut begin).expect("it begins");
    assert!(begin.starts_with(b"HTTP/1.1 200 OK\r\n"));
    file.set_len(0).expect("it is ours");
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).expect("it is closed, not reset");
    assert!(rest.len() < 100 << 20, "it ends too early, and so he knows");
    assert_eq!(curl(&["/a.txt"]).body, b"hello\n");
    server.stop();
}
