//! A text against the one that is checked in.

use std::path::Path;
use std::{env, fs};

use tuntcp::device::impair::Spec;

/// The text must be the file's; with `TUNTCP_BLESS=1` the file becomes the text.
pub(crate) fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if blesses() {
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        return;
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        known == text,
        "tests/golden/{name} is not what comes out now:\n\n{}\nIf that is as it should be: \
         TUNTCP_BLESS=1 cargo test --test golden\n",
        difference(&known, text)
    );
}

/// What comes out now is right.
pub(crate) fn blesses() -> bool {
    env::var_os("TUNTCP_BLESS").is_some_and(|bless| bless == "1")
}

/// Lines that are gone, and that have come, each behind its sign, in their order.
fn difference(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    // The longest common subsequence from each pair of places on.
    let mut common = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for (i, gone) in old.iter().enumerate().rev() {
        for (j, come) in new.iter().enumerate().rev() {
            common[i][j] = match gone == come {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j, mut told) = (0, 0, String::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && common[i + 1][j] >= common[i][j + 1] {
            told += &format!("- {}\n", old[i]);
            i += 1;
        } else {
            told += &format!("+ {}\n", new[j]);
            j += 1;
        }
    }
    told
}

pub(crate) fn spec(words: &str) -> Spec {
    words.parse().unwrap_or_else(|error| panic!("{words}: {error}"))
}

#[test]
fn a_difference_is_told_line_by_line() {
    assert_eq!(difference("a\nb\nc\n", "a\nb\nc\n"), "");
    assert_eq!(difference("a\nb\nc\n", "a\nx\nc\nd\n"), "- b\n+ x\n+ d\n");
    assert_eq!(difference("", "a\n"), "+ a\n");
    assert_eq!(difference("a\nb\n", ""), "- a\n- b\n");
}
