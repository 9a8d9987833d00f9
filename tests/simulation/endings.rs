//! How connections end when both ends are alive.

use std::time::Duration;

use tuntcp::engine::{Socket, WriteError};
use tuntcp::tcp::{Error, Shutdown, State};

use crate::world::{HostPlan, World, seconds};

/// Writes all of `bytes` from outside, step by step.
fn write_all(world: &mut World, socket: &Socket, bytes: &[u8]) {
    let mut rest = bytes;
    let end = world.after(seconds(60));
    while !rest.is_empty() {
        match socket.write(world.net.now(), rest).unwrap() {
            Some(taken) => rest = &rest[taken..],
            None => assert!(world.net.now() < end && world.net.step().unwrap()),
        }
    }
}

/// Reads to the end.
fn read_to_end(world: &mut World, socket: &Socket) -> Vec<u8> {
    let mut all = Vec::new();
    let mut piece = [0; 5000];
    let end = world.after(seconds(60));
    loop {
        match socket.read(world.net.now(), &mut piece, false).unwrap() {
            Some(0) => return all,
            Some(got) => all.extend_from_slice(&piece[..got]),
            None => {
                assert!(world.net.now() < end && world.net.step().unwrap(), "{}", world.net.log());
            }
        }
    }
}

fn half_close(first_is_client: bool) {
    let mut world = World::pair(10, "delay=20ms");
    let (client, server) = world.open();
    let (first, second) = if first_is_client { (client, server) } else { (server, client) };
    first.shutdown(world.net.now(), Shutdown::Write).unwrap();
    world.run_for(seconds(1));
    assert_eq!(world.state(&first), State::FinWait2);
    assert_eq!(world.state(&second), State::CloseWait);
    assert_eq!(first.write(world.net.now(), b"x"), Err(WriteError::Ended));
    assert_eq!(second.read(world.net.now(), &mut [0; 1], false), Ok(Some(0)));
    // The other direction stays open as long as it likes.
    world.run_for(seconds(3600));
    let text: Vec<u8> = (0..100_000u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
    write_all(&mut world, &second, &text);
    second.shutdown(world.net.now(), Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&mut world, &first), text);
    world.run_for(seconds(1));
    assert_eq!(world.state(&first), State::TimeWait);
    assert_eq!(world.state(&second), State::Closed);
    assert_eq!([first.take_error(), second.take_error()], [None, None]);
    drop((first, second));
    world.run_dry(seconds(61));
}

#[test]
fn the_client_closes_half_and_reads_on() {
    half_close(true);
}

#[test]
fn the_server_closes_half_and_reads_on() {
    half_close(false);
}

/// RFC 9293 3.6: both FINs cross.
#[test]
fn both_ends_close_at_once() {
    let mut world = World::pair(11, "delay=20ms");
    let (client, server) = world.open();
    let now = world.net.now();
    client.shutdown(now, Shutdown::Write).unwrap();
    server.shutdown(now, Shutdown::Write).unwrap();
    world.run_for(Duration::from_millis(25));
    assert_eq!([&client, &server].map(|end| world.state(end)), [State::Closing; 2]);
    world.run_for(Duration::from_millis(25));
    assert_eq!([&client, &server].map(|end| world.state(end)), [State::TimeWait; 2]);
    drop((client, server));
    world.run_dry(seconds(61));
}

/// TIME-WAIT lasts as long as it was told to.
#[test]
fn time_wait_ends_on_time() {
    let plan = HostPlan::tcp(|tcp| tcp.time_wait = seconds(7));
    let mut world = World::new(12, &[plan.clone(), plan], "delay=20ms");
    let (client, server) = world.open();
    client.close(world.net.now());
    world.run_for(Duration::from_millis(100));
    server.close(world.net.now());
    // The FIN arrives after 20 ms; then it lasts seven seconds.
    world.run_for(Duration::from_millis(7010));
    assert_eq!(world.connections(), 1);
    world.run_for(Duration::from_millis(20));
    assert_eq!(world.connections(), 0);
}

/// RFC 9293 3.10.5: an abort is told to the peer, which learns of it as of an error.
#[test]
fn an_abort_resets_the_peer() {
    let mut world = World::pair(13, "delay=20ms");
    let (client, server) = world.open();
    client.abort(world.net.now());
    world.net.run_until(world.after(seconds(1))).unwrap();
    assert_eq!(server.read(world.net.now(), &mut [0; 10], false), Err(Error::Reset));
    assert_eq!(server.read(world.net.now(), &mut [0; 10], false), Ok(Some(0)), "told once");
    assert_eq!(world.connections(), 0);
}

/// RFC 9293 3.6.1, SHLD-3: text that nobody will ever read is answered by a reset.
#[test]
fn closing_with_unread_text_resets() {
    let mut world = World::pair(14, "delay=20ms");
    let (client, server) = world.open();
    write_all(&mut world, &client, b"unread");
    world.run_for(seconds(1));
    server.close(world.net.now());
    world.net.run_until(world.after(seconds(1))).unwrap();
    assert_eq!(client.take_error(), Some(Error::Reset));
    assert_eq!(world.connections(), 0);
}

/// What was written before the close arrives, though the program is gone.
#[test]
fn what_was_written_before_the_close_arrives() {
    let plan = HostPlan::tcp(|tcp| tcp.send_buffer = 300_000.into());
    let mut world = World::new(15, &[plan, HostPlan::default()], "delay=20ms,loss=10%");
    let (client, server) = world.open();
    let text = vec![7; 300_000];
    write_all(&mut world, &client, &text);
    client.close(world.net.now());
    drop(client);
    assert_eq!(read_to_end(&mut world, &server), text);
    server.close(world.net.now());
    world.run_dry(seconds(600));
}

/// The engine's own end: every connection is closed in good order.
#[test]
fn close_all_finishes_what_is_open() {
    let mut world = World::pair(16, "delay=20ms");
    let (client, server) = world.open();
    write_all(&mut world, &client, &[9; 50_000]);
    let engine = std::sync::Arc::clone(world.net.engine(world.hosts[0]));
    engine.close_all(world.net.now());
    assert_eq!(engine.unfinished(), 1);
    assert!(engine.listen(crate::world::socket_address(0, 99), 1).is_err());
    assert_eq!(read_to_end(&mut world, &server).len(), 50_000);
    world.run_for(seconds(1));
    assert_eq!(engine.unfinished(), 0);
    assert_eq!(client.take_error(), None);
}
