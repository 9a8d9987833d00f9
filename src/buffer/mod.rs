//! Memory that carries payload: blocks from a pool, chunks of bytes in them, queues of chunks.

pub mod chunk;
pub mod queue;

pub use chunk::{Chunk, Pool};
pub use queue::Queue;
