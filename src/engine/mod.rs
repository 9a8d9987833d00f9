//! Many connections on one device: composes everything below, still without clock, thread or
//! descriptor. The runtime and the simulator drive it with [`Engine::turn`].

mod ports;
mod wheel;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use crate::device::Device;
use crate::tcp::{Config, Info, KeepAlive, Shutdown};
use crate::time::Instant;
use crate::trace::Counters;

/// Settings of a host.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// The addresses that the stack answers at, each with the network it stands in.
    pub addresses: Vec<IpNet>,
    /// What connections begin with.
    pub tcp: Config,
    /// Connections that may wait to be accepted, half-open ones included, unless `listen` says
    /// otherwise. Default 1,024.
    pub backlog: usize,
    /// Ephemeral ports (RFC 6056, 3.2). Default 1,024 to 65,535.
    pub ephemeral_ports: RangeInclusive<u16>,
    /// Key of sequence numbers, timestamps and ports (RFC 6528, 3). The runtime takes it from the
    /// operating system's random numbers, the simulator from its seed.
    pub secret: [u8; 16],
}

impl HostConfig {
    /// The defaults, at these addresses, with an all-zero secret.
    #[must_use]
    pub fn new(addresses: Vec<IpNet>) -> Self {
        Self {
            addresses,
            tcp: Config::default(),
            backlog: 1024,
            ephemeral_ports: 1024..=65_535,
            secret: [0; 16],
        }
    }
}

/// Why an endpoint could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OpenError {
    /// Somebody listens there already, or the very connection exists.
    AddrInUse,
    /// Not an address of this host.
    AddrNotAvailable,
    /// No host can have that remote address (RFC 9293 3.9.1.1, MUST-46), or the families differ.
    BadRemote,
    /// Every ephemeral port is taken towards that remote.
    PortsExhausted,
    /// The host is shut down or its device is gone.
    HostDown,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AddrInUse => "address in use",
            Self::AddrNotAvailable => "not an address of this host",
            Self::BadRemote => "no host can have that remote address",
            Self::PortsExhausted => "every ephemeral port is taken",
            Self::HostDown => "the host is shut down",
        })
    }
}

impl std::error::Error for OpenError {}

/// The engine.
pub struct Engine {}

impl Engine {
    /// An engine on `device`.
    #[must_use]
    pub fn new(_device: Box<dyn Device>, _config: HostConfig) -> Arc<Self> {
        todo!()
    }

    /// Takes what the device has (a batch), fires timers, sends what is owed; when it wants to be
    /// called again at the latest (`now` itself: at once, there was more than a batch). An error
    /// means that the device is gone: every connection has been ended.
    pub fn turn(&self, _now: Instant) -> io::Result<Instant> {
        todo!()
    }

    /// The device, to wait on.
    #[must_use]
    pub fn device(&self) -> &dyn Device {
        todo!()
    }

    /// What has been counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        todo!()
    }

    /// Settings.
    #[must_use]
    pub fn config(&self) -> &HostConfig {
        todo!()
    }

    /// Listens at `local`; its address may be unspecified, its port 0 takes an ephemeral one.
    pub fn listen(
        self: &Arc<Self>,
        _local: SocketAddr,
        _backlog: usize,
    ) -> Result<Listener, OpenError> {
        todo!()
    }

    /// Begins an active open and sends the SYN. `local` may be given; otherwise the engine
    /// chooses (RFC 9293 3.9.1.1, MUST-44).
    pub fn connect(
        self: &Arc<Self>,
        _now: Instant,
        _local: Option<SocketAddr>,
        _remote: SocketAddr,
    ) -> Result<Socket, OpenError> {
        todo!()
    }

    /// Opens an endpoint for echo requests (ping).
    pub fn pinger(self: &Arc<Self>) -> Result<Pinger, OpenError> {
        todo!()
    }

    /// Connections that exist, TIME-WAIT included.
    #[must_use]
    pub fn connections(&self) -> usize {
        todo!()
    }

    /// Stops listening and closes every connection in good order: those that the application
    /// still holds are shut down for writing. New endpoints are refused from now on.
    pub fn close_all(&self, _now: Instant) {
        todo!()
    }

    /// Connections that `close_all` has to wait for: those with something still to send, or
    /// whose FIN is not yet acknowledged.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        todo!()
    }

    /// Ends everything at once: connections are aborted, waiters are woken.
    pub fn abort_all(&self, _now: Instant) {
        todo!()
    }
}

/// A passive endpoint. Dropping it stops listening and resets what was not accepted.
pub struct Listener {}

impl Listener {
    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        todo!()
    }

    /// The next open connection, if there is one. `Err`: the host is down.
    pub fn accept(&self) -> Result<Option<Socket>, OpenError> {
        todo!()
    }

    /// Sleeps until `accept` has something to say or `timeout` has passed (`false` then).
    pub fn wait(&self, _timeout: Option<Duration>) -> bool {
        todo!()
    }
}

/// One connection in the application's hand. Every call is without blocking but `wait_*`.
/// Dropping it closes the connection.
pub struct Socket {}

impl Socket {
    /// Our end.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        todo!()
    }

    /// The peer's end.
    #[must_use]
    pub fn peer_addr(&self) -> SocketAddr {
        todo!()
    }

    /// Whether the connection was opened (`Ok(true)`), still opens (`Ok(false)`) or has failed.
    pub fn opened(&self) -> Result<bool, crate::tcp::Error> {
        todo!()
    }

    /// Reads into `buf`; `Ok(None)` when nothing is there yet, `Ok(Some(0))` at the end. An error
    /// is told once, as by a kernel; afterwards the end is reported.
    pub fn read(
        &self,
        _now: Instant,
        _buf: &mut [u8],
        _peek: bool,
    ) -> Result<Option<usize>, crate::tcp::Error> {
        todo!()
    }

    /// Writes from `buf`; `Ok(None)` when there is no room yet.
    pub fn write(&self, _now: Instant, _buf: &[u8]) -> Result<Option<usize>, WriteError> {
        todo!()
    }

    /// Sleeps until `read` has something to say or `timeout` has passed (`false` then).
    pub fn wait_readable(&self, _timeout: Option<Duration>) -> bool {
        todo!()
    }

    /// Sleeps until `write` has something to say, an open has ended, or `timeout` has passed
    /// (`false` then).
    pub fn wait_writable(&self, _timeout: Option<Duration>) -> bool {
        todo!()
    }

    /// Sleeps until every byte and our FIN is acknowledged, the connection is over, or `timeout`
    /// has passed (`false` then).
    pub fn wait_flushed(&self, _timeout: Option<Duration>) -> bool {
        todo!()
    }

    /// Shuts down one direction or both. `Err(())`: the connection is not open (std's
    /// `NotConnected`).
    pub fn shutdown(&self, _now: Instant, _how: Shutdown) -> Result<(), NotOpen> {
        todo!()
    }

    /// Lets go: CLOSE. Later calls do nothing.
    pub fn close(&self, _now: Instant) {
        todo!()
    }

    /// Resets the connection.
    pub fn abort(&self, _now: Instant) {
        todo!()
    }

    /// The error that ended the connection, told once (`SO_ERROR`).
    pub fn take_error(&self) -> Option<crate::tcp::Error> {
        todo!()
    }

    /// A snapshot.
    #[must_use]
    pub fn info(&self, _now: Instant) -> Info {
        todo!()
    }

    /// `TCP_NODELAY`.
    pub fn set_nodelay(&self, _now: Instant, _nodelay: bool) {
        todo!()
    }

    /// Keep-alive on with these settings, or off.
    pub fn set_keepalive(&self, _now: Instant, _keepalive: Option<KeepAlive>) {
        todo!()
    }

    /// The user timeout.
    pub fn set_user_timeout(&self, _now: Instant, _timeout: Option<Duration>) {
        todo!()
    }
}

/// The connection is not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotOpen;

/// Why a write failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// Writing was shut down, or the connection is over and its error was told: `BrokenPipe`.
    Ended,
    /// The connection ended before its time.
    Failed(crate::tcp::Error),
}

/// An endpoint that sends echo requests.
pub struct Pinger {}

/// The answer to an echo request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EchoReply {
    /// Who answered.
    pub from: IpAddr,
    /// Which request.
    pub sequence: u16,
    /// What came back.
    pub payload: Vec<u8>,
    /// Time to live it arrived with.
    pub ttl: u8,
    /// When it arrived.
    pub at: Instant,
}

impl Pinger {
    /// Sends one request.
    pub fn send(
        &self,
        _now: Instant,
        _to: IpAddr,
        _sequence: u16,
        _payload: &[u8],
    ) -> Result<(), OpenError> {
        todo!()
    }

    /// The next answer, if one has arrived.
    #[must_use]
    pub fn receive(&self) -> Option<EchoReply> {
        todo!()
    }

    /// Sleeps until `receive` has something or `timeout` has passed (`false` then).
    pub fn wait(&self, _timeout: Option<Duration>) -> bool {
        todo!()
    }
}
