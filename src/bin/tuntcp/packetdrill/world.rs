//! What does the stack under test do, and when? The engine on a wire of two queues, in virtual time.

use std::collections::VecDeque;
use std::sync::Arc;

use tuntcp::HostConfig;
use tuntcp::engine::Engine;
use tuntcp::sim::SimDevice;
use tuntcp::time::Instant;

/// Turns at one moment after which the stack is stuck.
const TURNS_AT_ONCE: usize = 100_000;

/// The stack under test and its clock.
pub(super) struct World {
    pub(super) engine: Arc<Engine>,
    pub(super) now: Instant,
    device: SimDevice,
    /// When the engine wants to be turned again.
    deadline: Instant,
    /// What it has sent and nobody has looked at yet.
    pub(super) sent: VecDeque<(Instant, Vec<u8>)>,
}

impl World {
    pub(super) fn new(config: HostConfig, mtu: usize) -> Self {
        let device = SimDevice::new(mtu);
        let engine = Engine::new(Box::new(device.clone()), config);
        Self { engine, now: Instant::ZERO, device, deadline: Instant::ZERO, sent: VecDeque::new() }
    }

    /// Lets the engine do all that is to be done now.
    pub(super) fn settle(&mut self) -> Result<(), String> {
        for _ in 0..TURNS_AT_ONCE {
            let woken = self.device.take_woken();
            if !woken && !self.device.has_received() && !self.deadline.is_due(self.now) {
                self.collect();
                return Ok(());
            }
            self.deadline = self
                .engine
                .turn(self.now)
                .map_err(|error| format!("the engine has given up: {error}"))?;
        }
        Err(format!("the stack is stuck at {}: it asks to be turned for ever", self.now))
    }

    fn collect(&mut self) {
        while let Some(frame) = self.device.take_sent() {
            self.sent.push_back((self.now, frame));
        }
    }

    /// Goes on to the engine's next deadline, but not beyond `limit`; whether it got there before
    /// the limit.
    pub(super) fn step(&mut self, limit: Instant) -> Result<bool, String> {
        let next = self.deadline.max(self.now);
        if next > limit {
            self.now = self.now.max(limit);
            return Ok(false);
        }
        self.now = next;
        self.settle()?;
        Ok(true)
    }

    /// The frame arrives; `false` when it is larger than the MTU.
    pub(super) fn deliver(&mut self, frame: Vec<u8>) -> bool {
        self.device.deliver(frame)
    }
}
