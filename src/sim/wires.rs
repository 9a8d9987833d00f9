//! Which way does a frame go? The cables of all hosts, the links between them, and the switch.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::device::impair::{Impairment, Spec};

use super::agenda::Station;

/// Every wire of a network, by the station that it is.
#[derive(Debug)]
pub(super) struct Wires {
    seed: u64,
    egress: Vec<Impairment>,
    links: Vec<Impairment>,
    ingress: Vec<Impairment>,
    /// The links between two hosts, in their order.
    routes: BTreeMap<(usize, usize), Vec<usize>>,
    owners: BTreeMap<IpAddr, usize>,
}

impl Wires {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            egress: Vec::new(),
            links: Vec::new(),
            ingress: Vec::new(),
            routes: BTreeMap::new(),
            owners: BTreeMap::new(),
        }
    }

    /// The next host, with perfect cables; of two with one address the later one gets the frames.
    pub(super) fn add_host(&mut self, addresses: impl Iterator<Item = IpAddr>) {
        let id = self.egress.len();
        self.owners.extend(addresses.map(|address| (address, id)));
        self.egress.push(self.made(&Spec::default(), Station::Egress(id)));
        self.ingress.push(self.made(&Spec::default(), Station::Ingress(id)));
    }

    pub(super) fn add_link(&mut self, spec: &Spec) -> usize {
        let id = self.links.len();
        self.links.push(self.made(spec, Station::Link(id)));
        id
    }

    pub(super) fn set_route(&mut self, from: usize, to: usize, links: Vec<usize>) {
        self.routes.insert((from, to), links);
    }

    /// A new wire in the place of an old one.
    pub(super) fn replace(&mut self, station: Station, spec: &Spec) {
        let new = self.made(spec, station);
        if let Some(wire) = self.at(station) {
            *wire = new;
        }
    }

    /// The wire that a station is; a host is none.
    pub(super) fn at(&mut self, station: Station) -> Option<&mut Impairment> {
        match station {
            Station::Egress(id) => self.egress.get_mut(id),
            Station::Link(id) => self.links.get_mut(id),
            Station::Ingress(id) => self.ingress.get_mut(id),
            Station::Host(_) => None,
        }
    }

    /// Where a frame goes that has come out of a wire; `None` when nobody owns its destination.
    pub(super) fn next_hop(&self, station: Station, frame: &[u8]) -> Option<Station> {
        if let Station::Ingress(id) = station {
            return Some(Station::Host(id));
        }
        let owner = |address: Option<IpAddr>| self.owners.get(&address?).copied();
        let [source, destination] = ends(frame).map(owner);
        let to = destination?;
        let route = source.and_then(|from| self.routes.get(&(from, to)));
        let route = route.map_or(&[][..], Vec::as_slice);
        let next = match station {
            Station::Link(id) => route.iter().skip_while(|&&link| link != id).nth(1),
            _ => route.first(),
        };
        Some(next.map_or(Station::Ingress(to), |&link| Station::Link(link)))
    }

    /// A cable's direction or a link, with draws of its own.
    fn made(&self, spec: &Spec, station: Station) -> Impairment {
        let stream = match station {
            Station::Egress(id) => (id as u64) << 1,
            Station::Ingress(id) => (id as u64) << 1 | 1,
            Station::Link(id) | Station::Host(id) => 1 << 32 | id as u64,
        };
        Impairment::new(&Spec { seed: self.seed, ..spec.clone() }, stream)
    }
}

/// Where an IP packet comes from and wants to go, as far as a switch looks at it.
fn ends(frame: &[u8]) -> [Option<IpAddr>; 2] {
    let v4 = |at: usize| {
        let raw: [u8; 4] = frame.get(at..at + 4)?.try_into().ok()?;
        Some(Ipv4Addr::from(raw).into())
    };
    let v6 = |at: usize| {
        let raw: [u8; 16] = frame.get(at..at + 16)?.try_into().ok()?;
        Some(Ipv6Addr::from(raw).into())
    };
    match frame.first().map(|first| first >> 4) {
        Some(4) => [v4(12), v4(16)],
        Some(6) => [v6(8), v6(24)],
        _ => [None, None],
    }
}
