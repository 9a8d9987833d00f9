//! RST in the synchronized states (RFC 9293 3.10.7.4, second and third; RFC 5961 3).

use super::script::{At, at};

const OPEN: [At; 6] =
    [At::Established, At::FinWait1, At::FinWait2, At::CloseWait, At::Closing, At::LastAck];

/// RFC 5961 3.2: exactly at RCV.NXT it resets; the application learns of it (MUST-12).
/// Proves: RFC5961-3.2-a, RFC9293-3.5.3-a.
#[test]
fn exact() {
    for state in OPEN {
        at(state).rows(&[
            (
                "bare",
                "< R {rcv}:{rcv}(0); error Reset; state Closed; signal CLOSED; signal READABLE",
            ),
            ("with ack", "< R. {rcv}:{rcv}(0) ack {snd}; error Reset; state Closed"),
            ("with an ack of nothing", "< R. {rcv}:{rcv}(0) ack 999; error Reset; state Closed"),
            ("with text, SHLD-2", "< R {rcv}:{rcv+10}(10); error Reset; state Closed; readable 0"),
            ("with fin", "< FR. {rcv}:{rcv}(0) ack {snd}; error Reset; state Closed"),
            ("no timer is left", "< R {rcv}:{rcv}(0); timer never"),
            ("both directions end", "< R {rcv}:{rcv}(0); ended both"),
        ]);
    }
}

/// RFC 5961 3.2: inside of the window but not exact it is challenged.
/// Proves: RFC5961-3.2-b.
#[test]
fn inside() {
    for state in OPEN {
        at(state).rows(&[
            (
                "second number",
                "< R {rcv+1}:{rcv+1}(0); > . {snd}:{snd}(0) ack {rcv}; discard BlindReset
                 error none",
            ),
            (
                "middle",
                "< R {rcv+5000}:{rcv+5000}(0); > . {snd}:{snd}(0) ack {rcv}; discard BlindReset",
            ),
            ("last number", "< R {edge-1}:{edge-1}(0); > . {snd}:{snd}(0) ack {rcv}; error none"),
            (
                "with ack",
                "< R. {rcv+1}:{rcv+1}(0) ack {snd}; > . {snd}:{snd}(0) ack {rcv}; error none",
            ),
            (
                "the peer answers the challenge",
                "< R {rcv+1}:{rcv+1}(0); >+; < R {rcv}:{rcv}(0); state Closed",
            ),
        ]);
    }
}

/// RFC 5961 3.2: outside of the window it is dropped in silence.
/// Proves: RFC5961-3.2-c, RFC9293-3.5.3-a.
#[test]
fn outside() {
    for state in At::SYNCHRONIZED {
        at(state).rows(&[
            ("left", "< R {rcv-2}:{rcv-2}(0); error none"),
            ("far left", "< R {rcv-70000}:{rcv-70000}(0); error none"),
            ("beyond", "< R {edge+10}:{edge+10}(0); error none"),
            ("far beyond", "< R {edge+2000000000}:{edge+2000000000}(0); error none"),
            ("with ack", "< R. {edge+10}:{edge+10}(0) ack {snd}; error none; nosignal CLOSED"),
        ]);
    }
    for state in OPEN {
        at(state).rows(&[("counted", "< R {edge+10}:{edge+10}(0); discard BlindReset")]);
    }
}

/// RFC 1337 F1: a RST does not end TIME-WAIT.
/// Proves: RFC1337-F1.
#[test]
fn time_wait() {
    at(At::TimeWait).rows(&[
        ("exact", "< R 2:2(0); state TimeWait; discard ResetInTimeWait"),
        ("exact with ack", "< R. 2:2(0) ack 2; state TimeWait; discard ResetInTimeWait"),
        ("inside", "< R 3:3(0); >*; state TimeWait"),
        ("it ends in its time", "< R 2:2(0); +59999ms; state TimeWait; +1ms; state Closed"),
        ("and does not end later", "+30s; < R 2:2(0); +30s; state Closed"),
    ]);
}

/// RFC 5961 7: challenges are limited, for each connection, to 10 a second.
/// Proves: RFC5961-7.
#[test]
fn challenges_are_limited() {
    let mut ten = String::new();
    for _ in 0..10 {
        ten += "< R 9:9(0); > . 1:1(0) ack 1;";
    }
    let limited = format!("{ten} < R 9:9(0); discard BlindReset; < S 9:9(0); discard BlindSyn");
    let refilled = format!("{limited}; +1s; < R 9:9(0); > . 1:1(0) ack 1");
    at(At::Established).rows(&[
        ("ten, and no more", &limited),
        ("again in the next second", &refilled),
        ("an exact rst still counts", &format!("{limited}; < R 1:1(0); error Reset")),
        (
            "others are answered still",
            &format!("{limited}; < P. 0:1(1) ack 1; >*; < F. 1:1(0) ack 1; > . 1:1(0) ack 2"),
        ),
    ]);
    at(At::Established).config(|config| config.challenge_acks = 1).rows(&[
        ("one", "< R 9:9(0); >+; < R 9:9(0); < R 9:9(0); +1s; < R 9:9(0); >+"),
        (
            "a future ack is limited too",
            "< R 9:9(0); >+; < . 1:1(0) ack {snd-900000}; discard AncientAck",
        ),
    ]);
}
