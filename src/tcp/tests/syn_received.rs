//! A segment arrives in SYN-RECEIVED (RFC 9293 3.10.7.4), by passive and by simultaneous open.

use super::script::{At, at};

const BOTH: [At; 2] = [At::SynReceived, At::Simultaneous];

/// RFC 9293 3.10.7.4, fifth: an acceptable ACK opens, another is reset.
/// Proves: RFC9293-3.10.7.4-c.
#[test]
fn ack() {
    for from in BOTH {
        at(from).rows(&[
            ("opens", "< . 1:1(0) ack 1; state Established; signal OPENED; signal WRITABLE"),
            ("with text", "< P. 1:11(10) ack 1; +40ms; >+; state Established; readable 10"),
            ("with fin", "< F. 1:1(0) ack 1; > . 1:1(0) ack 2; state CloseWait; ended read"),
            ("with text and fin", "< FP. 1:11(10) ack 1; > . 1:1(0) ack 12; state CloseWait"),
            ("of ISS", "< . 1:1(0) ack 0; > R 0:0(0); discard UnacceptableAck; state SynReceived"),
            ("beyond", "< . 1:1(0) ack 2; > R 2:2(0); discard UnacceptableAck; state SynReceived"),
            ("far beyond", "< P. 1:9(8) ack 99; > R 99:99(0); state SynReceived; readable 0"),
            ("opens after a bad one", "< . 1:1(0) ack 2; >+; < . 1:1(0) ack 1; state Established"),
            ("none", "< P 1:11(10); discard MissingAck; state SynReceived; readable 0"),
            ("none, fin", "< F 1:1(0); discard MissingAck; state SynReceived"),
            (
                "out of order",
                "< P. 11:21(10) ack 1; > . 1:1(0) ack 1; state Established
                 < P. 1:11(10) ack 1; > . 1:1(0) ack 21; readable 20",
            ),
        ]);
    }
}

/// RFC 9293 3.10.7.4, first: outside of the window an ACK, and nothing else.
#[test]
fn outside_the_window() {
    for from in BOTH {
        at(from).rows(&[
            (
                "left",
                "< . 0:0(0) ack 1; > . 1:1(0) ack 1; discard OutsideWindow; state SynReceived",
            ),
            ("right", "< . {edge+1}:{edge+1}(0) ack 1; > . 1:1(0) ack 1; state SynReceived"),
            ("text beyond", "< P. 20000:20010(10) ack 1; > . 1:1(0) ack 1; state SynReceived"),
            (
                "rst outside",
                "< R 20000:20000(0); discard BlindReset; state SynReceived; error none",
            ),
        ]);
    }
}

/// RFC 9293 3.10.7.4, second, MUST-11: a RST returns a passive open to LISTEN, silently, and
/// refuses an active one.
/// Proves: RFC9293-3.10.7.4-i.
#[test]
fn rst() {
    at(At::SynReceived).rows(&[
        ("exact", "< R 1:1(0); state Closed; signal CLOSED; nosignal OPENED; error none"),
        ("exact with ack", "< R. 1:1(0) ack 1; state Closed; error none"),
        ("exact with a bad ack", "< R. 1:1(0) ack 99; state Closed"),
    ]);
    at(At::Simultaneous).rows(&[
        ("exact", "< R 1:1(0); state Closed; signal CLOSED; error Refused"),
        ("exact with ack", "< R. 1:1(0) ack 1; state Closed; error Refused"),
    ]);
    for from in BOTH {
        at(from).rows(&[(
            "in the window, not exact",
            "< R 5:5(0); > . 1:1(0) ack 1; discard BlindReset; state SynReceived; error none",
        )]);
    }
}

/// RFC 9293 3.10.7.4, fourth: a SYN in the window returns a passive open to LISTEN; the SYN again
/// is answered, and hurts nothing.
/// Proves: RFC9293-3.10.7.4-h.
#[test]
fn syn() {
    at(At::SynReceived).rows(&[
        ("again", "< S 0:0(0) win 65535 <mss 1460>; >+; state SynReceived; error none"),
        (
            "again, then the ack",
            "< S 0:0(0) win 65535 <mss 1460>; >+; < . 1:1(0) ack 1; state Established",
        ),
        ("in the window", "< S 5:5(0); >*; state Closed; error none"),
    ]);
    at(At::Simultaneous).rows(&[
        ("again", "< S 0:0(0) win 65535 <mss 1460>; >+; state SynReceived"),
        ("in the window", "< S 5:5(0); > . 1:1(0) ack 1; state SynReceived; discard BlindSyn"),
        (
            "syn-ack opens",
            "< S. 0:0(0) ack 1 win 65535 <mss 1460>; >*; state Established; signal OPENED",
        ),
    ]);
}

/// RFC 9293 3.10.4, 3.10.5: ABORT resets; CLOSE ends in good order.
#[test]
fn close_and_abort() {
    for from in BOTH {
        at(from).rows(&[
            ("abort", "abort; > R* 1:1(0); state Closed; signal CLOSED"),
            ("close, then the ack", "close; >*; < . 1:1(0) ack 1; >*; state FinWait1"),
            (
                "close, then both acks",
                "close; >*; < . 1:1(0) ack 1; >*; < . 1:1(0) ack 2; state FinWait2",
            ),
        ]);
    }
}
