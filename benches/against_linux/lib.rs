//! tuntcp and Linux's TCP over the same emulated paths: first Linux on both ends, twice, then ours as
//! the sender, then ours as the receiver.
//!
//! ```text
//!   sender ── tun0 of a namespace, ──┐                         ┌── the same ── receiver
//!             or memory if ours      └── shuttle: two wires ───┘
//! ```
//!
//! The [`shuttle`] carries frames between two devices over a [`paths::Path`]: rate, queue, delay, loss
//! and reordering. A [`trial`] is one transfer, the [`report`] what all of them come to.
#![expect(clippy::disallowed_methods, reason = "time is what is measured")]

pub mod ends;
pub mod paths;
pub mod report;
#[path = "../shared/mod.rs"]
mod shared;
pub mod shuttle;
pub mod trial;

pub use shared::parse_seconds;

/// What went wrong, for people.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
