//! The paths that are counted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use tuntcp::HostConfig;
use tuntcp::device::{Memory, memory};
use tuntcp::engine::{Engine, Listener, Socket};
use tuntcp::time::Instant;
use tuntcp::wire::{Flags, Flow};

use crate::callgrind::counted;
use crate::peer::Peer;

/// Text of a full segment at MTU 1500 with timestamps, bytes.
pub(crate) const FULL: u16 = 1448;

/// Full segments in a super-segment.
const SUPER: usize = 45;

/// Super-segments in a round.
const FRAMES: usize = 4;

/// What a blocking stream's user writes and reads at a time, bytes.
const CALL: usize = 64 << 10;

/// Rounds before anything is counted: by then buffers and windows have grown as far as they will.
const WARM_UP: usize = 300;

/// Rounds that are counted.
const ROUNDS: usize = 300;

/// Segments in a round of bulk transfer.
const BURST: usize = 32;

/// One way through the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Path {
    /// Full segments arrive, 32 at a time, and the application reads; a segment
    BulkIn,
    /// The application writes as much as it can, and every second segment is acknowledged; a segment
    BulkOut,
    /// Super-segments of 45 segments arrive, four at a time, and the application reads; a segment
    SuperIn,
    /// The application writes as much as it can, which leaves in super-segments, and each is
    /// acknowledged; a segment
    SuperOut,
    /// Acknowledgements of two full segments each arrive, 16 at a time, with nothing left to send; one
    PureAck,
    /// A byte arrives, is read, and one goes back; both
    PingPong,
    /// A connection comes, a byte goes there and back, the peer closes and then we; all of it
    ConnectClose,
}

impl Path {
    pub(crate) const ALL: [Self; 7] = [
        Self::BulkIn,
        Self::BulkOut,
        Self::SuperIn,
        Self::SuperOut,
        Self::PureAck,
        Self::PingPong,
        Self::ConnectClose,
    ];

    /// As it is written.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// What one of it is called.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::BulkIn | Self::BulkOut | Self::SuperIn | Self::SuperOut => "segment",
            Self::PureAck => "acknowledgement",
            Self::PingPong => "exchange",
            Self::ConnectClose => "connection",
        }
    }

    /// Runs it; how many units were counted.
    pub(crate) fn run(self) -> usize {
        let mut world = World::new(match self {
            Self::SuperIn | Self::SuperOut => memory::pair_with_offload(1500),
            _ => memory::pair(1500),
        });
        let round = match self {
            Self::BulkIn => bulk_in,
            Self::SuperIn => super_in,
            Self::BulkOut | Self::SuperOut => bulk_out,
            Self::PureAck => pure_ack,
            Self::PingPong => ping_pong,
            Self::ConnectClose => return connections(&mut world),
        };
        let (mut peer, socket) = world.connect(40_000);
        let mut rounds = |world: &mut World, count: usize| -> usize {
            (0..count).map(|_| round(world, &mut peer, &socket)).sum()
        };
        rounds(&mut world, WARM_UP);
        world.counts = true;
        rounds(&mut world, ROUNDS)
    }
}

/// The stack, the wire to its peer, and what time it is.
struct World {
    engine: Arc<Engine>,
    listener: Listener,
    wire: Memory,
    now: Instant,
    /// What the stack does is counted.
    counts: bool,
    buffer: Vec<u8>,
}

impl World {
    fn new((near, wire): (Memory, Memory)) -> Self {
        let mut config = HostConfig::new(vec!["192.0.2.2/24".parse().expect("a network")]);
        config.secret = [7; 16];
        let engine = Engine::new(Box::new(near), config);
        let listener = engine.listen(at("192.0.2.2:7"), 8).expect("nobody else listens");
        let now = Instant::ZERO + Duration::from_secs(1);
        Self { engine, listener, wire, now, counts: false, buffer: vec![b'x'; CALL] }
    }

    /// Does what the stack does.
    fn stack<R>(&mut self, work: impl Fn(&Engine, Instant, &mut [u8]) -> R) -> R {
        // No two moments are the same, so no timer waits for the next round.
        self.now += Duration::from_micros(20);
        let (engine, now, buffer) = (&*self.engine, self.now, &mut self.buffer[..]);
        if self.counts { counted(|| work(engine, now, buffer)) } else { work(engine, now, buffer) }
    }

    /// The packet loop takes all that has arrived.
    fn turn(&mut self) {
        self.stack(
            |engine, now, _| {
                while engine.turn(now).expect("memory does not fail") <= now {}
            },
        );
    }

    /// What follows is nothing that anybody asked for.
    fn uncounted<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> R {
        let counts = std::mem::replace(&mut self.counts, false);
        let result = work(self);
        self.counts = counts;
        result
    }

    /// The application reads; how many bytes.
    fn read(&mut self, socket: &Socket) -> usize {
        let read = self.stack(|_, now, buffer| socket.read(now, buffer, false));
        read.expect("it is open").expect("something is there")
    }

    /// The application writes as much as there is room for, `most` bytes at most.
    fn write(&mut self, socket: &Socket, most: usize) {
        let write = |now, buffer: &[u8]| socket.write(now, buffer).expect("it is open");
        self.stack(|_, now, buffer| {
            let mut left = most;
            while left > 0
                && let Some(written) = write(now, &buffer[..left.min(CALL)])
            {
                left -= written;
            }
        });
    }

    /// A connection of a peer with this port.
    fn connect(&mut self, port: u16) -> (Peer, Socket) {
        let flow = Flow { local: at(&format!("192.0.2.1:{port}")), remote: at("192.0.2.2:7") };
        let mut peer = Peer::open(self.now, &self.wire, flow);
        self.turn();
        peer.take(self.now, &self.wire, usize::MAX);
        peer.send(self.now, &self.wire, Flags::empty(), &[]);
        self.turn();
        let Self { counts, listener, .. } = self;
        let accept = || listener.accept().expect("it listens").expect("one is there");
        let socket = if *counts { counted(accept) } else { accept() };
        (peer, socket)
    }
}

fn bulk_in(world: &mut World, peer: &mut Peer, socket: &Socket) -> usize {
    for _ in 0..BURST {
        peer.send(world.now, &world.wire, Flags::empty(), &[b'y'; FULL as usize]);
    }
    world.turn();
    assert_eq!(world.read(socket), BURST * usize::from(FULL));
    peer.take(world.now, &world.wire, usize::MAX);
    BURST
}

fn super_in(world: &mut World, peer: &mut Peer, socket: &Socket) -> usize {
    let text = [b'y'; SUPER * FULL as usize];
    // The window begins smaller than it is when anything counts.
    let frames = (peer.window() / text.len()).min(FRAMES);
    for _ in 0..frames {
        peer.send(world.now, &world.wire, Flags::empty(), &text);
    }
    world.turn();
    let mut left = frames * text.len();
    while left > 0 {
        left -= world.read(socket);
    }
    peer.take(world.now, &world.wire, usize::MAX);
    frames * SUPER
}

fn bulk_out(world: &mut World, peer: &mut Peer, socket: &Socket) -> usize {
    world.write(socket, usize::MAX);
    let mut taken = 0;
    for _ in 0..BURST / 2 {
        taken += peer.take(world.now, &world.wire, 2);
        peer.send(world.now, &world.wire, Flags::empty(), &[]);
    }
    world.turn();
    taken
}

fn pure_ack(world: &mut World, peer: &mut Peer, socket: &Socket) -> usize {
    world.uncounted(|world| world.write(socket, BURST * usize::from(FULL)));
    let mut taken = usize::MAX;
    while taken > 0 {
        taken = peer.take(world.now, &world.wire, 2);
        peer.send(world.now, &world.wire, Flags::empty(), &[]);
    }
    world.turn();
    BURST / 2
}

fn ping_pong(world: &mut World, peer: &mut Peer, socket: &Socket) -> usize {
    peer.send(world.now, &world.wire, Flags::PSH, b"?");
    world.turn();
    assert_eq!(world.read(socket), 1);
    world.write(socket, 1);
    assert_eq!(peer.take(world.now, &world.wire, usize::MAX), 1);
    1
}

fn connections(world: &mut World) -> usize {
    for port in 0..WARM_UP + ROUNDS {
        world.counts = port >= WARM_UP;
        let port = 10_000 + u16::try_from(port).expect("they are few");
        let (mut peer, socket) = world.connect(port);
        ping_pong(world, &mut peer, &socket);
        peer.send(world.now, &world.wire, Flags::FIN, &[]);
        world.turn();
        world.stack(|_, now, buffer| assert_eq!(socket.read(now, buffer, false), Ok(Some(0))));
        world.stack(|_, now, _| socket.close(now));
        peer.take(world.now, &world.wire, usize::MAX);
        peer.send(world.now, &world.wire, Flags::empty(), &[]);
        world.turn();
        drop(socket);
        assert_eq!(world.engine.connections(), 0);
    }
    ROUNDS
}

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}
