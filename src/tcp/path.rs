//! How large a packet does the path take? Path MTU discovery (RFC 1191, RFC 8201), and what of it is
//! believed (RFC 5927, 7). What is known of a path belongs to all who use it, so the caller keeps it; it
//! comes back as `Limits::mtu`.

use super::connection::{Connection, Phase};
use super::tcb::Tcb;
use crate::time::Instant;
use crate::wire::SeqNum;
use crate::wire::ip::LEAST_MTU_V6;

/// MTUs of links that were in use: what to try when a router does not tell (RFC 1191, 7.1).
const PLATEAUS: [u16; 10] = [32_000, 17_914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68];

impl Connection {
    /// A router says that it has dropped a packet of ours, `len` bytes with `seq`, for it does not
    /// fit into the link ahead, which takes `mtu` bytes (0: that it does not say). The path MTU
    /// that follows, if it is believed: of what is outstanding (RFC 5927, 4.1), and was too long;
    /// if it is less than what we reckon with (RFC 1191, 3: such a message never raises it), and
    /// not below `Config::min_path_mtu`. Every link of IPv6 takes 1,280 bytes: who tells of less is
    /// not believed at all (RFC 8201, 4).
    #[must_use]
    pub fn on_too_big(&self, seq: SeqNum, len: u16, mtu: u16) -> Option<usize> {
        let Phase::Open(tcb) = &self.phase else { return None };
        if tcb.is_v6() && mtu < LEAST_MTU_V6 {
            return None;
        }
        let told = if mtu == 0 {
            let tried = u32::from(len).min(tcb.path_mtu);
            *PLATEAUS.iter().find(|&&plateau| u32::from(plateau) < tried)?
        } else {
            mtu
        };
        let mtu = told.max(tcb.config.min_path_mtu);
        let news = u32::from(mtu) < tcb.path_mtu && mtu < len;
        (news && tcb.sent().contains(seq)).then_some(usize::from(mtu))
    }
}

impl Tcb {
    /// The path takes packets of `mtu` bytes. If that is less than before, what is outstanding may
    /// have been too large: it is sent again at once, in smaller segments, and nobody has been told
    /// of congestion (RFC 1191, 6.4). Once, however many packets were dropped.
    pub(super) fn note_path(&mut self, now: Instant, mtu: usize) {
        let mtu = u32::try_from(mtu).unwrap_or(u32::MAX);
        if mtu == self.path_mtu {
            return;
        }
        let narrower = mtu < self.packet_size();
        self.path_mtu = mtu;
        self.congestion.on_mss(self.mss());
        if narrower && self.snd.outstanding() > self.mss() && !self.snd.window_closed() {
            let sent = self.sent();
            self.recovery.rewind(sent);
            self.recovery.stop_timing(now);
            self.arm_retransmit(now);
        }
    }
}
