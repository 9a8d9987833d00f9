//! NewReno as a controller; what it makes of a connection is in `congestion.rs` and
//! `fast_retransmit.rs`.

use super::flow::{Flow, MSS};
use crate::tcp::congestion::Ack;

/// RFC 5681 3.1, equation 4; RFC 3168 6.1.2: half of what flew, two segments at least; one where
/// marks tell of congestion.
/// Proves: RFC5681-3.1-eq4.
#[test]
fn half_of_what_flew() {
    let avoiding = || Flow::avoiding("reno", 10);
    let rows = [
        ("a loss", avoiding().loss(10).both(), (5_000, 5_000)),
        ("two segments stay", avoiding().loss(3).both(), (2_000, 2_000)),
        ("a mark", avoiding().mark(10).both(), (5_000, 5_000)),
        ("one segment stays", avoiding().mark(3).both(), (1_500, 2_000)),
        ("and stays", avoiding().mark(1).both(), (1_000, 2_000)),
        ("a time-out", avoiding().timeout(10, false).both(), (1_000, 5_000)),
        ("again", avoiding().timeout(10, false).timeout(8, true).both(), (1_000, 5_000)),
    ];
    for (what, got, wanted) in rows {
        assert_eq!(got, wanted, "{what}");
    }
}

/// RFC 3465 2.2: slow start grows by what has arrived, however many segments one acknowledgement
/// stands for, but not by what had arrived before; beyond ssthresh by a segment a window.
/// Proves: RFC5681-3.1-ss, RFC5681-3.1-ca.
#[test]
fn slow_start() {
    let mut flow = Flow::new("reno");
    assert_eq!(flow.ack(MSS / 2).window(), 10_500);
    assert_eq!(flow.ack(9 * MSS).window(), 19_500);
    flow.timeout(10, false);
    let filled = |ack: &mut Ack| (ack.delivered, ack.growth) = (MSS, MSS);
    assert_eq!(flow.ack_with(9 * MSS, filled).window(), 2_000);
    assert_eq!(flow.ack(2 * MSS).window(), 4_000);
    // One more leads to ssthresh, five others are a window.
    assert_eq!(flow.ack(6 * MSS).window(), 6_000);
}

/// RFC 4015: a loss that was none is undone, once, unless the window is beyond that already; a mark
/// is no mistake.
#[test]
fn what_was_spurious_is_undone() {
    let mut flow = Flow::avoiding("reno", 10);
    assert_eq!(flow.loss(10).spurious().both(), (10_000, 10_000));
    assert_eq!(flow.timeout(10, false).timeout(10, true).spurious().both(), (10_000, 10_000));
    assert_eq!(flow.spurious().both(), (10_000, 10_000));
    flow.loss(10);
    while flow.window() < 10_000 {
        flow.ack_window();
    }
    assert_eq!(flow.spurious().both(), (10_000, 5_000));
    flow.loss(10).mark(4);
    assert_eq!(flow.spurious().both(), (2_000, 2_000));
    let mut flow = Flow::new("reno");
    flow.timeout(10, false).spurious();
    assert_eq!(flow.ack(2 * MSS).window(), 12_000, "slow start goes on as it was");
}

/// RFC 5681 4.1, RFC 6582 3.2, step 3: after a silence and after a repair little leaves at once, but
/// a segment may, however large it has become meanwhile; with SACK an initial window after a repair.
#[test]
fn no_burst() {
    let mut flow = Flow::avoiding("reno", 100);
    let now = flow.now;
    flow.controller.on_idle(now);
    assert_eq!(flow.both(), (10_000, 100_000));
    for (sack, window) in [(false, 6_000), (true, 15_000)] {
        let mut flow = Flow::with("reno", |start| {
            (start.window, start.ssthresh, start.sack) = (100 * MSS, 100 * MSS, sack);
        });
        flow.loss(100).controller.on_recovered(now, 5 * MSS);
        assert_eq!(flow.both(), (window, 50_000), "SACK: {sack}");
    }
    let mut flow = Flow::avoiding("reno", 100);
    flow.controller.on_mss(60_000);
    flow.controller.on_idle(now);
    assert_eq!(flow.window(), 60_000);
}
