//! Endpoints of UDP: RFC 768; RFC 1122, 4.1.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tuntcp::engine::{Datagram, DatagramError, OpenError, UdpEndpoint};
use tuntcp::tcp::Error;
use tuntcp::trace::Dropped;
use tuntcp::wire::icmp::emit_unreachable;
use tuntcp::wire::{Body, Flow, IpFields, Packet, udp};

use crate::world::{Bench, Duo, HERE, MTU, THERE, address, at, config_at, only};

/// A datagram to the engine under test, or to whom it is said to be.
fn datagram(from: (&str, u16), to: (&str, u16), payload: &[u8]) -> Vec<u8> {
    let flow = Flow { local: at(from.0, from.1), remote: at(to.0, to.1) };
    let mut out = Vec::new();
    udp::emit(&mut out, &flow, &IpFields { ttl: 9, ..IpFields::default() }, payload);
    out
}

fn endpoint(bench: &Bench, ip: &str, port: u16) -> UdpEndpoint {
    bench.engine.udp(at(ip, port)).expect("a free port")
}

/// What an endpoint has received.
fn payload(endpoint: &UdpEndpoint) -> Option<Vec<u8>> {
    endpoint.receive().expect("no error").map(|datagram| datagram.payload)
}

/// Proves: RFC1122-4.1.3.5, RFC768-sport.
#[test]
fn what_arrives_says_from_whom_to_whom_and_how_far() {
    let mut config = config_at("192.0.2.2/24");
    config.addresses.push("198.51.100.2/24".parse().unwrap());
    let mut bench = Bench::with(config);
    let any = endpoint(&bench, "0.0.0.0", 53);
    let other = "198.51.100.2";
    for (source_port, to) in [(4000, HERE), (4001, other), (0, HERE)] {
        assert!(bench.give([datagram((THERE, source_port), (to, 53), b"what?")]).is_empty());
        let (from, to) = (at(THERE, source_port), at(to, 53));
        let expected = Datagram { from, to, ttl: 9, payload: b"what?".to_vec() };
        assert_eq!(any.peek(), Ok(Some(expected.clone())));
        assert_eq!(any.receive(), Ok(Some(expected)));
        assert_eq!(any.receive(), Ok(None));
    }
    // And an answer leaves from where it was asked.
    any.send_from_to(bench.now, b"this", at(other, 53), at(THERE, 4001)).unwrap();
    let answer = only(bench.sent());
    let packet = Packet::parse(&answer, false).expect("a sound frame");
    let flow = Flow { local: at(THERE, 4001), remote: at(other, 53) };
    assert_eq!(packet.body, Body::Udp(flow, b"this"));
}

/// What waits is part of the memory of the host: a flood leaves a quarter of it to others, and whoever
/// asks little gets an answer however little is left.
#[test]
fn what_waits_takes_memory_of_the_host() {
    let mut config = config_at("192.0.2.2/24");
    config.memory_limit = 64 << 10;
    let mut bench = Bench::with(config);
    let (flooded, other) = (endpoint(&bench, HERE, 53), endpoint(&bench, HERE, 54));
    let flood = |port| vec![datagram((THERE, 9), (HERE, port), &[7; 1000]); 60];
    bench.give(flood(53));
    // With 128 bytes for each.
    assert_eq!(bench.engine.memory_used(), 43 * 1128);
    assert_eq!(bench.dropped(Dropped::ReceiveBufferFull), 17);
    bench.give(flood(54));
    assert_eq!(bench.engine.memory_used(), 46 * 1128);
    assert_eq!(bench.dropped(Dropped::ReceiveBufferFull), 17 + 57);
    assert_eq!(std::iter::from_fn(|| payload(&other)).count(), 3);
    assert_eq!(payload(&flooded).map(|payload| payload.len()), Some(1000));
    assert_eq!(bench.engine.memory_used(), 42 * 1128);
    drop(flooded);
    assert_eq!(bench.engine.memory_used(), 0);
}

#[test]
fn the_one_that_says_most_gets_it() {
    let mut bench = Bench::new();
    let other = "198.51.100.2";
    let transparent = bench.engine.udp_transparent(53).unwrap();
    let everything = bench.engine.udp_transparent(0).unwrap();
    let exact = endpoint(&bench, HERE, 53);
    let connected = endpoint(&bench, HERE, 54);
    connected.connect(at(THERE, 4000)).unwrap();
    let rows = [
        ((THERE, 4000), (HERE, 53), &exact),
        ((THERE, 4000), (HERE, 54), &connected),
        ((THERE, 4001), (HERE, 54), &everything),
        ((THERE, 4000), (other, 53), &transparent),
        ((THERE, 4000), (other, 54), &everything),
        ((THERE, 4000), (HERE, 55), &everything),
    ];
    for (from, to, receiver) in rows {
        assert!(bench.give([datagram(from, to, b"for whom?")]).is_empty());
        let all = [&transparent, &everything, &exact, &connected];
        for one in all {
            let gets = std::ptr::eq(one, receiver);
            assert_eq!(payload(one).is_some(), gets, "{from:?} > {to:?}, {}", one.local_addr());
        }
    }
    drop(everything);
    assert_eq!(bench.give([datagram((THERE, 4000), (HERE, 55), b"")]).len(), 1, "unreachable");
    assert!(bench.give([datagram((THERE, 4000), (other, 55), b"")]).is_empty());
    drop(transparent);
    bench.give([datagram((THERE, 4000), (other, 53), b"")]);
    assert_eq!(bench.dropped(Dropped::NotOurs), 1);
}

#[test]
fn a_transparent_one_answers_for_anybody_and_admits_nobody_who_cannot_be() {
    let mut bench = Bench::new();
    let everything = bench.engine.udp_transparent(0).unwrap();
    assert_eq!(bench.engine.udp_transparent(0).unwrap_err(), OpenError::AddrInUse);
    let (me, you) = (at("203.0.113.9", 1), at(THERE, 2));
    everything.send_from_to(bench.now, b"I am", me, you).unwrap();
    let packet = only(bench.sent());
    let flow = Flow { local: you, remote: me };
    assert_eq!(Packet::parse(&packet, false).unwrap().body, Body::Udp(flow, b"I am"));
    for nobody in [at("224.0.0.1", 1), at("0.0.0.0", 1), at("203.0.113.9", 0)] {
        let lie = everything.send_from_to(bench.now, b"I am", nobody, you);
        assert_eq!(lie, Err(DatagramError::NotOurs), "{nobody}");
    }
    for nobody in ["127.0.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.255", "0.0.0.0"] {
        bench.give([datagram((THERE, 2), (nobody, 1), b"whom?")]);
        assert_eq!(payload(&everything), None, "{nobody}");
    }
}

/// Proves: RFC1122-4.1.3.6.
#[test]
fn nobody_speaks_from_where_nobody_can_be() {
    let mut bench = Bench::new();
    let any = endpoint(&bench, "0.0.0.0", 53);
    for source in ["224.0.0.1", "255.255.255.255", "192.0.2.255", "127.0.0.1", "0.0.0.0"] {
        assert!(bench.give([datagram((source, 4000), (HERE, 53), b"it is me")]).is_empty());
        assert_eq!(payload(&any), None, "{source}");
        let own = any.send_from_to(bench.now, b"", at(source, 53), at(THERE, 4000));
        assert_eq!(own, Err(DatagramError::NotOurs), "{source}");
        let bound = bench.engine.udp(at(source, 54)).map(|bound| {
            bound.send_to(bench.now, b"", at(THERE, 4000)).unwrap();
            Packet::parse(&only(bench.sent()), false).unwrap().source
        });
        assert!(bound.is_err() || bound == Ok(address(HERE)), "{source}");
    }
    let lie = any.send_from_to(bench.now, b"", at(HERE, 54), at(THERE, 4000));
    assert_eq!(lie, Err(DatagramError::NotOurs), "another port");
}

fn unreachable(code: u8, offending: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    emit_unreachable(&mut out, address(THERE), address(HERE), code, offending);
    out
}

/// RFC 1122 4.1.3.3. Proves: RFC1122-4.1.3.3.
#[test]
fn what_the_network_says_is_told_once() {
    let rows = [
        (0, Error::NetworkUnreachable),
        (1, Error::Unreachable),
        (2, Error::ProtocolUnreachable),
        (3, Error::Refused),
    ];
    for (code, error) in rows {
        let mut bench = Bench::new();
        let connected = endpoint(&bench, "0.0.0.0", 4000);
        connected.connect(at(THERE, 53)).unwrap();
        let failed = Err(DatagramError::Failed(error));
        let fail = |bench: &mut Bench| {
            connected.send(bench.now, b"what?").unwrap();
            let sent = only(bench.sent());
            assert!(!connected.is_readable());
            assert!(bench.give([unreachable(code, &sent)]).is_empty());
            assert!(connected.is_readable(), "code {code}");
        };
        fail(&mut bench);
        assert_eq!(connected.receive(), failed, "code {code}");
        assert_eq!(connected.receive(), Ok(None));
        fail(&mut bench);
        assert_eq!(connected.take_error(), Some(error));
        assert_eq!(connected.take_error(), None);
        fail(&mut bench);
        assert_eq!(connected.send(bench.now, b"again"), failed.map(|_: Option<Datagram>| ()));
        assert!(bench.sent().is_empty());
        assert_eq!(connected.send(bench.now, b"again"), Ok(()));
    }
}

#[test]
fn an_error_about_somebody_else_is_told_to_nobody() {
    let mut bench = Bench::new();
    let open = endpoint(&bench, HERE, 4000);
    open.send_to(bench.now, b"what?", at(THERE, 53)).unwrap();
    let sent = only(bench.sent());
    assert!(bench.give([unreachable(3, &sent)]).is_empty());
    assert_eq!(open.receive(), Ok(None), "it has no peer");
    open.connect(at(THERE, 54)).unwrap();
    bench.give([unreachable(3, &sent)]);
    assert_eq!(open.receive(), Ok(None), "it has another peer");
    assert_eq!(bench.dropped(Dropped::IcmpStranger), 2);
    open.connect(at(THERE, 53)).unwrap();
    bench.give([unreachable(4, &sent)]);
    assert_eq!(open.receive(), Ok(None), "it is cut on its way");
    bench.give([unreachable(3, &sent)]);
    assert_eq!(open.receive(), Err(DatagramError::Failed(Error::Refused)));
}

/// RFC 1122 4.1.4. Proves: RFC1122-4.1.4.
#[test]
fn the_application_says_how_far_and_how_well_it_goes() {
    let bench = Bench::new();
    let endpoint = endpoint(&bench, HERE, 4000);
    endpoint.set_options(|options| {
        (options.ttl, options.multicast_ttl, options.dscp) = (3, 7, 46);
        options.broadcast = true;
    });
    for (to, ttl) in [(THERE, 3), ("192.0.2.255", 3), ("255.255.255.255", 3), ("239.1.2.3", 7)] {
        endpoint.send_to(bench.now, b"hello", at(to, 53)).unwrap();
        let packet = only(bench.sent());
        let packet = Packet::parse(&packet, false).expect("a sound frame");
        assert_eq!((packet.ip.ttl, packet.ip.dscp), (ttl, 46), "{to}");
        assert_eq!((packet.source, packet.destination), (address(HERE), address(to)));
    }
    endpoint.set_options(|options| options.multicast_ttl = 0);
    endpoint.send_to(bench.now, b"hello", at("239.1.2.3", 53)).unwrap();
    assert!(bench.sent().is_empty(), "it stays on this host");
}

/// Proves: RFC791-3.2-576.
#[test]
fn a_long_one_goes_in_pieces_and_comes_whole() {
    let mut duo = Duo::new();
    let near = endpoint(&duo.here, HERE, 4000);
    let far = endpoint(&duo.there, THERE, 53);
    for len in [0, 1, MTU - 28, MTU - 27, 20_000, 65_507] {
        let bytes: Vec<u8> = (0..len).map(|index| (index % 251) as u8).collect();
        near.send_to(duo.now(), &bytes, at(THERE, 53)).unwrap();
        duo.settle();
        assert_eq!(payload(&far).as_deref(), Some(&bytes[..]), "{len}");
    }
    let too_long = near.send_to(duo.now(), &[0; 65_508], at(THERE, 53));
    assert_eq!(too_long, Err(DatagramError::TooLong));
}

#[test]
fn everybody_and_every_member_gets_one() {
    let mut bench = Bench::new();
    let group = "239.1.2.3";
    let all = [endpoint(&bench, "0.0.0.0", 53), endpoint(&bench, group, 54)];
    let exact = endpoint(&bench, HERE, 55);
    let got = |bench: &mut Bench, to, port| {
        assert!(bench.give([datagram((THERE, 4000), (to, port), b"all")]).is_empty());
        all.iter().chain([&exact]).position(|one| payload(one).is_some())
    };
    for everybody in ["192.0.2.255", "255.255.255.255"] {
        assert_eq!(got(&mut bench, everybody, 53), Some(0), "{everybody}");
        assert_eq!(got(&mut bench, everybody, 55), None, "{everybody}: not its address");
        assert_eq!(got(&mut bench, everybody, 99), None, "{everybody}: and nobody is told");
    }
    assert_eq!(got(&mut bench, group, 53), None, "nobody has joined");
    assert_eq!(bench.dropped(Dropped::NotOurs), 1);
    for one in &all {
        one.join(address(group)).unwrap();
        assert_eq!(one.join(address(group)), Err(DatagramError::Joined));
    }
    assert_eq!(got(&mut bench, group, 53), Some(0));
    assert_eq!(got(&mut bench, group, 54), Some(1));
    assert_eq!(got(&mut bench, "239.1.2.4", 53), None, "another group");
    all[0].leave(address(group)).unwrap();
    assert_eq!(all[0].leave(address(group)), Err(DatagramError::NotJoined));
    assert_eq!(got(&mut bench, group, 53), None, "it has left");
    assert_eq!(got(&mut bench, group, 54), Some(1), "the other has not");
    drop(all);
    bench.give([datagram((THERE, 4000), (group, 54), b"all")]);
    assert_eq!(bench.dropped(Dropped::NotOurs), 3);
}

#[test]
fn what_is_for_this_host_never_leaves_it() {
    let bench = Bench::new();
    let near = endpoint(&bench, HERE, 4000);
    let other = endpoint(&bench, "0.0.0.0", 53);
    near.send_to(bench.now, b"hello", at(HERE, 53)).unwrap();
    let hello = other.receive().unwrap().expect("it is there at once");
    assert_eq!((hello.from, hello.to), (at(HERE, 4000), at(HERE, 53)));
    near.connect(at(HERE, 99)).unwrap();
    near.send(bench.now, b"hello").unwrap();
    assert_eq!(near.receive(), Err(DatagramError::Failed(Error::Refused)));
    assert!(bench.sent().is_empty());

    // What is for a group is for members here, too.
    other.join(address("239.1.2.3")).unwrap();
    for (looped, here) in [(true, 1), (false, 0)] {
        near.set_options(|options| options.multicast_loop_v4 = looped);
        near.send_to(bench.now, b"all", at("239.1.2.3", 53)).unwrap();
        let got = std::iter::from_fn(|| payload(&other)).count();
        assert_eq!((got, bench.sent().len()), (here, 1), "{looped}");
    }
}

#[test]
fn where_datagrams_may_go() {
    let bench = Bench::new();
    let endpoint = endpoint(&bench, HERE, 4000);
    let rows = [
        (at(THERE, 0), DatagramError::NoPort),
        (at("0.0.0.0", 53), DatagramError::BadRemote),
        (at("127.0.0.1", 53), DatagramError::BadRemote),
        (at("240.0.0.1", 53), DatagramError::BadRemote),
        (at("192.0.2.255", 53), DatagramError::Broadcast),
        (at("255.255.255.255", 53), DatagramError::Broadcast),
        (at("2001:db8::1", 53), DatagramError::WrongFamily),
    ];
    for (to, why) in rows {
        assert_eq!(endpoint.send_to(bench.now, b"hello", to), Err(why), "{to}");
        if to.port() != 0 {
            assert_eq!(endpoint.connect(to), Err(why), "{to}");
        }
    }
    assert_eq!(endpoint.send(bench.now, b"hello"), Err(DatagramError::NoPeer));
    assert_eq!(endpoint.join(address(THERE)), Err(DatagramError::NoGroup));
    assert!(bench.sent().is_empty());
    // An IPv4 address in the guise of IPv6 is what it is.
    endpoint.send_to(bench.now, b"hello", at("::ffff:192.0.2.1", 53)).unwrap();
    assert_eq!(bench.sent().len(), 1);
}

#[test]
fn who_may_be_bound_where() {
    let mut config = config_at("192.0.2.2/24");
    config.addresses.push("198.51.100.2/24".parse().unwrap());
    config.ephemeral_ports = 40_000..=40_002;
    let bench = Bench::with(config);
    let bind = |ip, port| bench.engine.udp(at(ip, port)).map(|bound| bound.local_addr());
    let other = "198.51.100.2";
    assert_eq!(bind(THERE, 7), Err(OpenError::AddrNotAvailable));
    let exact = endpoint(&bench, HERE, 7);
    for taken in [HERE, "0.0.0.0", "::", "::ffff:192.0.2.2"] {
        assert_eq!(bind(taken, 7), Err(OpenError::AddrInUse), "{taken}");
    }
    assert_eq!(bind(other, 7), Ok(at(other, 7)));
    drop(exact);
    let both = endpoint(&bench, "::", 7);
    for taken in [HERE, other, "0.0.0.0", "::"] {
        assert_eq!(bind(taken, 7), Err(OpenError::AddrInUse), "{taken}");
    }
    assert_eq!(both.local_addr(), at("::", 7));
    let _listener = bench.listen(40_000, 8);
    let taken: Vec<_> = (0..3).map(|_| endpoint(&bench, HERE, 0)).collect();
    let mut ports: Vec<_> = taken.iter().map(|one| one.local_addr().port()).collect();
    ports.sort_unstable();
    assert_eq!(ports, [40_000, 40_001, 40_002], "those of TCP are others");
    assert_eq!(bind(HERE, 0), Err(OpenError::PortsExhausted));
}

#[test]
fn one_at_the_unspecified_address_of_ipv6_speaks_both() {
    let mut bench = Bench::new();
    let both = endpoint(&bench, "::", 53);
    bench.give([datagram((THERE, 4000), (HERE, 53), b"what?")]);
    let what = both.receive().unwrap().expect("it is there");
    let (from, to) = (at("::ffff:192.0.2.1", 4000), at("::ffff:192.0.2.2", 53));
    assert_eq!((what.from, what.to), (from, to));
    both.send_to(bench.now, b"this", what.from).unwrap();
    let packet = only(bench.sent());
    assert_eq!(Packet::parse(&packet, false).unwrap().destination, address(THERE));
    both.connect(at(THERE, 4000)).unwrap();
    assert_eq!((both.local_addr(), both.peer_addr()), (to, Some(from)));
}

#[test]
fn what_nobody_receives_is_lost_and_counted() {
    let mut bench = Bench::new();
    let endpoint = endpoint(&bench, HERE, 53);
    for len in [0_usize, 1000] {
        let flood = vec![datagram((THERE, 4000), (HERE, 53), &vec![7; len]); 5000];
        let before = bench.dropped(Dropped::ReceiveBufferFull);
        bench.give(flood);
        while bench.turn() == bench.now {}
        let lost = bench.dropped(Dropped::ReceiveBufferFull) - before;
        let got = std::iter::from_fn(|| payload(&endpoint)).count();
        assert_eq!(got, (416 << 10) / (len + 128));
        assert_eq!(got as u64 + lost, 5000);
    }
    // What was received has made room.
    bench.give([datagram((THERE, 4000), (HERE, 53), b"again")]);
    assert_eq!(payload(&endpoint).as_deref(), Some(&b"again"[..]));
}

#[test]
fn who_waits_is_told() {
    let mut bench = Bench::new();
    let waiting = Arc::new(endpoint(&bench, HERE, 53));
    assert!(!waiting.wait(Some(Duration::from_millis(1))));
    assert!(waiting.is_writable());
    let waiter = Arc::clone(&waiting);
    let thread = thread::spawn(move || {
        assert!(waiter.wait(None));
        let what = waiter.receive().expect("no error").expect("a datagram");
        assert!(waiter.wait(None));
        (what.payload, waiter.receive())
    });
    bench.give([datagram((THERE, 4000), (HERE, 53), b"what?")]);
    while waiting.is_readable() {
        thread::yield_now();
    }
    bench.engine.abort_all(bench.now);
    let (what, end) = thread.join().expect("the waiter is well");
    assert_eq!((what.as_slice(), end), (&b"what?"[..], Err(DatagramError::HostDown)));
    assert_eq!(waiting.send_to(bench.now, b"", at(THERE, 1)), Err(DatagramError::HostDown));
    assert_eq!(waiting.connect(at(THERE, 1)), Err(DatagramError::HostDown));
    assert_eq!(bench.engine.udp(at(HERE, 54)).unwrap_err(), OpenError::HostDown);
}
