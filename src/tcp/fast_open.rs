//! Text with the SYN: TCP Fast Open (RFC 7413), as far as it concerns one connection. Whether a
//! cookie is good, or known, is the engine's question.
//!
//! ```text
//!   who calls                                      who is called
//!     Opening with `Early`   -- SYN, cookie, text -->  Tcb with `Unconfirmed`
//!                            <-- SYN-ACK of the text, then text at once
//!     Tcb                    -- ACK ---------------->  Tcb
//! ```

use std::sync::Arc;

use super::connection::{Connection, Phase};
use super::handshake::Opening;
use super::output::emit_empty;
use super::tcb::{Ending, Tcb};
use super::{Birth, Discard, Error, Outgoing, State};
use crate::buffer::{Pool, Queue};
use crate::time::Instant;
use crate::wire::{Cookie, Flags, Flow, Options, RawWindow, Segment, SeqNum};

/// What our first SYN has that others have not. It is not repeated (RFC 7413 4.2.2).
#[derive(Debug)]
pub(super) struct Early {
    /// The cookie that the server has given us, that we give a client, or that asks for one.
    cookie: Option<Cookie>,
    /// What the application has written already.
    text: Queue,
    /// Bytes of it that the SYN may carry: none where the server does not know us.
    most: u16,
    /// Bytes of it that it did carry.
    carried: u32,
}

/// A passive open that has taken the text of the SYN: open for the application, but the peer has not
/// shown yet that it is where it says.
#[derive(Debug)]
pub(super) struct Unconfirmed {
    /// What sends the SYN-ACK, again where that is needed.
    opening: Opening,
    /// Its place among those of its kind, which it gives up with this.
    _place: Arc<()>,
}

impl Connection {
    /// Something that the application says before an active open, or asks for with it. `cookie` goes
    /// with the SYN; where it is one, and not the request for one, so do up to `mss` bytes of `text`
    /// (RFC 7413 4.1.3, 4.2.1). The rest follows when the connection is open.
    pub(crate) fn say_early(&mut self, cookie: Option<Cookie>, mss: u16, text: Queue) {
        if let Phase::Opening(opening) = &mut self.phase {
            let knows_us = cookie.is_some_and(|cookie| !cookie.is_request());
            let most = if knows_us { mss } else { 0 };
            opening.early = Some(Box::new(Early { cookie, text, most, carried: 0 }));
        }
    }

    /// The SYN-ACK of a passive open gives this cookie (RFC 7413 4.2.2).
    pub(crate) fn give_cookie(&mut self, cookie: Cookie) {
        self.say_early(Some(cookie), 0, Queue::new());
    }

    /// Passive open by a `syn` whose cookie is good: its text is there to be read, and answers may be
    /// written, before the peer has acknowledged our SYN (RFC 7413 4.2.2). A SYN-ACK is owed. `place`
    /// is kept until the handshake is over.
    pub(crate) fn passive_early(
        now: Instant,
        birth: Birth,
        syn: &Segment<'_>,
        pool: &Pool,
        place: Arc<()>,
    ) -> Self {
        let mut opening = Opening::passive(now, birth, syn);
        let buffer = opening.buffer.take();
        let Some(negotiated) = opening.peer else {
            return Self { phase: Phase::Opening(Box::new(opening)) };
        };
        let mut tcb = Box::new(Tcb::new(now, &opening, buffer, &negotiated));
        let rest = Segment { seq: syn.seq + 1, flags: syn.flags - Flags::SYN, ..syn.clone() };
        // What it does not want of it is sent again.
        let _ = tcb.take_rest(now, &rest, pool);
        tcb.unconfirmed = Some(Box::new(Unconfirmed { opening, _place: place }));
        Self { phase: Phase::Open(tcb) }
    }

    /// Whether the SYN that is under way is the first one, and tries Fast Open.
    pub(crate) fn tries_fast_open(&self) -> bool {
        matches!(&self.phase, Phase::Opening(opening)
            if opening.state == State::SynSent
                && opening.retries == 0
                && opening.early.as_ref().is_some_and(|early| early.cookie.is_some()))
    }
}

impl Opening {
    /// Whether `ack` covers our SYN, and no more than went with it.
    pub(super) fn is_acked_by(&self, ack: SeqNum) -> bool {
        let carried = self.early.as_ref().map_or(0, |early| early.carried);
        ack.since(self.iss + 1) <= carried
    }

    /// Our SYN, or SYN-ACK, if it is owed.
    pub(super) fn take_syn(&mut self, now: Instant) -> Option<Segment<'static>> {
        if !std::mem::take(&mut self.syn_owed) {
            return None;
        }
        self.ack_owed = false;
        self.arm(now);
        Some(self.syn(now))
    }

    /// The cookie of the SYN that leaves now: that of the first one (RFC 7413 4.2.2, RFC7413-4.2.2-b).
    pub(super) fn cookie(&self) -> Option<Cookie> {
        self.early.as_ref().filter(|_| self.is_first())?.cookie
    }

    /// Whether no SYN left before this one, and it is not that of both who call at once.
    fn is_first(&self) -> bool {
        self.retries == 0 && (self.passive || self.peer.is_none())
    }

    /// Bytes of text that go with a SYN with these options, which leaves now: with the first one, and
    /// as many as the server said that it takes (RFC 7413 4.1.3).
    pub(super) fn carry(&mut self, options: &Options) -> usize {
        let (our_mss, first) = (self.our_mss(), self.is_first());
        let Some(early) = self.early.as_mut().filter(|_| first) else { return 0 };
        // What the options take, the text has not (RFC 6691, 2).
        let room = usize::from(early.most.min(our_mss)).saturating_sub(options.wire_len());
        let len = early.text.len().min(room);
        early.carried = u32::try_from(len).unwrap_or(0);
        len
    }

    /// Appends the first `len` bytes of the text.
    pub(super) fn append_early(&self, len: usize, frame: &mut Vec<u8>) {
        if let Some(early) = &self.early {
            early.text.append_to(0, len, frame);
        }
    }

    /// Whether it is the SYN that has begun this passive open, once more.
    pub(super) fn is_repeated(&self, segment: &Segment<'_>) -> bool {
        let first = self.peer.is_some_and(|peer| peer.irs == segment.seq);
        let bare = segment.ack.is_none() && !segment.flags.contains(Flags::RST);
        first && bare && segment.flags.contains(Flags::SYN)
    }

    /// The text that is still to be sent, now that the peer has acknowledged up to `ack`; how much of
    /// it was acknowledged with the SYN. From here on it is as if our SYN had been numbered so much
    /// higher.
    pub(super) fn take_early(&mut self, ack: SeqNum) -> Option<(Queue, u32)> {
        let mut early = self.early.take()?;
        let acked = ack.since(self.iss + 1).min(early.carried);
        early.text.discard(acked as usize);
        self.iss += acked;
        Some((early.text, acked))
    }
}

impl Tcb {
    /// The state as others see it.
    pub(super) fn seen_state(&self) -> State {
        match self.state {
            State::Established if self.unconfirmed.is_some() => State::SynReceived,
            state => state,
        }
    }

    /// A segment comes for a connection whose handshake is not over (RFC 7413 4.2.2).
    pub(super) fn on_unconfirmed(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        pool: &Pool,
    ) -> Result<(), Discard> {
        let Some(mut unconfirmed) = self.unconfirmed.take() else { return Ok(()) };
        let opening = &mut unconfirmed.opening;
        if opening.is_repeated(segment) {
            // Our SYN-ACK was lost, or was too late: it is what the peer waits for.
            opening.syn_owed = true;
            self.unconfirmed = Some(unconfirmed);
            return Err(Discard::OutsideWindow);
        }
        let first = opening.iss + 1;
        let result = self.on_segment(now, segment, pool);
        if result.is_err() || segment.ack.is_none_or(|ack| ack.before(first)) {
            self.unconfirmed = Some(unconfirmed);
            return result;
        }
        match opening.round_trip(now, segment) {
            Some(rtt) => {
                self.rtt.sample(rtt, &self.config);
                self.rtt.note_least(now, rtt);
            }
            None => self.rtt.after_lost_syn(),
        }
        result
    }

    /// The SYN-ACK, if it is owed: it acknowledges the text, too (RFC 7413 4.2.2).
    pub(super) fn send_syn_ack(
        &mut self,
        now: Instant,
        flow: &Flow,
        out: &mut Vec<u8>,
    ) -> Option<Outgoing> {
        let mut syn_ack = self.unconfirmed.as_mut()?.opening.take_syn(now)?;
        syn_ack.ack = Some(self.rcv.nxt);
        // Never scaled (RFC 7323 2.2), and up to where our window was to end without the text.
        syn_ack.window = RawWindow(u16::try_from(self.rcv.wnd()).unwrap_or(u16::MAX));
        self.ack_owed = false;
        self.timers.delayed_ack = Instant::NEVER;
        self.last_ack_sent = self.rcv.nxt;
        self.segments_out = self.segments_out.wrapping_add(1);
        Some(emit_empty(out, flow, &self.config, &syn_ack))
    }

    /// When the SYN-ACK is sent again.
    pub(super) fn confirmation_timeout(&self) -> Instant {
        let unconfirmed = self.unconfirmed.as_ref();
        unconfirmed.map_or(Instant::NEVER, |unconfirmed| unconfirmed.opening.poll_timeout())
    }

    /// It is, or the peer is given up.
    pub(super) fn on_confirmation_timer(&mut self, now: Instant) {
        let Some(unconfirmed) = &mut self.unconfirmed else { return };
        if unconfirmed.opening.on_timeout(now).is_some() {
            self.end(Ending { error: Some(Error::TimedOut), reset: false });
        }
    }
}
