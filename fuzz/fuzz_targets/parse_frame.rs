//! Any frame is read or refused; a segment that was read is written and read as the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tuntcp::wire::checksum::Sum;
use tuntcp::wire::{Body, Flow, Packet, emit_tcp};

fuzz_target!(|frame: &[u8]| {
    let _ = Packet::parse(frame, false);
    check(frame);
    // Almost no random header has a right checksum.
    let mut sealed = frame.to_vec();
    seal(&mut sealed);
    check(&sealed);
    seal_v6(&mut sealed);
    check(&sealed);
});

/// Reads `frame` as if the device had vouched for the transport's checksum.
fn check(frame: &[u8]) {
    let Ok(packet) = Packet::parse(frame, true) else { return };
    let Body::Tcp(flow, segment) = packet.body else { return };
    // IP options and extension headers are not written again, so what was read always fits.
    let back = Flow { local: flow.remote, remote: flow.local };
    let mut written = Vec::new();
    emit_tcp(&mut written, &back, &packet.ip, &segment, segment.payload.len(), |frame| {
        frame.extend_from_slice(segment.payload);
    });
    let again = Packet::parse(&written, false).expect("what we write is right");
    // RFC 1122 3.2.1.7: a TTL of 0 is never sent.
    let mut ip = packet.ip;
    ip.ttl = ip.ttl.max(1);
    assert_eq!(again.ip, ip);
    let Body::Tcp(flow_again, mut segment_again) = again.body else { panic!("not a segment") };
    assert_eq!(flow_again, flow);
    // Blocks that no longer fit, since we align every option.
    let mut segment = segment;
    let kept = segment_again.options.sack.as_slice().len();
    assert!(kept <= segment.options.sack.as_slice().len());
    segment.options.sack.truncate(kept);
    segment_again.wire_segments = segment.wire_segments;
    assert_eq!(segment_again, segment);
}

/// Makes version, total length and header checksum right.
fn seal(frame: &mut [u8]) {
    let Some(first) = frame.first_mut() else { return };
    *first = 0x40 | (*first & 0x0f).max(5);
    let header_len = usize::from(*first & 0x0f) * 4;
    let Ok(total) = u16::try_from(frame.len()) else { return };
    let Some(header) = frame.get_mut(..header_len) else { return };
    header[2..4].copy_from_slice(&total.to_be_bytes());
    header[10..12].fill(0);
    let checksum = Sum::new().plus(header).finish();
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
}

/// Makes version and payload length those of IPv6, and an extension header or TCP the next one.
fn seal_v6(frame: &mut [u8]) {
    let Some(payload) = frame.len().checked_sub(40) else { return };
    let Ok(payload) = u16::try_from(payload) else { return };
    frame[0] = 0x60 | (frame[0] & 0x0f);
    frame[4..6].copy_from_slice(&payload.to_be_bytes());
    frame[6] = [0, 43, 44, 60, 6, 6, 17, 58][usize::from(frame[6] & 7)];
}
