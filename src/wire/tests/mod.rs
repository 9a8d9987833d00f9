//! Rows for the wire, one file a subject, and the packets they share.

mod checksum;
mod icmp;
mod ip;
mod ipv6;
mod notation;
mod options;
mod tcp;
mod udp;

use std::net::SocketAddr;

use etherparse::PacketBuilder;
use proptest::prelude::*;

use super::{
    Cookie, Flags, Flow, IpFields, Options, RawWindow, SackBlocks, Segment, SeqNum, SeqRange,
};
use super::{EcnCodepoint, Timestamps, emit_tcp};

/// As the sender of a packet sees it.
fn flow() -> Flow {
    Flow {
        local: SocketAddr::from(([192, 0, 2, 1], 40_000)),
        remote: SocketAddr::from(([192, 0, 2, 2], 7)),
    }
}

/// The same connection, as the receiver of the packet sees it.
fn reversed(flow: &Flow) -> Flow {
    Flow { local: flow.remote, remote: flow.local }
}

fn emitted(segment: &Segment<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    emit_tcp(
        &mut frame,
        &flow(),
        &IpFields { ecn: segment.ecn, ..IpFields::default() },
        segment,
        segment.payload.len(),
        |frame| {
            frame.extend_from_slice(segment.payload);
        },
    );
    frame
}

/// A packet that etherparse made: what our own emitter cannot vouch for.
fn foreign_tcp(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
        .tcp(40_000, 7, 1_000, 512)
        .ack(2_000)
        .write(&mut frame, payload)
        .expect("writing into a Vec");
    frame
}

/// Makes the header checksum right again after a change.
fn reseal_ip(frame: &mut [u8]) {
    let len = usize::from(frame[0] & 0x0f) * 4;
    frame[10..12].fill(0);
    let checksum = checksum::naive(&frame[..len]);
    frame[10..12].copy_from_slice(&checksum.to_be_bytes());
}

/// Makes the TCP checksum right again after a change.
fn reseal_tcp(frame: &mut [u8]) {
    frame[36..38].fill(0);
    let mut summed = frame[12..20].to_vec();
    let len = u16::try_from(frame.len() - 20).expect("a short frame");
    summed.extend_from_slice(&[0, 6]);
    summed.extend_from_slice(&len.to_be_bytes());
    summed.extend_from_slice(&frame[20..]);
    frame[36..38].copy_from_slice(&checksum::naive(&summed).to_be_bytes());
}

prop_compose! {
    fn any_sack()(blocks in prop::collection::vec(any::<(u32, u32)>(), 0..=SackBlocks::MAX)) -> SackBlocks {
        let mut sack = SackBlocks::default();
        for (start, end) in blocks {
            sack.push(SeqRange { start: SeqNum::new(start), end: SeqNum::new(end) });
        }
        sack
    }
}

prop_compose! {
    fn any_options()(
        mss in any::<Option<u16>>(),
        window_scale in any::<Option<u8>>(),
        sack_permitted in any::<bool>(),
        sack in any_sack(),
        timestamps in any::<Option<(u32, u32)>>(),
        fast_open in any::<Option<[u8; 8]>>(),
        cookie_len in 0..=4usize,
    ) -> Options {
        let timestamps = timestamps.map(|(value, echo)| Timestamps { value, echo });
        // What there is room for beside four blocks and the rest.
        let fast_open = fast_open.filter(|_| sack.is_empty());
        let fast_open = fast_open.and_then(|bytes| Cookie::new(&bytes[..cookie_len * 2]));
        Options { mss, window_scale, sack_permitted, sack, timestamps, fast_open }
    }
}

prop_compose! {
    fn any_segment()(
        seq in any::<u32>(),
        ack in any::<Option<u32>>(),
        flags in any::<u8>(),
        window in any::<u16>(),
        urgent in any::<u16>(),
        options in any_options(),
        ecn in 0..4u8,
    ) -> Segment<'static> {
        Segment {
            seq: SeqNum::new(seq),
            ack: ack.map(SeqNum::new),
            flags: Flags::from_bits_truncate(flags),
            window: RawWindow(window),
            urgent,
            options,
            ecn: EcnCodepoint::from_bits(ecn),
            ..Segment::default()
        }
    }
}
