//! How much may fly? The question that has many answers, so it is a trait.
//!
//! A controller sees only its arguments: no connection, no send queue, no clock. Adding one
//! touches its own file and [`REGISTRY`].

mod new_reno;

use std::fmt;
use std::time::Duration;

pub use new_reno::NewReno;

use crate::time::Instant;

/// A congestion controller of one connection.
pub trait CongestionControl: fmt::Debug + Send {
    /// The congestion window, bytes: how much may be in flight. Never below one segment.
    fn window(&self) -> u32;

    /// New data was acknowledged.
    fn on_ack(&mut self, ack: &Ack);

    /// The path is congested: called once for each event, not for each lost segment.
    fn on_congestion(&mut self, now: Instant, congestion: &Congestion);

    /// What was lost has been repaired; `flight` bytes are outstanding.
    fn on_recovered(&mut self, _now: Instant, _flight: u32) {}

    /// The last `on_congestion` was a mistake: nothing had been lost.
    fn on_spurious(&mut self, _now: Instant) {}

    /// Segments carry at most `mss` bytes from now on: the path has turned out narrower, or may be
    /// wider again. The window, in bytes, has no reason to change (RFC 1191, 6.4), unless one
    /// segment does not fit into it any more.
    fn on_mss(&mut self, mss: u32);

    /// Sending resumes after nothing was sent for longer than the retransmission time-out
    /// (RFC 5681, 4.1).
    fn on_idle(&mut self, _now: Instant) {}

    /// Bytes a second to spread what is sent over, if this controller wants that.
    fn pacing_rate(&self) -> Option<u64> {
        None
    }

    /// Slow-start threshold, bytes, for those who have one.
    fn ssthresh(&self) -> u32 {
        u32::MAX
    }
}

/// An acknowledgement of new data.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Ack {
    /// When it arrived.
    pub now: Instant,
    /// Bytes that it newly acknowledges.
    pub bytes: u32,
    /// Bytes that were in flight before it.
    pub flight: u32,
    /// The round trip that it measured, if it did.
    pub rtt: Option<Duration>,
    /// The window, not the application, was what limited sending: only then does it tell
    /// anything that all went well.
    pub window_limited: bool,
    /// Lost data is still being repaired after a fast retransmit.
    pub in_recovery: bool,
}

/// Why the path is thought to be congested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Congestion {
    /// A segment was lost, others arrived after it.
    Loss {
        /// Bytes in flight when that was noticed.
        flight: u32,
    },
    /// The retransmission timer expired.
    Timeout {
        /// Bytes in flight.
        flight: u32,
        /// The segment had timed out before (RFC 5681, 3.1: ssthresh is not reduced again).
        again: bool,
    },
}

/// What a controller is told when its connection opens.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Start {
    /// Largest payload of a segment, bytes.
    pub mss: u32,
    /// Initial window, bytes (RFC 6928, RFC 5681 3.1).
    pub initial_window: u32,
}

impl Start {
    /// Segments of `mss` bytes, `initial_window` bytes at first.
    #[must_use]
    pub const fn new(mss: u32, initial_window: u32) -> Self {
        Self { mss, initial_window }
    }
}

/// Makes a controller.
pub type Make = fn(Start) -> Box<dyn CongestionControl>;

/// Every controller by its name; the first one is taken for a name that is not here.
pub const REGISTRY: &[(&str, Make)] = &[("newreno", |start| Box::new(NewReno::new(start)))];

/// The controller of that name.
pub(super) fn by_name(name: &str, start: Start) -> Box<dyn CongestionControl> {
    let make = REGISTRY.iter().find(|(known, _)| *known == name).unwrap_or(&REGISTRY[0]).1;
    make(start)
}
