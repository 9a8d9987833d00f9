//! Peers by the million.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tuntcp::HostConfig;
use tuntcp::device::{Capabilities, Device, Offload, Received};
use tuntcp::engine::{Engine, Listener, Socket};
use tuntcp::time::Instant;
use tuntcp::wire::{
    Body, Flags, Flow, IpFields, Options, Packet, RawWindow, Segment, SeqNum, Timestamps, emit_tcp,
};

const MTU: usize = 1500;
const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), 7);

/// Ports of a peer's address that are used: a million peers have some twenty addresses.
const PORTS: usize = 50_000;

/// How long after the one before a segment arrives: so soon that a million connections come to any
/// stage before the first timer expires.
const STEP: Duration = Duration::from_nanos(100);

/// How far each connection shall go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The peer has sent a SYN.
    HalfOpen,
    /// The application has accepted it, and a byte went each way.
    Established,
    /// The application has closed first, and the peer too.
    TimeWait,
}

/// What a device holds: one frame each way.
#[derive(Debug, Default)]
struct Wire {
    inbound: Vec<u8>,
    outbound: Vec<u8>,
}

/// The engine's end of the wire.
struct End(Arc<Mutex<Wire>>);

impl End {
    fn wire(&self) -> std::sync::MutexGuard<'_, Wire> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Device for End {
    fn capabilities(&self) -> Capabilities {
        Capabilities { mtu: MTU, max_frame: MTU, offloads: false }
    }

    fn receive(&self, _now: Instant, frame: &mut [u8]) -> io::Result<Option<Received>> {
        let mut wire = self.wire();
        let len = wire.inbound.len();
        if len == 0 {
            return Ok(None);
        }
        frame[..len].copy_from_slice(&wire.inbound);
        wire.inbound.clear();
        Ok(Some(Received { len, vouched: false, segment: None }))
    }

    fn transmit(&self, _now: Instant, frame: &[u8], _offload: Offload) -> io::Result<()> {
        let mut wire = self.wire();
        wire.outbound.clear();
        wire.outbound.extend_from_slice(frame);
        Ok(())
    }

    fn wait(&self, _timeout: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn wake(&self) {}
}

/// What a peer knows of its connection.
#[derive(Clone, Copy, Debug, Default)]
struct Peer {
    seq: u32,
    ack: u32,
    /// The last timestamp that came to it.
    echo: u32,
}

/// An engine and its peers.
#[derive(Debug)]
pub struct Crowd {
    engine: Arc<Engine>,
    wire: Arc<Mutex<Wire>>,
    listener: Listener,
    now: Instant,
    peers: Vec<Peer>,
    sockets: Vec<Option<Socket>>,
    /// Time that the engine and its sockets took, by the real clock.
    spent: Duration,
}

impl Crowd {
    /// An engine with room for `most` peers, of which none has come yet.
    ///
    /// # Panics
    /// As everything here, when the engine does what it should not.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let address = "192.0.2.2/24".parse().expect("an address and its network");
        let mut config = HostConfig::new(vec![address]);
        // A window of 64 KiB for each of a million is a promise of 64 GB.
        config.memory_limit = usize::MAX;
        let wire = Arc::<Mutex<Wire>>::default();
        let engine = Engine::new(Box::new(End(Arc::clone(&wire))), config);
        let listener = engine.listen(HERE, usize::MAX).expect("the port is free");
        let mut crowd = Self {
            engine,
            wire,
            listener,
            now: Instant::ZERO + Duration::from_secs(1),
            peers: vec![Peer::default(); most],
            sockets: std::iter::repeat_with(|| None).take(most).collect(),
            spent: Duration::ZERO,
        };
        crowd.settle();
        crowd
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Peers that there is room for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.peers.len()
    }

    /// Whether there is room for none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    /// Time that the engine and its sockets took so far; the peers' own is none of it.
    #[must_use]
    pub fn spent(&self) -> Duration {
        self.spent
    }

    /// Brings the connection of peer `nth`, which is a new one, to `stage`.
    pub fn bring(&mut self, nth: usize, stage: Stage) {
        self.peers[nth] = Peer { seq: 1_000, ..Peer::default() };
        self.give(nth, Flags::SYN, b"");
        if stage == Stage::HalfOpen {
            return;
        }
        self.peers[nth].seq += 1;
        self.give(nth, Flags::empty(), b"");
        let socket = self.listener.accept().expect("the host is up").expect("it is open");
        self.sockets[nth] = Some(socket);
        self.exchange(nth);
        if stage == Stage::Established {
            return;
        }
        self.sockets[nth] = None;
        self.hear(nth);
        self.give(nth, Flags::FIN, b"");
        self.peers[nth].seq += 1;
    }

    /// Peer `nth` sends a byte, gets it back and acknowledges it: two segments to the engine, one from
    /// it.
    pub fn exchange(&mut self, nth: usize) {
        self.give(nth, Flags::PSH, b"x");
        self.peers[nth].seq += 1;
        let socket = self.sockets[nth].as_ref().expect("it was accepted");
        let mut byte = [0];
        let started = std::time::Instant::now();
        assert_eq!(socket.read(self.now, &mut byte, false), Ok(Some(1)));
        assert_eq!(socket.write(self.now, &byte), Ok(Some(1)));
        self.spent += started.elapsed();
        self.hear(nth);
        self.give(nth, Flags::empty(), b"");
    }

    /// Lets time pass until nothing is left to do before `end`, or at all; how many turns that took.
    pub fn pass(&mut self, end: Duration) -> usize {
        let end = self.now + end;
        let mut turns = 0;
        loop {
            let next = self.turn();
            turns += 1;
            if next > end {
                self.now = end;
                return turns;
            }
            self.now = next.max(self.now + Duration::from_nanos(1));
        }
    }

    /// When the engine wants to be called again.
    pub fn turn(&mut self) -> Instant {
        let started = std::time::Instant::now();
        let next = self.engine.turn(self.now).expect("the device lives");
        self.spent += started.elapsed();
        next
    }

    /// Until every buffer that is kept for the next frame is there.
    fn settle(&mut self) {
        let mut wire = self.wire.lock().unwrap_or_else(PoisonError::into_inner);
        wire.inbound.reserve(MTU);
        wire.outbound.reserve(MTU);
        drop(wire);
        self.turn();
    }

    /// A segment of peer `nth` arrives; what it is told is remembered.
    fn give(&mut self, nth: usize, flags: Flags, payload: &[u8]) {
        self.now += STEP;
        let flow = flow(nth);
        let peer = self.peers[nth];
        let syn = flags.contains(Flags::SYN);
        let value = u32::try_from(self.now.as_nanos() / 1_000_000).unwrap_or(u32::MAX);
        let segment = Segment {
            seq: SeqNum::new(peer.seq),
            ack: (!syn).then(|| SeqNum::new(peer.ack)),
            flags,
            window: RawWindow(u16::MAX),
            options: Options {
                mss: syn.then_some(1460),
                window_scale: syn.then_some(7),
                sack_permitted: syn,
                timestamps: Some(Timestamps { value, echo: peer.echo }),
                ..Options::default()
            },
            ..Segment::default()
        };
        let mut wire = self.wire.lock().unwrap_or_else(PoisonError::into_inner);
        let ip = IpFields::default();
        emit_tcp(&mut wire.inbound, &flow, &ip, &segment, payload.len(), |room| {
            room.extend_from_slice(payload);
        });
        drop(wire);
        self.turn();
        self.hear(nth);
    }

    /// What the engine has sent to peer `nth`, if anything.
    fn hear(&mut self, nth: usize) {
        let mut wire = self.wire.lock().unwrap_or_else(PoisonError::into_inner);
        if wire.outbound.is_empty() {
            return;
        }
        let packet = Packet::parse(&wire.outbound, true).expect("a sound frame");
        let Body::Tcp(to, segment) = packet.body else { panic!("a segment") };
        assert_eq!(to.local, flow(nth).local, "a frame for somebody else");
        assert!(!segment.flags.contains(Flags::RST), "a reset: {segment}");
        let peer = &mut self.peers[nth];
        peer.ack = segment.end().raw();
        peer.echo = segment.options.timestamps.expect("negotiated").value;
        wire.outbound.clear();
    }
}

/// As the peer sees it.
fn flow(nth: usize) -> Flow {
    let host = u32::from(Ipv4Addr::new(198, 18, 0, 1)) + (nth / PORTS) as u32;
    let local = SocketAddr::new(Ipv4Addr::from(host).into(), 1024 + (nth % PORTS) as u16);
    Flow { local, remote: HERE }
}
