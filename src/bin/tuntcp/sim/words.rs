//! How are times, rates and sizes written in a scenario? As on the command line: `"20ms"`.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use tuntcp::device::impair::units;
use tuntcp::tcp::EcnPolicy;
use tuntcp::tcp::congestion::Algorithm;

/// What stands in a string and is something else.
trait Word: Sized {
    const EXPECTED: &'static str;

    fn read(text: &str) -> Option<Self>;
}

/// A time, at most an hour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time(pub(super) Duration);

impl Word for Time {
    const EXPECTED: &'static str = "a time up to an hour in us, ms or s, like \"20ms\"";

    fn read(text: &str) -> Option<Self> {
        units::time(text).map(Self)
    }
}

/// Bits a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate(pub(super) u64);

impl Word for Rate {
    const EXPECTED: &'static str =
        "a rate above zero in bit, kbit, mbit or gbit (a second), like \"50mbit\"";

    fn read(text: &str) -> Option<Self> {
        units::rate(text).map(Self)
    }
}

/// Bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size(pub(super) u64);

impl Word for Size {
    const EXPECTED: &'static str = "a size above zero in b, kb, mb or gb, like \"64kb\"";

    fn read(text: &str) -> Option<Self> {
        units::size(text).map(Self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Reader(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Reader(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Reader(PhantomData))
    }
}

struct Reader<W>(PhantomData<W>);

impl<W: Word> Visitor<'_> for Reader<W> {
    type Value = W;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(W::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<W, E> {
        W::read(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// Bytes of a connection's buffer: as many as a host has memory for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buffer(pub(super) usize);

impl Word for Buffer {
    const EXPECTED: &'static str = "a size from 1kb to 100mb, like \"4mb\"";

    fn read(text: &str) -> Option<Self> {
        let size = units::size(text).filter(|size| (1_000..=100_000_000).contains(size))?;
        usize::try_from(size).ok().map(Self)
    }
}

impl<'de> Deserialize<'de> for Buffer {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Reader(PhantomData))
    }
}

/// The value of a link's field: a string, a number, or a switch; what it means is said elsewhere.
#[derive(Clone, Debug)]
pub(super) struct Plain(pub(super) String);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(PlainReader)
    }
}

struct PlainReader;

impl Visitor<'_> for PlainReader {
    type Value = Plain;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, or a whole number")
    }

    fn visit_str<E>(self, text: &str) -> Result<Plain, E> {
        Ok(Plain(text.to_owned()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Plain, E> {
        Ok(Plain(number.to_string()))
    }

    fn visit_bool<E>(self, on: bool) -> Result<Plain, E> {
        Ok(Plain(if on { "on" } else { "off" }.to_owned()))
    }
}

/// The name of a congestion control.
#[derive(Clone, Copy, Debug)]
pub(super) struct Congestion(pub(super) Algorithm);

impl<'de> Deserialize<'de> for Congestion {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        parsed(from).map(Self)
    }
}

/// `off`, `accept` or `request`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ecn(pub(super) EcnPolicy);

impl<'de> Deserialize<'de> for Ecn {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        parsed(from).map(Self)
    }
}

fn parsed<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    String::deserialize(from)?.parse().map_err(Error::custom)
}
