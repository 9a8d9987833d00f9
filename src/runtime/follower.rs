//! A thread of the application as the packet loop: what it does while it would sleep.

use super::lead::{Lead, Term};
use crate::engine::Engine;
use crate::time::Instant;

/// One who waits for something of the engine's.
pub(crate) trait Waits {
    /// Whether it is there.
    fn is_ready(&self) -> bool;

    /// The lead, if nobody has it.
    fn try_take<'a>(&self, lead: &'a Lead) -> Option<Term<'a>> {
        lead.try_take()
    }

    /// Whoever brings it wakes the packet loop of this queue, or nobody, from now on.
    fn set_leads(&self, queue: Option<usize>);
}

/// Is the packet loop of `queue` until `waiter` has what it waits for or `deadline` has come. `false`
/// when another thread is, or shall be: then there is nothing to do but sleep until one is woken.
pub(crate) fn lead_until(
    engine: &Engine,
    queue: usize,
    lead: &Lead,
    deadline: Instant,
    waiter: &impl Waits,
) -> bool {
    let Some(term) = waiter.try_take(lead) else { return false };
    waiter.set_leads(Some(queue));
    let keeps = lead_on(engine, queue, lead, deadline, waiter);
    waiter.set_leads(None);
    drop(term);
    if keeps && engine.load(queue).is_flood() {
        // Many have much to do: better that one thread goes on for all than that each in turn does.
        lead.hand_on();
    }
    keeps
}

/// `false`: the thread leaves the lead to another one, to whom a turn has brought something.
fn lead_on(
    engine: &Engine,
    queue: usize,
    lead: &Lead,
    deadline: Instant,
    waiter: &impl Waits,
) -> bool {
    let (busy, device) = (lead.busy(), engine.device_of(queue));
    busy.note_burst(lead.now(), engine.load(queue).connections());
    while !waiter.is_ready() && !lead.is_reclaimed() {
        let now = lead.now();
        if deadline.is_due(now) {
            break;
        }
        let woken = engine.woken();
        // A device that is gone is reported by the worker, who sees it next.
        let Ok(next) = engine.turn_queue(queue, now) else { break };
        if waiter.is_ready() {
            break;
        }
        let connections = engine.load(queue).connections();
        if connections > 0 {
            busy.note_burst(now, connections);
        }
        if connections == 1 && engine.woken() != woken && lead.was_wanted() {
            return false;
        }
        if next.is_due(now) || busy.looks_again(now) {
            continue;
        }
        let next = next.min(deadline);
        let timeout = (!next.is_never()).then(|| next - lead.now());
        if device.wait(timeout).is_err() {
            break;
        }
    }
    true
}
