//! Who waits to be accepted? Half-open connections, the backlog, the accept queue.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::slot::Slot;
use super::socket::Socket;
use super::watch::{Audience, Readiness, Watched, Watcher};
use super::{Engine, ListenOptions, OpenError, lock};
use crate::tcp::Config;
use crate::tcp::congestion::Algorithm;
use crate::time::Instant;

/// Nobody is kept back for longer.
const LONGEST_DEFER: Duration = Duration::from_secs(60);

/// A passive endpoint. Dropping it stops listening and resets what was not accepted.
pub struct Listener {
    engine: Arc<Engine>,
    pub(super) shared: Arc<Shared>,
}

/// What the listener shares with the packet loop.
pub(super) struct Shared {
    pub(super) local: SocketAddr,
    /// Which of them it is.
    pub(super) serial: u64,
    backlog: usize,
    pub(super) reuse_port: bool,
    pub(super) transparent: bool,
    pub(super) only_v6: bool,
    /// How long a connection that has said nothing is kept back.
    pub(super) defer: Option<Duration>,
    /// Connections by Fast Open that may be unconfirmed at once, and what each of them holds.
    fast_open: (usize, Arc<()>),
    /// What connections begin with.
    config: Mutex<Arc<Config>>,
    waiting: Mutex<Waiting>,
    acceptable: Condvar,
    /// What connections that open here have in common.
    audience: Arc<Audience>,
}

#[derive(Default)]
struct Waiting {
    /// Connections that open; each has its place in `ready` kept.
    half_open: usize,
    /// Open connections, to be accepted.
    ready: VecDeque<Arc<Slot>>,
    /// Open connections that are kept back, until when: in that order. Who is shown earlier stays
    /// here until then.
    put_off: VecDeque<(Instant, Weak<Slot>)>,
    /// Nobody will accept any more.
    closed: bool,
    /// Who waits for a connection is a packet loop: where to wake it.
    leads: Option<usize>,
    /// Who is told of every connection that can be accepted.
    watcher: Option<Arc<dyn Watcher>>,
}

impl Shared {
    pub(super) fn new(serial: u64, local: SocketAddr, options: &ListenOptions) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            local,
            serial,
            backlog: options.backlog.max(1),
            reuse_port: options.reuse_port,
            transparent: options.transparent,
            only_v6: options.only_v6,
            defer: options.defer_accept.map(|wait| wait.min(LONGEST_DEFER)),
            fast_open: (options.fast_open, Arc::new(())),
            config: Mutex::new(Arc::clone(&options.config)),
            waiting: Mutex::default(),
            acceptable: Condvar::new(),
            audience: Arc::new(Audience::of(this.clone())),
        })
    }

    /// Who is told of a connection that opens here.
    pub(super) fn audience(&self) -> Arc<Audience> {
        Arc::clone(&self.audience)
    }

    /// What connections begin with.
    pub(super) fn config(&self) -> Arc<Config> {
        Arc::clone(&lock(&self.config))
    }

    /// Keeps a place for a connection that begins to open; `false` when the backlog is full.
    pub(super) fn keep_place(&self) -> bool {
        let mut waiting = lock(&self.waiting);
        let room = !waiting.closed && waiting.half_open + waiting.ready.len() < self.backlog;
        if room {
            waiting.half_open += 1;
        }
        room
    }

    /// Whether it takes connections by Fast Open.
    pub(super) fn offers_fast_open(&self) -> bool {
        self.fast_open.0 > 0
    }

    /// A place for one that is unconfirmed, unless there are too many of them (RFC 7413 4.2,
    /// RFC7413-4.2).
    pub(super) fn fast_open_place(&self) -> Option<Arc<()>> {
        let (most, places) = &self.fast_open;
        (Arc::strong_count(places) <= *most).then(|| Arc::clone(places))
    }

    /// A connection that had its place kept is open; `false` when nobody will accept it any more.
    pub(super) fn opened(&self, slot: Arc<Slot>) -> bool {
        let mut waiting = lock(&self.waiting);
        waiting.half_open -= 1;
        if waiting.closed {
            return false;
        }
        waiting.ready.push_back(slot);
        // A thread that waits for it as the packet loop sees it by itself, and takes one.
        let another = waiting.leads.is_none() || waiting.ready.len() > 1;
        let watcher = waiting.watcher.clone();
        drop(waiting);
        if another {
            self.acceptable.notify_one();
        }
        if let Some(watcher) = watcher {
            watcher.notify();
        }
        true
    }

    /// Whether accepting has something to say.
    pub(super) fn is_acceptable(&self) -> bool {
        let waiting = lock(&self.waiting);
        !waiting.ready.is_empty() || waiting.closed
    }

    /// A connection that had its place kept will never be open.
    pub(super) fn given_up(&self) {
        lock(&self.waiting).half_open -= 1;
    }

    /// Keeps an open connection back.
    pub(super) fn put_off(&self, until: Instant, slot: &Arc<Slot>) {
        lock(&self.waiting).put_off.push_back((until, Arc::downgrade(slot)));
    }

    /// Those that were kept back for long enough, or were shown earlier.
    pub(super) fn take_overdue(&self, now: Instant) -> Vec<Arc<Slot>> {
        let mut waiting = lock(&self.waiting);
        let count = waiting.put_off.partition_point(|(until, _)| until.is_due(now));
        waiting.put_off.drain(..count).filter_map(|(_, slot)| slot.upgrade()).collect()
    }
}

impl Listener {
    pub(super) fn new(engine: Arc<Engine>, shared: Arc<Shared>) -> Self {
        Self { engine, shared }
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.shared.local
    }

    /// What connections begin with.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        self.shared.config()
    }

    /// What connections begin with from now on, as options of a listening socket are inherited.
    pub fn set_config(&self, config: Arc<Config>) {
        *lock(&self.shared.config) = config;
    }

    /// The congestion control that connections begin with from now on.
    pub fn set_congestion(&self, algorithm: Algorithm) {
        Arc::make_mut(&mut lock(&self.shared.config)).congestion = algorithm;
    }

    /// The time to live, hops, that connections begin with from now on.
    pub fn set_ttl(&self, ttl: u8) {
        Arc::make_mut(&mut lock(&self.shared.config)).ttl = ttl;
    }

    /// Whether it leaves the addresses of IPv4 to others.
    #[must_use]
    pub fn only_v6(&self) -> bool {
        self.shared.only_v6
    }

    /// The next open connection, if there is one. `Err`: the host is down.
    pub fn accept(&self) -> Result<Option<Socket>, OpenError> {
        let mut waiting = lock(&self.shared.waiting);
        let next = waiting.ready.pop_front();
        if next.is_none() && waiting.closed {
            return Err(OpenError::HostDown);
        }
        drop(waiting);
        Ok(next.map(|slot| Socket::new(Arc::clone(&self.engine), slot)))
    }

    /// Whether `accept` has something to say.
    #[must_use]
    pub fn is_acceptable(&self) -> bool {
        self.shared.is_acceptable()
    }

    /// A thread that waits for a connection becomes the packet loop of this queue, or has been.
    pub(crate) fn set_leads(&self, queue: Option<usize>) {
        lock(&self.shared.waiting).leads = queue;
    }

    /// The engine that it belongs to.
    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Sleeps until `accept` has something to say or `timeout` has passed (`false` then).
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        let waiting = lock(&self.shared.waiting);
        let idle = |waiting: &mut Waiting| waiting.ready.is_empty() && !waiting.closed;
        let acceptable = &self.shared.acceptable;
        match timeout {
            None => {
                drop(acceptable.wait_while(waiting, idle).unwrap_or_else(PoisonError::into_inner));
                true
            }
            Some(timeout) => {
                let woken = acceptable.wait_timeout_while(waiting, timeout, idle);
                !woken.unwrap_or_else(PoisonError::into_inner).1.timed_out()
            }
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listener({})", self.shared.local)
    }
}

impl Watched for Shared {
    fn readiness(&self) -> Readiness {
        let acceptable = self.watcher().is_some() && self.is_acceptable();
        if acceptable { Readiness::READABLE } else { Readiness::empty() }
    }

    fn set_watcher(&self, watcher: Option<Arc<dyn Watcher>>) -> Option<Arc<dyn Watcher>> {
        std::mem::replace(&mut lock(&self.waiting).watcher, watcher)
    }

    fn watcher(&self) -> Option<Arc<dyn Watcher>> {
        lock(&self.waiting).watcher.clone()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(self.shared.set_watcher(None));
        self.engine.stop_listening(self.engine.last_now(), &self.shared);
    }
}

impl Engine {
    /// Nobody will be accepted any more: who was not yet is reset, who waits is told.
    pub(super) fn stop_listening(&self, now: Instant, shared: &Arc<Shared>) {
        self.listeners.forget(shared);
        let mut waiting = lock(&shared.waiting);
        waiting.closed = true;
        let ready = std::mem::take(&mut waiting.ready);
        let leader = waiting.leads;
        let watcher = waiting.watcher.clone();
        drop(waiting);
        shared.acceptable.notify_all();
        if let Some(watcher) = watcher {
            watcher.notify();
        }
        if let Some(queue) = leader {
            self.device_of(queue).wake();
        }
        for slot in ready {
            self.abort(now, &slot);
        }
        for slot in self.demux.slots() {
            if slot.belongs_to(shared) {
                self.abort(now, &slot);
            }
        }
    }
}
