//! Who listens where? From the destination of a SYN to the listener that it is for.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::ListenOptions;
use super::listener::Shared;
use crate::tcp::isn::IsnGenerator;
use crate::wire::Flow;

/// Where those are kept that listen at every port: no segment may be for port 0 itself (RFC 6335, 6).
const ANY_PORT: u16 = 0;

type ByPort = HashMap<u16, Vec<Arc<Shared>>>;

/// Every listener of a host.
pub(super) struct Listeners {
    by_port: RwLock<ByPort>,
    /// Shares connections out among those that listen at one place.
    hash: IsnGenerator,
    /// The next listener's.
    serial: AtomicU64,
    /// How many of them take connections to addresses that are not ours.
    transparent: AtomicUsize,
}

/// How well a listener fits a destination: the greatest wins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// It takes what is for anybody.
    Anybody,
    /// It listens at all of our addresses.
    Host,
    /// It listens at this address.
    Address,
}

impl Listeners {
    pub(super) fn new(hash: IsnGenerator) -> Self {
        Self {
            by_port: RwLock::default(),
            hash,
            serial: AtomicU64::new(0),
            transparent: AtomicUsize::new(0),
        }
    }

    /// Opens a listener, unless one is there that would get the same segments.
    pub(super) fn open(&self, local: SocketAddr, options: &ListenOptions) -> Option<Arc<Shared>> {
        let mut by_port = self.write();
        let there = by_port.entry(local.port()).or_default();
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let new = Shared::new(serial, local, options);
        if there.iter().any(|other| other.excludes(&new)) {
            return None;
        }
        self.transparent.fetch_add(options.transparent.into(), Ordering::Relaxed);
        there.push(Arc::clone(&new));
        Some(new)
    }

    /// The listener that gets a SYN of this flow, to an address that is `ours` or not. Of several that
    /// fit as well each gets its share of flows, always the same one as long as it listens: whoever
    /// comes or goes changes nothing for the flows of the others (rendezvous hashing: Thaler and
    /// Ravishankar, 1998).
    pub(super) fn find(&self, flow: &Flow, ours: bool) -> Option<Arc<Shared>> {
        let to = flow.local;
        if to.port() == ANY_PORT {
            return None;
        }
        let by_port = self.read();
        let at = |port| {
            let there: &Vec<Arc<Shared>> = by_port.get(&port)?;
            let best = there.iter().filter_map(|each| each.fit(to.ip(), ours)).max()?;
            let mut fitting = there.iter().filter(|each| each.fit(to.ip(), ours) == Some(best));
            let alone = fitting.clone().nth(1).is_none();
            let weight = |each: &&Arc<Shared>| self.hash.weight(flow, each.serial);
            if alone { fitting.next() } else { fitting.max_by_key(weight) }
        };
        at(to.port()).or_else(|| at(ANY_PORT)).cloned()
    }

    /// Whether somebody listens at this very port of ours.
    pub(super) fn has_port(&self, local: SocketAddr) -> bool {
        let by_port = self.read();
        let there = by_port.get(&local.port());
        there.is_some_and(|there| there.iter().any(|each| each.fit(local.ip(), true).is_some()))
    }

    /// Forgets a listener.
    pub(super) fn forget(&self, shared: &Arc<Shared>) {
        let mut by_port = self.write();
        let Some(there) = by_port.get_mut(&shared.local.port()) else { return };
        let Some(place) = there.iter().position(|other| Arc::ptr_eq(other, shared)) else { return };
        there.remove(place);
        if there.is_empty() {
            by_port.remove(&shared.local.port());
        }
        self.transparent.fetch_sub(shared.transparent.into(), Ordering::Relaxed);
    }

    /// Every listener, by port.
    pub(super) fn all(&self) -> Vec<Arc<Shared>> {
        let mut all: Vec<_> = self.read().values().flatten().cloned().collect();
        all.sort_by_key(|shared| (shared.local, shared.serial));
        all
    }

    /// Whether one of them takes connections to addresses that are not ours.
    pub(super) fn expect_foreign(&self) -> bool {
        self.transparent.load(Ordering::Relaxed) > 0
    }

    fn read(&self) -> RwLockReadGuard<'_, ByPort> {
        self.by_port.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, ByPort> {
        self.by_port.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// How well it fits a segment to this address, which is `ours` or not; `None`: not at all.
    pub(super) fn fit(&self, to: IpAddr, ours: bool) -> Option<Fit> {
        match self.local.ip() {
            here if here == to => Some(Fit::Address),
            here if !self.stands_for(here, to) => None,
            _ if self.transparent => Some(Fit::Anybody),
            _ => ours.then_some(Fit::Host),
        }
    }

    /// Whether `here`, where it listens, stands for `there` as well: unspecified, and of its family or
    /// of IPv6, which takes both unless told otherwise (RFC 3493, 5.3).
    fn stands_for(&self, here: IpAddr, there: IpAddr) -> bool {
        let both = here.is_ipv6() && !self.only_v6;
        here.is_unspecified() && (here.is_ipv4() == there.is_ipv4() || both)
    }

    /// Whether `new` may not listen as long as this one does.
    fn excludes(&self, new: &Self) -> bool {
        let (old_ip, new_ip) = (self.local.ip(), new.local.ip());
        let nested = self.stands_for(old_ip, new_ip) || new.stands_for(new_ip, old_ip);
        let same = match (old_ip.is_unspecified(), new_ip.is_unspecified()) {
            (false, false) => old_ip == new_ip,
            (true, true) => nested && self.transparent == new.transparent,
            // As Linux; but who takes what is left over leaves room for others.
            _ => nested && !self.transparent && !new.transparent,
        };
        same && !(self.reuse_port && new.reuse_port)
    }
}
