//! What came back, and how soon.

use std::collections::HashMap;
use std::time::Duration;

use tuntcp::time::Instant;

/// What has come back so far.
#[derive(Default)]
pub(super) struct Tally {
    /// From the first request to what was sent or heard last.
    span: Option<(Instant, Instant)>,
    sent: u64,
    received: u64,
    duplicates: u64,
    errors: u64,
    /// Of the last round of sequence numbers: when it was asked, and whether it was answered.
    asked: HashMap<u16, (Instant, bool)>,
    times: Times,
}

/// Round trips, milliseconds.
#[derive(Default)]
struct Times {
    least: f64,
    most: f64,
    sum: f64,
    squares: f64,
}

impl Tally {
    pub(super) fn ask(&mut self, sequence: u16, now: Instant) {
        self.note(now);
        self.sent += 1;
        self.asked.insert(sequence, (now, false));
    }

    fn note(&mut self, now: Instant) {
        self.span.get_or_insert((now, now)).1 = now;
    }

    /// An answer: how long it took, and whether it is the first one. `None`: nobody has asked.
    pub(super) fn answer(&mut self, sequence: u16, now: Instant) -> Option<(Duration, bool)> {
        let (at, answered) = self.asked.get_mut(&sequence)?;
        let first = !std::mem::replace(answered, true);
        let took = now - *at;
        self.note(now);
        if first {
            self.received += 1;
            self.times.add(took.as_secs_f64() * 1e3, self.received);
        } else {
            self.duplicates += 1;
        }
        Some((took, first))
    }

    /// An error about a request; whether there was such.
    pub(super) fn error(&mut self, sequence: u16, now: Instant) -> bool {
        if !self.asked.contains_key(&sequence) {
            return false;
        }
        self.errors += 1;
        self.note(now);
        true
    }

    /// Whether so many have been heard of.
    pub(super) fn has_heard(&self, count: u64) -> bool {
        self.received + self.errors >= count
    }

    /// 0 when anybody answered, 1 when nobody did.
    pub(super) fn exit_status(&self) -> u8 {
        (self.received == 0).into()
    }

    /// The summary, as `ping` gives it.
    pub(super) fn report(&self, peer: &str) -> String {
        let Self { sent, received, .. } = *self;
        let loss = percent(sent.saturating_sub(received) as f64 * 100.0 / sent.max(1) as f64);
        let more = |count: u64, what: &str| {
            if count == 0 { String::new() } else { format!("+{count} {what}, ") }
        };
        let (duplicates, errors) =
            (more(self.duplicates, "duplicates"), more(self.errors, "errors"));
        let took = self.span.map_or(0, |(first, last)| (last - first).as_millis());
        let mut text = format!("\n--- {peer} ping statistics ---\n");
        text.push_str(&format!(
            "{sent} packets transmitted, {received} received, {duplicates}{errors}{loss}% packet \
             loss, time {took}ms\n"
        ));
        if received == 0 {
            return text;
        }
        let Times { least, most, sum, squares } = self.times;
        let mean = sum / received as f64;
        let deviation = (squares / received as f64 - mean * mean).max(0.0).sqrt();
        text + &format!("rtt min/avg/max/mdev = {least:.3}/{mean:.3}/{most:.3}/{deviation:.3} ms")
    }
}

impl Times {
    fn add(&mut self, millis: f64, count: u64) {
        self.least = if count == 1 { millis } else { self.least.min(millis) };
        self.most = self.most.max(millis);
        self.sum += millis;
        self.squares += millis * millis;
    }
}

/// Six digits, as far as they say anything.
fn percent(value: f64) -> String {
    let digits = if value < 10.0 { 5 } else { 4 };
    let text = format!("{value:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A round trip, with as many digits as `ping` gives it.
pub(super) fn millis(took: Duration) -> String {
    let millis = took.as_secs_f64() * 1e3;
    let digits = match millis {
        ..0.9995 => 3,
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{millis:.digits$}")
}
