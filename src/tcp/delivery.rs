//! How fast does data arrive? Delivery-rate samples (draft-ietf-ccwg-bbr, 4.1): how much had
//! arrived when a segment was sent, and how much when it was acknowledged.
//!
//! Neither the time that it took to send something nor the time that it took to acknowledge it
//! tells how fast it went through the path: acknowledgements come in clumps, and so do segments.
//! The longer one of the two never says too much.

use super::congestion::RateSample;
use crate::time::Instant;

/// What a segment remembers of the moment at which it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Bytes that had arrived.
    delivered: u64,
    /// When the last of them were told to have.
    delivered_at: Instant,
    /// When the segment was sent whose arrival was told last.
    first_sent_at: Instant,
    /// Bytes in flight, this one included.
    pub(super) tx_in_flight: u32,
    /// Bytes lost.
    lost: u32,
    /// The application had too little to send.
    pub(super) app_limited: bool,
}

/// What has arrived, and what has not.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    delivered: u64,
    delivered_at: Instant,
    first_sent_at: Instant,
    /// Samples are limited by the application until so much has arrived.
    app_limited_until: u64,
    lost: u32,
}

impl Delivery {
    /// `delivered` bytes have arrived, and nothing is in flight; `starved`: because there was nothing
    /// left to send.
    pub(super) fn new(now: Instant, delivered: u64, starved: bool) -> Self {
        let mut delivery = Self {
            delivered,
            delivered_at: now,
            first_sent_at: now,
            app_limited_until: 0,
            lost: 0,
        };
        if starved {
            delivery.starve(0);
        }
        delivery
    }

    /// `len` bytes are sent while `pipe` are in flight.
    pub(super) fn stamp(&mut self, now: Instant, pipe: u32, len: u32) -> Stamp {
        if pipe == 0 {
            // Time in which nothing was under way says nothing of the path.
            self.first_sent_at = now;
            self.delivered_at = now;
        }
        Stamp {
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent_at: self.first_sent_at,
            tx_in_flight: pipe.saturating_add(len),
            lost: self.lost,
            app_limited: self.is_app_limited(),
        }
    }

    /// `bytes` more have arrived.
    pub(super) fn arrived(&mut self, now: Instant, bytes: u32) {
        self.delivered += u64::from(bytes);
        self.delivered_at = now;
        if self.delivered > self.app_limited_until {
            self.app_limited_until = 0;
        }
    }

    /// `bytes` that were sent with `stamp` are lost; how many are since then.
    pub(super) fn lost(&mut self, bytes: u32, stamp: &Stamp) -> u32 {
        self.lost = self.lost.wrapping_add(bytes);
        self.lost.wrapping_sub(stamp.lost)
    }

    /// Nothing is left to send, though more might fly than the `pipe` bytes that do.
    pub(super) fn starve(&mut self, pipe: u32) {
        self.app_limited_until = (self.delivered + u64::from(pipe)).max(1);
    }

    /// Whether the application is what limits.
    pub(super) fn is_app_limited(&self) -> bool {
        self.app_limited_until > 0
    }

    /// The segment that was sent at `sent_at` with `stamp` has arrived, the last of those that one
    /// acknowledgement tells of.
    pub(super) fn sample(&mut self, sent_at: Instant, stamp: &Stamp) -> RateSample {
        let send_elapsed = sent_at - stamp.first_sent_at;
        let ack_elapsed = self.delivered_at - stamp.delivered_at;
        self.first_sent_at = sent_at;
        RateSample {
            prior_delivered: stamp.delivered,
            delivered_total: self.delivered,
            tx_in_flight: stamp.tx_in_flight,
            lost: self.lost.wrapping_sub(stamp.lost),
            app_limited: stamp.app_limited,
            ..RateSample::new(self.delivered - stamp.delivered, send_elapsed.max(ack_elapsed))
        }
    }
}

impl Stamp {
    /// Of what was sent just before the `bytes` that were sent with this stamp, in the same burst.
    pub(super) fn before(&self, bytes: u32) -> Self {
        Self { tx_in_flight: self.tx_in_flight.saturating_sub(bytes), ..*self }
    }

    /// Whether nothing but `bytes` that were sent has happened since `earlier`.
    pub(super) fn goes_on(&self, earlier: &Self, bytes: u32) -> bool {
        self.tx_in_flight > bytes && self.before(bytes) == *earlier
    }

    /// Whether a segment with this stamp was sent after one with `other`, as far as it matters for
    /// a sample: more had arrived.
    pub(super) fn is_newer(&self, other: &Self) -> bool {
        self.delivered > other.delivered
    }
}
