//! One connection, a peer made of text, and a clock that the rows turn by hand.
//!
//! Numbers are relative as in packetdrill: our SYN and the peer's are 0, the first byte of either
//! stream is 1. Payload bytes are a function of their number, so every byte that leaves or is read
//! is checked without a row asking for it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::script::At;
use crate::buffer::{Pool, Share};
use crate::tcp::{
    Birth, Config, Connection, EcnPolicy, Info, Limits, Reaction, Shutdown, Signals, State,
};
use crate::time::Instant;
use crate::wire::ip::IPV4_HEADER;
use crate::wire::{
    Body, EcnCodepoint, Flags, Flow, Options, Packet, SackBlocks, Segment, SeqNum, SeqRange,
    Timestamps,
};

/// Payload of segments that are shown or compared: only its length counts.
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

/// Whether a failed step tells what went wrong.
pub(super) type Outcome = Result<(), String>;

/// Where relative numbers begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    pub(super) iss: u32,
    pub(super) irs: u32,
    /// What our timestamp clock shows when a row begins.
    pub(super) stamp: u32,
    pub(super) passive: bool,
}

/// What the peer offers in its SYN.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) mss: Option<u16>,
    pub(super) window_scale: Option<u8>,
    pub(super) sack: bool,
    /// TSval of the peer's SYN; its clock ticks every millisecond.
    pub(super) timestamp: Option<u32>,
    pub(super) window: u16,
    /// It sets up ECN.
    pub(super) ecn: bool,
}

impl Peer {
    pub(super) fn options(&self, value: Option<u32>, echo: u32) -> Options {
        Options {
            mss: self.mss,
            window_scale: self.window_scale,
            sack_permitted: self.sack,
            sack: SackBlocks::default(),
            timestamps: value.map(|value| Timestamps { value, echo }),
            fast_open: None,
        }
    }
}

/// The connection under test.
pub(super) struct Harness {
    pub(super) connection: Option<Connection>,
    pub(super) numbers: Numbers,
    pub(super) peer: Peer,
    pub(super) config: Arc<Config>,
    pub(super) mtu: usize,
    /// Where the row began.
    pub(super) at: At,
    pub(super) now: Instant,
    start: Instant,
    pub(super) pool: Pool,
    /// Memory that other connections hold.
    pub(super) others: Option<Share>,
    /// What has left and no row has looked at yet, in relative numbers.
    pub(super) emitted: VecDeque<Segment<'static>>,
    pub(super) reaction: Reaction,
    pub(super) corked: bool,
    written: u32,
    read: u32,
    /// What the peer's SYN has offered.
    syn: Options,
    /// The greatest right edge that we have advertised, relative, and our shift.
    edge: Option<u32>,
    shift: u8,
    /// Behind what was sent, relative.
    sent: SeqNum,
    pub(super) last_stamp: u32,
}

pub(super) fn flow() -> Flow {
    Flow {
        local: SocketAddr::from(([192, 0, 2, 2], 7)),
        remote: SocketAddr::from(([192, 0, 2, 1], 40_000)),
    }
}

/// The byte with this relative number, in either direction.
fn byte(number: u32) -> u8 {
    u8::try_from(number % 251).unwrap()
}

fn bytes(from: u32, len: usize) -> Vec<u8> {
    (0..u32::try_from(len).unwrap()).map(|offset| byte(from.wrapping_add(offset))).collect()
}

impl Harness {
    pub(super) fn new(numbers: Numbers, peer: Peer, config: Arc<Config>, mtu: usize) -> Self {
        let start = Instant::ZERO + Duration::from_secs(1_000);
        Self {
            connection: None,
            numbers,
            peer,
            config,
            mtu,
            at: At::Nothing,
            now: start,
            start,
            pool: Pool::new(),
            others: None,
            emitted: VecDeque::new(),
            reaction: Reaction::default(),
            corked: false,
            written: 0,
            read: 0,
            syn: Options::default(),
            edge: None,
            shift: 0,
            sent: SeqNum::new(0),
            last_stamp: 0,
        }
    }

    fn birth(&self) -> Birth {
        // The clock of timestamps reads milliseconds since the host started; ours is to begin at
        // `numbers.stamp`.
        let elapsed = u32::try_from((self.start - Instant::ZERO).as_millis()).unwrap();
        Birth {
            iss: SeqNum::new(self.numbers.iss),
            timestamp_offset: self.numbers.stamp.wrapping_sub(elapsed),
            mtu: self.mtu,
            ip_header: IPV4_HEADER,
            config: Arc::clone(&self.config),
            pool: self.pool.clone(),
        }
    }

    pub(super) fn connection(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("the row has opened a connection")
    }

    pub(super) fn info(&mut self) -> Info {
        let now = self.now;
        self.connection().info(now)
    }

    /// Milliseconds since the row began: what our timestamp clock shows, relative.
    pub(super) fn millis(&self) -> u32 {
        u32::try_from((self.now - self.start).as_millis() & u128::from(u32::MAX)).unwrap()
    }

    pub(super) fn open(&mut self) -> Outcome {
        self.connection = Some(Connection::active(self.now, self.birth()));
        self.settle()
    }

    /// A segment arrives. Without options of its own, it has the timestamps that the peer would
    /// send now.
    pub(super) fn inject(&mut self, mut segment: Segment<'_>, own_options: bool) -> Outcome {
        let opening = self.connection.as_ref().is_none_or(|it| it.state() == State::SynSent);
        if opening && segment.flags.contains(Flags::SYN) {
            self.syn = segment.options;
        }
        if let (Some(first), false) = (self.peer.timestamp, own_options) {
            let echo = if segment.ack.is_some() { self.last_stamp } else { 0 };
            let value = first.wrapping_add(self.millis());
            segment.options.timestamps = Some(Timestamps { value, echo });
        }
        let syn = u32::from(segment.flags.contains(Flags::SYN));
        let payload = bytes((segment.seq + syn).raw(), segment.payload.len());
        let mut wire = Segment { payload: &payload, ..segment };
        self.to_wire(&mut wire);
        let (now, pool) = (self.now, self.pool.clone());
        match &mut self.connection {
            Some(connection) => self.reaction = connection.on_segment(now, &wire, &pool),
            None => {
                self.connection = Some(Connection::passive(now, self.birth(), &wire));
                self.reaction = Reaction::default();
            }
        }
        self.settle()
    }

    /// From relative numbers to the ones on the wire, in the direction of the peer to us.
    fn to_wire(&self, segment: &mut Segment<'_>) {
        segment.seq += self.numbers.irs;
        segment.ack = segment.ack.map(|ack| ack + self.numbers.iss);
        if let (Some(stamps), true) = (&mut segment.options.timestamps, segment.ack.is_some()) {
            stamps.echo = stamps.echo.wrapping_add(self.numbers.stamp);
        }
        shift_blocks(&mut segment.options.sack, self.numbers.iss);
    }

    /// Sends what is owed, checks what every segment must obey, and looks into the connection.
    pub(super) fn settle(&mut self) -> Outcome {
        self.connection().check_invariants();
        if self.corked {
            return Ok(());
        }
        let limits = Limits::plain(self.mtu);
        for _ in 0..1_000 {
            let (now, mut frame) = (self.now, Vec::new());
            let sent = self.connection().poll_transmit(now, &flow(), &limits, &mut frame);
            self.connection().check_invariants();
            match sent {
                None if frame.is_empty() => return Ok(()),
                None => return Err("poll_transmit wrote a frame and returned None".into()),
                Some(outgoing) if outgoing.wire_segments == 1 => self.take(&frame)?,
                Some(outgoing) => return Err(format!("{outgoing:?} for one plain frame")),
            }
        }
        Err("poll_transmit does not come to an end".into())
    }

    fn take(&mut self, frame: &[u8]) -> Outcome {
        let packet = Packet::parse(frame, false).map_err(|why| format!("we sent {why:?}"))?;
        if frame.len() > self.mtu {
            return Err(format!("a packet of {} bytes on a path of {}", frame.len(), self.mtu));
        }
        if (packet.ip.ttl, packet.ip.dscp) != (self.config.ttl, self.config.dscp) {
            // RFC 9293 3.9.1.9, MUST-48; 3.9.2, MUST-49.
            return Err(format!("we sent {:?}", packet.ip));
        }
        // Never to be fragmented, so without a number: RFC1191-3-e, RFC6864-4.1-b, MAY-4.
        if !packet.ip.dont_fragment || packet.ip.identification != 0 {
            return Err(format!("we sent {:?}", packet.ip));
        }
        let Body::Tcp(to, segment) = packet.body else {
            return Err(format!("we sent {:?}", packet.body));
        };
        // RFC 9293 3.9.1.1, MUST-45: from the same address, to the end.
        if (to.local, to.remote) != (flow().remote, flow().local) {
            return Err(format!("we sent to {to:?}"));
        }
        let mut relative = segment.clone();
        relative.seq = relative.seq - self.numbers.iss;
        relative.ack = relative.ack.map(|ack| ack - self.numbers.irs);
        if let Some(stamps) = &mut relative.options.timestamps {
            stamps.value = stamps.value.wrapping_sub(self.numbers.stamp);
            self.last_stamp = stamps.value;
        }
        shift_blocks(&mut relative.options.sack, 0u32.wrapping_sub(self.numbers.irs));
        let first = relative.seq + u32::from(relative.flags.contains(Flags::SYN));
        if relative.payload != bytes(first.raw(), relative.payload.len()) {
            return Err(format!("wrong bytes in {relative}"));
        }
        self.check_manners(&relative)?;
        self.emitted.push_back(owned(&relative));
        Ok(())
    }

    /// What holds for every segment, whatever the row is about.
    fn check_manners(&mut self, segment: &Segment<'_>) -> Outcome {
        let options = &segment.options;
        if segment.flags.contains(Flags::SYN) {
            let offered = options.window_scale.filter(|_| self.syn.window_scale.is_some());
            self.shift = offered.unwrap_or(0);
        } else if options.mss.is_some() || options.window_scale.is_some() || options.sack_permitted
        {
            // RFC 9293 3.2, MUST-65; RFC 7323 2.2; RFC 2018 2, RFC2018-2.
            return Err(format!("an option of the handshake in {segment}"));
        }
        let limit = usize::from(self.syn.mss.unwrap_or(536).max(64));
        if segment.payload.len() + options.wire_len() > limit && !segment.payload.is_empty() {
            // RFC 6691 2: option bytes count against the peer's MSS.
            return Err(format!("more than the MSS of {limit} in {segment}"));
        }
        self.check_marks(segment)?;
        let (Some(ack), false) = (segment.ack, segment.flags.contains(Flags::RST)) else {
            return Ok(());
        };
        let stamped = self.syn.timestamps.is_some() && self.config.timestamps;
        if stamped && options.timestamps.is_none() {
            // RFC 7323 3.2, RFC7323-3.2-a: every segment once negotiated.
            return Err(format!("no timestamps in {segment}"));
        }
        let shift = if segment.flags.contains(Flags::SYN) { 0 } else { self.shift };
        let edge = ack + segment.window.scaled(shift);
        let slack = (1 << shift) - 1;
        if let Some(before) = self.edge
            && (edge + slack).before(SeqNum::new(before))
        {
            // RFC 9293 3.8.6, SHLD-14: the right edge stays.
            return Err(format!("the right edge went from {before} to {edge} in {segment}"));
        }
        self.edge = Some(self.edge.map_or(edge, |before| edge.later(SeqNum::new(before))).raw());
        Ok(())
    }

    /// RFC 3168 6.1.4 to 6.1.6, RFC3168-6.1.4, RFC3168-6.1.5: only new text is ECT(0), or has CWR.
    fn check_marks(&mut self, segment: &Segment<'_>) -> Outcome {
        let new = !segment.payload.is_empty() && !segment.seq.before(self.sent);
        self.sent = self.sent.later(segment.end());
        let ect = segment.ecn != EcnCodepoint::NotEct;
        let syn = segment.flags.contains(Flags::SYN);
        let cwr = segment.flags.contains(Flags::CWR) && !syn;
        if !new && (ect || cwr) || syn && ect {
            return Err(format!("{segment} is no new text"));
        }
        let asked = self.config.ecn != EcnPolicy::Off;
        let ece = segment.flags.contains(Flags::ECE);
        if !asked && (ect || ece || cwr) {
            return Err(format!("ECN is off, and {segment} knows it"));
        }
        Ok(())
    }

    /// Lets time pass; timers fire in their order.
    pub(super) fn advance(&mut self, by: Duration) -> Outcome {
        let target = self.now + by;
        self.reaction = Reaction::default();
        for _ in 0..100_000 {
            let due = self.connection().poll_timeout();
            if due > target {
                self.now = target;
                return self.settle();
            }
            self.now = self.now.max(due);
            let now = self.now;
            let signals = self.connection().on_timeout(now);
            self.reaction.signals |= signals;
            self.settle()?;
            if self.connection().poll_timeout().is_due(now) {
                return Err("a timer stays due after on_timeout".into());
            }
        }
        Err("timers do not come to an end".into())
    }

    pub(super) fn write(&mut self, len: usize) -> Result<usize, String> {
        let mut chunk = self.pool.chunk(len);
        chunk.extend(&bytes(1 + self.written, len));
        let now = self.now;
        let taken =
            self.connection().write(now, chunk).map_err(|why| format!("write failed: {why:?}"))?;
        self.written += u32::try_from(taken).unwrap();
        self.settle()?;
        Ok(taken)
    }

    pub(super) fn read(&mut self, len: usize) -> Outcome {
        let mut buffer = vec![0; len];
        let got = self.connection().read(&mut buffer, false);
        if got != len {
            return Err(format!("read {got} of {len} bytes"));
        }
        if buffer != bytes(1 + self.read, len) {
            return Err(format!("wrong bytes read from {} on", 1 + self.read));
        }
        self.read += u32::try_from(len).unwrap();
        self.settle()
    }

    pub(super) fn shutdown(&mut self, how: Shutdown) -> Outcome {
        let now = self.now;
        self.connection().shutdown(now, how);
        self.settle()
    }

    /// A verb that tells signals.
    pub(super) fn signalled(
        &mut self,
        verb: impl FnOnce(&mut Connection, Instant) -> Signals,
    ) -> Outcome {
        let now = self.now;
        let signals = verb(self.connection(), now);
        self.reaction = Reaction { signals, discard: None };
        self.settle()
    }
}

fn shift_blocks(blocks: &mut SackBlocks, by: u32) {
    let mut shifted = SackBlocks::default();
    for block in blocks.as_slice() {
        shifted.push(SeqRange { start: block.start + by, end: block.end + by });
    }
    *blocks = shifted;
}

/// The same segment with a payload that outlives the frame: zeros, as many.
fn owned(segment: &Segment<'_>) -> Segment<'static> {
    Segment {
        seq: segment.seq,
        ack: segment.ack,
        flags: segment.flags,
        window: segment.window,
        urgent: segment.urgent,
        options: segment.options,
        payload: &ZEROS[..segment.payload.len()],
        wire_segments: segment.wire_segments,
        ecn: segment.ecn,
    }
}
