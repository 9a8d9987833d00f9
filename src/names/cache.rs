//! Was it asked before? Answers for as long as they hold (RFC 1034 3.6, RFC 2181 8).

use std::collections::HashMap;
use std::time::Duration;

use super::domain::DomainName;
use super::message::{Answer, RecordType};
use crate::time::Instant;

/// Answers that are remembered.
const MOST: usize = 1024;
/// For how long at most, whatever a server says: a day.
const LONGEST: Duration = Duration::from_secs(86_400);

#[derive(Debug, Default)]
pub(super) struct Cache {
    entries: HashMap<(DomainName, RecordType), (Instant, Answer)>,
}

impl Cache {
    pub(super) fn get(&self, now: Instant, name: &DomainName, kind: RecordType) -> Option<Answer> {
        let (until, answer) = self.entries.get(&(name.clone(), kind))?;
        (!until.is_due(now)).then(|| answer.clone())
    }

    pub(super) fn insert(
        &mut self,
        now: Instant,
        asked: (DomainName, RecordType),
        answer: &Answer,
    ) {
        // RFC 2181 8: a time with the highest bit set is none.
        if answer.ttl == 0 || answer.ttl > i32::MAX as u32 {
            return;
        }
        if self.entries.len() >= MOST {
            self.entries.retain(|_, (until, _)| !until.is_due(now));
        }
        if self.entries.len() >= MOST {
            let soonest = self.entries.iter().min_by_key(|(_, (until, _))| *until);
            let soonest = soonest.map(|(asked, _)| asked.clone());
            soonest.and_then(|asked| self.entries.remove(&asked));
        }
        let until = now + Duration::from_secs(answer.ttl.into()).min(LONGEST);
        self.entries.insert(asked, (until, answer.clone()));
    }
}
