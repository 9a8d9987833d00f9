//! Peers and devices that go away.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use crate::world::{PATIENCE, World, at, connect, run, tuntcp};

/// A client whose address disappears leaves the server talking to nobody; everybody else is served.
#[test]
fn a_client_vanishes() {
    let world = World::new();
    let server = world.serve(&[]);
    run("ip", ["address", "add", "192.0.2.9/24", "dev", "tun0"]);
    let mut ghost = bound_to("192.0.2.9:0", 19);
    let mut some = [0; 4096];
    ghost.read_exact(&mut some).expect("chargen sends");
    run("ip", ["address", "del", "192.0.2.9/24", "dev", "tun0"]);
    for _ in 0..20 {
        let mut stream = connect(7);
        stream.write_all(b"still there?").expect("the server is");
        stream.read_exact(&mut [0; 12]).expect("the server answers");
    }
    server.stop();
}

fn bound_to(local: &str, port: u16) -> TcpStream {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket};
    use std::os::fd::AsRawFd;
    use std::str::FromStr;

    let fd = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)
        .expect("the kernel makes a socket");
    bind(fd.as_raw_fd(), &SockaddrIn::from_str(local).expect("an address")).expect("ours");
    let SocketAddr::V4(remote) = at(port) else { unreachable!("the stack is at an IPv4 address") };
    connect(fd.as_raw_fd(), &SockaddrIn::from(remote)).expect("the stack accepts");
    TcpStream::from(fd)
}

/// A server that is killed leaves its clients half open (RFC 9293 3.5.2-a); the next one knows
/// nothing of them and says so, and serves new ones at once.
#[test]
fn a_server_is_killed_and_restarted() {
    let world = World::new();
    let server = world.serve(&[]);
    let mut orphan = connect(7);
    orphan.write_all(b"hello").expect("the server is there");
    orphan.read_exact(&mut [0; 5]).expect("the server answers");
    server.kill();

    let server = world.serve(&[]);
    orphan.write_all(b"hello?").expect("the kernel takes it");
    let error = orphan.read(&mut [0; 8]).expect_err("nobody knows this connection");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let mut stream = connect(7);
    stream.write_all(b"hello").expect("the server is there");
    stream.read_exact(&mut [0; 5]).expect("the server answers");
    server.stop();
}

/// A device that is deleted under the server ends it with an error that says so.
#[test]
fn the_device_vanishes() {
    let world = World::new();
    let server = world.serve(&[]);
    let mut stream = connect(7);
    stream.write_all(b"hello").expect("the server is there");
    stream.read_exact(&mut [0; 5]).expect("the server answers");
    run("ip", ["link", "delete", "dev", "tun0"]);
    let status = server.wait();
    assert_eq!(status.code(), Some(1), "it ended with {status}");
}

/// What goes wrong when a TUN is opened is said, with what to do next.
#[test]
fn a_device_that_cannot_be_opened_is_explained() {
    let world = World::new();
    let say = |arguments: &[&str]| {
        let output = tuntcp().args(arguments).stdin(Stdio::null()).output().expect("it runs");
        assert!(!output.status.success(), "{arguments:?} succeeded");
        String::from_utf8_lossy(&output.stderr).to_lowercase()
    };
    let said = say(&["serve", "--tun", "tun99"]);
    assert!(said.contains("tun99") && said.contains("setup_tun.sh"), "it said {said}");
    let server = world.serve(&[]);
    let said = say(&["connect", "192.0.2.1", "9"]);
    assert!(said.contains("tun0") && said.contains("in use"), "it said {said}");
    let said = say(&["serve", "echo=seven"]);
    assert!(said.contains("seven"), "it said {said}");
    let said = say(&["serve", "telnet"]);
    assert!(said.contains("telnet") && said.contains("echo"), "it said {said}");
    let said = say(&["serve", "--impair", "loss=lots"]);
    assert!(said.contains("loss"), "it said {said}");
    server.stop();
}

/// SIGINT ends the server as SIGTERM does, with connections open.
#[test]
fn an_interrupt_ends_the_server_in_good_order() {
    let world = World::new();
    let server = world.serve(&[]);
    let mut stream = connect(7);
    stream.write_all(b"hello").expect("the server is there");
    stream.read_exact(&mut [0; 5]).expect("the server answers");
    server.stop();
    assert_eq!(stream.read(&mut [0]).expect("a FIN, not a RST"), 0);
    let error = TcpStream::connect_timeout(&at(7), PATIENCE / 20).expect_err("nobody is there");
    assert!(matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::HostUnreachable), "{error}");
    let alive = Command::new("ip").args(["link", "show", "dev", "tun0"]).status().expect("ip runs");
    assert!(alive.success(), "the TUN stays for the next one");
}
