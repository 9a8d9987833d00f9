//! The words of a step: segments, numbers, durations, errors.

use std::time::Duration;

use super::harness::Outcome;
use crate::tcp::Error;
use crate::wire::{Flags, Options, Segment};

/// Whether what was `sent` is what was `wanted`.
pub(super) fn compare(wanted: &str, sent: &Segment<'_>) -> Outcome {
    let mut got = sent.clone();
    let text = match wanted.strip_prefix("R* ") {
        Some(rest) => {
            got.ack = None;
            format!("R {rest}")
        }
        None => wanted.to_owned(),
    };
    let any_options = text.contains("<...>");
    let text = text.replace("<...>", "");
    let want = parse(&text)?;
    if !text.contains(" win ") {
        got.window = want.window;
    }
    if any_options {
        got.options = Options::default();
    } else if !text.contains('<') {
        got.options.timestamps = None;
    }
    if want.flags.contains(Flags::FIN) && want.payload.is_empty() {
        // Whether a FIN alone pushes is nobody's business.
        got.flags.set(Flags::PSH, want.flags.contains(Flags::PSH));
    }
    got.payload = &want.payload[..want.payload.len().min(got.payload.len())];
    if got == want && sent.payload.len() == want.payload.len() {
        return Ok(());
    }
    Err(format!("sent {sent}"))
}

/// A segment in packetdrill's notation; a missing window is 65,535.
pub(super) fn parse(text: &str) -> Result<Segment<'static>, String> {
    let text = text.trim();
    let (head, options) = match text.find('<') {
        Some(place) => text.split_at(place),
        None => (text, ""),
    };
    let (head, urgent) = match head.find(" urg ") {
        Some(place) => head.split_at(place),
        None => (head, ""),
    };
    let window = if head.contains(" win ") { "" } else { " win 65535" };
    let options = options.replace("<none>", "");
    let full = format!("{}{window}{} {options}", head.trim_end(), urgent.trim_end());
    full.trim().parse().map_err(|why| format!("`{full}` is no segment: {why:?}"))
}

pub(super) fn words<const N: usize>(text: &str) -> Result<[&str; N], String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.try_into().map_err(|_| format!("`{text}` are not {N} words"))
}

pub(super) fn number(text: &str) -> Result<usize, String> {
    text.trim().parse().map_err(|_| format!("`{text}` is no number"))
}

pub(super) fn byte(text: &str) -> Result<u8, String> {
    text.parse().map_err(|_| format!("`{text}` is no byte"))
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let cut = text.find(|letter: char| letter.is_alphabetic()).unwrap_or(text.len());
    let count: u64 = text[..cut].parse().map_err(|_| format!("`{text}` is no duration"))?;
    let micros = match &text[cut..] {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "min" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        unit => return Err(format!("`{unit}` is no unit")),
    };
    Ok(Duration::from_micros(count * micros))
}

pub(super) fn error(name: &str) -> Result<Error, String> {
    let ended = [Error::Reset, Error::Refused, Error::TimedOut, Error::Aborted];
    let told = [Error::Unreachable, Error::NetworkUnreachable, Error::ProtocolUnreachable];
    ended
        .into_iter()
        .chain(told)
        .find(|error| format!("{error:?}") == name)
        .ok_or(format!("`{name}` is no error"))
}
