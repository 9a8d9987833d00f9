//! How a call that receives a datagram waits: what the clones of a socket share for it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::engine::{Datagram, DatagramError, Engine, Inbox};
use crate::runtime::follower::{self, Waits};
use crate::runtime::lead::Lead;
use crate::time::Instant;

use super::error::{would_block, zero_timeout};

/// What the clones of a socket have set, and who may be the packet loop meanwhile.
pub(super) struct Waiting {
    leads: Arc<[Lead]>,
    nonblocking: AtomicBool,
    timeouts: Mutex<Timeouts>,
}

#[derive(Clone, Copy, Default)]
struct Timeouts {
    read: Option<Duration>,
    write: Option<Duration>,
}

/// One who waits for a datagram.
struct Waiter<'a>(&'a Inbox);

impl Waits for Waiter<'_> {
    fn is_ready(&self) -> bool {
        self.0.is_ready()
    }

    fn set_leads(&self, queue: Option<usize>) {
        self.0.set_leads(queue);
    }
}

impl Waiting {
    pub(super) fn new(leads: &Arc<[Lead]>) -> Self {
        Self {
            leads: Arc::clone(leads),
            nonblocking: AtomicBool::new(false),
            timeouts: Mutex::default(),
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.leads[0].now()
    }

    pub(super) fn set_nonblocking(&self, nonblocking: bool) {
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
    }

    fn timeouts(&self) -> MutexGuard<'_, Timeouts> {
        self.timeouts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn read_timeout(&self) -> Option<Duration> {
        self.timeouts().read
    }

    pub(super) fn write_timeout(&self) -> Option<Duration> {
        self.timeouts().write
    }

    pub(super) fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.timeouts().read = checked(timeout)?;
        Ok(())
    }

    pub(super) fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.timeouts().write = checked(timeout)?;
        Ok(())
    }

    /// The next datagram that `take` gives, which waits in `inbox`.
    pub(super) fn next(
        &self,
        engine: &Engine,
        inbox: &Inbox,
        mut take: impl FnMut() -> Result<Option<Datagram>, DatagramError>,
    ) -> io::Result<Datagram> {
        let mut deadline = None;
        loop {
            if let Some(datagram) = take()? {
                return Ok(datagram);
            }
            if self.nonblocking.load(Ordering::Relaxed) {
                return Err(would_block());
            }
            let now = self.now();
            let deadline = *deadline.get_or_insert_with(|| {
                self.read_timeout().map_or(Instant::NEVER, |timeout| now + timeout)
            });
            if deadline.is_due(now) {
                return Err(would_block());
            }
            self.wait(engine, inbox, deadline);
        }
    }

    /// Sleeps until there may be news or `deadline` has come; as the packet loop, if nobody else is. Of
    /// a device with several queues nobody knows by which one the next datagram comes.
    fn wait(&self, engine: &Engine, inbox: &Inbox, deadline: Instant) {
        if let [lead] = &*self.leads
            && follower::lead_until(engine, 0, lead, deadline, &Waiter(inbox))
        {
            return;
        }
        let now = self.now();
        if !deadline.is_due(now) {
            inbox.wait((!deadline.is_never()).then(|| deadline - now));
        }
    }
}

fn checked(timeout: Option<Duration>) -> io::Result<Option<Duration>> {
    if timeout.is_some_and(|timeout| timeout.is_zero()) { Err(zero_timeout()) } else { Ok(timeout) }
}

/// Copies as much of a datagram as there is room for; the rest of it is lost (as in std).
pub(super) fn fill(buf: &mut [u8], payload: &[u8]) -> usize {
    let len = buf.len().min(payload.len());
    buf[..len].copy_from_slice(&payload[..len]);
    len
}
