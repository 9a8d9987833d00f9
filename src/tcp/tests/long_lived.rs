//! Numbers are compared within two gigabytes: what is remembered of long ago must not lie ahead.

use std::time::Duration;

use super::harness::Harness;
use super::script::{At, at};
use crate::tcp::connection::Phase;
use crate::tcp::rack::{Reordering, RoundTrips};
use crate::wire::SeqNum;

/// A connection that has sent almost two gigabytes since anything happened to it. The next three
/// segments have arrived.
fn long_after() -> Harness {
    let setup = at(At::Established);
    let reno = setup.config(|config| config.congestion = "reno".parse().expect("it is there"));
    let mut harness = reno.start();
    let Phase::Open(tcb) = &mut harness.connection().phase else { panic!("it is open") };
    let long_ago = tcb.snd.una - ((1 << 31) - 2_000);
    (tcb.snd.small_end, tcb.recovery.recover) = (long_ago, long_ago);
    harness.must("write 4380; sends 1-3; ack 2; ack 3; ack 4");
    harness
}

/// Proves: RFC6582-3.2-1.
#[test]
fn a_loss() {
    long_after().must("write 14600; sends 4-13; +100ms; ack 4; ack 4; ack 4; sends 4");
}

/// Three segments do not fill a window of ten.
#[test]
fn an_application_that_is_the_limit() {
    let mut harness = at(At::Established).start();
    harness.must("write 4380; sends 1-3");
    let Phase::Open(tcb) = &mut harness.connection().phase else { panic!("it is open") };
    let long_ago = tcb.snd.una - ((1 << 31) - 2_000);
    tcb.recovery.flight_mut().expect("it flies").usage.limited_to = long_ago;
    harness.must("ack 2; ack 3; ack 4; info cwnd 10mss");
}

/// Nothing small is outstanding, so a small one may leave.
#[test]
fn a_small_segment() {
    long_after().must("write 1560; > . 4381:5841(1460) ack 1; > P. 5841:5941(100) ack 1");
}

/// A D-SACK widens the reordering window once a round trip, and the next one does again.
#[test]
fn a_segment_that_arrived_twice() {
    let quarter = Duration::from_millis(10);
    let trips = RoundTrips { min: Some(4 * quarter), smoothed: Some(Duration::from_secs(1)) };
    let una = SeqNum::new(1_000);
    let mut reordering = Reordering::new(una);
    let mut twice = |una: SeqNum| {
        reordering.acknowledged(una);
        reordering.widen(una + 1_000);
        reordering.window(false, &trips)
    };
    assert_eq!(twice(una), 2 * quarter);
    assert_eq!(twice(una + 500), 2 * quarter);
    assert_eq!(twice(una + 1_000), 4 * quarter);
    reordering.acknowledged(una + (1 << 30));
    reordering.acknowledged(una + (1 << 31));
    reordering.acknowledged(una + (1 << 31) + 3_000);
    reordering.widen(una + (1 << 31) + 4_000);
    assert_eq!(reordering.window(false, &trips), 8 * quarter);
}
