//! One thread waits for many sockets: `epoll` for those of this stack.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bitflags::bitflags;

use crate::engine::{OpenError, Readiness, Watcher};
use crate::runtime::Host;
use crate::runtime::follower;
use crate::runtime::lead::Lead;
use crate::time::Instant;

use super::ready::{self, Registration, Shared};
use super::source::Source;

bitflags! {
    /// What a socket is registered for. Errors are told in any case.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Interest: u8 {
        /// That reading, or accepting, has something to say.
        const READABLE = 0x01;
        /// That writing has, or that an attempt to connect has ended.
        const WRITABLE = 0x02;
    }
}

impl Interest {
    /// What a socket must be ready for to be reported.
    pub(super) fn readiness(self) -> Readiness {
        let mut ready = Readiness::ERROR;
        ready.set(Readiness::READABLE, self.contains(Self::READABLE));
        ready.set(Readiness::WRITABLE, self.contains(Self::WRITABLE));
        ready
    }
}

/// A socket is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub(super) token: usize,
    pub(super) ready: Readiness,
}

impl Event {
    /// What the socket was registered with.
    #[must_use]
    pub fn token(&self) -> usize {
        self.token
    }

    /// A read will not wait: there is text, the end or an error. Of a listener: `accept` will not.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.ready.contains(Readiness::READABLE)
    }

    /// A write will not wait: there is room, or it fails. As with Linux, room is told of once a third of
    /// the send buffer is free. Of an attempt to connect: it has ended.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.ready.contains(Readiness::WRITABLE)
    }

    /// The peer has hung up, or reading was shut down: behind what is left to read stands the end.
    #[must_use]
    pub fn is_read_closed(&self) -> bool {
        self.ready.contains(Readiness::READ_CLOSED)
    }

    /// The connection has failed, and nobody was told yet: `take_error` says why, or the next read
    /// or write.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.ready.contains(Readiness::ERROR)
    }
}

/// Waits for many sockets at once: `epoll` for those of this stack.
///
/// Level-triggered: a socket that was ready and still is, is told of again by the next `wait`. A
/// registration belongs to the socket with all its clones, and ends with the last of them. Sockets
/// are best non-blocking: what is ready now may not be a moment later.
///
/// One thread waits at a time; if several do, each event goes to one of them.
///
/// ```
/// use std::io::{Read, Write};
/// use tuntcp::net::{Interest, Poller};
/// use tuntcp::{TcpListener, TcpStream};
///
/// const LISTENER: usize = usize::MAX;
///
/// let (a, b) = tuntcp::runtime::memory_pair()?;
/// let listener = TcpListener::bind(&a, "192.0.2.1:7")?;
/// listener.set_nonblocking(true)?;
/// let poller = Poller::new(&a);
/// poller.register(&listener, LISTENER, Interest::READABLE)?;
///
/// let clients = std::thread::spawn(move || -> std::io::Result<()> {
///     for _ in 0..3 {
///         let mut client = TcpStream::connect(&b, "192.0.2.1:7")?;
///         client.write_all(b"hello")?;
///         client.read_exact(&mut [0; 5])?;
///     }
///     Ok(())
/// });
///
/// // An echo server for any number of clients, with one thread.
/// let (mut streams, mut closed) = (Vec::<Option<TcpStream>>::new(), 0);
/// let mut events = Vec::new();
/// while closed < 3 {
///     poller.wait(&mut events, None)?;
///     for event in &events {
///         if event.token() == LISTENER {
///             let (stream, _) = listener.accept()?;
///             stream.set_nonblocking(true)?;
///             poller.register(&stream, streams.len(), Interest::READABLE)?;
///             streams.push(Some(stream));
///             continue;
///         }
///         let mut buf = [0; 1024];
///         let Some(stream) = &mut streams[event.token()] else { continue };
///         match stream.read(&mut buf)? {
///             0 => {
///                 streams[event.token()] = None;
///                 closed += 1;
///             }
///             len => stream.write_all(&buf[..len])?,
///         }
///     }
/// }
/// clients.join().expect("the clients do not panic")?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Poller {
    shared: Arc<Shared>,
    leads: Arc<[Lead]>,
}

impl Poller {
    /// A poller for the sockets of `host`. It takes those of other hosts, too, whose packets then cost
    /// a wake-up of another thread.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tuntcp::net::Poller;
    ///
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let poller = Poller::new(&host);
    /// assert_eq!(poller.wait(&mut Vec::new(), Some(Duration::ZERO))?, 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn new(host: &Host) -> Self {
        let shared = Arc::new(Shared::new(Arc::clone(host.engine())));
        let end: Arc<dyn Watcher> = shared.clone();
        host.engine().watch_end(&end);
        Self { shared, leads: Arc::clone(host.leads()) }
    }

    /// From now on `wait` tells of `source`, by `token`, when it is ready for what `interest` says or
    /// has failed.
    ///
    /// Fails with `AlreadyExists` if it is registered already, here or with another poller.
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use tuntcp::TcpListener;
    /// use tuntcp::net::{Interest, Poller};
    ///
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let listener = TcpListener::bind(&host, "192.0.2.1:80")?;
    /// let poller = Poller::new(&host);
    /// poller.register(&listener, 1, Interest::READABLE)?;
    /// let again = poller.register(&listener, 2, Interest::READABLE);
    /// assert_eq!(again.unwrap_err().kind(), ErrorKind::AlreadyExists);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn register(
        &self,
        source: &impl Source,
        token: usize,
        interest: Interest,
    ) -> io::Result<()> {
        let interest = interest.readiness();
        let socket = source.watched();
        let registration = Registration::new(token, interest, Arc::clone(&socket), &self.shared);
        ready::watch(&*socket, registration.clone())?;
        registration.notify();
        Ok(())
    }

    /// Changes with what `source` is registered here.
    ///
    /// Fails with `NotFound` if it is not.
    ///
    /// ```
    /// use tuntcp::net::{Interest, Poller};
    /// use tuntcp::{TcpListener, TcpStream};
    ///
    /// let (a, b) = tuntcp::runtime::memory_pair()?;
    /// let listener = TcpListener::bind(&a, "192.0.2.1:80")?;
    /// let stream = TcpStream::connect(&b, "192.0.2.1:80")?;
    /// let poller = Poller::new(&b);
    /// poller.register(&stream, 1, Interest::READABLE)?;
    /// poller.reregister(&stream, 2, Interest::READABLE | Interest::WRITABLE)?;
    /// let mut events = Vec::new();
    /// poller.wait(&mut events, None)?;
    /// assert!(events[0].token() == 2 && events[0].is_writable());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn reregister(
        &self,
        source: &impl Source,
        token: usize,
        interest: Interest,
    ) -> io::Result<()> {
        self.deregister(source)?;
        self.register(source, token, interest)
    }

    /// Tells no more of `source`.
    ///
    /// Fails with `NotFound` if it is not registered here.
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use tuntcp::TcpListener;
    /// use tuntcp::net::{Interest, Poller};
    ///
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let listener = TcpListener::bind(&host, "192.0.2.1:80")?;
    /// let poller = Poller::new(&host);
    /// poller.register(&listener, 0, Interest::READABLE)?;
    /// poller.deregister(&listener)?;
    /// assert_eq!(poller.deregister(&listener).unwrap_err().kind(), ErrorKind::NotFound);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn deregister(&self, source: &impl Source) -> io::Result<()> {
        let socket = source.watched();
        let watcher = socket.watcher();
        match watcher.as_deref().and_then(Registration::of) {
            Some(registration) if registration.is_of(&self.shared) => {
                registration.end();
                socket.set_watcher(None);
                Ok(())
            }
            _ => {
                let text = "this socket is not registered with this poller";
                Err(io::Error::new(io::ErrorKind::NotFound, text))
            }
        }
    }

    /// Waits until a socket is ready, a [`Waker`] is used or `timeout` has passed (`None`: no limit;
    /// zero: does not wait). Puts an event for each socket that is ready in `events`, which is emptied
    /// first, and returns how many there are: none after a time-out or a waker.
    ///
    /// Fails with `NetworkDown` when the host was dropped or its device is gone, and every registered
    /// socket that has something to say about that was dropped or deregistered.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tuntcp::TcpListener;
    /// use tuntcp::net::{Interest, Poller};
    ///
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let listener = TcpListener::bind(&host, "192.0.2.1:80")?;
    /// let poller = Poller::new(&host);
    /// poller.register(&listener, 0, Interest::READABLE)?;
    /// let mut events = Vec::new();
    /// assert_eq!(poller.wait(&mut events, Some(Duration::from_millis(1)))?, 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wait(&self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<usize> {
        let mut deadline = None;
        events.clear();
        loop {
            // Asked first: what is told of the end was there before it.
            let ended = self.shared.has_ended();
            let woken = self.shared.collect(events);
            if !events.is_empty() || woken {
                return Ok(events.len());
            }
            if ended {
                return Err(OpenError::HostDown.into());
            }
            let now = self.now();
            let limit = || timeout.map_or(Instant::NEVER, |timeout| now + timeout);
            let deadline = *deadline.get_or_insert_with(limit);
            if deadline.is_due(now) {
                return Ok(0);
            }
            self.lead_or_sleep(deadline);
        }
    }

    /// Is the packet loop until something happens, if it may be, or sleeps. Of a device with several
    /// queues nobody knows by which one the next event comes.
    fn lead_or_sleep(&self, deadline: Instant) {
        if let [lead] = &*self.leads
            && follower::lead_until(self.shared.engine(), 0, lead, deadline, &*self.shared)
        {
            return;
        }
        let now = self.now();
        if !deadline.is_due(now) {
            self.shared.sleep((!deadline.is_never()).then(|| deadline - now));
        }
    }

    /// What ends a `wait` from another thread.
    ///
    /// ```
    /// use tuntcp::net::Poller;
    ///
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let poller = Poller::new(&host);
    /// let waker = poller.waker();
    /// let thread = std::thread::spawn(move || waker.wake());
    /// assert_eq!(poller.wait(&mut Vec::new(), None)?, 0);
    /// thread.join().expect("it does not panic");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn waker(&self) -> Waker {
        Waker { shared: Arc::clone(&self.shared) }
    }

    fn now(&self) -> Instant {
        self.leads[0].now()
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller").field("ready", &self.shared.ready()).finish_non_exhaustive()
    }
}

/// Ends a [`Poller`]'s `wait` from another thread.
#[derive(Clone)]
pub struct Waker {
    shared: Arc<Shared>,
}

impl Waker {
    /// Ends a `wait`, now or the next one; several calls before that are one.
    ///
    /// ```
    /// # let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let poller = tuntcp::net::Poller::new(&host);
    /// poller.waker().wake();
    /// assert_eq!(poller.wait(&mut Vec::new(), None)?, 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wake(&self) {
        self.shared.end_wait();
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waker").finish_non_exhaustive()
    }
}
