//! BBR, version 3: a flow that goes by what the path delivers, not by what it drops
//! (draft-ietf-ccwg-bbr-06; numbers in brackets are its sections, names in code style are its
//! names).
//!
//! Reno and CUBIC fill the queue of the narrowest link until it overflows, and take a loss for the
//! sign that it has. BBR measures instead. Two numbers describe a path: how many bytes a second its
//! narrowest link takes, and how long the round trip is when nobody waits in a queue. Their product
//! is what the path holds (*bandwidth-delay product*, BDP). Who sends at that rate and keeps that
//! much in flight has the whole path and no queue:
//!
//! ```text
//!  delivery                   ________________        round trip              /
//!      rate                 /:        :                                      /
//!                         /  :        :                                    /
//!                       /    :        :                                  /
//!                     /      :        :                      __________/ :
//!                   /        :        :                                 :  :
//!                            ^        ^                                 ^  ^
//!              in flight: 1 BDP   + queue                          1 BDP  + queue
//!                                  is full
//! ```
//!
//! Neither number can be seen while the other one is: the rate shows only when more flies than the
//! path holds, the round trip only when less does. So the flow makes experiments, one after the
//! other:
//!
//! ```text
//!              the rate does not grow,
//!              or too much is lost             queue gone
//!   Startup -----------------------> Drain --------------.
//!   rate x 2.77                      x 0.5               |
//!                                                        v
//!                           .-----------------------> Down    x 0.9
//!                           |                            |  queue gone, room for others
//!                           |                            v
//!                           |                         Cruise  x 1
//!   the pipe is full,       |                            |  2 to 3 s, or as long as Reno needs
//!   or more than 2 % lost,  |                            v
//!   or where the last probe |                         Refill  x 1
//!   went too high           |                            |  a round trip
//!                           |                            v
//!                           `------------------------ Up      x 1.25
//!
//!   from everywhere, when the least round trip is older than 5 s:
//!       ProbeRTT   half of the BDP, for 200 ms and a round trip; then Cruise,
//!                  or Startup where the pipe was never full
//! ```
//!
//! Losses are not ignored: a probe that loses more than 2 % ends and leaves a long-term bound on
//! what flies; at other times a round trip with a loss leaves short-term bounds that hold until the
//! next probe. A loss of 1 % by chance costs little that way.
//!
//! | question | file |
//! | --- | --- |
//! | What does a state do to rate and window? | `state.rs` |
//! | How fast is the path, how clumped its acknowledgements? | `model.rs`, `filter.rs` |
//! | When is the pipe full? | `startup.rs` |
//! | Is there more? | `probe_bw.rs` |
//! | How long is the path? | `probe_rtt.rs` |
//! | What do losses and marks tell? | `loss.rs` |
//! | So how fast, and how much? | `control.rs` |
//!
//! Where this differs from the draft, each of it beside its code:
//!
//! * `bw_shortterm` shall fall by X % after a round trip that lost X % (5.3.3.8.3), but what arrives
//!   is also less because we sent less than the bandwidth, on purpose. By the letter, a loss each
//!   round trip, be it of 0.1 %, costs 1 % of the rate each time, the pacing margin; one after Down
//!   costs 10 %, its gain; one after ProbeRTT 30 %, all that Beta allows. So what arrived is taken
//!   in proportion to what we let go, and where ProbeRTT held us down it is not taken at all. At
//!   500 Mbit/s and 10 ms, losing 0.1 % leaves 97 % of the rate that way instead of 87 %, losing 1 %
//!   leaves 87 % instead of 78 % (`loss.rs`).
//! * A probe goes too high with the second segment that it loses, not with the first. At 10 Mbit/s
//!   and 40 ms, losing 2 % by chance leaves 87 % of the rate that way instead of 67 % (`loss.rs`).
//! * ECN, which the draft leaves open, has an answer (`loss.rs`).
//! * State is saved before the first loss of an episode, not before each round trip's (`loss.rs`).
//! * A window that a time-out has closed is not taken for what the path holds (`loss.rs`).
//! * A cycle that ProbeRTT cuts short counts, if it has probed: where a round trip takes a second, no
//!   other one would ever end (`probe_rtt.rs`).
//! * A pause ends a clump of acknowledgements (`model.rs`).
//! * The pacing rate is a segment a second at least (`control.rs`).
//!
//! What it needs from others: delivery-rate samples (4.1), a pacer that keeps to
//! [`pacing_rate`](CongestionControl::pacing_rate), and that its window holds during recovery, too
//! ([`governs_recovery`](CongestionControl::governs_recovery)). Best with SACK and timestamps.

mod control;
mod filter;
mod loss;
mod model;
mod probe_bw;
mod probe_rtt;
mod startup;
mod state;
#[cfg(test)]
#[path = "../../tests/bbr.rs"]
mod tests;
mod units;

use fastrand::Rng;

use super::{Ack, Congestion, CongestionControl, Lost, Sent, Start};
use crate::time::Instant;
use filter::WindowedMax;
use loss::{Episode, Signals};
use model::{Aggregation, Rounds};
use probe_bw::Cycle;
use probe_rtt::{MinRtt, ProbeRtt};
use startup::FullPipe;
use state::State;
use units::{Gain, INFINITE};

/// Cycles over which the bandwidth is remembered: this one and the one before.
const BANDWIDTH_CYCLES: usize = 2;

/// The controller of draft-ietf-ccwg-bbr-06.
///
/// ```
/// use tuntcp::tcp::congestion::{Bbr, CongestionControl, Start};
/// use tuntcp::time::Instant;
///
/// let bbr = Bbr::new(Start::new(Instant::ZERO, 1_460, 14_600));
/// assert_eq!(bbr.window(), 14_600);
/// // Ten segments, spread over the millisecond that is assumed at first, times 2.77.
/// assert_eq!(bbr.pacing_rate(), Some(40_442_000));
/// ```
#[derive(Clone, Debug)]
pub struct Bbr {
    /// Bytes of a full segment: `C.SMSS`.
    mss: u64,
    /// The window to begin with, bytes.
    initial_window: u64,
    /// Losses show one by one: `C.has_selective_acks`.
    sack: bool,
    random: Rng,

    state: State,
    /// `C.cwnd`, bytes; at most `u32::MAX`.
    window: u64,
    /// `C.pacing_rate`, bytes a second; at least a segment a second.
    pacing_rate: u64,

    /// All the bytes that have arrived: `C.delivered`.
    delivered: u64,
    /// Those of them that arrived since this controller began.
    delivered_to_us: u64,
    /// Bytes in the network: `C.inflight`.
    inflight: u64,

    rounds: Rounds,
    /// The delivery rates of late: `max_bw` is the most of them.
    max_bw: WindowedMax<BANDWIDTH_CYCLES>,
    /// The bandwidth to go by, bytes a second: `max_bw`, within its bound.
    bw: u64,
    min_rtt: MinRtt,
    aggregation: Aggregation,

    /// Bytes in flight that a probe has found to be too many; held below it.
    inflight_longterm: u64,
    /// Bytes a second that arrived under congestion, since the last probe.
    bw_shortterm: u64,
    /// Bytes in flight that arrived under congestion, since the last probe.
    inflight_shortterm: u64,
    signals: Signals,
    episode: Episode,

    full_pipe: FullPipe,
    /// The round trip in which Drain began.
    drain_since: u64,
    cycle: Cycle,
    probe_rtt: ProbeRtt,
    /// Nothing was in flight, and nothing has arrived since then.
    idle_restart: bool,
}

impl Bbr {
    /// A controller that begins with `start.window`, in Startup.
    #[must_use]
    pub fn new(start: Start) -> Self {
        let mut bbr = Self {
            mss: start.mss.max(1).into(),
            initial_window: start.window.max(start.mss).max(1).into(),
            sack: start.sack,
            random: Rng::with_seed(start.seed),
            state: State::Startup,
            window: start.window.max(start.mss).max(1).into(),
            pacing_rate: 0,
            delivered: 0,
            delivered_to_us: 0,
            inflight: 0,
            rounds: Rounds::new(),
            max_bw: WindowedMax::new(),
            bw: 0,
            min_rtt: MinRtt::new(start.now, start.srtt),
            aggregation: Aggregation::new(start.now),
            inflight_longterm: INFINITE,
            bw_shortterm: INFINITE,
            inflight_shortterm: INFINITE,
            signals: Signals::new(),
            episode: Episode::new(),
            full_pipe: FullPipe::new(),
            drain_since: 0,
            cycle: Cycle::new(start.now),
            probe_rtt: ProbeRtt::new(),
            idle_restart: false,
        };
        bbr.init_pacing_rate(start.srtt);
        bbr
    }

    /// `UpdateModelAndState` (5.2.3), in the draft's order.
    fn update_model_and_state(&mut self, ack: &Ack) {
        self.update_signals(ack);
        self.update_max_bw(ack);
        self.adapt_short_term_bounds();
        self.update_aggregation(ack);
        self.check_full_pipe(ack);
        self.check_startup_done(ack);
        self.check_drain_done(ack);
        self.update_cycle(ack);
        self.update_min_rtt(ack);
        self.check_probe_rtt(ack);
        self.advance_signals(ack);
        self.bound_bw();
    }

    /// `HandleRestartFromIdle` (5.4.1): the path is as it was, but sending begins at its rate and
    /// not faster. Time without anything in flight counts for ProbeRTT.
    fn restart_from_idle(&mut self, now: Instant) {
        self.idle_restart = true;
        self.aggregation.restart(now);
        if self.state.is_probe_bw() {
            self.set_pacing_rate(Gain::percent(100));
        } else if self.state == State::ProbeRtt {
            self.check_probe_rtt_done(now);
        }
    }
}

impl CongestionControl for Bbr {
    fn window(&self) -> u32 {
        u32::try_from(self.window).unwrap_or(u32::MAX)
    }

    fn pacing_rate(&self) -> Option<u64> {
        Some(self.pacing_rate)
    }

    fn governs_recovery(&self) -> bool {
        // 5.6.4.4: recovery knows no other bound than the model's.
        true
    }

    fn on_ack(&mut self, ack: &Ack) {
        let rate = model::usable(ack.rate, self.probe_rtt.held_down_to);
        let ack = &Ack { rate, ..*ack };
        self.follow(ack);
        self.follow_timeout(ack);
        self.note_first_rtt(ack);
        self.update_model_and_state(ack);
        self.set_pacing_rate(self.state.pacing_gain());
        self.set_window(ack);
    }

    fn on_lost(&mut self, now: Instant, lost: &Lost) {
        self.note_loss();
        self.judge_lost(now, lost);
    }

    fn on_congestion(&mut self, now: Instant, congestion: &Congestion) {
        match *congestion {
            Congestion::Loss { .. } => self.begin_repair(),
            Congestion::Timeout { .. } => self.begin_timeout(),
            Congestion::Ecn { flight } => self.note_mark(now, flight.into()),
        }
    }

    fn on_sent(&mut self, now: Instant, sent: &Sent) {
        if sent.pipe == 0 && sent.app_limited {
            self.restart_from_idle(now);
        }
    }

    fn on_recovered(&mut self, _now: Instant, _flight: u32) {
        self.end_repair();
    }

    fn on_spurious(&mut self, _now: Instant) {
        self.undo();
    }

    fn on_mss(&mut self, mss: u32) {
        self.mss = mss.max(1).into();
        self.window = self.window.max(self.mss);
        self.pacing_rate = self.pacing_rate.max(self.mss);
    }

    fn on_idle(&mut self, now: Instant) {
        // 5.4.2: not from the initial window, but paced.
        self.restart_from_idle(now);
    }
}
