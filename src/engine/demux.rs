//! Whose segment is this? From a flow to its slot, from a port to its listener.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::listener::Shared;
use super::lock;
use super::slot::Slot;
use crate::tcp::Config;
use crate::wire::Flow;

/// Parts of the table with a lock each.
const SHARDS: usize = 16;

/// A slot, found by its flow: the key is in the slot already, and stands nowhere else.
struct ByFlow(Arc<Slot>);

impl Borrow<Flow> for ByFlow {
    fn borrow(&self) -> &Flow {
        &self.0.flow
    }
}

impl Hash for ByFlow {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.flow.hash(state);
    }
}

impl PartialEq for ByFlow {
    fn eq(&self, other: &Self) -> bool {
        self.0.flow == other.0.flow
    }
}

impl Eq for ByFlow {}

/// One part of the table.
type Shard = Mutex<HashSet<ByFlow>>;

/// Every connection by its flow and every listener by its port.
///
/// The hash is keyed by random numbers, so that nobody outside can fill one bucket; nothing
/// depends on its order.
pub(super) struct Demux {
    hasher: RandomState,
    shards: [Shard; SHARDS],
    listeners: RwLock<HashMap<u16, Vec<Arc<Shared>>>>,
}

impl Demux {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
            listeners: RwLock::default(),
        }
    }

    /// The connection of this flow.
    pub(super) fn find(&self, flow: &Flow) -> Option<Arc<Slot>> {
        lock(self.shard(flow)).get(flow).map(|found| Arc::clone(&found.0))
    }

    /// Inserts the slot that `make` gives, unless the flow has one already.
    pub(super) fn insert_new(
        &self,
        flow: Flow,
        make: impl FnOnce() -> Arc<Slot>,
    ) -> Option<Arc<Slot>> {
        let mut shard = lock(self.shard(&flow));
        if shard.contains(&flow) {
            return None;
        }
        let slot = make();
        shard.insert(ByFlow(Arc::clone(&slot)));
        Some(slot)
    }

    /// Forgets this very slot; another one of the same flow stays. Whether it was there.
    pub(super) fn remove(&self, slot: &Arc<Slot>) -> bool {
        let mut shard = lock(self.shard(&slot.flow));
        let same = shard.get(&slot.flow).is_some_and(|found| Arc::ptr_eq(&found.0, slot));
        if same {
            shard.remove(&slot.flow);
            if shard.len() * 8 < shard.capacity() {
                shard.shrink_to_fit();
            }
        }
        same
    }

    /// Every connection, in an order that depends on their flows alone.
    pub(super) fn all(&self) -> Vec<Arc<Slot>> {
        let mut all = Vec::new();
        for shard in &self.shards {
            all.extend(lock(shard).iter().map(|found| Arc::clone(&found.0)));
        }
        all.sort_by_key(|slot| (slot.flow.local, slot.flow.remote));
        all
    }

    /// How many connections there are.
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Opens a listener, unless one is there that would get the same segments.
    pub(super) fn listen(
        &self,
        local: SocketAddr,
        backlog: usize,
        config: Arc<Config>,
    ) -> Option<Arc<Shared>> {
        let mut listeners = self.listeners.write().unwrap_or_else(PoisonError::into_inner);
        let there = listeners.entry(local.port()).or_default();
        let overlaps = |other: &Arc<Shared>| {
            let other = other.local.ip();
            other == local.ip() || other.is_unspecified() || local.ip().is_unspecified()
        };
        if there.iter().any(overlaps) {
            return None;
        }
        let shared = Arc::new(Shared::new(local, backlog, config));
        there.push(Arc::clone(&shared));
        Some(shared)
    }

    /// The listener that a segment to `local` is for: one at that very address before one at any.
    pub(super) fn listener(&self, local: SocketAddr) -> Option<Arc<Shared>> {
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        let there = listeners.get(&local.port())?;
        let exact = there.iter().find(|shared| shared.local.ip() == local.ip());
        exact.or_else(|| there.iter().find(|shared| shared.local.ip().is_unspecified())).cloned()
    }

    /// Whether somebody listens there.
    pub(super) fn is_listening(&self, local: SocketAddr) -> bool {
        self.listener(local).is_some()
    }

    /// Forgets a listener.
    pub(super) fn forget_listener(&self, shared: &Arc<Shared>) {
        let mut listeners = self.listeners.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = listeners.get_mut(&shared.local.port()) {
            there.retain(|other| !Arc::ptr_eq(other, shared));
            if there.is_empty() {
                listeners.remove(&shared.local.port());
            }
        }
    }

    /// Every listener, by port.
    pub(super) fn listeners(&self) -> Vec<Arc<Shared>> {
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = listeners.values().flatten().cloned().collect();
        all.sort_by_key(|shared| shared.local);
        all
    }

    fn shard(&self, flow: &Flow) -> &Shard {
        #[expect(clippy::cast_possible_truncation, reason = "four bits are wanted")]
        let index = self.hasher.hash_one(flow) as usize % SHARDS;
        &self.shards[index]
    }
}
