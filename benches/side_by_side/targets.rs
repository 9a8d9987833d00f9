//! What is to be reached, as ratios within one run.

use crate::measures::Direction::{In, Out};
use crate::measures::{COUNTS, MTU, WAYS, name};
use crate::results::Results;

/// The device that users get.
const OURS: &str = "tuntcp-offload";
const PLAIN: &str = "tuntcp-plain";
const SHUTTLED: &str = "kernel-offload";
const VETH: &str = "kernel-veth";
const SMOLTCP: &[&str] = &["smoltcp-64", "smoltcp-256", "smoltcp-1024"];
/// Over the device that this benchmark brings.
const RIVAL: &[&str] = &["smoltcp-offload-256", "smoltcp-offload-1024"];
const ANY_SMOLTCP: &[&str] =
    &["smoltcp-64", "smoltcp-256", "smoltcp-1024", "smoltcp-offload-256", "smoltcp-offload-1024"];
/// As their users get them.
const PEERS: &[&str] = &[
    "smoltcp-64",
    "smoltcp-256",
    "smoltcp-1024",
    "ipstack",
    "netstack-smoltcp",
    "netstack-smoltcp-tun-rs",
];
const PEERS_AND_VETH: &[&str] = &[
    "smoltcp-256",
    "smoltcp-offload-1024",
    "ipstack",
    "netstack-smoltcp",
    "netstack-smoltcp-tun-rs",
    "kernel-veth",
];

/// Jain's index of the streams of one host, at least.
const FAIR: f64 = 0.95;
/// A ping-pong beside bulk streams, microseconds at most.
const PROMPT: f64 = 2000.0;
/// An idle connection, bytes at most.
const SMALL: f64 = 1024.0;

/// One line of what is to be reached.
pub(crate) struct Target {
    figure: String,
    ours: &'static str,
    goal: Goal,
}

enum Goal {
    /// At least so many times the best of these; where less is better, at most so many times the least.
    More(f64, &'static [&'static str]),
    Less(f64, &'static [&'static str]),
    AtLeast(f64),
    AtMost(f64),
}

/// How it came out.
pub(crate) struct Outcome {
    pub(crate) what: String,
    pub(crate) wanted: String,
    pub(crate) reached: String,
    /// Nothing where it was not measured.
    pub(crate) met: Option<bool>,
}

/// Everything that is to be reached.
pub(crate) fn all() -> Vec<Target> {
    use Goal::{AtLeast, AtMost, Less, More};
    let mut targets = Vec::new();
    let mut add = |figure, ours, goal| targets.push(Target { figure, ours, goal });
    for (way, shuttled, peers, plain) in [(In, 1.0, 2.0, 1.3), (Out, 1.5, 7.0, 1.05)] {
        let goodput = || name::goodput(way, 1, MTU);
        add(goodput(), OURS, More(shuttled, &[SHUTTLED]));
        add(goodput(), OURS, More(peers, PEERS));
        add(goodput(), OURS, More(0.9, RIVAL));
        add(goodput(), PLAIN, More(plain, SMOLTCP));
        add(name::goodput(way, 8, MTU), OURS, More(1.0, &[SHUTTLED]));
    }
    add(name::ping_pong("p50", false), OURS, Less(1.0, PEERS_AND_VETH));
    add(name::ping_pong("p50", true), OURS, Less(1.0, ANY_SMOLTCP));
    for pinned in [false, true] {
        add(name::ping_pong("p99", pinned), OURS, Less(1.0, ANY_SMOLTCP));
    }
    for clients in COUNTS {
        add(name::connections(clients), OURS, More(1.5, ANY_SMOLTCP));
        add(name::connections(clients), OURS, More(0.9, &[VETH]));
    }
    for way in WAYS {
        add(name::cpu(way, MTU), OURS, Less(1.0, &[SHUTTLED]));
    }
    add(name::IDLE.to_owned(), OURS, AtMost(SMALL));
    for way in WAYS {
        add(name::fairness(way, MTU), OURS, AtLeast(FAIR));
        add(name::beside("p99", way), OURS, AtMost(PROMPT));
    }
    targets
}

impl Target {
    pub(crate) fn judge(&self, results: &Results) -> Outcome {
        let ours = results.median(&self.figure, self.ours);
        let best = |of: &'static [&'static str], more: bool| {
            let medians =
                of.iter().filter_map(|&one| Some((one, results.median(&self.figure, one)?)));
            medians.max_by(|a, b| if more { a.1.total_cmp(&b.1) } else { b.1.total_cmp(&a.1) })
        };
        let (wanted, reached, met) = match self.goal {
            Goal::More(factor, of) | Goal::Less(factor, of) => {
                let more = matches!(self.goal, Goal::More(..));
                let best = best(of, more);
                let rival = best.map_or_else(|| of.join(", "), |(name, _)| name.to_owned());
                let bound = if more { "at least" } else { "at most" };
                let ratio = ours.zip(best).map(|(ours, (_, best))| ours / best);
                let met = |ratio| if more { ratio >= factor } else { ratio <= factor };
                (format!("{bound} {factor} × {rival}"), ratio, ratio.map(met))
            }
            Goal::AtLeast(bound) => (format!("at least {bound}"), ours, ours.map(|v| v >= bound)),
            Goal::AtMost(bound) => (format!("at most {bound}"), ours, ours.map(|v| v <= bound)),
        };
        Outcome {
            what: format!("{}, {}", self.figure, self.ours),
            wanted,
            reached: reached.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}")),
            met,
        }
    }
}
