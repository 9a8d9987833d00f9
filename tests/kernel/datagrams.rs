//! Datagrams between our sockets and the kernel's, over a real TUN.

use std::io::{Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::thread;

use tuntcp::Host;

use crate::world::{PATIENCE, STACK, World, noise, spawn};

/// Where the kernel is.
const KERNEL: &str = "192.0.2.1";

/// The stack in this process, on the world's TUN.
pub(crate) fn stack(_world: &World) -> Host {
    Host::open("tun0", "192.0.2.2/24".parse().expect("a network")).expect("the TUN is there")
}

/// A socket of the kernel's.
fn kernel_socket() -> UdpSocket {
    let socket = UdpSocket::bind((KERNEL, 0)).expect("a free port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    socket
}

/// The same of ours.
fn our_socket(host: &Host, addr: &str) -> tuntcp::UdpSocket {
    let socket = tuntcp::UdpSocket::bind(host, addr).expect("a free port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    socket
}

/// Whole or in fragments, in both directions.
#[test]
fn datagrams_of_every_size() {
    let host = stack(&World::new());
    let ours = our_socket(&host, "0.0.0.0:7");
    let kernels = kernel_socket();
    let at = SocketAddr::from((STACK, 7));
    let mut buf = vec![0; 70_000];
    for len in [0, 1, 1472, 1473, 20_000, 65_507] {
        let bytes = noise(len as u64, len);
        assert_eq!(kernels.send_to(&bytes, at).expect("the kernel sends it"), len);
        let (got, from) = ours.recv_from(&mut buf).expect("it arrives");
        assert_eq!(from, kernels.local_addr().expect("it is bound"));
        assert!(buf[..got] == bytes, "{len} bytes from the kernel");
        assert_eq!(ours.send_to(&bytes, from).expect("we send it"), len);
        let (got, from) = kernels.recv_from(&mut buf).expect("it comes back");
        assert_eq!(from, at);
        assert!(buf[..got] == bytes, "{len} bytes from us");
    }
}

#[test]
fn each_side_says_that_nobody_is_there() {
    let host = stack(&World::new());
    let ours = our_socket(&host, "0.0.0.0:0");
    let kernels = kernel_socket();
    let refused = std::io::ErrorKind::ConnectionRefused;
    kernels.connect(SocketAddr::from((STACK, 9))).expect("an address");
    kernels.send(b"hello").expect("it is sent");
    assert_eq!(kernels.recv(&mut [0]).expect_err("nobody").kind(), refused);
    ours.connect((KERNEL, 9)).expect("an address");
    ours.send(b"hello").expect("it is sent");
    assert_eq!(ours.recv(&mut [0]).expect_err("nobody").kind(), refused);
}

/// What the kernel routes into the TUN, whomever it is for.
#[test]
fn a_transparent_socket_stands_for_a_whole_network() {
    let world = World::new();
    let host = stack(&world);
    crate::world::run("ip", ["route", "add", "198.51.100.0/24", "dev", "tun0"]);
    let everything = tuntcp::UdpSocket::bind_transparent(&host, 0).expect("the first");
    everything.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    let kernels = kernel_socket();
    let mut buf = [0; 100];
    for whom in ["198.51.100.1:53", "198.51.100.254:65535", "192.0.2.2:1"] {
        let whom: SocketAddr = whom.parse().expect("an address");
        kernels.send_to(b"hello", whom).expect("it is routed");
        let (len, from, to) = everything.recv_from_to(&mut buf).expect("it arrives");
        assert_eq!((len, to), (5, whom));
        everything.send_from_to(b"I am", to, from).expect("it is sent");
        assert_eq!(kernels.recv_from(&mut buf).expect("it arrives"), (4, whom));
    }
}

/// What the kernel sends to everybody, and to a group.
#[test]
fn broadcasts_and_groups_cross_the_tun() {
    let host = stack(&World::new());
    let ours = our_socket(&host, "0.0.0.0:7");
    let kernels = kernel_socket();
    kernels.set_broadcast(true).expect("it may");
    ours.set_broadcast(true).expect("it may");
    let from = kernels.local_addr().expect("it is bound");
    let group = "239.1.2.3".parse().expect("a group");
    ours.join_multicast_v4(&group, &STACK).expect("a group");
    let mut buf = [0; 100];
    for whom in ["192.0.2.255", "255.255.255.255", "239.1.2.3"] {
        let whom = SocketAddr::new(whom.parse().expect("an address"), 7);
        kernels.send_to(b"everybody", whom).expect("the TUN takes it");
        assert_eq!(ours.recv_from_to(&mut buf).expect("it arrives"), (9, from, whom));
    }
    let theirs = UdpSocket::bind("0.0.0.0:8").expect("a free port");
    theirs.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    theirs.join_multicast_v4(&group, &KERNEL.parse().expect("an address")).expect("a group");
    for whom in ["192.0.2.255:8", "239.1.2.3:8"] {
        ours.send_to(b"everybody", whom).expect("the TUN takes it");
        let from = SocketAddr::from((STACK, 7));
        assert_eq!(theirs.recv_from(&mut buf).expect("it arrives"), (9, from), "{whom}");
    }
}

/// A program that knows nothing of us: socat asks, and is answered.
#[test]
fn socat_is_answered() {
    let host = stack(&World::new());
    let server = our_socket(&host, "0.0.0.0:7");
    let answers = thread::spawn(move || {
        let mut buf = [0; 100];
        let (len, from) = server.recv_from(&mut buf).expect("socat asks");
        server.send_to(&buf[..len].to_ascii_uppercase(), from).expect("socat is there");
    });
    let mut socat = Command::new("socat");
    socat.args(["-t", "10", "-", "UDP:192.0.2.2:7"]);
    let (mut child, mut stdin, mut stdout) = spawn(&mut socat);
    stdin.write_all(b"hello").expect("socat reads");
    let mut answer = [0; 5];
    stdout.read_exact(&mut answer).expect("socat writes");
    assert_eq!(&answer, b"HELLO");
    answers.join().expect("the server is well");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}

/// The same by IPv6.
#[test]
fn datagrams_of_every_size_by_ipv6() {
    let _world = World::new();
    let queues = tuntcp::device::open("tun0", &tuntcp::device::TunOptions::default());
    let address = "2001:db8::2/64".parse().expect("a network");
    let config = tuntcp::HostConfig::new(vec![address]);
    let host = Host::with_queues(queues.expect("the TUN is there"), config).expect("a host");
    let ours = our_socket(&host, "[::]:7");
    let kernels = UdpSocket::bind("[2001:db8::1]:0").expect("a free port");
    kernels.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    let at: SocketAddr = "[2001:db8::2]:7".parse().expect("an address");
    let mut buf = vec![0; 70_000];
    for len in [0, 1, 1452, 1453, 20_000] {
        let bytes = noise(len as u64, len);
        assert_eq!(kernels.send_to(&bytes, at).expect("the kernel sends it"), len);
        let (got, from) = ours.recv_from(&mut buf).expect("it arrives");
        assert!(buf[..got] == bytes, "{len} bytes from the kernel");
        assert_eq!(ours.send_to(&bytes, from).expect("we send it"), len);
        let (got, from) = kernels.recv_from(&mut buf).expect("it comes back");
        assert!(from == at && buf[..got] == bytes, "{len} bytes from us");
    }
    let refused = std::io::ErrorKind::ConnectionRefused;
    ours.connect("[2001:db8::1]:9").expect("an address");
    ours.send(b"hello").expect("it is sent");
    assert_eq!(ours.recv(&mut [0]).expect_err("nobody").kind(), refused);
    kernels.connect("[2001:db8::2]:9").expect("an address");
    kernels.send(b"hello").expect("it is sent");
    assert_eq!(kernels.recv(&mut [0]).expect_err("nobody").kind(), refused);
}

/// Whichever queue the kernel chooses for a flow, and whoever waits.
#[test]
fn several_queues_bring_what_one_does() {
    let _world = World::with_queues("2");
    let options = tuntcp::device::TunOptions { queues: 2, ..Default::default() };
    let queues = tuntcp::device::open("tun0", &options).expect("the TUN is there");
    let config = tuntcp::HostConfig::new(vec!["192.0.2.2/24".parse().expect("a network")]);
    let host = Host::with_queues(queues, config).expect("a host");
    let server = our_socket(&host, "0.0.0.0:7");
    let echoes = thread::spawn(move || {
        let mut buf = [0; 100];
        for _ in 0..16 * 20 {
            let (len, from) = server.recv_from(&mut buf).expect("it arrives");
            server.send_to(&buf[..len], from).expect("it is sent");
        }
    });
    let asks = |socket: UdpSocket| {
        let mut buf = [0; 100];
        for round in 0..20_u8 {
            socket.send_to(&[round; 50], (STACK, 7)).expect("it is sent");
            assert_eq!(socket.recv(&mut buf).expect("it comes back"), 50);
            assert_eq!(buf[..50], [round; 50]);
        }
    };
    let sockets: Vec<_> = (0..16).map(|_| kernel_socket()).collect();
    thread::scope(|scope| {
        for socket in sockets {
            scope.spawn(|| asks(socket));
        }
    });
    echoes.join().expect("the server is well");
}
