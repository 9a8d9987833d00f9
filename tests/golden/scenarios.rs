//! Every scenario of `tests/scenarios`, as the command tells of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::compare::{blesses, check};

/// The scenario that the README shows, between these two lines.
const SHOWN: &str = "dumbbell.toml";
const BEGIN: &str = "$ tuntcp sim tests/scenarios/dumbbell.toml --out out\n";
const END: &str = "$ ls out\n";

fn told(name: &str) -> String {
    let path = format!("tests/scenarios/{name}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tuntcp"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["sim", &path]);
    let output = command.output().expect("it was built");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{path}: {said}");
    String::from_utf8(output.stdout).expect("it is text")
}

#[test]
fn every_scenario_tells_what_it_told() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<String> = fs::read_dir(root.join("tests/scenarios"))
        .expect("there are scenarios")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert!(names.len() > 5, "{names:?}");
    let block = |name: &String| format!("$ tuntcp sim tests/scenarios/{name}\n{}\n", told(name));
    check("scenarios.txt", &names.iter().map(block).collect::<String>());
}

#[test]
fn the_readme_shows_what_the_command_tells() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).expect("there is a README");
    let (before, rest) = readme.split_once(BEGIN).expect("it shows a scenario");
    let (shown, after) = rest.split_once(END).expect("and what it leads to");
    let told = told(SHOWN);
    if blesses() {
        fs::write(&path, [before, BEGIN, &told, END, after].concat()).expect("it can be written");
    } else {
        assert_eq!(shown, told, "TUNTCP_BLESS=1 cargo test --test golden writes the README anew");
    }
}
