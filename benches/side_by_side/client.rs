//! The client's side of every measure: Linux's own TCP, through `std::net`.
#![expect(clippy::disallowed_methods, reason = "time is what is measured")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::world::{ECHO, IDLE, SINK, SOURCE, World, exchange};

/// Bytes of one write.
const BLOCK: usize = 64 << 10;
/// Connections that are opened and closed for one figure.
const CONNECTIONS: u32 = 3000;
/// Idle connections that are held for one figure.
const IDLE_CONNECTIONS: usize = 10_000;
/// What a sender out of the stack does before it is measured: its window opens.
const WARM_UP: Duration = Duration::from_millis(200);
/// How long thousands of connections may take altogether.
const CROWD: Duration = Duration::from_secs(120);

/// Into the stack: what its application has read until it has read all, Gbit/s.
pub(crate) fn goodput_in(world: &World, streams: usize, span: Duration) -> Vec<f64> {
    let streams = connect(world, SINK, streams);
    let started = Instant::now();
    let bytes = in_parallel(streams, |mut stream| {
        let block = vec![0x5a; BLOCK];
        while started.elapsed() < span {
            stream.write_all(&block).expect("the stack takes it");
        }
        stream.shutdown(Shutdown::Write).expect("the connection is open");
        let mut count = [0; 8];
        stream.read_exact(&mut count).expect("the stack says how much it has read");
        u64::from_be_bytes(count)
    });
    vec![gigabits(bytes, started.elapsed())]
}

/// Out of the stack: what the client has read after the warm-up, Gbit/s.
pub(crate) fn goodput_out(world: &World, streams: usize, span: Duration) -> Vec<f64> {
    let streams = connect(world, SOURCE, streams);
    let begin = Instant::now() + WARM_UP;
    let bytes = in_parallel(streams, |mut stream| {
        let mut block = vec![0; 4 * BLOCK];
        let mut bytes = 0;
        while begin.elapsed() < span {
            let count = stream.read(&mut block).expect("the stack goes on");
            assert_ne!(count, 0, "the stack goes on");
            if Instant::now() >= begin {
                bytes += count as u64;
            }
        }
        bytes
    });
    vec![gigabits(bytes, begin.elapsed())]
}

/// The median and the 99th percentile of the time that one byte takes there and back, microseconds.
pub(crate) fn ping_pong(world: &World, span: Duration) -> Vec<f64> {
    let mut stream = world.connect(ECHO);
    let mut times = Vec::new();
    let started = Instant::now();
    while started.elapsed() < span {
        let sent = Instant::now();
        stream.write_all(b"x").expect("the stack takes it");
        stream.read_exact(&mut [0]).expect("the stack sends it back");
        times.push(sent.elapsed());
    }
    times.sort_unstable();
    let quantile = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    [0.50, 0.99].map(|part| quantile(part).as_secs_f64() * 1e6).to_vec()
}

/// Connections a second that are opened, echo a byte and are closed.
pub(crate) fn connections(world: &World, _span: Duration) -> Vec<f64> {
    let started = Instant::now();
    for _ in 0..CONNECTIONS {
        exchange(world.connect(ECHO));
        assert!(started.elapsed() < CROWD, "the connections are made in time");
    }
    vec![f64::from(CONNECTIONS) / started.elapsed().as_secs_f64()]
}

/// Memory that an idle connection costs the server beyond what it needs for none, bytes. Each has
/// carried one byte there and back, so that what a connection has once used counts.
pub(crate) fn idle_memory(world: &World, _span: Duration) -> Vec<f64> {
    let started = Instant::now();
    let mut held = Vec::new();
    for _ in 0..IDLE_CONNECTIONS {
        let mut stream = world.connect(IDLE);
        stream.write_all(b"x").expect("the stack takes it");
        stream.read_exact(&mut [0]).expect("the stack sends it back");
        held.push(stream);
        assert!(started.elapsed() < CROWD, "the connections are made in time");
    }
    // Acknowledgements that were delayed have gone by then, and what they needed with them.
    thread::sleep(Duration::from_millis(500));
    vec![(world.memory() - world.base) / held.len() as f64]
}

/// All of them before any clock starts: what a transfer is worth is not what a handshake is worth.
fn connect(world: &World, port: u16, streams: usize) -> Vec<TcpStream> {
    (0..streams).map(|_| world.connect(port)).collect()
}

/// The bytes of every stream, each in a thread of its own.
fn in_parallel(streams: Vec<TcpStream>, one: impl Fn(TcpStream) -> u64 + Sync) -> u64 {
    let one = &one;
    thread::scope(|scope| {
        let threads: Vec<_> =
            streams.into_iter().map(|stream| scope.spawn(move || one(stream))).collect();
        let bytes = threads.into_iter().map(|thread| thread.join().expect("the stream is well"));
        // A stream that carries nothing is no figure, and no slow one either.
        bytes.inspect(|bytes| assert_ne!(*bytes, 0, "every stream carries something")).sum()
    })
}

fn gigabits(bytes: u64, time: Duration) -> f64 {
    bytes as f64 * 8.0 / time.as_secs_f64() / 1e9
}
