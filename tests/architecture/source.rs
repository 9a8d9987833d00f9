//! Source files, and what in them is code.

use std::fs;
use std::path::{Path, PathBuf};

/// A file, with its path from the root of the crate.
pub(crate) struct Source {
    pub(crate) path: String,
    /// The text with comments and the insides of literals blanked; each line stands where it stood.
    pub(crate) code: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), code: code_of(text) }
    }

    /// Line numbers, from 1, with their code.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// The line in which the byte at `at` stands.
    pub(crate) fn line_of(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }

    /// Whether it is part of the crate or the command, and not a test.
    pub(crate) fn is_product(&self) -> bool {
        self.path.starts_with("src/") && !self.path.contains("/tests/")
    }
}

/// Every Rust file of the project.
pub(crate) fn all(root: &Path) -> Vec<Source> {
    let mut paths = Vec::new();
    for folder in ["src", "tests", "benches", "examples", "fuzz/fuzz_targets"] {
        walk(&root.join(folder), &mut paths);
    }
    paths.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let name = path.strip_prefix(root).expect("below the root").display().to_string();
        Source::new(&name, &text)
    };
    paths.iter().map(read).collect()
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// Blanks comments and what stands in string and character literals.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (opening, inside, closing) = match first {
            '/' if rest.starts_with("//") => (0, rest.find('\n').unwrap_or(rest.len()), 0),
            '/' if rest.starts_with("/*") => (0, block_comment(rest), 0),
            'r' if !code.ends_with(is_word) || code.ends_with('b') => {
                raw_string(rest).unwrap_or((1, 0, 0))
            }
            '"' => (1, until_unescaped(&rest[1..], '"'), 1),
            '\'' if is_char_literal(rest) => (1, until_unescaped(&rest[1..], '\''), 1),
            other => (other.len_utf8(), 0, 0),
        };
        let (opened, rest_inside) = rest.split_at(opening);
        let (blanked, after) = rest_inside.split_at(inside.min(rest_inside.len()));
        let (closed, next) = after.split_at(closing.min(after.len()));
        code.push_str(opened);
        code.extend(blanked.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        code.push_str(closed);
        rest = next;
    }
    code
}

/// Whether a character is part of a name.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let here = &text.as_bytes()[at..];
        let step = if here.starts_with(b"/*") {
            depth += 1;
            2
        } else if here.starts_with(b"*/") {
            depth -= 1;
            2
        } else {
            1
        };
        at += step;
        if depth == 0 {
            break;
        }
    }
    at
}

/// Lengths of the opening, the inside and the closing of a raw string.
fn raw_string(text: &str) -> Option<(usize, usize, usize)> {
    let hashes = text[1..].len() - text[1..].trim_start_matches('#').len();
    let inside = text[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some((hashes + 2, inside.find(&end).unwrap_or(inside.len()), hashes + 1))
}

fn until_unescaped(text: &str, end: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == end && !escaped {
            return at;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

/// `'a'` is one; `'a` is a lifetime or a label.
fn is_char_literal(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    match chars.next() {
        Some('\\') => true,
        Some(_) => chars.next() == Some('\''),
        None => false,
    }
}
