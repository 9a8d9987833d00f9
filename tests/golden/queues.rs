//! One flow and its queue: how long does it keep itself waiting?

use std::fmt::Write as _;
use std::time::Duration;

use tuntcp::sim::lab::Scenario;
use tuntcp::tcp::EcnPolicy;
use tuntcp::tcp::congestion::REGISTRY;

use crate::compare::{check, spec};

const QUEUES: [(&str, &str, EcnPolicy); 5] = [
    ("20 ms", "queue=20ms", EcnPolicy::Off),
    ("100 ms", "queue=100ms", EcnPolicy::Off),
    ("500 ms", "queue=500ms", EcnPolicy::Off),
    ("CoDel", "aqm=codel", EcnPolicy::Off),
    ("CoDel, ECN", "aqm=codel", EcnPolicy::Request),
];

#[test]
fn waits_in_queues_of_each_kind() {
    let mut text = String::from(
        "What a flow's segments wait in the queue before 10 Mbit/s, at a round trip of 40 ms,\nfrom \
         second 3 to 15, and what else it costs.\n",
    );
    for algorithm in REGISTRY {
        let _ = writeln!(
            text,
            "\n{algorithm:<12}{:>10}{:>10}{:>10}{:>10}{:>10}",
            "mean ms", "p95 ms", "Mbit/s", "resent %", "marked"
        );
        for (name, queue, ecn) in QUEUES {
            let mut scenario = Scenario::new(1, Duration::from_secs(15));
            scenario.warmup = Duration::from_secs(3);
            let there = spec(&format!("rate=10mbit,delay=20ms,{queue}"));
            scenario.add_link("path", there, spec("delay=20ms"));
            scenario.add_flow(*algorithm).config.ecn = ecn;
            let outcome = scenario.run().unwrap_or_else(|problem| panic!("{problem}"));
            let flow = &outcome.flows[0];
            let millis = |time: Option<Duration>| time.unwrap_or_default().as_secs_f64() * 1e3;
            let _ = writeln!(
                text,
                "{name:<12}{:>10.1}{:>10.1}{:>10.2}{:>10.2}{:>10}",
                millis(flow.queued_mean),
                millis(flow.queued_p95),
                flow.goodput / 1e6,
                flow.resent_share() * 100.0,
                flow.marked,
            );
        }
    }
    check("waits.txt", &text);
}
