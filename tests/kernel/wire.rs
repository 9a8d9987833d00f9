//! What tshark thinks of our packets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::world::{PATIENCE, World, capture, connect, noise, run};

/// A running tcpdump that writes what crosses `tun0` to a file.
pub(crate) struct Tcpdump(Child);

impl Drop for Tcpdump {
    /// A test that fails leaves no process behind.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Tcpdump {
    pub(crate) fn start(file: &Path) -> Self {
        let mut child = Command::new("tcpdump")
            .args(["-Z", "root", "-ni", "tun0", "-B", "65536", "-U", "-w"])
            .arg(file)
            .stderr(Stdio::piped())
            .spawn()
            .expect("tcpdump starts");
        let stderr = child.stderr.as_mut().expect("its errors are a pipe");
        let mut line = String::new();
        while !line.contains("listening on") {
            line.clear();
            let count = BufReader::new(&mut *stderr).read_line(&mut line).expect("it is text");
            assert!(count > 0, "tcpdump ended at once");
        }
        Self(child)
    }

    pub(crate) fn stop(mut self) {
        kill(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGINT).expect("it runs");
        self.0.wait().expect("it ends");
    }
}

/// Waits until tcpdump has written a packet with this text, and so all before it.
pub(crate) fn await_capture(file: &Path, text: &[u8]) {
    let tick = Duration::from_millis(10);
    for _ in 0..PATIENCE.as_millis() / tick.as_millis() {
        let captured = std::fs::read(file).expect("tcpdump has begun");
        if captured.windows(text.len()).any(|window| window == text) {
            return;
        }
        thread::park_timeout(tick);
    }
    panic!("tcpdump never saw it");
}

/// How many packets of the capture a display filter matches.
pub(crate) fn count(file: &Path, filter: &str) -> usize {
    let file = file.to_str().expect("the path is text");
    let check = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"];
    let arguments = ["-n", "-r", file, "-Y", filter, "-T", "fields", "-e", "frame.number"];
    let output = run("tshark", check.iter().chain(&arguments));
    output.stdout.iter().filter(|&&byte| byte == b'\n').count()
}

/// `bytes` to the echo service and back, piece by piece at the application's speed; then the end.
pub(crate) fn echo(mut stream: &TcpStream, bytes: &[u8]) {
    let mut back = vec![0; 16 << 10];
    for piece in bytes.chunks(back.len()) {
        stream.write_all(piece).expect("the stack takes it");
        stream.read_exact(&mut back).expect("the stack sends it back");
        assert!(back == piece, "something else came back");
    }
    stream.shutdown(Shutdown::Write).expect("the connection is open");
    assert_eq!(stream.read(&mut [0]).expect("the stack closes"), 0);
}

/// Several MiB to the echo service and back, while tcpdump watches.
#[test]
fn tshark_finds_nothing_wrong_with_a_transfer() {
    look_at_a_transfer("off");
}

/// Nor with one in super-segments, whose checksums nobody writes.
#[test]
fn tshark_finds_nothing_wrong_with_a_transfer_in_super_segments() {
    look_at_a_transfer("auto");
}

fn look_at_a_transfer(offload: &str) {
    let world = World::new();
    let server = world.serve(&["--offload", offload]);
    let file = capture(&format!("wire-{offload}"));
    let tcpdump = Tcpdump::start(&file);
    echo(&connect(7), &noise(7, 8 << 20));
    server.stop();
    tcpdump.stop();

    let ours = "ip.src == 192.0.2.2 && tcp.len > 0";
    let largest = if offload == "auto" { 16 << 10 } else { 1448 };
    // tcpdump may have missed some.
    let seen = count(&file, ours);
    assert!(seen > if offload == "auto" { 250 } else { 1000 }, "{seen}: the capture is there");
    assert!(offload == "off" || seen < 2500, "{seen} frames, where 512 would do");
    assert_eq!(count(&file, &format!("{ours} && tcp.len > {largest}")), 0);
    for (what, filter) in [
        ("malformed packets", "_ws.malformed"),
        ("bad IP checksums", "ip.checksum.status == \"Bad\""),
        // Linux writes 0xffff where the sum is 0, which is the same number (RFC 1624) and which
        // tshark takes for wrong; we write 0.
        (
            "bad TCP checksums",
            // Where it is left to the device, it is left out.
            if offload == "auto" {
                "tcp && !ip"
            } else {
                "tcp.checksum.status == \"Bad\" \
                 && !(ip.src == 192.0.2.1 && tcp.checksum == 0xffff)"
            },
        ),
        // On a busy machine either end may wait so long for an ACK that it probes its tail, the end
        // of what was written (RFC 8985 7), of which the other one tells by a D-SACK.
        ("retransmissions", "tcp.analysis.retransmission && !tcp.flags.push"),
        ("duplicate ACKs", "tcp.analysis.duplicate_ack && !tcp.options.sack.dsack_le"),
        ("zero windows", "tcp.analysis.zero_window"),
        ("resets", "tcp.flags.reset == 1"),
        ("data beyond the window", "tcp.analysis.window_full && ip.src == 192.0.2.1"),
    ] {
        assert_eq!(count(&file, filter), 0, "{what} in {}", file.display());
    }
    std::fs::remove_file(&file).expect("the capture can go");
}
