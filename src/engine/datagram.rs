//! Who sends and receives datagrams? Endpoints of UDP (RFC 768; RFC 1122, 4.1).
//!
//! What is sent to an address of the host's own, or to a group of which it has members, is delivered
//! without the device. Groups are joined for this host alone: behind a TUN stands one neighbour, which
//! routes here what it likes, and nobody who would heed a report (RFC 2236).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::datagram_error::DatagramError;
use super::datagram_table::{Bound, Settings};
use super::family::canonical;
use super::inbox::{Datagram, Inbox};
use super::watch::Watched;
use super::{Engine, OpenError};
use crate::tcp::Error;
use crate::time::Instant;
use crate::wire::{Flow, IpFields, ip};

/// Bytes of a UDP header.
const HEADER: usize = 8;

/// An endpoint of UDP. Dropping it frees its port.
#[derive(Debug)]
pub struct UdpEndpoint {
    engine: Arc<Engine>,
    bound: Arc<Bound>,
}

/// The options of an endpoint of UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpOptions {
    /// Time to live of what is sent to one host or to all, hops. Default 64.
    pub ttl: u8,
    /// Time to live of what is sent to a group, hops. Default 1 (RFC 1112, 6.1).
    pub multicast_ttl: u8,
    /// DSCP of what is sent, 6 bits (RFC 2474). Default 0.
    pub dscp: u8,
    /// Broadcasts may be sent. Default off.
    pub broadcast: bool,
    /// What is sent to a group of IPv4 is for members on this host, too. Default on (RFC 1112, 6.1).
    pub multicast_loop_v4: bool,
    /// The same for IPv6.
    pub multicast_loop_v6: bool,
}

impl Default for UdpOptions {
    fn default() -> Self {
        Self {
            ttl: 64,
            multicast_ttl: 1,
            dscp: 0,
            broadcast: false,
            multicast_loop_v4: true,
            multicast_loop_v6: true,
        }
    }
}

/// Whom an address stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Host,
    Ourselves,
    Everybody,
    Group,
}

impl UdpEndpoint {
    /// Where it is bound. Its address is unspecified until a peer is chosen, if it was bound so.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        let settings = self.bound.settings();
        settings.shown(settings.local)
    }

    /// Its peer, if one was chosen.
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        let settings = self.bound.settings();
        settings.peer.map(|peer| settings.shown(peer))
    }

    /// The engine that it belongs to.
    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// What waits to be received.
    pub(crate) fn inbox(&self) -> &Arc<Inbox> {
        &self.bound.inbox
    }

    /// From now on only `peer` is heard, and spoken to where nobody else is named. What has arrived
    /// from others can still be received.
    pub fn connect(&self, peer: SocketAddr) -> Result<(), DatagramError> {
        self.refuse_when_down()?;
        let peer = canonical(peer);
        let mut settings = self.bound.settings();
        let reach = self.reach(&settings, peer.ip())?;
        let source = self.source(&settings, reach, peer.ip())?;
        if settings.local.ip().is_unspecified() && !self.bound.transparent {
            settings.local.set_ip(source);
        }
        settings.peer = Some(peer);
        Ok(())
    }

    /// Sends a datagram to the peer.
    pub fn send(&self, now: Instant, payload: &[u8]) -> Result<(), DatagramError> {
        let peer = self.bound.settings().peer;
        self.send_via(now, payload, None, peer.ok_or(DatagramError::NoPeer)?)
    }

    /// Sends a datagram to `to`, in fragments where it is larger than the MTU. An error that the
    /// network has told of an earlier one is told instead, once.
    pub fn send_to(
        &self,
        now: Instant,
        payload: &[u8],
        to: SocketAddr,
    ) -> Result<(), DatagramError> {
        self.send_via(now, payload, None, canonical(to))
    }

    /// Sends a datagram in the name of `from`: any address and port where the endpoint is transparent,
    /// otherwise an address of the host's and the endpoint's own port.
    pub fn send_from_to(
        &self,
        now: Instant,
        payload: &[u8],
        from: SocketAddr,
        to: SocketAddr,
    ) -> Result<(), DatagramError> {
        self.send_via(now, payload, Some(canonical(from)), canonical(to))
    }

    fn send_via(
        &self,
        now: Instant,
        payload: &[u8],
        from: Option<SocketAddr>,
        to: SocketAddr,
    ) -> Result<(), DatagramError> {
        self.refuse_when_down()?;
        let settings = self.bound.settings().clone();
        let headers = HEADER + if to.is_ipv4() { ip::IPV4_HEADER } else { 0 };
        if payload.len() > usize::from(u16::MAX) - headers {
            return Err(DatagramError::TooLong);
        }
        if to.port() == 0 {
            return Err(DatagramError::NoPort);
        }
        let reach = self.reach(&settings, to.ip())?;
        let from = match from {
            None => {
                let source = self.source(&settings, reach, to.ip())?;
                SocketAddr::new(source, settings.local.port())
            }
            Some(from) => self.allowed(&settings, from, to)?,
        };
        if let Some(error) = self.bound.inbox.take_error() {
            return Err(DatagramError::Failed(error));
        }
        let options = settings.options;
        let ttl = if reach == Reach::Group { options.multicast_ttl } else { options.ttl };
        // RFC 1122 4.1.4: what the application has set.
        let fields =
            IpFields { ttl, dscp: options.dscp, dont_fragment: false, ..IpFields::default() };
        let flow = Flow { local: from, remote: to };
        // Zero hops keep it on this host (RFC 1112, 6.1).
        if reach != Reach::Ourselves && ttl > 0 {
            self.engine.emit_datagram(now, &flow, &fields, payload);
        }
        let looped = match reach {
            Reach::Host => false,
            Reach::Ourselves | Reach::Everybody => true,
            Reach::Group if to.is_ipv4() => options.multicast_loop_v4,
            Reach::Group => options.multicast_loop_v6,
        };
        if looped {
            let arriving = Flow { local: to, remote: from };
            let heard = self.engine.hand_over(&arriving, ttl, payload);
            if !heard && settings.peer == Some(to) && reach == Reach::Ourselves {
                // What another host would say by Port Unreachable.
                self.bound.inbox.fail(Error::Refused);
                self.engine.tell(&self.bound.inbox, None);
            }
        }
        Ok(())
    }

    /// A source that the application names, if it may.
    fn allowed(
        &self,
        settings: &Settings,
        from: SocketAddr,
        to: SocketAddr,
    ) -> Result<SocketAddr, DatagramError> {
        if from.is_ipv4() != to.is_ipv4() {
            return Err(DatagramError::WrongFamily);
        }
        // RFC 1122 4.1.3.6: never an address that no host can have.
        let own = self.engine.is_ours(from.ip()) && from.port() == settings.local.port();
        let foreign = self.bound.transparent && ip::is_host(from.ip()) && from.port() != 0;
        if own || foreign { Ok(from) } else { Err(DatagramError::NotOurs) }
    }

    /// Whom `to` stands for, if datagrams may be sent there.
    fn reach(&self, settings: &Settings, to: IpAddr) -> Result<Reach, DatagramError> {
        if !settings.speaks(self.bound.transparent, to) {
            return Err(DatagramError::WrongFamily);
        }
        if self.engine.is_ours(to) {
            return Ok(Reach::Ourselves);
        }
        if self.engine.is_broadcast(to) {
            let allowed = settings.options.broadcast;
            return if allowed { Ok(Reach::Everybody) } else { Err(DatagramError::Broadcast) };
        }
        match to {
            _ if to.is_multicast() => Ok(Reach::Group),
            _ if ip::is_host(to) => Ok(Reach::Host),
            _ => Err(DatagramError::BadRemote),
        }
    }

    /// The address that a datagram to `to` comes from: the endpoint's own, if it is one.
    fn source(
        &self,
        settings: &Settings,
        reach: Reach,
        to: IpAddr,
    ) -> Result<IpAddr, DatagramError> {
        let local = settings.local.ip();
        match reach {
            _ if self.engine.is_ours(local) => Ok(local),
            Reach::Ourselves => Ok(to),
            _ => self.engine.source_for(to).ok_or(DatagramError::BadRemote),
        }
    }

    fn refuse_when_down(&self) -> Result<(), DatagramError> {
        if self.engine.is_down() { Err(DatagramError::HostDown) } else { Ok(()) }
    }

    /// The next datagram, if one has arrived; what the network has told of one that was sent to the
    /// peer comes first, once. `HostDown`: nothing comes any more.
    pub fn receive(&self) -> Result<Option<Datagram>, DatagramError> {
        self.take(false)
    }

    /// The same, and it is left there.
    pub fn peek(&self) -> Result<Option<Datagram>, DatagramError> {
        self.take(true)
    }

    fn take(&self, peek: bool) -> Result<Option<Datagram>, DatagramError> {
        let next = self.bound.inbox.take(peek)?;
        Ok(next.map(|datagram| {
            let settings = self.bound.settings();
            let (from, to) = (settings.shown(datagram.from), settings.shown(datagram.to));
            Datagram { from, to, ..datagram }
        }))
    }

    /// What the network has told of a datagram that was sent to the peer, once.
    #[must_use]
    pub fn take_error(&self) -> Option<Error> {
        self.bound.inbox.take_error()
    }

    /// Whether `receive` has something to say.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.bound.inbox.is_ready()
    }

    /// Whether a datagram can be sent: always, for one that the device cannot take is lost.
    #[must_use]
    pub const fn is_writable(&self) -> bool {
        true
    }

    /// Sleeps until `receive` has something to say or `timeout` has passed (`false` then).
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        self.bound.inbox.wait(timeout)
    }

    /// Its options.
    #[must_use]
    pub fn options(&self) -> UdpOptions {
        self.bound.settings().options
    }

    /// Changes its options.
    pub fn set_options(&self, change: impl FnOnce(&mut UdpOptions)) {
        change(&mut self.bound.settings().options);
    }

    /// From now on it gets what is sent to this group and its port, if it is bound to an unspecified
    /// address or to the group's.
    pub fn join(&self, group: IpAddr) -> Result<(), DatagramError> {
        let mut settings = self.bound.settings();
        if !group.is_multicast() {
            return Err(DatagramError::NoGroup);
        }
        if settings.groups.contains(&group) {
            return Err(DatagramError::Joined);
        }
        settings.groups.push(group);
        self.engine.udp.joined(group);
        Ok(())
    }

    /// It does not any more.
    pub fn leave(&self, group: IpAddr) -> Result<(), DatagramError> {
        let mut settings = self.bound.settings();
        let place = settings.groups.iter().position(|joined| *joined == group);
        settings.groups.swap_remove(place.ok_or(DatagramError::NotJoined)?);
        self.engine.udp.left(group);
        Ok(())
    }
}

impl Drop for UdpEndpoint {
    fn drop(&mut self) {
        drop(self.inbox().set_watcher(None));
        self.engine.udp.forget(&self.bound);
    }
}

impl Engine {
    /// Opens an endpoint of UDP at `local`: an address of the host's, that of a group or a broadcast
    /// address, or an unspecified one, which of IPv6 stands for both families. Port 0 takes an
    /// ephemeral one.
    pub fn udp(self: &Arc<Self>, local: SocketAddr) -> Result<UdpEndpoint, OpenError> {
        self.refuse_when_down()?;
        let shows_v6 = local.is_ipv6();
        let local = canonical(local);
        let ip = local.ip();
        let shared = ip.is_unspecified() || ip.is_multicast() || self.is_broadcast(ip);
        if !shared && !self.is_ours(ip) {
            return Err(OpenError::AddrNotAvailable);
        }
        let bind = |port| self.udp.bind(SocketAddr::new(ip, port), shows_v6, false, &self.pool);
        let bound = if local.port() != 0 {
            bind(local.port()).ok_or(OpenError::AddrInUse)?
        } else {
            let mut bound = None;
            self.ports.choose(None, self.isn.port_offset(ip, local), |port| {
                bound = bind(port);
                bound.is_some()
            });
            bound.ok_or(OpenError::PortsExhausted)?
        };
        self.open_udp(bound)
    }

    /// Opens an endpoint that gets what is sent to this port, or to any port if it is 0, of whatever
    /// address is routed here, where no other endpoint is bound. Broadcasts and groups are not for it.
    pub fn udp_transparent(self: &Arc<Self>, port: u16) -> Result<UdpEndpoint, OpenError> {
        self.refuse_when_down()?;
        let local = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
        let bound = self.udp.bind(local, false, true, &self.pool);
        self.open_udp(bound.ok_or(OpenError::AddrInUse)?)
    }

    fn open_udp(self: &Arc<Self>, bound: Arc<Bound>) -> Result<UdpEndpoint, OpenError> {
        let endpoint = UdpEndpoint { engine: Arc::clone(self), bound };
        // `close_all` may have looked at the endpoints before this one was there.
        self.refuse_when_down()?;
        Ok(endpoint)
    }
}
