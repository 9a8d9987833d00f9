//! What does the network tell us, and we it? Echo, errors about our segments, errors about what
//! others send (RFC 792; RFC 1122, 3.2.2; RFC 4443; RFC 5927).

use std::net::IpAddr;

use super::demux::Owner;
use super::pinger::EchoReply;
use super::{Baton, Engine};
use crate::fragments::TimedOut;
use crate::icmp;
use crate::tcp::{Error, Limits, Trouble};
use crate::time::Instant;
use crate::trace::Dropped;
use crate::wire::icmp::{
    Echo, ErrorKind, Message, Quote, emit_echo, emit_problem, emit_time_exceeded, emit_unreachable,
};
use crate::wire::ip::unknown_transport;
use crate::wire::{PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP, Packet, Problem};

impl Engine {
    /// What a frame to `remote` may be.
    pub(super) fn limits_to(&self, now: Instant, remote: IpAddr) -> Limits {
        let path = self.paths.mtu(now, remote).unwrap_or(usize::MAX);
        self.limits.on_path(path)
    }

    pub(super) fn take_icmp(
        &self,
        now: Instant,
        packet: &Packet<'_>,
        message: &Message<'_>,
        baton: &mut Baton,
    ) {
        match message {
            Message::EchoRequest(echo) => self.answer_echo(now, packet, echo, baton.queue),
            Message::EchoReply(echo) => {
                let reply = EchoReply {
                    from: packet.source,
                    sequence: echo.sequence,
                    payload: echo.payload.to_vec(),
                    ttl: packet.ip.ttl,
                    at: now,
                };
                if !self.pingers.deliver(echo.identifier, reply) {
                    self.drop_stranger(packet);
                }
            }
            Message::Error(kind, quote) => self.take_icmp_error(now, packet, *kind, quote, baton),
            Message::Other(_) => self.drop_packet(packet, Dropped::IcmpIgnored),
        }
    }

    /// RFC 1122 3.2.2.6: the same identifier, sequence number and payload, from the address that
    /// was asked, however long it is.
    fn answer_echo(&self, now: Instant, packet: &Packet<'_>, echo: &Echo<'_>, queue: u8) {
        let mut frame = self.take_frame_buffer();
        emit_echo(&mut frame, packet.destination, packet.source, true, echo);
        self.send_datagram(now, queue, &frame);
        self.give_frame_buffer(frame);
    }

    /// An error about something that we are said to have sent (RFC 9293 3.9.2.2, MUST-54).
    fn take_icmp_error(
        &self,
        now: Instant,
        packet: &Packet<'_>,
        kind: ErrorKind,
        quote: &Quote,
        baton: &mut Baton,
    ) {
        let (is_v6, is_udp) = (quote.flow.remote.is_ipv6(), quote.protocol == PROTOCOL_UDP);
        if let ErrorKind::FragmentationNeeded(mtu) = kind
            && (is_udp || is_v6 && quote.protocol != PROTOCOL_TCP)
        {
            return self.take_datagram_too_big(now, packet, quote, mtu);
        }
        let trouble = trouble(kind, is_v6);
        if is_udp {
            let (Trouble::Hard(error) | Trouble::Soft(error)) = trouble;
            return self.take_datagram_error(packet, quote, error, baton);
        }
        let owner =
            (quote.protocol == PROTOCOL_TCP).then(|| self.demux.find(&quote.flow)).flatten();
        let slot = match owner {
            Some(Owner::Slot(slot)) => slot,
            Some(Owner::Remains(_)) => return self.drop_packet(packet, Dropped::IcmpIgnored),
            None => return self.drop_stranger(packet),
        };
        let mut inner = slot.lock();
        if let ErrorKind::FragmentationNeeded(mtu) = kind {
            let mtu = inner.connection.on_too_big(quote.seq, quote.total_len, mtu);
            drop(inner);
            let Some(mtu) = mtu else { return self.drop_packet(packet, Dropped::IcmpIgnored) };
            // All who speak to that host learn it with their next flush.
            self.paths.learn(now, quote.flow.remote.ip(), mtu);
            return baton.owed.push(slot);
        }
        let signals = inner.connection.on_icmp(now, quote.seq, trouble);
        self.announce(now, &slot, inner, signals);
        baton.owed.push(slot);
    }

    /// An ICMP message about something that neither a connection nor a pinger of ours has sent. A raw
    /// endpoint that took a copy may have.
    pub(super) fn drop_stranger(&self, packet: &Packet<'_>) {
        let protocol = if packet.source.is_ipv4() { PROTOCOL_ICMP } else { PROTOCOL_ICMPV6 };
        if !self.has_raw(packet.destination, protocol) {
            self.drop_packet(packet, Dropped::IcmpStranger);
        }
    }

    /// Tells the sender that nobody here takes what it sent: `code` is that of IPv4 for it.
    pub(super) fn unreachable(
        &self,
        now: Instant,
        packet: &Packet<'_>,
        code: u8,
        offending: &[u8],
        baton: &mut Baton,
    ) {
        let code = match (packet.source, code) {
            // RFC 8200 4: as a next header that nobody knows.
            (IpAddr::V6(_), icmp::PROTOCOL_UNREACHABLE) => {
                let problem = unknown_transport(offending);
                return self.tell_problem(now, packet, problem, offending, baton);
            }
            (IpAddr::V6(_), _) => icmp::PORT_UNREACHABLE_V6,
            (IpAddr::V4(_), code) => code,
        };
        if !baton.icmp_budget.spend(now) {
            return;
        }
        let mut frame = self.take_frame_buffer();
        emit_unreachable(&mut frame, packet.destination, packet.source, code, offending);
        self.send_datagram(now, baton.queue, &frame);
        self.give_frame_buffer(frame);
    }

    /// Tells the sender of an IPv6 packet what we cannot do with it (RFC 4443, 3.4).
    pub(super) fn tell_problem(
        &self,
        now: Instant,
        packet: &Packet<'_>,
        problem: Problem,
        offending: &[u8],
        baton: &mut Baton,
    ) {
        if !baton.icmp_budget.spend(now) {
            return;
        }
        let mut frame = self.take_frame_buffer();
        emit_problem(&mut frame, packet.destination, packet.source, problem, offending);
        self.send_datagram(now, baton.queue, &frame);
        self.give_frame_buffer(frame);
    }

    /// RFC 1122 3.3.2, RFC 8200 4.5: tells the sender of a datagram whose first piece came, but not all others.
    pub(super) fn time_exceeded(&self, now: Instant, datagram: &TimedOut, baton: &mut Baton) {
        if !baton.icmp_budget.spend(now) {
            return;
        }
        let mut frame = self.take_frame_buffer();
        emit_time_exceeded(&mut frame, datagram.destination, datagram.source, &datagram.quote);
        self.send_datagram(now, baton.queue, &frame);
        self.give_frame_buffer(frame);
    }
}

/// What an ICMP error is to a connection (RFC 1122 4.2.3.9; RFC 9293 3.9.2.2; like Linux, hosts and
/// networks that cannot be reached end an attempt, too). The kinds are those of Linux's error codes.
fn trouble(kind: ErrorKind, is_v6: bool) -> Trouble {
    match kind {
        // RFC 4443 3.1.
        ErrorKind::Unreachable(code) if is_v6 => Trouble::Hard(match code {
            icmp::PORT_UNREACHABLE_V6 => Error::Refused,
            // No route.
            0 => Error::NetworkUnreachable,
            _ => Error::Unreachable,
        }),
        ErrorKind::UnknownHeader => Trouble::Hard(Error::ProtocolUnreachable),
        ErrorKind::Unreachable(code) => Trouble::Hard(match code {
            icmp::PROTOCOL_UNREACHABLE => Error::ProtocolUnreachable,
            icmp::PORT_UNREACHABLE => Error::Refused,
            // Net unreachable, unknown, prohibited, or not for this type of service.
            0 | 6 | 9 | 11 => Error::NetworkUnreachable,
            _ => Error::Unreachable,
        }),
        ErrorKind::FragmentationNeeded(_)
        | ErrorKind::TimeExceeded(_)
        | ErrorKind::ParameterProblem(_) => Trouble::Soft(Error::Unreachable),
    }
}
