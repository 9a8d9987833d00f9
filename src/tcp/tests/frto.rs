//! Was the time-out a mistake? F-RTO (RFC 5682), without SACK and with it: new data instead of old
//! after the first acknowledgement, and then the second one tells.

use super::script::{At, Setup, at};

/// Ten segments in flight, ten more to send; the ACKs come too late.
const LATE: &str = "write 29200; sends 1-10; +300ms; sends 1";

fn plain() -> Setup {
    at(At::Established).config(|config| {
        config.congestion = "reno".parse().expect("it is registered");
        config.tail_probe = false;
    })
}

/// RFC 5682 2.1, 3.1: the originals were under way all the time.
/// Proves: RFC5682-2.1-1, RFC5682-2.1-2, RFC5682-2.1-3, RFC5682-3.1, RFC5682-4.
#[test]
fn delay_spike() {
    let rows = [
        (
            "two new ones, then it is known; the window is what it was",
            format!(
                "{LATE}; info cwnd 1mss; ack 2; sends 11-12; ack 3; sends 13; info undone 1
                 info cwnd 11mss; info lost 0; ack 4; sends 14-15; info retransmissions 1
                 info reordering false"
            ),
        ),
        (
            "one new one is enough",
            "write 16060; sends 1-10; +300ms; sends 1; ack 2; sends 11; ack 3; info undone 1
             info retransmissions 1"
                .into(),
        ),
        (
            "the next time-out is as long as ever",
            format!("{LATE}; info rto 600ms; ack 2; sends 11-12; ack 3; sends 13; info backoff 0"),
        ),
    ];
    for setup in [plain(), plain().sack()] {
        for (name, script) in &rows {
            setup.rows(&[(name, script)]);
        }
    }
    plain().sack().rows(&[
        (
            "one ACK for an original and the one that was sent again",
            &format!("{LATE}; ack 3; sends 11-14; info undone 1; info retransmissions 1"),
        ),
        (
            // Nine fly, and the first one twice.
            "originals are reported, the first is late still",
            &format!(
                "{LATE}; ack 1 2; info undone 1; info in_flight 10mss; info retransmissions 1"
            ),
        ),
    ]);
}

/// RFC 5682 2.1: what tells that the time-out was right, or that nothing can be told.
/// Proves: RFC5682-2.1-1, RFC5682-2.1-2, RFC5682-2.1-3.
#[test]
fn conventional() {
    plain().rows(&[
        (
            "a duplicate in the end: the rest follows, three segments fly",
            &format!("{LATE}; ack 2; sends 11-12; ack 2; sends 2; info undone 0; ack 3; sends 3"),
        ),
        (
            "a duplicate first",
            &format!("{LATE}; ack 1; ack 2; sends 2-3; ack 3; info undone 0; >*"),
        ),
    ]);
    let rows = [
        (
            // Four of ten lead up to ssthresh, six are more than a window of five.
            "all of it",
            format!("{LATE}; ack 11; sends 11-16; info undone 0; info cwnd 6mss"),
        ),
        ("not all of what was sent again", format!("{LATE}; ack =731; sends 2; info undone 0")),
        (
            "nothing new to send",
            "write 14600; sends 1-10; +300ms; sends 1; ack 2; sends 2-3; ack 4; sends 4-7
             info undone 0"
                .into(),
        ),
        (
            "a cork holds what is new",
            "write 14600; sends 1-10; +300ms; sends 1; set cork on; write 100; ack 2; sends 2-3
             set cork off; ack 4; >+; info undone 0"
                .into(),
        ),
        (
            "what is new came behind what was sent again",
            "write 2920; sends 1-2; +300ms; sends 1; set cork on; write 100; ack 2; sends 2
             set cork off; > P. 2921:3021(100) ack 1; ack 3; info undone 0"
                .into(),
        ),
        ("after another", format!("{LATE}; +600ms; sends 1; ack 2; sends 2-3; info undone 0")),
        ("no window for what is new", format!("{LATE}; ack 2 win 13140; sends 2-3; info undone 0")),
    ];
    for setup in [plain(), plain().sack()] {
        for (name, script) in &rows {
            setup.rows(&[(name, script)]);
        }
    }
    plain().sack().rows(&[
        (
            "what is new arrives and the old does not",
            &format!("{LATE}; ack 2; sends 11-12; ack 2 11; sends 2; info undone 0"),
        ),
        (
            "after a fast retransmit",
            "write 29200; sends 1-10; +100ms; ack 1 2-4; sends 1; +300ms; sends 1
             ack 5; sends 5-6; info undone 0",
        ),
    ]);
}
