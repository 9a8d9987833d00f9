//! How did everything go over time? A row for each flow, and for each direction of a link, at each
//! sample.

use std::path::Path;
use std::time::Duration;

use csv::Writer;
use tuntcp::sim::lab::Outcome;
use tuntcp::time::Instant;

use crate::Failure;

/// Columns of `flows.csv`. What there is nothing to say of is empty.
const FLOWS: [&str; 18] = [
    "time_s",
    "flow",
    "algorithm",
    "state",
    "cwnd_bytes",
    "ssthresh_bytes",
    "in_flight_bytes",
    "unacked_bytes",
    "srtt_ms",
    "min_rtt_ms",
    "rto_ms",
    "pacing_bit_s",
    "delivery_bit_s",
    "bytes_acked",
    "bytes_received",
    "goodput_bit_s",
    "retransmissions",
    "queued_ms",
];

/// Columns of `links.csv`. The counts are of all since the beginning.
const LINKS: [&str; 11] = [
    "time_s",
    "link",
    "queue_packets",
    "queue_bytes",
    "delivered",
    "delivered_bytes",
    "lost",
    "cut",
    "overflowed",
    "shed",
    "marked",
];

pub(super) fn write(outcome: &Outcome, folder: &Path) -> Result<(), Failure> {
    let mut flows = Writer::from_path(folder.join("flows.csv"))?;
    flows.write_record(FLOWS)?;
    for sample in &outcome.flow_samples {
        let flow = &outcome.flows[sample.flow];
        let info = sample.info.as_ref();
        let bytes = |of: fn(&tuntcp::tcp::Info) -> u64| {
            info.map(of).map_or_else(String::new, |bytes| bytes.to_string())
        };
        let bits = |rate: Option<u64>| {
            rate.map_or_else(String::new, |rate| rate.saturating_mul(8).to_string())
        };
        let ssthresh = info.map(|info| info.ssthresh).filter(|&bytes| bytes != u32::MAX);
        flows.write_record([
            seconds_text(sample.at),
            flow.name.clone(),
            flow.algorithm.to_owned(),
            info.map_or_else(String::new, |info| format!("{:?}", info.state)),
            bytes(|info| info.cwnd.into()),
            ssthresh.map_or_else(String::new, |bytes| bytes.to_string()),
            bytes(|info| info.in_flight.into()),
            bytes(|info| info.unacked.into()),
            millis(info.and_then(|info| info.srtt)),
            millis(info.and_then(|info| info.min_rtt)),
            millis(info.map(|info| info.rto)),
            bits(info.and_then(|info| info.pacing_rate)),
            bits(info.and_then(|info| info.delivery_rate)),
            bytes(|info| info.bytes_acked),
            sample.received.to_string(),
            format!("{:.0}", sample.goodput),
            bytes(|info| info.retransmissions),
            millis(sample.queued),
        ])?;
    }
    flows.flush()?;
    let mut links = Writer::from_path(folder.join("links.csv"))?;
    links.write_record(LINKS)?;
    for sample in &outcome.link_samples {
        let (backlog, tally) = (sample.backlog, sample.tally);
        let counts = [
            backlog.frames as u64,
            backlog.bytes,
            tally.delivered,
            tally.delivered_bytes,
            tally.lost,
            tally.cut,
            tally.overflowed,
            tally.shed,
            tally.marked,
        ];
        let told = [seconds_text(sample.at), outcome.links[sample.link].name.clone()];
        links.write_record(told.into_iter().chain(counts.map(|count| count.to_string())))?;
    }
    Ok(links.flush()?)
}

fn seconds_text(at: Instant) -> String {
    format!("{:.6}", super::seconds(at))
}

fn millis(time: Option<Duration>) -> String {
    time.map_or_else(String::new, |time| format!("{:.3}", time.as_secs_f64() * 1e3))
}
