//! The SACK blocks that we report (RFC 2018 4).

use super::script::{At, Setup, at};

fn open() -> Setup {
    at(At::Established).sack()
}

/// RFC 2018 4: every ACK that leaves something held out reports it, the newest block first.
/// Proves: RFC2018-4-b, RFC2018-4-first, RFC2018-3.
#[test]
fn blocks() {
    open().rows(&[
        ("one", "< P. 101:201(100) ack 1; > . 1:1(0) ack 1 <nop,nop,sack 101:201>"),
        (
            "newest first",
            "< P. 101:201(100) ack 1; >+; < P. 301:401(100) ack 1
             > . 1:1(0) ack 1 <nop,nop,sack 301:401 101:201>",
        ),
        (
            "newest first, from the right",
            "< P. 301:401(100) ack 1; >+; < P. 101:201(100) ack 1
             > . 1:1(0) ack 1 <nop,nop,sack 101:201 301:401>",
        ),
        (
            "grows to the right",
            "< P. 101:201(100) ack 1; >+; < P. 201:301(100) ack 1
             > . 1:1(0) ack 1 <nop,nop,sack 101:301>",
        ),
        (
            "grows to the left",
            "< P. 201:301(100) ack 1; >+; < P. 101:201(100) ack 1
             > . 1:1(0) ack 1 <nop,nop,sack 101:301>",
        ),
        (
            "two become one",
            "< P. 101:201(100) ack 1; >+; < P. 301:401(100) ack 1; >+; < P. 201:301(100) ack 1
             > . 1:1(0) ack 1 <nop,nop,sack 101:401>",
        ),
        (
            "an old block that grows is the newest",
            "< P. 101:201(100) ack 1; >+; < P. 301:401(100) ack 1; >+; < P. 201:251(50) ack 1
             > . 1:1(0) ack 1 <nop,nop,sack 101:251 301:401>",
        ),
        (
            "cut at the window",
            "< P. 9901:10101(200) ack 1; > . 1:1(0) ack 1 <nop,nop,sack 9901:10001>",
        ),
        (
            "a fin is no part of it",
            "< FP. 101:201(100) ack 1; > . 1:1(0) ack 1 <nop,nop,sack 101:201>",
        ),
        (
            "none when all is filled",
            "< P. 101:201(100) ack 1; >+; < P. 1:101(100) ack 1; > . 1:1(0) ack 201 <none>",
        ),
        (
            "the rest when some is filled",
            "< P. 101:201(100) ack 1; >+; < P. 301:401(100) ack 1; >+; < P. 1:101(100) ack 1
             > . 1:1(0) ack 201 <nop,nop,sack 301:401>",
        ),
        (
            "on a challenge too",
            "< P. 101:201(100) ack 1; >+; < R 5:5(0); > . 1:1(0) ack 1 <nop,nop,sack 101:201>",
        ),
        ("in order there is none", "< P. 1:101(100) ack 1; +40ms; > . 1:1(0) ack 101 <none>"),
    ]);
}

/// RFC 2018 3: four at most, three beside timestamps; the oldest fall out.
/// Proves: RFC2018-4-many, RFC2018-3.
#[test]
fn as_many_as_fit() {
    let gaps = "< P. 101:111(10) ack 1; >+; < P. 201:211(10) ack 1; >+; < P. 301:311(10) ack 1; >+
                < P. 401:411(10) ack 1";
    open().rows(&[
        (
            "four",
            &format!("{gaps}; > . 1:1(0) ack 1 <nop,nop,sack 401:411 301:311 201:211 101:111>"),
        ),
        (
            "the fifth pushes the first out",
            &format!(
                "{gaps}; >+; < P. 501:511(10) ack 1
                      > . 1:1(0) ack 1 <nop,nop,sack 501:511 401:411 301:311 201:211>"
            ),
        ),
        (
            "it comes back when it is touched",
            &format!(
                "{gaps}; >+; < P. 501:511(10) ack 1; >+; < P. 111:121(10) ack 1
                      > . 1:1(0) ack 1 <nop,nop,sack 101:121 501:511 401:411 301:311>"
            ),
        ),
    ]);
    open().timestamps().rows(&[(
        "three",
        &format!(
            "{gaps}
             > . 1:1(0) ack 1 <nop,nop,TS val 100 ecr 200,nop,nop,sack 401:411 301:311 201:211>"
        ),
    )]);
}

/// RFC 2883 4: what arrives once more is told in the first block, once, and exactly.
/// Proves: RFC2883-4-a, RFC2883-4-b, RFC2883-4-c.
#[test]
fn duplicates() {
    open().rows(&[
        (
            "received in order before",
            "< P. 1:101(100) ack 1; +40ms; >+; < P. 1:101(100) ack 1
             > . 1:1(0) ack 101 <nop,nop,sack 1:101>",
        ),
        (
            "once",
            "< P. 1:101(100) ack 1; +40ms; >+; < P. 1:101(100) ack 1; >+; < R 105:105(0)
             > . 1:1(0) ack 101 <none>",
        ),
        (
            "in front of new text, which forces no ACK; the duplicate waits with it",
            "< P. 1:101(100) ack 1; +40ms; >+; < P. 51:201(150) ack 1; +40ms
             > . 1:1(0) ack 201 <nop,nop,sack 51:101>",
        ),
        (
            "held until now",
            "< P. 101:201(100) ack 1; >+; < P. 1:201(200) ack 1
             > . 1:1(0) ack 201 <nop,nop,sack 101:201>",
        ),
    ]);
    at(At::Established).rows(&[(
        "not without permission",
        "< P. 1:101(100) ack 1; +40ms; >+; < P. 1:101(100) ack 1; > . 1:1(0) ack 101 <none>",
    )]);
}

/// RFC 2883 4: what is held and arrives once more is told with the block that it lies in.
/// Proves: RFC2883-4-a, RFC2883-4-b, RFC2883-4-c.
#[test]
fn duplicates_of_what_is_held() {
    open().rows(&[
        (
            "held, alone in its block",
            "< P. 101:201(100) ack 1; >+; < P. 101:201(100) ack 1
             > . 1:1(0) ack 1 <nop,nop,sack 101:201 101:201>",
        ),
        (
            "held, in a larger block",
            "< P. 101:201(100) ack 1; >+; < P. 201:301(100) ack 1; >+; < P. 201:301(100) ack 1
             > . 1:1(0) ack 1 <nop,nop,sack 201:301 101:301>",
        ),
        (
            "overlaps at the end of the block",
            "< P. 101:201(100) ack 1; >+; < P. 151:251(100) ack 1
             > . 1:1(0) ack 1 <nop,nop,sack 151:201 101:251>",
        ),
        (
            "overlaps at its start",
            "< P. 101:201(100) ack 1; >+; < P. 51:151(100) ack 1
             > . 1:1(0) ack 1 <nop,nop,sack 101:151 51:201>",
        ),
        (
            "two stretches: the first",
            "< P. 101:201(100) ack 1; >+; < P. 301:401(100) ack 1; >+; < P. 151:351(200) ack 1
             > . 1:1(0) ack 1 <nop,nop,sack 151:201 101:401>",
        ),
        (
            "below the ACK and held: the first",
            "< P. 1:101(100) ack 1; +40ms; >+; < P. 201:301(100) ack 1; >+; < P. 51:251(200) ack 1
             > . 1:1(0) ack 301 <nop,nop,sack 51:101>",
        ),
        (
            "beside other blocks",
            "< P. 1:101(100) ack 1; +40ms; >+; < P. 201:301(100) ack 1; >+; < P. 1:51(50) ack 1
             > . 1:1(0) ack 101 <nop,nop,sack 1:51 201:301>",
        ),
        (
            "the oldest block makes room",
            "< P. 101:111(10) ack 1; >+; < P. 201:211(10) ack 1; >+; < P. 301:311(10) ack 1; >+
             < P. 401:411(10) ack 1; >+; < P. 301:311(10) ack 1
             > . 1:1(0) ack 1 <nop,nop,sack 301:311 301:311 401:411 201:211>",
        ),
    ]);
}

/// RFC 2883 4: what is no duplicate, and where duplicates are told.
/// Proves: RFC2883-4-a.
#[test]
fn odd_duplicates() {
    open().rows(&[
        (
            "neither a SYN nor a FIN is text",
            "< F. 1:1(0) ack 1; >+; < F. 1:1(0) ack 1; > . 1:1(0) ack 2 <none>
             < . 0:1(1) ack 1; > . 1:1(0) ack 2 <none>",
        ),
        (
            "what lies before the stream was never received",
            "< . 0:1(1) ack 1; > . 1:1(0) ack 1 <none>",
        ),
        (
            "several at once, side by side",
            "< P. 1:201(200) ack 1; +40ms; >+; cork; < P. 1:101(100) ack 1; < P. 101:151(50) ack 1
             uncork; > . 1:1(0) ack 201 <nop,nop,sack 1:151>",
        ),
        (
            "several at once, apart: the last",
            "< P. 1:201(200) ack 1; +40ms; >+; cork; < P. 1:51(50) ack 1; < P. 101:151(50) ack 1
             uncork; > . 1:1(0) ack 201 <nop,nop,sack 101:151>",
        ),
        (
            "on text too",
            "< P. 1:101(100) ack 1; +40ms; >+; write 10; >+; < P. 1:101(100) ack 11
             > . 11:11(0) ack 101 <nop,nop,sack 1:101>",
        ),
    ]);
    open().timestamps().rows(&[(
        "with an old timestamp",
        "< P. 1:101(100) ack 1; +40ms; >+
         < P. 1:101(100) ack 1 <nop,nop,TS val 100 ecr 100>
         > . 1:1(0) ack 101 <nop,nop,TS val 140 ecr 200,nop,nop,sack 1:101>",
    )]);
}

/// RFC 2018 4: none without SACK-permitted.
/// Proves: RFC2018-4-a.
#[test]
fn not_without_permission() {
    at(At::Established)
        .rows(&[("the peer did not", "< P. 101:201(100) ack 1; > . 1:1(0) ack 1 <none>")]);
    open()
        .config(|config| config.sack = false)
        .rows(&[("we did not", "< P. 101:201(100) ack 1; > . 1:1(0) ack 1 <none>")]);
}

/// RFC 2018 5.1, 8: what the peer reports is kept until it is acknowledged, and sent again when
/// it takes its word back.
/// Proves: RFC2018-5.1, RFC2018-8-a, RFC6675-4-keep.
#[test]
fn reported_data_is_kept() {
    open().rows(&[(
        "the peer forgets what it had",
        "write 2920; >+; < . 1:1(0) ack 1 <nop,nop,sack 1461:2921>; >*; +10s; >*
         < . 1:1(0) ack 1461; >*
         +20s; >*; < . 1:1(0) ack 2921; timer never",
    )]);
    open().rows(&[(
        "from the left edge, and what was reported after it",
        "write 2920; >+; < . 1:1(0) ack 1 <nop,nop,sack 1461:2921>; +25ms
         > . 1:1461(1460) ack 1; < . 1:1(0) ack 1461; timer 50ms; +50ms
         > P. 1461:2921(1460) ack 1",
    )]);
}

/// RFC 2883 5: what tells of duplicates is no sign of a loss. It is known by the ACK that it comes
/// with. Proves: RFC2883-5.
#[test]
fn reported_duplicates() {
    let three = |blocks: &str| {
        let ack = format!("< . 1:1(0) ack 1461 <nop,nop,sack {blocks}>");
        format!("write 8760; burst 1 6 1460; < . 1:1(0) ack 1461; {ack}; {ack}; {ack}")
    };
    let one = |blocks: &str| {
        format!(
            "write 8760; burst 1 6 1460; < . 1:1(0) ack 1461
             < . 1:1(0) ack 1461 <nop,nop,sack {blocks}>; > . 1461:2921(1460) ack 1"
        )
    };
    open().rows(&[
        ("below the ACK", &three("1:1461")),
        ("partly", &three("1:731")),
        ("below, and something above", &three("1:1461 2921:4381")),
        ("inside of the second block", &three("2921:4381 2921:5841")),
        ("the second block is it", &three("2921:4381 2921:4381")),
        (
            "the second block is apart: a loss",
            &format!("{}; > . 2921:4381(1460) ack 1", one("4381:8761 2921:3500")),
        ),
        ("at the ACK: what was sent is missing behind it all the same", &one("2921:7301")),
    ]);
}

/// A block that makes no sense changes nothing.
#[test]
fn nonsense() {
    open().rows(&[
        (
            "beyond what was sent",
            "write 100; >+; < . 1:1(0) ack 1 <nop,nop,sack 5000:6000>; >*; state Established
             < . 1:1(0) ack 101; timer never",
        ),
        (
            "before the ack",
            "write 100; >+; < . 1:1(0) ack 51 <nop,nop,sack 1:20>; >*; < . 1:1(0) ack 101
             timer never",
        ),
        (
            "backwards",
            "write 100; >+; < . 1:1(0) ack 1 <nop,nop,sack 90:20>; >*; < . 1:1(0) ack 101
             timer never",
        ),
        (
            "empty",
            "write 100; >+; < . 1:1(0) ack 1 <nop,nop,sack 20:20>; >*; < . 1:1(0) ack 101
             timer never",
        ),
        (
            "nothing outstanding",
            "< . 1:1(0) ack 1 <nop,nop,sack 20:40>; >*; state Established; timer never",
        ),
    ]);
}
