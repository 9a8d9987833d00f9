//! Frames that are no packets: cut off, too long, random, with header fields at their extremes and
//! options of any length.

use fastrand::Rng;
use tuntcp::tcp::State;

use crate::craft::{ACK, Craft, RST, mend, mend_ip, mend_tcp};
use crate::lab::{Lab, Patient};

/// An open connection, and a segment of its peer that would be accepted.
fn ready() -> (Lab, Patient, Craft) {
    let mut lab = Lab::new();
    let patient = lab.reach(Some(State::Established));
    let segment = lab.in_order(&patient);
    (lab, patient, segment)
}

/// The connection is as it was, and everything works.
fn unharmed(mut lab: Lab, patient: &Patient) {
    let socket = patient.socket.as_ref().expect("open");
    assert_eq!(socket.info(lab.now()).state, State::Established, "{}", lab.net.log());
    assert_eq!(socket.read(lab.now(), &mut [0; 10], false), Ok(None));
    lab.still_works();
}

/// Injects `frame`, which must be counted under `reason` and nothing else; `""` accepts it.
fn refused(lab: &mut Lab, frame: &[u8], reason: &str, what: &str) {
    let (before, frames) = (lab.tally(), lab.frames_in());
    lab.inject(frame);
    let counted = lab.tally().since(&before);
    assert_eq!(lab.frames_in(), frames + 1, "{what}");
    if reason.is_empty() {
        assert_eq!(counted.total(), 0, "{what}: {counted:?}\n{}", lab.net.log());
    } else {
        assert_eq!(counted.0, vec![(reason.to_string(), 1)], "{what}\n{}", lab.net.log());
    }
}

#[test]
fn truncated_frames() {
    let (mut lab, patient, segment) = ready();
    let whole = Craft { options: vec![1; 12], payload: vec![7; 30], ..segment }.frame();
    for len in 1..whole.len() {
        refused(&mut lab, &whole[..len], "Truncated", &format!("cut to {len}"));
    }
    unharmed(lab, &patient);
}

/// Cut off, but the IP header admits it: the checksum of the rest is wrong, or there is no room
/// for a TCP header.
#[test]
fn shortened_packets() {
    let (mut lab, patient, segment) = ready();
    let whole = Craft { options: vec![1; 12], payload: vec![7; 30], ..segment }.frame();
    for len in 0..whole.len() {
        let mut frame = whole[..len.max(20)].to_vec();
        frame[2..4].copy_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
        mend_ip(&mut frame);
        let reason = match len {
            0..20 => "BadIpHeader",
            20..40 => "Truncated",
            // The data offset says 52, but who says that it is right?
            _ => "BadTcpChecksum",
        };
        refused(&mut lab, &frame, reason, &format!("length {len}"));
    }
    unharmed(lab, &patient);
}

/// Bytes behind the packet are padding.
#[test]
fn overlong_frames() {
    let (mut lab, patient, segment) = ready();
    for surplus in [1, 2, 6, 100, 1400] {
        let mut frame = segment.frame();
        frame.resize(frame.len() + surplus, 0xff);
        refused(&mut lab, &frame, "", &format!("{surplus} bytes more"));
    }
    unharmed(lab, &patient);
}

#[test]
fn random_frames() {
    let (mut lab, patient, _) = ready();
    let mut rng = Rng::with_seed(1);
    let before = lab.tally();
    for _ in 0..20_000 {
        let frame: Vec<u8> = (0..rng.usize(1..1500)).map(|_| rng.u8(..)).collect();
        lab.inject(&frame);
    }
    assert_eq!(lab.tally().since(&before).total(), 20_000, "each is counted once");
    assert_eq!(lab.hear().len(), 0, "and none answered");
    unharmed(lab, &patient);
}

/// Good frames with a few bytes changed: the checksums find it, unless they were mended.
#[test]
fn changed_frames() {
    let (mut lab, patient, segment) = ready();
    let mut rng = Rng::with_seed(2);
    let options = vec![8, 10, 0, 0, 0, 1, 0, 0, 0, 1, 4, 2];
    let whole = Craft { options, payload: vec![7; 30], ..segment }.frame();
    for round in 0..50_000 {
        let mut frame = whole.clone();
        // Two changes may hide each other from the checksum; one cannot.
        for _ in 0..if round % 2 == 0 { 1 } else { rng.usize(1..4) } {
            let at = rng.usize(..frame.len());
            frame[at] ^= 1 << rng.u8(..8);
        }
        if frame == whole {
            continue;
        }
        let before = lab.tally();
        if round % 2 == 0 {
            lab.inject(&frame);
            let counted = lab.tally().since(&before);
            assert_eq!(counted.total(), 1, "{frame:02x?}: {counted:?}");
            continue;
        }
        mend(&mut frame);
        let header = usize::from(frame[0] & 0xf) * 4;
        let resets = frame.get(header + 13).is_some_and(|flags| flags & RST != 0);
        if !resets {
            lab.inject(&frame);
            assert!(lab.tally().since(&before).total() <= 1, "{frame:02x?}");
        }
    }
    let state = patient.socket.as_ref().unwrap().info(lab.now()).state;
    assert!(matches!(state, State::Established | State::CloseWait), "{state:?}");
    lab.still_works();
}

/// A change of one frame: where, to what, under which name it is counted. The checksums are right
/// again afterwards.
type Change<'a> = (usize, &'a [u8], &'a str);

/// Proves: RFC6864-4.1-a, RFC1122-3.2.1.7-b.
#[test]
fn ip_header_fields_at_their_extremes() {
    let (mut lab, patient, segment) = ready();
    let whole = segment.frame();
    let changes: &[Change<'_>] = &[
        (0, &[0x05], "BadVersion"),
        (0, &[0x55], "BadVersion"),
        (0, &[0xf5], "BadVersion"),
        (0, &[0x40], "BadIpHeader"),
        (0, &[0x44], "BadIpHeader"),
        (1, &[0xff], ""),
        (2, &[0, 0], "BadIpHeader"),
        (2, &[0, 19], "BadIpHeader"),
        (2, &[0xff, 0xff], "Truncated"),
        (2, &[0, 41], "Truncated"),
        (4, &[0xff, 0xff], ""),
        // The reserved bit means nothing.
        (6, &[0x80, 0], ""),
        // The last fragment of a datagram would run past 65,535.
        (6, &[0x1f, 0xff], "BadFragment"),
        // A middle fragment that is no multiple of eight.
        (6, &[0x20, 0], "BadFragment"),
        (8, &[0], ""),
        (8, &[0xff], ""),
        (9, &[0], "UnknownProtocol"),
        (9, &[0xff], "UnknownProtocol"),
        (12, &[224, 0, 0, 1], "FromMulticast"),
        (12, &[239, 255, 255, 255], "FromMulticast"),
        (12, &[255, 255, 255, 255], "FromBroadcast"),
        (12, &[10, 0, 0, 255], "FromBroadcast"),
        (12, &[127, 0, 0, 1], "FromLoopback"),
        (12, &[10, 0, 0, 1], "FromOurselves"),
        (12, &[0, 0, 0, 0], "FromNowhere"),
        (12, &[240, 0, 0, 1], "FromNowhere"),
        (16, &[10, 0, 0, 2], "NotOurs"),
        (16, &[10, 0, 0, 255], "NotOurs"),
        (16, &[255, 255, 255, 255], "NotOurs"),
        (16, &[224, 0, 0, 1], "NotOurs"),
        (16, &[127, 0, 0, 1], "NotOurs"),
        (16, &[0, 0, 0, 0], "NotOurs"),
    ];
    for &(at, bytes, reason) in changes {
        let mut frame = whole.clone();
        frame[at..at + bytes.len()].copy_from_slice(bytes);
        mend(&mut frame);
        refused(&mut lab, &frame, reason, &format!("byte {at} is {bytes:?}"));
    }
    let mut frame = whole.clone();
    frame[10] ^= 0xff;
    refused(&mut lab, &frame, "BadIpChecksum", "the IP checksum");
    unharmed(lab, &patient);
}

#[test]
fn tcp_header_fields_at_their_extremes() {
    let (mut lab, patient, segment) = ready();
    let whole = segment.frame();
    let changes: &[Change<'_>] = &[
        (20, &[0, 0], "NoConnection"),
        (20, &[0xff, 0xff], "NoConnection"),
        (22, &[0, 0], "NoConnection"),
        (22, &[0xff, 0xff], "NoConnection"),
        (24, &[0, 0, 0x7f, 0], "OutsideWindow"),
        (24, &[0x7f, 0xff, 0xff, 0xff], "OutsideWindow"),
        (32, &[0x00], "BadDataOffset"),
        (32, &[0x40], "BadDataOffset"),
        (32, &[0x60], "BadDataOffset"),
        (32, &[0xf0], "BadDataOffset"),
        // The reserved bits mean nothing.
        (32, &[0x5f], ""),
        (33, &[0], "MissingAck"),
        (34, &[0, 0], ""),
        (34, &[0xff, 0xff], ""),
        (38, &[0xff, 0xff], ""),
    ];
    for &(at, bytes, reason) in changes {
        let mut frame = whole.clone();
        frame[at..at + bytes.len()].copy_from_slice(bytes);
        mend(&mut frame);
        refused(&mut lab, &frame, reason, &format!("byte {at} is {bytes:?}"));
    }
    for ack in [segment.ack.wrapping_add(501), segment.ack.wrapping_add(u32::MAX / 2)] {
        let frame = Craft { ack, ..segment.clone() }.frame();
        refused(&mut lab, &frame, "FutureAck", &format!("ACK {ack}"));
    }
    for back in [100_000, u32::MAX / 2 - 1000] {
        let frame = Craft { ack: segment.ack.wrapping_sub(back), ..segment.clone() }.frame();
        refused(&mut lab, &frame, "AncientAck", &format!("ACK {back} back"));
    }
    let mut frame = whole.clone();
    frame[36] ^= 0xff;
    refused(&mut lab, &frame, "BadTcpChecksum", "the TCP checksum");
    unharmed(lab, &patient);
}

/// Proves: MUST-5, MUST-7.
#[test]
fn options_of_every_length() {
    let (mut lab, patient, segment) = ready();
    // What stands in the option area, and whether it makes sense.
    let areas: &[(&[u8], &str)] = &[
        (&[1; 40], ""),
        (&[0; 40], ""),
        // Behind the end of the list anything may stand.
        (&[0, 2, 0, 0], ""),
        // A kind without a length at the very end.
        (&[1, 1, 1, 2], "BadOption"),
        (&[1, 1, 1, 8], "BadOption"),
        (&[1, 1, 1, 99], "BadOption"),
        // Lengths of 0 and 1, for every kind we know and one that we do not.
        (&[2, 0, 1, 1], "BadOption"),
        (&[2, 1, 1, 1], "BadOption"),
        (&[3, 0, 1, 1], "BadOption"),
        (&[4, 1, 1, 1], "BadOption"),
        (&[5, 0, 1, 1], "BadOption"),
        (&[8, 1, 1, 1], "BadOption"),
        (&[99, 0, 1, 1], "BadOption"),
        (&[99, 1, 1, 1], "BadOption"),
        // Past the header.
        (&[2, 5, 1, 1], "BadOption"),
        (&[99, 5, 1, 1], "BadOption"),
        (&[99, 255, 1, 1], "BadOption"),
        (&[5, 10, 0, 0], "BadOption"),
        (&[8, 10, 0, 0, 0, 0, 0, 0], "BadOption"),
        // Wrong for the kind.
        (&[2, 3, 0, 1], "BadOption"),
        (&[3, 4, 0, 0], "BadOption"),
        (&[4, 3, 0, 1], "BadOption"),
        (&[5, 9, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1], "BadOption"),
        (&[8, 9, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1], "BadOption"),
        // Unknown kinds are skipped by their length.
        (&[99, 4, 7, 7], ""),
        (&[253, 2, 254, 2], ""),
        (
            &[
                99, 40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            ],
            "",
        ),
        // Known ones at values that nobody sends.
        (&[3, 3, 255, 1], ""),
        (&[2, 4, 0, 0], ""),
        (&[2, 4, 255, 255], ""),
        (&[1, 1, 8, 10, 255, 255, 255, 255, 255, 255, 255, 255], ""),
        // SACK blocks upside down, and of nothing that was sent.
        (&[1, 1, 5, 10, 255, 255, 255, 255, 0, 0, 0, 0], ""),
    ];
    for (area, reason) in areas {
        let frame = Craft { options: area.to_vec(), ..segment.clone() }.frame();
        refused(&mut lab, &frame, reason, &format!("options {area:?}"));
    }
    unharmed(lab, &patient);
}

/// The options of a SYN at their extremes lead to a connection that works.
#[test]
fn a_syn_with_absurd_options() {
    let mut lab = Lab::new();
    let areas: &[&[u8]] = &[
        &[2, 4, 0, 0],
        &[2, 4, 0, 1],
        &[2, 4, 255, 255],
        &[3, 3, 255, 1],
        &[3, 3, 14, 1],
        &[2, 4, 0, 1, 2, 4, 0, 2, 2, 4, 0, 3],
        &[99, 2, 98, 2],
    ];
    for area in areas {
        let port = lab.fresh_port();
        let syn = Craft { flags: crate::craft::SYN, options: area.to_vec(), ..lab.craft(port) };
        lab.hear();
        lab.inject(&syn.frame());
        let answer = lab.hear().pop().expect("a SYN-ACK");
        let ack = Craft {
            flags: ACK,
            options: Vec::new(),
            seq: 1,
            ack: answer.seq.wrapping_add(1),
            ..syn.clone()
        };
        lab.inject(&ack.frame());
        let socket = lab.listener.accept().unwrap().expect("open");
        assert_eq!(socket.write(lab.now(), &[1; 300]), Ok(Some(300)), "{area:?}");
        lab.settle();
        let sent: usize = lab.hear().iter().map(|segment| segment.len).sum();
        assert!(sent > 0, "{area:?}");
        socket.abort(lab.now());
    }
    lab.still_works();
}

/// The checksum of the segment is wrong in each single bit.
#[test]
fn every_flipped_bit_is_found() {
    let (mut lab, patient, segment) = ready();
    let whole = Craft { payload: b"text".to_vec(), ..segment }.frame();
    let before = lab.tally();
    for bit in 160..whole.len() * 8 {
        let mut frame = whole.clone();
        frame[bit / 8] ^= 0x80 >> (bit % 8);
        lab.inject(&frame);
    }
    let counted = lab.tally().since(&before);
    assert_eq!(counted.total(), (whole.len() as u64 - 20) * 8, "{counted:?}");
    mend_tcp(&mut whole.clone());
    unharmed(lab, &patient);
}
