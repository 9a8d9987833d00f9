//! Which of many sockets are ready? One thread waits for all of them.
//!
//! ```text
//!   packet loop ──▶ connection changes ──▶ Registration::notify ──▶ ready list ──▶ wait ──▶ events
//!                                                                      ▲             │
//!                                                                      └─────────────┘
//!                                                            still ready: asked again the next time
//! ```
//!
//! A registration hangs on its socket and goes with it. What stands in the ready list may be ready, and
//! `wait` asks each of them; nobody ever looks at the others, so that idle sockets cost nothing.
//!
//! A thread in `wait` is the packet loop like one that waits for a single connection, if it may be: then
//! packets, answers and the application's own work are all done by it, and nobody is woken.

use std::any::Any;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crate::engine::{Engine, Readiness, Watched, Watcher};
use crate::runtime::follower::Waits;

use super::poller::Event;

/// Lets `watcher` watch `socket`. `AlreadyExists` if somebody else does.
pub(super) fn watch(socket: &dyn Watched, watcher: Arc<dyn Watcher>) -> io::Result<()> {
    let left_over = |other: &Registration| other.shared.lock().closed;
    match socket.set_watcher(Some(watcher)) {
        Some(other) if !Registration::of(&*other).is_some_and(left_over) => {
            // What it was not told of meanwhile it is now.
            socket.set_watcher(Some(Arc::clone(&other)));
            other.notify();
            let text = "somebody waits for this socket already";
            Err(io::Error::new(io::ErrorKind::AlreadyExists, text))
        }
        _ => Ok(()),
    }
}

/// What a poller, its registrations and its wakers share.
pub(super) struct Shared {
    engine: Arc<Engine>,
    state: Mutex<State>,
    /// Something is in the ready list, or a waker was used, or everything has ended.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Those that may be ready; each once.
    ready: Vec<Arc<Registration>>,
    /// A `wait` shall end, though nothing is ready.
    woken: bool,
    /// Threads that sleep in `wait`.
    asleep: usize,
    /// A thread in `wait` that is the packet loop of this queue: it sleeps in the device.
    leader: Option<(usize, ThreadId)>,
    /// The poller was dropped.
    closed: bool,
}

/// One socket's.
pub(super) struct Registration {
    token: usize,
    interest: Readiness,
    socket: Arc<dyn Watched>,
    shared: Arc<Shared>,
    /// It stands in the ready list.
    queued: AtomicBool,
    /// It holds no more.
    over: AtomicBool,
    this: Weak<Self>,
}

impl Registration {
    /// Of `socket`, for those who share this poller: to be told by this token of what is of interest.
    pub(super) fn new(
        token: usize,
        interest: Readiness,
        socket: Arc<dyn Watched>,
        shared: &Arc<Shared>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            token,
            interest,
            socket,
            shared: Arc::clone(shared),
            queued: AtomicBool::new(false),
            over: AtomicBool::new(false),
            this: this.clone(),
        })
    }

    /// Whether it is of this poller.
    pub(super) fn is_of(&self, shared: &Arc<Shared>) -> bool {
        Arc::ptr_eq(&self.shared, shared)
    }

    /// The registration that this watcher is, if it is one.
    pub(super) fn of(watcher: &dyn Watcher) -> Option<&Self> {
        let any: &dyn Any = watcher;
        any.downcast_ref()
    }

    /// Nothing is told of its socket any more.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// What is to be told of its socket now.
    fn event(&self) -> Option<Event> {
        if self.over.load(Ordering::Acquire) {
            return None;
        }
        let ready = self.socket.readiness();
        ready.intersects(self.interest).then_some(Event { token: self.token, ready })
    }
}

impl Watcher for Registration {
    fn notify(&self) {
        // Much of what happens to a connection nobody here waits for.
        if self.event().is_some()
            && !self.queued.swap(true, Ordering::AcqRel)
            && let Some(this) = self.this.upgrade()
        {
            self.shared.enqueue(this);
        }
    }
}

impl Shared {
    pub(super) fn new(engine: Arc<Engine>) -> Self {
        Self { engine, state: Mutex::default(), changed: Condvar::new() }
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn has_ended(&self) -> bool {
        self.engine.has_ended()
    }

    /// How many sockets may be ready.
    pub(super) fn ready(&self) -> usize {
        self.lock().ready.len()
    }

    /// The poller was dropped: nothing is noted any more.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let ready = std::mem::take(&mut state.ready);
        // What is in there lets go of sockets, and that of the last is not a matter of this lock.
        drop(state);
        drop(ready);
    }

    /// Ends a `wait`, now or the next one.
    pub(super) fn end_wait(&self) {
        let mut state = self.lock();
        state.woken = true;
        self.wake(state);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A socket may be ready.
    fn enqueue(&self, registration: Arc<Registration>) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        state.ready.push(registration);
        self.wake(state);
    }

    /// Ends a `wait`.
    fn wake(&self, state: MutexGuard<'_, State>) {
        let (leader, asleep) = (state.leader, state.asleep);
        drop(state);
        match leader {
            // It is what the packet loop's own turn has brought: it looks before it sleeps.
            Some((_, thread)) if thread == thread::current().id() => {}
            Some((queue, _)) => self.engine.device_of(queue).wake(),
            None if asleep > 0 => {
                self.engine.note_woken();
                self.changed.notify_one();
            }
            None => {}
        }
    }

    /// Asks those that may be ready, and keeps those that are; whether a waker was used.
    pub(super) fn collect(&self, events: &mut Vec<Event>) -> bool {
        let mut kept = std::mem::take(&mut self.lock().ready);
        kept.retain(|registration| {
            // First, so that a change from here on is told anew.
            registration.queued.swap(false, Ordering::AcqRel);
            let event = registration.event();
            events.extend(event);
            event.is_some() && !registration.queued.swap(true, Ordering::AcqRel)
        });
        let mut state = self.lock();
        kept.append(&mut state.ready);
        state.ready = kept;
        std::mem::take(&mut state.woken)
    }

    fn is_idle(&self, state: &State) -> bool {
        state.ready.is_empty() && !state.woken && !self.engine.has_ended()
    }

    /// Sleeps until something happens or `timeout` has passed.
    pub(super) fn sleep(&self, timeout: Option<Duration>) {
        let mut state = self.lock();
        state.asleep += 1;
        let idle = |state: &mut State| self.is_idle(state);
        let mut state = match timeout {
            None => self.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner),
            Some(timeout) => {
                let woken = self.changed.wait_timeout_while(state, timeout, idle);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        state.asleep -= 1;
    }
}

/// Everything has ended.
impl Watcher for Shared {
    fn notify(&self) {
        let leader = self.lock().leader;
        self.changed.notify_all();
        if let Some((queue, _)) = leader {
            self.engine.device_of(queue).wake();
        }
    }
}

impl Waits for Shared {
    fn is_ready(&self) -> bool {
        !self.is_idle(&self.lock())
    }

    fn set_leads(&self, queue: Option<usize>) {
        self.lock().leader = queue.map(|queue| (queue, thread::current().id()));
    }
}
