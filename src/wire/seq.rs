//! Which byte of a stream? The only place with wrapping arithmetic (RFC 9293, 3.4).
//!
//! Sequence numbers live on a circle of 2^32, so "less than" means something only between two
//! numbers that are less than half a circle apart. That is no total order, and for that reason
//! [`SeqNum`] has no `PartialOrd`: it would lie.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// A sequence number.
///
/// ```
/// use tuntcp::wire::SeqNum;
///
/// let last = SeqNum::new(u32::MAX);
/// let next = last + 1;
/// assert_eq!(next, SeqNum::new(0));
/// assert!(last.before(next));
/// assert_eq!(next.since(last), 1);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SeqNum(u32);

impl SeqNum {
    /// The number as it stands in a header.
    #[must_use]
    pub const fn new(raw: u32) -> Self {
        Self(raw)
    }

    /// The number as it stands in a header.
    #[must_use]
    pub const fn raw(self) -> u32 {
        self.0
    }

    /// How many numbers lie from `earlier` up to this one, this one not counted. Meaningful when
    /// `earlier` is not after this one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }

    /// Whether this number comes before `other` (the RFC's `<`).
    #[must_use]
    pub const fn before(self, other: Self) -> bool {
        self.0.wrapping_sub(other.0).cast_signed() < 0
    }

    /// Whether this number comes after `other` (the RFC's `>`).
    #[must_use]
    pub const fn after(self, other: Self) -> bool {
        other.before(self)
    }

    /// The later of the two.
    #[must_use]
    pub const fn later(self, other: Self) -> Self {
        if self.before(other) { other } else { self }
    }

    /// The earlier of the two.
    #[must_use]
    pub const fn earlier(self, other: Self) -> Self {
        if self.before(other) { self } else { other }
    }
}

impl Add<u32> for SeqNum {
    type Output = Self;

    fn add(self, bytes: u32) -> Self {
        Self(self.0.wrapping_add(bytes))
    }
}

impl AddAssign<u32> for SeqNum {
    fn add_assign(&mut self, bytes: u32) {
        *self = *self + bytes;
    }
}

impl Sub<u32> for SeqNum {
    type Output = Self;

    fn sub(self, bytes: u32) -> Self {
        Self(self.0.wrapping_sub(bytes))
    }
}

impl fmt::Display for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The numbers from `start` up to `end`, `end` not included: a stretch of the stream, a SACK block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct SeqRange {
    /// The first number inside.
    pub start: SeqNum,
    /// The first number after.
    pub end: SeqNum,
}

impl SeqRange {
    /// The `len` numbers that begin with `start`.
    #[must_use]
    pub fn of_len(start: SeqNum, len: u32) -> Self {
        Self { start, end: start + len }
    }

    /// How many numbers are inside.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.end.since(self.start)
    }

    /// Whether nothing is inside.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Whether `seq` is inside.
    #[must_use]
    pub const fn contains(self, seq: SeqNum) -> bool {
        seq.since(self.start) < self.len()
    }
}
