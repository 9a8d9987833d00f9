//! Is every rule of the RFCs kept, and who says so? `requirements.csv` lists the rules;
//! `verdicts.csv` those that are not plainly met, with a reason each; what is met is proved by a
//! test that cites the rule's id. `docs/conformance.md` shows all of it and is written here:
//! `TUNTCP_BLESS=1 cargo test --test requirements`.

mod citations;
mod matrix;
mod table;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use citations::{Citation, Place};
use table::{Requirement, Verdict};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn assert_none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n\n{}\n", found.join("\n"));
}

/// The ids that tests cite.
fn proved(citations: &[Citation]) -> BTreeSet<&str> {
    citations.iter().filter(|citation| citation.proves).map(|citation| &*citation.id).collect()
}

#[test]
fn what_is_cited_exists() {
    let requirements = Requirement::all(root());
    let known: BTreeSet<&str> = requirements.iter().map(|requirement| &*requirement.id).collect();
    assert_eq!(known.len(), requirements.len(), "an id stands twice in requirements.csv");
    let citations = citations::all(root());
    let strangers = citations.iter().filter(|citation| !known.contains(&*citation.id));
    let strangers: Vec<_> =
        strangers.map(|citation| format!("{}: {}", citation.place, citation.id)).collect();
    assert_none("these ids are not in requirements.csv", &strangers);
}

#[test]
fn what_is_met_is_proved() {
    let verdicts = Verdict::all(root());
    let citations = citations::all(root());
    let proved = proved(&citations);
    let unproved: Vec<_> = Requirement::all(root())
        .iter()
        .filter(|row| !verdicts.contains_key(&row.id) && !proved.contains(&*row.id))
        .map(|row| format!("{} ({}): {}", row.id, row.level, row.text))
        .collect();
    assert_none("no test proves, and no verdict explains", &unproved);
}

#[test]
fn verdicts_have_a_rule_and_a_reason() {
    let requirements = Requirement::all(root());
    let citations = citations::all(root());
    let proved = proved(&citations);
    let mut wrong = Vec::new();
    for (id, verdict) in Verdict::all(root()) {
        if !requirements.iter().any(|requirement| requirement.id == id) {
            wrong.push(format!("{id}: no such requirement"));
        }
        if !["deviates", "not applicable", "planned"].contains(&&*verdict.word) {
            wrong.push(format!("{id}: '{}' is no verdict", verdict.word));
        }
        if verdict.reason.len() < 10 {
            wrong.push(format!("{id}: no reason"));
        }
        // A deviation may be shown by a test; what a test proves is there.
        if verdict.word != "deviates" && proved.contains(&*id) {
            wrong.push(format!("{id}: '{}', but a test proves it", verdict.word));
        }
    }
    assert_none("verdicts.csv", &wrong);
}

#[test]
fn the_matrix_is_up_to_date() {
    let (requirements, verdicts) = (Requirement::all(root()), Verdict::all(root()));
    let matrix = matrix::written(&requirements, &verdicts, &citations::all(root()));
    let path = root().join("docs/conformance.md");
    if std::env::var_os("TUNTCP_BLESS").is_some() {
        fs::write(&path, &matrix).expect("docs/conformance.md can be written");
    }
    let before = fs::read_to_string(&path).unwrap_or_default();
    let line = before.lines().zip(matrix.lines()).position(|(before, now)| before != now);
    assert!(
        before == matrix,
        "docs/conformance.md is out of date from line {} on: TUNTCP_BLESS=1 cargo test --test \
         requirements writes it anew",
        line.map_or(1, |line| line + 1)
    );
}

#[test]
fn a_citation_is_an_id_that_stands_as_a_word() {
    let rows: [(&str, &[&str]); 8] = [
        ("// RFC 9293 3.8.6, MUST-34: it may shrink", &["MUST-34"]),
        ("/// Proves: MUST-9, SHLD-1, RFC6528-3-a.", &["MUST-9", "SHLD-1", "RFC6528-3-a"]),
        ("RFC9293-3.10.7.4-a; (RFC1122-3.2.1.8c)", &["RFC9293-3.10.7.4-a", "RFC1122-3.2.1.8c"]),
        ("(\"MUST-6: unknown kinds\", 3)", &["MUST-6"]),
        ("RFC 9293, MUST and RFC9293", &[]),
        ("XMUST-3 MUST-x MUST- RFC-12 RFCs", &[]),
        ("MAY-2. REC-1.", &["MAY-2", "REC-1"]),
        ("a NOT-MUST-3", &[]),
    ];
    for (line, ids) in rows {
        assert_eq!(citations::ids(line).collect::<Vec<_>>(), ids, "{line}");
    }
}

#[test]
fn a_citation_belongs_to_the_test_around_it() {
    let text = "\
//! MUST-1

/// MUST-2
#[test]
fn first() {
    // MUST-3
}

/// MUST-4
fn helper() {
    // MUST-5
}

/// MUST-6
/// and so on.
#[test]
#[ignore]
fn second() {
    row(\"MUST-7\");
}

proptest! {
    /// MUST-8
    #[test]
    fn third(a in b) {}
}
";
    let found = citations::in_file("tests/a.rs", text);
    let places: Vec<_> = found.iter().map(|citation| citation.place.to_string()).collect();
    let expected = ["", "::first", "::first", "", "", "::second", "::second", "::third"];
    assert_eq!(places, expected.map(|name| format!("tests/a.rs{name}")));
    assert!(found.iter().all(|citation| citation.proves));
}

#[test]
fn only_tests_prove() {
    let rows = [
        ("tests/engine/icmp.rs", true),
        ("tests/packetdrill/close/fin.pkt", true),
        ("src/tcp/tests/ack.rs", true),
        ("src/tcp/input.rs", false),
    ];
    for (path, proves) in rows {
        let found = citations::in_file(path, "// MUST-1\n");
        let place = Place { path: path.to_owned(), test: None };
        assert_eq!(found, [Citation { id: "MUST-1".to_owned(), place, proves }]);
    }
}
