//! A device with a bad wire in front of it, in both directions.

use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::model::{Impairment, Tally};
use super::spec::Spec;
use crate::device::super_segment::cut_received;
use crate::device::{Capabilities, Device, Offload, Received, is_gone, refuse_length};
use crate::time::Instant;

/// Frames that one `receive` takes from the inner device at most while none comes out: however
/// fast frames come in and get lost, the packet loop gets its turn.
const BATCH: usize = 64;

/// Wraps a device and does to both directions what a [`Spec`] says.
///
/// Frames that are held back move on when `receive` or `transmit` is called, so the packet loop
/// must sleep no longer than [`deadline`](Device::deadline). What happened is logged at the end.
///
/// A wire carries packets: it is offered none larger than the MTU, and super-segments that the inner
/// device hands over are cut before anything happens to them.
///
/// A frame that comes out is handed to the inner device under the lock of its direction, so that
/// the wire, not the threads, decides on the order.
///
/// ```
/// use tuntcp::device::{Device, Impaired, Offload, memory};
/// use tuntcp::time::Instant;
///
/// let (near, far) = memory::pair(1500);
/// let near = Impaired::new(Box::new(near), &"loss=100%".parse().unwrap());
/// near.transmit(Instant::ZERO, b"into the void", Offload::None)?;
/// assert_eq!(far.receive(Instant::ZERO, &mut [0; 1500])?, None);
/// assert_eq!(near.outbound().lost, 1);
/// # std::io::Result::Ok(())
/// ```
pub struct Impaired {
    inner: Box<dyn Device>,
    /// Where the inner device's frames lie before they are on the wire.
    arrived: Mutex<Vec<u8>>,
    inbound: Mutex<Impairment>,
    outbound: Mutex<Impairment>,
}

impl Impaired {
    /// Impairs `inner`, each direction with draws of its own.
    #[must_use]
    pub fn new(inner: Box<dyn Device>, spec: &Spec) -> Self {
        let wire = |stream| Mutex::new(Impairment::new(spec, stream));
        let arrived = Mutex::new(vec![0; inner.capabilities().max_frame]);
        Self { inner, arrived, inbound: wire(0), outbound: wire(1) }
    }

    /// What has happened to received frames.
    #[must_use]
    pub fn inbound(&self) -> Tally {
        lock(&self.inbound).tally()
    }

    /// What has happened to transmitted frames.
    #[must_use]
    pub fn outbound(&self) -> Tally {
        lock(&self.outbound).tally()
    }

    /// Hands what has come out of the outbound wire to the inner device. An error that does not
    /// mean the end of the device is told when all of them are through.
    fn flush(&self, now: Instant, wire: &mut Impairment) -> io::Result<()> {
        let mut result = Ok(());
        while let Some(frame) = wire.pop_due(now) {
            let sent = self.inner.transmit(now, &frame, Offload::None);
            wire.recycle(frame);
            match sent {
                Err(error) if is_gone(&error) => return Err(error),
                Err(error) => result = Err(error),
                Ok(()) => {}
            }
        }
        result
    }
}

impl Device for Impaired {
    fn capabilities(&self) -> Capabilities {
        Capabilities::plain(self.inner.capabilities().mtu)
    }

    fn receive(&self, now: Instant, frame: &mut [u8]) -> io::Result<Option<Received>> {
        if let Err(error) = self.flush(now, &mut lock(&self.outbound))
            && is_gone(&error)
        {
            return Err(error);
        }
        let mut wire = lock(&self.inbound);
        for _ in 0..BATCH {
            if let Some(held) = wire.pop_due(now) {
                let len = held.len().min(frame.len());
                frame[..len].copy_from_slice(&held[..len]);
                wire.recycle(held);
                // Nobody vouches for it after this.
                return Ok(Some(Received::plain(len)));
            }
            let mut arrived = lock(&self.arrived);
            let Some(received) = self.inner.receive(now, &mut arrived)? else {
                return Ok(None);
            };
            let len = received.len.min(arrived.len());
            cut_received(&mut arrived[..len], received, |packet| wire.offer(now, packet));
        }
        // More may be there: the inner device then ends the next wait at once.
        Ok(None)
    }

    fn transmit(&self, now: Instant, frame: &[u8], _offload: Offload) -> io::Result<()> {
        refuse_length(frame.len(), self.capabilities().max_frame)?;
        let mut wire = lock(&self.outbound);
        let before = wire.next_due();
        wire.offer(now, frame);
        let result = self.flush(now, &mut wire);
        if wire.next_due() < before {
            // The packet loop sleeps for the deadline that was.
            self.inner.wake();
        }
        result
    }

    fn deadline(&self) -> Instant {
        let wires = lock(&self.inbound).next_due().min(lock(&self.outbound).next_due());
        wires.min(self.inner.deadline())
    }

    fn wait(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.inner.wait(timeout)
    }

    fn wake(&self) {
        self.inner.wake();
    }
}

impl fmt::Debug for Impaired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Impaired")
            .field("inbound", &self.inbound())
            .field("outbound", &self.outbound())
            .finish_non_exhaustive()
    }
}

impl Drop for Impaired {
    fn drop(&mut self) {
        log::info!("impairment inbound: {}; outbound: {}", self.inbound(), self.outbound());
    }
}

/// A thread that panicked while it held the lock lost one frame at most: go on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
