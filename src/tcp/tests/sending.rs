//! What is sent, and when (RFC 9293 3.7, 3.8; RFC 5681; RFC 6928; RFC 6691).

use super::script::{At, Setup, at};

fn open() -> Setup {
    at(At::Established)
}

/// SHLD-28, MUST-61: full segments, PSH on the one that empties the queue.
/// Proves: SHLD-27, MUST-60.
#[test]
fn segments() {
    open().rows(&[
        ("a small one", "write 100; > P. 1:101(100) ack 1"),
        ("a full one", "write 1460; > P. 1:1461(1460) ack 1"),
        ("two full ones", "write 2920; > . 1:1461(1460) ack 1; > P. 1461:2921(1460) ack 1"),
        ("writes are joined", "cork; write 100; write 200; uncork; > P. 1:301(300) ack 1"),
        (
            "text carries the ack",
            "< P. 1:11(10) ack 1; write 5; > P. 1:6(5) ack 11; +1h; >*; readable 10",
        ),
        (
            "and stops the delayed one",
            "< P. 1:11(10) ack 1; write 5; >+; < . 11:11(0) ack 6; timer never",
        ),
        ("window is told", "write 5; > P. 1:6(5) ack 1 win 10000"),
    ]);
}

/// RFC 6691 2, RFC 7323: option bytes are taken from the payload.
/// Proves: RFC6691-2-b.
#[test]
fn option_bytes() {
    open().timestamps().rows(&[
        ("timestamps take 12", "write 2896; > . 1:1449(1448) ack 1; > P. 1449:2897(1448) ack 1"),
        ("not more", "write 1448; > P. 1:1449(1448) ack 1 <nop,nop,TS val 100 ecr 200>"),
    ]);
    open().timestamps().mtu(576).rows(&[("a small path", "write 524; > P. 1:525(524) ack 1")]);
    open().timestamps().sack().rows(&[(
        "with a gap it still fits",
        "< P. 11:21(10) ack 1; >+; write 1500; >+; state Established",
    )]);
}

/// SHLD-7, MUST-17: Nagle holds a small segment while another small one is outstanding.
/// Proves: MAY-16.
#[test]
fn nagle() {
    open().rows(&[
        ("the first goes", "write 10; > P. 1:11(10) ack 1"),
        ("the second waits", "write 10; >+; write 10; write 10"),
        (
            "the ack frees them together",
            "write 10; >+; write 10; write 10; < . 1:1(0) ack 11; > P. 11:31(20) ack 1",
        ),
        ("a full one goes", "write 10; >+; write 1460; > P. 11:1471(1460) ack 1"),
        (
            "full ones go, the rest waits",
            "write 10; >+; write 1470; > . 11:1471(1460) ack 1; < . 1:1(0) ack 1471
             > P. 1471:1481(10) ack 1",
        ),
        (
            "the tail of a large write goes, as with Linux",
            "write 1500; > . 1:1461(1460) ack 1; > P. 1461:1501(40) ack 1",
        ),
        (
            "what is written behind such a tail waits",
            "write 1500; >*; write 40; < . 1:1(0) ack 1461; < . 1:1(0) ack 1501
             > P. 1501:1541(40) ack 1",
        ),
        ("a partial ack frees nothing", "write 10; >+; write 10; < . 1:1(0) ack 6"),
        ("nodelay", "nodelay; write 10; > P. 1:11(10) ack 1; write 10; > P. 11:21(10) ack 1"),
        (
            "nodelay frees what waits",
            "write 10; >+; write 10; nodelay; >*; < . 1:1(0) ack 11; >*; state Established",
        ),
    ]);
    open().config(|config| config.nodelay = true).rows(&[
        ("off from the beginning", "write 10; >+; write 10; > P. 11:21(10) ack 1"),
        (
            "three writes, three segments",
            "write 1; > P. 1:2(1) ack 1; write 1; > P. 2:3(1) ack 1; write 1; > P. 3:4(1) ack 1",
        ),
    ]);
}

/// MUST-38, RFC 9293 3.8.6.2.1: no silly small segments into a small window; half of the largest
/// window will do; the override timer breaks a deadlock.
/// Proves: RFC9293-3.8.6.2.1-a, MUST-60.
#[test]
fn silly_window() {
    open().rows(&[
        ("a sliver waits", "< . 1:1(0) ack 1 win 500; write 1000; +199ms"),
        (
            "until the override",
            "< . 1:1(0) ack 1 win 500; write 1000; +199ms; +1ms; > . 1:501(500) ack 1",
        ),
        ("all of it fits: goes", "< . 1:1(0) ack 1 win 500; write 500; > P. 1:501(500) ack 1"),
        (
            "a sliver after full segments",
            "< . 1:1(0) ack 1 win 2000; write 5000; > . 1:1461(1460) ack 1",
        ),
        (
            "the window opens before the override",
            "< . 1:1(0) ack 1 win 500; write 1000; +100ms; < . 1:1(0) ack 1 win 1000
             > P. 1:1001(1000) ack 1; +150ms",
        ),
    ]);
    open().config(|config| config.override_timeout = std::time::Duration::from_millis(500)).rows(
        &[(
            "as configured",
            "< . 1:1(0) ack 1 win 500; write 1000; +499ms; +1ms; > . 1:501(500) ack 1",
        )],
    );
    open().window(1_000).rows(&[
        (
            "half of the largest window goes",
            "< . 1:1(0) ack 1 win 500; write 1000; > . 1:501(500) ack 1",
        ),
        (
            "the largest counts",
            "< . 1:1(0) ack 1 win 4000; < . 1:1(0) ack 1 win 1000; write 2000; +199ms",
        ),
        (
            "the override counts once",
            "< . 1:1(0) ack 1 win 499; write 2000; +200ms; > . 1:500(499) ack 1
             < . 1:1(0) ack 500 win 300; +199ms; +1ms; > . 500:800(300) ack 1",
        ),
        ("less does not", "< . 1:1(0) ack 1 win 499; write 1000; +199ms"),
        ("a window below the MSS is filled", "write 2000; > . 1:1001(1000) ack 1"),
    ]);
}

/// RFC 9293 3.8.6: never beyond SND.UNA + SND.WND.
/// Proves: RFC5681-2, RFC7323-2.4-b.
#[test]
fn usable_window() {
    open().window(4_380).rows(&[
        ("three segments", "write 20000; burst 1 3 1460"),
        (
            "one acknowledged, one more",
            "write 20000; burst 1 3 1460; < . 1:1(0) ack 1461 win 4380; burst 4381 1 1460",
        ),
        ("acknowledged, not opened", "write 20000; burst 1 3 1460; < . 1:1(0) ack 1461 win 2920"),
        (
            "opened, not acknowledged",
            "write 20000; burst 1 3 1460; < . 1:1(0) ack 1 win 5840; burst 4381 1 1460",
        ),
        (
            "a fin is not sent beyond either",
            "cork; write 4380; shutdown write; uncork; burst 1 3 1460
             < . 1:1(0) ack 1461 win 4380; > F. 4381:4381(0) ack 1",
        ),
    ]);
}

/// RFC 6928 2: ten segments at first, also when they are small.
/// Proves: RFC5681-2, RFC5681-3.1-iw, RFC5681-3.1-syn, RFC5681-3.1-synloss, RFC6928-2-a,
/// RFC6928-2-b.
#[test]
fn initial_window() {
    open().rows(&[("ten", "write 30000; burst 1 10 1460")]);
    open()
        .peer(|peer| peer.mss = Some(536))
        .rows(&[("ten small ones", "write 30000; burst 1 10 536")]);
    open()
        .mtu(9000)
        .peer(|peer| peer.mss = Some(8960))
        .rows(&[("14,600 bytes or two segments of a large MSS", "write 40000; burst 1 2 8960")]);
    open()
        .config(|config| config.initial_window = 2)
        .rows(&[("as configured", "write 30000; burst 1 2 1460")]);
    at(At::Nothing).rows(&[
        (
            "the handshake does not grow it (RFC 5681 3.1)",
            "open; >+; < S. 0:0(0) ack 1 win 65535 <mss 1460>; >+; write 40000; burst 1 10 1460",
        ),
        (
            "one SYN sent again does not shrink it (RFC 6928 2)",
            "open; >+; +1s; >+; < S. 0:0(0) ack 1 win 65535 <mss 1460>; >+; write 40000
             burst 1 10 1460",
        ),
        (
            "two do (RFC 5681 3.1)",
            "open; >+; +3s; >+; < S. 0:0(0) ack 1 win 65535 <mss 1460>; >+; write 40000
             burst 1 1 1460",
        ),
    ]);
}

/// RFC 5681 3.1, RFC 3465 2.2: slow start by what has arrived, however many segments one ACK stands
/// for; while the application limits, up to twice what was in flight.
/// Proves: MUST-19, RFC5681-3.1-ss.
#[test]
fn slow_start() {
    open().reno().rows(&[
        (
            "one acknowledged",
            "write 60000; burst 1 10 1460; < . 1:1(0) ack 1461; burst 14601 2 1460",
        ),
        (
            "two acknowledged",
            "write 60000; burst 1 10 1460; < . 1:1(0) ack 2921; burst 14601 4 1460",
        ),
        (
            "four acknowledged",
            "write 60000; burst 1 10 1460; < . 1:1(0) ack 5841; burst 14601 8 1460",
        ),
        (
            "not while the application is what limits",
            "write 1460; >+; < . 1:1(0) ack 1461; write 1460; >+; < . 1:1(0) ack 2921
             write 60000; burst 2921 10 1460",
        ),
        (
            "up to twice what was in flight",
            "write 8760; burst 1 6 1460; < . 1:1(0) ack 2921; < . 1:1(0) ack 5841
             < . 1:1(0) ack 8761; write 60000; burst 8761 12 1460",
        ),
    ]);
}

/// RFC 5681 3.1: after a time-out one segment flies, then two.
/// Proves: RFC5681-3.1-lw.
#[test]
fn loss_window() {
    open().rows(&[
        ("one", "write 14600; burst 1 10 1460; +300ms; > . 1:1461(1460) ack 1; +599ms"),
        (
            "then two",
            "write 14600; burst 1 10 1460; +300ms; > . 1:1461(1460) ack 1; < . 1:1(0) ack 1461
             burst 1461 2 1460",
        ),
        (
            "two more for an ack of two",
            "write 14600; burst 1 10 1460; +300ms; >+; < . 1:1(0) ack 1461; burst 1461 2 1460
             < . 1:1(0) ack 4381; burst 4381 4 1460",
        ),
        (
            "then four",
            "write 14600; burst 1 10 1460; +300ms; > . 1:1461(1460) ack 1; < . 1:1(0) ack 1461
             burst 1461 2 1460
             < . 1:1(0) ack 2921; burst 4381 2 1460; < . 1:1(0) ack 4381; burst 7301 2 1460",
        ),
    ]);
}

/// RFC 5681 4.1: after idling longer than a time-out the window is no larger than the initial one.
/// Proves: RFC5681-4.1, RFC6928-2-c.
#[test]
fn restart_after_idle() {
    open().rows(&[(
        "restart window",
        "write 60000; burst 1 10 1460; < . 1:1(0) ack 2921; burst 14601 4 1460; < . 1:1(0) ack 5841
         burst 20441 4 1460; < . 1:1(0) ack 26281; >+; < . 1:1(0) ack 46721; >*
         < . 1:1(0) ack 59861; < . 1:1(0) ack 60001; timer never
         +10s; write 60000; burst 60001 10 1460",
    )]);
}
