//! The emulated path: two threads, each of which carries frames from one device to the other over a
//! wire of its own, and counts what passes.
//!
//! A thread sleeps until a frame comes or one is due. What it does late does not slow the wire: when a
//! frame is due is reckoned from when the frame before it was, not from when that was handed on.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::prctl::set_timerslack;

use tuntcp::device::impair::{Impairment, Spec, Tally};
use tuntcp::device::{Device, Offload, is_gone};
use tuntcp::time::Instant;
use tuntcp::wire::{Body, Packet, SeqNum};

use crate::Failure;

/// Frames that one look at a device takes at most, before those that are due are handed on.
const BATCH: usize = 32;

/// How much later than asked a thread may be woken. A wire of 500 Mbit/s has a frame every 24 µs: so
/// it hands on two or three for one wake-up.
const TIMER_SLACK: Duration = Duration::from_micros(50);

/// What the shuttle may be late by, without anybody caring.
pub const LATE: Duration = Duration::from_millis(1);

/// What one direction has carried.
#[derive(Clone, Copy, Debug, Default)]
pub struct Carried {
    /// What the wire has done to frames.
    pub tally: Tally,
    /// Payload bytes that were handed in, those that came again counted each time.
    pub payload: u64,
    /// Of these, bytes that had been handed in before.
    pub again: u64,
    /// Frames that the device at the far end did not take.
    pub refused: u64,
    /// Frames that were handed on late, by more than [`LATE`].
    pub late: u64,
}

/// A running path between two devices.
#[derive(Debug)]
pub struct Shuttle {
    stop: Arc<Stop>,
    data: Lane,
    acks: Lane,
}

/// Time since the shuttle was made.
#[derive(Clone, Copy, Debug)]
struct Clock(std::time::Instant);

impl Clock {
    fn now(self) -> Instant {
        Instant::ZERO + self.0.elapsed()
    }
}

/// Ends both threads.
struct Stop {
    flag: AtomicBool,
    devices: [Arc<dyn Device>; 2],
}

type Lane = JoinHandle<io::Result<Carried>>;

impl Shuttle {
    /// Carries frames from `near` to `far` over a wire like `data`, and back over one like `acks`.
    #[must_use]
    pub fn between(near: Box<dyn Device>, far: Box<dyn Device>, data: &Spec, acks: &Spec) -> Self {
        let devices: [Arc<dyn Device>; 2] = [near.into(), far.into()];
        let stop = Arc::new(Stop { flag: AtomicBool::new(false), devices });
        // All clocks that a device sees are one: a capture of it has the times of both directions.
        let clock = Clock(std::time::Instant::now());
        let lane = |from: usize, spec: &Spec| {
            let stop = Arc::clone(&stop);
            let wire = Impairment::new(spec, from as u64);
            thread::spawn(move || {
                let (from, to) = (&*stop.devices[from], &*stop.devices[1 - from]);
                carry(from, to, wire, clock, &stop.flag)
            })
        };
        Self { data: lane(0, data), acks: lane(1, acks), stop }
    }

    /// Ends it: what it has carried from `near` to `far`, and back.
    pub fn end(self) -> Result<(Carried, Carried), Failure> {
        self.stop.now();
        let join =
            |lane: Lane| lane.join().map_err(|_| "the shuttle panicked")?.map_err(Failure::from);
        // Both have ended, whatever the first one says.
        let (data, acks) = (join(self.data), join(self.acks));
        Ok((data?, acks?))
    }
}

impl Stop {
    fn now(&self) {
        self.flag.store(true, Ordering::Release);
        for device in &self.devices {
            device.wake();
        }
    }
}

fn carry(
    from: &dyn Device,
    to: &dyn Device,
    mut wire: Impairment,
    clock: Clock,
    stop: &AtomicBool,
) -> io::Result<Carried> {
    // Without it the kernel may take as long as it likes, which is about as long.
    let _ = set_timerslack(TIMER_SLACK.as_nanos() as u64);
    let mut frame = vec![0; from.capabilities().max_frame];
    let mut carried = Carried::default();
    let mut highest = None;
    while !stop.load(Ordering::Acquire) {
        let mut taken = 0;
        while taken < BATCH {
            let now = clock.now();
            let Some(received) = from.receive(now, &mut frame)? else { break };
            let frame = &frame[..received.len];
            carried.count(frame, &mut highest);
            wire.offer(now, frame);
            taken += 1;
        }
        let mut now = clock.now();
        loop {
            let due = wire.next_due();
            let Some(frame) = wire.pop_due(now) else { break };
            carried.late += u64::from(now - due > LATE);
            match to.transmit(now, &frame, Offload::None) {
                Err(error) if is_gone(&error) => return Err(error),
                Err(_) => carried.refused += 1,
                Ok(()) => {}
            }
            wire.recycle(frame);
            now = clock.now();
        }
        let next = wire.next_due();
        if taken < BATCH && !next.is_due(now) {
            from.wait((!next.is_never()).then(|| next - now))?;
        }
        carried.tally = wire.tally();
    }
    Ok(carried)
}

impl Carried {
    /// Counts a frame of the one connection that there is. Its sender hands segments in in the order
    /// in which it sends them, so what lies below the highest one so far comes again.
    fn count(&mut self, frame: &[u8], highest: &mut Option<SeqNum>) {
        let Ok(Packet { body: Body::Tcp(_, segment), .. }) = Packet::parse(frame, true) else {
            return;
        };
        // Less than a window, and a frame, lies between any two numbers.
        let len = segment.payload.len() as u32;
        let end = segment.seq + len;
        let new = match *highest {
            None => len,
            Some(highest) if end.after(highest) => len.min(end.since(highest)),
            Some(_) => 0,
        };
        *highest = Some(highest.map_or(end, |highest| highest.later(end)));
        self.payload += u64::from(len);
        self.again += u64::from(len - new);
    }
}

impl std::fmt::Debug for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stop").field("flag", &self.flag).finish_non_exhaustive()
    }
}
