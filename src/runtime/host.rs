//! A host: a device, an engine on it and a worker thread for each of its queues.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ipnet::IpNet;

use crate::device::{self, Device, TunOptions};

use crate::engine::{Engine, HostConfig};
use crate::names::Names;

use super::busy::BusyPoll;
use super::clock::Clock;
use super::lead::Lead;
use super::names::KnownNames;
use super::worker::{Outcome, Status, Worker};

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
    /// One for each queue of the device, as there are workers.
    leads: Arc<[Lead]>,
    workers: Vec<JoinHandle<()>>,
    drain: Duration,
    names: KnownNames,
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
    pub fn new(device: Box<dyn Device>, config: HostConfig) -> io::Result<Self> {
        Self::with_queues(vec![device], config)
    }

    /// The same on a device with several queues, as [`device::open`] gives them: a worker a queue.
    ///
    /// Fails as `new` does, and with `InvalidInput` unless there are 1 to 256 of them.
    ///
    /// ```no_run
    /// use tuntcp::device::{self, TunOptions};
    /// use tuntcp::{Host, HostConfig};
    ///
    /// let queues = device::open("tun0", &TunOptions { queues: 2, ..TunOptions::default() })?;
    /// let address = "192.0.2.2/24".parse().expect("an address and its network");
    /// let host = Host::with_queues(queues, HostConfig::new(vec![address]))?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn with_queues(queues: Vec<Box<dyn Device>>, mut config: HostConfig) -> io::Result<Self> {
        if !(1..=256).contains(&queues.len()) {
            let text = format!("{} queues, where 1 to 256 are possible", queues.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        getrandom::fill(&mut config.secret)?;
        let busy_poll = config.busy_poll;
        let engine = Engine::with_queues(queues, config);
        let clock = Clock::start();
        let mut host = Self {
            status: Arc::new(Status::default()),
            leads: (0..engine.queues())
                .map(|_| Lead::new(clock, BusyPoll::new(busy_poll)))
                .collect(),
            workers: Vec::new(),
            drain: DRAIN,
            names: KnownNames::default(),
            engine,
            clock,
        };
        for queue in 0..host.engine.queues() {
            let worker = Worker {
                engine: Arc::clone(&host.engine),
                queue,
                clock,
                status: Arc::clone(&host.status),
                leads: Arc::clone(&host.leads),
            };
            let thread = thread::Builder::new().name(format!("tuntcp-worker-{queue}"));
            // Where one fails to start, dropping the host ends those that run.
            host.workers.push(thread.spawn(move || worker.run())?);
        }
        Ok(host)
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
        let queues = device::open(tun, &TunOptions::default())?;
        Self::with_queues(queues, HostConfig::new(vec![address]))
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

    /// Sets what this host knows of names, from now on: which servers to ask, and what needs no
    /// asking. Default what the machine's files say, [`machine_names`](super::machine_names).
    ///
    /// ```
    /// use tuntcp::names::{Hosts, Names, ResolverConfig, Services};
    ///
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let resolver: ResolverConfig = "nameserver 192.0.2.53".parse()?;
    /// host.set_names(Names::new(resolver, Hosts::default(), Services::well_known()));
    /// assert_eq!(host.names().resolver().servers.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_names(&self, names: Names) {
        self.names.set(names);
    }

    /// What it knows of names.
    ///
    /// ```
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let config = host.names().resolver().clone();
    /// assert!(config.servers.iter().all(|server| !server.ip().is_loopback()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn names(&self) -> Arc<Names> {
        self.names.get()
    }

    /// The same, to hold.
    pub(crate) fn known_names(&self) -> &KnownNames {
        &self.names
    }

    /// Who is the packet loop, for each queue.
    pub(crate) fn leads(&self) -> &Arc<[Lead]> {
        &self.leads
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
        self.leads.iter().for_each(Lead::reclaim);
        self.engine.close_all(self.clock.now());
        self.engine.wake_loops();
        let unfinished =
            |outcome: &Outcome| matches!(outcome, Outcome::Turning) && self.engine.unfinished() > 0;
        let outcome = self.status.wait_while(Some(bound), unfinished);
        matches!(*outcome, Outcome::Turning) && self.engine.unfinished() == 0
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.close(self.drain);
        // The workers abort what is left on their way out.
        self.status.stop();
        self.engine.wake_loops();
        for worker in self.workers.drain(..) {
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
