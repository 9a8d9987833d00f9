//! Writing, and much of it.

use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use crate::nets::{Net, Stream};

mod tests {
    crate::twins! {
        write_returns_when_all_is_taken
        write_timeout_with_full_buffers_is_would_block
        write_timeout_tells_what_was_taken
        write_in_nonblocking_mode
        write_of_nothing
        write_vectored_writes_all
        write_after_shutdown_is_a_broken_pipe
        write_after_a_reset_fails_once_and_is_a_broken_pipe_then
        a_write_that_waits_learns_of_a_reset
        write_to_a_peer_that_closed_is_a_broken_pipe
        shutdown_write_ends_a_write_that_waits
        flush_does_nothing
        much_goes_both_ways_at_once
        many_small_writes_arrive_in_order
    }
}

/// More than all buffers between two ends hold.
const MUCH: usize = 32 << 20;

/// Bytes in which a lost, doubled or swapped one shows.
fn pattern(len: usize, seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bytes = vec![0; len];
    random.fill(&mut bytes);
    bytes
}

fn write_returns_when_all_is_taken<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    let reader = thread::spawn(move || std::io::copy(&mut server, &mut std::io::sink()).unwrap());
    assert_eq!(client.write(&vec![0; MUCH]).unwrap(), MUCH);
    drop(client);
    assert_eq!(reader.join().unwrap(), MUCH as u64);
}

fn write_timeout_with_full_buffers_is_would_block<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    client.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
    let error = client.write_all(&vec![0; MUCH]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    // The connection is none the worse for it.
    client.shutdown(Shutdown::Write).unwrap();
    assert!(std::io::copy(&mut server, &mut std::io::sink()).unwrap() > 0);
}

fn write_timeout_tells_what_was_taken<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    client.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut taken = 0;
    let error = loop {
        match client.write(&vec![0; MUCH]) {
            Ok(len) => taken += len as u64,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    drop(client);
    assert_eq!(std::io::copy(&mut server, &mut std::io::sink()).unwrap(), taken);
}

fn write_in_nonblocking_mode<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    client.set_nonblocking(true).unwrap();
    let mut taken = 0;
    let error = loop {
        match client.write(&[0; 10_000]) {
            Ok(len) => taken += len as u64,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    drop(client);
    assert_eq!(std::io::copy(&mut server, &mut std::io::sink()).unwrap(), taken);
}

fn write_of_nothing<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    assert_eq!(client.write(&[]).unwrap(), 0);
    assert_eq!(client.write_vectored(&[]).unwrap(), 0);
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.write(&[]).unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
}

fn write_vectored_writes_all<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    let much = pattern(MUCH, 1);
    let reader = thread::spawn(move || {
        let mut bytes = Vec::new();
        server.read_to_end(&mut bytes).unwrap();
        bytes
    });
    let bufs = [&b"head"[..], &[], &much, b"tail"].map(IoSlice::new);
    assert_eq!(client.write_vectored(&bufs).unwrap(), MUCH + 8);
    drop(client);
    assert!(reader.join().unwrap() == [b"head", &much[..], b"tail"].concat());
}

fn write_after_shutdown_is_a_broken_pipe<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    client.shutdown(Shutdown::Write).unwrap();
    for _ in 0..2 {
        assert_eq!(client.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
}

fn write_after_a_reset_fails_once_and_is_a_broken_pipe_then<N: Net>(net: &N) {
    let (mut client, server) = net.joined();
    server.reset();
    let error = crate::eventually("the reset", || client.write(b"x").err());
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    for _ in 0..2 {
        assert_eq!(client.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}

fn a_write_that_waits_learns_of_a_reset<N: Net>(net: &N) {
    let (mut client, server) = net.joined();
    let waits = thread::spawn(move || client.write_all(&vec![0; MUCH]));
    server.peek(&mut [0]).expect("it has begun");
    server.reset();
    assert_eq!(waits.join().unwrap().unwrap_err().kind(), ErrorKind::ConnectionReset);
}

fn write_to_a_peer_that_closed_is_a_broken_pipe<N: Net>(net: &N) {
    let (mut client, server) = net.joined();
    drop(server);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    client.write_all(b"x").expect("the peer might still read");
    let error = crate::eventually("the peer's answer", || client.write(b"x").err());
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}

fn shutdown_write_ends_a_write_that_waits<N: Net>(net: &N) {
    let (client, server) = net.joined();
    let mut writer = client.try_clone().unwrap();
    let waits = thread::spawn(move || writer.write_all(&vec![0; MUCH]));
    server.peek(&mut [0]).expect("it has begun");
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(waits.join().unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe);
}

fn flush_does_nothing<N: Net>(net: &N) {
    let (mut client, _server) = net.joined();
    client.flush().unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    client.flush().unwrap();
}

fn much_goes_both_ways_at_once<N: Net>(net: &N) {
    let (client, server) = net.joined();
    let ends = [(client, 1, 2), (server, 2, 1)].map(|(stream, mine, theirs)| {
        let mut writer = stream.try_clone().unwrap();
        let mut reader = stream;
        let writes = thread::spawn(move || {
            for part in pattern(MUCH, mine).chunks(100_003) {
                writer.write_all(part).unwrap();
            }
            writer.shutdown(Shutdown::Write).unwrap();
        });
        let reads = thread::spawn(move || {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).unwrap();
            assert!(bytes == pattern(MUCH, theirs), "what arrives is what was sent");
        });
        [writes, reads]
    });
    for thread in ends.into_iter().flatten() {
        thread.join().unwrap();
    }
}

fn many_small_writes_arrive_in_order<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    let bytes = pattern(20_000, 3);
    let expected = bytes.clone();
    let reader = thread::spawn(move || {
        let mut bytes = Vec::new();
        server.read_to_end(&mut bytes).unwrap();
        assert!(bytes == expected, "what arrives is what was sent");
    });
    for part in bytes.chunks(7) {
        client.write_all(part).unwrap();
    }
    drop(client);
    reader.join().unwrap();
}
