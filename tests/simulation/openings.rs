//! How connections begin.

use std::rc::Rc;
use std::time::Duration;

use tuntcp::sim::{Next, Stalled};
use tuntcp::tcp::{Error, State};
use tuntcp::time::Instant;

use crate::bulk::{Bulk, Door};
use crate::world::{HostPlan, World, both_ways, seconds, socket_address};

#[test]
fn a_connection_carries_streams_both_ways_and_ends() {
    let mut world = World::pair(1, "delay=20ms");
    let listener = world.listen(1);
    let (there, back) = both_ways(1, 100_000, 50_000);
    let fates = world.talk((0, 1), &listener, there, back);
    world.run_to_ends(seconds(30), &fates);
    assert!(world.verdict.segments() > 100);
    world.run_dry(seconds(120));
}

/// RFC 9293 3.5, MUST-10.
#[test]
fn two_hosts_that_connect_to_each_other_share_one_connection() {
    let mut world = World::pair(2, "delay=20ms");
    let (here, there) = (socket_address(0, 4000), socket_address(1, 5000));
    let now = world.net.now();
    let ours = world.net.engine(world.hosts[0]).connect(now, Some(here), there).unwrap();
    let theirs = world.net.engine(world.hosts[1]).connect(now, Some(there), here).unwrap();
    world.run_for(Duration::from_millis(25));
    assert_eq!([&ours, &theirs].map(|end| world.state(end)), [State::SynReceived; 2]);
    world.run_for(seconds(1));
    assert_eq!([&ours, &theirs].map(|end| world.state(end)), [State::Established; 2]);
    assert_eq!(world.connections(), 2);
    let (there, back) = both_ways(2, 30_000, 30_000);
    let (one, one_fate) = Bulk::new(Door::Open(ours), there);
    let (other, other_fate) = Bulk::new(Door::Open(theirs), back);
    world.net.spawn(world.hosts[0], one);
    world.net.spawn(world.hosts[1], other);
    world.run_to_ends(seconds(30), &[one_fate, other_fate]);
    world.run_dry(seconds(120));
}

#[test]
fn nobody_listens_is_refused() {
    let mut world = World::pair(3, "delay=20ms");
    let socket = world.connect(0, 1);
    // The RST of a stranger is no breach here, so no check of the segments.
    world.net.run_until(Instant::ZERO + seconds(1)).unwrap();
    assert_eq!(socket.opened(), Err(Error::Refused));
    assert_eq!(world.connections(), 0);
}

/// A SYN beyond the backlog is dropped, not reset, so the client asks again and comes in later.
#[test]
fn a_full_backlog_makes_clients_wait() {
    let plan = HostPlan { backlog: 2, ..HostPlan::default() };
    let mut world = World::new(4, &[plan.clone(), plan], "delay=5ms");
    let listener = world.listen(1);
    let clients: Vec<_> = (0..10).map(|_| world.connect(0, 1)).collect();
    world.run_for(Duration::from_millis(100));
    let opened = |clients: &[tuntcp::engine::Socket]| {
        clients.iter().filter(|client| client.opened() == Ok(true)).count()
    };
    assert!((2..=3).contains(&opened(&clients)), "{} opened", opened(&clients));
    let mut accepted = Vec::new();
    let end = world.after(seconds(170));
    while accepted.len() < clients.len() && world.net.now() < end {
        accepted.extend(listener.accept().unwrap());
        world.run_for(Duration::from_millis(500));
    }
    assert_eq!(accepted.len(), clients.len());
    assert_eq!(opened(&clients), clients.len());
}

/// A host that is not there: the SYN is tried for three minutes at least (RFC 9293 3.8.3, MUST-23).
#[test]
fn a_syn_that_nobody_answers_times_out() {
    let mut world = World::pair(5, "delay=5ms");
    let socket = world.connect(0, 40);
    world.run_for(seconds(179));
    assert_eq!(socket.opened(), Ok(false));
    world.run_for(seconds(200));
    assert_eq!(socket.opened(), Err(Error::TimedOut));
    assert_eq!(world.connections(), 0);
}

#[test]
fn connections_open_though_a_third_of_all_frames_is_lost() {
    for seed in 0..20 {
        let mut world = World::pair(seed, "delay=5ms,loss=33%");
        let (client, server) = world.open();
        assert_eq!(client.peer_addr(), server.local_addr());
        assert_eq!(server.peer_addr(), client.local_addr());
    }
}

/// A program that never waits is an error, not a hang.
#[test]
fn no_progress_is_told() {
    let mut world = World::pair(6, "delay=5ms");
    world.net.spawn(world.hosts[0], |now: Instant, _: &_| Next::At(now));
    let stalled = world.net.run_until(Instant::ZERO + seconds(1));
    assert_eq!(stalled, Err(Stalled { at: Instant::ZERO, at_one_instant: true }));
}

/// Programs are dropped when they end, and what they held is closed.
#[test]
fn a_dropped_socket_is_closed_in_good_order() {
    let mut world = World::pair(7, "delay=5ms");
    let (client, server) = world.open();
    drop(client);
    world.run_for(seconds(1));
    assert_eq!(world.state(&server), State::CloseWait);
    let kept = Rc::new(server);
    assert_eq!(kept.read(world.net.now(), &mut [0; 10], false), Ok(Some(0)));
    drop(kept);
    world.run_dry(seconds(120));
}
