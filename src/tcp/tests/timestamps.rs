//! Timestamps (RFC 7323). The peer's clock shows 200 when a row begins, ours 100.

use super::script::{At, Setup, at};

fn open() -> Setup {
    at(At::Established).timestamps()
}

/// RFC 7323 5.3, R1: an older TSval is answered by an ACK and dropped.
/// Proves: RFC7323-5.3-R1, RFC7323-5.3-rst, MUST-5.
#[test]
fn paws() {
    open().rows(&[
        (
            "older",
            "< P. 1:11(10) ack 1 <TS val 199 ecr 0>; > . 1:1(0) ack 1; discard OldTimestamp
             readable 0",
        ),
        ("much older", "< P. 1:11(10) ack 1 <TS val 2147483849 ecr 0>; >+; discard OldTimestamp"),
        ("equal", "< P. 1:11(10) ack 1 <TS val 200 ecr 0>; discard none; readable 10; +40ms; >+"),
        ("newer", "< P. 1:11(10) ack 1 <TS val 201 ecr 0>; discard none; readable 10; +40ms; >+"),
        (
            "much newer",
            "< P. 1:11(10) ack 1 <TS val 2147483847 ecr 0>; discard none; readable 10; +40ms; >+",
        ),
        ("an old fin", "< F. 1:1(0) ack 1 <TS val 5 ecr 0>; > . 1:1(0) ack 1; state Established"),
        (
            "an old ack",
            "write 10; >+; < . 1:1(0) ack 11 <TS val 5 ecr 0>; >+; discard OldTimestamp; +1s; >+",
        ),
        (
            "before the window is looked at",
            "< P. 20000:20010(10) ack 1 <TS val 5 ecr 0>; >+; discard OldTimestamp",
        ),
        (
            "an old segment of the stream",
            "< P. 1:11(10) ack 1 <TS val 300 ecr 0>; < P. 1:11(10) ack 1 <TS val 250 ecr 0>
             > . 1:1(0) ack 11; discard OldTimestamp",
        ),
        ("the RST is not checked", "< R 1:1(0) <TS val 5 ecr 0>; error Reset; state Closed"),
        ("nor does it need any", "< R 1:1(0) <none>; error Reset; state Closed"),
        (
            "nor does it change anything",
            "< R 5:5(0) <TS val 9000 ecr 0>; >+; < P. 1:11(10) ack 1 <TS val 201 ecr 0>
             discard none; +40ms; > . 1:1(0) ack 11 <nop,nop,TS val 140 ecr 201>",
        ),
    ]);
}

/// RFC 7323 3.2: a segment without the negotiated option is dropped in silence.
/// Proves: RFC7323-3.2-b.
#[test]
fn missing() {
    open().rows(&[
        (
            "text",
            "< P. 1:11(10) ack 1 <none>; discard MissingTimestamp; readable 0; state Established",
        ),
        ("ack", "write 10; >+; < . 1:1(0) ack 11 <none>; discard MissingTimestamp; timer 300ms"),
        ("fin", "< F. 1:1(0) ack 1 <none>; discard MissingTimestamp; state Established"),
    ]);
    at(At::FinWait2)
        .timestamps()
        .rows(&[("fin", "< F. 1:1(0) ack 2 <none>; discard MissingTimestamp; state FinWait2")]);
}

/// RFC 7323 3.2: never without negotiation, in either direction.
/// Proves: RFC7323-3.2-c.
#[test]
fn not_negotiated() {
    at(At::Established).rows(&[
        ("not sent", "write 10; > P. 1:11(10) ack 1 <none>"),
        (
            "not looked at",
            "< P. 1:11(10) ack 1 <TS val 5 ecr 0>; < P. 11:21(10) ack 1 <TS val 4 ecr 0>
             readable 20; +40ms; > . 1:1(0) ack 21 <none>",
        ),
    ]);
    open().config(|config| config.timestamps = false).rows(&[(
        "we do not want them",
        "< P. 1:11(10) ack 1 <TS val 5 ecr 0>; readable 10; +40ms; > . 1:1(0) ack 11 <none>",
    )]);
}

/// RFC 7323 4.3: which TSval is echoed.
/// Proves: RFC7323-4.3-a, RFC7323-4.3-b, RFC7323-5.3-R2.
#[test]
fn echoed() {
    open().rows(&[
        (
            "the one that arrived",
            "< P. 1:11(10) ack 1 <TS val 300 ecr 100>; +40ms
             > . 1:1(0) ack 11 <nop,nop,TS val 140 ecr 300>",
        ),
        (
            "the earliest under a delayed ack",
            "< P. 1:11(10) ack 1 <TS val 300 ecr 100>; < P. 11:21(10) ack 1 <TS val 310 ecr 100>
             +40ms; > . 1:1(0) ack 21 <nop,nop,TS val 140 ecr 300>",
        ),
        (
            "of two full ones the first",
            "< . 1:1449(1448) ack 1 <TS val 300 ecr 100>
             < . 1449:2897(1448) ack 1 <TS val 310 ecr 100>
             > . 1:1(0) ack 2897 <nop,nop,TS val 100 ecr 300>",
        ),
        (
            "not of one out of order",
            "< P. 11:21(10) ack 1 <TS val 300 ecr 100>
             > . 1:1(0) ack 1 <nop,nop,TS val 100 ecr 200>",
        ),
        (
            "of the one that fills the gap",
            "< P. 11:21(10) ack 1 <TS val 300 ecr 100>; >+
             < P. 1:11(10) ack 1 <TS val 310 ecr 100>
             > . 1:1(0) ack 21 <nop,nop,TS val 100 ecr 310>",
        ),
        (
            "also when it is older than one that was held",
            "< P. 11:21(10) ack 1 <TS val 310 ecr 100>; >+
             < P. 1:11(10) ack 1 <TS val 300 ecr 100>
             > . 1:1(0) ack 21 <nop,nop,TS val 100 ecr 300>",
        ),
        (
            "of a pure ack",
            "< . 1:1(0) ack 1 <TS val 300 ecr 100>; write 10
             > P. 1:11(10) ack 1 <nop,nop,TS val 100 ecr 300>",
        ),
        (
            "not of one outside",
            "< P. 20000:20010(10) ack 1 <TS val 300 ecr 100>
             > . 1:1(0) ack 1 <nop,nop,TS val 100 ecr 200>",
        ),
        (
            "the next after an ack was sent",
            "< P. 1:11(10) ack 1 <TS val 300 ecr 100>; +40ms; >+
             < P. 11:21(10) ack 1 <TS val 340 ecr 100>; +40ms
             > . 1:1(0) ack 21 <nop,nop,TS val 180 ecr 340>",
        ),
        (
            "of a fin",
            "< F. 1:1(0) ack 1 <TS val 300 ecr 100>
             > . 1:1(0) ack 2 <nop,nop,TS val 100 ecr 300>",
        ),
    ]);
}

/// RFC 7323 5.4: a millisecond clock; a segment sent again shows the time of today.
/// Proves: RFC7323-5.4, RFC7323-3.2-d.
#[test]
fn clock() {
    open().rows(&[
        ("milliseconds", "+7ms; write 10; > P. 1:11(10) ack 1 <nop,nop,TS val 107 ecr 200>"),
        ("sent again", "write 10; >+; +300ms; > P. 1:11(10) ack 1 <nop,nop,TS val 400 ecr 200>"),
        (
            "on a probe",
            "< . 1:1(0) ack 1 win 0; write 10; +300ms
             > . 1:2(1) ack 1 <nop,nop,TS val 400 ecr 200>",
        ),
        ("on an abort", "abort; > R* 1:1(0); state Closed"),
    ]);
    at(At::Nothing).rows(&[
        ("no echo in a SYN", "open; > S 0:0(0) <mss 1460,sackOK,TS val 0 ecr 0,nop,wscale 0>"),
        (
            "a SYN sent again",
            "open; >+; +1s; > S 0:0(0) <mss 1460,sackOK,TS val 1000 ecr 0,nop,wscale 0>",
        ),
    ]);
}

/// RFC 7323 4.1, 4.2: round trips by the echo, also of what was sent twice.
/// Proves: RFC7323-4.1.
#[test]
fn round_trips() {
    open().rows(&[
        (
            "a sample: 100 + 200, for 4 * 37.5 is less",
            "write 100; >+; +100ms; < . 1:1(0) ack 101; write 100; >+; timer 300ms",
        ),
        (
            "of what was sent twice, the second: 10 ms ago",
            "write 100; >+; +300ms; >+; +10ms; < . 1:1(0) ack 101 <TS val 500 ecr 400>
             write 100; >+; timer 328750us",
        ),
        (
            "of what was sent twice, the first: 310 ms ago",
            "write 100; >+; +300ms; >+; +10ms; < . 1:1(0) ack 101 <TS val 500 ecr 100>
             write 100; >+; timer 486250us",
        ),
        (
            "not without progress",
            "write 100; >+; +200ms; < . 1:1(0) ack 1 <TS val 500 ecr 100>; timer 100ms",
        ),
        (
            "text of the peer tells nothing",
            "+10s; < P. 1:11(10) ack 1 <TS val 9000 ecr 100>; write 100; >+; timer 300ms",
        ),
    ]);
}

/// RFC 7323 5.5: after 24 days of silence the last TSval means nothing.
/// Proves: RFC7323-5.5.
#[test]
fn outdated() {
    open().rows(&[
        (
            "25 days",
            "+25d; < P. 1:11(10) ack 1 <TS val 5 ecr 0>; discard none; readable 10; +40ms; >+",
        ),
        (
            "25 days, but not of silence",
            "+23d; < . 1:1(0) ack 1 <TS val 300 ecr 0>; +2d; < P. 1:11(10) ack 1 <TS val 5 ecr 0>
             >+; discard OldTimestamp",
        ),
        ("23 days", "+23d; < P. 1:11(10) ack 1 <TS val 5 ecr 0>; >+; discard OldTimestamp"),
    ]);
}
