//! The transition figure (RFC 9293 3.3.2, 3.6): opens and closes in every order.

use super::script::{At, at};

/// RFC 9293 3.5, figures 6 and 7: opening.
/// Proves: RFC9293-3.10.7.2-a, RFC9293-3.5.2-a.
#[test]
fn opens() {
    at(At::Nothing).rows(&[
        (
            "active",
            "open; > S 0:0(0) <...>; state SynSent; < S. 0:0(0) ack 1 win 100 <mss 1460>
             > . 1:1(0) ack 1; state Established",
        ),
        (
            "passive",
            "< S 0:0(0) win 100 <mss 1460>; > S. 0:0(0) ack 1 <...>; state SynReceived
             < . 1:1(0) ack 1; state Established",
        ),
        (
            "both at once",
            "open; > S 0:0(0) <...>; < S 0:0(0) win 100 <mss 1460>; > S. 0:0(0) ack 1 <...>
             state SynReceived; < S. 0:0(0) ack 1 win 100 <mss 1460>; >*; state Established",
        ),
        ("refused", "open; > S 0:0(0) <...>; < R. 0:0(0) ack 1; state Closed; error Refused"),
        (
            "an old duplicate SYN, figure 8: the peer's RST returns to LISTEN",
            "< S 0:0(0) win 100 <mss 1460>; > S. 0:0(0) ack 1 <...>; < R 1:1(0); state Closed
             error none",
        ),
        (
            "half-open, figure 9: the survivor's ACK is reset",
            "open; > S 0:0(0) <...>; < . 0:0(0) ack {snd-900}; > R {snd-900}:{snd-900}(0)
             state SynSent
             +1s; > S 0:0(0) <...>",
        ),
    ]);
}

/// RFC 9293 3.6, figures 12 and 13: closing, in each order.
#[test]
fn closes() {
    at(At::Established).rows(&[
        (
            "we first",
            "shutdown write; > F. 1:1(0) ack 1; state FinWait1; < . 1:1(0) ack 2; state FinWait2
             < F. 1:1(0) ack 2; > . 2:2(0) ack 2; state TimeWait; +60s; state Closed; error none",
        ),
        (
            "we first, answered in one",
            "shutdown write; > F. 1:1(0) ack 1; < F. 1:1(0) ack 2; > . 2:2(0) ack 2
             state TimeWait",
        ),
        (
            "the peer first",
            "< F. 1:1(0) ack 1; > . 1:1(0) ack 2; state CloseWait; shutdown write; > F. 1:1(0) ack 2
             state LastAck; < . 2:2(0) ack 2; state Closed; error none; timer never",
        ),
        (
            "both at once",
            "shutdown write; > F. 1:1(0) ack 1; < F. 1:1(0) ack 1; > . 2:2(0) ack 2; state Closing
             < . 2:2(0) ack 2; state TimeWait; +60s; state Closed",
        ),
        (
            "both at once, an ack on an old fin is old",
            "shutdown write; >+; < F. 1:1(0) ack 1; >+; < F. 1:1(0) ack 2; > . 2:2(0) ack 2
             state Closing
             < . 2:2(0) ack 2; state TimeWait",
        ),
        (
            "the application lets go first",
            "close; > F. 1:1(0) ack 1; < F. 1:1(0) ack 2; > . 2:2(0) ack 2; state TimeWait; +60s
             state Closed",
        ),
        (
            "the peer first, then the application lets go",
            "< F. 1:1(0) ack 1; >+; close; > F. 1:1(0) ack 2; state LastAck; < . 2:2(0) ack 2
             state Closed",
        ),
        (
            "shutdown, then close",
            "shutdown write; > F. 1:1(0) ack 1; close; state FinWait1; < F. 1:1(0) ack 2; >+
             state TimeWait",
        ),
        (
            "text before the fin, both ways",
            "cork; write 100; shutdown write; uncork; > FP. 1:101(100) ack 1
             < FP. 1:51(50) ack 102; > . 102:102(0) ack 52; state TimeWait; read 50",
        ),
    ]);
}

/// RFC 9293 3.6: half-close, both ways.
/// Proves: RFC9293-3.6-a.
#[test]
fn half_closed() {
    at(At::FinWait2).rows(&[
        (
            "the peer goes on",
            "< . 1:1461(1460) ack 2; < P. 1461:2921(1460) ack 2; > . 2:2(0) ack 2921; read 2920; >*
             < F. 2921:2921(0) ack 2; > . 2:2(0) ack 2922; state TimeWait",
        ),
        ("we may not", "ended write; writable 0"),
    ]);
    at(At::CloseWait).rows(&[
        (
            "we go on",
            "write 100; > P. 1:101(100) ack 2; < . 2:2(0) ack 101; write 50; > P. 101:151(50) ack 2
             cork; write 10; shutdown write; uncork; >+; < . 2:2(0) ack 162; state Closed",
        ),
        ("nothing more to read", "ended read; readable 0"),
        (
            "text then fin",
            "write 100; > P. 1:101(100) ack 2; shutdown write; > F. 101:101(0) ack 2; state LastAck
             < . 2:2(0) ack 101; state LastAck; < . 2:2(0) ack 102; state Closed",
        ),
    ]);
}

/// RFC 9293 3.10.4: a FIN goes behind what is queued, also when the window is closed.
/// Proves: RFC9293-3.10.4-a.
#[test]
fn fin_waits_for_its_turn() {
    at(At::Established).rows(&[
        (
            "piggy-backed",
            "cork; write 100; shutdown write; uncork; > FP. 1:101(100) ack 1; state FinWait1",
        ),
        (
            "behind a full segment and a rest",
            "cork; write 2000; shutdown write; uncork; > . 1:1461(1460) ack 1
             > FP. 1461:2001(540) ack 1",
        ),
        (
            "behind a closed window",
            "< . 1:1(0) ack 1 win 0; write 100; shutdown write; state FinWait1
             < . 1:1(0) ack 1 win 1000; > FP. 1:101(100) ack 1",
        ),
        (
            "a fin alone waits for nothing in flight",
            "write 100; > P. 1:101(100) ack 1; shutdown write; > F. 101:101(0) ack 1",
        ),
        (
            "is sent again",
            "shutdown write; > F. 1:1(0) ack 1; +299ms; +1ms; > F. 1:1(0) ack 1; state FinWait1",
        ),
        (
            "no second one",
            "shutdown write; > F. 1:1(0) ack 1; shutdown write; close; state FinWait1",
        ),
    ]);
    at(At::LastAck).rows(&[("is sent again", "+1s; > F. 1:1(0) ack 2; >*; state LastAck")]);
    at(At::Closing).rows(&[("is sent again", "+1s; > F. 1:1(0) ack 2; >*; state Closing")]);
}

/// An orphan waits in FIN-WAIT-2 for a bounded time (as Linux); a half-closed connection for ever.
#[test]
fn fin_wait_2() {
    at(At::Established).rows(&[
        (
            "orphan",
            "close; >+; < . 1:1(0) ack 2; state FinWait2; +59s; state FinWait2; +2s; state Closed",
        ),
        ("half-closed", "shutdown write; >+; < . 1:1(0) ack 2; +24h; state FinWait2; timer never"),
    ]);
    at(At::FinWait2).rows(&[("let go later", "+1h; close; +61s; >*; state Closed")]);
}
