//! The client's side of every measure: Linux's own TCP, through `std::net`.
#![expect(clippy::disallowed_methods, reason = "time is what is measured")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::{SysconfVar, sysconf};

use crate::measures::Direction;
use crate::world::{ECHO, IDLE, LAST, SINK, SOURCE, World, exchange};

/// Bytes of one write.
const BLOCK: usize = 64 << 10;
/// Connections that are opened and closed for one figure at most: each keeps a port for a minute.
const CONNECTIONS: u32 = 50_000;
/// What a sender out of the stack does before it is measured: its window opens.
const WARM_UP: Duration = Duration::from_millis(200);
/// How long thousands of connections may take altogether.
const CROWD: Duration = Duration::from_secs(120);
/// Bulk streams beside a ping-pong.
const BESIDE: usize = 8;

/// What bulk streams carried.
pub(crate) struct Carried {
    bytes: Vec<u64>,
    time: Duration,
    /// Seconds that the CPUs of the whole machine were busy.
    cpu: f64,
}

/// Into the stack what its application has read, until it has read all; out of it what the client
/// has read after a warm-up.
pub(crate) fn bulk(world: &World, way: Direction, streams: usize, span: Duration) -> Carried {
    match way {
        Direction::In => bulk_in(world, streams, span),
        Direction::Out => bulk_out(world, streams, span),
    }
}

fn bulk_in(world: &World, streams: usize, span: Duration) -> Carried {
    let streams = connect(world, SINK, streams);
    let (started, busy) = (Instant::now(), cpu_seconds());
    let bytes = in_parallel(
        streams,
        || {},
        |mut stream| {
            let block = vec![0x5a; BLOCK];
            while started.elapsed() < span {
                stream.write_all(&block).expect("the stack takes it");
            }
            stream.write_all(&[LAST]).expect("the stack takes it");
            let mut count = [0; 8];
            stream.read_exact(&mut count).expect("the stack says how much it has read");
            u64::from_be_bytes(count)
        },
    );
    Carried { bytes, time: started.elapsed(), cpu: cpu_seconds() - busy }
}

fn bulk_out(world: &World, streams: usize, span: Duration) -> Carried {
    let streams = connect(world, SOURCE, streams);
    let begin = Instant::now() + WARM_UP;
    let mut busy = f64::NAN;
    let warm_up = || {
        thread::sleep(begin.saturating_duration_since(Instant::now()));
        busy = cpu_seconds();
    };
    let bytes = in_parallel(streams, warm_up, |mut stream| {
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
    Carried { bytes, time: begin.elapsed(), cpu: cpu_seconds() - busy }
}

impl Carried {
    /// Of all streams together, Gbit/s.
    pub(crate) fn goodput(&self) -> f64 {
        self.total() * 8.0 / self.time.as_secs_f64() / 1e9
    }

    /// CPU seconds for each 10^9 bytes, client, server and kernel together.
    pub(crate) fn cpu_per_gigabyte(&self) -> f64 {
        self.cpu / (self.total() / 1e9)
    }

    /// Jain's index of fairness: 1 if all streams carried the same, 1/n if one carried all.
    pub(crate) fn fairness(&self) -> f64 {
        let squares: f64 = self.bytes.iter().map(|&bytes| (bytes as f64).powi(2)).sum();
        self.total().powi(2) / (squares * self.bytes.len() as f64)
    }

    fn total(&self) -> f64 {
        self.bytes.iter().sum::<u64>() as f64
    }
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

/// The same while bulk streams go on.
pub(crate) fn ping_pong_beside(world: &World, way: Direction, span: Duration) -> Vec<f64> {
    let port = if way == Direction::In { SINK } else { SOURCE };
    let streams = connect(world, port, BESIDE);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for mut stream in streams {
            let over = &over;
            scope.spawn(move || {
                let mut block = vec![0; BLOCK];
                while !over.load(Ordering::Relaxed) {
                    match way {
                        Direction::In => stream.write_all(&block).expect("the stack takes it"),
                        Direction::Out => {
                            let count = stream.read(&mut block).expect("the stack goes on");
                            assert_ne!(count, 0, "the stack goes on");
                        }
                    }
                }
            });
        }
        // However the ping-pong ends, the others do too.
        let _over = Over(&over);
        thread::sleep(WARM_UP);
        ping_pong(world, span)
    })
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Connections a second that so many clients open, echo a byte over and close.
pub(crate) fn connections(world: &World, clients: usize, span: Duration) -> f64 {
    let made = AtomicU32::new(0);
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                while started.elapsed() < span && made.load(Ordering::Relaxed) < CONNECTIONS {
                    exchange(world.connect(ECHO));
                    made.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    f64::from(made.into_inner()) / started.elapsed().as_secs_f64()
}

/// Memory that each of so many idle connections costs the server beyond what it needs for none,
/// bytes. Each has carried one byte there and back, so that what a connection has once used counts.
pub(crate) fn idle_memory(world: &World, connections: usize) -> f64 {
    let started = Instant::now();
    let mut held = Vec::new();
    for _ in 0..connections {
        let mut stream = world.connect(IDLE);
        stream.write_all(b"x").expect("the stack takes it");
        stream.read_exact(&mut [0]).expect("the stack sends it back");
        held.push(stream);
        assert!(started.elapsed() < CROWD, "the connections are made in time");
    }
    // Acknowledgements that were delayed have gone by then, and what they needed with them.
    thread::sleep(Duration::from_millis(500));
    (world.memory() - world.base) / held.len() as f64
}

/// All of them before any clock starts: what a transfer is worth is not what a handshake is worth.
fn connect(world: &World, port: u16, streams: usize) -> Vec<TcpStream> {
    (0..streams).map(|_| world.connect(port)).collect()
}

/// The bytes of every stream, each in a thread of its own, `meanwhile` in this one.
fn in_parallel(
    streams: Vec<TcpStream>,
    meanwhile: impl FnOnce(),
    one: impl Fn(TcpStream) -> u64 + Sync,
) -> Vec<u64> {
    let one = &one;
    thread::scope(|scope| {
        let threads: Vec<_> =
            streams.into_iter().map(|stream| scope.spawn(move || one(stream))).collect();
        meanwhile();
        let bytes = threads.into_iter().map(|thread| thread.join().expect("the stream is well"));
        // A stream that carries nothing is no figure, and no slow one either.
        bytes.inspect(|bytes| assert_ne!(*bytes, 0, "every stream carries something")).collect()
    })
}

/// Seconds for which the machine's CPUs have been busy, since it started. The kernel's TCP runs in
/// no process, so the whole machine is what can be compared.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/stat").expect("the kernel counts it");
    let numbers = text.split_whitespace().skip(1).take(7).map(|ticks| ticks.parse::<f64>());
    let numbers: Vec<f64> = numbers.map(|ticks| ticks.expect("a number")).collect();
    let [user, nice, system, _idle, _waiting, irq, softirq] = numbers[..] else {
        panic!("/proc/stat begins with all CPUs")
    };
    let second = sysconf(SysconfVar::CLK_TCK).ok().flatten().expect("the system knows its ticks");
    (user + nice + system + irq + softirq) / second as f64
}
