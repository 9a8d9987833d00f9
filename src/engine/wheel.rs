//! Whose timer is next? A hierarchical timing wheel: insertion and expiry cost a constant, however
//! many timers run.
//!
//! ```text
//! level 0   64 slots of 16 µs      |.|.|x|.| ...        1 ms around
//! level 1   64 slots of  1 ms      |.|x|x|.| ...       67 ms
//! level 2   64 slots of 67 ms      ...                4.3 s       and so on
//! ```
//!
//! An entry waits in the slot of the coarsest level whose digit differs from now; when the wheel
//! turns past that slot it moves down a level, until it is due. There is no cancelling: entries
//! are lazy, their owner looks whether it still wants anything when it is given out.

#[cfg(test)]
#[path = "tests/wheel.rs"]
mod tests;

use crate::time::Instant;

/// Nanoseconds of a tick, as a power of two.
const TICK: u32 = 14;
/// Slots of a level, as a power of two.
const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
/// Levels: enough for every tick of a 64-bit clock.
const LEVELS: usize = ((64 - TICK) as usize).div_ceil(BITS as usize);
/// Entries that an empty slot keeps its memory for; after a burst it is given back.
const KEPT: usize = 16;

/// A wheel of timers.
#[derive(Debug)]
pub(super) struct Wheel<T> {
    levels: [Level<T>; LEVELS],
    /// The tick up to which everything was given out.
    now: u64,
}

#[derive(Debug)]
struct Level<T> {
    /// A bit for each slot that is not empty.
    occupied: u64,
    /// Allocated with the first entry of the level.
    slots: Vec<Vec<(Instant, T)>>,
}

impl<T> Wheel<T> {
    /// An empty wheel.
    pub(super) fn new() -> Self {
        let level = || Level { occupied: 0, slots: Vec::new() };
        Self { levels: std::array::from_fn(|_| level()), now: 0 }
    }

    /// Gives `item` out at `at`, which is not `NEVER`; a moment that has passed counts as the next.
    pub(super) fn insert(&mut self, at: Instant, item: T) {
        debug_assert!(!at.is_never(), "a timer that never expires needs no entry");
        self.place(at, item);
    }

    /// Moves everything that is due at `now` to `due`; nothing earlier than its moment.
    pub(super) fn expire(&mut self, now: Instant, due: &mut Vec<T>) {
        let target = tick(now);
        while let Some((level, slot)) = self.first_slot() {
            let start = self.slot_start(level, slot);
            if start > target {
                break;
            }
            self.now = self.now.max(start);
            self.levels[level].occupied &= !(1 << slot);
            let mut entries = std::mem::take(&mut self.levels[level].slots[slot]);
            for (at, item) in entries.extract_if(.., |(at, _)| level > 0 || at.is_due(now)) {
                // What is not due comes to a lower level: never back into this slot.
                if at.is_due(now) { due.push(item) } else { self.place(at, item) }
            }
            let later_in_this_tick = !entries.is_empty();
            if later_in_this_tick || entries.capacity() <= KEPT {
                self.levels[level].slots[slot] = entries;
            }
            if later_in_this_tick {
                self.levels[level].occupied |= 1 << slot;
                return;
            }
        }
        self.now = self.now.max(target);
    }

    /// When `expire` has something to do at the earliest: never later than the first entry.
    pub(super) fn next(&self) -> Instant {
        let Some((level, slot)) = self.first_slot() else { return Instant::NEVER };
        let slot_start = Instant::from_nanos(self.slot_start(level, slot) << TICK);
        if level > 0 {
            return slot_start;
        }
        let entries = self.levels[level].slots[slot].iter();
        entries.map(|(at, _)| *at).min().unwrap_or(slot_start)
    }

    fn place(&mut self, at: Instant, item: T) {
        let when = tick(at).max(self.now);
        let differing = when ^ self.now;
        let level = (63 - (differing | 1).leading_zeros()) / BITS;
        let slot = (when >> (level * BITS)) as usize % SLOTS;
        let level = &mut self.levels[level as usize];
        if level.slots.is_empty() {
            level.slots.resize_with(SLOTS, Vec::new);
        }
        level.slots[slot].push((at, item));
        level.occupied |= 1 << slot;
    }

    /// The occupied slot that comes first: a lower level's always comes before a higher one's.
    fn first_slot(&self) -> Option<(usize, usize)> {
        self.levels.iter().enumerate().find_map(|(level, slots)| {
            (slots.occupied != 0).then(|| (level, slots.occupied.trailing_zeros() as usize))
        })
    }

    /// The tick at which a slot begins.
    fn slot_start(&self, level: usize, slot: usize) -> u64 {
        let shift = u32::try_from(level).unwrap_or(0) * BITS;
        let above = shift + BITS;
        let high = if above < 64 { self.now >> above << above } else { 0 };
        high | (slot as u64) << shift
    }
}

/// The tick in which a moment lies.
fn tick(at: Instant) -> u64 {
    at.as_nanos() >> TICK
}
