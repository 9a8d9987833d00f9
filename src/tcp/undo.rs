//! Was it all a mistake? A window was reduced because something seemed lost, and then it turns out
//! that nothing was: it had been late, or we had been hasty. Three ways to know:
//!
//! * Eifel detection (RFC 3522): the ACK echoes a timestamp from before the first retransmission,
//!   so it answers the original.
//! * D-SACK (RFC 2883, RFC 3708): every retransmission has arrived a second time.
//! * F-RTO (RFC 5682): what was never sent again is acknowledged after a time-out; that is told by
//!   `recovery`, which knows what it sends.

use super::timestamps::Echo;
use crate::time::Instant;
use crate::wire::{SeqNum, SeqRange};

/// What is known of the retransmissions of one reduction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Undo {
    /// SND.UNA when the window was reduced; nothing to be undone without it.
    from: Option<SeqNum>,
    /// The repair is done; once this is acknowledged, too, nothing more will be learnt.
    until: Option<SeqNum>,
    /// When the first retransmission left.
    resent_at: Option<Instant>,
    /// Retransmissions of which no D-SACK has told.
    doubtful: u32,
}

impl Undo {
    /// The window is reduced.
    pub(super) fn begin(&mut self, una: SeqNum) {
        *self = Self { from: Some(una), ..Self::default() };
    }

    /// Nothing can be undone any more: the loss was real, or it is undone.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Something is sent again.
    pub(super) fn resent(&mut self, now: Instant) {
        if self.from.is_some() {
            self.resent_at.get_or_insert(now);
            self.doubtful += 1;
        }
    }

    /// The repair is done; `nxt` was not acknowledged yet.
    pub(super) fn recovered(&mut self, nxt: SeqNum) {
        self.until = self.from.map(|_| nxt);
    }

    /// `una` is acknowledged.
    pub(super) fn acknowledged(&mut self, una: SeqNum) {
        if self.until.is_some_and(|until| una.after(until)) {
            self.clear();
        }
    }

    /// The peer reports `range`, segments of `mss` bytes, as a duplicate. Whether every
    /// retransmission was one.
    pub(super) fn duplicated(&mut self, range: SeqRange, mss: u32) -> bool {
        let ours = self.from.is_some_and(|from| !range.start.before(from));
        if !ours || self.doubtful == 0 {
            return false;
        }
        self.doubtful = self.doubtful.saturating_sub(range.len().div_ceil(mss));
        self.doubtful == 0
    }

    /// Whether `echo`, on an ACK that acknowledges something new, answers an original (RFC 3522,
    /// 3.2, steps 4 and 5).
    pub(super) fn is_answered(&self, echo: Option<Echo>) -> bool {
        let resent_at = self.from.and(self.resent_at);
        echo.zip(resent_at).is_some_and(|(echo, resent_at)| echo.is_before(resent_at))
    }

    /// Whether something may still be learnt.
    pub(super) fn is_open(&self) -> bool {
        self.from.is_some()
    }
}
