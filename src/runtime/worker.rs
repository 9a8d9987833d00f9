//! A packet loop's thread: wait for a frame, a wake-up or a deadline, then turn the engine.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::engine::Engine;

use super::clock::Clock;
use super::lead::Lead;

/// What the host and its worker tell each other.
#[derive(Debug, Default)]
pub(super) struct Status {
    draining: AtomicBool,
    stopping: AtomicBool,
    outcome: Mutex<Outcome>,
    changed: Condvar,
}

/// What the worker has told.
#[derive(Debug, Default)]
pub(super) enum Outcome {
    /// The engine turns.
    #[default]
    Turning,
    /// The worker was told to stop.
    Stopped,
    /// The device is gone: why.
    Down(io::Error),
}

impl Status {
    /// From now on `wait_while` is woken by every turn.
    pub(super) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Ends the loop before its next turn.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Sleeps while `condition` holds of the outcome, until `timeout` has passed.
    ///
    /// The worker tells with the outcome locked, so a turn that ends between the look at
    /// `condition` and the sleep is not missed.
    pub(super) fn wait_while(
        &self,
        timeout: Option<Duration>,
        mut condition: impl FnMut(&Outcome) -> bool,
    ) -> MutexGuard<'_, Outcome> {
        let outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        let condition = |outcome: &mut Outcome| condition(outcome);
        match timeout {
            None => {
                self.changed.wait_while(outcome, condition).unwrap_or_else(PoisonError::into_inner)
            }
            Some(timeout) => {
                self.changed
                    .wait_timeout_while(outcome, timeout, condition)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        }
    }

    fn tell(&self, outcome: Outcome) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
        self.changed.notify_all();
    }
}

/// The thread of one queue's packet loop.
pub(super) struct Worker {
    pub(super) engine: Arc<Engine>,
    pub(super) queue: usize,
    pub(super) clock: Clock,
    pub(super) status: Arc<Status>,
    pub(super) leads: Arc<[Lead]>,
}

impl Worker {
    /// Turns the engine until the host says stop or the device is gone. However it ends, nobody is
    /// left waiting for a packet that will not be read.
    pub(super) fn run(&self) {
        let mut end = End { worker: self, outcome: None };
        let outcome = match self.turn_until_stopped() {
            Ok(()) => Outcome::Stopped,
            Err(error) => {
                log::error!("the network device is gone, every connection is ended: {error}");
                Outcome::Down(error)
            }
        };
        end.outcome = Some(outcome);
    }

    fn turn_until_stopped(&self) -> io::Result<()> {
        let Self { engine, queue, clock, status, leads } = self;
        let (lead, device) = (&leads[*queue], engine.device_of(*queue));
        lead.worker_takes();
        loop {
            if status.stopping.load(Ordering::Acquire) {
                return Ok(());
            }
            let now = clock.now();
            let woken = engine.woken();
            let next = engine.turn_queue(*queue, now)?;
            if status.draining.load(Ordering::Acquire) {
                status.tell(Outcome::Turning);
            }
            let load = engine.load(*queue);
            // In a crowd the threads that were woken lead one after the other.
            let may_step_aside = load.connections() == 1 || load.is_crowd();
            if may_step_aside && lead.step_aside(engine.woken() != woken) {
                // Others have turned the engine, and may have been woken in our place: to wait now
                // until `next` could mean to miss an earlier deadline, or the end.
                continue;
            }
            if load.connections() > 1 {
                // With one the thread that waits for it leads soon, and looks itself.
                lead.busy().note_burst(now, load.connections());
            }
            if next.is_due(now) || lead.busy().looks_again(now) {
                continue;
            }
            // The time that the turn took counts: the deadline is a moment, not a distance from
            // `now`.
            let timeout = (!next.is_never()).then(|| next - clock.now());
            device.wait(timeout)?;
        }
    }
}

/// Runs when the worker leaves, a panic included: ends the connections and tells the outcome.
struct End<'a> {
    worker: &'a Worker,
    outcome: Option<Outcome>,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        let Worker { engine, clock, status, .. } = self.worker;
        engine.abort_all(clock.now());
        let outcome = self.outcome.take().unwrap_or_else(|| {
            Outcome::Down(io::Error::other("the packet loop panicked: a bug of the stack"))
        });
        status.tell(outcome);
    }
}
