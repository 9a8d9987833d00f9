//! Files of lines, as `/etc` has them.

use std::fmt;

/// A line of a file that says nothing that can be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Which line, from 1 on.
    pub number: usize,
    /// What it says.
    pub text: String,
    /// What should stand there.
    pub wanted: &'static str,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, `{}`: {} is wanted", self.number, self.text, self.wanted)
    }
}

impl std::error::Error for BadLine {}

/// Gives `take` every line of `text`, without what follows one of `comments` and without empty ones;
/// what it does not understand, it says what it would have.
pub(super) fn read(
    text: &str,
    comments: &[char],
    mut take: impl FnMut(&str) -> Result<(), &'static str>,
) -> Vec<BadLine> {
    let mut bad = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let end = line.find(comments).unwrap_or(line.len());
        let content = line[..end].trim();
        if content.is_empty() {
            continue;
        }
        if let Err(wanted) = take(content) {
            bad.push(BadLine { number: index + 1, text: content.to_owned(), wanted });
        }
    }
    bad
}

/// The first bad line is the error.
pub(super) fn strict<T>((value, bad): (T, Vec<BadLine>)) -> Result<T, BadLine> {
    bad.into_iter().next().map_or(Ok(value), Err)
}
