//! The tables: medians, spread and ratios, as Markdown.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use crate::ends::Kind;
use crate::paths::{PATHS, Path};
use crate::shared::{load, machine, median};
use crate::shuttle::LATE;
use crate::trial::{Contender, Outcome, Trial};

/// A cell: an algorithm and the place of a path in the matrix.
type Cell = (String, usize);

/// What all trials came to.
#[derive(Debug)]
pub struct Report {
    cells: BTreeMap<Cell, BTreeMap<Contender, Runs>>,
    left_out: Vec<String>,
    command: String,
    load: String,
}

/// The trials of one contender in one cell.
#[derive(Debug, Default)]
struct Runs {
    outcomes: Vec<Outcome>,
    failed: usize,
}

/// Goodput below this share of Linux's misses the goal.
const ENOUGH: f64 = 0.95;
/// More than so many times what Linux sends again misses the goal ...
const TOO_MUCH: f64 = 1.2;
/// ... if it is more of all that was sent by so much, too: one segment of a thousand is no habit.
const NOTICEABLE: f64 = 0.001;
/// Nothing for so long is a stall.
const STALL: Duration = Duration::from_secs(1);

impl Report {
    /// Nothing yet; `command` is what made it.
    #[must_use]
    pub fn new(command: String) -> Self {
        Self { cells: BTreeMap::new(), left_out: Vec::new(), command, load: load() }
    }

    /// Nothing is measured of `sender` with this algorithm, and why.
    pub fn leave_out(&mut self, algorithm: &str, sender: Kind, why: &str) {
        self.left_out.push(format!("{sender:?} does not send with {algorithm}: {why}"));
    }

    /// What one trial gave; `None` if it failed.
    pub fn note(&mut self, trial: &Trial, outcome: Option<Outcome>) {
        let place = PATHS.iter().position(|path| path.name == trial.path.name);
        let cell = (trial.algorithm.clone(), place.expect("the path is in the matrix"));
        let runs = self.cells.entry(cell).or_default().entry(trial.contender).or_default();
        match outcome {
            Some(outcome) => runs.outcomes.push(outcome),
            None => runs.failed += 1,
        }
    }
}

/// What is compared with Linux.
const COMPARED: [(Contender, &str); 3] = [
    (Contender::Control, "control"),
    (Contender::Sends, "ours sends"),
    (Contender::Receives, "ours receives"),
];

/// A contender in a cell, or Linux there: its two contenders together.
struct Summary {
    /// Bits a second, sorted.
    goodput: Vec<f64>,
    /// Share of the bytes that were sent more than once.
    again: f64,
    /// The longest time without progress in any of the runs.
    gap: Duration,
    /// Time-outs of a run.
    timeouts: f64,
    failed: usize,
}

impl Summary {
    fn of(runs: &[&Runs]) -> Option<Self> {
        let all: Vec<&Outcome> = runs.iter().flat_map(|runs| &runs.outcomes).collect();
        let failed = runs.iter().map(|runs| runs.failed).sum();
        if all.is_empty() && failed == 0 {
            return None;
        }
        let sorted = |value: fn(&Outcome) -> f64| {
            let mut values: Vec<f64> = all.iter().map(|outcome| value(outcome)).collect();
            values.sort_unstable_by(f64::total_cmp);
            values
        };
        let middle = |value: fn(&Outcome) -> f64| median(&sorted(value));
        Some(Self {
            goodput: sorted(|outcome| outcome.goodput),
            again: middle(|outcome| outcome.again),
            gap: all.iter().map(|outcome| outcome.gap).max().unwrap_or_default(),
            timeouts: middle(|outcome| outcome.timeouts as f64),
            failed,
        })
    }

    fn middle(&self) -> f64 {
        median(&self.goodput)
    }

    /// Median, least and most in units of `unit`.
    fn spread(&self, unit: f64, decimals: usize) -> String {
        let (Some(least), Some(most)) = (self.goodput.first(), self.goodput.last()) else {
            return "failed".to_owned();
        };
        let [middle, least, most] = [self.middle(), *least, *most].map(|one| one / unit);
        let failed =
            if self.failed > 0 { format!(", {} failed", self.failed) } else { String::new() };
        format!("{middle:.decimals$} ({least:.decimals$} to {most:.decimals$}{failed})")
    }

    fn falls_short(&self, linux: &Self) -> bool {
        self.failed > 0 || self.middle() < ENOUGH * linux.middle()
    }

    fn repeats_too_much(&self, linux: &Self) -> bool {
        self.again > TOO_MUCH * linux.again && self.again > linux.again + NOTICEABLE
    }

    fn stalls(&self) -> bool {
        self.gap >= STALL
    }
}

impl Report {
    fn summary(&self, cell: &Cell, contenders: &[Contender]) -> Option<Summary> {
        let runs = self.cells.get(cell)?;
        let runs: Vec<&Runs> = contenders.iter().filter_map(|one| runs.get(one)).collect();
        Summary::of(&runs)
    }

    /// What the others are compared with: every run of Linux to Linux.
    fn linux(&self, cell: &Cell) -> Option<Summary> {
        self.summary(cell, &[Contender::Linux, Contender::Control])
    }

    fn algorithms(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.cells.keys().map(|(name, _)| name.as_str()).collect();
        names.dedup();
        names
    }

    fn cells_of(&self, algorithm: &str) -> impl Iterator<Item = (&Cell, &'static Path)> {
        let cells = self.cells.keys().filter(move |(name, _)| name == algorithm);
        cells.map(|cell| (cell, &PATHS[cell.1]))
    }

    fn write_overview(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| algorithm | | goodput, geometric mean | least, where | below {ENOUGH} | sends too much again | stalls |"
        )?;
        writeln!(f, "| --- | --- | --- | --- | --- | --- | --- |")?;
        for algorithm in self.algorithms() {
            for (contender, name) in COMPARED {
                self.write_overview_line(f, algorithm, contender, name)?;
            }
        }
        writeln!(f)
    }

    fn write_overview_line(
        &self,
        f: &mut Formatter<'_>,
        algorithm: &str,
        contender: Contender,
        name: &str,
    ) -> fmt::Result {
        let mut ratios = Vec::new();
        let mut counts = [0; 3];
        for (cell, path) in self.cells_of(algorithm) {
            let of = [contender];
            let (Some(linux), Some(one)) = (self.linux(cell), self.summary(cell, &of)) else {
                continue;
            };
            ratios.push((one.middle() / linux.middle(), path.name));
            let misses = [one.falls_short(&linux), one.repeats_too_much(&linux), one.stalls()];
            for (count, miss) in counts.iter_mut().zip(misses) {
                *count += usize::from(miss);
            }
        }
        ratios.retain(|(ratio, _)| ratio.is_finite());
        let Some((least, where_)) = ratios.iter().min_by(|a, b| a.0.total_cmp(&b.0)) else {
            return Ok(());
        };
        let mean =
            (ratios.iter().map(|(ratio, _)| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
        let [slow, again, stalls] = counts;
        writeln!(
            f,
            "| {algorithm} | {name} | {mean:.3} | {least:.2}, {where_} | {slow} | {again} | {stalls} |"
        )
    }

    fn write_goodput(&self, f: &mut Formatter<'_>, algorithm: &str) -> fmt::Result {
        writeln!(f, "| path | Linux, Mbit/s | control | ours sends | ours receives |")?;
        writeln!(f, "| --- | --- | --- | --- | --- |")?;
        for (cell, path) in self.cells_of(algorithm) {
            let Some(linux) = self.linux(cell) else { continue };
            write!(f, "| {} | {} |", path.name, linux.spread(1e6, 2))?;
            for (contender, _) in COMPARED {
                let one = self.summary(cell, &[contender]);
                let words = one.as_ref().map(|one| one.spread(linux.middle(), 2));
                let miss = one.is_some_and(|one| one.falls_short(&linux));
                write!(f, " {} |", marked(words, miss))?;
            }
            writeln!(f)?;
        }
        writeln!(f)
    }

    fn write_recovery(&self, f: &mut Formatter<'_>, algorithm: &str) -> fmt::Result {
        let who = "Linux | control | ours sends | ours receives";
        writeln!(
            f,
            "| path | sent again, %: {who} | longest silence, ms: {who} | time-outs: {who} |"
        )?;
        writeln!(f, "|{}", " --- |".repeat(13))?;
        for (cell, path) in self.cells_of(algorithm) {
            let Some(linux) = self.linux(cell) else { continue };
            let all: Vec<_> =
                Contender::ALL.iter().map(|&one| self.summary(cell, &[one])).collect();
            write!(f, "| {} |", path.name)?;
            for one in &all {
                let miss = one.as_ref().is_some_and(|one| one.repeats_too_much(&linux));
                let words = one.as_ref().map(|one| format!("{:.2}", 100.0 * one.again));
                write!(f, " {} |", marked(words, miss))?;
            }
            for one in &all {
                let miss = one.as_ref().is_some_and(Summary::stalls);
                let words = one.as_ref().map(|one| one.gap.as_millis().to_string());
                write!(f, " {} |", marked(words, miss))?;
            }
            for one in &all {
                let words = one.as_ref().map(|one| one.timeouts.to_string());
                write!(f, " {} |", marked(words, false))?;
            }
            writeln!(f)?;
        }
        writeln!(f)
    }

    /// How well the instrument did.
    fn write_instrument(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let runs = || self.cells.values().flat_map(BTreeMap::values);
        let outcomes = || runs().flat_map(|runs| &runs.outcomes);
        let mut late: Vec<f64> = outcomes().map(|one| one.late * 100.0).collect();
        late.sort_unstable_by(f64::total_cmp);
        let failed: usize = runs().map(|runs| runs.failed).sum();
        let strays: u64 = outcomes().map(|one| one.strays).sum();
        writeln!(
            f,
            "{} transfers, {failed} of them failed. Of the frames of a transfer {:.2} % were handed on \
             more than {} ms late in the middle one, {:.2} % in the worst. {strays} frames were lost \
             between a stack and the path.",
            late.len() + failed,
            median(&late),
            LATE.as_millis(),
            late.last().copied().unwrap_or(f64::NAN),
        )
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Against Linux\n")?;
        writeln!(f, "{}\n", include_str!("report.md").trim_end())?;
        writeln!(f, "## What was measured\n")?;
        writeln!(f, "* `{}`", self.command)?;
        writeln!(
            f,
            "* {}, MTU 1500; load average before and after: {}, {}",
            machine(),
            self.load,
            load()
        )?;
        for what in &self.left_out {
            writeln!(f, "* {what}")?;
        }
        write!(f, "* ")?;
        self.write_instrument(f)?;
        writeln!(f, "\n## Result\n")?;
        self.write_overview(f)?;
        for algorithm in self.algorithms() {
            writeln!(f, "## {algorithm}\n")?;
            self.write_goodput(f, algorithm)?;
            self.write_recovery(f, algorithm)?;
        }
        writeln!(f, "## The paths\n")?;
        writeln!(f, "| path | round trip, ms | frames |")?;
        writeln!(f, "| --- | --- | --- |")?;
        let mut used: Vec<usize> = self.cells.keys().map(|(_, place)| *place).collect();
        used.sort_unstable();
        used.dedup();
        for path in used.into_iter().map(|place| &PATHS[place]) {
            writeln!(
                f,
                "| {} | {} | {} |",
                path.name,
                path.round_trip().as_millis(),
                path.words()
            )?;
        }
        Ok(())
    }
}

/// In bold if it misses a goal; a dash where there is nothing.
fn marked(words: Option<String>, miss: bool) -> String {
    let words = words.unwrap_or_else(|| "–".to_owned());
    if miss { format!("**{words}**") } else { words }
}
