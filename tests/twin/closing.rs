//! Shutting down, dropping, resetting.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use crate::nets::{Net, Stream};

mod tests {
    crate::twins! {
        the_client_closes_first_and_reads_on
        the_server_closes_first_and_reads_on
        both_shut_down_at_once
        shutdown_both_ends_both
        shutdown_may_be_repeated_while_the_connection_lives
        shutdown_of_a_closed_connection_is_not_connected
        shutdown_of_a_reset_connection_is_not_connected
        drop_sends_what_was_written
        drop_with_unread_data_resets
        drop_after_all_was_read_does_not_reset
        a_clone_keeps_the_connection
        shutdown_of_one_clone_holds_for_all
        linger_of_zero_resets
        linger_waits_until_all_is_acknowledged
        linger_ends_at_its_bound
        an_error_is_taken_once
    }
}

fn the_client_closes_first_and_reads_on<N: Net>(net: &N) {
    let (client, server) = net.joined();
    half_close(client, server);
}

fn the_server_closes_first_and_reads_on<N: Net>(net: &N) {
    let (client, server) = net.joined();
    half_close(server, client);
}

/// `first` asks and closes; `second` reads to the end and only then answers at length.
fn half_close<S: Stream>(mut first: S, mut second: S) {
    first.write_all(b"question").unwrap();
    first.shutdown(Shutdown::Write).unwrap();
    let answers = thread::spawn(move || {
        let mut question = String::new();
        second.read_to_string(&mut question).unwrap();
        assert_eq!(question, "question");
        second.write_all(&vec![b'a'; 8 << 20]).unwrap();
    });
    let mut answer = Vec::new();
    first.read_to_end(&mut answer).unwrap();
    assert!(answer == vec![b'a'; 8 << 20]);
    answers.join().unwrap();
}

fn both_shut_down_at_once<N: Net>(net: &N) {
    let (client, server) = net.joined();
    let closes = thread::spawn(move || {
        client.shutdown(Shutdown::Write).unwrap();
        client
    });
    server.shutdown(Shutdown::Write).unwrap();
    for mut stream in [closes.join().unwrap(), server] {
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
}

fn shutdown_both_ends_both<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    client.write_all(b"last").unwrap();
    client.shutdown(Shutdown::Both).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    assert_eq!(client.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    let mut text = String::new();
    server.read_to_string(&mut text).unwrap();
    assert_eq!(text, "last");
}

fn shutdown_may_be_repeated_while_the_connection_lives<N: Net>(net: &N) {
    let (client, _server) = net.joined();
    for how in [Shutdown::Write, Shutdown::Write, Shutdown::Read, Shutdown::Both, Shutdown::Both] {
        client.shutdown(how).unwrap();
    }
}

fn shutdown_of_a_closed_connection_is_not_connected<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
    server.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    // For the one in TIME-WAIT, too, for whom the connection is over.
    for stream in [&client, &server] {
        let how = Shutdown::Both;
        let error = crate::eventually("the last ACK", || stream.shutdown(how).err());
        assert_eq!(error.kind(), ErrorKind::NotConnected);
    }
    for stream in [&mut client, &mut server] {
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
        assert_eq!(stream.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}

fn shutdown_of_a_reset_connection_is_not_connected<N: Net>(net: &N) {
    let (mut client, server) = net.joined();
    server.reset();
    client.read(&mut [0]).unwrap_err();
    for how in [Shutdown::Read, Shutdown::Write, Shutdown::Both] {
        assert_eq!(client.shutdown(how).unwrap_err().kind(), ErrorKind::NotConnected);
    }
}

fn drop_sends_what_was_written<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    // Less than the buffers hold, more than one flight.
    client.write_all(&[5; 100_000]).unwrap();
    drop(client);
    let mut bytes = Vec::new();
    server.read_to_end(&mut bytes).unwrap();
    assert!(bytes == [5; 100_000]);
}

fn drop_with_unread_data_resets<N: Net>(net: &N) {
    let (mut client, server) = net.joined();
    client.write_all(b"unread").unwrap();
    server.peek(&mut [0]).unwrap();
    drop(server);
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

fn drop_after_all_was_read_does_not_reset<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    client.write_all(b"read").unwrap();
    server.read_exact(&mut [0; 4]).unwrap();
    drop(server);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}

fn a_clone_keeps_the_connection<N: Net>(net: &N) {
    let (client, mut server) = net.joined();
    let mut clone = client.try_clone().unwrap();
    drop(client);
    clone.write_all(b"x").unwrap();
    server.read_exact(&mut [0]).unwrap();
    server.set_nonblocking(true).unwrap();
    assert_eq!(server.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    server.set_nonblocking(false).unwrap();
    drop(clone);
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
}

fn shutdown_of_one_clone_holds_for_all<N: Net>(net: &N) {
    let (client, mut server) = net.joined();
    let mut clone = client.try_clone().unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(clone.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
}

fn linger_of_zero_resets<N: Net>(net: &N) {
    let (client, mut server) = net.joined();
    client.set_linger(Some(Duration::ZERO));
    drop(client);
    assert_eq!(server.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

fn linger_waits_until_all_is_acknowledged<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    client.set_linger(Some(Duration::from_secs(100)));
    client.write_all(&[1; 50_000]).unwrap();
    drop(client);
    // All has arrived: it can be read at once.
    server.set_nonblocking(true).unwrap();
    let mut bytes = Vec::new();
    server.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len(), 50_000);
}

fn linger_ends_at_its_bound<N: Net>(net: &N) {
    let (mut client, mut server) = net.joined();
    client.set_linger(Some(Duration::from_secs(1)));
    client.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    // More than both ends' buffers hold, and nobody reads: this is not acknowledged in time ...
    let mut taken = 0;
    while let Ok(len) = client.write(&[0; 100_000]) {
        taken += len as u64;
    }
    drop(client);
    // ... and is still not lost.
    assert_eq!(std::io::copy(&mut server, &mut std::io::sink()).unwrap(), taken);
}

fn an_error_is_taken_once<N: Net>(net: &N) {
    let (mut client, server) = net.joined();
    assert!(client.take_error().unwrap().is_none());
    server.reset();
    let error = crate::eventually("the reset", || client.take_error().unwrap());
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert!(client.take_error().unwrap().is_none());
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    assert_eq!(client.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
}
