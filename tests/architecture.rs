//! The rules of the house, read off its sources: which room may know which, what stands nowhere,
//! how long a file and a function may be.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a file and of a function at the most.
const FILE: usize = 500;
const FUNCTION: usize = 80;

/// Rooms, by the beginning of their path, and what their product code never names.
const ARROWS: [(&str, &[&str]); 13] = [
    ("src/time.rs", &["crate::"]),
    ("src/wire/", &["crate::"]),
    ("src/buffer/", &["crate::"]),
    ("src/tcp/", &["crate::device", "crate::engine", "crate::runtime", "crate::net", "crate::sim"]),
    ("src/tcp/congestion/", &["Tcb", "SendHalf", "super::super"]),
    ("src/icmp.rs", &["crate::tcp", "crate::engine", "crate::device", "crate::runtime"]),
    (
        "src/device/",
        &["crate::wire", "crate::tcp", "crate::engine", "crate::runtime", "crate::sim"],
    ),
    ("src/engine/", &["crate::runtime", "crate::net", "crate::sim"]),
    ("src/net/", &["crate::sim", "crate::device"]),
    ("src/sim/", &["crate::runtime", "crate::net"]),
    ("src/runtime/", &["crate::net", "crate::sim"]),
    ("src/bin/", &["#[path", "extern crate"]),
    ("src/", &["static mut", "macro_rules!", "todo!(", "unimplemented!(", "dbg!("]),
];

/// What only one place may name: the words, and the beginning of the path where they may stand.
const ONLY: [(&str, &str); 4] = [
    ("std::time::Instant::now", "src/runtime/clock.rs"),
    // A capture tells the time of day, which the command hands in.
    ("SystemTime::now", "src/bin/tuntcp/options.rs"),
    ("unsafe ", "src/device/"),
    ("std::os::fd", "src/device/"),
];

/// A source file.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Lines that are neither comment nor documentation, with their numbers.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Whether it is part of what people use.
    fn is_product(&self) -> bool {
        self.path.starts_with("src/") && !self.path.contains("/tests/")
    }
}

/// Every breach of a rule in `source`, as `path:line: what`.
fn breaches(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let mut report =
        |line: usize, what: String| found.push(format!("{}:{line}: {what}", source.path));
    let lines = source.text.lines().count();
    if lines >= FILE {
        report(lines, format!("a file stays below {FILE} lines"));
    }
    for (start, length) in functions(source) {
        if length >= FUNCTION {
            report(start, format!("a function of {length} lines stays below {FUNCTION}"));
        }
    }
    if !source.is_product() {
        return found;
    }
    for (number, line) in source.code() {
        for (room, never) in ARROWS {
            for words in never.iter().filter(|_| source.path.starts_with(room)) {
                if line.contains(words) {
                    report(number, format!("{room} never names {words}"));
                }
            }
        }
        for (words, place) in ONLY {
            if line.contains(words) && !source.path.starts_with(place) {
                report(number, format!("{words} stands in {place} alone"));
            }
        }
        if line.contains("#[test]") || line.contains("mod tests {") {
            report(number, "tests live outside of product files".into());
        }
    }
    found
}

/// First line and length of every function, in the shape that rustfmt gives them.
fn functions(source: &Source) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = source.text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = &line[..line.len() - code.len()];
        let words: Vec<&str> = code.split_whitespace().take(5).collect();
        if code.starts_with("//") || !words.contains(&"fn") || code.ends_with([';', '}']) {
            continue;
        }
        let end = format!("{indent}}}");
        let rest = &lines[index..];
        if let Some(length) = rest.iter().position(|line| *line == end) {
            found.push((index + 1, length + 1));
        }
    }
    found
}

fn sources(below: &Path, found: &mut Vec<Source>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(below)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a text");
            let root = Path::new(env!("CARGO_MANIFEST_DIR"));
            let path = path.strip_prefix(root).expect("below the root").display().to_string();
            found.push(Source { path, text });
        }
    }
}

#[test]
fn the_sources_keep_the_rules() {
    let mut all = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["src", "tests", "benches", "fuzz/fuzz_targets"] {
        sources(&root.join(folder), &mut all);
    }
    assert!(all.len() > 50, "the sources are found");
    let found: Vec<String> = all.iter().flat_map(breaches).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// What the rules say of a file at `path` with this text.
fn judge(path: &str, text: &str) -> Vec<String> {
    breaches(&Source { path: path.into(), text: text.into() })
}

#[test]
fn every_arrow_can_be_broken() {
    for (room, never) in ARROWS {
        let path = if room.ends_with('/') { format!("{room}x.rs") } else { room.to_string() };
        for words in never {
            let text = format!("//! A file.\nlet x = {words};\n");
            let found = judge(&path, &text);
            assert!(
                found.iter().any(|one| one.starts_with(&format!("{path}:2: "))),
                "{room} {words}"
            );
        }
    }
}

#[test]
fn what_one_place_may_name_no_other_may() {
    for (words, place) in ONLY {
        let text = format!("let x = {words};\n");
        assert!(!judge("src/engine/x.rs", &text).is_empty(), "{words}");
        let there = if place.ends_with('/') { format!("{place}x.rs") } else { place.to_string() };
        assert!(judge(&there, &text).is_empty(), "{words} in {place}");
        assert!(judge("src/engine/x.rs", &format!("/// {words}\n")).is_empty(), "a comment may");
    }
}

#[test]
fn long_files_long_functions_and_tests_in_products_are_found() {
    assert!(!judge("src/engine/x.rs", &"\n".repeat(FILE)).is_empty());
    assert!(judge("src/engine/x.rs", &"\n".repeat(FILE - 1)).is_empty());
    let function =
        |lines: usize| format!("pub(crate) fn x() {{\n{}}}\n", "    x();\n".repeat(lines));
    assert!(!judge("src/engine/x.rs", &function(FUNCTION - 2)).is_empty());
    assert!(judge("src/engine/x.rs", &function(FUNCTION - 3)).is_empty());
    assert!(!judge("src/engine/x.rs", "#[test]\nfn x() {}\n").is_empty());
    assert!(judge("src/engine/tests/x.rs", "#[test]\nfn x() {}\n").is_empty());
}
