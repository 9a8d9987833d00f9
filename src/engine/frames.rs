//! What has just come from the device, a few frames at a time: so few that they stay in the nearest
//! cache, so many that a burst for one connection is taken with its lock held once.

use std::io;

use crate::device::{Device, Received};
use crate::time::Instant;

/// Frames that are taken from the device at once.
pub(super) const FEW: usize = 8;

/// Bytes that frames may fill before the last one.
const ROOM: usize = 24 << 10;

/// A few frames.
#[derive(Default)]
pub(super) struct Frames {
    buffer: Box<[u8]>,
    /// Each frame: where it begins, and what the device says of it.
    frames: Vec<(usize, Received)>,
    largest: usize,
}

impl Frames {
    /// Room for some frames of up to `largest` bytes.
    pub(super) fn new(largest: usize) -> Self {
        Self {
            buffer: vec![0; largest + ROOM].into_boxed_slice(),
            frames: Vec::with_capacity(FEW),
            largest,
        }
    }

    /// Takes a few frames, in place of those that were there; whether the device may have more.
    /// What came before an error is kept: the device tells of the error again.
    pub(super) fn fill(&mut self, device: &dyn Device, now: Instant) -> io::Result<bool> {
        self.frames.clear();
        let mut start = 0;
        while self.frames.len() < FEW && start + self.largest <= self.buffer.len() {
            let room = &mut self.buffer[start..start + self.largest];
            match device.receive(now, room) {
                Ok(Some(received)) => {
                    let received = Received { len: received.len.min(self.largest), ..received };
                    self.frames.push((start, received));
                    start += received.len;
                }
                Ok(None) => return Ok(false),
                Err(error) if self.frames.is_empty() => return Err(error),
                Err(_) => return Ok(true),
            }
        }
        Ok(true)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// Bytes in all of them.
    pub(super) fn bytes(&self) -> usize {
        self.frames.iter().map(|(_, received)| received.len).sum()
    }

    /// Each one.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], Received)> {
        self.frames
            .iter()
            .map(|&(start, received)| (&self.buffer[start..start + received.len], received))
    }
}
