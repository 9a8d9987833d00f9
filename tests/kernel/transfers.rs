//! Much data, many connections, a bad path.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::thread;

use sha2::{Digest, Sha256};

use crate::world::{World, connect, noise};

/// Sends `mebibytes` to the echo service and reads them back at the same time; the digests of what
/// was sent and of what came back.
fn echo(seed: u64, mebibytes: usize) -> ([u8; 32], [u8; 32]) {
    let mut to = connect(7);
    let mut from = to.try_clone().expect("a socket can be cloned");
    thread::scope(|scope| {
        let sent = scope.spawn(move || {
            let mut digest = Sha256::new();
            for block in 0..mebibytes {
                let bytes = noise(seed << 32 | block as u64, 1 << 20);
                digest.update(&bytes);
                to.write_all(&bytes).expect("the stack takes it");
            }
            to.shutdown(Shutdown::Write).expect("the connection is open");
            digest.finalize().into()
        });
        let mut digest = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = from.read(&mut buffer).expect("the stack sends it back");
            if count == 0 {
                break;
            }
            digest.update(&buffer[..count]);
        }
        (sent.join().expect("the sender is well"), digest.finalize().into())
    })
}

#[test]
fn a_quarter_of_a_gibibyte_each_way() {
    let world = World::new();
    for offload in ["auto", "off"] {
        let server = world.serve(&["--offload", offload]);
        let (sent, came_back) = echo(1, 256);
        assert_eq!(sent, came_back);
        server.stop();
    }
}

/// The same amount in several connections at once: one alone would, on such a path, be kept to a
/// hundred kilobytes a second or two by any Reno-like congestion control, and take half an hour.
#[test]
fn a_quarter_of_a_gibibyte_each_way_over_a_bad_path() {
    const CONNECTIONS: u64 = 64;
    let world = World::new();
    let server = world.serve(&["--impair", "loss=5%,reorder=5%,delay=5ms,seed=1"]);
    thread::scope(|scope| {
        for seed in 0..CONNECTIONS {
            scope.spawn(move || {
                let (sent, came_back) = echo(seed, 256 / CONNECTIONS as usize);
                assert_eq!(sent, came_back, "connection {seed}");
            });
        }
    });
    server.stop();
}

/// Whichever queue the kernel chooses for a flow, and whichever worker has it.
#[test]
fn several_queues_carry_what_one_does() {
    let world = World::with_queues("8");
    for (queues, offload) in
        [("1", "auto"), ("2", "auto"), ("8", "auto"), ("1", "off"), ("2", "off")]
    {
        let server = world.serve(&["--queues", queues, "--offload", offload]);
        thread::scope(|scope| {
            for seed in 0..16 {
                scope.spawn(move || {
                    let (sent, came_back) = echo(seed, 4);
                    assert_eq!(sent, came_back, "connection {seed}");
                });
            }
        });
        server.stop();
    }
}

#[test]
fn five_hundred_connections_at_once() {
    let world = World::new();
    let server = world.serve(&[]);
    let mut streams: Vec<_> = (0..500).map(|_| connect(7)).collect();
    for round in 0..3_u16 {
        for (index, stream) in streams.iter_mut().enumerate() {
            stream.write_all(format!("{round}:{index:03}").as_bytes()).expect("it is open");
        }
        for (index, stream) in streams.iter_mut().enumerate() {
            let mut said = [0; 5];
            stream.read_exact(&mut said).expect("it echoes");
            assert_eq!(said, *format!("{round}:{index:03}").as_bytes());
        }
    }
    for mut stream in streams {
        stream.shutdown(Shutdown::Write).expect("it is open");
        assert_eq!(stream.read(&mut [0]).expect("it closes in good order"), 0);
    }
    server.stop();
}
