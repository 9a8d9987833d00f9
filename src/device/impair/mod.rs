//! How bad is the wire? Loss, delay, reordering and the rest, made on purpose and from one seed.
//!
//! A [`Spec`] says what shall happen and can be written on a command line. An [`Impairment`] does
//! it to the frames of one direction, without clock or IO, so the simulator uses it too.
//! [`Impaired`] wraps a device with one for each direction.
//!
//! ```text
//!           outage? or                              rate limit:
//!   offer -> lost? -> duplicated? -> marked? -> one bit flipped? -> queue, CoDel -> delay, jitter -> pop
//!           alone or in bursts                      tail drop                or overtaken
//! ```
//!
//! The vocabulary is that of Linux's netem, whose shares, jitter and reordering mean the same.
//! Draws are independent of each other, but for losses in bursts.

mod bursts;
mod codel;
mod ecn;
mod impaired;
mod model;
mod queue;
mod spec;
pub mod units;

pub use impaired::Impaired;
pub use model::{Impairment, Passed, Tally};
pub use queue::{Backlog, Codel, Room};
pub use spec::{Outage, Share, Spec, SpecError};
