//! What is measured, and in which unit.

use std::fmt;
use std::time::Duration;

use crate::client;
use crate::contenders::{Contender, Order, Path};
use crate::world::World;

/// Idle connections that are held for one figure.
const IDLE_CONNECTIONS: usize = 10_000;
/// The same where a figure matters less than that there is one.
const FEW_CONNECTIONS: usize = 1000;
/// The usual MTU, and that of jumbo frames.
const MTUS: [usize; 2] = [MTU, 9000];
pub(crate) const MTU: usize = 1500;
/// Parallel streams, clients.
pub(crate) const COUNTS: [usize; 2] = [1, 8];

/// Seen from the stack under test.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    In,
    Out,
}

pub(crate) const WAYS: [Direction; 2] = [Direction::In, Direction::Out];

/// One line of the table.
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
}

/// One run against a contender, and the figures that come of it.
pub(crate) struct Measure {
    kind: Kind,
    pub(crate) figures: Vec<Figure>,
}

enum Kind {
    Bulk { way: Direction, streams: usize, mtu: usize },
    PingPong { pinned: bool },
    Beside { way: Direction },
    Connections { clients: usize },
    Idle,
}

/// The names of figures, for those who look them up.
pub(crate) mod name {
    use super::Direction;

    pub(crate) fn goodput(way: Direction, streams: usize, mtu: usize) -> String {
        format!("goodput {way}, {}, MTU {mtu}", super::count(streams, "stream"))
    }

    pub(crate) fn cpu(way: Direction, mtu: usize) -> String {
        format!("CPU per GB {way}, MTU {mtu}")
    }

    pub(crate) fn fairness(way: Direction, mtu: usize) -> String {
        format!("fairness {way}, 8 streams, MTU {mtu}")
    }

    pub(crate) fn ping_pong(quantile: &str, pinned: bool) -> String {
        format!("ping-pong {quantile}{}", if pinned { ", one CPU" } else { "" })
    }

    pub(crate) fn beside(quantile: &str, way: Direction) -> String {
        format!("ping-pong {quantile} beside 8 streams {way}")
    }

    pub(crate) fn connections(clients: usize) -> String {
        format!("connect-echo-close, {}", super::count(clients, "client"))
    }

    pub(crate) const IDLE: &str = "idle connection";
}

/// Everything, in the order of the table.
pub(crate) fn all() -> Vec<Measure> {
    let mut kinds = Vec::new();
    for mtu in MTUS {
        for streams in COUNTS {
            kinds.extend(WAYS.map(|way| Kind::Bulk { way, streams, mtu }));
        }
    }
    kinds.extend([false, true].map(|pinned| Kind::PingPong { pinned }));
    kinds.extend(WAYS.map(|way| Kind::Beside { way }));
    kinds.extend(COUNTS.map(|clients| Kind::Connections { clients }));
    kinds.push(Kind::Idle);
    kinds.into_iter().map(|kind| Measure { figures: kind.figures(), kind }).collect()
}

impl Measure {
    /// What a user may call it by: the names of its figures.
    pub(crate) fn is_called(&self, part: &str) -> bool {
        self.figures.iter().any(|figure| figure.name.contains(part))
    }

    /// Whether there is something to learn of this contender.
    pub(crate) fn takes(&self, contender: &Contender) -> bool {
        match self.kind {
            Kind::Bulk { .. } => true,
            // Its memory is in no process, and its buffers are given when they are needed.
            Kind::Idle => contender.typical && !contender.is_kernel(),
            // Streams over veth never meet a queue that others would have to wait in.
            Kind::Beside { .. } => contender.typical && contender.path != Path::Veth,
            Kind::PingPong { .. } | Kind::Connections { .. } => contender.typical,
        }
    }

    /// Whether one run says as much as several: it counts bytes, and takes no time.
    pub(crate) fn once(&self) -> bool {
        matches!(self.kind, Kind::Idle)
    }

    /// A value for each figure, in their order, from a world of its own: the calling thread's.
    pub(crate) fn run(&self, contender: &Contender, span: Duration, quick: bool) -> Vec<f64> {
        let mtu = if let Kind::Bulk { mtu, .. } = self.kind { mtu } else { MTU };
        let idle = match self.kind {
            Kind::Idle if quick => FEW_CONNECTIONS,
            Kind::Idle => IDLE_CONNECTIONS,
            _ => 0,
        };
        let order = Order { mtu, idle };
        let pinned = matches!(self.kind, Kind::PingPong { pinned: true });
        let world = World::new(contender, &order, pinned);
        match self.kind {
            Kind::Bulk { way, streams, .. } => {
                let carried = client::bulk(&world, way, streams, span);
                let second =
                    if streams == 1 { carried.cpu_per_gigabyte() } else { carried.fairness() };
                vec![carried.goodput(), second]
            }
            Kind::PingPong { .. } => client::ping_pong(&world, span),
            Kind::Beside { way } => client::ping_pong_beside(&world, way, span),
            Kind::Connections { clients } => vec![client::connections(&world, clients, span)],
            Kind::Idle => vec![client::idle_memory(&world, idle)],
        }
    }
}

impl Kind {
    fn figures(&self) -> Vec<Figure> {
        let figure = |name, unit| Figure { name, unit };
        let quantiles = |name: &dyn Fn(&str) -> String| {
            ["p50", "p99"].map(|quantile| figure(name(quantile), "µs")).into()
        };
        match *self {
            Kind::Bulk { way, streams, mtu } => {
                let goodput = figure(name::goodput(way, streams, mtu), "Gbit/s");
                let second = match streams {
                    1 => figure(name::cpu(way, mtu), "s"),
                    _ => figure(name::fairness(way, mtu), "Jain's index"),
                };
                vec![goodput, second]
            }
            Kind::PingPong { pinned } => quantiles(&|quantile| name::ping_pong(quantile, pinned)),
            Kind::Beside { way } => quantiles(&|quantile| name::beside(quantile, way)),
            Kind::Connections { clients } => vec![figure(name::connections(clients), "1/s")],
            Kind::Idle => vec![figure(name::IDLE.to_owned(), "bytes")],
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Direction::In { "in" } else { "out" })
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
