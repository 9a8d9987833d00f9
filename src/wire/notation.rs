//! Packetdrill notation: `Display` and `FromStr` of a segment, each the inverse of the other, for
//! logs, test rows, scripts and failure messages.
//!
//! ```text
//! S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>
//! . 1:1(0) ack 1 win 512
//! P. 1:101(100) ack 1 win 512 <nop,nop,TS val 3 ecr 4>
//! [ect0] . 101:201(100) ack 1 win 512
//! ```
//!
//! The ECN codepoint, unless it says nothing (`[noecn]`, also where it is missing; `[ect0]`,
//! `[ect1]`, `[ce]`).
//! Flags, `first:next(payload bytes)`, then what is there of `ack`, `win`, `urg` and options.
//! `next` counts the payload alone, not SYN and FIN. The notation does not tell what the payload
//! says: read back, it is zeros. One word is our own: `segs 3` on a super-segment.

use std::fmt;
use std::str::FromStr;

use super::ip::EcnCodepoint;
use super::options::{Cookie, Options, Timestamps};
use super::seq::{SeqNum, SeqRange};
use super::tcp::{Flags, Flow, RawWindow, Segment};

/// What stands for a payload that is only known by its length.
static ZEROS: [u8; 65_535] = [0; 65_535];

/// The letters of the flags, in packetdrill's order; ACK is the dot.
const LETTERS: [(char, Option<Flags>); 8] = [
    ('F', Some(Flags::FIN)),
    ('S', Some(Flags::SYN)),
    ('R', Some(Flags::RST)),
    ('P', Some(Flags::PSH)),
    ('.', None),
    ('U', Some(Flags::URG)),
    ('E', Some(Flags::ECE)),
    ('W', Some(Flags::CWR)),
];

/// The names of the ECN codepoints.
const CODEPOINTS: [(&str, EcnCodepoint); 4] = [
    ("[noecn]", EcnCodepoint::NotEct),
    ("[ect0]", EcnCodepoint::Ect0),
    ("[ect1]", EcnCodepoint::Ect1),
    ("[ce]", EcnCodepoint::Ce),
];

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}", self.local, self.remote)
    }
}

impl fmt::Display for Segment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ecn != EcnCodepoint::NotEct {
            let name = CODEPOINTS.iter().find(|(_, ecn)| *ecn == self.ecn);
            write!(f, "{} ", name.map_or("", |(name, _)| name))?;
        }
        let mut none = true;
        for (letter, flag) in LETTERS {
            let set = flag.map_or(self.ack.is_some(), |flag| self.flags.contains(flag));
            if set {
                none = false;
                write!(f, "{letter}")?;
            }
        }
        if none {
            f.write_str("-")?;
        }
        let len = self.payload.len();
        let end = self.seq + u32::try_from(len).unwrap_or(u32::MAX);
        write!(f, " {}:{end}({len})", self.seq)?;
        if let Some(ack) = self.ack {
            write!(f, " ack {ack}")?;
        }
        write!(f, " win {}", self.window.0)?;
        if self.urgent != 0 {
            write!(f, " urg {}", self.urgent)?;
        }
        if self.options != Options::default() {
            write!(f, " <{}>", self.options)?;
        }
        if self.wire_segments != 1 {
            write!(f, " segs {}", self.wire_segments)?;
        }
        Ok(())
    }
}

impl fmt::Display for Options {
    /// With the padding that `emit` writes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        if let Some(mss) = self.mss {
            words.push(format!("mss {mss}"));
        }
        match (self.sack_permitted, self.timestamps.is_some()) {
            (true, true) => words.push("sackOK".into()),
            (true, false) => words.push("nop,nop,sackOK".into()),
            (false, true) => words.push("nop,nop".into()),
            (false, false) => {}
        }
        if let Some(Timestamps { value, echo }) = self.timestamps {
            words.push(format!("TS val {value} ecr {echo}"));
        }
        if let Some(shift) = self.window_scale {
            words.push(format!("nop,wscale {shift}"));
        }
        if !self.sack.is_empty() {
            let blocks = self.sack.as_slice().iter();
            let blocks: Vec<_> =
                blocks.map(|range| format!("{}:{}", range.start, range.end)).collect();
            words.push(format!("nop,nop,sack {}", blocks.join(" ")));
        }
        if let Some(cookie) = self.fast_open {
            let digits: String =
                cookie.as_slice().iter().map(|byte| format!("{byte:02x}")).collect();
            let gap = if cookie.is_request() { "" } else { " " };
            let padding = if digits.len() % 8 == 4 { "" } else { ",nop,nop" };
            words.push(format!("FO{gap}{digits}{padding}"));
        }
        f.write_str(&words.join(","))
    }
}

/// Why a text is no segment: what was expected, and what stood there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadNotation {
    expected: &'static str,
    found: String,
}

impl BadNotation {
    fn new(expected: &'static str, found: impl Into<String>) -> Self {
        Self { expected, found: found.into() }
    }
}

impl fmt::Display for BadNotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found '{}'", self.expected, self.found)
    }
}

impl std::error::Error for BadNotation {}

impl FromStr for Segment<'static> {
    type Err = BadNotation;

    fn from_str(text: &str) -> Result<Self, BadNotation> {
        let (ecn, text) = split_codepoint(text)?;
        let (text, options, tail) = split_options(text)?;
        let mut words = text.split_whitespace().chain(tail.split_whitespace());
        let (flags, has_ack) = parse_flags(words.next().unwrap_or(""))?;
        let (seq, payload) = parse_range(words.next().unwrap_or(""))?;
        let options = options.map_or(Ok(Options::default()), Options::from_str)?;
        let mut segment = Segment { seq, flags, payload, options, ecn, ..Segment::default() };
        while let Some(word) = words.next() {
            let value = words.next().unwrap_or("");
            match word {
                "ack" => segment.ack = Some(SeqNum::new(number(value)?)),
                "win" => segment.window = RawWindow(number(value)?),
                "urg" => segment.urgent = number(value)?,
                "segs" => segment.wire_segments = number(value)?,
                _ => return Err(BadNotation::new("ack, win, urg, segs or <options>", word)),
            }
        }
        if segment.ack.is_some() != has_ack {
            return Err(BadNotation::new("an ack number exactly with the dot", text));
        }
        Ok(segment)
    }
}

impl FromStr for Options {
    type Err = BadNotation;

    /// The words between the angle brackets.
    fn from_str(text: &str) -> Result<Self, BadNotation> {
        let mut options = Self::default();
        for option in text.split(',').map(str::trim).filter(|option| !option.is_empty()) {
            let mut words = option.split_whitespace();
            match (words.next().unwrap_or(""), words.collect::<Vec<_>>().as_slice()) {
                ("nop" | "eol", []) => {}
                ("mss", [mss]) => options.mss = Some(number(mss)?),
                ("sackOK", []) => options.sack_permitted = true,
                ("wscale", [shift]) => options.window_scale = Some(number(shift)?),
                ("TS", ["val", value, "ecr", echo]) => {
                    options.timestamps =
                        Some(Timestamps { value: number(value)?, echo: number(echo)? });
                }
                ("FO", []) => options.fast_open = Some(Cookie::REQUEST),
                ("FO", [digits]) => options.fast_open = Some(cookie(digits)?),
                ("sack", blocks) if !blocks.is_empty() => {
                    for block in blocks {
                        let (start, end) =
                            block.split_once(':').ok_or(BadNotation::new("start:end", *block))?;
                        let (start, end) = (number(start)?, number(end)?);
                        let range = SeqRange { start: SeqNum::new(start), end: SeqNum::new(end) };
                        if !options.sack.push(range) {
                            return Err(BadNotation::new("at most four SACK blocks", option));
                        }
                    }
                }
                _ => return Err(BadNotation::new("an option", option)),
            }
        }
        Ok(options)
    }
}

/// A cookie, in hexadecimal digits.
fn cookie(digits: &str) -> Result<Cookie, BadNotation> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    let bytes: Option<Vec<u8>> = pairs.collect();
    let cookie = bytes.and_then(|bytes| Cookie::new(&bytes));
    cookie.ok_or(BadNotation::new("4 to 16 bytes, an even number, in hexadecimal digits", digits))
}

/// The codepoint in front, and the rest.
fn split_codepoint(text: &str) -> Result<(EcnCodepoint, &str), BadNotation> {
    let text = text.trim_start();
    if !text.starts_with('[') {
        return Ok((EcnCodepoint::NotEct, text));
    }
    let named = CODEPOINTS.iter().find_map(|(name, ecn)| Some((*ecn, text.strip_prefix(name)?)));
    named.ok_or(BadNotation::new("one of [noecn], [ect0], [ect1] and [ce]", text))
}

/// The text before the options, the options, the text behind.
fn split_options(text: &str) -> Result<(&str, Option<&str>, &str), BadNotation> {
    let Some((before, rest)) = text.split_once('<') else { return Ok((text, None, "")) };
    let (options, after) = rest.split_once('>').ok_or(BadNotation::new("a closing '>'", rest))?;
    Ok((before, Some(options), after))
}

fn parse_flags(word: &str) -> Result<(Flags, bool), BadNotation> {
    let mut flags = Flags::empty();
    let mut ack = false;
    if word == "-" {
        return Ok((flags, ack));
    }
    for letter in word.chars() {
        let known = LETTERS.iter().find(|(known, _)| *known == letter);
        match known {
            Some((_, Some(flag))) => flags |= *flag,
            Some((_, None)) => ack = true,
            None => return Err(BadNotation::new("flags of FSRP.UEW, or '-'", word)),
        }
    }
    if word.is_empty() {
        return Err(BadNotation::new("flags of FSRP.UEW, or '-'", word));
    }
    Ok((flags, ack))
}

/// `start:end(len)`.
fn parse_range(word: &str) -> Result<(SeqNum, &'static [u8]), BadNotation> {
    const SHAPE: &str = "start:end(length)";
    let parts = word
        .strip_suffix(')')
        .and_then(|rest| rest.split_once('('))
        .and_then(|(range, len)| Some((range.split_once(':')?, len)));
    let Some(((start, end), len)) = parts else { return Err(BadNotation::new(SHAPE, word)) };
    let (start, end) = (SeqNum::new(number(start)?), SeqNum::new(number(end)?));
    let len: u16 = number(len)?;
    if end.since(start) != u32::from(len) {
        return Err(BadNotation::new("a length that is the distance", word));
    }
    Ok((start, &ZEROS[..usize::from(len)]))
}

fn number<T: FromStr>(word: &str) -> Result<T, BadNotation> {
    word.parse().map_err(|_| BadNotation::new("a number in range", word))
}
