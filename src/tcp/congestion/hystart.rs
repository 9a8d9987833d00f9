//! When is it time to leave the first slow start? HyStart++ (RFC 9406): when round trips become
//! longer, a queue fills somewhere, and a loss is not far.
//!
//! ```text
//!   slow start ---- round trips grew ----> conservative slow start ---- five rounds ----> over
//!             <--- they shrank again ----
//!              -- half a pipe is full -->                         -- round trips grew -->
//! ```
//!
//! A detour that was longer for a moment only is told from a queue by the second phase, in which
//! the window grows by a quarter of what it would. Round trips are whole microseconds here.
//!
//! By round trips alone a window that leaves in bursts is told too late: the first segments of a
//! burst find no queue until the window is larger than the pipe, and by then its next doubling is on
//! the way. So a *train of acknowledgements* counts as well, as in the first HyStart (Ha and Rhee,
//! 2011) and in Linux: a burst is acknowledged as fast as the narrowest link lets it pass, so a train
//! half a round trip long tells of half a pipe, for which another half has left already. Trains are
//! made by a narrow way back, too: so they do not end slow start as there, but make it conservative,
//! until round trips agree.

use std::time::Duration;

use super::Ack;

/// Samples that a round must have before it is judged: `N_RTT_SAMPLE`.
const SAMPLES: u8 = 8;

/// How much longer a round trip must be, microseconds: `MIN_RTT_THRESH`, `MAX_RTT_THRESH`. The
/// lower bound is what keeps a path of microseconds, where noise is many round trips long, in slow
/// start.
const LEAST_GROWTH: u32 = 4_000;
const MOST_GROWTH: u32 = 16_000;

/// The lower bound where a train has told of a queue before.
const LEAST_AFTER_TRAIN: u32 = 1_000;

/// Between these bounds, which part of the round trip: `MIN_RTT_DIVISOR`.
const GROWTH_DIVISOR: u32 = 8;

/// Which part of its growth the window keeps in conservative slow start: `CSS_GROWTH_DIVISOR`.
const SLOWER: u32 = 4;

/// Which part of the least round trip may pass from one acknowledgement to the next of a train: less
/// than what is left between trains that are shorter than half of it, and enough for a slow link.
const GAP_DIVISOR: u32 = 4;

/// The shortest train that means something, microseconds, where half a round trip is less than a
/// scheduler's whim.
const SHORTEST_TRAIN: u32 = 1_000;

/// Rounds of conservative slow start, the one in which it begins included: `CSS_ROUNDS`.
const ROUNDS: u8 = 5;

/// A round trip longer than any, which none exceeds: there was no sample.
const NONE: u32 = u32::MAX;

/// What is known of the rounds so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HyStart {
    /// Where the round ends, on the scale of [`Ack::acked_total`], its lower half.
    window_end: u32,
    /// The first round has begun.
    begun: bool,
    /// The shortest round trip of the round before, microseconds ...
    last: u32,
    /// ... and of this one so far.
    current: u32,
    /// How many were measured in this one.
    samples: u8,
    phase: Phase,
    train: Train,
}

/// Acknowledgements close behind each other: when the first one came, and the last one, microseconds,
/// which an hour takes around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Train {
    first: u32,
    last: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    SlowStart,
    /// So many rounds of it have ended.
    Conservative(Cause, u8),
}

/// What was the matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// Round trips grew: to these microseconds at least. Below them there was no queue.
    Queue(u32),
    /// A train of acknowledgements.
    Train,
}

impl HyStart {
    /// Slow start begins.
    pub(super) const fn new() -> Self {
        Self {
            window_end: 0,
            begun: false,
            last: NONE,
            current: NONE,
            samples: 0,
            phase: Phase::SlowStart,
            train: Train { first: 0, last: 0 },
        }
    }

    /// What an acknowledgement of `bytes` adds to the window, bytes. Without a limit L (RFC 9406 4.3,
    /// RFC9406-4.3-a), as in Linux: one acknowledgement may stand for all that a batch has brought.
    pub(super) fn growth(&self, bytes: u32) -> u32 {
        match self.phase {
            Phase::SlowStart => bytes,
            // RFC9406-4.2-c.
            Phase::Conservative(..) => bytes / SLOWER,
        }
    }

    /// An acknowledgement in slow start; `true` when it was the last one: the window that it has
    /// left is the slow-start threshold.
    pub(super) fn on_ack(&mut self, ack: &Ack) -> bool {
        let over = self.begins_round(ack) && self.begin_round();
        if let Some(rtt) = ack.rtt {
            self.current = self.current.min(micros(rtt));
            self.samples = self.samples.saturating_add(1);
        }
        let queue = self.samples >= SAMPLES && self.judge(ack.min_rtt);
        if self.train.fills_half_a_pipe(ack) && self.phase == Phase::SlowStart {
            self.phase = Phase::Conservative(Cause::Train, 0);
        }
        over || queue
    }

    /// RFC 9406 4.2, RFC9406-4.2-a: all that had been sent when the round began has arrived, and
    /// something beyond it; not at once, since a burst that was sent in between would be split, and
    /// its tail, which has waited longest, taken for a round of its own.
    fn begins_round(&mut self, ack: &Ack) -> bool {
        let begins = (ack.acked_total as u32).wrapping_sub(self.window_end).cast_signed() > 0;
        if begins || !self.begun {
            self.window_end = ack.sent_total as u32;
        }
        std::mem::replace(&mut self.begun, true) && begins
    }

    /// Whether that ends the conservative slow start.
    fn begin_round(&mut self) -> bool {
        (self.last, self.current, self.samples) = (self.current, NONE, 0);
        match &mut self.phase {
            Phase::SlowStart => false,
            // RFC9406-4.2-d.
            Phase::Conservative(_, rounds) => {
                *rounds += 1;
                *rounds >= ROUNDS
            }
        }
    }

    /// RFC 9406 4.2, once there are enough samples: whether slow start is over.
    fn judge(&mut self, least: Option<Duration>) -> bool {
        let grown = |since: u32, least: u32| {
            let more = (since / GROWTH_DIVISOR).clamp(least, MOST_GROWTH);
            self.current >= since.saturating_add(more)
        };
        match self.phase {
            // RFC9406-4.2-b: the round trips of this round are longer.
            Phase::SlowStart if grown(self.last, LEAST_GROWTH) => {
                self.phase = Phase::Conservative(Cause::Queue(self.current), 0);
            }
            // RFC9406-4.2-c: they are shorter again. It was not the queue.
            Phase::Conservative(Cause::Queue(baseline), _) if self.current < baseline => {
                self.phase = Phase::SlowStart;
            }
            Phase::Conservative(Cause::Train, _) => {
                return least.is_some_and(|it| grown(micros(it), LEAST_AFTER_TRAIN));
            }
            Phase::SlowStart | Phase::Conservative(Cause::Queue(_), _) => {}
        }
        false
    }
}

impl Train {
    /// Another acknowledgement: whether that makes a train half a round trip long. One of a flow
    /// that has nothing to send tells how that sends.
    fn fills_half_a_pipe(&mut self, ack: &Ack) -> bool {
        let Some(round_trip) = ack.min_rtt.map(micros) else { return false };
        let now = (ack.now.as_nanos() / 1_000) as u32;
        if !ack.window_limited || now.wrapping_sub(self.last) > round_trip / GAP_DIVISOR {
            self.first = now;
        }
        self.last = now;
        now.wrapping_sub(self.first) >= (round_trip / 2).max(SHORTEST_TRAIN)
    }
}

fn micros(rtt: Duration) -> u32 {
    // An hour says as much as more than that.
    u32::try_from(rtt.as_micros()).map_or(NONE - 1, |micros| micros.min(NONE - 1))
}
