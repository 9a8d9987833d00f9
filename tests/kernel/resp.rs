//! The key-value server, by Redis's own programs; and what a wrong client may do to it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::clients::converse;
use crate::world::{Server, World, connect, noise, run};

const PORT: u16 = 6379;

fn redis_cli(options: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("redis-cli");
    converse(command.args(["-h", "192.0.2.2"]).args(options), input)
}

/// What redis-cli says to a session of `commands`, a line each.
fn session(commands: &str) -> String {
    String::from_utf8(redis_cli(&["--no-raw"], commands.as_bytes())).expect("it is text")
}

/// What the server says to `bytes` until it closes, after which nothing more is said to it.
fn ask(bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(PORT);
    stream.write_all(bytes).expect("it reads");
    stream.shutdown(Shutdown::Write).expect("it is open");
    // A reset that takes the reply away would have come by now.
    thread::sleep(Duration::from_millis(50));
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).expect("it replies");
    reply
}

#[test]
fn redis_cli_knows_it() {
    let world = World::new();
    let server = world.serve(&["resp"]);
    let said = session(
        "ping\nset k v\nget k\nincr n\nincrby n 41\nset t x ex 100\nttl t\nrpush l a b\nlpush k a\n\
         lrange l 0 -1\nhset h f v\nhgetall h\nget none\nincr k\nget\nnope a\nset \"\\x00\\xff\" \"\\r\\n\"\n\
         get \"\\x00\\xff\"\ndbsize\nflushall\ndbsize\n",
    );
    let wanted = [
        "PONG",
        "OK",
        "\"v\"",
        "(integer) 1",
        "(integer) 42",
        "OK",
        "(integer) 100",
        "(integer) 2",
        "(error) WRONGTYPE Operation against a key holding the wrong kind of value",
        "1) \"a\"\n2) \"b\"",
        "(integer) 1",
        "1) \"f\"\n2) \"v\"",
        "(nil)",
        "(error) ERR value is not an integer or out of range",
        "(error) ERR wrong number of arguments for 'get' command",
        "(error) ERR unknown command 'nope', with args beginning with: 'a' ",
        "OK",
        "\"\\r\\n\"",
        "(integer) 6",
        "OK",
        "(integer) 0",
    ];
    let without_blanks: String =
        said.lines().filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect();
    assert_eq!(without_blanks, wanted.map(|line| format!("{line}\n")).concat());

    // What one client says, another one reads, over IPv6, too.
    let much = noise(1, 100_000);
    assert_eq!(redis_cli(&["-x", "set", "noise"], &much), b"OK\n");
    let get = ["-h", "2001:db8::2", "get", "noise"];
    assert!(run("redis-cli", get).stdout == [&much[..], b"\n"].concat());
    assert_eq!(run("redis-cli", ["-h", "192.0.2.2", "--scan"]).stdout, b"noise\n");
    server.stop();
}

#[test]
fn keys_go_when_their_time_has_come() {
    let world = World::new();
    let server = world.serve(&["resp"]);
    assert_eq!(session("set k v px 300\nset j v ex 1000\n"), "OK\nOK\n");
    assert!((0..100).any(|_| {
        thread::sleep(Duration::from_millis(50));
        session("get k\n") == "(nil)\n"
    }));
    assert_eq!(session("get j\ndbsize\n"), "\"v\"\n(integer) 1\n");
    server.stop();
}

#[test]
fn redis_cli_pipes_a_mass_of_commands() {
    let world = World::new();
    let server = world.serve(&["resp"]);
    let mut commands = Vec::new();
    for number in 0..20_000 {
        let (key, value) = (format!("key-{number}"), noise(number, 10 + number as usize % 50));
        write!(commands, "*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n${}\r\n", key.len(), value.len())
            .and_then(|()| commands.write_all(&value))
            .and_then(|()| commands.write_all(b"\r\n"))
            .expect("memory takes all");
    }
    let said = String::from_utf8(redis_cli(&["--pipe"], &commands)).expect("it is text");
    assert!(said.contains("errors: 0, replies: 20000"), "{said}");
    assert_eq!(session("dbsize\n"), "(integer) 20000\n");
    let value = noise(19_999, 10 + 19_999 % 50);
    let get = run("redis-cli", ["-h", "192.0.2.2", "get", "key-19999"]);
    assert!(get.stdout == [&value[..], b"\n"].concat());
    server.stop();
}

#[test]
fn redis_benchmark_finds_no_fault() {
    let world = World::new();
    let server = world.serve(&["resp"]);
    let tests = "ping,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,lrange,mset";
    for (pipeline, count) in [("1", "1000"), ("16", "10000")] {
        let options = ["-h", "192.0.2.2", "-c", "50", "-q", "-P", pipeline, "-n", count];
        let output = run("redis-benchmark", options.into_iter().chain(["-t", tests]));
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(said.matches("requests per second").count(), 18, "{said}");
        assert!(!said.to_lowercase().contains("err"), "{said}");
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    server.stop();
}

/// Commands in both framings, cut anywhere, many of them in one segment or one of them in many.
const CUTS: &str = r#"
import random, socket
rng = random.Random(7)
def bulk(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)
for whole in (False, True):
    said, wanted = b"", b""
    for i in range(150):
        value = rng.randbytes(rng.choice([0, 1, 5, 300]))
        said += bulk(b"SET", b"k%d" % i, value) + b"exists k%d none\r\n" % i + bulk(b"GET", b"k%d" % i)
        wanted += b"+OK\r\n:1\r\n$%d\r\n%s\r\n" % (len(value), value)
    s = socket.create_connection(("192.0.2.2", 6379), timeout=60)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    at = 0
    while at < len(said):
        cut = len(said) if whole else at + rng.choice([1, 1, 2, 3, 5, 50, 400])
        s.sendall(said[at:cut]); at = cut
    got = b""
    while len(got) < len(wanted): got += s.recv(65536)
    assert got == wanted
    s.sendall(b"QUIT\r\n")
    assert s.recv(100) == b"+OK\r\n" and s.recv(1) == b""
print("well")
"#;

#[test]
fn requests_may_be_cut_anywhere() {
    let world = World::new();
    let server = world.serve(&["resp"]);
    assert_eq!(run("python3", ["-c", CUTS]).stdout, b"well\n");
    server.stop();
}

#[test]
fn what_is_wrong_is_told_before_the_connection_ends() {
    let world = World::new();
    let server = world.serve(&["resp"]);
    let rows: [(&[u8], &str); 7] = [
        (b"*1\r\n$4\r\nPING\r\n*1\r\n*1\r\n", "expected '$', got '*'"),
        (b"PING\r\n*1\r\n$99999999999\r\n", "invalid bulk length"),
        (b"PING\r\n*2000000000\r\n", "invalid multibulk length"),
        (b"PING\r\n*-9999999999999999999\r\n", "invalid multibulk length"),
        (b"PING\r\n*1\r\n$2\r\nPING\r\n", "a string is not as long as it says"),
        (b"PING\r\nget 'x\r\n", "unbalanced quotes in request"),
        (&[&b"PING\r\n"[..], &[b'x'; 300_000]].concat(), "too big inline request"),
    ];
    for (bytes, wanted) in rows {
        let reply = String::from_utf8(ask(bytes)).expect("it is text");
        assert_eq!(reply, format!("+PONG\r\n-ERR Protocol error: {wanted}\r\n"));
    }
    // A request of which a part is missing is none.
    assert_eq!(ask(b"PING\r\n*1\r\n$4\r\nPI"), b"+PONG\r\n");
    assert_eq!(session("ping\n"), "PONG\n");
    server.stop();
}

/// Who asks for much and never reads, who announces much and sends little: what they take is bounded,
/// and all others are served.
#[test]
fn wrong_clients_are_bounded_and_harm_nobody() {
    let world = World::new();
    let server = world.serve(&["resp"]);
    let long = noise(2, 500_000);
    assert_eq!(redis_cli(&["-x", "set", "long"], &long), b"OK\n");
    let before = resident(&server);
    let mut wrong = Vec::new();
    for index in 0..20 {
        let mut stream = connect(PORT);
        if index % 2 == 0 {
            // 2 GB of replies; sooner or later the server reads no more of this.
            stream.set_nonblocking(true).expect("it can be set");
            let _ = stream.write(&b"get long\r\n".repeat(4000));
        } else {
            stream.write_all(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$524288\r\nx").expect("it reads");
        }
        wrong.push(stream);
    }
    for _ in 0..10 {
        thread::sleep(Duration::from_millis(100));
        assert_eq!(session("ping\nstrlen long\n"), "PONG\n(integer) 500000\n");
    }
    let grown = resident(&server).saturating_sub(before);
    assert!(grown < 20 * (5 << 20), "{grown} bytes for twenty of them");
    drop::<Vec<TcpStream>>(wrong);
    assert!(run("redis-cli", ["-h", "192.0.2.2", "get", "long"]).stdout.starts_with(&long));
    server.stop();
}

/// Bytes of memory that the server has.
fn resident(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id()));
    let status = status.expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kib.expect("the kernel tells") << 10
}
