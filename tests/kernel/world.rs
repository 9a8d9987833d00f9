//! A namespace with a TUN, and `tuntcp serve` behind it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Where the stack answers.
pub(crate) const STACK: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

/// How long a test waits for what must come; far longer than it ever takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A network namespace of this thread's own, with `tun0` as `setup_tun.sh` makes it.
pub(crate) struct World;

impl World {
    pub(crate) fn new() -> Self {
        Self::with_queues("1")
    }

    /// The same, with a `tun0` that has room for so many queues.
    pub(crate) fn with_queues(queues: &str) -> Self {
        let world = Self::bare();
        run(root().join("scripts/setup_tun.sh"), ["--queues", queues]);
        world
    }

    /// The namespace alone.
    pub(crate) fn bare() -> Self {
        unshare(CloneFlags::CLONE_NEWNET)
            .expect("a network namespace takes root, or `unshare --user --map-root-user`");
        run("ip", ["link", "set", "dev", "lo", "up"]);
        Self
    }

    /// `tuntcp serve` with its default services and these options, ready.
    pub(crate) fn serve(&self, options: &[&str]) -> Server {
        let mut command = tuntcp();
        if std::env::var_os("RUST_LOG").is_none() {
            // Who comes and goes would bury what a test has to say.
            command.env("RUST_LOG", "warn");
        }
        let mut child = command
            .arg("serve")
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .expect("tuntcp starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its output is a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("its output is text");
        assert!(line.starts_with("ready 192.0.2.2"), "instead of `ready` it said: {line:?}");
        Server { child: Some(child) }
    }
}

/// A running `tuntcp serve`.
pub(crate) struct Server {
    child: Option<Child>,
}

impl Server {
    /// Ends it as a user does, and expects that it ends well.
    pub(crate) fn stop(mut self) {
        let mut child = self.child.take().expect("it runs");
        kill(pid(&child), Signal::SIGTERM).expect("it runs");
        let status = child.wait().expect("it ends");
        assert!(status.success(), "SIGTERM ended it with {status}");
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Kills it without a chance to say goodbye.
    pub(crate) fn kill(mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it runs");
        child.wait().expect("it ends");
    }

    /// What became of it, once its device was taken away.
    pub(crate) fn wait(mut self) -> std::process::ExitStatus {
        self.child.take().expect("it runs").wait().expect("it ends")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

/// The command, as it was built.
pub(crate) fn tuntcp() -> Command {
    Command::new(env!("CARGO_BIN_EXE_tuntcp"))
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Where to write what crosses `tun0`, for as long as a test runs.
pub(crate) fn capture(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("tuntcp-{name}-{}.pcap", std::process::id()))
}

/// Sets one of the kernel's `net.` settings, in this thread's namespace.
pub(crate) fn sysctl(name: &str, value: &str) {
    std::fs::write(format!("/proc/sys/net/{name}"), value).expect("the namespace is ours");
}

/// The kernel carries packets of both families on, from now on.
pub(crate) fn forward() {
    sysctl("ipv4/ip_forward", "1");
    sysctl("ipv4/conf/all/rp_filter", "0");
    sysctl("ipv6/conf/all/forwarding", "1");
}

/// The address of one of the stack's services.
pub(crate) fn at(port: u16) -> SocketAddr {
    SocketAddr::from((STACK, port))
}

/// A connection of the kernel's to one of the stack's services.
pub(crate) fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(at(port)).expect("the stack accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    stream.set_write_timeout(Some(PATIENCE)).expect("a time-out can be set");
    stream
}

/// Runs a program and expects that it ends well.
pub(crate) fn run<A: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = A>,
) -> Output {
    let program = program.as_ref();
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    assert!(
        output.status.success(),
        "{}: {}\n{}{}",
        program.display(),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    output
}

/// Starts a program whose input and output are pipes.
pub(crate) fn spawn(command: &mut Command) -> (Child, ChildStdin, ChildStdout) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdin = child.stdin.take().expect("its input is a pipe");
    let stdout = child.stdout.take().expect("its output is a pipe");
    (child, stdin, stdout)
}

/// Bytes that look like nothing else, the same for the same seed.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}
