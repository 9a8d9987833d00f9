//! Who is there, and how wide is the way? iputils' `ping` and `tracepath` ask the stack, and the
//! command asks the kernel.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Command, Output};
use std::sync::mpsc;
use std::thread;

use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, gettid};

use crate::wire::{Tcpdump, await_capture, count, echo};
use crate::world::{World, capture, forward, noise, run, spawn, sysctl, tuntcp};

/// Where the stack answers.
const STACK: [&str; 2] = ["192.0.2.2", "2001:db8::2"];

fn said(program: &str, arguments: &[&str]) -> String {
    String::from_utf8(run(program, arguments).stdout).expect("it says text")
}

/// Up to what is sent in dozens of fragments; `ping` compares what comes back. It sends three at once
/// and waits for as long as one of them is missing.
#[test]
fn ping_of_any_size_is_answered() {
    let world = World::new();
    for offload in ["auto", "off"] {
        let server = world.serve(&["--offload", offload]);
        for to in STACK {
            for size in ["0", "56", "1400", "8000", "60000"] {
                let at_once = ["-n", "-c", "3", "-l", "3", "-i", "5", "-W", "30", "-s", size, to];
                let said = said("ping", &at_once);
                assert!(said.contains(" 3 received, 0% packet loss"), "{offload}: {said}");
                assert!(!said.contains("wrong data") && !said.contains("DUP"), "{offload}: {said}");
            }
        }
        server.stop();
    }
}

/// Packets for the neighbours come to the stack, too; it does not answer for them.
#[test]
fn ping_of_another_address_is_not_answered() {
    let world = World::new();
    let server = world.serve(&[]);
    for to in ["192.0.2.3", "2001:db8::3"] {
        let output = Command::new("ping").args(["-n", "-c", "1", "-W", "1", to]).output();
        let output = output.expect("ping runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success() && said.contains(" 0 received"), "{said}");
    }
    server.stop();
}

/// The same question from either side, to somebody and to nobody: the same words, but for the numbers.
#[test]
fn ours_speaks_as_ping_does() {
    let world = World::new();
    let shape = |said: &str| {
        let number = |c: char| c.is_ascii_digit() || c == '.';
        let words: Vec<_> = said.split(number).filter(|word| !word.is_empty()).collect();
        words.join("#")
    };
    let rows: [(&str, &[&str]); 4] = [
        ("1", &["-c", "2", "-i", "0.2", "-n"]),
        ("1", &["-c", "3", "-i", "0.2", "-q", "-s", "8000", "-W", "30"]),
        ("1", &["-c", "1", "-t", "9", "-s", "16"]),
        ("9", &["-c", "1", "-W", "1"]),
    ];
    for net in ["192.0.2.", "2001:db8::"] {
        for (last, options) in rows {
            let ours = tuntcp().arg("ping").args(options).arg(format!("{net}{last}")).output();
            let server = world.serve(&[]);
            let last = if last == "1" { "2" } else { last };
            let theirs = Command::new("ping").args(options).arg(format!("{net}{last}")).output();
            server.stop();
            let (ours, theirs) = (ours.expect("it runs"), theirs.expect("ping runs"));
            let said = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(
                shape(&said(&ours)),
                shape(&said(&theirs)),
                "{}{}",
                said(&ours),
                said(&theirs)
            );
            assert_eq!(ours.status.code(), theirs.status.code());
        }
    }
}

#[test]
fn our_ping_tells_who_could_not_carry_it_on() {
    let _world = World::new();
    forward();
    sysctl("ipv4/icmp_ratelimit", "0");
    sysctl("ipv6/icmp/ratelimit", "0");
    for route in
        ["unreachable 198.51.100.0/25", "198.51.100.128/25 dev tun0", "prohibit 203.0.113.0/24"]
    {
        run("ip", ["route", "add"].into_iter().chain(route.split(' ')));
    }
    for route in ["2001:db8:2::/64 dev tun0", "prohibit 2001:db8:3::/64"] {
        run("ip", ["-6", "route", "add"].into_iter().chain(route.split(' ')));
    }
    let rows: [(&[&str], &str); 6] = [
        (&["198.51.100.1"], "From 192.0.2.1 icmp_seq=1 Destination Host Unreachable"),
        (&["203.0.113.1", "-s", "8000"], "From 192.0.2.1 icmp_seq=1 Packet filtered"),
        (&["198.51.100.129", "-t", "1"], "From 192.0.2.1 icmp_seq=1 Time to live exceeded"),
        (&["2001:db8:1::1"], "From 2001:db8::1 icmp_seq=1 Destination unreachable: No route"),
        (&["2001:db8:2::1", "-t", "1"], "From 2001:db8::1 icmp_seq=1 Time exceeded: Hop limit"),
        (
            &["2001:db8:3::1"],
            "From 2001:db8::1 icmp_seq=1 Destination unreachable: Administratively prohibited",
        ),
    ];
    for (arguments, line) in rows {
        let output = tuntcp().args(["ping", "-c1", "-W30"]).args(arguments).output();
        let output = output.expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.lines().any(|said| said == line), "not {line:?}: {said}");
        let summary = "1 packets transmitted, 0 received, +1 errors, 100% packet loss, time ";
        assert!(said.contains(summary), "{said}");
    }
}

/// Without a number of requests it goes on until Ctrl-C, and then says how it was.
#[test]
fn our_ping_ends_with_a_summary() {
    let _world = World::new();
    let hosts = std::env::temp_dir().join(format!("tuntcp-ping-{}", std::process::id()));
    std::fs::write(&hosts, "192.0.2.1 one.example\n2001:db8::1 one.example\n")
        .expect("there is room");
    let rows = [("-4", "one.example (192.0.2.1)"), ("-6", "one.example (2001:db8::1)")];
    for (family, name) in rows {
        let mut command = tuntcp();
        command.args(["ping", family, "one.example", "-i", "0.05", "--hosts"]).arg(&hosts);
        let (mut child, stdin, stdout) = spawn(&mut command);
        let mut lines = BufReader::new(stdout).lines().map(|line| line.expect("it says text"));
        assert!(lines.next().is_some_and(|line| line.starts_with("PING one.example")));
        for sequence in 1..=5 {
            let line = lines.next().expect("it goes on");
            let wanted = format!("64 bytes from {name}: icmp_seq={sequence} ttl=64 time=");
            assert!(line.starts_with(&wanted), "{line}");
        }
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).expect("it runs");
        let rest: Vec<_> = lines.collect();
        assert!(rest.iter().any(|line| line == "--- one.example ping statistics ---"), "{rest:?}");
        assert!(rest.iter().any(|line| line.contains(" packets transmitted, ")), "{rest:?}");
        assert!(child.wait().expect("it ends").success(), "somebody answered");
        drop(stdin);
    }
    std::fs::remove_file(hosts).expect("it is there");
}

/// The TUN's MTU is that of the whole way; at its end a closed port says so (RFC 1122 4.1.3.1,
/// RFC 4443 3.1).
#[test]
fn tracepath_ends_at_our_address() {
    let world = World::new();
    let server = world.serve(&[]);
    for to in STACK {
        let said = said("tracepath", &["-n", to]);
        assert!(said.contains(&format!(" {to} ")) && said.contains("reached"), "{said}");
        assert!(said.contains("Resume: pmtu 1500 hops 1 back 1"), "{said}");
    }
    server.stop();
}

/// A router between the stack and a kernel of another namespace leads to both of them by ways of 1,300
/// bytes, though every interface has 1,500. `tracepath` finds that out from there, and so does the
/// stack as it sends (RFC 1191, RFC 8201).
#[test]
fn tracepath_and_a_transfer_find_the_same_narrow_way() {
    let world = World::new();
    forward();
    let server = world.serve(&["--offload", "off"]);
    let streams = join_far_namespace(|| {
        STACK.map(|to| {
            // Before the kernel knows the way: its SYN would tell the stack otherwise.
            let stream = TcpStream::connect((to, 7)).expect("the stack accepts");
            let said = said("tracepath", &["-n", to]);
            // Its own interface, and then the router, which also tells of the narrow way.
            let first = said.lines().next().expect("a line a hop");
            assert!(first.contains("[LOCALHOST]") && first.ends_with(" pmtu 1500"), "{said}");
            assert!(said.contains("Resume: pmtu 1300 hops 2 back 2"), "{said}");
            stream
        })
    });
    let much = noise(5, 1 << 20);
    let lengths = [("ip.len", 1300), ("ipv6.plen", 1260)];
    for ((stream, to), (length, fits)) in streams.iter().zip(STACK).zip(lengths) {
        let file = capture(&format!("far-{fits}"));
        let tcpdump = Tcpdump::start(&file);
        echo(stream, &much);
        await_capture(&file, &much[much.len() - 8..]);
        tcpdump.stop();
        let told = count(&file, "icmp.type == 3 && icmp.code == 4 || icmpv6.type == 2");
        assert!((1..50).contains(&told), "{to} was told {told} times");
        // The capture has those, too, that are quoted in the errors.
        let to_us = "tcp.dstport == 7 || icmp || icmpv6";
        let ours = |size: &str| count(&file, &format!("!({to_us}) && {length} {size} {fits}"));
        let (too_long, full) = (ours(">"), ours("=="));
        assert!((1..50).contains(&too_long) && full > 500, "{to}: {too_long}, then {full}");
        std::fs::remove_file(&file).expect("the capture can go");
    }
    server.stop();
}

/// What `there` makes in a namespace of its own, 198.51.100.2 and 2001:db8:1::2, which this one routes
/// to; the way from there to the stack, and back, is narrow.
fn join_far_namespace<T: Send>(there: impl FnOnce() -> T + Send) -> T {
    let ip = |words: &str| drop(run("ip", words.split(' ')));
    let (tell_who, who) = mpsc::channel();
    let (tell_linked, linked) = mpsc::channel();
    thread::scope(|scope| {
        let far = scope.spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).expect("as the first one");
            tell_who.send(gettid()).expect("somebody waits");
            linked.recv().expect("the link is made");
            ip("address add 198.51.100.2/24 dev far");
            ip("address add 2001:db8:1::2/64 dev far nodad");
            ip("link set dev far up");
            ip("route add default via 198.51.100.1");
            ip("-6 route add default via 2001:db8:1::1");
            there()
        });
        let who = who.recv().expect("it has a namespace");
        ip(&format!("link add near type veth peer name far netns {who}"));
        ip("address add 198.51.100.1/24 dev near");
        ip("address add 2001:db8:1::1/64 dev near nodad");
        ip("link set dev near up");
        ip("route replace 198.51.100.2/32 dev near mtu lock 1300");
        ip("-6 route replace 2001:db8:1::2/128 dev near mtu lock 1300");
        ip("route replace 192.0.2.2/32 dev tun0 mtu lock 1300");
        ip("-6 route replace 2001:db8::2/128 dev tun0 mtu lock 1300");
        tell_linked.send(()).expect("it waits");
        far.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
