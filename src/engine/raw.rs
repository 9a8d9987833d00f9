//! Who else takes what a protocol carries? Raw endpoints: a copy of every packet's payload, whatever
//! becomes of the packet, and packets of any protocol.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use super::datagram_error::DatagramError;
use super::inbox::{Datagram, Inbox, Put};
use super::watch::Watched;
use super::{Engine, OpenError, lock};
use crate::time::Instant;
use crate::trace::Dropped;
use crate::wire::checksum::Sum;
use crate::wire::{IpFields, PROTOCOL_ICMPV6, Packet, ip};

/// An endpoint of a protocol by its number. Dropping it closes it.
#[derive(Debug)]
pub struct RawEndpoint {
    engine: Arc<Engine>,
    raw: Arc<Raw>,
}

/// What stands in the IP header of what a raw endpoint sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawOptions {
    /// Time to live, hops. Default 64.
    pub ttl: u8,
    /// DSCP, 6 bits (RFC 2474). Default 0.
    pub dscp: u8,
}

/// An open endpoint.
#[derive(Debug)]
pub(super) struct Raw {
    inbox: Arc<Inbox>,
    local: IpAddr,
    protocol: u8,
    options: Mutex<RawOptions>,
}

impl Raw {
    /// Whether a packet of this protocol to that address is for it, too. An unspecified address stands
    /// for all of its family.
    fn takes(&self, to: IpAddr, protocol: u8) -> bool {
        let family = self.local.is_unspecified() && self.local.is_ipv4() == to.is_ipv4();
        self.protocol == protocol && (family || self.local == to)
    }
}

/// Every open endpoint.
#[derive(Debug, Default)]
pub(super) struct RawTable {
    open: RwLock<Vec<Arc<Raw>>>,
    /// How many there are: mostly none, and then nobody takes the lock.
    count: AtomicUsize,
}

impl RawTable {
    fn insert(&self, raw: Arc<Raw>) {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.push(raw);
        self.count.store(open.len(), Ordering::Relaxed);
    }

    fn remove(&self, raw: &Arc<Raw>) {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.retain(|other| !Arc::ptr_eq(other, raw));
        self.count.store(open.len(), Ordering::Relaxed);
    }

    fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// Those that packets of this protocol to that address are for.
    fn takers(&self, to: IpAddr, protocol: u8) -> Vec<Arc<Raw>> {
        if self.is_empty() {
            return Vec::new();
        }
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.iter().filter(|raw| raw.takes(to, protocol)).cloned().collect()
    }

    /// What waits at each of them.
    pub(super) fn inboxes(&self) -> Vec<Arc<Inbox>> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.iter().map(|raw| Arc::clone(&raw.inbox)).collect()
    }
}

impl RawEndpoint {
    /// The address whose packets it takes; an unspecified one stands for all of its family.
    #[must_use]
    pub fn local_addr(&self) -> IpAddr {
        self.raw.local
    }

    /// Its protocol's number.
    #[must_use]
    pub fn protocol(&self) -> u8 {
        self.raw.protocol
    }

    /// The engine that it belongs to.
    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// What waits to be received.
    pub(crate) fn inbox(&self) -> &Arc<Inbox> {
        &self.raw.inbox
    }

    /// Its options.
    #[must_use]
    pub fn options(&self) -> RawOptions {
        *self.locked_options()
    }

    /// Changes its options.
    pub fn set_options(&self, change: impl FnOnce(&mut RawOptions)) {
        change(&mut self.locked_options());
    }

    fn locked_options(&self) -> MutexGuard<'_, RawOptions> {
        lock(&self.raw.options)
    }

    /// Sends a packet with this payload to a host or a group, in fragments where it is larger than the
    /// MTU. The checksum of ICMPv6, which covers the addresses, is written into it (RFC 3542, 3.1);
    /// that of any other protocol is the caller's.
    pub fn send_to(&self, now: Instant, payload: &[u8], to: IpAddr) -> Result<(), DatagramError> {
        let Self { engine, raw } = self;
        if engine.is_down() {
            return Err(DatagramError::HostDown);
        }
        let to = to.to_canonical();
        let header = if to.is_ipv4() { ip::IPV4_HEADER } else { 0 };
        if payload.len() > usize::from(u16::MAX) - header {
            return Err(DatagramError::TooLong);
        }
        if to.is_ipv4() != raw.local.is_ipv4() {
            return Err(DatagramError::WrongFamily);
        }
        if engine.is_broadcast(to) {
            return Err(DatagramError::Broadcast);
        }
        // A TUN does not loop back.
        if engine.is_ours(to) || !(ip::is_host(to) || to.is_multicast()) {
            return Err(DatagramError::BadRemote);
        }
        let chosen = || engine.source_for(to).ok_or(DatagramError::BadRemote);
        let from = if raw.local.is_unspecified() { chosen()? } else { raw.local };
        let RawOptions { ttl, dscp } = self.options();
        let fields = IpFields { ttl, dscp, dont_fragment: false, ..IpFields::default() };
        let mut packet = ip::emit_packet(from, to, raw.protocol, &fields, payload);
        if raw.protocol == PROTOCOL_ICMPV6 && to.is_ipv6() && payload.len() >= 4 {
            let start = packet.len() - payload.len();
            let message = &mut packet[start..];
            message[2..4].fill(0);
            let sum = Sum::pseudo(from, to, PROTOCOL_ICMPV6, message.len()).plus(message);
            message[2..4].copy_from_slice(&sum.finish().to_be_bytes());
        }
        engine.send_datagram(now, 0, &packet);
        Ok(())
    }

    /// The next packet's payload, if one has arrived; its ports are 0. `HostDown`: nothing comes any
    /// more.
    pub fn receive(&self) -> Result<Option<Datagram>, DatagramError> {
        self.raw.inbox.take(false)
    }

    /// The same, and it is left there.
    pub fn peek(&self) -> Result<Option<Datagram>, DatagramError> {
        self.raw.inbox.take(true)
    }

    /// Whether `receive` has something to say.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.raw.inbox.is_ready()
    }

    /// Sleeps until `receive` has something to say or `timeout` has passed (`false` then).
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        self.raw.inbox.wait(timeout)
    }
}

impl Drop for RawEndpoint {
    fn drop(&mut self) {
        drop(self.inbox().set_watcher(None));
        self.engine.raws.remove(&self.raw);
    }
}

impl Engine {
    /// Opens an endpoint of the protocol with this number: it gets a copy of the payload of each of its
    /// packets to `local`, an address of the host's or an unspecified one, in whole datagrams. TCP, UDP
    /// and ICMP go on as they are; of others the sender is told no more that nobody speaks them.
    pub fn raw(self: &Arc<Self>, local: IpAddr, protocol: u8) -> Result<RawEndpoint, OpenError> {
        self.refuse_when_down()?;
        let local = local.to_canonical();
        if !local.is_unspecified() && !self.is_ours(local) {
            return Err(OpenError::AddrNotAvailable);
        }
        let options = Mutex::new(RawOptions { ttl: 64, dscp: 0 });
        let inbox = Arc::new(Inbox::new(&self.pool));
        let raw = Arc::new(Raw { inbox, local, protocol, options });
        self.raws.insert(Arc::clone(&raw));
        let endpoint = RawEndpoint { engine: Arc::clone(self), raw };
        // `close_all` may have looked at the endpoints before this one was there.
        self.refuse_when_down()?;
        Ok(endpoint)
    }

    /// Whether somebody takes the packets of this protocol that are sent there.
    pub(super) fn has_raw(&self, to: IpAddr, protocol: u8) -> bool {
        !self.raws.takers(to, protocol).is_empty()
    }

    /// Gives a copy of what a packet carries to those who take its protocol, and names the inboxes that
    /// nobody was about to tell. A piece of a datagram is none: its whole comes later.
    pub(super) fn copy_to_raw(
        &self,
        packet: &Packet<'_>,
        frame: &[u8],
        told: &mut Vec<Arc<Inbox>>,
    ) {
        if self.raws.is_empty() {
            return;
        }
        let Some((protocol, payload)) = ip::transport(frame) else { return };
        for raw in self.raws.takers(packet.destination, protocol) {
            let datagram = Datagram {
                from: SocketAddr::new(packet.source, 0),
                to: SocketAddr::new(packet.destination, 0),
                ttl: packet.ip.ttl,
                payload: payload.to_vec(),
            };
            match raw.inbox.put(datagram) {
                Put::First => told.push(Arc::clone(&raw.inbox)),
                Put::Another => {}
                Put::Full => self.counters.count_drop(Dropped::ReceiveBufferFull),
            }
        }
    }
}
