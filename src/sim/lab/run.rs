//! How is a scenario run? Hosts, links and programs are set up, then time goes from sample to
//! sample.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};

use super::outcome::{FlowReport, FlowSample, LinkReport, LinkSample, Outcome};
use super::probe::{FIRST_PORT, Probe};
use super::scenario::{Flow, Scenario};
use super::traffic::{Door, End, SharedProgress};
use crate::device::impair::{Share, Spec, Tally};
use crate::engine::HostConfig;
use crate::sim::{HostId, LinkId, Network, Stalled};
use crate::time::Instant;

/// Bounds on what one scenario may ask for.
const FLOWS: usize = 256;
const HOSTS: usize = 1_024;
const LINKS: usize = 64;
const SAMPLES: u128 = 1_000_000;

/// Why a scenario was not run, or not to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It makes no sense.
    Senseless(String),
    /// It takes too long, or time stands still.
    Stalled(Stalled),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Senseless(why) => f.write_str(why),
            Self::Stalled(stalled) if stalled.at_one_instant => {
                write!(f, "time stands still at {}: too much happens at once", stalled.at)
            }
            Self::Stalled(stalled) => {
                write!(f, "given up at {}: so many events take too long", stalled.at)
            }
        }
    }
}

impl std::error::Error for Problem {}

impl From<Stalled> for Problem {
    fn from(stalled: Stalled) -> Self {
        Self::Stalled(stalled)
    }
}

impl Scenario {
    /// Runs it.
    pub fn run(&self) -> Result<Outcome, Problem> {
        self.check().map_err(Problem::Senseless)?;
        let mut run = Run::new(self).map_err(Problem::Senseless)?;
        let end = Instant::ZERO + self.duration;
        let (mut sample, mut measured) = (Instant::ZERO, self.warmup.is_zero());
        loop {
            sample += self.sample;
            let warm = Instant::ZERO + self.warmup;
            if !measured && warm <= sample {
                run.net.run_until(warm.min(end))?;
                run.begin_to_measure();
                measured = true;
            }
            run.net.run_until(sample.min(end))?;
            run.sample();
            if run.net.now() >= end || run.has_ended() {
                return Ok(run.outcome());
            }
        }
    }

    fn check(&self) -> Result<(), String> {
        let within = |count: usize, most: usize, what: &str| {
            let fine = (count <= most).then_some(());
            fine.ok_or_else(|| format!("{count} {what}; {most} are the most"))
        };
        within(self.flows.len(), FLOWS, "flows")?;
        within(self.hosts.len(), HOSTS, "hosts")?;
        within(self.links.len(), LINKS, "links")?;
        let moments = self.duration.as_nanos() / self.sample.as_nanos().max(1);
        let each = self.flows.len() + 2 * self.links.len();
        if self.sample.is_zero() || moments * each as u128 > SAMPLES {
            return Err(format!(
                "a sample each {:?} is too often: {SAMPLES} rows are the most",
                self.sample
            ));
        }
        let mut routes = BTreeMap::new();
        for flow in &self.flows {
            let name = &flow.name;
            if flow.from.max(flow.to) >= self.hosts.len() || flow.from == flow.to {
                return Err(format!("{name} needs two hosts"));
            }
            if flow.via.iter().any(|&link| link >= self.links.len()) {
                return Err(format!("{name} passes a link that is not there"));
            }
            if (1..flow.via.len()).any(|at| flow.via[..at].contains(&flow.via[at])) {
                return Err(format!("{name} passes a link twice"));
            }
            if !self.takes_time(flow) {
                return Err(format!(
                    "{name}'s path needs a rate or a delay: time would stand still"
                ));
            }
            let ends = [flow.from, flow.to];
            for (ends, via) in [
                (ends, flow.via.clone()),
                ([flow.to, flow.from], flow.via.iter().rev().copied().collect()),
            ] {
                if *routes.entry(ends).or_insert_with(|| via.clone()) != via {
                    return Err(format!("{name} takes another way than a flow of the same hosts"));
                }
            }
        }
        Ok(())
    }
}

impl Scenario {
    /// Whether a round trip takes any time. What overtakes skips the delay.
    fn takes_time(&self, flow: &Flow) -> bool {
        let takes = |spec: &Spec| {
            let delayed = !spec.delay.is_zero() || !spec.jitter.is_zero();
            spec.rate.is_some() || delayed && spec.reorder != Share::ALL
        };
        let links = flow.via.iter().flat_map(|&link| {
            let link = &self.links[link];
            [&link.there, &link.back]
        });
        let hosts = [flow.from, flow.to].into_iter().flat_map(|host| {
            let host = &self.hosts[host];
            [&host.there, &host.back]
        });
        links.chain(hosts).any(takes)
    }
}

struct Run<'a> {
    scenario: &'a Scenario,
    net: Network,
    /// Both directions of each link: there, back.
    links: Vec<LinkId>,
    probe: Rc<RefCell<Probe>>,
    flows: Vec<Measured>,
    flow_samples: Vec<FlowSample>,
    link_samples: Vec<LinkSample>,
    measured_from: Instant,
    tallies: Vec<Tally>,
}

/// What is kept of a flow while it runs.
#[derive(Default)]
struct Measured {
    progress: SharedProgress,
    /// Bytes and time-outs when measuring began.
    before: (u64, u32),
    sampled: u64,
    rtt_sum: Duration,
    rtt_count: u32,
}

impl<'a> Run<'a> {
    fn new(scenario: &'a Scenario) -> Result<Self, String> {
        let mut net = Network::new(scenario.seed);
        net.keep_log(0);
        net.set_budget(scenario.events);
        let hosts: Vec<HostId> = scenario
            .hosts
            .iter()
            .enumerate()
            .map(|(at, host)| {
                let mut config = HostConfig::new(vec![address(at)]);
                // None of them is one that a flow is found by.
                config.ephemeral_ports = 32_768..=65_535;
                let id = net.add_host(config, host.mtu);
                net.set_egress(id, &host.there);
                net.set_ingress(id, &host.back);
                id
            })
            .collect();
        let directions = scenario.links.iter().flat_map(|link| [&link.there, &link.back]);
        let links: Vec<LinkId> = directions.map(|spec| net.add_link(spec)).collect();
        let probe = Probe::new(scenario.flows.iter().map(|flow| flow.reverse));
        let probe = Rc::new(RefCell::new(probe));
        let tap = Rc::clone(&probe);
        net.tap(move |sighting| tap.borrow_mut().see(sighting));
        let mut run = Self {
            scenario,
            links,
            probe,
            flows: Vec::new(),
            flow_samples: Vec::new(),
            link_samples: Vec::new(),
            measured_from: Instant::ZERO,
            tallies: Vec::new(),
            net,
        };
        for place in 0..scenario.flows.len() {
            run.add_flow(place, &hosts)?;
        }
        run.tallies = run.tallies();
        Ok(run)
    }

    fn add_flow(&mut self, place: usize, hosts: &[HostId]) -> Result<(), String> {
        let flow = &self.scenario.flows[place];
        let (from, to) = (hosts[flow.from], hosts[flow.to]);
        let there: Vec<LinkId> = flow.via.iter().map(|&link| self.links[2 * link]).collect();
        let back: Vec<LinkId> =
            flow.via.iter().rev().map(|&link| self.links[2 * link + 1]).collect();
        self.net.set_route(from, to, &there);
        self.net.set_route(to, from, &back);

        let port = FIRST_PORT + u16::try_from(place).map_err(|_| "too many flows".to_owned())?;
        let remote = SocketAddr::new(address(flow.to).addr(), port);
        let config = Arc::new(flow.config.clone());
        let listener = self.net.engine(to).listen_with(remote, 1, Arc::clone(&config));
        let listener = listener.map_err(|error| format!("{}: {error}", flow.name))?;
        let measured = Measured::default();
        let connects = Door::Connect(Instant::ZERO + flow.start, remote, config);
        let accepts = Door::Accept(listener);
        let progress = &measured.progress;
        let (source, sink) = if flow.reverse { (accepts, connects) } else { (connects, accepts) };
        let (sends, receives) = if flow.reverse { (to, from) } else { (from, to) };
        self.net.spawn(sends, End::sender(source, flow, progress));
        self.net.spawn(receives, End::receiver(sink, progress));
        self.flows.push(measured);
        Ok(())
    }

    fn tallies(&mut self) -> Vec<Tally> {
        let net = &mut self.net;
        self.links.iter().map(|&link| net.link(link).0).collect()
    }

    fn begin_to_measure(&mut self) {
        self.measured_from = self.net.now();
        self.probe.borrow_mut().reset();
        self.tallies = self.tallies();
        for flow in &mut self.flows {
            let progress = flow.progress.borrow();
            flow.before = (progress.received, progress.timeouts);
            (flow.rtt_sum, flow.rtt_count) = (Duration::ZERO, 0);
        }
    }

    /// Every flow has come to its end, good or bad.
    fn has_ended(&self) -> bool {
        let over = |flow: &Measured| {
            let progress = flow.progress.borrow();
            progress.finished.is_some() || progress.failed.is_some()
        };
        self.flows.iter().all(over)
    }

    fn sample(&mut self) {
        let at = self.net.now();
        let since_last = self.flow_samples.last().map_or(Instant::ZERO, |sample| sample.at);
        for (place, flow) in self.flows.iter_mut().enumerate() {
            let progress = flow.progress.borrow();
            let info = progress.sender.as_ref().map(|socket| socket.info(at));
            if let Some(srtt) = info.as_ref().and_then(|info| info.srtt) {
                flow.rtt_sum += srtt;
                flow.rtt_count += 1;
            }
            let received = progress.received;
            let goodput = bits_a_second(received - flow.sampled, at - since_last);
            flow.sampled = received;
            let queued = self.probe.borrow_mut().take_latest(place);
            self.flow_samples.push(FlowSample { at, flow: place, info, received, goodput, queued });
        }
        for (link, &id) in self.links.iter().enumerate() {
            let (tally, backlog) = self.net.link(id);
            self.link_samples.push(LinkSample { at, link, backlog, tally });
        }
    }

    fn outcome(mut self) -> Outcome {
        let ended = self.net.now();
        let mut flows: Vec<FlowReport> =
            (0..self.flows.len()).map(|place| self.flow_report(place, ended)).collect();
        let bytes = flows.iter().map(|flow| flow.bytes).sum();
        let goodput = bits_a_second(bytes, ended - self.measured_from);
        let total: f64 = flows.iter().map(|flow| flow.goodput).sum();
        for flow in &mut flows {
            flow.share = if total > 0.0 { flow.goodput / total } else { 0.0 };
        }
        let tallies = self.tallies();
        let links = (0..tallies.len()).map(|at| self.link_report(at, tallies[at], ended)).collect();
        let (flow_samples, link_samples) = (self.flow_samples, self.link_samples);
        Outcome { ended, goodput, flows, links, flow_samples, link_samples }
    }

    fn flow_report(&self, place: usize, ended: Instant) -> FlowReport {
        let (flow, measured) = (&self.scenario.flows[place], &self.flows[place]);
        let (progress, probe) = (measured.progress.borrow(), self.probe.borrow());
        let seen = &probe.flows[place];
        let from = (Instant::ZERO + flow.start).max(self.measured_from);
        let bytes = progress.received - measured.before.0;
        FlowReport {
            name: flow.name.clone(),
            algorithm: flow.config.congestion.name(),
            bytes,
            goodput: bits_a_second(bytes, progress.finished.unwrap_or(ended) - from),
            share: 0.0,
            segments: seen.segments,
            resent: seen.resent,
            marked: seen.marked,
            timeouts: progress.timeouts - measured.before.1,
            queued_mean: seen.waits.mean(),
            queued_p95: seen.waits.percentile(95),
            rtt_mean: (measured.rtt_count > 0)
                .then(|| measured.rtt_sum / measured.rtt_count.max(1)),
            finished: progress.finished,
            failed: progress.failed.clone(),
        }
    }

    fn link_report(&self, at: usize, tally: Tally, ended: Instant) -> LinkReport {
        let link = &self.scenario.links[at / 2];
        let (spec, way) =
            if at.is_multiple_of(2) { (&link.there, "there") } else { (&link.back, "back") };
        let bytes = tally.delivered_bytes - self.tallies[at].delivered_bytes;
        let carried = bits_a_second(bytes, ended - self.measured_from);
        LinkReport {
            name: format!("{} {way}", link.name),
            utilisation: spec.rate.map(|rate| carried / rate as f64),
            tally,
        }
    }
}

/// The address of the host at this place.
fn address(place: usize) -> IpNet {
    let number = u32::try_from(place).unwrap_or(u32::MAX) + 1;
    let first = u32::from(Ipv4Addr::new(10, 0, 0, 0));
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::from(first + number), 8))
}

fn bits_a_second(bytes: u64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { bytes as f64 * 8.0 / time.as_secs_f64() }
}
