//! What a poller can wait for, and how a connection is opened for one.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::engine::Watched;
use crate::runtime::Host;

use super::{RawSocket, SocketOptions, TcpListener, TcpStream, UdpSocket};

/// What can be registered with a [`Poller`](super::Poller): [`TcpStream`], [`TcpListener`],
/// [`UdpSocket`] and [`RawSocket`].
///
/// All clones of a socket are one source.
pub trait Source: Watching {}

impl<S: Watching> Source for S {}

/// What has readiness, and may have one who is told of it.
pub trait Watching {
    /// What is watched, and asked.
    fn watched(&self) -> Arc<dyn Watched>;
}

impl Watching for TcpStream {
    fn watched(&self) -> Arc<dyn Watched> {
        self.endpoint.socket.watched()
    }
}

impl Watching for TcpListener {
    fn watched(&self) -> Arc<dyn Watched> {
        self.shared.listener.watched()
    }
}

impl Watching for UdpSocket {
    fn watched(&self) -> Arc<dyn Watched> {
        self.shared.endpoint.watched()
    }
}

impl Watching for RawSocket {
    fn watched(&self) -> Arc<dyn Watched> {
        self.shared.endpoint.watched()
    }
}

impl TcpStream {
    /// Begins to open a connection from `host` to `addr` and returns at once: the stream is
    /// non-blocking, reads and writes fail with `WouldBlock` until it is open. Then it is writable,
    /// which a [`Poller`](super::Poller) tells, and [`take_error`](Self::take_error) has nothing to
    /// say; or it has the error that [`connect`](Self::connect) would have failed with.
    ///
    /// Fails with `AddrNotAvailable` if no port is free, with `NetworkUnreachable` if nobody can have
    /// that address, with `NetworkDown` if the host's device is gone.
    ///
    /// ```
    /// use tuntcp::net::{Interest, Poller};
    /// use tuntcp::{TcpListener, TcpStream};
    ///
    /// let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let listener = TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let addr = listener.local_addr()?;
    /// let stream = TcpStream::connect_nonblocking(&b, &addr)?;
    ///
    /// let poller = Poller::new(&b);
    /// poller.register(&stream, 0, Interest::WRITABLE)?;
    /// let mut events = Vec::new();
    /// poller.wait(&mut events, None)?;
    /// assert!(events[0].is_writable());
    /// assert!(stream.take_error()?.is_none(), "it is open");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect_nonblocking(host: &Host, addr: &SocketAddr) -> io::Result<Self> {
        SocketOptions::new().connect_nonblocking(host, addr)
    }
}
