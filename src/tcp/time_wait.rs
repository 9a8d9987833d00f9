//! What remains of a connection? TIME-WAIT, where old segments die out (RFC 9293 3.6.1, 3.10.7.4;
//! RFC 1337, RFC 6191), and what the application may still read when all is over.

use std::sync::Arc;

use super::blind::Challenges;
use super::output::{Reset, emit_empty};
use super::tcb::{Ending, Tcb};
use super::timestamps::TimestampClock;
use super::{Config, Discard, Error, Outgoing};
use crate::buffer::Queue;
use crate::time::Instant;
use crate::wire::{Flags, Flow, Options, RawWindow, Segment, SeqNum};

/// A connection in TIME-WAIT.
#[derive(Debug)]
pub(super) struct Lingering {
    pub(super) wait: TimeWait,
    /// What the application has not read yet.
    pub(super) unread: Queue,
    /// The application let go of it.
    pub(super) orphaned: bool,
}

/// TIME-WAIT: as little as answering takes.
#[derive(Clone, Debug)]
pub(crate) struct TimeWait {
    pub(super) config: Arc<Config>,
    /// SND.NXT.
    nxt: SeqNum,
    /// RCV.NXT: the number behind the peer's FIN.
    rcv_nxt: SeqNum,
    /// The window field of what we answer.
    window: RawWindow,
    timestamps: Option<TimestampClock>,
    expires: Instant,
    ack_owed: bool,
    /// Challenge ACKs of late: two ends that both linger, and disagree, shall not answer each other
    /// for ever.
    challenges: Challenges,
    /// It has begun anew since somebody asked last.
    restarted: bool,
}

/// What a segment means for a TIME-WAIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It stays.
    Stay,
    /// A SYN may take over (RFC 6191).
    Reuse,
}

impl Lingering {
    /// Both sides have closed: 2 MSL begin (RFC 9293 3.6.1, MUST-13).
    pub(super) fn new(now: Instant, tcb: &mut Tcb) -> Self {
        let wait = TimeWait {
            config: Arc::clone(&tcb.config),
            nxt: tcb.snd.nxt,
            rcv_nxt: tcb.rcv.nxt,
            window: tcb.rcv.advertise(),
            timestamps: tcb.timestamps,
            expires: now + tcb.config.time_wait,
            ack_owed: tcb.ack_owed,
            challenges: tcb.challenges,
            restarted: false,
        };
        let unread = std::mem::take(&mut tcb.rcv.queue);
        Self { wait, unread, orphaned: tcb.orphaned }
    }

    /// 2 MSL have passed, or nobody needs to know any more.
    pub(super) fn over(&mut self) -> Over {
        Over {
            config: Arc::clone(&self.wait.config),
            error: None,
            unread: std::mem::take(&mut self.unread),
            reset_owed: None,
        }
    }
}

impl TimeWait {
    /// A segment of the connection has arrived; an answer may be owed to it.
    pub(crate) fn on_segment(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
    ) -> Result<Verdict, Discard> {
        if segment.flags.contains(Flags::RST) {
            // RFC 1337: a RST, maybe an old one, must not end the wait.
            return Err(Discard::ResetInTimeWait);
        }
        if segment.flags.contains(Flags::SYN) {
            return if segment.ack.is_none() && self.may_reuse(now, segment) {
                Ok(Verdict::Reuse)
            } else {
                self.refuse_reuse(now);
                Err(Discard::OldSyn)
            };
        }
        self.check_timestamp(now, segment)?;
        if segment.flags.contains(Flags::FIN) && segment.end() == self.rcv_nxt {
            // The peer's FIN again: our ACK was lost.
            self.expires = now + self.config.time_wait;
            self.restarted = true;
            self.ack_owed = true;
            return Ok(Verdict::Stay);
        }
        if segment.seq == self.rcv_nxt && segment.ack.is_none() {
            return Err(Discard::MissingAck);
        }
        if segment.seq != self.rcv_nxt || !segment.is_empty() {
            self.answer_unacceptable(now, segment);
            return Err(Discard::OutsideWindow);
        }
        Ok(Verdict::Stay)
    }

    /// The SYN opens nothing: it is challenged as in any state (RFC 5961, 4.2).
    pub(crate) fn refuse_reuse(&mut self, now: Instant) {
        self.ack_owed |= self.challenges.spend(now, self.config.challenge_acks);
    }

    /// RFC 6191, 2; RFC 9293 3.6.1, MAY-2, SHLD-4: newer by its timestamp, or by its number where
    /// timestamps say nothing.
    fn may_reuse(&self, now: Instant, syn: &Segment<'_>) -> bool {
        let higher = syn.seq.after(self.rcv_nxt);
        match (&self.timestamps, syn.options.timestamps) {
            (Some(clock), Some(theirs)) if theirs.value == clock.recent() => higher,
            (Some(clock), Some(theirs)) => !clock.is_old(now, theirs.value),
            (None, Some(_)) => true,
            (_, None) => higher,
        }
    }

    /// RFC 7323 3.2 and 5.3: as for an open connection.
    fn check_timestamp(&mut self, now: Instant, segment: &Segment<'_>) -> Result<(), Discard> {
        let Some(clock) = &self.timestamps else { return Ok(()) };
        let theirs = segment.options.timestamps.ok_or(Discard::MissingTimestamp)?;
        if clock.is_old(now, theirs.value) {
            self.answer_unacceptable(now, segment);
            return Err(Discard::OldTimestamp);
        }
        Ok(())
    }

    /// As for an open connection: what is empty only within the limit of challenges.
    fn answer_unacceptable(&mut self, now: Instant, segment: &Segment<'_>) {
        let limited = segment.is_empty();
        self.ack_owed |= !limited || self.challenges.spend(now, self.config.challenge_acks);
    }

    /// When 2 MSL have passed.
    pub(crate) fn expires(&self) -> Instant {
        self.expires
    }

    /// Whether they have begun anew since this was asked last.
    pub(crate) fn take_restarted(&mut self) -> bool {
        std::mem::take(&mut self.restarted)
    }

    /// Appends the answer that is owed to `out`, if one is.
    pub(crate) fn poll_transmit(
        &mut self,
        now: Instant,
        flow: &Flow,
        out: &mut Vec<u8>,
    ) -> Option<Outgoing> {
        if !std::mem::take(&mut self.ack_owed) {
            return None;
        }
        let segment = Segment {
            seq: self.nxt,
            ack: Some(self.rcv_nxt),
            window: self.window,
            options: Options {
                timestamps: self.timestamps.map(|clock| clock.option(now)),
                ..Options::default()
            },
            ..Segment::default()
        };
        Some(emit_empty(out, flow, &self.config, &segment))
    }
}

/// A connection that is over: an error to tell, text to read, a RST to send.
#[derive(Debug)]
pub(super) struct Over {
    pub(super) config: Arc<Config>,
    pub(super) error: Option<Error>,
    /// What the application has not read yet: it was acknowledged, so it is not thrown away.
    pub(super) unread: Queue,
    reset_owed: Option<(Reset, Options)>,
}

impl Over {
    /// An open connection has ended.
    pub(super) fn of_open(now: Instant, tcb: &mut Tcb, ending: Ending) -> Self {
        // RFC 9293 3.10.5: the number that the peer expects, and RFC 7323 5.2: timestamps.
        let reset = Reset { seq: tcb.snd.bare_seq(), ack: Some(tcb.rcv.nxt) };
        let options = Options {
            timestamps: tcb.timestamps.map(|clock| clock.option(now)),
            ..Options::default()
        };
        Self {
            config: Arc::clone(&tcb.config),
            error: ending.error,
            unread: std::mem::take(&mut tcb.rcv.queue),
            reset_owed: ending.reset.then_some((reset, options)),
        }
    }

    /// A connection has ended before it was open.
    pub(super) fn of_opening(
        config: Arc<Config>,
        error: Option<Error>,
        reset: Option<Reset>,
    ) -> Self {
        let reset_owed = reset.map(|reset| (reset, Options::default()));
        Self { config, error, unread: Queue::new(), reset_owed }
    }

    pub(super) fn poll_transmit(&mut self, flow: &Flow, out: &mut Vec<u8>) -> Option<Outgoing> {
        let (reset, options) = self.reset_owed.take()?;
        let segment = Segment { options, ..reset.segment() };
        Some(emit_empty(out, flow, &self.config, &segment))
    }
}
