//! One connection through its phases. The phases hold different data, so they are different
//! structs; this file is where one becomes the next.

use std::sync::Arc;

use super::handshake::{Closed, Opening, Progress};
use super::negotiation::Negotiated;
use super::state::{Event, State};
use super::tcb::{Ending, Tcb};
use super::time_wait::{Lingering, Over, TimeWait, Verdict};
use super::{Birth, Discard, Error, Limits, Outgoing, Reaction, Shutdown, Signals, Trouble};
use crate::buffer::{Chunk, Pool, Queue};
use crate::time::Instant;
use crate::wire::{Flags, Flow, Segment, SeqNum};

/// One TCP connection, from the first SYN to the end of TIME-WAIT.
///
/// One door in, [`Connection::on_segment`]; one door out, [`Connection::poll_transmit`], to be
/// called after anything else until it returns `None`.
#[derive(Debug)]
pub struct Connection {
    pub(super) phase: Phase,
}

/// Type the phase, not the state.
#[derive(Debug)]
pub(super) enum Phase {
    /// SYN-SENT, SYN-RECEIVED.
    Opening(Box<Opening>),
    /// ESTABLISHED to LAST-ACK.
    Open(Box<Tcb>),
    /// TIME-WAIT.
    Lingering(Box<Lingering>),
    /// CLOSED.
    Over(Box<Over>),
}

impl Connection {
    /// Active open: a SYN is owed (RFC 9293 3.10.1).
    #[must_use]
    pub fn active(now: Instant, birth: Birth) -> Self {
        Self { phase: Phase::Opening(Box::new(Opening::active(now, birth))) }
    }

    /// Passive open by `syn`, which the caller has found to be a SYN without ACK and RST: a
    /// SYN-ACK is owed (RFC 9293 3.10.7.2).
    #[must_use]
    pub fn passive(now: Instant, birth: Birth, syn: &Segment<'_>) -> Self {
        Self { phase: Phase::Opening(Box::new(Opening::passive(now, birth, syn))) }
    }

    /// The only door in: one segment of this connection has arrived, its checksum verified.
    pub fn on_segment(&mut self, now: Instant, segment: &Segment<'_>, pool: &Pool) -> Reaction {
        match &mut self.phase {
            Phase::Opening(opening) => match opening.on_segment(now, segment) {
                Ok(Progress::Opening) => Reaction::default(),
                Ok(Progress::Open(negotiated)) => self.open(now, &negotiated, segment, pool),
                Ok(Progress::Over(ending)) => {
                    Reaction { signals: self.end_opening(ending), discard: None }
                }
                Err(discard) => Reaction { signals: Signals::empty(), discard: Some(discard) },
            },
            Phase::Open(tcb) => {
                let result = if tcb.unconfirmed.is_some() {
                    tcb.on_unconfirmed(now, segment, pool)
                } else {
                    tcb.on_segment(now, segment, pool)
                };
                let discard = result.err();
                Reaction { signals: self.settle(now), discard }
            }
            Phase::Lingering(lingering) => match lingering.wait.on_segment(now, segment) {
                Ok(Verdict::Stay) => Reaction::default(),
                Ok(Verdict::Reuse) => Reaction { signals: Signals::REUSE, discard: None },
                Err(discard) => Reaction { signals: Signals::empty(), discard: Some(discard) },
            },
            Phase::Over(_) => {
                Reaction { signals: Signals::empty(), discard: Some(Discard::Closed) }
            }
        }
    }

    /// Nobody listens for the SYN that a TIME-WAIT would have given way to.
    pub fn refuse_reuse(&mut self, now: Instant) {
        if let Phase::Lingering(lingering) = &mut self.phase {
            lingering.wait.refuse_reuse(now);
        }
    }

    /// A moment that `poll_timeout` named has come. Calling it too early does nothing.
    pub fn on_timeout(&mut self, now: Instant) -> Signals {
        match &mut self.phase {
            Phase::Opening(opening) => {
                opening.on_timeout(now).map_or(Signals::empty(), |ending| self.end_opening(ending))
            }
            Phase::Open(tcb) => {
                tcb.on_timeout(now);
                self.settle(now)
            }
            Phase::Lingering(lingering) if lingering.wait.expires().is_due(now) => {
                let over = lingering.over();
                self.become_over(over)
            }
            Phase::Lingering(_) | Phase::Over(_) => Signals::empty(),
        }
    }

    /// When `on_timeout` wants to be called; `NEVER` when no timer runs.
    #[must_use]
    pub fn poll_timeout(&self) -> Instant {
        match &self.phase {
            Phase::Opening(opening) => opening.poll_timeout(),
            Phase::Open(tcb) => tcb.next_timeout(),
            Phase::Lingering(lingering) => lingering.wait.expires(),
            Phase::Over(_) => Instant::NEVER,
        }
    }

    /// The only door out: appends one IP packet that is owed to `out`, or returns `None`. Call it
    /// until it returns `None`. Between whom it is, `flow`, the caller knows: it is how he has found
    /// the connection.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        flow: &Flow,
        limits: &Limits,
        out: &mut Vec<u8>,
    ) -> Option<Outgoing> {
        match &mut self.phase {
            Phase::Opening(opening) => opening.poll_transmit(now, flow, out),
            Phase::Open(tcb) => {
                let syn_ack = tcb.send_syn_ack(now, flow, out);
                syn_ack.or_else(|| tcb.poll_transmit(now, flow, limits, out))
            }
            Phase::Lingering(lingering) => lingering.wait.poll_transmit(now, flow, out),
            Phase::Over(over) => over.poll_transmit(flow, out),
        }
    }

    /// The network reports `trouble` with a segment of ours that it says had `seq`: believed only
    /// of what is outstanding (RFC 5927, 4.1). It may end an attempt to connect; an open connection
    /// keeps it in mind, in case it times out (RFC 9293 3.9.2.2, MUST-54, MUST-56; RFC 5927, 5.2).
    pub fn on_icmp(&mut self, _now: Instant, seq: SeqNum, trouble: Trouble) -> Signals {
        match (&mut self.phase, trouble) {
            (Phase::Opening(opening), Trouble::Hard(error)) if opening.is_ours(seq) => {
                return self.end_opening(Ending { error: Some(error), reset: false });
            }
            (Phase::Opening(opening), Trouble::Soft(error)) if opening.is_ours(seq) => {
                opening.soft_error = Some(error);
            }
            (Phase::Open(tcb), trouble) if tcb.sent().contains(seq) => {
                tcb.soft_error = Some(trouble.error());
            }
            _ => {}
        }
        Signals::empty()
    }

    /// Hands `chunk` over to be sent. As much as the send buffer has room for is taken; how much
    /// that was (0: wait for `WRITABLE`). Before the connection is open it takes nothing.
    pub fn write(&mut self, _now: Instant, mut chunk: Chunk) -> Result<usize, Error> {
        match &mut self.phase {
            Phase::Open(tcb) if tcb.state.may_send() => {
                // Its memory is taken: what was asked for before is not asked again.
                chunk.truncate((tcb.snd.capacity as usize).saturating_sub(tcb.snd.queue.len()));
                let taken = chunk.len();
                if taken > 0 {
                    tcb.snd.queue.append(chunk);
                }
                Ok(taken)
            }
            Phase::Opening(_) => Ok(0),
            _ => Err(self.error().unwrap_or(Error::Aborted)),
        }
    }

    /// Bytes that `write` would take now.
    #[must_use]
    pub fn writable(&self) -> usize {
        match &self.phase {
            Phase::Open(tcb) if tcb.state.may_send() => tcb.writable(),
            _ => 0,
        }
    }

    /// Whether it is worth waiting no longer to write: a third of the send buffer is free. `WRITABLE`
    /// tells that this holds; `write` takes less than that as well.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        match &self.phase {
            Phase::Open(tcb) if tcb.state.may_send() => tcb.is_writable(),
            _ => false,
        }
    }

    /// Bytes that wait to be read.
    #[must_use]
    pub fn readable(&self) -> usize {
        self.unread().map_or(0, Queue::len)
    }

    /// Takes the first whole chunk that waits to be read, if it fits into `max` bytes.
    pub fn read_chunk(&mut self, max: usize) -> Option<Chunk> {
        let chunk = self.unread_mut()?.take_front(max);
        self.after_reading();
        chunk
    }

    /// Copies what waits to be read into `out` and, unless `peek`, takes it away; how much it was.
    pub fn read(&mut self, out: &mut [u8], peek: bool) -> usize {
        let Some(queue) = self.unread_mut() else { return 0 };
        let count = queue.copy_to(0, out);
        if !peek {
            queue.discard(count);
            self.after_reading();
        }
        count
    }

    /// Whether the peer's FIN was reached, or reading was shut down, or the connection is over:
    /// when nothing is readable nothing will be.
    #[must_use]
    pub fn read_ended(&self) -> bool {
        match &self.phase {
            Phase::Opening(_) => false,
            Phase::Open(tcb) => tcb.rcv.ended || tcb.rcv.shut,
            Phase::Lingering(_) | Phase::Over(_) => true,
        }
    }

    /// Whether writing is over: shut down by us, or the connection is over.
    #[must_use]
    pub fn write_ended(&self) -> bool {
        match &self.phase {
            Phase::Opening(_) => false,
            Phase::Open(tcb) => !tcb.state.may_send(),
            Phase::Lingering(_) | Phase::Over(_) => true,
        }
    }

    /// Nothing is unsent or unacknowledged, our FIN included once closed.
    #[must_use]
    pub fn flushed(&self) -> bool {
        match &self.phase {
            Phase::Opening(_) => false,
            Phase::Open(tcb) => tcb.snd.is_flushed(),
            Phase::Lingering(_) | Phase::Over(_) => true,
        }
    }

    /// CLOSE of one direction or both while the application keeps the connection
    /// (RFC 9293 3.10.4). Where reading is shut down, what still arrives is acknowledged and may
    /// be read, as with Linux; only nobody waits for it.
    pub fn shutdown(&mut self, _now: Instant, how: Shutdown) -> Signals {
        match &mut self.phase {
            Phase::Open(tcb) => {
                if how != Shutdown::Write {
                    tcb.rcv.shut = true;
                    tcb.signals |= Signals::READABLE;
                }
                if how != Shutdown::Read {
                    tcb.close_sending();
                }
                std::mem::take(&mut tcb.signals)
            }
            Phase::Opening(opening) if how != Shutdown::Read => {
                opening.closed = opening.closed.max(Closed::Sending);
                Signals::empty()
            }
            _ => Signals::empty(),
        }
    }

    /// The application lets go: CLOSE of both directions (RFC 9293 3.10.4). With unread data the
    /// connection is reset (3.6.1, SHLD-3); in SYN-SENT it just ends.
    pub fn close(&mut self, now: Instant) -> Signals {
        match &mut self.phase {
            Phase::Opening(opening) if opening.state == State::SynReceived => {
                opening.closed = Closed::All;
                Signals::empty()
            }
            Phase::Opening(_) => {
                self.end_opening(Ending { error: Some(Error::Aborted), reset: false })
            }
            Phase::Open(tcb) => {
                tcb.orphan(now);
                self.settle(now)
            }
            Phase::Lingering(lingering) => {
                lingering.unread.clear();
                lingering.orphaned = true;
                Signals::empty()
            }
            Phase::Over(over) => {
                over.unread.clear();
                Signals::empty()
            }
        }
    }

    /// ABORT (RFC 9293 3.10.5): a RST is owed where the peer still waits for something.
    pub fn abort(&mut self, now: Instant) -> Signals {
        match &mut self.phase {
            Phase::Opening(_) => {
                self.end_opening(Ending { error: Some(Error::Aborted), reset: true })
            }
            Phase::Open(tcb) => {
                let reset = !matches!(tcb.state, State::Closing | State::LastAck);
                tcb.rcv.queue.clear();
                tcb.end(Ending { error: Some(Error::Aborted), reset });
                self.settle(now)
            }
            Phase::Lingering(lingering) => {
                let mut over = lingering.over();
                over.unread.clear();
                self.become_over(over)
            }
            Phase::Over(_) => Signals::empty(),
        }
    }

    /// In TIME-WAIT with nobody who holds it any more: what can go on without the connection. To be
    /// asked when nothing is owed.
    pub(crate) fn time_wait(&self) -> Option<&TimeWait> {
        match &self.phase {
            Phase::Lingering(lingering) if lingering.orphaned => Some(&lingering.wait),
            _ => None,
        }
    }

    /// Why the connection ended, if not in good order.
    #[must_use]
    pub fn error(&self) -> Option<Error> {
        match &self.phase {
            Phase::Over(over) => over.error,
            _ => None,
        }
    }

    /// The state by its RFC name.
    #[must_use]
    pub fn state(&self) -> State {
        match &self.phase {
            Phase::Opening(opening) => opening.state,
            Phase::Open(tcb) => tcb.seen_state(),
            Phase::Lingering(_) => State::TimeWait,
            Phase::Over(_) => State::Closed,
        }
    }

    /// What must hold after every step.
    ///
    /// # Panics
    /// When it does not: a bug of ours. For tests and fuzzing.
    pub fn check_invariants(&self) {
        if let Phase::Open(tcb) = &self.phase {
            tcb.check_invariants();
        }
    }

    fn unread(&self) -> Option<&Queue> {
        match &self.phase {
            Phase::Opening(_) => None,
            Phase::Open(tcb) => Some(&tcb.rcv.queue),
            Phase::Lingering(lingering) => Some(&lingering.unread),
            Phase::Over(over) => Some(&over.unread),
        }
    }

    fn unread_mut(&mut self) -> Option<&mut Queue> {
        match &mut self.phase {
            Phase::Opening(_) => None,
            Phase::Open(tcb) => Some(&mut tcb.rcv.queue),
            Phase::Lingering(lingering) => Some(&mut lingering.unread),
            Phase::Over(over) => Some(&mut over.unread),
        }
    }

    /// Something is to be acknowledged now, or the peer is to hear of room that was made.
    #[must_use]
    pub fn owes_ack(&self) -> bool {
        matches!(&self.phase, Phase::Open(tcb) if tcb.ack_owed)
    }

    /// The application is about to hear of the peer's FIN: what it says next, its own FIN mostly, may
    /// take the acknowledgement along. It waits as that of text does (RFC 9293 3.8.6.3, MUST-40), and
    /// only if the FIN is all that its sender waits for, who then allows for such a wait (RFC 8985
    /// 7.2). Linux acknowledges a FIN late, too.
    pub fn put_off_fin_ack(&mut self, now: Instant) {
        if let Phase::Open(tcb) = &mut self.phase
            && tcb.ack_owed
            && tcb.only_fin_owed
            && tcb.state == State::CloseWait
            && !tcb.config.quick_ack
        {
            tcb.ack_owed = false;
            tcb.timers.delayed_ack = now + tcb.config.delayed_ack;
        }
    }

    /// Room was made: the peer may have to hear of it (RFC 9293 3.8.6.2.2).
    fn after_reading(&mut self) {
        if let Phase::Open(tcb) = &mut self.phase
            && tcb.rcv.update_due()
        {
            tcb.ack_owed = true;
        }
    }

    /// Opening → Open. `segment` completed the handshake; what else it says is processed now.
    fn open(
        &mut self,
        now: Instant,
        negotiated: &Negotiated,
        segment: &Segment<'_>,
        pool: &Pool,
    ) -> Reaction {
        let Phase::Opening(opening) = &mut self.phase else { return Reaction::default() };
        let buffer = opening.buffer.take();
        let early = segment.ack.and_then(|ack| opening.take_early(ack));
        let mut tcb = Box::new(Tcb::new(now, opening, buffer, negotiated));
        if let Some((text, acked)) = early {
            (tcb.snd.queue, tcb.snd.acked) = (text, acked.into());
        }
        match opening.round_trip(now, segment) {
            Some(rtt) => {
                tcb.rtt.sample(rtt, &tcb.config);
                tcb.rtt.note_least(now, rtt);
            }
            None => tcb.rtt.after_lost_syn(),
        }
        match opening.closed {
            Closed::Nothing => {}
            Closed::Sending => tcb.close_sending(),
            Closed::All => tcb.orphan(now),
        }
        let discard = if segment.flags.contains(Flags::SYN) {
            // A SYN-ACK: its window is unscaled and was taken; its SYN is done with, and tells the
            // congestion controller nothing (RFC 5681 3.1, RFC5681-3.1-syn).
            tcb.ack_owed = true;
            let rest = Segment {
                seq: segment.seq + 1,
                flags: segment.flags - Flags::SYN,
                ..segment.clone()
            };
            tcb.take_rest(now, &rest, pool).err()
        } else {
            tcb.on_segment(now, segment, pool).err()
        };
        self.phase = Phase::Open(tcb);
        let signals = Signals::OPENED | Signals::WRITABLE | self.settle(now);
        Reaction { signals, discard }
    }

    /// Opening → Over.
    fn end_opening(&mut self, ending: Ending) -> Signals {
        let Phase::Opening(opening) = &mut self.phase else { return Signals::empty() };
        opening.state = opening.state.after(Event::End);
        let reset = ending.reset.then(|| opening.abort_reset()).flatten();
        let over = Over::of_opening(Arc::clone(&opening.config), ending.error, reset);
        self.become_over(over)
    }

    /// Open → Lingering or Over, where that is due; what changed meanwhile.
    fn settle(&mut self, now: Instant) -> Signals {
        let Phase::Open(tcb) = &mut self.phase else { return Signals::empty() };
        let signals = std::mem::take(&mut tcb.signals);
        if let Some(ending) = tcb.ending {
            let over = Over::of_open(now, tcb, ending);
            return signals | self.become_over(over);
        }
        if tcb.state == State::TimeWait {
            self.phase = Phase::Lingering(Box::new(Lingering::new(now, tcb)));
            return signals | Signals::READABLE | Signals::WRITABLE;
        }
        signals
    }

    fn become_over(&mut self, over: Over) -> Signals {
        self.phase = Phase::Over(Box::new(over));
        Signals::CLOSED | Signals::READABLE | Signals::WRITABLE
    }
}
