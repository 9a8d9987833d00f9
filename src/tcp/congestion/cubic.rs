//! CUBIC (RFC 9438): after a loss the window grows with the cube of the time, not with the number
//! of round trips. The first slow start is that of HyStart++ (RFC 9406).
//!
//! ```text
//!   window
//!     |                                    /   convex: what is there beyond?
//!     | ---------------- W_max ---------__/-----------------------------------
//!     |                    ______-----  |
//!     |               __---             |      concave: back to where it was, ever more slowly
//!     |            _/                   |
//!     |  beta * W |                     |
//!     +-----------+---------------------+-----------> time
//!                 0                     K
//! ```
//!
//! Where the standard's growth by one segment a round trip would have come further, the window
//! follows that (4.3): on short and on slow paths, CUBIC is no worse than Reno.
//!
//! The window and what it is made of are floating-point numbers of bytes, as exact as 53 bits are:
//! their fractions are the growth that does not make a byte yet. Nothing is divided by less than a
//! byte, and a cube of the longest time there is fits, so none of them is ever infinite or not a
//! number; whole bytes are the nearest ones, and saturate. `K` is rounded to whole nanoseconds, for cube
//! roots are the one thing here that machines may disagree upon in the last digit.

use std::time::Duration;

use super::hystart::HyStart;
use super::{Ack, Congestion, CongestionControl, Sent, Start};
use crate::time::Instant;

/// C, segments per second cubed (RFC 9438 4.1, 5.1, RFC9438-5.1).
const C: f64 = 0.4;

/// Which part of the window congestion leaves: beta (RFC 9438 4.6, RFC9438-4.1).
const BETA: f64 = 0.7;

/// Growth in the Reno-friendly region, segments a round trip: with that and BETA the mean window is
/// that of one segment and a half (RFC 9438 4.3, RFC9438-4.1).
const ALPHA: f64 = 3.0 * (1.0 - BETA) / (1.0 + BETA);

/// The most that the window grows in a round trip (RFC 9438 4.2, RFC9438-4.2-a).
const GREATEST_STEP: f64 = 1.5;

/// The least that it grows in a round trip after a slow start that no loss has ended, as in Linux: what
/// the path carries is not known yet, and a curve that begins on its plateau would take seconds to
/// find out.
const UNKNOWN_STEP: f64 = 0.05;

/// Which part of the window is worth coming back to after a silence: ssthresh is at least that
/// (RFC 7661 4.4.3).
const KEPT: f64 = 0.75;

/// The largest window, bytes.
const LARGEST: f64 = u32::MAX as f64;

/// The controller of RFC 9438.
#[derive(Clone, Debug)]
pub struct Cubic {
    mss: u32,
    initial_window: u32,
    state: State,
    /// When something was acknowledged last, or sent into an empty network: until then the curve
    /// has been followed.
    followed_until: Instant,
    /// What was, before the last loss was noticed.
    undo: Option<Box<State>>,
}

/// Everything that a loss changes, and that comes back if there was none (RFC 9438 4.9).
#[derive(Clone, Copy, Debug, PartialEq)]
struct State {
    /// Congestion window, bytes.
    cwnd: f64,
    /// Slow-start threshold, bytes.
    ssthresh: u32,
    /// Nothing was lost or marked yet: where the pipe ends is not known.
    unknown: bool,
    growth: Growth,
}

/// How the window grows.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Growth {
    /// In the first slow start: ssthresh is still as high as at first (RFC 9406 4.3,
    /// RFC9406-4.3-b).
    First(HyStart),
    /// Up to ssthresh in slow start, and then by the curve.
    Curve(Curve),
}

/// Congestion avoidance.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Curve {
    /// `cwnd_prior`: the window when ssthresh was set last, bytes.
    prior: u32,
    /// `W_max`: the window at the last congestion, bytes; 0 where that is not known.
    w_max: u32,
    /// `W_est`: the window that Reno would have by now, bytes.
    w_est: f64,
    /// When the curve is back at `w_max`, seconds after `epoch`.
    k: f64,
    /// `t_epoch`: when this congestion avoidance began, later by every period in which the window
    /// was not used up. Before it begins `NEVER`.
    epoch: Instant,
}

impl Cubic {
    /// A controller that begins with `start.window`, in slow start unless it takes over.
    #[must_use]
    pub fn new(start: Start) -> Self {
        let mss = start.mss.max(1);
        let cwnd = f64::from(start.window.max(mss));
        let unknown = start.ssthresh == u32::MAX;
        Self {
            mss,
            initial_window: start.initial_window,
            state: State {
                cwnd,
                ssthresh: start.ssthresh,
                unknown,
                growth: if unknown {
                    Growth::First(HyStart::new())
                } else {
                    Growth::Curve(Curve::from(bytes(cwnd)))
                },
            },
            followed_until: start.now,
            undo: None,
        }
    }

    /// What may leave at once, bytes (RFC 5681 4.1).
    fn restart_window(&self) -> f64 {
        f64::from(self.initial_window.max(self.mss))
    }

    /// RFC 9438 4.10, RFC9438-4.10: the window is below ssthresh. Bytes of its growth that would
    /// lead beyond that.
    fn slow_start(&mut self, ack: &Ack) -> u32 {
        let window = self.window();
        let state = &mut self.state;
        let mut left = 0;
        if ack.window_limited {
            let growth = match &state.growth {
                Growth::First(hystart) => hystart.growth(ack.growth),
                Growth::Curve(_) => ack.growth,
            };
            let room = state.ssthresh - window;
            left = growth.saturating_sub(room);
            state.cwnd = (state.cwnd + f64::from(growth.min(room))).min(LARGEST);
        }
        if let Growth::First(hystart) = &mut state.growth
            && hystart.on_ack(ack)
        {
            // RFC 9406 4.2, RFC9406-4.2-d; RFC 9438 4.10: no loss has told W_max, so the curve
            // begins on its plateau.
            state.ssthresh = bytes(state.cwnd);
            state.growth = Growth::Curve(Curve::from(state.ssthresh));
        }
        left
    }

    /// RFC 9438 4.2 to 4.5: `acked` bytes have arrived.
    fn avoid_congestion(&mut self, ack: &Ack, acked: u32) {
        let mss = f64::from(self.mss);
        let state = &mut self.state;
        let Growth::Curve(curve) = &mut state.growth else { return };
        if curve.epoch.is_never() {
            curve.begin(ack.now, state.cwnd, mss);
        }
        // A window at a time: what is acknowledged beyond it was sent by a larger one.
        let part = (f64::from(acked) / state.cwnd).min(1.0);
        // RFC 9438 4.3, RFC9438-4.3: where Reno has come to. When that is where the loss was, what
        // CUBIC's larger share of the window was to make up for is made up for.
        let alpha = if curve.w_est < f64::from(curve.prior) { ALPHA } else { 1.0 };
        curve.w_est += alpha * mss * part;
        let time = (ack.now - curve.epoch).as_secs_f64();
        let step = if state.unknown { UNKNOWN_STEP * state.cwnd * part } else { 0.0 };
        let least = state.cwnd + step;
        state.cwnd = if curve.w_cubic(time, mss) < curve.w_est {
            state.cwnd.max(curve.w_est)
        } else {
            // RFC9438-4.2-a: where the curve is a round trip from now; RFC9438-4.4, RFC9438-4.5:
            // all of the way there by a window of acknowledged bytes, whether the curve is concave
            // or convex.
            let ahead = time + ack.srtt.unwrap_or_default().as_secs_f64();
            let most = state.cwnd * GREATEST_STEP;
            let target = curve.w_cubic(ahead, mss).clamp(state.cwnd, most);
            state.cwnd + (target - state.cwnd) * part
        }
        .max(least)
        .min(LARGEST);
    }

    /// RFC 9438 4.6 to 4.8: what congestion leaves, `least` segments at least.
    fn reduce(&mut self, least: u32) {
        let state = &mut self.state;
        // RFC9438-4.6-a: of the window, not of what is outstanding, as in Linux: a request that was
        // lost says nothing of what the path has carried before. The window does not grow unless it
        // is used (RFC9438-4.6-b), so it is not larger than what was.
        let left = state.cwnd * BETA;
        let floor = |segments: u32| left.max(f64::from(self.mss.saturating_mul(segments)));
        let prior = bytes(state.cwnd);
        // RFC9438-4.7, fast convergence: the path has become narrower, or another flow has come.
        let part = if prior < state.w_max() { f64::midpoint(1.0, BETA) } else { 1.0 };
        // RFC 9406 4.2, RFC9406-4.2-e: ssthresh ends the first slow start.
        let w_max = bytes(state.cwnd * part);
        state.growth = Growth::Curve(Curve { w_max, ..Curve::from(prior) });
        state.ssthresh = bytes(floor(2));
        state.cwnd = floor(least);
        state.unknown = false;
    }
}

impl State {
    /// `W_max`, or 0.
    fn w_max(&self) -> u32 {
        match &self.growth {
            Growth::First(_) => 0,
            Growth::Curve(curve) => curve.w_max,
        }
    }

    /// The curve begins anew with the next acknowledgement.
    fn restart_curve(&mut self) {
        if let Growth::Curve(curve) = &mut self.growth {
            curve.epoch = Instant::NEVER;
        }
    }

    /// RFC9438-4.2-b: the curve stands still for so long as the window was not used up.
    fn wait(&mut self, time: Duration) {
        if let Growth::Curve(curve) = &mut self.growth {
            curve.epoch += time;
        }
    }

    /// To come back to. If that is the first slow start it begins anew.
    fn remembered(&self) -> Box<Self> {
        let growth = match self.growth {
            Growth::First(_) => Growth::First(HyStart::new()),
            curve @ Growth::Curve(_) => curve,
        };
        Box::new(Self { growth, ..*self })
    }
}

impl Curve {
    /// It has not begun. The window was `prior` when ssthresh was set.
    fn from(prior: u32) -> Self {
        Self { prior, w_max: 0, w_est: 0.0, k: 0.0, epoch: Instant::NEVER }
    }

    /// Congestion avoidance begins with the window `cwnd` (RFC 9438 4.2).
    fn begin(&mut self, now: Instant, cwnd: f64, mss: f64) {
        self.epoch = now;
        self.w_est = cwnd;
        let below = f64::from(self.w_max) - cwnd;
        if below > 0.0 {
            let k = (below / (C * mss)).cbrt();
            self.k = (k * 1e9).round() / 1e9;
        } else {
            // RFC 9438 4.8, 4.10: after a time-out, or a slow start that no loss has ended, this is
            // the plateau, and so it is where the window is beyond it already.
            self.w_max = bytes(cwnd);
            self.k = 0.0;
        }
    }

    /// RFC 9438 4.2, equation 1: the curve, bytes, `time` seconds after it began.
    fn w_cubic(&self, time: f64, mss: f64) -> f64 {
        C * mss * (time - self.k).powi(3) + f64::from(self.w_max)
    }
}

impl CongestionControl for Cubic {
    fn window(&self) -> u32 {
        bytes(self.state.cwnd)
    }

    fn ssthresh(&self) -> u32 {
        self.state.ssthresh
    }

    fn on_ack(&mut self, ack: &Ack) {
        let since = ack.now - self.followed_until;
        self.followed_until = ack.now;
        // RFC 3168 6.1.2: an acknowledgement that echoes a mark is no reason to grow.
        if ack.in_recovery || ack.ecn_echo || ack.growth == 0 {
            return;
        }
        if !ack.window_limited {
            // RFC9438-4.6-b: nor does the window grow.
            self.state.wait(since);
        }
        let slow = self.window() < self.state.ssthresh;
        let left = if slow { self.slow_start(ack) } else { ack.growth };
        if left > 0 && ack.window_limited {
            self.avoid_congestion(ack, left);
        }
    }

    fn on_sent(&mut self, now: Instant, sent: &Sent) {
        if sent.pipe == 0 {
            // Nothing was under way: nothing could be acknowledged.
            self.state.wait(now - self.followed_until);
            self.followed_until = now;
        }
    }

    fn on_congestion(&mut self, _now: Instant, congestion: &Congestion) {
        match *congestion {
            Congestion::Loss { .. } => {
                self.undo = Some(self.state.remembered());
                self.reduce(2);
            }
            // RFC 9438 4.6, RFC9438-4.6-c; RFC 3168 6.1.2: marks reduce it down to one segment. No
            // later news will tell that the path was not congested.
            Congestion::Ecn { .. } => {
                self.undo = None;
                self.reduce(1);
            }
            // RFC 9438 4.8, RFC9438-4.8.
            Congestion::Timeout { again, .. } => {
                if !again {
                    self.undo = Some(self.state.remembered());
                    self.reduce(2);
                }
                self.state.cwnd = f64::from(self.mss);
                if let Growth::Curve(curve) = &mut self.state.growth {
                    (curve.w_max, curve.epoch) = (0, Instant::NEVER);
                }
            }
        }
    }

    fn on_spurious(&mut self, _now: Instant) {
        // RFC 9438 4.9, RFC9438-4.9: unless it has grown beyond that meanwhile.
        if let Some(before) = self.undo.take()
            && self.state.cwnd < before.cwnd
        {
            self.state = *before;
        }
    }

    fn on_recovered(&mut self, _now: Instant, flight: u32) {
        // RFC 6582 3.2, step 3: no burst where little is in flight, none at least that is larger
        // than the one that a connection begins with. Slow start leads back to ssthresh.
        let most = f64::from(flight) + self.restart_window();
        if self.state.cwnd > most {
            self.state.cwnd = most;
            self.state.restart_curve();
        }
    }

    fn on_mss(&mut self, mss: u32) {
        let mss = mss.max(1);
        if mss == self.mss {
            return;
        }
        self.mss = mss;
        self.state.cwnd = self.state.cwnd.max(f64::from(mss));
        // The curve is one of segments: it begins anew from here.
        self.state.restart_curve();
        if let Some(before) = &mut self.undo {
            before.restart_curve();
        }
    }

    fn on_idle(&mut self, _now: Instant) {
        let restart = self.restart_window();
        self.state.restart_curve();
        if self.state.cwnd > restart {
            // RFC 5681 4.1. What the path has carried is known still.
            let kept = bytes(self.state.cwnd * KEPT);
            self.state.ssthresh = self.state.ssthresh.max(kept);
            self.state.cwnd = restart;
        }
    }
}

/// The nearest number of whole bytes: 0.7 of 90 segments shall be 63 of them.
fn bytes(exact: f64) -> u32 {
    exact.round() as u32
}
