//! Every scenario of `tests/scenarios`, as the command tells of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::compare::check;

#[test]
fn every_scenario_tells_what_it_told() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<String> = fs::read_dir(root.join("tests/scenarios"))
        .expect("there are scenarios")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let mut text = String::new();
    for name in &names {
        let path = format!("tests/scenarios/{name}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_tuntcp"));
        let output = command.current_dir(root).args(["sim", &path]).output().expect("it was built");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{path}: {said}");
        text += &format!("$ tuntcp sim {path}\n{}\n", String::from_utf8_lossy(&output.stdout));
    }
    assert!(names.len() > 5, "{names:?}");
    check("scenarios.txt", &text);
}
