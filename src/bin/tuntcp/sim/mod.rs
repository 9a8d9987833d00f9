//! `tuntcp sim`: what would flows do on such paths? One scenario from a file, run in virtual time.
//!
//! ```text
//!   FILE ─▶ table, words ─▶ read ─▶ Scenario ─▶ run ─▶ Outcome ─┬─▶ summary   a table
//!           what may stand  what it                              ├─▶ series    CSV
//!           there           means                                └─▶ plot      SVG
//! ```

mod plot;
mod read;
mod series;
mod summary;
mod table;
mod words;

#[cfg(test)]
mod tests;

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tuntcp::time::Instant;

use crate::Failure;

/// Run flows over simulated links, as a scenario's file says
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The scenario, in TOML
    #[arg(value_name = "SCENARIO.toml")]
    scenario: PathBuf,

    /// Write summary.txt, flows.csv, links.csv and plot.svg into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Another seed than the scenario's
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

const EXAMPLES: &str = "\
A scenario:

  duration = \"30s\"

  [[link]]
  rate = \"10mbit\"           # as in --impair: loss, burst, mark, delay, jitter, reorder, duplicate,
  delay = \"20ms\"            # corrupt, rate, queue, aqm, target, interval, ecn, outage
  queue = 50                # packets, or \"64kb\", or \"50ms\"
  back = { rate = \"1mbit\" } # what is different on the way back

  [[flow]]
  count = 2

  [[flow]]
  algorithm = \"reno\"
  start = \"5s\"

docs/scenarios.md tells of every field, tests/scenarios has more.

Exit status: 0 when it was run, 1 when it could not be, 2 when the scenario is wrong.";

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let path = &arguments.scenario;
    let text = fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let mut reading = match read::read(&text) {
        Ok(reading) => reading,
        Err(wrong) => {
            eprintln!("tuntcp: {}:{wrong}", path.display());
            return Ok(ExitCode::from(2));
        }
    };
    reading.scenario.seed = arguments.seed.unwrap_or(reading.scenario.seed);
    let outcome = reading.scenario.run();
    let outcome = outcome.map_err(|problem| format!("{}: {problem}", path.display()))?;
    let named = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let title = reading.title.or(named).unwrap_or_default();
    let told = format!("{title}: seed {}\n\n{}", reading.scenario.seed, summary::summary(&outcome));
    io::stdout().write_all(told.as_bytes())?;
    if let Some(folder) = &arguments.out {
        let failed = |error: Failure| format!("cannot write to {}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(|error| failed(error.into()))?;
        fs::write(folder.join("summary.txt"), &told).map_err(|error| failed(error.into()))?;
        series::write(&outcome, folder).map_err(failed)?;
        let plot = plot::plot(&title, &outcome).map_err(failed)?;
        fs::write(folder.join("plot.svg"), plot).map_err(|error| failed(error.into()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Seconds since the scenario began.
fn seconds(at: Instant) -> f64 {
    at.as_nanos() as f64 / 1e9
}
