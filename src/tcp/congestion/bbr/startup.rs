//! When is the pipe full? Startup doubles the rate each round trip until the bandwidth does not
//! follow any more, or until the path drops what it cannot hold; Drain takes the queue away that
//! this has built (5.3.1, 5.3.2).

use super::Bbr;
use super::state::State;
use super::units::Gain;
use crate::tcp::congestion::Ack;

/// Growth of the delivery rate, in a round trip, that tells of room.
const GROWTH: Gain = Gain::percent(125);

/// Round trips without that growth after which the pipe is full: one alone may be the doing of
/// others, or of a receive window that grows.
const ROUNDS_WITHOUT_GROWTH: u32 = 3;

/// `BBRStartupFullLossCnt`: acknowledgements in a round trip that tell of losses. Fewer may be
/// bursts.
const LOSS_EVENTS: u32 = 6;

/// Round trips in a row with a mark of congestion that end Startup. Two, as Linux has it: what is
/// marked in one only may be a burst, too.
const MARKED_ROUNDS: u32 = 2;

/// Round trips after which Drain ends even though the queue has not gone: the bandwidth was
/// overestimated, which only a new cycle can tell.
const DRAIN_ROUNDS: u64 = 3;

/// Looks for the moment when more pressure does not bring more (5.3.1.2). Startup asks, and so does
/// every probe for bandwidth.
#[derive(Clone, Debug)]
pub(super) struct FullPipe {
    /// The rate to beat.
    bw: u64,
    /// Round trips in which it was not beaten.
    count: u32,
    /// Full, as far as is known since the search began.
    pub(super) now: bool,
    /// Was full once in the life of the connection.
    pub(super) reached: bool,
}

impl FullPipe {
    pub(super) const fn new() -> Self {
        Self { bw: 0, count: 0, now: false, reached: false }
    }

    /// The search begins anew, from `bw` (`ResetFullBW`).
    pub(super) fn reset(&mut self, bw: u64) {
        *self = Self { bw, count: 0, now: false, reached: self.reached };
    }

    /// Another round trip has given `bw`.
    fn update(&mut self, bw: u64) {
        if bw >= GROWTH.of(self.bw) {
            return self.reset(bw);
        }
        self.count += 1;
        self.now = self.count >= ROUNDS_WITHOUT_GROWTH;
        self.reached |= self.now;
    }
}

impl Bbr {
    /// `CheckFullBWReached`: once a round trip. An application that sends little says nothing of
    /// the pipe.
    pub(super) fn check_full_pipe(&mut self, ack: &Ack) {
        if self.full_pipe.now || !self.rounds.start {
            return;
        }
        if let Some(rate) = ack.rate.filter(|rate| !rate.app_limited) {
            self.full_pipe.update(rate.bytes_per_second());
        }
    }

    /// `CheckStartupDone`.
    pub(super) fn check_startup_done(&mut self, ack: &Ack) {
        if self.state != State::Startup {
            return;
        }
        self.check_startup_loss(ack);
        if self.full_pipe.reached {
            self.state = State::Drain;
            self.drain_since = self.rounds.count;
        }
    }

    /// `CheckStartupHighLoss` (5.3.1.3): who loses much is at the limit, whatever the rate does.
    /// Judged once a round trip, so that the first one in recovery is over.
    fn check_startup_loss(&mut self, ack: &Ack) {
        let signals = &self.signals;
        let lost = if self.sack {
            let heavy = ack.rate.is_some_and(|rate| self.is_inflight_too_high(rate.into()));
            signals.round_start && signals.loss_events >= LOSS_EVENTS && heavy
        } else {
            // Without SACK no more than one loss shows in a round trip.
            signals.loss_events > 0
        };
        let lossy = lost && ack.in_recovery;
        let marked = signals.marked_rounds >= MARKED_ROUNDS;
        if lossy || marked {
            if lossy {
                self.episode.has_ended(State::Startup);
            }
            self.full_pipe.reached = true;
            // What arrived in a round trip fits, however much was lost beside it.
            self.inflight_longterm = self.bdp_at(self.bw).max(self.signals.inflight_latest);
        }
    }

    /// `CheckDrainDone`.
    pub(super) fn check_drain_done(&mut self, ack: &Ack) {
        let drained = || self.inflight <= self.inflight_at(self.bw);
        let overdue = || self.rounds.count > self.drain_since + DRAIN_ROUNDS;
        if self.state == State::Drain && (drained() || overdue()) {
            self.start_down(ack.now);
        }
    }
}
