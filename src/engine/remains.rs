//! What remains of connections that are in TIME-WAIT, and that nobody holds any more?
//!
//! Such a connection needs no slot: it sends nothing of its own accord, and nobody waits for it. A
//! record of a fifth of the memory stands in the table in its place, and, as all of them last
//! equally long, in a queue instead of the timer wheel:
//!
//! ```text
//!   oldest                                       youngest
//!   | expires first | ...                  |<-- restarted: to the end, once it is the oldest
//! ```
//!
//! Where listeners have different settings a short one may last as long as a longer one before it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::packed::PackedFlow;
use super::slot::Slot;
use super::{Engine, lock};
use crate::tcp::{TimeWait, Verdict};
use crate::time::Instant;
use crate::trace;
use crate::wire::{Flow, Segment};

/// The record of one connection.
pub(super) struct Remains {
    pub(super) flow: PackedFlow,
    wait: Mutex<TimeWait>,
}

impl Remains {
    /// When they do.
    pub(super) fn expire(&self) -> Instant {
        lock(&self.wait).expires()
    }
}

/// All of a packet loop's, the oldest first.
#[derive(Default)]
pub(super) struct RemainsQueue {
    queue: VecDeque<Arc<Remains>>,
}

impl RemainsQueue {
    pub(super) fn push(&mut self, remains: Arc<Remains>) {
        self.queue.push_back(remains);
    }

    /// When the oldest one expires.
    pub(super) fn next(&mut self) -> Instant {
        while let Some(oldest) = self.queue.front() {
            let mut wait = lock(&oldest.wait);
            if !wait.take_restarted() {
                return wait.expires();
            }
            drop(wait);
            self.queue.rotate_left(1);
        }
        Instant::NEVER
    }

    /// The oldest one, if it has expired.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Arc<Remains>> {
        let due = self.next().is_due(now).then(|| self.queue.pop_front()).flatten();
        if self.queue.len() * 4 < self.queue.capacity() {
            self.queue.shrink_to(self.queue.len() * 2);
        }
        due
    }
}

impl Engine {
    /// `slot` is over but for its TIME-WAIT, which goes on without it.
    pub(super) fn leave_remains(&self, slot: &Arc<Slot>, wait: TimeWait) {
        let remains = Arc::new(Remains { flow: slot.flow, wait: Mutex::new(wait) });
        if self.demux.replace(slot, Arc::clone(&remains)) {
            let its = &self.loops[usize::from(slot.queue())];
            if its.keep(remains) {
                its.device.wake();
            }
        }
    }

    /// A segment for `remains`. Whether a new connection may take its place with it, which it leaves
    /// then (RFC 6191).
    pub(super) fn feed_remains(
        &self,
        now: Instant,
        remains: &Arc<Remains>,
        flow: &Flow,
        segment: &Segment<'_>,
        queue: u8,
    ) -> bool {
        let mut wait = lock(&remains.wait);
        match wait.on_segment(now, segment) {
            Ok(Verdict::Stay) => {}
            Ok(Verdict::Reuse) if self.listener_for(flow).is_some() => {
                drop(wait);
                return self.demux.forget(remains);
            }
            Ok(Verdict::Reuse) => wait.refuse_reuse(now),
            Err(discard) => {
                self.counters.count_discard(discard);
                trace::discarded(flow, segment, discard);
            }
        }
        let mut frame = self.take_frame_buffer();
        let answers = wait.poll_transmit(now, flow, &mut frame).is_some();
        drop(wait);
        if answers {
            self.send(now, queue, &frame);
        }
        self.give_frame_buffer(frame);
        false
    }
}
