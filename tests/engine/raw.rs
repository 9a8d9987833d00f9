//! Raw endpoints: a copy of what a protocol carries, and packets of any protocol.

use tuntcp::engine::{Datagram, DatagramError, OpenError, RawEndpoint};
use tuntcp::trace::Dropped;
use tuntcp::wire::checksum::Sum;
use tuntcp::wire::icmp::{Echo, emit_echo, emit_unreachable};
use tuntcp::wire::{Body, Flags, Flow, IpFields, Packet, ip, udp};

use crate::world::{Bench, Duo, HERE, MTU, Peer, THERE, address, at, only, tcp};

/// A protocol for experiments (RFC 3692).
const OURS: u8 = 253;

fn raw(bench: &Bench, ip: &str, protocol: u8) -> RawEndpoint {
    bench.engine.raw(address(ip), protocol).expect("an address of the host")
}

fn packet(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let fields = IpFields { ttl: 9, ..IpFields::default() };
    ip::emit_packet(address(THERE), address(HERE), protocol, &fields, payload)
}

fn payload(endpoint: &RawEndpoint) -> Option<Vec<u8>> {
    endpoint.receive().expect("no error").map(|datagram| datagram.payload)
}

#[test]
fn each_gets_its_copy_and_nobody_is_told_that_it_is_unknown() {
    let mut bench = Bench::new();
    assert_eq!(bench.give([packet(OURS, b"what?")]).len(), 1, "protocol unreachable");
    let (any, exact) = (raw(&bench, "0.0.0.0", OURS), raw(&bench, HERE, OURS));
    let other = raw(&bench, HERE, OURS + 1);
    assert!(bench.give([packet(OURS, b"hello")]).is_empty());
    let (from, to) = (at(THERE, 0), at(HERE, 0));
    let expected = Datagram { from, to, ttl: 9, payload: b"hello".to_vec() };
    assert_eq!(any.peek(), Ok(Some(expected.clone())));
    assert_eq!(any.receive(), Ok(Some(expected)));
    assert_eq!(payload(&exact).as_deref(), Some(&b"hello"[..]));
    assert_eq!((any.receive(), other.receive()), (Ok(None), Ok(None)));
    drop((any, exact));
    assert_eq!(bench.give([packet(OURS, b"what?")]).len(), 1, "nobody is there any more");
    assert_eq!(bench.dropped(Dropped::UnknownProtocol), 2);
}

/// An answer to what a raw endpoint has sent is no stranger's.
#[test]
fn whom_a_raw_endpoint_speaks_to_is_known() {
    let mut bench = Bench::new();
    let mut messages = vec![Vec::new(); 3];
    let echo = Echo { identifier: 7, sequence: 9, payload: b"here" };
    emit_echo(&mut messages[0], address(THERE), address(HERE), true, &echo);
    let flow = Flow { local: at(HERE, 1), remote: at(THERE, 2) };
    let mut sent = Vec::new();
    udp::emit(&mut sent, &flow, &IpFields::default(), b"hello");
    emit_unreachable(&mut messages[1], address(THERE), address(HERE), 3, &sent);
    let own = ip::emit_packet(address(HERE), address(THERE), OURS, &IpFields::default(), &[7; 8]);
    emit_unreachable(&mut messages[2], address(THERE), address(HERE), 2, &own);
    let icmp = raw(&bench, HERE, 1);
    for message in &messages {
        assert!(bench.give([message.clone()]).is_empty());
        assert_eq!(payload(&icmp).as_deref(), Some(&message[20..]));
    }
    assert_eq!(bench.dropped(Dropped::IcmpStranger), 0);
    drop(icmp);
    bench.give(messages);
    assert_eq!(bench.dropped(Dropped::IcmpStranger), 3);
}

#[test]
fn what_the_host_does_it_goes_on_doing() {
    let mut bench = Bench::new();
    let [icmp, of_tcp, of_udp] = [1, 6, 17].map(|protocol| raw(&bench, HERE, protocol));
    // An echo request is answered.
    let mut request = Vec::new();
    let echo = Echo { identifier: 7, sequence: 9, payload: b"anybody?" };
    emit_echo(&mut request, address(THERE), address(HERE), false, &echo);
    assert_eq!(bench.give([request.clone()]).len(), 1);
    assert_eq!(payload(&icmp).as_deref(), Some(&request[20..]));
    // An error about whatever it was, and a message that the host does not heed, are shown.
    let mut error = Vec::new();
    emit_unreachable(&mut error, address(THERE), address(HERE), 1, &packet(OURS, &[7; 8]));
    let mut unheard = error.clone();
    unheard[20] = 200;
    let sum = u16::from_be_bytes([unheard[22], unheard[23]]);
    let sum = ones_minus(sum, (200 - 3) << 8);
    unheard[22..24].copy_from_slice(&sum.to_be_bytes());
    for message in [&error, &unheard] {
        assert!(bench.give([message.clone()]).is_empty());
        assert_eq!(payload(&icmp).as_deref(), Some(&message[20..]));
    }
    assert_eq!(bench.dropped(Dropped::IcmpIgnored), 1);
    // A connection opens, a datagram finds that nobody is there.
    let listener = bench.listen(7, 8);
    let peer = Peer::open(&mut bench, 5000, 7);
    let _socket = listener.accept().unwrap().expect("it is open");
    assert_eq!(payload(&of_tcp).as_deref(), Some(&Peer::new(5000, 7).syn()[20..]));
    let ack = peer.segment(Flags::empty(), &[]);
    assert_eq!(payload(&of_tcp).as_deref(), Some(&ack[20..]));
    let mut datagram = Vec::new();
    let flow = Flow { local: at(THERE, 1), remote: at(HERE, 2) };
    udp::emit(&mut datagram, &flow, &IpFields::default(), b"hello");
    assert_eq!(bench.give([datagram.clone()]).len(), 1, "port unreachable");
    assert_eq!(payload(&of_udp).as_deref(), Some(&datagram[20..]));
    // What is broken is shown to nobody.
    let last = request.len() - 1;
    request[last] ^= 1;
    bench.give([request]);
    assert_eq!(icmp.receive(), Ok(None));
}

/// The checksum after a word of what it covers has grown by so much (RFC 1624).
fn ones_minus(checksum: u16, grown: u16) -> u16 {
    let (sum, carry) = (!checksum).overflowing_add(grown);
    !(sum + u16::from(carry))
}

#[test]
fn a_long_one_goes_in_pieces_and_comes_whole() {
    let mut duo = Duo::new();
    let near = raw(&duo.here, "0.0.0.0", OURS);
    let far = raw(&duo.there, THERE, OURS);
    for len in [0, 1, MTU - 20, MTU - 19, 20_000, 65_515] {
        let bytes: Vec<u8> = (0..len).map(|index| (index % 251) as u8).collect();
        near.send_to(duo.now(), &bytes, address(THERE)).unwrap();
        duo.settle();
        assert_eq!(payload(&far).as_deref(), Some(&bytes[..]), "{len}");
        assert_eq!(far.receive(), Ok(None), "{len}: once");
    }
    let too_long = near.send_to(duo.now(), &[0; 65_516], address(THERE));
    assert_eq!(too_long, Err(DatagramError::TooLong));
}

#[test]
fn what_is_sent_says_what_it_was_told_to() {
    let bench = Bench::new();
    let endpoint = raw(&bench, "0.0.0.0", OURS);
    assert_eq!((endpoint.protocol(), endpoint.local_addr()), (OURS, address("0.0.0.0")));
    endpoint.set_options(|options| (options.ttl, options.dscp) = (3, 46));
    endpoint.send_to(bench.now, b"hello", address(THERE)).unwrap();
    let sent = only(bench.sent());
    let packet = Packet::parse(&sent, false).expect("a sound frame");
    assert_eq!((packet.source, packet.destination), (address(HERE), address(THERE)));
    assert_eq!((packet.ip.ttl, packet.ip.dscp, packet.body), (3, 46, Body::Other(OURS)));
    assert_eq!(&sent[20..], b"hello");
    // Somebody else's segments, if you like.
    let segment = Peer::new(1, 2).syn();
    raw(&bench, HERE, 6).send_to(bench.now, &segment[20..], address(THERE)).unwrap();
    assert_eq!(only(bench.sent())[20..], segment[20..]);
    tcp(&segment);
}

#[test]
fn where_packets_may_go() {
    let bench = Bench::new();
    let endpoint = raw(&bench, HERE, OURS);
    let rows = [
        (HERE, DatagramError::BadRemote),
        ("0.0.0.0", DatagramError::BadRemote),
        ("127.0.0.1", DatagramError::BadRemote),
        ("192.0.2.255", DatagramError::Broadcast),
        ("255.255.255.255", DatagramError::Broadcast),
        ("2001:db8::1", DatagramError::WrongFamily),
    ];
    for (to, why) in rows {
        assert_eq!(endpoint.send_to(bench.now, b"hello", address(to)), Err(why), "{to}");
    }
    assert_eq!(bench.engine.raw(address(THERE), 1).unwrap_err(), OpenError::AddrNotAvailable);
    endpoint.send_to(bench.now, b"hello", address("239.1.2.3")).unwrap();
    assert_eq!(bench.sent().len(), 1);

    // What nobody receives is lost, and the end is told.
    for _ in 0..5000 {
        bench.world_gets(packet(OURS, b""));
    }
    while bench.turn() == bench.now {}
    let got = std::iter::from_fn(|| payload(&endpoint)).count() as u64;
    assert!(got > 1000, "{got}");
    assert_eq!(got + bench.dropped(Dropped::ReceiveBufferFull), 5000);
    assert!(!endpoint.is_readable());
    bench.engine.abort_all(bench.now);
    assert!(endpoint.wait(None));
    assert_eq!(endpoint.receive(), Err(DatagramError::HostDown));
    let late = endpoint.send_to(bench.now, b"", address(THERE));
    assert_eq!(late, Err(DatagramError::HostDown));
    assert_eq!(bench.engine.raw(address(HERE), 1).unwrap_err(), OpenError::HostDown);
}

/// Whatever stands in a frame: nobody is harmed, and the next good one arrives.
#[test]
fn garbage_harms_nobody() {
    let mut bench = Bench::new();
    let raws = [1, 17, 253].map(|protocol| raw(&bench, "0.0.0.0", protocol));
    let everything = bench.engine.udp_transparent(0).unwrap();
    let peer = bench.engine.udp(at(HERE, 4000)).unwrap();
    peer.connect(at(THERE, 53)).unwrap();
    peer.send(bench.now, b"what?").unwrap();
    let mut error = Vec::new();
    emit_unreachable(&mut error, address(THERE), address(HERE), 3, &only(bench.sent()));
    let mut datagram = Vec::new();
    let flow = Flow { local: at(THERE, 53), remote: at(HERE, 4000) };
    udp::emit(&mut datagram, &flow, &IpFields::default(), b"this");
    let mut random = fastrand::Rng::with_seed(1);
    let mut received = 0;
    for _ in 0..20_000 {
        let good = random.choice([&error, &datagram, &packet(253, b"hello")]).cloned();
        let mut frame = good.expect("there are three");
        for _ in 0..random.usize(1..4) {
            let at = random.usize(1..frame.len());
            frame[at] = random.u8(..);
        }
        frame.truncate(random.usize(20..=frame.len() + 20));
        // What breaks the checksum of the header alone goes no further.
        frame[10..12].fill(0);
        let sum = Sum::new().plus(&frame[..20]).finish();
        frame[10..12].copy_from_slice(&sum.to_be_bytes());
        bench.give([frame]);
        received += raws.iter().filter(|raw| raw.receive() != Ok(None)).count();
        received += usize::from(everything.receive() != Ok(None));
        received += usize::from(peer.receive() != Ok(None));
    }
    assert!(received > 1000, "{received} of them were sound");
    bench.give([datagram]);
    assert_eq!(peer.receive().unwrap().expect("a good one").payload, b"this");
}
