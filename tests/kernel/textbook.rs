//! The small services, in both models, and the programs that everybody has.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::clients::converse;
use crate::world::{PATIENCE, World, at, connect, noise, run, tuntcp};

const MODELS: [&[&str]; 2] = [&["--model", "threads"], &["--model", "poll"]];

/// A socket of the kernel's, at this port or at a free one.
fn socket(port: u16) -> UdpSocket {
    let socket = UdpSocket::bind(("192.0.2.1", port)).expect("the port is free");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    socket
}

/// What comes back for `datagram`.
fn ask(port: u16, datagram: &[u8]) -> Vec<u8> {
    let socket = socket(0);
    socket.send_to(datagram, at(port)).expect("it is sent");
    let mut answer = vec![0; 65_536];
    let (len, from) = socket.recv_from(&mut answer).expect("an answer comes");
    assert_eq!(from, at(port));
    answer.truncate(len);
    answer
}

fn nc(arguments: &str, input: &[u8]) -> Vec<u8> {
    converse(Command::new("nc").args(arguments.split(' ')), input)
}

#[test]
fn nc_and_socat_know_all_of_them_over_tcp() {
    for model in MODELS {
        let world = World::new();
        let server = world.serve(model);
        let much = noise(1, 3 << 20);
        assert!(nc("-N -w 30 192.0.2.2 7", &much) == much, "echo");
        assert!(nc("-N -w 30 2001:db8::2 7", &much) == much, "echo over IPv6");
        let socat = ["-t30", "-", "TCP4:192.0.2.2:7"];
        assert!(converse(Command::new("socat").args(socat), &much) == much, "echo to socat");
        assert_eq!(nc("-N -w 30 192.0.2.2 9", &much), b"", "discard");
        let date = nc("-w 30 192.0.2.2 13", b"");
        assert!(is_today(&date), "daytime: {}", String::from_utf8_lossy(&date));
        assert!(is_now(&nc("-w 30 192.0.2.2 37", b"")), "time");

        let mut stream = connect(19);
        let mut lines = vec![0; 74 * 2000];
        stream.read_exact(&mut lines).expect("chargen never ends");
        assert!(are_chargens(&lines), "chargen");
        drop(stream);
        server.stop();
    }
}

#[test]
fn nc_and_socat_know_all_of_them_over_udp() {
    for model in MODELS {
        let world = World::new();
        let server = world.serve(model);
        let socat = ["-t2", "-", "UDP4:192.0.2.2:7"];
        assert_eq!(converse(Command::new("socat").args(socat), b"hello\n"), b"hello\n");
        let socat = ["-t2", "-", "UDP6:[2001:db8::2]:7"];
        assert_eq!(converse(Command::new("socat").args(socat), b"hello\n"), b"hello\n");
        assert!(is_today(&nc("-u -w 1 192.0.2.2 13", b"\n")), "nc asks daytime");
        assert!(is_now(&ask(37, b"")), "time");
        let large = noise(2, 60_000);
        assert!(ask(7, &large) == large, "a datagram in fragments");
        assert_eq!(ask(7, b""), b"", "an empty datagram");
        // Lengths are random: some differ.
        let answers: Vec<_> = (0..20).map(|_| ask(19, b"?")).collect();
        assert!(answers.iter().all(|text| text.len() <= 512 && are_chargens(text)), "chargen");
        let lengths: BTreeSet<_> = answers.iter().map(Vec::len).collect();
        assert!(lengths.len() > 1, "chargen: {lengths:?}");
        server.stop();
    }
}

/// Two servers that answer each other would never stop: nobody's small service gets an answer.
#[test]
fn the_small_services_of_others_get_no_answer() {
    for model in MODELS {
        let world = World::new();
        let server = world.serve(model);
        let (other, anybody) = (socket(19), socket(0));
        other.send_to(b"from chargen", at(7)).expect("it is sent");
        anybody.send_to(b"from somebody", at(7)).expect("it is sent");
        let mut buf = [0; 100];
        let (len, _) = anybody.recv_from(&mut buf).expect("an answer comes");
        assert_eq!(&buf[..len], b"from somebody");
        // It was answered after the other: had that got an answer, it would be here.
        other.set_nonblocking(true).expect("it can be set");
        assert!(other.recv_from(&mut buf).is_err(), "chargen's port got an answer");
        server.stop();
    }
}

/// A thousand clients, all of them there at once.
const THOUSAND: &str = r#"
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
clients = [socket.create_connection(("192.0.2.2", 7), timeout=60) for _ in range(1000)]
for round in range(3):
    for i, client in enumerate(clients): client.sendall(b"%d of round %d\n" % (i, round))
    for i, client in enumerate(clients):
        wanted = b"%d of round %d\n" % (i, round)
        got = client.recv(len(wanted), socket.MSG_WAITALL)
        assert got == wanted, (i, got)
for client in clients: client.shutdown(socket.SHUT_WR)
for client in clients: assert client.recv(1) == b""
print("well")
"#;

#[test]
fn a_thousand_clients_at_once() {
    for model in MODELS {
        let world = World::new();
        let server = world.serve(&[model, &["echo"]].concat());
        assert_eq!(run("python3", ["-c", THOUSAND]).stdout, b"well\n");
        if model.contains(&"poll") {
            // The packet loop, the poller, the signals, and this one.
            assert!(server.threads() <= 5, "{} threads for a thousand", server.threads());
        }
        server.stop();
    }
}

#[test]
fn who_comes_beyond_the_limit_is_sent_away_and_nobody_else() {
    for model in MODELS {
        let world = World::new();
        let server = world.serve(&[model, &["--max-clients", "2", "echo"]].concat());
        let echoes = |stream: &mut TcpStream| {
            stream.write_all(b"x").is_ok() && matches!(stream.read(&mut [0]), Ok(1))
        };
        let (mut one, mut two) = (connect(7), connect(7));
        assert!(echoes(&mut one) && echoes(&mut two));
        assert!(!echoes(&mut connect(7)), "there is no third place");
        one.shutdown(Shutdown::Write).expect("it is open");
        assert!(matches!(one.read(&mut [0]), Ok(0)), "the server closes");
        // His place is free once the server has let him go, a moment after his end arrived.
        assert!((0..600).any(|_| {
            thread::sleep(Duration::from_millis(100));
            echoes(&mut connect(7))
        }));
        assert!(echoes(&mut two));
        server.stop();
    }
}

/// Who talks and does not listen, or does not listen to chargen, costs a bounded amount of memory and
/// disturbs nobody.
#[test]
fn who_never_reads_is_bounded_and_harms_nobody() {
    for model in MODELS {
        let world = World::new();
        let server = world.serve(model);
        assert_eq!(nc("-N -w 30 192.0.2.2 7", b"warm\n"), b"warm\n");
        let before = server.resident();
        let mut deaf: Vec<TcpStream> =
            (0..20).map(|index| connect(if index % 2 == 0 { 7 } else { 19 })).collect();
        // Half of them say as much as there is room for anywhere, for a second.
        for _ in 0..50 {
            for talker in deaf.iter_mut().step_by(2) {
                talker.set_nonblocking(true).expect("it can be set");
                while talker.write(&[7; 65_536]).is_ok() {}
            }
            thread::sleep(Duration::from_millis(20));
        }
        let much = noise(3, 1 << 20);
        assert!(nc("-N -w 30 192.0.2.2 7", &much) == much, "another one");
        // Both buffers of each, what a thread takes, and some.
        let grown = server.resident().saturating_sub(before);
        assert!(grown < 20 * (6 << 20), "{grown} bytes for twenty of them");
        drop(deaf);
        server.stop();
    }
}

/// Rubbish to every server that there is, over TCP and UDP: each goes on, and so do the others.
#[test]
fn rubbish_harms_no_server() {
    for model in MODELS {
        let world = World::new();
        let server = world.serve(model);
        for port in ports() {
            for seed in 0..20 {
                let rubbish = noise(seed, 1 << (seed % 18));
                let mut stream = connect(port);
                // It may hang up at once.
                let _ = stream.write_all(&rubbish).and_then(|()| stream.shutdown(Shutdown::Write));
                let mut answer = Vec::new();
                let _ = (&stream).take(100_000).read_to_end(&mut answer);
                let datagram = &rubbish[..rubbish.len().min(1400)];
                // Nobody may be there, which the next one tells.
                let _ = socket(0).send_to(datagram, at(port));
            }
            TcpStream::connect_timeout(&at(port), PATIENCE)
                .unwrap_or_else(|error| panic!("port {port}: {error}"));
        }
        assert_eq!(nc("-N -w 30 192.0.2.2 7", b"still here\n"), b"still here\n");
        server.stop();
    }
}

/// The port of every service, from the list that people read.
fn ports() -> Vec<u16> {
    let list = tuntcp().args(["serve", "--list"]).output().expect("it runs").stdout;
    let list = String::from_utf8(list).expect("it is text");
    let port = |line: &str| line.split_whitespace().nth(1)?.parse().ok();
    list.lines().map(|line| port(line).unwrap_or_else(|| panic!("no port in {line:?}"))).collect()
}

/// What the kernel tells of the server.
impl crate::world::Server {
    fn status(&self, field: &str) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.expect("the kernel tells")
    }

    pub(crate) fn threads(&self) -> usize {
        self.status("Threads:")
    }

    /// Bytes of memory that it has.
    pub(crate) fn resident(&self) -> usize {
        self.status("VmRSS:") << 10
    }
}

fn is_today(text: &[u8]) -> bool {
    let year = run("date", ["+, %Y "]).stdout;
    let text = String::from_utf8_lossy(text);
    text.ends_with("\r\n") && text.contains(String::from_utf8_lossy(&year).trim_end_matches('\n'))
}

/// Whether `time`'s answer is the time, a minute more or less.
fn is_now(answer: &[u8]) -> bool {
    let Ok(answer) = answer.try_into() else { return false };
    #[expect(clippy::disallowed_methods, reason = "the server tells the time of day")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later").as_secs();
    let told = u64::from(u32::from_be_bytes(answer)) - 2_208_988_800;
    told.abs_diff(now) < 60
}

/// Whether these are chargen's lines, from the first one on.
fn are_chargens(text: &[u8]) -> bool {
    text.chunks(74).enumerate().all(|(number, line)| {
        let characters = (0..72).map(|column| b' ' + ((number + column) % 95) as u8);
        let wanted: Vec<u8> = characters.chain(*b"\r\n").collect();
        wanted.starts_with(line)
    })
}
