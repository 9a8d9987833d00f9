//! The chat by frames that tell their length.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use crate::world::{World, connect, noise, run};

const PORT: u16 = 7071;

/// Sends a message in one frame.
fn say(mut stream: &TcpStream, message: &[u8]) {
    let length = u32::try_from(message.len()).expect("it is short").to_be_bytes();
    stream.write_all(&[&length, message].concat()).expect("it reads");
}

/// The next message.
fn hear(mut stream: &TcpStream) -> Vec<u8> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("a message comes");
    let mut message = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut message).expect("all of it comes");
    message
}

/// Somebody in the room, who has been greeted.
fn enter() -> TcpStream {
    let stream = connect(PORT);
    assert!(hear(&stream).starts_with(b"* welcome, "));
    stream
}

/// Two who talk at once, in any bytes: each message arrives once, whole and in its order, however its
/// bytes were cut, and several of them at once, too.
const CUTS: &str = r#"
import random, socket, struct, threading
def dial():
    s = socket.create_connection(("192.0.2.2", 7071), timeout=60)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s, s.makefile("rb")
def hear(f):
    n, = struct.unpack(">I", f.read(4))
    return f.read(n)
rng = random.Random(3)
one, hears = dial()
assert hear(hears) == b"* welcome, guest-1; 1 here; /help helps"
two, heard = dial()
assert hear(heard) == b"* welcome, guest-2; 2 here; /help helps"
assert hear(hears) == b"* guest-2 is here"
def messages(): return [rng.randbytes(rng.choice([0, 1, 2, 300, 300, 5000])) for _ in range(300)]
def say(s, messages, rng):
    # What begins with a slash is no command if there are two.
    messages = [b"/" + m if m[:1] == b"/" else m for m in messages]
    said = b"".join(struct.pack(">I", len(m)) + m for m in messages)
    at = 0
    while at < len(said):
        cut = at + rng.choice([1, 1, 2, 7, 3000, 30000])
        s.sendall(said[at:cut]); at = cut
ones, twos = messages(), messages()
sayers = [threading.Thread(target=say, args=(one, ones, random.Random(1))),
          threading.Thread(target=say, args=(two, twos, random.Random(2)))]
for t in sayers: t.start()
got = []
reader = threading.Thread(target=lambda: got.extend(hear(hears) for _ in twos))
reader.start()
for m in ones: assert hear(heard) == b"guest-1: " + m
for t in sayers + [reader]: t.join()
assert got == [b"guest-2: " + m for m in twos]
print("well")
"#;

#[test]
fn messages_arrive_as_they_were_sent_wherever_they_are_cut() {
    let world = World::new();
    let server = world.serve(&["frames"]);
    assert_eq!(run("python3", ["-c", CUTS]).stdout, b"well\n");
    server.stop();
}

#[test]
fn a_message_may_be_anything_up_to_its_longest() {
    let world = World::new();
    let server = world.serve(&["frames"]);
    let (one, two) = (enter(), enter());
    assert_eq!(hear(&one), b"* guest-2 is here");
    for message in [&b""[..], b"\r\n\0\0\0\x01x", &noise(1, 65_536)] {
        say(&one, message);
        assert!(hear(&two) == [b"guest-1: ", message].concat());
    }
    say(&two, b"/name two");
    assert_eq!((hear(&one), hear(&two)), {
        let told = b"* guest-2 is now two".to_vec();
        (told.clone(), told)
    });
    say(&one, b"/who");
    assert_eq!(hear(&one), b"* here are guest-1, two");
    server.stop();
}

#[test]
fn a_length_that_is_wrong_ends_his_connection_and_no_other() {
    let world = World::new();
    let server = world.serve(&["frames"]);
    let (one, two) = (enter(), enter());
    assert_eq!(hear(&one), b"* guest-2 is here");
    for (number, length) in [65_537, 1 << 31, u32::MAX].into_iter().enumerate() {
        let wrong = enter();
        let name = format!("guest-{}", number + 3);
        assert_eq!(hear(&one), format!("* {name} is here").as_bytes());
        (&wrong).write_all(&length.to_be_bytes()).expect("it reads");
        (&wrong).write_all(&noise(2, 10_000)).expect("it reads");
        assert_eq!(hear(&wrong), b"* a message has at most 65536 bytes; goodbye");
        assert_eq!((&wrong).read(&mut [0]).expect("it closes"), 0);
        assert_eq!(hear(&one), format!("* {name} has left").as_bytes());
    }
    // One that is announced and never comes costs a place.
    let slow = enter();
    (&slow).write_all(b"\0\x01\0\0x").expect("it reads");
    let half = enter();
    (&half).write_all(b"\0\0\0\x05half").expect("it reads");
    half.shutdown(Shutdown::Write).expect("it is open");
    assert_eq!((&half).read(&mut [0]).expect("it closes"), 0);
    for wanted in ["* guest-6 is here", "* guest-7 is here", "* guest-7 has left"] {
        assert_eq!(hear(&one), wanted.as_bytes());
    }
    say(&one, b"still here");
    for _ in 0..9 {
        hear(&two);
    }
    assert_eq!(hear(&two), b"guest-1: still here");
    server.stop();
}
