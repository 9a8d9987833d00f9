//! What RFC 9293 3.10.7, with RFC 5961 and RFC 1337, makes of one segment: small, slow and written
//! from the text, to be compared with what the stack does.

use tuntcp::tcp::State;

use crate::craft::{ACK, FIN, RST, SYN};

/// One segment, told relative to the state of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) flags: u8,
    /// Distance of its sequence number from RCV.NXT.
    pub(crate) seq: i64,
    /// What it acknowledges.
    pub(crate) ack: Acks,
    /// Bytes of text.
    pub(crate) text: i64,
}

/// What a segment acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acks {
    /// No ACK bit, the field is zero.
    Nothing,
    /// Before SND.UNA, by less than the largest window.
    Old,
    /// SND.UNA.
    Una,
    /// Between SND.UNA and SND.NXT, if there is anything between them.
    InFlight,
    /// SND.NXT.
    Nxt,
    /// Beyond SND.NXT.
    Future,
}

/// What the host must make of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    /// The states that may follow; `None` is no connection at all.
    pub(crate) states: Vec<Option<State>>,
    /// The segment is refused, and so counted. `None`: either is right.
    pub(crate) refused: Option<bool>,
    /// Bytes that are delivered.
    pub(crate) delivered: i64,
}

fn stays(state: Option<State>, refused: bool) -> Expected {
    Expected { states: vec![state], refused: Some(refused), delivered: 0 }
}

fn becomes(state: State) -> Expected {
    Expected { states: vec![Some(state)], refused: Some(false), delivered: 0 }
}

impl Arrival {
    fn has(&self, bit: u8) -> bool {
        self.flags & bit != 0
    }

    /// SEG.LEN.
    fn len(&self) -> i64 {
        self.text + i64::from(self.has(SYN)) + i64::from(self.has(FIN))
    }
}

/// The oracle. `window` is the host's RCV.WND.
pub(crate) fn expected(state: Option<State>, window: i64, arrival: &Arrival) -> Expected {
    match state {
        None => in_listen(arrival),
        Some(State::SynSent) => in_syn_sent(window, arrival),
        Some(State::SynReceived) => in_syn_received(window, arrival),
        Some(State::TimeWait) => in_time_wait(arrival),
        Some(state) => when_open(state, window, arrival),
    }
}

/// 3.10.7.2.
fn in_listen(arrival: &Arrival) -> Expected {
    if arrival.has(RST) || arrival.has(ACK) || !arrival.has(SYN) {
        return stays(None, true);
    }
    becomes(State::SynReceived)
}

/// 3.10.7.3.
fn in_syn_sent(window: i64, arrival: &Arrival) -> Expected {
    let unchanged = stays(Some(State::SynSent), true);
    let acked = arrival.ack == Acks::Nxt;
    if arrival.has(ACK) && !acked {
        return unchanged;
    }
    if arrival.has(RST) {
        return if acked { becomes(State::Closed) } else { unchanged };
    }
    if !arrival.has(SYN) {
        return unchanged;
    }
    if !acked {
        return becomes(State::SynReceived);
    }
    let fits = arrival.text < window;
    let state = if arrival.has(FIN) && fits { State::CloseWait } else { State::Established };
    Expected { delivered: arrival.text.min(window), ..becomes(state) }
}

/// First step of 3.10.7.4: something of the segment lies in the window.
fn acceptable(window: i64, arrival: &Arrival) -> bool {
    if arrival.len() == 0 {
        // At the right edge too, as any stack in use: a peer that has filled the window and lost a
        // part of it stands there.
        return (0..=window).contains(&arrival.seq);
    }
    arrival.seq < window && arrival.seq + arrival.len() > 0
}

/// 3.10.7.4, a passive open that is not yet complete.
fn in_syn_received(window: i64, arrival: &Arrival) -> Expected {
    let unchanged = stays(Some(State::SynReceived), true);
    if arrival.has(RST) {
        // RFC 5961: exactly at RCV.NXT, and it leads back to LISTEN.
        return if arrival.seq == 0 { stays(None, false) } else { unchanged };
    }
    if arrival.has(SYN) && arrival.seq == -1 {
        // The peer's own SYN again, left of the window; a caller acknowledges with no SYN.
        return unchanged;
    }
    if !acceptable(window, arrival) {
        return unchanged;
    }
    if arrival.has(SYN) {
        return stays(None, false);
    }
    if arrival.ack != Acks::Nxt {
        return unchanged;
    }
    when_open(State::Established, window, &Arrival { ack: Acks::Una, ..*arrival })
}

/// 3.10.7.4 from ESTABLISHED to LAST-ACK.
fn when_open(state: State, window: i64, arrival: &Arrival) -> Expected {
    let unchanged = stays(Some(state), true);
    if arrival.has(RST) {
        return if arrival.seq == 0 { becomes(State::Closed) } else { unchanged };
    }
    if arrival.has(SYN) || !acceptable(window, arrival) || !arrival.has(ACK) {
        return unchanged;
    }
    if arrival.ack == Acks::Future {
        return unchanged;
    }
    // Our FIN is the last thing before SND.NXT wherever it is outstanding.
    let state = match (state, arrival.ack) {
        (State::FinWait1, Acks::Nxt) => State::FinWait2,
        (State::Closing, Acks::Nxt) => State::TimeWait,
        (State::LastAck, Acks::Nxt) => State::Closed,
        (state, _) => state,
    };
    if !matches!(state, State::Established | State::FinWait1 | State::FinWait2) {
        return becomes(state);
    }
    let end = (arrival.seq + arrival.text).min(window);
    let in_order = arrival.seq <= 0;
    let delivered = if in_order { end.max(0) } else { 0 };
    let fin = arrival.has(FIN) && in_order && {
        let place = arrival.seq + arrival.text;
        (0..window).contains(&place)
    };
    let state = match (fin, state) {
        (true, State::Established) => State::CloseWait,
        (true, State::FinWait1) => State::Closing,
        (true, State::FinWait2) => State::TimeWait,
        (_, state) => state,
    };
    Expected { delivered, ..becomes(state) }
}

/// 3.10.7.4 for TIME-WAIT, RFC 1337, RFC 6191.
fn in_time_wait(arrival: &Arrival) -> Expected {
    let stay = stays(Some(State::TimeWait), true);
    if arrival.has(RST) {
        return stay;
    }
    if arrival.has(SYN) {
        // A new connection, if its numbers lie beyond the old one's.
        let newer = !arrival.has(ACK) && arrival.seq > 0;
        return if newer { becomes(State::SynReceived) } else { stay };
    }
    // What TIME-WAIT makes of anything else nobody can see: it acknowledges or is silent.
    Expected { refused: None, ..stay }
}
