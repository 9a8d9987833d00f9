//! Protocols by their number, against the kernel's raw sockets.

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;

use tuntcp::RawSocket;
use tuntcp::wire::checksum::Sum;

use crate::datagrams::stack;
use crate::world::{PATIENCE, World, noise, spawn};

const KERNEL: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn socket(host: &tuntcp::Host, protocol: u8) -> RawSocket {
    let any = Ipv4Addr::UNSPECIFIED.into();
    let socket = RawSocket::bind(host, any, protocol).expect("any address");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    socket
}

/// Gives back what comes by protocol 253, backwards; the kernel shows it with its IP header.
const BACKWARDS: &str = r#"
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 253)
s.bind(("192.0.2.1", 0))
print("ready", flush=True)
while True:
    got, who = s.recvfrom(70000)
    s.sendto(got[(got[0] & 15) * 4:][::-1], who)
"#;

#[test]
fn a_protocol_of_ones_own_both_ways() {
    let host = stack(&World::new());
    let (mut peer, _stdin, stdout) = spawn(Command::new("python3").args(["-c", BACKWARDS]));
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("it is text");
    assert_eq!(line, "ready\n");
    let ours = socket(&host, 253);
    let mut buf = vec![0; 70_000];
    for len in [0, 1, 1480, 1481, 20_000] {
        let mut bytes = noise(len as u64, len);
        ours.send_to(&bytes, KERNEL).expect("we send it");
        let received = ours.recv(&mut buf).expect("it comes back");
        bytes.reverse();
        assert_eq!((received.len, received.from, received.ttl), (len, KERNEL, 64));
        assert!(buf[..len] == bytes, "{len} bytes");
    }
    peer.kill().expect("it runs");
    peer.wait().expect("it ends");
}

#[test]
fn an_echo_of_the_kernels() {
    const ICMP: u8 = 1;
    let host = stack(&World::new());
    let ours = socket(&host, ICMP);
    for len in [0, 56, 4000] {
        let mut request = [&[8, 0, 0, 0, 0x12, 0x34, 0, 1][..], &noise(len as u64, len)].concat();
        let sum = Sum::new().plus(&request).finish();
        request[2..4].copy_from_slice(&sum.to_be_bytes());
        ours.send_to(&request, KERNEL).expect("we send it");
        let mut reply = vec![0; 5000];
        let (got, from) = ours.recv_from(&mut reply).expect("it is answered");
        assert_eq!((got, from, reply[0]), (request.len(), KERNEL, 0));
        assert_eq!(reply[4..got], request[4..]);
    }
    // And what the kernel says of a datagram that nobody there takes.
    let nobodys = tuntcp::UdpSocket::bind(&host, "0.0.0.0:0").expect("a free port");
    nobodys.send_to(b"hello", (KERNEL, 9)).expect("it is sent");
    let mut error = [0; 100];
    let (got, from) = ours.recv_from(&mut error).expect("it is told");
    assert_eq!((from, error[..2].to_vec()), (KERNEL, vec![3, 3]), "port unreachable");
    assert!(error[..got].ends_with(b"hello"), "Linux quotes all of it");
}
