//! How long is the path without a queue? Every round trip contains the queue that all who share
//! the path have built, so that from time to time all of them have to let go of it (5.3.4, 5.5.7).
//!
//! ```text
//!   RTT
//!    ^   .-.   .-.         .-.   .-.
//!    |  /   '-'   '-.     /   '-'   '     more than 5 s without a lesser sample:
//!    | /             '---'                half of the bandwidth-delay product
//!    |               ProbeRTT             for 200 ms and a round trip
//!    +--------------------------------> time
//! ```
//!
//! All flows use the same interval, and each sees its least round trip when all are down: that
//! brings them in step.

use std::time::Duration;

use super::Bbr;
use super::probe_bw::AckPhase;
use super::state::State;
use crate::tcp::congestion::Ack;
use crate::time::Instant;

/// `MinRTTFilterLen`: for how long the least round trip is remembered. Two of the interval below,
/// so that what the last ProbeRTT has seen is known in the next.
const REMEMBER: Duration = Duration::from_secs(10);

/// `ProbeRTTInterval`: for how long the flow trusts that a lesser one would have shown by itself.
const INTERVAL: Duration = Duration::from_secs(5);

/// `ProbeRTTDuration`: long enough to meet the others.
const DURATION: Duration = Duration::from_millis(200);

/// The least round trip of late, in two windows.
#[derive(Clone, Debug)]
pub(super) struct MinRtt {
    /// The least of [`REMEMBER`]: `min_rtt`, which the model goes by.
    least: Option<Duration>,
    /// When it was seen.
    stamp: Instant,
    /// The least of [`INTERVAL`]: `probe_rtt_min_delay`.
    recent: Option<Duration>,
    /// When it was seen, or the last ProbeRTT ended.
    recent_stamp: Instant,
    /// It was too old when the last acknowledgement came.
    expired: bool,
}

impl MinRtt {
    /// `srtt` is all that is known, if anything is.
    pub(super) const fn new(now: Instant, srtt: Option<Duration>) -> Self {
        Self { least: srtt, stamp: now, recent: None, recent_stamp: now, expired: false }
    }

    /// The least round trip.
    pub(super) const fn get(&self) -> Option<Duration> {
        self.least
    }

    /// `UpdateMinRTT`.
    fn update(&mut self, now: Instant, rtt: Option<Duration>) {
        self.expired = now > self.recent_stamp + INTERVAL;
        if let Some(rtt) = rtt
            && (self.expired || self.recent.is_none_or(|recent| rtt < recent))
        {
            self.recent = Some(rtt);
            self.recent_stamp = now;
        }
        let forgotten = now > self.stamp + REMEMBER;
        if let Some(recent) = self.recent
            && (forgotten || self.least.is_none_or(|least| recent < least))
        {
            self.least = Some(recent);
            self.stamp = self.recent_stamp;
        }
    }
}

/// One ProbeRTT.
#[derive(Clone, Debug)]
pub(super) struct ProbeRtt {
    /// Ends then at the earliest; set once little enough flies.
    done_at: Option<Instant>,
    /// A round trip has passed since then.
    round_done: bool,
    /// What is sent until this many bytes are delivered is slow because of ProbeRTT, not of the
    /// path.
    pub(super) held_down_to: u64,
}

impl ProbeRtt {
    pub(super) const fn new() -> Self {
        Self { done_at: None, round_done: false, held_down_to: 0 }
    }
}

impl Bbr {
    /// `UpdateMinRTT`.
    pub(super) fn update_min_rtt(&mut self, ack: &Ack) {
        self.min_rtt.update(ack.now, ack.rtt);
    }

    /// `CheckProbeRTT`. Who has been idle has let go of the queue by that.
    pub(super) fn check_probe_rtt(&mut self, ack: &Ack) {
        if self.state != State::ProbeRtt && self.min_rtt.expired && !self.idle_restart {
            self.save_window();
            // Not in the draft: a cycle that has probed is one, even though ProbeRTT cuts it short.
            // Where a round trip takes a second no other one would ever end, and the bandwidth of
            // better days would never be forgotten.
            if matches!(self.cycle.ack_phase, AckPhase::Feedback | AckPhase::Stopping) {
                self.advance_max_bw();
            }
            self.state = State::ProbeRtt;
            self.probe_rtt.done_at = None;
            self.cycle.ack_phase = AckPhase::Stopping;
            self.rounds.begin(self.delivered);
        }
        if self.state == State::ProbeRtt {
            self.hold_down(ack.now);
        }
        if ack.delivered > 0 {
            self.idle_restart = false;
        }
    }

    /// `HandleProbeRTT`.
    fn hold_down(&mut self, now: Instant) {
        self.probe_rtt.held_down_to = self.delivered.saturating_add(self.inflight);
        if self.probe_rtt.done_at.is_some() {
            self.probe_rtt.round_done |= self.rounds.start;
            if self.probe_rtt.round_done {
                self.check_probe_rtt_done(now);
            }
        } else if self.inflight <= self.probe_rtt_window() {
            self.probe_rtt.done_at = Some(now + DURATION);
            self.probe_rtt.round_done = false;
            self.rounds.begin(self.delivered);
        }
    }

    /// `CheckProbeRTTDone`, and `ExitProbeRTT` (5.3.4.4): what flies is below what the path holds,
    /// so that there is nothing to wait for in Down.
    pub(super) fn check_probe_rtt_done(&mut self, now: Instant) {
        if self.probe_rtt.done_at.is_some_and(|done_at| now > done_at) {
            self.min_rtt.recent_stamp = now;
            self.forget_short_term();
            if self.full_pipe.reached {
                self.start_down(now);
                self.start_cruise();
            } else {
                self.state = State::Startup;
            }
            self.restore_window();
        }
    }
}
