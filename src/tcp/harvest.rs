//! What does one acknowledgement tell of the segments that were sent?

use std::time::Duration;

use super::delivery::Stamp;
use super::rack::RoundTrips;
use super::scoreboard::Record;
use super::timestamps::Echo;
use crate::time::Instant;
use crate::wire::{SackBlocks, SeqNum, SeqRange};

/// An acknowledgement, and what is known when it arrives.
#[derive(Clone, Copy, Debug)]
pub(super) struct News<'a> {
    pub(super) now: Instant,
    /// SND.UNA before it.
    pub(super) una: SeqNum,
    /// SEG.ACK, or SND.UNA where that is newer.
    pub(super) ack: SeqNum,
    /// SND.NXT.
    pub(super) nxt: SeqNum,
    /// What it reports, none where SACK was not negotiated.
    pub(super) blocks: &'a SackBlocks,
    /// What it reports to have come twice: told by its own SEG.ACK, for it may be an old one that was
    /// overtaken (RFC 2883 5, RFC2883-5).
    pub(super) reported: Option<SeqRange>,
    /// SACK was negotiated.
    pub(super) sack: bool,
    /// A duplicate ACK (RFC 5681, 2), whatever it reports.
    pub(super) duplicate: bool,
    /// The timestamp that it echoes.
    pub(super) echo: Option<Echo>,
    /// Payload of a full-sized segment, bytes.
    pub(super) mss: u32,
    pub(super) trips: RoundTrips,
    /// New data might be sent, if only the congestion window allowed.
    pub(super) new_data: bool,
}

impl News<'_> {
    /// It acknowledges something new.
    pub(super) fn advances(&self) -> bool {
        self.ack.after(self.una)
    }
}

/// The segments of which one acknowledgement tells for the first time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Harvest {
    /// Bytes that have arrived.
    pub(super) delivered: u32,
    /// When the segment was sent that was sent last, of those whose copies can be told apart
    /// (RFC 8985, 6.2), and how many were before it.
    pub(super) newest: Option<(u64, Instant)>,
    /// The segment at whose sending most had arrived, and when that was.
    pub(super) sample: Option<(Instant, Stamp)>,
    /// Of the same: the round trip of the last in the order of numbers, of those that are acknowledged
    /// in order if there are any.
    pub(super) trip: Duration,
    /// It is of one that is.
    in_order: bool,
    /// Something that was sent once has arrived.
    pub(super) once: bool,
    /// The least round trip of segments that were sent once and have arrived in order: one that has
    /// overtaken others took another way, which is no measure of the one that the rest takes.
    pub(super) rtt: Option<Duration>,
    /// A segment of the flight that timed out, sent once only, was among them.
    pub(super) original: bool,
    /// Something is newly SACKed.
    pub(super) sacked: bool,
    /// The first segment that was outstanding was sent again, and an earlier copy is acknowledged: the
    /// echoed timestamp is that of what stood first (RFC 7323, 4.3), and says nothing of the rest.
    pub(super) answered: bool,
}

impl Harvest {
    /// `record` has arrived. `recover`: the end of the flight that timed out, or was lost.
    pub(super) fn take(&mut self, news: &News<'_>, record: &Record, recover: SeqNum) {
        self.delivered += record.range.len();
        self.original |= !record.resent && !record.range.end.after(recover);
        let rtt = news.now - record.sent_at;
        let in_order = !record.range.end.after(news.ack);
        self.once |= !record.resent;
        if !record.resent && in_order {
            self.rtt = Some(self.rtt.map_or(rtt, |least| least.min(rtt)));
        }
        if self.sample.is_none_or(|(_, stamp)| !stamp.is_newer(&record.stamp)) {
            self.sample = Some((record.sent_at, record.stamp));
        }
        // RFC 8985 6.2, step 2, RFC8985-6.2-1: what was sent twice counts only where it is plain
        // that the last copy is answered.
        let earlier_copy = news.echo.is_some_and(|echo| echo.is_before(record.sent_at));
        let too_quick = news.trips.min.is_some_and(|least| rtt < least);
        if record.resent && (earlier_copy || too_quick) {
            return;
        }
        if in_order || !self.in_order {
            (self.trip, self.in_order) = (rtt, in_order);
        }
        self.newest = self.newest.max(Some((record.nth, record.sent_at)));
    }
}
