//! IP headers: RFC 791 3.1 and 3.2, RFC 1122 3.2.1.

use std::net::IpAddr;

use proptest::prelude::*;

use super::{emitted, foreign_tcp, reseal_ip};
use crate::wire::ip::{emit_packet, fragment_packet, is_host};
use crate::wire::{Body, EcnCodepoint, IpFields, Malformed, Packet, Segment};

fn parse(frame: &[u8]) -> Result<Packet<'_>, Malformed> {
    Packet::parse(frame, false)
}

#[test]
fn a_valid_frame_cut_anywhere_is_truncated() {
    let frame = foreign_tcp(b"payload");
    for len in 0..frame.len() {
        assert_eq!(parse(&frame[..len]), Err(Malformed::Truncated), "{len} bytes");
    }
}

/// Proves: RFC791-3.1-ver.
#[test]
fn bytes_beyond_the_total_length_are_ignored() {
    let mut frame = foreign_tcp(b"payload");
    let expected = parse(&frame).map(|packet| packet.body == parse(&frame).expect("good").body);
    assert_eq!(expected, Ok(true));
    let len = frame.len();
    frame.extend_from_slice(&[0xff; 30]);
    assert_eq!(parse(&frame), parse(&frame[..len]));
}

/// Proves: RFC791-3.1-ver, RFC1122-3.2.1.1.
#[test]
fn every_version_but_four_and_six_is_refused() {
    for version in (0..16).filter(|version| ![4, 6].contains(version)) {
        let mut frame = foreign_tcp(b"");
        frame[0] = version << 4 | 5;
        assert_eq!(parse(&frame), Err(Malformed::BadVersion), "version {version}");
    }
}

/// Proves: RFC791-3.1-ver.
#[test]
fn header_length_at_its_extremes() {
    for words in 0..=15u8 {
        let mut frame = vec![0; 60];
        frame[0] = 0x40 | words;
        frame[3] = 60;
        frame[9] = 200;
        frame[20..].fill(1);
        if words >= 5 {
            reseal_ip(&mut frame);
        }
        let expected = if words < 5 { Err(Malformed::BadIpHeader) } else { Ok(Body::Other(200)) };
        assert_eq!(parse(&frame).map(|packet| packet.body), expected, "{words} words");
    }
}

/// RFC 1122 3.2.1.8: options of the IP header, whatever they are, are passed over.
/// Proves: MUST-50, RFC791-3.1-opt, RFC1122-3.2.1.8.
/// Proves: RFC1122-3.2.1.8b.
#[test]
fn ip_options_are_skipped() {
    let plain = foreign_tcp(b"payload");
    for words in 1..=10u8 {
        for filler in [0, 1, 7, 68, 136, 0x94, 0xff] {
            let mut frame = plain[..20].to_vec();
            frame.extend(std::iter::repeat_n(filler, usize::from(words) * 4));
            frame.extend_from_slice(&plain[20..]);
            frame[0] += words;
            frame[3] += words * 4;
            reseal_ip(&mut frame);
            assert_eq!(parse(&frame), parse(&plain), "{words} words of {filler}");
        }
    }
}

/// Proves: RFC791-3.1-ver.
#[test]
fn total_length_at_its_extremes() {
    let good = foreign_tcp(b"");
    for total in 0..=u16::MAX {
        let mut frame = good.clone();
        frame[2..4].copy_from_slice(&total.to_be_bytes());
        reseal_ip(&mut frame);
        let expected = match total {
            0..20 => Some(Malformed::BadIpHeader),
            40 => None,
            _ => Some(Malformed::Truncated),
        };
        assert_eq!(parse(&frame).err(), expected, "total length {total}");
    }
}

/// RFC 1122 3.2.1.2: dropped, even when somebody vouched for the transport.
/// Proves: RFC791-3.1-cksum, RFC1122-3.2.1.2.
#[test]
fn every_flipped_bit_of_the_header_is_noticed() {
    let frame = foreign_tcp(b"");
    for bit in 8..160 {
        let mut flipped = frame.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(Packet::parse(&flipped, true), Err(Malformed::BadIpChecksum), "bit {bit}");
    }
}

#[test]
fn other_fields_at_their_extremes() {
    let mut frame = foreign_tcp(b"");
    frame[1] = 0xff;
    frame[4..6].fill(0xff);
    // The reserved bit and DF.
    frame[6] = 0xc0;
    frame[8] = 0;
    reseal_ip(&mut frame);
    let ip = parse(&frame).expect("a good packet").ip;
    assert_eq!((ip.dscp, ip.ecn, ip.ttl), (63, EcnCodepoint::Ce, 0));
    assert_eq!((ip.identification, ip.dont_fragment), (u32::from(u16::MAX), true));
}

/// Proves: RFC791-3.2-reasm.
#[test]
fn fragments() {
    let piece = |flags_and_offset: u16, len: u16| {
        let mut frame = vec![0x5a; 20 + usize::from(len)];
        frame[..20].copy_from_slice(&foreign_tcp(b"")[..20]);
        frame[2..4].copy_from_slice(&(20 + len).to_be_bytes());
        frame[6..8].copy_from_slice(&flags_and_offset.to_be_bytes());
        reseal_ip(&mut frame);
        frame
    };
    let more = 0x2000;
    let good = [
        ("the first", more, 8, 0, true),
        ("a middle one", more | 3, 64, 24, true),
        ("the last, of any length", 1, 1, 8, false),
        ("the farthest", 0x1fff - 3, 11, 65_504, false),
        ("DF is no obstacle", 0x4000 | more, 16, 0, true),
    ];
    for (name, bits, len, offset, more) in good {
        let frame = piece(bits, len);
        let Body::Fragment(read) = parse(&frame).expect(name).body else { panic!("{name}") };
        assert_eq!((read.protocol, read.offset, read.more), (6, offset, more), "{name}");
        assert_eq!((read.payload, read.header), (&frame[20..], &frame[..20]), "{name}");
    }
    let bad = [
        ("a ragged middle", more, 9),
        ("an empty one", more, 0),
        ("an empty last", 5, 0),
        ("past the largest packet", 0x1fff - 3, 12),
        ("far past it", 0x1fff, 1_000),
    ];
    for (name, bits, len) in bad {
        assert_eq!(parse(&piece(bits, len)), Err(Malformed::BadFragment), "{name}");
    }
}

/// RFC 1122 3.2.1.7, whatever was asked for. Proves: RFC1122-3.2.1.7-a.
#[test]
fn no_packet_is_sent_that_may_live_for_no_hop() {
    for (asked, sent) in [(0, 1), (1, 1), (255, 255)] {
        let ip = IpFields { ttl: asked, ..IpFields::default() };
        let (from, to) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let frame = emit_packet(from, to, 200, &ip, b"");
        assert_eq!(parse(&frame).map(|packet| packet.ip.ttl), Ok(sent), "{asked}");
    }
}

/// RFC 6864 4.1, 4.3: who may be cut has a number of his own, who may not needs none.
/// Proves: RFC6864-4.3, RFC6864-4.1-b.
#[test]
fn who_may_be_cut_is_numbered() {
    for dont_fragment in [false, true] {
        let ip = IpFields { dont_fragment, ..IpFields::default() };
        let (from, to) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let expected = if dont_fragment { 0 } else { 0xbeef };
        for payload in [&b""[..], b"text"] {
            let packet = emit_packet(from, to, 200, &ip, payload);
            let mut sent = Vec::new();
            fragment_packet(&packet, 1_500, 0xbeef, |piece| sent.push(piece.to_vec()));
            let [frame] = &sent[..] else { panic!("{} pieces of one that fits", sent.len()) };
            assert_eq!(parse(frame).map(|packet| packet.ip.identification), Ok(expected));
            assert_eq!(frame[20..], *payload);
        }
    }
}

#[test]
fn other_protocols_are_named() {
    for protocol in (0..=255u8).filter(|protocol| ![1, 6, 17].contains(protocol)) {
        let mut frame = foreign_tcp(b"");
        frame[9] = protocol;
        reseal_ip(&mut frame);
        assert_eq!(parse(&frame).map(|packet| packet.body), Ok(Body::Other(protocol)));
    }
}

#[test]
fn who_can_be_a_host() {
    let rows = [
        ("0.0.0.0", false),
        ("0.1.2.3", false),
        ("1.0.0.0", true),
        ("10.0.0.1", true),
        ("126.255.255.255", true),
        ("127.0.0.0", false),
        ("127.255.255.255", false),
        ("128.0.0.0", true),
        ("192.0.2.1", true),
        ("223.255.255.255", true),
        ("224.0.0.0", false),
        ("239.255.255.255", false),
        ("240.0.0.0", false),
        ("255.255.255.255", false),
        ("::", false),
        ("::1", false),
        ("2001:db8::1", true),
        ("ff02::1", false),
        ("::ffff:192.0.2.1", true),
        ("::ffff:127.0.0.1", false),
    ];
    for (address, expected) in rows {
        let address: IpAddr = address.parse().expect("an address");
        assert_eq!(is_host(address), expected, "{address}");
    }
}

#[test]
fn every_malformed_has_its_place() {
    for (place, why) in Malformed::ALL.into_iter().enumerate() {
        assert_eq!(why as usize, place);
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(mut frame in prop::collection::vec(any::<u8>(), 0..120), vouched: bool) {
        let _ = Packet::parse(&frame, vouched);
        // Again with what random bytes hardly ever get right.
        if frame.len() >= 60 {
            frame[0] = 0x45;
            frame[2..4].copy_from_slice(&[0, 60]);
            frame[6] &= 0x40;
            frame[9] = [1, 6, 17][usize::from(frame[9]) % 3];
            reseal_ip(&mut frame);
            let _ = Packet::parse(&frame, true);
        }
    }

    #[test]
    fn a_changed_byte_never_panics(at in 0usize..60, to in any::<u8>()) {
        let mut frame = emitted(&Segment { payload: &[1; 20], ..Segment::default() });
        frame[at] = to;
        let _ = Packet::parse(&frame, true);
        reseal_ip(&mut frame);
        let _ = Packet::parse(&frame, true);
    }
}
