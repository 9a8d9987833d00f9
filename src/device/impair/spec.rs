//! What shall happen to frames, in words: `loss=1%,delay=20ms,seed=7`.

use std::error;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A share of frames, in millionths; at most all of them. Written in percent: `0.1%`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u32);

impl Share {
    /// No frame.
    pub const NONE: Self = Self(0);
    /// Every frame.
    pub const ALL: Self = Self(1_000_000);

    /// So many frames in a million; more than a million are all.
    #[must_use]
    pub const fn per_million(frames: u32) -> Self {
        if frames < Self::ALL.0 { Self(frames) } else { Self::ALL }
    }

    /// How many frames in a million.
    #[must_use]
    pub const fn in_a_million(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(f, u64::from(self.0), 10_000)?;
        f.write_str("%")
    }
}

/// What shall happen to the frames of one direction. By default nothing.
///
/// Parsed from `name=value` pairs with commas between them, each optional and in any order;
/// `Display` writes it back without what is at its default.
///
/// ```
/// use std::time::Duration;
/// use tuntcp::device::impair::Spec;
///
/// let spec: Spec = "loss=0.5%,delay=20ms,rate=50mbit,seed=7".parse()?;
/// assert_eq!(spec.delay, Duration::from_millis(20));
/// assert_eq!(spec.to_string(), "loss=0.5%,delay=20ms,rate=50mbit,seed=7");
///
/// let error = "loss=5".parse::<Spec>().unwrap_err();
/// assert_eq!(error.to_string(), "`loss=5`: expected a share from 0% to 100%, like loss=1%");
/// # Ok::<(), tuntcp::device::impair::SpecError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Spec {
    /// Frames that are lost.
    pub loss: Share,
    /// How long every frame is held back; written in `us`, `ms` or `s`, at most an hour.
    pub delay: Duration,
    /// By how much the delay varies: uniformly from `delay - jitter`, or zero, to
    /// `delay + jitter`. Frames overtake each other where the draw says so.
    pub jitter: Duration,
    /// Frames that skip the delay and so overtake those before them. Where there is no delay to
    /// skip, a chosen frame is held back for a millisecond instead, and those after it overtake.
    pub reorder: Share,
    /// Frames that arrive twice. The copy is corrupted, delayed and reordered by draws of its own.
    pub duplicate: Share,
    /// Frames of which one bit is flipped, anywhere, headers included.
    pub corrupt: Share,
    /// Bits a second, counting whole IP packets; `None`: no limit. Written in `bit`, `kbit`,
    /// `mbit` or `gbit` (powers of 1,000).
    pub rate: Option<u64>,
    /// Frames that may wait for the rate limit, the one being sent included; one more is dropped.
    /// Without a rate: frames held back at once. `None`: 1,000 with a rate, otherwise 65,536.
    pub queue: Option<usize>,
    /// What decides every draw. Default 0.
    pub seed: u64,
}

/// The longest delay and jitter.
const HOUR: Duration = Duration::from_secs(3600);
const MAX_QUEUE: u64 = 65_536;

const SHARE_UNITS: &[(&str, u64)] = &[("%", 10_000)];
const TIME_UNITS: &[(&str, u64)] = &[("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)];
const RATE_UNITS: &[(&str, u64)] =
    &[("kbit", 1_000), ("mbit", 1_000_000), ("gbit", 1_000_000_000), ("bit", 1)];

impl Spec {
    /// Sets the field `name`; `None` where it does not accept `value`.
    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "loss" => self.loss = share(value)?,
            "delay" => self.delay = time(value)?,
            "jitter" => self.jitter = time(value)?,
            "reorder" => self.reorder = share(value)?,
            "duplicate" => self.duplicate = share(value)?,
            "corrupt" => self.corrupt = share(value)?,
            "rate" => self.rate = Some(quantity(value, RATE_UNITS).filter(|&bits| bits > 0)?),
            "queue" => {
                let frames =
                    value.parse().ok().filter(|frames| (1..=MAX_QUEUE).contains(frames))?;
                self.queue = usize::try_from(frames).ok();
            }
            "seed" => self.seed = value.parse().ok()?,
            _ => return None,
        }
        Some(())
    }
}

/// What a field accepts, for the one who wrote something else; `None`: no such field.
fn expected(name: &str) -> Option<&'static str> {
    Some(match name {
        "loss" => "a share from 0% to 100%, like loss=1%",
        "delay" => "a time up to an hour in us, ms or s, like delay=20ms",
        "jitter" => "a time up to an hour in us, ms or s, like jitter=5ms",
        "reorder" => "a share from 0% to 100%, like reorder=2%",
        "duplicate" => "a share from 0% to 100%, like duplicate=1%",
        "corrupt" => "a share from 0% to 100%, like corrupt=0.1%",
        "rate" => "a rate above zero in bit, kbit, mbit or gbit (a second), like rate=50mbit",
        "queue" => "a number of packets from 1 to 65536, like queue=100",
        "seed" => "a whole number from 0 to 18446744073709551615, like seed=7",
        _ => return None,
    })
}

/// Why a text is no [`Spec`]: names the field and what it accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError {
    item: String,
    problem: String,
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.item, self.problem)
    }
}

impl error::Error for SpecError {}

impl FromStr for Spec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let mut spec = Self::default();
        if text.trim().is_empty() {
            return Ok(spec);
        }
        let mut seen = Vec::new();
        for item in text.split(',').map(str::trim) {
            let fail = |problem: String| SpecError { item: item.to_owned(), problem };
            let (name, value) = match item.split_once('=') {
                Some((name, value)) => (name.trim_end(), value.trim_start()),
                None => (item, ""),
            };
            let Some(expected) = expected(name) else {
                let known = "loss, delay, jitter, reorder, duplicate, corrupt, rate, queue, seed";
                return Err(fail(format!(
                    "unknown; NAME=VALUE is expected with NAME one of {known}"
                )));
            };
            if seen.contains(&name) {
                return Err(fail(format!("{name} is given twice")));
            }
            seen.push(name);
            spec.set(name, value).ok_or_else(|| fail(format!("expected {expected}")))?;
        }
        Ok(spec)
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { loss, delay, jitter, reorder, duplicate, corrupt, rate, queue, seed } = self;
        let share = |share: &Share| (*share != Share::NONE).then(|| share.to_string());
        let fields = [
            ("loss", share(loss)),
            ("delay", time_text(*delay)),
            ("jitter", time_text(*jitter)),
            ("reorder", share(reorder)),
            ("duplicate", share(duplicate)),
            ("corrupt", share(corrupt)),
            ("rate", rate.map(rate_text)),
            ("queue", queue.map(|frames| frames.to_string())),
            ("seed", (*seed != 0).then(|| seed.to_string())),
        ];
        let mut comma = "";
        for (name, value) in fields {
            if let Some(value) = value {
                write!(f, "{comma}{name}={value}")?;
                comma = ",";
            }
        }
        Ok(())
    }
}

fn share(text: &str) -> Option<Share> {
    let share = u32::try_from(quantity(text, SHARE_UNITS)?).ok()?;
    (share <= Share::ALL.0).then_some(Share(share))
}

fn time(text: &str) -> Option<Duration> {
    let time = Duration::from_nanos(quantity(text, TIME_UNITS)?);
    (time <= HOUR).then_some(time)
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

fn time_text(time: Duration) -> Option<String> {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    (nanos > 0)
        .then(|| quantity_text(nanos, &[("s", 1_000_000_000), ("ms", 1_000_000)], "us", 1_000))
}

fn rate_text(bits: u64) -> String {
    let units = [("gbit", 1_000_000_000), ("mbit", 1_000_000), ("kbit", 1_000)];
    quantity_text(bits, &units, "bit", 1)
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

fn write_decimal(f: &mut fmt::Formatter<'_>, parts: u64, scale: u64) -> fmt::Result {
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
