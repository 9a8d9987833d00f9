//! Which segments have had time enough to arrive (RFC 8985 6.2, step 5)?

use std::time::Duration;

use super::{Fate, Record, Scoreboard, touch};
use crate::time::Instant;

/// By what time a segment must have arrived (RFC 8985 6.2, step 5).
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Overdue {
    /// How many were sent before the segment that was sent last of those delivered.
    pub(in super::super) nth: u64,
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
            touch();
            let Some(record) = self.records.get(index) else { break Judged::None };
            if record.fate == Fate::Flying && !record.resent {
                match verdict(record, now, overdue) {
                    Judged::Lost(_) if record.segments > 1 => {
                        let first = record.range.start;
                        self.part();
                        index = self.index_of(first);
                        continue;
                    }
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
        let Some(&(_, position)) = self.resends.first() else { return Judged::None };
        touch();
        let index = self.index_at(position);
        let judged = verdict(&self.records[index], now, overdue);
        if let Judged::Lost(_) = judged {
            self.lose(index);
        }
        judged
    }
}

/// Of several segments, on the first.
fn verdict(record: &Record, now: Instant, overdue: &Overdue) -> Judged {
    if record.first_nth() >= overdue.nth {
        Judged::None
    } else if (record.sent_at + overdue.patience).is_due(now) {
        Judged::Lost(*record)
    } else {
        Judged::Waits
    }
}
