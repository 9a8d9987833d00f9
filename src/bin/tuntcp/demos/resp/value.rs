//! What the store keeps: strings, and lists, sets and tables of them, each of which knows at any time
//! how much memory it takes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Bytes;

/// About what a string takes besides its bytes, wherever it is kept.
const STRING: usize = 64;

/// About how much memory a string takes.
pub(super) fn weight(string: &Bytes) -> usize {
    STRING + string.len()
}

/// What a key stands for.
pub(super) enum Value {
    String(Bytes),
    List(List),
    Set(Set),
    Hash(Hash),
}

impl Value {
    /// Its type, as the protocol calls it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::String(_) => "string",
            Self::List(_) => "list",
            Self::Set(_) => "set",
            Self::Hash(_) => "hash",
        }
    }

    pub(super) fn weight(&self) -> usize {
        match self {
            Self::String(string) => weight(string),
            Self::List(list) => list.weight,
            Self::Set(set) => set.weight,
            Self::Hash(hash) => hash.weight,
        }
    }
}

/// A kind of collection, which begins with its first element and ends with its last.
pub(super) trait Collection: Default {
    fn of(value: &Value) -> Option<&Self>;
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
    fn into_value(self) -> Value;
    fn len(&self) -> usize;
}

/// An end of a list.
#[derive(Clone, Copy)]
pub(super) enum End {
    Left,
    Right,
}

#[derive(Default)]
pub(super) struct List {
    strings: VecDeque<Bytes>,
    weight: usize,
}

impl List {
    pub(super) fn push(&mut self, end: End, string: Bytes) {
        self.weight += weight(&string);
        match end {
            End::Left => self.strings.push_front(string),
            End::Right => self.strings.push_back(string),
        }
    }

    pub(super) fn pop(&mut self, end: End) -> Option<Bytes> {
        let string = match end {
            End::Left => self.strings.pop_front(),
            End::Right => self.strings.pop_back(),
        }?;
        self.weight -= weight(&string);
        Some(string)
    }

    /// From `first` to `last`, both counted from the end where negative, as far as there are any.
    pub(super) fn range(&self, first: i64, last: i64) -> Vec<Bytes> {
        let len = self.strings.len() as i64;
        let from_begin = |index: i64| if index < 0 { index.saturating_add(len) } else { index };
        let (first, last) = (from_begin(first).max(0), from_begin(last).min(len - 1));
        if first > last {
            return Vec::new();
        }
        self.strings.range(first as usize..=last as usize).cloned().collect()
    }
}

impl Collection for List {
    fn of(value: &Value) -> Option<&Self> {
        if let Value::List(list) = value { Some(list) } else { None }
    }

    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::List(list) = value { Some(list) } else { None }
    }

    fn into_value(self) -> Value {
        Value::List(self)
    }

    fn len(&self) -> usize {
        self.strings.len()
    }
}

#[derive(Default)]
pub(super) struct Set {
    strings: BTreeSet<Bytes>,
    weight: usize,
}

impl Set {
    /// Whether it was not there.
    pub(super) fn insert(&mut self, string: Bytes) -> bool {
        let weight = weight(&string);
        let new = self.strings.insert(string);
        self.weight += if new { weight } else { 0 };
        new
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, string: &Bytes) -> bool {
        let old = self.strings.remove(string);
        self.weight -= if old { weight(string) } else { 0 };
        old
    }

    /// Any one: nobody is promised at random.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let string = self.strings.pop_first()?;
        self.weight -= weight(&string);
        Some(string)
    }

    pub(super) fn contains(&self, string: &Bytes) -> bool {
        self.strings.contains(string)
    }

    pub(super) fn all(&self) -> Vec<Bytes> {
        self.strings.iter().cloned().collect()
    }
}

impl Collection for Set {
    fn of(value: &Value) -> Option<&Self> {
        if let Value::Set(set) = value { Some(set) } else { None }
    }

    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::Set(set) = value { Some(set) } else { None }
    }

    fn into_value(self) -> Value {
        Value::Set(self)
    }

    fn len(&self) -> usize {
        self.strings.len()
    }
}

#[derive(Default)]
pub(super) struct Hash {
    fields: BTreeMap<Bytes, Bytes>,
    weight: usize,
}

impl Hash {
    /// Whether the field was not there.
    pub(super) fn insert(&mut self, field: Bytes, value: Bytes) -> bool {
        self.weight += weight(&field) + weight(&value);
        let spared = weight(&field);
        match self.fields.insert(field, value) {
            None => true,
            Some(old) => {
                self.weight -= spared + weight(&old);
                false
            }
        }
    }

    /// Whether the field was there.
    pub(super) fn remove(&mut self, field: &Bytes) -> bool {
        let old = self.fields.remove(field);
        self.weight -= old.as_ref().map_or(0, |old| weight(field) + weight(old));
        old.is_some()
    }

    pub(super) fn get(&self, field: &Bytes) -> Option<Bytes> {
        self.fields.get(field).cloned()
    }

    /// Each field and its value.
    pub(super) fn all(&self) -> Vec<Bytes> {
        self.fields.iter().flat_map(|(field, value)| [field.clone(), value.clone()]).collect()
    }
}

impl Collection for Hash {
    fn of(value: &Value) -> Option<&Self> {
        if let Value::Hash(hash) = value { Some(hash) } else { None }
    }

    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::Hash(hash) = value { Some(hash) } else { None }
    }

    fn into_value(self) -> Value {
        Value::Hash(self)
    }

    fn len(&self) -> usize {
        self.fields.len()
    }
}
