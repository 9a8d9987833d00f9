//! What the clones of one `TcpStream` share: the socket, its options, and how a call waits.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::engine::{Socket, shown};
use crate::runtime::follower::{self, Waits};
use crate::runtime::lead::Lead;
use crate::time::Instant;

use super::error::would_block;

/// Bytes that are worth a look for answers to them.
const MUCH: usize = 16 << 10;

/// One connection of the application. The last clone that lets go closes it.
pub(super) struct Endpoint {
    pub(super) socket: Socket,
    /// It was opened in terms of IPv6: addresses of IPv4 are shown mapped.
    shows_v6: bool,
    leads: Arc<[Lead]>,
    nonblocking: AtomicBool,
    /// Few set any of them.
    options: Mutex<Option<Box<Options>>>,
}

/// What the application has set, as in std for all clones alike.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Options {
    pub(super) read_timeout: Option<Duration>,
    pub(super) write_timeout: Option<Duration>,
    pub(super) linger: Option<Duration>,
}

/// What a call waits for.
#[derive(Clone, Copy)]
enum Until {
    Readable,
    Writable,
}

impl Endpoint {
    pub(super) fn new(socket: Socket, shows_v6: bool, leads: &Arc<[Lead]>) -> Self {
        Self {
            socket,
            shows_v6,
            leads: Arc::clone(leads),
            nonblocking: AtomicBool::new(false),
            options: Mutex::new(None),
        }
    }

    /// Our end, as the application knows it.
    pub(super) fn local_addr(&self) -> SocketAddr {
        shown(self.socket.local_addr(), self.shows_v6)
    }

    /// The peer's.
    pub(super) fn peer_addr(&self) -> SocketAddr {
        shown(self.socket.peer_addr(), self.shows_v6)
    }

    pub(super) fn now(&self) -> Instant {
        self.leads[0].now()
    }

    pub(super) fn options(&self) -> Options {
        self.locked_options().as_deref().copied().unwrap_or_default()
    }

    /// Sets some of them.
    pub(super) fn set_options(&self, set: impl FnOnce(&mut Options)) {
        set(self.locked_options().get_or_insert_default());
    }

    fn locked_options(&self) -> MutexGuard<'_, Option<Box<Options>>> {
        self.options.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_nonblocking(&self, nonblocking: bool) {
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
    }

    /// Reads into `buf`, waiting for the first byte or the end.
    pub(super) fn receive(&self, buf: &mut [u8], peek: bool) -> io::Result<usize> {
        let mut deadline = None;
        loop {
            if let Some(len) = self.socket.read(self.now(), buf, peek)? {
                return Ok(len);
            }
            self.wait(Until::Readable, &mut deadline)?;
        }
    }

    /// Reads into `bufs` one after the other, waiting for the first byte or the end only.
    pub(super) fn receive_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let mut bufs = bufs.iter_mut().filter(|buf| !buf.is_empty());
        let Some(first) = bufs.next() else {
            return Ok(0);
        };
        let mut len = self.receive(first, false)?;
        let mut full = len == first.len();
        while full && let Some(buf) = bufs.next() {
            // What was read is reported; an error, which is told once, is left to the next call.
            if self.socket.readable() == 0 {
                break;
            }
            let more = self.socket.read(self.now(), buf, false)?.unwrap_or(0);
            len += more;
            full = more == buf.len();
        }
        Ok(len)
    }

    /// Writes all of `bufs`, as a blocking socket of Linux does; less if it may not wait (any
    /// longer) or if the connection ends meanwhile, which the next call then reports.
    pub(super) fn send(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut deadline = None;
        let mut sent = 0;
        for buf in bufs {
            let mut rest: &[u8] = buf;
            loop {
                // Whoever is told of an error shall be right that nothing was written.
                if sent > 0 && self.socket.write_ended() {
                    return Ok(sent);
                }
                let written = self.socket.write(self.now(), rest)?.unwrap_or(0);
                sent += written;
                rest = &rest[written..];
                if written >= MUCH {
                    self.look_for_answers();
                }
                if rest.is_empty() {
                    break;
                }
                match self.wait(Until::Writable, &mut deadline) {
                    Err(_) if sent > 0 => return Ok(sent),
                    result => result?,
                }
            }
        }
        Ok(sent)
    }

    /// Who sends much takes the acknowledgements in passing: another thread, woken for each of them,
    /// would cost more than they do.
    fn look_for_answers(&self) {
        let queue = self.socket.queue();
        if let Some(_term) = self.leads[queue].try_take_in_passing() {
            // A device that is gone is reported by the worker, who sees it next.
            let _ = self.socket.engine().turn_queue(queue, self.now());
        }
    }

    /// Sleeps until there may be news; `WouldBlock` if the call may not wait (any longer). The
    /// first wait of a call sets its `deadline`.
    fn wait(&self, until: Until, deadline: &mut Option<Instant>) -> io::Result<()> {
        if self.nonblocking.load(Ordering::Relaxed) {
            return Err(would_block());
        }
        let now = self.now();
        let deadline = *deadline.get_or_insert_with(|| {
            let options = self.options();
            let timeout = match until {
                Until::Readable => options.read_timeout,
                Until::Writable => options.write_timeout,
            };
            timeout.map_or(Instant::NEVER, |timeout| now + timeout)
        });
        if deadline.is_due(now) {
            return Err(would_block());
        }
        let queue = self.socket.queue();
        let (engine, lead) = (self.socket.engine(), &self.leads[queue]);
        let waiter = Waiter(&self.socket, until);
        if follower::lead_until(engine, queue, lead, deadline, &waiter) {
            return Ok(());
        }
        let now = self.now();
        if deadline.is_due(now) {
            return Ok(());
        }
        let left = (!deadline.is_never()).then(|| deadline - now);
        match until {
            Until::Readable => self.socket.wait_readable(left),
            Until::Writable => self.socket.wait_writable(left),
        };
        Ok(())
    }
}

/// One who waits for a connection.
struct Waiter<'a>(&'a Socket, Until);

impl Waits for Waiter<'_> {
    fn is_ready(&self) -> bool {
        match self.1 {
            Until::Readable => self.0.is_readable(),
            Until::Writable => self.0.is_writable(),
        }
    }

    fn set_leads(&self, queue: Option<usize>) {
        self.0.set_leads(queue);
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let linger = self.options().linger;
        let now = self.now();
        match linger {
            None => self.socket.close(now),
            Some(Duration::ZERO) => self.socket.abort(now),
            Some(bound) => {
                self.socket.close(now);
                self.socket.wait_flushed(Some(bound));
            }
        }
        let queue = self.socket.queue();
        // In a crowd one of the others is awake, or this thread comes back with its next connection; if
        // neither is so, the worker soon looks by itself.
        if !self.socket.engine().load(queue).is_crowd() {
            self.leads[queue].leave_to_others();
        }
    }
}
