//! Two devices joined back to back in memory: what one end transmits the other receives.
//!
//! For tests, and for embedding two stacks (or a stack and something that speaks IP by itself) in
//! one process. Frames come out whole and in order, as on a perfect cable; wrap an end in
//! [`Impaired`](super::Impaired) for a worse one.

use std::collections::VecDeque;
use std::io;
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
    let (one, other) = (Arc::<Lane>::default(), Arc::<Lane>::default());
    let near = Memory { mtu, inbound: Arc::clone(&one), outbound: Arc::clone(&other) };
    (near, Memory { mtu, inbound: other, outbound: one })
}

/// One end of a [`pair`].
#[derive(Debug)]
pub struct Memory {
    mtu: usize,
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
    frames: VecDeque<Vec<u8>>,
    /// Buffers of frames already taken, for the next ones: no allocation per frame.
    spare: Vec<Vec<u8>>,
    woken: bool,
}

impl Lane {
    /// A thread that panicked while it held the lock left whole frames behind: go on.
    fn lock(&self) -> MutexGuard<'_, LaneState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Device for Memory {
    fn capabilities(&self) -> Capabilities {
        Capabilities { mtu: self.mtu, max_frame: self.mtu }
    }

    fn receive(&self, _now: Instant, frame: &mut [u8]) -> io::Result<Option<Received>> {
        let mut lane = self.inbound.lock();
        let Some(held) = lane.frames.pop_front() else {
            return Ok(None);
        };
        // A room that is too small gets the beginning, as a read from a TUN does.
        let len = held.len().min(frame.len());
        frame[..len].copy_from_slice(&held[..len]);
        lane.spare.push(held);
        Ok(Some(Received { len, vouched: false, wire_segments: 1 }))
    }

    fn transmit(&self, _now: Instant, frame: &[u8], _offload: Offload) -> io::Result<()> {
        refuse_length(frame.len(), self.mtu)?;
        let mut lane = self.outbound.lock();
        if lane.frames.len() == CAPACITY {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut held = lane.spare.pop().unwrap_or_else(|| Vec::with_capacity(self.mtu));
        held.clear();
        held.extend_from_slice(frame);
        lane.frames.push_back(held);
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
