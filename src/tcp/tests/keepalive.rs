//! Keep-alive (RFC 9293 3.8.4).

use std::time::Duration;

use super::script::{At, Setup, at};
use crate::tcp::KeepAlive;

/// After 10 s of silence, three probes a second apart.
fn alive() -> Setup {
    at(At::Established).config(|config| {
        config.keepalive = Some(KeepAlive {
            idle: Duration::from_secs(10),
            interval: Duration::from_secs(1),
            probes: 3,
        });
    })
}

/// MUST-25, MUST-28: off unless asked for; two hours at least by default.
/// Proves: MAY-5.
#[test]
fn off_by_default() {
    at(At::Established).rows(&[("off", "timer never; +24h")]);
    assert!(KeepAlive::default().idle >= Duration::from_secs(2 * 60 * 60));
}

/// SHLD-12: a probe carries nothing; it stands before SND.NXT, so the peer must answer.
#[test]
fn probes() {
    alive().rows(&[
        ("after the silence", "+9999ms; +1ms; > . 0:0(0) ack 1"),
        (
            "answered: silence is counted anew",
            "+10s; >+; < . 1:1(0) ack 1; +9999ms; +1ms; > . 0:0(0) ack 1",
        ),
        (
            "text is no silence",
            "+9s; < P. 1:11(10) ack 1; +40ms; >+; +9959ms; +1ms; > . 0:0(0) ack 11",
        ),
        ("the second after a second", "+10s; >+; +999ms; +1ms; > . 0:0(0) ack 1"),
        (
            "text after a probe",
            "+10s; >+; < P. 1:11(10) ack 1; +40ms; > . 1:1(0) ack 11; +9s; state Established",
        ),
        ("the peer's probe is answered", "< . 0:0(0) ack 1; > . 1:1(0) ack 1; state Established"),
        (
            "the peer's probe with a byte",
            "< P. 1:11(10) ack 1; +40ms; >+; < . 10:11(1) ack 1; > . 1:1(0) ack 11",
        ),
        ("reset by a peer that has forgotten", "+10s; >+; < R 1:1(0); state Closed; error Reset"),
    ]);
}

/// MUST-29: one unanswered probe is no death; three are, as configured.
#[test]
fn dead_peer() {
    alive().rows(&[
        ("one", "+10s; >+; +900ms; state Established; error none"),
        ("two", "+11s; ># 2; +900ms; state Established"),
        (
            "three, and a second",
            "+12s; ># 3; +1s; >*; state Closed; error TimedOut; signal CLOSED; timer never",
        ),
        ("answered in time", "+12s; ># 3; +500ms; < . 1:1(0) ack 1; +5s; state Established"),
    ]);
}

/// MUST-26: not while anything is outstanding.
#[test]
fn not_beside_data() {
    alive().rows(&[(
        "data is its own probe",
        "+9900ms; write 10; > P. 1:11(10) ack 1; +299ms; +1ms; > P. 1:11(10) ack 1; +600ms
         > P. 1:11(10) ack 1",
    )]);
}

/// In the other states in which a peer can vanish.
#[test]
fn other_states() {
    let alive = |state| {
        at(state).config(|config| {
            config.keepalive = Some(KeepAlive {
                idle: Duration::from_secs(10),
                interval: Duration::from_secs(1),
                probes: 3,
            });
        })
    };
    alive(At::CloseWait)
        .rows(&[("probed", "+10s; > . 0:0(0) ack 2; +10s; >*; state Closed; error TimedOut")]);
    alive(At::FinWait2)
        .rows(&[("probed", "+10s; > . 1:1(0) ack 1; +10s; >*; state Closed; error TimedOut")]);
    alive(At::TimeWait)
        .rows(&[("not probed", "+59s; state TimeWait; +1s; state Closed; error none")]);
}

/// MUST-24, MUST-27: per connection, at any time.
#[test]
fn switched() {
    let mut harness = at(At::Established).start();
    harness.must("+1h");
    let now = harness.now;
    let settings =
        KeepAlive { idle: Duration::from_secs(5), interval: Duration::from_secs(1), probes: 2 };
    harness.connection().set_keepalive(now, Some(settings));
    harness.must("+5s; > . 0:0(0) ack 1; < . 1:1(0) ack 1");
    let now = harness.now;
    harness.connection().set_keepalive(now, None);
    harness.must("+24h; timer never");
}
