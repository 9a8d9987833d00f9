//! `TcpListener`, as in tokio.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::engine::Readiness;
use crate::net::source::Watching;
use crate::net::{self, Resolver, ToSocketAddrs};
use crate::runtime::Host;

use super::TcpStream;
use super::names::addresses;
use super::wakers::Wakers;

/// A TCP server whose connections are awaited, as `tokio::net::TcpListener`.
///
/// ```
/// use tuntcp::net::tokio::{TcpListener, TcpStream};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let (a, b) = tuntcp::runtime::memory_pair()?;
/// let listener = TcpListener::bind(&a, "192.0.2.1:80").await?;
/// let client = TcpStream::connect(&b, "192.0.2.1:80").await?;
/// let (server, addr) = listener.accept().await?;
/// assert_eq!(addr, client.local_addr()?);
/// assert_eq!(server.peer_addr()?, addr);
/// # Ok::<(), std::io::Error>(())
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpListener {
    listener: net::TcpListener,
    wakers: Arc<Wakers>,
}

impl TcpListener {
    /// Listens at `addr` of `host`, as [`tuntcp::TcpListener::bind`](net::TcpListener::bind).
    ///
    /// Fails as that does.
    ///
    /// ```
    /// use tuntcp::net::tokio::TcpListener;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let listener = TcpListener::bind(&host, "192.0.2.1:0").await?;
    /// assert_ne!(listener.local_addr()?.port(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn bind(host: &Host, addr: impl ToSocketAddrs) -> io::Result<Self> {
        let addrs = addresses(&Resolver::new(host), addr).await?;
        Self::new(net::TcpListener::bind(host, addrs.as_slice())?)
    }

    /// The same listener, for tasks. It and its clones are non-blocking from now on.
    ///
    /// Fails with `AlreadyExists` if it is registered with a [`Poller`](net::Poller) or serves tasks
    /// already.
    ///
    /// ```
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let listener = tuntcp::TcpListener::bind(&host, "192.0.2.1:80")?;
    /// let listener = tuntcp::net::tokio::TcpListener::new(listener)?;
    /// assert_eq!(listener.local_addr()?.port(), 80);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(listener: net::TcpListener) -> io::Result<Self> {
        let wakers = Wakers::watch(&listener)?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, wakers })
    }

    /// The next connection, and who opened it. Any number of tasks may wait; a future that is dropped
    /// has taken none.
    ///
    /// Fails with `NetworkDown` if the host was dropped or its device is gone.
    ///
    /// ```
    /// # use tuntcp::net::tokio::{TcpListener, TcpStream};
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let listener = TcpListener::bind(&a, "192.0.2.1:80").await?;
    /// let client = TcpStream::connect(&b, "192.0.2.1:80").await?;
    /// let (_server, addr) = listener.accept().await?;
    /// assert_eq!(addr, client.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, addr) =
            self.wakers.call(Readiness::READABLE, || self.listener.accept()).await?;
        Ok((TcpStream::new(stream)?, addr))
    }

    /// [`accept`](Self::accept) by hand; the task that polled last is woken.
    ///
    /// ```
    /// use std::future::poll_fn;
    /// # use tuntcp::net::tokio::{TcpListener, TcpStream};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let listener = TcpListener::bind(&a, "192.0.2.1:80").await?;
    /// let client = TcpStream::connect(&b, "192.0.2.1:80").await?;
    /// let (_server, addr) = poll_fn(|cx| listener.poll_accept(cx)).await?;
    /// assert_eq!(addr, client.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let accepted = self.wakers.poll(cx, Readiness::READABLE, || self.listener.accept());
        let (stream, addr) = ready!(accepted)?;
        Poll::Ready(Ok((TcpStream::new(stream)?, addr)))
    }

    /// Where it listens.
    ///
    /// ```
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let listener = tuntcp::TcpListener::bind(&host, "192.0.2.1:80")?;
    /// let listener = tuntcp::net::tokio::TcpListener::new(listener)?;
    /// assert_eq!(listener.local_addr()?.to_string(), "192.0.2.1:80");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The listener below, for its settings.
    ///
    /// ```
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let listener = tuntcp::TcpListener::bind(&host, "192.0.2.1:80")?;
    /// let listener = tuntcp::net::tokio::TcpListener::new(listener)?;
    /// assert_eq!(listener.get_ref().ttl()?, 64);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn get_ref(&self) -> &net::TcpListener {
        &self.listener
    }
}

impl Drop for TcpListener {
    /// A clone of the listener below may live on, for others to watch.
    fn drop(&mut self) {
        self.listener.watched().set_watcher(None);
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.listener.fmt(f)
    }
}
