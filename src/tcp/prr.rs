//! How much may fly while the window shrinks? Proportional rate reduction: for what arrives a share
//! is sent, so that the flight has come down to the new window when the repair is done, and no ACK
//! releases a burst (RFC 9937, which replaces RFC 6937).
//!
//! ```text
//!  flight |*                    RecoverFS bytes fly at first,
//!         |  *  *               for each byte that arrives ssthresh / RecoverFS bytes are sent,
//!         |        *  *  *  *   and ssthresh bytes fly in the end
//!         +-----------------
//! ```

/// The reduction of one recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prr {
    /// Bytes in flight before (`RecoverFS`).
    recover_fs: u32,
    /// Bytes that have arrived since (`prr_delivered`).
    delivered: u32,
    /// Bytes sent since (`prr_out`).
    out: u32,
    /// What may be in flight now.
    window: u32,
}

/// What an acknowledgement means for the reduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    /// Bytes that it newly tells to have arrived (`DeliveredData`; RFC6937-3-c).
    pub(super) delivered: u32,
    /// Bytes in flight after it.
    pub(super) pipe: u32,
    /// It acknowledges in order and tells of no further loss (`SafeACK`).
    pub(super) safe: bool,
}

impl Prr {
    /// A recovery begins with `flight` bytes: those outstanding, without what was SACKed before the
    /// acknowledgement that starts it, with what this one has acknowledged (RFC 9937 6.2,
    /// RFC9937-b).
    pub(super) fn new(flight: u32) -> Self {
        Self { recover_fs: flight.max(1), delivered: 0, out: 0, window: 0 }
    }

    /// What may be in flight.
    pub(super) fn window(&self) -> u32 {
        self.window
    }

    /// `bytes` are sent.
    pub(super) fn sent(&mut self, bytes: u32) {
        self.out = self.out.saturating_add(bytes);
    }

    /// An acknowledgement has arrived; the flight shall come down to `ssthresh`, or up to it
    /// (RFC6937-4-d).
    pub(super) fn on_ack(&mut self, arrival: &Arrival, ssthresh: u32, mss: u32) {
        let Arrival { delivered, pipe, safe } = *arrival;
        let first = self.delivered == 0 && self.out == 0;
        if delivered == 0 && !first {
            return;
        }
        self.delivered = self.delivered.saturating_add(delivered);
        let share = if pipe > ssthresh {
            // RFC6937-3-a: in proportion.
            let whole = u64::from(self.delivered) * u64::from(ssthresh);
            let due = whole.div_ceil(u64::from(self.recover_fs));
            u32::try_from(due).unwrap_or(u32::MAX).saturating_sub(self.out)
        } else {
            // RFC9937-a, RFC6937-3-b: no more than arrives, one segment more while all goes well.
            let bound = self.delivered.saturating_sub(self.out).max(delivered);
            let bound = bound.saturating_add(if safe { mss } else { 0 });
            bound.min(ssthresh - pipe)
        };
        // RFC9937-c: the fast retransmit goes out in any case.
        let share = if self.out == 0 { share.max(mss) } else { share };
        self.window = pipe.saturating_add(share);
    }

    /// Losses were noticed though nothing arrived: one segment may leave, no burst.
    pub(super) fn on_timer(&mut self, pipe: u32, mss: u32) {
        self.window = pipe.saturating_add(mss);
    }
}
