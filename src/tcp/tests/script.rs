//! The language of the rows: steps between `;` or line ends.
//!
//! ```text
//! < S. 0:0(0) ack 1 win 100 <mss 1460>   a segment arrives (packetdrill's notation)
//! > . 1:1(0) ack 1 win 100               this leaves, next and exactly; without `win` any window,
//!                                        with `<...>` any options, with `R*` with or without ACK
//! >+   >*   ># 3                         something leaves; anything or nothing; three segments
//! burst 1 3 1460                         three segments of 1,460 bytes from number 1 on
//! +40ms                                  time passes
//! write 100   read 100                   all of it
//! close  abort  shutdown write|read|both  nodelay
//! cork  uncork                           between them nothing is sent
//! set ttl 9                              a setting of that name, see `set` below
//! memory 1000                            so much of it is in others' hands from now on
//! icmp 1 hard|soft Refused               an ICMP error quotes this number
//! mtu 1000                               the path takes so much from now on
//! too_big 1 1500 1000 [900|ignored]      a router says that it dropped number 1, 1,500 bytes long,
//!                                        for 1,000; what is believed instead of it
//! state S   error E|none   readable N    what holds now
//! cwnd 14600   ssthresh 7300   ecn on|stopped|off
//! discard D|none  signal S  nosignal S   what the last step said
//! timer 300ms|never                      when the next timer is due
//! ```
//!
//! Rows about loss count in segments: see `segments`.
//!
//! A step that acts fails when something was sent that no step has looked at. `{rcv}`, `{snd}`,
//! `{una}` and `{edge}`, also with an offset as in `{edge-1}`, stand for RCV.NXT, SND.NXT, SND.UNA
//! and the first number beyond the receive window when the row begins.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::harness::{Harness, Numbers, Outcome, Peer};
use super::words::{byte, compare, duration, error, number, parse, words};
use crate::buffer::{Pool, Share};
use crate::tcp::{Config, Connection, EcnPolicy, Shutdown, Signals, Trouble};
use crate::wire::{Flags, SeqNum};

/// Where a row begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// No connection yet: a SYN, or `open`, makes one.
    Nothing,
    SynSent,
    /// By passive open.
    SynReceived,
    /// SYN-RECEIVED by simultaneous open.
    Simultaneous,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
}

impl At {
    /// Both SYNs are acknowledged.
    pub(super) const SYNCHRONIZED: [Self; 7] = [
        Self::Established,
        Self::FinWait1,
        Self::FinWait2,
        Self::CloseWait,
        Self::Closing,
        Self::LastAck,
        Self::TimeWait,
    ];

    /// (SND.UNA, SND.NXT, RCV.NXT), relative.
    pub(super) fn numbers(self) -> (u32, u32, u32) {
        match self {
            Self::Nothing => (0, 0, 0),
            Self::SynSent => (0, 1, 0),
            Self::SynReceived | Self::Simultaneous => (0, 1, 1),
            Self::Established => (1, 1, 1),
            Self::FinWait1 => (1, 2, 1),
            Self::FinWait2 => (2, 2, 1),
            Self::CloseWait => (1, 1, 2),
            Self::Closing | Self::LastAck => (1, 2, 2),
            Self::TimeWait => (2, 2, 2),
        }
    }

    /// From an open connection to here.
    fn path(self) -> &'static str {
        match self {
            Self::FinWait1 => "shutdown write; >+",
            Self::FinWait2 => "shutdown write; >+; < . 1:1(0) ack 2",
            Self::CloseWait => "< F. 1:1(0) ack 1; >+",
            Self::Closing => "shutdown write; >+; < F. 1:1(0) ack 1; >+",
            Self::LastAck => "< F. 1:1(0) ack 1; >+; shutdown write; >+",
            Self::TimeWait => "shutdown write; >+; < F. 1:1(0) ack 2; >+",
            _ => "",
        }
    }
}

/// What the rows of a table have in common.
#[derive(Clone)]
pub(super) struct Setup {
    at: At,
    peer: Peer,
    config: Config,
    mtu: usize,
    memory: usize,
}

/// A connection in this state whose peer offered an MSS of 1,460 and nothing else, announces a
/// window of 65,535 and is 100 ms away; our receive buffer is 10,000 bytes, our send buffer 1 MiB.
pub(super) fn at(at: At) -> Setup {
    let peer = Peer {
        mss: Some(1460),
        window_scale: None,
        sack: false,
        timestamp: None,
        window: 65_535,
        ecn: false,
    };
    let (receive_buffer, send_buffer) = (10_000.into(), (1 << 20).into());
    let config = Config { receive_buffer, send_buffer, ..Config::default() };
    Setup { at, peer, config, mtu: 1500, memory: usize::MAX }
}

impl Setup {
    pub(super) fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    pub(super) fn peer(mut self, change: impl FnOnce(&mut Peer)) -> Self {
        change(&mut self.peer);
        self
    }

    /// The congestion control of the textbook, for rows that count its segments.
    pub(super) fn reno(self) -> Self {
        self.config(|config| config.congestion = "reno".parse().expect("it is registered"))
    }

    pub(super) fn sack(self) -> Self {
        self.peer(|peer| peer.sack = true)
    }

    /// The peer speaks timestamps; its clock began 100 ms before the handshake ended, at 100.
    pub(super) fn timestamps(self) -> Self {
        self.peer(|peer| peer.timestamp = Some(100))
    }

    /// Both sides ask for ECN.
    pub(super) fn ecn(self) -> Self {
        self.config(|config| config.ecn = EcnPolicy::Request).peer(|peer| peer.ecn = true)
    }

    pub(super) fn window(self, window: u16) -> Self {
        self.peer(|peer| peer.window = window)
    }

    pub(super) fn receive_buffer(self, bytes: usize) -> Self {
        self.config(|config| config.receive_buffer = bytes.into())
    }

    /// The host has so much memory.
    pub(super) fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    pub(super) fn mtu(mut self, mtu: usize) -> Self {
        self.mtu = mtu;
        self
    }

    /// Runs every row on a connection of its own, twice: opened by us with small numbers, and
    /// (where the state allows) opened by the peer with numbers that wrap. Fails with all the rows
    /// that failed.
    pub(super) fn rows(&self, rows: &[(&str, &str)]) {
        let passive = !matches!(self.at, At::Nothing | At::SynSent | At::Simultaneous);
        let low =
            Numbers { iss: 1_000, irs: 5_000, stamp: 7_000, passive: self.at == At::SynReceived };
        let wrapping = Numbers { iss: u32::MAX - 60, irs: u32::MAX - 40, stamp: u32::MAX, passive };
        let mut failures = Vec::new();
        for (name, script) in rows {
            for numbers in [low, wrapping] {
                let attempt = AssertUnwindSafe(|| self.begin(numbers)?.run(script));
                let outcome = catch_unwind(attempt).unwrap_or_else(|_| Err("panicked".into()));
                if let Err(why) = outcome {
                    failures.push(format!("{name} ({:?}, iss {}): {why}", self.at, numbers.iss));
                }
            }
        }
        assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
    }

    /// One connection with small numbers, for loops that no row can express.
    pub(super) fn start(&self) -> Harness {
        let numbers =
            Numbers { iss: 1_000, irs: 5_000, stamp: 7_000, passive: self.at == At::SynReceived };
        self.begin(numbers).unwrap_or_else(|why| panic!("no way to {:?}: {why}", self.at))
    }

    fn begin(&self, numbers: Numbers) -> Result<Harness, String> {
        let mut harness = Harness::new(numbers, self.peer, Arc::new(self.config.clone()), self.mtu);
        harness.at = self.at;
        harness.pool = Pool::with_limit(self.memory);
        harness.reach(self.at).map_err(|why| format!("on the way: {why}"))?;
        Ok(harness)
    }
}

impl Harness {
    fn reach(&mut self, at: At) -> Outcome {
        if at == At::Nothing {
            return Ok(());
        }
        if self.numbers.passive {
            self.syn("S 0:0(0)")?;
        } else {
            self.open()?;
        }
        self.emitted.clear();
        if matches!(at, At::SynSent | At::SynReceived) {
            return Ok(());
        }
        self.advance(Duration::from_millis(100))?;
        match (at, self.numbers.passive) {
            (At::Simultaneous, _) => self.syn("S 0:0(0)")?,
            (_, true) => self.run(&format!("< . 1:1(0) ack 1 win {}", self.peer.window))?,
            (_, false) => self.syn("S. 0:0(0) ack 1")?,
        }
        self.emitted.clear();
        self.run(at.path())
    }

    /// The peer's SYN with what it offers.
    fn syn(&mut self, head: &str) -> Outcome {
        let mut segment = parse(&format!("{head} win {}", self.peer.window))?;
        segment.flags.set(Flags::ECE, self.peer.ecn);
        segment.flags.set(Flags::CWR, self.peer.ecn && segment.ack.is_none());
        let value = self.peer.timestamp.map(|first| first.wrapping_add(self.millis()));
        segment.options = self.peer.options(value, self.last_stamp);
        self.inject(segment, true)
    }

    /// Runs steps; nothing sent may be left over.
    pub(super) fn run(&mut self, script: &str) -> Outcome {
        for line in script.split([';', '\n']).map(str::trim).filter(|line| !line.is_empty()) {
            self.step(&self.filled_in(line)).map_err(|why| format!("`{line}`: {why}"))?;
        }
        self.nothing_left()
    }

    /// `run` for a test that is no table.
    pub(super) fn must(&mut self, script: &str) {
        if let Err(why) = self.run(script) {
            panic!("{why}");
        }
    }

    fn nothing_left(&self) -> Outcome {
        match self.emitted.front() {
            Some(segment) => Err(format!("sent unexpectedly: {segment}")),
            None => Ok(()),
        }
    }

    /// `{rcv+1}` and its like become numbers.
    fn filled_in(&self, line: &str) -> String {
        let (una, snd, rcv) = self.at.numbers();
        let window = u32::try_from(self.config.receive_buffer.initial.min(65_535)).unwrap();
        let edge = rcv + window;
        let mut text = String::new();
        let mut rest = line;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, tail) = after.split_once('}').expect("a closing brace");
            let cut = name.find(['+', '-']).unwrap_or(name.len());
            let base = match &name[..cut] {
                "una" => una,
                "snd" => snd,
                "rcv" => rcv,
                "edge" => edge,
                other => panic!("no number is called {other}"),
            };
            let offset: i64 = name[cut..].parse().unwrap_or(0);
            let number = (i64::from(base) + offset).rem_euclid(1 << 32);
            text += before;
            text += &number.to_string();
            rest = tail;
        }
        text + rest
    }

    fn step(&mut self, line: &str) -> Outcome {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        if self.sent(verb, rest)? || self.counts(verb, rest)? || self.holds(verb, rest)? {
            return Ok(());
        }
        self.nothing_left()?;
        if self.acknowledges(verb, rest)? { Ok(()) } else { self.act(verb, rest.trim()) }
    }

    fn act(&mut self, verb: &str, rest: &str) -> Outcome {
        let now = self.now;
        match verb {
            "<" => {
                let segment = parse(rest)?;
                self.inject(segment, rest.contains('<'))
            }
            "open" => self.open(),
            "write" => {
                let len = number(rest)?;
                let taken = self.write(len)?;
                if taken == len { Ok(()) } else { Err(format!("took {taken}")) }
            }
            "read" => self.read(number(rest)?),
            "shutdown" => self.shutdown(match rest {
                "read" => Shutdown::Read,
                "write" => Shutdown::Write,
                _ => Shutdown::Both,
            }),
            "close" => self.signalled(Connection::close),
            "abort" => self.signalled(Connection::abort),
            "put_off" => {
                self.connection().put_off_fin_ack(now);
                Ok(())
            }
            "nodelay" => {
                self.connection().set_nodelay(true);
                self.settle()
            }
            "cork" => {
                self.corked = true;
                Ok(())
            }
            "uncork" => {
                self.corked = false;
                self.settle()
            }
            "icmp" => {
                let [quoted, kind, told] = words(rest)?;
                let quoted: u32 = quoted.parse().map_err(|_| "no number is quoted")?;
                let seq = SeqNum::new(quoted) + self.numbers.iss;
                let told = error(told)?;
                let hard = kind == "hard";
                let trouble = if hard { Trouble::Hard(told) } else { Trouble::Soft(told) };
                self.signalled(|connection, now| connection.on_icmp(now, seq, trouble))
            }
            "set" => self.set(rest),
            "memory" => {
                let others = self.others.get_or_insert_with(|| Share::new(&self.pool));
                others.set(number(rest)?.try_into().map_err(|_| "less, please")?);
                self.settle()
            }
            "mtu" => {
                self.mtu = number(rest)?;
                self.settle()
            }
            "too_big" => self.too_big(rest),
            _ if verb.starts_with('+') => self.advance(duration(&verb[1..])?),
            _ => Err(format!("at {now}: no such step")),
        }
    }

    fn too_big(&mut self, told: &str) -> Outcome {
        let (told, believed) = match told.splitn(4, ' ').collect::<Vec<_>>()[..] {
            [quoted, len, mtu, believed] => ([quoted, len, mtu], believed),
            [quoted, len, mtu] => ([quoted, len, mtu], mtu),
            _ => return Err("which number, which length, which MTU?".into()),
        };
        let [quoted, len, mtu] = told.map(|word| word.parse::<u32>().expect("a number"));
        let seq = SeqNum::new(quoted) + self.numbers.iss;
        let short = |number: u32| u16::try_from(number).expect("sixteen bits");
        let mtu = self.connection().on_too_big(seq, short(len), short(mtu));
        let got = mtu.map_or("ignored".into(), |mtu| mtu.to_string());
        if got != believed {
            return Err(format!("it is {got}"));
        }
        self.mtu = mtu.unwrap_or(self.mtu);
        self.settle()
    }

    fn set(&mut self, setting: &str) -> Outcome {
        let (name, value) = setting.split_once(' ').ok_or("which value?")?;
        let connection = self.connection.as_mut().ok_or("no connection")?;
        let on = value == "on";
        match name {
            "cork" => connection.set_cork(on),
            "quick_ack" => connection.set_quick_ack(on),
            "nodelay" => connection.set_nodelay(on),
            "user_timeout" => connection.set_user_timeout(Some(duration(value)?)),
            "receive_buffer" => connection.set_receive_buffer(number(value)?),
            "send_buffer" => connection.set_send_buffer(number(value)?),
            // Every packet is compared with what the harness knows.
            "ttl" => {
                Arc::make_mut(&mut self.config).ttl = byte(value)?;
                connection.set_ttl(self.config.ttl);
            }
            "dscp" => {
                Arc::make_mut(&mut self.config).dscp = byte(value)?;
                connection.set_dscp(self.config.dscp);
            }
            _ => return Err(format!("`{name}` is no setting")),
        }
        self.settle()
    }

    /// Steps about what was sent; whether this was one.
    fn sent(&mut self, verb: &str, rest: &str) -> Result<bool, String> {
        match verb {
            ">" => {
                let sent = self.emitted.pop_front().ok_or("nothing was sent")?;
                compare(rest, &sent)?;
            }
            ">+" if self.emitted.is_empty() => return Err("nothing was sent".into()),
            ">+" | ">*" => self.emitted.clear(),
            ">#" => {
                let (want, sent) = (number(rest)?, self.emitted.len());
                if want != sent {
                    return Err(format!("{sent} were sent"));
                }
                self.emitted.clear();
            }
            "burst" => {
                let numbers: Vec<u32> =
                    rest.split(' ').map(|word| word.parse().expect("a number")).collect();
                let [mut seq, count, size] = numbers[..] else { return Err("burst a b c".into()) };
                for nth in 1..=count {
                    let sent = self.emitted.pop_front().ok_or(format!("no {nth}th segment"))?;
                    if sent.seq.raw() != seq || sent.payload.len() != size as usize {
                        return Err(format!("the {nth}th is {sent}, not {seq}:({size})"));
                    }
                    seq += size;
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Steps about what holds; whether this was one.
    fn holds(&mut self, verb: &str, rest: &str) -> Result<bool, String> {
        let got = match verb {
            "state" => format!("{:?}", self.connection().state()),
            "discard" => self.reaction.discard.map_or("none".into(), |why| format!("{why:?}")),
            "error" => self.connection().error().map_or("none".into(), |why| format!("{why:?}")),
            "readable" => self.connection().readable().to_string(),
            "writable" => self.connection().writable().to_string(),
            "ended" => {
                let connection = self.connection();
                match (connection.read_ended(), connection.write_ended()) {
                    (true, true) => "both".into(),
                    (true, false) => "read".into(),
                    (false, true) => "write".into(),
                    (false, false) => "none".into(),
                }
            }
            "cwnd" => self.info().cwnd.to_string(),
            "ssthresh" => self.info().ssthresh.to_string(),
            "ecn" => {
                let info = self.info();
                let state = match (info.ecn, info.ecn_stopped) {
                    (true, false) => "on",
                    (true, true) => "stopped",
                    (false, _) => "off",
                };
                state.into()
            }
            "signal" | "nosignal" => {
                let signal = Signals::from_name(rest).ok_or("no such signal")?;
                if self.reaction.signals.contains(signal) == (verb == "signal") {
                    return Ok(true);
                }
                return Err(format!("got {:?}", self.reaction.signals));
            }
            "timer" => {
                let now = self.now;
                let due = self.connection().poll_timeout();
                if due.is_never() != (rest == "never")
                    || (rest != "never" && due - now != duration(rest)?)
                {
                    return Err(format!("it is {:?} away ({due})", due - now));
                }
                return Ok(true);
            }
            _ => return Ok(false),
        };
        if got == rest { Ok(true) } else { Err(format!("it is {got}")) }
    }
}
