//! A thread that waits is the packet loop, where it may be.

use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use tuntcp::device::{Capabilities, Device, Memory, Offload, Received, memory};
use tuntcp::net::{Interest, Poller};
use tuntcp::time::Instant;
use tuntcp::{Host, HostConfig, TcpListener, TcpStream};

use crate::{SERVER, event, events, joined};

/// A device that remembers which threads have received from it.
struct Witness {
    inner: Memory,
    threads: Arc<Mutex<HashSet<ThreadId>>>,
}

impl Device for Witness {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn receive(&self, now: Instant, frame: &mut [u8]) -> io::Result<Option<Received>> {
        let received = self.inner.receive(now, frame);
        if let Ok(Some(_)) = received {
            let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
            threads.insert(thread::current().id());
        }
        received
    }

    fn transmit(&self, now: Instant, frame: &[u8], offload: Offload) -> io::Result<()> {
        self.inner.transmit(now, frame, offload)
    }

    fn wait(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.inner.wait(timeout)
    }

    fn wake(&self) {
        self.inner.wake();
    }
}

fn at(address: &str) -> HostConfig {
    HostConfig::new(vec![address.parse().unwrap()])
}

/// Answers each byte of `theirs` until the connection is over.
fn echoes(host: &Host, mut ours: TcpStream) {
    let poller = Poller::new(host);
    poller.register(&ours, 0, Interest::READABLE).unwrap();
    loop {
        assert!(event(&poller).is_readable());
        let mut byte = [0];
        match ours.read(&mut byte) {
            Ok(1) => ours.write_all(&byte).unwrap(),
            _ => return,
        }
    }
}

#[test]
fn who_waits_is_the_packet_loop() {
    let (near, far) = memory::pair(1500);
    let threads = Arc::<Mutex<HashSet<ThreadId>>>::default();
    let witness = Witness { inner: near, threads: Arc::clone(&threads) };
    let server = Host::new(Box::new(witness), at("192.0.2.1/24")).unwrap();
    let client = Host::new(Box::new(far), at("192.0.2.2/24")).unwrap();
    let listener = TcpListener::bind(&server, SERVER).unwrap();
    let mut theirs = TcpStream::connect(&client, SERVER).unwrap();
    let (ours, _) = listener.accept().unwrap();
    thread::scope(|scope| {
        let serves = scope.spawn(|| echoes(&server, ours));
        let leads = || threads.lock().unwrap().contains(&serves.thread().id());
        for _ in 0..10_000 {
            theirs.write_all(b"x").unwrap();
            theirs.read_exact(&mut [0]).unwrap();
            if leads() {
                break;
            }
        }
        assert!(leads(), "always another thread");
        drop(theirs);
    });
}

#[test]
fn of_several_queues_any_brings_events() {
    let (one, other) = (memory::pair(1500), memory::pair(1500));
    let server = Host::with_queues(vec![Box::new(one.0), Box::new(other.0)], at("192.0.2.1/24"));
    let client = Host::with_queues(vec![Box::new(one.1), Box::new(other.1)], at("192.0.2.2/24"));
    let (server, client) = (server.unwrap(), client.unwrap());
    let listener = TcpListener::bind(&server, SERVER).unwrap();
    let mut clients = [(); 4].map(|()| TcpStream::connect(&client, SERVER).unwrap());
    let poller = Poller::new(&server);
    let streams: Vec<_> = listener.incoming().take(4).map(Result::unwrap).collect();
    for (token, stream) in streams.iter().enumerate() {
        poller.register(stream, token, Interest::READABLE).unwrap();
    }
    for client in &mut clients {
        client.write_all(b"x").unwrap();
        let told = event(&poller);
        let mut stream = &streams[told.token()];
        assert_eq!(stream.peer_addr().unwrap(), client.local_addr().unwrap());
        stream.read_exact(&mut [0]).unwrap();
    }
}

/// The processor's time that this thread has taken.
fn spent() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
}

#[test]
fn waiting_costs_nothing() {
    let (a, _b, ours, _theirs) = joined();
    let poller = Poller::new(&a);
    poller.register(&ours, 0, Interest::READABLE).unwrap();
    let before = spent();
    assert_eq!(events(&poller, Some(Duration::from_millis(500))), []);
    let took = spent() - before;
    assert!(took < Duration::from_millis(50), "{took:?} of half a second");
}
