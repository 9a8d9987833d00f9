//! The wire itself: frames in, frames out, later and fewer. No clock, no IO, no lock.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fmt;
use std::time::Duration;

use fastrand::Rng;

use super::bursts::Bursts;
use super::ecn;
use super::queue::{Backlog, Copy, Fate, Line, Room};
use super::spec::{Share, Spec};
use crate::time::Instant;

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
    /// Draws of bursts and marks.
    second: Rng,
    bursts: Option<Bursts>,
    line: Option<Line>,
    held: BinaryHeap<Held>,
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
    /// Their bytes, of IP packets.
    pub delivered_bytes: u64,
    /// Lost in an outage.
    pub cut: u64,
    /// Marked as having met congestion, by chance or instead of being shed.
    pub marked: u64,
    /// Dropped from a queue before it was full, to keep it short.
    pub shed: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offered, lost, duplicated, corrupted, overflowed, reordered, delivered, .. } =
            self;
        let Self { cut, marked, shed, .. } = self;
        write!(
            f,
            "{offered} frames offered, {lost} lost, {duplicated} duplicated, {corrupted} corrupted, \
             {overflowed} overflowed, {reordered} reordered, {delivered} delivered"
        )?;
        for (count, what) in [(cut, "cut"), (marked, "marked"), (shed, "shed")] {
            if *count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

/// A frame that has come out of an [`Impairment`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The IP packet.
    pub frame: Vec<u8>,
    /// How long it waited in queues until it began to be sent.
    pub queued: Duration,
}

/// What chance has in store for one copy of a frame.
struct Chance {
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
            second: Rng::with_seed(!seed),
            bursts: Bursts::new(spec),
            line: Line::new(spec),
            held: BinaryHeap::new(),
            count: 0,
            spare: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Puts a frame on the wire. `now` never goes back.
    pub fn offer(&mut self, now: Instant, frame: &[u8]) {
        let frame = self.copy_of(frame);
        self.forward(now, Passed { frame, queued: Duration::ZERO });
    }

    /// Puts on this wire what has come out of another one.
    pub fn forward(&mut self, now: Instant, passed: Passed) {
        let lost = draw(&mut self.rng, self.spec.loss);
        let duplicated = draw(&mut self.rng, self.spec.duplicate);
        let chances = [self.draw_chance(), self.draw_chance()];
        let mark = draw(&mut self.second, self.spec.mark) && ecn::is_capable(&passed.frame);
        let lost = self.bursts.as_mut().map_or(lost, |bursts| bursts.next(&mut self.second));
        self.tally.offered += 1;
        self.decide(now);
        if self.spec.outages.iter().any(|outage| outage.covers(now)) {
            self.tally.cut += 1;
            return self.recycle(passed.frame);
        }
        if lost {
            self.tally.lost += 1;
            return self.recycle(passed.frame);
        }
        let second = duplicated.then(|| self.copy_of(&passed.frame));
        let queued = passed.queued;
        self.carry(now, passed, mark, &chances[0]);
        if let Some(frame) = second {
            self.tally.duplicated += 1;
            self.carry(now, Passed { frame, queued }, mark, &chances[1]);
        }
        self.decide(now);
    }

    /// When a frame comes out at the earliest; `NEVER` if none is on the wire. With a managed queue
    /// it may turn out at that moment that it takes longer.
    #[must_use]
    pub fn next_due(&self) -> Instant {
        let out = self.held.peek().map_or(Instant::NEVER, |held| held.due);
        let decision = self.line.as_ref().map_or(Instant::NEVER, Line::next_decision);
        // Whatever is decided then, nothing comes out before its delay.
        let overtakes = self.spec.reorder != Share::NONE;
        let least = if overtakes { Duration::ZERO } else { self.delay_of(0) };
        out.min(decision + least)
    }

    /// The next frame that has come out by `now`: by time, then in the order of arrival. Its
    /// buffer may be given back through [`recycle`](Self::recycle).
    pub fn pop_due(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.pop(now).map(|passed| passed.frame)
    }

    /// The same, with what the frame has met.
    pub fn pop(&mut self, now: Instant) -> Option<Passed> {
        self.decide(now);
        let held = self.held.peek_mut().filter(|held| held.due.is_due(now)).map(PeekMut::pop)?;
        self.tally.delivered += 1;
        self.tally.delivered_bytes += held.frame.len() as u64;
        Some(Passed { frame: held.frame, queued: held.queued })
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

    /// What this wire is made to do.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// What waits for the rate limit at `now`, which never goes back; nothing where there is none.
    pub fn backlog(&mut self, now: Instant) -> Backlog {
        self.decide(now);
        self.line.as_mut().map_or(Backlog::default(), |line| line.backlog(now))
    }

    /// One copy on its way.
    fn carry(&mut self, now: Instant, passed: Passed, mark: bool, chance: &Chance) {
        let Passed { mut frame, queued } = passed;
        if !self.has_room(now, frame.len()) {
            self.tally.overflowed += 1;
            return self.recycle(frame);
        }
        if mark {
            ecn::mark(&mut frame);
            self.tally.marked += 1;
        }
        if chance.corrupt && !frame.is_empty() {
            let bit = chance.bit % (frame.len() as u64 * 8);
            frame[(bit / 8) as usize] ^= 1 << (bit % 8);
            self.tally.corrupted += 1;
        }
        self.tally.reordered += u64::from(chance.reorder);
        let copy = Copy { arrived: now, queued, delay: self.delay(chance), frame };
        match &mut self.line {
            Some(line) => line.enqueue(copy),
            None => self.hold(now, copy),
        }
    }

    fn copy_of(&mut self, frame: &[u8]) -> Vec<u8> {
        let mut copy = self.spare.pop().unwrap_or_default();
        copy.clear();
        copy.extend_from_slice(frame);
        copy
    }

    fn has_room(&mut self, now: Instant, len: usize) -> bool {
        match (&mut self.line, self.spec.queue) {
            (Some(line), _) => line.has_room(now, len) && self.held.len() + line.undecided() < HELD,
            (None, Some(Room::Frames(frames))) => self.held.len() < frames.min(HELD),
            (None, _) => self.held.len() < HELD,
        }
    }

    /// Settles what the queue lets go by `now`.
    fn decide(&mut self, now: Instant) {
        while let Some(fate) = self.line.as_mut().and_then(|line| line.decide(now)) {
            match fate {
                Fate::Shed(copy) => {
                    self.tally.shed += 1;
                    self.recycle(copy.frame);
                }
                Fate::Sent { from, to, mut copy, marked } => {
                    if marked {
                        ecn::mark(&mut copy.frame);
                        self.tally.marked += 1;
                    }
                    copy.queued += from - copy.arrived;
                    self.hold(to, copy);
                }
            }
        }
    }

    /// The copy has been sent at `sent`; it travels.
    fn hold(&mut self, sent: Instant, copy: Copy) {
        let Copy { queued, delay, frame, .. } = copy;
        self.held.push(Held { due: sent + delay, number: self.count, frame, queued });
        self.count += 1;
    }

    fn delay(&self, chance: &Chance) -> Duration {
        if chance.reorder {
            let nothing_to_skip = self.spec.delay.is_zero() && self.spec.jitter.is_zero();
            return if nothing_to_skip { OVERTAKEN } else { Duration::ZERO };
        }
        self.delay_of(chance.jitter)
    }

    /// The delay with a draw of so many millionths of the range of the jitter.
    fn delay_of(&self, millionths: u32) -> Duration {
        let Spec { delay, jitter, .. } = self.spec;
        let shift = (jitter.as_nanos() * 2 * u128::from(millionths)) / 1_000_000;
        let shift = Duration::from_nanos(u64::try_from(shift).unwrap_or(u64::MAX));
        delay.saturating_add(shift).saturating_sub(jitter)
    }

    fn draw_chance(&mut self) -> Chance {
        Chance {
            corrupt: draw(&mut self.rng, self.spec.corrupt),
            bit: self.rng.u64(..),
            jitter: self.rng.u32(..=1_000_000),
            reorder: draw(&mut self.rng, self.spec.reorder),
        }
    }
}

fn draw(rng: &mut Rng, share: Share) -> bool {
    rng.u32(..1_000_000) < share.in_a_million()
}

/// A frame on the wire. The greatest is the one that comes out first.
#[derive(Debug)]
struct Held {
    due: Instant,
    number: u64,
    frame: Vec<u8>,
    queued: Duration,
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
