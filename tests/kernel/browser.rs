//! Headless Chromium, steered by `browser.py` beside this file.

use std::process::{Command, Stdio};

use crate::world::{World, root};

/// What a script in Python prints that has a `browser`, just started, in this thread's namespace.
/// It must end well.
pub(crate) fn browse(script: &str) -> String {
    let indented: String = script.lines().map(|line| format!("    {line}\n")).collect();
    let script = format!("from browser import Browser\nwith Browser() as browser:\n{indented}");
    let output = Command::new("python3")
        .args(["-c", &script])
        .env("PYTHONPATH", root().join("tests/kernel"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .output()
        .expect("python3 runs");
    let (said, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{said}{errors}", output.status);
    said.into_owned()
}

/// If this fails, it is the browser and not the stack.
#[test]
fn the_browser_works() {
    let _world = World::bare();
    let said = browse(
        r#"
browser.open("data:text/html,<title>A page</title><p>Hello")
print(browser.title, browser.text("p"))
"#,
    );
    assert_eq!(said, "A page Hello\n");
}
