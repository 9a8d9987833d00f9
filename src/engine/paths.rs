//! What is known of a destination? How large a packet its path takes, where that is less than what
//! our own link does (RFC 1191).

#[cfg(test)]
#[path = "tests/paths.rs"]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::lock;
use crate::time::Instant;

/// Destinations that are remembered: beyond that, the one that would be forgotten first goes.
const MOST: usize = 4096;

/// The paths that take less than our own link.
#[derive(Debug)]
pub(super) struct Paths {
    narrow: Mutex<HashMap<IpAddr, Narrow>>,
    /// How many there are: mostly none, and then nobody takes the lock.
    count: AtomicUsize,
    /// How long one is remembered.
    lasts: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Narrow {
    mtu: usize,
    until: Instant,
}

impl Paths {
    /// None known; each will be remembered for as long as `lasts`.
    pub(super) fn new(lasts: Duration) -> Self {
        Self { narrow: Mutex::default(), count: AtomicUsize::new(0), lasts }
    }

    /// Largest IP packet that the path to `remote` takes, as far as is known.
    pub(super) fn mtu(&self, now: Instant, remote: IpAddr) -> Option<usize> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut narrow = lock(&self.narrow);
        let known = *narrow.get(&remote)?;
        if known.until.is_due(now) {
            // RFC 1191 6.3: the path may be wider by now; a larger packet will tell.
            narrow.remove(&remote);
            self.count.store(narrow.len(), Ordering::Relaxed);
            return None;
        }
        Some(known.mtu)
    }

    /// The path to `remote` takes no more than `mtu` bytes.
    pub(super) fn learn(&self, now: Instant, remote: IpAddr, mtu: usize) {
        let mut narrow = lock(&self.narrow);
        if narrow.len() >= MOST && !narrow.contains_key(&remote) {
            narrow.retain(|_, known| !known.until.is_due(now));
            let first = narrow.iter().min_by_key(|(remote, known)| (known.until, **remote));
            if let Some(first) = first.map(|(remote, _)| *remote)
                && narrow.len() >= MOST
            {
                narrow.remove(&first);
            }
        }
        narrow.insert(remote, Narrow { mtu, until: now + self.lasts });
        self.count.store(narrow.len(), Ordering::Relaxed);
    }
}
