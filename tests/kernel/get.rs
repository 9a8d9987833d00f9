//! `tuntcp get` and servers of the kernel's side: Python's own, and one that does everything wrong.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::world::{World, forward, noise, root, run, tuntcp};

/// Bytes that the servers serve.
const SIZE: usize = 300_001;

/// A directory for the files of a test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("tuntcp-get-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("it is new");
        Self(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Names of the files, in their order.
    fn names(&self) -> Vec<String> {
        let files = fs::read_dir(&self.0).expect("it is there");
        let name = |file: std::io::Result<fs::DirEntry>| file.expect("it is there").file_name();
        let mut names: Vec<_> =
            files.map(|file| name(file).into_string().expect("it is text")).collect();
        names.sort();
        names
    }

    /// `tuntcp get` with these arguments, here.
    fn get(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("it runs")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = tuntcp();
        command.arg("get").args(arguments).current_dir(&self.0).env("RUST_LOG", "warn");
        command
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The server of `get.py` at an address of the kernel's, and what it serves.
struct Server {
    child: Child,
    data: Vec<u8>,
    file: PathBuf,
}

impl Server {
    fn start(scratch: &Scratch, address: &str) -> Self {
        let data = noise(8, SIZE);
        // Beside the directory, so that nothing is there but what is got.
        let file = scratch.0.with_extension("data");
        fs::write(&file, &data).expect("there is room");
        let mut command = Command::new("python3");
        command.arg(root().join("tests/kernel/get.py")).arg(&file).arg(address);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("python3 starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its output is a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("it says text");
        assert_eq!(line, "ready\n");
        Self { child, data, file }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.file);
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Expects that it ended well; what it said.
fn well(output: &Output) -> String {
    assert!(output.status.success(), "{}: {}", output.status, said(output));
    said(output)
}

/// Expects that it failed for this reason.
fn badly(output: &Output, cause: &str) {
    let said = said(output);
    assert_eq!(output.status.code(), Some(1), "{cause}: {said}");
    assert!(said.contains(cause), "not for '{cause}': {said}");
}

#[test]
fn pythons_server_sends_a_file() {
    let _world = World::new();
    let (theirs, ours) = (Scratch::new(), Scratch::new());
    let much = noise(9, 3 << 20);
    fs::write(theirs.at("much of it.bin"), &much).expect("there is room");
    for (address, at) in [("192.0.2.1", "192.0.2.1:8000"), ("2001:db8::1", "[2001:db8::1]:8000")] {
        let mut command = Command::new("python3");
        command.args(["-u", "-m", "http.server", "--bind", address, "8000"]);
        command.current_dir(&theirs.0).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("python3 starts");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("its output is a pipe"));
        stdout.read_line(&mut line).expect("it says that it serves");

        let told = well(&ours.get(&[&format!("{at}/much%20of%20it.bin"), "--force"]));
        assert!(
            told.contains("much of it.bin: 3145728 bytes in ") && told.contains("/s"),
            "{told}"
        );
        assert!(fs::read(ours.at("much of it.bin")).expect("it is there") == much);
        let page = ours.get(&["-q", &format!("http://{at}/"), "-o", "-"]);
        assert_eq!(well(&page), "");
        assert!(String::from_utf8_lossy(&page.stdout).contains("much%20of%20it.bin"));
        badly(&ours.get(&[&format!("{at}/nothing")]), "the server says 404 ");
        assert_eq!(ours.names(), ["much of it.bin"]);
        child.kill().expect("it runs");
        child.wait().expect("it ends");
    }
}

/// Lengths, chunks, ends and redirects as they should be, and names that lead nowhere else.
#[test]
fn whatever_is_sent_in_whatever_way_arrives() {
    let _world = World::new();
    let scratch = Scratch::new();
    let server = Server::start(&scratch, "192.0.2.1");
    let rows = [
        ("/whole", "whole"),
        ("/chunks", "chunks"),
        ("/close?query=/a/b#part", "close"),
        ("/interim", "interim"),
        ("/there", "there"),
        ("/", "index.html"),
        ("/a%20name%2e", "a name."),
        ("/dir/..%2F..%2Fetc%2Fpasswd", "%2E.%2F..%2Fetc%2Fpasswd"),
        ("/%2e%2e%5c%0a", "%2e%2e%5c%0a"),
    ];
    for (path, name) in rows {
        let told = well(&scratch.get(&[&format!("http://192.0.2.1:8000{path}")]));
        assert_eq!(scratch.names(), [name], "{told}");
        let got = fs::read(scratch.at(name)).expect("it is there");
        assert!(got == server.data, "{path}: {} bytes of {SIZE}", got.len());
        fs::remove_file(scratch.at(name)).expect("it is there");
    }
    let told = well(&scratch.get(&["192.0.2.1:8000/there", "-o", "here"]));
    assert!(told.starts_with("the server sends us to http://192.0.2.1:8000/whole\n"), "{told}");
    // More than was said belongs to nothing.
    well(&scratch.get(&["192.0.2.1:8000/long", "-o", "half"]));
    assert!(fs::read(scratch.at("half")).expect("it is there") == server.data[..SIZE / 2]);
    let output = scratch.get(&["192.0.2.1:8000/chunks", "-o", "-"]);
    assert!(output.status.success() && output.stdout == server.data);
    assert_eq!(scratch.names(), ["half", "here"]);
}

#[test]
fn what_is_wrong_is_told_and_never_taken_for_a_file() {
    let _world = World::new();
    let scratch = Scratch::new();
    let _server = Server::start(&scratch, "192.0.2.1");
    let rows = [
        ("missing", "http://192.0.2.1:8000/missing: the server says 404 Not here", false),
        ("circle", "the server sends us on and on, more than 10 times", false),
        ("https", "https is HTTP over TLS, which is not spoken here", false),
        ("nowhere", "the server sends us to \"http://[\": ", false),
        ("local", "file is not spoken here", false),
        ("rubbish", "192.0.2.1:8000: what it says is no HTTP/1.1", false),
        ("nothing", "it closes the connection instead of answering", false),
        ("endless", "header", false),
        ("interims", "it always says that the response is still to come", false),
        ("lengths", "the body's length is not clear", false),
        ("negative", "the body's length is not clear", false),
        ("both", "the body's length is not clear", false),
        ("gzip", "the body is coded in a way that is not understood", false),
        ("unasked", "the server says 206 Part", false),
        ("cut", "the server closes in the middle; cut.part is not whole", true),
        ("short", "the server closes in the middle", true),
        ("chunks-cut", "the server closes in the middle", true),
        ("chunks-bad", "a chunk's size was expected", true),
        ("chunks-huge", "a chunk's size was expected", true),
        ("chunks-line", "a line is too long", true),
        ("silent", "the server is silent; silent.part is not whole", true),
    ];
    for (path, cause, begins) in rows {
        let url = format!("http://192.0.2.1:8000/{path}");
        badly(&scratch.get(&[&url, "-w", "2"]), cause);
        let is_part = |name: &String| name.starts_with(&format!("{path}.part"));
        let names = scratch.names();
        assert!(names.iter().all(is_part) && names.is_empty() != begins, "{path}: {names:?}");
        for name in names {
            fs::remove_file(scratch.at(&name)).expect("it is there");
        }
    }
    badly(
        &scratch.get(&["192.0.2.1:8001/"]),
        "cannot connect to 192.0.2.1:8001: connection refused",
    );
    badly(&scratch.get(&["192.0.2.1:8000/whole", "-o", "no/such"]), "cannot write no/such.part");
    badly(&scratch.get(&["192.0.2.1:8000/whole", "-o", "/"]), "/ is no file");
    // Somebody who has read enough is no failure.
    let mut child = scratch
        .command(&["192.0.2.1:8000/whole", "-o", "-"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    drop(child.stdout.take());
    assert!(child.wait().expect("it ends").success());
}

/// The first half, and then the second: the file is the server's, and of one version.
#[test]
fn what_is_missing_is_got_later() {
    let _world = World::new();
    let scratch = Scratch::new();
    let server = Server::start(&scratch, "2001:db8::1");
    let get = |path: &str, more: &[&str]| {
        let url = format!("http://[2001:db8::1]:8000/{path}");
        scratch.get(&[&[url.as_str(), "-o", "file"], more].concat())
    };
    let read = |name: &str| fs::read(scratch.at(name)).expect("it is there");

    badly(&get("cut", &[]), "--continue gets the rest");
    assert_eq!(scratch.names(), ["file.part", "file.part.version"]);
    assert!(read("file.part") == server.data[..SIZE / 2]);
    let told = well(&get("cut", &["-c"]));
    assert!(told.contains(&format!("{} of {SIZE} bytes in ", SIZE - SIZE / 2)), "{told}");
    assert_eq!(scratch.names(), ["file"]);
    assert!(read("file") == server.data);

    // Whole already.
    assert!(well(&get("cut", &["-c"])).contains("file was whole already"));
    badly(&get("cut", &[]), "file exists: --continue ");
    assert!(read("file") == server.data);

    // Some program has left a part of it under its own name.
    fs::write(scratch.at("file"), &server.data[..1000]).expect("there is room");
    well(&get("whole", &["-c"]));
    assert!(read("file") == server.data);

    // Another version by now: all of it, of that version.
    fs::remove_file(scratch.at("file")).expect("it is there");
    badly(&get("cut-other", &[]), "--continue gets the rest");
    assert!(well(&get("whole", &["-c"])).contains("the server begins anew"));
    assert!(read("file") == server.data);
    assert_eq!(scratch.names(), ["file"]);

    // More than the server has.
    fs::write(scratch.at("file"), vec![0; SIZE + 1]).expect("there is room");
    badly(&get("whole", &["-c"]), &format!("there are {} bytes here of {SIZE}", SIZE + 1));
    assert_eq!(read("file").len(), SIZE + 1);
    well(&get("whole", &["--force"]));
    assert!(read("file") == server.data);
}

#[test]
fn a_wrong_part_is_not_appended() {
    let _world = World::new();
    let scratch = Scratch::new();
    let server = Server::start(&scratch, "192.0.2.1");
    for (path, cause) in [
        (
            "elsewhere",
            "the server was asked for what comes behind byte 150000 and sends something else",
        ),
        ("too-much", "the server sends more than it said"),
        ("changed", "the server has another version by now"),
        ("beyond", "sends nothing behind byte 150000, and does not say whether that is all"),
        ("shrunk", "there are 150000 bytes here of 9 at the server"),
    ] {
        let url = format!("192.0.2.1:8000/{path}");
        badly(&scratch.get(&[&url]), "--continue gets the rest");
        badly(&scratch.get(&[&url, "-c"]), cause);
        let part = fs::read(scratch.at(&format!("{path}.part"))).expect("it is there");
        assert!(part == server.data[..SIZE / 2], "{} bytes", part.len());
    }
    // Less than was asked for is well, but not all.
    badly(&scratch.get(&["192.0.2.1:8000/piece"]), "--continue gets the rest");
    let told = format!("150010 bytes came, of {SIZE}; piece.part is not whole");
    badly(&scratch.get(&["192.0.2.1:8000/piece", "-c"]), &told);
    assert_eq!(fs::read(scratch.at("piece.part")).expect("it is there").len(), 150_010);
}

/// Both ends are ours, each with a TUN of its own, and the kernel carries the packets between them.
#[test]
fn our_own_server_sends_the_rest() {
    let world = World::new();
    run(root().join("scripts/setup_tun.sh"), ["tun1", "198.51.100.1/24"]);
    forward();
    let (theirs, ours) = (Scratch::new(), Scratch::new());
    let much = noise(10, 3 << 20);
    fs::write(theirs.at("file"), &much).expect("there is room");
    let server = world.serve(&["http", "--root", theirs.0.to_str().expect("it is text")]);
    let get = |more: &[&str]| {
        let here = ["192.0.2.2/file", "--tun", "tun1", "--address", "198.51.100.2/24"];
        ours.get(&[here.as_slice(), more].concat())
    };
    well(&get(&[]));
    assert!(fs::read(ours.at("file")).expect("it is there") == much);
    fs::write(ours.at("file"), &much[..1_000_000]).expect("there is room");
    let told = well(&get(&["--continue"]));
    assert!(told.contains("2145728 of 3145728 bytes in "), "{told}");
    assert!(fs::read(ours.at("file")).expect("it is there") == much);
    assert!(well(&get(&["--continue"])).contains("file was whole already"));
    server.stop();
}

/// Ctrl-C in the middle: the part is kept, and continued.
#[test]
fn an_interrupted_file_is_continued() {
    let _world = World::new();
    let scratch = Scratch::new();
    let server = Server::start(&scratch, "192.0.2.1");
    let mut command = scratch.command(&["192.0.2.1:8000/silent", "-o", "file"]);
    let child = command.stderr(Stdio::piped()).spawn().expect("it runs");
    let part = scratch.at("file.part");
    while fs::metadata(&part).map_or(0, |part| part.len()) < SIZE as u64 / 2 {
        thread::sleep(Duration::from_millis(10));
    }
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).expect("it runs");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    assert!(said(&output).contains("file.part is not whole; --continue gets the rest"));
    well(&scratch.get(&["-c", "192.0.2.1:8000/whole", "-o", "file"]));
    assert!(fs::read(scratch.at("file")).expect("it is there") == server.data);
    assert_eq!(scratch.names(), ["file"]);
}

/// A name of the server, by the stack's own resolver, and the bar that a terminal gets.
#[test]
fn a_name_is_looked_up_and_a_terminal_gets_a_bar() {
    let _world = World::new();
    let scratch = Scratch::new();
    let server = Server::start(&scratch, "192.0.2.1");
    fs::write(scratch.0.with_extension("hosts"), "192.0.2.1 one.example\n").expect("there is room");
    let hosts = scratch.0.with_extension("hosts");
    let line = format!(
        "{} get one.example:8000/whole --hosts {} --impair rate=5mbit",
        env!("CARGO_BIN_EXE_tuntcp"),
        hosts.display()
    );
    // `script` gives it a terminal.
    let output = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .current_dir(&scratch.0)
        .env("TERM", "xterm")
        .env("RUST_LOG", "warn")
        .stdin(Stdio::null())
        .output()
        .expect("script runs");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}");
    for part in ["whole █", "/292.97 KiB", "iB/s", " left", "whole: 300001 bytes in "] {
        assert!(shown.contains(part), "no {part:?} in {shown}");
    }
    assert!(fs::read(scratch.at("whole")).expect("it is there") == server.data);
    fs::remove_file(Path::new(&hosts)).expect("it is there");
}
