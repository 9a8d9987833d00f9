//! Linux's own IPv6 and real programs against the stack; and a router between two stacks, with a link
//! that is narrower than theirs.

use std::net::{Ipv6Addr, TcpStream};
use std::process::Command;
use std::thread;

use crate::clients::converse;
use crate::wire::{Tcpdump, await_capture, count, echo};
use crate::world::{World, capture, forward, noise, root, run, sysctl, tuntcp};

const STACK: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);

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
fn extension_headers_closed_ports_and_strange_protocols_are_answered() {
    let world = World::new();
    let server = world.serve(&[]);
    run("python3", ["-c", RAW]);
    server.stop();
}

/// Echo requests behind extension headers, whole and cut; a datagram to a port where nobody listens,
/// and a protocol that nobody speaks.
const RAW: &str = r#"
import socket, struct
STACK = ("2001:db8::2", 0)
def ping(size, prepare):
    s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    s.settimeout(30)
    prepare(s)
    body = bytes(i % 251 for i in range(size))
    s.sendto(struct.pack("!BBHHH", 128, 0, 0, 77, size) + body, STACK)
    while True:
        got = s.recv(65535)
        if got[0] == 129 and got[4:8] == struct.pack("!HH", 77, size): break
    assert got[8:] == body, (size, len(got))
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
    let file = capture("wire-v6");
    let tcpdump = Tcpdump::start(&file);
    let stream = TcpStream::connect((STACK, 7)).expect("the stack accepts");
    echo(&stream, &noise(7, 2 << 20));
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
    forward();
    let narrow = ["dev", "tun1", "mtu", "lock", "1300"];
    run("ip", ["route", "replace", "198.51.100.2/32"].iter().chain(&narrow));
    run("ip", ["-6", "route", "replace", "2001:db8:1::2/128"].iter().chain(&narrow));
    let server = world.serve(&["--offload", offload]);
    let much = noise(5, 1 << 20);
    for (to, protocol) in [("192.0.2.2", "ip"), ("2001:db8::2", "ipv6")] {
        let file = capture(&format!("narrow-{protocol}-{offload}"));
        let tcpdump = Tcpdump::start(&file);
        let mut connect = tuntcp();
        connect.args(["connect", "--tun", "tun1", "--address", "198.51.100.2/24"]);
        connect.args(["--address", "2001:db8:1::2/64", to, "7"]);
        let said = converse(&mut connect, &much);
        assert!(said == much, "{} bytes came back of {} to {to}", said.len(), much.len());
        await_capture(&file, &much[much.len() - 8..]);
        tcpdump.stop();
        let too_big = "icmp.type == 3 && icmp.code == 4 || icmpv6.type == 2";
        let told = count(&file, too_big);
        assert!((1..50).contains(&told), "{to}, {offload}: {told} times");
        std::fs::remove_file(&file).expect("the capture can go");
    }
    server.stop();
}

/// Where the kernel has IPv6 switched off, the script says so and makes a device of IPv4 alone; the
/// command, left to its default addresses, serves that.
#[test]
fn a_machine_without_ipv6_is_served_by_ipv4() {
    let world = World::bare();
    for interfaces in ["all", "default"] {
        sysctl(&format!("ipv6/conf/{interfaces}/disable_ipv6"), "1");
    }
    let script = root().join("scripts/setup_tun.sh");
    for _twice in 0..2 {
        let said = run(&script, ["tun0"]).stdout;
        let said = String::from_utf8(said).expect("it says text");
        assert!(said.contains("IPv6 is switched off here (net.ipv6.conf.tun0.disable_ipv6 = 1)"));
        assert!(said.contains("the kernel is at 192.0.2.1/24 on it"), "{said}");
    }
    let server = world.serve(&[]);
    assert_eq!(converse(Command::new("nc").args(["-N", "192.0.2.2", "7"]), b"four"), b"four");
    server.stop();
    // Who asks for it by name is not left without it.
    let asked = Command::new(&script).args(["tun1", "2001:db8:1::1/64"]).output();
    let asked = asked.expect("the script runs");
    let said = String::from_utf8_lossy(&asked.stderr);
    assert!(!asked.status.success() && said.contains("IPv6 is switched off here"), "{said}");
    assert!(said.contains("sysctl net.ipv6.conf.tun1.disable_ipv6=0"), "{said}");
}
