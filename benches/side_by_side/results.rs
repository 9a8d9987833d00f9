//! Every value that was measured.

use std::collections::HashMap;

use crate::contenders::Contender;
use crate::measures::Measure;
use crate::shared::median;

/// By figure and contender; `None` for a run that failed.
#[derive(Default)]
pub(crate) struct Results(HashMap<(String, &'static str), Vec<Option<f64>>>);

/// What several runs came to.
pub(crate) struct Summary {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

impl Results {
    /// What one run gave, or that it failed.
    pub(crate) fn note(&mut self, measure: &Measure, by: &Contender, values: Option<&[f64]>) {
        for (index, figure) in measure.figures.iter().enumerate() {
            let value = values.map(|values| values[index]);
            self.0.entry((figure.name.clone(), by.name)).or_default().push(value);
        }
    }

    /// Of the runs that did not fail, if there are any.
    pub(crate) fn summary(&self, figure: &str, contender: &str) -> Option<Summary> {
        let mut values: Vec<f64> = self.runs(figure, contender).iter().flatten().copied().collect();
        values.sort_unstable_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        Some(Summary { least, median: median(&values), most })
    }

    /// The middle of the runs that did not fail, if there are any.
    pub(crate) fn median(&self, figure: &str, contender: &str) -> Option<f64> {
        self.summary(figure, contender).map(|summary| summary.median)
    }

    /// Runs, and how many of them failed.
    pub(crate) fn failed(&self, figure: &str, contender: &str) -> (usize, usize) {
        let runs = self.runs(figure, contender);
        (runs.len(), runs.iter().filter(|run| run.is_none()).count())
    }

    fn runs(&self, figure: &str, contender: &str) -> &[Option<f64>] {
        // A key of two strings can only be looked up by one that owns them, as seldom as this is.
        let mut keys = self.0.keys();
        let key = keys.find(|(name, by)| name == figure && *by == contender);
        key.map_or(&[], |key| &self.0[key])
    }
}
