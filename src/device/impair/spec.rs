//! What shall happen to frames, in words: `loss=1%,delay=20ms,seed=7`.

use std::error;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::queue::{Codel, Room};
use super::units;

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
        units::write_decimal(f, u64::from(self.0), 10_000)?;
        f.write_str("%")
    }
}

/// A time in which nothing passes: what is handed in is lost, what waits for the rate limit goes
/// on waiting. Counted from the start of the host or the network; written `5s-7.5s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outage {
    /// When it begins.
    pub from: Duration,
    /// When it is over: the first moment at which frames pass again.
    pub to: Duration,
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zero = || "0s".to_owned();
        let text = |time| units::time_text(time).unwrap_or_else(zero);
        write!(f, "{}-{}", text(self.from), text(self.to))
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
    /// Frames that are lost in a row, on average, where losses come in bursts, however long apart
    /// they are; more where the loss is so high that there is no room between such bursts. `None`: each frame has a fate of
    /// its own.
    pub burst: Option<u32>,
    /// Frames that are marked by chance as having met congestion (CE of RFC 3168), of those whose
    /// sender understands it; the others pass as they are.
    pub mark: Share,
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
    /// What may wait for the rate limit, the frame being sent included; one more is dropped.
    /// Without a rate: frames held back at once. `None`: 1,000 frames with a rate, otherwise 65,536.
    pub queue: Option<Room>,
    /// Management of the queue that acts before it is full; `None`: it drops its tail and nothing
    /// else. Without effect where there is no rate. Written `aqm=codel`, with `target=5ms`,
    /// `interval=100ms` and `ecn=off` where the default is not what is wanted.
    pub aqm: Option<Codel>,
    /// When nothing passes. Written `outage=5s-7s`, several with a slash between them.
    pub outages: Vec<Outage>,
    /// What decides every draw. Default 0.
    pub seed: u64,
}

/// Every name, with what it accepts, for the one who wrote something else.
const FIELDS: &[(&str, &str)] = &[
    ("loss", "a share from 0% to 100%, like loss=1%"),
    ("burst", "a number of packets from 1 to 65536 beside a loss, like loss=1%,burst=5"),
    ("mark", "a share from 0% to 100%, like mark=1%"),
    ("delay", "a time up to an hour in us, ms or s, like delay=20ms"),
    ("jitter", "a time up to an hour in us, ms or s, like jitter=5ms"),
    ("reorder", "a share from 0% to 100%, like reorder=2%"),
    ("duplicate", "a share from 0% to 100%, like duplicate=1%"),
    ("corrupt", "a share from 0% to 100%, like corrupt=0.1%"),
    ("rate", "a rate above zero in bit, kbit, mbit or gbit (a second), like rate=50mbit"),
    (
        "queue",
        "a number of packets from 1 to 65536, or beside a rate a size in b, kb or mb or a time in \
         us, ms or s, like queue=100, queue=64kb or queue=50ms",
    ),
    ("aqm", "codel beside a rate, like rate=50mbit,aqm=codel"),
    ("target", "a time above zero in us, ms or s beside aqm=codel, like target=5ms"),
    ("interval", "a time above zero in us, ms or s beside aqm=codel, like interval=100ms"),
    ("ecn", "on or off beside aqm=codel, like ecn=off"),
    ("outage", "times in ascending order, like outage=5s-7s or outage=5s-7s/20s-21s"),
    ("seed", "a whole number from 0 to 18446744073709551615, like seed=7"),
];

/// What a text says, before it is whole.
#[derive(Default)]
struct Draft {
    spec: Spec,
    aqm: bool,
    codel: Codel,
}

impl Draft {
    /// Sets the field `name`; `None` where it does not accept `value`.
    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        let above_zero = |time: &Duration| !time.is_zero();
        match name {
            "loss" => self.spec.loss = units::share(value)?,
            "burst" => self.spec.burst = Some(u32::try_from(frames(value)?).ok()?),
            "mark" => self.spec.mark = units::share(value)?,
            "delay" => self.spec.delay = units::time(value)?,
            "jitter" => self.spec.jitter = units::time(value)?,
            "reorder" => self.spec.reorder = units::share(value)?,
            "duplicate" => self.spec.duplicate = units::share(value)?,
            "corrupt" => self.spec.corrupt = units::share(value)?,
            "rate" => self.spec.rate = Some(units::rate(value)?),
            "queue" => self.spec.queue = Some(room(value)?),
            "aqm" => self.aqm = (value == "codel").then_some(true)?,
            "target" => self.codel.target = units::time(value).filter(above_zero)?,
            "interval" => self.codel.interval = units::time(value).filter(above_zero)?,
            "ecn" => {
                self.codel.ecn = match value {
                    "on" => true,
                    "off" => false,
                    _ => return None,
                }
            }
            "outage" => self.spec.outages = outages(value)?,
            "seed" => self.spec.seed = value.parse().ok()?,
            _ => return None,
        }
        Some(())
    }

    /// Whether the field `name` has what it goes with.
    fn has_company(&self, name: &str) -> bool {
        match name {
            "burst" => self.spec.loss != Share::NONE,
            "aqm" => self.spec.rate.is_some(),
            "target" | "interval" | "ecn" => self.aqm,
            "queue" => self.spec.rate.is_some() || matches!(self.spec.queue, Some(Room::Frames(_))),
            _ => true,
        }
    }
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
        let mut draft = Draft::default();
        if text.trim().is_empty() {
            return Ok(draft.spec);
        }
        let fail = |item: &str, problem| SpecError { item: item.to_owned(), problem };
        let mut seen: Vec<(&str, &str, &str)> = Vec::new();
        for item in text.split(',').map(str::trim) {
            let (name, value) = match item.split_once('=') {
                Some((name, value)) => (name.trim_end(), value.trim_start()),
                None => (item, ""),
            };
            let Some((_, expected)) = FIELDS.iter().find(|(field, _)| *field == name) else {
                let known: Vec<_> = FIELDS.iter().map(|(field, _)| *field).collect();
                let known = known.join(", ");
                let problem = format!("unknown; NAME=VALUE is expected with NAME one of {known}");
                return Err(fail(item, problem));
            };
            if seen.iter().any(|(field, ..)| *field == name) {
                return Err(fail(item, format!("{name} is given twice")));
            }
            seen.push((name, item, expected));
            draft.set(name, value).ok_or_else(|| fail(item, format!("expected {expected}")))?;
        }
        if let Some((_, item, expected)) = seen.iter().find(|(name, ..)| !draft.has_company(name)) {
            return Err(fail(item, format!("expected {expected}")));
        }
        Ok(Self { aqm: draft.aqm.then_some(draft.codel), ..draft.spec })
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { loss, burst, mark, delay, jitter, reorder, duplicate, corrupt, .. } = self;
        let Self { rate, queue, aqm, outages, seed, .. } = self;
        let share = |share: &Share| (*share != Share::NONE).then(|| share.to_string());
        let usual = Codel::default();
        let codel = aqm.unwrap_or(usual);
        let unusual = |time: Duration, usual| (time != usual).then(|| units::time_text(time))?;
        let outages: Vec<_> = outages.iter().map(Outage::to_string).collect();
        let fields = [
            ("loss", share(loss)),
            ("burst", burst.map(|frames| frames.to_string())),
            ("mark", share(mark)),
            ("delay", units::time_text(*delay)),
            ("jitter", units::time_text(*jitter)),
            ("reorder", share(reorder)),
            ("duplicate", share(duplicate)),
            ("corrupt", share(corrupt)),
            ("rate", rate.map(units::rate_text)),
            ("queue", queue.map(|room| room.to_string())),
            ("aqm", aqm.map(|_| "codel".to_owned())),
            ("target", unusual(codel.target, usual.target)),
            ("interval", unusual(codel.interval, usual.interval)),
            ("ecn", (!codel.ecn).then(|| "off".to_owned())),
            ("outage", (!outages.is_empty()).then(|| outages.join("/"))),
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

fn frames(text: &str) -> Option<usize> {
    text.parse().ok().filter(|frames| (1..=65_536).contains(frames))
}

fn room(text: &str) -> Option<Room> {
    if let Some(frames) = frames(text) {
        return Some(Room::Frames(frames));
    }
    let time = || units::time(text).filter(|time| !time.is_zero());
    units::size(text).map(Room::Bytes).or_else(|| time().map(Room::Time))
}

fn outages(text: &str) -> Option<Vec<Outage>> {
    let mut outages: Vec<Outage> = Vec::new();
    for outage in text.split('/') {
        let (from, to) = outage.split_once('-')?;
        let (from, to) = (units::time(from.trim())?, units::time(to.trim())?);
        let after = outages.last().map_or(Duration::ZERO, |last| last.to);
        if from < after || to <= from {
            return None;
        }
        outages.push(Outage { from, to });
    }
    Some(outages)
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Frames(frames) => write!(f, "{frames}"),
            Self::Bytes(bytes) => f.write_str(&units::size_text(bytes)),
            Self::Time(time) => f.write_str(&units::time_text(time).unwrap_or_default()),
        }
    }
}
