//! What does each state do to the rate and to the window? The table of 5.6.1.

use super::units::Gain;

/// Where in its cycle of experiments a flow is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Looking for the bandwidth, twice as fast each round trip.
    Startup,
    /// Letting go of the queue that Startup has built.
    Drain,
    /// `ProbeBW_DOWN`: slower than the path, so that the queue goes and others find room.
    Down,
    /// `ProbeBW_CRUISE`: as fast as the path.
    Cruise,
    /// `ProbeBW_REFILL`: a round trip to fill the pipe before it is pressed.
    Refill,
    /// `ProbeBW_UP`: faster than the path was: is there more?
    Up,
    /// Half of what the path holds in flight, so that its round trip shows without any queue.
    ProbeRtt,
}

impl State {
    /// The pacing rate, in terms of the bandwidth.
    pub(super) const fn pacing_gain(self) -> Gain {
        Gain::percent(match self {
            // 4 ln 2: the least that lets the rate double each round trip.
            Self::Startup => 277,
            Self::Drain => 50,
            Self::Down => 90,
            Self::Cruise | Self::Refill | Self::ProbeRtt => 100,
            Self::Up => 125,
        })
    }

    /// The window, in terms of the bandwidth-delay product.
    pub(super) const fn window_gain(self) -> Gain {
        Gain::percent(match self {
            Self::Up => 225,
            Self::ProbeRtt => 50,
            _ => 200,
        })
    }

    /// One of the four states of the cycle.
    pub(super) const fn is_probe_bw(self) -> bool {
        matches!(self, Self::Down | Self::Cruise | Self::Refill | Self::Up)
    }

    /// It presses the path on purpose: a loss tells of that, not of a path that became narrower.
    pub(super) const fn is_probing(self) -> bool {
        matches!(self, Self::Startup | Self::Refill | Self::Up)
    }
}
