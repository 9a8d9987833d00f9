//! A segment arrives: RFC 9293 3.10.7.4 step by step, for the synchronised states.
//!
//! Each step is a short function that may refuse the segment with the rule that it broke. Nothing
//! is sent here: steps note what is owed, `output.rs` decides.

use super::blind::{self, Verdict};
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
        if !segment.payload.is_empty() {
            self.data_segments_in =
                self.data_segments_in.wrapping_add(segment.wire_segments.into());
        }
        self.only_fin_owed = false;
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
        // RFC 3168 6.1.5, RFC3168-6.1.5: what lies outside of the window tells nothing.
        if segment.seq.before(self.rcv.edge) {
            self.ack_owed |= self.ecn.take_marks(segment);
        }
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
    pub(super) fn challenge(&mut self, now: Instant) {
        self.ack_owed |= self.challenges.spend(now, self.config.challenge_acks);
    }

    fn take_timestamp(&mut self, now: Instant, segment: &Segment<'_>) {
        if let (Some(clock), Some(theirs)) = (&mut self.timestamps, segment.options.timestamps) {
            clock.take(now, theirs.value, segment.seq, self.last_ack_sent);
        }
    }

    /// RFC 9293 3.10.7.4, sixth: RCV.UP moves forward; the bytes stay in line (RFC 6093).
    fn take_urgent(&mut self, segment: &Segment<'_>) {
        if !segment.flags.contains(Flags::URG) {
            return;
        }
        // MUST-62: the pointer designates the byte after the urgent data.
        let end = segment.seq + u32::from(segment.urgent);
        if self.rcv.take_urgent(end) {
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
        self.text_at = now;
        self.note_duplicate(segment);
        let before = self.rcv.nxt;
        let how = self.rcv.take_text(pool, segment.seq, segment.payload, segment.wire_segments);
        self.tune_receive_buffer(now, segment);
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
                // MUST-40, RFC 5681 4.2, RFC5681-4.2-b: not later than that.
                self.timers.delayed_ack = now + self.config.delayed_ack;
            }
            Acknowledge::Later => {}
        }
        Ok(())
    }

    /// RFC 9293 3.10.7.4, eighth.
    fn take_fin(&mut self, _now: Instant, segment: &Segment<'_>) {
        let fin_only = !self.ack_owed && self.timers.delayed_ack.is_never();
        let brought = segment.flags.contains(Flags::FIN).then(|| {
            self.ack_owed = true;
            segment.seq + u32::try_from(segment.payload.len()).unwrap_or(u32::MAX)
        });
        if self.rcv.pass_fin(brought.filter(|fin| !fin.after(self.rcv.edge))) {
            self.state = self.state.after(Event::Fin);
            self.ack_owed = true;
            self.only_fin_owed = fin_only;
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
