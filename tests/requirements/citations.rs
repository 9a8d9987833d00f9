//! Where ids stand: in code, where a line obeys the rule, and in tests, which prove it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// An id in a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Citation {
    pub(crate) id: String,
    pub(crate) place: Place,
    /// It stands in a test.
    pub(crate) proves: bool,
}

/// A test, or a file where it is no single one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) path: String,
    pub(crate) test: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.test {
            Some(test) => write!(f, "{}::{test}", self.path),
            None => f.write_str(&self.path),
        }
    }
}

/// Every citation in the crate and its tests, but for these ones.
pub(crate) fn all(root: &Path) -> Vec<Citation> {
    let mut paths = Vec::new();
    for folder in ["src", "tests"] {
        walk(&root.join(folder), &mut paths);
    }
    paths.sort();
    let mut citations = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let name = path.strip_prefix(root).expect("below the root").display().to_string();
        if !name.starts_with("tests/requirements/") {
            citations.extend(in_file(&name, &text));
        }
    }
    citations
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "pkt")
        {
            paths.push(path);
        }
    }
}

/// The citations of one file.
pub(crate) fn in_file(path: &str, text: &str) -> Vec<Citation> {
    let proves = path.starts_with("tests/") || path.contains("/tests/");
    let lines: Vec<&str> = text.lines().collect();
    let mut citations = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        for id in ids(line) {
            let place = Place { path: path.to_owned(), test: test_around(&lines, at) };
            citations.push(Citation { id: id.to_owned(), place, proves });
        }
    }
    citations
}

/// The ids that stand in a line as words.
pub(crate) fn ids(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '.'))
        .map(|word| word.trim_matches(['.', '-']))
        .filter(|word| is_id(word))
}

/// `MUST-12` and its like, or `RFC6298-5.1`.
fn is_id(word: &str) -> bool {
    let Some((name, rest)) = word.split_once('-') else { return false };
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match name.strip_prefix("RFC") {
        Some(rfc) => number(rfc),
        None => ["MUST", "SHLD", "MAY", "REC"].contains(&name) && number(rest),
    }
}

/// The name of the test that a line belongs to: the one that it documents, or in whose body it
/// stands.
fn test_around(lines: &[&str], at: usize) -> Option<String> {
    let documents = lines[at].trim_start().starts_with("///");
    let head = if documents {
        let below = lines[at..].iter().position(|line| function(line).is_some())?;
        at + below
    } else {
        let depth = indent(lines[at]);
        (0..at)
            .rev()
            .find(|&above| function(lines[above]).is_some() && indent(lines[above]) < depth)?
    };
    let above = lines[..head].iter().rev().map(|line| line.trim());
    let is_test = above
        .take_while(|line| line.starts_with("#[") || line.starts_with("//"))
        .any(|line| line == "#[test]");
    if is_test { function(lines[head]).map(str::to_owned) } else { None }
}

/// The name of the function whose head this line begins.
fn function(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let is_head = before.trim().is_empty() || before.trim_start().starts_with("pub");
    let end = after.find(|c: char| !(c.is_alphanumeric() || c == '_'))?;
    (is_head && end > 0).then(|| &after[..end])
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}
