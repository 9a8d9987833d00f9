//! Where reality enters: the clock, the threads, the devices.

pub mod clock;
pub mod host;

pub use host::Host;
