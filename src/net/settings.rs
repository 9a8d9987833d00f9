//! What may be set on an open socket, beside what its own file has: as `setsockopt` at any time.

use std::io::{self, ErrorKind};
use std::time::Duration;

use super::changes::{checked_buffer, checked_dscp, checked_ttl};
use super::error::zero_timeout;
use super::{TcpListener, TcpStream};

impl TcpStream {
    /// The time to live of every packet from now on, hops (`IP_TTL`).
    ///
    /// Fails with `InvalidInput` unless it is 1 to 255.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// stream.set_ttl(8)?;
    /// assert_eq!(stream.ttl()?, 8);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.endpoint.socket.set_ttl(self.endpoint.now(), checked_ttl(ttl)?);
        Ok(())
    }

    /// What `set_ttl` or the host's configuration has set.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// assert_eq!(stream.ttl()?, 64);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        Ok(self.endpoint.socket.ttl().into())
    }

    /// The differentiated services code point of every packet from now on: the upper six bits of
    /// `IP_TOS`, the others being ECN's (RFC 2474; RFC 9293 3.9.1.9).
    ///
    /// Fails with `InvalidInput` if it has more than six bits.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// stream.set_dscp(46)?;
    /// assert_eq!(stream.dscp()?, 46);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_dscp(&self, dscp: u8) -> io::Result<()> {
        self.endpoint.socket.set_dscp(self.endpoint.now(), checked_dscp(dscp)?);
        Ok(())
    }

    /// What `set_dscp` or the host's configuration has set.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// assert_eq!(stream.dscp()?, 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn dscp(&self) -> io::Result<u8> {
        Ok(self.endpoint.socket.dscp())
    }

    /// `TCP_CORK`: only full segments are sent, and the rest 200 ms later; switched off, what is held
    /// leaves at once.
    ///
    /// ```
    /// use std::io::{Read, Write};
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let mut stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// let (mut peer, _) = listener.accept()?;
    /// stream.set_cork(true)?;
    /// stream.write_all(b"head ")?;
    /// stream.write_all(b"and body, in one segment")?;
    /// stream.set_cork(false)?;
    /// let mut text = [0; 64];
    /// assert_eq!(peer.read(&mut text)?, 29);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_cork(&self, cork: bool) -> io::Result<()> {
        self.endpoint.socket.set_cork(self.endpoint.now(), cork);
        Ok(())
    }

    /// What `set_cork` or the host's configuration has set.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// assert!(!stream.cork()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn cork(&self) -> io::Result<bool> {
        Ok(self.endpoint.socket.cork())
    }

    /// `TCP_QUICKACK`, as `TcpStreamExt` of `std::os::linux::net` has it: what arrives is acknowledged
    /// at once. It stays as it is set; with Linux it does not.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// stream.set_quickack(true)?;
    /// assert!(stream.quickack()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_quickack(&self, quickack: bool) -> io::Result<()> {
        self.endpoint.socket.set_quick_ack(self.endpoint.now(), quickack);
        Ok(())
    }

    /// What `set_quickack` or the host's configuration has set.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// assert!(!stream.quickack()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn quickack(&self) -> io::Result<bool> {
        Ok(self.endpoint.socket.quick_ack())
    }

    /// `SO_RCVBUF`: bytes that may wait to be read, from now on. The buffer does not grow any more;
    /// what the peer was offered before is taken still.
    ///
    /// Fails with `InvalidInput` if it is 0.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// stream.set_receive_buffer(100_000)?;
    /// assert_eq!(stream.receive_buffer()?, 100_000);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_receive_buffer(&self, bytes: usize) -> io::Result<()> {
        self.endpoint.socket.set_receive_buffer(self.endpoint.now(), checked_buffer(bytes)?);
        Ok(())
    }

    /// Bytes that may wait to be read now.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// assert!(stream.receive_buffer()? >= 65_536);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn receive_buffer(&self) -> io::Result<usize> {
        Ok(self.endpoint.socket.receive_buffer())
    }

    /// `SO_SNDBUF`: bytes that may wait to be sent or acknowledged, from now on. The buffer does not
    /// grow any more.
    ///
    /// Fails with `InvalidInput` if it is 0.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// stream.set_send_buffer(100_000)?;
    /// assert_eq!(stream.send_buffer()?, 100_000);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_send_buffer(&self, bytes: usize) -> io::Result<()> {
        self.endpoint.socket.set_send_buffer(self.endpoint.now(), checked_buffer(bytes)?);
        Ok(())
    }

    /// Bytes that may wait to be sent or acknowledged now.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// assert!(stream.send_buffer()? >= 65_536);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_buffer(&self) -> io::Result<usize> {
        Ok(self.endpoint.socket.send_buffer())
    }

    /// `TCP_USER_TIMEOUT`: how long what was sent may stay unacknowledged; then the connection is
    /// given up, and reads and writes fail with `TimedOut` (RFC 9293 3.9.1). `None`, the default: a
    /// quarter of an hour, or what the host's configuration says.
    ///
    /// Fails with `InvalidInput` for a timeout of zero.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// stream.set_user_timeout(Some(Duration::from_secs(30)))?;
    /// assert_eq!(stream.user_timeout()?, Some(Duration::from_secs(30)));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_user_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        if timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(zero_timeout());
        }
        self.endpoint.socket.set_user_timeout(self.endpoint.now(), timeout);
        Ok(())
    }

    /// What `set_user_timeout` or the host's configuration has set.
    ///
    /// ```
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = tuntcp::TcpStream::connect(&b, "192.0.2.1:80")?;
    /// assert_eq!(stream.user_timeout()?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn user_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.endpoint.socket.user_timeout())
    }
}

impl TcpListener {
    /// The time to live of what is sent on connections that arrive from now on, hops.
    ///
    /// Fails with `InvalidInput` unless it is 1 to 255.
    ///
    /// ```
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let listener = tuntcp::TcpListener::bind(&host, "192.0.2.1:80")?;
    /// listener.set_ttl(8)?;
    /// assert_eq!(listener.ttl()?, 8);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.shared.listener.set_ttl(checked_ttl(ttl)?);
        Ok(())
    }

    /// What `set_ttl` or the host's configuration has set, hops.
    ///
    /// ```
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let listener = tuntcp::TcpListener::bind(&host, "192.0.2.1:80")?;
    /// assert_eq!(listener.ttl()?, 64);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        Ok(self.shared.listener.config().ttl.into())
    }

    /// Fails always, as std's does on Linux, for it comes too late: [`SocketOptions::only_v6`] is the
    /// place. With `InvalidInput` where the address is one of IPv6, otherwise with `Unsupported`.
    ///
    /// ```
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let listener = tuntcp::TcpListener::bind(&host, "[::]:80")?;
    /// assert_eq!(listener.set_only_v6(true).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// [`SocketOptions::only_v6`]: super::SocketOptions::only_v6
    pub fn set_only_v6(&self, _only_v6: bool) -> io::Result<()> {
        self.only_v6()?;
        Err(io::Error::new(ErrorKind::InvalidInput, "the listener has its address already"))
    }

    /// Whether a listener at `[::]` leaves the addresses of IPv4 to others (`IPV6_V6ONLY`).
    ///
    /// Fails with `Unsupported` where the address is one of IPv4.
    ///
    /// ```
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let listener = tuntcp::TcpListener::bind(&host, "[::]:80")?;
    /// assert!(!listener.only_v6()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn only_v6(&self) -> io::Result<bool> {
        if self.shared.local_addr().is_ipv4() {
            return Err(io::Error::new(
                ErrorKind::Unsupported,
                "the listener's address is of IPv4",
            ));
        }
        Ok(self.shared.listener.only_v6())
    }
}
