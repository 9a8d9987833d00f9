//! `docs/conformance.md`: a table an RFC, and a count of each on top.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::citations::{Citation, Place};
use crate::table::{Requirement, Verdict};

const HEAD: &str = "\
# Conformance

What the RFCs demand and what this stack does about it, requirement by requirement. The words are
ours; the ids of RFC 9293 are those of its appendix B, others name their RFC and section. A *rule*
is prose without a word of BCP 14, which binds like a MUST; a *practice* is what everybody does.

* **met**: a test proves it.
* **deviates**: we do something else, for the reason given.
* **not applicable**: there is nothing here that it could apply to, or it is a MAY that is not taken.
* **planned**: belongs to a feature that is not there yet.

This file is written by `TUNTCP_BLESS=1 cargo test --test requirements` from
`tests/requirements.csv`, `tests/verdicts.csv` and the ids that tests cite; do not edit it.
";

/// What one may say of a requirement, in the order of the summary's columns.
const WORDS: [&str; 4] = ["met", "deviates", "not applicable", "planned"];

/// Tests that are named; of more only how many there are.
const NAMED: usize = 2;

/// The whole file.
pub(crate) fn written(
    requirements: &[Requirement],
    verdicts: &BTreeMap<String, Verdict>,
    citations: &[Citation],
) -> String {
    let mut proofs: BTreeMap<&str, BTreeSet<&Place>> = BTreeMap::new();
    for citation in citations.iter().filter(|citation| citation.proves) {
        proofs.entry(&citation.id).or_default().insert(&citation.place);
    }
    let mut tables: Vec<(&str, Vec<&Requirement>)> = Vec::new();
    for row in requirements {
        match tables.iter_mut().find(|(rfc, _)| *rfc == row.rfc) {
            Some((_, rows)) => rows.push(row),
            None => tables.push((&row.rfc, vec![row])),
        }
    }
    let word = |row: &Requirement| verdicts.get(&row.id).map_or("met", |verdict| &verdict.word);

    let mut text = HEAD.to_owned();
    text += "\n| RFC | met | deviates | not applicable | planned | in all |\n";
    text += "| --- | ---: | ---: | ---: | ---: | ---: |\n";
    for (rfc, rows) in &tables {
        let words: Vec<_> = rows.iter().copied().map(word).collect();
        summary(&mut text, &format!("[{}](#{})", spaced(rfc), anchor(rfc)), &words);
    }
    let words: Vec<_> = requirements.iter().map(word).collect();
    summary(&mut text, "all", &words);
    for (rfc, rows) in &tables {
        let _ = write!(text, "\n## {}\n\n", spaced(rfc));
        text += "| id | level | requirement | verdict | proved by |\n";
        text += "| --- | --- | --- | --- | --- |\n";
        for row in rows {
            let verdict = match verdicts.get(&row.id) {
                Some(verdict) => format!("**{}**: {}", verdict.word, verdict.reason),
                None => "met".to_owned(),
            };
            let proof = proofs.get(&*row.id).map(proved_by).unwrap_or_default();
            let cells = [&*row.id, &row.level, &row.text, &verdict, &proof].map(escaped);
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
    }
    text
}

fn summary(text: &mut String, name: &str, words: &[&str]) {
    let _ = write!(text, "| {name} ");
    for word in WORDS {
        let count = words.iter().filter(|found| **found == word).count();
        let _ = write!(text, "| {count} ");
    }
    let _ = writeln!(text, "| {} |", words.len());
}

fn proved_by(places: &BTreeSet<&Place>) -> String {
    let mut names: Vec<_> = places.iter().take(NAMED).map(|place| named(place)).collect();
    if places.len() > NAMED {
        names.push(format!("{} more", places.len() - NAMED));
    }
    names.join(", ")
}

fn named(place: &Place) -> String {
    let link = format!("[{0}](../{0})", place.path);
    match &place.test {
        Some(test) => format!("{link} `{test}`"),
        None => link,
    }
}

/// `RFC9293` as people write it.
fn spaced(rfc: &str) -> String {
    rfc.replacen("RFC", "RFC ", 1)
}

fn anchor(rfc: &str) -> String {
    rfc.replacen("RFC", "rfc-", 1)
}

fn escaped(cell: &str) -> String {
    cell.replace('|', "\\|")
}
