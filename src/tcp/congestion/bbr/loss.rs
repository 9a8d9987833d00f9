//! What do losses and marks tell? That a probe went too high, which lowers the long-term bound, or,
//! while the flow does not press the path, that the path has become narrower, which lowers the
//! short-term bounds (5.5.10). And it is all taken back where nothing was lost (5.5.11).
//!
//! ```text
//!                                    probing (Startup, Refill, Up)     not probing
//!   a segment is lost                 more than 2 % of what flew:       is noted
//!                                     inflight_longterm falls,
//!                                     Up ends
//!   a round trip with a loss is over                                    bw_shortterm and
//!                                                                       inflight_shortterm fall to
//!                                                                       what arrived, by 30 % at most
//!   Refill begins                     the short-term bounds are forgotten
//! ```
//!
//! The draft leaves the answer to ECN open, except that a mark is congestion (3.7). What RFC 3168
//! gives is coarse: one event for each window of data, whether one segment was marked or all were.
//! It is taken as a round trip with a loss, and as a probe that went too high. But nothing is
//! missing where segments are marked: what arrived in a round trip, which bounds the answer to
//! losses, contains the queue that the mark complains about. So the bound after a mark is what the
//! path holds at the rate at which it delivered: the queue goes, the rate stays.

use super::Bbr;
use super::state::State;
use super::units::{Gain, INFINITE};
use crate::tcp::congestion::{Ack, Lost, RateSample};
use crate::time::Instant;

/// `LossThresh`, percent: the losses in a round trip that a probe may cause.
const LOSS_THRESHOLD: u64 = 2;

/// `Beta`: what is left after congestion, at least. CUBIC leaves as much.
const BETA: Gain = Gain::percent(70);

/// What was sent at the pace of Cruise arrives this much slower than the bandwidth: the margin.
const CRUISE_PACE: Gain = Gain::percent(101);

/// The same for Down: the margin, and the gain of 0.9.
const DOWN_PACE: Gain = Gain::percent(112);

/// What happened in the current round trip of [`Signals`], and what the last one delivered.
#[derive(Clone, Debug)]
pub(super) struct Signals {
    /// The acknowledgement that is being handled ended such a round trip. They begin with the first
    /// loss, other than those that [`Rounds`](super::model::Rounds) counts.
    pub(super) round_start: bool,
    /// It is over when a segment arrives that was sent after this many bytes had been delivered.
    round_end: u64,
    /// Something was lost in it.
    pub(super) loss_in_round: bool,
    /// Acknowledgements in it that told of losses.
    pub(super) loss_events: u32,
    /// Something was marked in it.
    mark_in_round: bool,
    /// Round trips in a row in which something was marked.
    pub(super) marked_rounds: u32,
    /// The best delivery rate in it, as if we had kept up with the bandwidth; 0: there was none.
    bw_latest: u64,
    /// Until so many bytes are delivered, samples tell of what Down has sent.
    slow_to: u64,
    /// The most that one sample of it delivered, bytes.
    pub(super) inflight_latest: u64,
}

impl Signals {
    pub(super) const fn new() -> Self {
        Self {
            round_start: false,
            round_end: 0,
            loss_in_round: false,
            loss_events: 0,
            mark_in_round: false,
            marked_rounds: 0,
            bw_latest: 0,
            slow_to: 0,
            inflight_latest: 0,
        }
    }

    /// `ResetCongestionSignals`.
    pub(super) fn reset(&mut self) {
        self.loss_in_round = false;
        self.mark_in_round = false;
        self.marked_rounds = 0;
        self.bw_latest = 0;
        self.inflight_latest = 0;
    }

    /// The first sign of congestion begins a round trip, so that its end tells what the path
    /// delivered under congestion.
    fn begin(&mut self, delivered: u64) {
        if !self.loss_in_round && !self.mark_in_round {
            self.round_end = delivered;
        }
    }
}

/// What a loss is judged by: a [`Lost`] segment, or the one that has arrived last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pressure {
    /// Bytes in flight when it was sent, its own included.
    tx_in_flight: u64,
    /// Bytes lost since then.
    lost: u64,
}

impl From<RateSample> for Pressure {
    fn from(rate: RateSample) -> Self {
        Self { tx_in_flight: rate.tx_in_flight.into(), lost: rate.lost.into() }
    }
}

impl From<Lost> for Pressure {
    fn from(lost: Lost) -> Self {
        Self { tx_in_flight: lost.tx_in_flight.into(), lost: lost.lost.into() }
    }
}

/// Where in the repair of a loss the connection is, and what would take back what the loss has done.
#[derive(Clone, Debug)]
pub(super) struct Episode {
    phase: Phase,
    /// The window before it, or before ProbeRTT.
    prior_window: u64,
    /// The bounds before it.
    undo: Option<Undo>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is known to be lost.
    Fine,
    /// Something is lost, and it is not said yet that it will be repaired.
    Noted,
    /// It is being repaired, until that is said to be over.
    Repair,
    /// The same after a time-out. It is over when so many bytes are acknowledged as were out at the
    /// first acknowledgement.
    Timeout(Option<u64>),
}

#[derive(Clone, Debug)]
struct Undo {
    /// A state that the loss has ended.
    state: Option<State>,
    bw_shortterm: u64,
    inflight_shortterm: u64,
    inflight_longterm: u64,
}

impl Phase {
    const fn repairs(self) -> bool {
        matches!(self, Self::Repair | Self::Timeout(_))
    }
}

impl Episode {
    pub(super) const fn new() -> Self {
        Self { phase: Phase::Fine, prior_window: 0, undo: None }
    }

    /// A loss ends `state`.
    pub(super) fn has_ended(&mut self, state: State) {
        if let Some(undo) = &mut self.undo {
            undo.state = Some(state);
        }
    }
}

/// Events.
impl Bbr {
    /// `NoteLoss`, and `SaveStateUponLoss` (5.5.11.1) before the first one of an episode: the second
    /// round trip of a repair would save what the first one has done.
    pub(super) fn note_loss(&mut self) {
        self.signals.begin(self.delivered);
        self.signals.loss_in_round = true;
        if self.episode.phase == Phase::Fine {
            self.save_window();
            self.episode.phase = Phase::Noted;
            self.episode.undo = Some(Undo {
                state: None,
                bw_shortterm: self.bw_shortterm,
                inflight_shortterm: self.inflight_shortterm,
                inflight_longterm: self.inflight_longterm,
            });
        }
    }

    /// `HandleLostPacket`, without noting it.
    pub(super) fn judge_lost(&mut self, now: Instant, lost: &Lost) {
        if self.cycle.probe_sample && self.is_inflight_too_high((*lost).into()) {
            if self.state == State::Up {
                self.episode.has_ended(State::Up);
            }
            self.probe_went_too_high(now, inflight_at_loss(lost), lost.app_limited);
        }
    }

    /// A mark: `inflight` bytes were outstanding.
    pub(super) fn note_mark(&mut self, now: Instant, inflight: u64) {
        if self.cycle.probe_sample {
            self.probe_went_too_high(now, inflight, false);
        }
        self.signals.begin(self.delivered);
        self.signals.mark_in_round = true;
    }

    /// Lost data will be repaired, and the window will be wanted back (`OnEnterFastRecovery`).
    pub(super) fn begin_repair(&mut self) {
        self.note_loss();
        self.save_window();
        self.episode.phase = Phase::Repair;
    }

    /// `OnEnterRTO` (5.6.4.4): room for one segment, and back from there. The search for the pipe's
    /// end begins anew, as in Linux: the path may be another one now.
    pub(super) fn begin_timeout(&mut self) {
        self.begin_repair();
        self.episode.phase = Phase::Timeout(None);
        self.window = self.mss;
        self.full_pipe.reset(0);
    }

    /// Whether what timed out has been repaired.
    pub(super) fn follow_timeout(&mut self, ack: &Ack) {
        if let Phase::Timeout(end) = &mut self.episode.phase
            && ack.acked_total >= *end.get_or_insert(ack.sent_total)
        {
            self.end_repair();
        }
    }

    /// It has been repaired.
    pub(super) fn end_repair(&mut self) {
        self.episode.phase = Phase::Fine;
        self.restore_window();
    }

    /// `HandleSpuriousLossDetection` (5.5.11.2). That nothing was lost shows after the repair, too.
    pub(super) fn undo(&mut self) {
        let Some(undo) = self.episode.undo.take() else { return };
        self.episode.phase = Phase::Fine;
        self.signals.loss_in_round = false;
        self.full_pipe.reset(0);
        self.bw_shortterm = self.bw_shortterm.max(undo.bw_shortterm);
        self.inflight_shortterm = self.inflight_shortterm.max(undo.inflight_shortterm);
        self.inflight_longterm = self.inflight_longterm.max(undo.inflight_longterm);
        if undo.state == Some(State::Startup) {
            self.full_pipe.reached = false;
        }
        // ProbeRTT goes on, and leads back to Startup by itself.
        if self.state != State::ProbeRtt && undo.state != Some(self.state) {
            match undo.state {
                Some(State::Startup) => self.state = State::Startup,
                Some(_) => self.start_refill(),
                None => {}
            }
        }
        self.restore_window();
    }
}

/// The long-term bound: what a probe may have in flight (5.5.10.2).
impl Bbr {
    /// `IsInflightTooHigh`. Not in the draft, but as in Google's QUIC: one segment is no rate. Where
    /// less than fifty are in flight, each one would be more than 2 %.
    pub(super) fn is_inflight_too_high(&self, pressure: Pressure) -> bool {
        let Pressure { tx_in_flight, lost } = pressure;
        let heavy = lost > self.mss && lost * 100 > tx_in_flight * LOSS_THRESHOLD;
        heavy || (lost > 0 && !self.sack)
    }

    /// `HandleInflightTooHigh`: once for each probe. `safe` bytes in flight were not too many.
    fn probe_went_too_high(&mut self, now: Instant, safe: u64, app_limited: bool) {
        self.cycle.too_high = true;
        self.cycle.probe_sample = false;
        if !app_limited {
            self.inflight_longterm = safe.max(BETA.of(self.target_inflight()));
        }
        if self.state == State::Up {
            self.start_down(now);
        }
    }
}

/// The short-term bounds: what the path took lately (5.5.10.3).
impl Bbr {
    /// `UpdateLatestDeliverySignals`: near the beginning of what an acknowledgement does.
    pub(super) fn update_signals(&mut self, ack: &Ack) {
        self.signals.round_start = false;
        self.signals.loss_events += u32::from(ack.lost > 0);
        if self.state == State::Down {
            self.signals.slow_to = self.delivered.saturating_add(self.inflight);
        }
        let Some(rate) = ack.rate else { return };
        self.signals.bw_latest = self.signals.bw_latest.max(self.at_full_pace(&rate));
        self.signals.inflight_latest = self.signals.inflight_latest.max(rate.delivered);
        if rate.prior_delivered >= self.signals.round_end {
            self.signals.round_end = self.delivered;
            self.signals.round_start = true;
            let marked = self.signals.mark_in_round;
            self.signals.marked_rounds = if marked { self.signals.marked_rounds + 1 } else { 0 };
        }
    }

    /// `UpdateCongestionSignals`, without what belongs to the model: once a round trip.
    pub(super) fn adapt_short_term_bounds(&mut self) {
        if !self.signals.round_start {
            return;
        }
        let (lost, marked) = (self.signals.loss_in_round, self.signals.mark_in_round);
        let measured = self.signals.bw_latest > 0;
        if (lost || marked) && measured && !self.state.is_probing() {
            self.init_short_term_bounds();
            self.bw_shortterm = self.signals.bw_latest.max(BETA.of(self.bw_shortterm));
            let mut arrived = self.signals.inflight_latest;
            if marked {
                arrived = arrived.min(self.bdp_at(self.signals.bw_latest));
            }
            self.inflight_shortterm = arrived.max(BETA.of(self.inflight_shortterm));
        }
        self.signals.loss_in_round = false;
        self.signals.mark_in_round = false;
    }

    /// What would have arrived, had we sent at the bandwidth; 0: ProbeRTT held us down.
    fn at_full_pace(&self, rate: &RateSample) -> u64 {
        if rate.prior_delivered < self.probe_rtt.held_down_to {
            0
        } else if rate.prior_delivered < self.signals.slow_to {
            DOWN_PACE.of(rate.bytes_per_second())
        } else {
            CRUISE_PACE.of(rate.bytes_per_second())
        }
    }

    /// `InitLowerBounds`.
    fn init_short_term_bounds(&mut self) {
        if self.bw_shortterm == INFINITE {
            self.bw_shortterm = self.max_bw.max();
        }
        if self.inflight_shortterm == INFINITE {
            self.inflight_shortterm = self.open_window();
        }
    }

    /// `ResetShortTermModel`.
    pub(super) fn forget_short_term(&mut self) {
        self.bw_shortterm = INFINITE;
        self.inflight_shortterm = INFINITE;
    }

    /// `AdvanceLatestDeliverySignals`: near the end of what an acknowledgement does.
    pub(super) fn advance_signals(&mut self, ack: &Ack) {
        if let Some(rate) = ack.rate.filter(|_| self.signals.round_start) {
            self.signals.bw_latest = self.at_full_pace(&rate);
            self.signals.inflight_latest = rate.delivered;
            self.signals.loss_events = 0;
            if self.episode.phase == Phase::Noted {
                // Nobody repairs it: an acknowledgement has told, or it belongs to what is over.
                self.episode.phase = Phase::Fine;
            }
        }
    }
}

/// The window before a loss, or before ProbeRTT.
impl Bbr {
    /// `SaveCwnd`.
    pub(super) fn save_window(&mut self) {
        let held_down = self.episode.phase.repairs() || self.state == State::ProbeRtt;
        let before = if held_down { self.episode.prior_window } else { 0 };
        self.episode.prior_window = self.window.max(before);
    }

    /// The window, or what it was before a repair: one that a time-out has closed tells nothing of
    /// the path. The draft leaves that out; Linux takes care of it in `InitLowerBounds` alone.
    pub(super) fn open_window(&self) -> u64 {
        let before = if self.episode.phase.repairs() { self.episode.prior_window } else { 0 };
        self.window.max(before)
    }

    /// `RestoreCwnd`, and what bounds it (5.6.4.4).
    pub(super) fn restore_window(&mut self) {
        self.window = self.window.max(self.episode.prior_window);
        self.bound_window();
    }
}

/// `InflightAtLoss`: how much of what flew was within the threshold. The segment may stand for
/// many that were handed down together, so that the limit lies somewhere in it:
///
/// ```text
///   lost_before + x        2                    2 % * before - lost_before
///  ----------------- >= ------   so that  x >= ---------------------------
///     before + x          100                            98 %
/// ```
fn inflight_at_loss(lost: &Lost) -> u64 {
    let bytes = u64::from(lost.bytes);
    let before = u64::from(lost.tx_in_flight).saturating_sub(bytes);
    let lost_before = u64::from(lost.lost).saturating_sub(bytes);
    let prefix = (before * LOSS_THRESHOLD).saturating_sub(lost_before * 100);
    before + (prefix / (100 - LOSS_THRESHOLD)).min(bytes)
}
