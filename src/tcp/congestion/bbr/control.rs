//! How fast, and how much? What the model and the state make of pacing rate and window (5.6).

use std::time::Duration;

use super::Bbr;
use super::state::State;
use super::units::{Gain, INFINITE, rate, volume};
use crate::tcp::congestion::Ack;

/// `PacingMarginPercent` is one: a little slower than the path, so that what was queued by mistake
/// goes away.
const MARGIN: Gain = Gain::percent(99);

/// `MinPipeCwnd`: segments in flight that keep a path busy whose receiver acknowledges every second
/// one.
const MIN_PIPE: u64 = 4;

/// The round trip that is assumed before one was measured (5.6.2).
const UNKNOWN_RTT: Duration = Duration::from_millis(1);

/// A quantum is what is sent in this time, but not more than [`MAX_QUANTUM`] (5.6.3).
const QUANTUM_TIME: Duration = Duration::from_millis(1);

const MAX_QUANTUM: u64 = 64 * 1024;

/// Quanta on the way through offloads: one waits here, one is cut up, one is put together there
/// (5.5.8.1).
const OFFLOAD_QUANTA: u64 = 3;

/// The rate.
impl Bbr {
    /// `InitPacingRate`: the first window, spread over a round trip.
    pub(super) fn init_pacing_rate(&mut self, srtt: Option<Duration>) {
        let nominal = rate(self.initial_window, srtt.unwrap_or(UNKNOWN_RTT));
        self.pace(State::Startup.pacing_gain().of(nominal));
    }

    /// The first round trip was measured: what was assumed of it does not hold any more.
    pub(super) fn note_first_rtt(&mut self, ack: &Ack) {
        if let Some(rtt) = ack.rtt.filter(|_| self.min_rtt.get().is_none()) {
            self.init_pacing_rate(Some(rtt));
        }
    }

    /// `SetPacingRateWithGain`. Until the pipe was full once, slower samples are no reason to be
    /// slower: they may be the application's doing.
    pub(super) fn set_pacing_rate(&mut self, gain: Gain) {
        let rate = MARGIN.of(gain.of(self.bw));
        if self.bw > 0 && (self.full_pipe.reached || rate > self.pacing_rate) {
            self.pace(rate);
        }
    }

    /// Not in the draft: a segment a second at least, or an estimate that is wrong would not see the
    /// samples that correct it.
    fn pace(&mut self, rate: u64) {
        self.pacing_rate = rate.max(self.mss);
    }

    /// `SetSendQuantum`.
    fn send_quantum(&self) -> u64 {
        volume(self.pacing_rate, QUANTUM_TIME).min(MAX_QUANTUM).max(2 * self.mss)
    }
}

/// The window.
impl Bbr {
    /// `SetCwnd`: down at once, up with what arrives.
    pub(super) fn set_window(&mut self, ack: &Ack) {
        let max_inflight = self.max_inflight();
        let grown = self.window.saturating_add(ack.delivered.into());
        if self.full_pipe.reached {
            self.window = grown.min(max_inflight);
        } else if self.window < max_inflight || self.delivered_to_us < self.initial_window {
            self.window = grown;
        }
        self.window = self.window.max(self.min_pipe());
        self.bound_window();
    }

    /// `UpdateMaxInflight`: what full throughput needs.
    fn max_inflight(&self) -> u64 {
        let needed = self.bdp_multiple(self.bw, self.state.window_gain());
        self.quantized(needed.saturating_add(self.extra_acked()))
    }

    /// `QuantizationBudget`: room for what offloads hold, and for a probe to be seen.
    pub(super) fn quantized(&self, inflight: u64) -> u64 {
        let budget = (OFFLOAD_QUANTA * self.send_quantum()).max(self.min_pipe());
        let probe = if self.state == State::Up { 2 * self.mss } else { 0 };
        inflight.max(budget).saturating_add(probe)
    }

    /// `MinPipeCwnd`, bytes.
    pub(super) fn min_pipe(&self) -> u64 {
        MIN_PIPE * self.mss
    }

    /// `ProbeRTTCwnd` (5.6.4.5).
    pub(super) fn probe_rtt_window(&self) -> u64 {
        self.bdp_multiple(self.bw, State::ProbeRtt.window_gain()).max(self.min_pipe())
    }

    /// `BoundCwndForProbeRTT` and `BoundCwndForModel` (5.6.4.7).
    pub(super) fn bound_window(&mut self) {
        let long_term = match self.state {
            State::Startup => INFINITE,
            State::Drain | State::Down | State::Refill | State::Up => self.inflight_longterm,
            State::Cruise => self.inflight_with_headroom(),
            State::ProbeRtt => self.inflight_with_headroom().min(self.probe_rtt_window()),
        };
        let bound = long_term.min(self.inflight_shortterm).max(self.min_pipe());
        self.window = self.window.min(bound).min(u32::MAX.into());
    }
}
