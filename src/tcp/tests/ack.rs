//! The ACK field in the synchronized states (RFC 9293 3.10.7.4, fifth; RFC 5961 5).

use super::script::{At, at};

const OPEN: [At; 6] =
    [At::Established, At::FinWait1, At::FinWait2, At::CloseWait, At::Closing, At::LastAck];

/// RFC 9293 3.10.7.4, fifth: no ACK, no processing, no answer.
/// Proves: RFC9293-3.10.7.4-b.
#[test]
fn missing() {
    for state in OPEN {
        at(state).rows(&[
            ("text", "< P {rcv}:{rcv+10}(10); discard MissingAck; readable 0"),
            ("empty", "< P {rcv}:{rcv}(0); discard MissingAck"),
            ("urgent", "< PU {rcv}:{rcv}(0) urg 5; discard MissingAck; nosignal URGENT"),
            ("fin", "< F {rcv}:{rcv}(0); discard MissingAck; error none"),
        ]);
    }
    at(At::Established).rows(&[("fin does not end", "< F 1:1(0); state Established; ended none")]);
    at(At::FinWait2).rows(&[("fin does not end", "< F 1:1(0); state FinWait2; ended write")]);
}

/// RFC 9293 3.10.7.4, fifth: above SND.NXT an ACK and a drop.
/// Proves: RFC9293-3.10.7.4-e.
#[test]
fn future() {
    for state in OPEN {
        at(state).rows(&[
            (
                "by one",
                "< . {rcv}:{rcv}(0) ack {snd+1}; > . {snd}:{snd}(0) ack {rcv}; discard FutureAck",
            ),
            (
                "by far, with text",
                "< P. {rcv}:{rcv+10}(10) ack {snd+100000}; > . {snd}:{snd}(0) ack {rcv}
                 discard FutureAck; readable 0; error none",
            ),
            (
                "with fin",
                "< F. {rcv}:{rcv}(0) ack {snd+1}; > . {snd}:{snd}(0) ack {rcv}; discard FutureAck",
            ),
        ]);
    }
    at(At::Established).rows(&[
        (
            "does not open the window",
            "< . 1:1(0) ack 1 win 2000; < . 1:1(0) ack 9 win 9000; >+; write 2920
             > . 1:1461(1460) ack 1; +1s; >*",
        ),
        (
            "is not a duplicate",
            "write 2920; >+; < . 1:1(0) ack 9999; >+; < . 1:1(0) ack 9999; >+
             < . 1:1(0) ack 9999; > . 2921:2921(0) ack 1",
        ),
    ]);
}

/// RFC 5961 5.2, MAY-12: older than any window is challenged and dropped.
/// Proves: RFC5961-5.2.
#[test]
fn ancient() {
    for state in OPEN {
        at(state).rows(&[
            (
                "one too old",
                "< P. {rcv}:{rcv+10}(10) ack {una-65536}; > . {snd}:{snd}(0) ack {rcv}
                 discard AncientAck; readable 0",
            ),
            (
                "far too old",
                "< . {rcv}:{rcv}(0) ack {una-2000000000}; > . {snd}:{snd}(0) ack {rcv}",
            ),
            ("just young enough", "< . {rcv}:{rcv}(0) ack {una-65535}; discard none"),
        ]);
    }
}

/// RFC 9293 3.10.7.4, fifth: an old ACK acknowledges nothing, its text counts.
/// Proves: RFC9293-3.10.7.4-e.
#[test]
fn old() {
    at(At::Established).rows(&[
        ("of our syn", "< . 1:1(0) ack 0; discard none; state Established"),
        ("with text", "< P. 1:11(10) ack 0; readable 10; +40ms; > . 1:1(0) ack 11"),
        ("with fin", "< F. 1:1(0) ack 0; > . 1:1(0) ack 2; state CloseWait"),
        (
            "what was acknowledged stays so",
            "write 10; >+; < . 1:1(0) ack 11; < . 1:1(0) ack 1; timer never",
        ),
        (
            "again, nothing outstanding",
            "< . 1:1(0) ack 1; < . 1:1(0) ack 1; < . 1:1(0) ack 1; < . 1:1(0) ack 1",
        ),
    ]);
}

/// RFC 9293 3.10.7.4, fifth: SND.UNA moves over what is acknowledged.
#[test]
fn new() {
    at(At::Established).rows(&[
        ("all", "write 100; >+; < . 1:1(0) ack 101; timer never; signal WRITABLE"),
        ("a part", "write 100; >+; < . 1:1(0) ack 51; +400ms; > P. 51:101(50) ack 1"),
        (
            "text and ack in one",
            "write 100; >+; < P. 1:11(10) ack 101; readable 10; timer 40ms; +40ms
             > . 101:101(0) ack 11",
        ),
        (
            "the last byte but one",
            "write 100; >+; < . 1:1(0) ack 100; +400ms; > P. 100:101(1) ack 1",
        ),
        ("room again", "write 100; >+; < . 1:1(0) ack 101; writable 1048576"),
    ]);
}

/// RFC 9293 3.10.7.4, fifth: what an ACK of our FIN does in each state.
#[test]
fn of_our_fin() {
    at(At::FinWait1).rows(&[
        ("goes on", "< . 1:1(0) ack 2; state FinWait2; nosignal CLOSED"),
        ("not of the fin", "< . 1:1(0) ack 1; state FinWait1"),
        ("timer stops", "< . 1:1(0) ack 2; timer never"),
    ]);
    at(At::Closing).rows(&[
        ("goes on", "< . 2:2(0) ack 2; state TimeWait"),
        ("not of the fin", "< . 2:2(0) ack 1; state Closing"),
    ]);
    at(At::LastAck).rows(&[
        ("ends", "< . 2:2(0) ack 2; state Closed; signal CLOSED; error none; timer never"),
        ("not of the fin", "< . 2:2(0) ack 1; state LastAck"),
    ]);
    at(At::FinWait2).rows(&[("again", "< . 1:1(0) ack 2; state FinWait2")]);
    at(At::Established).rows(&[
        (
            "of the text before it only",
            "cork; write 100; shutdown write; uncork; >+; < . 1:1(0) ack 101; state FinWait1
             < . 1:1(0) ack 102; state FinWait2",
        ),
        (
            "of the text, then the fin alone again",
            "cork; write 100; shutdown write; uncork; >+; < . 1:1(0) ack 101; +2s
             > F. 101:101(0) ack 1; >*",
        ),
    ]);
}
