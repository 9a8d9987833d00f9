//! What does a scenario's file ask for? From its tables to an experiment; what is wrong is told
//! with its line.

use std::fmt;
use std::time::Duration;

use toml::Spanned;
use tuntcp::device::impair::Spec;
use tuntcp::sim::lab::{Flow, Host, OnOff, Scenario};
use tuntcp::tcp::Config;

use super::table::{File, FlowTable, WireTable};

/// Flows in one scenario, at most.
const FLOWS: usize = 256;

/// A scenario and what its file calls it.
pub(super) struct Reading {
    pub(super) title: Option<String>,
    pub(super) scenario: Scenario,
}

/// What is wrong with a file, and in which line.
#[derive(Debug)]
pub(super) struct Wrong {
    line: usize,
    why: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.why)
    }
}

/// What is wrong, and at which byte.
struct Mistake {
    at: usize,
    why: String,
}

fn mistake<T>(at: usize, why: impl Into<String>) -> Result<T, Mistake> {
    Err(Mistake { at, why: why.into() })
}

pub(super) fn read(text: &str) -> Result<Reading, Wrong> {
    let reading = toml::from_str(text)
        .map_err(|error: toml::de::Error| {
            let at = error.span().map_or(0, |span| span.start);
            Mistake { at, why: error.message().trim().replace('\n', "; ") }
        })
        .and_then(assemble);
    reading.map_err(|Mistake { at, why }| {
        let before = text.as_bytes().iter().take(at);
        Wrong { line: 1 + before.filter(|&&byte| byte == b'\n').count(), why }
    })
}

/// The name that a file gives to a link, a host.
struct Names(Vec<(String, usize)>);

impl Names {
    fn add(&mut self, name: &Spanned<String>, place: usize, what: &str) -> Result<(), Mistake> {
        let text = name.get_ref();
        if self.0.iter().any(|(known, _)| known == text) {
            return mistake(name.span().start, format!("{what} `{text}` is there twice"));
        }
        self.0.push((text.clone(), place));
        Ok(())
    }

    fn find(&self, name: &Spanned<String>, what: &str) -> Result<usize, Mistake> {
        let text = name.get_ref();
        if let Some((_, place)) = self.0.iter().find(|(known, _)| known == text) {
            return Ok(*place);
        }
        let known: Vec<_> = self.0.iter().map(|(known, _)| known.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        mistake(name.span().start, format!("there is no {what} `{text}`; expected one of: {known}"))
    }
}

fn assemble(file: File) -> Result<Reading, Mistake> {
    let duration = file.duration.get_ref().0;
    let mut scenario = Scenario::new(file.seed, duration);
    if duration.is_zero() {
        return mistake(file.duration.span().start, "expected a duration above zero");
    }
    if let Some(sample) = &file.sample {
        scenario.sample = sample.get_ref().0;
        if scenario.sample < Duration::from_millis(1) {
            return mistake(sample.span().start, "expected a sample each millisecond at the most");
        }
    }
    if let Some(warmup) = &file.warmup {
        scenario.warmup = warmup.get_ref().0;
        if scenario.warmup >= duration {
            return mistake(warmup.span().start, "expected a warm-up shorter than the duration");
        }
    }
    let mut hosts = Names(Vec::new());
    for table in &file.hosts {
        let (there, back) = match &table.cable {
            Some(cable) => both_ways(cable)?,
            None => Default::default(),
        };
        let mtu = match &table.mtu {
            Some(mtu) if *mtu.get_ref() < 576 => {
                return mistake(mtu.span().start, "expected an MTU from 576 to 65535 bytes");
            }
            mtu => mtu.as_ref().map_or(1500, |mtu| usize::from(*mtu.get_ref())),
        };
        let place = scenario.add_host(Host { mtu, there, back });
        hosts.add(&table.name, place, "host")?;
    }
    let mut links = Names(Vec::new());
    for (place, table) in file.links.iter().enumerate() {
        let (there, back) = both_ways(table)?;
        let unnamed = || Spanned::new(table.span(), format!("link {}", place + 1));
        let name = table.get_ref().name.clone().unwrap_or_else(unnamed);
        scenario.add_link(name.get_ref(), there, back);
        links.add(&name, place, "link")?;
    }
    let mut base = Config::default();
    file.config.apply(&mut base);
    for table in &file.flows {
        add_flows(&mut scenario, table, &base, &hosts, &links)?;
    }
    if scenario.flows.is_empty() {
        return mistake(0, "expected a [[flow]] at least");
    }
    Ok(Reading { title: file.title, scenario })
}

/// What a link or a cable does there and back.
fn both_ways(table: &Spanned<WireTable>) -> Result<(Spec, Spec), Mistake> {
    let wire = table.get_ref();
    let one_way = |own: Option<&Spanned<WireTable>>| {
        if let Some(own) = own {
            let inner = own.get_ref();
            if inner.name.is_some() || inner.there.is_some() || inner.back.is_some() {
                let why = "expected no name and no direction within a direction";
                return mistake(own.span().start, why);
            }
        }
        wire.spec(own).map_err(|wrong| Mistake {
            at: wrong.at.unwrap_or(table.span().start),
            why: wrong.why.to_string(),
        })
    };
    Ok((one_way(wire.there.as_deref())?, one_way(wire.back.as_deref())?))
}

fn add_flows(
    scenario: &mut Scenario,
    table: &Spanned<FlowTable>,
    base: &Config,
    hosts: &Names,
    links: &Names,
) -> Result<(), Mistake> {
    let at = table.span().start;
    let table = table.get_ref();
    let count = table.count.as_ref().map_or(1, |count| *count.get_ref());
    let room = FLOWS - scenario.flows.len();
    if count == 0 || usize::from(count) > room {
        let at = table.count.as_ref().map_or(at, |count| count.span().start);
        return mistake(at, format!("expected from 1 to {FLOWS} flows in all"));
    }
    let ends = ends(table, hosts)?;
    if let (Some(_), Some(delay)) = (ends, &table.delay) {
        let why = "expected no delay beside from and to: their hosts' cables have one";
        return mistake(delay.span().start, why);
    }
    let via = via(table, links)?;
    let on_off = on_off(table)?;
    for number in 0..count {
        let start = table.start.map_or(Duration::ZERO, |start| start.0);
        let start = start + table.stagger.map_or(Duration::ZERO, |time| time.0) * u32::from(number);
        if let Some(stop) = table.stop.as_ref().filter(|stop| stop.get_ref().0 <= start) {
            return mistake(stop.span().start, "expected a stop behind the start");
        }
        if start >= scenario.duration {
            return mistake(at, "this flow starts when all is over: expected it sooner");
        }
        let algorithm = table.algorithm.map_or(base.congestion, |named| named.0);
        let flow = scenario.add_flow(algorithm);
        let mut config = base.clone();
        config.congestion = algorithm;
        table.config.apply(&mut config);
        *flow = Flow {
            name: match &table.name {
                Some(name) if count > 1 => format!("{name} {}", number + 1),
                Some(name) => name.clone(),
                None => flow.name.clone(),
            },
            config,
            via: via.clone().unwrap_or_else(|| flow.via.clone()),
            reverse: table.reverse,
            start,
            stop: table.stop.as_ref().map(|stop| stop.get_ref().0),
            bytes: table.bytes.map(|size| size.0),
            rate: table.rate.map(|rate| rate.0),
            on_off,
            ..flow.clone()
        };
        let own = [flow.from, flow.to];
        if let Some((from, to)) = ends {
            (flow.from, flow.to) = (from, to);
            scenario.hosts.truncate(own[0]);
        } else if let Some(delay) = &table.delay {
            for host in own {
                scenario.hosts[host].there.delay = delay.get_ref().0;
            }
        }
    }
    Ok(())
}

/// The hosts that a flow names; `None`: it has its own.
fn ends(table: &FlowTable, hosts: &Names) -> Result<Option<(usize, usize)>, Mistake> {
    match (&table.from, &table.to) {
        (None, None) => Ok(None),
        (Some(from), Some(to)) => {
            let ends = (hosts.find(from, "host")?, hosts.find(to, "host")?);
            if ends.0 == ends.1 {
                return mistake(to.span().start, "expected two hosts");
            }
            Ok(Some(ends))
        }
        (Some(one), None) | (None, Some(one)) => {
            mistake(one.span().start, "expected both from and to, or neither")
        }
    }
}

/// The links that a flow names; `None`: it passes all of them.
fn via(table: &FlowTable, links: &Names) -> Result<Option<Vec<usize>>, Mistake> {
    let Some(names) = &table.via else { return Ok(None) };
    let mut via = Vec::new();
    for name in names {
        let link = links.find(name, "link")?;
        if via.contains(&link) {
            return mistake(name.span().start, "expected each link once");
        }
        via.push(link);
    }
    Ok(Some(via))
}

fn on_off(table: &FlowTable) -> Result<Option<OnOff>, Mistake> {
    match (&table.on, &table.off) {
        (None, None) => Ok(None),
        (Some(on), Some(off)) => {
            for time in [on, off] {
                if time.get_ref().0 < Duration::from_millis(1) {
                    return mistake(time.span().start, "expected a millisecond at least");
                }
            }
            Ok(Some(OnOff { on: on.get_ref().0, off: off.get_ref().0 }))
        }
        (Some(one), None) | (None, Some(one)) => {
            mistake(one.span().start, "expected both on and off, or neither")
        }
    }
}
