//! The programs that people talk to a TCP with.

use std::io::{Read, Write};
use std::process::Command;
use std::thread;

use crate::world::{World, connect, noise, run, spawn};

/// What `program` prints when it is given `input`.
pub(crate) fn converse(program: &mut Command, input: &[u8]) -> Vec<u8> {
    let (mut child, mut stdin, mut stdout) = spawn(program);
    let output = thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).expect("it reads"));
        let mut output = Vec::new();
        stdout.read_to_end(&mut output).expect("it writes");
        output
    });
    let status = child.wait().expect("it ends");
    assert!(status.success(), "{program:?}: {status}");
    output
}

#[test]
fn nc_talks_to_echo() {
    let world = World::new();
    let server = world.serve(&[]);
    let said = converse(Command::new("nc").args(["-N", "-w", "30", "192.0.2.2", "7"]), b"hello\n");
    assert_eq!(said, b"hello\n");
    let much = noise(1, 1 << 20);
    let said = converse(Command::new("nc").args(["-N", "-w", "30", "192.0.2.2", "7"]), &much);
    assert!(said == much, "{} bytes came back of {}", said.len(), much.len());
    server.stop();
}

#[test]
fn nc_reads_daytime_and_chargen_and_is_refused_elsewhere() {
    let world = World::new();
    let server = world.serve(&[]);
    let date = converse(Command::new("nc").args(["-w", "30", "192.0.2.2", "13"]), b"");
    let date = String::from_utf8(date).expect("a date is text");
    assert!(date.trim_end().len() > 10 && date.ends_with("\r\n"), "daytime said {date:?}");

    let mut stream = connect(19);
    let mut lines = vec![0; 74 * 100];
    stream.read_exact(&mut lines).expect("chargen never ends");
    assert!(lines.chunks(74).all(|line| line.ends_with(b"\r\n")), "chargen's lines are 72 long");
    drop(stream);

    let refused =
        Command::new("nc").args(["-w", "30", "192.0.2.2", "4"]).output().expect("nc runs");
    assert!(!refused.status.success(), "nobody listens at port 4");
    server.stop();
}

#[test]
fn socat_talks_to_echo() {
    let world = World::new();
    let server = world.serve(&["echo=7007"]);
    let much = noise(2, 1 << 20);
    let said = converse(Command::new("socat").args(["-t30", "-", "TCP4:192.0.2.2:7007"]), &much);
    assert!(said == much, "{} bytes came back of {}", said.len(), much.len());
    server.stop();
}

/// Half-close, urgent data, out of band or in line: what a textbook's client does.
const PYTHON: &str = r#"
import socket, struct
def dial():
    s = socket.create_connection(("192.0.2.2", 7), timeout=30)
    return s
s = dial()
s.sendall(b"one"); assert s.recv(3, socket.MSG_WAITALL) == b"one"
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for i in range(200):
    s.sendall(bytes([i])); assert s.recv(1) == bytes([i])
s.shutdown(socket.SHUT_WR)
assert s.recv(1) == b""
s.close()
# urgent data arrives in line
s = dial()
s.sendall(b"ab"); s.send(b"!", socket.MSG_OOB); s.sendall(b"cd"); s.shutdown(socket.SHUT_WR)
got = b""
while True:
    part = s.recv(100)
    if not part: break
    got += part
assert got == b"ab!cd", got
s.close()
# a reset instead of a goodbye
s = dial()
s.sendall(b"x"); s.recv(1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
s.close()
# tiny buffers: the window closes and opens
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
s.settimeout(30)
s.connect(("192.0.2.2", 19))
import time
time.sleep(0.5)
got = 0
while got < 300000: got += len(s.recv(1000))
s.close()
print("well")
"#;

#[test]
fn python_sockets_talk_to_echo() {
    let world = World::new();
    let server = world.serve(&[]);
    let output = run("python3", ["-c", PYTHON]);
    assert_eq!(output.stdout, b"well\n");
    server.stop();
}
