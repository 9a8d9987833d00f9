//! Linux's own IPv6 and real programs against the stack; and a router between two stacks, with a link
//! that is narrower than theirs.

use std::io::{Read, Write};
use std::net::{Ipv6Addr, Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use crate::clients::converse;
use crate::wire::{Tcpdump, count};
use crate::world::{PATIENCE, World, noise, root, run, tuntcp};

const STACK: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((STACK, port)).expect("the stack accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    stream.set_write_timeout(Some(PATIENCE)).expect("a time-out can be set");
    stream
}

#[test]
fn programs_talk_to_echo() {
    let world = World::new();
    for offload in ["auto", "off"] {
        let server = world.serve(&["--offload", offload]);
        let much = noise(1, 1 << 20);
        let nc =
            converse(Command::new("nc").args(["-6", "-N", "-w", "30", "2001:db8::2", "7"]), &much);
        assert!(nc == much, "{offload}: {} bytes came back of {}", nc.len(), much.len());
        let to = "TCP6:[2001:db8::2]:7";
        let said = converse(Command::new("socat").args(["-t30", "-", to]), &much);
        assert!(said == much, "{offload}: {} bytes came back of {}", said.len(), much.len());
        // IPv4 beside it.
        assert_eq!(converse(Command::new("nc").args(["-N", "192.0.2.2", "7"]), b"four"), b"four");
        let refused = Command::new("nc").args(["-w", "30", "2001:db8::2", "4"]).output();
        assert!(!refused.expect("nc runs").status.success(), "nobody listens at port 4");
        server.stop();
    }
}

#[test]
fn connect_talks_to_the_kernels_listener() {
    let _world = World::new();
    let listener = TcpListener::bind("[2001:db8::1]:4000").expect("the kernel listens");
    let much = noise(3, 1 << 20);
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, peer) = listener.accept().expect("the stack connects");
            assert_eq!(peer.ip(), STACK);
            let mut got = Vec::new();
            stream.read_to_end(&mut got).expect("the stack closes its half");
            stream.write_all(&got).expect("the stack still reads");
            stream.shutdown(Shutdown::Write).expect("the stack is still there");
        });
        let said = converse(tuntcp().args(["connect", "2001:db8::1", "4000"]), &much);
        assert!(said == much, "{} bytes came back of {}", said.len(), much.len());
    });
}

#[test]
fn ping_answers_both_ways() {
    let world = World::new();
    let output = tuntcp().args(["ping", "2001:db8::1", "-c", "2", "-i", "0.1"]).output();
    let output = output.expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("2 received"), "it said {said}");
    let server = world.serve(&[]);
    run("python3", ["-c", RAW_PING]);
    server.stop();
}

/// Echo requests that the kernel sums and cuts, one behind extension headers, a datagram to a port
/// where nobody listens, and a protocol that nobody speaks.
const RAW_PING: &str = r#"
import socket, struct
STACK = ("2001:db8::2", 0)
def ping(size, prepare=lambda s: None):
    s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    s.settimeout(30)
    prepare(s)
    body = bytes(i % 251 for i in range(size))
    s.sendto(struct.pack("!BBHHH", 128, 0, 0, 77, size) + body, STACK)
    while True:
        got = s.recv(65535)
        if got[0] == 129 and got[4:8] == struct.pack("!HH", 77, size): break
    assert got[8:] == body, (size, len(got))
for size in (0, 56, 1400, 4000, 60000): ping(size)
# a hop-by-hop and a destination options header with padding
def extended(s):
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_HOPOPTS, bytes([0, 0, 1, 4, 0, 0, 0, 0]))
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, bytes([0, 0, 1, 4, 0, 0, 0, 0]))
ping(57, extended)
ping(5000, extended)
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.settimeout(30)
s.connect(("2001:db8::2", 4))
s.send(b"anybody?")
try:
    s.recv(1); raise SystemExit("somebody")
except ConnectionRefusedError: pass
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 99)
s.settimeout(30)
s.connect(STACK)
s.setsockopt(socket.IPPROTO_IPV6, 25, 1) # IPV6_RECVERR
s.send(b"anybody?")
try:
    s.recv(1); raise SystemExit("somebody")
except OSError as error: assert error.errno == 71, error # EPROTO
"#;

#[test]
fn tshark_finds_nothing_wrong_with_a_transfer() {
    let world = World::new();
    let server = world.serve(&["--offload", "off"]);
    let file = std::env::temp_dir().join(format!("tuntcp-wire-v6-{}.pcap", std::process::id()));
    let tcpdump = Tcpdump::start(&file);
    let mut stream = connect(7);
    let bytes = noise(7, 2 << 20);
    let mut back = vec![0; 16 << 10];
    for piece in bytes.chunks(back.len()) {
        stream.write_all(piece).expect("the stack takes it");
        stream.read_exact(&mut back).expect("the stack sends it back");
        assert!(back == piece, "something else came back");
    }
    stream.shutdown(Shutdown::Write).expect("the connection is open");
    assert_eq!(stream.read(&mut [0]).expect("the stack closes"), 0);
    server.stop();
    tcpdump.stop();

    let ours = "ipv6.src == 2001:db8::2 && tcp.len > 0";
    let seen = count(&file, ours);
    assert!(seen > 500, "{seen}: the capture is there");
    let full = count(&file, &format!("{ours} && tcp.len == 1428 && ipv6.plen == 1460"));
    assert!(full > 400, "{full} full segments");
    for (what, filter) in [
        ("too long segments", "ipv6.src == 2001:db8::2 && ipv6.plen > 1460"),
        ("malformed packets", "_ws.malformed"),
        ("bad TCP checksums", "ipv6.src == 2001:db8::2 && tcp.checksum.status == \"Bad\""),
        ("resets", "tcp.flags.reset == 1"),
    ] {
        assert_eq!(count(&file, filter), 0, "{what} in {}", file.display());
    }
    std::fs::remove_file(&file).expect("the capture can go");
}

/// The kernel carries packets between two stacks, over a link of 1,300 bytes towards the second; both
/// have links of 1,500. What is too long comes back as an error, super-segments or not (RFC 1191, RFC
/// 8201).
#[test]
fn a_router_tells_of_a_narrow_link() {
    for offload in ["off", "auto"] {
        thread::scope(|scope| {
            scope.spawn(|| two_stacks(offload));
        });
    }
}

fn two_stacks(offload: &str) {
    let world = World::new();
    run(root().join("scripts/setup_tun.sh"), ["tun1", "198.51.100.1/24", "2001:db8:1::1/64"]);
    for (name, value) in [
        ("ipv4/ip_forward", "1"),
        ("ipv4/conf/all/rp_filter", "0"),
        ("ipv6/conf/all/forwarding", "1"),
    ] {
        std::fs::write(format!("/proc/sys/net/{name}"), value).expect("the namespace is ours");
    }
    let narrow = ["dev", "tun1", "mtu", "lock", "1300"];
    run("ip", ["route", "replace", "198.51.100.2/32"].iter().chain(&narrow));
    run("ip", ["-6", "route", "replace", "2001:db8:1::2/128"].iter().chain(&narrow));
    let server = world.serve(&["--offload", offload]);
    let much = noise(5, 1 << 20);
    for (to, protocol) in [("192.0.2.2", "ip"), ("2001:db8::2", "ipv6")] {
        let name = format!("tuntcp-narrow-{protocol}-{offload}-{}.pcap", std::process::id());
        let file = std::env::temp_dir().join(name);
        let tcpdump = Tcpdump::start(&file);
        let mut connect = tuntcp();
        connect.args(["connect", "--tun", "tun1", "--address", "198.51.100.2/24"]);
        connect.args(["--address", "2001:db8:1::2/64", to, "7"]);
        let said = converse(&mut connect, &much);
        assert!(said == much, "{} bytes came back of {} to {to}", said.len(), much.len());
        tcpdump.stop();
        let too_big = "icmp.type == 3 && icmp.code == 4 || icmpv6.type == 2";
        let told = count(&file, too_big);
        assert!((1..50).contains(&told), "{to}, {offload}: {told} times");
        std::fs::remove_file(&file).expect("the capture can go");
    }
    server.stop();
}
