//! How bad is the wire? Loss, delay, reordering and the rest, made on purpose and from one seed.
//!
//! A [`Spec`] says what shall happen and can be written on a command line. An [`Impairment`] does
//! it to the frames of one direction, without clock or IO, so the simulator uses it too.
//! [`Impaired`] wraps a device with one for each direction.
//!
//! ```text
//!   offer -> lost? -> duplicated? -> one bit flipped? -> rate limit -> delay and jitter -> pop_due
//!                                                        tail drop     or overtaken
//! ```
//!
//! The vocabulary is that of Linux's netem, whose shares, jitter and reordering mean the same.
//! Draws are independent of each other: there are no bursts.

mod impaired;
mod model;
mod spec;

pub use impaired::Impaired;
pub use model::{Impairment, Tally};
pub use spec::{Share, Spec, SpecError};
