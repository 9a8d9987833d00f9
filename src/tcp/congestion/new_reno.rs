//! NewReno: slow start, congestion avoidance, half the window on loss (RFC 5681, RFC 6582), growth
//! by bytes acknowledged (RFC 3465).

use super::{Ack, Congestion, CongestionControl, Start};
use crate::time::Instant;

/// The controller of RFC 5681. The inflation of the window during fast recovery is the business of
/// `recovery.rs`: it stands for segments that have left the network, not for a larger window.
#[derive(Clone, Debug)]
pub struct NewReno {
    mss: u32,
    initial_window: u32,
    cwnd: u32,
    ssthresh: u32,
    /// The peer tells what it holds, so that a repair is exact.
    sack: bool,
    /// Bytes acknowledged in congestion avoidance and not yet turned into growth.
    acked: u32,
    /// The window and ssthresh before the last loss was noticed.
    undo: Option<(u32, u32)>,
}

impl NewReno {
    /// A controller that begins with `start.window`, in slow start unless it takes over.
    #[must_use]
    pub fn new(start: Start) -> Self {
        Self {
            mss: start.mss,
            initial_window: start.initial_window,
            cwnd: start.window.max(start.mss),
            // RFC 5681 3.1, RFC5681-3.1-ssthresh: arbitrarily high at first.
            ssthresh: start.ssthresh,
            sack: start.sack,
            acked: 0,
            undo: None,
        }
    }

    fn congestion_avoidance(&mut self, acked: u32) {
        // RFC 5681 3.1, RFC5681-3.1-ca: one segment for each window acknowledged.
        self.acked = self.acked.saturating_add(acked);
        if self.acked >= self.cwnd {
            self.acked -= self.cwnd;
            self.cwnd = self.cwnd.saturating_add(self.mss);
        }
    }
}

impl CongestionControl for NewReno {
    fn window(&self) -> u32 {
        self.cwnd
    }

    fn ssthresh(&self) -> u32 {
        self.ssthresh
    }

    fn on_ack(&mut self, ack: &Ack) {
        // RFC 3168 6.1.2: an acknowledgement that echoes a mark is no reason to grow.
        if ack.in_recovery || ack.ecn_echo || !ack.window_limited {
            return;
        }
        // RFC 5681 3.1, RFC5681-3.1-ss, RFC 3465 2.2, without the limit of 2.3: an acknowledgement may
        // stand for a batch. What leads beyond ssthresh is congestion avoidance.
        let slow = ack.growth.min(self.ssthresh.saturating_sub(self.cwnd));
        if slow > 0 {
            self.cwnd = self.cwnd.saturating_add(slow);
            self.acked = 0;
        }
        self.congestion_avoidance(ack.growth - slow);
    }

    fn on_congestion(&mut self, _now: Instant, congestion: &Congestion) {
        self.acked = 0;
        // RFC 5681 3.1, equation 4, RFC5681-3.1-eq4; 4.3, RFC5681-4.3-a.
        let half = |flight: u32| (flight / 2).max(self.mss.saturating_mul(2));
        match *congestion {
            Congestion::Loss { flight } => {
                self.undo = Some((self.cwnd, self.ssthresh));
                self.ssthresh = half(flight);
                self.cwnd = self.ssthresh;
            }
            // RFC 3168 6.1.2: a mark is answered like a loss, but for one thing: marks reduce the
            // window down to one segment. No later news will tell that the path was not congested.
            Congestion::Ecn { flight } => {
                self.undo = None;
                self.ssthresh = half(flight);
                self.cwnd = (flight / 2).max(self.mss);
            }
            Congestion::Timeout { flight, again } => {
                // RFC 5681 3.1, RFC5681-3.1-hold.
                if !again {
                    self.undo = Some((self.cwnd, self.ssthresh));
                    self.ssthresh = half(flight);
                }
                // RFC 5681 3.1, RFC5681-3.1-lw: the loss window is one segment.
                self.cwnd = self.mss;
            }
        }
    }

    fn on_spurious(&mut self, _now: Instant) {
        // As RFC 4015 for time-outs: back to where it was, unless it is beyond that already.
        if let Some((cwnd, ssthresh)) = self.undo.take()
            && self.cwnd < cwnd
        {
            (self.cwnd, self.ssthresh) = (cwnd, ssthresh);
        }
    }

    fn on_mss(&mut self, mss: u32) {
        // RFC 5681 3.1, RFC5681-3.1-pmtu: in bytes the window stays (RFC 1191 6.4).
        self.mss = mss;
        self.cwnd = self.cwnd.max(mss);
    }

    fn on_recovered(&mut self, _now: Instant, flight: u32) {
        // RFC 6582 3.2, step 3: no burst when little is in flight; with SACK none that is larger than
        // the one that a connection begins with, for PRR has kept the flight near ssthresh.
        let burst = if self.sack { self.initial_window } else { self.mss };
        self.cwnd = self.cwnd.min(flight.max(self.mss).saturating_add(burst));
    }

    fn on_idle(&mut self, _now: Instant) {
        // RFC 5681 4.1, RFC5681-4.1: the restart window.
        self.cwnd = self.cwnd.min(self.initial_window.max(self.mss));
    }
}
