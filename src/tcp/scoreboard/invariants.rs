//! What must hold of the scoreboard.

use std::collections::BTreeSet;

use super::{Fate, Scoreboard};
use crate::wire::SeqRange;

impl Scoreboard {
    /// What must hold after every step.
    pub(in super::super) fn check_invariants(&self, sent: SeqRange) {
        let (mut pipe, mut sacked, mut lost, mut segments) = (0, 0, 0, 0);
        let (mut places, mut resends, mut together) = (0, 0, 0);
        let mut next = sent.start;
        for (index, record) in self.records.iter().enumerate() {
            assert_eq!(record.range.start, next, "a gap between records");
            next = record.range.end;
            let (len, position) = (record.range.len(), self.position(index));
            pipe += len * u32::from(record.copies);
            together += record.more();
            record.check_invariants(position >= self.together_from);
            match record.fate {
                Fate::Sacked => {
                    (sacked, segments) = (sacked + len, segments + 1);
                    let run = self.records.range(index..index + record.skip as usize);
                    assert!(run.into_iter().all(|record| record.fate == Fate::Sacked), "skip");
                }
                Fate::Lost => {
                    (lost, places) = (lost + len, places + 1);
                    assert!(self.lost.contains(&position), "lost without a place");
                }
                Fate::Flying => {
                    assert!(record.copies > 0, "nothing of it flies");
                    let listed = self.resends.contains(&(record.nth, position));
                    assert_eq!(listed, record.resent, "sent again without a place");
                    resends += usize::from(listed);
                }
            }
        }
        assert_eq!(next, sent.end, "the records do not cover what is outstanding");
        assert_eq!((pipe, sacked, lost), (self.pipe, self.sacked, self.lost_bytes), "sums");
        assert_eq!(segments, self.sacked_segments, "segments");
        assert_eq!(together, self.together, "segments that share a record");
        assert_eq!((places, resends), (self.lost.len(), self.resends.len()), "stale places");
        let resent: BTreeSet<u64> = self.resends.iter().map(|&(_, position)| position).collect();
        assert!(self.missed.is_subset(&resent), "missed, and not sent again");
    }
}
