//! Was it all a mistake? A window was reduced because something seemed lost, and then it turns out
//! that nothing was: it had been late, or we had been hasty. Three ways to know:
//!
//! * Eifel detection (RFC 3522): the ACK echoes a timestamp from before the first retransmission,
//!   so it answers the original.
//! * D-SACK (RFC 2883, RFC 3708): every retransmission has arrived a second time.
//! * F-RTO (RFC 5682): what was never sent again is acknowledged after a time-out.

use super::congestion::CongestionControl;
use super::flight::{Flight, Frto, Mode};
use super::harvest::{Harvest, News};
use super::recovery::Recovery;
use super::timestamps::Echo;
use crate::time::Instant;
use crate::wire::{SeqNum, SeqRange};

/// What is known of the retransmissions of one reduction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Undo {
    /// The window was reduced: nothing to be undone without that.
    reduced: bool,
    /// Why: something that was sent later had arrived.
    overtaken: bool,
    /// The repair is done; once this is acknowledged, too, nothing more will be learnt.
    until: Option<SeqNum>,
    /// When the first retransmission left.
    resent_at: Option<Instant>,
    /// What was sent again lies in here: what else comes twice the network has doubled (RFC 3708).
    span: Option<SeqRange>,
    /// Bytes sent again of which no D-SACK has told. Not segments: one retransmission may stand for
    /// several originals, whose D-SACKs come one by one.
    doubtful: u32,
}

impl Undo {
    /// The window is reduced, by a time-out or because something was overtaken.
    pub(super) fn begin(&mut self, overtaken: bool) {
        *self = Self { reduced: true, overtaken, ..Self::default() };
    }

    /// Nothing can be undone any more: the loss was real, or it is undone.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// `range` is sent again. What comes after the repair is not part of it.
    pub(super) fn resent(&mut self, now: Instant, range: SeqRange) {
        if self.reduced && self.until.is_none() {
            self.resent_at.get_or_insert(now);
            self.doubtful = self.doubtful.saturating_add(range.len());
            let span = self.span.get_or_insert(range);
            (span.start, span.end) = (span.start.earlier(range.start), span.end.later(range.end));
        }
    }

    /// The repair is done; `nxt` was not acknowledged yet.
    pub(super) fn recovered(&mut self, nxt: SeqNum) {
        self.until = self.reduced.then_some(nxt);
    }

    /// `una` is acknowledged.
    pub(super) fn acknowledged(&mut self, una: SeqNum) {
        if self.until.is_some_and(|until| una.after(until)) {
            self.clear();
        }
    }

    /// The peer reports `range` as a duplicate. Whether every retransmission was one.
    pub(super) fn duplicated(&mut self, range: SeqRange) -> bool {
        let ours = self
            .span
            .is_some_and(|span| !range.start.before(span.start) && !range.end.after(span.end));
        if !ours || self.doubtful == 0 {
            return false;
        }
        self.doubtful = self.doubtful.saturating_sub(range.len());
        self.doubtful == 0
    }

    /// Whether `echo`, on an ACK that acknowledges something new, answers an original (RFC 3522,
    /// 3.2, steps 4 and 5).
    pub(super) fn is_answered(&self, echo: Option<Echo>) -> bool {
        echo.zip(self.resent_at).is_some_and(|(echo, resent_at)| echo.is_before(resent_at))
    }

    /// Whether something may still be learnt.
    pub(super) fn is_open(&self) -> bool {
        self.reduced
    }
}

impl Recovery {
    /// Whether a reduction was a mistake, and is taken back (RFC 3522 3.2; RFC 5682 2.1,
    /// RFC5682-2.1-3).
    pub(super) fn judge_mistake(
        &mut self,
        flight: &mut Flight,
        news: &News<'_>,
        harvest: &Harvest,
        congestion: &mut dyn CongestionControl,
    ) -> bool {
        let needless = news.reported.is_some_and(|range| flight.undo.duplicated(range));
        let answered = harvest.answered && flight.undo.is_answered(news.echo);
        let hasty = self.judge_timeout(flight, news, harvest);
        if !(needless || answered || hasty) {
            return false;
        }
        // What came late was overtaken; behind a time-out all of it was late.
        self.reordering.seen |= flight.undo.overtaken;
        flight.board.find_lost();
        flight.end_repair();
        flight.undo.clear();
        flight.reorder_at = Instant::NEVER;
        let tally = self.tally.troubles_mut();
        tally.undone = tally.undone.saturating_add(1);
        // RFC 5682 4, RFC5682-4: the controller knows what it was before.
        congestion.on_spurious(news.now);
        true
    }

    /// F-RTO with SACK (RFC 5682 3.1, RFC5682-3.1) and without (2.1): whether the time-out was a
    /// mistake.
    fn judge_timeout(&self, flight: &mut Flight, news: &News<'_>, harvest: &Harvest) -> bool {
        let Mode::Timeout { frto } = &mut flight.mode else { return false };
        // Of what was sent again first nothing may be left.
        let covered = flight.board.first().is_some_and(|first| !first.resent);
        // Where all of it is acknowledged nothing can be told.
        let short = news.ack.before(self.recover);
        match *frto {
            Frto::Off => {}
            // What was not sent again has arrived. As in Linux, before new data is sent, too.
            Frto::First | Frto::Second { .. } if news.sack && short && harvest.original => {
                return true;
            }
            // RFC 5682 2.1, step 2b, RFC5682-2.1-2: something new is sent, if there is something.
            Frto::First if news.advances() && short && covered && news.new_data => {
                *frto = Frto::Second { sent: news.nxt }
            }
            Frto::Second { sent } if news.advances() && !news.sack && news.nxt.after(sent) => {
                return true;
            }
            Frto::First | Frto::Second { .. } => {
                if news.advances() || harvest.sacked || news.duplicate {
                    // RFC 5682 2.1, step 3a: behind two new segments one that was lost.
                    flight.first_due |= matches!(*frto, Frto::Second { .. });
                    *frto = Frto::Off;
                }
            }
        }
        false
    }
}
