//! Thousands of conversations that a seed decides, on networks that a seed decides.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use tuntcp::HostConfig;
use tuntcp::engine::Socket;
use tuntcp::sim::{HostId, Network};
use tuntcp::tcp::{Config, EcnPolicy};
use tuntcp::time::Instant;

use crate::bulk::{Bulk, Closing, Door, Plan, SharedFate, Stream};
use crate::invariants::{Rules, Verdict, watch};
use crate::world::{PORT, address, socket_address, spec};

/// Seeds that a plain run tries.
const SEEDS: u64 = 2_000;

/// Both programs have ended by then, in virtual time, however bad the network is.
const PATIENCE: Duration = Duration::from_secs(4 * 3600);

/// FIN and its acknowledgements have to come through, then TIME-WAIT ends.
const AFTERMATH: Duration = Duration::from_secs(2 * 3600);

/// Lines of the packet log in a failure message.
const TAIL: usize = 60;

/// How the connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    Plain,
    /// Both ends connect; nobody listens.
    Simultaneous,
}

/// Everything about one run.
#[derive(Debug)]
struct Scenario {
    seed: u64,
    wires: [String; 2],
    mtus: [usize; 2],
    configs: [Config; 2],
    plans: [Plan; 2],
    opening: Opening,
    /// Nothing is lost, doubled, changed or overtaken, and no queue overflows.
    clean: bool,
}

/// A number whose order of magnitude is uniform.
fn magnitude(rng: &mut Rng, low: usize, high: usize) -> usize {
    let (low, high) = ((low as f64).ln(), (high as f64).ln());
    (low + (high - low) * rng.f64()).exp().round() as usize
}

fn draw_wire(rng: &mut Rng, loss: u32, clean: bool) -> String {
    let delay = magnitude(rng, 1, 300);
    let mut words = format!("delay={delay}ms");
    if clean {
        return words;
    }
    let _ = write!(words, ",loss={loss}%");
    if rng.bool() {
        let _ = write!(words, ",jitter={}ms", magnitude(rng, 1, 100));
    }
    for (what, most) in [("reorder", 25), ("duplicate", 10), ("corrupt", 5)] {
        if rng.bool() {
            let _ = write!(words, ",{what}={}%", rng.u32(0..=most));
        }
    }
    if rng.u8(..3) == 0 {
        let rate = magnitude(rng, 256, 100_000);
        let _ = write!(words, ",rate={rate}kbit,queue={}", magnitude(rng, 4, 200));
    }
    words
}

fn draw_config(rng: &mut Rng, clean: bool) -> Config {
    let mut config = Config::default();
    config.receive_buffer = magnitude(rng, 2 << 10, 1 << 20).into();
    config.send_buffer = magnitude(rng, 2 << 10, 1 << 20).into();
    config.timestamps = rng.u8(..4) > 0;
    config.sack = rng.u8(..4) > 0;
    config.window_scaling = rng.u8(..4) > 0;
    config.nodelay = rng.bool();
    // Beyond the least time-out it provokes retransmissions.
    if rng.u8(..4) == 0 && !clean {
        config.delayed_ack = Duration::from_millis(rng.u64(1..500));
    }
    // A third of everything lost both ways: whoever gives up after the usual time is right in one
    // run of some thousands. Here nobody gives up.
    config.r2 = Duration::from_secs(3600);
    config.r2_syn = Duration::from_secs(3600);
    config
}

fn draw_mtu(rng: &mut Rng) -> usize {
    match rng.u8(..4) {
        0 => 9000,
        1 => 1500,
        2 => 576,
        _ => rng.usize(576..=1500),
    }
}

impl Scenario {
    fn draw(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let clean = rng.u8(..5) == 0;
        let loss = if rng.bool() { rng.u32(0..=5) } else { rng.u32(0..=30) };
        // What a host can get through in bounded time.
        let most = if clean { 300_000 } else { 300_000 / (1 + loss as usize) };
        let length = |rng: &mut Rng| match rng.u8(..10) {
            0 => 0,
            1 => rng.usize(1..=1000),
            _ => rng.usize(0..=most),
        };
        let streams = [0, 1].map(|_| Stream { seed: rng.u64(..), len: length(&mut rng) });
        let closings = match rng.u8(..3) {
            0 => [Closing::Eager, Closing::AfterPeer],
            1 => [Closing::AfterPeer, Closing::Eager],
            _ => [Closing::Eager, Closing::Eager],
        };
        let plans = [0, 1].map(|end| {
            let piece = magnitude(&mut rng, 64, 65_536);
            let pauses = if rng.bool() { 0 } else { rng.u8(0..20) };
            let longest = Duration::from_millis(if rng.u8(..8) == 0 { 20_000 } else { 1_000 });
            // All pauses together: a thousand seconds or so.
            let reads = 1 + 2 * streams[1 - end].len / piece;
            let most = Duration::from_secs(200_000) / (1 + reads as u32 * u32::from(pauses));
            Plan {
                sends: streams[end],
                expects: streams[1 - end],
                closing: closings[end],
                piece,
                pauses,
                pause: longest.min(most),
                seed: rng.u64(..),
            }
        });
        let mut scenario = Self {
            seed,
            wires: [0, 1].map(|_| draw_wire(&mut rng, loss, clean)),
            mtus: [0, 1].map(|_| draw_mtu(&mut rng)),
            configs: [0, 1].map(|_| draw_config(&mut rng, clean)),
            plans,
            opening: if rng.u8(..16) == 0 { Opening::Simultaneous } else { Opening::Plain },
            clean,
        };
        scenario.draw_marks(&mut rng);
        scenario
    }

    /// Marks of congestion, on clean wires too: nothing has to be sent again for them.
    fn draw_marks(&mut self, rng: &mut Rng) {
        for (config, wire) in self.configs.iter_mut().zip(&mut self.wires) {
            config.ecn = match rng.u8(..4) {
                0 => EcnPolicy::Off,
                1 => EcnPolicy::Accept,
                _ => EcnPolicy::Request,
            };
            let most = [0, 5, 30, 100][rng.usize(..4)];
            let _ = write!(wire, ",mark={}%", rng.u32(0..=most));
        }
    }

    fn network(&self) -> (Network, [HostId; 2]) {
        let mut net = Network::new(self.seed);
        net.keep_log(TAIL);
        let hosts = [0, 1].map(|end: usize| {
            let network = ipnet::IpNet::new(address(end), 24).unwrap();
            let mut config = HostConfig::new(vec![network]);
            config.tcp = self.configs[end].clone();
            let host = net.add_host(config, self.mtus[end]);
            net.set_egress(host, &spec(&self.wires[end]));
            host
        });
        (net, hosts)
    }

    fn doors(&self, net: &Network, hosts: [HostId; 2]) -> [Door; 2] {
        let now = net.now();
        let open = |from: usize, local: Option<u16>, remote: u16| -> Socket {
            let local = local.map(|port| socket_address(from, port));
            let remote = socket_address(1 - from, remote);
            net.engine(hosts[from]).connect(now, local, remote).unwrap()
        };
        match self.opening {
            Opening::Plain => {
                let listener = net.engine(hosts[1]).listen(socket_address(1, PORT), 16).unwrap();
                [Door::Open(open(0, None, PORT)), Door::Accept(Rc::new(listener))]
            }
            Opening::Simultaneous => {
                [Door::Open(open(0, Some(4000), 5000)), Door::Open(open(1, Some(5000), 4000))]
            }
        }
    }

    /// Runs it to the end of TIME-WAIT; the virtual time it took, or what went wrong.
    fn run(&self, tap: impl FnOnce(&mut Network)) -> Result<Instant, String> {
        let (mut net, hosts) = self.network();
        let mtu = self.mtus[0].max(self.mtus[1]);
        let verdict = watch(&mut net, Rules { resets: false, retransmissions: !self.clean, mtu });
        tap(&mut net);
        let fates = self.spawn(&mut net, hosts);
        let told = catch_unwind(AssertUnwindSafe(|| play(&mut net, hosts, &fates, &verdict)));
        let told = told.unwrap_or_else(|panic| Err(panic_words(panic.as_ref())));
        told.map(|()| net.now()).map_err(|why| {
            let [client, server] = fates.map(|fate| format!("{:?}", fate.borrow()));
            format!(
                "{why}\n{self:#?}\nclient {client}\nserver {server}\nat {}, last frames:\n{}",
                net.now(),
                net.log()
            )
        })
    }

    fn spawn(&self, net: &mut Network, hosts: [HostId; 2]) -> [SharedFate; 2] {
        let mut plans = self.plans.into_iter().zip(hosts);
        self.doors(net, hosts).map(|door| {
            let (plan, host) = plans.next().unwrap();
            let (bulk, fate) = Bulk::new(door, plan);
            net.spawn(host, bulk);
            fate
        })
    }
}

fn play(
    net: &mut Network,
    hosts: [HostId; 2],
    fates: &[SharedFate; 2],
    verdict: &Verdict,
) -> Result<(), String> {
    let running = |net: &Network| hosts.iter().any(|&host| net.running(host) > 0);
    let failed = || {
        let lost = fates.iter().find_map(|fate| fate.borrow().ended.clone()?.err());
        verdict.breach().or(lost)
    };
    let deadline = net.now() + PATIENCE;
    net.run_while(deadline, |net| running(net) && failed().is_none())
        .map_err(|stalled| stalled.to_string())?;
    if let Some(why) = failed() {
        return Err(why);
    }
    if running(net) {
        return Err(format!("not at its end within {PATIENCE:?}"));
    }
    let open = |net: &Network| {
        failed().is_none() && hosts.iter().any(|&host| net.engine(host).connections() > 0)
    };
    let deadline = net.now() + AFTERMATH;
    let over = net.run_while(deadline, open).map_err(|stalled| stalled.to_string())?;
    if let Some(why) = failed() {
        return Err(why);
    }
    if over { Ok(()) } else { Err(format!("a connection still exists after {AFTERMATH:?}")) }
}

fn panic_words(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_string()
}

fn number_from(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable}={value} is not a number")))
}

fn run_seed(seed: u64) -> Result<(), String> {
    let outcome = catch_unwind(|| Scenario::draw(seed).run(|_| ()));
    match outcome.unwrap_or_else(|panic| Err(panic_words(panic.as_ref()))) {
        Ok(_) => Ok(()),
        Err(why) => Err(format!(
            "seed {seed}: {why}\nreplay: TUNTCP_SEED={seed} cargo test --test simulation seeds"
        )),
    }
}

/// `TUNTCP_SEED=n` replays one seed, `TUNTCP_SEEDS=n` tries 0 to n - 1.
#[test]
fn seeds_deliver_every_byte_once_and_in_order() {
    let seeds = match number_from("TUNTCP_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number_from("TUNTCP_SEEDS").unwrap_or(SEEDS),
    };
    let next = AtomicU64::new(seeds.start);
    let failures = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || failures.lock().unwrap().len() >= 20 {
                        return;
                    }
                    if let Err(why) = run_seed(seed) {
                        failures.lock().unwrap().push((seed, why));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    if let Some((_, first)) = failures.first() {
        let all = failures.iter().map(|(_, why)| why.lines().next().unwrap_or_default());
        let all: Vec<_> = all.collect();
        panic!("{first}\nall that failed:\n{}", all.join("\n"));
    }
}

/// A hash of every frame, when and where.
fn fingerprint(seed: u64) -> u64 {
    let hasher = Rc::new(std::cell::RefCell::new(DefaultHasher::new()));
    let noted = Rc::clone(&hasher);
    let scenario = Scenario::draw(seed);
    let outcome = scenario.run(|net| {
        net.tap(move |seen| {
            (seen.at, seen.host, seen.direction, seen.frame).hash(&mut *noted.borrow_mut());
        });
    });
    let ended = outcome.unwrap_or_else(|why| panic!("seed {seed}: {why}"));
    ended.hash(&mut *hasher.borrow_mut());
    hasher.borrow().finish()
}

#[test]
fn the_same_seed_gives_the_same_packets() {
    let prints: Vec<u64> = (0..20).map(fingerprint).collect();
    let again: Vec<u64> = (0..20).map(fingerprint).collect();
    assert_eq!(prints, again);
    let mut different = prints.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), prints.len(), "every seed has packets of its own");
}
