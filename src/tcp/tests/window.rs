//! Which segments update SND.WND (RFC 9293 3.10.7.4, fifth: SND.WL1, SND.WL2), and what a window
//! that shrinks does (3.8.6).

use super::script::{At, at};

/// An update counts when the segment is newer, or as new with an ACK that is not older.
/// Proves: RFC9293-3.10.7.4-d.
#[test]
fn update() {
    at(At::Established).rows(&[
        (
            "same number, same ack",
            "< . 1:1(0) ack 1 win 2000; write 5000; > . 1:1461(1460) ack 1; >*",
        ),
        (
            "larger",
            "< . 1:1(0) ack 1 win 0; < . 1:1(0) ack 1 win 1460; write 1460
             > P. 1:1461(1460) ack 1",
        ),
        ("newer number", "< P. 1:11(10) ack 1 win 2000; write 5000; > . 1:1461(1460) ack 11; >*"),
        (
            "newer number, older ack",
            "write 10; >+; < P. 1:11(10) ack 11; < P. 11:21(10) ack 1 win 2000; +40ms; >*
             write 5000; burst 11 3 1460; >*",
        ),
        (
            "not updated: the edge stays where it was",
            "< P. 1:11(10) ack 1; < P. 11:21(10) ack 1 win 2920; write 9000; burst 1 2 1460
             < P. 5:31(26) ack 1461 win 9000; +40ms; > . 2921:2921(0) ack 31",
        ),
        (
            "older number",
            "< P. 1:11(10) ack 1; < P. 11:21(10) ack 1; < P. 5:31(26) ack 1 win 2000; +40ms; >+
             write 5000; burst 1 3 1460; > P. 4381:5001(620) ack 31",
        ),
        (
            "same number, older ack",
            "write 100; >+; < . 1:1(0) ack 101; < . 1:1(0) ack 50 win 2000; write 5000
             burst 101 3 1460; > P. 4481:5101(620) ack 1",
        ),
        (
            "same number, newer ack",
            "write 100; >+; < . 1:1(0) ack 101 win 2000; write 5000; > . 101:1561(1460) ack 1",
        ),
        ("outside of the window", "< . 0:0(0) ack 1 win 0; >+; write 100; > P. 1:101(100) ack 1"),
        (
            "in FIN-WAIT the last data still flows",
            "< . 1:1(0) ack 1 win 0; cork; write 100; shutdown write; uncork
             < . 1:1(0) ack 1 win 1000
             > FP. 1:101(100) ack 1",
        ),
    ]);
    at(At::CloseWait).rows(&[
        ("after the fin", "< . 2:2(0) ack 1 win 2000; write 5000; > . 1:1461(1460) ack 2"),
        ("from before the fin", "< . 1:1(0) ack 1 win 0; >+; write 100; > P. 1:101(100) ack 2"),
    ]);
}

/// RFC 7323 2.2, 2.3: shifted by the peer's count, but for SYN; both sides must have offered.
/// Proves: RFC7323-2.3-a, RFC7323-2.2-c.
#[test]
fn scaled() {
    let scaled = at(At::Established).window(1_460).peer(|peer| peer.window_scale = Some(3));
    scaled.rows(&[
        ("update", "< . 1:1(0) ack 1 win 730; write 20000; burst 1 4 1460"),
        ("shift of the largest kind", "< . 1:1(0) ack 1 win 65535; write 14600; burst 1 10 1460"),
    ]);
    // REC-1: more than 16 bits.
    scaled.clone().config(|config| config.initial_window = 100).rows(&[(
        "more than 65,535 bytes fly",
        "< . 1:1(0) ack 1 win 65535; cork; write 50000; write 50000; write 46000; uncork; burst 1 100 1460",
    )]);
    let mut active = scaled.start();
    // The SYN-ACK's window was not scaled: one segment.
    active.must("write 5000; > . 1:1461(1460) ack 1; >*");
    let refused = at(At::Established)
        .window(1_460)
        .peer(|peer| peer.window_scale = Some(3))
        .config(|config| config.window_scaling = false);
    refused.rows(&[("off", "< . 1:1(0) ack 1 win 2920; write 9000; burst 1 2 1460; >*")]);
}

/// MUST-1: the field has no sign.
#[test]
fn unsigned() {
    at(At::Established).rows(&[
        ("top bit", "< . 1:1(0) ack 1 win 32768; write 14600; burst 1 10 1460"),
        ("all bits", "< . 1:1(0) ack 1 win 65535; write 14600; burst 1 10 1460"),
    ]);
}

/// RFC 9293 3.8.6, MUST-34, SHLD-15 to SHLD-17: the right edge may move left under us.
/// Proves: SHLD-16, MUST-35, RFC7323-2.4-b.
#[test]
fn shrinks() {
    at(At::Established).window(5_840).rows(&[
        (
            "no new data beyond the edge",
            "write 10000; burst 1 4 1460; < . 1:1(0) ack 1461 win 1460",
        ),
        (
            "old data inside of it is sent again",
            "write 10000; burst 1 4 1460; < . 1:1(0) ack 1461 win 1460; +1s
             > . 1461:2921(1460) ack 1; >*",
        ),
        (
            "everything acknowledged after all",
            "write 10000; burst 1 4 1460; < . 1:1(0) ack 1461 win 1460; < . 1:1(0) ack 5841 win 5840
             burst 5841 2 1460; >*",
        ),
        (
            "to zero: probed",
            "write 10000; burst 1 4 1460; < . 1:1(0) ack 1461 win 0; +2s; >+; state Established",
        ),
        (
            "to zero, and open again",
            "write 5840; burst 1 4 1460; < . 1:1(0) ack 1461 win 0; +100ms
             < . 1:1(0) ack 5841 win 5840
             timer never",
        ),
    ]);
}

/// SHLD-17, MUST-37: what lies beyond the edge does not end the connection while the peer answers.
#[test]
fn shrunken_window_does_not_time_out() {
    let mut harness = at(At::Established).window(5_840).start();
    harness.must("write 5840; >+; < . 1:1(0) ack 1461 win 0");
    for _ in 0..40 {
        harness.must("+1min; >*; < . 1:1(0) ack 1461 win 0; >*; state Established; error none");
    }
    harness.must("< . 1:1(0) ack 5841 win 5840; >*; timer never");
}
