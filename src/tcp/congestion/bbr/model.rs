//! What is the path like? Round trips, bandwidth and how much acknowledgements clump together
//! (5.5.1 to 5.5.9). The least round trip belongs to [`probe_rtt`](super::probe_rtt), the bounds
//! that losses put to all this to [`loss`](super::loss).

use std::time::Duration;

use super::Bbr;
use super::filter::WindowedMax;
use super::units::{Gain, INFINITE, volume};
use crate::tcp::congestion::{Ack, RateSample};
use crate::time::Instant;

/// Round trips over which aggregation is remembered, `ExtraAckedFilterLen`, and the current one.
const AGGREGATION_ROUNDS: usize = 10 + 1;

/// The same in Startup, where the bandwidth that it is measured by doubles each round trip.
const AGGREGATION_ROUNDS_IN_STARTUP: usize = 1 + 1;

/// Round trips counted by what is delivered: one is over when something arrives that was sent
/// after it began.
#[derive(Clone, Debug)]
pub(super) struct Rounds {
    /// How many are over.
    pub(super) count: u64,
    /// The acknowledgement that is being handled ended one.
    pub(super) start: bool,
    /// The current one is over when a segment arrives that was sent after this many bytes had been
    /// delivered.
    end: u64,
}

impl Rounds {
    pub(super) const fn new() -> Self {
        Self { count: 0, start: false, end: 0 }
    }

    /// A round trip begins now.
    pub(super) fn begin(&mut self, delivered: u64) {
        self.end = delivered;
    }

    /// Something arrived that was sent when `prior_delivered` bytes had been delivered.
    fn update(&mut self, prior_delivered: u64, delivered: u64) {
        self.start = prior_delivered >= self.end;
        if self.start {
            self.begin(delivered);
            self.count += 1;
        }
    }
}

/// How much more arrives at once than the bandwidth explains: wireless links, offloads and thinned
/// ACKs let acknowledgements come in clumps, and between two of them the flow would run dry if the
/// window held no more than the bandwidth-delay product.
#[derive(Clone, Debug)]
pub(super) struct Aggregation {
    /// When the current clump began.
    since: Instant,
    /// What has arrived since then.
    delivered: u64,
    /// The excess, by round trip.
    extra: WindowedMax<AGGREGATION_ROUNDS>,
}

impl Aggregation {
    pub(super) const fn new(now: Instant) -> Self {
        Self { since: now, delivered: 0, extra: WindowedMax::new() }
    }

    /// Another clump begins: nothing has arrived for a while because nothing was sent. What the one
    /// before has delivered is not counted on; the draft forgets to forget it, so that each pause
    /// makes the window larger.
    pub(super) fn restart(&mut self, now: Instant) {
        self.since = now;
        self.delivered = 0;
    }

    /// `arrived` more bytes; `bw` is what the path is thought to deliver, and a window cannot be
    /// exceeded.
    fn update(&mut self, now: Instant, arrived: u64, bw: u64, window: u64) {
        let mut expected = volume(bw, now - self.since);
        if self.delivered <= expected {
            // No faster than expected: the clump is over.
            self.restart(now);
            expected = 0;
        }
        self.delivered = self.delivered.saturating_add(arrived);
        self.extra.note(self.delivered.saturating_sub(expected).min(window));
    }
}

impl Bbr {
    /// Where the connection is: what has arrived, and what flies.
    pub(super) fn follow(&mut self, ack: &Ack) {
        let arrived = u64::from(ack.delivered);
        let counted = self.delivered.saturating_add(arrived);
        self.delivered = ack.rate.map_or(counted, |rate| rate.delivered_total);
        self.delivered_to_us = self.delivered_to_us.saturating_add(arrived);
        self.inflight = u64::from(ack.pipe);
    }

    /// `UpdateMaxBw` (5.5.5): counts round trips, and takes the sample into the filter.
    pub(super) fn update_max_bw(&mut self, ack: &Ack) {
        self.rounds.start = false;
        let Some(rate) = ack.rate else { return };
        self.rounds.update(rate.prior_delivered, self.delivered);
        if self.rounds.start {
            self.cycle.rounds_since_up += 1;
            self.aggregation.extra.advance();
        }
        // 5.5.4: what an application sends slowly says little of the path, unless it is more than
        // the path was thought to take.
        let bw = rate.bytes_per_second();
        if bw >= self.max_bw.max() || !rate.app_limited {
            self.max_bw.note(bw);
        }
    }

    /// `AdvanceMaxBwFilter` (5.5.6): a cycle is over, the one before the last one is forgotten. A
    /// cycle in which nothing was measured is none.
    pub(super) fn advance_max_bw(&mut self) {
        if self.max_bw.current() > 0 {
            self.max_bw.advance();
        }
    }

    /// `UpdateACKAggregation` (5.5.9).
    pub(super) fn update_aggregation(&mut self, ack: &Ack) {
        self.aggregation.update(ack.now, u64::from(ack.delivered), self.bw, self.window);
    }

    /// `extra_acked`: the most excess of late.
    pub(super) fn extra_acked(&self) -> u64 {
        let rounds =
            if self.full_pipe.reached { AGGREGATION_ROUNDS } else { AGGREGATION_ROUNDS_IN_STARTUP };
        self.aggregation.extra.max_of(rounds)
    }

    /// `BoundBWForModel`: the bandwidth to go by.
    pub(super) fn bound_bw(&mut self) {
        self.bw = self.max_bw.max().min(self.bw_shortterm);
    }

    /// What the path holds at `bw` without a queue; before the first round trip was measured,
    /// what is thought safe to begin with.
    pub(super) fn bdp_at(&self, bw: u64) -> u64 {
        self.bdp_multiple(bw, Gain::percent(100))
    }

    /// `gain` times that (`BDPMultiple`).
    pub(super) fn bdp_multiple(&self, bw: u64, gain: Gain) -> u64 {
        self.min_rtt.get().map_or(self.initial_window, |min_rtt| gain.of(volume(bw, min_rtt)))
    }

    /// `Inflight(bw, 1.0)`: what flies when the pipe is full and the queue is empty.
    pub(super) fn inflight_at(&self, bw: u64) -> u64 {
        self.quantized(self.bdp_at(bw))
    }

    /// `TargetInflight` (5.3.3.8): the bandwidth-delay product, unless congestion holds the window
    /// below it.
    pub(super) fn target_inflight(&self) -> u64 {
        self.bdp_at(self.bw).min(self.open_window())
    }

    /// `InflightWithHeadroom` (5.3.3.9): leaves 15 % of what is known to be safe to others.
    pub(super) fn inflight_with_headroom(&self) -> u64 {
        if self.inflight_longterm == INFINITE {
            return INFINITE;
        }
        let headroom = Gain::percent(15).of(self.inflight_longterm).max(self.mss);
        self.inflight_longterm.saturating_sub(headroom).max(self.min_pipe())
    }
}

/// What an acknowledgement tells of the rate, if anything can be told: nothing arrives in no time.
/// While ProbeRTT holds the flow down, what is sent is limited by ourselves, which is as if the
/// application had too little (`MarkConnectionAppLimited` of 5.3.4.3).
pub(super) fn usable(rate: Option<RateSample>, held_down_to: u64) -> Option<RateSample> {
    let mut rate = rate.filter(|rate| rate.interval > Duration::ZERO)?;
    rate.app_limited |= rate.prior_delivered < held_down_to;
    Some(rate)
}
