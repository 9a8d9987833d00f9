//! Many connections on one device: composes everything below, still without clock, thread or
//! descriptor. The runtime and the simulator drive it with [`Engine::turn`].

mod config;
mod datagram;
mod datagram_delivery;
mod datagram_error;
mod datagram_table;
mod defer;
mod demux;
mod dispatch;
mod error;
mod family;
mod fast_open;
mod frames;
mod icmp;
mod inbox;
mod listener;
mod listeners;
mod load;
mod open;
mod opening;
mod options;
mod packed;
mod packet_loop;
mod paths;
mod pinger;
mod ports;
mod raw;
mod remains;
mod slot;
mod socket;
mod watch;
mod wheel;

use std::fmt;
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;

pub use config::{BusyPolling, HostConfig};
pub use datagram::{UdpEndpoint, UdpOptions};
pub use datagram_error::DatagramError;
pub use error::OpenError;
pub(crate) use family::shown;
pub use inbox::Datagram;
pub(crate) use inbox::Inbox;
pub use listener::Listener;
pub use opening::{ConnectOptions, ListenOptions};
pub use pinger::{EchoReply, Pinger};
pub use raw::{RawEndpoint, RawOptions};
pub use socket::{NotOpen, Socket, WriteError};
pub use watch::{Readiness, Watched, Watcher};

use crate::buffer::queue::LENT;
use crate::buffer::{Lent, Pool};
use crate::device::{self, Device, Offload, super_segment};
use crate::tcp::isn::IsnGenerator;
use crate::tcp::{Config, Limits, State};
use crate::time::Instant;
use crate::trace::{Counters, Dropped};
use crate::wire::{Flow, ip};

use datagram_table::UdpTable;
use demux::Demux;
use fast_open::Cookies;
use listeners::Listeners;
use packet_loop::{Baton, PacketLoop};
use paths::Paths;
use pinger::Pingers;
use ports::EphemeralPorts;
use raw::RawTable;
use watch::End;

/// Segments that are made together where the device cannot cut a frame: one decision, one header and
/// one look at the lock do for all of them, and what they carry stays in the nearest cache.
const CUT: usize = 16;

/// No IP packet is larger, bytes.
const LARGEST: usize = 65_535;

/// Frame buffers that are kept for the next sender.
const KEPT_FRAMES: usize = 64;

/// Many connections on one device.
///
/// Whoever calls [`Engine::turn`] is the packet loop (of a device with several queues there are as
/// many, see [`Engine::turn_queue`]); every other call may come from any thread at any time. There is
/// no clock inside: `now` is an argument.
///
/// A [`Host`](crate::Host) does that with a thread for each queue. Without one:
///
/// ```
/// use tuntcp::HostConfig;
/// use tuntcp::device::memory;
/// use tuntcp::engine::Engine;
/// use tuntcp::time::Instant;
///
/// let (left, right) = memory::pair(1500);
/// let server = Engine::new(Box::new(left), HostConfig::new(vec!["192.0.2.1/24".parse()?]));
/// let client = Engine::new(Box::new(right), HostConfig::new(vec!["192.0.2.2/24".parse()?]));
///
/// let listener = server.listen("192.0.2.1:80".parse()?, 8)?;
/// let stream = client.connect(Instant::ZERO, None, listener.local_addr())?;
/// // A SYN, a SYN and its ACK, an ACK; each is taken by a turn.
/// for engine in [&server, &client, &server] {
///     engine.turn(Instant::ZERO)?;
/// }
/// let peer = listener.accept()?.expect("the client is there");
///
/// stream.write(Instant::ZERO, b"hello").expect("it is open");
/// server.turn(Instant::ZERO)?;
/// let mut text = [0; 5];
/// assert_eq!(peer.read(Instant::ZERO, &mut text, false), Ok(Some(5)));
/// assert_eq!(&text, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// `turn` says when it wants to be called again at the latest: turn last, and then wait for the device
/// until then. `examples/two_engines.rs` carries packets by hand, in virtual time;
/// `examples/event_loop.rs` has the engine in a loop of `poll`, beside another descriptor.
pub struct Engine {
    /// One for each queue of the device.
    loops: Box<[PacketLoop]>,
    config: HostConfig,
    /// What every connection begins with; shared, so that it costs each one a pointer.
    tcp: Arc<Config>,
    limits: Limits,
    counters: Counters,
    pool: Pool,
    isn: IsnGenerator,
    ports: EphemeralPorts,
    paths: Paths,
    cookies: Cookies,
    demux: Demux,
    listeners: Listeners,
    udp: UdpTable,
    raws: RawTable,
    pingers: Pingers,
    frames: Mutex<Vec<Vec<u8>>>,
    /// The last `now` that anybody named, for calls that have none (`Drop`).
    last_now: AtomicU64,
    /// Identification of the next datagram that may be fragmented.
    identification: AtomicU32,
    /// How often somebody who waited was woken.
    woken: AtomicU64,
    /// New endpoints are refused.
    down: AtomicBool,
    end: End,
}

impl Engine {
    /// An engine on `device`.
    #[must_use]
    pub fn new(device: Box<dyn Device>, config: HostConfig) -> Arc<Self> {
        Self::with_queues(vec![device], config)
    }

    /// An engine on a device with several queues, which carry packets of the same network and can do
    /// the same. Each has a packet loop of its own, which any of them may turn at any time, and any
    /// may handle any connection.
    ///
    /// # Panics
    /// When there is none, or there are more than 256.
    #[must_use]
    pub fn with_queues(devices: Vec<Box<dyn Device>>, config: HostConfig) -> Arc<Self> {
        assert!((1..=256).contains(&devices.len()), "{} queues", devices.len());
        let can = devices[0].capabilities();
        let loops = (0..).zip(devices).map(|(queue, device)| PacketLoop::new(queue, device));
        Arc::new(Self {
            tcp: Arc::new(config.tcp.clone()),
            limits: Limits {
                mtu: can.mtu,
                max_frame: if can.offloads { can.max_frame } else { (CUT * can.mtu).min(LARGEST) },
                offloads: true,
                lends: can.offloads,
            },
            counters: Counters::default(),
            pool: Pool::with_limit(config.memory_limit),
            isn: IsnGenerator::new(config.secret),
            ports: EphemeralPorts::new(config.ephemeral_ports.clone()),
            paths: Paths::new(config.path_mtu_timeout),
            cookies: Cookies::new(),
            demux: Demux::new(config.addresses.iter().map(IpNet::addr).collect()),
            listeners: Listeners::new(IsnGenerator::new(config.secret)),
            udp: UdpTable::default(),
            raws: RawTable::default(),
            pingers: Pingers::new(),
            frames: Mutex::new(Vec::new()),
            last_now: AtomicU64::new(0),
            identification: AtomicU32::new(0),
            woken: AtomicU64::new(0),
            down: AtomicBool::new(false),
            end: End::default(),
            loops: loops.collect(),
            config,
        })
    }

    /// The device, to wait on; of several queues the first.
    #[must_use]
    pub fn device(&self) -> &dyn Device {
        self.device_of(0)
    }

    /// The device of a queue, to wait on: below [`queues`](Self::queues).
    #[must_use]
    pub fn device_of(&self, queue: usize) -> &dyn Device {
        &*self.loops[queue].device
    }

    /// Ends the wait of every packet loop, now or the next one.
    pub(crate) fn wake_loops(&self) {
        self.loops.iter().for_each(|each| each.device.wake());
    }

    /// How many queues the device has.
    #[must_use]
    pub fn queues(&self) -> usize {
        self.loops.len()
    }

    /// How often somebody who waited for a connection was woken: a packet loop that sees it grow
    /// knows that a thread is about to come.
    pub(crate) fn woken(&self) -> u64 {
        self.woken.load(Ordering::Relaxed)
    }

    /// What has been counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Memory that connections hold or have promised, and that datagrams take which wait to be received,
    /// bytes: what `HostConfig::memory_limit` limits.
    #[must_use]
    pub fn memory_used(&self) -> usize {
        self.pool.used()
    }

    /// Settings.
    #[must_use]
    pub fn config(&self) -> &HostConfig {
        &self.config
    }

    /// What connections begin with.
    pub(crate) fn tcp_config(&self) -> Arc<Config> {
        Arc::clone(&self.tcp)
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
        self.demux.flows()
    }

    /// Stops listening and closes every connection in good order: those that the application
    /// still holds are shut down for writing; datagrams do not come any more. New endpoints are refused
    /// from now on.
    pub fn close_all(&self, now: Instant) {
        self.down.store(true, Ordering::Release);
        for shared in self.listeners.all() {
            self.stop_listening(now, &shared);
        }
        self.close_inboxes();
        for slot in self.demux.slots() {
            self.shut_for_writing(now, &slot);
        }
    }

    /// Connections that `close_all` has to wait for: those with something still to send, or
    /// whose FIN is not yet acknowledged.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.demux.slots().iter().filter(|slot| !slot.is_flushed()).count()
    }

    /// Ends everything at once: connections are aborted, waiters are woken.
    pub fn abort_all(&self, now: Instant) {
        self.down.store(true, Ordering::Release);
        for shared in self.listeners.all() {
            self.stop_listening(now, &shared);
        }
        for slot in self.demux.slots() {
            self.abort(now, &slot);
        }
        self.close_inboxes();
        self.demux.forget_remains();
        self.pingers.wake_all();
        self.end.tell();
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

    /// Gives one frame to the device, on this queue. A frame that it cannot take now is lost, as on
    /// any wire.
    fn send(&self, now: Instant, queue: u8, frame: &[u8]) {
        self.transmit(now, queue, frame, Offload::None);
    }

    /// A frame that is not complete, and is to be cut into segments of so much text where it is
    /// longer: by the device, if it can. `text` follows what stands in it: nothing, unless the
    /// device can.
    fn send_unfinished(
        &self,
        now: Instant,
        queue: u8,
        frame: &mut [u8],
        text: Option<&Lent>,
        segment: NonZeroU16,
    ) {
        // What is lent goes to a device that cuts, and nobody else does.
        if !self.limits.lends {
            super_segment::cut(frame, Some(segment), |packet| self.send(now, queue, packet));
        } else if let Some(text) = text {
            self.transmit_parts(now, queue, frame, text, Offload::Tcp { segment });
        } else {
            self.transmit(now, queue, frame, Offload::Tcp { segment });
        }
    }

    fn transmit(&self, now: Instant, queue: u8, frame: &[u8], offload: Offload) {
        crate::trace::sent(frame);
        let result = self.device_of(queue.into()).transmit(now, frame, offload);
        self.note_sent(queue, frame.len(), result);
    }

    fn transmit_parts(&self, now: Instant, queue: u8, frame: &[u8], text: &Lent, offload: Offload) {
        let mut parts = [IoSlice::new(frame); LENT + 1];
        let mut count = 1;
        for chunk in text.iter().flatten() {
            parts[count] = IoSlice::new(chunk.as_slice());
            count += 1;
        }
        let parts = &parts[..count];
        if crate::trace::shows_frames() {
            crate::trace::sent(&device::joined(parts));
        }
        let result = self.device_of(queue.into()).transmit_parts(now, parts, offload);
        self.note_sent(queue, parts.iter().map(|part| part.len()).sum(), result);
    }

    fn note_sent(&self, queue: u8, bytes: usize, result: io::Result<()>) {
        self.loops[usize::from(queue)].note_sent(bytes);
        match result {
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
    fn send_datagram(&self, now: Instant, queue: u8, packet: &[u8]) {
        let mut identification = self.identification.fetch_add(1, Ordering::Relaxed);
        let mut mtu = self.limits.mtu;
        if let Some(to) = ip::destination_v6(packet) {
            // No router cuts it on its way (RFC 8200, 4.5); and nobody else shall know the next
            // number (RFC 7739, 3).
            mtu = self.limits_to(now, to.into()).mtu;
            let offset = self.isn.port_offset(Ipv6Addr::UNSPECIFIED.into(), (to, 0).into());
            identification = identification.wrapping_add(offset);
        }
        let send = |piece: &[u8]| self.send(now, queue, piece);
        ip::fragment_packet(packet, mtu, identification, send);
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
