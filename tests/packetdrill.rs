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

/// Writes a script where nobody else does, and gives its path.
fn script(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("tuntcp-{}-{name}.pkt", std::process::id()));
    std::fs::write(&path, text).expect("it can be written");
    path
}

/// Runs one script with options; what was told, and the status.
fn run_one(name: &str, text_of: &str, options: &[&str]) -> (String, Option<i32>) {
    let path = script(name, text_of);
    let mut arguments = options.to_vec();
    arguments.push(path.to_str().expect("a plain name"));
    let output = tuntcp(&arguments);
    std::fs::remove_file(&path).expect("it is there");
    (text(&output.stdout) + &text(&output.stderr), output.status.code())
}

#[test]
fn settings_come_from_the_command_line() {
    let given = "
        0    socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
        +0   fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
        +0   connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
        +0   > S 0:0(0) win 30000 <mss 1200,nop,wscale 3,sackOK,TS val 1 ecr 0>
        +2   > S 0:0(0) win 30000 <mss 1200,nop,wscale 3,sackOK,TS val 2 ecr 0>
        +.1  < S. 0:0(0) ack 1 win 9000 <mss 1200>
        +0   > . 1:1(0) ack 1
        +.1  < P. 1:11(10) ack 1 win 9000
        +.3  > . 1:1(0) ack 11
    ";
    let options = [
        "--mss=1200",
        "--rcvbuf=30000",
        "--wscale=3",
        "--syn-timeout=2",
        "--delayed-ack=300",
        "--tolerance-percent=0",
    ];
    let (told, status) = run_one("given", given, &options);
    assert_eq!(status, Some(0), "{told}");
    for left_out in 0..5 {
        let mut some = options.to_vec();
        let without = some.remove(left_out);
        let (told, status) = run_one("left-out", given, &some);
        assert_eq!(status, Some(1), "without {without}: {told}");
    }
}

#[test]
fn what_is_defined_is_there_for_ifdef() {
    let asks = "
        #ifdef WRONG
        0    socket(..., SOCK_STREAM, IPPROTO_TCP) = -1 EPERM
        #else
        0    socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
        #endif
    ";
    assert_eq!(run_one("plain", asks, &[]).1, Some(0));
    assert_eq!(run_one("defined", asks, &["-D", "WRONG"]).1, Some(1));
}

#[test]
fn the_order_of_options_counts_if_wanted() {
    let other_order = "
        0    socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
        +0   bind(3, ..., ...) = 0
        +0   listen(3, 1) = 0
        +0   < S 0:0(0) win 9000 <mss 1460,sackOK,nop,nop>
        +0   > S. 0:0(0) ack 1 <sackOK,eol,eol,mss 1460>
    ";
    assert_eq!(run_one("set", other_order, &[]).1, Some(0));
    let (told, status) = run_one("strict", other_order, &["--strict-options"]);
    assert_eq!(status, Some(1));
    assert!(told.contains("options: expected <sackOK,eol,eol,mss 1460>"), "{told}");
}

#[test]
fn a_conversation_is_shown_and_scripts_are_listed() {
    let path = "tests/packetdrill/open/passive.pkt";
    let shown = text(&tuntcp(&["--verbose", path]).stdout);
    assert!(shown.contains("+0 < S 0:0(0) win 32792"), "{shown}");
    assert!(shown.contains("0.000000 > S. 0:0(0) ack 1 win 65535 <mss 1460"), "{shown}");
    assert!(shown.ends_with("1 script: 1 passed, 0 failed, 0 unsupported\n"), "{shown}");
    let listed = text(&tuntcp(&["--list", "tests/packetdrill/open"]).stdout);
    assert!(listed.lines().any(|line| line == path), "{listed}");
}

#[test]
fn what_is_not_fatal_is_told() {
    let wrong = "
        --non_fatal=packet
        0    socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
        +0   bind(3, ..., ...) = 0
        +0   listen(3, 1) = 0
        +0   < S 0:0(0) win 9000 <mss 1460>
        +0   > S 0:0(0) ack 1 <mss 1460>
        +.1  < . 1:1(0) ack 1 win 9000
        +0   accept(3, ..., ...) = 4
    ";
    let (told, status) = run_one("non-fatal", wrong, &["--verbose"]);
    assert_eq!(status, Some(0), "{told}");
    assert!(told.contains("not fatal: flags: expected S, got S."), "{told}");
    assert_eq!(run_one("fatal", &wrong.replace("packet", "syscall"), &[]).1, Some(1));
}

#[test]
fn a_script_that_is_named_twice_runs_twice() {
    let path = "tests/packetdrill/open/passive.pkt";
    let told = text(&tuntcp(&[path, path]).stdout);
    let line = format!("ok          {path}\n");
    assert_eq!(told, format!("{line}{line}2 scripts: 2 passed, 0 failed, 0 unsupported\n"));
}

#[test]
fn nobody_has_to_read_to_the_end() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tuntcp"))
        .args(["packetdrill", "--verbose", "tests/packetdrill/open"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the command runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn what_cannot_be_read_is_named() {
    let output = tuntcp(&["no/such/script.pkt"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot read no/such/script.pkt"));
    let (told, status) = run_one("syntax", "0 socket(... = 3\n", &[]);
    assert_eq!(status, Some(1));
    assert!(told.contains(".pkt:1: "), "{told}");
    let (told, status) = run_one("bytes", "0 \u{0}\u{1} nonsense ] } )\n", &[]);
    assert_eq!(status, Some(1), "{told}");
}
