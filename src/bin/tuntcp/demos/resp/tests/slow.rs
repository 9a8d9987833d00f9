//! Clients that take their time.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use tuntcp::{TcpListener, TcpStream};

use super::super::{Patience, Resp};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);

/// How the server ends with a client who does `behave`, who is told when it has.
fn serve(patience: Patience, behave: impl FnOnce(TcpStream, Receiver<()>) + Send) -> io::Error {
    let (a, b) = tuntcp::runtime::memory_pair().expect("a host can be started");
    let listener = TcpListener::bind(&a, "192.0.2.1:6379").expect("nobody listens there");
    let resp = Resp::with_patience(patience);
    let (tell, ended) = mpsc::channel();
    thread::scope(|scope| {
        let connect = || TcpStream::connect(&b, "192.0.2.1:6379").expect("it accepts");
        scope.spawn(move || behave(connect(), ended));
        let (stream, _) = listener.accept().expect("he connects");
        let error = resp.serve(&stream).expect_err("he takes too long");
        drop(stream);
        // Only who does not read waits for it.
        let _ = tell.send(());
        error
    })
}

#[test]
fn who_asks_for_nothing_is_sent_away() {
    let patience = Patience { idle: SHORT, request: LONG, stall: LONG };
    let error = serve(patience, |mut stream, _| {
        stream.write_all(b"PING\r\n").expect("it reads");
        let mut replies = String::new();
        stream.read_to_string(&mut replies).expect("it closes as one does");
        assert_eq!(replies, "+PONG\r\n");
    });
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

/// A byte now and then does not help.
#[test]
fn a_request_that_has_begun_has_to_end() {
    let patience = Patience { idle: LONG, request: SHORT, stall: LONG };
    let error = serve(patience, |mut stream, _| {
        stream.write_all(b"PING\r\n*2\r\n$4\r\nECHO\r\n$100\r\n").expect("it reads");
        let mut pong = [0; 7];
        stream.read_exact(&mut pong).expect("what was whole is answered");
        let dribbles = (0..100).take_while(|_| {
            thread::sleep(SHORT / 6);
            stream.write_all(b"x").is_ok()
        });
        assert!(dribbles.count() < 100, "it could have been sent to its end");
    });
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

#[test]
fn who_does_not_read_is_cut_off() {
    let patience = Patience { idle: LONG, request: LONG, stall: SHORT };
    let error = serve(patience, |mut stream, ended| {
        let long = "x".repeat(500_000);
        write!(stream, "*3\r\n$3\r\nset\r\n$1\r\nk\r\n$500000\r\n{long}\r\n").expect("it reads");
        stream.write_all(&b"get k\r\n".repeat(100)).expect("it reads");
        // All that there is room for comes, and then the end, which is none that one could trust.
        ended.recv().expect("it ends");
        let ended = stream.read_to_end(&mut Vec::new());
        assert_eq!(ended.expect_err("it was cut").kind(), ErrorKind::ConnectionReset);
    });
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}
