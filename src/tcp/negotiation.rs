//! What did both SYNs agree on?

use super::ecn::Agreement;
use super::timestamps::TimestampClock;
use crate::wire::SeqNum;

/// What both sides agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Negotiated {
    /// The peer's initial sequence number.
    pub(super) irs: SeqNum,
    /// The window of the peer's SYN, bytes (never scaled; RFC 7323 2.2).
    pub(super) send_window: u32,
    /// Payload and options that a segment to the peer may have, bytes.
    pub(super) mss: u16,
    /// The same for a segment from the peer.
    pub(super) our_mss: u16,
    /// Both scale their windows.
    pub(super) scaling: bool,
    /// Shift of the peer's windows.
    pub(super) send_shift: u8,
    /// Shift of ours.
    pub(super) receive_shift: u8,
    /// The window that our SYN offered.
    pub(super) advertised: u16,
    /// Both permit SACK.
    pub(super) sack: bool,
    /// Both send timestamps.
    pub(super) timestamps: Option<TimestampClock>,
    /// Marks of congestion.
    pub(super) ecn: Agreement,
}

impl Negotiated {
    /// The right edge of the window that our SYN offered.
    pub(super) fn edge(&self) -> SeqNum {
        self.irs + 1 + u32::from(self.advertised)
    }
}
