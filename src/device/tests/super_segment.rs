//! A super-segment becomes what its sender would have sent without offload.

use std::num::NonZeroU16;

use proptest::prelude::*;

use super::{TcpHeaders, cut, cut_received};
use crate::device::Received;
use crate::wire::{
    Body, EcnCodepoint, Flags, Flow, IpFields, Options, Packet, RawWindow, Segment, SeqNum,
    Timestamps, emit_tcp, emit_tcp_unsummed,
};

fn flow() -> Flow {
    Flow { local: "192.0.2.2:7".parse().unwrap(), remote: "192.0.2.1:4000".parse().unwrap() }
}

fn segment(seq: u32, flags: Flags) -> Segment<'static> {
    Segment {
        seq: SeqNum::new(seq),
        ack: Some(SeqNum::new(77)),
        flags,
        window: RawWindow(500),
        options: Options {
            timestamps: Some(Timestamps { value: 1, echo: 2 }),
            ..Options::default()
        },
        ..Segment::default()
    }
}

fn text(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

/// Ready for a device that cuts.
fn frame(seq: u32, flags: Flags, text: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    let ip = IpFields { identification: 65_535, ecn: EcnCodepoint::Ect0, ..IpFields::default() };
    emit_tcp_unsummed(&mut frame, &flow(), &ip, &segment(seq, flags), text.len(), |frame| {
        frame.extend_from_slice(text);
    });
    frame
}

fn pieces(frame: &[u8], size: u16) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    cut(&mut frame.to_vec(), NonZeroU16::new(size), |packet| pieces.push(packet.to_vec()));
    pieces
}

proptest! {
    /// Each piece is the very packet that we would have built ourselves.
    #[test]
    fn pieces_are_the_packets_of_a_plain_wire(
        seq: u32, len in 0..9000_usize, size in 1..3000_u16,
    ) {
        let text = text(len);
        let pieces = pieces(&frame(seq, Flags::PSH | Flags::FIN, &text), size);
        prop_assert_eq!(pieces.len(), len.div_ceil(size.into()).max(1));
        for (index, piece) in pieces.iter().enumerate() {
            let begin = index * usize::from(size);
            let text = &text[begin..len.min(begin + usize::from(size))];
            let last = index + 1 == pieces.len();
            let flags = if last { Flags::PSH | Flags::FIN } else { Flags::empty() };
            let ip = IpFields {
                identification: 65_535_u16.wrapping_add(index as u16).into(),
                ecn: EcnCodepoint::Ect0,
                ..IpFields::default()
            };
            let mut plain = Vec::new();
            let segment = segment(seq.wrapping_add(begin as u32), flags);
            emit_tcp(&mut plain, &flow(), &ip, &segment, text.len(), |frame| {
                frame.extend_from_slice(text);
            });
            prop_assert_eq!(piece, &plain);
        }
    }

    /// Whatever stands in a frame, cutting it does not panic.
    #[test]
    fn rubbish_is_harmless(mut frame: Vec<u8>, size: u16, version in 0..16_u8) {
        if let Some(first) = frame.first_mut() {
            *first = version << 4 | *first & 0xf;
        }
        let _ = TcpHeaders::of(&frame);
        cut(&mut frame, NonZeroU16::new(size), |_| {});
    }
}

#[test]
fn cwr_is_told_once() {
    let flags: Vec<_> = pieces(&frame(1, Flags::CWR | Flags::PSH, &text(250)), 100)
        .iter()
        .map(|piece| match Packet::parse(piece, false).unwrap().body {
            Body::Tcp(_, segment) => segment.flags,
            _ => panic!("TCP"),
        })
        .collect();
    assert_eq!(flags, [Flags::CWR, Flags::empty(), Flags::PSH]);
}

#[test]
fn ipv6_has_its_own_length_and_sum() {
    let mut frame = vec![0x60, 0, 0, 0, 0, 220, 6, 64];
    frame.extend([1; 16]);
    frame.extend([2; 16]);
    frame.extend([0, 7, 0, 8, 0, 0, 0, 9, 0, 0, 0, 0, 0x50, 0x18, 0, 0, 0, 0, 0, 0]);
    frame.extend(text(200));
    let pieces = pieces(&frame, 150);
    assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [60 + 150, 60 + 50]);
    for (piece, (payload_len, seq)) in pieces.iter().zip([(170_u8, 9_u8), (70, 159)]) {
        assert_eq!((piece[4], piece[5]), (0, payload_len));
        assert_eq!(piece[47], seq);
        let slice = etherparse::SlicedPacket::from_ip(piece).unwrap();
        let (Some(etherparse::NetSlice::Ipv6(ip)), Some(etherparse::TransportSlice::Tcp(tcp))) =
            (slice.net, slice.transport)
        else {
            panic!("TCP over IPv6");
        };
        let ip = ip.header().to_header();
        let sum = tcp.to_header().calc_checksum_ipv6(&ip, tcp.payload()).unwrap();
        assert_eq!(tcp.checksum(), sum);
    }
}

#[test]
fn nothing_is_mended_that_nobody_vouched_for() {
    let mut wrong = frame(1, Flags::empty(), b"what the checksum does not fit");
    let before = wrong.clone();
    let received = Received::plain(wrong.len());
    cut_received(&mut wrong, received, |packet| assert_eq!(packet, before));
    let received = Received { vouched: true, ..received };
    cut_received(&mut wrong, received, |packet| {
        assert!(Packet::parse(packet, false).is_ok(), "the sum that was left out is written");
    });
}
