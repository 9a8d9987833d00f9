//! A host: a device, an engine on it and the worker thread that turns it.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ipnet::IpNet;

use crate::device::{self, Device, TunOptions};

use crate::engine::{Engine, HostConfig};

use super::clock::Clock;
use super::lead::Lead;
use super::worker::{self, Outcome, Status};

/// How long dropping a host waits for its connections to close, unless `set_drain` said otherwise.
const DRAIN: Duration = Duration::from_secs(2);

/// A running stack.
///
/// Dropping it ends the stack: new connections are refused, open ones are closed in good order (as
/// if the application had shut down writing) and given up to two seconds, or what
/// [`set_drain`](Host::set_drain) allows, to send what is queued; then what is left is reset.
/// Listeners and streams that outlive their host fail cleanly: no call on them blocks any more.
///
/// ```
/// use std::io::{Read, Write};
/// use tuntcp::{TcpListener, TcpStream};
///
/// // Two hosts with a wire between them; on a real machine: Host::open("tun0", "192.0.2.2/24".parse()?).
/// let (a, b) = tuntcp::runtime::memory_pair()?;
/// let listener = TcpListener::bind(&a, "192.0.2.1:7")?;
/// let mut client = TcpStream::connect(&b, "192.0.2.1:7")?;
/// let (mut server, _) = listener.accept()?;
/// client.write_all(b"hello")?;
/// let mut greeting = [0; 5];
/// server.read_exact(&mut greeting)?;
/// assert_eq!(&greeting, b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Host {
    engine: Arc<Engine>,
    clock: Clock,
    status: Arc<Status>,
    lead: Arc<Lead>,
    worker: Option<JoinHandle<()>>,
    drain: Duration,
}

impl Host {
    /// Starts a stack on `device`. `config.secret` is replaced by random bytes of the operating
    /// system.
    ///
    /// Fails if the operating system gives no random bytes or no thread.
    ///
    /// ```
    /// use tuntcp::device::memory;
    /// use tuntcp::{Host, HostConfig};
    ///
    /// let (device, _other_end) = memory::pair(1500);
    /// let address = "192.0.2.1/24".parse().expect("an address and its network");
    /// let host = Host::new(Box::new(device), HostConfig::new(vec![address]))?;
    /// assert_eq!(host.engine().connections(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(device: Box<dyn Device>, mut config: HostConfig) -> io::Result<Self> {
        getrandom::fill(&mut config.secret)?;
        let engine = Engine::new(device, config);
        let clock = Clock::start();
        let status = Arc::new(Status::default());
        let lead = Arc::new(Lead::new(clock));
        let worker = {
            let (engine, status) = (Arc::clone(&engine), Arc::clone(&status));
            let lead = Arc::clone(&lead);
            thread::Builder::new()
                .name("tuntcp-worker".into())
                .spawn(move || worker::run(&engine, clock, &status, &lead))?
        };
        Ok(Self { engine, clock, status, lead, worker: Some(worker), drain: DRAIN })
    }

    /// Starts a stack at `address`, with the defaults, on the TUN interface `tun`, by the fast path
    /// where the kernel has it.
    ///
    /// Fails if the interface cannot be opened: the error says why and what to do.
    ///
    /// ```no_run
    /// use tuntcp::{Host, TcpListener};
    ///
    /// let address = "192.0.2.2/24".parse().expect("an address and its network");
    /// let host = Host::open("tun0", address)?;
    /// let listener = TcpListener::bind(&host, "192.0.2.2:7")?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn open(tun: &str, address: IpNet) -> io::Result<Self> {
        let mut devices = device::open(tun, &TunOptions::default())?;
        let device = devices.pop().ok_or(io::ErrorKind::NotFound)?;
        Self::new(device, HostConfig::new(vec![address]))
    }

    /// Sets how long dropping the host may wait for connections to close; zero resets them at
    /// once. Default two seconds.
    ///
    /// ```
    /// let (mut host, _peer) = tuntcp::runtime::memory_pair()?;
    /// host.set_drain(std::time::Duration::ZERO);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_drain(&mut self, bound: Duration) {
        self.drain = bound;
    }

    /// Sleeps until the device is gone or `timeout` has passed (`None` then). The error says what
    /// happened to the device; it can be asked for as often as you like.
    ///
    /// ```
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let error = host.wait_down(Some(std::time::Duration::ZERO));
    /// assert!(error.is_none(), "memory does not vanish");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn wait_down(&self, timeout: Option<Duration>) -> Option<io::Error> {
        let turning = |outcome: &Outcome| matches!(outcome, Outcome::Turning);
        match &*self.status.wait_while(timeout, turning) {
            Outcome::Turning | Outcome::Stopped => None,
            Outcome::Down(error) => Some(copy(error)),
        }
    }

    /// The engine that it runs.
    ///
    /// ```
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// assert_eq!(host.engine().connections(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Its clock.
    ///
    /// ```
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let before = host.clock().now();
    /// assert!(before <= host.clock().now());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Who is the packet loop.
    pub(crate) fn lead(&self) -> &Arc<Lead> {
        &self.lead
    }

    /// Closes every connection in good order: new ones are refused, open ones are shut down for
    /// writing. Waits, for at most `bound`, until the peers have acknowledged what was written;
    /// whether they have. Dropping the host does this, too.
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use std::time::Duration;
    /// use tuntcp::{TcpListener, TcpStream};
    ///
    /// let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let listener = TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let mut client = TcpStream::connect(&b, "192.0.2.1:80")?;
    /// let (mut server, _) = listener.accept()?;
    /// client.write_all(b"last words")?;
    /// assert!(b.close(Duration::from_secs(60)));
    /// let mut text = String::new();
    /// server.read_to_string(&mut text)?;
    /// assert_eq!(text, "last words");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn close(&self, bound: Duration) -> bool {
        self.status.drain();
        self.lead.reclaim();
        self.engine.close_all(self.clock.now());
        self.engine.device().wake();
        let unfinished =
            |outcome: &Outcome| matches!(outcome, Outcome::Turning) && self.engine.unfinished() > 0;
        let outcome = self.status.wait_while(Some(bound), unfinished);
        matches!(*outcome, Outcome::Turning) && self.engine.unfinished() == 0
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.close(self.drain);
        // The worker aborts what is left on its way out.
        self.status.stop();
        self.engine.device().wake();
        if let Some(worker) = self.worker.take() {
            // A worker that panicked has said so, and has told `wait_down`.
            let _ = worker.join();
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("addresses", &self.engine.config().addresses)
            .finish_non_exhaustive()
    }
}

/// `io::Error` has no `Clone`.
fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
