//! What waits to be sent, or to be read? Chunks in order; an empty queue owns no memory.

#[cfg(test)]
#[path = "tests/queue.rs"]
mod tests;

use std::collections::VecDeque;

use super::chunk::{Chunk, Pool};

/// A chunk up to this long is copied into the spare room of the one before it.
const SMALL: usize = 512;

/// Largest block that `extend` takes: a page or a few of text for one read.
const LARGEST: usize = 16 << 10;

/// Chunks that are lent at once, at most.
pub const LENT: usize = 3;

/// Bytes of a queue, in order, as many chunks as it takes.
pub type Lent = [Option<Chunk>; LENT];

/// A queue of bytes in chunks.
///
/// ```
/// use tuntcp::buffer::{Pool, Queue};
///
/// let pool = Pool::new();
/// let mut queue = Queue::new();
/// queue.extend(&pool, b"hello");
/// let mut two = [0; 2];
/// assert_eq!(queue.copy_to(1, &mut two), 2);
/// assert_eq!(&two, b"el");
/// queue.discard(5);
/// assert!(queue.is_empty());
/// ```
#[derive(Debug, Default)]
pub struct Queue {
    /// Nothing while it is empty, which most are at most times: a host has two for each connection.
    content: Option<Box<Content>>,
}

#[derive(Debug, Default)]
struct Content {
    /// Each chunk with the position of its first byte.
    chunks: VecDeque<(u64, Chunk)>,
    /// The position of the first byte of all, and that behind the last one: they are asked for many
    /// times a segment.
    start: u64,
    end: u64,
}

impl Queue {
    /// An empty queue; it owns no memory until something is appended, and none again once empty.
    #[must_use]
    pub const fn new() -> Self {
        Self { content: None }
    }

    /// Bytes in it.
    #[must_use]
    pub fn len(&self) -> usize {
        // What is queued fits into memory.
        usize::try_from(self.end() - self.start()).unwrap_or(usize::MAX)
    }

    /// Whether no bytes are in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.content.is_none()
    }

    /// Appends a chunk: O(1); a small one is copied into the spare room of the last.
    pub fn append(&mut self, chunk: Chunk) {
        if chunk.is_empty() {
            return;
        }
        let len = chunk.len();
        match self.content.as_deref_mut() {
            Some(content) if len <= SMALL && content.spare() >= len => {
                content.extend(chunk.as_slice());
            }
            _ => self.push(chunk),
        }
    }

    /// Appends a copy of `bytes`: into the spare room of the last chunk, then into new ones, which
    /// grow with what is queued already, so that a quiet connection stays small.
    pub fn extend(&mut self, pool: &Pool, mut bytes: &[u8]) {
        if let Some(content) = self.content.as_deref_mut() {
            let count = content.extend(bytes);
            bytes = &bytes[count..];
        }
        while !bytes.is_empty() {
            let mut chunk = pool.chunk(bytes.len().max(4 * self.len()).min(LARGEST));
            let count = chunk.extend(bytes);
            bytes = &bytes[count..];
            self.push(chunk);
        }
    }

    /// Copies the bytes from `offset` on into `out`; how many there were. Finds its place in
    /// logarithmic time.
    pub fn copy_to(&self, offset: usize, out: &mut [u8]) -> usize {
        let mut copied = 0;
        self.each_piece(offset, out.len(), |piece| {
            out[copied..copied + piece.len()].copy_from_slice(piece);
            copied += piece.len();
        });
        copied
    }

    /// The same for `len` bytes behind what is in `out`, or as many as there are.
    pub fn append_to(&self, offset: usize, len: usize, out: &mut Vec<u8>) {
        self.each_piece(offset, len, |piece| out.extend_from_slice(piece));
    }

    /// The bytes from `offset` on, `len` at most, as they lie in chunks.
    fn each_piece(&self, offset: usize, len: usize, mut take: impl FnMut(&[u8])) {
        let Some(content) = self.content.as_deref() else { return };
        let mut from = content.start.saturating_add(offset as u64);
        let mut left = len;
        for (at, chunk) in content.chunks.range(content.chunk_of(from)..) {
            let skip = usize::try_from(from - at).unwrap_or(usize::MAX);
            let Some(bytes) = chunk.as_slice().get(skip..) else { break };
            let piece = &bytes[..bytes.len().min(left)];
            take(piece);
            from += piece.len() as u64;
            left -= piece.len();
            if left == 0 {
                break;
            }
        }
    }

    /// Lends the `len` bytes from `offset` on, which stay where they are: at most [`LENT`] chunks;
    /// `None` if they stand in more, or are not all there.
    pub fn lend(&mut self, offset: usize, len: usize) -> Option<Lent> {
        let content = self.content.as_deref_mut()?;
        let mut from = content.start.saturating_add(offset as u64);
        let to = from.saturating_add(len as u64);
        let first = content.chunk_of(from);
        // Asked before anything is lent: to a chunk that was, nothing is appended any more.
        let behind = content.chunks.get(first + LENT).map_or(content.end, |(at, _)| *at);
        if behind < to {
            return None;
        }
        let mut lent = Lent::default();
        for ((at, chunk), place) in content.chunks.range_mut(first..).zip(&mut lent) {
            let skip = usize::try_from(from - *at).unwrap_or(usize::MAX);
            let part = chunk.lend(skip, usize::try_from(to - from).unwrap_or(usize::MAX));
            from += part.len() as u64;
            *place = Some(part);
            if from == to {
                break;
            }
        }
        Some(lent)
    }

    /// Forgets the first `count` bytes (all, if there are fewer).
    pub fn discard(&mut self, count: usize) {
        let keep_from = self.start().saturating_add(count as u64);
        let Some(Content { chunks, start, .. }) = self.content.as_deref_mut() else { return };
        while let Some((at, chunk)) = chunks.front_mut() {
            if *at + chunk.len() as u64 > keep_from {
                let cut = usize::try_from(keep_from - *at).unwrap_or(usize::MAX);
                chunk.discard_front(cut);
                (*at, *start) = (keep_from, keep_from);
                return;
            }
            chunks.pop_front();
        }
        self.clear();
    }

    /// Forgets everything, and the memory with it.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Takes the first chunk whole, if it has at most `max` bytes: ownership moves, nothing is copied.
    pub fn take_front(&mut self, max: usize) -> Option<Chunk> {
        let Content { chunks, start, .. } = self.content.as_deref_mut()?;
        if chunks.front()?.1.len() > max {
            return None;
        }
        let (_, chunk) = chunks.pop_front()?;
        *start += chunk.len() as u64;
        if chunks.is_empty() {
            self.clear();
        }
        Some(chunk)
    }

    /// Position of the first byte.
    fn start(&self) -> u64 {
        self.content.as_ref().map_or(0, |content| content.start)
    }

    /// Position behind the last byte.
    fn end(&self) -> u64 {
        self.content.as_ref().map_or(0, |content| content.end)
    }

    fn push(&mut self, chunk: Chunk) {
        let content = self.content.get_or_insert_default();
        let at = content.end;
        content.end += chunk.len() as u64;
        content.chunks.push_back((at, chunk));
    }
}

impl Content {
    /// Which chunk has the byte at a position, in logarithmic time.
    fn chunk_of(&self, position: u64) -> usize {
        self.chunks.partition_point(|(at, _)| *at <= position).saturating_sub(1)
    }

    /// Bytes that the last chunk has room for.
    fn spare(&self) -> usize {
        self.chunks.back().map_or(0, |(_, chunk)| chunk.spare())
    }

    /// Copies what fits of `bytes` into the last chunk; how many that were.
    fn extend(&mut self, bytes: &[u8]) -> usize {
        let count = self.chunks.back_mut().map_or(0, |(_, chunk)| chunk.extend(bytes));
        self.end += count as u64;
        count
    }
}
