//! Two devices joined back to back in memory: what one end transmits the other receives.
//!
//! For tests, and for embedding two stacks (or a stack and something that speaks IP by itself) in
//! one process. Frames come out whole and in order, as on a perfect cable; wrap an end in
//! [`Impaired`](super::Impaired) for a worse one.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::num::NonZeroU16;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Capabilities, Device, Offload, Received, refuse_length};
use crate::time::Instant;

/// Frames that wait in one direction at most; one more is lost (`WouldBlock`).
pub const CAPACITY: usize = 1024;

/// Two ends of a cable that carries IP packets of up to `mtu` bytes.
///
/// When one end is dropped, what the other sends is lost in silence, as on a cable that leads
/// nowhere.
///
/// ```
/// use tuntcp::device::{Device, Offload, memory};
/// use tuntcp::time::Instant;
///
/// let (near, far) = memory::pair(1500);
/// near.transmit(Instant::ZERO, b"a frame", Offload::None)?;
///
/// let mut frame = [0; 1500];
/// let received = far.receive(Instant::ZERO, &mut frame)?.expect("a frame waits");
/// assert_eq!(&frame[..received.len], b"a frame");
/// # std::io::Result::Ok(())
/// ```
#[must_use]
pub fn pair(mtu: usize) -> (Memory, Memory) {
    joined(Capabilities::plain(mtu))
}

/// The same between ends that take super-segments of up to 64 KiB ([`Offload::Tcp`]) and hand them
/// over as they are, as a kernel does that never has to cut them.
#[must_use]
pub fn pair_with_offload(mtu: usize) -> (Memory, Memory) {
    joined(Capabilities { mtu, max_frame: mtu.max(65_535), offloads: true })
}

fn joined(can: Capabilities) -> (Memory, Memory) {
    let (one, other) = (Arc::<Lane>::default(), Arc::<Lane>::default());
    let near = Memory { can, inbound: Arc::clone(&one), outbound: Arc::clone(&other) };
    (near, Memory { can, inbound: other, outbound: one })
}

/// One end of a [`pair`].
#[derive(Debug)]
pub struct Memory {
    can: Capabilities,
    inbound: Arc<Lane>,
    outbound: Arc<Lane>,
}

/// One direction.
#[derive(Debug, Default)]
struct Lane {
    state: Mutex<LaneState>,
    /// A frame arrived, or the receiving end was woken.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct LaneState {
    frames: VecDeque<Held>,
    /// Buffers of frames already taken, for the next ones: no allocation per frame.
    spare: Vec<Vec<u8>>,
    woken: bool,
}

/// A frame under way, and what its sender left undone.
#[derive(Debug)]
struct Held {
    frame: Vec<u8>,
    segment: Option<NonZeroU16>,
}

impl Lane {
    /// A thread that panicked while it held the lock left whole frames behind: go on.
    fn lock(&self) -> MutexGuard<'_, LaneState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Device for Memory {
    fn capabilities(&self) -> Capabilities {
        self.can
    }

    fn receive(&self, _now: Instant, frame: &mut [u8]) -> io::Result<Option<Received>> {
        let mut lane = self.inbound.lock();
        let Some(held) = lane.frames.pop_front() else {
            return Ok(None);
        };
        // A room that is too small gets the beginning, as a read from a TUN does.
        let len = held.frame.len().min(frame.len());
        frame[..len].copy_from_slice(&held.frame[..len]);
        let received = Received { len, vouched: held.segment.is_some(), segment: held.segment };
        lane.spare.push(held.frame);
        Ok(Some(received))
    }

    fn transmit(&self, now: Instant, frame: &[u8], offload: Offload) -> io::Result<()> {
        self.transmit_parts(now, &[IoSlice::new(frame)], offload)
    }

    fn transmit_parts(
        &self,
        _now: Instant,
        parts: &[IoSlice<'_>],
        offload: Offload,
    ) -> io::Result<()> {
        refuse_length(parts.iter().map(|part| part.len()).sum(), self.can.max_frame)?;
        let segment = match offload {
            Offload::Tcp { segment } => Some(segment),
            Offload::None => None,
        };
        let mut lane = self.outbound.lock();
        if lane.frames.len() == CAPACITY {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut held = lane.spare.pop().unwrap_or_else(|| Vec::with_capacity(self.can.mtu));
        held.clear();
        parts.iter().for_each(|part| held.extend_from_slice(part));
        lane.frames.push_back(Held { frame: held, segment });
        drop(lane);
        self.outbound.changed.notify_one();
        Ok(())
    }

    fn wait(&self, timeout: Option<Duration>) -> io::Result<()> {
        let lane = self.inbound.lock();
        let idle = |lane: &mut LaneState| lane.frames.is_empty() && !lane.woken;
        let mut lane = match timeout {
            None => self.inbound.changed.wait_while(lane, idle),
            Some(timeout) => self
                .inbound
                .changed
                .wait_timeout_while(lane, timeout, idle)
                .map(|(lane, _)| lane)
                .map_err(|poisoned| PoisonError::new(poisoned.into_inner().0)),
        }
        .unwrap_or_else(PoisonError::into_inner);
        lane.woken = false;
        Ok(())
    }

    fn wake(&self) {
        self.inbound.lock().woken = true;
        self.inbound.changed.notify_one();
    }
}
