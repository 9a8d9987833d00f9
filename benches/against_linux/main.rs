//! The matrix of paths, algorithms and contenders. Rounds are interleaved, so that a noisy machine is
//! noisy for everybody.

use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use against_linux::ends::{Kind, knows};
use against_linux::paths::{PATHS, Path};
use against_linux::report::Report;
use against_linux::trial::{Contender, Outcome, Trial};
use against_linux::{Failure, parse_seconds};

/// Where `--write` writes.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/linux.md");

#[derive(Parser)]
#[command(version, about = "Measures tuntcp and Linux's TCP over the same emulated paths")]
struct Arguments {
    /// How often each contender is measured
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// Seconds that one transfer takes; three times as long where the rate is 50 Mbit/s at most, and
    /// 40 round trips where those are longer
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = parse_seconds)]
    seconds: Duration,

    /// Only the paths that are called so, or whose names contain this
    #[arg(long, value_name = "PATH", value_delimiter = ',')]
    only: Vec<String>,

    /// Congestion control of both ends
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "reno,cubic,bbr")]
    algorithms: Vec<String>,

    /// Who sends to whom
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_values_t = Contender::ALL, value_enum)]
    contenders: Vec<Contender>,

    /// What decides what is lost and reordered, for every contender of a round; the next round has
    /// the next one
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Transfers run at the same time as long as their paths have this rate together, in Mbit/s
    #[arg(long, value_name = "MBIT", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    at_once: u64,

    /// Write what the sender sends and gets as pcapng into this directory, a file for each transfer
    #[arg(long, value_name = "DIRECTORY")]
    capture: Option<PathBuf>,

    /// Write docs/linux.md
    #[arg(long)]
    write: bool,

    /// List the paths and do nothing
    #[arg(long)]
    list: bool,

    /// What `cargo bench` passes to every harness
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let paths = arguments.paths();
    if paths.is_empty() {
        let error = "no path has such a name: --list lists them";
        Arguments::command().error(ErrorKind::InvalidValue, error).exit();
    }
    if arguments.list {
        for path in paths {
            println!("{}: {}", path.name, path.words());
        }
        return;
    }
    // Threads of the harness are many and mostly asleep: they need a CPU at once when they wake up.
    if !run_before_others(1) {
        eprintln!("chrt gives no real-time priority: what else the machine does will show");
    }
    let mut report = Report::new(command());
    let mut trials = arguments.trials(&paths);
    for algorithm in &arguments.algorithms {
        for sender in [Kind::Linux, Kind::Ours] {
            if let Err(error) = knows(sender, algorithm) {
                eprintln!("{algorithm} is not sent with by {sender:?}: {error}");
                report.leave_out(algorithm, sender, &error.to_string());
                trials
                    .retain(|one| one.algorithm != *algorithm || one.contender.ends().0 != sender);
            }
        }
    }
    let report = Mutex::new(report);
    let room = arguments.at_once * 1_000_000;
    let done = AtomicUsize::new(0);
    run_all(&trials, room, |trial, outcome| {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        match &outcome {
            Ok(outcome) => eprintln!("{done}/{} {}: {outcome}", trials.len(), trial.name()),
            Err(error) => eprintln!("{done}/{} {}: failed: {error}", trials.len(), trial.name()),
        }
        report.lock().expect("nobody panics").note(trial, outcome.ok());
    });
    let report = report.into_inner().expect("nobody panicked");
    println!("{report}");
    if arguments.write {
        std::fs::write(DOCUMENT, report.to_string()).expect("docs/ can be written");
    }
}

impl Arguments {
    /// The paths that are asked for: by a name, or by what is a part of names and none itself.
    fn paths(&self) -> Vec<&'static Path> {
        let asked_for = |path: &&Path| {
            self.only.is_empty()
                || self.only.iter().any(|part| {
                    let exact = PATHS.iter().any(|path| path.name == part);
                    path.name == part || !exact && path.name.contains(part)
                })
        };
        PATHS.iter().filter(asked_for).collect()
    }

    /// Everything that is to be done, in this order: contenders next to each other, rounds apart.
    fn trials(&self, paths: &[&'static Path]) -> Vec<Trial> {
        let mut trials = Vec::new();
        for round in 0..self.rounds {
            for algorithm in &self.algorithms {
                for &path in paths {
                    for &contender in &self.contenders {
                        let mut trial = Trial {
                            path,
                            contender,
                            algorithm: algorithm.clone(),
                            seed: self.seed + u64::from(round),
                            span: path.span(self.seconds),
                            capture: None,
                        };
                        let file = format!("{}.pcapng", trial.name().replace(' ', "-"));
                        trial.capture = self.capture.as_ref().map(|folder| folder.join(file));
                        trials.push(trial);
                    }
                }
            }
        }
        trials
    }
}

/// Runs all of them in their order, several at once where there is `room` for their rates, bits a
/// second.
fn run_all(trials: &[Trial], room: u64, note: impl Fn(&Trial, Result<Outcome, Failure>) + Sync) {
    let free = Mutex::new(room);
    let changed = Condvar::new();
    thread::scope(|scope| {
        for trial in trials {
            let need = trial.path.rate().min(room);
            let held = free.lock().expect("nobody panics");
            let mut held = changed.wait_while(held, |free| *free < need).expect("nobody panics");
            *held -= need;
            drop(held);
            let (note, free, changed) = (&note, &free, &changed);
            scope.spawn(move || {
                note(trial, trial.run());
                *free.lock().expect("nobody panics") += need;
                changed.notify_one();
            });
        }
    });
}

/// Lets the calling thread, and threads that it starts from now on, run before everything else on the
/// machine but what has a higher `priority`; whether that is allowed.
fn run_before_others(priority: u32) -> bool {
    let thread = nix::unistd::gettid().to_string();
    let mut command = process::Command::new("chrt");
    command
        .args(["--fifo", "--pid", &priority.to_string(), &thread])
        .stderr(process::Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// How to measure this again.
fn command() -> String {
    let given: Vec<String> = std::env::args().skip(1).filter(|one| one != "--bench").collect();
    format!("cargo bench --bench against_linux -- {}", given.join(" "))
        .trim_end_matches(" -- ")
        .trim_end()
        .to_owned()
}
