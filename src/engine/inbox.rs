//! What waits to be received? Datagrams, in the order in which they came, within bounds; and what the
//! network said of those that were sent.
//!
//! The packet loop puts them in and, when its batch is over, tells who waits: one wake-up does for many.
//! Who receives takes a datagram out under the lock and copies it without.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::datagram_error::DatagramError;
use super::lock;
use super::watch::{Readiness, Watched, Watcher};
use crate::buffer::{Pool, Purpose, Share};
use crate::tcp::Error;

/// Bytes that may wait to be received, [`OVERHEAD`] included: as many as Linux lets by default
/// (`net.core.rmem_default`, which it doubles for its own records).
const ROOM: usize = 416 << 10;

/// Bytes that may wait however short the host's memory is, [`OVERHEAD`] included: as for a connection
/// each way.
const FLOOR: usize = 4096;

/// What a datagram takes beside its payload, so that empty ones do not come free.
const OVERHEAD: usize = 128;

/// A datagram that has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Who sent it; the port is 0 where the protocol has none.
    pub from: SocketAddr,
    /// Where it was sent: with an endpoint at an unspecified address, which one was meant
    /// (RFC 1122, 4.1.3.5).
    pub to: SocketAddr,
    /// Time to live that it arrived with, hops.
    pub ttl: u8,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// The datagrams of one endpoint that wait to be received.
#[derive(Debug)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Debug)]
struct State {
    waiting: VecDeque<Datagram>,
    /// What they take, of [`ROOM`] and of the memory of the host.
    taken: Share,
    /// What the network said of a datagram that was sent, until somebody is told.
    error: Option<Error>,
    /// Nothing comes any more: the host is down.
    closed: bool,
    /// The packet loop will tell who waits when its batch is over.
    noted: bool,
    /// Threads that sleep.
    asleep: usize,
    /// Who waits is a packet loop: of which queue.
    leads: Option<usize>,
    /// Who is told of what comes.
    watcher: Option<Arc<dyn Watcher>>,
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// Nobody was about to tell who waits.
    First,
    /// Somebody is.
    Another,
    /// There was no room for it, or no memory.
    Full,
}

/// Whom to tell that there is something to receive.
pub(super) struct News {
    /// Somebody slept.
    pub(super) woke: bool,
    /// The packet loop that sleeps in the device of this queue.
    pub(super) leader: Option<usize>,
}

impl State {
    fn is_ready(&self) -> bool {
        !self.waiting.is_empty() || self.error.is_some() || self.closed
    }

    fn note(&mut self) -> Put {
        if std::mem::replace(&mut self.noted, true) { Put::Another } else { Put::First }
    }
}

fn cost(datagram: &Datagram) -> usize {
    datagram.payload.len() + OVERHEAD
}

impl State {
    /// Takes the memory for another datagram, if there is room for it. Those of a flood shall leave some to
    /// the connections, and those of a few questions come through whatever the connections hold.
    fn make_room(&mut self, datagram: &Datagram) -> bool {
        let bytes = self.taken.bytes() as usize + cost(datagram);
        let Some(sum) = u32::try_from(bytes).ok().filter(|_| bytes <= ROOM) else { return false };
        if bytes <= FLOOR {
            self.taken.set(sum);
            return true;
        }
        self.taken.try_set(sum, Purpose::Grow)
    }
}

impl Inbox {
    /// An empty one, of a host with this memory.
    pub(super) fn new(pool: &Pool) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            taken: Share::new(pool),
            error: None,
            closed: false,
            noted: false,
            asleep: 0,
            leads: None,
            watcher: None,
        };
        Self { state: Mutex::new(state), arrived: Condvar::new() }
    }

    /// A datagram has come. Whoever is told `First` calls `tell`.
    pub(super) fn put(&self, datagram: Datagram) -> Put {
        let mut state = lock(&self.state);
        if state.closed || !state.make_room(&datagram) {
            return Put::Full;
        }
        state.waiting.push_back(datagram);
        state.note()
    }

    /// The network has said something of a datagram that was sent.
    pub(super) fn fail(&self, error: Error) -> Put {
        let mut state = lock(&self.state);
        state.error = Some(error);
        state.note()
    }

    /// Nothing comes any more. What has come can still be received.
    pub(super) fn close(&self) -> News {
        lock(&self.state).closed = true;
        self.tell()
    }

    /// Wakes who sleeps until there is something to receive.
    pub(super) fn tell(&self) -> News {
        let mut state = lock(&self.state);
        state.noted = false;
        let news = News { woke: state.asleep > 0, leader: state.leads };
        let watcher = state.watcher.clone();
        drop(state);
        if news.woke {
            // One who only peeks leaves the datagram to the others.
            self.arrived.notify_all();
        }
        if let Some(watcher) = watcher {
            watcher.notify();
        }
        news
    }

    /// The next datagram, if there is one. An error of the network comes first, once.
    pub(crate) fn take(&self, peek: bool) -> Result<Option<Datagram>, DatagramError> {
        let mut state = lock(&self.state);
        if let Some(error) = state.error.take() {
            return Err(DatagramError::Failed(error));
        }
        if peek && let Some(next) = state.waiting.front() {
            return Ok(Some(next.clone()));
        }
        let Some(next) = state.waiting.pop_front() else {
            return if state.closed { Err(DatagramError::HostDown) } else { Ok(None) };
        };
        let freed = u32::try_from(cost(&next)).unwrap_or(u32::MAX);
        let left = state.taken.bytes().saturating_sub(freed);
        state.taken.set(left);
        Ok(Some(next))
    }

    /// The error of the network, if there is one, once.
    pub(crate) fn take_error(&self) -> Option<Error> {
        lock(&self.state).error.take()
    }

    /// Whether `take` has something to say.
    pub(crate) fn is_ready(&self) -> bool {
        lock(&self.state).is_ready()
    }

    /// A thread that waits becomes the packet loop of this queue, or has been.
    pub(crate) fn set_leads(&self, queue: Option<usize>) {
        lock(&self.state).leads = queue;
    }

    /// Sleeps until `take` has something to say or `timeout` has passed (`false` then).
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> bool {
        let mut state = lock(&self.state);
        state.asleep += 1;
        let idle = |state: &mut State| !state.is_ready();
        let (mut state, woken) = match timeout {
            None => {
                let woken = self.arrived.wait_while(state, idle);
                (woken.unwrap_or_else(PoisonError::into_inner), true)
            }
            Some(timeout) => {
                let woken = self.arrived.wait_timeout_while(state, timeout, idle);
                let (state, over) = woken.unwrap_or_else(PoisonError::into_inner);
                (state, !over.timed_out())
            }
        };
        state.asleep -= 1;
        woken
    }
}

impl Watched for Inbox {
    fn readiness(&self) -> Readiness {
        let state = lock(&self.state);
        if state.watcher.is_none() {
            return Readiness::empty();
        }
        // Sending never waits: a datagram that cannot be taken is lost.
        let mut ready = Readiness::WRITABLE;
        ready.set(Readiness::READABLE, state.is_ready());
        ready.set(Readiness::READ_CLOSED, state.closed);
        ready.set(Readiness::ERROR, state.error.is_some());
        ready
    }

    fn set_watcher(&self, watcher: Option<Arc<dyn Watcher>>) -> Option<Arc<dyn Watcher>> {
        std::mem::replace(&mut lock(&self.state).watcher, watcher)
    }

    fn watcher(&self) -> Option<Arc<dyn Watcher>> {
        lock(&self.state).watcher.clone()
    }
}
