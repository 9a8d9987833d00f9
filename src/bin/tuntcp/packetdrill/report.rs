//! What does a person read? A line a script, the first mismatch of those that fail, and the counts.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use super::kernel::Fault;
use super::parse;
use super::run::Run;
use super::settings::Settings;

/// What became of one script.
#[derive(Debug)]
pub(super) enum Kind {
    Passed,
    Failed(String),
    Unsupported(String),
}

/// The same, told.
#[derive(Debug)]
pub(super) struct Outcome {
    file: String,
    kind: Kind,
    log: Vec<String>,
}

impl Outcome {
    /// Runs a script. It has a stack of its own; a panic of that one fails it alone.
    pub(super) fn of(
        file: &Path,
        definitions: &BTreeMap<String, String>,
        settings: &Settings,
        verbose: bool,
    ) -> Self {
        let name = file.display().to_string();
        let result = std::panic::catch_unwind(|| run(file, definitions, settings, verbose));
        let (kind, log) = result.unwrap_or_else(|_| {
            (Kind::Failed(format!("{name}: the stack panicked: a bug of it")), Vec::new())
        });
        Self { file: name, kind, log }
    }
}

fn run(
    file: &Path,
    definitions: &BTreeMap<String, String>,
    settings: &Settings,
    verbose: bool,
) -> (Kind, Vec<String>) {
    let (script, sources) = match parse::read(file, definitions) {
        Ok(read) => read,
        Err(mistake) => return (Kind::Failed(mistake.to_string()), Vec::new()),
    };
    let mut run = match Run::new(&script, settings.clone(), verbose) {
        Ok(run) => run,
        Err(stop) => return (told(stop.fault, &file.display().to_string()), Vec::new()),
    };
    let outcome = run.run();
    let log = run.log.take().unwrap_or_default();
    let kind = match outcome {
        Ok(()) => Kind::Passed,
        Err(stop) => {
            let at = stop.event.and_then(|index| script.events.get(index)).map(|event| event.at);
            let place = at.map_or_else(
                || file.display().to_string(),
                |at| format!("{}:{}", sources.name(at), at.line),
            );
            told(stop.fault, &place)
        }
    };
    (kind, log)
}

fn told(fault: Fault, place: &str) -> Kind {
    match fault {
        Fault::Unsupported(what) => Kind::Unsupported(format!("{place}: {what}")),
        Fault::Wrong(why) => Kind::Failed(format!("{place}: {why}")),
    }
}

/// One line for a person. That nobody reads it any more (`| head`) is no reason to fail.
pub(super) fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Lines come out in the scripts' order, as soon as they can.
#[derive(Debug)]
pub(super) struct Report {
    waiting: BTreeMap<usize, Outcome>,
    next: usize,
    total: usize,
    passed: usize,
    failed: usize,
    unsupported: usize,
}

impl Report {
    pub(super) fn new(total: usize) -> Self {
        Self { waiting: BTreeMap::new(), next: 0, total, passed: 0, failed: 0, unsupported: 0 }
    }

    pub(super) fn add(&mut self, index: usize, outcome: Outcome) {
        self.waiting.insert(index, outcome);
        while let Some(outcome) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.tell(&outcome);
        }
    }

    fn tell(&mut self, outcome: &Outcome) {
        let (word, why) = match &outcome.kind {
            Kind::Passed => ("ok", None),
            Kind::Failed(why) => ("FAILED", Some(why)),
            Kind::Unsupported(why) => ("unsupported", Some(why)),
        };
        match outcome.kind {
            Kind::Passed => self.passed += 1,
            Kind::Failed(_) => self.failed += 1,
            Kind::Unsupported(_) => self.unsupported += 1,
        }
        say(format_args!("{word:<11} {}", outcome.file));
        for line in &outcome.log {
            say(format_args!("    {line}"));
        }
        for line in why.into_iter().flat_map(|why| why.lines()) {
            say(format_args!("    {line}"));
        }
    }

    /// The counts, and the status that the command ends with.
    pub(super) fn summary(&self) -> ExitCode {
        say(format_args!(
            "{} script{}: {} passed, {} failed, {} unsupported",
            self.total,
            if self.total == 1 { "" } else { "s" },
            self.passed,
            self.failed,
            self.unsupported
        ));
        match (self.failed, self.unsupported) {
            (0, 0) => ExitCode::SUCCESS,
            (0, _) => ExitCode::from(3),
            _ => ExitCode::from(1),
        }
    }
}
