//! Names over our own UDP and TCP: a resolver and a small server, each on its host.

mod server;

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::thread;

use server::Asked;
use tuntcp::names::{Cause, Hosts, NameError, Names, ResolverConfig, Services};
use tuntcp::net::{
    AddrInfoFlags, Family, Hints, NameInfoFlags, Resolver, SocketType, ToSocketAddrs, getaddrinfo,
    getnameinfo,
};
use tuntcp::runtime::memory_pair;
use tuntcp::{Host, TcpListener, TcpStream, UdpSocket};

const ZONE: &str = "\
one.example A 192.0.2.1
two.example A 192.0.2.21
two.example A 192.0.2.22
six.example AAAA 2001:db8::6
both.example A 192.0.2.7
both.example AAAA 2001:db8::7
www.example CNAME web.example
web.example CNAME one.example
open.example CNAME one.test
loop.example CNAME loop.example
one.test A 192.0.2.11
short.corp.example A 192.0.2.31
bad.example SERVFAIL
closed.example REFUSED
mute.example SILENCE
1.2.0.192.in-addr.arpa PTR one.example
9.2.0.192.in-addr.arpa PTR nine.corp.example";

const SERVER: &str = "192.0.2.1:53";

/// A host whose names `SERVER` serves, that server's host, and what is asked.
struct World {
    _server: Host,
    host: Host,
    asked: Asked,
}

impl World {
    fn new(config: &str) -> Self {
        Self::with_zone(config, ZONE)
    }

    fn with_zone(config: &str, zone: &str) -> Self {
        let (server, host) = memory_pair().expect("two hosts");
        let asked = server::start(&server, SERVER.parse().unwrap(), zone);
        let config = format!("nameserver 192.0.2.1\noptions timeout:30 {config}");
        host.set_names(names(config.parse().expect("a configuration"), ""));
        Self { _server: server, host, asked }
    }

    fn lookup(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        Resolver::new(&self.host).lookup(name)
    }

    fn found(&self, name: &str) -> Vec<String> {
        let addresses = self.lookup(name).unwrap_or_else(|error| panic!("{error}"));
        addresses.iter().map(IpAddr::to_string).collect()
    }

    /// What was asked since the last time.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn names(config: ResolverConfig, hosts: &str) -> Names {
    let hosts: Hosts = hosts.parse().expect("a hosts file");
    Names::new(config, hosts, Services::well_known())
}

/// The cause inside.
fn cause(error: std::io::Error) -> Cause {
    let inner = error.into_inner().expect("an error of ours");
    inner.downcast::<NameError>().expect("a NameError").cause
}

#[test]
fn addresses_are_looked_up() {
    let world = World::new("");
    assert_eq!(world.found("one.example"), ["192.0.2.1"]);
    assert_eq!(world.found("TWO.example."), ["192.0.2.21", "192.0.2.22"]);
    assert_eq!(world.found("www.example"), ["192.0.2.1"]);
    // The host has no address of IPv6, and does not ask for any.
    assert_eq!(world.found("both.example"), ["192.0.2.7"]);
    let expected = ["A one.example", "A two.example", "A www.example", "A both.example"];
    assert_eq!(world.asked(), expected);
    assert_eq!(world.found("192.0.2.77"), ["192.0.2.77"]);
    assert_eq!(world.asked(), [""; 0], "an address is no name");
}

#[test]
fn answers_are_remembered() {
    let world = World::new("");
    world.found("one.example");
    world.found("ONE.example.");
    assert_eq!(world.asked(), ["A one.example"]);
    // What is not there is asked for each time.
    assert!(world.lookup("nowhere.example").is_err() && world.lookup("nowhere.example").is_err());
    assert_eq!(world.asked(), ["A nowhere.example"; 2]);
}

#[test]
fn long_answers_come_over_tcp() {
    let addresses: Vec<String> = (1..=100).map(|last| format!("198.51.100.{last}")).collect();
    let zone: Vec<_> = addresses.iter().map(|ip| format!("long.example A {ip}")).collect();
    let world = World::with_zone("", &zone.join("\n"));
    assert_eq!(world.found("long.example"), addresses);
    assert_eq!(world.asked(), ["A long.example", "A long.example over TCP"]);
    // Asked over TCP at once.
    let world = World::with_zone("use-vc", &zone.join("\n"));
    assert_eq!(world.found("long.example"), addresses);
    assert_eq!(world.asked(), ["A long.example over TCP"]);
    // 60 records are more than 512 bytes and less than 1,232.
    let world = World::with_zone("edns0", &zone[..60].join("\n"));
    assert_eq!(world.found("long.example"), addresses[..60]);
    assert_eq!(world.asked(), ["A long.example"]);
}

#[test]
fn a_name_that_is_not_there_names_the_server() {
    let world = World::new("");
    let error = world.lookup("nowhere.example").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let text = "no address for \"nowhere.example\": 192.0.2.1 says there is no such name";
    assert_eq!(error.to_string(), text);
    let error = world.lookup("six.example").unwrap_err();
    let text = "no address for \"six.example\": \
                192.0.2.1 knows the name, but no A record of it";
    assert_eq!(error.to_string(), text);
    let error = world.lookup("loop.example").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    let error = TcpStream::connect(&world.host, "nowhere.example:80").unwrap_err();
    assert!(matches!(cause(error), Cause::NoSuchName(_)));
}

#[test]
fn servers_that_decline_or_are_not_there_are_passed_over() {
    let world = World::new("attempts:1");
    for (name, code) in [("bad.example", "SERVFAIL"), ("closed.example", "REFUSED")] {
        let error = world.lookup(name).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Other);
        assert!(error.to_string().ends_with(&format!("192.0.2.1 declines ({code})")), "{error}");
    }
    // Nobody is at that port, as an ICMP error tells; then the one that answers is asked first.
    let mut config = world.host.names().resolver().clone();
    config.servers.insert(0, "192.0.2.1:54".parse().unwrap());
    world.host.set_names(names(config.clone(), ""));
    assert_eq!(world.found("one.example"), ["192.0.2.1"]);
    config.servers.truncate(1);
    world.host.set_names(names(config, ""));
    let error = world.lookup("one.example").unwrap_err();
    assert!(error.to_string().contains("192.0.2.1:54 cannot be asked"), "{error}");
}

#[test]
fn silence_is_not_waited_for_without_end() {
    let world = World::new("timeout:1 attempts:1");
    let error = world.lookup("mute.example").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(error.to_string(), "no address for \"mute.example\": 192.0.2.1 does not answer");
    // Over TCP, too.
    let mut config = world.host.names().resolver().clone();
    config.use_vc = true;
    world.host.set_names(names(config, ""));
    assert_eq!(world.lookup("mute.example").unwrap_err().kind(), ErrorKind::TimedOut);
}

#[test]
fn short_names_are_searched_for() {
    let world = World::new("\nsearch example corp.example");
    assert_eq!(world.found("short"), ["192.0.2.31"]);
    assert_eq!(world.asked(), ["A short.example", "A short.corp.example"]);
    assert!(world.lookup("short.").is_err());
    assert_eq!(world.asked(), ["A short"]);
}

#[test]
fn the_hosts_file_needs_no_server() {
    let (_peer, host) = memory_pair().unwrap();
    host.set_names(names(ResolverConfig::default(), "192.0.2.9 nine.example nine"));
    let resolver = Resolver::new(&host);
    assert_eq!(resolver.lookup("nine").unwrap(), ["192.0.2.9".parse::<IpAddr>().unwrap()]);
    assert_eq!(resolver.lookup("localhost").unwrap()[0].to_string(), "127.0.0.1");
    let error = resolver.lookup("ten").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("Host::set_names"), "{error}");
    assert_eq!(resolver.lookup("bücher.example").unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn sockets_take_names_and_services() {
    let world = World::new("");
    let server = TcpListener::bind(&world._server, "0.0.0.0:http").unwrap();
    let greets = thread::spawn(move || server.accept().unwrap().0.write_all(b"hello"));
    let mut client = TcpStream::connect(&world.host, "www.example:http").unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
    greets.join().unwrap().unwrap();

    let echo = UdpSocket::bind(&world._server, "0.0.0.0:echo").unwrap();
    let socket = UdpSocket::bind(&world.host, ("0.0.0.0", 0)).unwrap();
    socket.send_to(b"to a name", "one.example:echo").unwrap();
    socket.connect(("one.example".to_owned(), 7)).unwrap();
    socket.send(b"connected").unwrap();
    let mut buf = [0; 100];
    assert_eq!(echo.recv(&mut buf).unwrap(), 9);
    assert_eq!(echo.recv(&mut buf).unwrap(), 9);
    assert_eq!(world.asked(), ["A www.example", "A one.example"]);
}

#[test]
fn what_stands_for_an_address() {
    let (_peer, host) = memory_pair().unwrap();
    host.set_names(names(ResolverConfig::default(), "192.0.2.9 nine\n2001:db8::9 nine"));
    let resolver = &Resolver::new(&host);
    let first = |text: &str| text.to_socket_addrs(resolver).map(|mut all| all.next().unwrap());
    let rows = [
        ("192.0.2.1:80", "192.0.2.1:80"),
        ("192.0.2.1:http", "192.0.2.1:80"),
        ("[2001:db8::1]:80", "[2001:db8::1]:80"),
        ("[2001:db8::1]:domain", "[2001:db8::1]:53"),
        ("nine:80", "192.0.2.9:80"),
        ("NINE.:tftp", "192.0.2.9:69"),
    ];
    // The host speaks IPv4 only, but an address is an address.
    for (text, address) in rows {
        match first(text) {
            Ok(found) => assert_eq!(found.to_string(), address, "{text}"),
            Err(error) => panic!("{text}: {error}"),
        }
    }
    for text in
        ["nine", "nine:", "nine:no-such-service", "nine:65536", "2001:db8::1", "::1:80", ":80"]
    {
        assert_eq!(first(text).unwrap_err().kind(), ErrorKind::InvalidInput, "{text}");
    }
    let address: SocketAddr = "192.0.2.1:80".parse().unwrap();
    let SocketAddr::V4(v4) = address else { panic!() };
    assert_eq!(v4.to_socket_addrs(resolver).unwrap().next(), Some(address));
    assert_eq!((*v4.ip(), 80).to_socket_addrs(resolver).unwrap().next(), Some(address));
    assert_eq!((address.ip(), 80).to_socket_addrs(resolver).unwrap().next(), Some(address));
    assert_eq!([address][..].as_ref().to_socket_addrs(resolver).unwrap().next(), Some(address));
    assert_eq!("192.0.2.1:80".to_owned().to_socket_addrs(resolver).unwrap().next(), Some(address));
    assert_eq!(("192.0.2.1", 80).to_socket_addrs(resolver).unwrap().next(), Some(address));
}

/// Socket types and addresses of the entries.
fn listed(found: &[tuntcp::net::AddrInfo]) -> Vec<String> {
    let entry = |info: &tuntcp::net::AddrInfo| format!("{:?} {}", info.socket_type, info.address);
    found.iter().map(entry).collect()
}

#[test]
fn getaddrinfo_as_in_a_textbook() {
    let world = World::new("");
    let info = |node: Option<&str>, service: Option<&str>, hints: Hints| {
        getaddrinfo(&world.host, node, service, &hints)
    };
    let stream = Hints { socket_type: Some(SocketType::Stream), ..Hints::default() };
    let flags = |flags| Hints { flags, ..stream };

    // Both families, though the host has an address of one only; what it can reach comes first.
    let found = info(Some("both.example"), Some("http"), stream).unwrap();
    assert_eq!(listed(&found), ["Stream 192.0.2.7:80", "Stream [2001:db8::7]:80"]);
    let mut asked = world.asked();
    asked.sort();
    assert_eq!(asked, ["A both.example", "AAAA both.example"]);
    let found = info(Some("both.example"), Some("80"), flags(AddrInfoFlags::ADDRCONFIG)).unwrap();
    assert_eq!(listed(&found), ["Stream 192.0.2.7:80"]);
    let six = Hints { family: Family::Inet6, ..stream };
    assert_eq!(listed(&info(Some("both.example"), None, six).unwrap()), ["Stream [2001:db8::7]:0"]);

    // A service of both protocols, and one of TCP only.
    let four = Hints { family: Family::Inet, ..Hints::default() };
    let found = info(Some("one.example"), Some("domain"), four).unwrap();
    assert_eq!(listed(&found), ["Stream 192.0.2.1:53", "Datagram 192.0.2.1:53"]);
    let found = info(Some("one.example"), Some("ssh"), four).unwrap();
    assert_eq!(listed(&found), ["Stream 192.0.2.1:22"]);

    let found = info(Some("www.example"), Some("80"), flags(AddrInfoFlags::CANONNAME)).unwrap();
    assert_eq!(found[0].canonical_name.as_deref(), Some("one.example"));

    let found = info(None, Some("80"), flags(AddrInfoFlags::PASSIVE)).unwrap();
    assert_eq!(listed(&found), ["Stream 0.0.0.0:80", "Stream [::]:80"]);
    assert_eq!(listed(&info(None, Some("80"), stream).unwrap()), ["Stream 192.0.2.2:80"]);

    let kind = |result: std::io::Result<_>| result.map(|_: Vec<_>| ()).unwrap_err().kind();
    assert_eq!(kind(info(None, None, stream)), ErrorKind::InvalidInput);
    assert_eq!(kind(info(Some("192.0.2.1"), None, six)), ErrorKind::NotFound);
    assert_eq!(kind(info(None, Some("no-such"), stream)), ErrorKind::InvalidInput);
    let numeric = flags(AddrInfoFlags::NUMERICHOST | AddrInfoFlags::NUMERICSERV);
    assert_eq!(kind(info(Some("one.example"), None, numeric)), ErrorKind::InvalidInput);
    assert_eq!(kind(info(Some("192.0.2.1"), Some("http"), numeric)), ErrorKind::InvalidInput);
    assert_eq!(
        listed(&info(Some("192.0.2.1"), Some("80"), numeric).unwrap()),
        ["Stream 192.0.2.1:80"]
    );
    let datagram = Hints { socket_type: Some(SocketType::Datagram), ..Hints::default() };
    assert_eq!(kind(info(None, Some("ssh"), datagram)), ErrorKind::InvalidInput);
}

#[test]
fn getnameinfo_as_in_a_textbook() {
    let world = World::new("\nsearch corp.example");
    let info = |address: &str, flags| {
        let pair = getnameinfo(&world.host, address.parse().unwrap(), flags)?;
        Ok::<_, std::io::Error>(format!("{} {}", pair.0, pair.1))
    };
    let none = NameInfoFlags::empty();
    assert_eq!(info("192.0.2.1:80", none).unwrap(), "one.example http");
    assert_eq!(world.asked(), ["PTR 1.2.0.192.in-addr.arpa"]);
    assert_eq!(info("192.0.2.1:69", none).unwrap(), "one.example 69");
    assert_eq!(info("192.0.2.1:69", NameInfoFlags::DGRAM).unwrap(), "one.example tftp");
    let numeric = NameInfoFlags::NUMERICHOST | NameInfoFlags::NUMERICSERV;
    assert_eq!(info("192.0.2.1:80", numeric).unwrap(), "192.0.2.1 80");
    assert_eq!(info("192.0.2.9:80", none).unwrap(), "nine.corp.example http");
    assert_eq!(info("192.0.2.9:80", NameInfoFlags::NOFQDN).unwrap(), "nine http");
    assert_eq!(info("192.0.2.1:80", NameInfoFlags::NOFQDN).unwrap(), "one.example http");
    // What has no name is told as a number, unless a name is required.
    assert_eq!(info("192.0.2.5:80", none).unwrap(), "192.0.2.5 http");
    let error = info("192.0.2.5:80", NameInfoFlags::NAMEREQD).unwrap_err();
    let text = "no name for 192.0.2.5: 192.0.2.1 says there is no such name";
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::NotFound, text));
}

#[test]
fn many_threads_look_up_at_once() {
    let world = World::new("");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(world.found("two.example").len(), 2));
            scope.spawn(|| assert!(world.lookup("nowhere.example").is_err()));
        }
    });
}
