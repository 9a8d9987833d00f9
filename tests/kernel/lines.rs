//! The chat by lines, by nc and by a client that cuts its bytes anywhere.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command};
use std::time::Duration;

use crate::world::{World, connect, noise, run, spawn};

const PORT: u16 = 7070;

/// Somebody at his nc.
struct Person {
    child: Child,
    says: Option<ChildStdin>,
    hears: BufReader<ChildStdout>,
}

impl Person {
    fn new(address: &str) -> Self {
        let mut command = Command::new("nc");
        let (child, says, hears) = spawn(command.args(["-N", "-w", "60", address, "7070"]));
        Self { child, says: Some(says), hears: BufReader::new(hears) }
    }

    fn say(&mut self, line: &str) {
        let says = self.says.as_mut().expect("he is here");
        says.write_all(format!("{line}\n").as_bytes()).expect("nc reads");
    }

    fn hear(&mut self, wanted: &str) {
        let mut line = String::new();
        self.hears.read_line(&mut line).expect("it is text");
        assert_eq!(line, format!("{wanted}\r\n"));
    }

    /// He hears nothing more, and neither does nc.
    fn end(mut self) {
        drop(self.says.take());
        let mut rest = String::new();
        self.hears.read_to_string(&mut rest).expect("it is text");
        assert_eq!(rest, "");
        assert!(self.child.wait().expect("nc ends").success());
    }
}

#[test]
fn two_at_their_nc_talk() {
    let world = World::new();
    let server = world.serve(&["lines"]);
    let mut one = Person::new("192.0.2.2");
    one.hear("* welcome, guest-1; 1 here; /help helps");
    let mut two = Person::new("2001:db8::2");
    two.hear("* welcome, guest-2; 2 here; /help helps");
    one.hear("* guest-2 is here");
    one.say("hello");
    two.hear("guest-1: hello");
    two.say("/name Zoë");
    two.hear("* guest-2 is now Zoë");
    one.hear("* guest-2 is now Zoë");
    two.say("good morning \u{1b}[31m");
    one.hear("Zoë: good morning \\u{1b}[31m");
    one.say("/who");
    one.hear("* here are Zoë, guest-1");
    for wrong in ["Zoë", "guest-9: x", "*", "", "x23456789012345678901"] {
        one.say(&format!("/name {wrong}"));
        one.hear(if wrong == "Zoë" {
            "* somebody is Zoë already"
        } else {
            "* a name is 1 to 20 letters, digits, dashes and dots"
        });
    }
    one.say("/nonsense");
    one.hear("* there are /name NEW, /who, /help and /quit");
    one.say("//nonsense");
    two.hear("guest-1: /nonsense");
    two.say("/quit");
    two.hear("* goodbye");
    two.end();
    one.hear("* Zoë has left");
    one.end();
    server.stop();
}

/// Two who talk at once: each line arrives once, whole and in its order, however its bytes were cut, and
/// several of them at once, too.
const CUTS: &str = r#"
import random, socket, threading
def dial():
    s = socket.create_connection(("192.0.2.2", 7070), timeout=60)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s, s.makefile("rb")
rng = random.Random(3)
letters = "abc def,ghi-\u20ac"
one, hears = dial()
assert hears.readline() == b"* welcome, guest-1; 1 here; /help helps\r\n"
two, heard = dial()
assert heard.readline() == b"* welcome, guest-2; 2 here; /help helps\r\n"
assert hears.readline() == b"* guest-2 is here\r\n"
def texts(): return ["x" + "".join(rng.choices(letters, k=rng.choice([0, 1, 30, 300]))) for _ in range(400)]
def say(s, lines, rng):
    said = b"".join(line.encode() + rng.choice([b"\n", b"\r\n"]) for line in lines)
    at = 0
    while at < len(said):
        cut = at + rng.choice([1, 1, 2, 7, 100, 3000])
        s.sendall(said[at:cut]); at = cut
ones, twos = texts(), texts()
sayers = [threading.Thread(target=say, args=(one, ones, random.Random(1))),
          threading.Thread(target=say, args=(two, twos, random.Random(2)))]
for t in sayers: t.start()
got = []
reader = threading.Thread(target=lambda: got.extend(hears.readline() for _ in twos))
reader.start()
for line in ones: assert heard.readline() == b"guest-1: " + line.encode() + b"\r\n"
for t in sayers + [reader]: t.join()
assert got == [b"guest-2: " + line.encode() + b"\r\n" for line in twos]
print("well")
"#;

#[test]
fn lines_arrive_as_they_were_said_wherever_they_are_cut() {
    let world = World::new();
    let server = world.serve(&["lines"]);
    assert_eq!(run("python3", ["-c", CUTS]).stdout, b"well\n");
    server.stop();
}

/// Reads what a member hears up to a line that ends with `wanted`.
fn hear_until(hears: &mut impl BufRead, wanted: &str) {
    loop {
        let mut line = Vec::new();
        assert!(hears.read_until(b'\n', &mut line).expect("he hears") > 0, "no {wanted:?}");
        if line.ends_with(format!("{wanted}\r\n").as_bytes()) {
            return;
        }
    }
}

#[test]
fn what_is_no_line_is_told_and_shown() {
    let world = World::new();
    let server = world.serve(&["lines"]);
    let mut hears = BufReader::new(connect(PORT));
    hear_until(&mut hears, "/help helps");

    let mut wrong = connect(PORT);
    wrong.write_all(&[b'x'; 100_000]).expect("it reads");
    let mut told = String::new();
    wrong.read_to_string(&mut told).expect("it tells");
    assert!(told.ends_with("* a line has at most 1024 bytes; goodbye\r\n"), "{told}");
    hear_until(&mut hears, "* guest-2 has left");

    let mut odd = connect(PORT);
    odd.write_all(b"\x00\x07\xff\xfe\r\x9b31m\n").expect("it reads");
    hear_until(&mut hears, "guest-3: \\u{0}\\u{7}\u{fffd}\u{fffd}\\r\u{fffd}31m");
    drop(odd);
    hear_until(&mut hears, "* guest-3 has left");
    server.stop();
}

/// Nobody waits for who does not listen: he is cut off, and what is said goes on.
#[test]
fn who_does_not_listen_is_cut_off() {
    let world = World::new();
    let server = world.serve(&["lines"]);
    let mut talker = connect(PORT);
    // Each has a thread, and the first to run gets the next name.
    hear_until(&mut BufReader::new(&talker), "/help helps");
    let mut hears = BufReader::new(connect(PORT));
    hear_until(&mut hears, "/help helps");
    let deaf = connect(PORT);
    hear_until(&mut hears, "* guest-3 is here");
    let line = [&[b'x'; 1000], &b"\n"[..]].concat();
    let listener = std::thread::spawn(move || {
        hear_until(&mut hears, "* guest-3 has left");
        hear_until(&mut hears, "guest-1: the end");
    });
    // At the pace that it is heard at, and far more than could wait anywhere.
    let left = (0..1000).any(|_| {
        talker.write_all(&line.repeat(20)).expect("it reads");
        talker.write_all(b"the end\n").expect("it reads");
        listener.is_finished()
    });
    assert!(left, "he is still here");
    listener.join().expect("he heard all that was said");
    // He does not hear the end of it, which would wait for him else.
    let mut heard = Vec::new();
    assert!((&deaf).read_to_end(&mut heard).is_err(), "he was cut off");
    server.stop();
}

/// A flood makes nobody else look deaf: whoever talks too much is heard slowly.
#[test]
fn a_flood_harms_nobody() {
    let world = World::new();
    let server = world.serve(&["lines"]);
    let mut hears = BufReader::new(connect(PORT));
    hear_until(&mut hears, "/help helps");
    // One after the other: each has a thread, and the first to run gets the next name.
    let mut flood = connect(PORT);
    flood.set_nonblocking(true).expect("it can be set");
    hear_until(&mut hears, "* guest-2 is here");
    let mut rubbish = connect(PORT);
    hear_until(&mut hears, "* guest-3 is here");
    let mut person = connect(PORT);
    hear_until(&mut hears, "* guest-4 is here");
    // He listens, or he would be cut off for that.
    let mut listens = person.try_clone().expect("it is open");
    let listener = std::thread::spawn(move || std::io::copy(&mut listens, &mut std::io::sink()));
    let _ = rubbish.write_all(&noise(5, 1 << 20)).and_then(|()| rubbish.shutdown(Shutdown::Write));
    let lines = b"x\n".repeat(100_000);
    for number in 0..10 {
        while flood.write(&lines).is_ok() {}
        person.write_all(format!("number {number}\n").as_bytes()).expect("it reads");
        hear_until(&mut hears, &format!("guest-4: number {number}"));
        std::thread::sleep(Duration::from_millis(50));
    }
    drop::<TcpStream>(flood);
    hear_until(&mut hears, "* guest-2 has left");
    server.stop();
    let _ = listener.join();
}
