//! Where do bytes live? In a block that one chunk owns and that goes back to its pool.

/// A pool of blocks with a free list per size class. Cloning it gives another handle to the same
/// pool.
#[derive(Clone, Debug, Default)]
pub struct Pool {}

impl Pool {
    /// An empty pool.
    #[must_use]
    pub fn new() -> Self {
        todo!()
    }

    /// An empty chunk with room for at least `capacity` bytes (the size class above it).
    #[must_use]
    pub fn chunk(&self, _capacity: usize) -> Chunk {
        todo!()
    }
}

/// Bytes `start..end` of a block. Its owner alone can reach them; dropping it gives the block back.
#[derive(Debug)]
pub struct Chunk {}

impl Chunk {
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

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        todo!()
    }

    /// Bytes that `extend` still takes.
    #[must_use]
    pub fn spare(&self) -> usize {
        todo!()
    }

    /// Appends as much of `bytes` as there is room for; how much that was.
    pub fn extend(&mut self, _bytes: &[u8]) -> usize {
        todo!()
    }

    /// Forgets the first `count` bytes (all, if there are fewer).
    pub fn discard_front(&mut self, _count: usize) {
        todo!()
    }

    /// Keeps the first `len` bytes.
    pub fn truncate(&mut self, _len: usize) {
        todo!()
    }
}
