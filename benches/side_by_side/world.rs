//! A namespace with a device, and one contender's server behind it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::process::{self, Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::Pid;

use crate::contenders::{Contender, Order, Path};
use crate::shared::{enter_namespace, make_tun};

/// Where every contender answers.
pub(crate) const STACK: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
/// Reads and throws away; after [`LAST`] it says how many bytes it has read.
pub(crate) const SINK: u16 = 1;
/// Writes for ever.
pub(crate) const SOURCE: u16 = 2;
/// Sends back.
pub(crate) const ECHO: u16 = 3;
/// Accepts and holds.
pub(crate) const IDLE: u16 = 4;

/// What a sink sees at the end of what it reads once no more will come: not everybody can still write
/// when the other end has closed.
pub(crate) const LAST: u8 = 0xff;

/// How long a step of a measure may take before the measure has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running server in a namespace of this thread's own.
pub(crate) struct World {
    server: Child,
    /// Bytes of memory that the server had in use when it was ready.
    pub(crate) base: f64,
}

/// The server's word that it serves, with the memory that it has in use.
pub(crate) fn say_ready() {
    println!("ready {}", memory_of(process::id()));
}

/// Ends this server when the harness has gone, however it went: its end of our input closes then.
pub(crate) fn end_with_harness() {
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        process::exit(0);
    });
}

impl World {
    /// Starts `contender`; with `pinned`, it and the calling thread share one CPU.
    pub(crate) fn new(contender: &Contender, order: &Order, pinned: bool) -> Self {
        raise_descriptor_limit();
        enter_namespace();
        // Connections that were closed keep their port for a minute.
        std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", "1024 65000")
            .expect("a namespace has ports of its own");
        if contender.path != Path::Veth {
            make_tun("192.0.2.1/24", order.mtu, contender.path == Path::Queues);
        }
        if pinned {
            pin();
        }
        let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
        let (mtu, idle) = (order.mtu.to_string(), order.idle.to_string());
        let mut server = command
            .args(["server", contender.name, "--mtu", &mtu, "--idle", &idle])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let stdout = server.stdout.take().expect("its output is a pipe");
        let mut world = Self { server, base: f64::NAN };
        world.base = base_when_ready(stdout);
        world.warm_up();
        world
    }

    /// A connection of the kernel's to one of the services.
    pub(crate) fn connect(&self, port: u16) -> TcpStream {
        prepare(TcpStream::connect_timeout(&address(port), PATIENCE).expect("the stack accepts"))
    }

    /// Tries until one connection has come and gone. A TUN carries nothing for a moment after its
    /// reader came: a SYN lost then would cost the second that Linux waits before it sends another.
    fn warm_up(&self) {
        let soon = Duration::from_millis(50);
        let stream = (0..200).find_map(|_| TcpStream::connect_timeout(&address(ECHO), soon).ok());
        exchange(prepare(stream.expect("the stack accepts in time")));
    }

    /// Bytes of memory that the server has in use.
    pub(crate) fn memory(&self) -> f64 {
        memory_of(self.server.id())
    }
}

/// One byte there and back, and an orderly end.
pub(crate) fn exchange(mut stream: TcpStream) {
    stream.write_all(b"x").expect("the stack takes it");
    stream.read_exact(&mut [0]).expect("the stack sends it back");
    stream.shutdown(Shutdown::Write).expect("the connection is open");
    assert_eq!(stream.read(&mut [0]).expect("the stack closes"), 0);
}

/// Keeps this thread, and what it starts from now on, on the first CPU that it may use.
fn pin() {
    let own = Pid::from_raw(0);
    let allowed = nix::sched::sched_getaffinity(own).expect("a thread knows its CPUs");
    let mut one = CpuSet::new();
    let first = (0..CpuSet::count()).find(|&cpu| allowed.is_set(cpu).unwrap_or(false));
    one.set(first.expect("there is a CPU")).expect("the number is in range");
    sched_setaffinity(own, &one).expect("a thread may stay where it may be");
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from((STACK, port))
}

fn prepare(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    stream.set_write_timeout(Some(PATIENCE)).expect("a time-out can be set");
    stream.set_nodelay(true).expect("an option can be set");
    stream
}

/// Waits for the server's word, within bounds.
fn base_when_ready(stdout: ChildStdout) -> f64 {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let _ = BufReader::new(stdout).read_line(&mut line);
        // Nobody listens any more if it came too late.
        let _ = tell.send(line);
    });
    let line = told.recv_timeout(PATIENCE).expect("the server is ready in time");
    let base = line.trim().strip_prefix("ready ").and_then(|base| base.parse().ok());
    base.expect("the server is ready")
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

fn raise_descriptor_limit() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit can be asked for");
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("the limit can be raised");
    }
}
