//! The paths that transfers are measured over.

use std::time::Duration;

use tuntcp::device::impair::Spec;

/// A path, in both directions.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// What it is called.
    pub name: &'static str,
    /// What happens to frames that carry data.
    data: &'static str,
    /// What happens to those that acknowledge them.
    acks: &'static str,
}

/// A path that is the same in both directions.
const fn same(name: &'static str, both: &'static str) -> Path {
    Path { name, data: both, acks: both }
}

/// The matrix: 10 to 500 Mbit/s, round trips of 1 to 200 ms, no loss to 5 %, no reordering to 10 %,
/// queues of a quarter of the path's capacity to fifteen times that.
pub const PATHS: [Path; 18] = [
    same("lan", "rate=500mbit,delay=500us,queue=200"),
    same("lan-shallow", "rate=200mbit,delay=500us,queue=20"),
    same("lan-loss", "rate=100mbit,delay=500us,queue=100,loss=1%"),
    same("metro", "rate=500mbit,delay=5ms,queue=400"),
    same("metro-loss", "rate=200mbit,delay=5ms,queue=200,loss=0.1%"),
    same("far", "rate=200mbit,delay=25ms,queue=800"),
    same("cable-shallow", "rate=100mbit,delay=10ms,queue=40"),
    same("long", "rate=100mbit,delay=50ms,queue=800"),
    same("bloated", "rate=20mbit,delay=20ms,queue=1000"),
    same("slow", "rate=10mbit,delay=15ms,queue=25"),
    Path {
        name: "narrow-return",
        data: "rate=50mbit,delay=10ms,queue=100",
        acks: "rate=500kbit,delay=10ms,queue=20",
    },
    Path {
        name: "ack-loss",
        data: "rate=50mbit,delay=10ms,queue=100",
        acks: "rate=50mbit,delay=10ms,queue=100,loss=5%",
    },
    same("loss-1", "rate=20mbit,delay=10ms,queue=100,loss=1%"),
    same("loss-5", "rate=10mbit,delay=20ms,queue=100,loss=5%"),
    same("satellite", "rate=50mbit,delay=100ms,queue=400,loss=0.1%"),
    same("reorder-1", "rate=100mbit,delay=5ms,queue=200,reorder=1%"),
    same("reorder-10", "rate=50mbit,delay=10ms,queue=200,reorder=10%"),
    same("wireless", "rate=50mbit,delay=2ms,jitter=500us,queue=100,loss=0.5%"),
];

impl Path {
    /// The wires of both directions, data first, with this seed.
    #[must_use]
    pub fn wires(&self, seed: u64) -> [Spec; 2] {
        [self.data, self.acks].map(|text| {
            let spec: Spec = text.parse().expect("a path's words are a spec");
            Spec { seed, ..spec }
        })
    }

    /// What happens to frames, in words.
    #[must_use]
    pub fn words(&self) -> String {
        if self.data == self.acks {
            format!("both ways `{}`", self.data)
        } else {
            format!("data `{}`, ACKs `{}`", self.data, self.acks)
        }
    }

    /// How much data it takes, bits a second.
    #[must_use]
    pub fn rate(&self) -> u64 {
        self.wires(0)[0].rate.expect("every path has a rate")
    }

    /// How long a transfer takes that shall take `least`: slow start is not all of it, and where few
    /// segments pass chance has its say, which costs little there.
    #[must_use]
    pub fn span(&self, least: Duration) -> Duration {
        let few = if self.rate() <= 50_000_000 { 3 } else { 1 };
        (least * few).max(self.round_trip() * 40)
    }

    /// How long it takes there and back, with empty queues.
    #[must_use]
    pub fn round_trip(&self) -> Duration {
        self.wires(0).iter().map(|wire| wire.delay).sum()
    }
}
