//! Is there more bandwidth? The cycle of a flow in its steady state: make room, cruise, fill the
//! pipe, press it (5.3.3).
//!
//! ```text
//!   flight
//!     ^                                  Up           inflight_longterm grows by 1, 2, 4, 8, ...
//!     |                                 .--.          segments a round trip while nothing is lost
//!     |------------- inflight_longterm /----\-------------------------------------------
//!     |                      Refill   /      \
//!     |                      .-------'        \
//!     |---------------------/- 85 % of it -----\--- headroom for others ----------------
//!     |         Cruise     /                    \            Cruise
//!     | --------------'                      Down `---------------------
//!     +----------------------------------------------------------------------> time
//!               2 to 3 s, or 63 round trips
//! ```

use std::time::Duration;

use super::Bbr;
use super::state::State;
use super::units::INFINITE;
use crate::tcp::congestion::Ack;
use crate::time::Instant;

/// Round trips between two probes at most: Reno needs as many to grow its window by as many
/// segments, up to a rate that makes a video of 4K at 30 ms (5.3.3.8).
const RENO_ROUNDS: u64 = 63;

/// Time between two probes, to which up to a second is added.
const PROBE_WAIT: Duration = Duration::from_secs(2);

/// Doublings of the growth of `inflight_longterm`.
const MAX_DOUBLINGS: u32 = 30;

/// What the acknowledgements mean that arrive now: they tell of what was sent a round trip ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AckPhase {
    /// No probe.
    Init,
    /// Refill fills the pipe.
    Refilling,
    /// Up has begun, what it sends has not arrived.
    Starting,
    /// What Up has sent arrives.
    Feedback,
    /// Up is over, what it has sent still arrives.
    Stopping,
}

/// The cycle.
#[derive(Clone, Debug)]
pub(super) struct Cycle {
    pub(super) ack_phase: AckPhase,
    /// What is lost now was sent to probe (`is_bw_probe_sample`), and nothing was concluded yet.
    pub(super) probe_sample: bool,
    /// The last probe went too high: it lost more than it may, or was marked.
    pub(super) too_high: bool,
    /// Because of that, this one ended where that one had become too high.
    precautionary: bool,
    /// Round trips since the last probe, give or take one.
    pub(super) rounds_since_up: u64,
    /// When this cycle began.
    started: Instant,
    /// How long it takes until the next probe.
    wait: Duration,
    /// Round trips in which this probe has raised `inflight_longterm`.
    up_rounds: u32,
    /// Bytes that arrived since `inflight_longterm` was raised.
    up_acked: u64,
    /// How many raise it by a segment.
    up_acked_per_segment: u64,
}

impl Cycle {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            ack_phase: AckPhase::Init,
            probe_sample: false,
            too_high: false,
            precautionary: false,
            rounds_since_up: 0,
            started: now,
            wait: Duration::ZERO,
            up_rounds: 0,
            up_acked: 0,
            up_acked_per_segment: INFINITE,
        }
    }
}

/// How each state begins.
impl Bbr {
    /// `StartProbeBW_DOWN`.
    pub(super) fn start_down(&mut self, now: Instant) {
        self.signals.reset();
        self.cycle.up_acked_per_segment = INFINITE;
        self.pick_probe_wait();
        self.cycle.started = now;
        self.cycle.ack_phase = AckPhase::Stopping;
        self.rounds.begin(self.delivered);
        self.state = State::Down;
    }

    /// `StartProbeBW_CRUISE`.
    pub(super) fn start_cruise(&mut self) {
        self.state = State::Cruise;
    }

    /// `StartProbeBW_REFILL`: what congestion has taught is forgotten, it may be over.
    pub(super) fn start_refill(&mut self) {
        self.forget_short_term();
        self.cycle.up_rounds = 0;
        self.cycle.up_acked = 0;
        self.cycle.precautionary = false;
        self.cycle.ack_phase = AckPhase::Refilling;
        self.rounds.begin(self.delivered);
        self.state = State::Refill;
    }

    /// `StartProbeBW_UP`.
    fn start_up(&mut self, ack: &Ack) {
        self.cycle.probe_sample = true;
        self.cycle.ack_phase = AckPhase::Starting;
        self.rounds.begin(self.delivered);
        self.full_pipe.reset(ack.rate.map_or(0, |rate| rate.bytes_per_second()));
        self.state = State::Up;
        self.steepen();
    }

    /// `PickProbeWait`: by chance, so that flows that share a path do not probe it together.
    fn pick_probe_wait(&mut self) {
        self.cycle.rounds_since_up = self.random.u64(0..=1);
        self.cycle.wait = PROBE_WAIT + Duration::from_micros(self.random.u64(0..1_000_000));
    }
}

/// How each state ends.
impl Bbr {
    /// `UpdateProbeBWCyclePhase`.
    pub(super) fn update_cycle(&mut self, ack: &Ack) {
        if !self.full_pipe.reached || self.adapt_long_term_bound(ack) {
            return;
        }
        let state = self.state;
        match state {
            State::Down | State::Cruise if self.is_time_to_probe(ack.now) => self.start_refill(),
            State::Down if self.is_time_to_cruise() => self.start_cruise(),
            // The pipe is full after a round trip.
            State::Refill if self.rounds.start => self.start_up(ack),
            State::Up if self.is_time_to_go_down(ack) => {
                self.cycle.too_high = false;
                self.start_down(ack.now);
            }
            _ => {}
        }
    }

    /// `IsTimeToProbeBW`: after 2 to 3 seconds, or when Reno would have doubled its window, if that
    /// is earlier: on short paths BBR is no more aggressive than Reno.
    fn is_time_to_probe(&self, now: Instant) -> bool {
        let reno_rounds = (self.target_inflight() / self.mss).min(RENO_ROUNDS);
        now > self.cycle.started + self.cycle.wait || self.cycle.rounds_since_up >= reno_rounds
    }

    /// `IsTimeToCruise`: others have room, and the queue is gone.
    fn is_time_to_cruise(&self) -> bool {
        self.inflight <= self.inflight_with_headroom()
            && self.inflight <= self.inflight_at(self.max_bw.max())
    }

    /// `IsTimeToGoDown`: where the last probe went too high, as soon as that is reached (5.3.3.6);
    /// otherwise when the pipe is full. That cannot be told while `inflight_longterm` limits what
    /// flies.
    fn is_time_to_go_down(&mut self, ack: &Ack) -> bool {
        if self.cycle.too_high && self.inflight >= self.inflight_longterm {
            self.cycle.precautionary = true;
            return true;
        }
        if ack.window_limited && self.window >= self.inflight_longterm {
            self.full_pipe.reset(ack.rate.map_or(0, |rate| rate.bytes_per_second()));
            return false;
        }
        self.full_pipe.now
    }
}

/// What a probe teaches.
impl Bbr {
    /// `AdaptLongTermModel`: whether it has decided upon the next state.
    fn adapt_long_term_bound(&mut self, ack: &Ack) -> bool {
        let round_start = self.rounds.start;
        if round_start && self.cycle.ack_phase == AckPhase::Starting {
            self.cycle.ack_phase = AckPhase::Feedback;
        }
        if round_start && self.cycle.ack_phase == AckPhase::Stopping {
            self.cycle.probe_sample = false;
            self.cycle.ack_phase = AckPhase::Init;
            if self.state.is_probe_bw() && ack.rate.is_some_and(|rate| !rate.app_limited) {
                self.advance_max_bw();
            }
            // 5.3.3.6: what was too high is not any more. Now in earnest.
            if self.state.is_probe_bw() && self.cycle.precautionary && !self.cycle.too_high {
                self.start_refill();
                return true;
            }
        }
        if let Some(rate) = ack.rate.filter(|&rate| !self.is_inflight_too_high(rate.into()))
            && self.inflight_longterm != INFINITE
        {
            self.inflight_longterm = self.inflight_longterm.max(rate.tx_in_flight.into());
            if self.state == State::Up {
                self.raise_long_term_bound(ack);
            }
        }
        false
    }

    /// `ProbeInflightLongtermUpward` (5.3.3.5): with what arrives, as long as it is the limit.
    fn raise_long_term_bound(&mut self, ack: &Ack) {
        if !ack.window_limited || self.window < self.inflight_longterm {
            return;
        }
        self.cycle.up_acked = self.cycle.up_acked.saturating_add(ack.delivered.into());
        let segments = self.cycle.up_acked / self.cycle.up_acked_per_segment;
        self.cycle.up_acked %= self.cycle.up_acked_per_segment;
        let growth = segments.saturating_mul(self.mss);
        self.inflight_longterm = self.inflight_longterm.saturating_add(growth);
        if self.rounds.start {
            self.steepen();
        }
    }

    /// `RaiseInflightLongtermSlope`: by twice as many segments in each round trip, spread over it.
    fn steepen(&mut self) {
        let segments_a_round = 1 << self.cycle.up_rounds;
        self.cycle.up_rounds = (self.cycle.up_rounds + 1).min(MAX_DOUBLINGS);
        self.cycle.up_acked_per_segment = (self.window / segments_a_round).max(self.mss);
    }
}
