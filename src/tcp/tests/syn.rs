//! SYN in the synchronized states (RFC 9293 3.10.7.4, fourth; RFC 5961 4).

use super::script::{At, at};

/// RFC 5961 4.2: whatever its number, it is challenged and dropped. (TIME-WAIT: `time_wait.rs`.)
/// Proves: RFC5961-4.2.
#[test]
fn challenged() {
    for state in At::SYNCHRONIZED.into_iter().filter(|&state| state != At::TimeWait) {
        at(state).rows(&[
            (
                "exact",
                "< S {rcv}:{rcv}(0); > . {snd}:{snd}(0) ack {rcv}; discard BlindSyn; error none",
            ),
            ("inside", "< S {rcv+9}:{rcv+9}(0); > . {snd}:{snd}(0) ack {rcv}; discard BlindSyn"),
            (
                "the old one",
                "< S 0:0(0) win 65535 <mss 1460>; > . {snd}:{snd}(0) ack {rcv}; error none",
            ),
            ("outside", "< S {edge+9}:{edge+9}(0); > . {snd}:{snd}(0) ack {rcv}; error none"),
            ("far away", "< S {rcv+3000000000}:{rcv+3000000000}(0); > . {snd}:{snd}(0) ack {rcv}"),
            ("syn-ack", "< S. 0:0(0) ack 1; > . {snd}:{snd}(0) ack {rcv}; error none"),
            ("with text", "< S {rcv}:{rcv+9}(9); > . {snd}:{snd}(0) ack {rcv}; readable 0"),
            ("with a future ack", "< S. {rcv}:{rcv}(0) ack 99; > . {snd}:{snd}(0) ack {rcv}"),
            (
                "the peer has restarted and answers the challenge",
                "< S {rcv+9}:{rcv+9}(0); > . {snd}:{snd}(0) ack {rcv}; < R {rcv}:{rcv}(0)
                 state Closed",
            ),
        ]);
    }
}

/// The options of such a SYN change nothing.
#[test]
fn its_options_are_ignored() {
    at(At::Established).rows(&[
        (
            "mss",
            "< S 0:0(0) win 65535 <mss 100>; >+; write 2000; > . 1:1461(1460) ack 1
             > P. 1461:2001(540) ack 1",
        ),
        ("window", "< S 0:0(0) win 10; >+; write 2920; burst 1 2 1460"),
    ]);
}
