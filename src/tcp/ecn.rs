//! What does a mark of congestion mean? Explicit Congestion Notification (RFC 3168; SHLD-8): the SYNs
//! agree on it, the receiver echoes a mark until it is answered, the sender obeys an echo once for
//! each window of data.
//!
//! ```text
//!  sender                  router                   receiver
//!    | new text, ECT(0) -----|---- marked: CE --------->|
//!    |<------------------------------------------- ECE -|  on every segment from now on ...
//!    | window reduced        |                          |
//!    | new text, CWR --------|------------------------->|  ... until CWR has arrived
//! ```
//!
//! Only new text is ECT(0). What is sent again, probes, SYN, FIN and RST without text and bare
//! acknowledgements are not: whoever forges or repeats them could not be held to it, and nobody
//! would notice that one is lost (6.1.4 to 6.1.6).
//!
//! **Broken paths.** A SYN that asked and was not answered, or was reset, is sent again without
//! asking (6.1.1.1). ECT is sent no more on a connection
//!
//! * after [`LOST_FLIGHTS`] losses in a row, each of something new, without an acknowledgement of
//!   anything that was not sent again: the path seems to drop ECT. What is sent again is not ECT and
//!   so gets through;
//! * when the window is one segment, and [`ECHOES_IN_A_ROW`] of these in a row had not one
//!   acknowledgement without ECE: something on the way marks, or echoes, everything. What is not ECT
//!   cannot be marked, so an echo is not believed from then on. Had the marks been true the path
//!   drops from then on, which is obeyed, too.
//!
//! A path that wipes out marks cannot be told from one that has none.

use super::config::EcnPolicy;
use super::tcb::Tcb;
use crate::time::Instant;
use crate::wire::{EcnCodepoint, Flags, Segment, SeqNum};

/// Losses without anything new that arrives between them, before ECT is blamed.
const LOST_FLIGHTS: u8 = 2;

/// Windows of one segment that may be marked, one after the other, before that is not believed.
const ECHOES_IN_A_ROW: u8 = 3;

/// What both SYNs say of ECN (RFC 3168, 6.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Agreement {
    /// There is none: what the network may have marked means nothing.
    None,
    /// We have asked, and then not, and the peer may have heard either: marks are echoed, and what
    /// we send is not ECT.
    EchoOnly,
    /// Both use it.
    Both,
}

impl Agreement {
    /// RFC 3168 6.1.1: what follows from `syn`, with which a passive opening begins, or which meets
    /// a SYN of ours, the last of which `asked`, or not.
    pub(super) fn of(policy: EcnPolicy, passive: bool, asked: bool, syn: &Segment<'_>) -> Self {
        // RFC3168-6.1.1-d: no SYN is ECT. Where one arrives so, something on the way writes the
        // field, and marks mean nothing. As Linux; of a SYN-ACK that was tried as an experiment
        // (RFC 5562).
        let honest = syn.ecn == EcnCodepoint::NotEct || syn.ack.is_some();
        match policy {
            EcnPolicy::Accept | EcnPolicy::Request if !sets_up(syn) || !honest => Self::None,
            EcnPolicy::Accept | EcnPolicy::Request if passive || asked => Self::Both,
            // RFC3168-6.1.1-c: who has sent a SYN that did not ask must not send ECT.
            EcnPolicy::Request => Self::EchoOnly,
            EcnPolicy::Accept | EcnPolicy::Off => Self::None,
        }
    }
}

/// What a SYN, or SYN-ACK, that sets up ECN bears (RFC 3168 6.1.1, RFC3168-6.1.1-a).
pub(super) fn setup(acknowledges: bool) -> Flags {
    if acknowledges { Flags::ECE } else { Flags::ECE | Flags::CWR }
}

/// Whether a SYN, or SYN-ACK, sets up ECN. A SYN-ACK with both bits only reflects those of the SYN:
/// its sender knows nothing of them.
pub(super) fn sets_up(syn: &Segment<'_>) -> bool {
    syn.flags & (Flags::ECE | Flags::CWR) == setup(syn.ack.is_some())
}

/// The ECN of one connection: nothing, unless both SYNs agreed on some.
#[derive(Clone, Debug)]
pub(super) struct Ecn {
    agreed: Option<Box<Agreed>>,
}

/// How often marks have come, and echoes of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Segments with a mark that have arrived.
    pub(super) ce_received: u32,
    /// Segments that the peer has acknowledged together with the echo of a mark.
    pub(super) ce_delivered: u32,
    /// Acknowledgements that echo a mark.
    pub(super) ece_received: u32,
}

/// The ECN of a connection that has it.
#[derive(Clone, Debug)]
struct Agreed {
    /// Both use it; or else marks are echoed only.
    both: bool,
    /// A mark has arrived, and no CWR since: every segment of ours echoes it.
    echo: bool,
    /// The next segment of new text tells that the window was reduced.
    cwr_owed: bool,
    /// The window was reduced for something that happened to what lies before `reduced_at`.
    reduced: bool,
    /// SND.NXT when it was.
    reduced_at: SeqNum,
    /// The path seems to be broken: no ECT any more.
    stopped: bool,
    /// Windows of one segment that were marked, without an acknowledgement that tells of no mark
    /// between them.
    echoes_in_a_row: u8,
    /// Losses of something new since anything arrived that was sent once.
    lost_flights: u8,
    /// Something that was ECT has arrived.
    seen: bool,
    /// Until when nothing new is sent: the window cannot get smaller.
    held_until: Instant,
    counts: Counts,
}

impl Ecn {
    /// `first`: the number of our first byte.
    pub(super) fn new(agreement: Agreement, first: SeqNum) -> Self {
        let agreed = || Agreed {
            both: agreement == Agreement::Both,
            echo: false,
            cwr_owed: false,
            // Nobody can have marked anything before.
            reduced: true,
            reduced_at: first,
            stopped: false,
            echoes_in_a_row: 0,
            lost_flights: 0,
            seen: false,
            held_until: Instant::ZERO,
            counts: Counts::default(),
        };
        Self { agreed: (agreement != Agreement::None).then(|| Box::new(agreed())) }
    }

    /// Whether both sides use it.
    pub(super) fn is_on(&self) -> bool {
        self.agreed.as_ref().is_some_and(|agreed| agreed.both)
    }

    /// Whether something that was ECT has arrived.
    pub(super) fn seen(&self) -> bool {
        self.agreed.as_ref().is_some_and(|agreed| agreed.seen)
    }

    /// Whether the path was found to be broken.
    pub(super) fn stopped(&self) -> bool {
        self.agreed.as_ref().is_some_and(|agreed| agreed.stopped)
    }

    pub(super) fn counts(&self) -> Counts {
        self.agreed.as_ref().map_or(Counts::default(), |agreed| agreed.counts)
    }

    /// `segment`, of which something lies in the window, has arrived. Whether it wants to be
    /// acknowledged at once.
    pub(super) fn take_marks(&mut self, segment: &Segment<'_>) -> bool {
        self.agreed.as_mut().is_some_and(|agreed| agreed.take_marks(segment))
    }

    /// The flags and the codepoint of a segment that leaves; `new_text`: it has text that was never
    /// sent before.
    pub(super) fn stamp(&mut self, new_text: bool) -> (Flags, EcnCodepoint) {
        let nothing = (Flags::empty(), EcnCodepoint::NotEct);
        self.agreed.as_mut().map_or(nothing, |agreed| agreed.stamp(new_text))
    }

    /// Whether the next segment of new text bears CWR. A frame of several segments must not: it
    /// would stand on each of them.
    pub(super) fn cwr_owed(&self) -> bool {
        self.agreed.as_ref().is_some_and(|agreed| agreed.cwr_owed)
    }

    /// The last reduction was a mistake, and is undone: what is echoed of that window of data wants
    /// an answer of its own.
    pub(super) fn on_undone(&mut self) {
        if let Some(agreed) = &mut self.agreed {
            agreed.reduced = false;
            agreed.cwr_owed = false;
        }
    }

    /// Until when nothing new may be sent, if it may not.
    pub(super) fn held_until(&self) -> Option<Instant> {
        let until = self.agreed.as_ref()?.held_until;
        (until != Instant::ZERO).then_some(until)
    }

    /// Whether nothing new may be sent for now.
    pub(super) fn is_held(&self) -> bool {
        self.held_until().is_some()
    }

    /// Ends the wait, if it is over.
    pub(super) fn release(&mut self, now: Instant) {
        if let Some(agreed) = self.agreed.as_mut().filter(|agreed| agreed.held_until.is_due(now)) {
            agreed.held_until = Instant::ZERO;
        }
    }
}

impl Agreed {
    fn take_marks(&mut self, segment: &Segment<'_>) -> bool {
        if segment.is_empty() {
            return false;
        }
        let answered = segment.flags.contains(Flags::CWR);
        if answered {
            // RFC 3168 6.1.3: its sender has reduced its window after it sent what was marked.
            self.echo = false;
        }
        let ecn = if segment.payload.is_empty() { EcnCodepoint::NotEct } else { segment.ecn };
        self.seen |= ecn != EcnCodepoint::NotEct;
        let marked = ecn == EcnCodepoint::Ce;
        // RFC 3168 6.1.3, RFC3168-6.1.3: from here on every acknowledgement tells of it.
        let news = marked && !self.echo;
        if marked {
            self.echo = true;
            let received = &mut self.counts.ce_received;
            *received = received.saturating_add(segment.wire_segments.into());
        }
        // As Linux: a sender that has just reduced its window may wait for this very segment.
        news || answered
    }

    fn stamp(&mut self, new_text: bool) -> (Flags, EcnCodepoint) {
        let mut flags = Flags::empty();
        flags.set(Flags::ECE, self.echo);
        // RFC 3168 6.1.2, RFC3168-6.1.2-c: once, and not on what may come too late.
        flags.set(Flags::CWR, new_text && std::mem::take(&mut self.cwr_owed));
        // RFC3168-6.1.2-a; 6.1.4 to 6.1.6, RFC3168-6.1.4, RFC3168-6.1.5, RFC3168-6.1.6.
        let ect = new_text && self.both && !self.stopped;
        (flags, if ect { EcnCodepoint::Ect0 } else { EcnCodepoint::NotEct })
    }

    /// The window was reduced, for whatever reason, with SND.NXT at `nxt`.
    fn on_reduction(&mut self, nxt: SeqNum) {
        self.reduced = true;
        self.reduced_at = nxt;
        // RFC 3168 6.1.2: after a loss, too. Who echoes a mark has been heard then.
        self.cwr_owed = self.both;
    }

    /// The window was reduced for a loss; `arrived`: not all was lost.
    fn on_loss(&mut self, nxt: SeqNum, arrived: bool) {
        let news = !self.reduced || nxt.after(self.reduced_at);
        if news && !arrived && self.both {
            self.lost_flights = self.lost_flights.saturating_add(1);
            self.stopped |= self.lost_flights >= LOST_FLIGHTS;
        }
        self.on_reduction(nxt);
    }

    /// Up to `ack`, which says `echoes`, something new was acknowledged.
    fn on_progress(&mut self, ack: SeqNum, echoes: bool) {
        if ack.after(self.reduced_at) {
            // What was sent after the reduction has arrived.
            self.reduced = false;
        }
        if !echoes {
            self.echoes_in_a_row = 0;
        }
    }

    /// Whether an echo is believed: all that was not acknowledged before the last reduction is not
    /// ECT where the path is broken.
    fn is_credible(&self) -> bool {
        self.reduced || !self.stopped
    }
}

impl Tcb {
    /// RFC 3168 6.1.2: whether the acknowledgement `ack`, at most SND.NXT, echoes a mark on what we
    /// have sent. If it is the first one for this window of data the window is reduced as for a
    /// loss (RFC3168-5, RFC3168-6.1.2-b).
    pub(super) fn take_echo(&mut self, now: Instant, segment: &Segment<'_>, ack: SeqNum) -> bool {
        let (mss, sent) = (self.mss(), self.sent());
        let agreed = self.ecn.agreed.as_mut().filter(|agreed| agreed.both);
        let Some(ecn) = agreed.filter(|_| !ack.before(sent.start)) else { return false };
        let echoes = segment.flags.contains(Flags::ECE);
        let bytes = ack.since(sent.start);
        if bytes > 0 {
            ecn.on_progress(ack, echoes);
        }
        if !echoes {
            return false;
        }
        let counts = &mut ecn.counts;
        counts.ece_received = counts.ece_received.saturating_add(1);
        counts.ce_delivered = counts.ce_delivered.saturating_add(bytes.div_ceil(mss));
        let credible = ecn.is_credible();
        if ecn.reduced || !credible {
            return credible;
        }
        let least = self.congestion.window() <= mss;
        if !self.recovery.on_mark(now, sent, self.congestion.as_mut()) {
            return true;
        }
        ecn.on_reduction(sent.end);
        if least {
            ecn.echoes_in_a_row += 1;
            ecn.stopped = ecn.echoes_in_a_row >= ECHOES_IN_A_ROW;
            // RFC 3168 6.1.2, RFC3168-6.1.2-b; RFC 9438 4.6, RFC9438-4.6-c: less than one segment a
            // round trip takes the timer.
            ecn.held_until = now + self.rtt.rto(&self.config);
            self.arm_retransmit(now);
        }
        true
    }

    /// If recovery has had to reduce the window the peer is told. `arrived`: something has that was
    /// sent once, and so was ECT.
    pub(super) fn note_reduction(&mut self, arrived: bool) {
        let reduced = std::mem::take(&mut self.recovery.reduced);
        let Some(ecn) = &mut self.ecn.agreed else { return };
        if arrived {
            ecn.lost_flights = 0;
        }
        if reduced {
            ecn.on_loss(self.snd.nxt, arrived);
        }
    }
}
