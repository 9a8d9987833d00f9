//! The four cases of RFC 9293 3.10.7.4, first: is anything of the segment in the window?

use super::script::{At, Setup, at};

/// A window of 1,000 bytes: numbers 1 to 1,000.
fn narrow() -> Setup {
    at(At::Established).receive_buffer(1_000)
}

/// Case 2 of the table: no length, open window.
/// Proves: RFC9293-3.10.7.4-a.
#[test]
fn empty_segment_open_window() {
    narrow().rows(&[
        ("left of the left edge", "< . 0:0(0) ack 1; > . 1:1(0) ack 1; discard OutsideWindow"),
        ("far left", "< . {rcv-5000}:{rcv-5000}(0) ack 1; > . 1:1(0) ack 1; discard OutsideWindow"),
        ("left edge", "< . 1:1(0) ack 1; discard none"),
        ("inside", "< . 500:500(0) ack 1; discard none"),
        ("last number inside", "< . 1000:1000(0) ack 1; discard none"),
        // Beside the table, as Linux: that is where a peer stands that has filled the window.
        ("right edge", "< . 1001:1001(0) ack 1; discard none"),
        ("beyond", "< . 1002:1002(0) ack 1; > . 1:1(0) ack 1; discard OutsideWindow"),
        ("half a circle away", "< . 2147483649:2147483649(0) ack 1; >+; discard OutsideWindow"),
    ]);
}

/// Case 4 of the table: length, open window; what straddles an edge is trimmed.
/// Proves: RFC9293-3.10.7.4-a, RFC9293-3.10.7.4-j.
#[test]
fn text_open_window() {
    narrow().rows(&[
        ("old byte", "< P. 0:1(1) ack 1; > . 1:1(0) ack 1; discard OutsideWindow; readable 0"),
        ("old and one new", "< P. 0:2(2) ack 1; readable 1; read 1; +40ms; > . 1:1(0) ack 2"),
        ("first byte", "< P. 1:2(1) ack 1; readable 1; discard none; +40ms; >+"),
        ("inside", "< P. 500:510(10) ack 1; > . 1:1(0) ack 1; discard none; readable 0"),
        ("last byte", "< P. 1000:1001(1) ack 1; > . 1:1(0) ack 1; discard none; readable 0"),
        ("last byte and more", "< P. 1000:1100(100) ack 1; > . 1:1(0) ack 1; discard none"),
        ("right edge", "< P. 1001:1002(1) ack 1; > . 1:1(0) ack 1; discard OutsideWindow"),
        ("beyond", "< P. 5000:5100(100) ack 1; > . 1:1(0) ack 1; discard OutsideWindow"),
        ("all of it", "< . 1:1001(1000) ack 1; readable 1000; read 1000; >*; +40ms; >*"),
        ("all of it and more", "< . 1:1201(1200) ack 1; readable 1000; read 1000; >*; +40ms; >*"),
        ("both sides over", "< . 0:1201(1201) ack 1; readable 1000; read 1000; >*; +40ms; >*"),
        (
            "ends before the left edge",
            "< P. 1:101(100) ack 1; +40ms; >+; < P. 51:101(50) ack 1; > . 1:1(0) ack 101
             discard OutsideWindow; readable 100",
        ),
        (
            "the beginning again and more",
            "< P. 1:101(100) ack 1; +40ms; >+; < P. 51:201(150) ack 1; readable 200; read 200
             +40ms; >+",
        ),
        (
            "beyond what was trimmed nothing is kept",
            "< . 501:1101(600) ack 1; >+; < . 1:501(500) ack 1; >+; readable 1000; read 1000; >*",
        ),
    ]);
}

/// Cases 1 and 3 of the table: the window is zero. ACK, URG and RST are still honoured
/// (RFC 9293 3.4, MUST-66).
/// Proves: RFC9293-3.10.7.4-a.
#[test]
fn zero_window() {
    narrow().rows(&[
        ("empty, exact", "< . 1:1001(1000) ack 1; +40ms; >+; < . 1001:1001(0) ack 1; discard none"),
        (
            "empty, left",
            "< . 1:1001(1000) ack 1; +40ms; >+; < . 1000:1000(0) ack 1; > . 1:1(0) ack 1001 win 0",
        ),
        (
            "empty, right",
            "< . 1:1001(1000) ack 1; +40ms; >+; < . 1002:1002(0) ack 1; > . 1:1(0) ack 1001 win 0
             discard OutsideWindow",
        ),
        (
            "a probe of one byte",
            "< . 1:1001(1000) ack 1; +40ms; >+; < . 1001:1002(1) ack 1; > . 1:1(0) ack 1001 win 0
             readable 1000",
        ),
        (
            "a probe of one old byte",
            "< . 1:1001(1000) ack 1; +40ms; >+; < . 1000:1001(1) ack 1; > . 1:1(0) ack 1001 win 0",
        ),
        (
            "a probe without text",
            "< . 1:1001(1000) ack 1; +40ms; >+; < . 1000:1000(0) ack 1; > . 1:1(0) ack 1001 win 0",
        ),
        (
            "an ack counts",
            "< . 1:1001(1000) ack 1; +40ms; >+; write 10; >+; < . 1001:1001(0) ack 11; timer never",
        ),
        (
            "an ack on refused text counts",
            "< . 1:1001(1000) ack 1; +40ms; >+; write 10; >+; < . 1001:1011(10) ack 11; >+
             timer never",
        ),
        (
            "rst counts",
            "< . 1:1001(1000) ack 1; +40ms; >+; < R 1001:1001(0); error Reset; state Closed",
        ),
        (
            "rst elsewhere",
            "< . 1:1001(1000) ack 1; +40ms; >+; < R 1002:1002(0); >*; state Established",
        ),
        (
            "urgent counts",
            "< . 1:1001(1000) ack 1; +40ms; >+; < .U 1001:1001(0) ack 1 urg 5; signal URGENT",
        ),
        (
            "fin at the closed edge is answered",
            "< . 1:1001(1000) ack 1; +40ms; >+; < F. 1001:1001(0) ack 1; >+; readable 1000
             read 1000; >*
             < F. 1001:1001(0) ack 1; >+; state CloseWait",
        ),
    ]);
}

/// RFC 9293 3.10.7.4, first: in every synchronized state an ACK answers what is outside.
/// Proves: RFC9293-3.10.7.4-a, RFC7323-5.3-R2.
#[test]
fn every_state() {
    for state in At::SYNCHRONIZED {
        at(state).rows(&[
            (
                "left",
                "< . {rcv-2}:{rcv-2}(0) ack {snd}; > . {snd}:{snd}(0) ack {rcv}
                 discard OutsideWindow",
            ),
            (
                "old text",
                "< P. {rcv-2}:{rcv-1}(1) ack {una}; > . {snd}:{snd}(0) ack {rcv}
                 discard OutsideWindow",
            ),
            (
                "beyond",
                "< P. {edge+10}:{edge+20}(10) ack {una}; > . {snd}:{snd}(0) ack {rcv}
                 discard OutsideWindow; readable 0",
            ),
            ("no ack bit either", "< P {edge+10}:{edge+20}(10); > . {snd}:{snd}(0) ack {rcv}"),
        ]);
    }
}
