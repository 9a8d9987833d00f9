//! Reductions that were mistakes, and how that shows: the echo of a timestamp (Eifel, RFC 3522), or
//! D-SACKs for all that was sent again (RFC 2883, RFC 3708).

use super::script::{At, Setup, at};

/// Ten segments, ten more to send; after a round trip the first one is late.
const LATE: &str = "write 29200; sends 1-10; +100ms; ack 1 2-4 echo 100; sends 1";

fn sack() -> Setup {
    let setup = at(At::Established).sack();
    setup.config(|config| config.congestion = "reno".parse().expect("it is registered"))
}

fn stamped() -> Setup {
    sack().timestamps()
}

/// RFC 3522 3.2: an echo from before the retransmission answers the original. Our clock shows 100
/// when a row begins.
#[test]
fn eifel() {
    stamped().rows(&[
        (
            "late, not lost",
            &format!(
                "{LATE}; info ssthresh 5mss; +10ms; ack 5 echo 100; >*; info undone 1
                      info cwnd 10mss; info reordering true"
            ),
        ),
        ("lost", &format!("{LATE}; +100ms; ack 5 echo 200; >*; info undone 0; info ssthresh 5mss")),
        (
            "only what is new tells",
            &format!("{LATE}; +10ms; ack 1 2-5 echo 100; >*; info undone 0"),
        ),
        (
            "the first retransmission counts",
            &format!(
                "{LATE}; +10ms; ack 1 2-8 echo 100; >*; ack 6 7-8 echo 205; >*
                      info undone 0"
            ),
        ),
        (
            "in a repair of several",
            "write 14480; sends 1-10; +100ms; ack 1 4-9 echo 100; sends 1-3; +10ms
             ack 2 4-9 echo 100; info undone 1; info lost 0; +1ms; ack 3 4-9 echo 100; ack 10
             info retransmissions 3",
        ),
        ("an echo of nothing", &format!("{LATE}; +10ms; ack 5 echo 0; >*; info undone 1")),
        ("an echo of tomorrow", &format!("{LATE}; +10ms; ack 5 echo 5000; >*; info undone 0")),
    ]);
    let plain = stamped().config(|config| config.tail_probe = false);
    plain.rows(&[
        (
            "a time-out",
            "write 29200; sends 1-10; +300ms; sends 1; ack 2 echo 100; sends 11-12; info undone 1
             info cwnd 11mss; info backoff 0; info reordering false",
        ),
        (
            "a time-out in a repair: the first reduction is undone",
            &format!("{LATE}; +300ms; sends 1; info cwnd 1mss; ack 5 echo 100; >*; info undone 1"),
        ),
        (
            "a time-out that was right",
            "write 29200; sends 1-10; +300ms; sends 1; ack 2 echo 400; sends 11-12; info undone 0",
        ),
    ]);
    let deaf = at(At::Established).timestamps();
    deaf.config(|config| config.congestion = "reno".parse().unwrap()).rows(&[
        (
            "without SACK",
            "write 29200; sends 1-10; ack 1; sends 11; ack 1; sends 12; +10ms; ack 1; sends 1
             ack 5 echo 100; >*; info undone 1",
        ),
        (
            "without SACK, a time-out",
            "write 29200; sends 1-10; +300ms; sends 1; ack 2 echo 100; sends 11-12; info undone 1",
        ),
    ]);
}

/// RFC 2883: all that was sent again has arrived twice.
/// Proves: RFC2883-5.
#[test]
fn duplicates() {
    sack().rows(&[
        (
            "below the ACK",
            &format!("{LATE}; ack 5; >*; info undone 0; ack 5 1; >*; info undone 1
                      info cwnd 10mss; info dsacks 1"),
        ),
        (
            "after the repair",
            &format!("{LATE}; ack 11; sends 11-16; ack 11 1; sends 17-20; info undone 1"),
        ),
        (
            "too late",
            &format!("{LATE}; ack 11; sends 11-16; ack 16; >*; ack 17; >*; ack 17 1; >*
                      info undone 0; info dsacks 1"),
        ),
        (
            "one of two",
            "write 14600; sends 1-10; +100ms; ack 1 3-8; sends 1-2; ack 9; ack 9 1; info undone 0
             ack 9 2; info undone 1",
        ),
        (
            "two at once",
            "write 14600; sends 1-10; +100ms; ack 1 3-8; sends 1-2; ack 9; ack 9 1-2; info undone 1",
        ),
        (
            "older than the reduction",
            "write 29200; sends 1-10; +100ms; ack 4; >*; ack 4 5-7; >*; ack 4 2 5-7; >*
             info retransmissions 1; info undone 0",
        ),
        ("half of it", &format!("{LATE}; ack 11; >*; ack 11 1:731; >*; info undone 0")),
        ("another one", &format!("{LATE}; ack 11; >*; ack 11 3:4; >*; info undone 0")),
        ("what was never sent", &format!("{LATE}; ack 11; >*; ack 11 90000:91460; info dsacks 0")),
        (
            "more than was ever sent",
            &format!("{LATE}; ack 11; >*; ack 11 1:90000; >*; info undone 0; info dsacks 0"),
        ),
        (
            "inside of another block",
            "write 14600; sends 1-10; +100ms; ack 1 2 4-8; sends 1 3; ack 1 3 2-8; info undone 0
             ack 9; ack 9 1; info undone 1",
        ),
        (
            "a retransmission that was lost was none",
            "write 29200; sends 1-10; +100ms; ack 1 2-4; sends 1; ack 1 2-7; sends 11; +100ms
             ack 1 2-11; >*; info retransmissions 2; info ssthresh 5mss; +100ms; ack 12; >*; ack 12 1; >*
             info undone 0",
        ),
    ]);
    let plain = sack().config(|config| config.tail_probe = false);
    plain.rows(&[(
        "after a time-out",
        "write 4380; sends 1-3; +300ms; sends 1; ack 4; info undone 0; ack 4 1; info undone 1
         info reordering false",
    )]);
}

/// One retransmission may stand for several originals, and each of those may come twice.
#[test]
fn small_ones_sent_again_as_one() {
    let small = "nodelay; write 100; >+; write 100; >+; write 100; >+; write 100; >+; write 100; >+
                 write 100; >+; write 100; >+; +100ms
                 < . 1:1(0) ack 1 <nop,nop,sack 201:301 401:701>";
    sack().rows(&[
        (
            "both holes are sent again",
            &format!("{small}; > . 1:201(200) ack 1; > . 301:401(100) ack 1"),
        ),
        (
            "two D-SACKs for the first hole say nothing of the other",
            &format!(
                "{small}; >+; < . 1:1(0) ack 701; < . 1:1(0) ack 701 <nop,nop,sack 1:101>
                      < . 1:1(0) ack 701 <nop,nop,sack 101:201>; info undone 0
                      < . 1:1(0) ack 701 <nop,nop,sack 301:401>; info undone 1"
            ),
        ),
        (
            "as they were sent",
            &format!(
                "{small}; >+; < . 1:1(0) ack 701; < . 1:1(0) ack 701 <nop,nop,sack 1:201>
                      < . 1:1(0) ack 701 <nop,nop,sack 301:401>; info undone 1"
            ),
        ),
    ]);
}

/// A tail probe after the repair is no part of it.
#[test]
fn probes_are_no_part_of_a_repair() {
    sack().rows(&[(
        "it came twice all the same",
        "write 14600; sends 1-10; +100ms; ack 1 2-4; sends 1; +100ms; ack 11
         write 1460; sends 11; +300ms; sends 11; ack 11 1; info undone 1",
    )]);
}
