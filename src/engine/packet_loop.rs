//! One packet loop: a queue of the device, and what belongs to whoever turns it.
//!
//! Most devices have one queue. Of several each has its own loop, and nothing ties a connection to
//! one of them: its frames leave on the queue where its last one came from, since the kernel sends
//! those of a flow where the flow was last heard, and its timer waits in that loop's wheel.

#[cfg(test)]
#[path = "tests/packet_loop.rs"]
mod tests;

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::frames::Frames;
use super::inbox::Inbox;
use super::load::Load;
use super::remains::{Remains, RemainsQueue};
use super::slot::Slot;
use super::wheel::Wheel;
use super::{Engine, lock};
use crate::device::Device;
use crate::fragments::Fragments;
use crate::icmp::ErrorBudget;
use crate::tcp::Signals;
use crate::time::Instant;

/// Frames that are taken before timers are looked at, what is owed is sent, and who waits is told:
/// so many that neither acknowledgements nor wake-ups cost much; not so many that an answer or a
/// timer is late.
const BATCH: usize = 128;

/// Batches that a connection is put off for at most.
const BATCHES: usize = 32;

/// One packet loop.
pub(super) struct PacketLoop {
    pub(super) device: Box<dyn Device>,
    alarms: Mutex<Alarms>,
    /// The loop's own things: whoever holds them is the packet loop.
    baton: Mutex<Baton>,
    /// The deadline that the loop sleeps for; zero while it is awake. Written under the
    /// lock of the alarms, so that a timer that is set meanwhile is never slept through.
    asleep_until: AtomicU64,
    /// What the last turns were about.
    load: Mutex<Load>,
    /// Bytes that were sent since the last turn, by whomever.
    sent: AtomicUsize,
}

/// When connections want to be looked at.
struct Alarms {
    wheel: Wheel<Arc<Slot>>,
    remains: RemainsQueue,
}

impl Alarms {
    /// When the first of them does, or earlier.
    fn next(&mut self) -> Instant {
        self.wheel.next().min(self.remains.next())
    }
}

pub(super) struct Baton {
    /// Which loop this is.
    pub(super) queue: u8,
    pub(super) frames: Frames,
    pub(super) fragments: Fragments,
    pub(super) icmp_budget: ErrorBudget,
    /// Connections that may owe something after this batch.
    pub(super) owed: Vec<Arc<Slot>>,
    /// Inboxes that something was put into: who waits for them is told after this batch.
    pub(super) told: Vec<Arc<Inbox>>,
    due: Vec<Arc<Slot>>,
    /// A peer waits for what is owed to it.
    pub(super) pressed: bool,
    /// Batches since nobody was put off.
    batches: usize,
}

/// What a turn took from the device.
struct Batch {
    frames: usize,
    bytes: usize,
    /// The device has more.
    more: bool,
}

impl PacketLoop {
    pub(super) fn new(queue: u8, device: Box<dyn Device>) -> Self {
        let can = device.capabilities();
        Self {
            device,
            alarms: Mutex::new(Alarms { wheel: Wheel::new(), remains: RemainsQueue::default() }),
            baton: Mutex::new(Baton {
                queue,
                frames: Frames::new(can.max_frame.max(can.mtu)),
                fragments: Fragments::new(),
                icmp_budget: ErrorBudget::new(),
                owed: Vec::new(),
                told: Vec::new(),
                due: Vec::new(),
                pressed: false,
                batches: 0,
            }),
            asleep_until: AtomicU64::new(0),
            load: Mutex::default(),
            sent: AtomicUsize::new(0),
        }
    }

    /// A frame leaves here.
    pub(super) fn note_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Gives the slot out at `at`; whether the loop must be woken for it.
    pub(super) fn arm(&self, at: Instant, slot: Arc<Slot>) -> bool {
        let mut alarms = lock(&self.alarms);
        alarms.wheel.insert(at, slot);
        self.oversleeps(at)
    }

    /// Forgets `remains` when they expire; whether the loop must be woken for it.
    pub(super) fn keep(&self, remains: Arc<Remains>) -> bool {
        let mut alarms = lock(&self.alarms);
        let expire = remains.expire();
        alarms.remains.push(remains);
        self.oversleeps(expire)
    }

    /// Whether the loop must be woken for what was just set to `at`, with the alarms locked.
    fn oversleeps(&self, at: Instant) -> bool {
        let oversleeps = at.as_nanos() < self.asleep_until.load(Ordering::Relaxed);
        if oversleeps {
            // One call wakes the packet loop, whatever is set before it comes.
            self.asleep_until.store(at.as_nanos(), Ordering::Relaxed);
        }
        oversleeps
    }

    /// Nothing is left to do: until when.
    fn fall_asleep(&self, baton: &Baton) -> Instant {
        let others = self.device.deadline().min(baton.fragments.deadline());
        let mut alarms = lock(&self.alarms);
        let next = alarms.next().min(others);
        self.asleep_until.store(next.as_nanos(), Ordering::Relaxed);
        next
    }
}

impl Engine {
    /// Takes what the device has (a batch), fires timers, sends what is owed; when it wants to be
    /// called again at the latest (`now` itself: at once, there was more than a batch). An error
    /// means that the device is gone: every connection has been ended.
    ///
    /// Of a device with several queues this is the first one's loop.
    pub fn turn(&self, now: Instant) -> io::Result<Instant> {
        self.turn_queue(0, now)
    }

    /// The same for the loop of one queue, below [`queues`](Self::queues). A device with several
    /// works as long as each is turned.
    pub fn turn_queue(&self, queue: usize, now: Instant) -> io::Result<Instant> {
        self.note_time(now);
        let this = &self.loops[queue];
        this.asleep_until.store(0, Ordering::Relaxed);
        let mut baton = lock(&this.baton);
        let baton = &mut *baton;
        let batch = self.receive_batch(now, baton).inspect_err(|_| self.abort_all(now))?;
        let more = batch.more;
        self.fire_timers(now, baton);
        let connections = baton.owed.len() + baton.told.len();
        self.settle(now, baton, more);
        let bytes = batch.bytes + this.sent.swap(0, Ordering::Relaxed);
        lock(&this.load).note(connections, batch.frames, bytes, more);
        Ok(if more { now } else { this.fall_asleep(baton) })
    }

    /// What the last turns of this queue's loop were about.
    pub(crate) fn load(&self, queue: usize) -> Load {
        *lock(&self.loops[queue].load)
    }

    /// After a batch: sends what is owed for it and tells who waits. With `more` at hand, those
    /// into whom text pours are put off: one acknowledgement and one wake-up then do for many
    /// batches.
    fn settle(&self, now: Instant, baton: &mut Baton, more: bool) {
        baton.batches += 1;
        // One of many keeps nobody waiting: the others go on.
        let pressed = baton.pressed && baton.owed.len() == 1;
        let all = !more || pressed || baton.batches == BATCHES;
        baton.owed.retain(|slot| {
            let mut inner = slot.lock();
            if !all && inner.pours() {
                return true;
            }
            inner.end_pouring();
            // Whoever flushes it now, what arrives from here on is told after another batch.
            inner.noted = false;
            if inner.is_waited_for(baton.queue) {
                inner.connection.put_off_fin_ack(now);
            }
            let leader = inner.leader_beside(baton.queue);
            drop(inner);
            self.flush(now, slot);
            self.announce(now, slot, slot.lock(), Signals::empty());
            if let Some(queue) = leader {
                self.device_of(queue.into()).wake();
            }
            false
        });
        if all {
            (baton.batches, baton.pressed) = (0, false);
        }
        for inbox in baton.told.drain(..) {
            self.tell(&inbox, Some(baton.queue));
        }
    }

    fn receive_batch(&self, now: Instant, baton: &mut Baton) -> io::Result<Batch> {
        let device = self.device_of(baton.queue.into());
        let mut batch = Batch { frames: 0, bytes: 0, more: true };
        while batch.more && batch.frames < BATCH {
            batch.more = baton.frames.fill(device, now)?;
            let few = baton.frames.len();
            batch.frames += few;
            batch.bytes += baton.frames.bytes();
            self.counters.frames_in.fetch_add(few as u64, Ordering::Relaxed);
            self.take_frames(now, baton);
        }
        Ok(batch)
    }

    fn fire_timers(&self, now: Instant, baton: &mut Baton) {
        let alarms = &self.loops[usize::from(baton.queue)].alarms;
        lock(alarms).wheel.expire(now, &mut baton.due);
        for slot in baton.due.drain(..) {
            if self.fire(now, &slot) {
                baton.owed.push(slot);
            }
        }
        loop {
            let expired = lock(alarms).remains.pop_due(now);
            let Some(remains) = expired else { break };
            self.demux.forget(&remains);
        }
        let count = |why| self.counters.count_drop(why);
        let timed_out = baton.fragments.expire(now, count);
        for datagram in timed_out {
            self.time_exceeded(now, &datagram, baton);
        }
    }
}
