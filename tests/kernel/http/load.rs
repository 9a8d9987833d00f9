//! Many requests: by one connection after the other, by one at once, by a thousand at once.

use super::Site;
use crate::world::{World, run};

#[test]
fn wrk_finds_no_error() {
    let world = World::new();
    let site = Site::new("wrk").with("a.txt", "hello\n").with("large", vec![b'x'; 100_000]);
    let server = site.serve(&world, &[]);
    for path in ["a.txt", "large"] {
        let url = format!("http://192.0.2.2/{path}");
        let said = run("wrk", ["-t2", "-c100", "-d2s", "--timeout", "30s", &url]).stdout;
        let said = String::from_utf8_lossy(&said);
        let requests = said.lines().find(|line| line.contains(" requests in "));
        let requests = requests.and_then(|line| line.split_whitespace().next()?.parse().ok());
        // One for each of its connections at least.
        assert!(requests.is_some_and(|requests: u32| requests >= 100), "{said}");
        assert!(!said.contains("Socket errors") && !said.contains("Non-2xx"), "{said}");
    }
    server.stop();
}

/// A thousand clients, all of them there at once, and each asks three times.
const THOUSAND: &str = r#"
import resource, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
def response(client):
    got = b""
    while b"\r\n\r\n" not in got: got += client.recv(4096) or exit("it closed")
    head, body = got.split(b"\r\n\r\n", 1)
    while len(body) < 6: body += client.recv(4096) or exit("it closed")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n") and body == b"hello\n", (head, body)
clients = [socket.create_connection(("192.0.2.2", 80), timeout=60) for _ in range(1000)]
for round in range(3):
    for client in clients: client.sendall(b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n")
    for client in clients: response(client)
for client in clients: client.shutdown(socket.SHUT_WR)
for client in clients: assert client.recv(1) == b""
print("well")
"#;

#[test]
fn a_thousand_clients_at_once() {
    let world = World::new();
    let site = Site::new("thousand").with("a.txt", "hello\n");
    // However long it takes here until the last of them has connected.
    let server = site.serve(&world, &["--idle-timeout", "60"]);
    assert_eq!(run("python3", ["-c", THOUSAND]).stdout, b"well\n");
    server.stop();
}

/// Requests that do not wait for the answers to those before them, cut at random places: in one
/// segment, in single bytes, and between.
const PIPELINE: &str = r#"
import random, socket, threading
random.seed(7)
paths = [random.choice(["/a.txt", "/b.txt", "/none", "/dir"]) for _ in range(60)]
methods = [random.choice(["GET", "HEAD", "POST"]) for _ in paths]
bodies = {"GET": b"", "HEAD": b"",
          "POST": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nTrailer: x\r\n\r\n"}
def request(method, path):
    head = f"{method} {path} HTTP/1.1\r\nHost: a\r\n".encode()
    return head + (bodies[method] or b"\r\n")
everything = b"".join(map(request, methods, paths))
def cuts(least, most):
    at = 0
    while at < len(everything):
        size = random.randint(least, most)
        yield everything[at:at + size]
        at += size
for least, most in [(len(everything),) * 2, (1, 1), (1, 40), (30, 3000)]:
    client = socket.create_connection(("192.0.2.2", 80), timeout=60)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    def send():
        for piece in cuts(least, most): client.sendall(piece)
        client.shutdown(socket.SHUT_WR)
    sender = threading.Thread(target=send)
    sender.start()
    stream = client.makefile("rb")
    for method, path in zip(methods, paths):
        status = int(stream.readline().split()[1])
        fields = dict(line.split(b": ", 1) for line in iter(stream.readline, b"\r\n"))
        body = b"" if method == "HEAD" else stream.read(int(fields[b"content-length"]))
        wanted = 405 if method == "POST" else {"/none": 404, "/dir": 301}.get(path, 200)
        assert status == wanted, (method, path, status)
        if method == "GET" and status == 200: assert body == b"this is " + path[1:].encode(), body
    assert stream.read() == b""
    sender.join()
print("well")
"#;

#[test]
fn pipelined_requests_are_answered_in_order() {
    let world = World::new();
    let site = Site::new("pipeline")
        .with("a.txt", "this is a.txt")
        .with("b.txt", "this is b.txt")
        .with("dir/file", "");
    let server = site.serve(&world, &[]);
    assert_eq!(run("python3", ["-c", PIPELINE]).stdout, b"well\n");
    server.stop();
}
