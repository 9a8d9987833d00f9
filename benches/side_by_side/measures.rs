//! What is measured, and in which unit.

use std::time::Duration;

use crate::client;
use crate::world::World;

/// One figure of a contender.
pub(crate) struct Measure {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    /// Whether more is better.
    pub(crate) more: bool,
    /// Whether the server shall expect thousands of idle connections.
    pub(crate) idle: bool,
    pub(crate) run: fn(&World, Duration) -> f64,
}

const fn measure(
    name: &'static str,
    unit: &'static str,
    more: bool,
    run: fn(&World, Duration) -> f64,
) -> Measure {
    Measure { name, unit, more, idle: false, run }
}

pub(crate) static MEASURES: [Measure; 8] = [
    measure("goodput in, 1 stream", "Gbit/s", true, |world, span| {
        client::goodput_in(world, 1, span)
    }),
    measure("goodput in, 8 streams", "Gbit/s", true, |world, span| {
        client::goodput_in(world, 8, span)
    }),
    measure("goodput out, 1 stream", "Gbit/s", true, |world, span| {
        client::goodput_out(world, 1, span)
    }),
    measure("goodput out, 8 streams", "Gbit/s", true, |world, span| {
        client::goodput_out(world, 8, span)
    }),
    measure("ping-pong p50", "us", false, |world, span| client::ping_pong(world, span, 0.50)),
    measure("ping-pong p99", "us", false, |world, span| client::ping_pong(world, span, 0.99)),
    measure("connect-echo-close", "1/s", true, client::connections),
    Measure {
        name: "idle connection",
        unit: "bytes",
        more: false,
        idle: true,
        run: client::idle_memory,
    },
];
