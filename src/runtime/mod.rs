//! Where reality enters: the clock, the threads, the devices.
//!
//! Everything below this room is told what time it is and is called by somebody; here are the
//! clock that tells it and the thread that calls it. A [`Host`] is a value: make as many as you
//! have devices, drop one and its stack is gone.

pub(crate) mod busy;
pub mod clock;
pub(crate) mod follower;
pub mod host;
pub(crate) mod lead;
pub(crate) mod names;
mod pair;
mod worker;

#[cfg(test)]
mod tests;

pub use host::Host;
pub use names::machine_names;
pub use pair::memory_pair;
