//! How does an endpoint come into being? Active and passive opens, and the addresses, ports and
//! numbers that they take (RFC 9293 3.9.1.1, 3.10.1).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;

use super::family::canonical;
use super::listener::Listener;
use super::slot::Slot;
use super::socket::Socket;
use super::{ConnectOptions, Engine, ListenOptions, OpenError};
use crate::tcp::{Birth, Config, Connection};
use crate::time::Instant;
use crate::wire::{Flow, ip};

impl Engine {
    /// [`Engine::listen_with`] with the host's settings.
    pub fn listen(
        self: &Arc<Self>,
        local: SocketAddr,
        backlog: usize,
    ) -> Result<Listener, OpenError> {
        self.listen_with(local, backlog, Arc::clone(&self.tcp))
    }

    /// [`Engine::listen_as`] with nothing else chosen.
    pub fn listen_with(
        self: &Arc<Self>,
        local: SocketAddr,
        backlog: usize,
        config: Arc<Config>,
    ) -> Result<Listener, OpenError> {
        self.listen_as(local, &ListenOptions::new(backlog, config))
    }

    /// Listens at `local`; its address may be unspecified (`0.0.0.0`: all of IPv4, `::`: both families,
    /// and who calls by IPv4 has an address of IPv4), its port 0 takes an ephemeral one. At most
    /// `options.backlog` connections wait to be accepted, half-open ones included; a SYN beyond that is
    /// dropped, so that its sender tries again.
    pub fn listen_as(
        self: &Arc<Self>,
        local: SocketAddr,
        options: &ListenOptions,
    ) -> Result<Listener, OpenError> {
        self.refuse_when_down()?;
        // An address of IPv4 in the guise of IPv6 is one of IPv4 (RFC 4291, 2.5.5.2), and so none for
        // who leaves those to others.
        let local = if options.only_v6 { local } else { canonical(local) };
        if !local.ip().is_unspecified() && !self.may_have(local.ip(), options.transparent) {
            return Err(OpenError::AddrNotAvailable);
        }
        let listen = |local| {
            let free = options.reuse_address || !self.demux.uses(local);
            free.then(|| self.listeners.open(local, options)).flatten()
        };
        let shared = if local.port() != 0 || options.transparent {
            listen(local).ok_or(OpenError::AddrInUse)?
        } else {
            let mut shared = None;
            let offset = self.isn.port_offset(local.ip(), local);
            self.ports.choose(options.ports.as_ref(), offset, |port| {
                let local = SocketAddr::new(local.ip(), port);
                // Who takes any port wants one of its own.
                if !self.listeners.has_port(local) {
                    shared = listen(local);
                }
                shared.is_some()
            });
            shared.ok_or(OpenError::PortsExhausted)?
        };
        let listener = Listener::new(Arc::clone(self), shared);
        // `close_all` may have looked at the listeners before this one was there.
        self.refuse_when_down()?;
        Ok(listener)
    }

    /// [`Engine::connect_with`] with the host's settings.
    pub fn connect(
        self: &Arc<Self>,
        now: Instant,
        local: Option<SocketAddr>,
        remote: SocketAddr,
    ) -> Result<Socket, OpenError> {
        self.connect_with(now, local, remote, Arc::clone(&self.tcp))
    }

    /// [`Engine::connect_as`] with nothing else chosen.
    pub fn connect_with(
        self: &Arc<Self>,
        now: Instant,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        config: Arc<Config>,
    ) -> Result<Socket, OpenError> {
        self.connect_as(now, local, remote, &ConnectOptions::new(config))
    }

    /// [`Engine::connect_with_text`] without any.
    pub fn connect_as(
        self: &Arc<Self>,
        now: Instant,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        options: &ConnectOptions,
    ) -> Result<Socket, OpenError> {
        let (socket, _) = self.connect_with_text(now, local, remote, options, &[])?;
        Ok(socket)
    }

    /// Begins an active open and sends the SYN. `local` may be given, with port 0 for an ephemeral
    /// one; otherwise the engine chooses (RFC 9293 3.9.1.1, MUST-44). An address of our own is no
    /// remote: a TUN does not loop back.
    ///
    /// What is taken of `text`, bytes as told, is sent as soon as it can be: with the SYN if
    /// `options.fast_open` and the server has given us a cookie.
    pub fn connect_with_text(
        self: &Arc<Self>,
        now: Instant,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        options: &ConnectOptions,
        text: &[u8],
    ) -> Result<(Socket, usize), OpenError> {
        self.note_time(now);
        self.refuse_when_down()?;
        let text = &text[..text.len().min(options.config.send_buffer.initial)];
        let slot = self.open(now, local, remote, options, text)?;
        // `close_all` may have looked at the connections before this one was there.
        self.refuse_when_down().inspect_err(|_| self.abort(now, &slot))?;
        self.flush(now, &slot);
        Ok((Socket::new(Arc::clone(self), slot), text.len()))
    }

    fn open(
        &self,
        now: Instant,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        options: &ConnectOptions,
        text: &[u8],
    ) -> Result<Arc<Slot>, OpenError> {
        // An address of IPv4 in the guise of IPv6 is one of IPv4 (RFC 4291, 2.5.5.2).
        let (local, remote) = (local.map(canonical), canonical(remote));
        // RFC 9293 3.9.1.1, MUST-46.
        if !self.may_stand_for(remote.ip()) || self.is_ours(remote.ip()) || remote.port() == 0 {
            return Err(OpenError::BadRemote);
        }
        let chosen = self.source_for(remote.ip()).ok_or(OpenError::BadRemote)?;
        let local = match local {
            Some(local) if local.ip().is_unspecified() => SocketAddr::new(chosen, local.port()),
            Some(local) if !self.may_have(local.ip(), options.transparent) => {
                return Err(OpenError::AddrNotAvailable);
            }
            Some(local) if local.is_ipv4() != remote.is_ipv4() => return Err(OpenError::BadRemote),
            Some(local) => local,
            None => SocketAddr::new(chosen, 0),
        };
        let born = |flow: Flow| {
            let mut connection = Connection::active(now, self.birth(now, flow, &options.config));
            self.say_early(now, &mut connection, &flow, options.fast_open, text);
            let slot = Slot::new(flow, connection, None);
            slot.set_queue(self.queue_for(&flow));
            Arc::new(slot)
        };
        if local.port() != 0 {
            if !options.reuse_address && (self.demux.uses(local) || self.listeners.has_port(local))
            {
                return Err(OpenError::AddrInUse);
            }
            let flow = Flow { local, remote };
            return self.demux.insert_new(&flow, || born(flow)).ok_or(OpenError::AddrInUse);
        }
        let mut slot = None;
        let offset = self.isn.port_offset(local.ip(), remote);
        self.ports.choose(options.ports.as_ref(), offset, |port| {
            let flow = Flow { local: SocketAddr::new(local.ip(), port), remote };
            if !self.listeners.has_port(flow.local) {
                slot = self.demux.insert_new(&flow, || born(flow));
            }
            slot.is_some()
        });
        slot.ok_or(OpenError::PortsExhausted)
    }

    /// Whether an endpoint may have this address of one host.
    fn may_have(&self, address: IpAddr, transparent: bool) -> bool {
        self.is_ours(address) || transparent && self.may_stand_for(address)
    }

    /// Whether somebody may stand for whoever has this address.
    pub(super) fn may_stand_for(&self, address: IpAddr) -> bool {
        ip::is_host(address) && !self.is_broadcast(address)
    }

    /// The queue that the first frame of a flow leaves by: the kernel answers on it. Each gets its share
    /// of them.
    pub(super) fn queue_for(&self, flow: &Flow) -> u8 {
        u8::try_from(usize::from(flow.local.port()) % self.queues()).unwrap_or(0)
    }

    pub(super) fn birth(&self, now: Instant, flow: Flow, config: &Arc<Config>) -> Birth {
        Birth {
            iss: self.isn.isn(now, &flow),
            timestamp_offset: self.isn.timestamp_offset(&flow),
            mtu: self.limits.mtu,
            ip_header: ip::header_len(flow.remote.ip()),
            config: Arc::clone(config),
            pool: self.pool.clone(),
        }
    }

    /// Our address to speak to `remote` from: one of its network, or the first of its family, and there
    /// of its scope (RFC 6724, 5, rules 2 and 8).
    pub(crate) fn source_for(&self, remote: IpAddr) -> Option<IpAddr> {
        let family =
            || self.config.addresses.iter().filter(|net| net.addr().is_ipv4() == remote.is_ipv4());
        let near = family().find(|net| net.contains(&remote));
        let fitting = || family().find(|net| is_link_local(net.addr()) == is_link_local(remote));
        near.or_else(fitting).or_else(|| family().next()).map(IpNet::addr)
    }
}

/// Whether an address of IPv6 means something on its own link alone.
fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}
