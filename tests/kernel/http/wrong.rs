//! Requests that are wrong, or too large: each gets the status that says what is the matter.

use std::io::{Read, Write};
use std::net::Shutdown;

use super::{Got, Site, curl};
use crate::world::{World, connect, run};

/// Everything that comes back for `request`, once the client has said that it was all.
fn ask(request: &[u8]) -> Vec<u8> {
    let mut client = connect(80);
    // It may have been refused before its end.
    let _ = client.write_all(request).and_then(|()| client.shutdown(Shutdown::Write));
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer);
    answer
}

#[test]
fn each_has_its_status() {
    let world = World::new();
    let site = Site::new("wrong").with("a.txt", "hello\n");
    let server = site.serve(&world, &[]);
    let host = "Host: a\r\n";
    let long = "a".repeat(20_000);
    let many: String = (0..101).map(|index| format!("X-{index}: a\r\n")).collect();
    let post = |rest: &str| format!("POST /a.txt HTTP/1.1\r\nHost: a\r\n{rest}");
    let rows = [
        // What is right, for comparison.
        ("GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n".into(), 200),
        ("\r\nGET /a.txt HTTP/1.1\r\nHost:\r\n\r\n".into(), 200),
        ("GET /a.txt HTTP/1.0\r\n\r\n".into(), 200),
        ("GET /a.txt HTTP/1.1\nHost: a\n\n".into(), 200),
        ("GET http://a/a.txt HTTP/1.1\r\nHost: a\r\n\r\n".into(), 200),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n".into(), 204),
        // Requests that are none.
        ("\x16\x03\x01\x02\x00\x01\x00\x01\r\n".into(), 400),
        ("rubbish\r\n\r\n".into(), 400),
        ("GET\r\n\r\n".into(), 400),
        ("GET /a.txt\r\n\r\n".into(), 400),
        ("GET /a.txt HTTP/2.0\r\nHost: a\r\n\r\n".into(), 505),
        ("GET /a.txt HTTP/1.1\r\n\r\n".into(), 400),
        ("GET /a.txt HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n".into(), 400),
        ("GET /a.txt HTTP/1.1\r\nHost: a b\r\n\r\n".into(), 400),
        ("GET /a.txt HTTP/1.1\r\nHost : a\r\n\r\n".into(), 400),
        ("GET /a.txt HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n".into(), 400),
        ("GET /a.txt HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n".into(), 400),
        ("GET /a.txt HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n".into(), 400),
        ("GET a.txt HTTP/1.1\r\nHost: a\r\n\r\n".into(), 400),
        ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n".into(), 400),
        ("GET /a%00.txt HTTP/1.1\r\nHost: a\r\n\r\n".into(), 400),
        // Methods.
        (post("\r\n"), 405),
        ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n".into(), 405),
        ("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n".into(), 405),
        ("BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n".into(), 501),
        ("get /a.txt HTTP/1.1\r\nHost: a\r\n\r\n".into(), 501),
        // Too large.
        (format!("GET /{long} HTTP/1.1\r\n{host}\r\n"), 414),
        (format!("{long}{long}"), 414),
        (format!("GET /a.txt HTTP/1.1\r\n{host}X: {long}\r\n\r\n"), 431),
        (format!("GET /a.txt HTTP/1.1\r\n{host}{many}\r\n"), 431),
        (post("Content-Length: 65537\r\n\r\n"), 413),
        (post("Content-Length: 99999999999999999999999\r\n\r\n"), 413),
        (post("Transfer-Encoding: chunked\r\n\r\n10001\r\n"), 413),
        (post("Transfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n"), 413),
        // Bodies.
        (post("Content-Length: 3\r\n\r\nabc"), 405),
        (post("Content-Length: x\r\n\r\n"), 400),
        (post("Content-Length: -1\r\n\r\n"), 400),
        (post("Content-Length: +1\r\n\r\na"), 400),
        (post("Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), 400),
        (post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400),
        (post("Transfer-Encoding: gzip, chunked\r\n\r\n"), 501),
        (post("Transfer-Encoding: chunked\r\n\r\nx\r\n"), 400),
        (post("Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n"), 400),
        (post("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), 405),
        (post(&format!("Transfer-Encoding: chunked\r\n\r\n0\r\nX: {long}")), 431),
        (post(&format!("Transfer-Encoding: chunked\r\n\r\n1;{long}")), 400),
    ];
    for (request, status) in rows {
        let got = Got::parse(&ask(request.as_bytes()));
        let begin: String = request.chars().take(100).collect();
        assert_eq!(got.status, status, "{begin}");
        if status == 405 {
            assert_eq!(got.field("allow"), Some("GET, HEAD, OPTIONS"), "{begin}");
        }
        if matches!(status, 400 | 413 | 414 | 431 | 505)
            && !request.contains('%')
            && !request.starts_with("GET a")
        {
            assert_eq!(got.field("connection"), Some("close"), "{begin}");
        }
    }
    assert_eq!(curl(&["/a.txt"]).body, b"hello\n");
    server.stop();
}

/// Who asks whether to send his body is told to; who is not to send it is told that.
#[test]
fn bodies_that_are_announced() {
    let world = World::new();
    let site = Site::new("announced").with("a.txt", "hello\n");
    let server = site.serve(&world, &[]);
    for (length, told) in [(3, "HTTP/1.1 100 Continue\r\n\r\n"), (9 << 20, "HTTP/1.1 413")] {
        let mut client = connect(80);
        let expect = "Expect: 100-Continue\r\n";
        write!(client, "PUT / HTTP/1.1\r\nHost: a\r\n{expect}Content-Length: {length}\r\n\r\n")
            .expect("it is open");
        let mut answer = vec![0; told.len()];
        client.read_exact(&mut answer).expect("an answer comes");
        assert_eq!(String::from_utf8_lossy(&answer), told);
    }
    // The same by curl, whose large bodies do so; it reads the refusal while it still sends.
    let large = site.0.join("large");
    std::fs::write(&large, vec![0; 9 << 20]).expect("room");
    let large = format!("@{}", large.display());
    for expect in ["Expect: 100-continue", "Expect:"] {
        let got = curl(&["-H", expect, "--data-binary", &large, "/a.txt"]);
        assert_eq!(got.status, 413, "{expect}");
    }
    server.stop();
}

/// Requests with a few bytes changed, at random but always the same: each is answered, or the
/// connection closed, and nothing outside the root is ever read.
const MUTATED: &str = r#"
import random, socket
random.seed(7)
seeds = [
    b"GET /a.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1,3-4\r\nIf-None-Match: \"x\"\r\n\r\n",
    b"GET /../secret HTTP/1.1\r\nHost: a\r\nReferer: http://b/\r\nOrigin: http://c\r\n\r\n",
    b"GET /%2e%2e/secret HTTP/1.1\r\nHost: a\r\nIf-Modified-Since: Thu, 02 Jan 2020 00:00:00 GMT\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"GET /link/secret HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
]
for number in range(500):
    text = bytearray(random.choice(seeds))
    for _ in range(random.randint(0, 4)):
        at = random.randrange(len(text))
        kind = random.random()
        if kind < 0.4: text[at] = random.randrange(256)
        elif kind < 0.6: del text[at:at + random.randint(1, 10)]
        elif kind < 0.8: text[at:at] = text[max(0, at - 9):at]
        else: text[at:at] = random.choice([b"../", b"%2f", b"\\", b"\0", b"//", b"\r\n", b"%", b"\xff"])
    with socket.create_connection(("192.0.2.2", 80), timeout=60) as client:
        client.sendall(text)
        client.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while piece := client.recv(65536): got += piece
        except ConnectionResetError: pass
        assert not got or got.startswith(b"HTTP/1.1 "), (text, got)
        assert b"the secret itself" not in got and b"HTTP/1.1 500" not in got, (text, got)
print("well")
"#;

#[test]
fn rubbish_that_looks_like_requests() {
    let world = World::new();
    let site = Site::new("mutated").with("a.txt", "hello\n");
    std::fs::write(site.0.join("secret"), "the secret itself").expect("room");
    std::os::unix::fs::symlink("..", site.root().join("link")).expect("room");
    let options = ["--cors", "http://c", "--hotlinks", "none"];
    let server = site.serve(&world, &options);
    assert_eq!(run("python3", ["-c", MUTATED]).stdout, b"well\n");
    assert_eq!(curl(&["/a.txt"]).body, b"hello\n");
    server.stop();
}
