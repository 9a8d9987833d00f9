//! HyStart++ (RFC 9406), as CUBIC uses it.

use std::time::Duration;

use crate::tcp::congestion::Ack;

use super::flow::{Flow, INITIAL, MSS, millis};

/// The round trips of a round in milliseconds.
fn each(rtt: f64) -> impl Fn(u32) -> Option<Duration> {
    move |_| Some(millis(rtt))
}

/// Slow start, after two rounds of `rtt` milliseconds; the next one has 40 segments.
fn slow_start(rtt: f64) -> Flow {
    let mut flow = Flow::new("cubic");
    assert_eq!(flow.round(each(rtt)), (10, 10 * MSS));
    assert_eq!(flow.round(each(rtt)), (20, 20 * MSS));
    flow
}

/// What a round of 40 segments adds to the window when a queue is found: all of eight segments,
/// the sample that tells of it counted, and a quarter of the others.
const QUEUE: u32 = 8 * MSS + 32 * MSS / 4;

/// Conservative slow start since the round before.
fn conservative() -> Flow {
    let mut flow = slow_start(100.0);
    assert_eq!(flow.round(each(120.0)), (40, QUEUE));
    flow
}

/// RFC 9406 4.2: a round ends when all that had been sent at its beginning has arrived, and only
/// rounds are compared, each one's shortest.
/// Proves: RFC9406-4.2-a.
#[test]
fn rounds() {
    // One short round trip in each round is enough.
    let mut flow = slow_start(100.0);
    for _ in 0..3 {
        let (acks, grown) = flow.round(|at| Some(millis(if at == 7 { 100.0 } else { 150.0 })));
        assert_eq!(grown, acks * MSS);
    }
    // The last one of a round counts there, and the first one of the next one in that.
    let mut flow = Flow::new("cubic");
    flow.round(each(200.0));
    flow.round(|at| Some(millis(if at == 19 { 100.0 } else { 200.0 })));
    assert_eq!(flow.round(each(150.0)), (40, QUEUE));
    let mut flow = slow_start(200.0);
    let grown = flow.round(|at| Some(millis(if at == 0 { 100.0 } else { 150.0 })));
    assert_eq!(grown, (40, 40 * MSS));
}

/// The queue that a burst makes is as long as the burst at its end, and empty at its beginning: no
/// round consists of an end alone.
/// Proves: RFC9406-4.2-a.
#[test]
fn bursts() {
    let mut flow = Flow::new("cubic");
    for segments in [10, 20, 40, 80, 160] {
        let burst = |at| Some(millis(100.0 + f64::from(at) * 40.0 / f64::from(segments)));
        assert_eq!(flow.round(burst), (segments, segments * MSS));
    }
}

/// An acknowledgement of a segment `gap` milliseconds after the last one, with the least round trip
/// `least` and this one `rtt`; by how much it lets the window grow.
fn next(flow: &mut Flow, gap: f64, least: f64, rtt: f64) -> u32 {
    let before = flow.window();
    flow.now += millis(gap);
    flow.ack_with(MSS, |ack| (ack.min_rtt, ack.rtt) = (Some(millis(least)), Some(millis(rtt))));
    flow.window() - before
}

/// A train of acknowledgements has made slow start conservative, over a path of `rtt` milliseconds;
/// the next one begins another round.
fn after_a_train(rtt: f64) -> Flow {
    let mut flow = slow_start(rtt);
    assert_eq!(next(&mut flow, rtt / 5.0, rtt, rtt), MSS);
    for _ in 1..40 {
        next(&mut flow, rtt / 5.0, rtt, rtt);
    }
    flow
}

/// Acknowledgements close behind each other, for half of the least round trip: half a pipe is full,
/// so the window grows more slowly.
#[test]
fn a_train_of_acknowledgements() {
    let rows = [
        // The least round trip and the gaps, milliseconds; the last one that adds a whole segment.
        ("half a round trip", 100.0, 1.0, Some(51)),
        ("a slow link", 100.0, 25.0, Some(3)),
        ("gaps", 100.0, 25.1, None),
        ("a short path", 8.0, 0.5, Some(9)),
        ("a millisecond at least", 1.0, 0.1, Some(11)),
        ("over a TUN", 0.1, 0.01, Some(101)),
        ("a scheduler's whims", 0.1, 0.1, None),
    ];
    for (what, rtt, gap, wanted) in rows {
        let mut flow = slow_start(rtt);
        let slower = (0..200).find(|_| next(&mut flow, gap, rtt, rtt) == MSS / 4);
        assert_eq!(slower, wanted, "{what}");
    }
    // A gap begins another one.
    let mut flow = slow_start(100.0);
    for at in 0..300 {
        let gap = if at % 50 == 0 { 30.0 } else { 1.0 };
        assert_eq!(next(&mut flow, gap, 100.0, 100.0), MSS, "the {at}th");
    }
    assert_eq!(next(&mut flow, 1.0, 100.0, 100.0), MSS);
    assert_eq!(next(&mut flow, 1.0, 100.0, 100.0), MSS / 4);
    // Where nothing is known of the path, and where it is the application that sends slowly.
    let changes: [fn(&mut Ack); 2] = [|ack| ack.min_rtt = None, |ack| ack.window_limited = false];
    for change in changes {
        let mut flow = slow_start(100.0);
        for _ in 0..200 {
            flow.now += millis(1.0);
            flow.ack_with(MSS, |ack| {
                ack.min_rtt = Some(millis(100.0));
                change(ack);
            });
        }
        let before = flow.window();
        assert_eq!(flow.ack(MSS).window(), before + MSS);
    }
}

/// After that, round trips that are an eighth longer than the least one end slow start, eight of
/// them, but a millisecond at least and 16 at most; without them it ends as ever.
#[test]
fn a_train_and_a_queue() {
    let rows = [
        (100.0, 112.4, false),
        (100.0, 112.5, true),
        (800.0, 815.9, false),
        (800.0, 816.0, true),
        (4.0, 4.9, false),
        (4.0, 5.0, true),
    ];
    for (least, rtt, queue) in rows {
        let mut flow = after_a_train(least);
        for _ in 0..7 {
            assert_eq!(next(&mut flow, 0.0, least, rtt), MSS / 4, "{least}, {rtt} ms");
        }
        assert_eq!(flow.both().1, u32::MAX, "{least}, {rtt} ms");
        next(&mut flow, 0.0, least, rtt);
        assert_eq!(flow.both().1 == flow.window(), queue, "{least}, {rtt} ms");
    }
    // A shorter one does not bring slow start back, as a train is no detour.
    let mut flow = after_a_train(100.0);
    for _ in 0..20 {
        assert_eq!(next(&mut flow, 0.0, 50.0, 50.0), MSS / 4);
    }
}

/// RFC 9406 4.2: eight samples, all of them longer than the shortest one of the round before, by an
/// eighth of that, but 4 ms at least and 16 ms at most.
/// Proves: RFC9406-4.2-b.
#[test]
fn when_round_trips_grow() {
    let rows = [
        // Milliseconds before and after; whether that means a queue.
        (100.0, 112.4, false),
        (100.0, 112.5, true),
        (40.0, 44.9, false),
        (40.0, 45.0, true),
        (20.0, 23.9, false),
        (20.0, 24.0, true),
        (128.0, 143.9, false),
        (128.0, 144.0, true),
        (800.0, 815.9, false),
        (800.0, 816.0, true),
        // Microseconds over a TUN, and the noise of a busy machine.
        (0.02, 4.019, false),
        (0.02, 4.02, true),
        (0.0, 3.999, false),
    ];
    for (before, after, queue) in rows {
        let grown = slow_start(before).round(each(after));
        assert_eq!(grown, (40, if queue { QUEUE } else { 40 * MSS }), "{before}, {after} ms");
    }
    // Seven are not enough, nor is a round without any to compare with.
    let seven = |at| (at < 7).then_some(millis(300.0));
    assert_eq!(slow_start(100.0).round(seven), (40, 40 * MSS));
    let mut flow = Flow::new("cubic");
    flow.round(|_| None);
    assert_eq!(flow.round(each(300.0)), (20, 20 * MSS));
}

/// RFC 9406 4.2: a quarter of slow start's growth; slow start again when eight samples have one
/// below those that led there.
/// Proves: RFC9406-4.2-c.
#[test]
fn conservative_slow_start() {
    let (acks, grown) = conservative().round(each(120.0));
    assert_eq!(grown, acks * MSS / 4);

    // Below the baseline: from the eighth sample on, all of the growth.
    let mut flow = conservative();
    let (acks, grown) = flow.round(each(119.0));
    assert_eq!(grown, 8 * MSS / 4 + (acks - 8) * MSS);
    let (acks, grown) = flow.round(each(119.0));
    assert_eq!(grown, acks * MSS, "slow start");
    // And a queue that comes then is found as the first one was.
    let (acks, grown) = flow.round(each(160.0));
    assert_eq!(grown, 8 * MSS + (acks - 8) * MSS / 4);

    // Within the round in which it began, too.
    let mut flow = slow_start(100.0);
    let (_, grown) = flow.round(|at| Some(millis(if at < 20 { 120.0 } else { 100.0 })));
    assert_eq!(grown, 8 * MSS + 13 * MSS / 4 + 19 * MSS);
    // Seven samples say nothing.
    let seven = |at| (at < 7).then_some(millis(100.0));
    let (acks, grown) = conservative().round(seven);
    assert_eq!(grown, acks * MSS / 4);
}

/// RFC 9406 4.2: five rounds of it, the one in which it begins counted; what the window is then is
/// ssthresh.
/// Proves: RFC9406-4.2-d.
#[test]
fn five_rounds() {
    let mut flow = conservative();
    for _ in 2..=5 {
        assert_eq!(flow.both().1, u32::MAX);
        let (acks, grown) = flow.round(each(120.0));
        assert_eq!(grown, acks * MSS / 4);
    }
    // The first acknowledgement of the sixth tells that the fifth is over.
    assert_eq!(flow.both().1, u32::MAX);
    let (window, ssthresh) = flow.ack(MSS).both();
    assert_eq!(window, ssthresh);
    // Congestion avoidance: a twentieth of the window a round trip, and no way back.
    let (acks, grown) = flow.round(each(50.0));
    assert!(acks > 100 && grown.abs_diff(acks * MSS / 20) < 20, "{acks}, {grown}");
}

/// RFC 9406 4.3: one acknowledgement may stand for a batch, so there is no limit to what it adds.
/// Shows: RFC9406-4.3-a.
#[test]
fn growth_by_one_acknowledgement() {
    let mut flow = Flow::new("cubic");
    assert_eq!(flow.ack(8 * MSS).window(), 18_000);
    assert_eq!(flow.ack(9 * MSS).window(), 27_000);
    assert_eq!(flow.ack(1).window(), 27_001);
    let mut flow = conservative();
    let window = flow.window();
    assert_eq!(flow.ack(30 * MSS).window(), window + 30 * MSS / 4);
}

/// RFC 9406 4.2: a loss, a time-out or a mark ends slow start as it always does.
/// Proves: RFC9406-4.2-e.
#[test]
fn congestion_ends_it() {
    let phases: [fn() -> Flow; 2] = [|| slow_start(100.0), conservative];
    for begin in phases {
        let flight = begin().window() / MSS;
        let wanted = flight * 700;
        assert_eq!(begin().loss(flight).both(), (wanted, wanted));
        assert_eq!(begin().mark(flight).both(), (wanted, wanted));
        assert_eq!(begin().timeout(flight, false).both(), (MSS, wanted));
        let mut flow = begin();
        flow.loss(flight);
        assert!(flow.round(each(100.0)).1 <= MSS, "congestion avoidance");
        // Where there was none, slow start goes on, and looks out for a queue as at first.
        let mut flow = begin();
        flow.loss(flight).spurious();
        let (acks, grown) = flow.round(each(119.0));
        assert_eq!(grown, acks * MSS);
    }
}

/// RFC 9406 4.3: where ssthresh is known it ends slow start, and round trips do not.
/// Proves: RFC9406-4.3-b.
#[test]
fn the_first_slow_start_only() {
    let mut flow = Flow::with("cubic", |start| start.ssthresh = 500 * MSS);
    for rtt in [100.0, 100.0, 200.0, 300.0, 400.0] {
        let (acks, grown) = flow.round(each(rtt));
        assert_eq!(grown, acks * MSS, "at {rtt} ms");
    }
    let mut flow = Flow::avoiding("cubic", 1_000);
    flow.timeout(1_000, false);
    for rtt in [100.0, 100.0, 200.0, 300.0, 400.0] {
        for _ in 0..INITIAL {
            let before = flow.window();
            flow.ack_with(MSS, |ack| ack.rtt = Some(millis(rtt)));
            assert_eq!(flow.window(), before + MSS, "at {rtt} ms");
        }
    }
}

/// Round trips beyond all measure, and none at all, are round trips.
#[test]
fn extremes() {
    let rows = [Duration::ZERO, Duration::MAX, Duration::from_secs(5_000)];
    for first in rows {
        for second in rows {
            let mut flow = Flow::new("cubic");
            flow.round(|_| Some(first));
            let queue = first < second && first.is_zero();
            let grown = if queue { 8 * MSS + 12 * MSS / 4 } else { 20 * MSS };
            assert_eq!(flow.round(|_| Some(second)), (20, grown), "{first:?}, {second:?}");
        }
    }
}
