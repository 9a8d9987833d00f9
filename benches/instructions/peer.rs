//! The other end, by hand: it does nothing but what the path needs, and what it costs is not
//! counted.

use std::num::NonZeroU16;

use tuntcp::device::{Device, Memory, Offload};
use tuntcp::time::Instant;
use tuntcp::wire::{
    Body, Flags, Flow, IpFields, Options, Packet, RawWindow, Segment, SeqNum, Timestamps, emit_tcp,
};

use crate::path::FULL;

/// The window that it offers, shifted by [`SHIFT`]: 256 KiB are in flight at most.
const WINDOW: RawWindow = RawWindow(u16::MAX);
const SHIFT: u8 = 2;

/// One end of a connection. The device is lent to it, for one has many connections.
pub(crate) struct Peer {
    flow: Flow,
    /// What it sends next, and what it expects.
    seq: SeqNum,
    next: SeqNum,
    /// The latest timestamp that it has seen.
    echo: u32,
    /// The shift of the windows that it is offered, and the latest one, bytes.
    shift: u8,
    window: u32,
}

impl Peer {
    /// Opens a connection: its SYN is on its way.
    pub(crate) fn open(now: Instant, wire: &Memory, flow: Flow) -> Self {
        let (seq, next) = (SeqNum::new(1_000_000), SeqNum::new(0));
        let mut peer = Self { flow, seq, next, echo: 0, shift: 0, window: 0 };
        let options = Options {
            mss: Some(1460),
            window_scale: Some(SHIFT),
            sack_permitted: true,
            timestamps: Some(peer.timestamps(now)),
            ..Options::default()
        };
        let syn = Segment { seq, flags: Flags::SYN, window: WINDOW, options, ..Segment::default() };
        peer.transmit(now, wire, &syn, &[]);
        peer.seq += 1;
        peer
    }

    /// Sends one segment, or a super-segment.
    pub(crate) fn send(&mut self, now: Instant, wire: &Memory, flags: Flags, text: &[u8]) {
        let timestamps = Some(self.timestamps(now));
        let segment = Segment {
            seq: self.seq,
            ack: Some(self.next),
            flags,
            window: WINDOW,
            options: Options { timestamps, ..Options::default() },
            payload: text,
            ..Segment::default()
        };
        self.transmit(now, wire, &segment, text);
        self.seq = segment.end();
    }

    /// Takes what has arrived, `most` segments of text at most: how many those were.
    pub(crate) fn take(&mut self, now: Instant, wire: &Memory, most: usize) -> usize {
        let mut frame = [0; u16::MAX as usize];
        let mut taken = 0;
        while taken < most
            && let Some(received) = wire.receive(now, &mut frame).expect("memory does not fail")
        {
            let packet = Packet::parse(&frame[..received.len], true).expect("a whole packet");
            let Body::Tcp(_, segment) = packet.body else { panic!("it is not TCP: {packet:?}") };
            let begins = segment.flags.contains(Flags::SYN) || segment.seq == self.next;
            assert!(begins && !segment.flags.contains(Flags::RST), "unforeseen: {segment}");
            self.next = segment.end();
            // That of a SYN is not shifted (RFC 7323, 2.2).
            self.window = segment.window.scaled(self.shift);
            self.shift = segment.options.window_scale.unwrap_or(self.shift);
            self.echo = segment.options.timestamps.expect("timestamps were agreed").value;
            taken += segment.payload.len().div_ceil(FULL.into());
        }
        taken
    }

    /// Bytes that it may send, when all that it has sent is acknowledged.
    pub(crate) fn window(&self) -> usize {
        self.window as usize
    }

    fn timestamps(&self, now: Instant) -> Timestamps {
        let millis = u32::try_from(now.as_nanos() / 1_000_000).expect("the run is short");
        Timestamps { value: millis, echo: self.echo }
    }

    fn transmit(&self, now: Instant, wire: &Memory, segment: &Segment<'_>, text: &[u8]) {
        let mut frame = Vec::new();
        emit_tcp(&mut frame, &self.flow, &IpFields::default(), segment, text.len(), |frame| {
            frame.extend_from_slice(text);
        });
        let each = NonZeroU16::new(FULL).filter(|_| text.len() > usize::from(FULL));
        let offload = each.map_or(Offload::None, |segment| Offload::Tcp { segment });
        wire.transmit(now, &frame, offload).expect("there is room");
    }
}
