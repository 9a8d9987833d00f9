//! Endpoints of UDP and raw ones, of IPv6 (RFC 8200, 8.1; RFC 8201; RFC 3542, 3.1).

use tuntcp::engine::{Datagram, DatagramError, UdpEndpoint};
use tuntcp::tcp::Error;
use tuntcp::wire::checksum::Sum;
use tuntcp::wire::icmp::{Echo, Message, emit_unreachable};
use tuntcp::wire::{Body, Flow, IpFields, Packet, ip, udp};

use crate::world::{Bench, Duo, MTU, address, at, config_at, only};

const HERE: &str = "2001:db8::2";
const THERE: &str = "2001:db8::1";
const ICMPV6: u8 = 58;

fn bench_at(v4: &str, v6: &str) -> Bench {
    let mut config = config_at(v4);
    config.addresses.push(v6.parse().unwrap());
    Bench::with(config)
}

fn bench() -> Bench {
    bench_at("192.0.2.2/24", "2001:db8::2/64")
}

fn duo() -> Duo {
    Duo { here: bench(), there: bench_at("192.0.2.1/24", "2001:db8::1/64") }
}

fn endpoint(bench: &Bench, ip: &str, port: u16) -> UdpEndpoint {
    bench.engine.udp(at(ip, port)).expect("a free port")
}

fn datagram(from: (&str, u16), to: (&str, u16), payload: &[u8]) -> Vec<u8> {
    let flow = Flow { local: at(from.0, from.1), remote: at(to.0, to.1) };
    let mut out = Vec::new();
    udp::emit(&mut out, &flow, &IpFields::default(), payload);
    out
}

#[test]
fn datagrams_of_every_size_go_and_come() {
    let mut duo = duo();
    let near = endpoint(&duo.here, "::", 4000);
    let far = endpoint(&duo.there, THERE, 53);
    for len in [0, 1, MTU - 48, MTU - 47, 20_000, 65_487] {
        let bytes: Vec<u8> = (0..len).map(|index| (index % 251) as u8).collect();
        near.send_to(duo.now(), &bytes, at(THERE, 53)).unwrap();
        duo.settle();
        let expected =
            Datagram { from: at(HERE, 4000), to: at(THERE, 53), ttl: 64, payload: bytes };
        assert!(far.receive() == Ok(Some(expected)), "{len}");
    }
    let too_long = near.send_to(duo.now(), &[0; 65_528], at(THERE, 53));
    assert_eq!(too_long, Err(DatagramError::TooLong));
}

#[test]
fn each_family_to_those_who_speak_it() {
    let mut bench = bench();
    let both = endpoint(&bench, "::", 53);
    let (four, six) = (endpoint(&bench, "0.0.0.0", 54), endpoint(&bench, HERE, 54));
    for (from, to) in [("192.0.2.1", "192.0.2.2"), (THERE, HERE)] {
        bench.give([datagram((from, 1), (to, 53), b"all"), datagram((from, 1), (to, 54), b"one")]);
        let shown = both.receive().unwrap().expect("a datagram of either family");
        assert_eq!(shown.from.ip().to_canonical(), address(from));
        assert!(shown.from.is_ipv6() && shown.to.is_ipv6());
        let [gets, other] = if to == HERE { [&six, &four] } else { [&four, &six] };
        assert_eq!(gets.receive().unwrap().expect("of its family").from, at(from, 1));
        assert_eq!(other.receive(), Ok(None));
    }
    assert_eq!(four.send_to(bench.now, b"", at(THERE, 1)), Err(DatagramError::WrongFamily));
    assert_eq!(six.send_to(bench.now, b"", at("192.0.2.1", 1)), Err(DatagramError::WrongFamily));
    assert!(bench.sent().is_empty());
}

#[test]
fn members_of_a_group() {
    let mut bench = bench();
    let group = "ff02::4242";
    let member = endpoint(&bench, "::", 53);
    let got = |bench: &mut Bench| {
        bench.give([datagram((THERE, 1), (group, 53), b"all")]);
        member.receive().unwrap().is_some()
    };
    assert!(!got(&mut bench));
    member.join(address(group)).unwrap();
    assert!(got(&mut bench));
    member.leave(address(group)).unwrap();
    assert!(!got(&mut bench));

    member.join(address(group)).unwrap();
    member.set_options(|options| options.multicast_ttl = 5);
    member.send_to(bench.now, b"all", at(group, 53)).unwrap();
    let sent = only(bench.sent());
    assert_eq!(Packet::parse(&sent, false).expect("a sound frame").ip.ttl, 5);
    assert!(member.receive().unwrap().is_some(), "it is a member itself");
    member.set_options(|options| options.multicast_loop_v6 = false);
    member.send_to(bench.now, b"all", at(group, 53)).unwrap();
    assert_eq!(member.receive(), Ok(None));
}

/// The ICMPv6 error that this head makes about a packet of ours.
fn error(head: [u8; 8], offending: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    emit_unreachable(&mut out, address(THERE), address(HERE), 0, offending);
    out[40..48].copy_from_slice(&head);
    out[42..44].fill(0);
    let message = &out[40..];
    let sum = Sum::pseudo(address(THERE), address(HERE), ICMPV6, message.len()).plus(message);
    let sum = sum.finish().to_be_bytes();
    out[42..44].copy_from_slice(&sum);
    out
}

/// RFC 4443 3; RFC 1122 4.1.3.3. Proves: RFC1122-4.1.3.3.
#[test]
fn what_the_network_says() {
    let mut bench = bench();
    let connected = endpoint(&bench, "::", 4000);
    connected.connect(at(THERE, 53)).unwrap();
    assert_eq!(connected.local_addr(), at(HERE, 4000));
    let rows = [
        ([1, 4, 0, 0, 0, 0, 0, 0], Error::Refused),
        ([1, 0, 0, 0, 0, 0, 0, 0], Error::NetworkUnreachable),
        ([1, 3, 0, 0, 0, 0, 0, 0], Error::Unreachable),
        ([3, 0, 0, 0, 0, 0, 0, 0], Error::Unreachable),
        ([4, 1, 0, 0, 0, 0, 0, 6], Error::ProtocolUnreachable),
    ];
    for (head, expected) in rows {
        connected.send(bench.now, b"what?").unwrap();
        let sent = only(bench.sent());
        assert!(bench.give([error(head, &sent)]).is_empty());
        assert_eq!(connected.receive(), Err(DatagramError::Failed(expected)), "{head:?}");
    }
    // And nobody here is there: this host says so, too.
    assert_eq!(bench.give([datagram((THERE, 53), (HERE, 99), b"")]).len(), 1);
}

/// RFC 8201 4: who is told cuts smaller pieces, for no router does.
#[test]
fn what_is_too_big_for_the_path() {
    let mut bench = bench();
    let endpoint = endpoint(&bench, HERE, 4000);
    let largest = |bench: &Bench| {
        endpoint.send_to(bench.now, &[7; 5000], at(THERE, 53)).unwrap();
        bench.sent().iter().map(Vec::len).max()
    };
    endpoint.send_to(bench.now, &[7; 1400], at(THERE, 53)).unwrap();
    let sent = only(bench.sent());
    let too_big = |mtu: u16, offending: &[u8]| {
        let [a, b] = mtu.to_be_bytes();
        error([2, 0, 0, 0, 0, 0, a, b], offending)
    };
    let mut of_nobody = sent.clone();
    of_nobody[41] ^= 1;
    bench.give([too_big(1300, &of_nobody), too_big(1279, &sent), too_big(0, &sent)]);
    assert_eq!(largest(&bench), Some(1496));
    bench.give([too_big(1300, &sent)]);
    assert_eq!(largest(&bench), Some(1296));
    bench.give([too_big(1400, &sent)]);
    assert_eq!(largest(&bench), Some(1296), "it does not grow by being told");
}

#[test]
fn an_echo_by_hand() {
    let mut duo = duo();
    let raw = duo.here.engine.raw(address("::"), ICMPV6).unwrap();
    let other = duo.here.engine.raw(address("0.0.0.0"), ICMPV6).unwrap();
    for len in [0, 56, 5000] {
        // The checksum is not ours to know: it covers the addresses.
        let mut request = vec![128, 0, 0xba, 0xd0, 0x12, 0x34, 0, 1];
        request.resize(8 + len, 7);
        raw.send_to(duo.now(), &request, address(THERE)).unwrap();
        duo.settle();
        let reply = raw.receive().unwrap().expect("it is answered");
        assert_eq!((reply.from, reply.payload[0]), (at(THERE, 0), 129));
        assert_eq!(reply.payload[4..], request[4..]);
    }
    assert_eq!(other.receive(), Ok(None), "of the other family");

    let ours = duo.there.engine.raw(address(THERE), 253).unwrap();
    let echo = Echo { identifier: 0x1234, sequence: 1, payload: b"" };
    raw.send_to(duo.now(), &[128, 0, 0, 0, 0x12, 0x34, 0, 1], address(THERE)).unwrap();
    let request = only(duo.here.sent());
    let packet = Packet::parse(&request, false).expect("a sound frame");
    assert_eq!(packet.body, Body::Icmp(Message::EchoRequest(echo)));
    let fields = IpFields::default();
    let hello = ip::emit_packet(address(HERE), address(THERE), 253, &fields, b"hello");
    assert!(duo.there.give([hello]).is_empty());
    assert_eq!(ours.receive().unwrap().expect("it is there").payload, b"hello");
}
