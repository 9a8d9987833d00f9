//! What waits to be sent, or to be read? Chunks in order; an empty queue owns no memory.

use super::chunk::{Chunk, Pool};

/// A queue of bytes in chunks.
#[derive(Debug, Default)]
pub struct Queue {}

impl Queue {
    /// An empty queue; it owns no memory until something is appended, and none again once empty.
    #[must_use]
    pub const fn new() -> Self {
        todo!()
    }

    /// Bytes in it.
    #[must_use]
    pub fn len(&self) -> usize {
        todo!()
    }

    /// Whether no bytes are in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        todo!()
    }

    /// Appends a chunk: O(1); a small one is copied into the spare room of the last.
    pub fn append(&mut self, _chunk: Chunk) {
        todo!()
    }

    /// Appends a copy of `bytes`: into the spare room of the last chunk, then into new ones.
    pub fn extend(&mut self, _pool: &Pool, _bytes: &[u8]) {
        todo!()
    }

    /// Copies the bytes from `offset` on into `out`; how many there were. Finds its place in
    /// logarithmic time.
    pub fn copy_to(&self, _offset: usize, _out: &mut [u8]) -> usize {
        todo!()
    }

    /// Forgets the first `count` bytes (all, if there are fewer).
    pub fn discard(&mut self, _count: usize) {
        todo!()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        todo!()
    }

    /// Takes the first chunk whole, if it has at most `max` bytes: ownership moves, nothing is copied.
    pub fn take_front(&mut self, _max: usize) -> Option<Chunk> {
        todo!()
    }
}
