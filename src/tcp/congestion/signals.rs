//! What does a controller get to know?

use std::time::Duration;

use crate::time::Instant;

/// Something arrived at the peer.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Ack {
    /// When the acknowledgement arrived.
    pub now: Instant,
    /// Bytes that it newly acknowledges in order; 0 where it only reports them by SACK.
    pub bytes: u32,
    /// Bytes that it newly tells to have arrived: acknowledged and not reported by SACK before, or
    /// reported by SACK now.
    pub delivered: u32,
    /// Bytes that the window may grow by: what it newly tells to have arrived, where it acknowledges
    /// something in order or the path is known to reorder. What had been reported by SACK when it
    /// comes to be acknowledged is no news.
    pub growth: u32,
    /// Bytes that are newly thought lost.
    pub lost: u32,
    /// Bytes outstanding before it, SACKed and lost ones included: `FlightSize` of RFC 5681.
    pub flight: u32,
    /// Bytes thought to be in the network before it: `pipe` of RFC 6675.
    pub pipe_before: u32,
    /// The same after it.
    pub pipe: u32,
    /// All the bytes that were acknowledged in order since the connection opened.
    pub acked_total: u64,
    /// Where on the same scale SND.NXT stands: what is sent from now on lies behind it. When
    /// `acked_total` passes it a round trip is over.
    pub sent_total: u64,
    /// The round trip that it measured, if it did.
    pub rtt: Option<Duration>,
    /// The least round trip of late, once there was a sample.
    pub min_rtt: Option<Duration>,
    /// The smoothed round trip (RFC 6298), once there was a sample.
    pub srtt: Option<Duration>,
    /// The window, not the application, was what limited sending: only then does it tell
    /// anything that all went well. In slow start (the window is below `ssthresh`) half of it in
    /// use is enough: it may grow to twice what was in flight.
    pub window_limited: bool,
    /// Lost data is still being repaired after a fast retransmit.
    pub in_recovery: bool,
    /// It echoes a mark of congestion (ECE of RFC 3168).
    pub ecn_echo: bool,
    /// How fast data was delivered lately, if that can be told.
    pub rate: Option<RateSample>,
}

impl Ack {
    /// An acknowledgement of `bytes` in order, out of `flight`, for which the window was the limit;
    /// everything else as if nothing was lost and nothing measured. For tests of controllers.
    #[must_use]
    pub const fn in_order(now: Instant, bytes: u32, flight: u32) -> Self {
        let pipe = flight.saturating_sub(bytes);
        Self {
            now,
            bytes,
            delivered: bytes,
            growth: bytes,
            lost: 0,
            flight,
            pipe_before: flight,
            pipe,
            acked_total: bytes as u64,
            sent_total: bytes as u64 + pipe as u64,
            rtt: None,
            min_rtt: None,
            srtt: None,
            window_limited: true,
            in_recovery: false,
            ecn_echo: false,
            rate: None,
        }
    }
}

/// How much arrived in which time (draft-ietf-ccwg-bbr, 4.1: delivery rate samples).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateSample {
    /// Bytes that arrived from the sending of the segment that was acknowledged last until now.
    pub delivered: u64,
    /// In which time: the longer one of how long it took to send them and to acknowledge them.
    pub interval: Duration,
    /// All the bytes that had arrived when that segment was sent. When that passes what
    /// `delivered_total` was at some moment, a round trip has passed since then.
    pub prior_delivered: u64,
    /// All the bytes that have arrived by now.
    pub delivered_total: u64,
    /// Bytes in flight just after that segment was sent.
    pub tx_in_flight: u32,
    /// Bytes thought lost between its sending and now.
    pub lost: u32,
    /// The application had too little to send then: the path may be faster than this.
    pub app_limited: bool,
}

impl RateSample {
    /// A sample of `delivered` bytes in `interval`, the first ones of a connection.
    #[must_use]
    pub const fn new(delivered: u64, interval: Duration) -> Self {
        Self {
            delivered,
            interval,
            prior_delivered: 0,
            delivered_total: delivered,
            tx_in_flight: 0,
            lost: 0,
            app_limited: false,
        }
    }

    /// Bytes a second.
    #[must_use]
    pub fn bytes_per_second(&self) -> u64 {
        let nanos = self.interval.as_nanos().max(1);
        u64::try_from(u128::from(self.delivered) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
    }
}

/// Why the path is thought to be congested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Congestion {
    /// A segment was lost, others arrived after it.
    Loss {
        /// Bytes outstanding when that was noticed, without what limited transmit has added.
        flight: u32,
    },
    /// The retransmission timer expired.
    Timeout {
        /// Bytes outstanding.
        flight: u32,
        /// The segment had timed out before (RFC 5681, 3.1: ssthresh is not reduced again).
        again: bool,
    },
    /// The network has marked segments of ours (RFC 3168, 6.1.2): once for each window of data.
    Ecn {
        /// Bytes outstanding.
        flight: u32,
    },
}

/// A segment that is thought lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lost {
    /// Its bytes.
    pub bytes: u32,
    /// Bytes in flight just after it was sent.
    pub tx_in_flight: u32,
    /// Bytes thought lost since it was sent, its own included.
    pub lost: u32,
    /// The application had too little to send then.
    pub app_limited: bool,
}

impl Lost {
    /// A segment of `bytes`, sent when `tx_in_flight` were in flight, the first that is lost.
    #[must_use]
    pub const fn new(bytes: u32, tx_in_flight: u32) -> Self {
        Self { bytes, tx_in_flight, lost: bytes, app_limited: false }
    }
}

/// A segment leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// Its bytes.
    pub bytes: u32,
    /// Bytes thought to be in the network before it.
    pub pipe: u32,
    /// It was sent before.
    pub again: bool,
    /// The application had too little to send before this.
    pub app_limited: bool,
}

impl Sent {
    /// A new segment of `bytes` while `pipe` bytes are in the network.
    #[must_use]
    pub const fn new(bytes: u32, pipe: u32) -> Self {
        Self { bytes, pipe, again: false, app_limited: false }
    }
}

/// What a controller is told when it begins.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Start {
    /// When.
    pub now: Instant,
    /// Largest payload of a segment, bytes.
    pub mss: u32,
    /// Initial window, bytes (RFC 6928, RFC 5681 3.1).
    pub initial_window: u32,
    /// The window to begin with, bytes: the initial one, or, where it takes over from another
    /// controller, that one's.
    pub window: u32,
    /// Slow-start threshold of the one before; `u32::MAX` at first.
    pub ssthresh: u32,
    /// The smoothed round trip, once there was a sample.
    pub srtt: Option<Duration>,
    /// The peer tells by SACK what has arrived, so that each loss of a round trip can be noticed.
    pub sack: bool,
    /// Differs from connection to connection: for who needs chance.
    pub seed: u64,
}

impl Start {
    /// Segments of `mss` bytes, `initial_window` bytes at first; the peer knows SACK.
    #[must_use]
    pub const fn new(now: Instant, mss: u32, initial_window: u32) -> Self {
        Self {
            now,
            mss,
            initial_window,
            window: initial_window,
            ssthresh: u32::MAX,
            srtt: None,
            sack: true,
            seed: 0,
        }
    }
}
