//! What is sent next? A pure decision, `choose`, and then its construction, `build`
//! (RFC 9293, 3.7, 3.8, 3.10.7.4). The only caller of `emit_tcp` for open connections.

use super::send::Stretch;
use super::tcb::Tcb;
use super::{Limits, Outgoing};
use crate::time::Instant;
use crate::wire::{Flags, Flow, IpFields, Options, Segment, SeqNum, SeqRange, emit_tcp};

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
        limits: &Limits,
        out: &mut Vec<u8>,
    ) -> Option<Outgoing> {
        self.note_path(now, limits.mtu);
        self.restart_after_idle(now);
        let choice = self.choose(limits);
        let Some(choice) = choice else {
            self.note_limit();
            self.ensure_timer(now);
            return None;
        };
        Some(self.build(choice, now, limits, out))
    }

    /// RFC 5681 4.1: what the window was before a long silence says little about the path now.
    fn restart_after_idle(&mut self, now: Instant) {
        let idle = self.snd.outstanding() == 0 && self.snd.has_unsent();
        if idle && now - self.snd.last_sent > self.rtt.rto(&self.config) {
            self.congestion.on_idle(now);
        }
    }

    /// The decision. Lost data first, then new data, then what keeps the conversation alive.
    pub(super) fn choose(&self, limits: &Limits) -> Option<Choice> {
        if self.snd.window_closed() {
            if self.snd.probe_due {
                return Some(Choice::Probe);
            }
        } else if let Some(resend) = self.recovery.resend() {
            if let Some(range) = self.choose_resend(resend, limits) {
                return Some(Choice::Retransmit(range));
            }
        } else {
            let payload = self.payload_limit(limits);
            let most = payload.saturating_mul(limits.segments.try_into().unwrap_or(1));
            let config = &self.config;
            if let Some(stretch) = self.snd.next_stretch(self.room(), payload, most, config) {
                return Some(Choice::New(stretch));
            }
        }
        if self.keepalive_owed {
            return Some(Choice::KeepAlive);
        }
        let fin_again = self.fin_again && self.snd.outstanding() == 1;
        self.ack_owed.then_some(if fin_again { Choice::FinAgain } else { Choice::Ack })
    }

    fn choose_resend(&self, resend: SeqRange, limits: &Limits) -> Option<SeqRange> {
        // RFC 9293 3.8.6, SHLD-16: inside of the current window.
        let edge = self.snd.window_edge();
        let within = if resend.start.before(edge) { edge.since(resend.start) } else { 0 };
        let len = resend.len().min(self.payload_limit(limits)).min(within);
        // After a time-out the congestion window decides, as in slow start.
        let fits = !self.recovery.resend_waits()
            || self.pipe() == 0
            || self.pipe() + len <= self.congestion.window();
        (len > 0 && fits).then(|| SeqRange::of_len(resend.start, len))
    }

    /// Bytes that congestion control still lets fly.
    fn room(&self) -> u32 {
        let allowed = self.congestion.window().saturating_add(self.recovery.allowance(self.mss()));
        allowed.saturating_sub(self.pipe())
    }

    /// Bytes thought to be in the network.
    fn pipe(&self) -> u32 {
        self.recovery.pipe(self.snd.outstanding())
    }

    /// Largest payload of the next segment, bytes: what the peer and the path take, less the
    /// options that the segment will carry (RFC 9293 3.7.1, MUST-16; RFC 6691).
    fn payload_limit(&self, limits: &Limits) -> u32 {
        let path = u32::try_from(limits.mtu).unwrap_or(u32::MAX).saturating_sub(HEADERS);
        let options = if self.sack && self.rcv.has_blocks() {
            self.options(Instant::ZERO).wire_len()
        } else {
            self.timestamps.map_or(0, |_| super::tcb::TIMESTAMP_BYTES as usize)
        };
        let options = u32::try_from(options).unwrap_or(0);
        u32::from(self.snd.mss).min(path).saturating_sub(options).max(1)
    }

    /// Remembers where the congestion window, and nothing else, has stopped us.
    fn note_limit(&mut self) {
        let waiting = self.snd.unsent().min(self.snd.usable());
        let resending = self.recovery.resend_waits() && self.recovery.resend().is_some();
        if resending || waiting > 0 && self.room() < waiting.min(self.mss()) {
            self.limited_to = self.snd.nxt;
        }
    }

    /// Builds what was chosen, and notes that it is done.
    fn build(
        &mut self,
        choice: Choice,
        now: Instant,
        limits: &Limits,
        out: &mut Vec<u8>,
    ) -> Outgoing {
        let payload = self.payload_limit(limits);
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
        let segment = Segment {
            seq: range.start,
            ack: Some(self.rcv.nxt),
            flags,
            window: self.rcv.advertise(),
            options: self.options(now),
            ..Segment::default()
        };
        let offset = range.start.since(self.snd.una) as usize;
        let queue = &self.snd.queue;
        let ip = ip_fields(&self.config);
        emit_tcp(out, &self.flow, &ip, &segment, text_len as usize, |space| {
            queue.copy_to(offset, space);
        });
        self.note_sent(choice, now, range, payload);
        // At most a frame of 64 KiB.
        let wire_segments = u16::try_from(text_len.div_ceil(payload).max(1)).unwrap_or(u16::MAX);
        self.segments_out = self.segments_out.wrapping_add(wire_segments.into());
        Outgoing { wire_segments }
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
        match choice {
            Choice::Retransmit(_) => {
                self.retransmissions += 1;
                self.rtt.stop_timing(now);
                self.recovery.resent(range.end);
                self.snd.last_sent = now;
                if self.recovery.in_fast_recovery() {
                    // RFC 6298 5: a segment waits a whole RTO after it was sent (again).
                    self.arm_retransmit(now);
                }
            }
            Choice::New(_) => {
                if self.snd.outstanding() == 0 {
                    // Whatever ran until now (the override of a small window, say) was not the
                    // time-out of this segment (RFC 6298 5.1).
                    self.timers.retransmit = Instant::NEVER;
                }
                self.snd.sent(now, range.end);
                if !range.len().is_multiple_of(payload) {
                    self.snd.small_end = range.end;
                }
                self.rtt.time(now, range.end);
            }
            Choice::Probe => {
                self.snd.probe_due = false;
                self.rtt.stop_timing(now);
                self.snd.sent(now, range.end);
                self.snd.small_end = range.end;
            }
            Choice::KeepAlive => self.keepalive_owed = false,
            Choice::FinAgain => {
                self.retransmissions += 1;
                self.rtt.stop_timing(now);
            }
            Choice::Ack => {}
        }
        self.ensure_timer(now);
    }

    /// The options of the next segment: timestamps on every one (RFC 7323 3.2), SACK blocks while
    /// there is a gap (RFC 2018, 4), or a duplicate to tell of (RFC 2883).
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

/// IPv4 and TCP header without options.
pub(super) const HEADERS: u32 = 40;

/// Appends a segment without text.
pub(super) fn emit_empty(
    out: &mut Vec<u8>,
    flow: &Flow,
    config: &super::Config,
    segment: &Segment<'_>,
) -> Outgoing {
    emit_tcp(out, flow, &ip_fields(config), segment, 0, |_| {});
    Outgoing { wire_segments: 1 }
}

/// The IP header of what this connection sends (RFC 9293 3.9.1.9, MUST-48; 3.9.2, MUST-49). Never
/// to be fragmented, so the identification says nothing (RFC 6864, 4.1).
fn ip_fields(config: &super::Config) -> IpFields {
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
