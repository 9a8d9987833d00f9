//! Linux's TCP and ours tell each other of congestion (ECN, RFC 3168). What crossed the wire is read
//! by tshark.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::path::PathBuf;
use std::thread;

use crate::wire::{Tcpdump, count};
use crate::world::{World, connect, noise, spawn, tuntcp};

/// Bytes of a conversation, each way.
const MUCH: usize = 4 << 20;

/// Bytes that are under way at once: no more than tcpdump keeps up with on a busy machine.
const PIECE: usize = 32 << 10;

/// A namespace in which the kernel asks for ECN, and a capture of what crosses its TUN.
struct Watched {
    world: World,
    file: PathBuf,
    tcpdump: Option<Tcpdump>,
}

impl Watched {
    fn new(name: &str) -> Self {
        let world = World::new();
        // A setting of the namespace of whoever writes it.
        std::fs::write("/proc/sys/net/ipv4/tcp_ecn", "1").expect("the namespace is ours");
        let file = std::env::temp_dir().join(format!("tuntcp-{name}-{}.pcap", std::process::id()));
        let tcpdump = Some(Tcpdump::start(&file));
        Self { world, file, tcpdump }
    }

    /// Ends the capture.
    fn stop(&mut self) {
        self.tcpdump.take().expect("it runs").stop();
    }

    fn some(&self, what: &str, filter: &str) {
        assert!(count(&self.file, filter) > 0, "no {what} in {}", self.file.display());
    }

    fn none(&self, what: &str, filter: &str) {
        assert_eq!(count(&self.file, filter), 0, "{what} in {}", self.file.display());
    }

    /// What holds whoever asked: text flows both ways as ECT(0), and nothing else is ECT.
    fn check_both_ways(&self) {
        for host in ["192.0.2.1", "192.0.2.2"] {
            let ect = format!("ip.src == {host} && tcp.len > 0 && ip.dsfield.ecn == 2");
            assert!(count(&self.file, &ect) > 50, "text of {host} is not ECT(0)");
            let bare = format!("ip.src == {host} && tcp.len == 0 && ip.dsfield.ecn != 0");
            self.none("a segment without text that is ECT", &bare);
        }
        self.none("ECT(1)", "ip.dsfield.ecn == 1");
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !thread::panicking() {
            let _ = std::fs::remove_file(&self.file);
        }
    }
}

/// Sends `MUCH` piece by piece and reads it back from one who echoes.
fn converse(mut to: impl Write, mut from: impl Read) {
    let mut back = vec![0; PIECE];
    for piece in noise(3, MUCH).chunks(PIECE) {
        to.write_all(piece).expect("it is taken");
        from.read_exact(&mut back).expect("it is sent back");
        assert!(back == piece, "something else came back");
    }
    drop(to);
}

/// Has a conversation with the stack's echo service.
fn echo() {
    let stream = connect(7);
    converse(&stream, &stream);
    stream.shutdown(Shutdown::Write).expect("the connection is open");
    assert_eq!((&stream).read(&mut [0]).expect("the stack closes"), 0);
}

const SYN: &str = "tcp.flags.syn == 1 && tcp.flags.ack == 0";
const SYN_ACK: &str = "tcp.flags.syn == 1 && tcp.flags.ack == 1";
const BOTH: &str = "tcp.flags.ece == 1 && tcp.flags.cwr == 1";
const ECE: &str = "tcp.flags.ece == 1 && tcp.flags.cwr == 0";

/// The kernel asks, we accept. Proves: RFC3168-6.1.1-a, RFC3168-6.1.4.
#[test]
fn the_kernel_asks() {
    let mut watched = Watched::new("kernel-asks");
    let server = watched.world.serve(&[]);
    echo();
    server.stop();
    watched.stop();
    watched.some("SYN that asks", &format!("ip.src == 192.0.2.1 && {SYN} && {BOTH}"));
    watched.some("answer", &format!("ip.src == 192.0.2.2 && {SYN_ACK} && {ECE}"));
    watched.check_both_ways();
    watched.none("CE", "ip.dsfield.ecn == 3");
}

/// We ask, the kernel accepts. Proves: RFC3168-6.1.1-a, RFC3168-6.1.4.
#[test]
fn we_ask() {
    let mut watched = Watched::new("we-ask");
    let listener = TcpListener::bind("192.0.2.1:4000").expect("the kernel listens");
    let mut command = tuntcp();
    command.args(["connect", "--ecn", "request", "192.0.2.1", "4000"]);
    let (mut child, stdin, stdout) = spawn(&mut command);
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().expect("the stack connects");
            let mut echo = stream.try_clone().expect("a second handle");
            std::io::copy(&mut stream, &mut echo).expect("the stack takes it back");
        });
        converse(stdin, stdout);
    });
    assert!(child.wait().expect("it ends").success());
    watched.stop();
    watched.some("SYN that asks", &format!("ip.src == 192.0.2.2 && {SYN} && {BOTH}"));
    watched.some("answer", &format!("ip.src == 192.0.2.1 && {SYN_ACK} && {ECE}"));
    watched.check_both_ways();
}

/// Our side of the wire marks, both ways: the kernel's marked text is echoed by us and answered by
/// the kernel, ours the other way round.
/// Proves: RFC3168-6.1.2-b, RFC3168-6.1.2-c, RFC3168-6.1.3.
#[test]
fn both_answer_marks() {
    let mut watched = Watched::new("marks");
    let server = watched.world.serve(&["--impair", "mark=2%,seed=1"]);
    echo();
    server.stop();
    watched.stop();
    watched.check_both_ways();
    let open = "tcp.flags.syn == 0";
    // The capture stands between the kernel and our side's marks.
    watched
        .some("marked text of ours", "ip.src == 192.0.2.2 && tcp.len > 0 && ip.dsfield.ecn == 3");
    for host in ["192.0.2.1", "192.0.2.2"] {
        let ece = format!("ip.src == {host} && {open} && tcp.flags.ece == 1");
        watched.some("echo", &ece);
        let cwr = format!("ip.src == {host} && {open} && tcp.flags.cwr == 1 && tcp.len > 0");
        watched.some("answer", &cwr);
        let bare = format!("ip.src == {host} && {open} && tcp.flags.cwr == 1 && tcp.len == 0");
        watched.none("answer without text", &bare);
    }
}

/// A host that does not want it does not get it.
#[test]
fn we_decline() {
    let mut watched = Watched::new("decline");
    let server = watched.world.serve(&["--ecn", "off"]);
    echo();
    server.stop();
    watched.stop();
    watched.some("SYN that asks", &format!("ip.src == 192.0.2.1 && {SYN} && {BOTH}"));
    watched
        .some("plain answer", &format!("ip.src == 192.0.2.2 && {SYN_ACK} && tcp.flags.ece == 0"));
    watched.none("ECT", "ip.dsfield.ecn != 0");
}
