//! Whose turn is it, and when? The next moment of every station of a network.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use crate::time::Instant;

/// A part of a network at which something happens. The order is the one in which they act at one
/// moment: cables before hosts, frames along their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Station {
    Egress(usize),
    Link(usize),
    Ingress(usize),
    Host(usize),
}

impl Station {
    fn place(self) -> (usize, usize) {
        match self {
            Self::Egress(id) => (0, id),
            Self::Link(id) => (1, id),
            Self::Ingress(id) => (2, id),
            Self::Host(id) => (3, id),
        }
    }
}

/// The next moment of every station, of which those that have none cost nothing.
///
/// At one moment, stations act in rounds: each that is due, once, in their order. One that becomes
/// due meanwhile acts in the same round if its turn is still to come, otherwise in the next.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    /// What was ever set; an entry that `moments` does not confirm has been overtaken by another.
    heap: BinaryHeap<Reverse<(Instant, Station)>>,
    moments: [Vec<Instant>; 4],
    round: BTreeSet<Station>,
    acting: Option<Station>,
}

impl Agenda {
    /// From now on `station` is due at `at`, instead of what was set before.
    pub(super) fn set(&mut self, station: Station, at: Instant, now: Instant) {
        let (kind, id) = station.place();
        let moments = &mut self.moments[kind];
        if moments.len() <= id {
            moments.resize(id + 1, Instant::NEVER);
        }
        if self.acting.is_some_and(|acting| station > acting) {
            if at.is_due(now) {
                moments[id] = Instant::NEVER;
                self.round.insert(station);
                self.forget_the_overtaken();
                return;
            }
            self.round.remove(&station);
        }
        if moments[id] != at {
            moments[id] = at;
            if !at.is_never() {
                self.heap.push(Reverse((at, station)));
            }
            self.forget_the_overtaken();
        }
    }

    /// The first moment at which a station is due; `NEVER` if none is.
    pub(super) fn next(&self) -> Instant {
        self.heap.peek().map_or(Instant::NEVER, |Reverse((at, _))| *at)
    }

    /// Begins a round with those that are due at `now`.
    pub(super) fn begin(&mut self, now: Instant) {
        while self.next().is_due(now)
            && let Some(Reverse((_, station))) = self.heap.pop()
        {
            let (kind, id) = station.place();
            self.moments[kind][id] = Instant::NEVER;
            self.round.insert(station);
            self.forget_the_overtaken();
        }
    }

    /// The next one of the round; `None` ends it.
    pub(super) fn take(&mut self) -> Option<Station> {
        self.acting = self.round.pop_first();
        self.acting
    }

    /// The first entry is always one that holds.
    fn forget_the_overtaken(&mut self) {
        while let Some(Reverse((at, station))) = self.heap.peek() {
            let (kind, id) = station.place();
            if self.moments[kind][id] == *at {
                break;
            }
            self.heap.pop();
        }
    }
}

#[cfg(test)]
#[path = "tests/agenda.rs"]
mod tests;
