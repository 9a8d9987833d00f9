//! What is lost, and what do we do about it? Fast retransmit and NewReno's fast recovery
//! (RFC 5681, 3.2; RFC 6582), limited transmit (RFC 3042), and going back after a time-out
//! (RFC 6298, 5).
//!
//! Recovery knows which sequence range to send again; how much may fly is the congestion
//! controller's question, which is told of what happens here.

use super::congestion::{Congestion, CongestionControl};
use crate::time::Instant;
use crate::wire::{SeqNum, SeqRange};

/// Duplicate ACKs that mean a loss (RFC 5681, 3.2).
const DUP_THRESHOLD: u32 = 3;

/// Why are segments sent again?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Nothing is known to be lost.
    Open,
    /// Three duplicate ACKs: repairing hole by hole. `partial`: a partial ACK has arrived.
    Fast { partial: bool },
    /// The timer expired: everything outstanding is sent again, in slow start.
    Timeout,
}

/// The loss recovery of one connection.
#[derive(Clone, Debug)]
pub(super) struct Recovery {
    mode: Mode,
    /// Duplicate ACKs in a row.
    dup_acks: u32,
    /// SND.NXT when the loss was noticed: the number behind RFC 6582's `recover`.
    recover: SeqNum,
    /// Bytes in flight when the first duplicate arrived: what limited transmit sends afterwards
    /// does not count for ssthresh (RFC 5681, 3.2).
    flight_before: u32,
    /// Segments that have left the network, as bytes on top of the congestion window.
    inflation: u32,
    /// What is still to be sent again.
    resend: SeqRange,
    /// Time-outs in a row without progress.
    timeouts: u32,
}

impl Recovery {
    /// Nothing is lost yet; `iss` is our initial sequence number.
    pub(super) fn new(iss: SeqNum) -> Self {
        Self {
            mode: Mode::Open,
            dup_acks: 0,
            recover: iss,
            flight_before: 0,
            inflation: 0,
            resend: SeqRange::of_len(iss, 0),
            timeouts: 0,
        }
    }

    /// What is to be sent again, if anything.
    pub(super) fn resend(&self) -> Option<SeqRange> {
        (!self.resend.is_empty()).then_some(self.resend)
    }

    /// Whether the retransmission waits for room in the congestion window: after a time-out, but
    /// not when duplicates have told of a hole (RFC 5681 3.2).
    pub(super) fn resend_waits(&self) -> bool {
        self.mode == Mode::Timeout
    }

    /// The bytes up to `end` were sent again.
    pub(super) fn resent(&mut self, end: SeqNum) {
        self.resend.start = end;
    }

    /// Bytes thought to be in the network, of `outstanding`.
    pub(super) fn pipe(&self, outstanding: u32) -> u32 {
        outstanding.saturating_sub(self.resend.len())
    }

    /// Bytes that may fly on top of the congestion window: in fast recovery the segments that
    /// have left, and one segment for each of the first two duplicates (RFC 3042).
    pub(super) fn allowance(&self, mss: u32) -> u32 {
        match self.mode {
            Mode::Fast { .. } => self.inflation,
            Mode::Open => self.dup_acks.min(DUP_THRESHOLD - 1) * mss,
            Mode::Timeout => 0,
        }
    }

    /// Whether lost data is being repaired after a fast retransmit.
    pub(super) fn in_fast_recovery(&self) -> bool {
        matches!(self.mode, Mode::Fast { .. })
    }

    /// Duplicate ACKs in a row.
    pub(super) fn dup_acks(&self) -> u32 {
        self.dup_acks
    }

    /// Time-outs in a row without progress.
    pub(super) fn timeouts(&self) -> u32 {
        self.timeouts
    }

    /// A duplicate ACK (RFC 5681, 2) with `sent` outstanding; `sacked`: it carries SACK blocks.
    /// `true` when it starts a fast retransmit.
    pub(super) fn on_duplicate(
        &mut self,
        now: Instant,
        sent: SeqRange,
        sacked: bool,
        mss: u32,
        congestion: &mut dyn CongestionControl,
    ) -> bool {
        if self.in_fast_recovery() {
            // RFC 5681 3.2, step 4: another segment has left the network.
            self.inflation = self.inflation.saturating_add(mss);
            return false;
        }
        if self.dup_acks == 0 {
            self.flight_before = sent.len();
        }
        self.dup_acks += 1;
        // RFC 6582 3.2, step 1: only when the ACK covers more than `recover`, else these are
        // echoes of what we sent twice ourselves.
        // SACK blocks tell the two apart.
        let fresh = sacked || sent.start.after(self.recover);
        if self.dup_acks != DUP_THRESHOLD || self.mode != Mode::Open || !fresh {
            return false;
        }
        self.mode = Mode::Fast { partial: false };
        self.recover = sent.end;
        self.resend = first_segment(sent, mss);
        congestion.on_congestion(now, &Congestion::Loss { flight: self.flight_before });
        self.inflation = DUP_THRESHOLD * mss;
        true
    }

    /// New data was acknowledged: `acked` bytes, `sent` is outstanding now. `true` when the
    /// retransmission timer shall start anew.
    pub(super) fn on_progress(
        &mut self,
        now: Instant,
        acked: u32,
        sent: SeqRange,
        mss: u32,
        congestion: &mut dyn CongestionControl,
    ) -> bool {
        self.dup_acks = 0;
        self.timeouts = 0;
        self.forget_before(sent.start);
        let repaired = !sent.start.before(self.recover);
        match self.mode {
            Mode::Open => true,
            Mode::Timeout => {
                if repaired {
                    self.mode = Mode::Open;
                }
                true
            }
            Mode::Fast { .. } if repaired => {
                self.mode = Mode::Open;
                self.inflation = 0;
                congestion.on_recovered(now, sent.len());
                true
            }
            Mode::Fast { partial } => {
                // RFC 6582 3.2, step 3: the next hole; deflate by what was acknowledged, add back
                // one segment; only the first partial ACK starts the timer anew.
                self.resend = first_segment(sent, mss);
                self.inflation = self.inflation.saturating_sub(acked);
                if acked >= mss {
                    self.inflation = self.inflation.saturating_add(mss);
                }
                self.mode = Mode::Fast { partial: true };
                !partial
            }
        }
    }

    /// The retransmission timer expired with `sent` outstanding (RFC 6298, 5.4; RFC 6582 3.2,
    /// step 4).
    pub(super) fn on_timeout(
        &mut self,
        now: Instant,
        sent: SeqRange,
        congestion: &mut dyn CongestionControl,
    ) {
        let timeout = Congestion::Timeout { flight: sent.len(), again: self.timeouts > 0 };
        congestion.on_congestion(now, &timeout);
        self.timeouts = self.timeouts.saturating_add(1);
        self.rewind(sent);
    }

    /// A closed window opened again: what the peer has thrown away is sent again, and nobody is
    /// to blame for it.
    pub(super) fn rewind(&mut self, sent: SeqRange) {
        self.dup_acks = 0;
        self.inflation = 0;
        self.resend = sent;
        self.recover = sent.end;
        self.mode = Mode::Timeout;
    }

    fn forget_before(&mut self, una: SeqNum) {
        if self.resend.start.before(una) {
            self.resend.start = una;
            if self.resend.end.before(una) {
                self.resend.end = una;
            }
        }
    }
}

fn first_segment(sent: SeqRange, mss: u32) -> SeqRange {
    SeqRange::of_len(sent.start, sent.len().min(mss))
}
