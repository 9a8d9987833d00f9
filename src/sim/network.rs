//! What happens next? The clock, the cables and the hosts of one simulation.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use ipnet::IpNet;

use crate::device::impair::{Backlog, Passed, Spec, Tally};
use crate::engine::{Engine, HostConfig};
use crate::time::Instant;

use super::agenda::{Agenda, Station};
use super::app::{App, Next};
use super::device::{Bell, SimDevice};
use super::log::{Direction, Log, Sighting};
use super::wires::Wires;

/// Frames that [`Network::log`] remembers unless told otherwise.
const LOG_FRAMES: usize = 1_000;

/// Events while the clock stands still after which a network is stuck. A window of 1 GiB in the
/// smallest segments is below it.
const EVENTS_AT_ONCE: u64 = 4_000_000;

/// Events after which a simulation is given up unless told otherwise.
const BUDGET: u64 = 100_000_000;

/// A host of a [`Network`]. Displays as a letter: A for the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostId(usize);

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match u8::try_from(self.0) {
            Ok(index @ 0..26) => write!(f, "{}", char::from(b'A' + index)),
            _ => write!(f, "H{}", self.0),
        }
    }
}

/// A link of a [`Network`] that routes share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(usize);

/// The simulation does not come to an end: engines ask to be turned again and again, or programs
/// to be polled. That is a bug of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stalled {
    /// When it was noticed.
    pub at: Instant,
    /// Whether the clock stood still; otherwise the whole budget of events is spent.
    pub at_one_instant: bool,
}

impl fmt::Display for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = if self.at_one_instant { "the clock stands still" } else { "too many events" };
        write!(f, "no progress at {}: {why}", self.at)
    }
}

impl std::error::Error for Stalled {}

type Tap = Box<dyn FnMut(&Sighting<'_>)>;

/// One program of a host.
struct Task {
    app: Box<dyn App>,
    wake: Instant,
}

struct Node {
    engine: Arc<Engine>,
    device: SimDevice,
    deadline: Instant,
    tasks: Vec<Task>,
}

impl Node {
    /// Whether the engine's worker would wake up at `now`.
    fn must_turn(&self, now: Instant) -> bool {
        self.device.has_received() || self.device.is_woken() || self.deadline.is_due(now)
    }

    /// When the engine or a program has something to do.
    fn next_event(&self, now: Instant) -> Instant {
        if self.must_turn(now) {
            return now;
        }
        let programs = self.tasks.iter().map(|task| task.wake).min().unwrap_or(Instant::NEVER);
        self.deadline.min(programs).max(now)
    }
}

/// Hosts, cables and one clock. See [the module](super) for its shape.
///
/// ```
/// use std::time::Duration;
/// use tuntcp::HostConfig;
/// use tuntcp::sim::{Network, Next};
/// use tuntcp::time::Instant;
///
/// let mut net = Network::new(7);
/// let server = net.add_host(HostConfig::new(vec!["10.0.0.1/24".parse().unwrap()]), 1500);
/// let client = net.add_host(HostConfig::new(vec!["10.0.0.2/24".parse().unwrap()]), 1500);
/// net.set_egress(client, &"delay=20ms,loss=10%".parse().unwrap());
///
/// let listener = net.engine(server).listen("10.0.0.1:7".parse().unwrap(), 16).unwrap();
/// let now = net.now();
/// let socket = net.engine(client).connect(now, None, "10.0.0.1:7".parse().unwrap()).unwrap();
/// net.run_while(Instant::ZERO + Duration::from_secs(60), |_| !socket.opened().unwrap()).unwrap();
/// assert!(net.now() >= Instant::ZERO + Duration::from_millis(20));
/// # drop(listener);
/// ```
pub struct Network {
    seed: u64,
    secrets: Rng,
    now: Instant,
    nodes: Vec<Node>,
    wires: Wires,
    agenda: Agenda,
    bell: Bell,
    /// Hosts whose frames wait to be put on their cables, since nobody has turned their engines.
    unsent: BTreeSet<usize>,
    taps: Vec<Tap>,
    log: Log,
    budget: u64,
    events_now: u64,
}

impl Network {
    /// A network without hosts at time zero. `seed` decides everything that is random.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            secrets: Rng::with_seed(seed),
            now: Instant::ZERO,
            nodes: Vec::new(),
            wires: Wires::new(seed),
            agenda: Agenda::default(),
            bell: Bell::default(),
            unsent: BTreeSet::new(),
            taps: Vec::new(),
            log: Log::new(LOG_FRAMES),
            budget: BUDGET,
            events_now: 0,
        }
    }

    /// Adds a host on a perfect cable that carries IP packets of up to `mtu` bytes. The host's
    /// secret comes from the seed; of two hosts with one address the later one gets the frames.
    pub fn add_host(&mut self, mut config: HostConfig, mtu: usize) -> HostId {
        let id = self.nodes.len();
        config.secret = self.secrets.u128(..).to_be_bytes();
        self.wires.add_host(config.addresses.iter().map(IpNet::addr));
        let device = SimDevice::new(mtu);
        device.set_bell(self.bell.clone(), id);
        self.nodes.push(Node {
            engine: Engine::new(Box::new(device.clone()), config),
            device,
            // Its first turn says when it wants the next one.
            deadline: Instant::ZERO,
            tasks: Vec::new(),
        });
        self.plan(Station::Host(id));
        HostId(id)
    }

    /// Adds a link that frames pass whose [route](Self::set_route) says so.
    pub fn add_link(&mut self, spec: &Spec) -> LinkId {
        LinkId(self.wires.add_link(spec))
    }

    /// Frames on their way from one host to another one pass these links, in this order, between
    /// the cables of the two, each one once. None at first.
    pub fn set_route(&mut self, from: HostId, to: HostId, links: &[LinkId]) {
        self.wires.set_route(from.0, to.0, links.iter().map(|link| link.0).collect());
    }

    /// What the cable does to frames on their way from `host` to the switch, from now on. The
    /// spec's own seed is replaced by one that comes from the network's. Frames under way on the
    /// old cable are lost.
    pub fn set_egress(&mut self, host: HostId, spec: &Spec) {
        self.replace(Station::Egress(host.0), spec);
    }

    /// The same for frames on their way from the switch to `host`.
    pub fn set_ingress(&mut self, host: HostId, spec: &Spec) {
        self.replace(Station::Ingress(host.0), spec);
    }

    /// The same for a link.
    pub fn set_link(&mut self, link: LinkId, spec: &Spec) {
        self.replace(Station::Link(link.0), spec);
    }

    fn replace(&mut self, station: Station, spec: &Spec) {
        self.wires.replace(station, spec);
        self.plan(station);
    }

    /// What a link has done so far, and what waits for its rate limit now.
    pub fn link(&mut self, link: LinkId) -> (Tally, Backlog) {
        let now = self.now;
        let wire = self.wires.at(Station::Link(link.0));
        wire.map(|wire| (wire.tally(), wire.backlog(now))).unwrap_or_default()
    }

    /// Starts a program on `host`; it is polled for the first time in the next step.
    pub fn spawn(&mut self, host: HostId, app: impl App + 'static) {
        self.nodes[host.0].tasks.push(Task { app: Box::new(app), wake: self.now });
        self.plan(Station::Host(host.0));
    }

    /// Calls `tap` for every frame that a host sends or receives, from now on.
    pub fn tap(&mut self, tap: impl FnMut(&Sighting<'_>) + 'static) {
        self.taps.push(Box::new(tap));
    }

    /// Remembers the last `frames` frames for [`log`](Self::log); 1,000 at first.
    pub fn keep_log(&mut self, frames: usize) {
        self.log.resize(frames);
    }

    /// Gives the simulation `events` more, each a turn of an engine with the polls of its programs,
    /// or a frame that goes on from a cable or a link; instead of what it had left of the 100
    /// million at first.
    pub fn set_budget(&mut self, events: u64) {
        self.budget = events;
    }

    /// The last frames, one line each: time, host, `>` for sent and `<` for received, ports, the
    /// segment in packetdrill notation.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.tell()
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The seed that decides everything.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The engine of `host`. Its calls want [`now`](Self::now).
    #[must_use]
    pub fn engine(&self, host: HostId) -> &Arc<Engine> {
        &self.nodes[host.0].engine
    }

    /// Programs of `host` that have not ended.
    #[must_use]
    pub fn running(&self, host: HostId) -> usize {
        self.nodes[host.0].tasks.len()
    }

    /// Hands a frame to `host` as if it had come over its cable, in the next step. Lost when it is
    /// larger than the MTU.
    pub fn inject(&mut self, host: HostId, frame: &[u8]) {
        self.deliver(host.0, Passed { frame: frame.to_vec(), queued: Duration::ZERO });
    }

    /// When something happens next; `NEVER` when nothing ever will unless somebody acts.
    #[must_use]
    pub fn next_event(&self) -> Instant {
        let touched = |id: usize| {
            let node = &self.nodes[id];
            node.device.has_sent() || node.must_turn(self.now)
        };
        match !self.unsent.is_empty() || self.bell.any(touched) {
            true => self.now,
            false => self.agenda.next().max(self.now),
        }
    }

    /// Goes to the next event and lets all happen that happens at that moment; `false` when there
    /// is none.
    ///
    /// The order is fixed: cables before hosts, and both in the order in which the hosts were
    /// added; an engine before its programs, and these in the order in which they were spawned.
    pub fn step(&mut self) -> Result<bool, Stalled> {
        // What was sent by calls from outside since the last step leaves at the time of the call.
        self.answer_the_bell();
        while let Some(id) = self.unsent.pop_first() {
            self.collect(id);
        }
        let next = self.next_event();
        if next.is_never() {
            return Ok(false);
        }
        if next > self.now {
            self.now = next;
            self.events_now = 0;
        }
        self.agenda.begin(self.now);
        while let Some(station) = self.agenda.take() {
            match station {
                Station::Egress(_) | Station::Link(_) | Station::Ingress(_) => {
                    self.carry(station)?;
                }
                Station::Host(id) => self.serve(id)?,
            }
            self.plan(station);
        }
        Ok(true)
    }

    /// Lets everything happen up to `deadline`, which it is then.
    pub fn run_until(&mut self, deadline: Instant) -> Result<(), Stalled> {
        while self.next_event() <= deadline {
            if !self.step()? {
                break;
            }
        }
        if deadline > self.now && !deadline.is_never() {
            self.now = deadline;
            self.events_now = 0;
        }
        Ok(())
    }

    /// Goes on while `condition` holds; `false` when it still does at `deadline`, or when nothing
    /// happens any more.
    pub fn run_while(
        &mut self,
        deadline: Instant,
        mut condition: impl FnMut(&Self) -> bool,
    ) -> Result<bool, Stalled> {
        while condition(self) {
            if self.next_event() > deadline || !self.step()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Moves what has reached the end of a cable or a link.
    fn carry(&mut self, station: Station) -> Result<(), Stalled> {
        let now = self.now;
        while let Some(passed) = self.wires.at(station).and_then(|wire| wire.pop(now)) {
            match self.wires.next_hop(station, &passed.frame) {
                Some(Station::Host(id)) => self.deliver(id, passed),
                Some(next) => {
                    if let Some(wire) = self.wires.at(next) {
                        wire.forward(now, passed);
                    }
                    self.plan(next);
                }
                // The switch knows nobody of that address.
                None => {}
            }
            self.spend()?;
        }
        Ok(())
    }

    /// Looks anew at when a station is due.
    fn plan(&mut self, station: Station) {
        let at = match station {
            Station::Host(id) => self.nodes[id].next_event(self.now),
            wire => self.wires.at(wire).map_or(Instant::NEVER, |wire| wire.next_due()),
        };
        self.agenda.set(station, at, self.now);
    }

    /// Looks at the devices that somebody has touched.
    fn answer_the_bell(&mut self) {
        for id in self.bell.take() {
            let (must_turn, has_sent) = self.nodes[id].device.answer();
            if has_sent {
                self.unsent.insert(id);
            }
            if must_turn {
                self.agenda.set(Station::Host(id), self.now, self.now);
            }
        }
    }

    fn deliver(&mut self, id: usize, passed: Passed) {
        self.sight(id, Direction::Received, &passed.frame, passed.queued);
        if self.nodes[id].device.deliver(passed.frame) {
            self.agenda.set(Station::Host(id), self.now, self.now);
        }
    }

    /// Turns an engine and polls its programs until neither has anything to do at this moment.
    fn serve(&mut self, id: usize) -> Result<(), Stalled> {
        loop {
            let now = self.now;
            let node = &mut self.nodes[id];
            let turn = node.must_turn(now);
            if !turn && !node.tasks.iter().any(|task| task.wake.is_due(now)) {
                self.answer_the_bell();
                return Ok(());
            }
            if turn {
                let _ = node.device.take_woken();
                node.deadline = node.engine.turn(now).expect("a simulated device never fails");
            }
            let engine = Arc::clone(&node.engine);
            node.tasks.retain_mut(|task| {
                if !turn && !task.wake.is_due(now) {
                    return true;
                }
                match task.app.poll(now, &engine) {
                    Next::OnEvent => task.wake = Instant::NEVER,
                    Next::At(moment) => task.wake = moment,
                    Next::Done => return false,
                }
                true
            });
            self.collect(id);
            self.spend()?;
        }
    }

    /// Puts what an engine has sent on its cable.
    fn collect(&mut self, id: usize) {
        while let Some(frame) = self.nodes[id].device.take_sent() {
            self.sight(id, Direction::Sent, &frame, Duration::ZERO);
            if let Some(wire) = self.wires.at(Station::Egress(id)) {
                wire.forward(self.now, Passed { frame, queued: Duration::ZERO });
            }
        }
        self.plan(Station::Egress(id));
    }

    fn sight(&mut self, id: usize, direction: Direction, frame: &[u8], queued: Duration) {
        let sighting = Sighting { at: self.now, host: HostId(id), direction, frame, queued };
        self.log.note(&sighting);
        for tap in &mut self.taps {
            tap(&sighting);
        }
    }

    fn spend(&mut self) -> Result<(), Stalled> {
        self.events_now += 1;
        self.budget = self.budget.saturating_sub(1);
        if self.events_now > EVENTS_AT_ONCE || self.budget == 0 {
            return Err(Stalled { at: self.now, at_one_instant: self.events_now > EVENTS_AT_ONCE });
        }
        Ok(())
    }
}
