//! Every combination of the eight flag bits, in every state, at every place of the window.

use tuntcp::tcp::State;

use crate::craft::{self, Craft};
use crate::lab::{Lab, PEER_ISS, Patient, WINDOW};
use crate::oracle::{Acks, Arrival, Expected, expected};

const ACKS: [Acks; 6] =
    [Acks::Nothing, Acks::Old, Acks::Una, Acks::InFlight, Acks::Nxt, Acks::Future];

/// What the acknowledgement field may hold: with the bit off its content must not matter.
fn acks(flags: u8) -> &'static [Acks] {
    if flags & craft::ACK == 0 { &ACKS[4..] } else { &ACKS[1..] }
}

/// What the peer writes at each place of its stream.
fn byte_at(seq: u32) -> u8 {
    let place = seq.wrapping_sub(PEER_ISS);
    (place ^ (place >> 8)).to_le_bytes()[0]
}

/// The segment as the peer would have to send it, and as the oracle sees it.
fn build(lab: &Lab, patient: &Patient, arrival: &Arrival) -> Craft {
    let seq = patient.expects.wrapping_add_signed(i32::try_from(arrival.seq).unwrap());
    let ack = match arrival.ack {
        Acks::Nothing => 0,
        Acks::Old => patient.una.wrapping_sub(1),
        Acks::Una => patient.una,
        Acks::InFlight => patient.una.wrapping_add(patient.nxt.wrapping_sub(patient.una) / 2),
        Acks::Nxt => patient.nxt,
        Acks::Future => patient.nxt.wrapping_add(1),
    };
    // Text stands behind a SYN.
    let first = seq.wrapping_add(u32::from(arrival.flags & craft::SYN != 0));
    let text = u32::try_from(arrival.text).unwrap();
    let payload = (0..text).map(|at| byte_at(first.wrapping_add(at))).collect();
    Craft { seq, ack, flags: arrival.flags, payload, ..lab.in_order(patient) }
}

/// What an acknowledgement says where nothing, or just one number, is outstanding.
fn meaning(patient: &Patient, ack: Acks) -> Acks {
    match (ack, patient.nxt.wrapping_sub(patient.una)) {
        (Acks::Una | Acks::InFlight, 0) => Acks::Nxt,
        (Acks::InFlight, 1) => Acks::Una,
        _ => ack,
    }
}

/// Injects one segment into a fresh connection and compares.
fn try_one(lab: &mut Lab, state: Option<State>, arrival: Arrival) {
    let patient = lab.reach(state);
    let mut meant = Arrival { ack: meaning(&patient, arrival.ack), ..arrival };
    if arrival.flags & craft::ACK == 0 {
        // Whatever stands in the field.
        meant.ack = Acks::Nothing;
    }
    let told = expected(state, i64::from(WINDOW), &meant);
    let (tally, frames, connections) = (lab.tally(), lab.frames_in(), lab.connections());
    let segment = build(lab, &patient, &arrival);
    lab.inject(&segment.frame());
    let counted = lab.tally().since(&tally);
    let refused = counted.total();
    let count_is_right = match told.refused {
        Some(refuse) => refused == u64::from(refuse),
        None => refused <= 1,
    };
    let judged = judge(lab, patient, state, connections, (&segment, &told));
    let read = lab.frames_in() == frames + 1;
    if let (true, true, Ok(())) = (read, count_is_right, &judged) {
        return;
    }
    panic!("{state:?} {meant:?}\n{told:?}\n{counted:?}\n{judged:?}\n{}", lab.net.log());
}

/// The state, and the text that was delivered.
fn judge(
    lab: &mut Lab,
    mut patient: Patient,
    before: Option<State>,
    connections: usize,
    (segment, told): (&Craft, &Expected),
) -> Result<(), String> {
    let (gone, came) = (lab.connections() < connections, lab.connections() > connections);
    if patient.socket.is_none() {
        patient.socket = lab.listener.accept().unwrap();
    }
    let after = match &patient.socket {
        Some(socket) => match socket.info(lab.now()).state {
            // A TIME-WAIT that gave way lives on as a new connection.
            State::Closed if before == Some(State::TimeWait) && !gone => Some(State::SynReceived),
            state => Some(state),
        },
        None if before.is_none() => came.then_some(State::SynReceived),
        None => (!gone).then_some(State::SynReceived),
    };
    if !told.states.contains(&after) {
        return Err(format!("the state is {after:?}"));
    }
    let Some(socket) = patient.socket else {
        return Ok(());
    };
    let mut text = vec![0; 4000];
    let got = match socket.read(lab.now(), &mut text, false) {
        Ok(Some(got)) => got,
        Ok(None) | Err(_) => 0,
    };
    socket.abort(lab.now());
    if i64::try_from(got).unwrap() != told.delivered {
        return Err(format!("{got} bytes were delivered"));
    }
    // In SYN-SENT whatever the SYN says is where the peer's numbers begin.
    let start = match before {
        Some(State::SynSent) => segment.seq.wrapping_add(1),
        _ => patient.expects,
    };
    let wrong =
        (0u32..).zip(&text[..got]).find(|(at, byte)| **byte != byte_at(start.wrapping_add(*at)));
    wrong.map_or(Ok(()), |(at, _)| Err(format!("byte {at} is wrong")))
}

/// All flags at all places, a laboratory for each combination of flags.
fn sweep(state: Option<State>) {
    let window = i64::from(WINDOW);
    for flags in 0..=u8::MAX {
        let mut lab = Lab::new();
        for seq in [-1, 0, window / 2, window - 1, window] {
            for &ack in acks(flags) {
                for text in [0, 1, window + 100] {
                    try_one(&mut lab, state, Arrival { flags, seq, ack, text });
                }
            }
        }
        if flags.is_multiple_of(16) {
            lab.still_works();
        }
    }
}

#[test]
fn every_flag_in_listen() {
    sweep(None);
}

#[test]
fn every_flag_in_syn_sent() {
    sweep(Some(State::SynSent));
}

#[test]
fn every_flag_in_syn_received() {
    sweep(Some(State::SynReceived));
}

#[test]
fn every_flag_in_established() {
    sweep(Some(State::Established));
}

#[test]
fn every_flag_in_fin_wait_1() {
    sweep(Some(State::FinWait1));
}

#[test]
fn every_flag_in_fin_wait_2() {
    sweep(Some(State::FinWait2));
}

#[test]
fn every_flag_in_close_wait() {
    sweep(Some(State::CloseWait));
}

#[test]
fn every_flag_in_closing() {
    sweep(Some(State::Closing));
}

#[test]
fn every_flag_in_last_ack() {
    sweep(Some(State::LastAck));
}

#[test]
fn every_flag_in_time_wait() {
    sweep(Some(State::TimeWait));
}
