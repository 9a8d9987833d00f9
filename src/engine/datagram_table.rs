//! Whose datagram is this? From where it was sent to the endpoints that are bound there.
//!
//! One to a single host is for one endpoint, the one that says most about it: a peer before none, the
//! very address before any, and one that takes whatever is routed here last. A broadcast, and what is
//! sent to a group, is for all that are bound there.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::datagram::UdpOptions;
use super::inbox::Inbox;
use super::{family, lock};
use crate::buffer::Pool;
use crate::wire::{Flow, ip};

/// An endpoint that is bound.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) inbox: Arc<Inbox>,
    /// It takes what is sent to any address that is routed here; of any port, if its own is 0.
    pub(super) transparent: bool,
    settings: Mutex<Settings>,
}

/// What may change while an endpoint is bound. Addresses are those that stand in packets: none of IPv4
/// is mapped.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) local: SocketAddr,
    /// Who alone is heard, and spoken to where nobody else is named.
    pub(super) peer: Option<SocketAddr>,
    /// It was bound to an address of IPv6: those of IPv4 are shown mapped (RFC 4291, 2.5.5.2).
    pub(super) shows_v6: bool,
    pub(super) groups: Vec<IpAddr>,
    pub(super) options: UdpOptions,
}

impl Settings {
    /// Whether it speaks to addresses of that family.
    pub(super) fn speaks(&self, transparent: bool, ip: IpAddr) -> bool {
        transparent || covers(self.local.ip(), ip) || self.local.is_ipv4() == ip.is_ipv4()
    }

    /// An address as the application knows it.
    pub(super) fn shown(&self, addr: SocketAddr) -> SocketAddr {
        family::shown(addr, self.shows_v6)
    }

    fn hears(&self, from: SocketAddr) -> bool {
        self.peer.is_none_or(|peer| peer == from)
    }
}

/// Whether an unspecified address stands for this one, too: that of IPv6 does for both families.
fn covers(any: IpAddr, ip: IpAddr) -> bool {
    any.is_unspecified() && (any.is_ipv6() || ip.is_ipv4())
}

impl Bound {
    pub(super) fn new(local: SocketAddr, shows_v6: bool, transparent: bool, inbox: Inbox) -> Self {
        let settings = Settings {
            local,
            peer: None,
            shows_v6,
            groups: Vec::new(),
            options: UdpOptions::default(),
        };
        Self { inbox: Arc::new(inbox), transparent, settings: Mutex::new(settings) }
    }

    pub(super) fn settings(&self) -> MutexGuard<'_, Settings> {
        lock(&self.settings)
    }

    /// How much it says about a datagram of this flow, if it takes it.
    fn claim(&self, flow: &Flow) -> Option<u8> {
        let settings = self.settings();
        let to = flow.local.ip();
        let exact = settings.local.ip() == to;
        let takes = exact || self.transparent || covers(settings.local.ip(), to);
        let peer = settings.peer.is_some();
        (takes && settings.hears(flow.remote))
            .then_some(u8::from(peer) << 2 | u8::from(exact) << 1 | u8::from(!self.transparent))
    }

    /// Whether it takes a datagram that many get.
    fn shares(&self, flow: &Flow) -> bool {
        let settings = self.settings();
        let to = flow.local.ip();
        let there = settings.local.ip() == to || covers(settings.local.ip(), to);
        let member = !to.is_multicast() || settings.groups.contains(&to);
        !self.transparent && there && member && settings.hears(flow.remote)
    }
}

/// Every bound endpoint.
#[derive(Debug, Default)]
pub(super) struct UdpTable {
    /// By their ports; those that take every port at 0.
    bound: RwLock<HashMap<u16, Vec<Arc<Bound>>>>,
    /// How many endpoints have joined each group.
    groups: Mutex<HashMap<IpAddr, usize>>,
    transparent: AtomicUsize,
}

impl UdpTable {
    /// Binds an endpoint, unless one is there that would get the same datagrams, which wait in memory of
    /// `pool`.
    pub(super) fn bind(
        &self,
        local: SocketAddr,
        shows_v6: bool,
        transparent: bool,
        pool: &Pool,
    ) -> Option<Arc<Bound>> {
        let mut bound = self.bound.write().unwrap_or_else(PoisonError::into_inner);
        let there = bound.entry(local.port()).or_default();
        let overlaps = |other: &Arc<Bound>| {
            let (mine, its) = (local.ip(), other.settings().local.ip());
            let same = mine == its || covers(mine, its) || covers(its, mine);
            other.transparent == transparent && (transparent || same)
        };
        if there.iter().any(overlaps) {
            return None;
        }
        let new = Arc::new(Bound::new(local, shows_v6, transparent, Inbox::new(pool)));
        there.push(Arc::clone(&new));
        self.transparent.fetch_add(transparent.into(), Ordering::Relaxed);
        Some(new)
    }

    /// Forgets an endpoint and its memberships.
    pub(super) fn forget(&self, this: &Arc<Bound>) {
        let (port, groups) = {
            let mut settings = this.settings();
            (settings.local.port(), std::mem::take(&mut settings.groups))
        };
        groups.into_iter().for_each(|group| self.left(group));
        let mut bound = self.bound.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = bound.get_mut(&port) {
            there.retain(|other| !Arc::ptr_eq(other, this));
            if there.is_empty() {
                bound.remove(&port);
            }
        }
        self.transparent.fetch_sub(this.transparent.into(), Ordering::Relaxed);
    }

    /// An endpoint has joined a group.
    pub(super) fn joined(&self, group: IpAddr) {
        *lock(&self.groups).entry(group).or_default() += 1;
    }

    /// It has left it.
    pub(super) fn left(&self, group: IpAddr) {
        let mut groups = lock(&self.groups);
        if let Some(members) = groups.get_mut(&group) {
            *members -= 1;
            if *members == 0 {
                groups.remove(&group);
            }
        }
    }

    /// Whether somebody may take a datagram to an address that is none of the host's own.
    pub(super) fn admits(&self, to: IpAddr, broadcast: bool) -> bool {
        if self.transparent.load(Ordering::Relaxed) > 0 && !broadcast && ip::is_host(to) {
            return true;
        }
        let bound = || !self.bound.read().unwrap_or_else(PoisonError::into_inner).is_empty();
        broadcast && bound() || to.is_multicast() && lock(&self.groups).contains_key(&to)
    }

    /// The endpoint that a datagram to a single host is for.
    pub(super) fn receiver(&self, flow: &Flow) -> Option<Arc<Bound>> {
        let bound = self.bound.read().unwrap_or_else(PoisonError::into_inner);
        let best = |port| {
            let there = bound.get(&port)?.iter();
            let claims = there.filter_map(|bound| Some((bound.claim(flow)?, bound)));
            claims.max_by_key(|(claim, _)| *claim).map(|(_, bound)| Arc::clone(bound))
        };
        best(flow.local.port()).or_else(|| best(0))
    }

    /// Those that a broadcast, or a datagram to a group, is for.
    pub(super) fn receivers(&self, flow: &Flow) -> Vec<Arc<Bound>> {
        let bound = self.bound.read().unwrap_or_else(PoisonError::into_inner);
        let there = bound.get(&flow.local.port()).into_iter().flatten();
        there.filter(|bound| bound.shares(flow)).cloned().collect()
    }

    /// The endpoint that sent a datagram of this flow, if it has that peer and no other.
    pub(super) fn connected(&self, flow: &Flow) -> Option<Arc<Bound>> {
        let sender = self.receiver(flow)?;
        let peer = sender.settings().peer;
        (peer == Some(flow.remote)).then_some(sender)
    }

    /// What waits at each endpoint.
    pub(super) fn inboxes(&self) -> Vec<Arc<Inbox>> {
        let bound = self.bound.read().unwrap_or_else(PoisonError::into_inner);
        bound.values().flatten().map(|bound| Arc::clone(&bound.inbox)).collect()
    }
}
