//! The instrument: does it measure what it says, on links that do what they say?

use std::time::Duration;

use tuntcp::device::impair::Spec;
use tuntcp::sim::lab::{Flow, FlowReport, Host, Link, OnOff, Outcome, Problem, Scenario, jain};
use tuntcp::tcp::EcnPolicy;
use tuntcp::tcp::congestion::{Algorithm, REGISTRY};

fn spec(words: &str) -> Spec {
    words.parse().unwrap_or_else(|error| panic!("{words}: {error}"))
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// NewReno, whatever the default is: what is tested here is not the algorithm.
fn reno() -> Algorithm {
    "reno".parse().unwrap()
}

/// A link there and one back that only takes time.
fn over(there: &str, length: u64) -> Scenario {
    let mut scenario = Scenario::new(7, seconds(length));
    scenario.add_link("link", spec(there), spec("delay=20ms"));
    scenario
}

fn run(scenario: &Scenario) -> Outcome {
    let outcome = scenario.run().unwrap_or_else(|problem| panic!("{problem}"));
    for flow in &outcome.flows {
        assert_eq!(flow.failed, None, "{}", flow.name);
    }
    outcome
}

fn millis(time: Option<Duration>) -> f64 {
    time.expect("it was measured").as_secs_f64() * 1e3
}

#[test]
fn one_flow_fills_its_link_and_all_is_measured_where_it_happens() {
    let mut scenario = over("rate=10mbit,delay=20ms,queue=50", 10);
    scenario.warmup = seconds(2);
    scenario.add_flow(reno());
    let outcome = run(&scenario);
    let (flow, link) = (&outcome.flows[0], &outcome.links[0]);
    // Of 1,500 bytes, 1,448 are text.
    assert!(flow.goodput > 9.5e6 && flow.goodput < 10e6 * 1449.0 / 1500.0, "{flow:?}");
    assert!(link.utilisation.unwrap() > 0.985, "{link:?}");
    assert_eq!((flow.share, outcome.goodput, outcome.fairness()), (1.0, flow.goodput, 1.0));
    // 50 packets of 1.2 ms; the round trip is the path's 40 ms, the wait, and 1.2 ms of sending.
    let (mean, p95) = (millis(flow.queued_mean), millis(flow.queued_p95));
    assert!(mean > 20.0 && mean < p95 && p95 < 49.0 * 1.2, "{mean} {p95}");
    assert!((millis(flow.rtt_mean) - 41.2 - mean).abs() < 5.0, "{flow:?}");
    // Whatever the queue drops is sent again, once.
    let resent = outcome.links[0].tally.overflowed;
    assert!(flow.resent > 0 && flow.resent <= resent, "{flow:?} {resent}");
    assert_eq!(outcome.links[0].name, "link there");
    assert_eq!(outcome.links[1].utilisation, None, "the way back has no rate");
}

#[test]
fn samples_tell_of_every_flow_and_link_at_every_moment() {
    let mut scenario = over("rate=10mbit,delay=20ms,queue=50", 5);
    scenario.sample = Duration::from_millis(500);
    scenario.add_flow(reno());
    scenario.add_flow(reno()).start = seconds(2);
    let outcome = run(&scenario);
    assert_eq!((outcome.flow_samples.len(), outcome.link_samples.len()), (20, 20));
    for (number, sample) in outcome.flow_samples.iter().enumerate() {
        assert_eq!(sample.flow, number % 2);
        assert_eq!(sample.at.as_nanos(), (number as u64 / 2 + 1) * 500_000_000);
        let begun = sample.flow == 0 || sample.at.as_nanos() >= 2_000_000_000;
        assert_eq!(sample.info.is_some(), begun);
    }
    // Goodput over time adds up to what was received.
    for flow in 0..2 {
        let of_flow = || outcome.flow_samples.iter().filter(|sample| sample.flow == flow);
        let sum: f64 = of_flow().map(|sample| sample.goodput * 0.5 / 8.0).sum();
        let received = of_flow().next_back().unwrap().received;
        assert!((sum - received as f64).abs() < 1.0);
        assert_eq!(received, outcome.flows[flow].bytes);
    }
    let longest = outcome.link_samples.iter().map(|sample| sample.backlog.frames).max();
    assert!((30..=50).contains(&longest.unwrap()), "{longest:?}");
}

#[test]
fn codel_keeps_the_wait_near_its_target_and_the_link_busy() {
    for (flows, used) in [(1, 0.8), (4, 0.95)] {
        let measured = |words: &str| {
            let mut scenario = over(words, 15);
            scenario.warmup = seconds(5);
            for _ in 0..flows {
                scenario.add_flow(reno());
            }
            run(&scenario)
        };
        let waits = |outcome: &Outcome| {
            let mean = outcome.flows.iter().map(|flow| millis(flow.queued_mean)).sum::<f64>();
            mean / outcome.flows.len() as f64
        };
        let tail = measured("rate=20mbit,delay=20ms,queue=200");
        let codel = measured("rate=20mbit,delay=20ms,aqm=codel");
        let (deep, short) = (waits(&tail), waits(&codel));
        assert!(deep > 50.0 && short < 8.0, "{flows} flows: {deep} ms, with CoDel {short} ms");
        assert!(codel.links[0].utilisation.unwrap() > used, "{:?}", codel.links[0]);
        let tally = codel.links[0].tally;
        assert!(tally.shed > 0 && tally.overflowed == 0, "{tally}");
        let lower = measured("rate=20mbit,delay=20ms,aqm=codel,target=1ms");
        assert!(waits(&lower) < short, "a lower target is kept, too");
    }
}

#[test]
fn a_managed_queue_marks_who_understands_it_and_drops_of_the_others() {
    let mut scenario = over("rate=20mbit,delay=20ms,aqm=codel", 16);
    scenario.add_flow(reno()).config.ecn = EcnPolicy::Request;
    scenario.add_flow(reno()).config.ecn = EcnPolicy::Off;
    let both = run(&scenario);
    let [ecn, plain] = [&both.flows[0], &both.flows[1]];
    let tally = both.links[0].tally;
    assert!(ecn.marked > 3 && ecn.marked == tally.marked && ecn.resent == 0, "{ecn:?}");
    assert!(plain.marked == 0 && plain.resent == tally.shed && plain.resent > 3, "{plain:?}");
    // Marks by chance are for the same ones.
    scenario.links[0].there = spec("rate=20mbit,delay=20ms,mark=0.5%");
    let both = run(&scenario);
    let marked = [0, 1].map(|flow: usize| both.flows[flow].marked);
    assert!(marked[0] > 3 && marked[1] == 0, "{marked:?}");
}

#[test]
fn an_outage_stops_everything_for_as_long_as_it_lasts() {
    let mut scenario = over("rate=10mbit,delay=20ms,queue=50,outage=3s-4s", 6);
    scenario.add_flow(reno());
    let outcome = run(&scenario);
    for sample in &outcome.flow_samples {
        let millis = sample.at.as_nanos() / 1_000_000;
        // What was on its way arrives still; then nothing does.
        if (3200..=4000).contains(&millis) {
            assert_eq!(sample.goodput, 0.0, "{millis}");
        }
    }
    assert!(outcome.links[0].tally.cut > 0 && outcome.flows[0].timeouts > 0);
    let after = outcome.flow_samples.last().unwrap();
    assert!(after.goodput > 0.0, "it goes on");
}

#[test]
fn the_warm_up_is_left_out() {
    // For two seconds nothing passes, then all does.
    let mut scenario = over("rate=10mbit,delay=20ms,outage=0s-2s", 12);
    scenario.add_flow(reno());
    let all = run(&scenario).flows[0].clone();
    scenario.warmup = seconds(6);
    let warm = run(&scenario);
    assert!(warm.flows[0].goodput > 9.5e6 && all.goodput < 8.5e6, "{all:?}");
    assert!(warm.flows[0].bytes < all.bytes && warm.flows[0].segments < all.segments);
    assert!(warm.links[0].utilisation.unwrap() > 0.98);
}

#[test]
fn a_flow_that_is_done_is_measured_by_its_own_time() {
    let mut scenario = over("rate=10mbit,delay=20ms,queue=50", 60);
    scenario.add_flow(reno()).bytes = Some(1_000_000);
    let outcome = run(&scenario);
    let flow = &outcome.flows[0];
    assert_eq!(flow.bytes, 1_000_000);
    let finished = flow.finished.expect("it has ended").as_nanos() as f64 / 1e9;
    assert!((flow.goodput - 8e6 / finished).abs() < 1.0);
    // Nobody waits for a minute when all is done.
    assert!(outcome.ended.as_nanos() as f64 / 1e9 < finished + 0.2);
}

#[test]
fn programs_write_as_they_are_told() {
    let bytes = |change: fn(&mut Flow)| {
        let mut scenario = over("rate=100mbit,delay=1ms", 8);
        change(scenario.add_flow(reno()));
        run(&scenario).flows[0].bytes as f64
    };
    let steady = bytes(|flow| flow.rate = Some(2_000_000));
    // What was written last is under way still.
    let two_megabytes = |bytes: f64| (1.96e6..=2.001e6).contains(&bytes);
    assert!(two_megabytes(steady), "{steady}");
    let rhythm = bytes(|flow| {
        flow.rate = Some(8_000_000);
        let millis = Duration::from_millis;
        flow.on_off = Some(OnOff { on: millis(500), off: millis(1500) });
    });
    assert!(two_megabytes(rhythm), "{rhythm}");
    let stopped = bytes(|flow| {
        (flow.rate, flow.start) = (Some(8_000_000), Duration::from_secs(1));
        flow.stop = Some(Duration::from_secs(3));
    });
    assert!(two_megabytes(stopped), "{stopped}");
}

#[test]
fn the_one_who_is_called_may_send() {
    let mut scenario = over("rate=1mbit,delay=20ms", 5);
    scenario.links[0].back = spec("rate=10mbit,delay=20ms,queue=50");
    scenario.add_flow(reno()).reverse = true;
    let outcome = run(&scenario);
    assert!(outcome.flows[0].goodput > 8e6, "{:?}", outcome.flows[0]);
    assert!(outcome.flows[0].segments > 3000 && outcome.flows[0].queued_p95.is_some());
    assert!(outcome.links[1].utilisation.unwrap() > 0.9);
    assert!(outcome.flow_samples.last().unwrap().info.as_ref().unwrap().cwnd > 20_000);
}

#[test]
fn hosts_and_links_are_shared_as_they_are_told() {
    let mut scenario = over("rate=10mbit,delay=10ms,queue=50", 10);
    scenario.add_link("second", spec("rate=4mbit,delay=10ms,queue=50"), spec("delay=10ms"));
    let slow = spec("rate=1mbit,queue=20");
    let home = scenario.add_host(Host { there: slow, ..Host::default() });
    let server = scenario.add_host(Host::default());
    for _ in 0..2 {
        let flow = scenario.add_flow(reno());
        (flow.from, flow.to, flow.via) = (home, server, vec![0]);
    }
    scenario.add_flow(reno());
    let outcome = run(&scenario);
    let [a, b, both] = [0, 1, 2].map(|at| outcome.flows[at].goodput);
    // Two behind one cable of 1 Mbit/s, and one through both links.
    assert!(a + b < 1e6 && a + b > 0.9e6, "{a} + {b}");
    assert!(both < 4e6 && both > 3e6, "{both}");
    assert_eq!(outcome.links.len(), 4);
}

/// `what` a flow tells, of several runs.
fn told(scenario: &Scenario) -> String {
    let outcome = run(scenario);
    format!("{:?}\n{:?}\n{:?}", outcome.flows, outcome.links, outcome.flow_samples)
}

#[test]
fn the_same_seed_tells_the_same_and_another_one_does_not() {
    let mut scenario = over(
        "rate=10mbit,delay=20ms,queue=30,loss=1%,burst=3,mark=1%,jitter=1ms,reorder=1%,\
         duplicate=1%,corrupt=0.2%,aqm=codel,outage=2s-2100ms",
        4,
    );
    for algorithm in REGISTRY {
        scenario.add_flow(*algorithm);
    }
    let first = told(&scenario);
    assert_eq!(first, told(&scenario));
    scenario.seed += 1;
    assert_ne!(first, told(&scenario));
}

#[test]
fn jains_index_is_as_he_defined_it() {
    assert_eq!(jain([]), 1.0);
    assert_eq!(jain([0.0, 0.0]), 1.0);
    assert_eq!(jain([3.0]), 1.0);
    assert_eq!(jain([2.0, 2.0, 2.0]), 1.0);
    assert_eq!(jain([1.0, 0.0, 0.0, 0.0]), 0.25);
    // (1 + 2 + 3)^2 / (3 x (1 + 4 + 9))
    assert_eq!(jain([1.0, 2.0, 3.0]), 36.0 / 42.0);
}

#[test]
fn a_flow_that_nobody_answers_says_so() {
    let mut scenario = over("loss=100%", 300);
    scenario.add_flow(reno());
    let outcome = scenario.run().unwrap();
    let FlowReport { goodput, failed, segments, queued_p95, rtt_mean, .. } = &outcome.flows[0];
    assert!(failed.as_ref().is_some_and(|why| why.contains("was not opened")), "{failed:?}");
    assert_eq!((*goodput, *segments, *queued_p95, *rtt_mean), (0.0, 0, None, None));
    assert!(outcome.ended.as_nanos() < 200_000_000_000, "it is over when it has failed");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let refused = |change: fn(&mut Scenario)| {
        let mut scenario = over("delay=1ms", 1);
        scenario.add_flow(reno());
        change(&mut scenario);
        match scenario.run() {
            Err(Problem::Senseless(why)) => why,
            other => panic!("{other:?}"),
        }
    };
    type Row = (fn(&mut Scenario), &'static str);
    let rows: [Row; 10] = [
        (
            |scenario| {
                scenario.links[0] = Link {
                    there: Spec::default(),
                    back: Spec::default(),
                    ..scenario.links[0].clone()
                }
            },
            "reno 1's path needs a rate or a delay",
        ),
        (
            |scenario| {
                let skips = spec("delay=1ms,reorder=100%");
                scenario.links[0] =
                    Link { there: skips.clone(), back: skips, ..scenario.links[0].clone() };
            },
            "reno 1's path needs a rate or a delay",
        ),
        (|scenario| scenario.flows[0].to = 9, "reno 1 needs two hosts"),
        (|scenario| scenario.flows[0].to = 0, "reno 1 needs two hosts"),
        (|scenario| scenario.flows[0].via = vec![1], "passes a link that is not there"),
        (|scenario| scenario.flows[0].via = vec![0, 0], "passes a link twice"),
        (|scenario| scenario.sample = Duration::ZERO, "is too often"),
        (|scenario| scenario.sample = Duration::from_nanos(1), "1000000 rows are the most"),
        (
            |scenario| {
                for _ in 0..256 {
                    scenario.add_flow(reno());
                }
            },
            "257 flows; 256 are the most",
        ),
        (
            |scenario| {
                scenario.add_link("other", spec("delay=1ms"), Spec::default());
                let mut second = scenario.flows[0].clone();
                second.via = vec![0, 1];
                scenario.flows.push(second);
            },
            "takes another way than a flow of the same hosts",
        ),
    ];
    for (change, wanted) in rows {
        let why = refused(change);
        assert!(why.contains(wanted), "{why}");
    }
}

#[test]
fn what_would_take_for_ever_is_given_up() {
    let mut long = over("rate=100mbit,delay=1ms", 3600);
    long.add_flow(reno());
    long.events = 10_000;
    let problem = long.run().unwrap_err().to_string();
    assert!(problem.starts_with("given up at +"), "{problem}");
}
