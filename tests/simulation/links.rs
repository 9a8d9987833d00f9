//! Links between the cables of hosts, and what frames meet there.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tuntcp::sim::{Direction, HostId, LinkId};
use tuntcp::time::Instant;

use crate::world::{HostPlan, World, both_ways, seconds, spec};

/// Hosts 0 and 1 talk to hosts 2 and 3, all of it over one link there and one back.
fn dumbbell(there: &str, back: &str) -> (World, [LinkId; 2]) {
    let mut world = World::new(5, &[(); 4].map(|()| HostPlan::default()), "delay=1ms");
    let links = [there, back].map(|words| world.net.add_link(&spec(words)));
    for (left, right) in [(0, 2), (1, 3)] {
        let (left, right) = (world.hosts[left], world.hosts[right]);
        world.net.set_route(left, right, &links[..1]);
        world.net.set_route(right, left, &links[1..]);
    }
    (world, links)
}

fn talk(world: &mut World, bytes: usize) {
    let fates: Vec<_> = [(0, 2), (1, 3)]
        .into_iter()
        .flat_map(|(client, server)| {
            let listener = world.listen(server);
            let (there, back) = both_ways(client as u64, bytes, 0);
            world.talk((client, server), &listener, there, back)
        })
        .collect();
    world.run_to_ends(seconds(600), &fates);
}

#[test]
fn two_flows_share_one_link() {
    let (mut world, [there, back]) = dumbbell("rate=8mbit,queue=50", "delay=5ms");
    talk(&mut world, 2_000_000);
    let (tally, backlog) = world.net.link(there);
    let (acks, _) = world.net.link(back);
    assert!(tally.delivered_bytes > 4_000_000 && acks.delivered > 0, "{tally} {acks}");
    assert!(tally.overflowed > 0, "two that slow-start fill 50 frames: {tally}");
    assert_eq!(backlog.frames, 0, "all has left");
    // A megabyte a second, and hardly less.
    let took = world.net.now() - Instant::ZERO;
    assert!((Duration::from_secs(4)..Duration::from_secs(8)).contains(&took), "{took:?}");
}

#[test]
fn links_stand_in_their_order_and_one_way_only() {
    let mut world = World::new(5, &[(); 2].map(|()| HostPlan::default()), "");
    let [a, b] = [world.hosts[0], world.hosts[1]];
    let first = world.net.add_link(&spec("delay=10ms,outage=0s-50ms"));
    let second = world.net.add_link(&spec("delay=20ms"));
    world.net.set_route(a, b, &[first, second]);
    // The SYN is cut at the first link. Its repetition a second later takes 30 ms, its answer none,
    // and that answer's acknowledgement 30 ms.
    let (client, _server) = world.open();
    assert!(client.opened().unwrap());
    assert_eq!(world.net.now(), Instant::ZERO + Duration::from_millis(1060));
    let tallies = [first, second].map(|link| world.net.link(link).0);
    assert_eq!(tallies.map(|tally| tally.offered), [3, 2]);
    assert_eq!(tallies[0].cut, 1);
    // Another one from now on.
    world.net.set_link(second, &spec("loss=100%"));
    world.run_for(seconds(1));
    assert_eq!(world.net.link(second).0.delivered, 0);
}

/// What each frame has waited in the queues of its way is told where it arrives.
#[test]
fn waits_add_up_along_the_way() {
    let (mut world, [there, _]) = dumbbell("rate=8mbit,queue=50", "");
    for host in [0, 1] {
        world.net.set_egress(world.hosts[host], &spec("rate=16mbit"));
    }
    let waits = Rc::new(RefCell::new(Vec::<(HostId, Duration)>::new()));
    let noted = Rc::clone(&waits);
    world.net.tap(move |seen| match seen.direction {
        Direction::Received => noted.borrow_mut().push((seen.host, seen.queued)),
        Direction::Sent => assert_eq!(seen.queued, Duration::ZERO),
    });
    talk(&mut world, 500_000);
    assert!(world.net.link(there).0.delivered > 600);
    let waits = waits.borrow();
    let longest = |host: usize| {
        let of_host = waits.iter().filter(|(at, _)| *at == world.hosts[host]);
        of_host.map(|(_, wait)| *wait).max().unwrap()
    };
    for receiver in [2, 3] {
        // 50 frames of 1.5 ms at the link, and the burst behind the host's own 16 Mbit/s.
        let wait = longest(receiver);
        let millis = Duration::from_millis;
        assert!((millis(60)..millis(90)).contains(&wait), "{wait:?}");
    }
    for sender in [0, 1] {
        assert_eq!(longest(sender), Duration::ZERO, "acknowledgements wait nowhere");
    }
}
