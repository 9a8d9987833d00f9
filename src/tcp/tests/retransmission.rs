//! The retransmission timer (RFC 6298) and its limits (RFC 9293 3.8.1, 3.8.3).

use std::time::Duration;

use super::harness::Harness;
use super::script::{At, Setup, at};
use crate::tcp::Error;

/// The handshake took 100 ms: SRTT 100 ms, RTTVAR 50 ms, RTO 300 ms (RFC 6298 2.2).
fn open() -> Setup {
    at(At::Established)
}

/// RFC 6298 2.2, 2.3: the first and the later samples, in this order.
/// Proves: MUST-18, RFC6298-2.1, RFC6298-2.2, RFC6298-2.3, RFC6298-2.4, RFC6298-3-b, RFC6298-4,
/// RFC6298-5.7.
#[test]
fn samples() {
    let second = "write 100; >+; +100ms; < . 1:1(0) ack 101";
    open().rows(&[
        ("the handshake is the first", "write 100; >+; timer 300ms"),
        (
            "the same again: 100 + 200, for 4 * 37.5 is less",
            &format!("{second}; write 100; >+; timer 300ms"),
        ),
        (
            "then 200: 112.5 + 4 * 53.125",
            &format!(
                "{second}; write 100; >+; +200ms; < . 1:1(0) ack 201; write 100; >+; timer 325ms"
            ),
        ),
        (
            "a lower one: 87.5 + 4 * 62.5",
            "write 100; >+; +0ms; < . 1:1(0) ack 101; write 100; >+; timer 337500us",
        ),
    ]);
    open()
        .config(|config| config.rto_min = Duration::from_secs(1))
        .rows(&[("100 and the least spread", "write 100; >+; timer 1100ms")]);
    at(At::Nothing).rows(&[
        ("a second before any sample", "open; >+; timer 1s"),
        (
            "the least is 200 ms",
            "open; >+; < S. 0:0(0) ack 1 win 65535 <mss 1460>; >+; write 100; >+; timer 200ms",
        ),
        (
            "Karn: no sample of a SYN that was sent twice",
            "open; >+; +1s; >+; +500ms; < S. 0:0(0) ack 1 win 65535 <mss 1460>; >+; write 100
             >+; timer 3s",
        ),
        (
            "a long way: 700 + 4 * 350",
            "open; >+; +700ms; < S. 0:0(0) ack 1 win 65535 <mss 1460>; >+; write 100; >+
             timer 2100ms",
        ),
        (
            "passive",
            "< S 0:0(0) win 65535 <mss 1460>; >+; +200ms; < . 1:1(0) ack 1; write 100; >+
             timer 600ms",
        ),
    ]);
}

/// RFC 6298 3: Karn. What was sent twice tells nothing, and the backed-off value stays.
/// Proves: MUST-18, RFC6298-3-a.
#[test]
fn karn() {
    open().rows(&[
        (
            "no sample",
            "write 100; >+; +300ms; >+; +10ms; < . 1:1(0) ack 101; write 100; >+; timer 600ms",
        ),
        (
            "the next clean one counts: 100 + 200, for 4 * 37.5 is less",
            "write 100; >+; +300ms; >+; +10ms; < . 1:1(0) ack 101; write 100; >+; +100ms
             < . 1:1(0) ack 201
             write 100; >+; timer 300ms",
        ),
        (
            "nor of a fast retransmission",
            "write 5840; >+; +100ms; < . 1:1(0) ack 1; < . 1:1(0) ack 1; < . 1:1(0) ack 1; >+; +10ms
             < . 1:1(0) ack 5841; write 100; >+; timer 300ms",
        ),
        (
            "not of what was sent before the loss either",
            "write 2920; >+; +300ms; >+; < . 1:1(0) ack 2921; write 100; >+; timer 600ms",
        ),
    ]);
}

/// RFC 6298 5.1 to 5.6: when the timer starts, stops and starts anew.
/// Proves: MUST-19, RFC6298-5.1, RFC6298-5.2, RFC6298-5.3, RFC6298-5.4, RFC6298-5.5, RFC6298-5.6,
/// RFC6928-9.
#[test]
fn timer() {
    open().rows(&[
        ("not without data", "timer never"),
        ("starts", "write 100; >+; timer 300ms"),
        ("not moved by more data", "write 1460; >+; +100ms; write 1460; >+; timer 200ms"),
        ("stops", "write 100; >+; < . 1:1(0) ack 101; timer never"),
        (
            "starts anew with what is acknowledged: 112.5 + 4 * 62.5",
            "write 2920; >+; +200ms; < . 1:1(0) ack 1461; timer 362500us",
        ),
        ("not by a duplicate", "write 2920; >+; +200ms; < . 1:1(0) ack 1; timer 100ms"),
        ("not by a window", "write 2920; >+; +200ms; < . 1:1(0) ack 1 win 60000; timer 100ms"),
        ("the earliest is sent again", "write 2920; >+; +299ms; +1ms; > . 1:1461(1460) ack 1"),
        ("a small one with PSH", "write 100; >+; +300ms; > P. 1:101(100) ack 1"),
        (
            "doubled",
            "write 100; >+; +300ms; >+; timer 600ms; +600ms; >+; timer 1200ms; +1200ms; >+
             timer 2400ms",
        ),
        (
            "with the ack of today",
            "write 100; >+; < P. 1:11(10) ack 1; +40ms; >+; +260ms; > P. 1:101(100) ack 11",
        ),
        (
            "what was queued joins it",
            "write 100; >+; write 50; +300ms; >+; < . 1:1(0) ack 101; >*; +10s; >*
             < . 1:1(0) ack 151; timer never",
        ),
        ("a fin", "shutdown write; >+; +300ms; > F. 1:1(0) ack 1; +600ms; > F. 1:1(0) ack 1"),
        (
            "text and fin",
            "cork; write 10; shutdown write; uncork; >+; +300ms; > FP. 1:11(10) ack 1",
        ),
    ]);
}

/// RFC 6298 2.5: bounded by `rto_max`.
/// Proves: RFC6298-2.5, RFC6298-5.5.
#[test]
fn bounded() {
    open().config(|config| config.rto_max = Duration::from_secs(1)).rows(&[(
        "one second",
        "write 100; >+; +300ms; >+; +600ms; >+; timer 1s; +1s; >+; timer 1s; +1s; >+; timer 1s",
    )]);
    open().rows(&[(
        "two minutes by default",
        "write 100; >+; +6min; >+; +2min; >+; state Established",
    )]);
}

/// RFC 9293 3.8.3, SHLD-9, SHLD-10: after three retransmissions whoever asks is told.
#[test]
fn r1() {
    let mut harness = open().start();
    let told = |harness: &mut Harness| {
        let now = harness.now;
        harness.connection().info(now).soft_error
    };
    harness.must("write 100; >+; +300ms; >+; +600ms; >+");
    assert_eq!(told(&mut harness), None);
    harness.must("+1200ms; >+; state Established; error none");
    assert_eq!(told(&mut harness), Some(Error::TimedOut));
    harness.must("< . 1:1(0) ack 101");
    assert_eq!(told(&mut harness), None);
}

/// MUST-20, MUST-21: R2 ends the connection.
#[test]
fn r2() {
    open().rows(&[
        (
            "15 minutes",
            "write 100; >+; +14min; >+; state Established; error none; +4min; >*; state Closed
             error TimedOut",
        ),
        (
            "the application wakes up",
            "write 100; >+; +19min; >*; signal READABLE; signal CLOSED; ended both; timer never",
        ),
        (
            "an ack begins it anew",
            "write 100; >+; +14min; >+; < . 1:1(0) ack 51; >*; +14min; >+; state Established",
        ),
        ("nothing outstanding, nothing ends", "+24h; state Established"),
    ]);
    open().config(|config| config.r2 = Duration::from_secs(20)).rows(&[(
        "as configured",
        "write 100; >+; +19s; >+; state Established; +20s; >*; state Closed; error TimedOut",
    )]);
    at(At::FinWait1).rows(&[("a fin too", "+19min; >*; state Closed; error TimedOut")]);
    at(At::LastAck).rows(&[("a fin too", "+19min; >*; state Closed")]);
    at(At::Closing).rows(&[("a fin too", "+19min; >*; state Closed")]);
}

/// RFC 9293 3.9.1, 3.10.8: the user timeout.
/// Proves: MUST-21, RFC9293-3.10.8-a.
#[test]
fn user_timeout() {
    open().rows(&[
        ("not before", "set user_timeout 5s; write 100; >+; +4999ms; >+; state Established"),
        ("then", "set user_timeout 5s; write 100; >+; +5001ms; >*; state Closed; error TimedOut"),
        ("not while idle", "set user_timeout 5s; +1h; state Established"),
        (
            "an ack begins it anew",
            "set user_timeout 5s; write 100; >+; +4s; >+; < . 1:1(0) ack 51; >*; +4s; >*
             state Established",
        ),
        ("longer than r2", "set user_timeout 2h; write 100; >+; +100min; >+; state Established"),
    ]);
    open().config(|config| config.user_timeout = Some(Duration::from_secs(5))).rows(&[(
        "from the configuration",
        "write 100; >+; +5001ms; >*; state Closed; error TimedOut",
    )]);
}
