//! Which segments have had time enough to arrive (RFC 8985 6.2, step 5)?

use std::time::Duration;

use super::{Fate, Record, Scoreboard, sent_after};
use crate::time::Instant;
use crate::wire::SeqNum;

/// By what time a segment must have arrived (RFC 8985 6.2, step 5).
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Overdue {
    /// When the segment was sent that was delivered and was sent last, and its end.
    pub(in super::super) sent_at: Instant,
    pub(in super::super) end: SeqNum,
    /// How long the others have.
    pub(in super::super) patience: Duration,
}

/// What became of the next segment that may be overdue.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Judged {
    /// It is lost now.
    Lost(Record),
    /// It has time until then.
    Waits,
    /// There is none.
    None,
}

impl Scoreboard {
    /// The next segment that may be overdue, and was not judged yet: first those that were sent
    /// once, then those that were sent again, both in the order of their sending.
    pub(in super::super) fn judge(&mut self, now: Instant, overdue: &Overdue) -> Judged {
        match self.judge_original(now, overdue) {
            Judged::Lost(record) => Judged::Lost(record),
            waits => match (self.judge_resend(now, overdue), waits) {
                (Judged::None, waits) => waits,
                (judged, _) => judged,
            },
        }
    }

    fn judge_original(&mut self, now: Instant, overdue: &Overdue) -> Judged {
        let mut index = self.index_of(self.judged);
        let judged = loop {
            let Some(record) = self.records.get(index) else { break Judged::None };
            if record.fate == Fate::Flying && !record.resent {
                match verdict(record, now, overdue) {
                    Judged::Lost(record) => {
                        self.lose(index);
                        index += 1;
                        break Judged::Lost(record);
                    }
                    other => break other,
                }
            }
            index += if record.fate == Fate::Sacked { record.skip as usize } else { 1 };
        };
        if let Some(record) = self.records.get(index).or(self.records.back()) {
            let all = index >= self.records.len();
            self.judged = if all { record.range.end } else { record.range.start };
        }
        judged
    }

    fn judge_resend(&mut self, now: Instant, overdue: &Overdue) -> Judged {
        while let Some(&(sent_at, start)) = self.resends.front() {
            let index = self.index_of(start);
            let current = self.records.get(index).filter(|record| {
                record.range.start == start
                    && record.sent_at == sent_at
                    && record.fate == Fate::Flying
            });
            let judged = current.map(|record| verdict(record, now, overdue));
            match judged {
                None => {}
                Some(Judged::Lost(_)) => self.lose(index),
                Some(other) => return other,
            }
            self.resends.pop_front();
            if let Some(lost) = judged {
                return lost;
            }
        }
        Judged::None
    }
}

fn verdict(record: &Record, now: Instant, overdue: &Overdue) -> Judged {
    let record_sent = (record.sent_at, record.range.end);
    if !sent_after((overdue.sent_at, overdue.end), record_sent) {
        Judged::None
    } else if (record.sent_at + overdue.patience).is_due(now) {
        Judged::Lost(*record)
    } else {
        Judged::Waits
    }
}
