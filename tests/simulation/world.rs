//! Two or more hosts on a network, and what every test asks of them.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tuntcp::HostConfig;
use tuntcp::device::impair::Spec;
use tuntcp::engine::{Listener, Socket};
use tuntcp::sim::{HostId, Network};
use tuntcp::tcp::{Config, State};
use tuntcp::time::Instant;

use crate::bulk::{Bulk, Closing, Door, Plan, SharedFate, Stream};
use crate::invariants::{Rules, Verdict, watch};

/// The port that every server listens at.
pub(crate) const PORT: u16 = 7;

/// Hosts at 10.0.0.1, 10.0.0.2, ...
pub(crate) struct World {
    pub(crate) net: Network,
    pub(crate) hosts: Vec<HostId>,
    pub(crate) verdict: Verdict,
}

pub(crate) fn address(host: usize) -> IpAddr {
    IpAddr::from([10, 0, 0, u8::try_from(host + 1).unwrap()])
}

pub(crate) fn socket_address(host: usize, port: u16) -> SocketAddr {
    SocketAddr::new(address(host), port)
}

pub(crate) fn spec(words: &str) -> Spec {
    words.parse().unwrap_or_else(|error| panic!("{words}: {error}"))
}

pub(crate) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// What a host of these tests is made of.
#[derive(Clone, Debug)]
pub(crate) struct HostPlan {
    pub(crate) tcp: Config,
    pub(crate) mtu: usize,
    pub(crate) backlog: usize,
    pub(crate) ports: std::ops::RangeInclusive<u16>,
}

impl Default for HostPlan {
    fn default() -> Self {
        Self { tcp: Config::default(), mtu: 1500, backlog: 1024, ports: 1024..=65_535 }
    }
}

impl HostPlan {
    pub(crate) fn tcp(change: impl FnOnce(&mut Config)) -> Self {
        let mut plan = Self::default();
        change(&mut plan.tcp);
        plan
    }
}

impl World {
    /// `plans` hosts, each behind `wire` in both directions.
    pub(crate) fn new(seed: u64, plans: &[HostPlan], wire: &str) -> Self {
        let mut net = Network::new(seed);
        net.keep_log(40);
        let mut hosts = Vec::new();
        for (index, plan) in plans.iter().enumerate() {
            let network = ipnet::IpNet::new(address(index), 24).unwrap();
            let mut config = HostConfig::new(vec![network]);
            config.tcp = plan.tcp.clone();
            config.backlog = plan.backlog;
            config.ephemeral_ports = plan.ports.clone();
            let host = net.add_host(config, plan.mtu);
            net.set_egress(host, &spec(wire));
            hosts.push(host);
        }
        let mtu = plans.iter().map(|plan| plan.mtu).max().unwrap();
        let verdict = watch(&mut net, Rules { resets: false, retransmissions: true, mtu });
        Self { net, hosts, verdict }
    }

    /// Two hosts with default settings.
    pub(crate) fn pair(seed: u64, wire: &str) -> Self {
        Self::new(seed, &[HostPlan::default(), HostPlan::default()], wire)
    }

    pub(crate) fn listen(&self, host: usize) -> Rc<Listener> {
        let engine = self.net.engine(self.hosts[host]);
        let backlog = engine.config().backlog;
        Rc::new(engine.listen(socket_address(host, PORT), backlog).unwrap())
    }

    pub(crate) fn connect(&self, from: usize, to: usize) -> Socket {
        let engine = self.net.engine(self.hosts[from]);
        engine.connect(self.net.now(), None, socket_address(to, PORT)).unwrap()
    }

    /// An open connection from host 0 to host 1: both ends.
    pub(crate) fn open(&mut self) -> (Socket, Socket) {
        let listener = self.listen(1);
        let client = self.connect(0, 1);
        let mut server = None;
        let opened = self.net.run_while(self.after(seconds(180)), |_| {
            server = server.take().or_else(|| listener.accept().unwrap());
            server.is_none() || !client.opened().unwrap()
        });
        assert!(opened.unwrap(), "the connection opens\n{}", self.net.log());
        (client, server.unwrap())
    }

    pub(crate) fn after(&self, time: Duration) -> Instant {
        self.net.now() + time
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        self.net.run_until(self.after(time)).unwrap_or_else(|stalled| panic!("{stalled}"));
        self.check();
    }

    /// Runs until `done`, within `limit`.
    pub(crate) fn run_to(
        &mut self,
        limit: Duration,
        what: &str,
        mut done: impl FnMut(&Network) -> bool,
    ) {
        let ended = self.net.run_while(self.after(limit), |net| !done(net));
        let ended = ended.unwrap_or_else(|stalled| panic!("{stalled}\n{}", self.net.log()));
        self.check();
        assert!(ended, "not within {limit:?}: {what}\n{}", self.net.log());
    }

    /// No segment broke a rule.
    pub(crate) fn check(&self) {
        if let Some(breach) = self.verdict.breach() {
            panic!("{breach}\n{}", self.net.log());
        }
    }

    pub(crate) fn connections(&self) -> usize {
        self.hosts.iter().map(|&host| self.net.engine(host).connections()).sum()
    }

    /// All connections come to their end, TIME-WAIT included.
    pub(crate) fn run_dry(&mut self, limit: Duration) {
        let hosts = self.hosts.clone();
        self.run_to(limit, "every connection ends", |net| {
            hosts.iter().all(|&host| net.engine(host).connections() == 0)
        });
    }

    pub(crate) fn state(&self, socket: &Socket) -> State {
        socket.info(self.net.now()).state
    }

    /// Starts a program on each of two hosts; the fates of the client and of the server.
    pub(crate) fn talk(
        &mut self,
        (client, server): (usize, usize),
        listener: &Rc<Listener>,
        there: Plan,
        back: Plan,
    ) -> [SharedFate; 2] {
        let socket = self.connect(client, server);
        let (opener, client_fate) = Bulk::new(Door::Open(socket), there);
        let (accepter, server_fate) = Bulk::new(Door::Accept(Rc::clone(listener)), back);
        self.net.spawn(self.hosts[client], opener);
        self.net.spawn(self.hosts[server], accepter);
        [client_fate, server_fate]
    }

    /// Runs until every program has ended, and ended well.
    pub(crate) fn run_to_ends(&mut self, limit: Duration, fates: &[SharedFate]) {
        self.run_to(limit, "every program ends", |_| {
            fates.iter().all(|fate| fate.borrow().ended.is_some())
        });
        for (index, fate) in fates.iter().enumerate() {
            let ended = fate.borrow().ended.clone();
            assert_eq!(ended, Some(Ok(())), "program {index}\n{}", self.net.log());
        }
    }
}

/// Both plans of a conversation of `len` bytes each way.
pub(crate) fn both_ways(seed: u64, there: usize, back: usize) -> (Plan, Plan) {
    let there = Stream { seed: seed ^ 0x5eed, len: there };
    let back = Stream { seed: seed ^ 0xfeed, len: back };
    let client = Plan {
        sends: there,
        expects: back,
        closing: Closing::Eager,
        piece: 16_384,
        pauses: 0,
        pause: Duration::ZERO,
        seed,
    };
    let server =
        Plan { sends: back, expects: there, closing: Closing::AfterPeer, seed: !seed, ..client };
    (client, server)
}
