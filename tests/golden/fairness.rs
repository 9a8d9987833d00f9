//! Flows that share a bottleneck: does each get as much?

use std::fmt::Write as _;
use std::time::Duration;

use tuntcp::sim::lab::{Outcome, Scenario};
use tuntcp::tcp::congestion::{Algorithm, REGISTRY};

use crate::compare::{check, spec};

/// So many flows, of these algorithms by turns, each a fifth of a second later than the one before.
fn share(count: u32, algorithms: &[Algorithm]) -> Outcome {
    let mut scenario = Scenario::new(1, Duration::from_secs(20));
    scenario.warmup = Duration::from_secs(5);
    let there = spec("rate=20mbit,delay=20ms,queue=80ms");
    scenario.add_link("bottleneck", there, spec("delay=20ms"));
    for (number, algorithm) in (0..count).zip(algorithms.iter().cycle()) {
        scenario.add_flow(*algorithm).start = Duration::from_millis(200) * number;
    }
    scenario.run().unwrap_or_else(|problem| panic!("{problem}"))
}

/// What the flows of each algorithm got together.
fn shares(outcome: &Outcome) -> String {
    let of = |algorithm: &Algorithm| {
        let flows = outcome.flows.iter().filter(|flow| flow.algorithm == algorithm.name());
        let share: f64 = flows.map(|flow| flow.share).sum();
        (share > 0.0).then(|| format!("{algorithm} {:.1}%", share * 100.0))
    };
    REGISTRY.iter().filter_map(of).collect::<Vec<_>>().join(", ")
}

#[test]
fn jains_index_of_flows_of_one_kind_and_of_several() {
    let mut text = String::from(
        "Jain's index of flows at one bottleneck, 1 where each gets as much.\n20 Mbit/s, a round \
         trip of 40 ms, a queue of 80 ms, from second 5 to 20; \"resent\" is of all segments.\n\n\
         flows   index     used   resent   shares\n",
    );
    let mut row = |count: u32, algorithms: &[Algorithm]| {
        let outcome = share(count, algorithms);
        let sum = |of: fn(&tuntcp::sim::lab::FlowReport) -> u64| {
            outcome.flows.iter().map(of).sum::<u64>() as f64
        };
        let _ = writeln!(
            text,
            "{count:>5}   {:.3}   {:>5.1}%   {:>5.2}%   {}",
            outcome.fairness(),
            outcome.links[0].utilisation.unwrap_or(0.0) * 100.0,
            sum(|flow| flow.resent) / sum(|flow| flow.segments) * 100.0,
            shares(&outcome),
        );
    };
    for algorithm in REGISTRY {
        for count in [2, 4, 8] {
            row(count, &[*algorithm]);
        }
    }
    for (place, first) in REGISTRY.iter().enumerate() {
        for second in &REGISTRY[place + 1..] {
            for count in [2, 8] {
                row(count, &[*first, *second]);
            }
        }
    }
    if REGISTRY.len() > 2 {
        row(4 * u32::try_from(REGISTRY.len()).unwrap(), REGISTRY);
    }
    check("fairness.txt", &text);
}
