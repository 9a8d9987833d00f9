//! What the application sees: buffers, ends and errors that stay (RFC 9293 3.10.2, 3.10.3).

use super::script::{At, Setup, at};
use crate::tcp::{Error, State};

fn open() -> Setup {
    at(At::Established)
}

/// A write takes what there is room for; acknowledged bytes make room.
#[test]
fn send_buffer() {
    let small = open().config(|config| config.send_buffer = 1_000.into()).window(0);
    let mut harness = small.start();
    assert_eq!(harness.write(600), Ok(600));
    assert_eq!(harness.connection().writable(), 400);
    assert_eq!(harness.write(600), Ok(400));
    assert_eq!(harness.write(1), Ok(0));
    harness.must("writable 0; < . 1:1(0) ack 1 win 1000; > P. 1:1001(1000) ack 1; writable 0");
    harness.must("< . 1:1(0) ack 501; signal WRITABLE; writable 500");
    assert_eq!(harness.write(600), Ok(500));
}

/// Before the connection is open nothing is taken.
#[test]
fn write_before_open() {
    for state in [At::SynSent, At::SynReceived] {
        let mut harness = at(state).start();
        assert_eq!(harness.write(10), Ok(0));
        harness.must("writable 0");
    }
}

/// After our FIN, or the end, nothing is taken either.
#[test]
fn write_after_shutdown() {
    for state in [At::FinWait1, At::FinWait2, At::Closing, At::LastAck, At::TimeWait] {
        let mut harness = at(state).start();
        assert!(matches!(harness.write(10), Ok(0) | Err(_)));
        harness.must("writable 0");
        assert!(harness.connection().write_ended());
    }
}

/// An error stays, and every verb tells it.
#[test]
fn sticky_errors() {
    let mut harness = open().start();
    harness.must("< P. 1:11(10) ack 1; < R 11:11(0); state Closed; error Reset");
    assert!(harness.write(1).is_err());
    harness.must(
        "+1h; error Reset; < P. 11:21(10) ack 1; >*; discard Closed; error Reset; icmp 1 hard Refused",
    );
    harness.must("abort; close; shutdown both; error Reset; timer never");
    let connection = harness.connection();
    assert_eq!((connection.state(), connection.error()), (State::Closed, Some(Error::Reset)));
}

/// MUST-48, MUST-49: TTL and DSCP as asked for (the harness compares them).
/// Proves: SHLD-22, RFC1122-3.2.1.6, RFC1122-3.2.1.7-c.
/// Proves: MAY-4.
#[test]
fn ip_fields() {
    let setup = at(At::Nothing).config(|config| (config.ttl, config.dscp) = (9, 46));
    setup.rows(&[
        ("active", "open; >+; < S. 0:0(0) ack 1; >+; write 10; >+; abort; >+"),
        ("passive", "< S 0:0(0); >+; < . 1:1(0) ack 2; >+; < F. 1:1(0) ack 1; >+"),
    ]);
}

/// Peeking takes nothing away; chunks leave whole.
#[test]
fn reading() {
    let mut harness = open().start();
    harness.must("< P. 1:101(100) ack 1; +40ms; >+");
    let connection = harness.connection();
    let (mut first, mut second) = ([0; 10], [0; 10]);
    assert_eq!(connection.read(&mut first, true), 10);
    assert_eq!(connection.read(&mut second, true), 10);
    assert_eq!(first, second);
    assert_eq!(connection.readable(), 100);
    assert!(connection.read_chunk(99).is_none_or(|chunk| chunk.len() <= 99));
    let rest = connection.readable();
    let chunk = connection.read_chunk(1_000).expect("something to read");
    assert!(chunk.len() <= rest);
    assert_eq!(connection.readable(), rest - chunk.len());
    assert_eq!(connection.read(&mut [0; 0], false), 0);
}

/// What had arrived before the peer's end is read before the end.
#[test]
fn the_end_comes_last() {
    open().rows(&[
        ("fin", "< FP. 1:11(10) ack 1; >+; ended read; readable 10; read 10; readable 0"),
        ("not ended in the middle", "< P. 1:11(10) ack 1; ended none; +40ms; >+"),
        ("an out-of-order fin does not end", "< FP. 11:21(10) ack 1; >+; ended none"),
    ]);
}

/// Calling too early or twice does nothing.
#[test]
fn timeouts_called_early() {
    let mut harness = open().start();
    harness.must("write 100; >+");
    let now = harness.now;
    for _ in 0..3 {
        harness.connection().on_timeout(now);
        harness.must("timer 300ms");
    }
}
