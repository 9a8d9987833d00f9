//! The exam: conversations on the wire, byte for byte and on time.
//!
//! `tests/packetdrill/` holds scripts that pass. `tests/packetdrill_failing/` holds what proves the
//! judge: scripts that must fail, each for the reason that its line `// Fails: ...` names, or be
//! unsupported for that of `// Unsupported: ...`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn tuntcp(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tuntcp"))
        .arg("packetdrill")
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the command runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Every script below a directory.
fn scripts(directory: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in directory.read_dir().expect("the directory is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            all.extend(scripts(&path));
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            all.push(path);
        }
    }
    all.sort();
    all
}

fn root(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

#[test]
fn every_script_passes() {
    let output = tuntcp(&["--exact", "tests/packetdrill"]);
    let told = text(&output.stdout);
    let bad: Vec<_> = told.lines().filter(|line| !line.starts_with("ok ")).collect();
    assert!(output.status.success(), "{}", bad.join("\n"));
    let count = scripts(&root("packetdrill")).len();
    assert!(told.contains(&format!("{count} passed, 0 failed, 0 unsupported")), "{told}");
}

#[test]
fn every_script_says_what_it_proves() {
    for script in scripts(&root("packetdrill")) {
        let source = std::fs::read_to_string(&script).expect("it can be read");
        let first = source.lines().next().unwrap_or("");
        assert!(first.starts_with("// Proves: "), "{}: {first}", script.display());
    }
}

#[test]
fn the_judge_refuses_what_is_wrong() {
    let all = scripts(&root("packetdrill_failing"));
    assert!(!all.is_empty());
    for script in all {
        let source = std::fs::read_to_string(&script).expect("it can be read");
        let first = source.lines().next().unwrap_or("");
        let (word, status, reason) = match first.split_once(": ") {
            Some(("// Fails", reason)) => ("FAILED", 1, reason),
            Some(("// Unsupported", reason)) => ("unsupported", 3, reason),
            _ => panic!("{}: it does not say why it fails: {first}", script.display()),
        };
        let output = tuntcp(&["--exact", script.to_str().expect("a plain name")]);
        let told = text(&output.stdout);
        assert_eq!(output.status.code(), Some(status), "{}: {told}", script.display());
        assert!(told.starts_with(word), "{}: {told}", script.display());
        assert!(told.contains(reason), "{}: {reason:?} is not in\n{told}", script.display());
    }
}
