//! The table: medians, spread and ratios.

use std::collections::HashMap;

use crate::measures::Measure;
use crate::world::Contender;

/// Every figure by measure and contender.
pub(crate) struct Report {
    figures: HashMap<(&'static str, &'static str), Vec<f64>>,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self { figures: HashMap::new() }
    }

    pub(crate) fn note(&mut self, measure: &Measure, contender: &Contender, figure: f64) {
        self.figures.entry((measure.name, contender.name)).or_default().push(figure);
    }

    pub(crate) fn print(&self, measures: &[&Measure], contenders: &[&Contender]) {
        println!("{}", machine());
        println!("median (least to most)\n");
        for measure in measures {
            println!("{}, {}:", measure.name, measure.unit);
            for contender in contenders {
                let figures = self.sorted(measure, contender);
                let (Some(least), Some(most)) = (figures.first(), figures.last()) else {
                    println!("  {:14} failed", contender.name);
                    continue;
                };
                let median = median(&figures);
                println!("  {:14} {median:10.2}   ({least:.2} to {most:.2})", contender.name);
            }
            self.print_ratio(measure, contenders);
        }
    }

    /// Ours against the better variant of each peer; above 1 we are the better ones.
    fn print_ratio(&self, measure: &Measure, contenders: &[&Contender]) {
        let best = |peer: &str| {
            let variants = contenders.iter().filter(|contender| contender.peer == peer);
            let medians = variants.map(|contender| median(&self.sorted(measure, contender)));
            let better = |a: f64, b: f64| if measure.more { a.max(b) } else { a.min(b) };
            medians.filter(|figure| figure.is_finite()).reduce(better)
        };
        let (Some(ours), Some(theirs)) = (best("tuntcp"), best("smoltcp")) else { return };
        let ratio = if measure.more { ours / theirs } else { theirs / ours };
        println!("  tuntcp is {ratio:.2} times as good as smoltcp\n");
    }

    fn sorted(&self, measure: &Measure, contender: &Contender) -> Vec<f64> {
        let figures = self.figures.get(&(measure.name, contender.name));
        let mut figures: Vec<f64> = figures.into_iter().flatten().copied().collect();
        figures.retain(|figure| figure.is_finite());
        figures.sort_unstable_by(f64::total_cmp);
        figures
    }
}

fn median(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => sorted[len / 2],
        len => f64::midpoint(sorted[len / 2 - 1], sorted[len / 2]),
    }
}

fn machine() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{} CPUs ({}), Linux {}, MTU 1500",
        std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        model.map_or("unknown", |(_, name)| name),
        kernel.trim(),
    )
}
