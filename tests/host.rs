//! The end of a host: dropped, or its device lost. Nobody is left waiting.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

use tuntcp::device::{Capabilities, Device, Memory, Offload, Received, memory};
use tuntcp::runtime::memory_pair;
use tuntcp::time::Instant;
use tuntcp::{Host, HostConfig, TcpListener, TcpStream, UdpSocket};

const SERVER: &str = "192.0.2.1:80";

/// Both ends of a connection from `client` to `server`: the client's, the server's.
fn joined(server: &Host, client: &Host) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(server, SERVER).unwrap();
    let theirs = TcpStream::connect(client, SERVER).unwrap();
    (theirs, listener.accept().unwrap().0)
}

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    result.err().expect("a failure").kind()
}

#[test]
fn dropping_a_host_sends_what_was_written() {
    let (server, client) = memory_pair().unwrap();
    let (mut theirs, mut ours) = joined(&server, &client);
    let reads = thread::spawn(move || {
        let mut bytes = Vec::new();
        theirs.read_to_end(&mut bytes).map(|_| bytes)
    });
    // More than one window, less than the send buffer and the peer's.
    ours.write_all(&[7; 1_500_000]).unwrap();
    drop(server);
    assert!(reads.join().unwrap().unwrap() == [7; 1_500_000]);
}

#[test]
fn dropping_a_host_ends_though_the_peer_is_silent() {
    let (mut server, mut client, cable) = doomed_pair();
    let (_theirs, mut ours) = joined(&server, &client);
    cable.store(CUT, Ordering::SeqCst);
    ours.write_all(b"nobody will acknowledge this").unwrap();
    server.set_drain(Duration::from_millis(10));
    client.set_drain(Duration::ZERO);
    drop(server);
    ended(&mut ours);
}

#[test]
fn what_outlives_its_host_fails_cleanly() {
    let (mut server, client) = memory_pair().unwrap();
    server.set_drain(Duration::ZERO);
    let listener = TcpListener::bind(&server, "192.0.2.1:81").unwrap();
    let (_theirs, mut ours) = joined(&server, &client);
    let addr = ours.local_addr().unwrap();
    drop(server);
    assert_eq!(kind(listener.accept()), ErrorKind::NetworkDown);
    assert_eq!(listener.local_addr().unwrap().port(), 81);
    ended(&mut ours);
    assert_eq!(ours.local_addr().unwrap(), addr);
    assert!(ours.try_clone().is_ok());
}

/// Every call on a stream without a host returns, and none succeeds.
fn ended(stream: &mut TcpStream) {
    match stream.read(&mut [0]) {
        Ok(count) => assert_eq!(count, 0),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionAborted),
    }
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    assert_eq!(kind(stream.write(b"x")), ErrorKind::BrokenPipe);
    assert_eq!(kind(stream.shutdown(std::net::Shutdown::Both)), ErrorKind::NotConnected);
}

#[test]
fn dropping_a_host_wakes_who_waits() {
    let (server, client) = memory_pair().unwrap();
    let listener = TcpListener::bind(&server, "192.0.2.1:81").unwrap();
    let (theirs, ours) = joined(&server, &client);
    let accepts = thread::spawn(move || listener.accept());
    let reads = thread::spawn(move || (&ours).read(&mut [0]));
    let mut writer = theirs.try_clone().unwrap();
    let writes = thread::spawn(move || writer.write_all(&vec![0; 16 << 20]));
    // Something is on its way.
    assert_eq!(reads.join().unwrap().unwrap(), 1);
    drop(client);
    drop(server);
    assert_eq!(kind(accepts.join().unwrap()), ErrorKind::NetworkDown);
    writes.join().unwrap().expect_err("half of it was never read");
}

/// A device that works until it is told how to end.
struct Doomed {
    inner: Memory,
    fate: Arc<AtomicU8>,
}

const LIVE: u8 = 0;
const VANISH: u8 = 1;
const PANIC: u8 = 2;
/// Nothing comes through any more, and nobody says so.
const CUT: u8 = 3;

impl Device for Doomed {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn receive(&self, now: Instant, frame: &mut [u8]) -> io::Result<Option<Received>> {
        match self.fate.load(Ordering::SeqCst) {
            LIVE => self.inner.receive(now, frame),
            VANISH => Err(io::Error::other("somebody pulled the cable")),
            CUT => Ok(None),
            _ => panic!("as a bug of the stack would"),
        }
    }

    fn transmit(&self, now: Instant, frame: &[u8], offload: Offload) -> io::Result<()> {
        match self.fate.load(Ordering::SeqCst) {
            CUT => Ok(()),
            _ => self.inner.transmit(now, frame, offload),
        }
    }

    fn wait(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.inner.wait(timeout)
    }

    fn wake(&self) {
        self.inner.wake();
    }
}

/// A server, whose device is doomed, a client, and the switch.
fn doomed_pair() -> (Host, Host, Arc<AtomicU8>) {
    let (near, far) = memory::pair(1500);
    let fate = Arc::new(AtomicU8::new(LIVE));
    let doomed = Doomed { inner: near, fate: Arc::clone(&fate) };
    let at = |address: &str| HostConfig::new(vec![address.parse().unwrap()]);
    let server = Host::new(Box::new(doomed), at("192.0.2.1/24")).unwrap();
    let client = Host::new(Box::new(far), at("192.0.2.2/24")).unwrap();
    (server, client, fate)
}

/// What those who wait see when the server's device comes to its end.
fn device_ends(fate: u8) -> io::Error {
    let (server, client, switch) = doomed_pair();
    assert!(server.wait_down(Some(Duration::ZERO)).is_none());

    let listener = TcpListener::bind(&server, "192.0.2.1:81").unwrap();
    let (theirs, ours) = joined(&server, &client);
    let mut reader = ours.try_clone().unwrap();
    let reads = thread::spawn(move || {
        let result = reader.read(&mut [0]);
        (result, reader)
    });
    let accepts = thread::spawn(move || listener.accept());

    switch.store(fate, Ordering::SeqCst);
    server.engine().device().wake();
    let error = server.wait_down(None).expect("the device is gone");

    let (result, mut reader) = reads.join().unwrap();
    assert_eq!(kind(result), ErrorKind::ConnectionAborted);
    ended(&mut reader);
    assert_eq!(kind(accepts.join().unwrap()), ErrorKind::NetworkDown);
    assert_eq!(kind(TcpListener::bind(&server, "192.0.2.1:82")), ErrorKind::NetworkDown);
    let nobody: SocketAddr = "192.0.2.2:1".parse().unwrap();
    assert_eq!(kind(TcpStream::connect(&server, nobody)), ErrorKind::NetworkDown);
    drop(theirs);
    error
}

#[test]
fn a_device_that_vanishes_ends_everything() {
    assert_eq!(device_ends(VANISH).to_string(), "somebody pulled the cable");
}

#[test]
fn a_packet_loop_that_panics_leaves_nobody_waiting() {
    assert!(device_ends(PANIC).to_string().contains("panicked"));
}

/// Many threads that accept, answer and close hand the lead from one to the other: a wake-up that is
/// lost on the way shows as a read that comes to nothing.
#[test]
fn a_crowd_of_short_connections_is_served() {
    const THREADS: usize = 8;
    const EACH: usize = 100;
    let patience = Some(Duration::from_secs(20));
    let (server, client) = memory_pair().unwrap();
    let listener = TcpListener::bind(&server, SERVER).unwrap();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..EACH {
                    let (mut ours, _) = listener.accept().unwrap();
                    ours.set_read_timeout(patience).unwrap();
                    io::copy(&mut ours.try_clone().unwrap(), &mut ours).unwrap();
                }
            });
            scope.spawn(|| {
                for _ in 0..EACH {
                    let mut theirs = TcpStream::connect(&client, SERVER).unwrap();
                    theirs.set_read_timeout(patience).unwrap();
                    theirs.write_all(b"x").unwrap();
                    theirs.read_exact(&mut [0]).unwrap();
                    theirs.shutdown(std::net::Shutdown::Write).unwrap();
                    assert_eq!(theirs.read(&mut [0]).unwrap(), 0);
                }
            });
        }
    });
}

/// Proves: RFC6528-3-c.
#[test]
fn each_host_draws_a_secret_of_its_own() {
    let (one, other) = memory_pair().unwrap();
    assert_ne!(one.engine().config().secret, other.engine().config().secret);
    assert_ne!(one.engine().config().secret, [0; 16]);
}

#[test]
fn datagrams_end_with_their_host() {
    for leads in [true, false] {
        let (server, _client) = memory_pair().unwrap();
        let socket = UdpSocket::bind(&server, "192.0.2.1:7").unwrap();
        let waits: Vec<_> = (0..if leads { 1 } else { 3 })
            .map(|_| {
                let clone = socket.try_clone().unwrap();
                thread::spawn(move || kind(clone.recv(&mut [0])))
            })
            .collect();
        // Whether they sleep already, or are about to.
        thread::yield_now();
        drop(server);
        for thread in waits {
            assert_eq!(thread.join().unwrap(), ErrorKind::NetworkDown);
        }
        assert_eq!(kind(socket.recv(&mut [0])), ErrorKind::NetworkDown);
        assert_eq!(kind(socket.send_to(b"x", "192.0.2.2:7")), ErrorKind::NetworkDown);
        assert_eq!(kind(socket.connect("192.0.2.2:7")), ErrorKind::NetworkDown);
        assert!(socket.take_error().unwrap().is_none());
    }
}
