//! What may be chosen about the connection itself before it is opened, and what is out of range.

use std::io::{self, ErrorKind};
use std::time::Duration;

use crate::tcp::congestion::Algorithm;
use crate::tcp::{Config, KeepAlive};

use super::SocketOptions;
#[cfg(doc)]
use super::TcpStream;
use super::error::zero_timeout;

/// One setting of a connection.
#[derive(Clone, Debug)]
pub(super) enum Change {
    ReceiveBuffer(usize),
    SendBuffer(usize),
    NoDelay(bool),
    Cork(bool),
    QuickAck(bool),
    KeepAlive(KeepAlive),
    UserTimeout(Duration),
    MaximumSegment(u16),
    Ttl(u32),
    Dscp(u8),
    Congestion(String),
    Algorithm(Algorithm),
}

impl SocketOptions {
    /// `SO_RCVBUF`: bytes that may wait to be read, and so the window. It stays as it is, where it
    /// would otherwise grow. Opening fails with `InvalidInput` if it is 0.
    ///
    /// ```
    /// # use tuntcp::net::SocketOptions;
    /// let options = SocketOptions::new().receive_buffer(20_000);
    /// ```
    #[must_use]
    pub fn receive_buffer(self, bytes: usize) -> Self {
        self.with(Change::ReceiveBuffer(bytes))
    }

    /// `SO_SNDBUF`: bytes that may wait to be sent or acknowledged. It stays as it is, where it would
    /// otherwise grow. Opening fails with `InvalidInput` if it is 0.
    ///
    /// ```
    /// # use tuntcp::net::SocketOptions;
    /// let options = SocketOptions::new().send_buffer(20_000);
    /// ```
    #[must_use]
    pub fn send_buffer(self, bytes: usize) -> Self {
        self.with(Change::SendBuffer(bytes))
    }

    /// `TCP_NODELAY`: see [`TcpStream::set_nodelay`].
    ///
    /// ```
    /// # use tuntcp::net::SocketOptions;
    /// let options = SocketOptions::new().nodelay(true);
    /// ```
    #[must_use]
    pub fn nodelay(self, nodelay: bool) -> Self {
        self.with(Change::NoDelay(nodelay))
    }

    /// `TCP_CORK`: see [`TcpStream::set_cork`].
    ///
    /// ```
    /// # use tuntcp::net::SocketOptions;
    /// let options = SocketOptions::new().cork(true);
    /// ```
    #[must_use]
    pub fn cork(self, cork: bool) -> Self {
        self.with(Change::Cork(cork))
    }

    /// `TCP_QUICKACK`: see [`TcpStream::set_quickack`].
    ///
    /// ```
    /// # use tuntcp::net::SocketOptions;
    /// let options = SocketOptions::new().quickack(true);
    /// ```
    #[must_use]
    pub fn quickack(self, quickack: bool) -> Self {
        self.with(Change::QuickAck(quickack))
    }

    /// `SO_KEEPALIVE`, with its times: see [`TcpStream::set_keepalive`]. Opening fails with
    /// `InvalidInput` if one of them, or the number of probes, is 0.
    ///
    /// ```
    /// # use tuntcp::net::{KeepAlive, SocketOptions};
    /// let options = SocketOptions::new().keepalive(KeepAlive { probes: 3, ..KeepAlive::default() });
    /// ```
    #[must_use]
    pub fn keepalive(self, keepalive: KeepAlive) -> Self {
        self.with(Change::KeepAlive(keepalive))
    }

    /// `TCP_USER_TIMEOUT`: see [`TcpStream::set_user_timeout`]. It bounds connecting, too. Opening
    /// fails with `InvalidInput` if it is 0.
    ///
    /// ```
    /// # use tuntcp::net::SocketOptions;
    /// let options = SocketOptions::new().user_timeout(std::time::Duration::from_secs(30));
    /// ```
    #[must_use]
    pub fn user_timeout(self, timeout: Duration) -> Self {
        self.with(Change::UserTimeout(timeout))
    }

    /// `TCP_MAXSEG`: the largest text of a segment that is offered to the peer and sent, bytes, where
    /// the path does not want less. Opening fails with `InvalidInput` below 64.
    ///
    /// ```
    /// # use tuntcp::net::SocketOptions;
    /// let options = SocketOptions::new().maximum_segment(536);
    /// ```
    #[must_use]
    pub fn maximum_segment(self, bytes: u16) -> Self {
        self.with(Change::MaximumSegment(bytes))
    }

    /// `IP_TTL`: see [`TcpStream::set_ttl`].
    ///
    /// ```
    /// # use tuntcp::net::SocketOptions;
    /// let options = SocketOptions::new().ttl(8);
    /// ```
    #[must_use]
    pub fn ttl(self, hops: u32) -> Self {
        self.with(Change::Ttl(hops))
    }

    /// The upper six bits of `IP_TOS`: see [`TcpStream::set_dscp`].
    ///
    /// ```
    /// # use tuntcp::net::SocketOptions;
    /// let expedited = SocketOptions::new().dscp(46);
    /// ```
    #[must_use]
    pub fn dscp(self, dscp: u8) -> Self {
        self.with(Change::Dscp(dscp))
    }

    /// `TCP_CONGESTION`: see [`TcpStream::set_congestion`]. Opening fails with `NotFound` if there is
    /// none of that name.
    ///
    /// ```
    /// # use tuntcp::net::SocketOptions;
    /// let options = SocketOptions::new().congestion("bbr");
    /// ```
    #[must_use]
    pub fn congestion(self, name: &str) -> Self {
        self.with(Change::Congestion(name.to_owned()))
    }

    /// The same with an algorithm that may be of one's own: see
    /// [`TcpStream::set_congestion_algorithm`].
    ///
    /// ```
    /// # use tuntcp::net::SocketOptions;
    /// use tuntcp::tcp::congestion::Algorithm;
    ///
    /// let options = SocketOptions::new().congestion_algorithm(Algorithm::default());
    /// ```
    #[must_use]
    pub fn congestion_algorithm(self, algorithm: Algorithm) -> Self {
        self.with(Change::Algorithm(algorithm))
    }

    fn with(mut self, change: Change) -> Self {
        self.changes.push(change);
        self
    }
}

impl Change {
    pub(super) fn apply(&self, config: &mut Config) -> io::Result<()> {
        match *self {
            Self::ReceiveBuffer(bytes) => config.receive_buffer = checked_buffer(bytes)?.into(),
            Self::SendBuffer(bytes) => config.send_buffer = checked_buffer(bytes)?.into(),
            Self::NoDelay(nodelay) => config.nodelay = nodelay,
            Self::Cork(cork) => config.cork = cork,
            Self::QuickAck(quickack) => config.quick_ack = quickack,
            Self::KeepAlive(keepalive) => config.keepalive = Some(checked_keepalive(keepalive)?),
            Self::UserTimeout(Duration::ZERO) => return Err(zero_timeout()),
            Self::UserTimeout(timeout) => config.user_timeout = Some(timeout),
            Self::MaximumSegment(bytes @ 0..64) => {
                return Err(invalid(format!("a maximum segment of {bytes} bytes: 64 at least")));
            }
            Self::MaximumSegment(bytes) => config.mss = Some(bytes),
            Self::Ttl(hops) => config.ttl = checked_ttl(hops)?,
            Self::Dscp(dscp) => config.dscp = checked_dscp(dscp)?,
            Self::Congestion(ref name) => config.congestion = name.parse()?,
            Self::Algorithm(algorithm) => config.congestion = algorithm,
        }
        Ok(())
    }
}

pub(super) fn invalid(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, why)
}

fn checked_keepalive(keepalive: KeepAlive) -> io::Result<KeepAlive> {
    let KeepAlive { idle, interval, probes } = keepalive;
    if idle.is_zero() || interval.is_zero() || probes == 0 {
        return Err(invalid("keep-alive: times and the number of probes must not be 0"));
    }
    Ok(keepalive)
}

/// Bytes of a buffer.
pub(super) fn checked_buffer(bytes: usize) -> io::Result<usize> {
    if bytes == 0 { Err(invalid("a buffer of 0 bytes holds nothing")) } else { Ok(bytes) }
}

/// A time to live, hops: what is 0 goes nowhere (RFC 1122, 3.2.1.7).
pub(super) fn checked_ttl(hops: u32) -> io::Result<u8> {
    let ttl = u8::try_from(hops).ok().filter(|&ttl| ttl > 0);
    ttl.ok_or_else(|| invalid(format!("a time to live of {hops} hops: 1 to 255 are possible")))
}

/// A code point of differentiated services: six bits (RFC 2474, 3).
pub(super) fn checked_dscp(dscp: u8) -> io::Result<u8> {
    if dscp > 63 {
        Err(invalid(format!("DSCP {dscp}: it has six bits, 0 to 63")))
    } else {
        Ok(dscp)
    }
}
