//! What was the most of late? The maximum over a window of slots: of cycles for the bandwidth, of
//! round trips for aggregation.

/// The maximum of what was noted in the current slot and in those before it.
#[derive(Clone, Debug)]
pub(super) struct WindowedMax<const SLOTS: usize> {
    /// The maximum of each slot, the current one first.
    slots: [u64; SLOTS],
}

impl<const SLOTS: usize> WindowedMax<SLOTS> {
    /// Nothing was noted yet.
    pub(super) const fn new() -> Self {
        Self { slots: [0; SLOTS] }
    }

    /// Notes `value` in the current slot.
    pub(super) fn note(&mut self, value: u64) {
        self.slots[0] = self.slots[0].max(value);
    }

    /// The next slot begins, the oldest one is forgotten.
    pub(super) fn advance(&mut self) {
        self.slots.rotate_right(1);
        self.slots[0] = 0;
    }

    /// What was noted in the current slot; 0: nothing.
    pub(super) fn current(&self) -> u64 {
        self.slots[0]
    }

    /// The most in the last `slots` of them, the current one included.
    pub(super) fn max_of(&self, slots: usize) -> u64 {
        self.slots.iter().take(slots).copied().max().unwrap_or(0)
    }

    /// The most of all.
    pub(super) fn max(&self) -> u64 {
        self.max_of(SLOTS)
    }
}
