//! Which segments are lost by now? With SACK those that RACK finds too late; without, those that
//! duplicate and partial acknowledgements tell of.

use super::congestion::CongestionControl;
use super::flight::Flight;
use super::harvest::News;
use super::rack::{DUP_THRESHOLD, RoundTrips};
use super::recovery::Recovery;
use super::scoreboard::{Judged, Record};
use crate::time::Instant;

impl Recovery {
    /// What is lost by now.
    pub(super) fn find_losses(
        &mut self,
        flight: &mut Flight,
        news: &News<'_>,
        congestion: &mut dyn CongestionControl,
    ) -> Losses {
        if news.sack {
            return self.judge_lateness(flight, news.now, &news.trips, congestion);
        }
        if flight.misses_first(news, self.recover) {
            let lost = flight.board.lose_first();
            return self.tell_lost(flight, news.now, lost.as_slice(), congestion);
        }
        Losses::default()
    }

    /// Whom RACK finds too late (RFC 8985 6.2, step 5), now or when its timer expires.
    pub(super) fn judge_lateness(
        &mut self,
        flight: &mut Flight,
        now: Instant,
        trips: &RoundTrips,
        congestion: &mut dyn CongestionControl,
    ) -> Losses {
        let many = flight.board.sacked_segments() >= DUP_THRESHOLD;
        let window = self.reordering.window(flight.mode.repairs() || many, trips);
        let overdue = flight.rack.overdue(window);
        let mut losses = Losses::default();
        flight.reorder_at = loop {
            match flight.board.judge(now, &overdue) {
                Judged::Lost(record) => {
                    losses.add(&record);
                    flight.tell_lost(now, &record, congestion);
                }
                Judged::Waits => break flight.rack.deadline(window),
                Judged::None => break Instant::NEVER,
            }
        };
        self.tally.count_lost(losses.segments);
        losses
    }

    /// The controller, and the books, learn of what is `lost` now.
    pub(super) fn tell_lost(
        &mut self,
        flight: &mut Flight,
        now: Instant,
        lost: &[Record],
        congestion: &mut dyn CongestionControl,
    ) -> Losses {
        let mut losses = Losses::default();
        for record in lost {
            losses.add(record);
            flight.tell_lost(now, record, congestion);
        }
        self.tally.count_lost(losses.segments);
        losses
    }
}

impl Flight {
    /// The same losses, but none where nothing is lost but the probe of the path MTU, which tells of
    /// no congestion (RFC 4821 7.6.2, RFC4821-7.6.2; RFC 8899 3, RFC8899-3-c). It is sent again all the
    /// same, in segments that fit.
    pub(super) fn without_mtu_probe(&mut self, losses: Losses) -> Losses {
        let Some(probe) = self.mtu_probe.filter(|_| losses.bytes > 0) else { return losses };
        let only = self.board.lost() == probe.len();
        if only && self.board.next_lost(probe.len()) == Some(probe) {
            self.mtu_probe = None;
            return Losses::default();
        }
        losses
    }
}

/// What is newly lost.
#[derive(Default)]
pub(super) struct Losses {
    pub(super) bytes: u32,
    pub(super) segments: u32,
    /// Retransmissions among them.
    pub(super) again: bool,
}

impl Losses {
    pub(super) fn add(&mut self, record: &Record) {
        self.bytes += record.range.len();
        self.segments += 1;
        self.again |= record.resent;
    }
}
