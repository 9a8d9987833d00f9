//! Timestamps: our clock, the peer's last one, and whether a segment is a ghost (RFC 7323, 3 to 5).

use std::time::Duration;

use crate::time::Instant;
use crate::wire::{SeqNum, Timestamps};

/// RFC 7323 5.5: after so long, 24 days, the last timestamp says nothing any more.
const OUTDATED: u32 = ((24 * 24 * 3600 * 1_000_000_000_u64) >> MOMENT) as u32;

/// Nanoseconds of a moment, as a power of two: a little more than a second.
const MOMENT: u32 = 30;

/// The timestamp state of a connection that negotiated them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimestampClock {
    /// What our clock shows beyond the time since the host started (RFC 7323, 7.1).
    offset: u32,
    /// TS.Recent: what we echo.
    recent: u32,
    /// When `recent` was taken, in whole [`moments`]: what it is for counts days.
    recent_at: u32,
}

impl TimestampClock {
    /// The peer's SYN has brought `recent`.
    pub(super) fn new(offset: u32, recent: u32, now: Instant) -> Self {
        Self { offset, recent, recent_at: moments(now) }
    }

    /// The option to send now.
    pub(super) fn option(&self, now: Instant) -> Timestamps {
        Timestamps { value: clock(self.offset, now), echo: self.recent }
    }

    /// TS.Recent.
    pub(super) fn recent(&self) -> u32 {
        self.recent
    }

    /// RFC 7323 5.3, R1 (PAWS): whether `value` is older than the last one seen.
    pub(super) fn is_old(&self, now: Instant, value: u32) -> bool {
        SeqNum::new(value).before(SeqNum::new(self.recent))
            && moments(now).saturating_sub(self.recent_at) < OUTDATED
    }

    /// RFC 7323 4.3: takes the timestamp of a segment at `seq`, if it is not younger than what we
    /// have acknowledged; so a delayed ACK echoes the earliest, a filled gap the filler.
    pub(super) fn take(&mut self, now: Instant, value: u32, seq: SeqNum, last_ack_sent: SeqNum) {
        let not_old = !self.is_old(now, value);
        if not_old && !seq.after(last_ack_sent) {
            self.recent = value;
            self.recent_at = moments(now);
        }
    }

    /// `echo` as what it says of time.
    pub(super) fn echo(&self, value: u32) -> Echo {
        Echo { offset: self.offset, value }
    }

    /// The round trip that an echo of our clock measures (RFC 7323, 4.1), unless it is absurd.
    pub(super) fn round_trip(&self, now: Instant, echo: u32) -> Option<Duration> {
        let millis = clock(self.offset, now).wrapping_sub(echo);
        (millis < 1 << 24).then(|| Duration::from_millis(u64::from(millis)))
    }
}

/// Moments since the host started, for 146 years.
fn moments(now: Instant) -> u32 {
    u32::try_from(now.as_nanos() >> MOMENT).unwrap_or(u32::MAX)
}

/// Our timestamp clock: a tick a millisecond (RFC 7323, 5.4).
pub(super) fn clock(offset: u32, now: Instant) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "the clock wraps")]
    let millis = (now.as_nanos() / 1_000_000) as u32;
    millis.wrapping_add(offset)
}

/// A timestamp of ours that an acknowledgement has brought back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Echo {
    offset: u32,
    value: u32,
}

impl Echo {
    /// Whether it was sent before `at`, as far as the clock's ticks tell.
    pub(super) fn is_before(&self, at: Instant) -> bool {
        SeqNum::new(self.value).before(SeqNum::new(clock(self.offset, at)))
    }
}
