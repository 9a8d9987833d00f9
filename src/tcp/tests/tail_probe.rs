//! The tail of a flight is lost: a probe instead of a time-out (RFC 8985, 7).

use std::time::Duration;

use super::script::{At, Setup, at};

/// Ten segments, and no more to send. The round trip is 100 ms, the time-out 300 ms.
const TEN: &str = "write 14600; sends 1-10";

fn open() -> Setup {
    let setup = at(At::Established).sack();
    setup.config(|config| config.congestion = "reno".parse().expect("it is registered"))
}

/// RFC 8985 7.2: two round trips after the last sending or acknowledgement.
/// Proves: RFC8985-7.2.
#[test]
fn when() {
    open().rows(&[
        ("two round trips", &format!("{TEN}; timer 202ms; +201ms; +1ms; sends 10")),
        ("behind what was acknowledged last", &format!("{TEN}; +100ms; ack 4; timer 202ms")),
        (
            "behind what was sent last",
            "write 1460; sends 1; +50ms; write 2920; sends 2-3; timer 202ms",
        ),
        (
            "one alone may be acknowledged late: not before the time-out would come",
            "write 1460; sends 1; timer 300ms; +300ms; sends 1; info tail_probes 1
             info rto_expirations 0",
        ),
        ("a short one behind a full one counts as one", "write 1500; >+; timer 300ms"),
        (
            "never later than the time-out",
            "write 1460; sends 1; +150ms; write 1460; sends 2; timer 150ms",
        ),
        ("not while something tells of a loss", &format!("{TEN}; +100ms; ack 1 2; timer 25ms")),
        ("nor when all is acknowledged", &format!("{TEN}; +100ms; ack 11; timer never")),
    ]);
    let long = open().config(|config| config.rto_min = Duration::from_secs(1));
    long.rows(&[
        ("alone", "write 1460; sends 1; timer 400ms; +400ms; sends 1; timer 1100ms"),
        ("not alone", "write 2920; sends 1-2; timer 202ms"),
    ]);
    let blind = at(At::Nothing).sack();
    blind.rows(&[(
        "a second before there is a sample",
        "open; >+; +1s; >+; +10ms; < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>; >+
         write 1460; sends 1; timer 1s",
    )]);
    let quiet = open().config(|config| config.tail_probe = false);
    quiet.rows(&[("not if nobody wants it", &format!("{TEN}; timer 300ms; +300ms; sends 1"))]);
    at(At::Established)
        .rows(&[("not without SACK", &format!("{TEN}; timer 300ms; +300ms; sends 1"))]);
}

/// RFC 8985 7.3: new data if the peer's window allows, whatever the congestion window says; else
/// the last segment. One at a time, and only with a round trip measured since the last one.
/// Proves: RFC8985-7.3-a, RFC8985-7.3-b, RFC8985-8.
#[test]
fn what() {
    open().rows(&[
        ("new", "write 29200; sends 1-10; +202ms; sends 11; info tail_probes 1; timer 300ms"),
        ("the last", &format!("{TEN}; +202ms; sends 10; info tail_probes 1; timer 300ms")),
        ("the FIN", "shutdown write; >+; +300ms; > F. 1:1(0) ack 1; info tail_probes 1"),
        (
            "text and FIN",
            "cork; write 1000; shutdown write; uncork; >+; +300ms; > FP. 1:1001(1000) ack 1
             info tail_probes 1; info rto_expirations 0",
        ),
        (
            "once; then the time-out",
            &format!(
                "{TEN}; +202ms; sends 10; +299ms; +1ms; sends 1; info tail_probes 1
                      info rto_expirations 1"
            ),
        ),
        (
            "no other one before a round trip was measured",
            "write 1460; sends 1; +300ms; sends 1; +10ms; ack 2; write 1460; sends 2; timer 300ms
             +300ms; sends 2; info tail_probes 1; info rto_expirations 1",
        ),
        (
            "nor where its answer measured nothing",
            "write 1460; sends 1; +300ms; sends 1; +10ms; ack 2 1; write 1460; sends 2; +300ms; sends 2
             info tail_probes 1; info rto_expirations 1",
        ),
        (
            "an acknowledgement comes first: none",
            &format!("{TEN}; cork; +202ms; ack 4; uncork; info tail_probes 0"),
        ),
        (
            "then one",
            "write 1460; sends 1; +300ms; sends 1; +10ms; ack 2; write 1460; sends 2; +100ms; ack 3
             write 1460; sends 3; +300ms; sends 3; info tail_probes 2",
        ),
        (
            "held back by Nagle: the last",
            "write 100; >+; write 50; +300ms; > . 1:101(100) ack 1; info tail_probes 1",
        ),
        (
            "corked: the last",
            "write 1460; sends 1; set cork on; write 50; +300ms; sends 1; info tail_probes 1",
        ),
        (
            "half of the last fits into a window that shrank",
            "write 4380; sends 1-3; +100ms; ack 3 win 730; +300ms; > . 2921:3651(730) ack 1
             info tail_probes 1",
        ),
        (
            "nothing fits into a window that shrank: nothing, and a time-out later",
            "write 4380; sends 1-3; +100ms; ack 2 win 1460; +202ms; +98ms; sends 2
             info tail_probes 0; info rto_expirations 1",
        ),
    ]);
    open()
        .window(14_600)
        .rows(&[("the peer's window is full", "write 29200; sends 1-10; +202ms; sends 10")]);
}

/// RFC 8985 7.4: what the probe has repaired was a loss, and counts as one; unless it turns out that
/// the original had arrived.
/// Proves: RFC8985-7.4, RFC5681-4.3-b.
#[test]
fn answers() {
    let probed = format!("{TEN}; +100ms; ack 10; +300ms; sends 10");
    open().rows(&[
        (
            "repaired: the window shrinks when that is sure",
            &format!(
                "{probed}; ack 11; info ssthresh 4294967295; write 1460; sends 11; +100ms; ack 12
                      info ssthresh 2mss"
            ),
        ),
        (
            "it came twice",
            &format!(
                "{probed}; ack 11 10; write 1460; sends 11; +100ms; ack 12; info dsacks 1
                      info ssthresh 4294967295; info reordering_window 25ms"
            ),
        ),
        (
            "the original, and then an echo of the probe",
            &format!(
                "{probed}; ack 11; write 1460; sends 11; ack 11; +100ms; ack 12
                      info ssthresh 4294967295"
            ),
        ),
        (
            "new data arrives: nothing was lost",
            "write 16060; sends 1-10; +202ms; sends 11; ack 12; info ssthresh 4294967295
             info retransmissions 0",
        ),
        (
            "new data tells what was lost",
            "write 16060; sends 1-10; +100ms; ack 8; sends 11; +202ms; sends 11; +100ms; ack 8 11; sends 8
             ack 9 11; sends 9-10; ack 12; info rto_expirations 0",
        ),
        (
            "a tail of three",
            &format!(
                "{TEN}; +100ms; ack 8; +202ms; sends 10; +100ms; ack 8 10; sends 8; +100ms
                      ack 9 10; sends 9; +100ms; ack 11; timer never; info rto_expirations 0"
            ),
        ),
        (
            "a time-out after it has answered already",
            &format!(
                "{TEN}; +202ms; sends 10; +300ms; sends 1; +100ms; ack 11; write 1460; sends 11
                 +100ms; ack 12; info ssthresh 5mss"
            ),
        ),
        (
            "so has a repair",
            &format!(
                "{TEN}; +202ms; sends 10; +100ms; ack 1 10; >*; +100ms; ack 11; write 1460
                 sends 11; +100ms; ack 12; info ssthresh 5mss"
            ),
        ),
        (
            "the FIN was lost",
            "write 1460; sends 1; shutdown write; > F. 1461:1461(0) ack 1; +100ms; ack 2; +300ms
             > F. 1461:1461(0) ack 1; +100ms; ack =1462; state FinWait2",
        ),
    ]);
}

/// RFC 6675 4, NextSeg 4: in a repair whose segments are all sent the last missing one goes out once
/// more, once.
/// Proves: RFC6675-4-next.
#[test]
fn rescue() {
    open().rows(&[
        (
            "the retransmission was lost, and nothing comes behind it",
            &format!(
                "{TEN}; +100ms; ack 1 2-10; sends 1; +202ms; sends 1; +100ms; ack 11
                      info rto_expirations 0"
            ),
        ),
        (
            "once",
            &format!(
                "{TEN}; +100ms; ack 1 2-10; sends 1; +202ms; sends 1; +299ms; +1ms; sends 1
                      info rto_expirations 1"
            ),
        ),
        (
            "once, even if the repair goes on",
            &format!(
                "{TEN}; +100ms; ack 1 4-10; sends 1-3; +202ms; sends 3; +10ms; ack 2 4-10; +250ms
                 info tail_probes 1"
            ),
        ),
        (
            "the tail, too",
            &format!(
                "{TEN}; +100ms; ack 1 2-8; sends 1; +202ms; sends 10; +100ms; ack 1 2-8 10
                      sends 1 9; ack 9 10; ack 11; info rto_expirations 0"
            ),
        ),
    ]);
}

/// What is held behind a hole that was sent again later tells of no loss: that is no quiet tail.
#[test]
fn not_behind_a_hole() {
    open().timestamps().rows(&[(
        "undone, and the peer still holds some",
        "write 14480; sends 1-10; +100ms; ack 1 4-9 echo 100; sends 1-3; +10ms; ack 2 4-9 echo 100
         info undone 1; +290ms; info tail_probes 0",
    )]);
}

/// RFC 3168 6.1.2: a mark and a loss that the probe has repaired are one answer.
#[test]
fn marked_and_repaired() {
    let marking = open().ecn();
    let probed = "write 14600; sends 1-10; +100ms; ack 10; +300ms; sends 10; write 1460; sends 11";
    marking.rows(&[
        ("unmarked", &format!("{probed}; +100ms; ack 12; info ssthresh 2mss")),
        (
            "marked",
            &format!(
                "{probed}; +100ms; < .E 1:1(0) ack 16061 win 65535; info ssthresh 2mss
                             info cwnd 1mss"
            ),
        ),
    ]);
}
