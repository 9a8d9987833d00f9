//! Who is the packet loop? Leader and followers.
//!
//! Whoever waits for the device and turns the engine *leads*. The worker leads when nobody else
//! does; a thread that would sleep in `read` or `write` until a packet comes takes the lead itself,
//! if it is free, and so needs no other thread to wake it: that wake-up, from one CPU to another,
//! costs more than the packet, and the bytes stay in the cache of the one who wants them.
//!
//! ```text
//!   worker    leads ──▶ a turn has woken one thread, which wanted the lead ──▶ steps aside
//!   thread    wakes ──▶ reads ──▶ would sleep: leads until its own bytes come ──▶ reads ──▶ ...
//!   worker    looks now and then while the lead goes from hand to hand, takes it when it lies
//!             unused or was left for good, and sleeps while one thread leads for long
//! ```
//!
//! A thread that leads while a turn has news for another one alone leaves the lead to that one, and
//! sleeps. While turns bring much for several at once the worker keeps the lead, or gets it from the
//! thread that has it: the others then read while it goes on. While they bring a little for each of
//! several, the lead goes from thread to thread: each that has served its connection would sleep, and
//! leads instead, so that a worker, to be woken for every frame, would be one more to switch to.
//!
//! Nobody needs to see to it that the one to whom the lead is left takes it: whoever would sleep takes
//! what lies unused, and the worker, which is then in a timed wait, if nobody comes.
//!
//! Not here: what a turn is (the engine's), and when a host stops (the worker's).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::busy::BusyPoll;
use super::clock::Clock;
use crate::time::Instant;

/// How often the worker looks whether the lead lies unused, while it goes from hand to hand. A
/// packet waits no longer than this and [`UNUSED`] for somebody to lead; the shortest timer of a
/// peer, Linux's tail loss probe, is 2 ms.
const LOOK: Duration = Duration::from_millis(1);

/// The same while it goes from hand to hand so quickly that nobody waits for long, and a look, which
/// takes a CPU from somebody, would be what makes them wait.
const RARE_LOOK: Duration = Duration::from_millis(4);

/// Terms between two looks that are quick.
const QUICK: u64 = 40;

/// A thread that has left the lead is back within this time, unless it has other things to do.
const UNUSED: Duration = Duration::from_micros(200);

/// The lead of one host.
#[derive(Debug)]
pub(crate) struct Lead {
    clock: Clock,
    busy: BusyPoll,
    state: Mutex<State>,
    changed: Condvar,
    /// A thread has found the lead taken, and sleeps.
    wanted: AtomicBool,
    /// A thread that sends much has found it taken, and comes again.
    wanted_in_passing: AtomicBool,
    /// The worker keeps the lead from now on.
    reclaimed: AtomicBool,
}

#[derive(Debug)]
struct State {
    /// Somebody leads.
    led: bool,
    /// When somebody left the lead last.
    left: Instant,
    /// How often the lead was taken.
    terms: u64,
    /// The worker sleeps until it is told.
    worker_sleeps: bool,
    /// Who led last will not come back: the worker need not wait for that.
    left_for_good: bool,
}

/// The lead, in the hands of a thread of the application, until it is dropped.
#[derive(Debug)]
pub(crate) struct Term<'a>(&'a Lead);

impl Lead {
    /// Nobody leads yet, and there is nobody to wait for.
    pub(crate) fn new(clock: Clock, busy: BusyPoll) -> Self {
        let state = State {
            led: false,
            left: clock.now(),
            terms: 0,
            worker_sleeps: false,
            left_for_good: true,
        };
        Self {
            clock,
            busy,
            state: Mutex::new(state),
            changed: Condvar::new(),
            wanted: AtomicBool::new(false),
            wanted_in_passing: AtomicBool::new(false),
            reclaimed: AtomicBool::new(false),
        }
    }

    /// The lead for a thread that would otherwise sleep, if nobody has it.
    pub(crate) fn try_take(&self) -> Option<Term<'_>> {
        self.try_take_or(Some(&self.wanted))
    }

    /// The lead for a thread that sends much and does not sleep, if nobody has it: for one turn, so
    /// that no other thread is woken for each acknowledgement.
    pub(crate) fn try_take_in_passing(&self) -> Option<Term<'_>> {
        self.try_take_or(Some(&self.wanted_in_passing))
    }

    /// The lead for a thread that is as well off without it: it waits for anybody.
    pub(crate) fn try_take_for_anybody(&self) -> Option<Term<'_>> {
        self.try_take_or(None)
    }

    /// The lead, or else a note that it was wanted.
    fn try_take_or(&self, wanted: Option<&AtomicBool>) -> Option<Term<'_>> {
        if self.is_reclaimed() {
            return None;
        }
        let mut state = self.lock();
        if state.led {
            if let Some(wanted) = wanted {
                wanted.store(true, Ordering::Relaxed);
            }
            return None;
        }
        state.take();
        Some(Term(self))
    }

    /// What time it is on its host.
    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// When whoever leads may sleep.
    pub(super) fn busy(&self) -> &BusyPoll {
        &self.busy
    }

    /// A thread has found the lead taken since this was last asked.
    pub(super) fn was_wanted(&self) -> bool {
        self.wanted.swap(false, Ordering::Relaxed)
    }

    /// A thread is done with its connection: if the lead lies unused and others have wanted it, the
    /// worker takes it now. Where nobody else waits the thread may be back sooner, with its next
    /// connection, than the worker has woken up.
    pub(crate) fn leave_to_others(&self) {
        if self.was_wanted() {
            self.hand_on();
        }
    }

    /// Others are as busy as the thread that has left the lead: if it lies unused, the worker takes it
    /// now.
    pub(crate) fn hand_on(&self) {
        let mut state = self.lock();
        if !state.led {
            state.left_for_good = true;
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Whether the one who leads shall leave, so that the worker can.
    pub(crate) fn is_reclaimed(&self) -> bool {
        self.reclaimed.load(Ordering::Acquire)
    }

    /// From now on only the worker leads. Whoever does now leaves when its wait for the device
    /// ends: the caller wakes the device.
    pub(super) fn reclaim(&self) {
        self.reclaimed.store(true, Ordering::Release);
        self.changed.notify_all();
    }

    /// The worker has the lead and, its turn having been about one connection alone, leaves it to a
    /// thread that wanted it: to one that slept if it `woke` one, or to one that sends. Back when it
    /// leads again; whether it was away, so that what it knew before may have changed.
    pub(super) fn step_aside(&self, woke: bool) -> bool {
        let in_passing = self.wanted_in_passing.swap(false, Ordering::Relaxed);
        if self.is_reclaimed() || !(in_passing || woke && self.was_wanted()) {
            return false;
        }
        self.lock().leave(self.clock.now());
        self.worker_takes();
        true
    }

    /// Sleeps until the lead lies unused, or is reclaimed and free; then the worker has it.
    pub(super) fn worker_takes(&self) {
        let mut state = self.lock();
        let mut seen = None;
        loop {
            let unused = self.clock.now() - state.left;
            if !state.led && (state.left_for_good || self.is_reclaimed() || unused >= UNUSED) {
                state.take();
                return;
            }
            if state.led && seen == Some(state.terms) {
                state.worker_sleeps = true;
                let woken = self.changed.wait_while(state, |state| state.worker_sleeps);
                state = woken.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let terms = state.terms - seen.unwrap_or(state.terms);
            seen = Some(state.terms);
            let look = if terms < QUICK { LOOK } else { RARE_LOOK };
            let pause = if state.led { look } else { look.min(UNUSED.saturating_sub(unused)) };
            let woken = self.changed.wait_timeout(state, pause);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self) {
        self.led = true;
        self.terms += 1;
        self.left_for_good = false;
    }

    fn leave(&mut self, now: Instant) {
        self.led = false;
        self.left = now;
    }
}

impl Drop for Term<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.leave(self.0.clock.now());
        let tell = std::mem::take(&mut state.worker_sleeps) || self.0.is_reclaimed();
        drop(state);
        if tell {
            self.0.changed.notify_all();
        }
    }
}
