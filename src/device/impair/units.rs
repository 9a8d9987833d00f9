//! How are a share, a time, a rate and a size written? Exactly: nothing is rounded either way.
//!
//! Numbers may have decimals, and the case of the unit does not matter: `1.5ms`, `10Mbit`. `None`
//! stands for a text that is no such quantity, is out of range, or cannot be kept exactly.

use std::fmt;
use std::time::Duration;

use super::spec::Share;

/// The longest time.
const HOUR: Duration = Duration::from_secs(3600);

const SHARE_UNITS: &[(&str, u64)] = &[("%", 10_000)];
const TIME_UNITS: &[(&str, u64)] = &[("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)];
const RATE_UNITS: &[(&str, u64)] =
    &[("kbit", 1_000), ("mbit", 1_000_000), ("gbit", 1_000_000_000), ("bit", 1)];
const SIZE_UNITS: &[(&str, u64)] =
    &[("kb", 1_000), ("mb", 1_000_000), ("gb", 1_000_000_000), ("b", 1)];

/// A share from `0%` to `100%`, exact to a millionth.
#[must_use]
pub fn share(text: &str) -> Option<Share> {
    let share = u32::try_from(quantity(text, SHARE_UNITS)?).ok()?;
    (share <= Share::ALL.in_a_million()).then_some(Share::per_million(share))
}

/// A time in `us`, `ms` or `s`, at most an hour.
///
/// ```
/// use std::time::Duration;
/// use tuntcp::device::impair::units;
///
/// assert_eq!(units::time("1.5ms"), Some(Duration::from_micros(1500)));
/// assert_eq!(units::time("20"), None);
/// ```
#[must_use]
pub fn time(text: &str) -> Option<Duration> {
    let time = Duration::from_nanos(quantity(text, TIME_UNITS)?);
    (time <= HOUR).then_some(time)
}

/// A rate above zero in `bit`, `kbit`, `mbit` or `gbit` (powers of 1,000), in bits a second.
#[must_use]
pub fn rate(text: &str) -> Option<u64> {
    quantity(text, RATE_UNITS).filter(|&bits| bits > 0)
}

/// A size above zero in `b`, `kb`, `mb` or `gb` (powers of 1,000), in bytes.
#[must_use]
pub fn size(text: &str) -> Option<u64> {
    quantity(text, SIZE_UNITS).filter(|&bytes| bytes > 0)
}

/// A decimal number with one of the units, in units of 1; exact, or `None`.
fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let &(_, scale) = units.iter().find(|(name, _)| unit.eq_ignore_ascii_case(name))?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut total = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    let mut worth = scale;
    for digit in fraction.bytes() {
        // A digit worth less than one unit cannot be kept.
        if worth % 10 != 0 || !digit.is_ascii_digit() {
            return None;
        }
        worth /= 10;
        total = total.checked_add(u64::from(digit - b'0') * worth)?;
    }
    Some(total)
}

pub(super) fn time_text(time: Duration) -> Option<String> {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    (nanos > 0)
        .then(|| quantity_text(nanos, &[("s", 1_000_000_000), ("ms", 1_000_000)], "us", 1_000))
}

pub(super) fn rate_text(bits: u64) -> String {
    let units = [("gbit", 1_000_000_000), ("mbit", 1_000_000), ("kbit", 1_000)];
    quantity_text(bits, &units, "bit", 1)
}

pub(super) fn size_text(bytes: u64) -> String {
    let units = [("gb", 1_000_000_000), ("mb", 1_000_000), ("kb", 1_000)];
    quantity_text(bytes, &units, "b", 1)
}

/// In the first unit that divides `amount`, or else in the smallest, with decimals.
fn quantity_text(amount: u64, units: &[(&str, u64)], smallest: &str, scale: u64) -> String {
    let fits = units.iter().find(|&&(_, scale)| amount.is_multiple_of(scale));
    let &(unit, scale) = fits.unwrap_or(&(smallest, scale));
    Decimal(amount, scale).to_string() + unit
}

/// So many parts of one: 15 of 10 displays as 1.5. The second is a power of ten.
struct Decimal(u64, u64);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(f, self.0, self.1)
    }
}

pub(super) fn write_decimal(f: &mut fmt::Formatter<'_>, parts: u64, scale: u64) -> fmt::Result {
    write!(f, "{}", parts / scale)?;
    let (mut rest, mut worth) = (parts % scale, scale);
    if rest > 0 {
        f.write_str(".")?;
    }
    while rest > 0 {
        worth /= 10;
        write!(f, "{}", rest / worth)?;
        rest %= worth;
    }
    Ok(())
}
