//! Sockets of a protocol by its number.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::{Datagram, RawEndpoint};
use crate::runtime::Host;

use super::error::out_of_range;
use super::udp_options::hops;
use super::waiting::{Waiting, fill};

/// A raw socket: it gets a copy of what every packet of a protocol carries, and sends packets of that
/// protocol. Its bytes are those behind the IP header, in both directions (a kernel shows the header of
/// IPv4 too); fragments have become whole.
///
/// The host goes on doing what it does: echo requests are answered, segments and datagrams reach their
/// sockets. With a protocol that the host does not speak, nobody is told any more that it does not.
///
/// An echo request, by hand:
///
/// ```
/// use std::net::Ipv4Addr;
/// use tuntcp::RawSocket;
/// use tuntcp::wire::checksum::Sum;
///
/// const ICMP: u8 = 1;
/// let (_answers, host) = tuntcp::runtime::memory_pair()?;
/// let socket = RawSocket::bind(&host, Ipv4Addr::UNSPECIFIED.into(), ICMP)?;
///
/// // Type 8, code 0, the checksum, an identifier, a sequence number; then whatever shall come back.
/// let mut request = *b"\x08\x00\x00\x00\x12\x34\x00\x01hello";
/// let sum = Sum::new().plus(&request).finish();
/// request[2..4].copy_from_slice(&sum.to_be_bytes());
/// let peer = Ipv4Addr::new(192, 0, 2, 1).into();
/// socket.send_to(&request, peer)?;
///
/// let mut reply = [0; 100];
/// let (len, from) = socket.recv_from(&mut reply)?;
/// assert_eq!(from, peer);
/// assert_eq!(reply[0], 0, "an echo reply");
/// assert_eq!(&reply[4..len], &request[4..]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct RawSocket {
    pub(super) shared: Arc<Shared>,
}

/// What the clones of a socket share.
pub(super) struct Shared {
    pub(super) endpoint: RawEndpoint,
    waiting: Waiting,
}

/// A packet that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawPacket {
    /// Bytes of its payload that were copied.
    pub len: usize,
    /// Who sent it.
    pub from: IpAddr,
    /// Where it was sent: which of the host's addresses.
    pub to: IpAddr,
    /// Time to live (of IPv6 the hop limit) that it arrived with, hops.
    pub ttl: u8,
}

impl RawSocket {
    /// Opens a socket of the protocol with this number (IANA's; 253 and 254 are for experiments,
    /// RFC 3692) for packets to `addr` of `host`. An unspecified address stands for all of the host's
    /// of its family. There may be many for one protocol: each gets its copy.
    ///
    /// Fails with `AddrNotAvailable` if the host does not have that address, with `NetworkDown` if its
    /// device is gone.
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use std::net::Ipv4Addr;
    /// use tuntcp::RawSocket;
    ///
    /// let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let ours = RawSocket::bind(&a, Ipv4Addr::UNSPECIFIED.into(), 253)?;
    /// let theirs = RawSocket::bind(&b, Ipv4Addr::new(192, 0, 2, 2).into(), 253)?;
    /// ours.send_to(b"a protocol of our own", theirs.local_addr()?)?;
    /// assert_eq!(theirs.recv_from(&mut [0; 100])?.0, 21);
    ///
    /// let nobodys = RawSocket::bind(&a, Ipv4Addr::new(198, 51, 100, 1).into(), 253);
    /// assert_eq!(nobodys.unwrap_err().kind(), ErrorKind::AddrNotAvailable);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind(host: &Host, addr: IpAddr, protocol: u8) -> io::Result<Self> {
        let endpoint = host.engine().raw(addr, protocol)?;
        Ok(Self { shared: Arc::new(Shared { endpoint, waiting: Waiting::new(host.leads()) }) })
    }

    /// Waits for a packet, unless `set_nonblocking` was called, and copies as much of its payload as
    /// `buf` has room for; the rest is lost. How much that is, and who sent it.
    ///
    /// Fails with `WouldBlock` if it may not wait (any longer), with `NetworkDown` if the host was
    /// dropped or its device is gone.
    ///
    /// ```
    /// # use std::net::Ipv4Addr;
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let any = Ipv4Addr::UNSPECIFIED.into();
    /// let ours = tuntcp::RawSocket::bind(&a, any, 253)?;
    /// let theirs = tuntcp::RawSocket::bind(&b, any, 253)?;
    /// theirs.send_to(b"hello", Ipv4Addr::new(192, 0, 2, 1).into())?;
    /// let mut buf = [0; 4];
    /// assert_eq!(ours.recv_from(&mut buf)?, (4, Ipv4Addr::new(192, 0, 2, 2).into()));
    /// assert_eq!(&buf, b"hell");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, IpAddr)> {
        let received = self.recv(buf)?;
        Ok((received.len, received.from))
    }

    /// As [`recv_from`](Self::recv_from), and what the IP header says besides.
    ///
    /// ```
    /// # use std::net::Ipv4Addr;
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let any = Ipv4Addr::UNSPECIFIED.into();
    /// # let ours = tuntcp::RawSocket::bind(&a, any, 253)?;
    /// let theirs = tuntcp::RawSocket::bind(&b, any, 253)?;
    /// theirs.set_ttl(9)?;
    /// theirs.send_to(b"hello", Ipv4Addr::new(192, 0, 2, 1).into())?;
    /// let received = ours.recv(&mut [0; 100])?;
    /// assert_eq!((received.len, received.ttl), (5, 9));
    /// assert_eq!(received.to, Ipv4Addr::new(192, 0, 2, 1));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<RawPacket> {
        self.next(buf, false)
    }

    /// As [`recv`](Self::recv), and the packet is left to be received again.
    ///
    /// ```
    /// # use std::net::Ipv4Addr;
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let any = Ipv4Addr::UNSPECIFIED.into();
    /// # let ours = tuntcp::RawSocket::bind(&a, any, 253)?;
    /// # let theirs = tuntcp::RawSocket::bind(&b, any, 253)?;
    /// theirs.send_to(b"hello", Ipv4Addr::new(192, 0, 2, 1).into())?;
    /// assert_eq!(ours.peek(&mut [0; 100])?, ours.recv(&mut [0; 100])?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<RawPacket> {
        self.next(buf, true)
    }

    fn next(&self, buf: &mut [u8], peek: bool) -> io::Result<RawPacket> {
        let Shared { endpoint, waiting } = &*self.shared;
        let take = || if peek { endpoint.peek() } else { endpoint.receive() };
        let Datagram { from, to, ttl, payload } =
            waiting.next(endpoint.engine(), endpoint.inbox(), take)?;
        let len = fill(buf, &payload);
        Ok(RawPacket { len, from: from.ip(), to: to.ip(), ttl })
    }

    /// Sends a packet with this payload, in fragments where it is larger than the MTU; it does not
    /// wait. The checksum of ICMPv6 is written into it (RFC 3542, 3.1), that of any other protocol is
    /// the caller's.
    ///
    /// Fails with `NetworkUnreachable` if no other host can be at `addr`, with `PermissionDenied` if it
    /// is a broadcast address, with Linux's `EMSGSIZE` beyond 65,515 bytes (65,535 with IPv6),
    /// `EAFNOSUPPORT` if it is of the other family; with `NetworkDown` if the host is gone.
    ///
    /// ```
    /// # use std::net::Ipv4Addr;
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let ours = tuntcp::RawSocket::bind(&a, Ipv4Addr::UNSPECIFIED.into(), 253)?;
    /// let peer = Ipv4Addr::new(192, 0, 2, 2).into();
    /// assert_eq!(ours.send_to(&[7; 20_000], peer)?, 20_000);
    /// assert_eq!(ours.send_to(&[7; 65_516], peer).unwrap_err().raw_os_error(), Some(90));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_to(&self, buf: &[u8], addr: IpAddr) -> io::Result<usize> {
        self.shared.endpoint.send_to(self.shared.waiting.now(), buf, addr)?;
        Ok(buf.len())
    }

    /// The address that it was bound to.
    ///
    /// ```
    /// # use std::net::Ipv4Addr;
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::RawSocket::bind(&a, Ipv4Addr::UNSPECIFIED.into(), 253)?;
    /// assert!(socket.local_addr()?.is_unspecified());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local_addr(&self) -> io::Result<IpAddr> {
        Ok(self.shared.endpoint.local_addr())
    }

    /// Its protocol's number.
    ///
    /// ```
    /// # use std::net::Ipv4Addr;
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::RawSocket::bind(&a, Ipv4Addr::UNSPECIFIED.into(), 253)?;
    /// assert_eq!(socket.protocol(), 253);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn protocol(&self) -> u8 {
        self.shared.endpoint.protocol()
    }

    /// Another handle of the same socket: each packet is received by one of them.
    ///
    /// ```
    /// # use std::net::Ipv4Addr;
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::RawSocket::bind(&a, Ipv4Addr::UNSPECIFIED.into(), 253)?;
    /// assert_eq!(socket.try_clone()?.protocol(), 253);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { shared: Arc::clone(&self.shared) })
    }

    /// Sets the time to live of what is sent, 1 to 255 hops; of IPv6 it is the hop limit.
    ///
    /// Fails with `InvalidInput` for another number.
    ///
    /// ```
    /// # use std::net::Ipv4Addr;
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::RawSocket::bind(&a, Ipv4Addr::UNSPECIFIED.into(), 253)?;
    /// socket.set_ttl(3)?;
    /// assert_eq!(socket.ttl()?, 3);
    /// assert!(socket.set_ttl(0).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        let ttl = hops(ttl, 1)?;
        self.shared.endpoint.set_options(|options| options.ttl = ttl);
        Ok(())
    }

    /// The time to live of what is sent, hops: 64 at first.
    ///
    /// ```
    /// # use std::net::Ipv4Addr;
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::RawSocket::bind(&a, Ipv4Addr::UNSPECIFIED.into(), 253)?;
    /// assert_eq!(socket.ttl()?, 64);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        Ok(self.shared.endpoint.options().ttl.into())
    }

    /// Sets the DSCP of what is sent, 0 to 63 (RFC 2474).
    ///
    /// Fails with `InvalidInput` for a larger one.
    ///
    /// ```
    /// # use std::net::Ipv4Addr;
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::RawSocket::bind(&a, Ipv4Addr::UNSPECIFIED.into(), 253)?;
    /// socket.set_dscp(46)?;
    /// assert_eq!(socket.dscp()?, 46);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_dscp(&self, dscp: u8) -> io::Result<()> {
        if dscp > 63 {
            return Err(out_of_range("a DSCP of more than 6 bits"));
        }
        self.shared.endpoint.set_options(|options| options.dscp = dscp);
        Ok(())
    }

    /// The DSCP of what is sent: 0 at first.
    ///
    /// ```
    /// # use std::net::Ipv4Addr;
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::RawSocket::bind(&a, Ipv4Addr::UNSPECIFIED.into(), 253)?;
    /// assert_eq!(socket.dscp()?, 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn dscp(&self) -> io::Result<u8> {
        Ok(self.shared.endpoint.options().dscp)
    }

    /// Sets how long a call that receives waits at most: it fails with `WouldBlock` then. `None` waits
    /// for ever. Holds for all clones.
    ///
    /// Fails with `InvalidInput` if it is zero.
    ///
    /// ```
    /// # use std::net::Ipv4Addr;
    /// use std::io::ErrorKind;
    /// use std::time::Duration;
    ///
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::RawSocket::bind(&a, Ipv4Addr::UNSPECIFIED.into(), 253)?;
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
    /// # use std::net::Ipv4Addr;
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::RawSocket::bind(&a, Ipv4Addr::UNSPECIFIED.into(), 253)?;
    /// assert_eq!(socket.read_timeout()?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.shared.waiting.read_timeout())
    }

    /// Whether a call that receives fails with `WouldBlock` instead of waiting. Holds for all clones.
    ///
    /// ```
    /// # use std::net::Ipv4Addr;
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::RawSocket::bind(&a, Ipv4Addr::UNSPECIFIED.into(), 253)?;
    /// socket.set_nonblocking(true)?;
    /// assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.shared.waiting.set_nonblocking(nonblocking);
        Ok(())
    }
}

impl fmt::Debug for RawSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawSocket")
            .field("addr", &self.shared.endpoint.local_addr())
            .field("protocol", &self.shared.endpoint.protocol())
            .finish_non_exhaustive()
    }
}
