//! How does an engine reach the simulated wire? Through two queues that the network empties and
//! fills.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::device::{Capabilities, Device, Offload, Received};
use crate::time::Instant;

/// The device of a simulated host: frames wait in memory until the network carries them.
///
/// Clones are handles to the same device: the engine has one, the network another. Who drives an
/// engine by hand may use it without a [`Network`](super::Network).
#[derive(Clone, Debug)]
pub struct SimDevice {
    mtu: usize,
    queues: Arc<Mutex<Queues>>,
}

#[derive(Debug, Default)]
struct Queues {
    inbox: VecDeque<Vec<u8>>,
    outbox: VecDeque<Vec<u8>>,
    woken: bool,
    bell: Option<(Bell, usize)>,
    /// The bell was rung since the network looked last.
    rung: bool,
}

impl Queues {
    fn ring(&mut self) {
        if let Some((bell, id)) = &self.bell
            && !std::mem::replace(&mut self.rung, true)
        {
            bell.0.lock().unwrap_or_else(PoisonError::into_inner).push(*id);
        }
    }
}

/// Which of a network's devices were touched, so that nobody has to look at all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Bell(Arc<Mutex<Vec<usize>>>);

impl Bell {
    /// Whether some device that was touched is so that `is` holds.
    pub(super) fn any(&self, is: impl FnMut(usize) -> bool) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().any(is)
    }

    /// Those that were touched; each has to be [answered](SimDevice::answer).
    pub(super) fn take(&self) -> Vec<usize> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SimDevice {
    /// A device that carries IP packets of up to `mtu` bytes.
    #[must_use]
    pub fn new(mtu: usize) -> Self {
        Self { mtu, queues: Arc::default() }
    }

    /// Puts a frame where the engine's next turn finds it; `false` (and the frame is lost) when it
    /// is larger than the MTU.
    pub fn deliver(&self, frame: Vec<u8>) -> bool {
        let fits = frame.len() <= self.mtu;
        if fits {
            let mut queues = self.queues();
            queues.inbox.push_back(frame);
            queues.ring();
        }
        fits
    }

    /// Rings `bell` from now on, as number `id`, when somebody touches the device.
    pub(super) fn set_bell(&self, bell: Bell, id: usize) {
        self.queues().bell = Some((bell, id));
    }

    /// The next touch rings again. Whether the engine has something to do, and the wire.
    pub(super) fn answer(&self) -> (bool, bool) {
        let mut queues = self.queues();
        queues.rung = false;
        (queues.woken || !queues.inbox.is_empty(), !queues.outbox.is_empty())
    }

    /// Takes the oldest frame that the engine has sent.
    #[must_use]
    pub fn take_sent(&self) -> Option<Vec<u8>> {
        self.queues().outbox.pop_front()
    }

    /// Whether a frame waits for the engine.
    #[must_use]
    pub fn has_received(&self) -> bool {
        !self.queues().inbox.is_empty()
    }

    /// Whether a frame waits for the wire.
    #[must_use]
    pub fn has_sent(&self) -> bool {
        !self.queues().outbox.is_empty()
    }

    /// Whether somebody has called `wake` since the last `take_woken`.
    #[must_use]
    pub fn is_woken(&self) -> bool {
        self.queues().woken
    }

    /// The same, and forgets it.
    #[must_use]
    pub fn take_woken(&self) -> bool {
        std::mem::take(&mut self.queues().woken)
    }

    /// The queues hold plain frames: they are whole even if a thread died while it held the lock.
    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Device for SimDevice {
    fn capabilities(&self) -> Capabilities {
        Capabilities::plain(self.mtu)
    }

    fn receive(&self, _now: Instant, frame: &mut [u8]) -> io::Result<Option<Received>> {
        let Some(arrived) = self.queues().inbox.pop_front() else {
            return Ok(None);
        };
        frame[..arrived.len()].copy_from_slice(&arrived);
        Ok(Some(Received::plain(arrived.len())))
    }

    fn transmit(&self, _now: Instant, frame: &[u8], _offload: Offload) -> io::Result<()> {
        let mut queues = self.queues();
        queues.outbox.push_back(frame.to_vec());
        queues.ring();
        Ok(())
    }

    fn wait(&self, _timeout: Option<Duration>) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "nobody may sleep in virtual time"))
    }

    fn wake(&self) {
        let mut queues = self.queues();
        queues.woken = true;
        queues.ring();
    }
}
