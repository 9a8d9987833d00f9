//! A host: a device, an engine on it and the worker thread that turns it.

use std::io;
use std::sync::Arc;

use crate::device::Device;
use crate::engine::{Engine, HostConfig};

use super::clock::Clock;

/// A running stack. Dropping it closes what is open in good order, within `HostConfig`'s bound.
pub struct Host {}

impl Host {
    /// Starts a stack on `device`. `config.secret` is replaced by random bytes of the operating system.
    pub fn new(_device: Box<dyn Device>, _config: HostConfig) -> io::Result<Self> {
        todo!()
    }

    /// The engine that it runs.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        todo!()
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        todo!()
    }
}
