//! Memory that carries payload: blocks from a pool, chunks of bytes in them, queues of chunks.

pub mod chunk;
pub mod memory;
pub mod queue;

pub use chunk::{Chunk, Pool};
pub use memory::{Purpose, Share};
pub use queue::{Lent, Queue};
