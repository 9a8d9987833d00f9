//! What a connection does when the memory of its host is short.

use super::harness::Harness;
use super::script::{At, Setup, at};
use crate::tcp::BufferSize;

/// 100,000 bytes, of which a window of 10,000 is promised.
fn open() -> Setup {
    at(At::Established).memory(100_000)
}

/// A connection that begins while more than half is in use has a small window first.
#[test]
fn first_window() {
    let tuned = |setup: Setup| {
        setup.config(|config| config.receive_buffer = BufferSize { initial: 10_000, max: 20_000 })
    };
    let answered = "< S. 0:0(0) ack 1 win 9000 <mss 1460>";
    at(At::Nothing).memory(20_000).rows(&[("a full one", "open; > S 0:0(0) win 10000 <...>")]);
    at(At::Nothing).memory(19_999).rows(&[(
        "a small one, until it is open",
        &format!("open; > S 0:0(0) win 4096 <...>; {answered}; > . 1:1(0) ack 1 win 10000"),
    )]);
    tuned(at(At::Nothing)).memory(19_999).rows(&[(
        "a small one, until it needs more",
        &format!("open; > S 0:0(0) win 4096 <...>; {answered}; > . 1:1(0) ack 1 win 4096"),
    )]);
    at(At::Nothing).memory(0).receive_buffer(1_000).rows(&[(
        "never more than the buffer",
        &format!("open; > S 0:0(0) win 1000 <...>; {answered}; > . 1:1(0) ack 1 win 1000"),
    )]);
}

/// SHLD-14: what was promised is taken, and then no more is offered than everybody may have.
#[test]
fn windows() {
    open().rows(&[
        (
            "the window stays, and what comes is taken",
            "memory 100000; < P. 1:5001(5000) ack 1; > . 1:1(0) ack 5001 win 5000
             < P. 5001:10001(5000) ack 1; > . 1:1(0) ack 10001 win 0; readable 10000",
        ),
        (
            "it opens again, a little",
            "memory 100000; < P. 1:10001(10000) ack 1; > . 1:1(0) ack 10001 win 0
             read 5904; read 2048; > . 1:1(0) ack 10001 win 2048; read 2048
             < P. 10001:11001(1000) ack 1; read 1000; > . 1:1(0) ack 11001 win 4096",
        ),
        (
            "and wide when there is memory",
            "memory 100000; < P. 1:10001(10000) ack 1; > . 1:1(0) ack 10001 win 0
             memory 0; read 10000; > . 1:1(0) ack 10001 win 10000",
        ),
        (
            "what is left is offered",
            "< P. 1:8001(8000) ack 1; > . 1:1(0) ack 8001 win 2000; memory 93000
             read 8000; > . 1:1(0) ack 8001 win 7000",
        ),
    ]);
}

/// Text that is not next would take memory and free none.
#[test]
fn out_of_order() {
    open().sack().rows(&[
        (
            "dropped",
            "memory 100000; < P. 101:201(100) ack 1; > . 1:1(0) ack 1
             < P. 1:101(100) ack 1; +40ms; > . 1:1(0) ack 101",
        ),
        (
            "what is held already is kept",
            "< P. 101:201(100) ack 1; > . 1:1(0) ack 1 <nop,nop,sack 101:201>; memory 100000
             < P. 301:401(100) ack 1; > . 1:1(0) ack 1 <nop,nop,sack 101:201>
             < P. 1:101(100) ack 1; > . 1:1(0) ack 201",
        ),
    ]);
}

/// Single bytes with a gap behind each: what is known of them weighs more than they do.
#[test]
fn crumbs() {
    let mut harness = at(At::Established).start();
    for nth in 1..2_000 {
        let seq = 1 + 2 * nth;
        harness.must(&format!("< . {seq}:{}(1) ack 1; >+", seq + 1));
    }
    let pages = 2 * 4096;
    let used = harness.pool.used();
    assert!(used <= 10_000 + pages + 10_000 + 32, "{used} bytes for a buffer of 10,000");
    harness.must("< P. 1:3(2) ack 1; > . 1:1(0) ack 4");
}

/// Writers get what is left, but always a little.
#[test]
fn writers() {
    let setup = open().config(|config| config.send_buffer = 60_000.into());
    setup.rows(&[
        ("enough", "writable 60000; memory 17500; writable 60000"),
        ("what is left", "memory 60000; writable 17500; memory 77499; writable 4096"),
        ("whoever has nothing gets a little", "memory 200000; writable 4096"),
        (
            "and then waits for it to arrive",
            "memory 200000; write 4096; >+; writable 0; < . 1:1(0) ack 1461; writable 1460
             < . 1:1(0) ack 4097; signal WRITABLE; writable 4096",
        ),
        ("until there is memory", "memory 200000; write 4096; >+; memory 0; writable 55904"),
    ]);
    // What has grown shrinks to what it began with from three quarters on.
    let size = BufferSize { initial: 10_000, max: 60_000 };
    let mut harness = setup.config(|config| config.send_buffer = size).start();
    harness.must("memory 64999; writable 10000; memory 65000; writable 10000");
}

fn used_after(harness: Harness) -> usize {
    let pool = harness.pool.clone();
    drop(harness);
    pool.used()
}

/// Whatever becomes of a connection, the account is right: everything is given back.
#[test]
fn nothing_is_left_over() {
    for state in [&At::SYNCHRONIZED[..], &[At::Nothing, At::SynSent, At::SynReceived]].concat() {
        assert_eq!(used_after(at(state).start()), 0, "{state:?}");
    }
    let fates = [
        "< P. 1:11(10) ack 1; < P. 21:31(10) ack 1; write 10",
        "< P. 1:11(10) ack 1; < R 11:11(0)",
        "< P. 1:11(10) ack 1; abort",
        "< P. 1:11(10) ack 1; close",
        "< FP. 1:11(10) ack 1; shutdown write; < . 12:12(0) ack 2; +1h",
        "shutdown write; < FP. 1:11(10) ack 2; readable 10",
        "write 10; +1h",
    ];
    for fate in fates {
        let mut harness = at(At::Established).start();
        for step in fate.split("; ") {
            harness.must(&format!("{step}; >*"));
        }
        assert_eq!(used_after(harness), 0, "{fate}");
    }
}
