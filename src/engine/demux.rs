//! Whose segment is this? From a flow to its connection.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::lock;
use super::packed::PackedFlow;
use super::remains::Remains;
use super::slot::Slot;
use crate::tcp::State;
use crate::wire::Flow;

/// Parts of the table with a lock each: so many that none is long about growing.
const SHARDS: usize = 1 << u8::BITS;

/// What has a flow.
pub(super) trait OfFlow {
    fn flow(&self) -> &PackedFlow;
}

impl OfFlow for Slot {
    fn flow(&self) -> &PackedFlow {
        &self.flow
    }
}

impl OfFlow for Remains {
    fn flow(&self) -> &PackedFlow {
        &self.flow
    }
}

/// An entry of the table, found by its flow: the key is in it already, and stands nowhere else.
struct ByFlow<T>(Arc<T>);

impl<T: OfFlow> Borrow<PackedFlow> for ByFlow<T> {
    fn borrow(&self) -> &PackedFlow {
        self.0.flow()
    }
}

impl<T: OfFlow> Hash for ByFlow<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.flow().hash(state);
    }
}

impl<T: OfFlow> PartialEq for ByFlow<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.flow() == other.0.flow()
    }
}

impl<T: OfFlow> Eq for ByFlow<T> {}

/// One part of the table. No flow is in both.
#[derive(Default)]
struct Shard {
    slots: HashSet<ByFlow<Slot>>,
    remains: HashSet<ByFlow<Remains>>,
}

/// Who gets the segments of a flow.
pub(super) enum Owner {
    Slot(Arc<Slot>),
    Remains(Arc<Remains>),
}

/// Every connection by its flow.
///
/// Each part hashes with random keys, so that nobody outside can fill one bucket; nothing depends on
/// its order. Which part a flow is in may be known: whoever fills one finds things in it as fast.
pub(super) struct Demux {
    shards: [Mutex<Shard>; SHARDS],
    /// The host's addresses.
    ours: Vec<IpAddr>,
    /// How many connections have another one at our end.
    foreign: AtomicUsize,
}

impl Demux {
    /// Of a host that has these addresses.
    pub(super) fn new(ours: Vec<IpAddr>) -> Self {
        let shards = std::array::from_fn(|_| Mutex::default());
        Self { shards, ours, foreign: AtomicUsize::new(0) }
    }

    /// Whether there are connections whose end here has an address that is not the host's.
    pub(super) fn has_foreign(&self) -> bool {
        self.foreign.load(Ordering::Relaxed) > 0
    }

    fn is_foreign(&self, flow: &PackedFlow) -> bool {
        !self.ours.contains(&flow.flow().local.ip())
    }

    /// A connection of this flow was there until now.
    fn note_gone(&self, flow: &PackedFlow) {
        if self.is_foreign(flow) {
            self.foreign.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The connection of this flow.
    pub(super) fn find(&self, flow: &Flow) -> Option<Owner> {
        let flow = &PackedFlow::new(flow);
        let shard = lock(self.shard(flow));
        let slot = shard.slots.get(flow).map(|found| Owner::Slot(Arc::clone(&found.0)));
        let remains = || shard.remains.get(flow).map(|found| Owner::Remains(Arc::clone(&found.0)));
        slot.or_else(remains)
    }

    /// Inserts the slot that `make` gives, unless the flow has a connection already.
    pub(super) fn insert_new(
        &self,
        flow: &Flow,
        make: impl FnOnce() -> Arc<Slot>,
    ) -> Option<Arc<Slot>> {
        let flow = &PackedFlow::new(flow);
        let mut shard = lock(self.shard(flow));
        if shard.slots.contains(flow) || shard.remains.contains(flow) {
            return None;
        }
        let slot = make();
        shard.slots.insert(ByFlow(Arc::clone(&slot)));
        self.foreign.fetch_add(self.is_foreign(flow).into(), Ordering::Relaxed);
        Some(slot)
    }

    /// Forgets this very slot; another one of the same flow stays. Whether it was there.
    pub(super) fn remove(&self, slot: &Arc<Slot>) -> bool {
        let removed = remove(&mut lock(self.shard(&slot.flow)).slots, slot);
        if removed {
            self.note_gone(&slot.flow);
        }
        removed
    }

    /// Forgets this very record; another one of the same flow stays. Whether it was there.
    pub(super) fn forget(&self, remains: &Arc<Remains>) -> bool {
        let removed = remove(&mut lock(self.shard(&remains.flow)).remains, remains);
        if removed {
            self.note_gone(&remains.flow);
        }
        removed
    }

    /// `remains` takes the place of `slot`, if that is there.
    pub(super) fn replace(&self, slot: &Arc<Slot>, remains: Arc<Remains>) -> bool {
        let mut shard = lock(self.shard(&slot.flow));
        remove(&mut shard.slots, slot) && shard.remains.insert(ByFlow(remains))
    }

    /// Every connection that has a slot, in an order that depends on their flows alone.
    pub(super) fn slots(&self) -> Vec<Arc<Slot>> {
        let mut all = Vec::new();
        for shard in &self.shards {
            all.extend(lock(shard).slots.iter().map(|found| Arc::clone(&found.0)));
        }
        all.sort_by_cached_key(|slot| order(&slot.flow.flow()));
        all
    }

    /// Both ends of every connection, and its state, in the same order.
    pub(super) fn flows(&self) -> Vec<(Flow, State)> {
        let state = |slot: &Arc<Slot>| (slot.flow.flow(), slot.lock().connection.state());
        let mut all: Vec<_> = self.slots().iter().map(state).collect();
        for shard in &self.shards {
            let shard = lock(shard);
            all.extend(shard.remains.iter().map(|found| (found.0.flow.flow(), State::TimeWait)));
        }
        all.sort_by_key(|(flow, _)| order(flow));
        all
    }

    /// Forgets every record of a TIME-WAIT.
    pub(super) fn forget_remains(&self) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            shard.remains.iter().for_each(|found| self.note_gone(&found.0.flow));
            shard.remains = HashSet::new();
        }
    }

    /// How many connections there are.
    pub(super) fn len(&self) -> usize {
        let len = |shard: &Mutex<Shard>| {
            let shard = lock(shard);
            shard.slots.len() + shard.remains.len()
        };
        self.shards.iter().map(len).sum()
    }

    /// Whether there is a connection with this end, whoever is at the other one: every one is looked
    /// at.
    pub(super) fn uses(&self, local: SocketAddr) -> bool {
        let at = |flow: &PackedFlow| {
            let end = flow.flow().local;
            end.port() == local.port() && (local.ip().is_unspecified() || end.ip() == local.ip())
        };
        self.shards.iter().any(|shard| {
            let shard = lock(shard);
            shard.slots.iter().any(|found| at(&found.0.flow))
                || shard.remains.iter().any(|found| at(&found.0.flow))
        })
    }

    fn shard(&self, flow: &PackedFlow) -> &Mutex<Shard> {
        &self.shards[usize::from(flow.mixed())]
    }
}

fn order(flow: &Flow) -> (SocketAddr, SocketAddr) {
    (flow.local, flow.remote)
}

fn remove<T: OfFlow>(table: &mut HashSet<ByFlow<T>>, this: &Arc<T>) -> bool {
    let same = table.get(this.flow()).is_some_and(|found| Arc::ptr_eq(&found.0, this));
    if same {
        table.remove(this.flow());
        if table.len() * 8 < table.capacity() {
            table.shrink_to_fit();
        }
    }
    same
}
