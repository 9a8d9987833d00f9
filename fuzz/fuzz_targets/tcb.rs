//! Two connections under random operations, over a wire that loses, doubles and overtakes, and with
//! segments that nobody sent. Nothing panics, the invariants hold after every step, and as long as
//! nothing was forged what is read is what was written.
#![no_main]

use std::collections::VecDeque;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tuntcp::buffer::Pool;
use tuntcp::tcp::{Birth, Config, Connection, Limits, Reset};
use tuntcp::time::Instant;
use tuntcp::wire::{
    Body, Flags, Flow, Options, Packet, RawWindow, SackBlocks, Segment, SeqNum, SeqRange,
    Timestamps,
};

const LIMITS: Limits = Limits { mtu: 1500, segments: 1 };

/// One end, and what it has written and read.
struct End {
    connection: Option<Connection>,
    birth: Birth,
    written: usize,
    read: usize,
    /// What this end said last, to forge something near it.
    seq: SeqNum,
    ack: SeqNum,
}

/// The byte at each place of a stream.
fn byte_at(place: usize) -> u8 {
    (place % 251) as u8
}

impl End {
    fn new(local: &str, remote: &str, iss: u32, seed: u8) -> Self {
        let mut config = Config::default();
        config.receive_buffer = 2048 << (seed % 8);
        config.send_buffer = 4096 << (seed / 8 % 4);
        config.timestamps = seed & 1 == 0;
        config.sack = seed & 2 == 0;
        config.window_scaling = seed & 4 == 0;
        config.nodelay = seed & 8 == 0;
        let flow = Flow {
            local: local.parse().expect("an address"),
            remote: remote.parse().expect("an address"),
        };
        let birth = Birth {
            flow,
            iss: SeqNum::new(iss),
            timestamp_offset: iss,
            mtu: 1500,
            config: Arc::new(config),
        };
        let (seq, ack) = (SeqNum::new(iss), SeqNum::new(0));
        Self { connection: None, birth, written: 0, read: 0, seq, ack }
    }
}

struct World {
    ends: [End; 2],
    /// Frames under way to each end.
    wires: [VecDeque<Vec<u8>>; 2],
    now: Instant,
    pool: Pool,
    forged: bool,
}

impl World {
    /// What an end owes goes onto the wire.
    fn drain(&mut self, who: usize) {
        let end = &mut self.ends[who];
        let Some(connection) = &mut end.connection else { return };
        for _ in 0..10_000 {
            let mut frame = Vec::new();
            if connection.poll_transmit(self.now, &LIMITS, &mut frame).is_none() {
                connection.check_invariants();
                return;
            }
            assert!(frame.len() <= LIMITS.mtu, "a frame beyond the MTU");
            let packet = Packet::parse(&frame, false).expect("what we send is well formed");
            let Body::Tcp(_, segment) = packet.body else { panic!("what we send is TCP") };
            end.seq = segment.end();
            end.ack = segment.ack.unwrap_or(end.ack);
            connection.check_invariants();
            self.wires[1 - who].push_back(frame);
        }
        panic!("it never stops sending");
    }

    fn deliver(&mut self, who: usize, frame: &[u8]) {
        let packet = Packet::parse(frame, false).expect("what we send is well formed");
        let Body::Tcp(_, segment) = packet.body else { panic!("what we send is TCP") };
        self.feed(who, &segment);
    }

    fn feed(&mut self, who: usize, segment: &Segment<'_>) {
        let end = &mut self.ends[who];
        match &mut end.connection {
            Some(connection) => {
                connection.on_segment(self.now, segment, &self.pool);
                connection.check_invariants();
            }
            None if segment.flags.contains(Flags::SYN) && segment.ack.is_none() => {
                if !segment.flags.contains(Flags::RST) {
                    end.connection =
                        Some(Connection::passive(self.now, end.birth.clone(), segment));
                }
            }
            None => {
                Reset::answering(segment);
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

    fn read(&mut self, who: usize, len: usize) {
        let written = self.ends[1 - who].written;
        let end = &mut self.ends[who];
        let Some(connection) = &mut end.connection else { return };
        let mut out = vec![0; len];
        let count = connection.read(&mut out, false);
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
        };
        self.feed(who, &segment);
    }

    fn pass_time(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
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

    fn step(&mut self, &[what, a, b, c]: &[u8; 4]) {
        let who = usize::from(what & 1);
        match what >> 1 & 15 {
            0..=3 => {
                if let Some(frame) = self.wires[who].pop_front() {
                    self.deliver(who, &frame);
                }
            }
            4 => drop(self.wires[who].pop_front()),
            5 => {
                let frame = self.wires[who].front().cloned();
                self.wires[who].extend(frame);
            }
            6 if !self.wires[who].is_empty() => self.wires[who].rotate_left(1),
            7 | 8 => self.write(who, usize::from(a) << (b % 6)),
            9 | 10 => self.read(who, usize::from(a) << (b % 6)),
            11 => self.pass_time(u64::from(a) << (b % 12)),
            12 => self.forge(who, a, b, c),
            13 => {
                let now = self.now;
                let hows = [Shutdown::Read, Shutdown::Write, Shutdown::Both];
                if let Some(connection) = &mut self.ends[who].connection {
                    connection.shutdown(now, hows[usize::from(a) % 3]);
                    connection.check_invariants();
                }
                self.drain(who);
            }
            14 if a < 32 => {
                let now = self.now;
                if let Some(connection) = &mut self.ends[who].connection {
                    if a < 16 {
                        connection.close(now)
                    } else {
                        connection.abort(now)
                    };
                    connection.check_invariants();
                }
                self.drain(who);
            }
            _ => self.pass_time(u64::from(a)),
        }
    }
}

fuzz_target!(|script: &[u8]| {
    let Some((&[seed, other], script)) = script.split_first_chunk::<2>() else { return };
    let mut world = World {
        ends: [
            End::new("192.0.2.1:1000", "192.0.2.2:7", u32::MAX - 3000, seed),
            End::new("192.0.2.2:7", "192.0.2.1:1000", 5000, other),
        ],
        wires: [VecDeque::new(), VecDeque::new()],
        now: Instant::ZERO,
        pool: Pool::new(),
        forged: false,
    };
    let birth = world.ends[0].birth.clone();
    world.ends[0].connection = Some(Connection::active(world.now, birth));
    world.drain(0);
    for step in script.as_chunks::<4>().0 {
        world.step(step);
    }
});
