//! When we acknowledge, and which window we tell (RFC 9293 3.8.6.2.2, 3.8.6.3; RFC 5681 4.2).

use super::script::{At, Setup, at};

fn open() -> Setup {
    at(At::Established)
}

/// SHLD-18, SHLD-19, MUST-40: within 40 ms, every second full-sized segment at once.
/// Proves: RFC5681-4.2-b, RFC5681-4.2-c, RFC5681-4.2-a.
#[test]
fn delayed_ack() {
    open().rows(&[
        ("not at once", "< P. 1:101(100) ack 1; +39ms"),
        ("after 40 ms", "< P. 1:101(100) ack 1; +39ms; +1ms; > . 1:1(0) ack 101 win 9900"),
        (
            "counted from the first",
            "< P. 1:101(100) ack 1; +30ms; < P. 101:201(100) ack 1; >*; +10ms; >*; timer never",
        ),
        ("one full segment waits", "< . 1:1461(1460) ack 1; +39ms; +1ms; > . 1:1(0) ack 1461"),
        (
            "the second full one does not",
            "< . 1:1461(1460) ack 1; < . 1461:2921(1460) ack 1; > . 1:1(0) ack 2921; timer never",
        ),
        (
            "the third waits again",
            "< . 1:1461(1460) ack 1; < . 1461:2921(1460) ack 1; >+; < . 2921:4381(1460) ack 1
             timer 40ms; +40ms; > . 1:1(0) ack 4381",
        ),
        ("a pure ack is not answered", "< . 1:1(0) ack 1; +1s; timer never"),
        (
            "text takes it along",
            "< P. 1:101(100) ack 1; write 10; > P. 1:11(10) ack 101; < . 101:101(0) ack 11
             timer never",
        ),
        (
            "a fin does not wait",
            "< P. 1:101(100) ack 1; < F. 101:101(0) ack 1; > . 1:1(0) ack 102; timer never",
        ),
        ("once is enough", "< P. 1:101(100) ack 1; +40ms; >+; +1h"),
    ]);
    open()
        .config(|config| config.delayed_ack = std::time::Duration::from_millis(200))
        .rows(&[("as configured", "< P. 1:101(100) ack 1; +199ms; +1ms; > . 1:1(0) ack 101")]);
    open().config(|config| config.delayed_ack = std::time::Duration::ZERO).rows(&[(
        "at once, if one asks for that",
        "< P. 1:101(100) ack 1; +0ms; > . 1:1(0) ack 101",
    )]);
}

/// MUST-58, MUST-59: what arrives together is acknowledged together.
/// Proves: RFC5681-4.2-a.
#[test]
fn batch() {
    open().rows(&[
        (
            "four full segments",
            "cork; < . 1:1461(1460) ack 1; < . 1461:2921(1460) ack 1; < . 2921:4381(1460) ack 1
             < . 4381:5841(1460) ack 1; uncork; > . 1:1(0) ack 5841",
        ),
        (
            "a gap and its filling",
            "cork; < P. 11:21(10) ack 1; < P. 1:11(10) ack 1; uncork; > . 1:1(0) ack 21",
        ),
        (
            "the answer rides on text",
            "cork; < . 1:1461(1460) ack 1; < . 1461:2921(1460) ack 1; write 10; uncork
             > P. 1:11(10) ack 2921",
        ),
    ]);
}

/// RFC 5681 4.2, 3.2: a gap is told at once, and so is its filling, whole or in part.
/// Proves: MAY-13, RFC5681-3.2-recv-ooo, RFC5681-3.2-recv-gap, RFC5681-4.2-c.
#[test]
fn at_once() {
    open().rows(&[
        ("gap", "< P. 101:201(100) ack 1; > . 1:1(0) ack 1; timer never"),
        (
            "each of them",
            "< P. 101:201(100) ack 1; > . 1:1(0) ack 1; < P. 201:301(100) ack 1; > . 1:1(0) ack 1",
        ),
        (
            "filled",
            "< P. 101:201(100) ack 1; >+; < P. 1:101(100) ack 1; > . 1:1(0) ack 201; timer never",
        ),
        (
            "filled in part",
            "< P. 101:201(100) ack 1; >+; < P. 301:401(100) ack 1; >+; < P. 1:101(100) ack 1
             > . 1:1(0) ack 201; timer never",
        ),
        (
            "below a gap",
            "< P. 101:201(100) ack 1; >+; < P. 1:51(50) ack 1; > . 1:1(0) ack 51; timer never",
        ),
        (
            "a duplicate",
            "< P. 1:101(100) ack 1; +40ms; >+; < P. 1:101(100) ack 1; > . 1:1(0) ack 101
             timer never",
        ),
        (
            "a gap after a delayed one",
            "< P. 1:101(100) ack 1; < P. 201:301(100) ack 1; > . 1:1(0) ack 101; timer never",
        ),
    ]);
}

/// SHLD-14: the right edge stays where it was told (the harness checks every segment for it).
#[test]
fn window() {
    open().receive_buffer(4_000).rows(&[
        (
            "shrinks by what is unread",
            "< P. 1:1001(1000) ack 1; +40ms; > . 1:1(0) ack 1001 win 3000",
        ),
        (
            "closes",
            "< . 1:1461(1460) ack 1; < . 1461:2921(1460) ack 1; > . 1:1(0) ack 2921 win 1080
             < P. 2921:4001(1080) ack 1; +40ms; > . 1:1(0) ack 4001 win 0",
        ),
        ("held text is inside of it", "< P. 1001:2001(1000) ack 1; > . 1:1(0) ack 1 win 4000"),
        (
            "read before the ack",
            "< P. 1:2001(2000) ack 1; read 2000; >*; +40ms; >*; < P. 1:2001(2000) ack 1
             > . 1:1(0) ack 2001 win 4000",
        ),
    ]);
    open().receive_buffer(100_000).rows(&[(
        "without scaling 65,535 is the most",
        "< P. 1:11(10) ack 1; read 10; +40ms; > . 1:1(0) ack 11 win 65535",
    )]);
}

/// MUST-39: the edge moves by half the buffer or one MSS, not by less; then the peer is told.
/// Proves: MAY-8, RFC9293-3.8.6.2.2-a.
#[test]
fn silly_window() {
    let full = "< . 1:1461(1460) ack 1; < . 1461:2921(1460) ack 1; >+
                < P. 2921:4001(1080) ack 1; +40ms; >+";
    open().receive_buffer(4_000).rows(&[
        ("one byte", &format!("{full}; read 1; +1h")),
        ("one less than a segment", &format!("{full}; read 1459; +1h")),
        ("a segment", &format!("{full}; read 1460; > . 1:1(0) ack 4001 win 1460")),
        (
            "in small steps",
            &format!("{full}; read 700; read 700; read 60; > . 1:1(0) ack 4001 win 1460"),
        ),
        ("everything", &format!("{full}; read 4000; > . 1:1(0) ack 4001 win 4000")),
        (
            "a probe does not open it earlier",
            &format!("{full}; read 1000; < P. 4001:4002(1) ack 1; > . 1:1(0) ack 4001 win 0"),
        ),
        (
            "told once",
            &format!("{full}; read 2000; > . 1:1(0) ack 4001 win 2000; read 1; read 1; +1h"),
        ),
        (
            "our text does not open it earlier",
            &format!("{full}; read 1000; write 10; > P. 1:11(10) ack 4001 win 0"),
        ),
    ]);
    open().receive_buffer(1_000).rows(&[
        ("half a small buffer, less", "< P. 1:1001(1000) ack 1; +40ms; >+; read 499; +1h"),
        (
            "half a small buffer",
            "< P. 1:1001(1000) ack 1; +40ms; >+; read 500; > . 1:1(0) ack 1001 win 500",
        ),
    ]);
}

/// RFC 7323 2.3, 2.4: the window told is a multiple of the unit; all that was told is taken.
/// Proves: RFC7323-2.3-a, RFC7323-2.4-a.
#[test]
fn scaled() {
    let scaled =
        open().receive_buffer(100_000).peer(|peer| peer.window_scale = Some(0)).window(65_535);
    scaled.rows(&[
        ("units of two", "< P. 1:11(10) ack 1; +40ms; > . 1:1(0) ack 11 win 49995"),
        (
            "odd rests",
            "< P. 1:12(11) ack 1; +40ms; >+; < P. 12:23(11) ack 1; +40ms; >+; read 22; >*",
        ),
    ]);
    let coarse = open()
        .config(|config| config.window_scale = Some(7))
        .peer(|peer| peer.window_scale = Some(0));
    coarse.rows(&[
        (
            "units of 128",
            "< P. 1:11(10) ack 1; +40ms; >+; < P. 11:21(10) ack 1; +40ms; >+
             < P. 21:31(10) ack 1; +40ms; >+; read 30",
        ),
        (
            "the last byte told",
            "< P. {edge-300}:{edge-17}(283) ack 1; > . 1:1(0) ack 1 <...>; discard none",
        ),
    ]);
}

#[test]
fn a_peer_that_may_run_out_of_window_presses() {
    open().receive_buffer(4_000).rows(&[(
        "a third of the buffer since the last acknowledgement",
        "< . 1:801(800) ack 1; nosignal PRESSING; < . 801:1401(600) ack 1; signal PRESSING
         < . 1401:1501(100) ack 1; signal PRESSING; +40ms; > . 1:1(0) ack 1501
         < . 1501:2001(500) ack 1; nosignal PRESSING",
    )]);
}
