//! `TcpListener`, as in std.

use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::engine::{Listener, shown};
use crate::runtime::Host;
use crate::runtime::follower::{self, Waits};
use crate::runtime::lead::{Lead, Term};
use crate::time::Instant;

use super::endpoint::Endpoint;
use super::error::would_block;
use super::{SocketOptions, TcpStream, ToSocketAddrs};

/// A TCP server that listens for connections, as [`std::net::TcpListener`].
///
/// It listens until the last clone is dropped; connections that nobody accepted are reset then.
///
/// ```
/// use std::io::{Read, Write};
/// use std::thread;
/// use tuntcp::{TcpListener, TcpStream};
///
/// let (a, b) = tuntcp::runtime::memory_pair()?;
/// let listener = TcpListener::bind(&a, "192.0.2.1:7")?;
/// let echo = thread::spawn(move || -> std::io::Result<()> {
///     let (stream, _) = listener.accept()?;
///     std::io::copy(&mut &stream, &mut &stream)?;
///     Ok(())
/// });
/// let mut client = TcpStream::connect(&b, "192.0.2.1:7")?;
/// client.write_all(b"hello")?;
/// client.shutdown(std::net::Shutdown::Write)?;
/// let mut answer = String::new();
/// client.read_to_string(&mut answer)?;
/// assert_eq!(answer, "hello");
/// echo.join().expect("the server does not panic")?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpListener {
    pub(super) shared: Arc<Shared>,
}

/// What the clones of a listener share.
pub(super) struct Shared {
    pub(super) listener: Listener,
    /// It listens in terms of IPv6: addresses of IPv4 are shown mapped.
    shows_v6: bool,
    leads: Arc<[Lead]>,
    nonblocking: AtomicBool,
    /// What the streams that are accepted begin with.
    linger: Option<Duration>,
}

impl Shared {
    /// Where it listens, as the application knows it.
    pub(super) fn local_addr(&self) -> SocketAddr {
        shown(self.listener.local_addr(), self.shows_v6)
    }
}

/// One who waits for a connection.
struct Waiter<'a>(&'a Listener);

impl Waits for Waiter<'_> {
    fn is_ready(&self) -> bool {
        self.0.is_acceptable()
    }

    fn try_take<'a>(&self, lead: &'a Lead) -> Option<Term<'a>> {
        lead.try_take_for_anybody()
    }

    fn set_leads(&self, queue: Option<usize>) {
        self.0.set_leads(queue);
    }
}

impl TcpListener {
    /// Listens at `addr` of `host`. An unspecified address (`0.0.0.0`) stands for all of the
    /// host's, that of IPv6 (`::`) for those of both families: who calls by IPv4 is shown mapped then,
    /// as `::ffff:192.0.2.2`. Port 0 stands for a free one. Of several addresses the first that works
    /// is taken.
    ///
    /// Fails with `AddrInUse` if somebody listens there already, with `AddrNotAvailable` if the
    /// host does not have that address, with `NetworkDown` if its device is gone.
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use tuntcp::TcpListener;
    ///
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let listener = TcpListener::bind(&host, "0.0.0.0:80")?;
    /// let second = TcpListener::bind(&host, "192.0.2.1:80");
    /// assert_eq!(second.unwrap_err().kind(), ErrorKind::AddrInUse);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind(host: &Host, addr: impl ToSocketAddrs) -> io::Result<Self> {
        SocketOptions::new().listen(host, addr)
    }

    pub(super) fn new(
        host: &Host,
        listener: Listener,
        shows_v6: bool,
        linger: Option<Duration>,
    ) -> Self {
        let shared = Shared {
            listener,
            shows_v6,
            leads: Arc::clone(host.leads()),
            nonblocking: AtomicBool::new(false),
            linger,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Listens at every address and every port: whatever connection comes to the host's device is
    /// taken, unless another listener names its port or is not transparent, and the stream's
    /// [`local_addr`](TcpStream::local_addr) is where its peer wanted to go. Proxies and tunnels are
    /// made of it. One port, or one address, is chosen by [`SocketOptions::transparent`].
    ///
    /// What comes to the device is decided by the routes of the kernel, as in
    /// `ip route add 203.0.113.0/24 dev tun0`. Broadcasts, multicasts and loopback addresses are never
    /// taken.
    ///
    /// Fails with `AddrInUse` if somebody does so already, with `NetworkDown` if the host's device is
    /// gone.
    ///
    /// ```
    /// use tuntcp::{TcpListener, TcpStream};
    ///
    /// let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let listener = TcpListener::bind_transparent(&a)?;
    /// // The wire leads to nobody else.
    /// let client = TcpStream::connect(&b, "203.0.113.7:443")?;
    /// let (server, _) = listener.accept()?;
    /// assert_eq!(server.local_addr()?.to_string(), "203.0.113.7:443");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind_transparent(host: &Host) -> io::Result<Self> {
        let anywhere = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
        SocketOptions::new().transparent(true).listen(host, anywhere)
    }

    /// Where it listens.
    ///
    /// ```
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let listener = tuntcp::TcpListener::bind(&host, "192.0.2.1:0")?;
    /// assert_ne!(listener.local_addr()?.port(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.shared.local_addr())
    }

    /// The next connection, and who opened it; waits for one, unless `set_nonblocking` was called.
    ///
    /// Fails with `WouldBlock` if it may not wait, with `NetworkDown` if the host was dropped or
    /// its device is gone.
    ///
    /// ```
    /// use tuntcp::{TcpListener, TcpStream};
    ///
    /// let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let listener = TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let client = TcpStream::connect(&b, "192.0.2.1:80")?;
    /// let (server, addr) = listener.accept()?;
    /// assert_eq!(addr, client.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let Shared { listener, shows_v6, leads, nonblocking, linger } = &*self.shared;
        loop {
            if let Some(socket) = listener.accept()? {
                let endpoint = Endpoint::new(socket, *shows_v6, leads);
                let peer = endpoint.peer_addr();
                if linger.is_some() {
                    endpoint.set_options(|options| options.linger = *linger);
                }
                return Ok((TcpStream::new(endpoint), peer));
            }
            if nonblocking.load(Ordering::Relaxed) {
                return Err(would_block());
            }
            if !self.lead_until_acceptable() {
                listener.wait(None);
            }
        }
    }

    /// Is the packet loop until somebody can be accepted; `false` when another thread is. Of a device
    /// with several queues nobody knows by which one the next connection comes.
    fn lead_until_acceptable(&self) -> bool {
        let Shared { listener, leads, .. } = &*self.shared;
        let [lead] = &**leads else { return false };
        follower::lead_until(listener.engine(), 0, lead, Instant::NEVER, &Waiter(listener))
    }

    /// The connections that arrive, without end: each step is an `accept`.
    ///
    /// ```
    /// use tuntcp::{TcpListener, TcpStream};
    ///
    /// let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let listener = TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let clients = [
    ///     TcpStream::connect(&b, "192.0.2.1:80")?,
    ///     TcpStream::connect(&b, "192.0.2.1:80")?,
    /// ];
    /// for (client, stream) in clients.iter().zip(listener.incoming()) {
    ///     assert_eq!(stream?.peer_addr()?, client.local_addr()?);
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// As [`incoming`](Self::incoming), owning the listener.
    ///
    /// ```
    /// use tuntcp::{TcpListener, TcpStream};
    ///
    /// let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let incoming = TcpListener::bind(&a, "192.0.2.1:80")?.into_incoming();
    /// let client = TcpStream::connect(&b, "192.0.2.1:80")?;
    /// let stream = incoming.take(1).next().expect("it never ends")?;
    /// assert_eq!(stream.peer_addr()?, client.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn into_incoming(self) -> IntoIncoming {
        IntoIncoming { listener: self }
    }

    /// Another handle of the same listener: each connection goes to one of them.
    ///
    /// ```
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let listener = tuntcp::TcpListener::bind(&host, "192.0.2.1:80")?;
    /// let clone = listener.try_clone()?;
    /// assert_eq!(clone.local_addr()?, listener.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { shared: Arc::clone(&self.shared) })
    }

    /// Whether `accept` fails with `WouldBlock` instead of waiting. Holds for all clones, and not
    /// for the streams that are accepted.
    ///
    /// ```
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let listener = tuntcp::TcpListener::bind(&host, "192.0.2.1:80")?;
    /// listener.set_nonblocking(true)?;
    /// assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.shared.nonblocking.store(nonblocking, Ordering::Relaxed);
        Ok(())
    }

    /// The error that the listener had since the last call: none, for listening cannot fail later.
    ///
    /// ```
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let listener = tuntcp::TcpListener::bind(&host, "192.0.2.1:80")?;
    /// assert!(listener.take_error()?.is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(None)
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addr = self.shared.local_addr();
        f.debug_struct("TcpListener").field("addr", &addr).finish_non_exhaustive()
    }
}

/// The connections that arrive at a listener: [`TcpListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl std::iter::FusedIterator for Incoming<'_> {}

/// The connections that arrive at a listener: [`TcpListener::into_incoming`].
#[derive(Debug)]
pub struct IntoIncoming {
    listener: TcpListener,
}

impl Iterator for IntoIncoming {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl std::iter::FusedIterator for IntoIncoming {}
