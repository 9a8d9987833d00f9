//! Congestion that is told by marks instead of losses (RFC 3168), on paths that do as they should
//! and on paths that do not.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use tuntcp::engine::Socket;
use tuntcp::sim::Direction;
use tuntcp::tcp::{EcnPolicy, Info};
use tuntcp::wire::{EcnCodepoint, Packet};

use crate::world::{HostPlan, World, both_ways, seconds};

/// Asks for marks, or not; reno halves.
fn plan(ecn: EcnPolicy) -> HostPlan {
    HostPlan::tcp(|tcp| {
        tcp.ecn = ecn;
        tcp.congestion = "reno".parse().expect("it is there");
    })
}

fn world(seed: u64, ecn: EcnPolicy, wire: &str) -> World {
    World::new(seed, &[plan(ecn), plan(EcnPolicy::Accept)], wire)
}

/// Sends `bytes` from host 0 to host 1, which reads as they come; how it was for the sender and the
/// receiver, and how long it took.
fn send(world: &mut World, bytes: usize) -> (Info, Info, Duration) {
    let (client, server) = world.open();
    let began = world.net.now();
    let (text, mut buffer) = (vec![7; bytes], vec![0; 1 << 16]);
    let (mut sent, mut received) = (0, 0);
    let done = world.net.run_while(world.after(seconds(3600)), |net| {
        let now = net.now();
        while let Ok(Some(taken @ 1..)) = client.write(now, &text[sent..]) {
            sent += taken;
        }
        while let Ok(Some(got @ 1..)) = server.read(now, &mut buffer, false) {
            received += got;
        }
        received < bytes
    });
    assert!(done.expect("it does not stall"), "{received} of {bytes} bytes\n{}", world.net.log());
    world.check();
    let took = world.net.now() - began;
    world.run_for(seconds(1));
    let now = world.net.now();
    let info = |socket: &Socket| socket.info(now);
    (info(&client), info(&server), took)
}

/// RFC 3168 5, 6.1.2: marks take from the window what losses would, and nothing has to be sent
/// again for them. Proves: RFC3168-5, RFC3168-6.1.2-b.
#[test]
fn marks_lose_nothing_and_slow_the_sender() {
    for seed in 0..20 {
        let wire = "delay=20ms,mark=1%";
        let (marked, receiver, slow) = send(&mut world(seed, EcnPolicy::Request, wire), 2_000_000);
        let (plain, _, fast) = send(&mut world(seed, EcnPolicy::Accept, wire), 2_000_000);
        assert!(marked.ecn && receiver.ecn && !plain.ecn, "seed {seed}");
        assert_eq!((marked.retransmissions, plain.retransmissions), (0, 0), "seed {seed}");
        assert!(receiver.ecn_seen && receiver.ce_received > 0, "seed {seed}: {receiver:?}");
        assert!(marked.ece_received > 0 && !marked.ecn_stopped, "seed {seed}: {marked:?}");
        assert!(marked.ssthresh < plain.ssthresh && slow > fast, "seed {seed}: {slow:?}, {fast:?}");
    }
}

/// Both ends send, both directions are marked; every byte arrives once and in order, whatever the
/// share of marks.
#[test]
fn every_byte_arrives_whatever_is_marked() {
    for (seed, percent) in (0..40).zip([1, 5, 20, 100].into_iter().cycle()) {
        let both = [plan(EcnPolicy::Request), plan(EcnPolicy::Accept)];
        let mut world = World::new(seed, &both, &format!("delay=5ms,mark={percent}%"));
        let listener = world.listen(1);
        let (there, back) = both_ways(seed, 200_000, 100_000);
        let fates = world.talk((0, 1), &listener, there, back);
        world.run_to_ends(seconds(600), &fates);
    }
}

/// A managed queue marks what it would have dropped: the same queue, and nothing is lost.
#[test]
fn a_managed_queue_marks_instead_of_dropping() {
    let wire = "rate=20mbit,delay=10ms,queue=1000,aqm=codel";
    for seed in 0..3 {
        let (marked, _, with) = send(&mut world(seed, EcnPolicy::Request, wire), 10_000_000);
        let (plain, _, without) = send(&mut world(seed, EcnPolicy::Off, wire), 10_000_000);
        assert_eq!(marked.retransmissions, 0, "seed {seed}");
        assert!(marked.ece_received > 0 && plain.retransmissions > 0, "seed {seed}: {plain:?}");
        let waits = marked.srtt.expect("there was a sample");
        assert!(waits < Duration::from_millis(60), "seed {seed}: a standing queue, {waits:?}");
        assert!(with < without.mul_f64(1.1), "seed {seed}: {with:?} and {without:?}");
    }
}

/// Something marks everything: at first that is believed, and then no more.
#[test]
fn a_path_that_marks_everything() {
    let wire = "delay=10ms,mark=100%";
    let (sender, _, took) = send(&mut world(1, EcnPolicy::Request, wire), 1_000_000);
    assert!(sender.ecn_stopped && sender.retransmissions == 0, "{sender:?}");
    assert!(took < seconds(10), "{took:?}");
}

/// Something drops what is ECN-capable: two flights are lost, then none.
#[test]
fn a_path_that_drops_what_is_capable() {
    // The wires lead nowhere; what is not ECT is carried by hand.
    let mut world = world(1, EcnPolicy::Request, "loss=100%");
    let hosts = world.hosts.clone();
    let under_way = Rc::new(RefCell::new(VecDeque::new()));
    let seen = Rc::clone(&under_way);
    world.net.tap(move |sighting| {
        let packet = Packet::parse(sighting.frame, false).expect("what we send is good");
        if sighting.direction == Direction::Sent && packet.ip.ecn == EcnCodepoint::NotEct {
            seen.borrow_mut().push_back((sighting.host, sighting.frame.to_vec()));
        }
    });
    let listener = world.listen(1);
    let (there, back) = both_ways(1, 100_000, 100_000);
    let fates = world.talk((0, 1), &listener, there, back);
    let mut steps = 0;
    while fates.iter().any(|fate| fate.borrow().ended.is_none()) {
        world.net.step().expect("it does not stall");
        for (from, frame) in under_way.borrow_mut().drain(..) {
            let to = if from == hosts[0] { hosts[1] } else { hosts[0] };
            world.net.inject(to, &frame);
        }
        steps += 1;
        assert!(steps < 10_000, "{}", world.net.log());
    }
    world.check();
    for fate in &fates {
        assert_eq!(fate.borrow().ended, Some(Ok(())));
    }
    assert!(world.net.now().as_nanos() < 5_000_000_000, "{}", world.net.now());
}
