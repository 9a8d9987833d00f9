//! How long is the path? Round-trip estimates and the retransmission time-out (RFC 6298).

use std::time::Duration;

use super::config::Config;
use crate::time::Instant;
use crate::wire::SeqNum;

/// Clock granularity G (RFC 6298 4, RFC6298-4): the variance term is never less.
const GRANULARITY: Duration = Duration::from_millis(1);

/// RFC 6298 5.7, RFC6298-5.7: where a SYN was lost, data begins with at least this.
const RTO_AFTER_LOST_SYN: Duration = Duration::from_secs(3);

/// How long the least round trip counts, at least, milliseconds; twice that at most.
const LEAST_PERIOD: u32 = 150_000;

/// Estimates of one connection's round trip.
#[derive(Clone, Debug)]
pub(super) struct Rtt {
    /// SRTT.
    smoothed: Nanos,
    /// RTTVAR.
    variance: Nanos,
    /// RTO before backoff.
    rto: Nanos,
    /// How often the RTO was doubled since the last sample: only a sample ends the backoff (Karn).
    backoff: u32,
    /// The least round trip of late: of this period, and of the one before.
    least: [Nanos; 2],
    /// When this period began, milliseconds, of which it wraps.
    period: u32,
}

impl Rtt {
    /// No sample yet (RFC 6298 2.1, RFC6298-2.1).
    pub(super) fn new(config: &Config) -> Self {
        Self {
            smoothed: Nanos::UNKNOWN,
            variance: Nanos::of(Duration::ZERO),
            rto: Nanos::of(config.rto_initial),
            backoff: 0,
            least: [Nanos::UNKNOWN; 2],
            period: 0,
        }
    }

    /// The SYN had to be repeated and gave no sample: begin carefully (RFC 6298, 5.7).
    pub(super) fn after_lost_syn(&mut self) {
        if self.smoothed().is_none() {
            self.rto = self.rto.max(Nanos::of(RTO_AFTER_LOST_SYN));
        }
    }

    /// Takes a sample (RFC 6298 2.2 and 2.3, RFC6298-2.2, RFC6298-2.3).
    pub(super) fn sample(&mut self, rtt: Duration, config: &Config) {
        // 2.3, MUST: the variance first, with the old mean.
        let (smoothed, variance) = match self.smoothed() {
            None => (rtt, rtt / 2),
            Some(mean) => ((mean * 7 + rtt) / 8, (self.variance() * 3 + mean.abs_diff(rtt)) / 4),
        };
        (self.smoothed, self.variance) = (Nanos::of(smoothed), Nanos::of(variance));
        // RFC6298-2.4: the least holds for the variance term alone, as in Linux: an acknowledgement
        // that the peer delays comes after a round trip and that delay, however steady the path is.
        let spread = (variance * 4).max(config.rto_min).max(GRANULARITY);
        self.rto = Nanos::of((smoothed + spread).min(config.rto_max));
        self.backoff = 0;
    }

    /// The time-out now, backoff included, up to a limit (RFC 6298 2.5, RFC6298-2.5).
    pub(super) fn rto(&self, config: &Config) -> Duration {
        self.rto.get().saturating_mul(1 << self.backoff.min(20)).min(config.rto_max)
    }

    /// The timer expired: wait twice as long the next time (RFC 6298 5.5, RFC6298-5.5). What is known
    /// of the path stays (RFC6298-5-clear).
    pub(super) fn back_off(&mut self) {
        self.backoff = self.backoff.saturating_add(1);
    }

    /// How often the RTO was doubled since the last sample.
    pub(super) fn backoff(&self) -> u32 {
        self.backoff
    }

    /// A segment that was sent once has taken `rtt` (RFC 8985 6.2, step 1: the least over a window of
    /// time, so that a path that has become longer is believed).
    pub(super) fn note_least(&mut self, now: Instant, rtt: Duration) {
        #[expect(clippy::cast_possible_truncation, reason = "it wraps")]
        let now = (now.as_nanos() / 1_000_000) as u32;
        if now.wrapping_sub(self.period) >= LEAST_PERIOD {
            self.least = [Nanos::UNKNOWN, self.least[0]];
            self.period = now;
        }
        self.least[0] = self.least[0].min(Nanos::of(rtt));
    }

    /// The least round trip of the last minutes, once there was a sample.
    pub(super) fn least(&self) -> Option<Duration> {
        self.least[0].min(self.least[1]).known()
    }

    /// The time-outs were mistakes: they shall not make the next one longer.
    pub(super) fn forgive(&mut self) {
        self.backoff = 0;
    }

    /// SRTT, once there was a sample.
    pub(super) fn smoothed(&self) -> Option<Duration> {
        self.smoothed.known()
    }

    /// RTTVAR.
    pub(super) fn variance(&self) -> Duration {
        self.variance.get()
    }
}

/// The segment of a flight that is being timed.
#[derive(Clone, Debug)]
pub(super) struct Timing {
    /// The ACK that will answer it.
    end: SeqNum,
    /// When it was sent; `NEVER` while none is timed.
    at: Instant,
    /// When something of the flight was sent again last.
    resent_at: Instant,
}

impl Timing {
    /// None is.
    pub(super) fn new(una: SeqNum) -> Self {
        Self { end: una, at: Instant::NEVER, resent_at: Instant::ZERO }
    }

    /// New data up to `end` was sent: time it, unless another segment is being timed, so that each
    /// round trip gives a sample (RFC 6298 3, RFC6298-3-b).
    pub(super) fn begin(&mut self, now: Instant, end: SeqNum) {
        if !self.runs() {
            (self.end, self.at) = (end, now);
        }
    }

    /// Whether a segment is being timed.
    pub(super) fn runs(&self) -> bool {
        !self.at.is_never()
    }

    /// Something is sent again: an ACK may answer either copy (Karn; RFC 6298 3, RFC6298-3-a).
    pub(super) fn stop(&mut self, now: Instant) {
        self.at = Instant::NEVER;
        self.resent_at = now;
    }

    /// Whether a round trip that a timestamp measures may be believed, where SRTT is `smoothed`: it
    /// began after the last retransmission, or the ACK comes too soon after that to be its answer, so
    /// that nothing was lost but patience. Otherwise the echo may be of a copy whose acknowledgement
    /// was lost: all the time-outs until the next copy was acknowledged are in it, and as a sample it
    /// would make the next time-out longer still.
    pub(super) fn is_credible(
        &self,
        now: Instant,
        rtt: Duration,
        smoothed: Option<Duration>,
    ) -> bool {
        let resent_ago = now - self.resent_at;
        let too_soon = smoothed.is_some_and(|smoothed| resent_ago < smoothed / 2);
        rtt <= resent_ago + GRANULARITY || too_soon
    }

    /// The round trip that `ack` measures, if it answers the segment that is being timed.
    pub(super) fn end(&mut self, now: Instant, ack: SeqNum) -> Option<Duration> {
        if !self.runs() || ack.before(self.end) {
            return None;
        }
        let sent = std::mem::replace(&mut self.at, Instant::NEVER);
        Some(now - sent)
    }
}

/// A duration in half the memory that the library's takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Nanos(u64);

impl Nanos {
    /// No duration is known.
    const UNKNOWN: Self = Self(u64::MAX);

    fn of(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX - 1))
    }

    fn get(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    fn known(self) -> Option<Duration> {
        (self != Self::UNKNOWN).then(|| self.get())
    }
}
