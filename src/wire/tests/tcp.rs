//! TCP headers: RFC 9293 3.1.

use etherparse::{SlicedPacket, TransportSlice};
use proptest::prelude::*;

use super::{any_segment, emitted, flow, foreign_tcp, reseal_ip, reseal_tcp, reversed};
use crate::wire::{
    Body, EcnCodepoint, Flags, IpFields, Malformed, Options, Packet, RawWindow, Segment, SeqNum,
    emit_tcp,
};

fn read(frame: &[u8]) -> Result<Segment<'_>, Malformed> {
    match Packet::parse(frame, false)?.body {
        Body::Tcp(_, segment) => Ok(segment),
        body => panic!("not a segment: {body:?}"),
    }
}

#[test]
fn a_foreign_segment_is_read() {
    let frame = foreign_tcp(b"hello");
    let packet = Packet::parse(&frame, false).expect("a good packet");
    assert_eq!(packet.source, flow().local.ip());
    assert_eq!(packet.destination, flow().remote.ip());
    let segment = Segment {
        seq: SeqNum::new(1_000),
        ack: Some(SeqNum::new(2_000)),
        window: RawWindow(512),
        payload: b"hello",
        ..Segment::default()
    };
    assert_eq!(packet.body, Body::Tcp(reversed(&flow()), segment));
}

/// RFC 3168 5: the two lowest bits of what was the type of service.
#[test]
fn a_mark_of_the_network_is_read() {
    let rows = [
        (0b00, EcnCodepoint::NotEct),
        (0b01, EcnCodepoint::Ect1),
        (0b10, EcnCodepoint::Ect0),
        (0b11, EcnCodepoint::Ce),
    ];
    for (bits, ecn) in rows {
        let mut frame = foreign_tcp(b"hello");
        frame[1] = 46 << 2 | bits;
        reseal_ip(&mut frame);
        assert_eq!(read(&frame).map(|segment| segment.ecn), Ok(ecn));
        assert_eq!(Packet::parse(&frame, false).map(|packet| packet.ip.ecn), Ok(ecn));
        assert_eq!((ecn.bits(), EcnCodepoint::from_bits(0xfc | bits)), (bits, ecn));
    }
}

/// Proves: MUST-2, RFC791-3.1-cksum.
#[test]
fn etherparse_reads_what_we_write() {
    let segment = Segment {
        seq: SeqNum::new(u32::MAX),
        ack: Some(SeqNum::new(7)),
        flags: Flags::PSH | Flags::URG | Flags::CWR,
        window: RawWindow(u16::MAX),
        urgent: 3,
        options: Options { mss: Some(536), ..Options::default() },
        payload: b"abc",
        wire_segments: 1,
        ecn: EcnCodepoint::NotEct,
    };
    let ecn = EcnCodepoint::Ect0;
    let ip = IpFields { ttl: 9, dscp: 46, ecn, dont_fragment: false, identification: 0xbeef };
    let mut frame = Vec::new();
    emit_tcp(&mut frame, &flow(), &ip, &segment, 3, |frame| frame.extend_from_slice(b"abc"));

    let sliced = SlicedPacket::from_ip(&frame).expect("a good packet");
    let Some(etherparse::NetSlice::Ipv4(v4)) = sliced.net else { panic!("not IPv4") };
    let header = v4.header();
    assert_eq!(header.to_header().calc_header_checksum(), header.header_checksum());
    assert_eq!((header.ttl(), header.dcp().value(), header.ecn().value()), (9, 46, 2));
    assert_eq!((header.dont_fragment(), header.identification()), (false, 0xbeef));
    assert_eq!(usize::from(header.total_len()), frame.len());
    let Some(TransportSlice::Tcp(tcp)) = sliced.transport else { panic!("not TCP") };
    let sum = tcp.calc_checksum_ipv4(header.source(), header.destination());
    assert_eq!(sum, Ok(tcp.checksum()));
    assert_eq!((tcp.sequence_number(), tcp.acknowledgment_number()), (u32::MAX, 7));
    assert_eq!((tcp.psh(), tcp.urg(), tcp.cwr(), tcp.ack()), (true, true, true, true));
    assert_eq!((tcp.syn(), tcp.fin(), tcp.rst(), tcp.ece(), tcp.ns()), Default::default());
    assert_eq!((tcp.window_size(), tcp.urgent_pointer()), (u16::MAX, 3));
    assert_eq!(tcp.payload(), b"abc");
}

#[test]
fn data_offset_at_its_extremes() {
    for words in 0..=15u8 {
        let mut frame = foreign_tcp(&[1; 39]);
        frame[32] = words << 4;
        reseal_tcp(&mut frame);
        let read = read(&frame);
        match words {
            0..5 | 15 => assert_eq!(read, Err(Malformed::BadDataOffset), "{words} words"),
            // The payload's ones are NOPs.
            _ => {
                let left = 39 - 4 * (usize::from(words) - 5);
                assert_eq!(read.map(|segment| segment.payload.len()), Ok(left), "{words} words");
            }
        }
    }
}

/// Reserved bits are ignored on receipt, and every other field says what stands there.
#[test]
fn other_fields_at_their_extremes() {
    let mut frame = foreign_tcp(b"");
    frame[20..32].fill(0xff);
    frame[32] = 0x5f;
    frame[33] = 0xff;
    frame[34..40].fill(0xff);
    reseal_tcp(&mut frame);
    let segment = read(&frame).expect("a good segment");
    assert_eq!(segment.flags, Flags::all());
    assert_eq!((segment.seq.raw(), segment.ack), (u32::MAX, Some(SeqNum::new(u32::MAX))));
    assert_eq!((segment.window, segment.urgent), (RawWindow(u16::MAX), u16::MAX));

    frame[20..32].fill(0);
    frame[32] = 0x50;
    frame[33..40].fill(0);
    reseal_tcp(&mut frame);
    assert_eq!(read(&frame), Ok(Segment::default()));
}

#[test]
fn a_malformed_option_refuses_the_segment() {
    let mut frame = emitted(&Segment {
        options: Options { mss: Some(1460), ..Options::default() },
        ..Segment::default()
    });
    frame[41] = 0;
    reseal_tcp(&mut frame);
    assert_eq!(read(&frame), Err(Malformed::BadOption));
}

#[test]
fn too_short_for_a_header() {
    for len in 0..20u8 {
        let mut frame = foreign_tcp(b"");
        frame[3] = 20 + len;
        reseal_ip(&mut frame);
        assert_eq!(read(&frame), Err(Malformed::Truncated), "{len} bytes");
    }
}

/// RFC 9293 3.1, MUST-3: no single bit may change unnoticed, unless somebody vouched.
#[test]
fn every_flipped_bit_is_noticed() {
    let frame = foreign_tcp(b"odd");
    for bit in 160..frame.len() * 8 {
        let mut flipped = frame.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(read(&flipped), Err(Malformed::BadTcpChecksum), "bit {bit}");
    }
    let mut flipped = frame.clone();
    flipped[42] ^= 1;
    assert!(Packet::parse(&flipped, true).is_ok());
}

#[test]
fn the_largest_packet() {
    let payload = vec![0xa5; 65_535 - 40];
    let frame = emitted(&Segment { payload: &payload, ..Segment::default() });
    assert_eq!(frame.len(), 65_535);
    assert_eq!(read(&frame).map(|segment| segment.payload.len()), Ok(payload.len()));
}

#[test]
fn packets_are_appended() {
    let mut frame = b"before".to_vec();
    emit_tcp(&mut frame, &flow(), &IpFields::default(), &Segment::default(), 0, |_| {});
    assert_eq!(&frame[..6], b"before");
    assert_eq!(read(&frame[6..]), Ok(Segment::default()));
}

proptest! {
    #[test]
    fn written_then_read_is_the_same(
        segment in any_segment(),
        payload in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut segment = Segment { payload: &payload, ..segment };
        let frame = emitted(&segment);
        let packet = Packet::parse(&frame, false).expect("our own packet");
        prop_assert_eq!(packet.ip, IpFields { ecn: segment.ecn, ..IpFields::default() });
        let Body::Tcp(at, read) = packet.body else { panic!("not a segment") };
        prop_assert_eq!(at, reversed(&flow()));
        // Blocks that did not fit; tests/options.rs counts them.
        segment.options.sack.truncate(read.options.sack.as_slice().len());
        prop_assert_eq!(read, segment);
    }
}
