//! One connection behind its own lock: its events, its timer, its flush.
//!
//! Who may hold a slot's lock? Anybody, for as long as a verb of the connection takes: nobody
//! holds it across a system call or a wait for another slot. Inside of it only the alarms and the
//! pools are locked.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bitflags::bitflags;

use super::listener::Shared;
use super::packed::PackedFlow;
use super::watch::Audience;
use super::{Engine, lock};
use crate::tcp::{Connection, Shutdown, Signals, State};
use crate::time::Instant;
use crate::wire::{Flow, Segment};

/// Nobody sends for the connection.
const IDLE: u8 = 0;
/// Somebody sends for it.
const FLUSHING: u8 = 1;
/// Somebody sends for it, and shall look once more before he leaves.
const DIRTY: u8 = 2;

/// Text pours into a connection that gets so many segments of it before the batch is over.
const POURING: u8 = 8;

/// What changes that those outside may act on.
const NEWS: Signals = Signals::READABLE
    .union(Signals::WRITABLE)
    .union(Signals::OPENED)
    .union(Signals::CLOSED)
    .union(Signals::URGENT);

/// The farthest moment that a slot is entered into the wheel for; then it is entered again. An entry
/// cannot be taken back and holds its slot, so this bounds how long a closed one is kept.
const FARTHEST: Duration = Duration::from_secs(60);

/// One connection.
pub(super) struct Slot {
    pub(super) flow: PackedFlow,
    inner: Mutex<Inner>,
    readable: Condvar,
    writable: Condvar,
    flush: AtomicU8,
    /// Where its frames leave: the queue of the device that its last one came from.
    queue: AtomicU8,
}

/// What a slot's lock protects.
pub(super) struct Inner {
    pub(super) connection: Connection,
    /// When the wheel gives this slot out next, `NEVER` when it has no entry.
    armed: Instant,
    /// When it does once more after that. Remembered so that a far deadline, which a nearer one
    /// overtakes again and again (a keep-alive and delayed ACKs), costs one entry and not one each
    /// time.
    beyond: Instant,
    /// Who is told: the listener that keeps a place for it, until it is open and shown, and who
    /// watches it.
    pub(super) audience: Option<Arc<Audience>>,
    /// Of `READABLE` and `WRITABLE`, what threads wait for and were not woken for yet: nobody is woken
    /// twice, or when nobody waits, at the price of a system call.
    awaited: Signals,
    /// A thread that waits for this connection is the packet loop of this queue: it sleeps in the
    /// device, and that is where to wake it.
    pub(super) leads: Option<u8>,
    /// The packet loop has noted that it may owe something, and will flush it and tell who waits.
    pub(super) noted: bool,
    /// Segments since the packet loop flushed it last that brought text in order and changed nothing else.
    poured: u8,
    /// Another kind of segment came since then: a gap, an acknowledgement, the end.
    dripped: bool,
    /// What changed during a batch: it is told when the batch is over, so that a reader finds all
    /// of it and sleeps once, not once a segment.
    untold: Signals,
    /// What has happened once, whatever has become of the connection since.
    pub(super) past: Past,
}

bitflags! {
    /// What happens to a connection at most once.
    #[derive(Clone, Copy)]
    pub(super) struct Past: u8 {
        /// It was open.
        const OPENED = 0x01;
        /// The peer's FIN was reached.
        const PEER_CLOSED = 0x02;
        /// The application was told of the error that ended it.
        const ERROR_TOLD = 0x04;
    }
}

impl Inner {
    pub(super) fn note_past(&mut self, signals: Signals) {
        if signals.contains(Signals::OPENED) {
            self.past |= Past::OPENED;
        }
        if self.connection.state().peer_closed() {
            self.past |= Past::PEER_CLOSED;
        }
    }

    /// A segment has changed this.
    fn note_pouring(&mut self, signals: Signals) {
        if signals - Signals::PRESSING == Signals::READABLE {
            self.poured = self.poured.saturating_add(1);
        } else {
            self.dripped = true;
        }
    }

    /// Where to wake the thread that waits for this connection as a packet loop, unless its loop is
    /// that of `queue`, which the caller is.
    pub(super) fn leader_beside(&self, queue: u8) -> Option<u8> {
        self.leads.filter(|&leads| leads != queue)
    }

    /// Whether a thread waits, asleep for text or the end or as the packet loop of `queue`: it is about
    /// to act on what has come.
    pub(super) fn is_waited_for(&self, queue: u8) -> bool {
        self.awaited.contains(Signals::READABLE) || self.leads == Some(queue)
    }

    /// Whether text pours in, and nothing else has happened.
    pub(super) fn pours(&self) -> bool {
        self.poured >= POURING && !self.dripped
    }

    /// What has poured in is acknowledged now, and may be read.
    pub(super) fn end_pouring(&mut self) {
        if self.poured >= POURING {
            // Who came for it meanwhile, even if he was told of it, was shown nothing.
            self.untold |= Signals::READABLE;
        }
        (self.poured, self.dripped) = (0, false);
    }
}

/// What segments mean beyond their connection.
pub(super) struct Fed {
    /// What changed.
    pub(super) signals: Signals,
    /// The slot is to be flushed after the batch, and nobody knew that.
    pub(super) newly_noted: bool,
}

/// Which event a thread waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Readable,
    Writable,
}

impl Slot {
    pub(super) fn new(flow: Flow, connection: Connection, listener: Option<&Arc<Shared>>) -> Self {
        Self {
            flow: PackedFlow::new(&flow),
            inner: Mutex::new(Inner {
                connection,
                armed: Instant::NEVER,
                beyond: Instant::NEVER,
                audience: listener.map(|listener| listener.audience()),
                awaited: Signals::empty(),
                leads: None,
                noted: false,
                poured: 0,
                dripped: false,
                untold: Signals::empty(),
                past: Past::empty(),
            }),
            readable: Condvar::new(),
            writable: Condvar::new(),
            flush: AtomicU8::new(IDLE),
            queue: AtomicU8::new(0),
        }
    }

    /// The queue that its frames leave by.
    pub(super) fn queue(&self) -> u8 {
        self.queue.load(Ordering::Relaxed)
    }

    /// Its frames come from this queue now.
    pub(super) fn set_queue(&self, queue: u8) {
        if self.queue() != queue {
            self.queue.store(queue, Ordering::Relaxed);
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    /// Whether this listener keeps a place for it.
    pub(super) fn belongs_to(&self, listener: &Arc<Shared>) -> bool {
        let inner = self.lock();
        inner.listener().is_some_and(|of| of.as_ptr() == Arc::as_ptr(listener))
    }

    pub(super) fn is_flushed(&self) -> bool {
        self.lock().connection.flushed()
    }

    /// Sleeps until `ready`, or until `timeout` has passed (`false` then).
    pub(super) fn wait(
        &self,
        event: Event,
        timeout: Option<Duration>,
        ready: impl Fn(&Inner) -> bool,
    ) -> bool {
        let (condvar, signal) = match event {
            Event::Readable => (&self.readable, Signals::READABLE),
            Event::Writable => (&self.writable, Signals::WRITABLE),
        };
        // The condition is looked at again after each wake-up, and with it the note that somebody
        // waits is made again.
        let sleeping = |inner: &mut Inner| {
            let sleeps = !ready(inner);
            if sleeps {
                inner.awaited |= signal;
            }
            sleeps
        };
        match timeout {
            None => {
                let woken = condvar.wait_while(self.lock(), sleeping);
                drop(woken.unwrap_or_else(PoisonError::into_inner));
                true
            }
            Some(timeout) => {
                let woken = condvar.wait_timeout_while(self.lock(), timeout, sleeping);
                !woken.unwrap_or_else(PoisonError::into_inner).1.timed_out()
            }
        }
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Slot({})", self.flow.flow())
    }
}

impl Engine {
    /// Unlocks and tells those outside what has changed.
    pub(super) fn announce(
        &self,
        now: Instant,
        slot: &Arc<Slot>,
        mut inner: MutexGuard<'_, Inner>,
        signals: Signals,
    ) {
        let signals = signals | std::mem::take(&mut inner.untold);
        let over = signals.contains(Signals::CLOSED);
        let opened = signals.contains(Signals::OPENED);
        let mut wakes = |waiter: Signals, news: Signals| {
            let wakes = inner.awaited.contains(waiter) && signals.intersects(news);
            if wakes {
                inner.awaited -= waiter;
            }
            wakes
        };
        let wake_readers = wakes(Signals::READABLE, Signals::READABLE | Signals::URGENT);
        let wake_writers = wakes(Signals::WRITABLE, Signals::WRITABLE | Signals::OPENED);
        let place = inner.settle_place(signals);
        let watcher = if signals.intersects(NEWS) { inner.watcher() } else { None };
        drop(inner);
        if wake_readers || wake_writers {
            self.woken.fetch_add(1, Ordering::Relaxed);
        }
        if wake_readers {
            slot.readable.notify_all();
        }
        if wake_writers {
            slot.writable.notify_all();
        }
        if let Some(watcher) = watcher {
            watcher.notify();
        }
        if opened {
            log::debug!(target: "tuntcp::engine", "{} is open", slot.flow.flow());
        }
        if over {
            log::debug!(target: "tuntcp::engine", "{} is over", slot.flow.flow());
        }
        self.note_place(now, slot, place);
    }

    /// A segment for this connection, and those that `next` gives until something special happens:
    /// then `segment` is the one that it happened with.
    pub(super) fn feed<'a, 'b>(
        &self,
        now: Instant,
        slot: &Arc<Slot>,
        segment: &mut &'a Segment<'b>,
        mut next: impl FnMut() -> Option<&'a Segment<'b>>,
    ) -> Fed {
        let mut inner = slot.lock();
        let mut signals = Signals::empty();
        let discard = loop {
            let reaction = inner.connection.on_segment(now, segment, &self.pool);
            if reaction.signals.contains(Signals::OPENED) {
                self.note_cookie(now, &slot.flow, segment);
            }
            signals |= reaction.signals;
            inner.note_pouring(reaction.signals);
            if reaction.discard.is_some() || reaction.signals.contains(Signals::REUSE) {
                break reaction.discard;
            }
            let Some(following) = next() else { break None };
            *segment = following;
        };
        inner.note_past(signals);
        inner.untold |= signals;
        let newly_noted = !std::mem::replace(&mut inner.noted, true);
        drop(inner);
        if let Some(discard) = discard {
            self.counters.count_discard(discard);
            crate::trace::discarded(&slot.flow.flow(), segment, discard);
        }
        Fed { signals, newly_noted }
    }

    /// The wheel gave the slot out; whether it was really due.
    pub(super) fn fire(&self, now: Instant, slot: &Arc<Slot>) -> bool {
        let mut inner = slot.lock();
        if let Some(listener) = inner.put_off_by() {
            drop(inner);
            self.show_overdue(now, &listener);
            inner = slot.lock();
        }
        if inner.armed > now {
            // An entry that a later, earlier one has replaced.
            return false;
        }
        inner.armed = std::mem::replace(&mut inner.beyond, Instant::NEVER);
        if inner.armed.is_due(now) {
            inner.armed = Instant::NEVER;
        }
        let due = inner.connection.poll_timeout().is_due(now);
        if due && inner.connection.tries_fast_open() {
            self.cookies.avoid(now, slot.flow.flow().remote.ip());
        }
        let signals = if due { inner.connection.on_timeout(now) } else { Signals::empty() };
        self.announce(now, slot, inner, signals);
        true
    }

    /// Sends what the connection owes. Whoever comes first sends for all: one who comes meanwhile
    /// leaves a mark and goes, so frames leave in order, and no lock is held while the device
    /// takes a frame.
    pub(super) fn flush(&self, now: Instant, slot: &Arc<Slot>) {
        let entered =
            slot.flush.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| match state {
                IDLE => Some(FLUSHING),
                FLUSHING => Some(DIRTY),
                _ => None,
            });
        if entered != Ok(IDLE) {
            return;
        }
        let mut frame = self.take_frame_buffer();
        loop {
            self.send_all(now, slot, &mut frame);
            let left =
                slot.flush.compare_exchange(FLUSHING, IDLE, Ordering::AcqRel, Ordering::Acquire);
            if left.is_ok() {
                break;
            }
            slot.flush.store(FLUSHING, Ordering::Release);
        }
        self.give_frame_buffer(frame);
    }

    fn send_all(&self, now: Instant, slot: &Arc<Slot>, frame: &mut Vec<u8>) {
        let flow = slot.flow.flow();
        let limits = self.limits_to(now, flow.remote.ip());
        loop {
            frame.clear();
            let mut inner = slot.lock();
            let Some(built) = inner.connection.poll_transmit(now, &flow, &limits, frame) else {
                if let Some(wait) = inner.connection.time_wait().cloned() {
                    drop(inner);
                    return self.leave_remains(slot, wait);
                }
                let oversleeper = self.arm(now, slot, &mut inner);
                let over = inner.connection.state() == State::Closed;
                drop(inner);
                if let Some(queue) = oversleeper {
                    self.device_of(queue).wake();
                }
                if over {
                    self.demux.remove(slot);
                }
                return;
            };
            drop(inner);
            match built.cut {
                Some(segment) => {
                    let text = built.text.as_deref();
                    self.send_unfinished(now, slot.queue(), frame, text, segment);
                }
                None => self.send(now, slot.queue(), frame),
            }
        }
    }

    /// Sees to it that a wheel gives the slot out in time; whose packet loop must be woken for it, if
    /// any. Lazy: an entry that comes too early is used again when it comes, so re-arming with
    /// every ACK costs nothing.
    fn arm(&self, now: Instant, slot: &Arc<Slot>, inner: &mut Inner) -> Option<usize> {
        let deadline = inner.connection.poll_timeout();
        if deadline >= inner.armed {
            return None;
        }
        let at = deadline.min(now + FARTHEST);
        if inner.beyond.is_never() {
            inner.beyond = inner.armed;
        }
        inner.armed = at;
        let queue = usize::from(slot.queue());
        self.loops[queue].arm(at, Arc::clone(slot)).then_some(queue)
    }

    /// Runs a verb of the connection, tells of what changed, sends what is owed.
    pub(super) fn act<R>(
        &self,
        now: Instant,
        slot: &Arc<Slot>,
        verb: impl FnOnce(&mut Inner) -> (Signals, R),
    ) -> R {
        self.note_time(now);
        let mut inner = slot.lock();
        let (signals, result) = verb(&mut inner);
        let leader = inner.leads.filter(|_| !signals.is_empty());
        self.announce(now, slot, inner, signals);
        if let Some(queue) = leader {
            self.device_of(queue.into()).wake();
        }
        self.flush(now, slot);
        result
    }

    pub(super) fn shut_for_writing(&self, now: Instant, slot: &Arc<Slot>) {
        self.act(now, slot, |inner| (inner.connection.shutdown(now, Shutdown::Write), ()));
    }

    pub(super) fn abort(&self, now: Instant, slot: &Arc<Slot>) {
        self.act(now, slot, |inner| (inner.connection.abort(now), ()));
    }
}
