//! Which local port? RFC 6056, algorithm 3: a counter, begun where a keyed hash of the destination
//! says, so that nobody outside knows the next one and two destinations do not collide.

#[cfg(test)]
#[path = "tests/ports.rs"]
mod tests;

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU32, Ordering};

/// The ephemeral ports of a host.
#[derive(Debug)]
pub(super) struct EphemeralPorts {
    range: RangeInclusive<u16>,
    next: AtomicU32,
}

impl EphemeralPorts {
    /// Ports of this range (RFC 6056, 3.2).
    pub(super) fn new(range: RangeInclusive<u16>) -> Self {
        Self { range, next: AtomicU32::new(0) }
    }

    /// A port that `is_free`, if any is: each is tried once, from where `offset` (the hash of the
    /// destination) and the counter point. They are those of `range` where there is one, otherwise the
    /// host's.
    pub(super) fn choose(
        &self,
        range: Option<&RangeInclusive<u16>>,
        offset: u32,
        mut is_free: impl FnMut(u16) -> bool,
    ) -> Option<u16> {
        let range = range.unwrap_or(&self.range);
        let count = u32::try_from(range.len()).unwrap_or(0);
        let first = u64::from(offset) + u64::from(self.next.fetch_add(1, Ordering::Relaxed));
        // Others move the counter meanwhile: to leave no port out, it is read once and then moved
        // past what was tried in vain.
        for tried in 0..count {
            let index = u16::try_from((first + u64::from(tried)) % u64::from(count)).unwrap_or(0);
            let port = range.start() + index;
            if is_free(port) {
                self.next.fetch_add(tried, Ordering::Relaxed);
                return Some(port);
            }
        }
        None
    }
}
