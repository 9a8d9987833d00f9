//! An attacker who does not see the connection and guesses (RFC 5961).

use std::time::Duration;

use fastrand::Rng;
use tuntcp::tcp::{Error, State};

use crate::craft::{ACK, Craft, RST, SYN};
use crate::lab::{Lab, WINDOW};

/// The state of an open connection after 10,000 blind segments, and how many answers they got.
fn blind(flags: u8, name: &str) {
    let mut lab = Lab::new();
    let patient = lab.reach(Some(State::Established));
    let mut rng = Rng::with_seed(u64::from(flags));
    let before = lab.tally();
    let mut seen = 0;
    for _ in 0..10_000 {
        let mut seq = rng.u32(..);
        if rng.bool() {
            // A lucky one: inside of the window.
            seq = patient.expects.wrapping_add(rng.u32(1..WINDOW));
        }
        if seq == patient.expects {
            continue;
        }
        seen += 1;
        let segment = Craft { seq, ack: rng.u32(..), flags, ..lab.in_order(&patient) };
        lab.inject(&segment.frame());
    }
    let counted = lab.tally().since(&before);
    assert_eq!(counted.0, vec![(name.to_string(), seen)]);
    // RFC 5961, 7: the answers of one second are few.
    let answers = lab.hear();
    assert!(answers.len() <= 10, "{} answers", answers.len());
    for answer in answers {
        assert_eq!((answer.seq, answer.ack), (patient.nxt, Some(patient.expects)));
        assert_eq!(answer.port, patient.port);
    }
    let socket = patient.socket.as_ref().unwrap();
    assert_eq!(socket.info(lab.now()).state, State::Established);
    lab.wait(Duration::from_secs(1));
    lab.hear();
    // The peer itself is still heard.
    let reset = Craft { flags: RST, ..lab.in_order(&patient) };
    lab.inject(&reset.frame());
    assert_eq!(socket.read(lab.now(), &mut [0; 10], false), Err(Error::Reset));
    lab.still_works();
}

#[test]
fn blind_resets() {
    blind(RST, "BlindReset");
    blind(RST | ACK, "BlindReset");
}

#[test]
fn blind_syns() {
    blind(SYN, "BlindSyn");
    blind(SYN | ACK, "BlindSyn");
}

/// A SYN at exactly the expected number changes nothing either.
#[test]
fn an_exact_syn_is_challenged() {
    let mut lab = Lab::new();
    let patient = lab.reach(Some(State::Established));
    let syn = Craft { flags: SYN, ..lab.in_order(&patient) };
    lab.inject(&syn.frame());
    let answers = lab.hear();
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].ack, Some(patient.expects));
    assert_eq!(patient.socket.unwrap().info(lab.now()).state, State::Established);
}

/// A reset in SYN-SENT must know our number.
#[test]
fn blind_resets_of_an_attempt() {
    let mut lab = Lab::new();
    let patient = lab.reach(Some(State::SynSent));
    let mut rng = Rng::with_seed(7);
    let before = lab.tally();
    let mut seen = 0;
    for _ in 0..10_000 {
        let ack = rng.u32(..);
        if ack == patient.nxt {
            continue;
        }
        seen += 1;
        let flags = if rng.bool() { RST } else { RST | ACK };
        lab.inject(&Craft { seq: rng.u32(..), ack, flags, ..lab.in_order(&patient) }.frame());
    }
    let counted = lab.tally().since(&before);
    assert_eq!(counted.0, vec![("UnsolicitedReset".to_string(), seen)]);
    assert_eq!(lab.hear().len(), 0);
    let socket = patient.socket.as_ref().unwrap();
    assert_eq!(socket.opened(), Ok(false));
    let reset = Craft { seq: 0, ack: patient.nxt, flags: RST | ACK, ..lab.in_order(&patient) };
    lab.inject(&reset.frame());
    assert_eq!(socket.opened(), Err(Error::Refused));
    lab.still_works();
}

/// Text that was acknowledged in the future is neither believed nor forgotten: what is really
/// outstanding is still sent again.
#[test]
fn a_future_ack_acknowledges_nothing() {
    let mut lab = Lab::new();
    let patient = lab.reach(Some(State::Established));
    for ahead in [1, 2, 1000, 100_000] {
        let ack = patient.nxt.wrapping_add(ahead);
        lab.inject(&Craft { ack, ..lab.in_order(&patient) }.frame());
    }
    lab.hear();
    lab.wait(Duration::from_secs(3));
    let again = lab.hear();
    assert!(again.iter().any(|segment| segment.seq == patient.una && segment.len > 0), "{again:?}");
}

/// Segments out of nowhere: each gets one RST that its sender would believe, a RST gets none.
/// Proves: RFC9293-3.5.2-a.
#[test]
fn strangers_are_reset() {
    let mut lab = Lab::new();
    let mut rng = Rng::with_seed(8);
    for _ in 0..2_000 {
        let stranger = Craft {
            ports: (rng.u16(1024..), rng.u16(1000..)),
            seq: rng.u32(..),
            ack: rng.u32(..),
            flags: rng.u8(..),
            payload: vec![0; rng.usize(..100)],
            ..lab.craft(1)
        };
        let before = lab.tally();
        lab.inject(&stranger.frame());
        assert_eq!(lab.tally().since(&before).0, vec![("NoConnection".to_string(), 1)]);
        let answers = lab.hear();
        if stranger.flags & RST != 0 {
            assert_eq!(answers.len(), 0);
            continue;
        }
        assert_eq!(answers.len(), 1);
        let controls = (stranger.flags & 1) + (stranger.flags >> 1 & 1);
        let len = stranger.payload.len() as u32 + u32::from(controls);
        let (seq, ack) = match stranger.flags & ACK {
            0 => (0, Some(stranger.seq.wrapping_add(len))),
            _ => (stranger.ack, None),
        };
        assert_eq!((answers[0].seq, answers[0].ack), (seq, ack));
    }
    assert_eq!(lab.connections(), 0);
    lab.still_works();
}

/// A flood of SYNs fills the backlog and no more; who is already in is not thrown out.
/// Proves: RFC4987-3.2.
#[test]
fn a_flood_of_syns_is_bounded() {
    let mut lab = Lab::new();
    let patient = lab.reach(Some(State::Established));
    for _ in 0..5_000 {
        let port = lab.fresh_port();
        lab.inject(&Craft { flags: SYN, ..lab.craft(port) }.frame());
    }
    assert!(lab.connections() <= 1 + 1024, "{} connections", lab.connections());
    assert_eq!(lab.tally().count("BacklogFull"), 5_000 - 1024);
    assert_eq!(patient.socket.as_ref().unwrap().info(lab.now()).state, State::Established);
    // Nobody answers, so they go away, and a client gets in again.
    lab.wait(Duration::from_secs(400));
    assert!(lab.connections() <= 1, "{} connections", lab.connections());
    drop(patient);
    lab.still_works();
}
