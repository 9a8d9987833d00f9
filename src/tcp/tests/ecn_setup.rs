//! How Explicit Congestion Notification is agreed on (RFC 3168 6.1.1).

use super::script::{At, Setup, at};
use crate::tcp::EcnPolicy;

fn policy(policy: EcnPolicy) -> Setup {
    at(At::Nothing).config(|config| config.ecn = policy)
}

const POLICIES: [EcnPolicy; 3] = [EcnPolicy::Off, EcnPolicy::Accept, EcnPolicy::Request];

/// RFC 3168 6.1.1: what a SYN-ACK may answer, by what our SYN has asked. One that reflects both bits
/// knows nothing of them.
/// Proves: RFC3168-6.1.1-a, RFC3168-6.1.1-c, RFC3168-6.1.1-d, SHLD-8.
#[test]
fn we_open() {
    for asks in POLICIES {
        for (answer, takes_part) in [("S.", false), ("S.E", true), ("S.W", false), ("S.EW", false)]
        {
            let both = takes_part && asks == EcnPolicy::Request;
            let syn = if asks == EcnPolicy::Request { "SEW" } else { "S" };
            let (ecn, state) = if both { ("[ect0] ", "on") } else { ("", "off") };
            policy(asks).rows(&[(
                &format!("{asks}: {answer}"),
                &format!(
                    "open; > {syn} 0:0(0) <...>; < {answer} 0:0(0) ack 1 <mss 1460>
                     > . 1:1(0) ack 1; ecn {state}; write 100; > {ecn}P. 1:101(100) ack 1"
                ),
            )]);
        }
    }
}

/// RFC 3168 6.1.1: what we answer, by what the peer's SYN has asked. A SYN is never ECT: where one
/// arrives so, somebody on the way writes the field.
/// Proves: RFC3168-6.1.1-a, RFC3168-6.1.1-b, RFC3168-6.1.1-c, RFC3168-6.1.1-d, SHLD-8.
#[test]
fn the_peer_opens() {
    let syns = [
        ("S", false),
        ("SE", false),
        ("SW", false),
        ("SEW", true),
        ("[ect0] SEW", false),
        ("[ect1] SEW", false),
        ("[ce] SEW", false),
    ];
    for accepts in POLICIES {
        for (syn, asks) in syns {
            let both = asks && accepts != EcnPolicy::Off;
            let (answer, ecn, state) =
                if both { ("S.E", "[ect0] ", "on") } else { ("S.", "", "off") };
            policy(accepts).rows(&[(
                &format!("{accepts}: {syn}"),
                &format!(
                    "< {syn} 0:0(0) <mss 1460>; > {answer} 0:0(0) ack 1 <...>; < . 1:1(0) ack 1
                     ecn {state}; write 100; > {ecn}P. 1:101(100) ack 1"
                ),
            )]);
        }
    }
}

/// RFC 3168 6.1.1: both open at once.
/// Proves: RFC3168-6.1.1-a, RFC3168-6.1.1-b, RFC3168-6.1.1-c.
#[test]
fn both_open() {
    let ours = "open; > SEW 0:0(0) <...>";
    let theirs = "< SEW 0:0(0) <mss 1460>; > S.E 0:0(0) ack 1 <...>";
    let text = "> . 1:1(0) ack 1; write 1; > ";
    policy(EcnPolicy::Request).rows(&[
        (
            "both ask",
            &format!("{ours}; {theirs}; < S.E 0:0(0) ack 1; {text} [ect0] P. 1:2(1) ack 1"),
        ),
        (
            "their SYN-ACK is lost",
            &format!("{ours}; {theirs}; < . 1:1(0) ack 1; write 1; > [ect0] P. 1:2(1) ack 1"),
        ),
        (
            "they take it back",
            &format!("{ours}; {theirs}; < S. 0:0(0) ack 1; {text} P. 1:2(1) ack 1; ecn off"),
        ),
        (
            "they reflect",
            &format!("{ours}; {theirs}; < S.EW 0:0(0) ack 1; {text} P. 1:2(1) ack 1; ecn off"),
        ),
        (
            "they do not ask",
            &format!(
                "{ours}; < S 0:0(0) <mss 1460>; > S. 0:0(0) ack 1 <...>; < S.E 0:0(0) ack 1
                 {text} P. 1:2(1) ack 1; ecn off"
            ),
        ),
    ]);
    policy(EcnPolicy::Accept).rows(&[(
        "only they ask",
        "open; > S 0:0(0) <...>; < SEW 0:0(0) <mss 1460>; > S. 0:0(0) ack 1 <...>
         < S.E 0:0(0) ack 1; > . 1:1(0) ack 1; write 1; > P. 1:2(1) ack 1; ecn off",
    )]);
}

/// RFC 3168 6.1.1, 6.1.1.1: who has sent a SYN that does not ask sends no ECT; but the peer may have
/// heard the one before it, and send ECT itself.
/// Proves: RFC3168-6.1.1.1, RFC3168-6.1.1-c.
#[test]
fn without_an_answer_we_ask_no_more() {
    let silence = "open; > SEW 0:0(0) <...>; +1s; > S 0:0(0) <...>";
    policy(EcnPolicy::Request).rows(&[
        ("nor ever again", &format!("{silence}; +2s; > S 0:0(0) <...>")),
        (
            "the answer is a plain one",
            &format!(
                "{silence}; < S. 0:0(0) ack 1 <mss 1460>; > . 1:1(0) ack 1; ecn off
                 write 1; > P. 1:2(1) ack 1; < [ce] P. 1:2(1) ack 2; +40ms; > . 2:2(0) ack 2"
            ),
        ),
        (
            "the answer is to the first one",
            &format!(
                "{silence}; < S.E 0:0(0) ack 1 <mss 1460>; > . 1:1(0) ack 1; ecn off
                 write 1; > P. 1:2(1) ack 1; < [ce] P. 1:2(1) ack 2; > .E 2:2(0) ack 2
                 < P.W 2:3(1) ack 2; > . 2:2(0) ack 3
                 write 1; > P. 2:3(1) ack 3; < .E 3:3(0) ack 3; cwnd 14600"
            ),
        ),
        (
            "a reset",
            "open; > SEW 0:0(0) <...>; +10ms; < R. 0:0(0) ack 1; > S 0:0(0) <...>; state SynSent
             +999ms; +1ms; > S 0:0(0) <...>; < S. 0:0(0) ack 1 <mss 1460>; > . 1:1(0) ack 1; ecn off",
        ),
        (
            "the round trip begins with the second one",
            "open; > SEW 0:0(0) <...>; +100ms; < R. 0:0(0) ack 1; > S 0:0(0) <...>; +10ms
             < S. 0:0(0) ack 1 <mss 1460>; > . 1:1(0) ack 1; write 1; >+; timer 210ms",
        ),
        (
            "two resets",
            "open; > SEW 0:0(0) <...>; < R. 0:0(0) ack 1; > S 0:0(0) <...>; < R. 0:0(0) ack 1
             state Closed; error Refused",
        ),
        (
            "somebody's guess",
            "open; > SEW 0:0(0) <...>; < R. 0:0(0) ack 2; discard UnsolicitedReset
             +999ms; +1ms; > S 0:0(0) <...>",
        ),
    ]);
    policy(EcnPolicy::Accept).rows(&[(
        "without asking a reset is final",
        "open; > S 0:0(0) <...>; < R. 0:0(0) ack 1; state Closed; error Refused",
    )]);
}

/// The peer falls back: its SYN comes again without asking, or our SYN-ACK was lost.
/// Proves: RFC3168-6.1.1-b, RFC3168-6.1.1-c.
#[test]
fn a_syn_comes_again() {
    let first = "< SEW 0:0(0) <mss 1460>; > S.E 0:0(0) ack 1 <...>";
    policy(EcnPolicy::Accept).rows(&[
        (
            "without asking",
            &format!(
                "{first}; < S 0:0(0) <mss 1460>; > S. 0:0(0) ack 1 <...>; < . 1:1(0) ack 1
                 ecn off; write 1; > P. 1:2(1) ack 1"
            ),
        ),
        (
            "asking again",
            &format!(
                "{first}; < SEW 0:0(0) <mss 1460>; > S.E 0:0(0) ack 1 <...>; < . 1:1(0) ack 1
                 ecn on; write 1; > [ect0] P. 1:2(1) ack 1"
            ),
        ),
        (
            "too late",
            "< S 0:0(0) <mss 1460>; > S. 0:0(0) ack 1 <...>; < SEW 0:0(0) <mss 1460>
             > S. 0:0(0) ack 1 <...>; < . 1:1(0) ack 1; ecn off",
        ),
        ("our answer again", &format!("{first}; +1s; > S.E 0:0(0) ack 1 <...>")),
    ]);
}
