//! What did each flow get? A table for people.

use std::fmt::Write as _;
use std::time::Duration;

use tuntcp::sim::lab::{FlowReport, LinkReport, Outcome};

/// The table of all flows and links, and what holds for all of them together.
pub(super) fn summary(outcome: &Outcome) -> String {
    let mut rows = vec![
        [
            "flow",
            "algorithm",
            "Mbit/s",
            "share",
            "resent",
            "time-outs",
            "marked",
            "wait",
            "p95",
            "RTT",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    rows.extend(outcome.flows.iter().map(flow_row));
    let mut text = aligned(&rows, 2);
    let mut rows =
        vec![["link", "used", "passed", "lost", "dropped", "marked"].map(str::to_owned).to_vec()];
    rows.extend(outcome.links.iter().map(link_row));
    if rows.len() > 1 {
        let _ = write!(text, "\n{}", aligned(&rows, 1));
    }
    let _ = writeln!(
        text,
        "\n{:.3} Mbit/s together, Jain's index {:.3}, {:.1} s",
        outcome.goodput / 1e6,
        outcome.fairness(),
        super::seconds(outcome.ended),
    );
    for flow in &outcome.flows {
        if let Some(why) = &flow.failed {
            let _ = writeln!(text, "{} {why}", flow.name);
        }
    }
    text
}

fn flow_row(flow: &FlowReport) -> Vec<String> {
    vec![
        flow.name.clone(),
        flow.algorithm.to_owned(),
        format!("{:.3}", flow.goodput / 1e6),
        percent(flow.share),
        percent(flow.resent_share()),
        flow.timeouts.to_string(),
        flow.marked.to_string(),
        millis(flow.queued_mean),
        millis(flow.queued_p95),
        millis(flow.rtt_mean),
    ]
}

fn link_row(link: &LinkReport) -> Vec<String> {
    let tally = &link.tally;
    vec![
        link.name.clone(),
        link.utilisation.map_or("-".to_owned(), percent),
        tally.delivered.to_string(),
        (tally.lost + tally.cut).to_string(),
        (tally.overflowed + tally.shed).to_string(),
        tally.marked.to_string(),
    ]
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

fn millis(time: Option<Duration>) -> String {
    time.map_or("-".to_owned(), |time| format!("{:.1} ms", time.as_secs_f64() * 1e3))
}

/// Columns as wide as what stands in them; so many of them begin at the left, the others end at the
/// right.
fn aligned(rows: &[Vec<String>], left: usize) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = width(column).unwrap_or(0);
            let gap = if column == 0 { "" } else { "  " };
            let _ = match column < left {
                true => write!(line, "{gap}{cell:<width$}"),
                false => write!(line, "{gap}{cell:>width$}"),
            };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}
