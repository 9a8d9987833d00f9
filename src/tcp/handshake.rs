//! How does a connection begin? SYN-SENT and SYN-RECEIVED (RFC 9293 3.5, 3.10.7.3, 3.10.7.4), and
//! what the two SYNs agree on.

use std::sync::Arc;
use std::time::Duration;

use super::blind::{self, Challenges, Verdict};
use super::buffers::ReceiveBuffer;
use super::config::EcnPolicy;
use super::ecn::{self, Agreement};
use super::fast_open::Early;
use super::input::is_acceptable;
use super::negotiation::Negotiated;
use super::output::{Reset, emit_empty, ip_fields};
use super::state::{Event, State};
use super::tcb::Ending;
use super::timers::expire;
use super::timestamps::{TimestampClock, clock};
use super::{Birth, Config, Discard, Error, Outgoing};
use crate::time::Instant;
use crate::wire::{
    Flags, Flow, Options, RawWindow, Segment, SeqNum, Timestamps, emit_tcp, ip, tcp,
};

/// Least MSS that we believe a peer: below it every byte would cost a header (compare
/// CVE-2019-11479).
pub(super) const MIN_MSS: u16 = 64;

/// MSS of a peer that offers none (RFC 9293 3.7.1, MUST-15), on IPv4 and IPv6.
const DEFAULT_MSS: u16 = 536;
const DEFAULT_MSS_V6: u16 = 1220;

/// Largest shift (RFC 7323 2.3).
const MAX_SHIFT: u8 = 14;

/// A connection of which at least one side has not yet acknowledged the other's SYN.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) config: Arc<Config>,
    /// Our initial sequence number.
    pub(super) iss: SeqNum,
    timestamp_offset: u32,
    /// MTU of the path, bytes.
    mtu: u16,
    /// Bytes of an IP and a TCP header without options.
    pub(super) headers: u8,
    /// The receive buffer that our SYN told of; its window stays when the setting changes.
    pub(super) buffer: ReceiveBuffer,
    /// The shift of our windows: as configured, or the least that can express the buffer, however
    /// large it gets.
    shift: u8,
    /// SYN-SENT or SYN-RECEIVED.
    pub(super) state: State,
    /// Opened by the peer's SYN (RFC 9293 3.5, MUST-11: a RST then leads back to LISTEN).
    pub(super) passive: bool,
    /// What the peer's SYN said, once it has arrived.
    pub(super) peer: Option<Negotiated>,
    /// What goes with the first SYN.
    pub(super) early: Option<Box<Early>>,
    /// When the first SYN was sent.
    started: Instant,
    /// When the SYN is sent again.
    timer: Instant,
    /// How often it was sent again.
    pub(super) retries: u8,
    /// Our SYN asks for ECN: the first one does, if at all.
    asks_ecn: bool,
    /// The SYN, or the SYN-ACK, shall go out.
    pub(super) syn_owed: bool,
    /// A bare acknowledgement shall go out.
    pub(super) ack_owed: bool,
    /// Challenge ACKs of late.
    challenges: Challenges,
    /// Number of the RST that answers an acknowledgement of something else than our SYN.
    reset_owed: Option<SeqNum>,
    /// Trouble that has not ended it (RFC 9293 3.9.1.8, MUST-47).
    pub(super) soft_error: Option<Error>,
    /// What the application has closed already.
    pub(super) closed: Closed,
}

/// What the application may close before the connection is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Closed {
    Nothing,
    /// Sending: the FIN follows as soon as the connection is open.
    Sending,
    /// All of it: nobody holds the connection any more.
    All,
}

/// What a segment means for a connection that opens.
#[derive(Debug)]
pub(super) enum Progress {
    /// It still opens.
    Opening,
    /// It is open. `rest`: the segment is to be processed further (its ACK, text and FIN).
    Open(Negotiated),
    /// It is over.
    Over(Ending),
}

impl Opening {
    /// Active open: a SYN is owed.
    pub(super) fn active(now: Instant, birth: Birth) -> Self {
        Self::new(now, birth, State::SynSent, false)
    }

    /// Passive open by `syn`: a SYN-ACK is owed.
    pub(super) fn passive(now: Instant, birth: Birth, syn: &Segment<'_>) -> Self {
        let mut opening = Self::new(now, birth, State::SynReceived, true);
        opening.peer = Some(opening.negotiate(now, syn));
        opening
    }

    fn new(now: Instant, birth: Birth, state: State, passive: bool) -> Self {
        Self {
            buffer: ReceiveBuffer::new(&birth.pool, birth.config.receive_buffer),
            shift: receive_shift(&birth.config),
            asks_ecn: !passive && birth.config.ecn == EcnPolicy::Request,
            config: birth.config,
            iss: birth.iss,
            timestamp_offset: birth.timestamp_offset,
            mtu: u16::try_from(birth.mtu).unwrap_or(u16::MAX),
            headers: u8::try_from(birth.ip_header + tcp::HEADER).unwrap_or(u8::MAX),
            state,
            passive,
            peer: None,
            early: None,
            started: now,
            timer: Instant::NEVER,
            retries: 0,
            syn_owed: true,
            ack_owed: false,
            challenges: Challenges::new(now),
            reset_owed: None,
            soft_error: None,
            closed: Closed::Nothing,
        }
    }

    pub(super) fn on_segment(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
    ) -> Result<Progress, Discard> {
        match self.peer {
            None => self.in_syn_sent(now, segment),
            Some(peer) => self.in_syn_received(now, segment, peer),
        }
    }

    /// RFC 9293 3.10.7.3.
    fn in_syn_sent(&mut self, now: Instant, segment: &Segment<'_>) -> Result<Progress, Discard> {
        let reset = segment.flags.contains(Flags::RST);
        // First: SND.UNA < SEG.ACK =< SND.NXT, and only our SYN is out, and what went with it.
        let acked = segment.ack.map(|ack| self.is_acked_by(ack));
        if acked == Some(false) {
            if reset {
                return Err(Discard::UnsolicitedReset);
            }
            self.reset_owed = segment.ack;
            return Err(Discard::UnacceptableAck);
        }
        // Second: a RST counts only if it knows our SYN.
        if reset {
            if acked.is_none() {
                return Err(Discard::UnsolicitedReset);
            }
            if std::mem::take(&mut self.asks_ecn) {
                // RFC 3168 6.1.1.1, RFC3168-6.1.1.1: there may be a guard on the way that takes the
                // bits of ECN for an attack. Who really refuses does so again.
                self.started = now;
                self.syn_owed = true;
                return Ok(Progress::Opening);
            }
            return Ok(Progress::Over(Ending { error: Some(Error::Refused), reset: false }));
        }
        // Fourth: the SYN; fifth: nothing else is of interest.
        if !segment.flags.contains(Flags::SYN) {
            return Err(Discard::NotASyn);
        }
        let peer = self.negotiate(now, segment);
        self.peer = Some(peer);
        if acked.is_some() {
            return Ok(Progress::Open(peer));
        }
        // Both have asked at once (RFC 9293 3.5, MUST-10).
        self.state = self.state.after(Event::Syn);
        self.syn_owed = true;
        Ok(Progress::Opening)
    }

    /// RFC 9293 3.10.7.4, for SYN-RECEIVED.
    fn in_syn_received(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        mut peer: Negotiated,
    ) -> Result<Progress, Discard> {
        let flags = segment.flags;
        let again =
            flags.contains(Flags::SYN) && segment.seq == peer.irs && !flags.contains(Flags::RST);
        let acked = segment.ack.map(|ack| self.is_acked_by(ack));
        if again && !ecn::sets_up(segment) {
            // RFC 3168 6.1.1: one that does not set it up undoes it.
            peer.ecn = Agreement::None;
            self.peer = Some(peer);
        }
        if again && acked == Some(true) && !self.passive {
            // The SYN-ACK of a peer that opened at the same time as we did.
            return Ok(Progress::Open(peer));
        }
        if again && self.passive && acked.is_some() {
            // A SYN-ACK is nothing that one who has called sends.
            self.answer_unacceptable(now, segment);
            return Err(Discard::OutsideWindow);
        }
        if again {
            // Our SYN-ACK was lost: it is what the peer waits for.
            self.syn_owed = true;
            return Err(Discard::OutsideWindow);
        }
        if flags.contains(Flags::RST) {
            return self.take_reset(now, segment.seq, &peer);
        }
        self.check_timestamp(now, segment, &peer)?;
        self.check_window(now, segment, &peer)?;
        if flags.contains(Flags::SYN) {
            return self.take_other_syn(now, segment.seq, &peer);
        }
        match acked {
            None => Err(Discard::MissingAck),
            Some(false) => {
                self.reset_owed = segment.ack;
                Err(Discard::UnacceptableAck)
            }
            Some(true) => Ok(Progress::Open(Negotiated {
                send_window: segment.window.scaled(peer.send_shift),
                ..peer
            })),
        }
    }

    fn check_timestamp(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        peer: &Negotiated,
    ) -> Result<(), Discard> {
        let Some(clock) = peer.timestamps else { return Ok(()) };
        match segment.options.timestamps {
            None => Err(Discard::MissingTimestamp),
            Some(theirs) if clock.is_old(now, theirs.value) => {
                self.answer_unacceptable(now, segment);
                Err(Discard::OldTimestamp)
            }
            Some(_) => Ok(()),
        }
    }

    fn check_window(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        peer: &Negotiated,
    ) -> Result<(), Discard> {
        if is_acceptable(segment, peer.irs + 1, peer.edge()) {
            return Ok(());
        }
        self.answer_unacceptable(now, segment);
        Err(Discard::OutsideWindow)
    }

    /// As for an open connection: what is empty only within the limit of challenges.
    fn answer_unacceptable(&mut self, now: Instant, segment: &Segment<'_>) {
        if segment.is_empty() {
            self.challenge(now);
        } else {
            self.ack_owed = true;
        }
    }

    /// A challenge ACK, unless this second has seen enough of them (RFC 5961, 7).
    fn challenge(&mut self, now: Instant) {
        self.ack_owed |= self.challenges.spend(now, self.config.challenge_acks);
    }

    /// RFC 9293 3.10.7.4, second; RFC 5961 3.2.
    fn take_reset(
        &mut self,
        now: Instant,
        seq: SeqNum,
        peer: &Negotiated,
    ) -> Result<Progress, Discard> {
        let secure = self.config.secure_reset;
        match blind::judge_reset(seq, peer.irs + 1, peer.edge(), secure) {
            Verdict::Ends => {
                let error = (!self.passive).then_some(Error::Refused);
                return Ok(Progress::Over(Ending { error, reset: false }));
            }
            Verdict::Challenge => self.challenge(now),
            Verdict::Ignore => {}
        }
        Err(Discard::BlindReset)
    }

    /// RFC 9293 3.10.7.4, fourth: a SYN that is not the peer's first returns a passive open to
    /// LISTEN, without a word; an active one takes it as an open connection does.
    fn take_other_syn(
        &mut self,
        now: Instant,
        seq: SeqNum,
        peer: &Negotiated,
    ) -> Result<Progress, Discard> {
        if self.passive {
            return Ok(Progress::Over(Ending { error: None, reset: false }));
        }
        let secure = self.config.secure_syn;
        if blind::judge_syn(seq, peer.irs + 1, peer.edge(), secure) == Verdict::Ends {
            return Ok(Progress::Over(Ending { error: Some(Error::Reset), reset: true }));
        }
        self.challenge(now);
        Err(Discard::BlindSyn)
    }

    /// What the peer's SYN and ours agree on.
    fn negotiate(&self, now: Instant, syn: &Segment<'_>) -> Negotiated {
        let config = &self.config;
        let theirs = &syn.options;
        // RFC 7323 2.2: only if both SYNs carry it.
        let scaling = theirs.window_scale.filter(|_| config.window_scaling);
        let echo = theirs.timestamps.filter(|_| config.timestamps);
        let offset = self.timestamp_offset;
        let is_v6 = usize::from(self.headers) > ip::IPV4_HEADER + tcp::HEADER;
        let default = if is_v6 { DEFAULT_MSS_V6 } else { DEFAULT_MSS };
        let peer_mss = theirs.mss.unwrap_or(default).max(MIN_MSS);
        Negotiated {
            irs: syn.seq,
            send_window: u32::from(syn.window.0),
            mss: peer_mss.min(self.our_mss()),
            our_mss: self.our_mss(),
            scaling: scaling.is_some(),
            send_shift: scaling.unwrap_or(0).min(MAX_SHIFT),
            receive_shift: if scaling.is_some() { self.shift } else { 0 },
            advertised: self.buffer.syn_window().0,
            sack: theirs.sack_permitted && config.sack,
            timestamps: echo.map(|ts| TimestampClock::new(offset, ts.value, now)),
            ecn: Agreement::of(config.ecn, self.passive, self.asks_ecn, syn),
        }
    }

    /// The MSS that we offer: what the path carries, less the fixed headers (RFC 6691, 2;
    /// RFC 9293 3.7.1, MUST-67).
    pub(super) fn our_mss(&self) -> u16 {
        let path = self.mtu.saturating_sub(self.headers.into());
        path.min(self.config.mss.unwrap_or(u16::MAX)).max(MIN_MSS)
    }

    pub(super) fn poll_timeout(&self) -> Instant {
        self.timer
    }

    /// The SYN is sent again, ever more rarely, until R2 for SYNs has passed (RFC 9293 3.8.3,
    /// MUST-22, MUST-23).
    pub(super) fn on_timeout(&mut self, now: Instant) -> Option<Ending> {
        if !expire(&mut self.timer, now) {
            return None;
        }
        let config = &self.config;
        let patience = config.user_timeout.map_or(config.r2_syn, |limit| limit.min(config.r2_syn));
        if now - self.started >= patience {
            // As Linux and BSD: what the network has said of it tells more than that it took long.
            let error = (!self.passive).then(|| self.soft_error.unwrap_or(Error::TimedOut));
            return Some(Ending { error, reset: false });
        }
        self.retries = self.retries.saturating_add(1);
        // RFC 3168 6.1.1.1, RFC3168-6.1.1.1: the path may drop a SYN that asks for ECN.
        self.asks_ecn = false;
        self.syn_owed = true;
        None
    }

    /// The time-out of the SYN, backoff included.
    pub(super) fn rto(&self) -> Duration {
        let config = &self.config;
        config.rto_initial.saturating_mul(1 << self.retries.min(20)).min(config.rto_max)
    }

    pub(super) fn arm(&mut self, now: Instant) {
        let config = &self.config;
        let wait = self.rto();
        let patience = config.user_timeout.map_or(config.r2_syn, |limit| limit.min(config.r2_syn));
        self.timer = (now + wait).min((self.started + patience).max(now));
    }

    pub(super) fn poll_transmit(
        &mut self,
        now: Instant,
        flow: &Flow,
        out: &mut Vec<u8>,
    ) -> Option<Outgoing> {
        let segment = if let Some(seq) = self.reset_owed.take() {
            Reset { seq, ack: None }.segment()
        } else if let Some(syn) = self.take_syn(now) {
            let len = self.carry(&syn.options);
            let ip = ip_fields(&self.config);
            emit_tcp(out, flow, &ip, &syn, len, |frame| self.append_early(len, frame));
            return Some(Outgoing { wire_segments: 1, ..Outgoing::default() });
        } else if std::mem::take(&mut self.ack_owed) {
            self.bare_ack(now)?
        } else {
            return None;
        };
        Some(emit_empty(out, flow, &self.config, &segment))
    }

    /// Our SYN, or SYN-ACK: it repeats what the peer offered and we accept, or offers what we can
    /// (RFC 7323 2.2, 3.2; RFC 2018 2, RFC2018-2; RFC 9293 3.7.1, MUST-14, SHLD-5).
    pub(super) fn syn(&self, now: Instant) -> Segment<'static> {
        let config = &self.config;
        let value = clock(self.timestamp_offset, now);
        let mut options =
            Options { mss: Some(self.our_mss()), fast_open: self.cookie(), ..Options::default() };
        match &self.peer {
            None => {
                options.window_scale = config.window_scaling.then_some(self.shift);
                options.sack_permitted = config.sack;
                options.timestamps = config.timestamps.then_some(Timestamps { value, echo: 0 });
            }
            Some(peer) => {
                options.window_scale = peer.scaling.then_some(peer.receive_shift);
                options.sack_permitted = peer.sack;
                options.timestamps = peer.timestamps.map(|clock| clock.option(now));
            }
        }
        if self.peer.is_some() && !self.passive {
            // Simultaneous open: it is our SYN again, which has offered already.
            options.window_scale = config.window_scaling.then_some(self.shift);
            let offer = config.timestamps.then_some(Timestamps { value, echo: 0 });
            options.timestamps = options.timestamps.or(offer);
        }
        // RFC3168-6.1.1-b: a SYN-ACK claims ECN only where the SYN did. Neither is ECT.
        let ecn = self.peer.map_or(self.asks_ecn, |peer| peer.ecn == Agreement::Both);
        let setup = if ecn { ecn::setup(self.peer.is_some()) } else { Flags::empty() };
        Segment {
            seq: self.iss,
            ack: self.peer.map(|peer| peer.irs + 1),
            flags: Flags::SYN | setup,
            window: self.buffer.syn_window(),
            options,
            ..Segment::default()
        }
    }

    fn bare_ack(&self, now: Instant) -> Option<Segment<'static>> {
        let peer = self.peer?;
        Some(Segment {
            seq: self.iss + 1,
            ack: Some(peer.irs + 1),
            window: RawWindow(peer.advertised >> peer.receive_shift),
            options: Options {
                timestamps: peer.timestamps.map(|clock| clock.option(now)),
                ..Options::default()
            },
            ..Segment::default()
        })
    }

    /// Whether `seq`, quoted by an ICMP error, is our SYN's (RFC 5927, 4.1).
    pub(super) fn is_ours(&self, seq: SeqNum) -> bool {
        seq == self.iss
    }

    /// The round trip of the handshake that `segment` ends, if it can be told (Karn).
    pub(super) fn round_trip(&self, now: Instant, segment: &Segment<'_>) -> Option<Duration> {
        if self.retries == 0 {
            return Some(now - self.started);
        }
        let echo = segment.options.timestamps?.echo;
        self.peer?.timestamps?.round_trip(now, echo)
    }

    /// RST for a connection that the application aborts (RFC 9293 3.10.5): only SYN-RECEIVED has
    /// somebody to tell.
    pub(super) fn abort_reset(&self) -> Option<Reset> {
        let peer = self.peer?;
        Some(Reset { seq: self.iss + 1, ack: Some(peer.irs + 1) })
    }
}

fn receive_shift(config: &Config) -> u8 {
    let largest = config.receive_buffer.largest();
    let least = (0..MAX_SHIFT).find(|shift| largest <= 65_535 << shift);
    config.window_scale.or(least).unwrap_or(MAX_SHIFT).min(MAX_SHIFT)
}
