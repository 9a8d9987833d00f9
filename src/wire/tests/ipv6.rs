//! IPv6: RFC 8200, RFC 4443, RFC 6946, RFC 7112, RFC 4291 2.5.5.2.

use std::net::{IpAddr, Ipv6Addr};

use etherparse::PacketBuilder;
use proptest::prelude::*;

use super::any_segment;
use crate::wire::checksum::Sum;
use crate::wire::icmp::{
    Echo, ErrorKind, Message, Quote, emit_echo, emit_problem, emit_time_exceeded, emit_unreachable,
};
use crate::wire::ip::{emit_packet, fragment_packet, unknown_transport};
use crate::wire::{
    Body, EcnCodepoint, Flow, IpFields, Malformed, Packet, Problem, Segment, SeqNum, emit_tcp, udp,
};

const HERE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
const THERE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// As the sender sees it: from there to here.
fn flow() -> Flow {
    Flow { local: (THERE, 40_000).into(), remote: (HERE, 7).into() }
}

fn reversed() -> Flow {
    Flow { local: flow().remote, remote: flow().local }
}

fn parse(frame: &[u8]) -> Result<Packet<'_>, Malformed> {
    Packet::parse(frame, false)
}

fn body(frame: &[u8]) -> Result<Body<'_>, Malformed> {
    parse(frame).map(|packet| packet.body)
}

fn foreign_tcp(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ipv6(THERE.octets(), HERE.octets(), 64)
        .tcp(40_000, 7, 1_000, 512)
        .ack(2_000)
        .write(&mut frame, payload)
        .expect("writing into a Vec");
    frame
}

fn packet(protocol: u8, payload: &[u8]) -> Vec<u8> {
    emit_packet(THERE.into(), HERE.into(), protocol, &IpFields::default(), payload)
}

/// Extension headers by their numbers; the first byte of each is filled in.
type Headers<'a> = &'a [(u8, &'a [u8])];

/// A packet with these extension headers, each of which names the next, before `transport`.
fn extended(headers: Headers<'_>, protocol: u8, transport: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    for (index, (_, bytes)) in headers.iter().enumerate() {
        let start = payload.len();
        payload.extend_from_slice(bytes);
        payload[start] = headers.get(index + 1).map_or(protocol, |(kind, _)| *kind);
    }
    payload.extend_from_slice(transport);
    packet(headers.first().map_or(protocol, |(kind, _)| *kind), &payload)
}

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION: u8 = 60;
/// An options header with nothing in it but padding.
const PADDED: &[u8] = &[0, 0, 1, 4, 0, 0, 0, 0];

#[test]
fn a_foreign_segment_is_read_and_written_the_same() {
    for payload in [&b""[..], b"a", b"text"] {
        let frame = foreign_tcp(payload);
        let read = parse(&frame).expect("a good packet");
        assert_eq!((read.source, read.destination), (THERE.into(), HERE.into()));
        assert_eq!(read.ip, IpFields::default());
        let Body::Tcp(to, segment) = read.body else { panic!("TCP") };
        assert_eq!((to, segment.payload), (reversed(), payload));
        let mut ours = Vec::new();
        emit_tcp(&mut ours, &flow(), &read.ip, &segment, payload.len(), |frame| {
            frame.extend_from_slice(payload);
        });
        assert_eq!(ours, frame);
    }
}

#[test]
fn a_valid_frame_cut_anywhere_is_truncated() {
    let frame = foreign_tcp(b"payload");
    for len in 0..frame.len() {
        assert_eq!(parse(&frame[..len]), Err(Malformed::Truncated), "{len} bytes");
    }
    let mut longer = frame.clone();
    longer.extend_from_slice(&[0xff; 30]);
    assert_eq!(parse(&longer), parse(&frame), "what lies behind the packet");
}

#[test]
fn fields_at_their_extremes() {
    let fields = IpFields { ttl: 255, dscp: 63, ecn: EcnCodepoint::Ce, ..IpFields::default() };
    let frame = emit_packet(THERE.into(), HERE.into(), 200, &fields, b"x");
    assert_eq!(frame[..8], [0x6f, 0xf0, 0, 0, 0, 1, 200, 255]);
    assert_eq!(parse(&frame).map(|packet| packet.ip), Ok(fields));
    // Whatever the flow label says.
    let mut labelled = frame.clone();
    labelled[1] |= 0x0f;
    labelled[2..4].fill(0xff);
    assert_eq!(parse(&labelled), parse(&frame));
    let nothing = IpFields { ttl: 0, ..IpFields::default() };
    assert_eq!(emit_packet(THERE.into(), HERE.into(), 200, &nothing, b"")[7], 1);
    let largest = packet(200, &[7; 65_535]);
    assert_eq!(body(&largest), Ok(Body::Other(200)));
}

/// RFC 4291 2.5.5.2: or it might be taken for a packet of IPv4.
#[test]
fn addresses_of_ipv4_are_in_no_packet() {
    for at in [8, 24] {
        let mut frame = foreign_tcp(b"");
        frame[at..at + 16].copy_from_slice(&Ipv6Addr::from([0, 0, 0, 0, 0, 0xffff, 1, 2]).octets());
        assert_eq!(Packet::parse(&frame, true), Err(Malformed::BadIpHeader));
    }
}

#[test]
fn every_flipped_bit_behind_the_header_is_noticed() {
    let frame = foreign_tcp(b"text");
    // The addresses are in the sum, too.
    for bit in 64..frame.len() * 8 {
        let mut flipped = frame.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(parse(&flipped), Err(Malformed::BadTcpChecksum), "bit {bit}");
    }
}

/// RFC 8200 8.1: no datagram of IPv6 is without a checksum.
#[test]
fn datagrams_are_summed() {
    let mut frame = Vec::new();
    udp::emit(&mut frame, &flow(), &IpFields::default(), b"hello");
    let mut foreign = Vec::new();
    PacketBuilder::ipv6(THERE.octets(), HERE.octets(), 64)
        .udp(40_000, 7)
        .write(&mut foreign, b"hello")
        .expect("writing into a Vec");
    assert_eq!(frame, foreign);
    assert_eq!(body(&frame), Ok(Body::Udp(reversed(), b"hello")));
    let mut wrong = frame.clone();
    wrong[48] ^= 1;
    assert_eq!(body(&wrong), Err(Malformed::BadUdpChecksum));
    frame[46..48].fill(0);
    assert_eq!(body(&frame), Err(Malformed::BadUdpChecksum));
    // Whose sum is zero with a field of zero, which is not how it is sent (RFC 768).
    let mut zero = Vec::new();
    let rest = Sum::pseudo(THERE.into(), HERE.into(), 17, 10)
        .plus(&[0x9c, 0x40, 0, 7, 0, 10, 0, 0, 0, 0])
        .finish();
    udp::emit(&mut zero, &flow(), &IpFields::default(), &rest.to_be_bytes());
    assert_eq!(zero[46..48], [0xff, 0xff]);
    assert!(body(&zero).is_ok());
    zero[46..48].fill(0);
    assert_eq!(body(&zero), Err(Malformed::BadUdpChecksum));
    assert!(Packet::parse(&zero, true).is_ok(), "where it is left to the device");
}

/// RFC 8200 4, 4.3, 4.4, 4.6; RFC 6946 4.
#[test]
fn extension_headers_are_passed_over() {
    let segment = &foreign_tcp(b"text")[40..];
    let expected = body(&foreign_tcp(b"text")).map(|body| format!("{body:?}"));
    let long = [&[0, 7, 5, 2, 0, 0, 1, 54][..], &[0; 56]].concat();
    let rows: [(&str, Headers<'_>); 8] = [
        ("hop by hop", &[(HOP_BY_HOP, PADDED)]),
        ("single bytes of padding", &[(DESTINATION, &[0; 8])]),
        ("a router alert, and much padding", &[(HOP_BY_HOP, &long)]),
        ("options that may be passed over", &[(DESTINATION, &[0, 0, 0x3e, 4, 1, 2, 3, 4])]),
        ("a route that is done", &[(ROUTING, &[0, 0, 0, 0, 9, 9, 9, 9])]),
        ("an atomic fragment", &[(FRAGMENT, &[0, 0, 0, 0, 1, 2, 3, 4])]),
        (
            "all of them",
            &[
                (HOP_BY_HOP, PADDED),
                (DESTINATION, PADDED),
                (ROUTING, &[0, 0, 4, 0, 0, 0, 0, 0]),
                (FRAGMENT, &[0; 8]),
                (DESTINATION, PADDED),
            ],
        ),
        ("eight", &[(DESTINATION, PADDED); 8]),
    ];
    for (name, headers) in rows {
        let frame = extended(headers, 6, segment);
        assert_eq!(body(&frame).map(|body| format!("{body:?}")), expected, "{name}");
        assert_eq!(parse(&frame).map(|packet| packet.ip), Ok(IpFields::default()), "{name}");
    }
}

#[test]
fn extension_headers_that_are_dropped() {
    let big = [&[0, 63, 1, 255][..], &[0; 255], &[1, 251], &[0; 251]].concat();
    let rows: [(&str, Headers<'_>); 5] = [
        ("nine", &[(DESTINATION, PADDED); 9]),
        ("more than 512 bytes", &[(DESTINATION, &big), (DESTINATION, PADDED)]),
        ("an option that wants it", &[(DESTINATION, &[0, 0, 0x7e, 4, 0, 0, 0, 0])]),
        ("an option past its header", &[(DESTINATION, &[0, 0, 1, 5, 0, 0, 0, 0])]),
        ("an option without a length", &[(HOP_BY_HOP, &[0, 0, 1, 3, 0, 0, 0, 1])]),
    ];
    for (name, headers) in rows {
        let frame = extended(headers, 6, &foreign_tcp(b"")[40..]);
        assert_eq!(parse(&frame), Err(Malformed::BadExtension), "{name}");
    }
    for cut in [&[6][..], &[6, 0], &[6, 0, 1, 4, 0, 0, 0], &[6, 1, 0, 0, 0, 0, 0, 0]] {
        assert_eq!(parse(&packet(DESTINATION, cut)), Err(Malformed::BadExtension), "{cut:?}");
    }
    // 512 bytes are none too many.
    assert!(parse(&extended(&[(DESTINATION, &big)], 6, &foreign_tcp(b"")[40..])).is_ok());
}

/// RFC 8200 4.2, 4.4, RFC 5095: the sender is told what is wrong, and where.
#[test]
fn what_nobody_may_ask_of_us() {
    let (tail, home) = ([0, 0, 1, 0, 0x80, 2, 0, 0], [0, 0, 0xc9, 4, 0, 0, 0, 0]);
    let rows: [(&str, Headers<'_>, u8, u32); 5] = [
        ("an option", &[(DESTINATION, &home)], 2, 42),
        ("the second option", &[(HOP_BY_HOP, &tail)], 2, 44),
        ("a route to go on", &[(ROUTING, &[0, 0, 0, 1, 0, 0, 0, 0])], 0, 42),
        ("the second header", &[(HOP_BY_HOP, PADDED), (DESTINATION, &home)], 2, 50),
        ("the first of two", &[(DESTINATION, &home), (DESTINATION, &tail)], 2, 42),
    ];
    for (name, headers, code, pointer) in rows {
        let segment = &foreign_tcp(b"")[40..];
        let expected = Ok(Body::Problem(Problem { code, pointer }));
        assert_eq!(body(&extended(headers, 6, segment)), expected, "{name}");
        // RFC 4443 2.4 (e.1): but not about an error.
        for (kind, told) in [(128, true), (1, false), (127, false)] {
            let frame = extended(headers, 58, &[kind, 0, 0, 0, 0, 0, 0, 0]);
            assert_eq!(body(&frame).is_ok(), told, "{name}, type {kind}");
        }
        assert_eq!(body(&extended(headers, 58, &[])), Err(Malformed::BadExtension), "{name}");
    }
}

/// RFC 8200 4: a header that may not stand there is as unknown as a transport that nobody speaks.
#[test]
fn where_the_number_of_an_unknown_transport_stands() {
    let rows: [(Headers<'_>, u8, u32); 4] = [
        (&[], 99, 6),
        (&[(DESTINATION, PADDED)], 99, 40),
        (&[(HOP_BY_HOP, PADDED), (DESTINATION, PADDED)], 1, 48),
        (&[(DESTINATION, PADDED)], HOP_BY_HOP, 40),
    ];
    for (headers, protocol, pointer) in rows {
        let frame = extended(headers, protocol, PADDED);
        assert_eq!(body(&frame), Ok(Body::Other(protocol)));
        assert_eq!(unknown_transport(&frame), Problem { code: 1, pointer });
    }
    assert_eq!(unknown_transport(&[]).pointer, 6);
}

/// A fragment header and what stands behind it.
fn piece(protocol: u8, offset_and_more: u16, len: usize) -> Vec<u8> {
    let [a, b] = offset_and_more.to_be_bytes();
    let header = [&[protocol, 0, a, b, 0xde, 0xad, 0xbe, 0xef][..], &vec![0x5a; len]].concat();
    packet(FRAGMENT, &header)
}

/// RFC 8200 4.5.
#[test]
fn fragments() {
    let good = [
        ("the first", 1, 24, 0, true),
        ("a middle one", 24 | 1, 64, 24, true),
        ("the last, of any length", 8, 1, 8, false),
        ("the farthest", 65_528, 7, 65_528, false),
    ];
    for (name, bits, len, offset, more) in good {
        let frame = piece(6, bits, len);
        let read = parse(&frame).expect(name);
        assert_eq!(read.ip.identification, 0xdead_beef);
        let Body::Fragment(read) = read.body else { panic!("{name}") };
        assert_eq!((read.protocol, read.offset, read.more), (6, offset, more), "{name}");
        assert_eq!((read.payload, read.header), (&frame[48..], &frame[..48]), "{name}");
    }
    assert_eq!(parse(&piece(6, 1, 0)), Err(Malformed::BadFragment), "an empty one");
    let problem = |code, pointer| Ok(Body::Problem(Problem { code, pointer }));
    assert_eq!(body(&piece(6, 25, 63)), problem(0, 4), "a ragged middle");
    assert_eq!(body(&piece(6, 65_528, 8)), problem(0, 42), "past the largest packet");
    // RFC 7112 5: all headers are in the first one.
    for (protocol, len, complete) in [(6, 16, false), (6, 24, true), (17, 8, true), (99, 8, true)] {
        let frame = piece(protocol, 1, len);
        let read = body(&frame);
        assert_eq!(matches!(read, Ok(Body::Fragment(_))), complete, "{protocol}, {len}");
        assert!(complete || read == problem(3, 0), "{protocol}, {len}");
    }
    // Options that go on in the next one.
    assert_eq!(body(&piece(DESTINATION, 1, 8)), problem(3, 0));
}

#[test]
fn what_is_cut_here() {
    let whole = packet(200, &(0..3_000).map(|at| at as u8).collect::<Vec<_>>());
    let mut pieces = Vec::new();
    fragment_packet(&whole, 1_280, 0xdead_beef, |piece| pieces.push(piece.to_vec()));
    assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [1_280, 1_280, 584]);
    let mut text = Vec::new();
    for piece in &pieces {
        let read = parse(piece).expect("a good piece");
        assert_eq!(read.ip.identification, 0xdead_beef);
        let Body::Fragment(read) = read.body else { panic!("a piece") };
        assert_eq!((read.protocol, usize::from(read.offset)), (200, text.len()));
        text.extend_from_slice(read.payload);
        assert_eq!(read.more, text.len() < 3_000);
    }
    assert_eq!(text, whole[40..]);
    pieces.clear();
    fragment_packet(&whole, 3_040, 1, |piece| pieces.push(piece.to_vec()));
    assert_eq!(pieces, std::slice::from_ref(&whole), "one that fits stays whole");
    fragment_packet(&whole, 55, 1, |_| panic!("there is no room for a piece"));
}

fn read(frame: &[u8]) -> Result<Message<'_>, Malformed> {
    match body(frame)? {
        Body::Icmp(message) => Ok(message),
        body => panic!("not ICMP: {body:?}"),
    }
}

/// RFC 4443 2.3, 4.1, 4.2.
#[test]
fn echo_as_others_write_it() {
    for (reply, payload) in [(false, &b"ping"[..]), (true, b""), (true, b"odd")] {
        let builder = PacketBuilder::ipv6(THERE.octets(), HERE.octets(), 64);
        let builder = if reply {
            builder.icmpv6_echo_reply(17, 3)
        } else {
            builder.icmpv6_echo_request(17, 3)
        };
        let mut frame = Vec::new();
        builder.write(&mut frame, payload).expect("writing into a Vec");
        let echo = Echo { identifier: 17, sequence: 3, payload };
        let expected = if reply { Message::EchoReply(echo) } else { Message::EchoRequest(echo) };
        assert_eq!(read(&frame), Ok(expected));
        let mut ours = Vec::new();
        emit_echo(&mut ours, THERE.into(), HERE.into(), reply, &echo);
        assert_eq!(ours, frame);
        for bit in 64..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(parse(&flipped), Err(Malformed::BadIcmpChecksum), "bit {bit}");
        }
    }
}

/// A message with this head about `quoted`.
fn message(head: [u8; 8], quoted: &[u8]) -> Vec<u8> {
    let mut payload = [&head[..], quoted].concat();
    payload[2..4].fill(0);
    let sum = Sum::pseudo(THERE.into(), HERE.into(), 58, payload.len()).plus(&payload).finish();
    payload[2..4].copy_from_slice(&sum.to_be_bytes());
    packet(58, &payload)
}

/// RFC 4443 3.
#[test]
fn every_error_and_what_it_quotes() {
    let mut quoted = Vec::new();
    let segment = Segment { seq: SeqNum::new(77), ..Segment::default() };
    emit_tcp(&mut quoted, &reversed(), &IpFields::default(), &segment, 100, |_| {});
    let quote = Quote { protocol: 6, flow: reversed(), seq: SeqNum::new(77), total_len: 160 };
    let rows = [
        ([1, 4, 0, 0, 0, 0, 0, 0], ErrorKind::Unreachable(4)),
        ([1, 0, 0, 0, 9, 9, 9, 9], ErrorKind::Unreachable(0)),
        ([2, 0, 0, 0, 0, 0, 0x05, 0], ErrorKind::FragmentationNeeded(1280)),
        ([2, 7, 0, 0, 0, 1, 0, 0], ErrorKind::FragmentationNeeded(65_535)),
        ([3, 1, 0, 0, 0, 0, 0, 0], ErrorKind::TimeExceeded(1)),
        ([4, 0, 0, 0, 0, 0, 0, 40], ErrorKind::ParameterProblem(40)),
        ([4, 1, 0, 0, 0, 0, 0, 6], ErrorKind::UnknownHeader),
        ([4, 2, 0, 0, 0, 0, 1, 0], ErrorKind::ParameterProblem(255)),
    ];
    for (head, kind) in rows {
        for quoted in [&quoted[..48], &quoted] {
            let expected = Ok(Message::Error(kind, quote));
            assert_eq!(read(&message(head, quoted)), expected, "{head:?}");
        }
    }
    for len in 0..48 {
        let frame = message([1, 0, 0, 0, 0, 0, 0, 0], &quoted[..len]);
        assert_eq!(read(&frame), Err(Malformed::Truncated), "{len} bytes quoted");
    }
    let v4 = message([1, 0, 0, 0, 0, 0, 0, 0], &[0x45; 60]);
    assert_eq!(read(&v4), Err(Malformed::BadVersion));
    // Neighbours and groups, of which there are none on a TUN, and whatever comes next.
    for kind in (0..=255).filter(|kind| ![1, 2, 3, 4, 128, 129].contains(kind)) {
        let frame = message([kind, 0, 0, 0, 0, 0, 0, 0], b"");
        assert_eq!(read(&frame), Ok(Message::Other(kind)));
    }
}

/// Extension headers lie between the header and the ports; a later fragment has none.
#[test]
fn quotes_of_packets_with_extension_headers() {
    let segment = &foreign_tcp(b"")[40..];
    let rows: [(Headers<'_>, bool); 3] = [
        (&[(DESTINATION, PADDED), (ROUTING, &[0, 0, 0, 3, 0, 0, 0, 0])], true),
        (&[(FRAGMENT, &[0, 0, 0, 1, 0, 0, 0, 7])], true),
        (&[(FRAGMENT, &[0, 0, 1, 1, 0, 0, 0, 7])], false),
    ];
    for (headers, has_ports) in rows {
        let quoted = extended(headers, 6, segment);
        let frame = message([1, 3, 0, 0, 0, 0, 0, 0], &quoted);
        let Ok(Message::Error(_, quote)) = read(&frame) else { panic!("an error") };
        let ports = if has_ports { (40_000, 7) } else { (0, 0) };
        assert_eq!((quote.flow.local.port(), quote.flow.remote.port()), ports);
        assert_eq!(quote.seq.raw(), if has_ports { 1_000 } else { 0 });
        assert_eq!(quote.protocol, 6);
    }
}

/// RFC 4443 2.4 (c): as much as fits.
#[test]
fn what_our_errors_quote() {
    let offending = packet(99, &[7; 3_000]);
    let (from, to): (IpAddr, IpAddr) = (HERE.into(), THERE.into());
    let mut frames = vec![Vec::new(); 3];
    emit_unreachable(&mut frames[0], from, to, 4, &offending);
    emit_time_exceeded(&mut frames[1], from, to, &offending);
    emit_problem(&mut frames[2], from, to, Problem { code: 1, pointer: 6 }, &offending);
    let heads = [[1, 4, 0, 0, 0, 0], [3, 1, 0, 0, 0, 0], [4, 1, 0, 0, 0, 6]];
    for (frame, head) in frames.iter().zip(heads) {
        assert_eq!(frame.len(), 1_280);
        assert_eq!([&frame[40..42], &frame[44..48]].concat(), head);
        assert_eq!(frame[48..], offending[..1_232]);
        assert!(matches!(read(frame), Ok(Message::Error(..))));
    }
    let short = packet(99, b"x");
    let mut frame = Vec::new();
    emit_unreachable(&mut frame, from, to, 4, &short);
    assert_eq!(frame[48..], short);
}

proptest! {
    #[test]
    fn written_then_read_is_the_same(segment in any_segment(), payload in prop::collection::vec(any::<u8>(), 0..100)) {
        let fields = IpFields { ecn: segment.ecn, ..IpFields::default() };
        let mut frame = Vec::new();
        emit_tcp(&mut frame, &flow(), &fields, &segment, payload.len(), |frame| {
            frame.extend_from_slice(&payload);
        });
        let Ok(Body::Tcp(to, mut read)) = body(&frame) else { panic!("a segment") };
        prop_assert_eq!(to, reversed());
        prop_assert_eq!(read.payload, &payload[..]);
        // Blocks that do not fit beside aligned options are left out.
        read.payload = &[];
        let mut written = segment;
        written.options.sack.truncate(read.options.sack.as_slice().len());
        prop_assert_eq!(read, written);
    }

    #[test]
    fn random_headers_never_panic(
        mut frame in prop::collection::vec(any::<u8>(), 40..200), kinds in prop::collection::vec(0..6usize, 6),
    ) {
        let known = [HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION, 6, 58];
        frame[0] = 0x60 | frame[0] & 0xf;
        let len = u16::try_from(frame.len() - 40).expect("short");
        frame[4..6].copy_from_slice(&len.to_be_bytes());
        frame[6] = known[kinds[0]];
        for (at, kind) in (40..frame.len()).step_by(8).zip(&kinds[1..]) {
            frame[at] = known[*kind];
            if let Some(units) = frame.get_mut(at + 1) {
                *units &= 1;
            }
        }
        let _ = Packet::parse(&frame, true);
        let _ = unknown_transport(&frame);
        let _ = read_any(&message([1, 0, 0, 0, 0, 0, 0, 0], &frame));
    }
}

fn read_any(frame: &[u8]) -> Option<Message<'_>> {
    match body(frame).ok()? {
        Body::Icmp(message) => Some(message),
        _ => None,
    }
}
