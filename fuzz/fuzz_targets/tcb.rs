//! Two connections under random operations, over a wire that loses, doubles and overtakes, and with
//! segments that nobody sent. Nothing panics, the invariants hold after every step, and as long as
//! nothing was forged what is read is what was written. Once the wire is good again, everything
//! that was written arrives, and so does every FIN, unless somebody gave up.
#![no_main]

use std::collections::VecDeque;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tuntcp::device::super_segment::cut;
use tuntcp::buffer::Pool;
use tuntcp::tcp::{
    Birth, Config, Connection, EcnPolicy, Error, KeepAlive, Limits, Reset, State, Trouble,
};
use tuntcp::time::Instant;
use tuntcp::wire::{
    Body, EcnCodepoint, Flags, Flow, IpFields, Options, Packet, RawWindow, SackBlocks, Segment,
    SeqNum, SeqRange, Timestamps, emit_tcp,
};

/// MTUs that the path may get.
const MTUS: [usize; 4] = [1500, 1400, 576, 296];

/// A script that took longer may have seen a connection give up.
const PATIENCE: Duration = Duration::from_secs(100);

/// A good wire brings everything within this time: the timers have backed off to about a minute.
const STALLED: Duration = Duration::from_secs(600);

/// Bytes of an IP packet, and the MSS-sized packets that it stands for.
type Frame = (Vec<u8>, u16);

/// One end, and what it has written and read.
struct End {
    connection: Option<Connection>,
    flow: Flow,
    birth: Birth,
    written: usize,
    read: usize,
    /// A FIN stands behind what was written.
    shut: bool,
    /// What this end said last, to forge something near it.
    seq: SeqNum,
    ack: SeqNum,
}

/// The byte at each place of a stream.
fn byte_at(place: usize) -> u8 {
    (place % 251) as u8
}

impl End {
    fn new(local: &str, remote: &str, iss: u32, seed: u8, pool: &Pool) -> Self {
        let mut config = Config::default();
        config.receive_buffer = (2048 << (seed % 8)).into();
        config.send_buffer = (4096 << (seed / 8 % 4)).into();
        config.timestamps = seed & 1 == 0;
        config.sack = seed & 2 == 0;
        config.window_scaling = seed & 4 == 0;
        config.nodelay = seed & 8 == 0;
        config.ecn = [EcnPolicy::Off, EcnPolicy::Accept, EcnPolicy::Request][usize::from(seed % 3)];
        let flow = Flow {
            local: local.parse().expect("an address"),
            remote: remote.parse().expect("an address"),
        };
        let birth = Birth {
            iss: SeqNum::new(iss),
            timestamp_offset: iss,
            mtu: 1500,
            ip_header: 20,
            config: Arc::new(config),
            pool: pool.clone(),
        };
        let (seq, ack) = (SeqNum::new(iss), SeqNum::new(0));
        Self { connection: None, flow, birth, written: 0, read: 0, shut: false, seq, ack }
    }

    /// Whether this end has sent all that it wanted and knows that it arrived.
    fn is_settled(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| {
            let opening = matches!(connection.state(), State::SynSent | State::SynReceived);
            !opening && connection.flushed()
        })
    }
}

struct World {
    ends: [End; 2],
    /// Frames under way to each end.
    wires: [VecDeque<Frame>; 2],
    now: Instant,
    pool: Pool,
    limits: Limits,
    forged: bool,
    /// A connection was ended, or may have been, before its data arrived.
    given_up: bool,
}

impl World {
    /// What an end owes goes onto the wire.
    fn drain(&mut self, who: usize) {
        let end = &mut self.ends[who];
        let Some(connection) = &mut end.connection else { return };
        for _ in 0..10_000 {
            let mut frame = Vec::new();
            let Some(sent) = connection.poll_transmit(self.now, &end.flow, &self.limits, &mut frame) else {
                connection.check_invariants();
                return;
            };
            let count = usize::from(sent.wire_segments);
            for chunk in sent.text.iter().flat_map(|text| text.iter()).flatten() {
                frame.extend_from_slice(chunk.as_slice());
            }
            let most = if sent.cut.is_some() { self.limits.max_frame } else { self.limits.mtu };
            assert!(frame.len() <= most.max(self.limits.mtu), "a frame beyond its bounds");
            assert!(frame.len() <= self.limits.mtu * count, "a segment beyond the MTU");
            let packet = Packet::parse(&frame, sent.cut.is_some()).expect("what we send is well formed");
            let Body::Tcp(_, segment) = packet.body else { panic!("what we send is TCP") };
            end.seq = segment.end();
            end.ack = segment.ack.unwrap_or(end.ack);
            connection.check_invariants();
            // Who cuts also sums.
            cut(&mut frame, None, |frame| {
                self.wires[1 - who].push_back((frame.to_vec(), sent.wire_segments));
            });
        }
        panic!("it never stops sending");
    }

    /// `marks`: the network is congested, and marks what may be marked.
    fn deliver(&mut self, who: usize, (frame, wire_segments): &Frame, marks: bool) {
        let packet = Packet::parse(frame, false).expect("what we send is well formed");
        let Body::Tcp(_, mut segment) = packet.body else { panic!("what we send is TCP") };
        segment.wire_segments = *wire_segments;
        if marks && segment.ecn == EcnCodepoint::Ect0 {
            segment.ecn = EcnCodepoint::Ce;
        }
        self.feed(who, &segment);
    }

    fn feed(&mut self, who: usize, segment: &Segment<'_>) {
        let end = &mut self.ends[who];
        match &mut end.connection {
            Some(connection) if connection.state() != State::Closed => {
                connection.on_segment(self.now, segment, &self.pool);
                connection.check_invariants();
            }
            None if segment.flags.contains(Flags::SYN) && segment.ack.is_none() => {
                if !segment.flags.contains(Flags::RST) {
                    end.connection =
                        Some(Connection::passive(self.now, end.birth.clone(), segment));
                }
            }
            // As an engine does for strangers.
            _ => {
                let Some(reset) = Reset::answering(segment) else { return };
                let mut frame = Vec::new();
                let (flow, ip) = (&end.flow, IpFields::default());
                emit_tcp(&mut frame, flow, &ip, &reset.segment(), 0, |_| {});
                self.wires[1 - who].push_back((frame, 1));
            }
        }
        self.drain(who);
    }

    fn write(&mut self, who: usize, len: usize) {
        let end = &mut self.ends[who];
        let Some(connection) = &mut end.connection else { return };
        let len = len.min(connection.writable());
        if len == 0 {
            return;
        }
        let bytes: Vec<u8> = (end.written..end.written + len).map(byte_at).collect();
        let mut chunk = self.pool.chunk(len);
        chunk.extend(&bytes);
        end.written += connection.write(self.now, chunk).unwrap_or(0);
        self.drain(who);
    }

    fn read(&mut self, who: usize, len: usize, whole: bool) {
        let written = self.ends[1 - who].written;
        let end = &mut self.ends[who];
        let Some(connection) = &mut end.connection else { return };
        let mut out = vec![0; len];
        let mut count = connection.read(&mut out, true);
        assert_eq!(count, len.min(connection.readable()));
        if whole {
            let chunk = connection.read_chunk(len);
            count = chunk.as_ref().map_or(0, |chunk| chunk.len());
            assert_eq!(chunk.as_ref().map_or(&[][..], |chunk| chunk.as_slice()), &out[..count]);
        } else {
            assert_eq!(connection.read(&mut out, false), count, "less than a peek has shown");
        }
        connection.check_invariants();
        if !self.forged {
            for (index, byte) in out[..count].iter().enumerate() {
                assert_eq!(*byte, byte_at(end.read + index), "at {}", end.read + index);
            }
            assert!(end.read + count <= written, "read more than was written");
        }
        end.read += count;
        self.drain(who);
    }

    /// Something that nobody sent, near what the other end says.
    fn forge(&mut self, who: usize, a: u8, b: u8, c: u8) {
        self.forged = true;
        let other = &self.ends[1 - who];
        let near = |at: SeqNum, by: u8| match by % 8 {
            0 | 1 => at,
            2 => at + 1,
            3 => at - 1,
            4 => at + u32::from(by) * 97,
            5 => at - u32::from(by) * 97,
            6 => at + (1 << 31),
            _ => at + 70_000,
        };
        let payload = [0x5a; 600];
        let mut sack = SackBlocks::default();
        sack.push(SeqRange { start: near(self.ends[who].seq, a), end: near(other.ack, c) });
        let value = near(other.birth.iss, a).raw();
        let timestamps = (c & 16 == 0).then_some(Timestamps { value, echo: value });
        let segment = Segment {
            seq: near(other.seq, b),
            ack: (a & 64 == 0).then(|| near(other.ack, c)),
            flags: Flags::from_bits_truncate(a),
            window: RawWindow(u16::from(b) << (c % 9)),
            urgent: u16::from(c),
            options: Options { timestamps, sack, ..Options::default() },
            payload: &payload[..usize::from(c) * 2],
            wire_segments: 1,
            ecn: EcnCodepoint::from_bits(b),
        };
        self.feed(who, &segment);
    }

    fn pass_time(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
        self.fire_timers();
    }

    fn fire_timers(&mut self) {
        for who in 0..2 {
            for _ in 0..64 {
                let end = &mut self.ends[who];
                let Some(connection) = &mut end.connection else { break };
                if !connection.poll_timeout().is_due(self.now) {
                    break;
                }
                connection.on_timeout(self.now);
                connection.check_invariants();
                self.drain(who);
            }
        }
    }

    /// The application, or the network, changes its mind about `who`.
    fn meddle(&mut self, who: usize, a: u8, b: u8) {
        let end = &mut self.ends[who];
        let Some(connection) = &mut end.connection else { return };
        let interval = Duration::from_millis(u64::from(b) << (a % 8));
        match a >> 3 {
            0 => {
                connection.close(self.now);
                self.given_up = true;
            }
            1 => {
                connection.abort(self.now);
                self.given_up = true;
            }
            2 => {
                let refused = Trouble::Hard(Error::Refused);
                let all = [Trouble::Soft(Error::Unreachable), refused, Trouble::Hard(Error::Unreachable)];
                connection.on_icmp(self.now, end.seq - u32::from(b), all[usize::from(a) % 3]);
                self.given_up = true;
            }
            3 => {
                connection.set_user_timeout(Some(interval));
                self.given_up = true;
            }
            4 => {
                let probes = u32::from(a) % 4;
                let settings = KeepAlive { idle: interval, interval, probes };
                connection.set_keepalive(self.now, Some(settings));
                self.given_up = true;
            }
            5 => {
                // More probes than the script has time for.
                let interval = Duration::from_secs(u64::from(b));
                let settings = KeepAlive { idle: interval, interval, probes: u32::MAX };
                connection.set_keepalive(self.now, (b > 0).then_some(settings));
            }
            6 => connection.set_nodelay(b & 1 == 0),
            7 => {
                self.limits.mtu = MTUS[usize::from(b) % MTUS.len()];
                if !self.limits.offloads {
                    self.limits.max_frame = self.limits.mtu;
                }
            }
            _ => assert_eq!(connection.info(self.now).state, connection.state()),
        }
        connection.check_invariants();
        self.drain(who);
    }

    fn shut_down(&mut self, who: usize, how: Shutdown) {
        let end = &mut self.ends[who];
        let Some(connection) = &mut end.connection else { return };
        connection.shutdown(self.now, how);
        connection.check_invariants();
        end.shut |= how != Shutdown::Read;
        self.drain(who);
    }

    /// Some of what is under way to `who`, or all of it.
    fn take_frames(&mut self, who: usize, a: u8) -> Vec<Frame> {
        let wire = &mut self.wires[who];
        let count = if a < 128 { 1 + usize::from(a) % 8 } else { usize::MAX };
        wire.drain(..count.min(wire.len())).collect()
    }

    /// `polite`: nothing that ends a connection before its time.
    fn step(&mut self, &[what, a, b, c]: &[u8; 4], polite: bool) {
        let who = usize::from(what & 1);
        match what >> 1 & 15 {
            0..=3 => {
                for frame in self.take_frames(who, a) {
                    self.deliver(who, &frame, b & 1 == 1);
                }
            }
            4 => drop(self.take_frames(who, a)),
            5 => {
                let frame = self.wires[who].front().cloned();
                self.wires[who].extend(frame);
            }
            6 if !self.wires[who].is_empty() => self.wires[who].rotate_left(1),
            7 | 8 => self.write(who, usize::from(a) << (b % 6)),
            9 | 10 => self.read(who, usize::from(a) << (b % 6), c & 1 == 0),
            11 => self.pass_time(u64::from(a) << (b % 12)),
            12 if !polite => self.forge(who, a, b, c),
            13 => {
                let hows = [Shutdown::Read, Shutdown::Write, Shutdown::Both];
                self.shut_down(who, hows[usize::from(a) % 3]);
            }
            14 if !polite => self.meddle(who, a, b),
            14 if a >> 3 > 4 => self.meddle(who, a, b),
            _ => self.pass_time(u64::from(a)),
        }
    }

    /// For a failure's message.
    fn state(&self) -> [String; 2] {
        let of = |end: &End| {
            let info = end.connection.as_ref().map(|connection| connection.info(self.now));
            let (written, read, shut) = (end.written, end.read, end.shut);
            format!("written {written}, read {read}, shut {shut}, {info:?}")
        };
        [of(&self.ends[0]), of(&self.ends[1])]
    }

    fn has_arrived(&self) -> bool {
        (0..2).all(|who| {
            let (end, other) = (&self.ends[who], &self.ends[1 - who]);
            let ended = other.connection.as_ref().is_some_and(Connection::read_ended);
            end.is_settled() && other.read == end.written && (!end.shut || ended)
        })
    }

    /// From now on nothing is lost, and both ends read all they can.
    fn settle(&mut self) {
        let deadline = self.now + STALLED;
        self.read_all();
        while !self.has_arrived() {
            assert!(self.now < deadline, "it has stalled: {:#?}", self.state());
            let frames = std::mem::take(&mut self.wires);
            if frames.iter().all(VecDeque::is_empty) {
                let connections = self.ends.iter().filter_map(|end| end.connection.as_ref());
                let next = connections.map(Connection::poll_timeout).min();
                let next = next.filter(|next| !next.is_never());
                let next = next.unwrap_or_else(|| panic!("nothing follows: {:#?}", self.state()));
                self.now = self.now.max(next);
            } else {
                self.now += Duration::from_millis(10);
            }
            for (who, frames) in frames.iter().enumerate() {
                for frame in frames {
                    self.deliver(who, frame, false);
                }
            }
            self.fire_timers();
            self.read_all();
        }
    }

    fn read_all(&mut self) {
        for who in 0..2 {
            self.read(who, 1 << 20, false);
        }
    }
}

fuzz_target!(|script: &[u8]| {
    let Some((&[seed, other], script)) = script.split_first_chunk::<2>() else { return };
    let polite = seed & 0x80 == 0;
    let plain = Limits::plain(MTUS[0]);
    let limits = match seed & 0x30 {
        0x20 => Limits { max_frame: 4 * MTUS[0], offloads: true, ..plain },
        0x30 => Limits { max_frame: 65_535, offloads: true, lends: true, ..plain },
        _ => plain,
    };
    // Both ends share the memory of one host, of which there may be little.
    let pool = if other & 0x20 == 0 { Pool::new() } else { Pool::with_limit(1 << 14) };
    let mut world = World {
        ends: [
            End::new("192.0.2.1:1000", "192.0.2.2:7", u32::MAX - 3000, seed, &pool),
            End::new("192.0.2.2:7", "192.0.2.1:1000", 5000, other, &pool),
        ],
        wires: [VecDeque::new(), VecDeque::new()],
        now: Instant::ZERO,
        pool,
        limits,
        forged: false,
        given_up: false,
    };
    let at_once = seed & 0x40 != 0;
    for who in 0..1 + usize::from(at_once) {
        let birth = world.ends[who].birth.clone();
        world.ends[who].connection = Some(Connection::active(world.now, birth));
        world.drain(who);
    }
    for step in script.as_chunks::<4>().0 {
        world.step(step, polite);
    }
    if !world.forged && !world.given_up && world.now < Instant::ZERO + PATIENCE {
        world.settle();
    }
});
