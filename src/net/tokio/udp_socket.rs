//! `UdpSocket`, as in tokio.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::engine::Readiness;
use crate::net::source::Watching;
use crate::net::{self, Resolver, ToSocketAddrs};
use crate::runtime::Host;

use super::names::addresses;
use super::wakers::Wakers;

/// A UDP socket whose datagrams are awaited, as `tokio::net::UdpSocket`. Any number of tasks may wait;
/// a future that is dropped has taken nothing.
///
/// ```
/// use tuntcp::net::tokio::UdpSocket;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let (a, b) = tuntcp::runtime::memory_pair()?;
/// let server = UdpSocket::bind(&a, "192.0.2.1:7").await?;
/// let client = UdpSocket::bind(&b, "0.0.0.0:0").await?;
/// client.send_to(b"hello", "192.0.2.1:7").await?;
///
/// let mut buf = [0; 100];
/// let (len, from) = server.recv_from(&mut buf).await?;
/// server.send_to(&buf[..len], from).await?;
/// assert_eq!(client.recv(&mut buf).await?, 5);
/// # Ok::<(), std::io::Error>(())
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UdpSocket {
    socket: net::UdpSocket,
    wakers: Arc<Wakers>,
}

impl UdpSocket {
    /// Binds a socket to `addr` of `host`, as [`tuntcp::UdpSocket::bind`](net::UdpSocket::bind).
    ///
    /// Fails as that does.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::net::tokio::UdpSocket::bind(&host, "0.0.0.0:0").await?;
    /// assert_ne!(socket.get_ref().local_addr()?.port(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn bind(host: &Host, addr: impl ToSocketAddrs) -> io::Result<Self> {
        let addrs = addresses(&Resolver::new(host), addr).await?;
        Self::new(net::UdpSocket::bind(host, addrs.as_slice())?)
    }

    /// The same socket, for tasks. It and its clones are non-blocking from now on.
    ///
    /// Fails with `AlreadyExists` if it is registered with a [`Poller`](net::Poller) or serves tasks
    /// already.
    ///
    /// ```
    /// # let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&host, "192.0.2.1:7")?;
    /// let socket = tuntcp::net::tokio::UdpSocket::new(socket)?;
    /// assert_eq!(socket.get_ref().local_addr()?.port(), 7);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(socket: net::UdpSocket) -> io::Result<Self> {
        let wakers = Wakers::watch(&socket)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, wakers })
    }

    /// Waits for a datagram; how much of it there was room for, and who sent it.
    ///
    /// Fails as [`tuntcp::UdpSocket::recv_from`](net::UdpSocket::recv_from) does.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// use tuntcp::net::tokio::UdpSocket;
    ///
    /// let socket = UdpSocket::bind(&a, "192.0.2.1:7").await?;
    /// let peer = UdpSocket::bind(&b, "192.0.2.2:9").await?;
    /// peer.send_to(b"hello", "192.0.2.1:7").await?;
    /// let (len, from) = socket.recv_from(&mut [0; 9]).await?;
    /// assert_eq!((len, from.port()), (5, 9));
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.wakers.call(Readiness::READABLE, || self.socket.recv_from(buf)).await
    }

    /// As [`recv_from`](Self::recv_from), and the datagram is left to be received again.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # use tuntcp::net::tokio::UdpSocket;
    /// let socket = UdpSocket::bind(&a, "192.0.2.1:7").await?;
    /// let peer = UdpSocket::bind(&b, "192.0.2.2:9").await?;
    /// peer.send_to(b"hello", "192.0.2.1:7").await?;
    /// assert_eq!(socket.peek_from(&mut [0; 9]).await?.0, 5);
    /// assert_eq!(socket.recv_from(&mut [0; 9]).await?.0, 5);
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.wakers.call(Readiness::READABLE, || self.socket.peek_from(buf)).await
    }

    /// As [`recv_from`](Self::recv_from), without the sender.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # use tuntcp::net::tokio::UdpSocket;
    /// let socket = UdpSocket::bind(&a, "192.0.2.1:7").await?;
    /// let peer = UdpSocket::bind(&b, "192.0.2.2:9").await?;
    /// peer.send_to(b"hello", "192.0.2.1:7").await?;
    /// assert_eq!(socket.recv(&mut [0; 9]).await?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.wakers.call(Readiness::READABLE, || self.socket.recv(buf)).await
    }

    /// As [`peek_from`](Self::peek_from), without the sender.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # use tuntcp::net::tokio::UdpSocket;
    /// let socket = UdpSocket::bind(&a, "192.0.2.1:7").await?;
    /// let peer = UdpSocket::bind(&b, "192.0.2.2:9").await?;
    /// peer.send_to(b"hello", "192.0.2.1:7").await?;
    /// assert_eq!(socket.peek(&mut [0; 9]).await?, 5);
    /// assert_eq!(socket.recv(&mut [0; 9]).await?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.wakers.call(Readiness::READABLE, || self.socket.peek(buf)).await
    }

    /// Sends a datagram to `addr`; of several addresses, to the first. It waits for nothing
    /// but the answers of name servers.
    ///
    /// Fails as [`tuntcp::UdpSocket::send_to`](net::UdpSocket::send_to) does.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::net::tokio::UdpSocket::bind(&host, "0.0.0.0:0").await?;
    /// assert_eq!(socket.send_to(b"hello", "192.0.2.2:9").await?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn send_to(&self, buf: &[u8], addr: impl ToSocketAddrs) -> io::Result<usize> {
        let addrs = addresses(self.socket.resolver(), addr).await?;
        self.socket.send_to(buf, addrs.as_slice())
    }

    /// Chooses the peer, as [`tuntcp::UdpSocket::connect`](net::UdpSocket::connect) does.
    ///
    /// Fails as that does.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::net::tokio::UdpSocket::bind(&host, "0.0.0.0:0").await?;
    /// socket.connect("192.0.2.2:9").await?;
    /// assert_eq!(socket.get_ref().peer_addr()?.port(), 9);
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn connect(&self, addr: impl ToSocketAddrs) -> io::Result<()> {
        let addrs = addresses(self.socket.resolver(), addr).await?;
        self.socket.connect(addrs.as_slice())
    }

    /// As [`send_to`](Self::send_to), to the peer.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::net::tokio::UdpSocket::bind(&host, "0.0.0.0:0").await?;
    /// socket.connect("192.0.2.2:9").await?;
    /// assert_eq!(socket.send(b"hello").await?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket.send(buf)
    }

    /// The socket below, for its addresses and settings.
    ///
    /// ```
    /// # let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&host, "192.0.2.1:7")?;
    /// let socket = tuntcp::net::tokio::UdpSocket::new(socket)?;
    /// socket.get_ref().set_broadcast(true)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn get_ref(&self) -> &net::UdpSocket {
        &self.socket
    }
}

impl Drop for UdpSocket {
    /// A clone of the socket below may live on, for others to watch.
    fn drop(&mut self) {
        self.socket.watched().set_watcher(None);
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket.fmt(f)
    }
}
