//! A path for controllers: one bottleneck with a queue and a delay, in virtual time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use fastrand::Rng;

use super::super::Bbr;
use super::sender::{App, Sender};
use crate::tcp::congestion::Start;
use crate::time::Instant;

pub(super) const MSS: u32 = 1_460;

/// What the bottleneck is like.
#[derive(Clone, Debug)]
pub(super) struct Bottleneck {
    /// Bytes a second.
    pub(super) rate: u64,
    /// The round trip of an empty path.
    pub(super) rtt: Duration,
    /// Bytes that wait at most.
    pub(super) queue: u64,
    /// Share of segments that are lost by chance.
    pub(super) loss: f64,
    /// Bytes that wait above which segments are marked.
    pub(super) mark_above: u64,
    /// Acknowledgements come at multiples of this.
    pub(super) clump: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The application of a flow writes a segment.
    Write(usize),
    /// The pacer of a flow lets it send.
    Wake(usize),
    /// The segment at the head of the queue has left the bottleneck.
    Depart,
    /// A transmission of a flow is acknowledged; whether it was marked.
    Acked(usize, u64, bool),
    /// The retransmission timer of a flow, as it was set after so many acknowledgements.
    Timer(usize, u64),
}

/// The path and its senders.
pub(super) struct Path {
    pub(super) now: Instant,
    pub(super) link: Bottleneck,
    pub(super) flows: Vec<Sender>,
    /// The most that has waited since somebody asked.
    pub(super) longest_queue: u64,
    /// What has waited, bytes times seconds.
    pub(super) queued: f64,
    waiting: VecDeque<(usize, u64, bool)>,
    events: BinaryHeap<Reverse<(Instant, u64, Event)>>,
    count: u64,
    random: Rng,
}

impl Bottleneck {
    /// `mbit` Mbit/s, a round trip of `millis` ms, room for `bdps` times what the path holds.
    pub(super) fn new(mbit: u64, millis: u64, bdps: f64) -> Self {
        let rate = mbit * 125_000;
        let bdp = rate * millis / 1_000;
        Self {
            rate,
            rtt: Duration::from_millis(millis),
            queue: ((bdp as f64 * bdps) as u64).max(2 * u64::from(MSS)),
            loss: 0.0,
            mark_above: u64::MAX,
            clump: Duration::ZERO,
        }
    }

    /// What the path holds, bytes.
    pub(super) fn bdp(&self) -> u64 {
        (u128::from(self.rate) * self.rtt.as_nanos() / 1_000_000_000) as u64
    }
}

impl Path {
    /// `flows` senders in bulk; the seed decides what is lost.
    pub(super) fn new(link: Bottleneck, flows: usize, seed: u64) -> Self {
        let mut path = Self {
            now: Instant::ZERO,
            link,
            flows: Vec::new(),
            longest_queue: 0,
            queued: 0.0,
            waiting: VecDeque::new(),
            events: BinaryHeap::new(),
            count: 0,
            random: Rng::with_seed(seed),
        };
        (0..flows as u64).for_each(|flow| path.add(seed + flow));
        path
    }

    /// Another sender joins.
    pub(super) fn add(&mut self, seed: u64) {
        let mut start = Start::new(self.now, MSS, 10 * MSS);
        start.seed = seed;
        self.flows.push(Sender::new(self.now, Bbr::new(start)));
        self.send(self.flows.len() - 1);
    }

    /// Lets `time` pass.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        self.run_while(end, |_| true);
        self.now = end;
    }

    /// The same, as long as `condition` holds; whether it does at the end.
    pub(super) fn run_while(&mut self, end: Instant, condition: impl Fn(&Self) -> bool) -> bool {
        while condition(self) {
            match self.events.peek() {
                Some(&Reverse((at, ..))) if at <= end => self.step(),
                _ => return true,
            }
        }
        false
    }

    /// Bytes a second that each flow gets while `time` passes.
    pub(super) fn rates(&mut self, time: Duration) -> Vec<u64> {
        let before: Vec<u64> = self.flows.iter().map(|flow| flow.story.delivered).collect();
        self.run(time);
        let nanos = time.as_nanos();
        let rate = |(flow, before): (&Sender, u64)| {
            (u128::from(flow.story.delivered - before) * 1_000_000_000 / nanos) as u64
        };
        self.flows.iter().zip(before).map(rate).collect()
    }

    /// From now on the application of a flow does this.
    pub(super) fn app(&mut self, flow: usize, app: App) {
        self.flows[flow].app = app;
        if let App::Every(_) = app {
            self.at(self.now, Event::Write(flow));
        }
        self.send(flow);
    }

    fn at(&mut self, when: Instant, event: Event) {
        self.count += 1;
        self.events.push(Reverse((when, self.count, event)));
    }

    fn step(&mut self) {
        let Some(Reverse((at, _, event))) = self.events.pop() else { return };
        self.queued += (self.waiting.len() as f64) * f64::from(MSS) * (at - self.now).as_secs_f64();
        self.now = at;
        match event {
            Event::Write(flow) => self.write(flow),
            Event::Wake(flow) => {
                self.flows[flow].wake = Instant::NEVER;
                self.send(flow);
            }
            Event::Depart => self.depart(),
            Event::Acked(flow, number, marked) => self.acked(flow, number, marked),
            Event::Timer(flow, acks) => {
                if self.flows[flow].on_timer(at, acks) {
                    self.arm(flow);
                    self.send(flow);
                }
            }
        }
    }

    fn write(&mut self, flow: usize) {
        if let App::Every(time) = self.flows[flow].app {
            self.flows[flow].written += 1;
            self.at(self.now + time, Event::Write(flow));
            self.send(flow);
        }
    }

    /// All that is acknowledged at this moment comes in one acknowledgement.
    fn acked(&mut self, flow: usize, number: u64, marked: bool) {
        let now = self.now;
        let (mut acked, mut echo) = (vec![number], marked);
        while let Some(&Reverse((when, _, Event::Acked(other, number, marked)))) =
            self.events.peek()
            && (when, other) == (now, flow)
        {
            self.events.pop();
            acked.push(number);
            echo |= marked;
        }
        self.flows[flow].on_ack(now, &acked, echo);
        self.arm(flow);
        self.send(flow);
    }

    fn arm(&mut self, flow: usize) {
        let wait = self.link.rtt * 4 + Duration::from_secs(1);
        self.at(self.now + wait, Event::Timer(flow, self.flows[flow].acks));
    }

    fn send(&mut self, flow: usize) {
        while let Some(number) = self.flows[flow].send(self.now) {
            self.offer(flow, number);
        }
        let next = self.flows[flow].next_send;
        if next > self.now && next < self.flows[flow].wake {
            self.flows[flow].wake = next;
            self.at(next, Event::Wake(flow));
        }
    }

    fn offer(&mut self, flow: usize, number: u64) {
        let waits = self.waiting.len() as u64 * u64::from(MSS);
        if self.random.f64() < self.link.loss || waits + u64::from(MSS) > self.link.queue {
            return;
        }
        self.longest_queue = self.longest_queue.max(waits);
        self.waiting.push_back((flow, number, waits > self.link.mark_above));
        if self.waiting.len() == 1 {
            self.at(self.now + self.transmission(), Event::Depart);
        }
    }

    fn transmission(&self) -> Duration {
        Duration::from_nanos(u64::from(MSS) * 1_000_000_000 / self.link.rate)
    }

    fn depart(&mut self) {
        if let Some((flow, number, marked)) = self.waiting.pop_front() {
            let clump = self.link.clump.as_nanos().max(1) as u64;
            let at = (self.now + self.link.rtt).as_nanos().div_ceil(clump) * clump;
            self.at(Instant::from_nanos(at), Event::Acked(flow, number, marked));
        }
        if !self.waiting.is_empty() {
            self.at(self.now + self.transmission(), Event::Depart);
        }
    }
}
