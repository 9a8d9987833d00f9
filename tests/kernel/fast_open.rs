//! TCP Fast Open (RFC 7413) between Linux and the stack. What Linux thinks of it, its counters tell.

use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::thread;

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, connect, setsockopt, socket, sockopt,
};
use tuntcp::Host;
use tuntcp::net::SocketOptions;

use crate::world::{PATIENCE, STACK, World, at};

/// A namespace whose kernel opens fast, and whose listeners do unasked; the stack in it.
fn fast_world() -> (World, Host) {
    let world = World::new();
    // A setting of the namespace of whoever writes it: client, server, every listener.
    std::fs::write("/proc/sys/net/ipv4/tcp_fastopen", "1027").expect("the namespace is ours");
    let host = Host::open("tun0", "192.0.2.2/24".parse().unwrap()).expect("tun0 is there");
    (world, host)
}

/// A counter of this thread's namespace.
fn counted(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/net/netstat").expect("Linux has it");
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next().expect("names"), lines.next().expect("values"));
    let mut pairs = names.split(' ').zip(values.split(' '));
    let value = pairs.find_map(|(known, value)| (known == name).then_some(value));
    value.expect("a counter of Linux").parse().expect("a number")
}

/// Linux's connect, which waits for what is written first where it knows a cookie.
fn call(port: u16) -> TcpStream {
    let fd = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None).unwrap();
    setsockopt(&fd, sockopt::TcpFastOpenConnect, &true).expect("Linux knows it");
    connect(fd.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(STACK, port))).expect("it answers");
    let stream = TcpStream::from(fd);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads a greeting and answers it, so often.
fn answer(times: usize, mut next: impl FnMut() -> Box<dyn ReadWrite>) {
    for _ in 0..times {
        let mut stream = next();
        let mut text = [0; 5];
        stream.read_exact(&mut text).expect("somebody has called");
        assert_eq!(&text, b"hello");
        stream.write_all(b"welcome").expect("he listens");
    }
}

trait ReadWrite: Read + Write {}

impl<T: Read + Write> ReadWrite for T {}

/// Reads the answer.
fn expect_answer(mut stream: impl Read) {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it answers");
    assert_eq!(text, "welcome");
}

#[test]
fn linux_calls_us() {
    let (_world, host) = fast_world();
    let options = SocketOptions::new().fast_open_queue(16);
    let listener = options.listen(&host, at(8000)).expect("a free port");
    let server = thread::spawn(move || {
        answer(3, || Box::new(listener.accept().expect("somebody calls").0));
    });
    for fast in 0..3 {
        let mut stream = call(8000);
        stream.write_all(b"hello").expect("it answers");
        expect_answer(stream);
        assert_eq!(counted("TCPFastOpenActive"), fast, "the first one brings the cookie home");
    }
    assert_eq!(counted("TCPFastOpenActiveFail"), 0);
    server.join().expect("the server does not panic");
}

#[test]
fn we_call_linux() {
    let (_world, host) = fast_world();
    let listener = TcpListener::bind("192.0.2.1:0").expect("a free port");
    let there = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        answer(3, || Box::new(listener.accept().expect("somebody calls").0));
    });
    let options = SocketOptions::new().fast_open(true);
    for fast in 0..3 {
        let stream = options.connect_with_data(&host, there, b"hello").expect("Linux answers");
        expect_answer(stream);
        assert_eq!(counted("TCPFastOpenPassive"), fast, "the first one brings the cookie home");
    }
    assert_eq!(counted("TCPFastOpenPassiveFail"), 0);
    server.join().expect("the server does not panic");
}
