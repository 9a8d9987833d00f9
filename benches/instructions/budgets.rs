//! What may each path cost? A table that is checked in.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::path::Path;

/// How far a figure may lie from its budget, percent.
const TOLERANCE: f64 = 5.0;

/// A line of the table.
#[derive(Debug, Deserialize, Serialize)]
struct Budget {
    path: String,
    unit: String,
    instructions: u64,
}

/// The table.
pub(crate) struct Budgets(Vec<Budget>);

/// How a figure compares with its budget.
pub(crate) enum Verdict {
    /// Within the tolerance; percent.
    Kept(f64),
    /// It costs too much; percent.
    Above(f64),
    /// It costs so much less that the budget should follow; percent.
    Below(f64),
    /// There is no budget.
    Unknown,
}

impl Budgets {
    /// As it is checked in; empty where nothing is.
    pub(crate) fn read() -> Result<Self, String> {
        if !file().exists() {
            return Ok(Self(Vec::new()));
        }
        let read = csv::Reader::from_path(file())
            .and_then(|mut reader| reader.deserialize().collect::<Result<_, _>>());
        read.map(Self).map_err(|error| format!("{}: {error}", file().display()))
    }

    /// Writes it, in place of what is there.
    pub(crate) fn write(&self) -> Result<(), String> {
        let write = || -> csv::Result<()> {
            let mut writer = csv::Writer::from_path(file())?;
            self.0.iter().try_for_each(|budget| writer.serialize(budget))?;
            Ok(writer.flush()?)
        };
        write().map_err(|error| format!("{}: {error}", file().display()))
    }

    /// Whether a path that costs `count` is what the table expects.
    pub(crate) fn judge(&self, path: Path, count: u64) -> Verdict {
        let Some(budget) = self.0.iter().find(|budget| budget.path == path.name()) else {
            return Verdict::Unknown;
        };
        #[expect(clippy::cast_precision_loss, reason = "they have a few digits")]
        let (count, budget) = (count as f64, budget.instructions.max(1) as f64);
        let off = (count / budget - 1.0) * 100.0;
        match off {
            off if off > TOLERANCE => Verdict::Above(off),
            off if off < -TOLERANCE => Verdict::Below(off),
            off => Verdict::Kept(off),
        }
    }

    /// A path costs `instructions` from now on.
    pub(crate) fn set(&mut self, path: Path, instructions: u64) {
        let (name, unit) = (path.name(), path.unit().to_owned());
        self.0.retain(|budget| budget.path != name);
        self.0.push(Budget { path: name, unit, instructions });
        self.0.sort_by_key(|budget| Path::ALL.iter().position(|path| path.name() == budget.path));
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept(off) => write!(f, "{off:+.1} %"),
            Self::Above(off) => write!(f, "{off:+.1} %: above its budget"),
            Self::Below(off) => write!(f, "{off:+.1} %: the budget is too high now, bless"),
            Self::Unknown => write!(f, "it has no budget"),
        }
    }
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("budgets.csv")
}
