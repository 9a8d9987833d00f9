//! Which bytes arrived too early? Out-of-order ranges to in-order bytes, and the SACK blocks to
//! report (RFC 9293 3.10.7.4, SHLD-31; RFC 2018, 4).
//!
//! Positions are `u64` offsets in the stream, not sequence numbers: nothing wraps here, and
//! ordered containers work.

use std::ops::Range;

use crate::buffer::{Pool, Queue};

/// Bytes that lie beyond the next one expected.
#[derive(Debug, Default)]
pub struct Reassembly {}

impl Reassembly {
    /// Nothing out of order; owns no memory.
    #[must_use]
    pub const fn new() -> Self {
        todo!()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        todo!()
    }

    /// Bytes held.
    #[must_use]
    pub fn len(&self) -> usize {
        todo!()
    }

    /// Keeps `bytes`, whose first stands at `offset`. What is held already stays as it was: the
    /// first copy of a byte wins. The caller has trimmed `bytes` to the receive window.
    pub fn insert(&mut self, _pool: &Pool, _offset: u64, _bytes: &[u8]) {
        todo!()
    }

    /// Moves what has become in order, from `next` on, to the end of `queue`; the new `next`.
    /// Held bytes below `next` are forgotten.
    pub fn take_ready(&mut self, _pool: &Pool, _next: u64, _queue: &mut Queue) -> u64 {
        todo!()
    }

    /// The held ranges to report, the most recently changed first, at most `max` of them, none
    /// twice (RFC 2018, 4).
    pub fn report(&self, _max: usize, _each: impl FnMut(Range<u64>)) {
        todo!()
    }
}
