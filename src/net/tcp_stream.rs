//! `TcpStream`, as in std.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::engine::Socket;
use crate::runtime::Host;
use crate::runtime::lead::Lead;
use crate::tcp::{self, Info, KeepAlive};
use crate::time::Instant;

use super::endpoint::Endpoint;
use super::error::zero_timeout;
use super::{SocketOptions, ToSocketAddrs};

/// A TCP connection between this host and a peer, as [`std::net::TcpStream`].
///
/// Dropping the last clone closes the connection: what was written is still sent, in the
/// background; the peer is reset instead if something unread had arrived, for it was lost.
///
/// ```
/// use std::io::{Read, Write};
/// use tuntcp::{TcpListener, TcpStream};
///
/// let (a, b) = tuntcp::runtime::memory_pair()?;
/// let listener = TcpListener::bind(&a, "192.0.2.1:80")?;
/// let mut stream = TcpStream::connect(&b, "192.0.2.1:80")?;
/// let (mut peer, _) = listener.accept()?;
///
/// stream.write_all(&[1])?;
/// let mut byte = [0];
/// peer.read_exact(&mut byte)?;
/// assert_eq!(byte, [1]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpStream {
    pub(super) endpoint: Arc<Endpoint>,
}

impl TcpStream {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint: Arc::new(endpoint) }
    }

    /// Opens a connection from `host` to `addr` and waits until it is open. Of several addresses
    /// (names are looked up by the host, see [`ToSocketAddrs`]) the first that answers is taken.
    ///
    /// Fails with `ConnectionRefused`, `TimedOut`, `HostUnreachable` or `NetworkUnreachable`, as
    /// the peer or the network says; with `AddrNotAvailable` if no port is free, with
    /// `NetworkDown` if the host's device is gone; for a name as
    /// [`Resolver::lookup`](super::Resolver::lookup) does.
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use tuntcp::TcpStream;
    ///
    /// let (_peer, host) = tuntcp::runtime::memory_pair()?;
    /// let error = TcpStream::connect(&host, "192.0.2.1:80").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect(host: &Host, addr: impl ToSocketAddrs) -> io::Result<Self> {
        SocketOptions::new().connect(host, addr)
    }

    /// As [`connect`](Self::connect), to one address and for at most `timeout`; `TimedOut` then.
    ///
    /// Fails with `InvalidInput` if `timeout` is zero.
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use std::time::Duration;
    /// use tuntcp::TcpStream;
    ///
    /// let (_peer, host) = tuntcp::runtime::memory_pair()?;
    /// let nobody = "192.0.2.99:80".parse().expect("an address and a port");
    /// let error = TcpStream::connect_timeout(&host, &nobody, Duration::from_millis(10)).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::TimedOut);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect_timeout(host: &Host, addr: &SocketAddr, timeout: Duration) -> io::Result<Self> {
        SocketOptions::new().connect_timeout(host, addr, timeout)
    }

    /// Waits until `socket`, which opens to `addr`, is open: until `deadline` at most.
    pub(super) fn wait_open(
        leads: &Arc<[Lead]>,
        socket: Socket,
        addr: SocketAddr,
        deadline: Option<Instant>,
    ) -> io::Result<Self> {
        let deadline = deadline.unwrap_or(Instant::NEVER);
        while !socket.opened()? {
            let now = leads[0].now();
            if deadline.is_due(now) {
                // The socket is dropped: an attempt that nobody answered leaves no trace.
                return Err(tcp::Error::TimedOut.into());
            }
            socket.wait_writable((!deadline.is_never()).then(|| deadline - now));
        }
        Ok(Self::new(Endpoint::new(socket, addr.is_ipv6(), leads)))
    }

    /// The peer's address; also when the connection is over.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// assert_eq!(stream.peer_addr()?.to_string(), "192.0.2.1:80");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.endpoint.peer_addr())
    }

    /// Our own address.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// assert_eq!(stream.local_addr()?.ip().to_string(), "192.0.2.2");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.endpoint.local_addr())
    }

    /// Ends reading, writing or both, for all clones. The peer reads the end of what was written
    /// (RFC 9293 3.10.4); what it sends after reading was ended is thrown away.
    ///
    /// Fails with `NotConnected` if the connection is over.
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use std::net::Shutdown;
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let mut stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// let (mut peer, _) = listener.accept()?;
    /// stream.write_all(b"that is all")?;
    /// stream.shutdown(Shutdown::Write)?;
    /// let mut text = String::new();
    /// peer.read_to_string(&mut text)?;
    /// assert_eq!(text, "that is all");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        Ok(self.endpoint.socket.shutdown(self.endpoint.now(), how)?)
    }

    /// Another handle of the same connection; options hold for all. The connection is closed when
    /// the last handle is dropped.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// let mut reader = stream.try_clone()?;
    /// let mut writer = stream;
    /// let thread = std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
    /// # drop(listener.accept()?);
    /// # drop(writer);
    /// # thread.join().expect("no panic")?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { endpoint: Arc::clone(&self.endpoint) })
    }

    /// How long a read may wait; then it fails with `WouldBlock`, as on Linux. `None`, the
    /// default: for ever.
    ///
    /// Fails with `InvalidInput` for a timeout of zero.
    ///
    /// ```
    /// use std::io::{ErrorKind, Read};
    /// use std::time::Duration;
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let mut stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// stream.set_read_timeout(Some(Duration::from_millis(10)))?;
    /// assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        let timeout = checked(timeout)?;
        self.endpoint.set_options(|options| options.read_timeout = timeout);
        Ok(())
    }

    /// How long a write may wait for room; then it returns what it could write, or fails with
    /// `WouldBlock` if that is nothing. `None`, the default: for ever.
    ///
    /// Fails with `InvalidInput` for a timeout of zero.
    ///
    /// ```
    /// use std::io::{ErrorKind, Write};
    /// use std::time::Duration;
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let mut stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// stream.set_write_timeout(Some(Duration::from_millis(10)))?;
    /// // Nobody reads: at last both ends' buffers are full.
    /// let error = stream.write_all(&vec![0; 16 << 20]).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        let timeout = checked(timeout)?;
        self.endpoint.set_options(|options| options.write_timeout = timeout);
        Ok(())
    }

    /// What `set_read_timeout` has set.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// assert_eq!(stream.read_timeout()?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.endpoint.options().read_timeout)
    }

    /// What `set_write_timeout` has set.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// assert_eq!(stream.write_timeout()?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.endpoint.options().write_timeout)
    }

    /// Reads without taking away: the next read returns the same bytes.
    ///
    /// ```
    /// use std::io::{Read, Write};
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let mut stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// let (mut peer, _) = listener.accept()?;
    /// peer.write_all(b"x")?;
    /// let mut byte = [0];
    /// assert_eq!(stream.peek(&mut byte)?, 1);
    /// assert_eq!(stream.read(&mut byte)?, 1);
    /// assert_eq!(&byte, b"x");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.endpoint.receive(buf, true)
    }

    /// `TCP_NODELAY`: small segments are sent at once, not held back while others are unacknowledged
    /// (RFC 9293 3.7.4, MUST-17).
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// stream.set_nodelay(true)?;
    /// assert!(stream.nodelay()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.endpoint.socket.set_nodelay(self.endpoint.now(), nodelay);
        Ok(())
    }

    /// What `set_nodelay` or the host's configuration has set.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// assert!(!stream.nodelay()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn nodelay(&self) -> io::Result<bool> {
        Ok(self.endpoint.socket.nodelay())
    }

    /// Keep-alive (RFC 9293 3.8.4): while the connection is silent, ask now and then whether the
    /// peer is still there; reads and writes fail with `TimedOut` when it is not. `None`: do not.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tuntcp::net::KeepAlive;
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// let keepalive = KeepAlive { idle: Duration::from_secs(60), ..KeepAlive::default() };
    /// stream.set_keepalive(Some(keepalive))?;
    /// assert_eq!(stream.keepalive()?, Some(keepalive));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_keepalive(&self, keepalive: Option<KeepAlive>) -> io::Result<()> {
        self.endpoint.socket.set_keepalive(self.endpoint.now(), keepalive);
        Ok(())
    }

    /// What `set_keepalive` or the host's configuration has set.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// assert_eq!(stream.keepalive()?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn keepalive(&self) -> io::Result<Option<KeepAlive>> {
        Ok(self.endpoint.socket.keepalive())
    }

    /// `SO_LINGER`, what dropping the last clone does: `None`, the default, closes in the
    /// background; zero resets the connection and throws away what was not yet sent; any other
    /// bound makes the drop wait so long until the peer has acknowledged everything.
    ///
    /// ```
    /// use std::io::{ErrorKind, Read};
    /// use std::time::Duration;
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// let (mut peer, _) = listener.accept()?;
    /// stream.set_linger(Some(Duration::ZERO))?;
    /// drop(stream);
    /// assert_eq!(peer.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.endpoint.set_options(|options| options.linger = linger);
        Ok(())
    }

    /// What `set_linger` has set.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// assert_eq!(stream.linger()?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        Ok(self.endpoint.options().linger)
    }

    /// Whether reads and writes fail with `WouldBlock` instead of waiting. Holds for all clones.
    ///
    /// ```
    /// use std::io::{ErrorKind, Read};
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let mut stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// stream.set_nonblocking(true)?;
    /// assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.endpoint.set_nonblocking(nonblocking);
        Ok(())
    }

    /// The error that ended the connection (`SO_ERROR`), unless a read or write has reported it.
    /// It is told once.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// assert!(stream.take_error()?.is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(self.endpoint.socket.take_error().map(Into::into))
    }

    /// What the stack knows of the connection (`TCP_INFO`).
    ///
    /// ```
    /// use tuntcp::net::State;
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// assert_eq!(stream.info().state, State::Established);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn info(&self) -> Info {
        self.endpoint.socket.info(self.endpoint.now())
    }
}

/// Refuses a timeout of zero.
fn checked(timeout: Option<Duration>) -> io::Result<Option<Duration>> {
    match timeout {
        Some(Duration::ZERO) => Err(zero_timeout()),
        timeout => Ok(timeout),
    }
}

impl Read for &TcpStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.endpoint.receive(buf, false)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.endpoint.receive_vectored(bufs)
    }
}

impl Write for &TcpStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.endpoint.send(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.endpoint.send(bufs)
    }

    /// Does nothing: what was written is on its way.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for TcpStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(bufs)
    }
}

impl Write for TcpStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bufs)
    }

    /// Does nothing: what was written is on its way.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpStream")
            .field("addr", &self.endpoint.local_addr())
            .field("peer", &self.endpoint.peer_addr())
            .finish_non_exhaustive()
    }
}
