//! ICMP: RFC 792, RFC 1122 3.2.2, RFC 1191 4.

use std::net::IpAddr;

use etherparse::{Icmpv4Type, PacketBuilder};
use proptest::prelude::*;

use super::{checksum::naive, emitted, flow, foreign_tcp};
use crate::wire::icmp::{
    Echo, ErrorKind, Message, Quote, emit_echo, emit_time_exceeded, emit_unreachable,
};
use crate::wire::{Body, Malformed, Packet, Segment, SeqNum};

fn ends() -> (IpAddr, IpAddr) {
    (flow().local.ip(), flow().remote.ip())
}

fn read(frame: &[u8]) -> Result<Message<'_>, Malformed> {
    match Packet::parse(frame, false)?.body {
        Body::Icmp(message) => Ok(message),
        body => panic!("not ICMP: {body:?}"),
    }
}

/// A message as the Internet sends it, with `quoted` behind its 8 bytes.
fn message(head: [u8; 8], quoted: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    let (from, to) = ends();
    emit_unreachable(&mut frame, from, to, 0, &[]);
    frame[20..28].copy_from_slice(&head);
    frame.extend_from_slice(quoted);
    frame[22..24].fill(0);
    let checksum = naive(&frame[20..]);
    frame[22..24].copy_from_slice(&checksum.to_be_bytes());
    let total = u16::try_from(frame.len()).expect("a short frame");
    frame[2..4].copy_from_slice(&total.to_be_bytes());
    super::reseal_ip(&mut frame);
    frame
}

/// Proves: RFC792-echo, RFC792-cksum.
#[test]
fn echo_as_others_write_it() {
    for (reply, payload) in [(false, &b"ping"[..]), (true, b""), (true, b"odd")] {
        let mut frame = Vec::new();
        let builder = PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64);
        let builder = if reply {
            builder.icmpv4_echo_reply(17, 3)
        } else {
            builder.icmpv4_echo_request(17, 3)
        };
        builder.write(&mut frame, payload).expect("writing into a Vec");
        let echo = Echo { identifier: 17, sequence: 3, payload };
        let expected = if reply { Message::EchoReply(echo) } else { Message::EchoRequest(echo) };
        assert_eq!(read(&frame), Ok(expected));

        let mut ours = Vec::new();
        emit_echo(&mut ours, ends().0, ends().1, reply, &echo);
        assert_eq!(ours[20..], frame[20..]);
        assert_eq!(read(&ours), Ok(expected));
    }
}

/// Proves: RFC1122-3.2.2-c, RFC792-quote.
#[test]
fn every_error_and_what_it_quotes() {
    let quoted = emitted(&Segment { seq: SeqNum::new(77), payload: b"text", ..Segment::default() });
    let quote = Quote { protocol: 6, flow: flow(), seq: SeqNum::new(77), total_len: 44 };
    let rows = [
        ([3, 0, 0, 0, 0, 0, 0, 0], ErrorKind::Unreachable(0)),
        ([3, 3, 0, 0, 9, 9, 9, 9], ErrorKind::Unreachable(3)),
        ([3, 255, 0, 0, 0, 0, 0, 0], ErrorKind::Unreachable(255)),
        ([3, 4, 0, 0, 0, 0, 0x05, 0xdc], ErrorKind::FragmentationNeeded(1500)),
        ([3, 4, 0, 0, 0, 0, 0, 0], ErrorKind::FragmentationNeeded(0)),
        ([11, 0, 0, 0, 0, 0, 0, 0], ErrorKind::TimeExceeded(0)),
        ([11, 1, 0, 0, 0, 0, 0, 0], ErrorKind::TimeExceeded(1)),
        ([12, 0, 0, 0, 20, 0, 0, 0], ErrorKind::ParameterProblem(20)),
    ];
    for (head, kind) in rows {
        // The header and 8 bytes, or all of it.
        for quoted in [&quoted[..28], &quoted] {
            let frame = message(head, quoted);
            assert_eq!(read(&frame), Ok(Message::Error(kind, quote)), "{head:?}");
        }
    }
}

#[test]
fn a_quote_that_routers_have_altered() {
    let mut quoted = emitted(&Segment { seq: SeqNum::new(77), ..Segment::default() });
    // TTL, TOS, checksum and total length (some count it in host order).
    quoted[1] = 0xff;
    quoted[2..4].fill(0);
    quoted[8] = 0;
    let quote = Quote { protocol: 6, flow: flow(), seq: SeqNum::new(77), total_len: 0 };
    let frame = message([11, 0, 0, 0, 0, 0, 0, 0], &quoted);
    assert_eq!(read(&frame), Ok(Message::Error(ErrorKind::TimeExceeded(0), quote)));
}

#[test]
fn a_quote_cut_anywhere_is_truncated() {
    let quoted = emitted(&Segment::default());
    for len in 0..28 {
        let frame = message([3, 1, 0, 0, 0, 0, 0, 0], &quoted[..len]);
        assert_eq!(read(&frame), Err(Malformed::Truncated), "{len} bytes quoted");
    }
    let mut optioned = quoted.clone();
    optioned[0] = 0x4f;
    let frame = message([3, 1, 0, 0, 0, 0, 0, 0], &optioned);
    assert_eq!(read(&frame), Err(Malformed::Truncated));
}

#[test]
fn a_quote_that_is_no_packet() {
    for (first, why) in [(0x44, Malformed::BadIpHeader), (0x65, Malformed::BadVersion)] {
        let mut quoted = emitted(&Segment::default());
        quoted[0] = first;
        let frame = message([3, 1, 0, 0, 0, 0, 0, 0], &quoted);
        assert_eq!(read(&frame), Err(why));
    }
}

/// Ports are only where the transport's header is: not in later fragments, nor in other protocols.
#[test]
fn quotes_without_ports() {
    let mut later = emitted(&Segment { seq: SeqNum::new(77), ..Segment::default() });
    later[7] = 1;
    let mut other = later.clone();
    other[7] = 0;
    other[9] = 1;
    for (quoted, protocol) in [(later, 6), (other, 1)] {
        let frame = message([3, 1, 0, 0, 0, 0, 0, 0], &quoted);
        let Ok(Message::Error(_, quote)) = read(&frame) else { panic!("not an error") };
        assert_eq!((quote.protocol, quote.seq.raw()), (protocol, 0));
        assert_eq!((quote.flow.local.port(), quote.flow.remote.port()), (0, 0));
        assert_eq!((quote.flow.local.ip(), quote.flow.remote.ip()), ends());
    }
}

/// RFC 1122 3.2.2: everything else is for the host to ignore, source quench (RFC 6633) with it.
/// Proves: RFC1122-3.2.2-a.
#[test]
fn other_types() {
    for kind in (0..=255u8).filter(|kind| ![0, 3, 8, 11, 12].contains(kind)) {
        assert_eq!(read(&message([kind, 0, 0, 0, 0, 0, 0, 0], &[])), Ok(Message::Other(kind)));
    }
}

#[test]
fn too_short_for_a_header() {
    let frame = message([8, 0, 0, 0, 0, 0, 0, 0], &[]);
    for len in 0..8u8 {
        let mut cut = frame.clone();
        cut[3] = 20 + len;
        super::reseal_ip(&mut cut);
        assert_eq!(read(&cut), Err(Malformed::Truncated), "{len} bytes");
    }
}

/// Proves: RFC792-cksum.
#[test]
fn every_flipped_bit_is_noticed() {
    let frame = message([8, 0, 0, 0, 1, 2, 3, 4], b"odd");
    for bit in 160..frame.len() * 8 {
        let mut flipped = frame.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(read(&flipped), Err(Malformed::BadIcmpChecksum), "bit {bit}");
    }
}

/// Proves: RFC792-quote, RFC1122-3.2.2-b.
#[test]
fn errors_that_we_send() {
    let offending = foreign_tcp(&[7; 100]);
    let mut unreachable = Vec::new();
    emit_unreachable(&mut unreachable, ends().1, ends().0, 3, &offending);
    let frame = &unreachable;
    assert_eq!(frame.len(), 20 + 8 + 28);
    let sliced = etherparse::SlicedPacket::from_ip(frame).expect("a good packet");
    let Some(etherparse::TransportSlice::Icmpv4(icmp)) = sliced.transport else { panic!("ICMP") };
    assert!(matches!(icmp.icmp_type(), Icmpv4Type::DestinationUnreachable(_)));
    assert_eq!(icmp.payload(), &offending[..28]);
    let quote = Quote { protocol: 6, flow: flow(), seq: SeqNum::new(1_000), total_len: 140 };
    assert_eq!(read(frame), Ok(Message::Error(ErrorKind::Unreachable(3), quote)));

    let mut frame = Vec::new();
    emit_time_exceeded(&mut frame, ends().1, ends().0, &offending);
    assert_eq!(read(&frame), Ok(Message::Error(ErrorKind::TimeExceeded(1), quote)));

    // What there is of a packet that is shorter.
    frame.clear();
    emit_unreachable(&mut frame, ends().1, ends().0, 3, &offending[..25]);
    assert_eq!(frame.len(), 20 + 8 + 25);
    let mut optioned = offending.clone();
    optioned[0] = 0x4f;
    frame.clear();
    emit_unreachable(&mut frame, ends().1, ends().0, 3, &optioned);
    assert_eq!(frame.len(), 20 + 8 + 68);
}

proptest! {
    #[test]
    fn written_then_read_is_the_same(
        identifier: u16, sequence: u16, payload in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let echo = Echo { identifier, sequence, payload: &payload };
        let mut frame = Vec::new();
        emit_echo(&mut frame, ends().0, ends().1, false, &echo);
        prop_assert_eq!(read(&frame), Ok(Message::EchoRequest(echo)));
    }

    #[test]
    fn random_messages_never_panic(head: [u8; 8], body in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = read(&message(head, &body));
    }
}
