//! The client's side of every measure: Linux's own TCP, through `std::net`.
#![expect(clippy::disallowed_methods, reason = "time is what is measured")]

use std::io::{Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use crate::world::{ECHO, IDLE, SINK, SOURCE, World};

/// Bytes of one write.
const BLOCK: usize = 64 << 10;
/// Connections that are opened and closed for one figure.
const CONNECTIONS: u32 = 3000;
/// Idle connections that are held for one figure.
const IDLE_CONNECTIONS: usize = 10_000;

/// Into the stack: what its application has read, Gbit/s.
pub(crate) fn goodput_in(world: &World, streams: usize, span: Duration) -> f64 {
    let started = Instant::now();
    let bytes = in_parallel(world, streams, |world| {
        let mut stream = world.connect(SINK);
        let block = vec![0x5a; BLOCK];
        while started.elapsed() < span {
            stream.write_all(&block).expect("the stack takes it");
        }
        stream.shutdown(Shutdown::Write).expect("the connection is open");
        let mut count = [0; 8];
        stream.read_exact(&mut count).expect("the stack says how much it has read");
        u64::from_be_bytes(count)
    });
    gigabits(bytes, started.elapsed())
}

/// Out of the stack: what the client has read, Gbit/s.
pub(crate) fn goodput_out(world: &World, streams: usize, span: Duration) -> f64 {
    let started = Instant::now();
    let bytes = in_parallel(world, streams, |world| {
        let mut stream = world.connect(SOURCE);
        let mut block = vec![0; 4 * BLOCK];
        let mut bytes = 0;
        while started.elapsed() < span {
            bytes += stream.read(&mut block).expect("the stack goes on") as u64;
        }
        bytes
    });
    gigabits(bytes, started.elapsed())
}

/// The quantile of the time that one byte takes there and back, microseconds.
pub(crate) fn ping_pong(world: &World, span: Duration, quantile: f64) -> f64 {
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
    times[((times.len() - 1) as f64 * quantile) as usize].as_secs_f64() * 1e6
}

/// Connections a second that are opened, echo a byte and are closed.
pub(crate) fn connections(world: &World, _span: Duration) -> f64 {
    let started = Instant::now();
    for _ in 0..CONNECTIONS {
        let mut stream = world.connect(ECHO);
        stream.write_all(b"x").expect("the stack takes it");
        stream.read_exact(&mut [0]).expect("the stack sends it back");
        stream.shutdown(Shutdown::Write).expect("the connection is open");
        assert_eq!(stream.read(&mut [0]).expect("the stack closes"), 0);
    }
    f64::from(CONNECTIONS) / started.elapsed().as_secs_f64()
}

/// Memory that an idle connection costs the server beyond what it needs for none, bytes. Each has
/// carried one byte there and back, so that what a connection has once used counts.
pub(crate) fn idle_memory(world: &World, _span: Duration) -> f64 {
    let mut held = Vec::new();
    for _ in 0..IDLE_CONNECTIONS {
        let mut stream = world.connect(IDLE);
        stream.write_all(b"x").expect("the stack takes it");
        stream.read_exact(&mut [0]).expect("the stack sends it back");
        held.push(stream);
    }
    // Acknowledgements that were delayed have gone by then, and what they needed with them.
    thread::sleep(Duration::from_millis(500));
    (world.memory() - world.base) / held.len() as f64
}

fn in_parallel(world: &World, streams: usize, one: impl Fn(&World) -> u64 + Sync) -> u64 {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..streams).map(|_| scope.spawn(|| one(world))).collect();
        threads.into_iter().map(|thread| thread.join().expect("the stream is well")).sum()
    })
}

fn gigabits(bytes: u64, time: Duration) -> f64 {
    bytes as f64 * 8.0 / time.as_secs_f64() / 1e9
}
