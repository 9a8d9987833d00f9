//! The tables: what is required, and what is to be said about it.

use std::collections::BTreeMap;
use std::path::Path;

/// A row of `requirements.csv`.
pub(crate) struct Requirement {
    pub(crate) id: String,
    /// As in `RFC9293`.
    pub(crate) rfc: String,
    /// `MUST`, `MUST NOT`, `SHOULD`, `SHOULD NOT`, `MAY`; `rule`: prose without such a word, which
    /// binds like a MUST; `practice`: what everybody does.
    pub(crate) level: String,
    pub(crate) text: String,
}

impl Requirement {
    /// All of them, in the order of the file.
    pub(crate) fn all(root: &Path) -> Vec<Self> {
        let rows = read(&root.join("tests/requirements.csv"));
        rows.into_iter()
            .map(|row| match <[String; 6]>::try_from(row) {
                Ok([id, rfc, _section, level, text, _source]) => Self { id, rfc, level, text },
                Err(row) => panic!("requirements.csv: {} columns: {row:?}", row.len()),
            })
            .collect()
    }
}

/// A row of `verdicts.csv`: why a requirement is not plainly met.
pub(crate) struct Verdict {
    /// `deviates`, `not applicable` or `planned`.
    pub(crate) word: String,
    pub(crate) reason: String,
}

impl Verdict {
    /// All of them, by the requirement's id.
    pub(crate) fn all(root: &Path) -> BTreeMap<String, Self> {
        let rows = read(&root.join("tests/verdicts.csv"));
        let mut verdicts = BTreeMap::new();
        for row in rows {
            let [id, word, reason] = <[String; 3]>::try_from(row)
                .unwrap_or_else(|row| panic!("verdicts.csv: {} columns: {row:?}", row.len()));
            let twice = verdicts.insert(id.clone(), Self { word, reason });
            assert!(twice.is_none(), "verdicts.csv has two rows about {id}");
        }
        verdicts
    }
}

/// The rows of a table without its head.
fn read(path: &Path) -> Vec<Vec<String>> {
    let mut reader =
        csv::Reader::from_path(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    reader
        .records()
        .map(|row| row.unwrap_or_else(|e| panic!("{}: {e}", path.display())))
        .map(|row| row.iter().map(str::to_owned).collect())
        .collect()
}
