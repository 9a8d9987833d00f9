//! The tables, as Markdown: medians, spread and ratios.

use std::fmt::{self, Display, Formatter};

use crate::contenders::Contender;
use crate::measures::{Figure, Measure};
use crate::results::Results;
use crate::shared::{load, machine};
use crate::targets;

/// What was measured, of whom, and what it came to.
pub(crate) struct Report<'a> {
    pub(crate) measures: Vec<&'a Measure>,
    pub(crate) contenders: Vec<&'static Contender>,
    pub(crate) results: Results,
    pub(crate) command: String,
    /// Before anything was measured.
    pub(crate) load: String,
}

/// The figures whose names begin so stand in one table.
const TABLES: [(&str, &[&str]); 7] = [
    ("Goodput, MTU 1500", &["goodput", "MTU 1500"]),
    ("Goodput, MTU 9000", &["goodput", "MTU 9000"]),
    ("CPU seconds for each 10^9 bytes, one stream", &["CPU per GB"]),
    ("Fairness among eight streams", &["fairness"]),
    ("There and back", &["ping-pong", "!beside"]),
    ("There and back beside eight bulk streams", &["ping-pong", "beside"]),
    ("Connections", &["conne"]),
];

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "* `{}`", self.command)?;
        writeln!(f, "* {}; load average before and after: {}, {}", machine(), self.load, load())?;
        self.targets(f)?;
        let figures: Vec<&Figure> =
            self.measures.iter().flat_map(|measure| &measure.figures).collect();
        for (title, words) in TABLES {
            let belongs = |figure: &&&Figure| {
                words.iter().all(|word| match word.strip_prefix('!') {
                    Some(word) => !figure.name.contains(word),
                    None => figure.name.contains(word),
                })
            };
            let figures: Vec<&Figure> = figures.iter().filter(belongs).copied().collect();
            self.table(f, title, &figures)?;
        }
        Ok(())
    }
}

impl Report<'_> {
    fn targets(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let outcomes = targets::all().into_iter().map(|target| target.judge(&self.results));
        let outcomes: Vec<_> = outcomes.filter(|outcome| outcome.met.is_some()).collect();
        if outcomes.is_empty() {
            return Ok(());
        }
        writeln!(f, "\n## To reach\n")?;
        writeln!(f, "| measure | wanted | measured | |\n| --- | --- | --- | --- |")?;
        for outcome in outcomes {
            let met = if outcome.met == Some(true) { "met" } else { "**missed**" };
            writeln!(f, "| {} | {} | {} | {met} |", outcome.what, outcome.wanted, outcome.reached)?;
        }
        Ok(())
    }

    fn table(&self, f: &mut Formatter<'_>, title: &str, figures: &[&Figure]) -> fmt::Result {
        if figures.is_empty() {
            return Ok(());
        }
        write!(f, "\n## {title}\n\n| median (least to most) |")?;
        for figure in figures {
            write!(f, " {}, {} |", figure.name, figure.unit)?;
        }
        writeln!(f, "\n| --- |{}", " --- |".repeat(figures.len()))?;
        for contender in &self.contenders {
            let cells: Vec<String> =
                figures.iter().map(|figure| self.cell(&figure.name, contender.name)).collect();
            if cells.iter().any(|cell| !cell.is_empty()) {
                writeln!(f, "| {} | {} |", contender.name, cells.join(" | "))?;
            }
        }
        Ok(())
    }

    fn cell(&self, figure: &str, contender: &str) -> String {
        let failed = match self.results.failed(figure, contender) {
            (_, 0) => String::new(),
            (runs, failed) => format!(" {failed} of {runs} runs failed"),
        };
        let Some(summary) = self.results.summary(figure, contender) else {
            return failed.trim().to_owned();
        };
        let [median, least, most] = [summary.median, summary.least, summary.most].map(short);
        if least == most {
            return format!("{median}{failed}");
        }
        format!("{median} ({least} to {most}){failed}")
    }
}

/// Three digits that tell something, of large numbers all.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
