//! Many hosts and many connections.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tuntcp::engine::{Engine, OpenError};
use tuntcp::sim::{App, Next};
use tuntcp::time::Instant;

use crate::bulk::{Bulk, Closing, Door, Plan, SharedFate};
use crate::world::{HostPlan, World, both_ways, seconds, socket_address, spec};

#[test]
fn four_hosts_talk_to_each_other_at_once() {
    let mut world = World::new(30, &vec![HostPlan::default(); 4], "delay=10ms,loss=1%,jitter=5ms");
    let listeners: Vec<_> = (0..4).map(|host| world.listen(host)).collect();
    let mut fates: Vec<SharedFate> = Vec::new();
    for from in 0..4 {
        for to in (0..4).filter(|&to| to != from) {
            // Whoever accepts does not know whom: all streams of one direction are alike.
            let (there, back) = both_ways(30, 40_000, 20_000);
            fates.extend(world.talk((from, to), &listeners[to], there, back));
        }
    }
    world.run_to_ends(seconds(600), &fates);
    world.run_dry(seconds(600));
}

/// The server's ingress is the bottleneck that all clients share.
#[test]
fn clients_share_a_bottleneck() {
    let mut world = World::new(31, &vec![HostPlan::default(); 4], "delay=10ms");
    world.net.set_ingress(world.hosts[3], &spec("rate=4mbit,queue=30"));
    let listener = world.listen(3);
    let mut fates: Vec<SharedFate> = Vec::new();
    for client in 0..3 {
        let (there, back) = both_ways(31, 250_000, 0);
        fates.extend(world.talk((client, 3), &listener, there, back));
    }
    world.run_to_ends(seconds(60), &fates);
    // 750 kB at 4 Mbit/s take 1.5 s, headers not counted.
    assert!(world.net.now() - Instant::ZERO >= Duration::from_millis(1500));
}

#[test]
fn five_hundred_connections_are_open_at_once() {
    let mut world = World::pair(32, "delay=20ms");
    let listener = world.listen(1);
    let mut fates: Vec<SharedFate> = Vec::new();
    for _ in 0..500 {
        let (there, back) = both_ways(32, 2_000, 3_000);
        let there = Plan { closing: Closing::AfterPeer, ..there };
        fates.extend(world.talk((0, 1), &listener, there, back));
    }
    // Everyone waits for the other to close: all stay open.
    world.run_for(seconds(30));
    assert_eq!(world.connections(), 1000);
    let arrived = fates.iter().filter(|fate| fate.borrow().received >= 2_000).count();
    assert_eq!(arrived, 1000);
    assert!(fates.iter().all(|fate| fate.borrow().ended.is_none()));
    world.net.engine(world.hosts[0]).close_all(world.net.now());
    world.run_for(seconds(30));
    assert_eq!(world.net.engine(world.hosts[0]).unfinished(), 0);
    let ended = fates.iter().filter(|fate| fate.borrow().ended.is_some()).count();
    assert!(ended >= 500, "{ended} programs saw the end");
}

/// Opens one connection after another, and talks on each.
struct Churn {
    left: u32,
    current: Option<(Bulk, SharedFate)>,
    refused: Rc<Cell<u32>>,
}

impl App for Churn {
    fn poll(&mut self, now: Instant, engine: &Arc<Engine>) -> Next {
        loop {
            if self.current.is_none() {
                if self.left == 0 {
                    return Next::Done;
                }
                let socket = match engine.connect(now, None, socket_address(1, crate::world::PORT))
                {
                    Ok(socket) => socket,
                    Err(OpenError::PortsExhausted) => {
                        self.refused.set(self.refused.get() + 1);
                        return Next::At(now + Duration::from_millis(100));
                    }
                    Err(error) => panic!("{error}"),
                };
                let (mut there, _) = both_ways(33, 5_000, 3_000);
                there.closing = Closing::AfterPeer;
                self.left -= 1;
                self.current = Some(Bulk::new(Door::Open(socket), there));
            }
            let (bulk, fate) = self.current.as_mut().expect("just set");
            let next = bulk.poll(now, engine);
            if next != Next::Done {
                return next;
            }
            assert_eq!(fate.borrow().ended, Some(Ok(())));
            self.current = None;
        }
    }
}

/// 300 connections through four ports: the server closes first and lingers, and a new SYN takes
/// the place of the old connection (RFC 6191; RFC 9293 3.10.7.4).
fn churn(timestamps: bool) {
    let mut client = HostPlan::tcp(|tcp| tcp.timestamps = timestamps);
    client.ports = 40_000..=40_003;
    let mut world = World::new(33, &[client, HostPlan::default()], "delay=5ms");
    let listener = world.listen(1);
    let refused = Rc::new(Cell::new(0));
    let churn = Churn { left: 300, current: None, refused: Rc::clone(&refused) };
    world.net.spawn(world.hosts[0], churn);
    let mut fates = Vec::new();
    for _ in 0..300 {
        let (_, mut back) = both_ways(33, 5_000, 3_000);
        back.closing = Closing::Eager;
        let (bulk, fate) = Bulk::new(Door::Accept(Rc::clone(&listener)), back);
        world.net.spawn(world.hosts[1], bulk);
        fates.push(fate);
    }
    world.run_to_ends(seconds(55), &fates);
    assert!(world.net.engine(world.hosts[1]).connections() <= 4, "old ones gave way");
    world.run_dry(seconds(120));
}

#[test]
fn connections_churn_through_few_ports() {
    churn(true);
}

#[test]
fn connections_churn_through_few_ports_without_timestamps() {
    churn(false);
}

/// The client closes first: its own TIME-WAIT holds the ports until it is over.
#[test]
fn ports_in_time_wait_come_back() {
    let client = HostPlan { ports: 40_000..=40_001, ..HostPlan::default() };
    let mut world = World::new(34, &[client, HostPlan::default()], "delay=5ms");
    let listener = world.listen(1);
    for round in 0..3 {
        for _ in 0..2 {
            let (there, back) = both_ways(34, 100, 100);
            let fates = world.talk((0, 1), &listener, there, back);
            world.run_to_ends(seconds(10), &fates);
        }
        let engine = Arc::clone(world.net.engine(world.hosts[0]));
        let now = world.net.now();
        let third = engine.connect(now, None, socket_address(1, crate::world::PORT));
        assert!(matches!(third, Err(OpenError::PortsExhausted)), "round {round}");
        world.run_dry(seconds(61));
    }
}
