//! `tuntcp connect` at both ends of a conversation with the kernel's programs, over TCP and UDP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, UdpSocket};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::thread;

use nix::sys::socket::{setsockopt, sockopt};

use crate::clients::converse;
use crate::world::{PATIENCE, World, forward, noise, run, spawn, tuntcp};

/// The kernel's address and ours, of either family.
const FAMILIES: [(&str, &str); 2] = [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")];

/// What becomes of `program` when it is given `input`, which it need not read.
fn feed(program: &mut Command, input: &[u8]) -> Output {
    let program = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("its input is a pipe");
    thread::scope(|scope| {
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().expect("it ends")
    })
}

/// `tuntcp connect --listen` with these arguments, once it listens.
fn listen(arguments: &[&str]) -> (Child, ChildStdin, ChildStdout) {
    let mut command = tuntcp();
    command.env("RUST_LOG", "info").stderr(Stdio::piped());
    let (mut child, stdin, stdout) = spawn(command.args(["connect", "--listen"]).args(arguments));
    let mut stderr = BufReader::new(child.stderr.take().expect("it is a pipe"));
    let mut line = String::new();
    while !line.contains("listening at ") {
        line.clear();
        assert!(stderr.read_line(&mut line).expect("it says text") > 0, "it ended");
    }
    // It may say more, and nobody needs to hear it.
    thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    (child, stdin, stdout)
}

/// What a listener prints while it is given `input`, and `there` happens at the other side.
fn overhear(arguments: &[&str], input: &[u8], there: impl FnOnce() + Send) -> Vec<u8> {
    let (mut child, mut stdin, mut stdout) = listen(arguments);
    let mut output = Vec::new();
    thread::scope(|scope| {
        scope.spawn(there);
        scope.spawn(move || stdin.write_all(input).expect("it reads"));
        stdout.read_to_end(&mut output).expect("it writes");
    });
    let status = child.wait().expect("it ends");
    assert!(status.success(), "{arguments:?}: {status}");
    output
}

#[test]
fn connect_talks_to_the_kernels_listener() {
    let _world = World::new();
    let much = noise(3, 1 << 20);
    for (kernel, stack) in FAMILIES {
        let listener = TcpListener::bind((kernel, 4000)).expect("the kernel listens");
        thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, peer) = listener.accept().expect("the stack connects");
                assert_eq!(peer.ip().to_string(), stack);
                let mut got = Vec::new();
                stream.read_to_end(&mut got).expect("the stack closes its half");
                stream.write_all(&got).expect("the stack still reads");
                stream.shutdown(Shutdown::Write).expect("the stack is still there");
            });
            let said = converse(tuntcp().args(["connect", kernel, "4000"]), &much);
            assert!(said == much, "{} bytes came back of {}", said.len(), much.len());
        });
    }
}

/// A MiB each way at the same time, between `connect --listen` and each of the programs.
#[test]
fn nc_and_socat_call_us() {
    let _world = World::new();
    let (ours, theirs) = (noise(4, 1 << 20), noise(5, 1 << 20));
    for (_, stack) in FAMILIES {
        let port = ["4000"];
        let arguments = [stack, "4000"];
        let socat = format!(
            "TCP:{}:4000",
            if stack.contains(':') { format!("[{stack}]") } else { stack.into() }
        );
        let calls: [&[&str]; 2] = [&["nc", "-N", stack, "4000"], &["socat", "-t30", "-", &socat]];
        for (call, at) in calls.into_iter().zip([port.as_slice(), arguments.as_slice()]) {
            let there = || {
                let said = converse(Command::new(call[0]).args(&call[1..]), &theirs);
                assert!(said == ours, "{call:?} got {} bytes of {}", said.len(), ours.len());
            };
            let said = overhear(at, &ours, there);
            assert!(said == theirs, "{call:?} sent {} bytes of {}", said.len(), theirs.len());
        }
    }
}

/// One peer is enough: the second one is refused.
#[test]
fn a_listener_has_one_peer_of_its_family() {
    let _world = World::new();
    for (arguments, others) in [(["-6", "4000"], 0), (["-4", "4000"], 1)] {
        let (mut child, stdin, _stdout) = listen(&arguments);
        let refused = std::net::TcpStream::connect((FAMILIES[others].1, 4000));
        assert_eq!(
            refused.map(drop).map_err(|error| error.kind()),
            Err(std::io::ErrorKind::ConnectionRefused)
        );
        let peer =
            std::net::TcpStream::connect((FAMILIES[1 - others].1, 4000)).expect("it listens");
        let mut greeting = [0; 5];
        (&stdin).write_all(b"hello").expect("it reads");
        (&peer).read_exact(&mut greeting).expect("it sends");
        let second = std::net::TcpStream::connect((FAMILIES[1 - others].1, 4000));
        assert_eq!(
            second.map(drop).map_err(|error| error.kind()),
            Err(std::io::ErrorKind::ConnectionRefused)
        );
        drop((peer, stdin));
        assert!(child.wait().expect("it ends").success());
    }
}

/// Each write at one side is a read at the other: whatever its length, and as far as fragments.
#[test]
fn datagrams_keep_their_bounds_both_ways() {
    let _world = World::new();
    for (kernel, _) in FAMILIES {
        let socket = UdpSocket::bind((kernel, 4000)).expect("the kernel listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        let (mut child, mut stdin, mut stdout) =
            spawn(tuntcp().args(["connect", "--udp", kernel, "4000"]));
        for length in [1, 512, 1452, 1472, 1473, 16_384] {
            let sent = noise(6, length);
            stdin.write_all(&sent).expect("it reads");
            let mut got = vec![0; 65_536];
            let (count, from) = socket.recv_from(&mut got).expect("it sends");
            assert!(got[..count] == sent, "{count} bytes in a datagram, of {length}");
            socket.send_to(&sent, from).expect("it is there");
            let mut said = vec![0; length];
            stdout.read_exact(&mut said).expect("it prints");
            assert!(said == sent);
        }
        drop(stdin);
        assert!(child.wait().expect("a quiet second is the end").success());
    }
}

#[test]
fn nc_and_socat_exchange_datagrams_with_us() {
    let _world = World::new();
    for (_, stack) in FAMILIES {
        let there = || {
            let said =
                converse(Command::new("nc").args(["-u", "-w", "2", stack, "4000"]), b"\0one\n");
            assert_eq!(said, b"two\xff\n");
        };
        assert_eq!(overhear(&["-u", "4000"], b"two\xff\n", there), b"\0one\n");
    }
    let (mut socat, mut theirs, mut heard) =
        spawn(Command::new("socat").args(["-t2", "-", "UDP4-LISTEN:4000"]));
    // It takes a moment to listen, and the first datagrams may be refused.
    let said = loop {
        let mut connect = tuntcp();
        let (mut child, mut ours, mut said) =
            spawn(connect.args(["connect", "-u", "192.0.2.1", "4000"]).stderr(Stdio::null()));
        ours.write_all(b"from us\n").expect("it reads");
        let mut line = [0; 10];
        thread::scope(|scope| {
            scope.spawn(|| {
                // As soon as it has a peer.
                let _ = theirs.write_all(b"from them\n");
            });
        });
        let complete = said.read_exact(&mut line).is_ok();
        drop(ours);
        assert_eq!(child.wait().expect("it ends").success(), complete);
        if complete {
            break line;
        }
    };
    assert_eq!(&said, b"from them\n");
    drop(theirs);
    let mut got = Vec::new();
    heard.read_to_end(&mut got).expect("it ends after a quiet time");
    assert!(got.starts_with(b"from us\n"));
    socat.wait().expect("it ends");
}

#[test]
fn connect_names_the_cause_of_its_failure() {
    let _world = World::new();
    forward();
    run("ip", ["route", "add", "unreachable", "198.51.100.0/24"]);
    let rows = [
        (vec!["192.0.2.1", "9"], "refused"),
        (vec!["2001:db8::1", "9"], "refused"),
        (vec!["-u", "192.0.2.1", "9"], "192.0.2.1:9: connection refused; nobody listens there"),
        (vec!["-u", "2001:db8::1", "9"], "[2001:db8::1]:9: connection refused"),
        (vec!["-w", "3", "198.51.100.1", "9"], "unreachable"),
        (vec!["-u", "198.51.100.1", "9"], "unreachable"),
        (vec!["-u", "192.0.2.2", "9"], "refused"),
        (vec!["-6", "192.0.2.1", "9"], "192.0.2.1"),
        (vec!["--listen", "198.51.100.1", "9"], "cannot listen at port 9: "),
        (vec!["--listen", "--udp", "198.51.100.1", "9"], "cannot listen at port 9: "),
    ];
    for (arguments, cause) in rows {
        let output = feed(tuntcp().arg("connect").args(&arguments), b"\0 anybody?\n");
        let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains(cause), "{arguments:?}: {said}");
    }
}

#[test]
fn a_peer_that_resets_is_told() {
    let _world = World::new();
    let listener = TcpListener::bind(("192.0.2.1", 4000)).expect("the kernel listens");
    let output = thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().expect("the stack connects");
            stream.read_exact(&mut [0; 5]).expect("the stack sends");
            stream.write_all(b"half a wo").expect("the stack reads");
            let at_once = nix::libc::linger { l_onoff: 1, l_linger: 0 };
            setsockopt(&stream, sockopt::Linger, &at_once).expect("the option is known");
        });
        feed(tuntcp().args(["connect", "192.0.2.1", "4000"]), &noise(7, 1 << 20))
    });
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("192.0.2.1:4000: ") && said.contains("reset"), "{said}");
}
