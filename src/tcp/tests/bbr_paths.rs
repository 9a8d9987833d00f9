//! What becomes of flows on a path. The shares and queues that are asserted leave room: the figures
//! behind them, from which a change should not lead far away, stand beside them.

use std::time::Duration;

use super::super::State;
use super::path::{Bottleneck, MSS, Path};
use super::sender::App;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Part of the bottleneck's rate that each flow gets while `time` passes.
fn shares(path: &mut Path, time: Duration) -> Vec<f64> {
    let rate = path.link.rate as f64;
    path.rates(time).into_iter().map(|flow| flow as f64 / rate).collect()
}

fn share(path: &mut Path, time: Duration) -> f64 {
    shares(path, time).iter().sum()
}

/// Jain's index of fairness: 1 where all get the same.
fn fairness(shares: &[f64]) -> f64 {
    let sum: f64 = shares.iter().sum();
    sum * sum / shares.iter().map(|share| share * share).sum::<f64>() / shares.len() as f64
}

/// How much waits on average while `time` passes, in terms of what the path holds.
fn queue(path: &mut Path, time: Duration) -> f64 {
    let before = path.queued;
    path.run(time);
    (path.queued - before) / time.as_secs_f64() / path.link.bdp() as f64
}

/// The share of what a flow has sent that was lost.
fn losses(path: &Path, flow: usize) -> f64 {
    let story = &path.flows[flow].story;
    story.lost as f64 / story.sent as f64
}

/// Runs until the first flow is in `state`.
fn run_to(path: &mut Path, state: State) {
    let found = !path.run_while(path.now + seconds(30), |path| path.flows[0].bbr.state != state);
    assert!(found, "{state:?} was not reached: {:?}", path.flows[0].story.states);
}

/// draft-ietf-ccwg-bbr-06, A.1: Startup finds the bandwidth, to 2 % of it, in as many round trips as
/// doublings of the window take, and three more; from then on nearly all of it is used.
#[test]
fn the_bandwidth_is_found_and_used() {
    for (mbit, rtt, queue) in
        [(1, 100, 1.0), (10, 40, 0.5), (10, 40, 4.0), (100, 20, 0.2), (50, 200, 1.0), (500, 5, 1.0)]
    {
        let link = Bottleneck::new(mbit, rtt, queue);
        let doublings = (link.bdp() as f64 / f64::from(10 * MSS)).log2().max(0.0) as u32;
        let mut path = Path::new(link, 1, 7);
        run_to(&mut path, State::Drain);
        let found = path.flows[0].bbr.bw as f64 / path.link.rate as f64;
        assert!((0.98..1.02).contains(&found), "{mbit} Mbit/s, {rtt} ms: {found:.3}");
        // A round trip is up to 1 + `queue` times as long as on an empty path, two doublings take
        // up to three, and acknowledgements tell a round trip later.
        let rounds = f64::from(doublings * 3 / 2 + 5) * (1.0 + queue);
        let limit = path.link.rtt.mul_f64(rounds);
        let took = path.now.as_nanos();
        assert!(u128::from(took) < limit.as_nanos(), "{mbit} Mbit/s, {rtt} ms: {}", path.now);
        // 0.89 with a fifth of the path's content of queue, from 0.96 elsewhere.
        let used = share(&mut path, seconds(12));
        assert!(used > if queue < 0.5 { 0.87 } else { 0.94 }, "{mbit} Mbit/s, {rtt} ms: {used:.3}");
        assert_eq!(path.flows[0].story.timeouts, 0);
    }
}

/// Drain and Down let go of the queue, Cruise does not build one (A.3, A.8).
#[test]
fn no_queue_stands() {
    for deep in [1.0, 10.0] {
        let mut path = Path::new(Bottleneck::new(50, 30, deep), 1, 3);
        run_to(&mut path, State::Drain);
        assert!(path.longest_queue > path.link.bdp() / 2, "Startup has pressed the path");
        for _ in 0..2 {
            run_to(&mut path, State::Cruise);
            let flight = f64::from(path.flows[0].inflight()) / path.link.bdp() as f64;
            assert!((0.9..1.05).contains(&flight), "at the beginning of Cruise {flight:.2}");
            let queued = queue(&mut path, millis(300));
            assert!(queued < 0.02, "in Cruise {queued:.3}");
            assert_eq!(path.flows[0].bbr.state, State::Cruise);
            run_to(&mut path, State::Up);
        }
        // Over all, probes included: 0.10, be the queue deep or shallow.
        let queued = queue(&mut path, seconds(10));
        assert!(queued < 0.15, "{queued:.3}");
        assert_eq!(losses(&path, 0) > 0.0, deep < 2.0);
    }
}

/// All the states, in their order (5.1.1).
#[test]
fn the_cycle() {
    use State::{Cruise, Down, Drain, ProbeRtt, Refill, Startup, Up};
    let mut path = Path::new(Bottleneck::new(20, 50, 2.0), 1, 1);
    path.run(seconds(40));
    let states = &path.flows[0].story.states;
    let order: Vec<State> = states.iter().map(|&(_, state)| state).collect();
    for pair in order.windows(2) {
        let next: &[State] = match pair[0] {
            Startup => &[Drain],
            // Down ends with the acknowledgement that ends Drain, and was not seen.
            Drain => &[Down, Cruise],
            Down => &[Cruise, Refill],
            Cruise => &[Refill],
            Refill => &[Up],
            Up => &[Down],
            ProbeRtt => &[Cruise],
        };
        assert!(pair[1] == ProbeRtt || next.contains(&pair[1]), "{pair:?} in {order:?}");
    }
    for state in [Startup, Drain, Down, Cruise, Refill, Up, ProbeRtt] {
        assert!(order.contains(&state), "{state:?} is not in {order:?}");
    }
    // 5.3.3.8: 2 to 3 s from Down to Refill where the path holds more than Reno would care for, and
    // not always as long.
    let (mut waits, mut down) = (Vec::new(), None);
    for &(at, state) in states {
        match state {
            Down => down = Some(at),
            // ProbeRTT leads to the end of Down at once.
            Cruise => down = down.or(Some(at)),
            Refill => waits.extend(down.take().map(|down| at - down)),
            ProbeRtt => down = None,
            _ => {}
        }
    }
    assert!(waits.len() >= 4, "{waits:?}");
    assert!(waits.iter().all(|wait| (seconds(2)..millis(3_200)).contains(wait)), "{waits:?}");
    assert!(waits.iter().max().unwrap().abs_diff(*waits.iter().min().unwrap()) > millis(20));
}

/// A.10: after 5 s without a lesser round trip half of what the path holds flies, for 200 ms and a
/// round trip; nothing is lost or forgotten by that.
#[test]
fn probe_rtt() {
    let mut path = Path::new(Bottleneck::new(20, 40, 2.0), 1, 5);
    for episode in 1..=3 {
        run_to(&mut path, State::ProbeRtt);
        let begun = path.now;
        assert!(begun.as_nanos() > episode * 5_000_000_000);
        path.run(millis(150));
        let (flow, bdp) = (&path.flows[0], path.link.bdp() as f64);
        let flight = f64::from(flow.inflight()) / bdp;
        assert!((0.45..0.55).contains(&flight), "{flight:.2} of what the path holds");
        assert_eq!(flow.bbr.state, State::ProbeRtt);
        run_to(&mut path, State::Cruise);
        let took = path.now - begun;
        assert!((millis(200)..millis(320)).contains(&took), "{took:?}");
        let seen = path.flows[0].bbr.min_rtt.get().unwrap();
        assert!(seen - path.link.rtt < millis(1), "{seen:?}");
    }
    // 5.3.4.2: 2 % of the rate is the price.
    assert!(share(&mut path, seconds(20)) > 0.96);
}

/// A.11: silence is as good as ProbeRTT.
#[test]
fn idleness_is_a_probe() {
    let mut path = Path::new(Bottleneck::new(20, 40, 2.0), 1, 5);
    path.run(seconds(3));
    path.app(0, App::Silent);
    path.run(seconds(30));
    let seen = path.flows[0].story.states.len();
    path.longest_queue = 0;
    path.app(0, App::Bulk);
    // 5.4: paced, at the rate of before.
    assert!(share(&mut path, millis(500)) > 0.85);
    assert!(path.longest_queue < path.link.bdp());
    let after = &path.flows[0].story.states[seen..];
    assert!(after.iter().all(|&(_, state)| state != State::ProbeRtt), "{after:?}");
    path.run(seconds(6));
    assert!(path.flows[0].story.states[seen..].iter().any(|&(_, state)| state == State::ProbeRtt));
}

/// 5.3.1.3: where the queue is short, losses end Startup before the rate has not grown for three
/// round trips, and before much is lost.
#[test]
fn losses_end_startup() {
    let mut path = Path::new(Bottleneck::new(100, 40, 0.1), 1, 7);
    run_to(&mut path, State::Drain);
    let flow = &path.flows[0];
    assert!(!flow.bbr.full_pipe.now, "it was the losses");
    let bound = flow.bbr.inflight_longterm as f64 / path.link.bdp() as f64;
    assert!((0.9..1.3).contains(&bound), "{bound:.2}");
    let used = share(&mut path, seconds(10));
    assert!(used > 0.87, "{used:.3}");
    assert!(losses(&path, 0) < 0.01, "{:.4}", losses(&path, 0));
}

/// Losses by chance cost little, in a path that holds eight segments as well as in one that holds four
/// hundred. At 2 % of many segments, though, they are taken for congestion.
#[test]
fn random_losses() {
    for (mbit, rtt, loss, least, most) in [
        // 0.97, 0.93, 0.92 of the rate.
        (5, 20, 0.01, 0.93, 1.0),
        (10, 40, 0.01, 0.87, 1.0),
        (50, 100, 0.01, 0.86, 1.0),
        // 0.97, 0.94, 0.87.
        (200, 25, 0.001, 0.94, 1.0),
        (200, 25, 0.005, 0.9, 1.0),
        (200, 25, 0.01, 0.82, 1.0),
        // 0.94, 0.2.
        (5, 20, 0.03, 0.9, 1.0),
        (200, 25, 0.02, 0.05, 0.6),
    ] {
        let mut link = Bottleneck::new(mbit, rtt, 1.0);
        link.loss = loss;
        let mut path = Path::new(link, 1, 11);
        path.run(seconds(5));
        let used = share(&mut path, seconds(20));
        assert!(used > least && used < most, "{mbit} Mbit/s, {rtt} ms, {loss}: {used:.3}");
        assert_eq!(path.flows[0].story.timeouts, 0);
    }
}

/// A.15, A.16: the rate of the path changes.
#[test]
fn a_path_that_changes() {
    for (factor, deep, settle) in [
        (2.0, 1.0, 3),
        (2.0, 4.0, 3),
        (10.0, 1.0, 3),
        (10.0, 4.0, 3),
        // Down it takes two cycles, and in a cycle some round trips, of a queue that holds forty times
        // as much as the path in the last case.
        (0.5, 1.0, 11),
        (0.5, 4.0, 11),
        (0.1, 1.0, 15),
        (0.1, 4.0, 40),
    ] {
        let mut path = Path::new(Bottleneck::new(20, 30, deep), 1, 3);
        path.run(seconds(4));
        path.link.rate = (path.link.rate as f64 * factor) as u64;
        path.run(seconds(settle));
        let used = share(&mut path, seconds(10));
        assert!(used > 0.9, "{factor} times, {deep}: {used:.3}");
        let seen = path.flows[0].bbr.max_bw.max() as f64 / path.link.rate as f64;
        assert!((0.9..1.1).contains(&seen), "{factor} times, {deep}: {seen:.2}");
        let queued = queue(&mut path, seconds(10)) * path.link.bdp() as f64;
        // Four segments fly at least, more than the slowest of these paths holds.
        let limit = path.link.bdp() as f64 / 4.0 + f64::from(4 * MSS);
        assert!(queued < limit, "{factor} times, {deep}: {queued} bytes wait");
        assert!(losses(&path, 0) < 0.02);
    }
}

/// Flows come to share, whether they begin together or not.
#[test]
fn flows_share() {
    for (mbit, rtt, deep, flows) in
        [(20, 30, 1.0, 2), (20, 30, 4.0, 4), (100, 20, 0.5, 2), (50, 100, 2.0, 2)]
    {
        for apart in [0, 5] {
            let mut path = Path::new(Bottleneck::new(mbit, rtt, deep), 1, 3);
            for flow in 1..flows {
                path.run(seconds(apart));
                path.add(3 + flow);
            }
            path.run(seconds(15));
            let shares = shares(&mut path, seconds(30));
            let (all, fair) = (shares.iter().sum::<f64>(), fairness(&shares));
            let what = format!("{mbit} Mbit/s, {rtt} ms, {deep}, {apart} s apart: {shares:.2?}");
            assert!(all > 0.95, "{what}");
            // From 0.91 for a latecomer at 100 ms, to 1.00.
            assert!(fair > 0.88, "{what}: {fair:.3}");
            assert!(path.flows.iter().all(|flow| flow.story.timeouts == 0), "{what}");
        }
    }
}

/// A.2, A.7: who sends little stays in Startup, is not slowed down, and does not believe in more than
/// was seen; what was seen is not forgotten either.
#[test]
fn an_application_that_sends_little() {
    let mut path = Path::new(Bottleneck::new(20, 30, 4.0), 1, 3);
    path.app(0, App::Every(millis(10)));
    path.run(millis(100));
    let first = path.flows[0].bbr.window;
    path.run(seconds(20));
    let bbr = &path.flows[0].bbr;
    let states = &path.flows[0].story.states;
    assert!(matches!(bbr.state, State::Startup | State::ProbeRtt), "{:?}", bbr.state);
    assert!(states.iter().all(|&(_, state)| matches!(state, State::Startup | State::ProbeRtt)));
    assert!(bbr.window < 2 * first + u64::from(10 * MSS), "from {first} to {}", bbr.window);
    assert!(bbr.max_bw.max() < 150_000, "{}", bbr.max_bw.max());
    assert!(path.flows[0].story.delivered / u64::from(MSS) > 2_000, "all that was written");
    // More to send: Startup goes on.
    path.app(0, App::Bulk);
    path.run(seconds(2));
    assert!(share(&mut path, seconds(1)) > 0.9);

    let known = path.flows[0].bbr.max_bw.max();
    path.app(0, App::Every(millis(10)));
    path.run(seconds(30));
    assert_eq!(path.flows[0].bbr.max_bw.max(), known);
}

/// Marks keep the queue short, and cost nothing.
#[test]
fn marks() {
    for flows in [1, 2] {
        let unmarked = Bottleneck::new(20, 30, 4.0);
        let marked = Bottleneck { mark_above: 10_000, ..unmarked.clone() };
        let [before, after] = [unmarked, marked].map(|link| {
            let mut path = Path::new(link, flows, 3);
            path.run(seconds(5));
            let used = share(&mut path, seconds(10));
            // One flow alone 0.96, two 0.97.
            assert!(used > 0.94, "{used:.3}");
            assert_eq!(losses(&path, 0), 0.0);
            queue(&mut path, seconds(10))
        });
        // One flow alone a third, two of them a twelfth.
        assert!(after < before * 0.5, "{flows} flows: {before:.3} before, {after:.3} after");
    }
}

/// A.12, A.13: acknowledgements that come in clumps, up to two round trips apart.
#[test]
fn clumps() {
    for clump in [5, 20, 60] {
        let mut link = Bottleneck::new(20, 30, 4.0);
        link.clump = millis(clump);
        let mut path = Path::new(link, 1, 3);
        path.run(seconds(2));
        let used = share(&mut path, seconds(10));
        assert!(used > 0.94, "{clump} ms: {used:.3}");
        // What comes at once is more than what the rate explains.
        let extra = path.flows[0].bbr.extra_acked();
        let expected = path.link.rate * clump / 1_000;
        assert!(extra > expected * 8 / 10, "{clump} ms: {extra} of {expected} bytes");
    }
}

/// A.14: a path that holds less than a segment.
#[test]
fn less_than_a_segment() {
    let mut link = Bottleneck::new(1, 1, 1.0);
    link.queue = u64::from(20 * MSS);
    let mut path = Path::new(link, 1, 3);
    path.run(seconds(3));
    assert!(path.flows[0].bbr.window >= u64::from(4 * MSS));
    assert!(share(&mut path, seconds(10)) > 0.9);
    assert_eq!(path.flows[0].story.timeouts, 0);
}

/// The path is gone for three seconds: time-outs, and back to where it was.
#[test]
fn an_outage() {
    let mut path = Path::new(Bottleneck::new(20, 30, 4.0), 1, 3);
    path.run(seconds(4));
    path.link.loss = 1.0;
    path.run(seconds(3));
    assert!(path.flows[0].story.timeouts > 0);
    assert_eq!(path.flows[0].bbr.window, u64::from(MSS));
    path.link.loss = 0.0;
    path.run(millis(1_500));
    assert!(share(&mut path, seconds(3)) > 0.9);
}
