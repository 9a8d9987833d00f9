//! The table: medians, spread and ratios.

use std::collections::HashMap;

use crate::measures::{Figure, Measure};
use crate::shared::{load, machine, median};
use crate::world::Contender;

/// Every value by figure and contender; `None` for a run that failed.
pub(crate) struct Report {
    values: HashMap<(&'static str, &'static str), Vec<Option<f64>>>,
    load: String,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self { values: HashMap::new(), load: load() }
    }

    /// What one run gave, or that it failed.
    pub(crate) fn note(&mut self, measure: &Measure, by: &Contender, values: Option<&[f64]>) {
        for (index, figure) in measure.figures.iter().enumerate() {
            let value = values.map(|values| values[index]);
            self.values.entry((figure.name, by.name)).or_default().push(value);
        }
    }

    pub(crate) fn print(&self, measures: &[&Measure], contenders: &[&Contender]) {
        println!("{}", machine());
        println!("load average before and after: {}, {}", self.load, load());
        println!("median (least to most)\n");
        for figure in measures.iter().flat_map(|measure| measure.figures) {
            println!("{}, {}:", figure.name, figure.unit);
            for contender in contenders {
                self.print_values(figure, contender);
            }
            self.print_ratio(figure, contenders);
            println!();
        }
    }

    fn print_values(&self, figure: &Figure, contender: &Contender) {
        let values = self.sorted(figure, contender);
        let runs = self.runs(figure, contender).len();
        let failed = match runs - values.len() {
            0 => String::new(),
            failed => format!("   {failed} of {runs} runs failed"),
        };
        let (Some(least), Some(most)) = (values.first(), values.last()) else {
            println!("  {:14}{failed}", contender.name);
            return;
        };
        let median = median(&values);
        println!("  {:14} {median:10.2}   ({least:.2} to {most:.2}){failed}", contender.name);
    }

    /// Ours against the better variant of each peer; above 1 we are the better ones.
    fn print_ratio(&self, figure: &Figure, contenders: &[&Contender]) {
        let best = |peer: &str| {
            let variants = contenders.iter().filter(|contender| contender.peer == peer);
            let medians = variants.map(|contender| median(&self.sorted(figure, contender)));
            let better = |a: f64, b: f64| if figure.more { a.max(b) } else { a.min(b) };
            medians.filter(|median| median.is_finite()).reduce(better)
        };
        let (Some(ours), Some(theirs)) = (best("tuntcp"), best("smoltcp")) else { return };
        let ratio = if figure.more { ours / theirs } else { theirs / ours };
        println!("  tuntcp is {ratio:.2} times as good as smoltcp");
    }

    fn runs(&self, figure: &Figure, contender: &Contender) -> &[Option<f64>] {
        self.values.get(&(figure.name, contender.name)).map_or(&[], Vec::as_slice)
    }

    /// The values of the runs that did not fail, the least first.
    fn sorted(&self, figure: &Figure, contender: &Contender) -> Vec<f64> {
        let mut values: Vec<f64> = self.runs(figure, contender).iter().flatten().copied().collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    }
}
