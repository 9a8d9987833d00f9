//! What waits for the rate limit, and when does it leave? First in, first out.

use std::collections::VecDeque;
use std::time::Duration;

use super::codel::{Control, Verdict};
use super::spec::{Outage, Spec};
use crate::time::Instant;

/// Frames that wait for the rate limit, unless the spec says otherwise (netem's figure).
const FRAMES: usize = 1_000;

/// What a queue holds before it drops. Written `100`, `64kb` or `50ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Room {
    /// So many frames.
    Frames(usize),
    /// So many bytes of IP packets; one frame is always taken.
    Bytes(u64),
    /// As many bytes as the rate sends in that time; one frame is always taken.
    Time(Duration),
}

/// Settings of the CoDel queue management (RFC 8289).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Codel {
    /// How long frames may wait when the queue is no burst but a standing one. Default 5 ms
    /// (RFC 8289, 4.3).
    pub target: Duration,
    /// How long the wait must have been above the target before anything is done: about the
    /// longest round trip that is usual. Default 100 ms (RFC 8289, 4.2).
    pub interval: Duration,
    /// Frames whose senders understand it are marked instead of dropped (RFC 8289, 3: either is a
    /// signal). Default on.
    pub ecn: bool,
}

impl Default for Codel {
    fn default() -> Self {
        Self { target: Duration::from_millis(5), interval: Duration::from_millis(100), ecn: true }
    }
}

/// What waits at one moment, the frame being sent included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Frames.
    pub frames: usize,
    /// Their IP packets' bytes.
    pub bytes: u64,
}

/// One copy of a frame.
#[derive(Debug)]
pub(super) struct Copy {
    pub(super) arrived: Instant,
    /// How long it has waited in queues so far.
    pub(super) queued: Duration,
    /// What comes after the queue.
    pub(super) delay: Duration,
    pub(super) frame: Vec<u8>,
}

/// What becomes of the copy that is first in the queue.
#[derive(Debug)]
pub(super) enum Fate {
    /// It is sent from the first moment to the second; `marked` on the way.
    Sent { from: Instant, to: Instant, copy: Copy, marked: bool },
    /// It is dropped to keep the queue short.
    Shed(Copy),
}

/// A sender that takes its time.
#[derive(Debug)]
pub(super) struct Line {
    rate: u64,
    frames: usize,
    bytes: u64,
    control: Option<Control>,
    outages: Vec<Outage>,
    waiting: VecDeque<Copy>,
    /// What is decided: when each frame will have been sent, ascending, and its length.
    leaving: VecDeque<(Instant, usize)>,
    /// When the last of them will have been sent.
    free: Instant,
    backlog: u64,
}

impl Line {
    /// The line of a spec with a rate.
    pub(super) fn new(spec: &Spec) -> Option<Self> {
        let rate = spec.rate?.max(1);
        let (frames, bytes) = match spec.queue {
            None => (FRAMES, u64::MAX),
            Some(Room::Frames(frames)) => (frames, u64::MAX),
            Some(Room::Bytes(bytes)) => (usize::MAX, bytes),
            Some(Room::Time(time)) => {
                let bits = u128::from(rate) * time.as_nanos() / 1_000_000_000;
                (usize::MAX, u64::try_from(bits / 8).unwrap_or(u64::MAX))
            }
        };
        let mut outages = spec.outages.clone();
        outages.sort_unstable();
        Some(Self {
            rate,
            frames,
            bytes,
            control: spec.aqm.map(Control::new),
            outages,
            waiting: VecDeque::new(),
            leaving: VecDeque::new(),
            free: Instant::ZERO,
            backlog: 0,
        })
    }

    /// What waits at `now`, which never goes back.
    pub(super) fn backlog(&mut self, now: Instant) -> Backlog {
        while let Some(&(_, len)) = self.leaving.front().filter(|(sent, _)| sent.is_due(now)) {
            self.backlog -= len as u64;
            self.leaving.pop_front();
        }
        Backlog { frames: self.waiting.len() + self.leaving.len(), bytes: self.backlog }
    }

    /// Frames of which nothing is decided.
    pub(super) fn undecided(&self) -> usize {
        self.waiting.len()
    }

    /// Whether a frame of `len` bytes still fits at `now`.
    pub(super) fn has_room(&mut self, now: Instant, len: usize) -> bool {
        let Backlog { frames, bytes } = self.backlog(now);
        frames < self.frames && (frames == 0 || bytes.saturating_add(len as u64) <= self.bytes)
    }

    pub(super) fn enqueue(&mut self, copy: Copy) {
        self.backlog += copy.frame.len() as u64;
        self.waiting.push_back(copy);
    }

    /// When something may be decided next; `NEVER` if nothing waits for it.
    pub(super) fn next_decision(&self) -> Instant {
        self.waiting.front().map_or(Instant::NEVER, |first| self.start(first.arrived))
    }

    /// What is decided by `now`. Who manages a queue decides when a frame's turn comes, for it
    /// matters what waits behind it then; a queue that nobody manages decides at once.
    pub(super) fn decide(&mut self, now: Instant) -> Option<Fate> {
        let from = self.start(self.waiting.front()?.arrived);
        if self.control.is_some() && !from.is_due(now) {
            return None;
        }
        let copy = self.waiting.pop_front()?;
        let len = copy.frame.len();
        let mut verdict = Verdict::Pass;
        if let Some(mut control) = self.control.take() {
            let behind = self.backlog(from).bytes - len as u64;
            verdict = control.judge(from, from - copy.arrived, behind, &copy.frame);
            self.control = Some(control);
        }
        if verdict == Verdict::Drop {
            self.backlog -= len as u64;
            return Some(Fate::Shed(copy));
        }
        let nanos = (len as u128 * 8 * 1_000_000_000).div_ceil(u128::from(self.rate));
        let to = from + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.free = to;
        self.leaving.push_back((to, len));
        Some(Fate::Sent { from, to, copy, marked: verdict == Verdict::Mark })
    }

    /// When a frame that arrived then, and is first in the queue, begins to be sent.
    fn start(&self, arrived: Instant) -> Instant {
        let mut start = self.free.max(arrived);
        for outage in &self.outages {
            if outage.covers(start) {
                start = Instant::ZERO + outage.to;
            }
        }
        start
    }
}

impl Outage {
    /// Whether `at` lies in it.
    pub(super) fn covers(&self, at: Instant) -> bool {
        Instant::ZERO + self.from <= at && at < Instant::ZERO + self.to
    }
}
