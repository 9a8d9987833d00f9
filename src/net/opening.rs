//! Sockets open with the options that were chosen.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::{ConnectOptions, ListenOptions, Socket};
use crate::runtime::Host;
use crate::tcp::Config;
use crate::time::Instant;

use super::changes::invalid;
use super::endpoint::Endpoint;
use super::error::{no_addresses, zero_timeout};
use super::{Resolver, SocketOptions, TcpListener, TcpStream, ToSocketAddrs};

impl SocketOptions {
    /// Listens with these options, as [`TcpListener::bind`] does.
    ///
    /// Fails as that, and with `InvalidInput` if an option is out of range.
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use tuntcp::net::SocketOptions;
    ///
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let listener = SocketOptions::new().ttl(8).listen(&host, "192.0.2.1:80")?;
    /// assert_eq!(listener.ttl()?, 8);
    /// let error = SocketOptions::new().ttl(0).listen(&host, "192.0.2.1:81").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidInput);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn listen(&self, host: &Host, addr: impl ToSocketAddrs) -> io::Result<TcpListener> {
        let backlog = self.backlog.unwrap_or(host.engine().config().backlog);
        let mut options = ListenOptions::new(backlog, self.config(host)?);
        options.ports = self.checked_ports()?;
        options.reuse_address = self.reuse_address;
        options.reuse_port = self.reuse_port;
        options.transparent = self.transparent;
        options.only_v6 = self.only_v6;
        options.defer_accept = self.defer_accept;
        options.fast_open = self.fast_open_queue;
        let mut failure = no_addresses();
        for addr in addr.to_socket_addrs(&Resolver::new(host))? {
            match host.engine().listen_as(addr, &options) {
                Ok(listener) => {
                    // Who takes what is for anybody has each address as it stands in the packets.
                    let shows_v6 = addr.is_ipv6() && !self.transparent;
                    return Ok(TcpListener::new(host, listener, shows_v6, self.linger));
                }
                Err(error) => failure = error.into(),
            }
        }
        Err(failure)
    }

    /// Connects with these options, as [`TcpStream::connect`] does.
    ///
    /// Fails as that, and with `InvalidInput` if an option is out of range.
    ///
    /// ```
    /// use tuntcp::net::SocketOptions;
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = SocketOptions::new().dscp(46).connect(&b, "192.0.2.1:80")?;
    /// assert_eq!(stream.dscp()?, 46);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect(&self, host: &Host, addr: impl ToSocketAddrs) -> io::Result<TcpStream> {
        let options = self.connect_options(host)?;
        let mut failure = no_addresses();
        for addr in addr.to_socket_addrs(&Resolver::new(host))? {
            match self.open(host, addr, None, &options) {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Connects with these options and writes all of `data`, as `sendto` with `MSG_FASTOPEN` on Linux:
    /// with [`fast_open`](Self::fast_open), and where the server has given us a cookie, the data goes
    /// with the SYN, and the server's answer is there a round trip earlier. Of several addresses the
    /// first that answers is taken, so `data` may reach more than one.
    ///
    /// Fails as [`connect`](Self::connect), and as writing to the stream does.
    ///
    /// ```
    /// use std::io::Read;
    /// use tuntcp::net::SocketOptions;
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let fast = SocketOptions::new().fast_open(true);
    /// let client = fast.connect_with_data(&b, "192.0.2.1:80", b"hello")?;
    /// let (mut server, _) = listener.accept()?;
    /// let mut text = [0; 5];
    /// server.read_exact(&mut text)?;
    /// assert_eq!(&text, b"hello");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect_with_data(
        &self,
        host: &Host,
        addr: impl ToSocketAddrs,
        data: &[u8],
    ) -> io::Result<TcpStream> {
        let options = self.connect_options(host)?;
        let mut failure = no_addresses();
        for addr in addr.to_socket_addrs(&Resolver::new(host))? {
            let now = host.clock().now();
            let opened = host.engine().connect_with_text(now, self.local, addr, &options, data);
            let (socket, taken) = match opened {
                Ok(opened) => opened,
                Err(error) => {
                    failure = error.into();
                    continue;
                }
            };
            match self.wait_open(host, socket, addr, None) {
                Ok(mut stream) => {
                    stream.write_all(&data[taken..])?;
                    return Ok(stream);
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Connects with these options, as [`TcpStream::connect_timeout`] does.
    ///
    /// Fails as that, and with `InvalidInput` if an option is out of range.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tuntcp::net::SocketOptions;
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let there = listener.local_addr()?;
    /// let stream = SocketOptions::new().connect_timeout(&b, &there, Duration::from_secs(60))?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect_timeout(
        &self,
        host: &Host,
        addr: &SocketAddr,
        timeout: Duration,
    ) -> io::Result<TcpStream> {
        if timeout.is_zero() {
            return Err(zero_timeout());
        }
        self.open(host, *addr, Some(timeout), &self.connect_options(host)?)
    }

    /// Begins to connect with these options and returns at once, as
    /// [`TcpStream::connect_nonblocking`] does.
    ///
    /// Fails as that, and with `InvalidInput` if an option is out of range.
    ///
    /// ```
    /// use tuntcp::net::{Interest, Poller, SocketOptions};
    ///
    /// # let (a, b) = tuntcp::runtime::memory_pair()?;
    /// # let listener = tuntcp::TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let there = listener.local_addr()?;
    /// let stream = SocketOptions::new().nodelay(true).connect_nonblocking(&b, &there)?;
    /// let poller = Poller::new(&b);
    /// poller.register(&stream, 0, Interest::WRITABLE)?;
    /// let mut events = Vec::new();
    /// poller.wait(&mut events, None)?;
    /// assert!(stream.take_error()?.is_none(), "it is open");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect_nonblocking(&self, host: &Host, addr: &SocketAddr) -> io::Result<TcpStream> {
        let options = self.connect_options(host)?;
        let socket = host.engine().connect_as(host.clock().now(), self.local, *addr, &options)?;
        let endpoint = Endpoint::new(socket, addr.is_ipv6(), host.leads());
        endpoint.set_nonblocking(true);
        if self.linger.is_some() {
            endpoint.set_options(|options| options.linger = self.linger);
        }
        Ok(TcpStream::new(endpoint))
    }

    fn open(
        &self,
        host: &Host,
        addr: SocketAddr,
        timeout: Option<Duration>,
        options: &ConnectOptions,
    ) -> io::Result<TcpStream> {
        let now = host.clock().now();
        let socket = host.engine().connect_as(now, self.local, addr, options)?;
        self.wait_open(host, socket, addr, timeout.map(|timeout| now + timeout))
    }

    fn wait_open(
        &self,
        host: &Host,
        socket: Socket,
        addr: SocketAddr,
        deadline: Option<Instant>,
    ) -> io::Result<TcpStream> {
        let stream = TcpStream::wait_open(host.leads(), socket, addr, deadline)?;
        if self.linger.is_some() {
            stream.set_linger(self.linger)?;
        }
        Ok(stream)
    }

    fn connect_options(&self, host: &Host) -> io::Result<ConnectOptions> {
        let mut options = ConnectOptions::new(self.config(host)?);
        options.ports = self.checked_ports()?;
        options.reuse_address = self.reuse_address;
        options.transparent = self.transparent;
        options.fast_open = self.fast_open;
        Ok(options)
    }

    fn checked_ports(&self) -> io::Result<Option<RangeInclusive<u16>>> {
        match &self.ports {
            Some(range) if range.is_empty() || range.contains(&0) => {
                Err(invalid("ephemeral ports: a range from 1 to 65535 is wanted"))
            }
            ports => Ok(ports.clone()),
        }
    }

    /// The host's configuration, changed.
    fn config(&self, host: &Host) -> io::Result<Arc<Config>> {
        let mut config = host.engine().tcp_config();
        if !self.changes.is_empty() {
            let config = Arc::make_mut(&mut config);
            for change in &self.changes {
                change.apply(config)?;
            }
        }
        Ok(config)
    }
}
