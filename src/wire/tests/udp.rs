//! UDP headers: RFC 768, RFC 1122 4.1.3.4.

use etherparse::PacketBuilder;
use proptest::prelude::*;

use super::{flow, reseal_ip, reversed};
use crate::wire::{Body, IpFields, Malformed, Packet, udp};

fn foreign(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
        .udp(40_000, 7)
        .write(&mut frame, payload)
        .expect("writing into a Vec");
    frame
}

fn body(frame: &[u8]) -> Result<Body<'_>, Malformed> {
    Packet::parse(frame, false).map(|packet| packet.body)
}

#[test]
fn a_foreign_datagram_is_read() {
    for payload in [&b""[..], b"a", b"ab"] {
        assert_eq!(body(&foreign(payload)), Ok(Body::Udp(reversed(&flow()), payload)));
    }
}

/// Proves: RFC768-len, RFC768-cksum, RFC1122-4.1.3.4-a.
#[test]
fn what_we_write_is_what_others_write() {
    let ip = IpFields { dont_fragment: false, ..IpFields::default() };
    let mut frame = Vec::new();
    udp::emit(&mut frame, &flow(), &ip, b"hello");
    let mut foreign = foreign(b"hello");
    foreign[6..8].copy_from_slice(&frame[6..8]);
    reseal_ip(&mut foreign);
    assert_eq!(frame, foreign);
}

/// Proves: RFC768-len.
#[test]
fn length_at_its_extremes() {
    for len in 0..=u16::MAX {
        let mut frame = foreign(b"0123456789");
        frame[24..26].copy_from_slice(&len.to_be_bytes());
        // Not computed.
        frame[26..28].fill(0);
        let expected = match len {
            8..=18 => Ok(Body::Udp(reversed(&flow()), &b"0123456789"[..usize::from(len) - 8])),
            _ => Err(Malformed::BadUdpLength),
        };
        assert_eq!(body(&frame), expected, "length {len}");
    }
}

#[test]
fn too_short_for_a_header() {
    for len in 0..8u8 {
        let mut frame = foreign(b"");
        frame[3] = 20 + len;
        reseal_ip(&mut frame);
        assert_eq!(body(&frame), Err(Malformed::Truncated), "{len} bytes");
    }
}

/// Proves: RFC1122-4.1.3.4-a, RFC1122-4.1.3.4-b.
#[test]
fn every_flipped_bit_is_noticed() {
    let frame = foreign(b"odd");
    for bit in (160..frame.len() * 8).filter(|bit| !(192..208).contains(bit)) {
        let mut flipped = frame.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(body(&flipped), Err(Malformed::BadUdpChecksum), "bit {bit}");
    }
}

/// RFC 768: zero says "none", so a sum of zero is sent as 0xffff; both are right on receipt.
/// Proves: RFC768-cksum.
#[test]
fn a_checksum_of_zero() {
    let mut frame = foreign(&[0, 0]);
    let sum = u16::from_be_bytes([frame[26], frame[27]]);
    // What makes the checksum vanish: the sum itself as payload.
    let mut ours = Vec::new();
    udp::emit(&mut ours, &flow(), &IpFields::default(), &sum.to_be_bytes());
    assert_eq!(ours[26..28], [0xff, 0xff]);
    assert!(body(&ours).is_ok());

    frame[26..28].fill(0);
    assert!(body(&frame).is_ok());
}

proptest! {
    #[test]
    fn written_then_read_is_the_same(payload in prop::collection::vec(any::<u8>(), 0..100)) {
        let mut frame = Vec::new();
        udp::emit(&mut frame, &flow(), &IpFields::default(), &payload);
        prop_assert_eq!(body(&frame), Ok(Body::Udp(reversed(&flow()), &payload)));
    }
}
