//! Was that the peer? Somebody who sees nothing of a connection may guess its addresses and ports,
//! and a number that lies in a window (RFC 5961). Segments that would end a connection, and are not
//! exact, are answered by a challenge ACK: the peer, if it was the peer, then sends an exact one.

use crate::time::Instant;
use crate::wire::SeqNum;

/// Milliseconds.
const SECOND: u32 = 1_000;

/// The challenge ACKs of one connection in the second that began then (RFC 5961, 7).
///
/// A count for each connection, and none for the host: what somebody provokes on a connection of
/// his own tells him nothing of what he has provoked on another's (CVE-2016-5696 read a count that
/// all shared). Who sees the answers of a connection sees all of it anyway, so there is nothing that
/// a limit chosen at random would hide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Challenges {
    /// Milliseconds, of which it wraps.
    since: u32,
    count: u32,
}

impl Challenges {
    /// None was sent.
    pub(super) const fn new(now: Instant) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "it wraps")]
        let since = (now.as_nanos() / 1_000_000) as u32;
        Self { since, count: 0 }
    }

    /// Whether one more may be sent now, of `most` a second.
    pub(super) fn spend(&mut self, now: Instant, most: u32) -> bool {
        let fresh = Self::new(now);
        if fresh.since.wrapping_sub(self.since) >= SECOND {
            *self = fresh;
        }
        let may = self.count < most;
        self.count += u32::from(may);
        may
    }
}

/// What is to be done about a RST, or a SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It ends the connection.
    Ends,
    /// It is answered, and forgotten.
    Challenge,
    /// It is forgotten.
    Ignore,
}

/// RFC 5961 3.2 (`secure`): only a RST at exactly RCV.NXT resets, one inside of the window is
/// challenged, any other is dropped without a word. RFC 9293 3.5.3: any in the window resets,
/// from RCV.NXT on and before its edge; one at RCV.NXT does when it is closed, too (MUST-66).
pub(super) fn judge_reset(seq: SeqNum, nxt: SeqNum, edge: SeqNum, secure: bool) -> Verdict {
    let inside = !seq.before(nxt) && seq.before(edge);
    if seq == nxt || inside && !secure {
        Verdict::Ends
    } else if inside {
        Verdict::Challenge
    } else {
        Verdict::Ignore
    }
}

/// RFC 5961 4.2 (`secure`): a SYN on a synchronised connection is challenged, whatever its number.
/// RFC 793, page 71: one in the window is an error, which resets the connection; any other is
/// answered like all that is unacceptable.
pub(super) fn judge_syn(seq: SeqNum, nxt: SeqNum, edge: SeqNum, secure: bool) -> Verdict {
    let inside = !seq.before(nxt) && seq.before(edge);
    if inside && !secure { Verdict::Ends } else { Verdict::Challenge }
}
