//! One flow on paths that lose so much and are so long: what arrives, and what it costs.

use std::fmt::Write as _;
use std::time::Duration;

use tuntcp::sim::lab::{FlowReport, Scenario};
use tuntcp::tcp::congestion::{Algorithm, REGISTRY};

use crate::compare::{check, spec};

/// Round trips of the path alone, milliseconds.
const ROUND_TRIPS: [u32; 4] = [1, 20, 100, 300];

/// Losses in each direction.
const LOSSES: [(&str, &str); 5] = [
    ("no loss", ""),
    ("0.1 %", "loss=0.1%"),
    ("1 %", "loss=1%"),
    ("1 %, bursts", "loss=1%,burst=5"),
    ("5 %", "loss=5%"),
];

fn measure(algorithm: Algorithm, loss: &str, round_trip: u32) -> FlowReport {
    let mut scenario = Scenario::new(1, Duration::from_secs(10));
    let wire = |rate: &str| {
        let delay = u64::from(round_trip) * 500;
        let words = [rate, &format!("delay={delay}us"), loss];
        spec(&words.iter().filter(|word| !word.is_empty()).copied().collect::<Vec<_>>().join(","))
    };
    scenario.add_link("path", wire("rate=10mbit,queue=50ms"), wire(""));
    scenario.add_flow(algorithm);
    scenario.run().unwrap_or_else(|problem| panic!("{problem}")).flows.remove(0)
}

/// A row for each loss, a column for each round trip, a block for each algorithm.
fn table(title: &str, all: &[Vec<Vec<FlowReport>>], cell: fn(&FlowReport) -> String) -> String {
    let mut text = format!(
        "{title}\nOne flow, 10 Mbit/s, a queue of 50 ms, 10 s from the opening on; losses both \
         ways,\nin bursts of 5 packets on average where bursts are named.\n"
    );
    for (algorithm, rows) in REGISTRY.iter().zip(all) {
        let _ = write!(text, "\n{algorithm:<12}");
        for round_trip in ROUND_TRIPS {
            let _ = write!(text, "{:>10}", format!("{round_trip} ms"));
        }
        for ((loss, _), row) in LOSSES.iter().zip(rows) {
            let _ = write!(text, "\n{loss:<12}");
            for flow in row {
                let _ = write!(text, "{:>10}", cell(flow));
            }
        }
        text.push('\n');
    }
    text
}

#[test]
fn goodput_and_its_price_by_loss_and_round_trip() {
    let row = |algorithm: Algorithm, loss: &str| {
        ROUND_TRIPS.map(|round_trip| measure(algorithm, loss, round_trip)).to_vec()
    };
    let rows = |algorithm: &Algorithm| LOSSES.map(|(_, loss)| row(*algorithm, loss)).to_vec();
    let all: Vec<_> = REGISTRY.iter().map(rows).collect();
    let mbit = |flow: &FlowReport| format!("{:.2}", flow.goodput / 1e6);
    let percent = |flow: &FlowReport| format!("{:.2}", flow.resent_share() * 100.0);
    check("goodput.txt", &table("Goodput, Mbit/s.", &all, mbit));
    check("resent.txt", &table("Segments that were sent again, %.", &all, percent));
    let timeouts = |flow: &FlowReport| flow.timeouts.to_string();
    check("timeouts.txt", &table("Retransmission time-outs.", &all, timeouts));
}
