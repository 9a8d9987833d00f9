//! What may be changed while a connection lives (RFC 9293 3.9.1.9, 3.9.2).

use std::time::Duration;

use super::harness::Harness;
use super::script::{At, Setup, at};
use crate::tcp::congestion::{Ack, Algorithm, Congestion, CongestionControl, REGISTRY, Start};
use crate::tcp::{Info, State};
use crate::time::Instant;

fn open() -> Setup {
    at(At::Established)
}

/// MUST-48, MUST-49, SHLD-21: DSCP and TTL as asked for, from then on, in every phase (the harness
/// compares them). Proves: MUST-48, MUST-49, SHLD-21.
#[test]
fn ip_fields() {
    let change = "set dscp 46; set ttl 9;";
    let rows = [
        (At::SynSent, "+1s; > S 0:0(0) <...>"),
        (At::SynReceived, "+1s; > S. 0:0(0) ack 1 <...>"),
        (At::Established, "write 10; >+; abort; > R. 11:11(0) ack 1"),
        (At::LastAck, "+1s; >+"),
        (At::TimeWait, "< F. 1:1(0) ack 2; > . 2:2(0) ack 2"),
    ];
    for (state, script) in rows {
        at(state).rows(&[("changed", &format!("{change}{script}"))]);
    }
    open().rows(&[("back again", "set dscp 46; write 1; >+; set dscp 0; write 1; >*; +1s; >+")]);
}

/// As `TCP_CORK`: full segments leave, the rest waits for more, the timer, or the end of the cork.
#[test]
fn cork() {
    open().rows(&[
        ("a small one waits", "set cork on; write 100"),
        ("a full one goes", "set cork on; write 1460; > P. 1:1461(1460) ack 1"),
        ("the rest waits", "set cork on; write 1500; > . 1:1461(1460) ack 1"),
        (
            "until it is full",
            "set cork on; write 1500; > . 1:1461(1460) ack 1
             write 1420; > P. 1461:2921(1460) ack 1",
        ),
        ("until the cork is drawn", "set cork on; write 100; set cork off; > P. 1:101(100) ack 1"),
        (
            "even behind a small one",
            "write 10; >+; set cork on; write 10; set cork off; > P. 11:21(10) ack 1",
        ),
        ("until nodelay is set", "set cork on; write 100; set nodelay on; > P. 1:101(100) ack 1"),
        (
            "200 ms at most",
            "set cork on; write 100; +199ms; >*; +1ms; > P. 1:101(100) ack 1; write 50
             < . 1:1(0) ack 101; +199ms; +1ms; > P. 101:151(50) ack 1",
        ),
        ("until the end", "set cork on; write 100; shutdown write; > FP. 1:101(100) ack 1"),
        (
            "a window's half goes",
            "< . 1:1(0) ack 1 win 65535; set cork on; write 32767; >+; +1s; >+",
        ),
        ("nothing held, nothing sent", "set cork on; set cork off; write 10; >+; write 10"),
    ]);
    open()
        .window(1000)
        .rows(&[("a small window", "set cork on; write 500; > P. 1:501(500) ack 1")]);
}

/// As `TCP_QUICKACK`: text is acknowledged at once.
#[test]
fn quick_ack() {
    open().rows(&[
        ("at once", "set quick_ack on; < P. 1:11(10) ack 1; > . 1:1(0) ack 11"),
        ("what waits leaves", "< P. 1:11(10) ack 1; set quick_ack on; > . 1:1(0) ack 11"),
        ("nothing waits", "set quick_ack on"),
        ("off again", "set quick_ack on; set quick_ack off; < P. 1:11(10) ack 1; +39ms; +1ms; >+"),
    ]);
}

/// A larger buffer offers more as soon as that is worth telling; a smaller one keeps its promise
/// (SHLD-14) and offers no more.
#[test]
fn receive_buffer() {
    open().rows(&[
        ("larger", "set receive_buffer 40000; > . 1:1(0) ack 1 win 40000"),
        (
            "smaller",
            "set receive_buffer 2000; < P. 1:1001(1000) ack 1; +40ms; > . 1:1(0) ack 1001 win 9000
             < P. 1001:10001(9000) ack 1; > . 1:1(0) ack 10001 win 0; readable 10000",
        ),
    ]);
    let scaling = |setup: Setup| setup.peer(|peer| peer.window_scale = Some(7));
    // RFC 7323 2.2: the shift is what the SYN said.
    scaling(at(At::SynSent)).rows(&[(
        "between SYN and SYN-ACK",
        "set receive_buffer 1000000; < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,wscale 7>
         > . 1:1(0) ack 1 win 65535",
    )]);
    scaling(at(At::SynSent)).rows(&[(
        "and the SYN that is sent again",
        "set receive_buffer 1000000; +1s; > S 0:0(0) win 10000 <...>",
    )]);
}

/// Room for a writer is what the setting says now.
#[test]
fn send_buffer() {
    open().window(0).rows(&[
        ("smaller", "write 100; set send_buffer 50; writable 0; +1h; >*"),
        ("larger", "set send_buffer 50; writable 50; set send_buffer 70; writable 70"),
    ]);
}

fn info(harness: &mut Harness) -> Info {
    let now = harness.now;
    harness.connection().info(now)
}

/// What a connection tells of itself.
#[test]
fn told() {
    let scaled = open().receive_buffer(1 << 20).timestamps().sack();
    let mut harness = scaled.peer(|peer| peer.window_scale = Some(7)).start();
    let begun = info(&mut harness);
    assert_eq!((begun.send_shift, begun.receive_shift, begun.window_scaling), (7, 5, true));
    assert_eq!((begun.timestamps, begun.sack), (true, true));
    assert_eq!((begun.mss, begun.advertised_mss, begun.receive_mss), (1448, 1460, 524));
    assert_eq!((begun.delayed_ack, begun.bytes_acked), (Duration::from_millis(40), 0));
    harness.must("set quick_ack on; < P. 1:1001(1000) ack 1; >+; write 100; >+; +10ms");
    harness.must("< . 1001:1001(0) ack 101; +7ms");
    let flowed = info(&mut harness);
    assert_eq!((flowed.bytes_acked, flowed.bytes_received, flowed.receive_mss), (100, 1000, 1000));
    assert_eq!(flowed.segments_in - begun.segments_in, 2);
    assert_eq!(flowed.segments_out - begun.segments_out, 2);
    assert_eq!((flowed.last_sent, flowed.last_heard), (millis(17), millis(7)));
    assert_eq!(flowed.delayed_ack, Duration::ZERO);
    harness.must("write 100; >+; +5s; >*");
    let stuck = info(&mut harness);
    assert!(stuck.timeouts > 2 && stuck.backoff == stuck.timeouts, "{stuck:?}");
    let mut harness = at(At::SynSent).start();
    harness.must("+3s; >*");
    let opening = info(&mut harness);
    assert_eq!((opening.state, opening.timeouts, opening.unacked), (State::SynSent, 2, 1));
    assert_eq!((opening.rto, opening.advertised_mss), (Duration::from_secs(4), 1460));
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A controller that tells what it was told: the round trip as its rate, in nanoseconds.
#[derive(Debug)]
struct Parrot(Start);

impl CongestionControl for Parrot {
    fn window(&self) -> u32 {
        self.0.window
    }

    fn ssthresh(&self) -> u32 {
        self.0.ssthresh
    }

    fn pacing_rate(&self) -> Option<u64> {
        self.0.srtt.map(|srtt| srtt.as_nanos() as u64)
    }

    fn on_ack(&mut self, _ack: &Ack) {}

    fn on_congestion(&mut self, _now: Instant, _congestion: &Congestion) {}

    fn on_mss(&mut self, _mss: u32) {}
}

const PARROT: Algorithm = Algorithm::new("parrot", |start| Box::new(Parrot(start)));

fn choose(harness: &mut Harness, algorithm: Algorithm) -> Info {
    let now = harness.now;
    harness.connection().set_congestion(now, algorithm);
    harness.connection().check_invariants();
    harness.connection().info(now)
}

/// RFC 9293 3.8.2: another congestion control may be chosen at any time; what an open connection
/// knows of its path it keeps. Proves: MAY-18.
#[test]
fn congestion_control() {
    for &algorithm in REGISTRY {
        let mut harness = open().start();
        harness.must("+20ms; write 1460; >+; +30ms; < . 1:1(0) ack 1461");
        assert_eq!(choose(&mut harness, algorithm).congestion, algorithm.name());
        harness.must("write 14600; >+; +30ms; >*; < . 1:1(0) ack 4381; >*; +2s; >*");
        let now = harness.now;
        let before = harness.connection().info(now);
        let by_loss = before.pacing_rate.is_none();
        assert!(before.srtt.is_some() && by_loss == (before.ssthresh < u32::MAX), "{before:?}");
        let after = choose(&mut harness, PARROT);
        assert_eq!(after.congestion, "parrot");
        assert_eq!((after.cwnd, after.ssthresh), (before.cwnd, before.ssthresh));
        assert_eq!(after.pacing_rate.map(Duration::from_nanos), before.srtt);
        // The same again changes nothing, and nor does what comes back later.
        assert_eq!(choose(&mut harness, PARROT).cwnd, before.cwnd);
        assert_eq!(choose(&mut harness, algorithm).cwnd, before.cwnd);
    }
}

/// Before and after there is a window, it is kept in mind.
#[test]
fn congestion_control_in_every_phase() {
    for state in [At::SynSent, At::SynReceived, At::LastAck, At::TimeWait] {
        let mut harness = at(state).start();
        assert_eq!(choose(&mut harness, PARROT).congestion, "parrot", "{state:?}");
        harness.must("abort; >*");
        assert_eq!(choose(&mut harness, REGISTRY[0]).congestion, REGISTRY[0].name());
    }
    let mut harness = at(At::SynSent).start();
    choose(&mut harness, PARROT);
    harness.must("< S. 0:0(0) ack 1 win 65535; >+");
    let now = harness.now;
    assert_eq!(harness.connection().info(now).congestion, "parrot");
}
