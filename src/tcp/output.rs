//! What is sent next? A pure decision, `choose`, and then its construction, `build`
//! (RFC 9293, 3.7, 3.8, 3.10.7.4). The only caller of `emit_tcp` for open connections.

use std::num::NonZeroU16;

use super::congestion::Sent;
use super::flight::{Flight, Mode};
use super::scoreboard::Burst;
use super::send::Stretch;
use super::tcb::Tcb;
use super::{Limits, Outgoing};
use crate::time::Instant;
use crate::wire::{
    Flags, Flow, IpFields, Options, Segment, SeqNum, SeqRange, emit_tcp, emit_tcp_head,
    emit_tcp_unsummed,
};

/// What to send next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// This range again.
    Retransmit(SeqRange),
    /// New text, or the FIN, or both.
    New(Stretch),
    /// One byte into a closed window (RFC 9293 3.8.6.1).
    Probe,
    /// A keep-alive probe (RFC 9293 3.8.4).
    KeepAlive,
    /// An acknowledgement with our FIN, again.
    FinAgain,
    /// Nothing but an acknowledgement.
    Ack,
}

impl Tcb {
    /// Appends the next packet that is owed to `out`, if any is.
    pub(super) fn poll_transmit(
        &mut self,
        now: Instant,
        flow: &Flow,
        limits: &Limits,
        out: &mut Vec<u8>,
    ) -> Option<Outgoing> {
        self.note_path(now, limits.mtu);
        self.renew_mtu_search(now);
        self.restart_after_idle(now);
        self.ecn.release(now);
        let Some(choice) = self.choose(now, limits) else {
            self.note_limit(now);
            self.note_time(now);
            self.ensure_timer(now);
            return None;
        };
        Some(self.build(choice, now, flow, limits, out))
    }

    /// RFC 5681 4.1, RFC5681-4.1: what the window was before a long silence says little about the
    /// path now.
    fn restart_after_idle(&mut self, now: Instant) {
        let idle = self.snd.outstanding() == 0 && self.snd.has_unsent();
        if idle
            && self.config.restart_after_idle
            && now - self.snd.last_sent > self.rtt.rto(&self.config)
        {
            self.congestion.on_idle(now);
        }
    }

    /// The decision. Lost data first, then new data, then what keeps the conversation alive.
    pub(super) fn choose(&self, now: Instant, limits: &Limits) -> Option<Choice> {
        if self.snd.window_closed() {
            if self.snd.probe_due {
                return Some(Choice::Probe);
            }
        } else if let Some(choice) = self.choose_data(now, limits) {
            return Some(choice);
        }
        if self.keepalive_owed {
            return Some(Choice::KeepAlive);
        }
        let fin_again = self.fin_again && self.snd.outstanding() == 1;
        self.ack_owed.then_some(if fin_again { Choice::FinAgain } else { Choice::Ack })
    }

    /// What is lost comes before what is new (RFC 6675 4, RFC6675-4-next), and both wait for the
    /// window and for their moment (RFC 8985 9.3, RFC8985-9.3). A tail probe waits for neither.
    fn choose_data(&self, now: Instant, limits: &Limits) -> Option<Choice> {
        let flight = self.recovery.flight();
        let calm = flight.is_none_or(|flight| flight.board.lost() == 0 && !flight.probe_due);
        if calm && !self.snd.has_unsent() {
            return None;
        }
        let (payload, frame) = self.payload_limits(limits);
        let probing = flight.is_some_and(|flight| flight.probe_due);
        if let Some(probe) = probing.then(|| self.choose_tail_probe(payload)).flatten() {
            return Some(probe);
        }
        if self.congestion.pacing_rate().is_some() && !self.pacer.is_open(now) {
            return None;
        }
        let most = self.most_at_once(now, payload, frame);
        let new = || {
            if let Some(probe) = self.choose_mtu_probe(now) {
                return Some(probe);
            }
            let stretch = self.snd.next_stretch(self.room(), payload, most, &self.config);
            stretch.filter(|_| !self.ecn.is_held())
        };
        if let Some(sent) = flight.and_then(Flight::prefers_new) {
            let stretch = new();
            if stretch.is_some() || self.snd.nxt.after(sent) {
                return stretch.map(Choice::New);
            }
        }
        match flight.and_then(|flight| flight.board.next_lost(payload)) {
            Some(lost) => self.fit_resend(lost).map(Choice::Retransmit),
            None => new().map(Choice::New),
        }
    }

    /// Bytes of new text in the next frame, `frame` at most: no more than the pace allows, and a single
    /// segment where it carries what the others must not.
    fn most_at_once(&self, now: Instant, payload: u32, frame: u32) -> u32 {
        if self.ecn.cwr_owed() || self.rcv.has_duplicate() {
            return payload;
        }
        let rate = self.congestion.pacing_rate();
        rate.map_or(frame, |rate| frame.min(self.pacer.allowance(now, rate, payload)))
    }

    /// RFC 8985 7.3, RFC8985-7.3-b: new data if the peer's window allows, else what was sent last.
    fn choose_tail_probe(&self, payload: u32) -> Option<Choice> {
        let room = self.room().max(payload);
        let new = self.snd.next_stretch(room, payload, payload, &self.config);
        if let Some(stretch) = new.filter(|_| !self.ecn.is_held()) {
            return Some(Choice::New(stretch));
        }
        let last = self.recovery.flight()?.board.last_missing()?;
        let len = last.len().min(payload).min(self.within_window(last.start));
        (len > 0).then(|| Choice::Retransmit(SeqRange::of_len(last.start, len)))
    }

    /// Whether there is anything that a tail probe might be.
    pub(super) fn may_probe(&self) -> bool {
        let last = self.recovery.flight().and_then(|flight| flight.board.last_missing());
        self.snd.has_unsent() && self.snd.usable() > 0
            || last.is_some_and(|last| self.within_window(last.start) > 0)
    }

    /// What the peer's window leaves from `start` on (RFC 9293 3.8.6, SHLD-16).
    fn within_window(&self, start: SeqNum) -> u32 {
        let edge = self.snd.window_edge();
        if start.before(edge) { edge.since(start) } else { 0 }
    }

    fn fit_resend(&self, lost: SeqRange) -> Option<SeqRange> {
        let len = lost.len().min(self.within_window(lost.start));
        // RFC 6582 3.2, RFC6582-3.2-partial: without SACK a repair's retransmissions wait for nothing.
        let flight = self.recovery.flight();
        let at_once = flight
            .is_some_and(|flight| flight.first_due || flight.in_fast_recovery() && !self.sack);
        let fits = self.pipe() == 0 || len <= self.room() || at_once;
        (len > 0 && fits).then(|| SeqRange::of_len(lost.start, len))
    }

    /// Bytes that may be in flight now.
    pub(super) fn window(&self) -> u32 {
        let congestion = self.congestion.as_ref();
        self.recovery
            .flight()
            .map_or(congestion.window(), |flight| flight.window(congestion, self.mss()))
    }

    /// The congestion window as it is told: what limited transmit adds is none of it (RFC 3042 2,
    /// RFC3042-2-b).
    pub(super) fn reported_window(&self) -> u32 {
        let repairs = self.recovery.flight().is_some_and(|flight| flight.mode != Mode::Open);
        if repairs { self.window() } else { self.congestion.window() }
    }

    /// Bytes that congestion control still lets fly (RFC 5681 2, RFC5681-2; RFC 6675 5, RFC6675-5-c).
    pub(super) fn room(&self) -> u32 {
        self.window().saturating_sub(self.pipe())
    }

    /// Bytes thought to be in the network (RFC 6675 4, RFC6675-4-pipe).
    pub(super) fn pipe(&self) -> u32 {
        self.recovery.flight().map_or(0, Flight::pipe)
    }

    /// Largest payload of the next segment, bytes: what the peer and the path take, less the
    /// options that the segment will carry (RFC 9293 3.7.1, MUST-16; RFC 6691). And of the next frame:
    /// as many such segments as fit.
    fn payload_limits(&self, limits: &Limits) -> (u32, u32) {
        let size = |bytes| u32::try_from(bytes).unwrap_or(u32::MAX);
        let [path, frame] = [size(limits.mtu).min(self.packet_size()), size(limits.max_frame)]
            .map(|size| size.saturating_sub(self.headers.into()));
        let options = if self.sack && self.rcv.has_blocks() {
            self.options(Instant::ZERO).wire_len()
        } else {
            self.timestamps.map_or(0, |_| super::tcb::TIMESTAMP_BYTES.into())
        };
        let options = u32::try_from(options).unwrap_or(0);
        let payload = u32::from(self.snd.mss).min(path).saturating_sub(options).max(1);
        let frame = if limits.offloads { frame.saturating_sub(options) } else { payload };
        (payload, (frame - frame % payload).max(payload))
    }

    /// Remembers what has stopped us: the congestion window, and nothing else; the pace; or that the
    /// application has no more.
    fn note_limit(&mut self, now: Instant) {
        let waiting = self.snd.unsent().min(self.snd.usable());
        let lost = self.recovery.flight().map_or(0, |flight| flight.board.lost());
        let (room, mss) = (self.room(), self.mss());
        let short = (waiting > 0 || lost > 0) && room < (waiting + lost).min(mss);
        let sent = self.sent();
        if let Some(flight) = self.recovery.flight_mut() {
            // Full, whether or not there is more: the next one might not have fitted.
            flight.usage.note(sent, short || room < mss);
        }
        if short {
            // Neither the pace nor the application.
        } else if let Some(rate) = self.congestion.pacing_rate()
            && (waiting > 0 || lost > 0)
            && !self.pacer.is_open(now)
        {
            self.pacer.wait(rate, mss);
        } else if self.snd.unsent() < mss
            && lost == 0
            && room > 0
            && let Some(flight) = self.recovery.flight_mut()
        {
            flight.starve();
        }
    }

    /// Builds what was chosen, and notes that it is done.
    fn build(
        &mut self,
        choice: Choice,
        now: Instant,
        flow: &Flow,
        limits: &Limits,
        out: &mut Vec<u8>,
    ) -> Outgoing {
        let payload = match choice {
            Choice::New(stretch) if stretch.probes => stretch.text,
            _ => self.payload_limits(limits).0,
        };
        let (range, mut flags) = match choice {
            Choice::Retransmit(range) => (range, Flags::empty()),
            Choice::New(stretch) => (
                SeqRange::of_len(self.snd.nxt, stretch.text + u32::from(stretch.fin)),
                Flags::empty(),
            ),
            Choice::Probe => (SeqRange::of_len(self.snd.una, 1), Flags::empty()),
            Choice::KeepAlive => (SeqRange::of_len(self.snd.nxt - 1, 0), Flags::empty()),
            Choice::FinAgain => (SeqRange::of_len(self.snd.nxt - 1, 1), Flags::empty()),
            Choice::Ack => (SeqRange::of_len(self.snd.bare_seq(), 0), Flags::empty()),
        };
        let queue_end = self.snd.queue_end();
        let text = SeqRange { start: range.start, end: range.end.earlier(queue_end) };
        let text_len =
            if range.is_empty() || !range.start.before(queue_end) { 0 } else { text.len() };
        if !range.is_empty() && range.end.after(queue_end) {
            flags |= Flags::FIN;
        }
        if text_len > 0 && text.end == queue_end {
            // RFC 9293 3.9.1.2, MUST-61: PSH on the segment that empties the queue.
            flags |= Flags::PSH;
        }
        let new_text = matches!(choice, Choice::New(_)) && text_len > 0;
        let (marks, ecn) = self.ecn.stamp(new_text);
        flags |= marks;
        let segment = Segment {
            seq: range.start,
            ack: Some(self.rcv.nxt),
            flags,
            window: self.rcv.advertise(),
            options: self.options(now),
            ..Segment::default()
        };
        let offset = range.start.since(self.snd.una) as usize;
        let (len, ip) = (text_len as usize, IpFields { ecn, ..ip_fields(&self.config) });
        let lends = limits.lends && text_len >= WORTH_LENDING;
        let text = lends.then(|| self.snd.queue.lend(offset, len)).flatten();
        let queue = &self.snd.queue;
        let fill = |frame: &mut Vec<u8>| queue.append_to(offset, len, frame);
        if text.is_some() {
            emit_tcp_head(out, flow, &ip, &segment, len);
        } else if limits.offloads {
            emit_tcp_unsummed(out, flow, &ip, &segment, len, fill);
        } else {
            emit_tcp(out, flow, &ip, &segment, len, fill);
        }
        self.note_sent(choice, now, range, payload);
        // At most a frame of 64 KiB.
        let wire_segments = u16::try_from(text_len.div_ceil(payload).max(1)).unwrap_or(u16::MAX);
        self.segments_out = self.segments_out.wrapping_add(wire_segments.into());
        if text_len > 0 {
            self.data_segments_out = self.data_segments_out.wrapping_add(wire_segments.into());
        }
        let piece = u16::try_from(payload).ok().and_then(NonZeroU16::new);
        let cut = piece.filter(|_| limits.offloads);
        Outgoing { wire_segments, cut, text: text.map(Box::new) }
    }

    fn note_sent(&mut self, choice: Choice, now: Instant, range: SeqRange, payload: u32) {
        // Every segment acknowledges: nothing else is owed for what has arrived so far, but for the
        // duplicates, which count only without text.
        self.ack_owed = self.more_acks > 0;
        if choice == Choice::Ack {
            self.more_acks = self.more_acks.saturating_sub(1);
        }
        self.fin_again = false;
        self.timers.delayed_ack = Instant::NEVER;
        self.last_ack_sent = self.rcv.nxt;
        self.rcv.duplicate_reported();
        let tail_probe = self.recovery.flight().is_some_and(|flight| flight.probe_due);
        let repairs = self.recovery.flight().is_some_and(Flight::in_fast_recovery);
        let pipe = self.pipe();
        match choice {
            Choice::Retransmit(_) => {
                self.recovery.stop_timing(now);
                self.recovery.resent(now, range);
                self.snd.last_sent = now;
                if range.start == self.snd.una || repairs {
                    // RFC 6298 5, RFC6298-5-early: a segment waits a whole RTO after it was sent
                    // (again). RFC 6675 6, RFC6675-6.
                    self.arm_retransmit(now);
                }
            }
            Choice::New(stretch) => {
                if self.snd.outstanding() == 0 {
                    // Whatever ran until now (the override of a small window, say) was not the
                    // time-out of this segment (RFC 6298 5.1).
                    self.timers.retransmit = Instant::NEVER;
                }
                self.recovery.sent(now, stretch.burst(range.start, payload), self.snd.acked);
                self.snd.sent(now, range.end);
                if stretch.probes {
                    self.mtu_probe_sent(range);
                }
                if !range.len().is_multiple_of(payload) {
                    self.snd.small_end = range.end;
                }
                if let Some(flight) = self.recovery.flight_mut() {
                    // One segment is timed (RFC 6298 3), whatever leaves with it.
                    let all = stretch.text <= payload;
                    let end = if all { range.end } else { range.start + payload };
                    flight.timing.begin(now, end);
                }
            }
            Choice::Probe => {
                self.snd.probe_due = false;
                if range.end.after(self.snd.nxt) {
                    self.recovery.sent(now, Burst::one(range), self.snd.acked);
                } else {
                    self.recovery.resent(now, range);
                }
                self.recovery.stop_timing(now);
                self.snd.sent(now, range.end);
                self.snd.small_end = range.end;
            }
            Choice::KeepAlive => self.keepalive_owed = false,
            Choice::FinAgain => {
                self.recovery.tally.troubles_mut().resent_segments += 1;
                self.recovery.stop_timing(now);
            }
            Choice::Ack => {}
        }
        if matches!(choice, Choice::Retransmit(_) | Choice::New(_)) {
            self.note_departure(now, range.len(), pipe, matches!(choice, Choice::Retransmit(_)));
            if tail_probe {
                self.recovery.probed(self.snd.nxt, matches!(choice, Choice::Retransmit(_)));
                self.arm_retransmit(now);
            }
        }
        self.ensure_timer(now);
        // In a repair, too: the last retransmission may be lost as well.
        let new = matches!(choice, Choice::New(_));
        if (new || repairs && matches!(choice, Choice::Retransmit(_))) && !tail_probe {
            self.arm_tail_probe(now);
        }
    }

    /// The congestion controller, and the pace, learn that `bytes` leave while `pipe` are in flight.
    fn note_departure(&mut self, now: Instant, bytes: u32, pipe: u32, again: bool) {
        let app_limited = self.recovery.flight().is_some_and(Flight::is_app_limited);
        self.congestion.on_sent(now, &Sent { again, app_limited, ..Sent::new(bytes, pipe) });
        if let Some(rate) = self.congestion.pacing_rate() {
            self.pacer.sent(now, bytes, rate, self.mss());
        }
    }

    /// The options of the next segment: timestamps on every one (RFC 7323 3.2), SACK blocks while
    /// there is a gap (RFC 2018 4, RFC2018-4-b), or a duplicate to tell of (RFC 2883); only where the
    /// peer has permitted them (RFC2018-4-a).
    pub(super) fn options(&self, now: Instant) -> Options {
        let timestamps = self.timestamps.map(|clock| clock.option(now));
        let most = if timestamps.is_some() { 3 } else { 4 };
        let mut options = Options { timestamps, ..Options::default() };
        if self.sack && self.rcv.has_blocks() {
            options.sack = self.rcv.sack_blocks(most);
        }
        options
    }
}

/// Bytes of text that cost more to copy into a frame than to lend.
const WORTH_LENDING: u32 = 8 << 10;

/// Appends a segment without text.
pub(super) fn emit_empty(
    out: &mut Vec<u8>,
    flow: &Flow,
    config: &super::Config,
    segment: &Segment<'_>,
) -> Outgoing {
    emit_tcp(out, flow, &ip_fields(config), segment, 0, |_| {});
    Outgoing { wire_segments: 1, ..Outgoing::default() }
}

/// The IP header of what this connection sends (RFC 9293 3.9.1.9, MUST-48; 3.9.2, MUST-49). Never
/// to be fragmented, so the identification says nothing (RFC 6864, 4.1).
pub(super) fn ip_fields(config: &super::Config) -> IpFields {
    IpFields { ttl: config.ttl, dscp: config.dscp, ..IpFields::default() }
}

/// A RST that is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// Its sequence number.
    pub seq: SeqNum,
    /// Its acknowledgement number, if it has one.
    pub ack: Option<SeqNum>,
}

impl Reset {
    /// The RST that answers a segment which belongs to no connection (RFC 9293 3.10.7.1, 3.5.2):
    /// none for a RST.
    #[must_use]
    pub fn answering(segment: &Segment<'_>) -> Option<Self> {
        if segment.flags.contains(Flags::RST) {
            return None;
        }
        Some(match segment.ack {
            Some(ack) => Self { seq: ack, ack: None },
            None => Self { seq: SeqNum::new(0), ack: Some(segment.end()) },
        })
    }

    /// As a segment.
    #[must_use]
    pub fn segment(&self) -> Segment<'static> {
        Segment { seq: self.seq, ack: self.ack, flags: Flags::RST, ..Segment::default() }
    }
}
