//! Zero windows and their probes (RFC 9293 3.8.6.1).

use super::script::{At, Setup, at};

/// A closed window; what is written waits.
fn closed() -> Setup {
    at(At::Established).window(0)
}

/// SHLD-29, SHLD-30, MUST-36: the first probe after one RTO, then ever more slowly.
#[test]
fn probes() {
    closed().rows(&[
        ("nothing at first", "write 5000; +299ms"),
        ("after one RTO", "write 5000; +299ms; +1ms; >+"),
        ("one byte of new data", "write 5000; +300ms; > . 1:2(1) ack 1"),
        ("nothing to send, no probe", "+1h; timer never"),
        (
            "the interval doubles, unanswered",
            "write 5000; +300ms; >+; +599ms; +1ms; >+; +1199ms; +1ms; >+; +2399ms; +1ms; >+",
        ),
        (
            "the interval doubles, answered",
            "write 5000; +300ms; >+; < . 1:1(0) ack 1 win 0; +599ms; +1ms; >+
             < . 1:1(0) ack 1 win 0
             +1199ms; +1ms; >+; < . 1:1(0) ack 1 win 0; +2399ms; +1ms; >+",
        ),
        (
            "the fin is probed for too",
            "shutdown write; +2s; >+; < . 1:1(0) ack 2 win 0; state FinWait2",
        ),
        (
            "the ack rides along",
            "write 5000; < P. 1:11(10) ack 1 win 0; +40ms; >+; +300ms; > . 1:2(1) ack 11",
        ),
        (
            "a bare ack stands before the probe's byte, where the peer still listens",
            "write 5000; +300ms; >+; < P. 1:11(10) ack 1 win 0; +40ms; > . 1:1(0) ack 11",
        ),
        ("and so does a RST", "write 5000; +300ms; >+; < . 1:1(0) ack 1 win 0; abort; > R* 1:1(0)"),
        ("a write goes on waiting", "write 100; write 100; write 100; +299ms; +1ms; >+"),
    ]);
}

/// The window opens: on with it, at once.
#[test]
fn opens() {
    closed().rows(&[
        (
            "before a probe",
            "write 5000; < . 1:1(0) ack 1 win 65535; burst 1 3 1460
             > P. 4381:5001(620) ack 1; +100ms",
        ),
        (
            "the probe was refused",
            "write 5000; +300ms; >+; < . 1:1(0) ack 1 win 0; +10ms; < . 1:1(0) ack 1 win 65535
             >+; state Established",
        ),
        (
            "the probe was taken",
            "write 5000; +300ms; >+; < . 1:1(0) ack 2 win 0; +2s; >+; state Established",
        ),
        (
            "the probe was taken, window open",
            "write 5000; +300ms; >+; < . 1:1(0) ack 2 win 65535; burst 2 3 1460; >*",
        ),
        (
            "a small queue after a taken probe",
            "write 100; +300ms; >+; < . 1:1(0) ack 2 win 65535; > P. 2:101(99) ack 1",
        ),
        (
            "closes in the middle",
            "< . 1:1(0) ack 1 win 1460; write 5000; > . 1:1461(1460) ack 1
             < . 1:1(0) ack 1461 win 0; +5s; >+; state Established",
        ),
    ]);
}

/// A refused probe's byte is sent again at once, before the rest: nothing waits for a time-out.
#[test]
fn refused_probe_is_repeated() {
    closed().rows(&[
        (
            "full segments",
            "write 2920; +300ms; > . 1:2(1) ack 1; < . 1:1(0) ack 1 win 0
             < . 1:1(0) ack 1 win 65535
             > . 1:2(1) ack 1; > . 2:1462(1460) ack 1; < . 1:1(0) ack 1462
             > P. 1462:2921(1459) ack 1",
        ),
        (
            "a small queue",
            "write 100; +300ms; > . 1:2(1) ack 1; < . 1:1(0) ack 1 win 0; < . 1:1(0) ack 1 win 65535
             > . 1:2(1) ack 1; < . 1:1(0) ack 2; > P. 2:101(99) ack 1",
        ),
    ]);
}

/// MUST-37: as long as the peer answers, for ever.
#[test]
fn never_gives_up_while_answered() {
    let mut harness = closed().start();
    harness.must("write 5000");
    for _ in 0..200 {
        harness.must("+2min; >+; < . 1:1(0) ack 1 win 0; state Established; error none");
    }
    harness.must("< . 1:1(0) ack 1 win 65535; >+; state Established");
}

/// RFC 9293 3.8.3: unanswered, R2 ends it.
#[test]
fn gives_up_unanswered() {
    closed().rows(&[(
        "r2",
        "write 5000; +14min; >+; state Established; +5min; >*; state Closed; error TimedOut
             timer never",
    )]);
}

/// Patience begins with the first probe, however long nobody had anything to say before.
#[test]
fn patience_begins_with_the_probe() {
    closed().rows(&[
        ("after a long silence", "+1h; write 5000; +299ms; +1ms; >+; state Established"),
        ("and ends", "+1h; write 5000; +14min; >+; state Established; +5min; >*; state Closed"),
        ("a short user timeout", "set user_timeout 5s; +1min; write 9; +4s; >+; state Established"),
        (
            "which ends it",
            "set user_timeout 5s; +1min; write 9; +6s; >*; state Closed; error TimedOut",
        ),
        (
            "the probe is taken, the window stays closed",
            "write 5000; +300ms; >+; < . 1:1(0) ack 2 win 0; +14min; >+; < . 1:1(0) ack 2 win 0
             +14min; >+; state Established",
        ),
    ]);
}

/// The interval is bounded by `rto_max`.
#[test]
fn interval_is_bounded() {
    let mut harness = closed().start();
    harness.must("write 5000; +10min; >+; < . 1:1(0) ack 1 win 0");
    harness.must("+2min; >+; < . 1:1(0) ack 1 win 0; +2min; >+");
    let capped = closed().config(|config| config.rto_max = std::time::Duration::from_secs(1));
    capped.rows(&[(
        "as configured",
        "write 5000; +10s; >+; < . 1:1(0) ack 1 win 0; +1s; >+; < . 1:1(0) ack 1 win 0; +1s; >+",
    )]);
}
