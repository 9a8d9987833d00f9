//! Ends that say nothing: dead peers, closed windows, broken cables.

use std::time::Duration;

use tuntcp::tcp::{Error, KeepAlive, State};

use crate::world::{HostPlan, World, seconds, spec};

fn cut(world: &mut World) {
    for host in world.hosts.clone() {
        world.net.set_egress(host, &spec("loss=100%"));
    }
}

/// When the client noticed, counted from the write that nobody answered.
fn noticed_after(plan: HostPlan, limit: Duration) -> Duration {
    let mut world = World::new(20, &[plan.clone(), plan], "delay=20ms");
    let (client, _server) = world.open();
    cut(&mut world);
    let start = world.net.now();
    assert_eq!(client.write(start, b"is anybody there?"), Ok(Some(17)));
    world.run_to(limit, "the peer is taken for dead", |net| {
        client.info(net.now()).state == State::Closed
    });
    assert_eq!(client.take_error(), Some(Error::TimedOut));
    assert_eq!(world.net.engine(world.hosts[0]).connections(), 0);
    world.net.now() - start
}

/// RFC 9293 3.8.3, SHLD-11: R2.
#[test]
fn a_peer_that_vanishes_is_given_up_after_r2() {
    let took = noticed_after(HostPlan::tcp(|tcp| tcp.r2 = seconds(100)), seconds(250));
    assert!(took >= seconds(100), "{took:?}");
}

#[test]
fn a_peer_that_vanishes_is_given_up_after_the_user_timeout() {
    let plan = HostPlan::tcp(|tcp| tcp.user_timeout = Some(seconds(30)));
    let took = noticed_after(plan, seconds(60));
    assert!(took >= seconds(30), "{took:?}");
}

/// Nothing is sent, so nothing is missed (RFC 9293 3.8.4, MUST-25: keep-alive is off).
#[test]
fn an_idle_connection_stays_for_a_week() {
    let mut world = World::pair(21, "delay=20ms");
    let (client, server) = world.open();
    let segments = world.verdict.segments();
    world.run_for(seconds(7 * 24 * 3600));
    assert_eq!([&client, &server].map(|end| world.state(end)), [State::Established; 2]);
    assert!(world.verdict.segments() <= segments + 4, "a silent connection says nothing");
}

#[test]
fn keep_alive_notices_a_dead_peer() {
    let keepalive = KeepAlive { probes: 4, ..KeepAlive::default() };
    let plan = HostPlan::tcp(|tcp| tcp.keepalive = Some(keepalive));
    let mut world = World::new(22, &[plan, HostPlan::default()], "delay=20ms");
    let (client, server) = world.open();
    // A peer that lives answers: nothing happens.
    world.run_for(seconds(3 * 7200));
    assert_eq!(world.state(&client), State::Established);
    cut(&mut world);
    // Giving up may be told by a reset, so no check of the segments.
    world.net.run_until(world.after(seconds(7200 + 4 * 75 + 1))).unwrap();
    assert_eq!(world.state(&client), State::Closed);
    assert_eq!(client.take_error(), Some(Error::TimedOut));
    assert_eq!(world.state(&server), State::Established, "it has no keep-alive");
}

/// RFC 9293 3.8.6.1, MUST-37: probes go on as long as they are answered.
#[test]
fn a_closed_window_stays_closed_for_hours() {
    let sender = HostPlan::tcp(|tcp| tcp.send_buffer = 100_000.into());
    let receiver = HostPlan::tcp(|tcp| tcp.receive_buffer = 10_000.into());
    let mut world = World::new(23, &[sender, receiver], "delay=20ms");
    let (client, server) = world.open();
    let text: Vec<u8> = (0..100_000u32).map(|n| n.to_le_bytes()[1]).collect();
    assert_eq!(client.write(world.net.now(), &text), Ok(Some(text.len())));
    world.run_for(seconds(60));
    let before = world.verdict.segments();
    world.run_for(seconds(6 * 3600));
    assert_eq!(world.state(&client), State::Established);
    // At most one every two minutes, and what belongs to it, seen at both ends.
    let probes = (world.verdict.segments() - before) / 4;
    assert!((100..=400).contains(&probes), "{probes} probes");
    let mut all = Vec::new();
    let mut piece = [0; 3000];
    let end = world.after(seconds(300));
    while all.len() < text.len() && world.net.now() < end {
        match server.read(world.net.now(), &mut piece, false).unwrap() {
            Some(got) => all.extend_from_slice(&piece[..got]),
            None => assert!(world.net.step().unwrap()),
        }
    }
    world.check();
    assert!(all == text, "{} of {} bytes", all.len(), text.len());
}

/// The window update that opens the window is lost: the next probe finds out.
#[test]
fn a_lost_window_update_is_found_by_a_probe() {
    let plan = HostPlan::tcp(|tcp| tcp.receive_buffer = 10_000.into());
    let mut world = World::new(24, &[HostPlan::default(), plan], "delay=20ms");
    let (client, server) = world.open();
    assert_eq!(client.write(world.net.now(), &[5; 15_000]), Ok(Some(15_000)));
    world.run_for(seconds(10));
    world.net.set_egress(world.hosts[1], &spec("loss=100%"));
    let mut buffer = vec![0; 20_000];
    let mut got = 0;
    while let Some(more) = server.read(world.net.now(), &mut buffer, false).unwrap() {
        got += more;
    }
    world.run_for(Duration::from_millis(100));
    world.net.set_egress(world.hosts[1], &spec("delay=20ms"));
    world.run_for(seconds(125));
    while let Some(more) = server.read(world.net.now(), &mut buffer, false).unwrap() {
        got += more;
    }
    assert_eq!(got, 15_000);
}

#[test]
fn an_outage_of_ten_seconds_is_survived() {
    let mut world = World::pair(25, "delay=20ms,rate=8mbit,queue=100");
    let listener = world.listen(1);
    let (there, back) = crate::world::both_ways(25, 3_000_000, 3_000_000);
    let fates = world.talk((0, 1), &listener, there, back);
    world.run_for(seconds(1));
    cut(&mut world);
    world.run_for(seconds(10));
    let before = fates[1].borrow().received;
    assert!(before < 3_000_000);
    for host in world.hosts.clone() {
        world.net.set_egress(host, &spec("delay=20ms,rate=8mbit,queue=100"));
    }
    world.run_to_ends(seconds(60), &fates);
    world.run_dry(seconds(120));
}

/// RFC 5681 4.2: of five segments that come together the first is missing. Each of the others is
/// acknowledged, so that the sender knows long before its timer expires.
#[test]
fn a_loss_in_a_burst_is_repaired_at_once() {
    let plan = HostPlan::tcp(|tcp| tcp.nodelay = true);
    let mut world = World::new(26, &[plan, HostPlan::default()], "delay=20ms");
    let (client, server) = world.open();
    world.net.set_egress(world.hosts[0], &spec("loss=100%"));
    client.write(world.net.now(), &[1; 1000]).unwrap();
    world.net.step().unwrap();
    world.net.set_egress(world.hosts[0], &spec("delay=20ms"));
    for _ in 0..4 {
        client.write(world.net.now(), &[2; 1000]).unwrap();
    }
    world.run_for(Duration::from_millis(70));
    assert_eq!(server.read(world.net.now(), &mut [0; 9000], false), Ok(Some(5000)));
}
