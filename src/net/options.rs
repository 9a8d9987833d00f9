//! What may be chosen before a socket is opened: as `setsockopt` between `socket` and `listen` or
//! `connect`.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::changes::Change;
#[cfg(doc)]
use super::{TcpListener, TcpStream};

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
    pub(super) local: Option<SocketAddr>,
    pub(super) ports: Option<RangeInclusive<u16>>,
    pub(super) backlog: Option<usize>,
    pub(super) reuse_address: bool,
    pub(super) reuse_port: bool,
    pub(super) transparent: bool,
    pub(super) only_v6: bool,
    pub(super) defer_accept: Option<Duration>,
    pub(super) fast_open: bool,
    pub(super) fast_open_queue: usize,
    pub(super) linger: Option<Duration>,
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
            fast_open: false,
            fast_open_queue: 0,
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
    /// takes both, and shows those of IPv4 mapped, as `::ffff:192.0.2.2`.
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

    /// TCP Fast Open for connections from here (`TCP_FASTOPEN_CONNECT` of Linux; RFC 7413):
    /// [`connect_with_data`](Self::connect_with_data) sends its data with the SYN to servers that have
    /// given us a cookie, and any connect asks for one where there is none. Default off: what goes
    /// with a SYN may arrive twice, so it must be something that may.
    ///
    /// Where a SYN like that is lost the server is not asked again for an hour.
    ///
    /// ```
    /// # use tuntcp::net::SocketOptions;
    /// let options = SocketOptions::new().fast_open(true);
    /// ```
    #[must_use]
    pub const fn fast_open(mut self, fast_open: bool) -> Self {
        self.fast_open = fast_open;
        self
    }

    /// TCP Fast Open for connections that arrive (`TCP_FASTOPEN` of Linux; RFC 7413): a connection
    /// whose peer has a cookie of ours is accepted with the data of its SYN, and may be answered at
    /// once. At most so many wait at a time for their peer to show that it is where it says; others
    /// open as ever. Default 0: none. What is accepted like that may arrive twice.
    ///
    /// ```
    /// use std::io::Read;
    /// use tuntcp::net::SocketOptions;
    ///
    /// let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let listener = SocketOptions::new().fast_open_queue(16).listen(&a, "192.0.2.1:80")?;
    /// let fast = SocketOptions::new().fast_open(true);
    /// // The first one brings the cookie home.
    /// for _ in 0..2 {
    ///     let client = fast.connect_with_data(&b, "192.0.2.1:80", b"hello")?;
    ///     let mut text = [0; 5];
    ///     listener.accept()?.0.read_exact(&mut text)?;
    ///     assert_eq!(&text, b"hello");
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub const fn fast_open_queue(mut self, connections: usize) -> Self {
        self.fast_open_queue = connections;
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
