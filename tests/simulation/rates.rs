//! How much of a path's rate a flow gets: the controllers in the engine, with its pacing, its samples
//! and its recovery.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tuntcp::engine::{Engine, Socket};
use tuntcp::sim::Next;
use tuntcp::tcp::congestion::REGISTRY;
use tuntcp::tcp::{BufferSize, EcnPolicy, Info};
use tuntcp::time::Instant;

use crate::world::{HostPlan, World, seconds, spec};

/// Bytes of a segment, with timestamps, and of its packet.
const SEGMENT: f64 = 1_448.0;
const PACKET: f64 = 1_500.0;

/// A sender and a receiver that reads all that comes.
struct Pair {
    world: World,
    sender: Rc<Socket>,
    receiver: Rc<Socket>,
    /// Bytes that the application may still write.
    allowance: Rc<Cell<usize>>,
}

impl Pair {
    fn new(algorithm: &str, there: &str, back: &str) -> Self {
        let plan = HostPlan::tcp(|tcp| {
            tcp.congestion = algorithm.parse().unwrap();
            tcp.receive_buffer = BufferSize::fixed(16 << 20);
            tcp.send_buffer = BufferSize::fixed(4 << 20);
            tcp.ecn = EcnPolicy::Request;
        });
        let mut world = World::new(3, &[plan.clone(), plan], back);
        world.net.set_egress(world.hosts[0], &spec(there));
        let (sender, receiver) = world.open();
        let (sender, receiver) = (Rc::new(sender), Rc::new(receiver));
        let reads = Rc::clone(&receiver);
        let mut buffer = vec![0; 65_536];
        world.net.spawn(world.hosts[1], move |now: Instant, _: &Arc<Engine>| {
            while reads.read(now, &mut buffer, false).unwrap().is_some() {}
            Next::OnEvent
        });
        let allowance = Rc::new(Cell::new(0));
        let (writes, allowed) = (Rc::clone(&sender), Rc::clone(&allowance));
        let text = vec![7; 65_536];
        world.net.spawn(world.hosts[0], move |now: Instant, _: &Arc<Engine>| {
            while allowed.get() > 0 {
                let piece = allowed.get().min(text.len());
                let Some(taken) = writes.write(now, &text[..piece]).unwrap() else { break };
                allowed.set(allowed.get() - taken);
            }
            // It may be allowed more at any time.
            Next::At(now + Duration::from_millis(1))
        });
        Self { world, sender, receiver, allowance }
    }

    /// From now on there is always something to send.
    fn bulk(mut self) -> Self {
        self.write(usize::MAX);
        self
    }

    fn write(&mut self, bytes: usize) {
        self.allowance.set(bytes);
    }

    /// Text that arrives while `time` passes, as a share of what `mbit` Mbit/s carry.
    fn share(&mut self, time: Duration, mbit: u32) -> f64 {
        let before = self.received();
        self.world.run_for(time);
        let rate = (self.received() - before) as f64 / time.as_secs_f64();
        rate / (f64::from(mbit) * 125_000.0 * SEGMENT / PACKET)
    }

    fn received(&self) -> u64 {
        self.receiver.info(self.world.net.now()).bytes_received
    }

    fn info(&self) -> Info {
        self.sender.info(self.world.net.now())
    }
}

/// Long and short paths, shallow queues and deep ones, losses by chance: all of the rate but what
/// ProbeRTT costs, without a time-out, and without a queue that stands.
#[test]
fn bbr_gets_the_rate() {
    // The share over six seconds, and the round trips that it is worth at most.
    for (mbit, there, back, share, trips) in [
        // 0.96, 0.97, 0.95, 0.98 of the rate.
        (10, "queue=50,delay=20ms", "delay=20ms", 0.94, 1.5),
        (50, "queue=400,delay=10ms", "delay=10ms", 0.94, 1.6),
        (20, "queue=100,delay=50ms", "delay=50ms", 0.90, 1.5),
        (2, "queue=20,delay=10ms", "delay=10ms", 0.95, 5.0),
        // 0.90 for a queue of 3 packets where the path holds 67.
        (20, "queue=3,delay=20ms", "delay=20ms", 0.78, 1.2),
        // 0.96 and 0.92 with losses, 0.95 where ACKs are lost.
        (50, "queue=200,delay=20ms,loss=0.1%", "delay=20ms", 0.92, 1.5),
        (50, "queue=200,delay=20ms,loss=1%", "delay=20ms", 0.85, 1.5),
        (10, "queue=100,delay=20ms,loss=1%", "delay=20ms", 0.85, 1.5),
        (20, "queue=100,delay=20ms", "delay=20ms,loss=20%", 0.92, 1.5),
    ] {
        let mut pair = Pair::new("bbr", &format!("rate={mbit}mbit,{there}"), back).bulk();
        pair.world.run_for(seconds(2));
        let got = pair.share(seconds(6), mbit);
        let info = pair.info();
        assert!(got > share, "{mbit} Mbit/s, {there}: {got:.3}");
        assert_eq!(info.rto_expirations, 0, "{mbit} Mbit/s, {there}");
        let queued = info.srtt.unwrap().as_secs_f64() / info.min_rtt.unwrap().as_secs_f64();
        assert!(queued < trips, "{mbit} Mbit/s, {there}: {queued:.2} round trips");
    }
}

/// Marks take the queue, hardly the rate (0.86 and 0.97), and nothing is lost (RFC 3168 5).
#[test]
fn bbr_obeys_marks() {
    for there in ["queue=100,delay=20ms,mark=1%", "queue=1000,delay=20ms,aqm=codel,target=1ms"] {
        let mut pair = Pair::new("bbr", &format!("rate=20mbit,{there}"), "delay=20ms").bulk();
        pair.world.run_for(seconds(2));
        let got = pair.share(seconds(6), 20);
        let info = pair.info();
        assert!(info.ece_received > 0 && info.retransmissions == 0, "{there}: {info:?}");
        assert!(got > 0.8, "{there}: {got:.3}");
    }
}

/// What is lost by chance is lost: no repair of it is taken back (RFC 3522 3.2). An answer to what an
/// earlier repair has sent again is no answer to an original.
#[test]
fn losses_are_no_mistakes() {
    for algorithm in REGISTRY {
        for loss in ["1%", "5%"] {
            let there = format!("rate=20mbit,queue=100,delay=20ms,loss={loss}");
            let mut pair = Pair::new(algorithm.name(), &there, "delay=20ms").bulk();
            pair.world.run_for(seconds(8));
            let info = pair.info();
            assert!(info.lost_segments > 20, "{algorithm}, {loss}: {}", info.lost_segments);
            assert_eq!(info.undone, 0, "{algorithm}, {loss}");
        }
    }
}

/// draft-ietf-ccwg-bbr-06 4.1.1.3: what was sent before the application ran dry, and what is sent
/// when it has something again, says nothing of the path. So Startup waits until there is more.
#[test]
fn bbr_waits_for_the_application() {
    let mut pair = Pair::new("bbr", "rate=50mbit,queue=400,delay=20ms", "delay=20ms");
    for _ in 0..40 {
        pair.write(30_000);
        pair.world.run_for(Duration::from_millis(200));
    }
    assert_eq!(pair.received(), 1_200_000);
    // Twice what the path holds at the rate that was seen, and what came at once.
    let window = pair.info().cwnd;
    assert!((30_000..90_000).contains(&window), "{window}");
    pair = pair.bulk();
    pair.world.run_for(Duration::from_millis(500));
    let got = pair.share(seconds(1), 50);
    assert!(got > 0.9, "{got:.3}");
}
