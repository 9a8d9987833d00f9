//! Reading and peeking.

use std::io::{ErrorKind, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use crate::nets::{Net, Stream};

mod tests {
    crate::twins! {
        read_returns_what_is_there
        read_timeout_is_would_block
        peek_timeout_is_would_block
        read_in_nonblocking_mode
        peek_takes_nothing_away
        read_at_the_end_is_zero_again_and_again
        read_of_nothing
        read_vectored_fills_one_after_the_other
        read_through_a_shared_reference
        read_after_shutdown_read_is_the_end
        shutdown_read_ends_a_read_that_waits
        what_arrived_before_shutdown_read_can_be_read
        what_arrived_before_the_end_can_be_read
        read_after_a_reset_fails_once
        peek_tells_of_a_reset_too
        what_arrived_before_a_reset_can_be_read
    }
}

fn read_returns_what_is_there<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    client.write_all(b"abc").unwrap();
    let mut buf = [0; 100];
    assert_eq!(server.read(&mut buf).unwrap(), 3);
    assert_eq!(&buf[..3], b"abc");
}

fn read_timeout_is_would_block<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    client.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    for _ in 0..2 {
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    }
    client.set_read_timeout(None).unwrap();
    server.write_all(b"x").unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 1);
}

fn peek_timeout_is_would_block<N: Net>(net: &N) {
    let (client, _server) = net.joined();
    client.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    assert_eq!(client.peek(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn read_in_nonblocking_mode<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    client.set_nonblocking(true).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(client.peek(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    server.write_all(b"x").unwrap();
    assert_eq!(crate::eventually("a byte", || client.read(&mut [0; 9]).ok()), 1);
    drop(server);
    assert_eq!(crate::eventually("the end", || client.read(&mut [0; 9]).ok()), 0);
}

fn peek_takes_nothing_away<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    client.write_all(b"abcd").unwrap();
    let mut buf = [0; 2];
    for _ in 0..2 {
        assert_eq!(server.peek(&mut buf).unwrap(), 2);
        assert_eq!(&buf, b"ab");
    }
    assert_eq!(server.read(&mut buf).unwrap(), 2);
    assert_eq!(server.peek(&mut buf).unwrap(), 2);
    assert_eq!(&buf, b"cd");
    server.read_exact(&mut buf).unwrap();
    drop(client);
    assert_eq!(server.peek(&mut buf).unwrap(), 0);
    assert_eq!(server.read(&mut buf).unwrap(), 0);
}

fn read_at_the_end_is_zero_again_and_again<N: Net>(net: &N) {
    let (client, mut server) = net.joined();
    drop(client);
    for _ in 0..3 {
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
    }
}

fn read_of_nothing<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    client.write_all(b"x").unwrap();
    assert_eq!(server.peek(&mut [0]).unwrap(), 1);
    assert_eq!(server.read(&mut []).unwrap(), 0);
    assert_eq!(server.peek(&mut []).unwrap(), 0);
    assert_eq!(server.read_vectored(&mut []).unwrap(), 0);
    assert_eq!(server.read(&mut [0]).unwrap(), 1);
    // With nothing there it is a read like any other.
    server.set_nonblocking(true).unwrap();
    assert_eq!(server.read(&mut []).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(server.read_vectored(&mut []).unwrap(), 0);
}

fn read_vectored_fills_one_after_the_other<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    client.write_all(b"abcdefg").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    // All seven are there.
    crate::eventually("seven bytes", || (server.peek(&mut [0; 9]).ok()? == 7).then_some(()));
    let (mut one, mut two, mut three) = ([0; 2], [0; 3], [0; 9]);
    let mut bufs = [&mut one[..], &mut [][..], &mut two[..], &mut three[..]].map(IoSliceMut::new);
    assert_eq!(server.read_vectored(&mut bufs).unwrap(), 7);
    assert_eq!((&one, &two, &three[..2]), (b"ab", b"cde", &b"fg"[..]));
}

fn read_through_a_shared_reference<N: Net>(net: &N) {
    let (client, server) = net.joined();
    client.write_shared(b"x").unwrap();
    assert_eq!(server.read_shared(&mut [0; 2]).unwrap(), 1);
}

fn read_after_shutdown_read_is_the_end<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    client.shutdown(Shutdown::Read).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    client.shutdown(Shutdown::Read).expect("once more");
    // The peer learns nothing of it, and the other direction works.
    server.write_all(b"x").unwrap();
    client.write_all(b"y").unwrap();
    server.read_exact(&mut [0]).unwrap();
}

fn shutdown_read_ends_a_read_that_waits<N: Net>(net: &N) {
    let (client, _server) = net.joined();
    let mut reader = client.try_clone().unwrap();
    let waits = thread::spawn(move || reader.read(&mut [0]));
    client.shutdown(Shutdown::Read).unwrap();
    assert_eq!(waits.join().unwrap().unwrap(), 0);
}

fn what_arrived_before_shutdown_read_can_be_read<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    server.write_all(b"abc").unwrap();
    client.peek(&mut [0]).unwrap();
    client.shutdown(Shutdown::Read).unwrap();
    assert_eq!(client.read(&mut [0; 9]).unwrap(), 3);
    assert_eq!(client.read(&mut [0; 9]).unwrap(), 0);
}

fn what_arrived_before_the_end_can_be_read<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    server.write_all(b"abc").unwrap();
    drop(server);
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    assert_eq!(text, "abc");
}

fn read_after_a_reset_fails_once<N: Net>(net: &N) {
    let (mut client, server) = net.joined();
    server.reset();
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    for _ in 0..2 {
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }
    assert_eq!(client.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert!(client.take_error().unwrap().is_none());
}

fn peek_tells_of_a_reset_too<N: Net>(net: &N) {
    let (mut client, server) = net.joined();
    server.reset();
    assert_eq!(client.peek(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(client.peek(&mut [0]).unwrap(), 0);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}

fn what_arrived_before_a_reset_can_be_read<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    server.write_all(b"abc").unwrap();
    client.peek(&mut [0]).unwrap();
    server.reset();
    let error = crate::eventually("the reset", || client.take_error().unwrap());
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(client.read(&mut [0; 9]).unwrap(), 3);
    assert_eq!(client.read(&mut [0; 9]).unwrap(), 0);
}
