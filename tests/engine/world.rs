//! An engine on a device that the test plays the world behind, or two engines on one cable.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tuntcp::HostConfig;
use tuntcp::device::{Capabilities, Device, Offload, Received};
use tuntcp::engine::{Engine, Listener, Socket};
use tuntcp::time::Instant;
use tuntcp::trace::Dropped;
use tuntcp::wire::icmp::{Echo, emit_echo};
use tuntcp::wire::{Body, Flags, Flow, IpFields, Packet, RawWindow, Segment, SeqNum, emit_tcp};

pub(crate) const MTU: usize = 1500;
/// The engine under test.
pub(crate) const HERE: &str = "192.0.2.2";
/// Everybody else.
pub(crate) const THERE: &str = "192.0.2.1";

/// The same by IPv6.
pub(crate) const HERE_V6: &str = "2001:db8::2";
/// The same by IPv6.
pub(crate) const THERE_V6: &str = "2001:db8::1";

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub(crate) fn at(ip: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address(ip), port)
}

pub(crate) fn config_at(cidr: &str) -> HostConfig {
    HostConfig::new(vec![cidr.parse().expect("a network")])
}

/// A host with addresses of both families.
pub(crate) fn both() -> HostConfig {
    let mut config = config_at("192.0.2.2/24");
    config.addresses.push("2001:db8::2/64".parse().expect("a network"));
    config
}

/// A ping.
pub(crate) fn echo_request(from: &str, to: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let echo = Echo { identifier: 7, sequence: 9, payload };
    emit_echo(&mut out, address(from), address(to), false, &echo);
    out
}

/// Something to do once, in the midst of a call of the device.
type Hook = Mutex<Option<Box<dyn FnOnce() + Send>>>;

fn run(hook: &Hook) {
    let hook = hook.lock().unwrap().take();
    if let Some(hook) = hook {
        hook();
    }
}

/// A device whose other side is the test.
#[derive(Default)]
pub(crate) struct World {
    inbound: Mutex<VecDeque<Vec<u8>>>,
    outbound: Mutex<Vec<Vec<u8>>>,
    on_transmit: Hook,
    on_wake: Hook,
    wakes: AtomicUsize,
    gone: AtomicBool,
}

impl World {
    /// What happens while the device takes the next frame.
    pub(crate) fn during_transmit(&self, hook: impl FnOnce() + Send + 'static) {
        *self.on_transmit.lock().unwrap() = Some(Box::new(hook));
    }

    /// A frame arrives with the next turn.
    pub(crate) fn gets(&self, frame: Vec<u8>) {
        self.inbound.lock().unwrap().push_back(frame);
    }

    /// What happens while the packet loop is woken the next time.
    pub(crate) fn during_wake(&self, hook: impl FnOnce() + Send + 'static) {
        *self.on_wake.lock().unwrap() = Some(Box::new(hook));
    }
}

struct Side(Arc<World>);

impl Device for Side {
    fn capabilities(&self) -> Capabilities {
        Capabilities::plain(MTU)
    }

    fn receive(&self, _now: Instant, frame: &mut [u8]) -> io::Result<Option<Received>> {
        if self.0.gone.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let Some(next) = self.0.inbound.lock().unwrap().pop_front() else { return Ok(None) };
        frame[..next.len()].copy_from_slice(&next);
        Ok(Some(Received::plain(next.len())))
    }

    fn transmit(&self, _now: Instant, frame: &[u8], _offload: Offload) -> io::Result<()> {
        assert!(frame.len() <= MTU, "a frame of {} bytes on a wire for {MTU}", frame.len());
        self.0.outbound.lock().unwrap().push(frame.to_vec());
        run(&self.0.on_transmit);
        Ok(())
    }

    fn wait(&self, _timeout: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn wake(&self) {
        self.0.wakes.fetch_add(1, Ordering::Relaxed);
        run(&self.0.on_wake);
    }
}

/// An engine, the world behind its device, and the time.
pub(crate) struct Bench {
    pub(crate) engine: Arc<Engine>,
    pub(crate) world: Arc<World>,
    pub(crate) now: Instant,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(config_at("192.0.2.2/24"))
    }

    pub(crate) fn with(config: HostConfig) -> Self {
        let world = Arc::<World>::default();
        let engine = Engine::new(Box::new(Side(Arc::clone(&world))), config);
        Self { engine, world, now: Instant::ZERO + Duration::from_secs(1) }
    }

    /// Frames arrive, one turn is made, and this is what was sent.
    pub(crate) fn give(&mut self, frames: impl IntoIterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
        self.world.inbound.lock().unwrap().extend(frames);
        self.turn();
        self.sent()
    }

    /// A frame arrives with the next turn.
    pub(crate) fn world_gets(&self, frame: Vec<u8>) {
        self.world.gets(frame);
    }

    pub(crate) fn turn(&self) -> Instant {
        self.engine.turn(self.now).expect("the device lives")
    }

    /// What was sent since the last time.
    pub(crate) fn sent(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.world.outbound.lock().unwrap())
    }

    pub(crate) fn wakes(&self) -> usize {
        self.world.wakes.load(Ordering::Relaxed)
    }

    pub(crate) fn unplug(&self) {
        self.world.gone.store(true, Ordering::Relaxed);
    }

    pub(crate) fn dropped(&self, why: Dropped) -> u64 {
        self.engine.counters().dropped(why)
    }

    pub(crate) fn listen(&self, port: u16, backlog: usize) -> Listener {
        self.engine.listen(at(HERE, port), backlog).expect("a free port")
    }

    /// Time passes, with a turn whenever the engine asks for one; how many there were.
    pub(crate) fn pass(&mut self, time: Duration) -> usize {
        let end = self.now + time;
        let mut turns = 1;
        loop {
            let next = self.turn();
            turns += 1;
            if next > end {
                break;
            }
            self.now = next.max(self.now + Duration::from_nanos(1));
        }
        self.now = end;
        self.turn();
        turns
    }
}

/// Somebody out there who speaks TCP by hand.
pub(crate) struct Peer {
    pub(crate) flow: Flow,
    pub(crate) seq: SeqNum,
    pub(crate) ack: Option<SeqNum>,
}

impl Peer {
    pub(crate) fn new(port: u16, to: u16) -> Self {
        let flow = Flow { local: at(THERE, port), remote: at(HERE, to) };
        Self { flow, seq: SeqNum::new(1000), ack: None }
    }

    pub(crate) fn segment(&self, flags: Flags, payload: &[u8]) -> Vec<u8> {
        let segment = Segment {
            seq: self.seq,
            ack: self.ack,
            flags,
            window: RawWindow(65_535),
            ..Segment::default()
        };
        frame(&self.flow, &segment, payload)
    }

    pub(crate) fn syn(&self) -> Vec<u8> {
        self.segment(Flags::SYN, &[])
    }

    /// Opens a connection to a listener.
    pub(crate) fn open(bench: &mut Bench, port: u16, to: u16) -> Self {
        Self::new(port, to).opened(bench)
    }

    /// The same peer, who wants to go somewhere else.
    pub(crate) fn to(mut self, remote: SocketAddr) -> Self {
        self.flow.remote = remote;
        self
    }

    /// Opens the connection.
    pub(crate) fn opened(self, bench: &mut Bench) -> Self {
        let mut peer = self;
        let answer = only(bench.give([peer.syn()]));
        let syn_ack = tcp(&answer);
        assert!(syn_ack.flags.contains(Flags::SYN) && syn_ack.ack == Some(peer.seq + 1));
        peer.seq += 1;
        peer.ack = Some(syn_ack.seq + 1);
        assert!(bench.give([peer.segment(Flags::empty(), &[])]).is_empty());
        peer
    }
}

pub(crate) fn frame(flow: &Flow, segment: &Segment<'_>, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    emit_tcp(&mut out, flow, &IpFields::default(), segment, payload.len(), |frame| {
        frame.extend_from_slice(payload);
    });
    out
}

/// The segment of a frame that the engine sent.
pub(crate) fn tcp(frame: &[u8]) -> Segment<'_> {
    match Packet::parse(frame, false).expect("a sound frame").body {
        Body::Tcp(_, segment) => segment,
        other => panic!("no segment: {other:?}"),
    }
}

pub(crate) fn only(mut frames: Vec<Vec<u8>>) -> Vec<u8> {
    assert_eq!(frames.len(), 1, "one frame was expected");
    frames.remove(0)
}

/// Two engines on one perfect cable.
pub(crate) struct Duo {
    pub(crate) here: Bench,
    pub(crate) there: Bench,
}

impl Duo {
    pub(crate) fn new() -> Self {
        Self { here: Bench::new(), there: Bench::with(config_at("192.0.2.1/24")) }
    }

    pub(crate) fn now(&self) -> Instant {
        self.here.now
    }

    /// Carries frames until nobody has anything to say at this moment.
    pub(crate) fn settle(&mut self) {
        loop {
            self.here.turn();
            self.there.turn();
            let (east, west) = (self.here.sent(), self.there.sent());
            if east.is_empty() && west.is_empty() {
                return;
            }
            self.there.world.inbound.lock().unwrap().extend(east);
            self.here.world.inbound.lock().unwrap().extend(west);
        }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now() + time;
        loop {
            self.settle();
            let next = self.here.turn().min(self.there.turn());
            if next > end {
                break;
            }
            self.set(next.max(self.now() + Duration::from_nanos(1)));
        }
        self.set(end);
        self.settle();
    }

    fn set(&mut self, now: Instant) {
        self.here.now = now;
        self.there.now = now;
    }

    /// A connection from here to there.
    pub(crate) fn connect(&mut self, port: u16) -> (Socket, Socket) {
        let listener = self.there.engine.listen(at(THERE, port), 8).expect("a free port");
        let near = self.here.engine.connect(self.now(), None, at(THERE, port)).expect("a port");
        self.settle();
        assert_eq!(near.opened(), Ok(true));
        let far = listener.accept().expect("the host is up").expect("a connection");
        assert_eq!((near.local_addr(), near.peer_addr()), (far.peer_addr(), far.local_addr()));
        (near, far)
    }
}
