//! What runs on a simulated host? Programs that are polled, because nothing may block in virtual
//! time.

use std::sync::Arc;

use crate::engine::Engine;
use crate::time::Instant;

/// A program on a host. It uses the non-blocking calls of [`Engine`], its sockets and listeners.
///
/// Closures of the same shape are programs too.
pub trait App {
    /// Does what can be done at `now`. Called once after [`Network::spawn`](super::Network::spawn),
    /// then after every event of its host (a frame came, a timer fired) and at the moment it asked
    /// for.
    fn poll(&mut self, now: Instant, engine: &Arc<Engine>) -> Next;
}

impl<F: FnMut(Instant, &Arc<Engine>) -> Next> App for F {
    fn poll(&mut self, now: Instant, engine: &Arc<Engine>) -> Next {
        self(now, engine)
    }
}

/// When a program wants to be polled again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// After the next event of its host.
    OnEvent,
    /// After the next event of its host, and at this moment at the latest.
    At(Instant),
    /// Never: it has ended and is dropped.
    Done,
}
