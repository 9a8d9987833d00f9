//! `UdpSocket`, as in std.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::{Datagram, UdpEndpoint};
use crate::runtime::Host;

use super::error::no_addresses;
use super::waiting::{Waiting, fill};
use super::{Resolver, ToSocketAddrs};

/// A UDP socket, as [`std::net::UdpSocket`].
///
/// Datagrams that arrive faster than they are received wait, up to 416 KiB of them; more are lost. The
/// port is free again when the last clone is dropped.
///
/// ```
/// use tuntcp::UdpSocket;
///
/// let (a, b) = tuntcp::runtime::memory_pair()?;
/// let server = UdpSocket::bind(&a, "192.0.2.1:7")?;
/// let client = UdpSocket::bind(&b, "0.0.0.0:0")?;
/// client.send_to(b"hello", "192.0.2.1:7")?;
///
/// let mut buf = [0; 100];
/// let (len, from) = server.recv_from(&mut buf)?;
/// server.send_to(&buf[..len], from)?;
/// assert_eq!(client.recv(&mut buf)?, 5);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UdpSocket {
    pub(super) shared: Arc<Shared>,
}

/// What the clones of a socket share.
pub(super) struct Shared {
    pub(super) endpoint: UdpEndpoint,
    pub(super) waiting: Waiting,
    /// For names that it is given later.
    resolver: Resolver,
}

impl UdpSocket {
    /// Binds a socket to `addr` of `host`. An unspecified address (`0.0.0.0`) stands for all of the
    /// host's, that of IPv6 (`::`) for those of both families; port 0 for a free one. The address of a
    /// group or a broadcast address gets what is sent there. Of several addresses the first that works
    /// is taken.
    ///
    /// Fails with `AddrInUse` if a socket is bound there already, with `AddrNotAvailable` if the host
    /// does not have that address, with `NetworkDown` if its device is gone.
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use tuntcp::UdpSocket;
    ///
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let socket = UdpSocket::bind(&host, "0.0.0.0:53")?;
    /// let second = UdpSocket::bind(&host, "192.0.2.1:53");
    /// assert_eq!(second.unwrap_err().kind(), ErrorKind::AddrInUse);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind(host: &Host, addr: impl ToSocketAddrs) -> io::Result<Self> {
        Self::bind_on(&Resolver::new(host), addr)
    }

    pub(super) fn bind_on(resolver: &Resolver, addr: impl ToSocketAddrs) -> io::Result<Self> {
        let mut failure = no_addresses();
        for addr in addr.to_socket_addrs(resolver)? {
            match resolver.engine().udp(addr) {
                Ok(endpoint) => return Ok(Self::new(resolver, endpoint)),
                Err(error) => failure = error.into(),
            }
        }
        Err(failure)
    }

    /// A socket that gets what is sent to `port`, or to any port if it is 0, of whatever address is
    /// routed to `host`, its own included, where no other socket is bound: for proxies and tunnels.
    /// [`recv_from_to`](Self::recv_from_to) tells where a datagram was sent,
    /// [`send_from_to`](Self::send_from_to) answers from there; what `send_to` sends for any port says
    /// that there is none to answer to (RFC 768: 0). Broadcasts and groups are not for it, nor is what
    /// the network says of datagrams that were sent in somebody else's name.
    ///
    /// Fails with `AddrInUse` if there is one for that port already, and as [`bind`](Self::bind) does.
    ///
    /// ```
    /// use tuntcp::UdpSocket;
    ///
    /// let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let everything = UdpSocket::bind_transparent(&a, 0)?;
    /// let client = UdpSocket::bind(&b, "0.0.0.0:0")?;
    /// // The wire between the two leads everywhere.
    /// client.connect("198.51.100.7:1234")?;
    /// client.send(b"who is there?")?;
    ///
    /// let mut buf = [0; 100];
    /// let (_, from, to) = everything.recv_from_to(&mut buf)?;
    /// assert_eq!(to.to_string(), "198.51.100.7:1234");
    /// everything.send_from_to(b"I am", to, from)?;
    /// assert_eq!(client.recv(&mut buf)?, 4);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind_transparent(host: &Host, port: u16) -> io::Result<Self> {
        Ok(Self::new(&Resolver::new(host), host.engine().udp_transparent(port)?))
    }

    /// Looks names up for its host.
    pub(super) fn resolver(&self) -> &Resolver {
        &self.shared.resolver
    }

    fn new(resolver: &Resolver, endpoint: UdpEndpoint) -> Self {
        let (waiting, resolver) = (Waiting::new(resolver.leads()), resolver.clone());
        Self { shared: Arc::new(Shared { endpoint, waiting, resolver }) }
    }

    /// Waits for a datagram, unless `set_nonblocking` was called, and copies as much of it as `buf` has
    /// room for; the rest of it is lost. How much that is, and who sent it.
    ///
    /// Fails with `WouldBlock` if it may not wait (any longer), with `NetworkDown` if the host was
    /// dropped or its device is gone; and, once for each time, with what the network says of a datagram
    /// that was sent to the socket's peer: mostly `ConnectionRefused`, for nobody is at that port.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "192.0.2.1:7")?;
    /// let peer = tuntcp::UdpSocket::bind(&b, "192.0.2.2:9")?;
    /// peer.send_to(b"hello", "192.0.2.1:7")?;
    /// let mut buf = [0; 4];
    /// assert_eq!(socket.recv_from(&mut buf)?, (4, peer.local_addr()?));
    /// assert_eq!(&buf, b"hell");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let next = self.next(false)?;
        Ok((fill(buf, &next.payload), next.from))
    }

    /// As [`recv_from`](Self::recv_from), and the datagram is left to be received again.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "192.0.2.1:7")?;
    /// let peer = tuntcp::UdpSocket::bind(&b, "192.0.2.2:9")?;
    /// peer.send_to(b"hello", "192.0.2.1:7")?;
    /// assert_eq!(socket.peek_from(&mut [0; 9])?, (5, peer.local_addr()?));
    /// assert_eq!(socket.recv_from(&mut [0; 9])?, (5, peer.local_addr()?));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let next = self.next(true)?;
        Ok((fill(buf, &next.payload), next.from))
    }

    /// As [`recv_from`](Self::recv_from), and where the datagram was sent: which of the host's
    /// addresses, which group, or with [`bind_transparent`](Self::bind_transparent) whatever address
    /// and port.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "0.0.0.0:7")?;
    /// let peer = tuntcp::UdpSocket::bind(&b, "192.0.2.2:9")?;
    /// peer.send_to(b"hello", "192.0.2.1:7")?;
    /// let (_, from, to) = socket.recv_from_to(&mut [0; 9])?;
    /// assert_eq!((from, to.to_string()), (peer.local_addr()?, "192.0.2.1:7".to_string()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn recv_from_to(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr, SocketAddr)> {
        let next = self.next(false)?;
        Ok((fill(buf, &next.payload), next.from, next.to))
    }

    /// Sends a datagram to `addr`; of several addresses, to the first. It does not wait: what cannot
    /// be taken is lost, as on any wire. More than the MTU goes in fragments.
    ///
    /// Fails with `InvalidInput` if there is no address or its port is 0, with `PermissionDenied` if it
    /// is a broadcast address and [`set_broadcast`](Self::set_broadcast) does not allow it, with
    /// `NetworkUnreachable` if no host can be there, with Linux's `EMSGSIZE` beyond 65,507 bytes
    /// (65,527 with IPv6), `EAFNOSUPPORT` if the socket does not speak that family; with `NetworkDown`
    /// if the host is gone; and as [`recv_from`](Self::recv_from) with what the network says of an
    /// earlier one.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "192.0.2.1:7")?;
    /// assert_eq!(socket.send_to(b"hello", "192.0.2.2:9")?, 5);
    /// assert_eq!(socket.send_to(&[0; 65_508], "192.0.2.2:9").unwrap_err().raw_os_error(), Some(90));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_to(&self, buf: &[u8], addr: impl ToSocketAddrs) -> io::Result<usize> {
        let to = addr.to_socket_addrs(self.resolver())?.next().ok_or_else(no_addresses)?;
        self.shared.endpoint.send_to(self.shared.waiting.now(), buf, to)?;
        Ok(buf.len())
    }

    /// As [`send_to`](Self::send_to), in the name of `from`: any address and port if the socket is
    /// [transparent](Self::bind_transparent), otherwise an address of the host's and the socket's port.
    ///
    /// Fails with `AddrNotAvailable` for another one, and as `send_to` does.
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "0.0.0.0:7")?;
    /// let parse = |text: &str| text.parse().expect("an address and a port");
    /// let to = parse("192.0.2.2:9");
    /// socket.send_from_to(b"hello", parse("192.0.2.1:7"), to)?;
    /// let lie = socket.send_from_to(b"hello", parse("198.51.100.1:7"), to);
    /// assert_eq!(lie.unwrap_err().kind(), ErrorKind::AddrNotAvailable);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_from_to(&self, buf: &[u8], from: SocketAddr, to: SocketAddr) -> io::Result<usize> {
        self.shared.endpoint.send_from_to(self.shared.waiting.now(), buf, from, to)?;
        Ok(buf.len())
    }

    /// Chooses the peer: what others send is not received from now on, `send` sends to it, and what
    /// the network says of that is told. Nothing is sent yet. Of several addresses the first that can
    /// be reached is taken.
    ///
    /// Fails with `NetworkUnreachable`, `PermissionDenied` or `EAFNOSUPPORT` as
    /// [`send_to`](Self::send_to) does.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "0.0.0.0:0")?;
    /// socket.connect("192.0.2.2:9")?;
    /// assert_eq!(socket.local_addr()?.ip().to_string(), "192.0.2.1");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect(&self, addr: impl ToSocketAddrs) -> io::Result<()> {
        let mut failure = no_addresses();
        for addr in addr.to_socket_addrs(self.resolver())? {
            match self.shared.endpoint.connect(addr) {
                Ok(()) => return Ok(()),
                Err(error) => failure = error.into(),
            }
        }
        Err(failure)
    }

    /// As [`send_to`](Self::send_to), to the peer.
    ///
    /// Fails with Linux's `EDESTADDRREQ` if none was chosen, and as `send_to` does.
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "0.0.0.0:0")?;
    /// assert_eq!(socket.send(b"hello").unwrap_err().raw_os_error(), Some(89));
    /// socket.connect("192.0.2.2:9")?;
    /// assert_eq!(socket.send(b"hello")?, 5);
    /// // Nobody is there, and the network says so.
    /// assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.shared.endpoint.send(self.shared.waiting.now(), buf)?;
        Ok(buf.len())
    }

    /// As [`recv_from`](Self::recv_from), without the sender.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "192.0.2.1:7")?;
    /// let peer = tuntcp::UdpSocket::bind(&b, "192.0.2.2:9")?;
    /// socket.connect("192.0.2.2:9")?;
    /// peer.send_to(b"hello", "192.0.2.1:7")?;
    /// assert_eq!(socket.recv(&mut [0; 9])?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(fill(buf, &self.next(false)?.payload))
    }

    /// As [`peek_from`](Self::peek_from), without the sender.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "192.0.2.1:7")?;
    /// let peer = tuntcp::UdpSocket::bind(&b, "192.0.2.2:9")?;
    /// socket.connect("192.0.2.2:9")?;
    /// peer.send_to(b"hello", "192.0.2.1:7")?;
    /// assert_eq!(socket.peek(&mut [0; 9])?, 5);
    /// assert_eq!(socket.recv(&mut [0; 9])?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(fill(buf, &self.next(true)?.payload))
    }

    fn next(&self, peek: bool) -> io::Result<Datagram> {
        let Shared { endpoint, waiting, .. } = &*self.shared;
        let take = || if peek { endpoint.peek() } else { endpoint.receive() };
        waiting.next(endpoint.engine(), endpoint.inbox(), take)
    }

    /// The peer's address.
    ///
    /// Fails with `NotConnected` if none was chosen.
    ///
    /// ```
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "0.0.0.0:0")?;
    /// assert_eq!(socket.peer_addr().unwrap_err().kind(), std::io::ErrorKind::NotConnected);
    /// socket.connect("192.0.2.2:9")?;
    /// assert_eq!(socket.peer_addr()?.to_string(), "192.0.2.2:9");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        let peer = self.shared.endpoint.peer_addr();
        peer.ok_or_else(|| io::Error::new(io::ErrorKind::NotConnected, "no peer was chosen"))
    }

    /// Where it is bound; until a peer is chosen, the address may be unspecified.
    ///
    /// ```
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "192.0.2.1:7")?;
    /// assert_eq!(socket.local_addr()?.to_string(), "192.0.2.1:7");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.shared.endpoint.local_addr())
    }

    /// Another handle of the same socket: each datagram is received by one of them.
    ///
    /// ```
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "192.0.2.1:0")?;
    /// assert_eq!(socket.try_clone()?.local_addr()?, socket.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { shared: Arc::clone(&self.shared) })
    }

    /// Sets how long a call that receives waits at most: it fails with `WouldBlock` then. `None` waits
    /// for ever. Holds for all clones.
    ///
    /// Fails with `InvalidInput` if it is zero.
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use std::time::Duration;
    ///
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "192.0.2.1:7")?;
    /// socket.set_read_timeout(Some(Duration::from_millis(10)))?;
    /// assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.shared.waiting.set_read_timeout(timeout)
    }

    /// How long a call that receives waits at most.
    ///
    /// ```
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "192.0.2.1:7")?;
    /// assert_eq!(socket.read_timeout()?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.shared.waiting.read_timeout())
    }

    /// Sets how long a call that sends waits at most: none ever waits, and so it is only remembered.
    ///
    /// Fails with `InvalidInput` if it is zero.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "192.0.2.1:7")?;
    /// socket.set_write_timeout(Some(Duration::from_secs(1)))?;
    /// assert_eq!(socket.write_timeout()?, Some(Duration::from_secs(1)));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.shared.waiting.set_write_timeout(timeout)
    }

    /// How long a call that sends waits at most.
    ///
    /// ```
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "192.0.2.1:7")?;
    /// assert_eq!(socket.write_timeout()?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.shared.waiting.write_timeout())
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = &self.shared.endpoint;
        f.debug_struct("UdpSocket")
            .field("addr", &endpoint.local_addr())
            .field("peer", &endpoint.peer_addr())
            .finish_non_exhaustive()
    }
}
