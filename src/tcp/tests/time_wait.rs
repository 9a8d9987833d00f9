//! TIME-WAIT: how long, what is answered, and when a SYN may take its place (RFC 9293 3.10.7.4,
//! 3.6.1; RFC 6191).

use super::script::{At, at};

/// MUST-13: 2 MSL, 60 s by default.
#[test]
fn lasts() {
    at(At::TimeWait).rows(&[
        ("not less", "+59999ms; state TimeWait; nosignal CLOSED"),
        ("not more", "+60s; state Closed; signal CLOSED; error none; timer never"),
        ("the timer", "timer 60s"),
    ]);
    at(At::TimeWait)
        .config(|config| config.time_wait = std::time::Duration::from_secs(2))
        .rows(&[("as configured", "+1999ms; state TimeWait; +1ms; state Closed")]);
    at(At::Closing).rows(&[(
        "after a simultaneous close",
        "+10ms; < . 2:2(0) ack 2; state TimeWait; timer 60s; +60s; state Closed; signal CLOSED",
    )]);
}

/// RFC 9293 3.10.7.4, eighth: the peer's FIN again is acknowledged and restarts the time.
/// Proves: RFC9293-3.10.7.4-f.
#[test]
fn fin_again() {
    at(At::TimeWait).rows(&[
        ("acknowledged", "< F. 1:1(0) ack 2; > . 2:2(0) ack 2; state TimeWait"),
        (
            "restarts",
            "+30s; < F. 1:1(0) ack 2; > . 2:2(0) ack 2; +59999ms; state TimeWait; +1ms
             state Closed",
        ),
        ("with text", "< FP. 1:1(0) ack 2; >+; state TimeWait; readable 0"),
    ]);
}

/// What is to be read stays readable.
#[test]
fn unread_text() {
    at(At::FinWait2).rows(&[
        ("read in TIME-WAIT", "< FP. 1:11(10) ack 2; >+; +1s; read 10; state TimeWait"),
        (
            "read afterwards",
            "< FP. 1:11(10) ack 2; >+; +61s; state Closed; readable 10; read 10; ended both
             error none",
        ),
    ]);
}

/// RFC 6191 2, without timestamps on the old connection: a SYN with a higher number, or with
/// timestamps, may take its place; another is challenged (RFC 5961, 4.2).
/// Proves: MAY-2, RFC6191-2-c, RFC6191-2-d.
#[test]
fn syn_without_timestamps() {
    at(At::TimeWait).rows(&[
        ("higher", "< S 100:100(0) win 100 <mss 1460>; signal REUSE"),
        ("much higher", "< S 1000000:1000000(0) win 100 <mss 1460>; signal REUSE"),
        (
            "lower",
            "< S 1:1(0) win 100 <mss 1460>; > . 2:2(0) ack 2; discard OldSyn; nosignal REUSE
             state TimeWait",
        ),
        ("much lower", "< S {rcv-90000}:{rcv-90000}(0); >+; discard OldSyn; state TimeWait"),
        ("lower with timestamps", "< S 1:1(0) win 100 <mss 1460,TS val 5 ecr 0>; signal REUSE"),
        ("syn-ack", "< S. 100:100(0) ack 2; >*; nosignal REUSE; state TimeWait"),
        ("with rst", "< SR 100:100(0); nosignal REUSE; state TimeWait"),
        ("an old syn does not prolong", "+30s; < S 1:1(0); >+; discard OldSyn; +30s; state Closed"),
    ]);
}

/// RFC 6191 2, with timestamps on the old connection: the newer clock wins, then the number.
/// Proves: SHLD-4, MAY-2, RFC6191-2-a, RFC6191-2-b, RFC6191-2-d.
#[test]
fn syn_with_timestamps() {
    at(At::TimeWait).timestamps().rows(&[
        ("newer, higher", "< S 100:100(0) win 100 <mss 1460,TS val 9000 ecr 0>; signal REUSE"),
        ("newer, lower", "< S 0:0(0) win 100 <mss 1460,TS val 9000 ecr 0>; signal REUSE"),
        ("equal, higher", "< S 100:100(0) win 100 <mss 1460,TS val 200 ecr 0>; signal REUSE"),
        (
            "equal, lower",
            "< S 0:0(0) win 100 <mss 1460,TS val 200 ecr 0>; >+; discard OldSyn; state TimeWait",
        ),
        (
            "older, higher",
            "< S 100:100(0) win 100 <mss 1460,TS val 50 ecr 0>; >+; discard OldSyn; state TimeWait",
        ),
        ("older, lower", "< S 0:0(0) win 100 <mss 1460,TS val 50 ecr 0>; >+; discard OldSyn"),
        ("without, higher", "< S 100:100(0) win 100 <mss 1460>; signal REUSE"),
        ("without, lower", "< S 0:0(0) win 100 <mss 1460>; >+; discard OldSyn; state TimeWait"),
    ]);
}

/// RFC 7323 3.2, 5.3: timestamps are spoken and checked here too.
#[test]
fn timestamps() {
    at(At::TimeWait).timestamps().rows(&[
        (
            "answers with them",
            "< F. 1:1(0) ack 2 <TS val 300 ecr 100>; > . 2:2(0) ack 2 <nop,nop,TS val 100 ecr 200>",
        ),
        (
            "an old duplicate does not prolong",
            "+30s; < F. 1:1(0) ack 2 <TS val 50 ecr 0>; >*; +30s; state Closed",
        ),
        ("none: dropped", "+30s; < F. 1:1(0) ack 2 <none>; +30s; state Closed"),
    ]);
}
