//! `TcpStream`, as in tokio.

use std::fmt;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::engine::Readiness;
use crate::net::error::{no_addresses, would_block};
use crate::net::source::Watching;
use crate::net::{self, Resolver, ToSocketAddrs};
use crate::runtime::Host;

use super::names::addresses;
use super::split::{OwnedReadHalf, OwnedWriteHalf};
use super::wakers::Wakers;

/// A TCP connection that is read and written by tasks, as `tokio::net::TcpStream`.
///
/// ```
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use tuntcp::net::tokio::{TcpListener, TcpStream};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let (a, b) = tuntcp::runtime::memory_pair()?;
/// let listener = TcpListener::bind(&a, "192.0.2.1:80").await?;
/// let mut stream = TcpStream::connect(&b, "192.0.2.1:80").await?;
/// let (mut peer, _) = listener.accept().await?;
/// stream.write_all(b"hello").await?;
/// let mut text = [0; 5];
/// peer.read_exact(&mut text).await?;
/// assert_eq!(&text, b"hello");
/// # Ok::<(), std::io::Error>(())
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpStream {
    shared: Shared,
}

/// What both halves of a stream have.
pub(super) struct Shared {
    stream: net::TcpStream,
    wakers: Arc<Wakers>,
}

impl TcpStream {
    /// Opens a connection from `host` to `addr`. Of several addresses the first that answers is taken.
    ///
    /// Fails as [`tuntcp::TcpStream::connect`](net::TcpStream::connect) does. A future that is dropped
    /// leaves no trace.
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use tuntcp::net::tokio::TcpStream;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let (_peer, host) = tuntcp::runtime::memory_pair()?;
    /// let error = TcpStream::connect(&host, "192.0.2.1:80").await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn connect(host: &Host, addr: impl ToSocketAddrs) -> io::Result<Self> {
        let addrs = addresses(&Resolver::new(host), addr).await?;
        let mut failure = no_addresses();
        for addr in &addrs {
            match Self::open(host, addr).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn open(host: &Host, addr: &SocketAddr) -> io::Result<Self> {
        let stream = Self::new(net::TcpStream::connect_nonblocking(host, addr)?)?;
        let Shared { stream: opening, wakers } = &stream.shared;
        let opened = || match opening.endpoint.socket.opened()? {
            true => Ok(()),
            false => Err(would_block()),
        };
        wakers.call(Readiness::WRITABLE, opened).await?;
        Ok(stream)
    }

    /// The same stream, for tasks. It and its clones are non-blocking from now on.
    ///
    /// Fails with `AlreadyExists` if it is registered with a [`Poller`](net::Poller) or serves tasks
    /// already.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// let stream = tuntcp::net::tokio::TcpStream::new(stream)?;
    /// assert_eq!(stream.peer_addr()?.port(), 80);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(stream: net::TcpStream) -> io::Result<Self> {
        let wakers = Wakers::watch(&stream)?;
        stream.set_nonblocking(true)?;
        Ok(Self { shared: Shared { stream, wakers } })
    }

    /// The peer's address; also when the connection is over.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// # let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// let stream = tuntcp::net::tokio::TcpStream::new(stream)?;
    /// assert_eq!(stream.peer_addr()?.to_string(), "192.0.2.1:80");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.get_ref().peer_addr()
    }

    /// Our own address.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// # let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// let stream = tuntcp::net::tokio::TcpStream::new(stream)?;
    /// assert_eq!(stream.local_addr()?.ip().to_string(), "192.0.2.2");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.get_ref().local_addr()
    }

    /// The stream below, for its settings and for what the stack knows of the connection.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// # let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// let stream = tuntcp::net::tokio::TcpStream::new(stream)?;
    /// stream.get_ref().set_nodelay(true)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn get_ref(&self) -> &net::TcpStream {
        &self.shared.stream
    }

    /// Both directions apart, for two tasks. Dropping the half that writes ends writing.
    ///
    /// ```
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// # use tuntcp::net::tokio::{TcpListener, TcpStream};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let listener = TcpListener::bind(&a, "192.0.2.1:80").await?;
    /// let (mut reads, mut writes) = TcpStream::connect(&b, "192.0.2.1:80").await?.into_split();
    /// let (mut peer, _) = listener.accept().await?;
    /// writes.write_all(b"that is all").await?;
    /// drop(writes);
    /// let mut text = String::new();
    /// peer.read_to_string(&mut text).await?;
    /// assert_eq!(text, "that is all");
    /// peer.write_all(b"!").await?;
    /// assert_eq!(reads.read_u8().await?, b'!');
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        let shared = Arc::new(self.shared);
        (OwnedReadHalf::new(Arc::clone(&shared)), OwnedWriteHalf::new(shared))
    }
}

impl Shared {
    pub(super) fn poll_read(
        &self,
        cx: &Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let room = buf.initialize_unfilled();
        let read = || (&self.stream).read(room);
        let count = ready!(self.wakers.poll(cx, Readiness::READABLE, read))?;
        buf.advance(count);
        Poll::Ready(Ok(()))
    }

    pub(super) fn poll_write(
        &self,
        cx: &Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.wakers.poll(cx, Readiness::WRITABLE, || (&self.stream).write_vectored(bufs))
    }

    /// Ends writing; as in tokio it does no harm where there is nothing to end.
    pub(super) fn shut_down(&self) -> io::Result<()> {
        match self.stream.shutdown(Shutdown::Write) {
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(()),
            other => other,
        }
    }
}

impl Drop for Shared {
    /// A clone of the stream below may live on, for others to watch.
    fn drop(&mut self) {
        self.stream.watched().set_watcher(None);
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.shared.poll_read(cx, buf)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.shared.poll_write(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.shared.poll_write(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Does nothing: what was written is on its way.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shared.shut_down())
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stream.fmt(f)
    }
}
