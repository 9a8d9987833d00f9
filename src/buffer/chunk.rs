//! Where do bytes live? In a block that one chunk owns and that goes back to its pool.

#[cfg(test)]
#[path = "tests/chunk.rs"]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::memory::{Account, Purpose};

/// Sizes of blocks, bytes. A chunk gets the least that holds what it was asked for.
const CLASSES: [usize; 6] = [64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10];

/// Bytes that a free list keeps at most; what comes back beyond that is freed.
const KEPT: usize = 4 << 20;

/// A pool of blocks with a free list per size class, and the account of what is in use. Cloning it
/// gives another handle to the same pool.
///
/// ```
/// let pool = tuntcp::buffer::Pool::new();
/// let mut chunk = pool.chunk(100);
/// assert_eq!(chunk.extend(b"hello"), 5);
/// assert_eq!(chunk.as_slice(), b"hello");
/// ```
#[derive(Clone, Default)]
pub struct Pool {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    account: Account,
    free: [FreeList; CLASSES.len()],
}

type FreeList = Mutex<Vec<Box<[u8]>>>;

impl Pool {
    /// An empty pool without a limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty pool that wants to have at most `limit` bytes in use. It refuses nobody: those who
    /// ask it heed [`left`](Self::left).
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        let shared = Shared { account: Account::new(limit), ..Shared::default() };
        Self { shared: Arc::new(shared) }
    }

    /// Bytes in use: the blocks of all chunks, and what shares hold. Free blocks are not counted.
    #[must_use]
    pub fn used(&self) -> usize {
        self.shared.account.used()
    }

    /// Bytes that may be taken for `purpose`.
    #[must_use]
    pub fn left(&self, purpose: Purpose) -> usize {
        self.shared.account.left(purpose)
    }

    pub(super) fn account(&self) -> &Account {
        &self.shared.account
    }

    /// An empty chunk with room for at least `capacity` bytes, 64 KiB at most.
    #[must_use]
    pub fn chunk(&self, capacity: usize) -> Chunk {
        let class = CLASSES.iter().position(|&size| size >= capacity).unwrap_or(CLASSES.len() - 1);
        let kept = self.shared.free[class].lock().unwrap_or_else(PoisonError::into_inner).pop();
        let block = kept.unwrap_or_else(|| vec![0; CLASSES[class]].into_boxed_slice());
        self.shared.account.take(block.len());
        Chunk { block: Block::Own(block), start: 0, end: 0, pool: self.clone() }
    }

    fn give_back(&self, block: Box<[u8]>) {
        self.shared.account.give_back(block.len());
        let Some(class) = CLASSES.iter().position(|&size| size == block.len()) else { return };
        let mut free = self.shared.free[class].lock().unwrap_or_else(PoisonError::into_inner);
        if (free.len() + 1) * block.len() <= KEPT {
            free.push(block);
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

/// Bytes `start..end` of a block. Its owner alone can reach them, unless they were lent; dropping the
/// last that has a part of it gives the block back.
pub struct Chunk {
    block: Block,
    start: u32,
    end: u32,
    pool: Pool,
}

/// Where the bytes of a chunk stand.
enum Block {
    Own(Box<[u8]>),
    /// Others read in it: from here on nobody writes.
    Shared(Arc<Shareable>),
}

/// A block that goes back to its pool with the last who has it.
struct Shareable {
    bytes: Box<[u8]>,
    pool: Pool,
}

impl Drop for Shareable {
    fn drop(&mut self) {
        self.pool.give_back(std::mem::take(&mut self.bytes));
    }
}

impl Block {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(shared) => &shared.bytes,
        }
    }

    /// To write into, if nobody else reads it.
    fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        match self {
            Self::Own(bytes) => Some(bytes),
            Self::Shared(_) => None,
        }
    }
}

impl Chunk {
    /// Bytes in it.
    #[must_use]
    pub fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether no bytes are in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.block.bytes()[self.start as usize..self.end as usize]
    }

    /// Bytes that `extend` still takes: none once they were lent.
    #[must_use]
    pub fn spare(&self) -> usize {
        match &self.block {
            Block::Own(bytes) => bytes.len() - self.end as usize,
            Block::Shared(_) => 0,
        }
    }

    /// Bytes of the block that carries them.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.block.bytes().len()
    }

    /// Another chunk with `len` of the bytes from `from` on (fewer if there are not so many), which
    /// are not copied. To this one nothing is appended any more.
    #[must_use]
    pub fn lend(&mut self, from: usize, len: usize) -> Self {
        if let Block::Own(bytes) = &mut self.block {
            let shareable = Shareable { bytes: std::mem::take(bytes), pool: self.pool.clone() };
            self.block = Block::Shared(Arc::new(shareable));
        }
        let Block::Shared(shared) = &self.block else { unreachable!("it was made so just now") };
        let mut lent = Self {
            block: Block::Shared(Arc::clone(shared)),
            start: self.start,
            end: self.end,
            pool: self.pool.clone(),
        };
        lent.discard_front(from);
        lent.truncate(len);
        lent
    }

    /// Appends as much of `bytes` as there is room for; how much that was.
    pub fn extend(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.spare());
        let end = self.end as usize;
        let Some(block) = self.block.bytes_mut() else { return 0 };
        block[end..end + count].copy_from_slice(&bytes[..count]);
        self.end += bytes_u32(count);
        count
    }

    /// Takes in the rest of the block, whatever stands there: for those who overwrite it.
    pub(crate) fn fill(&mut self) {
        self.end = bytes_u32(self.capacity());
    }

    /// Overwrites the bytes from `at` on.
    pub(crate) fn overwrite(&mut self, at: usize, bytes: &[u8]) {
        let from = self.start as usize + at;
        if let Some(block) = self.block.bytes_mut() {
            block[from..from + bytes.len()].copy_from_slice(bytes);
        } else {
            debug_assert!(false, "what was lent is not written");
        }
    }

    /// Forgets the first `count` bytes (all, if there are fewer).
    pub fn discard_front(&mut self, count: usize) {
        self.start += bytes_u32(count.min(self.len()));
    }

    /// Keeps the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.end = self.start + bytes_u32(len.min(self.len()));
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if let Block::Own(bytes) = &mut self.block {
            self.pool.give_back(std::mem::take(bytes));
        }
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunk({} of {} bytes)", self.len(), self.capacity())
    }
}

/// A number of bytes in one block, which is far below 2^32.
fn bytes_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
