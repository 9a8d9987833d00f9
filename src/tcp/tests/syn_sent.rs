//! A segment arrives in SYN-SENT (RFC 9293 3.10.7.3).

use super::script::{At, at};

/// RFC 9293 3.10.7.3, first: an ACK that does not cover our SYN is reset, unless it is a RST.
/// Proves: RFC9293-3.10.7.3-a.
#[test]
fn first_ack() {
    at(At::SynSent).rows(&[
        ("ack of ISS", "< . 0:0(0) ack 0; > R 0:0(0); discard UnacceptableAck; state SynSent"),
        ("ack beyond", "< . 0:0(0) ack 2; > R 2:2(0); discard UnacceptableAck; state SynSent"),
        ("ack far behind", "< . 0:0(0) ack {una-9}; > R {una-9}:{una-9}(0); state SynSent"),
        ("syn-ack of ISS", "< S. 0:0(0) ack 0; > R 0:0(0); discard UnacceptableAck"),
        ("syn-ack beyond", "< S. 0:0(0) ack 2; > R 2:2(0); discard UnacceptableAck"),
        ("fin with bad ack", "< F. 0:0(0) ack 7; > R 7:7(0); state SynSent"),
        ("text with bad ack", "< P. 0:9(9) ack 7; > R 7:7(0); state SynSent; readable 0"),
        ("rst with bad ack", "< R. 0:0(0) ack 2; discard UnsolicitedReset; state SynSent"),
        (
            "still opens after a bad ack",
            "< . 0:0(0) ack 9; >+; < S. 0:0(0) ack 1; > . 1:1(0) ack 1",
        ),
    ]);
}

/// RFC 9293 3.10.7.3, second: a RST counts only with an ACK of our SYN.
/// Proves: RFC9293-3.10.7.3-b, RFC9293-3.5.3-a.
#[test]
fn second_rst() {
    at(At::SynSent).rows(&[
        ("good ack", "< R. 0:0(0) ack 1; error Refused; state Closed; signal CLOSED"),
        ("any sequence", "< R. 77:77(0) ack 1; error Refused; state Closed"),
        ("rst on a syn-ack", "< SR. 0:0(0) ack 1; error Refused; state Closed"),
        ("rst with text", "< R. 0:20(20) ack 1; error Refused; state Closed"),
        ("no ack", "< R 0:0(0); discard UnsolicitedReset; error none; state SynSent"),
        ("ack of ISS", "< R. 0:0(0) ack 0; discard UnsolicitedReset; error none; state SynSent"),
        ("rst on a bare syn", "< SR 0:0(0); discard UnsolicitedReset; state SynSent"),
        ("nothing is sent after it", "< R. 0:0(0) ack 1; +10min; error Refused; state Closed"),
    ]);
}

/// RFC 9293 3.10.7.3, fourth: SYN-ACK opens; what else it carries is processed.
#[test]
fn fourth_syn_ack() {
    at(At::SynSent).rows(&[
        ("opens", "< S. 0:0(0) ack 1; > . 1:1(0) ack 1; state Established; signal OPENED"),
        ("writable", "< S. 0:0(0) ack 1; > . 1:1(0) ack 1; signal WRITABLE; error none"),
        ("text", "< S. 0:10(10) ack 1; > . 1:1(0) ack 11; state Established; readable 10; read 10"),
        ("fin", "< SF. 0:0(0) ack 1; > . 1:1(0) ack 2; state CloseWait; ended read"),
        ("text and fin", "< SF. 0:10(10) ack 1; > . 1:1(0) ack 12; state CloseWait; readable 10"),
        (
            "text beyond the window",
            "< S. 0:10100(10100) ack 1; > . 1:1(0) ack 10001; readable 10000",
        ),
        ("push and urgent", "< SP.U 0:10(10) ack 1 urg 5; >+; readable 10; signal URGENT"),
        ("data may go at once", "< S. 0:0(0) ack 1; >+; write 10; > P. 1:11(10) ack 1"),
    ]);
}

/// RFC 9293 3.5, MUST-10: a SYN without ACK is a simultaneous open.
/// Proves: RFC9293-3.10.7.3-c.
#[test]
fn fourth_simultaneous_open() {
    at(At::SynSent).rows(&[
        (
            "bare syn",
            "< S 0:0(0) win 65535 <mss 1460>; > S. 0:0(0) ack 1 <...>; state SynReceived
             nosignal OPENED",
        ),
        (
            "then its ack",
            "< S 0:0(0) win 65535 <mss 1460>; >+; < . 1:1(0) ack 1; state Established
             signal OPENED",
        ),
        (
            "then its syn-ack",
            "< S 0:0(0) win 65535 <mss 1460>; >+; < S. 0:0(0) ack 1 win 65535 <mss 1460>; >*
             state Established",
        ),
        (
            "both answers",
            "< S 0:0(0) win 65535 <mss 1460>; >+; < S. 0:0(0) ack 1 win 65535 <mss 1460>; >*
             < . 1:1(0) ack 1; >*; state Established; write 10; > P. 1:11(10) ack 1",
        ),
        (
            "text of the syn is not lost for ever",
            "< S 0:10(10) win 65535 <mss 1460>; >+; < . 1:1(0) ack 1; >*; < P. 1:11(10) ack 1; >*
             +1s; >*; readable 10",
        ),
        (
            "syn-ack is sent again",
            "< S 0:0(0) win 65535 <mss 1460>; >+; +1s; > S. 0:0(0) ack 1 <...>; state SynReceived",
        ),
    ]);
}

/// RFC 9293 3.10.7.3, fifth: neither SYN nor RST, dropped.
#[test]
fn fifth_neither() {
    at(At::SynSent).rows(&[
        ("good ack", "< . 0:0(0) ack 1; discard NotASyn; state SynSent"),
        ("text", "< P. 0:10(10) ack 1; discard NotASyn; readable 0; state SynSent"),
        ("fin", "< F. 0:0(0) ack 1; discard NotASyn; state SynSent"),
        ("fin without ack", "< F 0:0(0); discard NotASyn; state SynSent"),
        ("text without ack", "< P 0:10(10); discard NotASyn; readable 0"),
    ]);
}

/// RFC 9293 3.10.4, 3.10.5: CLOSE and ABORT delete the connection, nothing is sent.
/// Proves: RFC9293-3.10.4-a.
#[test]
fn close_and_abort() {
    at(At::SynSent).rows(&[
        ("close", "close; state Closed; signal CLOSED; +10s; state Closed"),
        ("abort", "abort; state Closed; signal CLOSED; +10s; state Closed"),
        ("an answer afterwards", "close; < S. 0:0(0) ack 1; >*; discard Closed; state Closed"),
    ]);
}
