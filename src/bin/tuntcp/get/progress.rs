//! How far it is.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

const KNOWN: &str = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} left";
const UNKNOWN: &str = "{msg} {spinner} {bytes} {bytes_per_sec} in {elapsed}";

/// A bar, if anybody looks at one.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Of `name`, of which `from` bytes are here, and shall be `total`. It is drawn on a terminal only.
    pub(super) fn new(shown: bool, name: &str, from: u64, total: Option<u64>) -> Self {
        if !shown || !io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let (bar, template) = match total {
            Some(total) => (ProgressBar::new(total), KNOWN),
            None => (ProgressBar::no_length(), UNKNOWN),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(name.to_owned());
        bar.set_position(from);
        // What was here before has not come just now.
        bar.reset_eta();
        Self(bar)
    }

    pub(super) fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// What came, and how fast.
pub(super) fn summary(came: u64, total: u64, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    let rate = HumanBytes((came as f64 / seconds.max(1e-6)) as u64);
    let of = if came == total { String::new() } else { format!(" of {total}") };
    format!("{came}{of} bytes in {seconds:.2} s, {rate}/s")
}
