//! Keys, what they stand for, and until when.

use std::collections::{BTreeSet, HashMap};

use tuntcp::time::Instant;

use super::Bytes;
use super::reply::{Refusal, WRONG_TYPE};
use super::value::{Collection, Value, weight};

/// Bytes of memory that all of it may take, about; what would add to that is refused.
pub(super) const MAX_MEMORY: usize = 64 << 20;

/// The store of one server.
#[derive(Default)]
pub(super) struct Store {
    entries: HashMap<Bytes, Entry>,
    /// Until when those keys stay that do not stay for ever.
    deadlines: BTreeSet<(Instant, Bytes)>,
    /// Bytes of memory that the keys and values take, about.
    memory: usize,
}

struct Entry {
    value: Value,
    /// `NEVER` if it stays for ever.
    expires: Instant,
}

impl Store {
    /// Drops all keys whose time has come: nothing else here has to know about time.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some((deadline, key)) = self.deadlines.first()
            && deadline.is_due(now)
        {
            let key = key.clone();
            self.remove(&key);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Keys that do not stay for ever.
    pub(super) fn expiring(&self) -> usize {
        self.deadlines.len()
    }

    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = (&Bytes, &Value)> {
        self.entries.iter().map(|(key, entry)| (key, &entry.value))
    }

    pub(super) fn get(&self, key: &Bytes) -> Option<&Value> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// The string at `key`, if there is anything.
    pub(super) fn string(&self, key: &Bytes) -> Result<Option<Bytes>, Refusal> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(string)) => Ok(Some(string.clone())),
            Some(_) => Err(WRONG_TYPE),
        }
    }

    /// Puts a string at `key`, whatever was there, until `expires`.
    pub(super) fn put(&mut self, key: &Bytes, string: Bytes, expires: Instant) {
        self.remove(key);
        let value = Value::String(string);
        self.memory += weight(key) + value.weight();
        self.entries.insert(key.clone(), Entry { value, expires: Instant::NEVER });
        self.set_expires(key, expires);
    }

    /// Whether there was anything.
    pub(super) fn remove(&mut self, key: &Bytes) -> bool {
        let Some((key, entry)) = self.entries.remove_entry(key) else { return false };
        self.memory -= weight(&key) + entry.value.weight();
        if !entry.expires.is_never() {
            self.deadlines.remove(&(entry.expires, key));
        }
        true
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Until when `key` stays, if it is there.
    pub(super) fn expires(&self, key: &Bytes) -> Option<Instant> {
        self.entries.get(key).map(|entry| entry.expires)
    }

    /// Lets `key` stay until `expires`; whether it is there.
    pub(super) fn set_expires(&mut self, key: &Bytes, expires: Instant) -> bool {
        let Some(entry) = self.entries.get_mut(key) else { return false };
        let before = std::mem::replace(&mut entry.expires, expires);
        self.deadlines.remove(&(before, key.clone()));
        if !expires.is_never() {
            self.deadlines.insert((expires, key.clone()));
        }
        true
    }

    /// What `look` finds in the collection at `key`; in an empty one if there is none.
    pub(super) fn look<C: Collection, R>(
        &self,
        key: &Bytes,
        look: impl FnOnce(&C) -> R,
    ) -> Result<R, Refusal> {
        match self.get(key) {
            None => Ok(look(&C::default())),
            Some(value) => Ok(look(C::of(value).ok_or(WRONG_TYPE)?)),
        }
    }

    /// Changes the collection at `key`, which is made if there is none, and goes when it is empty.
    pub(super) fn change<C: Collection, R>(
        &mut self,
        key: &Bytes,
        change: impl FnOnce(&mut C) -> R,
    ) -> Result<R, Refusal> {
        let memory = &mut self.memory;
        let entry = self.entries.entry(key.clone()).or_insert_with(|| {
            *memory += weight(key);
            Entry { value: C::default().into_value(), expires: Instant::NEVER }
        });
        let before = entry.value.weight();
        let collection = C::of_mut(&mut entry.value).ok_or(WRONG_TYPE)?;
        let outcome = change(collection);
        let is_empty = collection.len() == 0;
        self.memory = self.memory - before + entry.value.weight();
        if is_empty {
            self.remove(key);
        }
        Ok(outcome)
    }
}
