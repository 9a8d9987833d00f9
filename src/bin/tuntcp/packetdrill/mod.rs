//! `tuntcp packetdrill`: does the stack answer as a script says? Scripts as TCP people write them,
//! run against the engine in virtual time: no TUN, no root, hundreds a second.
//!
//! ```text
//!   source ─▶ lex ─▶ parse ─▶ Script ─▶ run ─┬─▶ kernel, calls   what an application does
//!                                            ├─▶ frame, dialogue what arrives, what is sent
//!                                            ├─▶ judge           whether that is right
//!                                            └─▶ shell, code     settings, assertions
//! ```
//!
//! A script passes, fails, or is unsupported: it asks for something that the stack does not have.
//! That is never taken for a pass.

mod calls;
mod code;
mod dialogue;
mod expect;
mod frame;
mod icmp;
mod inject;
mod judge;
mod kernel;
mod lex;
mod parse;
mod report;
mod run;
mod script;
mod settings;
mod shell;
mod source;
mod symbols;
mod tcp_info;
mod world;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clap::Args;
use tuntcp::tcp::BufferSize;

use crate::Failure;
use report::{Outcome, Report};
use settings::{Given, Settings};

/// Run packetdrill scripts against the stack, in virtual time
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Scripts, and directories in which every *.pkt is one
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,

    /// Show the whole conversation of every script
    #[arg(long, short)]
    verbose: bool,

    /// Only list the scripts that would run
    #[arg(long)]
    list: bool,

    /// Define a symbol for #ifdef and for words of scripts
    #[arg(short = 'D', value_name = "NAME[=VALUE]")]
    define: Vec<String>,

    /// How far a segment may be off its time, microseconds
    #[arg(long, alias = "tolerance_usecs", value_name = "MICROSECONDS", default_value_t = 4000)]
    tolerance_usecs: i64,

    /// The same as a part of the time since the statement before
    #[arg(long, alias = "tolerance_percent", value_name = "PERCENT", default_value_t = 12.5)]
    tolerance_percent: f64,

    /// TCP options must stand in the script's order, padding included
    #[arg(long)]
    strict_options: bool,

    /// Segments must be cut as the script cuts them
    #[arg(long)]
    strict_segments: bool,

    /// What is sent and not expected fails a script even behind its last statement
    #[arg(long)]
    exact: bool,

    /// Largest segment that is offered and used, bytes
    #[arg(long, value_name = "BYTES")]
    mss: Option<u16>,

    /// Receive buffer, bytes
    #[arg(long, value_name = "BYTES")]
    rcvbuf: Option<usize>,

    /// Shift of our windows
    #[arg(long, value_name = "SHIFT", value_parser = clap::value_parser!(u8).range(0..=14))]
    wscale: Option<u8>,

    /// When a SYN is sent again first, seconds
    #[arg(long, value_name = "SECONDS", value_parser = crate::options::seconds)]
    syn_timeout: Option<Duration>,

    /// How long an acknowledgement is delayed, milliseconds
    #[arg(long, value_name = "MILLISECONDS")]
    delayed_ack: Option<u64>,

    /// Scripts that run side by side; as many as there are cores if not given
    #[arg(long, short, value_name = "N")]
    jobs: Option<usize>,
}

const EXAMPLES: &str = "\
Example:  tuntcp packetdrill tests/packetdrill

The status is 0 when every script has passed, 1 when one has failed, 3 when none has failed but one
asks for something that the stack does not have, 2 when the command line is wrong.";

impl Arguments {
    fn settings(&self) -> Settings {
        let mut settings = Settings {
            tolerance: self.tolerance_usecs,
            tolerance_percent: self.tolerance_percent,
            strict_options: self.strict_options,
            strict_segments: self.strict_segments,
            exact: self.exact,
            ..Settings::default()
        };
        let tcp = &mut settings.tcp;
        tcp.mss = self.mss.or(tcp.mss);
        tcp.receive_buffer = self.rcvbuf.map_or(tcp.receive_buffer, BufferSize::fixed);
        tcp.window_scale = self.wscale.or(tcp.window_scale);
        tcp.rto_initial = self.syn_timeout.unwrap_or(tcp.rto_initial);
        tcp.delayed_ack = self.delayed_ack.map_or(tcp.delayed_ack, Duration::from_millis);
        settings.given =
            Given { receive_buffer: self.rcvbuf.is_some(), window_scale: self.wscale.is_some() };
        settings
    }

    fn definitions(&self) -> BTreeMap<String, String> {
        self.define
            .iter()
            .map(|one| one.split_once('=').unwrap_or((one, "1")))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }
}

/// Runs them all.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut files = Vec::new();
    for path in &arguments.paths {
        find_scripts(path, &mut files)?;
    }
    if files.is_empty() {
        return Err("there is no *.pkt there".into());
    }
    if arguments.list {
        for file in &files {
            report::say(format_args!("{}", file.display()));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = arguments.jobs.unwrap_or(cores).clamp(1, files.len());
    let definitions = arguments.definitions();
    let settings = arguments.settings();
    let next = AtomicUsize::new(0);
    let report = Mutex::new(Report::new(files.len()));
    std::thread::scope(|threads| {
        for _ in 0..jobs {
            threads.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = files.get(index) else { break };
                    let outcome = Outcome::of(file, &definitions, &settings, arguments.verbose);
                    report
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .add(index, outcome);
                }
            });
        }
    });
    let report = report.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(report.summary())
}

/// The scripts at a path, those of a directory in the order of their names.
fn find_scripts(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    if !path.metadata().map_err(cannot)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries = Vec::new();
    for entry in path.read_dir().map_err(cannot)? {
        entries.push(entry.map_err(cannot)?.path());
    }
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            find_scripts(&entry, files)?;
        } else if entry.extension().is_some_and(|extension| extension == "pkt") {
            files.push(entry);
        }
    }
    Ok(())
}
