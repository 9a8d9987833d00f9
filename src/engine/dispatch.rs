//! What does a frame want? From the device to the connection that it is for.

use std::sync::Arc;

use super::demux::Owner;
use super::frames::{FEW, Frames};
use super::inbox::Inbox;
use super::listener::Shared;
use super::{Baton, Engine};
use crate::device::Received;
use crate::icmp;
use crate::tcp::{Reset, Signals};
use crate::time::Instant;
use crate::trace::{self, Dropped};
use crate::wire::icmp::Message;
use crate::wire::{Body, Flags, Flow, IpFields, NO_NEXT_HEADER, Packet, Segment, emit_tcp};

/// The segment in a packet of this connection.
fn segment_of<'a, 'b>(packet: &'a Packet<'b>, flow: &Flow) -> Option<&'a Segment<'b>> {
    match &packet.body {
        Body::Tcp(of, segment) if of == flow => Some(segment),
        _ => None,
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

    /// Reads all of them first: nobody's lock is held meanwhile.
    fn take_few(&self, now: Instant, frames: &Frames, baton: &mut Baton) {
        let mut packets: [_; FEW] = std::array::from_fn(|_| None);
        for (packet, (frame, received)) in packets.iter_mut().zip(frames.iter()) {
            self.admit(frame, received, packet, &mut baton.told);
        }
        let read = packets.iter().zip(frames.iter());
        let mut read = read.filter_map(|(packet, (frame, _))| Some((packet.as_ref()?, frame)));
        let mut next = read.next();
        while let Some((packet, frame)) = next {
            next = read.next();
            let Body::Tcp(flow, segment) = &packet.body else {
                self.take_other(now, packet, frame, baton);
                continue;
            };
            let following = || {
                let segment = segment_of(next?.0, flow);
                if segment.is_some() {
                    next = read.next();
                }
                segment
            };
            self.take_segments(now, *flow, segment, following, baton);
        }
    }

    /// Puts a packet that may concern us into `place`, which is empty: it is large, and moved once.
    fn admit<'a>(
        &self,
        frame: &'a [u8],
        received: Received,
        place: &mut Option<Packet<'a>>,
        told: &mut Vec<Arc<Inbox>>,
    ) {
        let packet = match Packet::parse(frame, received.vouched) {
            Ok(packet) => place.insert(packet),
            Err(malformed) => {
                self.counters.count_malformed(malformed);
                return trace::malformed(frame, malformed);
            }
        };
        if let Some(why) = self.refuse(packet) {
            self.drop_packet(packet, why);
            *place = None;
            return;
        }
        self.copy_to_raw(packet, frame, told);
        if let Body::Tcp(flow, segment) = &mut packet.body {
            trace::received(flow, segment);
            segment.wire_segments = wire_segments(segment.payload.len(), received);
        }
    }

    /// RFC 1122 3.2.1.3, RFC 9293 3.9.2.3: who may speak to us, and to whom.
    fn refuse(&self, packet: &Packet<'_>) -> Option<Dropped> {
        let from = packet.source;
        let to_others = !self.is_ours(packet.destination);
        if to_others && !self.is_for_anybody(packet) && !self.is_for_udp(packet) {
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

    /// Whether a packet to an address that is not ours may concern us: there are connections at such, or
    /// may be soon (`ListenOptions::transparent`).
    fn is_for_anybody(&self, packet: &Packet<'_>) -> bool {
        let to = packet.destination;
        (self.listeners.expect_foreign() || self.demux.has_foreign())
            && matches!(
                packet.body,
                Body::Tcp(..) | Body::Fragment(_) | Body::Icmp(Message::Error(..))
            )
            && self.may_stand_for(to)
    }

    /// The listener that gets a SYN of this flow.
    pub(super) fn listener_for(&self, flow: &Flow) -> Option<Arc<Shared>> {
        self.listeners.find(flow, self.is_ours(flow.local.ip()))
    }

    pub(super) fn drop_packet(&self, packet: &Packet<'_>, why: Dropped) {
        self.counters.count_drop(why);
        trace::dropped(packet, why);
    }

    /// A packet that carries no TCP segment, or not the whole of one.
    fn take_other(&self, now: Instant, packet: &Packet<'_>, frame: &[u8], baton: &mut Baton) {
        match &packet.body {
            Body::Tcp(flow, segment) => self.take_segments(now, *flow, segment, || None, baton),
            Body::Icmp(message) => self.take_icmp(now, packet, message, baton),
            Body::Udp(flow, payload) => {
                self.take_datagram(now, packet, (flow, payload), frame, baton);
            }
            Body::Other(protocol) if self.has_raw(packet.destination, *protocol) => {}
            // RFC 8200 4.7: there is nothing that one might not know.
            Body::Other(NO_NEXT_HEADER) => self.drop_packet(packet, Dropped::UnknownProtocol),
            Body::Other(_) => {
                self.drop_packet(packet, Dropped::UnknownProtocol);
                self.unreachable(now, packet, icmp::PROTOCOL_UNREACHABLE, frame, baton);
            }
            Body::Problem(problem) => {
                self.drop_packet(packet, Dropped::UnknownExtension);
                self.tell_problem(now, packet, *problem, frame, baton);
            }
            Body::Fragment(_) => self.take_fragment(now, packet, baton),
        }
    }

    fn take_fragment(&self, now: Instant, packet: &Packet<'_>, baton: &mut Baton) {
        let whole = baton.fragments.insert(now, packet, |why| self.counters.count_drop(why));
        let Some(whole) = whole else { return };
        let received = Received::plain(whole.len());
        let mut packet = None;
        self.admit(&whole, received, &mut packet, &mut baton.told);
        match packet {
            // A fragment of a fragment, which IPv6 can express: this goes one step down and no further.
            Some(packet) if matches!(packet.body, Body::Fragment(_)) => {
                self.drop_packet(&packet, Dropped::UnknownExtension);
            }
            Some(packet) => self.take_other(now, &packet, &whole, baton),
            None => {}
        }
    }

    /// A segment, and those for the same connection that `next` gives as long as nothing special
    /// happens.
    fn take_segments<'a, 'b>(
        &self,
        now: Instant,
        flow: Flow,
        mut segment: &'a Segment<'b>,
        next: impl FnMut() -> Option<&'a Segment<'b>>,
        baton: &mut Baton,
    ) {
        if self.config.drop_syn_fin && segment.flags.contains(Flags::SYN | Flags::FIN) {
            return self.counters.count_drop(Dropped::SynFin);
        }
        let owner = self.demux.find(&flow);
        if let Some(Owner::Remains(remains)) = &owner
            && !self.feed_remains(now, remains, &flow, segment, baton.queue)
        {
            return;
        }
        if let Some(Owner::Slot(slot)) = owner {
            slot.set_queue(baton.queue);
            let fed = self.feed(now, &slot, &mut segment, next);
            baton.pressed |= fed.signals.contains(Signals::PRESSING);
            if fed.newly_noted {
                baton.owed.push(Arc::clone(&slot));
            }
            if !fed.signals.contains(Signals::REUSE) {
                return;
            }
            if self.listener_for(&flow).is_none() {
                return slot.lock().connection.refuse_reuse(now);
            }
            // A TIME-WAIT gives way to a new connection (RFC 6191).
            self.demux.remove(&slot);
            self.abort(now, &slot);
        }
        self.take_stray(now, flow, segment, baton);
    }

    /// A segment of no connection: for a listener, or for nobody (RFC 9293 3.10.7.1, 3.10.7.2).
    fn take_stray(&self, now: Instant, flow: Flow, segment: &Segment<'_>, baton: &mut Baton) {
        let opens = segment.flags.contains(Flags::SYN)
            && segment.ack.is_none()
            && !segment.flags.contains(Flags::RST);
        let listener = self.listener_for(&flow);
        let concerns_us = listener.is_some() || self.is_ours(flow.local.ip());
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
            self.take_syn(now, flow, segment, &listener, baton);
            return;
        }
        if !concerns_us {
            return self.counters.count_drop(Dropped::NotOurs);
        }
        self.counters.count_drop(Dropped::NoConnection);
        if let Some(reset) = Reset::answering(segment) {
            self.send_reset(now, baton.queue, &flow, &reset);
        }
    }

    fn send_reset(&self, now: Instant, queue: u8, flow: &Flow, reset: &Reset) {
        let ip = IpFields { ttl: self.tcp.ttl, dscp: self.tcp.dscp, ..IpFields::default() };
        let mut frame = self.take_frame_buffer();
        emit_tcp(&mut frame, flow, &ip, &reset.segment(), 0, |_| {});
        self.send(now, queue, &frame);
        self.give_frame_buffer(frame);
    }
}
