//! How much memory may payload take? One account for all the connections of a host, and for the
//! datagrams that wait there.
//!
//! ```text
//!   0         half       3/4     7/8   limit
//!   |- Begin -->|         |       |       |
//!   |- Grow ------------->|       |       |
//!   |- Send --------------------->|       |
//!   |- Keep ----------------------------->|
//! ```
//!
//! The account counts the blocks of all chunks that a pool has given out, and the shares that stand
//! for memory which is not taken yet but promised: a window that a peer may fill at any time. It is
//! right at every moment since blocks and shares are given back where they are dropped. What a
//! purpose may not have any more is refused by those who ask; nothing is taken away from anybody.

#[cfg(test)]
#[path = "tests/memory.rs"]
mod tests;

use std::sync::atomic::{AtomicUsize, Ordering};

use super::chunk::Pool;

/// What memory is wanted for: the less it is needed, the earlier it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A connection begins: it gets a full first window while half of the memory is left.
    Begin,
    /// A connection would go faster with more, or datagrams come that may be lost: while a quarter is left.
    Grow,
    /// An application wants to send more: while an eighth is left.
    Send,
    /// A connection wants to receive what it began with: while there is any.
    Keep,
}

/// Bytes that are taken, and how many may be.
#[derive(Debug)]
pub(super) struct Account {
    limit: usize,
    used: AtomicUsize,
}

impl Default for Account {
    /// Without a limit.
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

impl Account {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, used: AtomicUsize::new(0) }
    }

    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn most(&self, purpose: Purpose) -> usize {
        match purpose {
            Purpose::Begin => self.limit / 2,
            Purpose::Grow => self.limit - self.limit / 4,
            Purpose::Send => self.limit - self.limit / 8,
            Purpose::Keep => self.limit,
        }
    }

    pub(super) fn left(&self, purpose: Purpose) -> usize {
        self.most(purpose).saturating_sub(self.used())
    }

    /// Takes so much if so much is left.
    fn try_take(&self, bytes: usize, purpose: Purpose) -> bool {
        let most = self.most(purpose);
        let take = |used: usize| used.checked_add(bytes).filter(|&sum| sum <= most);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// Takes so much, whatever is left.
    pub(super) fn take(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn give_back(&self, bytes: usize) {
        let before = self.used.fetch_sub(bytes, Ordering::Relaxed);
        debug_assert!(before >= bytes, "more is given back than was taken");
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        debug_assert_eq!(*self.used.get_mut(), 0, "what was taken is not given back");
    }
}

/// Bytes of a pool's account that are held without a chunk; dropping it gives them back.
///
/// ```
/// use tuntcp::buffer::{Pool, Share};
///
/// let pool = Pool::with_limit(1_000);
/// let mut window = Share::new(&pool);
/// window.set(600);
/// assert_eq!(pool.used(), 600);
/// drop(window);
/// assert_eq!(pool.used(), 0);
/// ```
#[derive(Debug)]
pub struct Share {
    pool: Pool,
    bytes: u32,
}

impl Share {
    /// Nothing yet.
    #[must_use]
    pub fn new(pool: &Pool) -> Self {
        Self { pool: pool.clone(), bytes: 0 }
    }

    /// Bytes that it holds.
    #[must_use]
    pub fn bytes(&self) -> u32 {
        self.bytes
    }

    /// The pool whose account it is of.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Holds so much from now on, if that is no more than before or so much is left.
    pub fn try_set(&mut self, bytes: u32, purpose: Purpose) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        if more == 0 {
            self.set(bytes);
            return true;
        }
        let taken = self.pool.account().try_take(more as usize, purpose);
        if taken {
            self.bytes = bytes;
        }
        taken
    }

    /// Holds so much from now on, whatever is left.
    pub fn set(&mut self, bytes: u32) {
        let before = std::mem::replace(&mut self.bytes, bytes);
        let account = self.pool.account();
        match bytes.checked_sub(before) {
            Some(0) => {}
            Some(more) => account.take(more as usize),
            None => account.give_back((before - bytes) as usize),
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}
