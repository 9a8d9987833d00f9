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
            "overlaps count once",
            "< P. 101:201(100) ack 1; >+; < P. 151:251(100) ack 1
             > . 1:1(0) ack 1 <nop,nop,sack 101:251>",
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
        "write 2920; >+; < . 1:1(0) ack 1 <nop,nop,sack 1461:2921>; +300ms
         > . 1:1461(1460) ack 1; < . 1:1(0) ack 1461; > P. 1461:2921(1460) ack 1",
    )]);
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
