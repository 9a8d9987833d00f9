//! CUBIC (RFC 9438). Where a number of bytes stands for a point of the curve, it was computed apart
//! from the code, with forty digits.

use super::flow::{Flow, INITIAL, MSS, millis, seconds};
use crate::tcp::congestion::{Ack, Congestion, CongestionControl, Sent};
use crate::time::Instant;

/// What the curve gives after a loss at 100 segments, that is from 70 on with K = 4.217163...:
/// seconds and bytes.
const CURVE: [(f64, u32); 8] = [
    (1.0, 86_681),
    (2.0, 95_640),
    (3.0, 99_279),
    (4.0, 99_996),
    (4.5, 100_009),
    (5.0, 100_192),
    (7.0, 108_620),
    (8.0, 121_653),
];

/// It has lost something at 100 segments; the curve begins at time 0.
fn after_loss() -> Flow {
    let mut flow = Flow::avoiding("cubic", 100);
    flow.loss(100);
    assert_eq!(flow.both(), (70_000, 70_000));
    flow.start_clock();
    flow.ack(1);
    flow
}

/// RFC 9438 4.2, equations 1 and 2, with the constants of 4.1; below `W_max` (4.4) and beyond it
/// (4.5) alike, a window of acknowledgements leads where the curve is.
/// Proves: RFC9438-4.1, RFC9438-4.2-a, RFC9438-4.4, RFC9438-4.5, RFC9438-5.1, MAY-18.
#[test]
fn the_curve() {
    let mut flow = after_loss();
    for (time, window) in CURVE {
        assert_eq!(flow.at(time).ack_window(), window, "at {time} s");
    }
    // Alone, each point is the same: it is the time that counts, not the way.
    for (time, window) in CURVE.into_iter().filter(|&(_, window)| window < 105_000) {
        assert_eq!(after_loss().at(time).ack_window(), window, "at {time} s");
    }
}

/// RFC 9438 4.4, 4.5: in proportion to what is acknowledged, however that is cut.
/// Proves: RFC9438-4.4, RFC9438-4.5.
#[test]
fn growth_by_bytes() {
    for (time, to) in [(1.0, 86_681), (7.0, 105_000)] {
        let mut flow = after_loss();
        let half = 70_000 + (to - 70_000) / 2;
        let window = flow.at(time).ack(35_000).window();
        assert!(window.abs_diff(half) < 2, "half of {to}, not {window}, at {time} s");
        // One acknowledgement for two segments, as one for each.
        let grown = |bytes: u32, count: usize| {
            let mut flow = after_loss();
            flow.at(time);
            for _ in 0..count {
                flow.ack(bytes);
            }
            flow.window()
        };
        let (coarse, fine) = (grown(2_000, 10), grown(1_000, 20));
        assert!(coarse.abs_diff(fine) < (fine - 70_000) / 50, "{coarse}, {fine} at {time} s");
        // One for what ten windows had sent, as one for one.
        assert_eq!(after_loss().at(time).ack(700_000).window(), to);
    }
}

/// RFC 9438 4.2: the window that the next round trip ends with; never less than it is, and never
/// more than one and a half times that.
/// Proves: RFC9438-4.2-a.
#[test]
fn the_target() {
    let ahead = |flow: &mut Flow, time: f64, srtt: f64| {
        let window = flow.window();
        flow.at(time).ack_with(window, |ack| ack.srtt = Some(seconds(srtt))).window()
    };
    assert_eq!(ahead(&mut after_loss(), 1.0, 1.0), 95_640);
    assert_eq!(ahead(&mut after_loss(), 1.0, 3.5), 100_009);
    assert_eq!(ahead(&mut after_loss(), 1.0, 50.0), 105_000);
    let mut flow = after_loss();
    assert_eq!(flow.at(100.0).ack_window(), 105_000);
    assert_eq!(flow.ack_window(), 157_500);
    // A round trip that has become shorter leads to an earlier point of the curve; beyond which
    // Reno comes in time.
    let mut flow = after_loss();
    assert_eq!(ahead(&mut flow, 1.0, 1.0), 95_640);
    for _ in 0..40 {
        assert_eq!(ahead(&mut flow, 1.0, 0.1), 95_640);
    }
}

/// RFC 9438 4.2: neither an application that sends little nor silence lets the curve go on.
/// Proves: RFC9438-4.2-b, RFC9438-4.6-b.
#[test]
fn the_curve_waits_for_the_application() {
    let mut flow = after_loss();
    assert_eq!(flow.at(1.0).ack_window(), 86_681);
    for time in 2..=11 {
        flow.at(f64::from(time)).ack_with(20_000, |ack| ack.window_limited = false);
        assert_eq!(flow.window(), 86_681);
    }
    assert_eq!(flow.at(12.0).ack_window(), 95_640);
    // Silence for half a minute, then a window's worth at once.
    flow.at(42.0);
    let now = flow.now;
    flow.controller.on_sent(now, &Sent::new(MSS, 0));
    flow.controller.on_sent(now, &Sent::new(MSS, MSS));
    assert_eq!(flow.at(43.0).ack_window(), 99_279);
    // Nothing of that holds while something flies.
    flow.at(43.5);
    let now = flow.now;
    flow.controller.on_sent(now, &Sent::new(MSS, MSS));
    assert_eq!(flow.at(44.0).ack_window(), 99_996);
    // A silence counts once, whatever follows it.
    for time in [50.0, 60.0] {
        flow.at(time);
        let now = flow.now;
        flow.controller.on_sent(now, &Sent::new(MSS, 0));
    }
    flow.at(70.0).ack_with(MSS, |ack| ack.window_limited = false);
    assert_eq!(flow.at(71.0).ack_window(), 100_192);
}

/// RFC 9438 4.6: who does not fill the window does not make it larger, in no phase.
/// Proves: RFC9438-4.6-b.
#[test]
fn an_unused_window_stays() {
    let flows = [Flow::new("cubic"), after_loss(), {
        let mut flow = after_loss();
        flow.timeout(70, false);
        flow
    }];
    for mut flow in flows {
        let before = flow.both();
        for second in 1..20 {
            let unused = |ack: &mut Ack| ack.window_limited = false;
            flow.at(f64::from(second)).ack_with(10 * MSS, unused);
        }
        assert_eq!(flow.both(), before);
    }
}

/// RFC 9438 4.3: where round trips are short the window is Reno's: 9/17 of a segment in each until
/// it is where it was, then a whole one.
/// Proves: RFC9438-4.3, RFC9438-4.1.
#[test]
fn reno_friendly() {
    let mut flow = Flow::avoiding("cubic", 100);
    flow.loss(100);
    let mut windows = Vec::new();
    for round in 0..70 {
        windows.push(flow.at(f64::from(round) / 1e3).ack_window());
    }
    // 70,000 and 9,000 / 17 for each round.
    assert_eq!(windows[..4], [70_529, 71_059, 71_588, 72_118]);
    assert_eq!(windows[55], 99_647);
    // Round 57 is the one that leads beyond 100,000, where it was.
    assert_eq!(windows[56], 100_176);
    assert_eq!(windows[57..60], [101_176, 102_176, 103_176]);
    assert_eq!(windows[69], 113_176);
}

/// RFC 9438 4.6: 0.7 of the window, whatever flew; two segments at least, or one where marks and not losses tell of
/// congestion; ssthresh never below two.
/// Proves: RFC9438-4.6-a, RFC9438-4.1.
#[test]
fn multiplicative_decrease() {
    let avoiding = || Flow::avoiding("cubic", 10);
    let narrow = || Flow::avoiding("cubic", 2);
    let rows = [
        ("a loss", avoiding().loss(10).both(), (7_000, 7_000)),
        ("of less than the window", avoiding().loss(6).both(), (7_000, 7_000)),
        ("two segments stay", narrow().loss(2).both(), (2_000, 2_000)),
        ("a window never grows by it", avoiding().loss(30).both(), (7_000, 7_000)),
        ("a mark", avoiding().mark(10).both(), (7_000, 7_000)),
        ("one segment stays", narrow().mark(2).both(), (1_400, 2_000)),
        ("and stays", narrow().mark(2).mark(1).both(), (1_000, 2_000)),
        ("in slow start", Flow::new("cubic").loss(10).both(), (7_000, 7_000)),
    ];
    for (what, got, wanted) in rows {
        assert_eq!(got, wanted, "{what}");
    }
}

/// RFC 9438 4.6, RFC 3168 6.1.2: marks that go on reduce the window down to one segment.
#[test]
fn marks_that_go_on() {
    for name in ["cubic", "reno"] {
        let mut flow = Flow::avoiding(name, 10);
        let mut windows = vec![flow.window()];
        for _ in 0..10 {
            let flight = flow.window();
            let mark = Congestion::Ecn { flight };
            flow.controller.on_congestion(flow.now, &mark);
            windows.push(flow.window());
        }
        assert!(windows.is_sorted_by(|a, b| a > b || (*a, *b) == (MSS, MSS)), "{windows:?}");
        assert_eq!(flow.both(), (MSS, 2 * MSS), "{name}");
    }
}

/// RFC 9438 4.7: two losses in a row, the second at less than the first: the plateau is lower than
/// that, at 0.85 of it, and reached 2.971960... s after the loss.
/// Proves: RFC9438-4.7.
#[test]
fn fast_convergence() {
    let mut flow = after_loss();
    assert_eq!(flow.loss(70).both(), (49_000, 49_000));
    flow.start_clock();
    flow.ack(1);
    for (time, window) in [(1.0, 56_433), (2.0, 59_133), (2.972, 59_500), (4.0, 59_935)] {
        assert_eq!(flow.at(time).ack_window(), window, "at {time} s");
    }
    // A loss at more than the plateau is one at a new one: K is 5.104664... s.
    let mut flow = after_loss();
    for time in [8.0, 9.0, 10.0] {
        flow.at(time).ack_window();
    }
    assert_eq!(flow.window(), 177_354);
    let window = flow.window();
    let loss = Congestion::Loss { flight: window };
    flow.controller.on_congestion(flow.now, &loss);
    assert_eq!(flow.window(), 124_148);
    flow.start_clock();
    flow.ack(1);
    assert_eq!(flow.at(5.105).ack_window(), 177_354);
}

/// RFC 9438 4.8: after a time-out one segment, slow start up to 0.7 of what was, and from there the
/// right half of the curve.
/// Proves: RFC9438-4.8.
#[test]
fn after_a_timeout() {
    let mut flow = Flow::avoiding("cubic", 100);
    assert_eq!(flow.timeout(100, false).both(), (1_000, 70_000));
    assert_eq!(flow.timeout(100, true).both(), (1_000, 70_000), "the same segment again");
    // Slow start, by what has newly arrived.
    assert_eq!(flow.ack(MSS).window(), 2_000);
    let filled = |ack: &mut Ack| (ack.delivered, ack.growth) = (MSS, MSS);
    assert_eq!(flow.ack_with(20 * MSS, filled).window(), 3_000, "that had arrived before");
    while flow.window() < 70_000 {
        flow.ack(MSS);
    }
    assert_eq!(flow.both(), (70_000, 70_000));
    flow.start_clock();
    flow.ack(1);
    // 0.4 t^3 beyond 70 segments.
    for (time, window) in [(2.0, 73_200), (3.0, 80_800), (4.0, 95_600), (5.0, 120_000)] {
        assert_eq!(flow.at(time).ack_window(), window, "at {time} s");
    }
    // Where Reno would be further, it is Reno from there: 9/17 of a segment a round trip.
    let mut flow = Flow::avoiding("cubic", 100);
    flow.timeout(100, false);
    while flow.window() < 70_000 {
        flow.ack(MSS);
    }
    assert_eq!([flow.ack_window(), flow.ack_window()], [70_529, 71_059]);
}

/// RFC 9438 4.9: a loss, or a time-out, that was none leaves no trace: neither in the window nor in
/// the curve.
/// Proves: RFC9438-4.9.
#[test]
fn what_was_spurious_is_undone() {
    let mut flow = after_loss();
    flow.at(1.0).ack_window();
    flow.at(1.5).loss(80);
    assert_eq!(flow.both(), (60_677, 60_677));
    flow.at(1.7).spurious();
    assert_eq!(flow.both(), (86_681, 70_000));
    assert_eq!(flow.at(2.0).ack_window(), 95_640, "the curve has gone on");
    flow.at(2.5).timeout(90, false).timeout(90, true).ack(MSS);
    assert_eq!(flow.both(), (2_000, 66_948));
    assert_eq!(flow.at(2.7).spurious().both(), (95_640, 70_000));
    assert_eq!(flow.at(3.0).ack_window(), 99_279);

    // Once only, and not when the window is beyond that already.
    assert_eq!(flow.spurious().both(), (99_279, 70_000));
    flow.loss(99).start_clock();
    flow.ack(1);
    while flow.window() <= 99_279 {
        flow.now += seconds(10.0);
        flow.ack_window();
    }
    let before = flow.both();
    assert_eq!(flow.spurious().both(), before);

    // What a mark tells is no mistake, though the loss before it was one.
    flow.loss(99).mark(60);
    let before = flow.both();
    assert_eq!(flow.spurious().both(), before);

    // In the first slow start it goes on with that.
    let mut flow = Flow::new("cubic");
    flow.loss(10).spurious();
    assert_eq!(flow.both(), (INITIAL * MSS, u32::MAX));
    assert_eq!(flow.ack(2 * MSS).window(), 12_000);
}

/// RFC 9438 4.10: slow start below ssthresh, and not beyond it.
/// Proves: RFC9438-4.10.
#[test]
fn slow_start_below_ssthresh() {
    let mut flow = Flow::with("cubic", |start| start.ssthresh = 35 * MSS);
    assert_eq!(flow.round(|_| None), (10, 10 * MSS));
    for _ in 0..15 {
        flow.ack(MSS);
    }
    assert_eq!(flow.window(), 35_000);
    flow.ack(MSS);
    assert_eq!(flow.window(), 35_029, "a segment a round trip, as Reno");
    // What leads beyond ssthresh counts there, so it does not matter how it is cut.
    let mut flow = Flow::with("cubic", |start| start.ssthresh = 11 * MSS);
    flow.ack(2 * MSS);
    assert_eq!(flow.window(), 11_091);
}

/// While no loss has told where the pipe ends, the window grows by a twentieth in a round trip, the
/// curve's plateau or not.
#[test]
fn until_the_first_loss() {
    let begin = || {
        let mut flow = Flow::new("cubic");
        for rtt in [10.0, 10.0, 30.0, 30.0, 30.0, 30.0, 30.0] {
            flow.round(|_| Some(millis(rtt)));
        }
        flow.ack(MSS);
        flow
    };
    let grows_by_a_twentieth = |flow: &mut Flow| {
        let window = flow.window();
        flow.ack_window().abs_diff(window + window / 20) <= 1
    };
    let mut flow = begin();
    assert!((0..3).all(|_| grows_by_a_twentieth(&mut flow)));
    let flight = flow.window() / MSS;
    assert!(!grows_by_a_twentieth(begin().loss(flight)));
    assert!(!grows_by_a_twentieth(begin().mark(flight)));
    assert!(grows_by_a_twentieth(begin().loss(flight).spurious()));
}

/// RFC 9438 4.10: no loss has told where to go back to when round trips end the first slow start:
/// the curve begins at its plateau, and the window grows as Reno's at least.
/// Proves: RFC9438-4.10.
#[test]
fn a_slow_start_without_a_loss() {
    let mut flow = Flow::new("cubic");
    for rtt in [10.0, 10.0, 30.0, 30.0, 30.0, 30.0, 30.0] {
        flow.round(|_| Some(millis(rtt)));
    }
    let (window, ssthresh) = flow.ack(MSS).both();
    assert_eq!(window, ssthresh, "the first slow start is over");
    flow.start_clock();
    flow.ack(1);
    let (before, grown) = (f64::from(window), |time: f64| 400.0 * time.powi(3));
    for time in [3.0, 4.0, 5.0] {
        let window = f64::from(flow.at(time).ack_window());
        assert!((window - before - grown(time)).abs() < 1.0, "{window} at {time} s");
    }
    let mut flow = Flow::avoiding("cubic", 40);
    assert_eq!([flow.ack_window(), flow.ack_window()], [41_000, 42_000]);
    // So it does after a silence, which has left less of the window than there was.
    let mut flow = Flow::with("cubic", |start| start.window = 10_000 * MSS);
    let now = flow.now;
    flow.controller.on_idle(now);
    for (round, rtt) in (0..).zip([10.0, 10.0, 30.0, 30.0, 30.0, 30.0, 30.0, 30.0]) {
        for ack in 0..10 {
            flow.ack_with(MSS / 10, |it| {
                (it.acked_total, it.sent_total) = (round * 10 + ack, round * 10 + 10);
                it.rtt = Some(millis(rtt));
            });
        }
    }
    assert!(flow.both().1 < 20 * MSS, "the first slow start is over");
    let (window, _) = flow.both();
    assert_eq!(flow.ack_window(), window + MSS);
}

/// RFC 5681 4.1: after a silence the window is that of a beginning; slow start leads back to what
/// the path has carried.
#[test]
fn restart_after_idle() {
    let mut flow = after_loss();
    flow.at(3.0).ack_window();
    flow.at(60.0).controller.on_idle(flow_now(60.0));
    assert_eq!(flow.both(), (INITIAL * MSS, 74_459));
    assert_eq!(flow.ack(20 * MSS).window(), 30_000);
    // One that is smaller stays.
    let mut flow = Flow::avoiding("cubic", 3);
    flow.controller.on_idle(flow_now(0.0));
    assert_eq!(flow.both(), (3_000, 3_000));
}

fn flow_now(time: f64) -> Instant {
    Instant::ZERO + seconds(1_000.0 + time)
}

/// RFC 6582 3.2, step 3: what has been repaired leaves no burst behind.
#[test]
fn no_burst_after_a_repair() {
    let mut flow = Flow::avoiding("cubic", 100);
    flow.loss(100).controller.on_recovered(flow_now(0.0), 68 * MSS);
    assert_eq!(flow.both(), (70_000, 70_000));
    flow.controller.on_recovered(flow_now(0.0), 5 * MSS);
    assert_eq!(flow.both(), (15_000, 70_000));
    assert_eq!(flow.ack(2 * MSS).window(), 17_000, "slow start leads back");
    // Also where the slow start before that one followed a time-out, and was a slower one.
    let mut flow = Flow::avoiding("cubic", 100);
    flow.timeout(100, false).loss(100);
    flow.controller.on_recovered(flow_now(0.0), 0);
    assert_eq!(flow.window(), 2_000);
    let mut flow = Flow::avoiding("cubic", 100);
    flow.timeout(100, false);
    while flow.window() < 60_000 {
        flow.ack(MSS);
    }
    flow.loss(60).controller.on_recovered(flow_now(0.0), 5 * MSS);
    assert_eq!(flow.ack(2 * MSS).window(), 17_000);
}

/// RFC 1191 6.4: a path that is narrower, or wider, leaves the window as it is, in bytes; the curve,
/// one of segments, begins anew from there.
#[test]
fn another_segment_size() {
    let mut flow = after_loss();
    assert_eq!(flow.at(1.0).ack_window(), 86_681);
    flow.controller.on_mss(500);
    assert_eq!(flow.window(), 86_681);
    // From 86,680 to 100,000 with segments of 500: K is the cube root of 26.64 / 0.4, 4.054... s.
    flow.ack(1);
    assert!((flow.at(5.054).ack_window()).abs_diff(100_000) < 5);
    flow.controller.on_mss(200_000);
    assert_eq!(flow.window(), 200_000, "one fits at least");
    // The same where a loss came between, and was none.
    let mut flow = after_loss();
    flow.at(1.0).ack_window();
    flow.loss(80).controller.on_mss(500);
    assert_eq!(flow.spurious().window(), 86_681);
    flow.ack(1);
    assert!((flow.at(5.054).ack_window()).abs_diff(100_000) < 5);
}

/// While a loss is repaired the window stands still, and so it does where only SACK blocks arrive,
/// or the echo of a mark (RFC 3168 6.1.2).
#[test]
fn nothing_grows_during_a_repair() {
    let mut flow = after_loss();
    flow.at(5.0).ack_with(20 * MSS, |ack| ack.in_recovery = true);
    flow.ack_with(20 * MSS, |ack| ack.ecn_echo = true);
    flow.ack_with(0, |ack| ack.delivered = 20 * MSS);
    assert_eq!(flow.window(), 70_000);
}

/// A controller that takes over from another goes on with what that had.
#[test]
fn taking_over() {
    let mut flow = Flow::avoiding("cubic", 50);
    assert_eq!(flow.both(), (50_000, 50_000));
    assert_eq!(flow.ack_window(), 51_000);
    let flow = Flow::with("cubic", |start| start.window = 10);
    assert_eq!(flow.window(), MSS, "one segment at least");
    let cubic: &dyn CongestionControl = flow.controller.as_ref();
    assert_eq!((cubic.pacing_rate(), cubic.governs_recovery()), (None, false));
}
