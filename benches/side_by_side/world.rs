//! A namespace with a TUN, and one contender's server behind it.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Where every contender answers.
pub(crate) const STACK: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
/// Reads and throws away; at the end of the stream it says how many bytes it has read.
pub(crate) const SINK: u16 = 1;
/// Writes for ever.
pub(crate) const SOURCE: u16 = 2;
/// Sends back.
pub(crate) const ECHO: u16 = 3;
/// Accepts and holds.
pub(crate) const IDLE: u16 = 4;

/// A stack under test.
pub(crate) struct Contender {
    /// Its name, which `server NAME` starts.
    pub(crate) name: &'static str,
    /// What its figures are compared with; ours is `tuntcp`.
    pub(crate) peer: &'static str,
}

/// Everybody. Of one peer's variants the better one counts.
pub(crate) static CONTENDERS: [Contender; 3] = [
    Contender { name: "tuntcp", peer: "tuntcp" },
    Contender { name: "smoltcp-256", peer: "smoltcp" },
    Contender { name: "smoltcp-1024", peer: "smoltcp" },
];

/// A running server in a namespace of this thread's own.
pub(crate) struct World {
    server: Child,
    /// Bytes of memory that the server had in use when it was ready.
    pub(crate) base: f64,
}

/// The server's word that it serves, with the memory that it has in use.
pub(crate) fn say_ready() {
    println!("ready {}", memory_of(std::process::id()));
}

impl World {
    pub(crate) fn new(contender: &Contender, idle: bool) -> Self {
        raise_descriptor_limit();
        unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace takes root");
        ip("link set dev lo up");
        ip("tuntap add dev tun0 mode tun");
        ip("address add 192.0.2.1/24 dev tun0");
        // As scripts/setup_tun.sh does, for everybody.
        ip("link set dev tun0 txqueuelen 4000");
        ip("link set dev tun0 up");
        let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
        command.args(["server", contender.name]).stdout(Stdio::piped());
        if idle {
            command.arg("--idle");
        }
        let mut server = command.spawn().expect("the server starts");
        let mut line = String::new();
        let stdout = server.stdout.take().expect("its output is a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("it says when it is ready");
        let base = line.trim().strip_prefix("ready ").and_then(|base| base.parse().ok());
        Self { server, base: base.expect("the server is ready") }
    }

    /// A connection of the kernel's to one of the services.
    pub(crate) fn connect(&self, port: u16) -> TcpStream {
        let patience = Duration::from_secs(10);
        let address = SocketAddr::from((STACK, port));
        let stream = TcpStream::connect_timeout(&address, patience).expect("the stack accepts");
        stream.set_read_timeout(Some(patience)).expect("a time-out can be set");
        stream.set_write_timeout(Some(patience)).expect("a time-out can be set");
        stream.set_nodelay(true).expect("an option can be set");
        stream
    }

    /// Bytes of memory that the server has in use.
    pub(crate) fn memory(&self) -> f64 {
        memory_of(self.server.id())
    }
}

fn memory_of(process: u32) -> f64 {
    let path = format!("/proc/{process}/smaps_rollup");
    let text = std::fs::read_to_string(path).expect("the server runs");
    let line = text.lines().find(|line| line.starts_with("Private_Dirty:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.expect("the kernel counts it") * 1024.0
}

impl Drop for World {
    fn drop(&mut self) {
        // It is ours, and it runs until it is told.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status().expect("iproute2 is there");
    assert!(status.success(), "ip {arguments}");
}

fn raise_descriptor_limit() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit can be asked for");
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("the limit can be raised");
    }
}
