//! Segments of somebody who sees nothing and guesses (RFC 5961): how often they are answered, what
//! they leave behind, and the plain rules for whoever wants those.

use super::script::{At, Setup, at};

const OPEN: [At; 6] =
    [At::Established, At::FinWait1, At::FinWait2, At::CloseWait, At::Closing, At::LastAck];

/// RFC 5961 7: in every state the same limit for a connection, and none that two share.
/// Proves: RFC5961-7.
#[test]
fn answers_are_limited() {
    let one = |setup: Setup| setup.config(|config| config.challenge_acks = 1);
    for state in OPEN {
        one(at(state)).rows(&[
            ("rst", "< R {rcv+9}:{rcv+9}(0); >+; < R {rcv+9}:{rcv+9}(0)"),
            ("syn", "< S {rcv+9}:{rcv+9}(0); >+; < S {rcv+9}:{rcv+9}(0); discard BlindSyn"),
            (
                "empty, outside",
                "< . {edge+9}:{edge+9}(0) ack 1; >+; < . {edge+9}:{edge+9}(0) ack 1",
            ),
            ("one count for all", "< R {rcv+9}:{rcv+9}(0); >+; < S {rcv+9}:{rcv+9}(0)"),
            (
                "an exact rst ends it",
                "< R {rcv+9}:{rcv+9}(0); >+; < R {rcv}:{rcv}(0); state Closed",
            ),
        ]);
    }
    for state in [At::SynReceived, At::Simultaneous] {
        one(at(state)).rows(&[
            ("rst", "< R 5:5(0); > . 1:1(0) ack 1; < R 5:5(0); discard BlindReset"),
            ("rst at the edge", "< R {edge}:{edge}(0); discard BlindReset"),
            ("empty, outside", "< . 0:0(0) ack 1; >+; < . 0:0(0) ack 1; discard OutsideWindow"),
            ("text is answered", "< . 0:0(0) ack 1; >+; < . 20000:20010(10) ack 1; >+"),
            ("in the next second", "< R 5:5(0); >+; +500ms; < R 5:5(0); +1s; >+; < R 5:5(0); >+"),
        ]);
    }
    one(at(At::Simultaneous)).rows(&[("syn", "< S 5:5(0); >+; < S 5:5(0); discard BlindSyn")]);
    one(at(At::SynReceived)).timestamps().rows(&[(
        "an old timestamp",
        "< . 1:1(0) ack 1 <TS val 50 ecr 0>; > . 1:1(0) ack 1
         < . 1:1(0) ack 1 <TS val 50 ecr 0>; discard OldTimestamp",
    )]);
    one(at(At::TimeWait)).rows(&[
        ("empty, outside", "< . 9:9(0) ack 2; > . 2:2(0) ack 2; < . 9:9(0) ack 2"),
        ("the fin is answered", "< . 9:9(0) ack 2; >+; < F. 1:1(0) ack 2; > . 2:2(0) ack 2"),
        ("text is answered", "< . 9:9(0) ack 2; >+; < . 9:19(10) ack 2; > . 2:2(0) ack 2"),
        ("in the next second", "< . 9:9(0) ack 2; >+; +1s; < . 9:9(0) ack 2; >+"),
    ]);
    one(at(At::TimeWait)).timestamps().rows(&[(
        "an old timestamp",
        "< . 2:2(0) ack 2 <TS val 50 ecr 0>; > . 2:2(0) ack 2
         < . 2:2(0) ack 2 <TS val 50 ecr 0>; discard OldTimestamp",
    )]);
}

/// RFC 5961 5: what fails the test of its ACK leaves nothing behind, neither its timestamp nor
/// the impression that the peer lives.
/// Proves: RFC5961-5.2.
#[test]
fn a_bad_ack_leaves_nothing() {
    at(At::Established).timestamps().rows(&[(
        "its timestamp",
        "< . 1:1(0) ack 99 <TS val 90000 ecr 100>; > . 1:1(0) ack 1 <nop,nop,TS val 100 ecr 200>
         discard FutureAck; < P. 1:11(10) ack 1; +40ms; >+; readable 10",
    )]);
}

/// RFC 9293 3.5.3, 3.10.7.4: `secure_reset` off, any RST in the window resets.
/// Proves: MUST-66.
#[test]
fn plain_rule_for_rst() {
    let plain = |setup: Setup| setup.config(|config| config.secure_reset = false);
    for state in OPEN {
        plain(at(state)).rows(&[
            ("exact", "< R {rcv}:{rcv}(0); state Closed"),
            ("second number", "< R {rcv+1}:{rcv+1}(0); state Closed; signal CLOSED"),
            ("last number", "< R {edge-1}:{edge-1}(0); state Closed"),
            ("the edge is outside", "< R {edge}:{edge}(0); discard BlindReset; error none"),
            ("left", "< R {rcv-2}:{rcv-2}(0); discard BlindReset; error none"),
            ("far away", "< R {rcv+3000000000}:{rcv+3000000000}(0); discard BlindReset"),
        ]);
    }
    plain(at(At::Established)).rows(&[
        ("told", "< R 9:9(0); error Reset"),
        // MUST-66.
        (
            "a closed window",
            "< P. 1:10001(10000) ack 1; > . 1:1(0) ack 10001 win 0; < R 10002:10002(0)
             discard BlindReset; < R 10001:10001(0); error Reset",
        ),
    ]);
    plain(at(At::SynReceived)).rows(&[
        ("inside", "< R 9:9(0); state Closed; error none"),
        ("outside", "< R 20000:20000(0); state SynReceived"),
    ]);
    plain(at(At::Simultaneous)).rows(&[("inside", "< R 9:9(0); error Refused")]);
    plain(at(At::TimeWait)).rows(&[("RFC 1337 stays", "< R 2:2(0); state TimeWait")]);
}

/// RFC 793, page 71: `secure_syn` off, a SYN in the window resets, and any other is answered.
#[test]
fn plain_rule_for_syn() {
    let plain = |setup: Setup| setup.config(|config| config.secure_syn = false);
    for state in OPEN {
        plain(at(state)).rows(&[
            ("exact", "< S {rcv}:{rcv}(0); > R. {snd}:{snd}(0) ack {rcv}; error Reset"),
            ("inside", "< S {rcv+9}:{rcv+9}(0); > R. {snd}:{snd}(0) ack {rcv}; state Closed"),
            ("syn-ack", "< S. {rcv}:{rcv}(0) ack {snd}; >+; error Reset; discard BlindSyn"),
            ("the old one", "< S 0:0(0); > . {snd}:{snd}(0) ack {rcv}; error none"),
            ("right", "< S {edge}:{edge}(0); > . {snd}:{snd}(0) ack {rcv}; error none"),
        ]);
    }
    plain(at(At::Simultaneous)).rows(&[("inside", "< S 5:5(0); > R. 1:1(0) ack 1; error Reset")]);
    plain(at(At::SynReceived)).rows(&[("inside", "< S 5:5(0); state Closed; error none")]);
}
