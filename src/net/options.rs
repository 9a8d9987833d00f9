//! What may be chosen before a socket is opened: as `setsockopt` between `socket` and `listen` or
//! `connect`.

use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::{ConnectOptions, ListenOptions};
use crate::runtime::Host;
use crate::tcp::Config;

use super::changes::{Change, invalid};
use super::error::{no_addresses, zero_timeout};
use super::{Resolver, TcpListener, TcpStream, ToSocketAddrs};

/// Options of a socket that is not open yet. What is not chosen is as the host's configuration has
/// it. The same value opens as many sockets as you like.
///
/// The streams that a listener accepts begin with its options. What is out of range is told, with
/// `InvalidInput`, when the socket is opened.
///
/// ```
/// use std::time::Duration;
/// use tuntcp::net::{KeepAlive, SocketOptions};
///
/// let (a, b) = tuntcp::runtime::memory_pair()?;
/// let options = SocketOptions::new().nodelay(true).keepalive(KeepAlive::default());
/// let listener = options.clone().backlog(16).listen(&a, "192.0.2.1:80")?;
/// let client = options.connect_timeout(&b, &listener.local_addr()?, Duration::from_secs(60))?;
/// let (server, _) = listener.accept()?;
/// assert!(client.nodelay()? && server.nodelay()?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SocketOptions {
    local: Option<SocketAddr>,
    ports: Option<RangeInclusive<u16>>,
    backlog: Option<usize>,
    reuse_address: bool,
    reuse_port: bool,
    transparent: bool,
    only_v6: bool,
    defer_accept: Option<Duration>,
    linger: Option<Duration>,
    /// What is changed of the host's configuration, in this order.
    pub(super) changes: Vec<Change>,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl SocketOptions {
    /// Nothing is chosen.
    ///
    /// ```
    /// use tuntcp::net::SocketOptions;
    ///
    /// let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let listener = SocketOptions::new().listen(&a, "192.0.2.1:80")?;
    /// let client = SocketOptions::new().connect(&b, "192.0.2.1:80")?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self {
            local: None,
            ports: None,
            backlog: None,
            reuse_address: true,
            reuse_port: false,
            transparent: false,
            only_v6: false,
            defer_accept: None,
            linger: None,
            changes: Vec::new(),
        }
    }

    /// Where a connection comes from (`bind` before `connect`): an unspecified address stands for the
    /// one that fits, port 0 for an ephemeral one. A listener is told where when it listens.
    ///
    /// Connecting fails with `AddrInUse` if this very connection is there, also if only its TIME-WAIT
    /// is, and with `AddrNotAvailable` if the host does not have the address.
    ///
    /// ```
    /// use tuntcp::net::SocketOptions;
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let from = "0.0.0.0:1023".parse().expect("an address and a port");
    /// let stream = SocketOptions::new().bind(from).connect(&b, "192.0.2.1:80")?;
    /// assert_eq!(stream.local_addr()?.to_string(), "192.0.2.2:1023");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub const fn bind(mut self, local: SocketAddr) -> Self {
        self.local = Some(local);
        self
    }

    /// Where an ephemeral port is taken from (`IP_LOCAL_PORT_RANGE` of Linux); otherwise
    /// [`HostConfig::ephemeral_ports`](crate::HostConfig::ephemeral_ports). Opening fails with
    /// `AddrNotAvailable` if all of them are taken, with `InvalidInput` if there are none or 0 is one.
    ///
    /// ```
    /// use tuntcp::net::SocketOptions;
    ///
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let listener = SocketOptions::new().ephemeral_ports(5000..=5009).listen(&host, "0.0.0.0:0")?;
    /// assert!((5000..=5009).contains(&listener.local_addr()?.port()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub const fn ephemeral_ports(mut self, range: RangeInclusive<u16>) -> Self {
        self.ports = Some(range);
        self
    }

    /// Connections that may wait to be accepted, half-open ones included: a SYN beyond that is
    /// dropped, and its sender tries again. Default `HostConfig::backlog`; 0 counts as 1.
    ///
    /// ```
    /// use tuntcp::net::SocketOptions;
    ///
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let listener = SocketOptions::new().backlog(16).listen(&host, "192.0.2.1:80")?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub const fn backlog(mut self, connections: usize) -> Self {
        self.backlog = Some(connections);
        self
    }

    /// `SO_REUSEADDR`, which is on unless it is switched off here, as std's listeners have it:
    /// connections that have the local port already are no hindrance, be they open or in TIME-WAIT.
    /// Switched off, opening fails with `AddrInUse` as long as there is one.
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use tuntcp::net::SocketOptions;
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let client = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// let (server, _) = listener.accept()?;
    /// drop(listener);
    /// let strict = SocketOptions::new().reuse_address(false);
    /// assert_eq!(strict.listen(&a, "192.0.2.1:80").unwrap_err().kind(), ErrorKind::AddrInUse);
    /// let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub const fn reuse_address(mut self, reuse: bool) -> Self {
        self.reuse_address = reuse;
        self
    }

    /// `SO_REUSEPORT`: several listeners that say so may listen at one place, and each gets its share
    /// of the connections, by a keyed hash of both ends. When one of them is closed the others share
    /// what would have come to it.
    ///
    /// ```
    /// use tuntcp::net::SocketOptions;
    ///
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let shared = SocketOptions::new().reuse_port(true);
    /// let first = shared.listen(&host, "192.0.2.1:80")?;
    /// let second = shared.listen(&host, "192.0.2.1:80")?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub const fn reuse_port(mut self, reuse: bool) -> Self {
        self.reuse_port = reuse;
        self
    }

    /// `IP_TRANSPARENT`: addresses that are not this host's may be used as well, provided that their
    /// packets come to its device. A listener at an unspecified address then takes what comes for
    /// anybody, and at port 0 at every port; listeners that name an address, or a port, or are not
    /// transparent, come first. The stream's [`local_addr`](TcpStream::local_addr) is where the peer
    /// wanted to go. See also [`TcpListener::bind_transparent`].
    ///
    /// ```
    /// use tuntcp::net::SocketOptions;
    ///
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let everybodys_web = SocketOptions::new().transparent(true).listen(&host, "0.0.0.0:80")?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub const fn transparent(mut self, transparent: bool) -> Self {
        self.transparent = transparent;
        self
    }

    /// `IPV6_V6ONLY`: a listener at `[::]` leaves the addresses of IPv4 to others. Default off: it
    /// takes both, and tells those of IPv4 as they are, where Linux maps them into IPv6.
    ///
    /// ```
    /// use tuntcp::net::SocketOptions;
    ///
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let six = SocketOptions::new().only_v6(true).listen(&host, "[::]:80")?;
    /// let four = SocketOptions::new().listen(&host, "0.0.0.0:80")?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub const fn only_v6(mut self, only: bool) -> Self {
        self.only_v6 = only;
        self
    }

    /// `TCP_DEFER_ACCEPT`: a connection is accepted when its peer has sent something, or after so
    /// long, a minute at most. Until then it counts for the backlog.
    ///
    /// ```
    /// use std::io::Write;
    /// use std::time::Duration;
    /// use tuntcp::net::SocketOptions;
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let options = SocketOptions::new().defer_accept(Duration::from_secs(30));
    /// let listener = options.listen(&a, "192.0.2.1:80")?;
    /// let _silent = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// let mut client = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// client.write_all(b"hello")?;
    /// assert_eq!(listener.accept()?.1, client.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub const fn defer_accept(mut self, bound: Duration) -> Self {
        self.defer_accept = Some(bound);
        self
    }

    /// `SO_LINGER`: see [`TcpStream::set_linger`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use tuntcp::net::SocketOptions;
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = SocketOptions::new().linger(Duration::ZERO).connect(&b, "192.0.2.1:80")?;
    /// assert_eq!(stream.linger()?, Some(Duration::ZERO));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub const fn linger(mut self, bound: Duration) -> Self {
        self.linger = Some(bound);
        self
    }
}

impl SocketOptions {
    /// Listens with these options, as [`TcpListener::bind`] does.
    ///
    /// Fails as that, and with `InvalidInput` if an option is out of range.
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use tuntcp::net::SocketOptions;
    ///
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let listener = SocketOptions::new().ttl(8).listen(&host, "192.0.2.1:80")?;
    /// assert_eq!(listener.ttl()?, 8);
    /// let error = SocketOptions::new().ttl(0).listen(&host, "192.0.2.1:81").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidInput);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn listen(&self, host: &Host, addr: impl ToSocketAddrs) -> io::Result<TcpListener> {
        let backlog = self.backlog.unwrap_or(host.engine().config().backlog);
        let mut options = ListenOptions::new(backlog, self.config(host)?);
        options.ports = self.checked_ports()?;
        options.reuse_address = self.reuse_address;
        options.reuse_port = self.reuse_port;
        options.transparent = self.transparent;
        options.only_v6 = self.only_v6;
        options.defer_accept = self.defer_accept;
        let mut failure = no_addresses();
        for addr in addr.to_socket_addrs(&Resolver::new(host))? {
            match host.engine().listen_as(addr, &options) {
                Ok(listener) => return Ok(TcpListener::new(host, listener, self.linger)),
                Err(error) => failure = error.into(),
            }
        }
        Err(failure)
    }

    /// Connects with these options, as [`TcpStream::connect`] does.
    ///
    /// Fails as that, and with `InvalidInput` if an option is out of range.
    ///
    /// ```
    /// use tuntcp::net::SocketOptions;
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = SocketOptions::new().dscp(46).connect(&b, "192.0.2.1:80")?;
    /// assert_eq!(stream.dscp()?, 46);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect(&self, host: &Host, addr: impl ToSocketAddrs) -> io::Result<TcpStream> {
        let options = self.connect_options(host)?;
        let mut failure = no_addresses();
        for addr in addr.to_socket_addrs(&Resolver::new(host))? {
            match self.open(host, addr, None, &options) {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Connects with these options, as [`TcpStream::connect_timeout`] does.
    ///
    /// Fails as that, and with `InvalidInput` if an option is out of range.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tuntcp::net::SocketOptions;
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let there = listener.local_addr()?;
    /// let stream = SocketOptions::new().connect_timeout(&b, &there, Duration::from_secs(60))?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect_timeout(
        &self,
        host: &Host,
        addr: &SocketAddr,
        timeout: Duration,
    ) -> io::Result<TcpStream> {
        if timeout.is_zero() {
            return Err(zero_timeout());
        }
        self.open(host, *addr, Some(timeout), &self.connect_options(host)?)
    }

    fn open(
        &self,
        host: &Host,
        addr: SocketAddr,
        timeout: Option<Duration>,
        options: &ConnectOptions,
    ) -> io::Result<TcpStream> {
        let now = host.clock().now();
        let deadline = timeout.map(|timeout| now + timeout);
        let socket = host.engine().connect_as(now, self.local, addr, options)?;
        let stream = TcpStream::wait_open(host.leads(), socket, deadline)?;
        if self.linger.is_some() {
            stream.set_linger(self.linger)?;
        }
        Ok(stream)
    }

    fn connect_options(&self, host: &Host) -> io::Result<ConnectOptions> {
        let mut options = ConnectOptions::new(self.config(host)?);
        options.ports = self.checked_ports()?;
        options.reuse_address = self.reuse_address;
        options.transparent = self.transparent;
        Ok(options)
    }

    fn checked_ports(&self) -> io::Result<Option<RangeInclusive<u16>>> {
        match &self.ports {
            Some(range) if range.is_empty() || range.contains(&0) => {
                Err(invalid("ephemeral ports: a range from 1 to 65535 is wanted"))
            }
            ports => Ok(ports.clone()),
        }
    }

    /// The host's configuration, changed.
    fn config(&self, host: &Host) -> io::Result<Arc<Config>> {
        let mut config = host.engine().tcp_config();
        if !self.changes.is_empty() {
            let config = Arc::make_mut(&mut config);
            for change in &self.changes {
                change.apply(config)?;
            }
        }
        Ok(config)
    }
}
