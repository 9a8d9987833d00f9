//! Where do datagrams go? From the device, or from this host itself, into the inboxes that they are for.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::datagram_table::Bound;
use super::inbox::{Datagram, Inbox, News, Put};
use super::{Baton, Engine};
use crate::icmp;
use crate::tcp::Error;
use crate::time::Instant;
use crate::trace::Dropped;
use crate::wire::icmp::Quote;
use crate::wire::ip::LEAST_MTU_V6;
use crate::wire::{Body, Flow, IpFields, PROTOCOL_UDP, Packet, udp};

impl Engine {
    /// Whether a packet that is not sent to an address of ours is for an endpoint of UDP all the same.
    pub(super) fn is_for_udp(&self, packet: &Packet<'_>) -> bool {
        let is_udp = match &packet.body {
            Body::Udp(..) => true,
            Body::Fragment(fragment) => fragment.protocol == PROTOCOL_UDP,
            _ => false,
        };
        let to = packet.destination;
        is_udp && self.udp.admits(to, self.is_broadcast(to))
    }

    /// A datagram from the device.
    pub(super) fn take_datagram(
        &self,
        now: Instant,
        packet: &Packet<'_>,
        (flow, payload): (&Flow, &[u8]),
        frame: &[u8],
        baton: &mut Baton,
    ) {
        let told = |inbox| baton.told.push(inbox);
        if self.deliver(flow, packet.ip.ttl, payload, told) {
            return;
        }
        self.drop_packet(packet, Dropped::NoUdpPort);
        // RFC 1122 3.2.2: nothing is said about what was not sent to us alone.
        if self.is_ours(packet.destination) {
            self.unreachable(now, packet, icmp::PORT_UNREACHABLE, frame, baton);
        }
    }

    /// An ICMP error about a datagram that we are said to have sent. RFC 1122 4.1.3.3: whoever has
    /// that peer is told; who speaks to many could not tell which of them it is about.
    pub(super) fn take_datagram_error(
        &self,
        packet: &Packet<'_>,
        quote: &Quote,
        error: Error,
        baton: &mut Baton,
    ) {
        let Some(sender) = self.udp.connected(&quote.flow) else {
            return self.drop_stranger(packet);
        };
        if sender.inbox.fail(error) == Put::First {
            baton.told.push(Arc::clone(&sender.inbox));
        }
    }

    /// A router tells that a datagram which we are said to have sent is too big for its next hop: what
    /// leaves from now on is cut to that (RFC 8201, 4). Datagrams of IPv4 are cut on their way. Believed
    /// of what somebody here may have sent, and where it is news (RFC 8899 3, RFC8899-3-b).
    pub(super) fn take_datagram_too_big(
        &self,
        now: Instant,
        packet: &Packet<'_>,
        quote: &Quote,
        mtu: u16,
    ) {
        let (local, remote) = (quote.flow.local.ip(), quote.flow.remote.ip());
        let sent = match quote.protocol {
            PROTOCOL_UDP => self.udp.receiver(&quote.flow).is_some(),
            protocol => {
                let has_sender = self.pingers.are_open() || self.has_raw(local, protocol);
                has_sender && self.is_ours(local)
            }
        };
        // RFC 8201 4: what is less than any link of IPv6 takes is no news.
        let fits = mtu >= LEAST_MTU_V6 && mtu < quote.total_len;
        let news = fits && usize::from(mtu) < self.limits_to(now, remote).mtu;
        if remote.is_ipv4() || !news || !sent {
            return self.drop_packet(packet, Dropped::IcmpIgnored);
        }
        self.paths.learn(now, remote, mtu.into());
    }

    /// A datagram from this host itself; whether anybody is there.
    pub(super) fn hand_over(&self, flow: &Flow, ttl: u8, payload: &[u8]) -> bool {
        self.deliver(flow, ttl, payload, |inbox| self.tell(&inbox, None))
    }

    /// Puts a datagram into the inboxes that it is for, and names those that nobody was about to tell;
    /// whether there are any.
    fn deliver(
        &self,
        flow: &Flow,
        ttl: u8,
        payload: &[u8],
        mut news: impl FnMut(Arc<Inbox>),
    ) -> bool {
        let to = flow.local.ip();
        let mut put = |bound: &Arc<Bound>| {
            let payload = payload.to_vec();
            let datagram = Datagram { from: flow.remote, to: flow.local, ttl, payload };
            match bound.inbox.put(datagram) {
                Put::First => news(Arc::clone(&bound.inbox)),
                Put::Another => {}
                Put::Full => self.counters.count_drop(Dropped::ReceiveBufferFull),
            }
        };
        if to.is_multicast() || self.is_broadcast(to) {
            let receivers = self.udp.receivers(flow);
            receivers.iter().for_each(&mut put);
            return !receivers.is_empty();
        }
        let receiver = self.udp.receiver(flow);
        receiver.iter().for_each(put);
        receiver.is_some()
    }

    /// Tells who waits for this inbox. The caller is the packet loop of `queue`, if of any.
    pub(super) fn tell(&self, inbox: &Inbox, queue: Option<u8>) {
        self.pass_on(&inbox.tell(), queue);
    }

    /// Nothing comes any more to any endpoint: who waits is told.
    pub(super) fn close_inboxes(&self) {
        for inbox in self.udp.inboxes().into_iter().chain(self.raws.inboxes()) {
            self.pass_on(&inbox.close(), None);
        }
    }

    fn pass_on(&self, news: &News, queue: Option<u8>) {
        if news.woke {
            self.woken.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(leader) = news.leader
            && queue.map(usize::from) != Some(leader)
        {
            self.device_of(leader).wake();
        }
    }

    pub(super) fn emit_datagram(
        &self,
        now: Instant,
        flow: &Flow,
        fields: &IpFields,
        payload: &[u8],
    ) {
        let mut frame = self.take_frame_buffer();
        udp::emit(&mut frame, flow, fields, payload);
        self.send_datagram(now, self.queue_for(flow), &frame);
        self.give_frame_buffer(frame);
    }
}
