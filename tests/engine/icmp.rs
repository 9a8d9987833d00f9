//! Echo, errors that we send, errors that find a connection (RFC 792; RFC 1122, 3.2.2).

use std::time::Duration;

use tuntcp::engine::Socket;
use tuntcp::tcp::{Error, State};
use tuntcp::trace::Dropped;
use tuntcp::wire::icmp::{Echo, Message, emit_echo, emit_unreachable};
use tuntcp::wire::{Body, IpFields, Packet, checksum::Sum, ip};

use crate::world::{
    self, Bench, Duo, HERE, HERE_V6, MTU, Peer, THERE, THERE_V6, address, at, both, only, tcp,
};

fn echo_request(payload: &[u8]) -> Vec<u8> {
    world::echo_request(THERE, HERE, payload)
}

/// Proves: RFC1122-3.2.2.6-a, RFC1122-3.2.2.6-b, RFC792-echo.
/// Proves: RFC1122-3.1-a.
#[test]
fn echo_is_answered() {
    // RFC 1122 3.2.2.6, RFC 4443 4.2. What is longer than the MTU: `a_ping_comes_back`.
    for (here, there, most) in [(HERE, THERE, MTU - 28), (HERE_V6, THERE_V6, MTU - 48)] {
        for len in [0, 1, 56, most] {
            let mut bench = Bench::with(both());
            let payload: Vec<u8> = (0..len).map(|index| (index % 251) as u8).collect();
            let answer = only(bench.give([world::echo_request(there, here, &payload)]));
            let packet = Packet::parse(&answer, false).expect("a sound frame");
            assert_eq!((packet.source, packet.destination), (address(here), address(there)));
            let echo = Echo { identifier: 7, sequence: 9, payload: &payload };
            assert_eq!(packet.body, Body::Icmp(Message::EchoReply(echo)), "{len}");
        }
    }
}

/// Proves: RFC1122-3.2.2.1-a, RFC1122-4.1.3.1, RFC1122-3.2.2-b.
/// Proves: RFC1122-3.3.8, RFC1122-3.4-b.
#[test]
fn nobody_listens_for_datagrams() {
    let mut bench = Bench::new();
    let udp = [&[0x13, 0x88, 0, 53, 0, 12, 0, 0][..], b"what"].concat();
    let rows = [(17, Dropped::NoUdpPort, 3), (99, Dropped::UnknownProtocol, 2)];
    for (protocol, why, code) in rows {
        let fields = IpFields { dscp: 46, ..IpFields::default() };
        let packet = ip::emit_packet(address(THERE), address(HERE), protocol, &fields, &udp);
        let answer = only(bench.give([packet.clone()]));
        assert_eq!(bench.dropped(why), 1);
        let (header, message) = answer.split_at(20);
        assert_eq!(header[9], 1, "an ICMP packet");
        // RFC1122-3.2.2-f.
        assert_eq!(header[1], 0, "of no special service");
        assert_eq!(message[..2], [3, code]);
        assert_eq!(Sum::new().plus(message).finish(), 0);
        assert_eq!(message[8..], packet[..28], "header and eight bytes, unchanged");
    }
}

#[test]
fn errors_are_rationed() {
    let mut bench = Bench::new();
    let packet = ip::emit_packet(address(THERE), address(HERE), 99, &IpFields::default(), b"");
    let flood = |bench: &mut Bench| {
        let mut sent = bench.give(vec![packet.clone(); 1500]);
        while bench.turn() == bench.now {
            sent.extend(bench.sent());
        }
        sent.extend(bench.sent());
        // RFC6633-3: not one of them asks the sender to be slower.
        assert!(sent.iter().all(|frame| frame[20..22] == [3, 2]));
        sent.len()
    };
    assert_eq!(flood(&mut bench), 1000);
    bench.now += Duration::from_secs(1);
    assert_eq!(flood(&mut bench), 1000);
}

/// Proves: RFC1122-3.3.2-b, RFC1122-3.2.2-e.
#[test]
fn a_datagram_that_is_not_whole_in_time() {
    // RFC 1122 3.3.2: told when the first piece had come, and only then.
    for (fragment_field, told) in [(0x2000_u16, 1), (0x2001, 0)] {
        let mut bench = Bench::new();
        let fields = IpFields { dont_fragment: false, ..IpFields::default() };
        let mut piece = ip::emit_packet(address(THERE), address(HERE), 99, &fields, &[5; 16]);
        piece[6..8].copy_from_slice(&fragment_field.to_be_bytes());
        piece[10..12].fill(0);
        let checksum = Sum::new().plus(&piece[..20]).finish();
        piece[10..12].copy_from_slice(&checksum.to_be_bytes());
        assert!(bench.give([piece.clone()]).is_empty());

        bench.now += Duration::from_secs(29);
        bench.turn();
        assert!(bench.sent().is_empty());
        bench.now += Duration::from_secs(1);
        bench.turn();
        let answers = bench.sent();
        assert_eq!((answers.len(), bench.dropped(Dropped::FragmentTimedOut)), (told, 1));
        for answer in answers {
            assert_eq!(answer[20..22], [11, 1], "fragment reassembly time exceeded");
            assert_eq!(answer[28..], piece[..28], "header and eight bytes, unchanged");
        }
    }
}

/// Proves: RFC1122-3.2.2-d.
#[test]
fn no_error_about_an_error() {
    // RFC 1122 3.2.2: an unreachable that quotes our own unreachable finds nobody, quietly.
    let mut bench = Bench::new();
    let mut quoted = Vec::new();
    emit_unreachable(&mut quoted, address(HERE), address(THERE), 3, &echo_request(b"12345678"));
    let mut error = Vec::new();
    emit_unreachable(&mut error, address(THERE), address(HERE), 3, &quoted);
    assert!(bench.give([error]).is_empty());
    assert_eq!(bench.dropped(Dropped::IcmpStranger), 1);
}

/// An ICMP error with this head about a packet of ours.
fn error(head: [u8; 8], offending: &[u8]) -> Vec<u8> {
    let mut out = unreachable(0, offending);
    out[20..28].copy_from_slice(&head);
    out[22..24].fill(0);
    let sum = Sum::new().plus(&out[20..]).finish().to_be_bytes();
    out[22..24].copy_from_slice(&sum);
    out
}

/// RFC 1122 3.2.2.4, 3.2.2.5: they find the connection, and end nothing.
/// Proves: RFC1122-3.2.2.4, RFC1122-3.2.2.5, MUST-54, MUST-56.
#[test]
fn time_exceeded_and_parameter_problem_are_hints() {
    for head in [[11, 0, 0, 0, 0, 0, 0, 0], [11, 1, 0, 0, 0, 0, 0, 0], [12, 0, 0, 0, 8, 0, 0, 0]] {
        let mut bench = Bench::new();
        let listener = bench.listen(7, 8);
        Peer::open(&mut bench, 5000, 7);
        let socket = listener.accept().unwrap().expect("it is open");
        socket.write(bench.now, b"hello").unwrap();
        let sent = only(bench.sent());
        assert!(bench.give([error(head, &sent)]).is_empty());
        assert_eq!(socket.info(bench.now).soft_error, Some(Error::Unreachable), "{head:?}");
        assert_eq!(socket.info(bench.now).state, State::Established, "{head:?}");
        assert_eq!(socket.take_error(), None);
    }
}

/// RFC 6633: Source Quench is history; RFC 1122 3.2.2.2: with one way out, so is Redirect; 3.2.2.7,
/// 3.2.2.9: nobody asks for information or address masks.
/// Proves: MUST-55, RFC6633-5, RFC1122-3.2.2.2, RFC1122-3.2.2-a, RFC1122-3.2.2.7,
/// RFC1122-3.2.2.9-b.
#[test]
fn what_no_host_heeds_changes_nothing() {
    for kind in [4, 5, 15, 16, 17, 18, 1, 255] {
        let mut bench = Bench::new();
        let listener = bench.listen(7, 8);
        Peer::open(&mut bench, 5000, 7);
        let socket = listener.accept().unwrap().expect("it is open");
        socket.write(bench.now, b"hello").unwrap();
        let sent = only(bench.sent());
        let before = socket.info(bench.now);
        assert!(bench.give([error([kind, 1, 0, 0, 192, 0, 2, 9], &sent)]).is_empty());
        assert_eq!(bench.dropped(Dropped::IcmpIgnored), 1, "{kind}");
        assert_eq!(socket.info(bench.now), before, "{kind}");
        socket.write(bench.now, &[7; 536]).unwrap();
        assert_eq!(tcp(&only(bench.sent())).payload.len(), 536, "{kind}: as before");
    }
}

/// RFC 6864 4.3. Proves: RFC6864-4.3.
#[test]
fn what_may_be_cut_on_its_way_is_numbered() {
    let mut bench = Bench::new();
    let unknown =
        ip::emit_packet(address(THERE), address(HERE), 99, &IpFields::default(), b"whatever");
    let mut numbers = Vec::new();
    for frame in [echo_request(b"small"), unknown, echo_request(b"small"), echo_request(b"again")] {
        let sent = Packet::parse(&only(bench.give([frame])), false).expect("a sound frame").ip;
        assert!(!sent.dont_fragment);
        numbers.push(sent.identification);
    }
    let pinger = bench.engine.pinger().unwrap();
    pinger.send(bench.now, address(THERE), 1, &[1; 5_000]).unwrap();
    let pieces = bench.sent();
    assert_eq!(pieces.len(), 4);
    let of =
        |piece: &Vec<u8>| Packet::parse(piece, false).expect("a sound frame").ip.identification;
    assert!(pieces.iter().all(|piece| of(piece) == of(&pieces[0])), "one datagram, one number");
    numbers.push(of(&pieces[0]));
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 5);
}

/// A connect under way and the SYN that it sent.
fn connecting() -> (Bench, Socket, Vec<u8>) {
    let bench = Bench::new();
    let socket = bench.engine.connect(bench.now, None, at(THERE, 80)).expect("a free port");
    let syn = only(bench.sent());
    (bench, socket, syn)
}

fn unreachable(code: u8, offending: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    emit_unreachable(&mut out, address("192.0.2.9"), address(HERE), code, offending);
    out
}

/// Proves: MUST-54, RFC1122-3.2.2-c, MUST-56, SHLD-26.
/// Proves: RFC1122-3.4-b.
#[test]
fn an_error_ends_an_attempt() {
    let (host, net) = (Error::Unreachable, Error::NetworkUnreachable);
    let rows = [
        (net, &[0, 6, 9, 11][..]),
        (host, &[1, 5, 7, 8, 10, 12, 13, 14, 15, 255]),
        (Error::ProtocolUnreachable, &[2]),
        (Error::Refused, &[3]),
    ];
    let rows = rows.iter().flat_map(|(error, codes)| codes.iter().map(|code| (*code, *error)));
    for (code, expected) in rows {
        let (mut bench, socket, syn) = connecting();
        assert_eq!(socket.opened(), Ok(false));
        assert!(bench.give([unreachable(code, &syn)]).is_empty());
        assert_eq!(socket.opened(), Err(expected), "code {code}");
        assert_eq!(bench.engine.connections(), 0);
    }
}

/// Proves: MUST-55, MUST-47, RFC5927-4.1.
#[test]
fn hints_and_lies_end_nothing() {
    let (mut bench, socket, syn) = connecting();
    let mut other_seq = syn.clone();
    other_seq[27] ^= 0x80;
    let mut other_port = syn.clone();
    other_port[23] ^= 1;
    let lies = [
        unreachable(3, &other_seq),
        unreachable(3, &other_port),
        unreachable(4, &syn),
        error([11, 0, 0, 0, 0, 0, 0, 0], &syn),
        error([12, 0, 0, 0, 0, 0, 0, 0], &syn),
        // RFC 9293 3.9.2.2, MUST-55: source quench.
        error([4, 0, 0, 0, 0, 0, 0, 0], &syn),
    ];
    assert!(bench.give(lies).is_empty());
    assert_eq!(bench.dropped(Dropped::IcmpStranger), 1);
    assert_eq!(bench.dropped(Dropped::IcmpIgnored), 2);
    assert_eq!(socket.opened(), Ok(false));
    // MUST-47: kept for whoever asks, and told when nobody has answered for R2.
    assert_eq!(socket.info(bench.now).soft_error, Some(Error::Unreachable));
    bench.pass(Duration::from_secs(181));
    assert_eq!(socket.opened(), Err(Error::Unreachable));
}

/// Proves: MUST-47, SHLD-25, RFC1122-3.2.2.1-b.
#[test]
fn an_open_connection_takes_an_error_as_a_hint() {
    // RFC 9293 3.9.2.2, MUST-56; RFC 5927 5.2.
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    Peer::open(&mut bench, 5000, 7);
    let socket = listener.accept().unwrap().expect("it is open");
    assert_eq!(socket.write(bench.now, b"hello"), Ok(Some(5)));
    let sent = only(bench.sent());
    assert_eq!(tcp(&sent).payload, b"hello");
    assert!(bench.give([unreachable(3, &sent)]).is_empty());
    assert_eq!(socket.info(bench.now).state, State::Established);
    assert_eq!(socket.info(bench.now).soft_error, Some(Error::Refused));
    assert_eq!(socket.take_error(), None);
}

#[test]
fn a_hard_error_frees_the_place_of_a_half_open_connection() {
    let mut bench = Bench::new();
    let listener = bench.listen(7, 1);
    let syn_ack = only(bench.give([Peer::new(5000, 7).syn()]));
    assert!(bench.give([unreachable(1, &syn_ack)]).is_empty());
    assert_eq!(bench.engine.connections(), 0);
    Peer::open(&mut bench, 5001, 7);
    assert!(listener.accept().unwrap().is_some());
}

/// Proves: RFC1122-3.2.2.6-d, RFC791-3.2-576, RFC1122-3.2.1.4.
/// Proves: RFC1122-3.2.2.6-f.
#[test]
fn a_ping_comes_back() {
    let mut duo = Duo::new();
    let (ours, other) = (duo.here.engine.pinger().unwrap(), duo.here.engine.pinger().unwrap());
    for (sequence, len) in [(1, 0), (2, 56), (3, 5000), (4, 65_507), (5, 70_000)] {
        let payload = vec![sequence as u8; len];
        ours.send(duo.now(), address(THERE), sequence, &payload).expect("a host");
        duo.settle();
        let reply = ours.receive().expect("an answer");
        assert_eq!((reply.from, reply.sequence, reply.at), (address(THERE), sequence, duo.now()));
        assert_eq!(reply.payload, payload[..len.min(65_507)]);
    }
    assert!(other.receive().is_none() && ours.receive().is_none());
    drop(ours);
    duo.here.world_gets(echo_reply());
    duo.settle();
    assert_eq!(duo.here.dropped(Dropped::IcmpStranger), 1);
    for nowhere in ["0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.255", HERE] {
        assert!(other.send(duo.now(), address(nowhere), 1, b"").is_err(), "{nowhere}");
    }
}

fn echo_reply() -> Vec<u8> {
    let mut out = Vec::new();
    let echo = Echo { identifier: 4711, sequence: 9, payload: b"" };
    emit_echo(&mut out, address(THERE), address(HERE), true, &echo);
    out
}
