use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::thread;

use tuntcp::runtime::memory_pair;
use tuntcp::{Host, TcpListener, TcpStream};

use super::*;

/// A server at the end of a wire in memory, whose every answer has so many bytes, and a client.
struct Pair {
    client: TcpStream,
    served: thread::JoinHandle<io::Result<()>>,
    _hosts: [Host; 2],
}

impl Pair {
    fn new(limits: Limits, length: u64) -> Self {
        let (a, b) = memory_pair().unwrap();
        let listener = TcpListener::bind(&a, "192.0.2.1:80").unwrap();
        let client = TcpStream::connect(&b, "192.0.2.1:80").unwrap();
        let (stream, _) = listener.accept().unwrap();
        let served = thread::spawn(move || {
            serve(&stream, &limits, |_| Response::new(Body::new(length, io::repeat(b'x'))))
        });
        Self { client, served, _hosts: [a, b] }
    }

    /// What the server says in the end of a client that asks once, and reads `piece` bytes every now
    /// and then.
    fn read_slowly(self, piece: usize, pause: Duration) -> io::Result<()> {
        let mut client = &self.client;
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut buffer = vec![0; piece];
        while matches!(client.read(&mut buffer), Ok(1..)) {
            thread::sleep(pause);
        }
        self.served.join().unwrap()
    }
}

const STALL: Duration = Duration::from_millis(300);

/// He takes something all the time, but so little that he would hold his thread for an hour.
#[test]
fn who_takes_too_little_has_timed_out() {
    let limits = Limits { stall: STALL, slowest: 100 << 20, ..Limits::default() };
    let outcome = Pair::new(limits, 1 << 30).read_slowly(100_000, Duration::from_millis(5));
    assert_eq!(outcome.unwrap_err().to_string(), "it is taken too slowly");
}

#[test]
fn who_takes_enough_gets_all_of_it() {
    let limits = Limits { stall: STALL, slowest: 1000, ..Limits::default() };
    Pair::new(limits, 8 << 20).read_slowly(1 << 20, Duration::from_millis(100)).unwrap();
}

/// Nor is anything kept of what he did not take.
#[test]
fn who_takes_nothing_is_reset() {
    let limits = Limits { stall: STALL, ..Limits::default() };
    let Pair { client, served, _hosts } = Pair::new(limits, 1 << 30);
    (&client).write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let outcome = served.join().unwrap();
    assert_eq!(outcome.unwrap_err().to_string(), "nothing was taken for 300ms");
    let error = (&client).read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}
