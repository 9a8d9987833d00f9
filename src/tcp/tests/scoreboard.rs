//! Repair by SACK (RFC 6675): what flies, what is sent next, when it begins and ends, and what a
//! peer may do to it.

use super::script::{At, Setup, at};

/// Ten segments in flight, and no more to send; the round trip is 100 ms.
const TEN: &str = "write 14600; sends 1-10; +100ms";

/// Ten more to send.
const MORE: &str = "write 29200; sends 1-10; +100ms";

/// The first one is lost: 11 and 12 are out by then, ssthresh is 5 segments.
const LOST: &str = "write 29200; sends 1-10; +100ms; ack 1 2; sends 11; ack 1 2-3; sends 12
                    ack 1 2-4; sends 1";

fn open() -> Setup {
    let setup = at(At::Established).sack();
    setup.config(|config| {
        config.congestion = "reno".parse().expect("it is registered");
        config.tail_probe = false;
    })
}

/// RFC 3042, RFC 5681 3.2: what is reported has left the network, and makes room; a duplicate
/// without news does not.
/// Proves: RFC3042-2-a, RFC3042-2-b, RFC3042-2-c, RFC5681-3.2-lt, RFC5681-3.2-lt-sack,
/// RFC6675-2-dup.
#[test]
fn limited_transmit() {
    open().rows(&[
        (
            "one for each",
            &format!("{MORE}; ack 1 2; sends 11; ack 1 2-3; sends 12; info cwnd 10mss"),
        ),
        ("none without news", &format!("{MORE}; ack 1 2; sends 11; ack 1 2; ack 1 2; ack 1 2")),
        ("none without a block", &format!("{MORE}; ack 1; ack 1; ack 1; info retransmissions 0")),
        ("none for what came twice", &format!("{MORE}; ack 2; sends 11-12; ack 2 1; ack 2 1")),
        (
            "news that come with text",
            &format!(
                "{MORE}
          < . 1:11(10) ack 1 <nop,nop,sack 1461:2921>; sends 11; readable 10; +40ms; >*"
            ),
        ),
        ("and with a new window", &format!("{MORE}; ack 1 2 win 60000; sends 11")),
        (
            "beyond the peer's window none",
            "< . 1:1(0) ack 1 win 14600; write 29200; sends 1-10
          ack 1 2 win 14600",
        ),
    ]);
}

/// RFC 6675 4: pipe is what was sent, less what is held or lost, and what was sent again.
/// Proves: RFC6675-4-pipe, RFC6675-4-islost, RFC6675-5-c, RFC8985-9.3.
#[test]
fn pipe() {
    open().rows(&[
        ("sent", &format!("{TEN}; info in_flight 10mss; info unacked 10mss")),
        (
            "held",
            &format!("{MORE}; ack 1 2-3; sends 11-12; info in_flight 10mss; info sacked 2mss"),
        ),
        (
            "lost, and sent again",
            &format!("{TEN}; ack 1 4-10; sends 1-3; info in_flight 3mss; info lost 0"),
        ),
        (
            "lost, and waiting",
            &format!("{TEN}; ack 1 5-7; sends 1-2; info in_flight 5mss; info lost 2mss"),
        ),
        ("a probe flies beside the original", "write 2920; sends 1-2; +100ms; info in_flight 2mss"),
        ("held in part is missing", &format!("{TEN}; ack 1 1461:2920; info sacked 0")),
        (
            "held in part, and whole",
            &format!(
                "{MORE}; ack 1 731:4381; sends 11-12
          info sacked 2mss"
            ),
        ),
    ]);
}

/// RFC 6675 5: a repair begins with the first segment that is lost, halves the window, and ends with
/// the acknowledgement of all that was out.
/// Proves: RFC6675-5-enter, RFC6675-5-end, RFC6675-4-next, RFC5681-3.2-ssthresh, RFC5681-3.2-fr.
#[test]
fn begins_and_ends() {
    open().rows(&[
        (
            "half of the window, not of what limited transmit has added",
            &format!(
                "{LOST}
          info ssthresh 5mss"
            ),
        ),
        ("what is lost before what is new", &format!("{MORE}; ack 1 2-4 6-9; sends 1 5 11-12")),
        (
            "holes in their order",
            &format!("{MORE}; ack 1 2 4 6 8-9; sends 1 3 5 7; ack 3 4 6 8-9; sends 11"),
        ),
        (
            "short of all it goes on",
            &format!(
                "{LOST}; +100ms; ack 1 2-11; >*; ack 12; >*; ack 12 13-14; >*
                      info ssthresh 5mss"
            ),
        ),
        (
            "at all of it it ends",
            &format!(
                "{LOST}; +100ms; ack 13; sends 13-18; info cwnd 6mss; info ssthresh 5mss
                      ack 14; sends 19; info cwnd 6mss"
            ),
        ),
        (
            "a loss after that is another one",
            &format!(
                "{LOST}; +100ms; ack 13; sends 13-18; +100ms; ack 13 14; sends 19; +25ms; sends 13
                      info ssthresh 3mss"
            ),
        ),
        (
            "more losses in a repair are not",
            &format!(
                "{TEN}; ack 1 2-4; sends 1; ack 1 2-4 6-10; >*; info ssthresh 5mss
                      info lost_segments 2"
            ),
        ),
    ]);
}

/// RFC 5681 4.3: after a time-out a lost retransmission is a loss of its own, once; in a fast recovery
/// the flight is on its way down already, and it goes out again.
/// Proves: RFC5681-4.3-b, RFC5681-4.3-a.
#[test]
fn lost_retransmissions() {
    open().rows(&[
        (
            "in a fast recovery",
            &format!(
                "{TEN}; ack 1 6-10; sends 1-5; info ssthresh 5mss; +100ms; ack 1 2 6-10; sends 1
                 info lost_segments 6; info ssthresh 5mss; +1ms; ack 1 2 4 6-10; sends 3
                 info lost_segments 7; info ssthresh 5mss"
            ),
        ),
        (
            "after a time-out",
            "write 14600; sends 1-10; +300ms; sends 1; info ssthresh 5mss; +100ms; ack 2; sends 2-3
             +100ms; ack 2 3; sends 2; info ssthresh 2mss; +100ms; ack 4; sends 4-5; +100ms
             ack 4 5; sends 4; info ssthresh 2mss; info lost_segments 12",
        ),
    ]);
}

/// RFC 6675 5.1: a time-out ends a repair; what the peer holds is not sent again.
/// Proves: RFC6675-5.1, RFC6298-5.4, RFC6675-6, RFC6298-5-early.
#[test]
fn time_out() {
    open().rows(&[
        (
            "in a repair",
            &format!(
                "{TEN}; ack 1 2-4; sends 1; +300ms; sends 1; info cwnd 1mss; info ssthresh 5mss"
            ),
        ),
        (
            "only what is missing follows",
            &format!(
                "{TEN}; ack 1 3 5-10; sends 1 2 4; +300ms; sends 1; ack 2 3 5-10; sends 2 4
                      ack 11; >*; info retransmissions 6"
            ),
        ),
        (
            "each retransmission in a repair begins it anew",
            &format!("{TEN}; ack 1 3-8; sends 1-2; +299ms; ack 2 3-8; >*; +299ms; +1ms; sends 2"),
        ),
        (
            "each has a whole one from when it leaves, in a repair",
            &format!("{TEN}; ack 1 5-7; sends 1-2; +50ms; ack 1 5-8; sends 3; timer 300ms"),
        ),
        (
            "and in slow start",
            "write 14600; sends 1-10; +300ms; sends 1; cork; ack 2; +100ms; uncork; sends 2-3
             timer 600ms",
        ),
        (
            "what is sent again first in slow start has a whole one",
            "write 29200; sends 1-10; +300ms; sends 1; ack 1; +599ms; +1ms; sends 1
             timer 1200ms",
        ),
    ]);
}

/// RFC 2018 8: a peer that throws away what it has reported loses nothing; for the oddity of a moment
/// nothing is sent.
/// Proves: RFC2018-5.1, RFC2018-8-a, RFC6675-4-keep.
#[test]
fn reneging() {
    let odd = format!("{TEN}; ack 1 2-10; sends 1; +100ms; ack 2");
    open().rows(&[
        (
            "half a round trip after it is plain",
            &format!(
                "{odd}; timer 50ms; +50ms; sends 2; info cwnd 1mss; info sacked 0; ack 3; sends 3-4
                 ack 5; >*; ack 11; timer never"
            ),
        ),
        (
            "it was the oddity of a moment",
            &format!("{odd}; +49ms; ack 11; info rto_expirations 0; timer never"),
        ),
        (
            "at the time-out",
            &format!(
                "{TEN}; ack 1 2-10; sends 1; +300ms; sends 1; ack 4; +50ms; sends 4; ack 5; >*
                 ack 11; info sacked 0; timer never"
            ),
        ),
        (
            "again and again",
            &format!(
                "{odd}; ack 2 3-10; ack 3; ack 3 4-10; ack 4; +50ms; sends 4; info rto_expirations 1
                 ack 11; timer never"
            ),
        ),
    ]);
    let near = at(At::Nothing).sack();
    near.rows(&[(
        "10 ms at least",
        "open; >+; +1ms; < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>; >+; write 5840; sends 1-4
         +1ms; ack 1 2-4; sends 1; +1ms; ack 2; timer 10ms; +10ms; sends 2",
    )]);
}

/// What makes no sense changes nothing.
/// Proves: RFC6675-2-dup.
#[test]
fn hostile() {
    open().rows(&[
        ("beyond what was sent", &format!("{TEN}; ack 1 11-12; ack 1 5-20; info sacked 0")),
        ("backwards", &format!("{TEN}; ack 1 7301:2921; info sacked 0")),
        ("empty", &format!("{TEN}; ack 1 2921:2921; info sacked 0")),
        ("half a circle away", &format!("{TEN}; ack 1 2147490000:2147500000; info sacked 0")),
        (
            "all of it, and what was acknowledged",
            &format!(
                "{MORE}; ack 3; sends 11-14; ack 3 1-6
          info sacked 0; info dsacks 6"
            ),
        ),
        (
            "ancient",
            &format!("{TEN}; ack 11; >*; ack 1 2-10; ack 3 5-10; info sacked 0; info dsacks 0"),
        ),
        ("the same thrice", &format!("{MORE}; ack 1 3 3 3 3; sends 11; info sacked 1mss")),
        ("overlapping", &format!("{TEN}; ack 1 5-6 3-7 4-5 2-3; >*; info sacked 6mss")),
        ("all but the first bytes", &format!("{TEN}; ack 1 2:14601; sends 1; info sacked 9mss")),
    ]);
    at(At::Established).rows(&[(
        "not negotiated",
        &format!(
            "{MORE}; ack 1 2-5; sends 11
      info sacked 0"
        ),
    )]);
}

/// A window that shrinks while what is lost waits: what lies outside of it waits until it opens.
/// Proves: SHLD-16.
#[test]
fn shrinking_window() {
    open().rows(&[
        (
            "the hole lies outside",
            &format!(
                "{TEN}; ack 1 2-4 6-9 win 1460; sends 1; ack 5 6-9 win 1460; sends 5
                      ack 11 win 1460; timer never"
            ),
        ),
        (
            "half of it lies outside",
            &format!(
                "{TEN}; ack 1 2-9 win 730; > . 1:731(730) ack 1; ack =731 2-9 win 730
                      > . 731:1461(730) ack 1; ack 10; >*"
            ),
        ),
        (
            "closed in a repair, and open again",
            &format!(
                "{TEN}; ack 1 3-9; sends 1-2; ack 2 3-9 win 0; +290ms; ack 2 3-9; +299ms
                      +1ms; sends 2; ack 10; >*"
            ),
        ),
        (
            "a probe of what was sent is a retransmission",
            "write 2920; sends 1-2; ack 1 win 0; +300ms; > . 1:2(1) ack 1; info retransmissions 1",
        ),
        (
            "probes while it is closed, and then all that it may have thrown away",
            &format!(
                "{TEN}; ack 1 3-9; sends 1-2; ack 2 3-9 win 0; +300ms; > . 1461:1462(1) ack 1
                      ack 2 3-9 win 0; +10ms; ack 2 3-9; >+; ack 10; >*; info lost 0"
            ),
        ),
    ]);
}
