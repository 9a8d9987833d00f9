//! An engine, and a crowd of peers that write their segments by hand: a million of them cost a few
//! bytes each, so what is measured is the engine. What the memory allocator has given out is counted
//! as that of glibc would take it.

#![expect(clippy::disallowed_methods, reason = "time is what is measured")]

mod counting;
mod crowd;

pub use counting::Counting;
pub use crowd::{Crowd, Stage};
