//! A segment arrives: RFC 9293 3.10.7.4 step by step, for the synchronised states.
//!
//! Each step is a short function that may refuse the segment with the rule that it broke. Nothing
//! is sent here: steps note what is owed, `output.rs` decides.

use std::time::Duration;

use super::blind::{self, Verdict};
use super::congestion::Ack;
use super::receive::Acknowledge;
use super::state::{Event, State};
use super::tcb::{Ending, Tcb};
use super::{Discard, Error, Signals};
use crate::buffer::Pool;
use crate::time::Instant;
use crate::wire::{Flags, Segment, SeqNum, SeqRange};

impl Tcb {
    /// RST (RFC 5961) → SYN → timestamps → acceptable → ACK → URG → text → FIN.
    ///
    /// RST and SYN come before the test of the sequence number since RFC 5961 gives them tests of
    /// their own, and a RST is not subject to PAWS (RFC 7323, 5.2).
    pub(super) fn on_segment(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        pool: &Pool,
    ) -> Result<(), Discard> {
        self.segments_in = self.segments_in.wrapping_add(segment.wire_segments.into());
        if segment.flags.contains(Flags::RST) {
            return self.take_reset(now, segment.seq);
        }
        self.check_syn(now, segment)?;
        self.check_timestamp(now, segment)?;
        self.check_acceptable(now, segment)?;
        self.take_ack(now, segment)?;
        // Only now: what fails the test of its ACK may be somebody's guess (RFC 5961, 5).
        self.heard_at = now;
        self.keepalive_probes = 0;
        self.take_timestamp(now, segment);
        self.take_rest(now, segment, pool)
    }

    /// Sixth to eighth step: URG, text, FIN.
    pub(super) fn take_rest(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        pool: &Pool,
    ) -> Result<(), Discard> {
        if !self.state.may_receive() {
            // Text after the peer's FIN "should not occur": it is not delivered.
            return Ok(());
        }
        self.take_urgent(segment);
        self.take_text(now, segment, pool)?;
        self.take_fin(now, segment);
        Ok(())
    }

    /// RFC 9293 3.10.7.4, second; RFC 5961 3.2. Data on it is no reason to refuse it (SHLD-2).
    fn take_reset(&mut self, now: Instant, seq: SeqNum) -> Result<(), Discard> {
        let edge = self.rcv.nxt + self.rcv.wnd();
        match blind::judge_reset(seq, self.rcv.nxt, edge, self.config.secure_reset) {
            Verdict::Ends => {}
            Verdict::Challenge => {
                self.challenge(now);
                return Err(Discard::BlindReset);
            }
            Verdict::Ignore => return Err(Discard::BlindReset),
        }
        // In CLOSING and LAST-ACK too, where RFC 9293 says nothing of it: our FIN, and what may
        // have been lost before it, was never acknowledged.
        self.end(Ending { error: Some(Error::Reset), reset: false });
        Ok(())
    }

    /// RFC 9293 3.10.7.4, fourth; RFC 5961 4.2.
    fn check_syn(&mut self, now: Instant, segment: &Segment<'_>) -> Result<(), Discard> {
        if !segment.flags.contains(Flags::SYN) {
            return Ok(());
        }
        let edge = self.rcv.nxt + self.rcv.wnd();
        match blind::judge_syn(segment.seq, self.rcv.nxt, edge, self.config.secure_syn) {
            Verdict::Ends => self.end(Ending { error: Some(Error::Reset), reset: true }),
            Verdict::Challenge | Verdict::Ignore => self.challenge(now),
        }
        Err(Discard::BlindSyn)
    }

    /// RFC 7323 3.2 and 5.3, R1.
    fn check_timestamp(&mut self, now: Instant, segment: &Segment<'_>) -> Result<(), Discard> {
        let Some(clock) = &self.timestamps else { return Ok(()) };
        let Some(theirs) = segment.options.timestamps else {
            return Err(Discard::MissingTimestamp);
        };
        if clock.is_old(now, theirs.value) {
            self.answer_unacceptable(now, segment);
            return Err(Discard::OldTimestamp);
        }
        Ok(())
    }

    /// RFC 9293 3.10.7.4, first: something of the segment lies in the window.
    fn check_acceptable(&mut self, now: Instant, segment: &Segment<'_>) -> Result<(), Discard> {
        let acceptable = is_acceptable(segment, self.rcv.nxt, self.rcv.edge);
        if !acceptable {
            self.answer_unacceptable(now, segment);
            return Err(Discard::OutsideWindow);
        }
        Ok(())
    }

    /// A segment that is refused is answered with what we expect. An empty one only within the
    /// limit of challenges, or two confused peers would answer each other for ever.
    fn answer_unacceptable(&mut self, now: Instant, segment: &Segment<'_>) {
        if segment.is_empty() {
            self.challenge(now);
        } else {
            self.note_duplicate(segment);
            self.ack_owed = true;
        }
    }

    /// RFC 2883 4: what was received before is reported, if the peer understands that.
    fn note_duplicate(&mut self, segment: &Segment<'_>) {
        if self.sack && !segment.payload.is_empty() {
            let len = u32::try_from(segment.payload.len()).unwrap_or(u32::MAX);
            self.rcv.note_duplicate(SeqRange::of_len(segment.seq, len));
        }
    }

    /// A challenge ACK, unless this second has seen enough of them (RFC 5961, 7).
    fn challenge(&mut self, now: Instant) {
        self.ack_owed |= self.challenges.spend(now, self.config.challenge_acks);
    }

    fn take_timestamp(&mut self, now: Instant, segment: &Segment<'_>) {
        if let (Some(clock), Some(theirs)) = (&mut self.timestamps, segment.options.timestamps) {
            clock.take(now, theirs.value, segment.seq, self.last_ack_sent);
        }
    }

    /// RFC 9293 3.10.7.4, fifth.
    fn take_ack(&mut self, now: Instant, segment: &Segment<'_>) -> Result<(), Discard> {
        let ack = segment.ack.ok_or(Discard::MissingAck)?;
        if ack.after(self.snd.nxt) {
            self.challenge(now);
            return Err(Discard::FutureAck);
        }
        if ack.before(self.snd.una - self.snd.max_wnd) {
            // RFC 5961 5.2.
            self.challenge(now);
            return Err(Discard::AncientAck);
        }
        let wnd = segment.window.scaled(self.snd.shift);
        let had = self.snd.wnd;
        let mut restart = false;
        if ack.after(self.snd.una) {
            restart = self.take_new_ack(now, segment, ack);
        } else if self.is_duplicate(segment, ack, wnd) {
            self.take_duplicate(now, segment);
        }
        if !ack.before(self.snd.una) && self.snd.update_window(segment.seq, ack, wnd) {
            self.window_moved(now, had);
        }
        if restart {
            // After the window was taken over: it decides which timer it is.
            self.arm_retransmit(now);
        }
        if self.snd.window_closed() {
            // The peer answers: the backoff of the probes goes on, patience begins anew.
            self.snd.stuck_since = now;
        }
        Ok(())
    }

    /// RFC 5681, 2: outstanding data, no text, no SYN or FIN, the same ACK, the same window. With
    /// SACK it must also tell of something that arrived (RFC 6675, 2), and not that it did so twice:
    /// that is no sign of a loss (RFC 2883, 5).
    fn is_duplicate(&self, segment: &Segment<'_>, ack: SeqNum, wnd: u32) -> bool {
        let blocks = &segment.options.sack;
        self.snd.outstanding() > 0
            && ack == self.snd.una
            && segment.is_empty()
            && wnd == self.snd.wnd
            && wnd > 0
            && (!self.sack || !blocks.is_empty() && blocks.duplicate(ack).is_none())
    }

    fn take_duplicate(&mut self, now: Instant, segment: &Segment<'_>) {
        let (sent, mss) = (self.sent(), self.mss());
        let sacked = !segment.options.sack.is_empty();
        self.recovery.on_duplicate(now, sent, sacked, mss, self.congestion.as_mut());
    }

    /// SND.UNA < SEG.ACK =< SND.NXT. Whether the retransmission timer shall start anew
    /// (RFC 6298 5.2, 5.3).
    fn take_new_ack(&mut self, now: Instant, segment: &Segment<'_>, ack: SeqNum) -> bool {
        let bytes = ack.since(self.snd.una);
        let flight = self.snd.outstanding();
        let in_recovery = self.recovery.in_fast_recovery();
        let rtt = self.measure(now, segment, ack);
        let fin_acked = self.snd.acknowledge(now, ack);
        self.soft_error = None;
        self.congestion.on_ack(&Ack {
            acked_total: self.snd.acked,
            sent_total: self.snd.acked + u64::from(self.snd.outstanding()),
            rtt,
            srtt: self.rtt.smoothed(),
            window_limited: !ack.after(self.limited_to),
            in_recovery,
            ..Ack::in_order(now, bytes, flight)
        });
        let (sent, mss) = (self.sent(), self.mss());
        let restart = self.recovery.on_progress(now, bytes, sent, mss, self.congestion.as_mut());
        if self.snd.queue.len() * 3 <= self.config.send_buffer.initial * 2 {
            // A third of the buffer is free: worth waking a writer for.
            self.signals |= Signals::WRITABLE;
        }
        if fin_acked {
            self.fin_acknowledged(now);
        }
        restart || sent.is_empty()
    }

    /// A sample from the segment that is timed, or, where retransmission has spoilt that, from the
    /// timestamp echo (RFC 6298, 3; RFC 7323, 4.1).
    fn measure(&mut self, now: Instant, segment: &Segment<'_>, ack: SeqNum) -> Option<Duration> {
        let rtt = if self.rtt.is_timing() {
            self.rtt.timed(now, ack)
        } else {
            let echo = segment.options.timestamps.map(|theirs| theirs.echo);
            let clock = self.timestamps.as_ref();
            let rtt = clock.zip(echo).and_then(|(clock, echo)| clock.round_trip(now, echo));
            rtt.filter(|&rtt| self.rtt.is_credible(now, rtt))
        };
        if let Some(rtt) = rtt {
            self.rtt.sample(rtt, &self.config);
        }
        rtt
    }

    fn fin_acknowledged(&mut self, now: Instant) {
        self.state = self.state.after(Event::FinAcked);
        self.signals |= Signals::WRITABLE;
        if self.state == State::Closed {
            self.end(Ending { error: None, reset: false });
        }
        self.arm_orphan(now);
    }

    /// The peer's window has changed from `had`.
    fn window_moved(&mut self, now: Instant, had: u32) {
        let opened = had == 0 && self.snd.wnd > 0;
        if opened {
            self.snd.probes = 0;
            self.snd.probe_due = false;
            self.snd.stuck_since = now;
            if self.snd.outstanding() > 0 {
                // The probe, and what the window shrank away from, was thrown away.
                let sent = self.sent();
                self.recovery.rewind(sent);
                self.rtt.stop_timing(now);
            }
        }
        if opened || self.snd.wnd == 0 && had > 0 {
            self.arm_retransmit(now);
        }
    }

    /// RFC 9293 3.10.7.4, sixth: RCV.UP moves forward; the bytes stay in line (RFC 6093).
    fn take_urgent(&mut self, segment: &Segment<'_>) {
        if !segment.flags.contains(Flags::URG) {
            return;
        }
        // MUST-62: the pointer designates the byte after the urgent data.
        let end = segment.seq + u32::from(segment.urgent);
        let known = self.rcv.urgent.unwrap_or(self.rcv.nxt);
        if end.after(known) {
            self.rcv.urgent = Some(end);
            self.signals |= Signals::URGENT;
        }
    }

    /// RFC 9293 3.10.7.4, seventh.
    fn take_text(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        pool: &Pool,
    ) -> Result<(), Discard> {
        if segment.payload.is_empty() {
            return Ok(());
        }
        let end = segment.seq + u32::try_from(segment.payload.len()).unwrap_or(u32::MAX);
        if self.orphaned && end.after(self.rcv.nxt) {
            // SHLD-3: nobody will read it, and the sender must know.
            self.end(Ending { error: None, reset: true });
            return Err(Discard::DataAfterClose);
        }
        self.note_duplicate(segment);
        let before = self.rcv.nxt;
        let how = self.rcv.take_text(pool, segment.seq, segment.payload, segment.wire_segments);
        if self.rcv.nxt != before {
            self.signals |= Signals::READABLE;
            self.signals.set(Signals::PRESSING, self.rcv.is_pressing());
            self.more_acks = 0;
        }
        match how {
            Acknowledge::Each if self.ack_owed => {
                self.more_acks = self.more_acks.saturating_add(1);
            }
            Acknowledge::Now | Acknowledge::Each => self.ack_owed = true,
            Acknowledge::Later if self.config.quick_ack => self.ack_owed = true,
            Acknowledge::Later if self.timers.delayed_ack.is_never() => {
                // MUST-40: not later than that.
                self.timers.delayed_ack = now + self.config.delayed_ack;
            }
            Acknowledge::Later => {}
        }
        Ok(())
    }

    /// RFC 9293 3.10.7.4, eighth.
    fn take_fin(&mut self, _now: Instant, segment: &Segment<'_>) {
        if segment.flags.contains(Flags::FIN) {
            let seq = segment.seq + u32::try_from(segment.payload.len()).unwrap_or(u32::MAX);
            if !seq.after(self.rcv.edge) {
                self.rcv.take_fin(seq);
            }
            self.ack_owed = true;
        }
        if self.rcv.pass_fin() {
            self.state = self.state.after(Event::Fin);
            self.ack_owed = true;
            self.fin_again = self.config.repeat_fin && self.state == State::Closing;
            self.signals |= Signals::READABLE;
        }
    }
}

/// RFC 9293 3.10.7.4, first: whether something of the segment lies in the window from `nxt` up to
/// `edge`.
pub(super) fn is_acceptable(segment: &Segment<'_>, nxt: SeqNum, edge: SeqNum) -> bool {
    if segment.is_empty() {
        // At the right edge too: that is where a peer stands that has filled our window and lost a
        // part of it, and its acknowledgements count.
        !segment.seq.before(nxt) && !segment.seq.after(edge)
    } else if nxt == edge {
        // A closed window takes no text, but ACK, URG and FIN count (MUST-66).
        segment.seq == nxt
    } else {
        segment.seq.before(edge) && segment.end().after(nxt)
    }
}
