//! What does a frame want? From the device to the connection that it is for.

use std::sync::Arc;

use super::frames::{FEW, Frames};
use super::slot::Slot;
use super::{Baton, Engine};
use crate::device::Received;
use crate::icmp;
use crate::tcp::{Connection, Reset, Signals};
use crate::time::Instant;
use crate::trace::{self, Dropped};
use crate::wire::{Body, Flags, Flow, IpFields, Packet, Segment, emit_tcp};

/// A packet that may concern us, and the frame that it came in.
struct Admitted<'a> {
    frame: &'a [u8],
    packet: Packet<'a>,
}

impl<'a> Admitted<'a> {
    fn is_for(&self, flow: &Flow) -> bool {
        matches!(&self.packet.body, Body::Tcp(of, _) if of == flow)
    }

    fn segment(self) -> Option<Segment<'a>> {
        if let Body::Tcp(_, segment) = self.packet.body { Some(segment) } else { None }
    }
}

/// Segments of the wire that a frame with so much text stands for.
fn wire_segments(text: usize, received: Received) -> u16 {
    let each = received.segment.map_or(usize::MAX, |segment| segment.get().into());
    u16::try_from(text.div_ceil(each).max(1)).unwrap_or(u16::MAX)
}

impl Engine {
    /// The frames that the device has just given.
    pub(super) fn take_frames(&self, now: Instant, baton: &mut Baton) {
        let frames = std::mem::take(&mut baton.frames);
        self.take_few(now, &frames, baton);
        baton.frames = frames;
    }

    fn take_few(&self, now: Instant, frames: &Frames, baton: &mut Baton) {
        let mut frame = frames.iter();
        let few: [_; FEW] =
            std::array::from_fn(|_| frame.next().and_then(|frame| self.admit(frame)));
        let mut admitted = few.into_iter().flatten().peekable();
        while let Some(one) = admitted.next() {
            let Body::Tcp(flow, segment) = one.packet.body else {
                self.take_other(now, one, baton);
                continue;
            };
            let next = || admitted.next_if(|next| next.is_for(&flow)).and_then(Admitted::segment);
            self.take_segments(now, flow, segment, next, baton);
        }
    }

    /// A packet that may concern us.
    fn admit<'a>(&self, (frame, received): (&'a [u8], Received)) -> Option<Admitted<'a>> {
        let mut packet = self.parse(frame, received.vouched)?;
        if let Body::Tcp(flow, segment) = &mut packet.body {
            trace::received(flow, segment);
            segment.wire_segments = wire_segments(segment.payload.len(), received);
        }
        Some(Admitted { frame, packet })
    }

    fn parse<'a>(&self, frame: &'a [u8], vouched: bool) -> Option<Packet<'a>> {
        let packet = Packet::parse(frame, vouched)
            .inspect_err(|&malformed| {
                self.counters.count_malformed(malformed);
                trace::malformed(frame, malformed);
            })
            .ok()?;
        match self.refuse(&packet) {
            None => Some(packet),
            Some(why) => {
                self.drop_packet(&packet, why);
                None
            }
        }
    }

    /// RFC 1122 3.2.1.3, RFC 9293 3.9.2.3: who may speak to us, and to whom.
    fn refuse(&self, packet: &Packet<'_>) -> Option<Dropped> {
        let from = packet.source;
        if !self.is_ours(packet.destination) {
            return Some(Dropped::NotOurs);
        }
        if from.is_multicast() {
            return Some(Dropped::FromMulticast);
        }
        if self.is_broadcast(from) {
            return Some(Dropped::FromBroadcast);
        }
        if from.is_loopback() {
            return Some(Dropped::FromLoopback);
        }
        if self.is_ours(from) {
            return Some(Dropped::FromOurselves);
        }
        (!crate::wire::ip::is_host(from)).then_some(Dropped::FromNowhere)
    }

    pub(super) fn drop_packet(&self, packet: &Packet<'_>, why: Dropped) {
        self.counters.count_drop(why);
        trace::dropped(packet, why);
    }

    /// A packet that carries no TCP segment, or not the whole of one.
    fn take_other(&self, now: Instant, one: Admitted<'_>, baton: &mut Baton) {
        let Admitted { frame, packet } = one;
        match packet.body {
            Body::Tcp(flow, segment) => self.take_segments(now, flow, segment, || None, baton),
            Body::Icmp(message) => self.take_icmp(now, &packet, message, baton),
            Body::Udp(..) => {
                self.drop_packet(&packet, Dropped::NoUdpPort);
                self.unreachable(now, &packet, icmp::PORT_UNREACHABLE, frame, baton);
            }
            Body::Other(_) => {
                self.drop_packet(&packet, Dropped::UnknownProtocol);
                self.unreachable(now, &packet, icmp::PROTOCOL_UNREACHABLE, frame, baton);
            }
            Body::Fragment(_) => self.take_fragment(now, &packet, baton),
        }
    }

    fn take_fragment(&self, now: Instant, packet: &Packet<'_>, baton: &mut Baton) {
        let whole = baton.fragments.insert(now, packet, |why| self.counters.count_drop(why));
        let Some(whole) = whole else { return };
        let received = Received::plain(whole.len());
        // A reassembled datagram is no fragment: this goes one step down and no further.
        if let Some(one) = self.admit((&whole, received)) {
            self.take_other(now, one, baton);
        }
    }

    /// A segment, and those for the same connection that `next` gives as long as nothing special
    /// happens.
    fn take_segments<'a>(
        &self,
        now: Instant,
        flow: Flow,
        mut segment: Segment<'a>,
        next: impl FnMut() -> Option<Segment<'a>>,
        baton: &mut Baton,
    ) {
        if self.config.drop_syn_fin && segment.flags.contains(Flags::SYN | Flags::FIN) {
            return self.counters.count_drop(Dropped::SynFin);
        }
        if let Some(slot) = self.demux.find(&flow) {
            let fed = self.feed(now, &slot, &mut segment, next);
            baton.pressed |= fed.signals.contains(Signals::PRESSING);
            if fed.newly_noted {
                baton.owed.push(Arc::clone(&slot));
            }
            if !fed.signals.contains(Signals::REUSE) {
                return;
            }
            if self.demux.listener(flow.local).is_none() {
                return slot.lock().connection.refuse_reuse(now);
            }
            // A TIME-WAIT gives way to a new connection (RFC 6191).
            self.demux.remove(&slot);
            self.abort(now, &slot);
        }
        self.take_stray(now, flow, &segment, baton);
    }

    /// A segment of no connection: for a listener, or for nobody (RFC 9293 3.10.7.1, 3.10.7.2).
    fn take_stray(&self, now: Instant, flow: Flow, segment: &Segment<'_>, baton: &mut Baton) {
        let opens = segment.flags.contains(Flags::SYN)
            && segment.ack.is_none()
            && !segment.flags.contains(Flags::RST);
        let listener = self.demux.listener(flow.local);
        if let Some(listener) = listener
            && (opens || segment.ack.is_none())
        {
            if !opens {
                // LISTEN: a RST is ignored, and what is neither SYN, ACK nor RST is dropped.
                return self.counters.count_drop(Dropped::NoConnection);
            }
            if flow.remote.port() == 0 || !listener.keep_place() {
                return self.counters.count_drop(Dropped::BacklogFull);
            }
            let connection =
                Connection::passive(now, self.birth(now, flow, &listener.config()), segment);
            let slot = Arc::new(Slot::new(flow, connection, Some(&listener)));
            match self.demux.insert_new(flow, || slot) {
                Some(slot) => baton.owed.push(slot),
                // Somebody here has begun to open the same connection meanwhile.
                None => listener.given_up(),
            }
            return;
        }
        self.counters.count_drop(Dropped::NoConnection);
        if let Some(reset) = Reset::answering(segment) {
            self.send_reset(now, &flow, &reset);
        }
    }

    fn send_reset(&self, now: Instant, flow: &Flow, reset: &Reset) {
        let ip = IpFields { ttl: self.tcp.ttl, dscp: self.tcp.dscp, ..IpFields::default() };
        let mut frame = self.take_frame_buffer();
        emit_tcp(&mut frame, flow, &ip, &reset.segment(), 0, |_| {});
        self.send(now, &frame);
        self.give_frame_buffer(frame);
    }
}
