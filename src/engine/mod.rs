//! Many connections on one device: composes everything below, still without clock, thread or
//! descriptor. The runtime and the simulator drive it with [`Engine::turn`].

mod config;
mod demux;
mod dispatch;
mod error;
mod frames;
mod icmp;
mod listener;
mod open;
mod options;
mod paths;
mod pinger;
mod ports;
mod slot;
mod socket;
mod wheel;

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;

pub use config::HostConfig;
pub use error::OpenError;
pub use listener::Listener;
pub use pinger::{EchoReply, Pinger};
pub use socket::{NotOpen, Socket, WriteError};

use crate::buffer::Pool;
use crate::device::{Device, Offload};
use crate::fragments::Fragments;
use crate::icmp::ErrorBudget;
use crate::tcp::isn::IsnGenerator;
use crate::tcp::{Config, Limits, Signals, State};
use crate::time::Instant;
use crate::trace::{Counters, Dropped};
use crate::wire::{Flow, ip};

use demux::Demux;
use frames::Frames;
use paths::Paths;
use pinger::Pingers;
use ports::EphemeralPorts;
use slot::Slot;
use wheel::Wheel;

/// Frames that are taken before timers are looked at, what is owed is sent, and who waits is told:
/// so many that neither acknowledgements nor wake-ups cost much; not so many that an answer or a
/// timer is late.
const BATCH: usize = 128;

/// Batches that a connection is put off for at most.
const BATCHES: usize = 32;

/// Frame buffers that are kept for the next sender.
const KEPT_FRAMES: usize = 64;

/// Many connections on one device.
///
/// Whoever calls [`Engine::turn`] is the packet loop; every other call may come from any thread at
/// any time. There is no clock inside: `now` is an argument.
pub struct Engine {
    device: Box<dyn Device>,
    config: HostConfig,
    /// What every connection begins with; shared, so that it costs each one a pointer.
    tcp: Arc<Config>,
    limits: Limits,
    counters: Counters,
    pool: Pool,
    isn: IsnGenerator,
    ports: EphemeralPorts,
    paths: Paths,
    demux: Demux,
    pingers: Pingers,
    wheel: Mutex<Wheel<Arc<Slot>>>,
    /// The packet loop's own things: whoever holds them is the packet loop.
    baton: Mutex<Baton>,
    frames: Mutex<Vec<Vec<u8>>>,
    /// The deadline that the packet loop sleeps for; zero while it is awake. Written under the
    /// wheel's lock, so that a timer that is set meanwhile is never slept through.
    asleep_until: AtomicU64,
    /// The last `now` that anybody named, for calls that have none (`Drop`).
    last_now: AtomicU64,
    /// Identification of the next datagram that may be fragmented.
    identification: AtomicU16,
    /// How often somebody who waited was woken.
    woken: AtomicU64,
    /// Connections that the last turn dealt with.
    dealt_with: AtomicUsize,
    /// New endpoints are refused.
    down: AtomicBool,
}

struct Baton {
    frames: Frames,
    fragments: Fragments,
    icmp_budget: ErrorBudget,
    /// Connections that may owe something after this batch.
    owed: Vec<Arc<Slot>>,
    due: Vec<Arc<Slot>>,
    /// A peer waits for what is owed to it.
    pressed: bool,
    /// Batches since nobody was put off.
    batches: usize,
}

impl Engine {
    /// An engine on `device`.
    #[must_use]
    pub fn new(device: Box<dyn Device>, config: HostConfig) -> Arc<Self> {
        let can = device.capabilities();
        Arc::new(Self {
            tcp: Arc::new(config.tcp.clone()),
            limits: Limits {
                mtu: can.mtu,
                segments: (can.max_frame / can.mtu.max(1)).max(1),
                offloads: can.offloads,
            },
            counters: Counters::default(),
            pool: Pool::with_limit(config.memory_limit),
            isn: IsnGenerator::new(config.secret),
            ports: EphemeralPorts::new(config.ephemeral_ports.clone()),
            paths: Paths::new(config.path_mtu_timeout),
            demux: Demux::new(),
            pingers: Pingers::new(),
            wheel: Mutex::new(Wheel::new()),
            baton: Mutex::new(Baton {
                frames: Frames::new(can.max_frame.max(can.mtu)),
                fragments: Fragments::new(),
                icmp_budget: ErrorBudget::new(),
                owed: Vec::new(),
                due: Vec::new(),
                pressed: false,
                batches: 0,
            }),
            frames: Mutex::new(Vec::new()),
            asleep_until: AtomicU64::new(0),
            last_now: AtomicU64::new(0),
            identification: AtomicU16::new(0),
            woken: AtomicU64::new(0),
            dealt_with: AtomicUsize::new(0),
            down: AtomicBool::new(false),
            device,
            config,
        })
    }

    /// Takes what the device has (a batch), fires timers, sends what is owed; when it wants to be
    /// called again at the latest (`now` itself: at once, there was more than a batch). An error
    /// means that the device is gone: every connection has been ended.
    pub fn turn(&self, now: Instant) -> io::Result<Instant> {
        self.note_time(now);
        self.asleep_until.store(0, Ordering::Relaxed);
        let mut baton = lock(&self.baton);
        let baton = &mut *baton;
        let more = self.receive_batch(now, baton).inspect_err(|_| self.abort_all(now))?;
        self.fire_timers(now, baton);
        self.settle(now, baton, more);
        Ok(if more { now } else { self.fall_asleep(baton) })
    }

    /// Nothing is left to do: until when.
    fn fall_asleep(&self, baton: &Baton) -> Instant {
        let others = self.device.deadline().min(baton.fragments.deadline());
        let wheel = lock(&self.wheel);
        let next = wheel.next().min(others);
        self.asleep_until.store(next.as_nanos(), Ordering::Relaxed);
        next
    }

    /// After a batch: sends what is owed for it and tells who waits. With `more` at hand, those
    /// into whom text pours are put off: one acknowledgement and one wake-up then do for many
    /// batches.
    fn settle(&self, now: Instant, baton: &mut Baton, more: bool) {
        baton.batches += 1;
        // One of many keeps nobody waiting: the others go on.
        let pressed = baton.pressed && baton.owed.len() == 1;
        let all = !more || pressed || baton.batches == BATCHES;
        self.dealt_with.store(baton.owed.len(), Ordering::Relaxed);
        baton.owed.retain(|slot| {
            let mut inner = slot.lock();
            if !all && inner.pours() {
                return true;
            }
            inner.end_pouring();
            // Whoever flushes it now, what arrives from here on is told after another batch.
            inner.noted = false;
            drop(inner);
            self.flush(now, slot);
            self.announce(now, slot, slot.lock(), Signals::empty());
            false
        });
        if all {
            (baton.batches, baton.pressed) = (0, false);
        }
    }

    /// Whether the device has more.
    fn receive_batch(&self, now: Instant, baton: &mut Baton) -> io::Result<bool> {
        let mut count = 0;
        let mut more = true;
        while more && count < BATCH {
            more = baton.frames.fill(&*self.device, now)?;
            let few = baton.frames.len();
            count += few;
            self.counters.frames_in.fetch_add(few as u64, Ordering::Relaxed);
            self.take_frames(now, baton);
        }
        Ok(more)
    }

    fn fire_timers(&self, now: Instant, baton: &mut Baton) {
        lock(&self.wheel).expire(now, &mut baton.due);
        for slot in baton.due.drain(..) {
            if self.fire(now, &slot) {
                baton.owed.push(slot);
            }
        }
        let count = |why| self.counters.count_drop(why);
        let timed_out = baton.fragments.expire(now, count);
        for datagram in timed_out {
            self.time_exceeded(now, &datagram, baton);
        }
    }

    /// The device, to wait on.
    #[must_use]
    pub fn device(&self) -> &dyn Device {
        &*self.device
    }

    /// How often somebody who waited for a connection was woken: a packet loop that sees it grow
    /// knows that a thread is about to come.
    pub(crate) fn woken(&self) -> u64 {
        self.woken.load(Ordering::Relaxed)
    }

    /// Connections that the last turn dealt with.
    pub(crate) fn dealt_with(&self) -> usize {
        self.dealt_with.load(Ordering::Relaxed)
    }

    /// What has been counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Memory that connections hold or have promised, bytes: what `HostConfig::memory_limit` limits.
    #[must_use]
    pub fn memory_used(&self) -> usize {
        self.pool.used()
    }

    /// Settings.
    #[must_use]
    pub fn config(&self) -> &HostConfig {
        &self.config
    }

    /// Opens an endpoint for echo requests (ping).
    pub fn pinger(self: &Arc<Self>) -> Result<Pinger, OpenError> {
        self.refuse_when_down()?;
        Pinger::open(self)
    }

    /// Connections that exist, TIME-WAIT included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.demux.len()
    }

    /// Both ends of every connection that exists, and its state.
    #[must_use]
    pub fn flows(&self) -> Vec<(Flow, State)> {
        let state = |slot: &Arc<Slot>| (slot.flow, slot.lock().connection.state());
        self.demux.all().iter().map(state).collect()
    }

    /// Stops listening and closes every connection in good order: those that the application
    /// still holds are shut down for writing. New endpoints are refused from now on.
    pub fn close_all(&self, now: Instant) {
        self.down.store(true, Ordering::Release);
        for shared in self.demux.listeners() {
            self.stop_listening(now, &shared);
        }
        for slot in self.demux.all() {
            self.shut_for_writing(now, &slot);
        }
    }

    /// Connections that `close_all` has to wait for: those with something still to send, or
    /// whose FIN is not yet acknowledged.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.demux.all().iter().filter(|slot| !slot.is_flushed()).count()
    }

    /// Ends everything at once: connections are aborted, waiters are woken.
    pub fn abort_all(&self, now: Instant) {
        self.down.store(true, Ordering::Release);
        for shared in self.demux.listeners() {
            self.stop_listening(now, &shared);
        }
        for slot in self.demux.all() {
            self.abort(now, &slot);
        }
        self.pingers.wake_all();
    }

    fn refuse_when_down(&self) -> Result<(), OpenError> {
        if self.is_down() { Err(OpenError::HostDown) } else { Ok(()) }
    }

    fn is_down(&self) -> bool {
        self.down.load(Ordering::Acquire)
    }

    fn note_time(&self, now: Instant) {
        self.last_now.fetch_max(now.as_nanos(), Ordering::Relaxed);
    }

    fn last_now(&self) -> Instant {
        Instant::from_nanos(self.last_now.load(Ordering::Relaxed))
    }

    fn is_ours(&self, address: IpAddr) -> bool {
        self.config.addresses.iter().any(|net| net.addr() == address)
    }

    /// The limited broadcast, or that of a network of ours (RFC 1122, 3.2.1.3).
    fn is_broadcast(&self, address: IpAddr) -> bool {
        let IpAddr::V4(v4) = address else { return false };
        let directed = |net: &IpNet| match net {
            IpNet::V4(net) => net.prefix_len() < 31 && (net.broadcast() == v4),
            IpNet::V6(_) => false,
        };
        v4.is_broadcast() || self.config.addresses.iter().any(directed)
    }

    /// Gives one frame to the device. A frame that it cannot take now is lost, as on any wire.
    fn send(&self, now: Instant, frame: &[u8]) {
        self.send_offloaded(now, frame, Offload::None);
    }

    /// The same, and tells the device what is left to it.
    fn send_offloaded(&self, now: Instant, frame: &[u8], offload: Offload) {
        crate::trace::sent(frame);
        match self.device.transmit(now, frame, offload) {
            Ok(()) => {
                self.counters.frames_out.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                // A device that is gone for good is noticed where it is received from.
                self.counters.count_drop(Dropped::DeviceBusy);
                log::debug!(target: "tuntcp::device", "a frame was not sent: {error}");
            }
        }
    }

    /// Gives one IP packet to the device, in fragments where it is larger than the MTU.
    fn send_datagram(&self, now: Instant, packet: &[u8]) {
        let identification = self.identification.fetch_add(1, Ordering::Relaxed);
        ip::fragment_packet(packet, self.limits.mtu, identification, |piece| self.send(now, piece));
    }

    fn take_frame_buffer(&self) -> Vec<u8> {
        lock(&self.frames).pop().unwrap_or_default()
    }

    fn give_frame_buffer(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut frames = lock(&self.frames);
        if frames.len() < KEPT_FRAMES {
            frames.push(buffer);
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("addresses", &self.config.addresses)
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}

/// Locks. A panic of somebody who held the lock is his own: what is inside is kept consistent by
/// steps that do not panic, and the stack goes on for everybody else.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
