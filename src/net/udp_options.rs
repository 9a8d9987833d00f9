//! The options of a `UdpSocket`, as in std.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::engine::{DatagramError, UdpOptions};

use super::UdpSocket;
use super::error::{no_such_option, out_of_range, unsupported};

impl UdpSocket {
    fn options(&self) -> UdpOptions {
        self.shared.endpoint.options()
    }

    fn set_options(&self, change: impl FnOnce(&mut UdpOptions)) {
        self.shared.endpoint.set_options(change);
    }

    /// Whether a call that receives fails with `WouldBlock` instead of waiting. Holds for all clones.
    ///
    /// ```
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "192.0.2.1:7")?;
    /// socket.set_nonblocking(true)?;
    /// assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.shared.waiting.set_nonblocking(nonblocking);
        Ok(())
    }

    /// What the network says of a datagram that was sent to the peer, once; a call that sends or
    /// receives would fail with it otherwise.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "192.0.2.1:7")?;
    /// assert!(socket.take_error()?.is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(self.shared.endpoint.take_error().map(io::Error::from))
    }

    /// Sets whether broadcasts may be sent (`SO_BROADCAST`): off at first.
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "0.0.0.0:7")?;
    /// let everybody = "192.0.2.255:9";
    /// let error = socket.send_to(b"hello", everybody).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    /// let other = tuntcp::UdpSocket::bind(&b, "0.0.0.0:9")?;
    /// socket.set_broadcast(true)?;
    /// socket.send_to(b"hello", everybody)?;
    /// assert_eq!(other.recv(&mut [0; 9])?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_broadcast(&self, broadcast: bool) -> io::Result<()> {
        self.set_options(|options| options.broadcast = broadcast);
        Ok(())
    }

    /// Whether broadcasts may be sent.
    ///
    /// ```
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "0.0.0.0:7")?;
    /// assert!(!socket.broadcast()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn broadcast(&self) -> io::Result<bool> {
        Ok(self.options().broadcast)
    }

    /// Sets the time to live of what is sent to one host or to all, 1 to 255 hops; of IPv6 it is the
    /// hop limit.
    ///
    /// Fails with `InvalidInput` for another number.
    ///
    /// ```
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "0.0.0.0:7")?;
    /// socket.set_ttl(3)?;
    /// assert_eq!(socket.ttl()?, 3);
    /// assert!(socket.set_ttl(256).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        let ttl = hops(ttl, 1)?;
        self.set_options(|options| options.ttl = ttl);
        Ok(())
    }

    /// The time to live of what is sent to one host or to all, hops: 64 at first.
    ///
    /// ```
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// assert_eq!(tuntcp::UdpSocket::bind(&a, "0.0.0.0:7")?.ttl()?, 64);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        Ok(self.options().ttl.into())
    }

    /// Sets the DSCP of what is sent, 0 to 63 (RFC 2474), which std leaves to other crates.
    ///
    /// Fails with `InvalidInput` for a larger one.
    ///
    /// ```
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "0.0.0.0:7")?;
    /// let expedited_forwarding = 46;
    /// socket.set_dscp(expedited_forwarding)?;
    /// assert_eq!(socket.dscp()?, expedited_forwarding);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_dscp(&self, dscp: u8) -> io::Result<()> {
        if dscp > 63 {
            return Err(out_of_range("a DSCP of more than 6 bits"));
        }
        self.set_options(|options| options.dscp = dscp);
        Ok(())
    }

    /// The DSCP of what is sent: 0 at first.
    ///
    /// ```
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// assert_eq!(tuntcp::UdpSocket::bind(&a, "0.0.0.0:7")?.dscp()?, 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn dscp(&self) -> io::Result<u8> {
        Ok(self.options().dscp)
    }

    /// Sets whether what is sent to a group of IPv4 is for members on this host, too: so it is at first.
    ///
    /// ```
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "0.0.0.0:7")?;
    /// socket.set_multicast_loop_v4(false)?;
    /// assert!(!socket.multicast_loop_v4()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_multicast_loop_v4(&self, multicast_loop_v4: bool) -> io::Result<()> {
        self.set_options(|options| options.multicast_loop_v4 = multicast_loop_v4);
        Ok(())
    }

    /// Whether what is sent to a group of IPv4 is for members on this host, too.
    ///
    /// ```
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// assert!(tuntcp::UdpSocket::bind(&a, "0.0.0.0:7")?.multicast_loop_v4()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        Ok(self.options().multicast_loop_v4)
    }

    /// Sets how far what is sent to a group goes, 0 to 255 hops; with 0 it stays on this host.
    ///
    /// Fails with `InvalidInput` for another number.
    ///
    /// ```
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "0.0.0.0:7")?;
    /// socket.set_multicast_ttl_v4(3)?;
    /// assert_eq!(socket.multicast_ttl_v4()?, 3);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_multicast_ttl_v4(&self, multicast_ttl_v4: u32) -> io::Result<()> {
        let ttl = hops(multicast_ttl_v4, 0)?;
        self.set_options(|options| options.multicast_ttl = ttl);
        Ok(())
    }

    /// How far what is sent to a group goes, hops: one at first, and so no router passes it on.
    ///
    /// ```
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// assert_eq!(tuntcp::UdpSocket::bind(&a, "0.0.0.0:7")?.multicast_ttl_v4()?, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        Ok(self.options().multicast_ttl.into())
    }

    /// As [`set_multicast_loop_v4`](Self::set_multicast_loop_v4), of IPv6.
    ///
    /// Fails with Linux's `ENOPROTOOPT` if the socket is bound to an address of IPv4.
    ///
    /// ```
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let socket = tuntcp::UdpSocket::bind(&a, "[::]:7")?;
    /// socket.set_multicast_loop_v6(false)?;
    /// assert!(!socket.multicast_loop_v6()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_multicast_loop_v6(&self, multicast_loop_v6: bool) -> io::Result<()> {
        self.refuse_v4()?;
        self.set_options(|options| options.multicast_loop_v6 = multicast_loop_v6);
        Ok(())
    }

    /// Whether what is sent to a group of IPv6 is for members on this host, too.
    ///
    /// Fails with `Unsupported` if the socket is bound to an address of IPv4.
    ///
    /// ```
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// assert!(tuntcp::UdpSocket::bind(&a, "[::]:7")?.multicast_loop_v6()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        // As with Linux: not the error that setting it has.
        self.refuse_v4().map_err(|_| unsupported())?;
        Ok(self.options().multicast_loop_v6)
    }

    /// Joins a group: what is sent to it and to the socket's port is received from now on, if the
    /// socket is bound to an unspecified address or to the group's. `interface` is an address of the
    /// host's, or unspecified.
    ///
    /// Nobody else is told: behind a TUN is one neighbour, which routes to the host what it likes.
    ///
    /// Fails with `InvalidInput` if it is no group, with `AddrInUse` if it was joined already, with
    /// Linux's `ENODEV` if the host has no such interface.
    ///
    /// ```
    /// use std::net::Ipv4Addr;
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let group = Ipv4Addr::new(239, 1, 2, 3);
    /// let member = tuntcp::UdpSocket::bind(&a, "0.0.0.0:7")?;
    /// member.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED)?;
    /// let sender = tuntcp::UdpSocket::bind(&b, "0.0.0.0:0")?;
    /// sender.send_to(b"hello", (group, 7))?;
    /// assert_eq!(member.recv(&mut [0; 9])?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn join_multicast_v4(&self, multiaddr: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.find_interface(*interface)?;
        Ok(self.shared.endpoint.join(IpAddr::V4(*multiaddr))?)
    }

    /// As [`join_multicast_v4`](Self::join_multicast_v4), of IPv6. `interface` is 0: a host has one.
    ///
    /// Fails as that does, and with Linux's `ENOPROTOOPT` if the socket is bound to an address of IPv4.
    ///
    /// ```
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let member = tuntcp::UdpSocket::bind(&a, "[::]:7")?;
    /// let group = "ff02::fb".parse().expect("an address");
    /// member.join_multicast_v6(&group, 0)?;
    /// member.leave_multicast_v6(&group, 0)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn join_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.refuse_v4()?;
        only_interface(interface)?;
        Ok(self.shared.endpoint.join(IpAddr::V6(*multiaddr))?)
    }

    /// Leaves a group of IPv4.
    ///
    /// Fails with `AddrNotAvailable` if it was not joined, with Linux's `ENODEV` if the host has no
    /// such interface.
    ///
    /// ```
    /// use std::net::Ipv4Addr;
    ///
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let member = tuntcp::UdpSocket::bind(&a, "0.0.0.0:7")?;
    /// let (group, any) = (Ipv4Addr::new(239, 1, 2, 3), Ipv4Addr::UNSPECIFIED);
    /// assert!(member.leave_multicast_v4(&group, &any).is_err());
    /// member.join_multicast_v4(&group, &any)?;
    /// member.leave_multicast_v4(&group, &any)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn leave_multicast_v4(&self, multiaddr: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.find_interface(*interface)?;
        Ok(self.shared.endpoint.leave(IpAddr::V4(*multiaddr))?)
    }

    /// As [`leave_multicast_v4`](Self::leave_multicast_v4), of IPv6.
    ///
    /// Fails as that does, and with Linux's `ENOPROTOOPT` if the socket is bound to an address of IPv4.
    ///
    /// ```
    /// # let (a, _b) = tuntcp::runtime::memory_pair()?;
    /// let member = tuntcp::UdpSocket::bind(&a, "[::]:7")?;
    /// let group = "ff02::fb".parse().expect("an address");
    /// assert!(member.leave_multicast_v6(&group, 0).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn leave_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.refuse_v4()?;
        only_interface(interface)?;
        Ok(self.shared.endpoint.leave(IpAddr::V6(*multiaddr))?)
    }

    /// The interface is named by one of its addresses, or not at all.
    fn find_interface(&self, interface: Ipv4Addr) -> Result<(), DatagramError> {
        let addresses = &self.shared.endpoint.engine().config().addresses;
        let there = addresses.iter().any(|net| net.addr() == interface);
        if there || interface.is_unspecified() { Ok(()) } else { Err(DatagramError::NoInterface) }
    }

    fn refuse_v4(&self) -> io::Result<()> {
        let is_v4 = self.shared.endpoint.local_addr().is_ipv4();
        if is_v4 { Err(no_such_option()) } else { Ok(()) }
    }
}

/// A host has one interface, which needs no number.
fn only_interface(interface: u32) -> Result<(), DatagramError> {
    if interface == 0 { Ok(()) } else { Err(DatagramError::NoInterface) }
}

/// A time to live as a header has it.
pub(super) fn hops(ttl: u32, least: u8) -> io::Result<u8> {
    let hops = u8::try_from(ttl).ok().filter(|&hops| hops >= least);
    hops.ok_or_else(|| out_of_range("a time to live that no header can hold"))
}
