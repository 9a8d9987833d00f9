//! CLOSE, ABORT and what they do to unread data (RFC 9293 3.6.1, 3.10.4, 3.10.5).

use super::script::{At, at};

/// RFC 9293 3.10.5: a RST at SND.NXT where the state wants one; queues are dropped.
/// Proves: RFC9293-3.10.5-a.
#[test]
fn abort() {
    for state in [At::Established, At::FinWait1, At::FinWait2, At::CloseWait] {
        at(state).rows(&[
            ("resets", "abort; > R* {snd}:{snd}(0); state Closed; signal CLOSED; timer never"),
            (
                "is the end",
                "abort; >+; < . {rcv}:{rcv}(0) ack {snd}; >*; discard Closed; ended both",
            ),
            ("twice", "abort; >+; abort; state Closed"),
        ]);
    }
    for state in [At::Closing, At::LastAck, At::TimeWait] {
        at(state).rows(&[("quietly", "abort; state Closed; signal CLOSED; timer never")]);
    }
    at(At::Established).rows(&[
        ("behind what was sent", "write 100; >+; abort; > R* 101:101(0)"),
        ("queued text is dropped", "write 100; >+; write 50; abort; > R* 101:101(0); state Closed"),
        ("unread text is dropped", "< P. 1:11(10) ack 1; abort; > R* 1:1(0); readable 0"),
    ]);
}

/// SHLD-3: CLOSE with unread data tells the peer of the loss.
#[test]
fn close_with_unread_data() {
    for state in [At::Established, At::FinWait2] {
        at(state).rows(&[(
            "in order",
            "< P. 1:11(10) ack {snd}; close; > R* {snd}:{snd}(0); state Closed; signal CLOSED",
        )]);
    }
    at(At::Established).rows(&[
        ("read before", "< P. 1:11(10) ack 1; read 10; close; > F. 1:1(0) ack 11; state FinWait1"),
        ("read in part", "< P. 1:11(10) ack 1; read 9; close; > R* 1:1(0); state Closed"),
        ("nothing there", "close; > F. 1:1(0) ack 1; state FinWait1"),
        (
            "unread, and the peer's fin",
            "< FP. 1:11(10) ack 1; >+; close; > R* 1:1(0); state Closed",
        ),
        (
            "queued text goes out first",
            "cork; write 100; close; uncork; > FP. 1:101(100) ack 1; state FinWait1",
        ),
        (
            "reading was shut down, nothing came",
            "shutdown read; close; > F. 1:1(0) ack 1; state FinWait1",
        ),
        (
            "reading was shut down, something came",
            "shutdown read; < P. 1:11(10) ack 1; close; > R* 1:1(0); state Closed",
        ),
    ]);
}

/// RFC 9293 3.10.4: shutting down both is closing both directions.
#[test]
fn shutdown_both() {
    at(At::Established).rows(&[
        ("fin", "shutdown both; > F. 1:1(0) ack 1; state FinWait1; ended both"),
        ("twice", "shutdown both; >+; shutdown both; state FinWait1"),
        ("read alone sends nothing", "shutdown read; state Established; +1h"),
    ]);
    at(At::CloseWait).rows(&[("fin", "shutdown both; > F. 1:1(0) ack 2; state LastAck")]);
}

/// An orphan dies with its peer: what it still has to send ends with R2.
#[test]
fn orphans() {
    at(At::Established).rows(&[
        ("FIN-WAIT-1", "close; >+; +19min; >*; state Closed; timer never"),
        ("with text", "write 100; >+; close; >*; +19min; >*; state Closed"),
        (
            "closed window, answered",
            "< . 1:1(0) ack 1 win 0; write 100; close; +10s; >+; < . 1:1(0) ack 1 win 1000; >+
             state FinWait1",
        ),
    ]);
}
