//! Which flows pass which links, and when?

use std::time::Duration;

use crate::device::impair::Spec;
use crate::tcp::Config;
use crate::tcp::congestion::Algorithm;

/// Events after which a run is given up, unless it is told otherwise: some minutes of work.
const EVENTS: u64 = 100_000_000;

/// An experiment: hosts, links, flows, and a seed.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Decides everything that is random.
    pub seed: u64,
    /// How long it lasts; less when every flow has ended before.
    pub duration: Duration,
    /// What the summary leaves out at the beginning: opening, slow start, and whatever else is not
    /// to be measured.
    pub warmup: Duration,
    /// Between two samples of every flow and link; not zero.
    pub sample: Duration,
    /// Events after which it is given up, as [`Network`](crate::sim::Network::set_budget) counts
    /// them. Default 100 million.
    pub events: u64,
    /// Whoever talks.
    pub hosts: Vec<Host>,
    /// What they share.
    pub links: Vec<Link>,
    /// Who talks to whom.
    pub flows: Vec<Flow>,
}

/// A host and its cable.
#[derive(Clone, Debug)]
pub struct Host {
    /// Largest IP packet, bytes.
    pub mtu: usize,
    /// What the cable does to what leaves the host.
    pub there: Spec,
    /// What it does to what comes.
    pub back: Spec,
}

impl Default for Host {
    /// A perfect cable for packets of 1,500 bytes.
    fn default() -> Self {
        Self { mtu: 1500, there: Spec::default(), back: Spec::default() }
    }
}

/// A link that flows share.
#[derive(Clone, Debug)]
pub struct Link {
    /// What it is called in the outcome.
    pub name: String,
    /// What it does on the way from a flow's `from` to its `to`.
    pub there: Spec,
    /// What it does on the way back.
    pub back: Spec,
}

/// A connection on which one end sends.
#[derive(Clone, Debug)]
pub struct Flow {
    /// What it is called in the outcome.
    pub name: String,
    /// Settings of both ends; `congestion` is the algorithm.
    pub config: Config,
    /// The host that opens it, by its place in the scenario.
    pub from: usize,
    /// The host that is called.
    pub to: usize,
    /// The links between the two, in the order from `from` to `to`, by their places.
    pub via: Vec<usize>,
    /// The host that is called sends, instead of the one that calls.
    pub reverse: bool,
    /// When it is opened.
    pub start: Duration,
    /// When its program stops writing; what is in the send buffer then leaves still.
    pub stop: Option<Duration>,
    /// Bytes after which its program stops writing.
    pub bytes: Option<u64>,
    /// Bits a second that its program writes; `None`: all that there is room for. What does not
    /// fit when its time has come is written later.
    pub rate: Option<u64>,
    /// Times in which its program writes nothing.
    pub on_off: Option<OnOff>,
}

/// A program that writes for a while, rests for a while, and so on, from the opening on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnOff {
    /// How long it writes.
    pub on: Duration,
    /// How long it rests.
    pub off: Duration,
}

impl Scenario {
    /// A scenario of this length without hosts, links and flows, all of which is measured; ten
    /// samples a second.
    #[must_use]
    pub fn new(seed: u64, duration: Duration) -> Self {
        Self {
            seed,
            duration,
            warmup: Duration::ZERO,
            sample: Duration::from_millis(100),
            events: EVENTS,
            hosts: Vec::new(),
            links: Vec::new(),
            flows: Vec::new(),
        }
    }

    /// Adds a link, which flows that are added later pass behind those before it.
    pub fn add_link(&mut self, name: &str, there: Spec, back: Spec) {
        self.links.push(Link { name: name.to_owned(), there, back });
    }

    /// Adds a host; its place.
    pub fn add_host(&mut self, host: Host) -> usize {
        self.hosts.push(host);
        self.hosts.len() - 1
    }

    /// Adds a flow between two new hosts with perfect cables. It passes every link that is there,
    /// begins at once and sends as much as it may until the end; what it returns may be changed.
    pub fn add_flow(&mut self, algorithm: Algorithm) -> &mut Flow {
        let [from, to] = [(); 2].map(|()| self.add_host(Host::default()));
        let config = Config { congestion: algorithm, ..Config::default() };
        let at = self.flows.len();
        self.flows.push(Flow {
            name: format!("{algorithm} {}", at + 1),
            config,
            from,
            to,
            via: (0..self.links.len()).collect(),
            reverse: false,
            start: Duration::ZERO,
            stop: None,
            bytes: None,
            rate: None,
            on_off: None,
        });
        &mut self.flows[at]
    }
}
