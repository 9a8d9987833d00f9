//! `dig` asks a server of ours, and our resolver asks dnsmasq.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::net::{IpAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use tuntcp::device::{self, TunOptions};
use tuntcp::names::{Hosts, Names, ResolverConfig, Services};
use tuntcp::net::{NameInfoFlags, Resolver, getnameinfo};
use tuntcp::{Host, HostConfig};

use crate::world::{World, run, tuntcp};

#[path = "../names/server.rs"]
mod server;

/// A stack of both families on `tun0`.
fn host() -> Host {
    let queues = device::open("tun0", &TunOptions::default()).expect("our own TUN");
    let addresses = ["192.0.2.2/24", "2001:db8::2/64"];
    let addresses = addresses.iter().map(|net| net.parse().expect("an address")).collect();
    Host::with_queues(queues, HostConfig::new(addresses)).expect("a host")
}

/// dnsmasq at the kernel's addresses, with this hosts file and nothing else.
struct Dnsmasq {
    child: Child,
    hosts: PathBuf,
}

impl Dnsmasq {
    fn start(test: &str, hosts: &str, options: &[&str]) -> Self {
        let name = format!("tuntcp-{test}-{}.hosts", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, hosts).expect("room for a file");
        let mut child = Command::new("dnsmasq")
            .args(["--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts"])
            .args(["--listen-address=192.0.2.1,2001:db8::1", "--bind-interfaces"])
            .arg(format!("--addn-hosts={}", path.display()))
            .args(["--local=/example/", "--local=/in-addr.arpa/"])
            .args(options)
            .stderr(Stdio::piped())
            .spawn()
            .expect("dnsmasq is installed (package dnsmasq-base)");
        let mut said = String::new();
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe"));
        // It reads its file right after it has said that it listens.
        while !said.contains("addresses") {
            said.clear();
            let len = lines.read_line(&mut said).expect("it talks");
            assert!(len > 0, "dnsmasq does not start");
        }
        // What else it says is read, so that it never waits for a reader.
        thread::spawn(move || lines.read_to_string(&mut String::new()));
        Self { child, hosts: path }
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.hosts);
    }
}

fn resolver(host: &Host, config: &str) -> Resolver {
    let config: ResolverConfig = config.parse().expect("a configuration");
    host.set_names(Names::new(config, Hosts::default(), Services::well_known()));
    Resolver::new(host)
}

fn found(resolver: &Resolver, name: &str) -> Vec<String> {
    let addresses = resolver.lookup(name).unwrap_or_else(|error| panic!("{error}"));
    let mut addresses: Vec<_> = addresses.iter().map(IpAddr::to_string).collect();
    addresses.sort();
    addresses
}

#[test]
fn dig_asks_a_server_of_ours() {
    let _world = World::new();
    let host = host();
    let many: String =
        (1..=200).map(|last| format!("\nlong.example A 198.51.100.{last}")).collect();
    let zone = "\
one.example A 192.0.2.31
one.example AAAA 2001:db8::31
www.example CNAME one.example
31.2.0.192.in-addr.arpa PTR one.example"
        .to_owned();
    let asked = server::start(&host, "192.0.2.2:53".parse().unwrap(), &(zone + &many));
    let dig = |arguments: &str| {
        let fixed = ["@192.0.2.2", "+tries=1", "+timeout=30"];
        let arguments = fixed.into_iter().chain(arguments.split(' '));
        String::from_utf8(run("dig", arguments).stdout).expect("dig prints text")
    };
    assert_eq!(dig("+short one.example A"), "192.0.2.31\n");
    assert_eq!(dig("+short one.example AAAA"), "2001:db8::31\n");
    assert_eq!(dig("+short www.example A"), "one.example.\n192.0.2.31\n");
    assert_eq!(dig("+short +tcp one.example A"), "192.0.2.31\n");
    assert_eq!(dig("+short -x 192.0.2.31"), "one.example.\n");
    assert!(dig("nowhere.example A").contains("status: NXDOMAIN"));
    asked.lock().unwrap().clear();
    assert_eq!(dig("+short long.example A").lines().count(), 200);
    assert_eq!(*asked.lock().unwrap(), ["A long.example", "A long.example over TCP"]);
}

#[test]
fn our_resolver_asks_dnsmasq() {
    let _world = World::new();
    let many: String = (1..=200).map(|last| format!("198.51.100.{last} long.example\n")).collect();
    let hosts = format!(
        "192.0.2.31 one.example\n2001:db8::31 one.example\n192.0.2.32 four.example\n{many}"
    );
    let _dnsmasq = Dnsmasq::start("resolver", &hosts, &["--cname=www.example,one.example"]);
    let host = host();
    for server in ["192.0.2.1", "2001:db8::1"] {
        let resolver =
            resolver(&host, &format!("nameserver {server}\nsearch corp.example example"));
        assert_eq!(found(&resolver, "one.example"), ["192.0.2.31", "2001:db8::31"]);
        assert_eq!(found(&resolver, "www"), ["192.0.2.31", "2001:db8::31"]);
        assert_eq!(found(&resolver, "four.example"), ["192.0.2.32"]);
        // Too long for a datagram of 512 bytes.
        assert_eq!(found(&resolver, "long.example").len(), 200);
        let error = resolver.lookup("nowhere.example.").unwrap_err();
        let text =
            format!("no address for \"nowhere.example.\": {server} says there is no such name");
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::NotFound, text));
        let there = "192.0.2.31:80".parse().unwrap();
        let (name, service) = getnameinfo(&host, there, NameInfoFlags::NAMEREQD).unwrap();
        assert_eq!((name.as_str(), service.as_str()), ("one.example", "http"));
    }
}

#[test]
fn a_dead_server_is_passed_over() {
    let _world = World::new();
    let _dnsmasq = Dnsmasq::start("dead", "192.0.2.31 one.example\n", &[]);
    let host = host();
    // Nobody is at the first address, nobody listens at the second.
    let config = "nameserver 192.0.2.99\nnameserver 192.0.2.1\noptions timeout:1 edns0";
    let resolver = resolver(&host, config);
    assert_eq!(found(&resolver, "one.example"), ["192.0.2.31"]);
    assert!(resolver.lookup("nowhere.example").unwrap_err().to_string().contains("192.0.2.1 says"));
}

#[test]
fn the_command_takes_names() {
    let _world = World::new();
    let hosts = "192.0.2.1 kernel.example\n2001:db8::1 kernel.example\n";
    let _dnsmasq = Dnsmasq::start("connect", hosts, &[]);
    let listener = TcpListener::bind("[::]:80").expect("the kernel listens");
    let connect = |arguments: &str| {
        let mut command = tuntcp();
        command.arg("connect").args(arguments.split(' ')).stdin(Stdio::null());
        command.output().expect("it runs")
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, peer) = listener.accept().expect("the stack connects");
            assert_eq!(peer.ip().to_string(), "2001:db8::2", "IPv6 is tried first");
            stream.read_to_end(&mut Vec::new()).expect("it closes");
        });
        let output = connect("kernel.example http --dns 192.0.2.1");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    });
    let output = tuntcp().args(["ping", "kernel.example", "-c1", "--dns", "192.0.2.1"]).output();
    let said = String::from_utf8(output.expect("it runs").stdout).expect("text");
    let first = "PING kernel.example(2001:db8::1) 56 data bytes\n\
                 64 bytes from kernel.example (2001:db8::1): icmp_seq=1 ";
    assert!(said.starts_with(first) && said.contains(" 1 received"), "{said}");
    let output = connect("nowhere.example http --dns 192.0.2.1");
    let said = String::from_utf8_lossy(&output.stderr);
    let wanted = "no address for \"nowhere.example\": 192.0.2.1 says there is no such name";
    assert!(!output.status.success() && said.contains(wanted), "{said}");
    let output = connect("kernel.example http --resolv-conf /no/such/file");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cannot read /no/such/file"), "{said}");
}
