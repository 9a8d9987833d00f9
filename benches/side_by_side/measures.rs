//! What is measured, and in which unit.

use std::time::Duration;

use crate::client;
use crate::world::World;

/// One line of the table.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    /// Whether more is better.
    pub(crate) more: bool,
}

/// One run against a contender, and the figures that come of it.
pub(crate) struct Measure {
    pub(crate) figures: &'static [Figure],
    /// Whether the server shall expect thousands of idle connections.
    pub(crate) idle: bool,
    /// Gives a value for each figure, in their order.
    pub(crate) run: fn(&World, Duration) -> Vec<f64>,
}

impl Measure {
    /// What a user may call it by: the names of its figures.
    pub(crate) fn is_called(&self, part: &str) -> bool {
        self.figures.iter().any(|figure| figure.name.contains(part))
    }
}

pub(crate) static MEASURES: [Measure; 7] = [
    Measure {
        figures: &[Figure { name: "goodput in, 1 stream", unit: "Gbit/s", more: true }],
        idle: false,
        run: |world, span| client::goodput_in(world, 1, span),
    },
    Measure {
        figures: &[Figure { name: "goodput in, 8 streams", unit: "Gbit/s", more: true }],
        idle: false,
        run: |world, span| client::goodput_in(world, 8, span),
    },
    Measure {
        figures: &[Figure { name: "goodput out, 1 stream", unit: "Gbit/s", more: true }],
        idle: false,
        run: |world, span| client::goodput_out(world, 1, span),
    },
    Measure {
        figures: &[Figure { name: "goodput out, 8 streams", unit: "Gbit/s", more: true }],
        idle: false,
        run: |world, span| client::goodput_out(world, 8, span),
    },
    Measure {
        figures: &[
            Figure { name: "ping-pong p50", unit: "us", more: false },
            Figure { name: "ping-pong p99", unit: "us", more: false },
        ],
        idle: false,
        run: client::ping_pong,
    },
    Measure {
        figures: &[Figure { name: "connect-echo-close", unit: "1/s", more: true }],
        idle: false,
        run: client::connections,
    },
    Measure {
        figures: &[Figure { name: "idle connection", unit: "bytes", more: false }],
        idle: true,
        run: client::idle_memory,
    },
];
