//! Who is told when an endpoint may be ready, and what is it ready for then?
//!
//! Threads that sleep in `wait_*` are woken one by one. Who serves many endpoints is told of each by a
//! [`Watcher`]: a poller that notes which of them to look at, a task of an asynchronous program.
//!
//! ```text
//!   a batch of frames ──▶ the connection changes ──▶ unlocked ──▶ notify() ──▶ readiness()?
//! ```
//!
//! Being told says only that something may have changed: whoever was told asks. So a change that is
//! told twice, or late, or to somebody who has gone does no harm.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

use bitflags::bitflags;

use super::datagram::UdpEndpoint;
use super::listener::{Listener, Shared};
use super::raw::RawEndpoint;
use super::slot::{Inner, Past, Slot};
use super::socket::{Socket, can_read, can_write};
use super::{Engine, lock};

/// One who is told when an endpoint may be ready for something.
pub trait Watcher: Any + Send + Sync {
    /// The endpoint's readiness may have changed; it is not locked. The packet loop calls this, once a
    /// batch of frames, or whatever thread has changed the endpoint: who is called shall be done soon
    /// and wait for nothing.
    fn notify(&self);
}

impl fmt::Debug for dyn Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

bitflags! {
    /// What an endpoint is ready for.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Readiness: u8 {
        /// Reading gives text, the end or an error; accepting gives a connection or an error.
        const READABLE = 0x01;
        /// Writing takes bytes, a third of the send buffer at least, or fails; an attempt to connect has
        /// ended, well or not.
        const WRITABLE = 0x02;
        /// Behind what waits to be read nothing will follow.
        const READ_CLOSED = 0x04;
        /// An error waits to be told.
        const ERROR = 0x08;
    }
}

/// An endpoint that can be watched, and asked for its readiness. Holding this does not keep it open.
pub trait Watched: Send + Sync {
    /// What it is ready for: nothing any more, once nobody watches it or the application let go of it.
    fn readiness(&self) -> Readiness;

    /// Who is told from now on when it may be ready for something; who was until now. Nobody is, once
    /// the application let go of it.
    fn set_watcher(&self, watcher: Option<Arc<dyn Watcher>>) -> Option<Arc<dyn Watcher>>;

    /// Who watches it.
    fn watcher(&self) -> Option<Arc<dyn Watcher>>;
}

/// Who is told what becomes of a connection. A connection holds one pointer to it, or none: most are
/// not watched, and all that open at one listener share the same.
#[derive(Default)]
pub(super) struct Audience {
    /// The listener that keeps a place for it.
    listener: Option<Weak<Shared>>,
    watcher: Option<Arc<dyn Watcher>>,
}

impl Audience {
    /// Of the connections that open at `listener`.
    pub(super) fn of(listener: Weak<Shared>) -> Self {
        Self { listener: Some(listener), watcher: None }
    }

    fn shared(self) -> Option<Arc<Self>> {
        (self.listener.is_some() || self.watcher.is_some()).then(|| Arc::new(self))
    }
}

impl Inner {
    /// The listener that keeps a place for it.
    pub(super) fn listener(&self) -> Option<&Weak<Shared>> {
        self.audience.as_ref()?.listener.as_ref()
    }

    /// Who watches, to be told once the connection is unlocked.
    pub(super) fn watcher(&self) -> Option<Arc<dyn Watcher>> {
        self.audience.as_ref()?.watcher.clone()
    }

    /// Who watches from now on; who did until now, to be dropped once the connection is unlocked.
    fn set_watcher(&mut self, watcher: Option<Arc<dyn Watcher>>) -> Option<Arc<dyn Watcher>> {
        let before = self.watcher();
        let listener = self.listener().cloned();
        self.audience = Audience { listener, watcher }.shared();
        before
    }

    /// The listener, which is told of it for the last time.
    pub(super) fn take_listener(&mut self) -> Option<Weak<Shared>> {
        let listener = self.listener()?.clone();
        self.audience = Audience { listener: None, watcher: self.watcher() }.shared();
        Some(listener)
    }
}

impl Watched for Slot {
    fn readiness(&self) -> Readiness {
        let inner = self.lock();
        if inner.watcher().is_some() { readiness(&inner) } else { Readiness::empty() }
    }

    fn set_watcher(&self, watcher: Option<Arc<dyn Watcher>>) -> Option<Arc<dyn Watcher>> {
        self.lock().set_watcher(watcher)
    }

    fn watcher(&self) -> Option<Arc<dyn Watcher>> {
        self.lock().watcher()
    }
}

fn readiness(inner: &Inner) -> Readiness {
    let connection = &inner.connection;
    let error = !inner.past.contains(Past::ERROR_TOLD) && connection.error().is_some();
    let mut ready = Readiness::empty();
    ready.set(Readiness::READABLE, can_read(inner));
    ready.set(Readiness::WRITABLE, can_write(inner));
    ready.set(Readiness::READ_CLOSED, connection.read_ended());
    ready.set(Readiness::ERROR, error);
    ready
}

impl Socket {
    /// What the connection is ready for.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        readiness(&self.slot.lock())
    }

    /// The connection, to be watched.
    #[must_use]
    pub fn watched(&self) -> Arc<dyn Watched> {
        Arc::clone(&self.slot) as Arc<dyn Watched>
    }
}

impl Listener {
    /// The listener, to be watched: it is readable when there is a connection to accept.
    #[must_use]
    pub fn watched(&self) -> Arc<dyn Watched> {
        Arc::clone(&self.shared) as Arc<dyn Watched>
    }
}

impl UdpEndpoint {
    /// The endpoint, to be watched. It is always writable: sending never waits.
    #[must_use]
    pub fn watched(&self) -> Arc<dyn Watched> {
        Arc::clone(self.inbox()) as Arc<dyn Watched>
    }
}

impl RawEndpoint {
    /// The endpoint, to be watched. It is always writable: sending never waits.
    #[must_use]
    pub fn watched(&self) -> Arc<dyn Watched> {
        Arc::clone(self.inbox()) as Arc<dyn Watched>
    }
}

/// The end of an engine, and who wants to know of it.
#[derive(Default)]
pub(super) struct End {
    ended: AtomicBool,
    watchers: Mutex<Vec<Weak<dyn Watcher>>>,
}

impl End {
    pub(super) fn has_come(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// It has come.
    pub(super) fn tell(&self) {
        self.ended.store(true, Ordering::Release);
        let watchers = std::mem::take(&mut *lock(&self.watchers));
        watchers.iter().filter_map(Weak::upgrade).for_each(|watcher| watcher.notify());
    }
}

impl Engine {
    /// Whether everything has ended: the device is gone or the host was dropped.
    pub(crate) fn has_ended(&self) -> bool {
        self.end.has_come()
    }

    /// Tells `watcher` when everything has ended; at once if it has.
    pub(crate) fn watch_end(&self, watcher: &Arc<dyn Watcher>) {
        let mut watchers = lock(&self.end.watchers);
        watchers.retain(|other| other.strong_count() > 0);
        watchers.push(Arc::downgrade(watcher));
        drop(watchers);
        if self.has_ended() {
            watcher.notify();
        }
    }

    /// Somebody who waited for many was woken, as who waits for one connection is by the engine.
    pub(crate) fn note_woken(&self) {
        self.woken.fetch_add(1, Ordering::Relaxed);
    }
}
