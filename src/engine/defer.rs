//! Which open connections is a listener not shown yet? Those that have said nothing, where it defers
//! (`TCP_DEFER_ACCEPT` of Linux), for a while. They keep the place that they had when they were half
//! open; the wheel gives them out when the while is over.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Engine;
use super::listener::Shared;
use super::slot::{Inner, Past, Slot};
use crate::tcp::Signals;
use crate::time::Instant;

/// What becomes of the place that a listener keeps for a connection.
pub(super) enum Place {
    /// It stays kept, or there is none.
    Kept,
    /// The connection opened without a word: it stays kept for so long at most.
    PutOff(Arc<Shared>, Duration),
    /// The connection takes it.
    Taken(Weak<Shared>),
    /// The connection will never take it.
    Free(Weak<Shared>),
}

impl Inner {
    /// What becomes of the place, now that this has changed.
    pub(super) fn settle_place(&mut self, signals: Signals) -> Place {
        let Some(listener) = self.listener() else { return Place::Kept };
        let over = signals.contains(Signals::CLOSED);
        if self.past.contains(Past::OPENED) {
            let defers = listener.upgrade().and_then(|shared| Some((shared.defer?, shared)));
            match defers {
                Some(_) if self.has_spoken() => {}
                Some(_) if over => return self.take_listener().map_or(Place::Kept, Place::Free),
                Some((wait, shared)) if signals.contains(Signals::OPENED) => {
                    return Place::PutOff(shared, wait);
                }
                Some(_) => return Place::Kept,
                None => {}
            }
            return self.take_listener().map_or(Place::Kept, Place::Taken);
        }
        if over { self.take_listener().map_or(Place::Kept, Place::Free) } else { Place::Kept }
    }

    /// The peer has sent text, or its end.
    fn has_spoken(&self) -> bool {
        self.connection.readable() > 0 || self.past.contains(Past::PEER_CLOSED)
    }

    /// The listener that it is kept back from, though it is open.
    pub(super) fn put_off_by(&self) -> Option<Arc<Shared>> {
        let open = self.past.contains(Past::OPENED);
        self.listener().filter(|_| open).and_then(Weak::upgrade)
    }
}

impl Engine {
    /// A place is taken, given up, or kept longer.
    pub(super) fn note_place(&self, now: Instant, slot: &Arc<Slot>, place: Place) {
        match place {
            Place::Kept => {}
            Place::PutOff(listener, wait) => self.put_off(now, slot, &listener, wait),
            Place::Taken(listener) => self.offer(now, slot, &listener),
            Place::Free(listener) => {
                if let Some(listener) = listener.upgrade() {
                    listener.given_up();
                }
            }
        }
    }

    fn offer(&self, now: Instant, slot: &Arc<Slot>, listener: &Weak<Shared>) {
        let accepted = listener.upgrade().is_some_and(|shared| shared.opened(Arc::clone(slot)));
        if !accepted {
            // Its listener went while it opened: nobody will ever take it.
            self.abort(now, slot);
        }
    }

    fn put_off(&self, now: Instant, slot: &Arc<Slot>, listener: &Shared, wait: Duration) {
        let until = now + wait;
        listener.put_off(until, slot);
        let its = &self.loops[usize::from(slot.queue())];
        if its.arm(until, Arc::clone(slot)) {
            its.device.wake();
        }
    }

    /// Shows `listener` those that were kept back from it for long enough.
    pub(super) fn show_overdue(&self, now: Instant, listener: &Shared) {
        for slot in listener.take_overdue(now) {
            let place = slot.lock().take_listener();
            // Otherwise it has spoken, or is over.
            if let Some(listener) = place {
                self.offer(now, &slot, &listener);
            }
        }
    }
}
