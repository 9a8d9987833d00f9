//! The wire itself: frames in, frames out, later and fewer. No clock, no IO, no lock.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;
use std::time::Duration;

use fastrand::Rng;

use super::spec::{Share, Spec};
use crate::time::Instant;

/// Frames that wait for the rate limit, unless the spec says otherwise (netem's figure).
const QUEUE_AT_RATE: usize = 1_000;

/// Frames held back at most in any case: a bound on memory.
const HELD: usize = 65_536;

/// How long a frame to be overtaken is held back where there is no delay for others to skip.
const OVERTAKEN: Duration = Duration::from_millis(1);

/// Buffers kept for the next frames.
const SPARE: usize = 1_024;

/// Does to the frames of one direction what a [`Spec`] says.
///
/// The same spec, stream and frames at the same times give the same result. Every frame takes the
/// same number of draws whatever the spec, so changing one field leaves the other draws alone:
/// with `loss=1%` the same frames are lost whether `corrupt` is given or not.
///
/// ```
/// use std::time::Duration;
/// use tuntcp::device::impair::{Impairment, Spec};
/// use tuntcp::time::Instant;
///
/// let spec: Spec = "delay=20ms".parse().unwrap();
/// let mut wire = Impairment::new(&spec, 0);
/// wire.offer(Instant::ZERO, b"frame");
/// let due = Instant::ZERO + Duration::from_millis(20);
/// assert_eq!(wire.next_due(), due);
/// assert_eq!(wire.pop_due(Instant::ZERO), None);
/// assert_eq!(wire.pop_due(due).as_deref(), Some(b"frame".as_slice()));
/// ```
#[derive(Debug)]
pub struct Impairment {
    spec: Spec,
    rng: Rng,
    held: BinaryHeap<Held>,
    /// When each frame that waits for the rate limit has been sent; ascending.
    sending: VecDeque<Instant>,
    /// Frames held back so far: the order of those that are due at the same time.
    count: u64,
    spare: Vec<Vec<u8>>,
    tally: Tally,
}

/// What an [`Impairment`] has done, in frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Handed in.
    pub offered: u64,
    /// Lost by chance.
    pub lost: u64,
    /// Doubled.
    pub duplicated: u64,
    /// Changed by one bit.
    pub corrupted: u64,
    /// Dropped because the queue was full.
    pub overflowed: u64,
    /// Chosen to overtake, or to be overtaken.
    pub reordered: u64,
    /// Handed out.
    pub delivered: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offered, lost, duplicated, corrupted, overflowed, reordered, delivered } = self;
        write!(
            f,
            "{offered} frames offered, {lost} lost, {duplicated} duplicated, {corrupted} corrupted, \
             {overflowed} overflowed, {reordered} reordered, {delivered} delivered"
        )
    }
}

/// What chance has in store for one copy of a frame.
struct Fate {
    corrupt: bool,
    /// Which bit, of as many as the frame has.
    bit: u64,
    /// Where in the range of the jitter, in millionths.
    jitter: u32,
    reorder: bool,
}

impl Impairment {
    /// A wire of this kind. `stream` tells the wires of one spec apart, so that, say, the two
    /// directions of a cable do not lose the same frames.
    #[must_use]
    pub fn new(spec: &Spec, stream: u64) -> Self {
        let root = Rng::with_seed(spec.seed).u64(..);
        let seed = root ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self {
            spec: spec.clone(),
            rng: Rng::with_seed(seed),
            held: BinaryHeap::new(),
            sending: VecDeque::new(),
            count: 0,
            spare: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Puts a frame on the wire. `now` never goes back.
    pub fn offer(&mut self, now: Instant, frame: &[u8]) {
        let lost = self.chance(self.spec.loss);
        let duplicated = self.chance(self.spec.duplicate);
        let fates = [self.draw_fate(), self.draw_fate()];
        self.tally.offered += 1;
        if lost {
            self.tally.lost += 1;
            return;
        }
        self.tally.duplicated += u64::from(duplicated);
        for fate in &fates[..=usize::from(duplicated)] {
            self.carry(now, frame, fate);
        }
    }

    /// When the next frame comes out; `NEVER` if none is on the wire.
    #[must_use]
    pub fn next_due(&self) -> Instant {
        self.held.peek().map_or(Instant::NEVER, |held| held.due)
    }

    /// The next frame that has come out by `now`: by time, then in the order of arrival. Its
    /// buffer may be given back through [`recycle`](Self::recycle).
    pub fn pop_due(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.held.is_empty() || !self.next_due().is_due(now) {
            return None;
        }
        self.tally.delivered += 1;
        self.held.pop().map(|held| held.frame)
    }

    /// Takes the buffer of a frame back, for the next one.
    pub fn recycle(&mut self, buffer: Vec<u8>) {
        if self.spare.len() < SPARE {
            self.spare.push(buffer);
        }
    }

    /// What has been done so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// One copy on its way.
    fn carry(&mut self, now: Instant, frame: &[u8], fate: &Fate) {
        let Some(sent) = self.send(now, frame.len()) else {
            self.tally.overflowed += 1;
            return;
        };
        let due = sent + self.delay(fate);
        let mut held = self.spare.pop().unwrap_or_default();
        held.clear();
        held.extend_from_slice(frame);
        if fate.corrupt && !held.is_empty() {
            let bit = fate.bit % (held.len() as u64 * 8);
            held[(bit / 8) as usize] ^= 1 << (bit % 8);
            self.tally.corrupted += 1;
        }
        self.tally.reordered += u64::from(fate.reorder);
        self.held.push(Held { due, number: self.count, frame: held });
        self.count += 1;
    }

    /// When the last bit of a frame of `len` bytes has left; `None` if the queue is full.
    fn send(&mut self, now: Instant, len: usize) -> Option<Instant> {
        let Some(rate) = self.spec.rate else {
            let room = self.spec.queue.unwrap_or(HELD).min(HELD);
            return (self.held.len() < room).then_some(now);
        };
        while self.sending.front().is_some_and(|sent| sent.is_due(now)) {
            self.sending.pop_front();
        }
        let room = self.spec.queue.unwrap_or(QUEUE_AT_RATE);
        if self.sending.len() >= room || self.held.len() >= HELD {
            return None;
        }
        let free = self.sending.back().map_or(now, |&last| last.max(now));
        let nanos = (len as u128 * 8 * 1_000_000_000).div_ceil(u128::from(rate.max(1)));
        let sent = free + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.sending.push_back(sent);
        Some(sent)
    }

    fn delay(&self, fate: &Fate) -> Duration {
        let Spec { delay, jitter, .. } = self.spec;
        if fate.reorder {
            let nothing_to_skip = delay.is_zero() && jitter.is_zero();
            return if nothing_to_skip { OVERTAKEN } else { Duration::ZERO };
        }
        let shift = (jitter.as_nanos() * 2 * u128::from(fate.jitter)) / 1_000_000;
        let shift = Duration::from_nanos(u64::try_from(shift).unwrap_or(u64::MAX));
        delay.saturating_add(shift).saturating_sub(jitter)
    }

    fn draw_fate(&mut self) -> Fate {
        Fate {
            corrupt: self.chance(self.spec.corrupt),
            bit: self.rng.u64(..),
            jitter: self.rng.u32(..=1_000_000),
            reorder: self.chance(self.spec.reorder),
        }
    }

    fn chance(&mut self, share: Share) -> bool {
        self.rng.u32(..1_000_000) < share.in_a_million()
    }
}

/// A frame on the wire. The greatest is the one that comes out first.
#[derive(Debug)]
struct Held {
    due: Instant,
    number: u64,
    frame: Vec<u8>,
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.number).cmp(&(self.due, self.number))
    }
}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Held {}
