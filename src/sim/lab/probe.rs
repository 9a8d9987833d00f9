//! What happens to a flow on the wire? A tap that counts, and knows nothing of the stack.

use std::time::Duration;

use super::histogram::Histogram;
use crate::sim::{Direction, Sighting};
use crate::wire::{Body, EcnCodepoint, Packet, SeqNum};

/// The port that the first flow's receiver listens at; each flow has one of its own.
pub(super) const FIRST_PORT: u16 = 5001;

/// What was seen of one flow, since the last [reset](Probe::reset).
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    reverse: bool,
    /// Segments with text that were sent.
    pub(super) segments: u64,
    /// Those whose text had been sent before.
    pub(super) resent: u64,
    /// Segments with text that arrived with a mark.
    pub(super) marked: u64,
    /// What segments with text have waited in queues.
    pub(super) waits: Histogram,
    /// The sum of these waits since the last sample, and how many they are.
    latest: (Duration, u32),
    /// The number behind the last text that was sent.
    highest: Option<SeqNum>,
}

/// Every flow's counts, by their places.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) flows: Vec<Seen>,
}

impl Probe {
    /// `reverse`: whether the one who listens sends.
    pub(super) fn new(reverse: impl Iterator<Item = bool>) -> Self {
        Self { flows: reverse.map(|reverse| Seen { reverse, ..Seen::default() }).collect() }
    }

    pub(super) fn see(&mut self, sighting: &Sighting<'_>) {
        let Ok(Packet { body: Body::Tcp(flow, segment), ip, .. }) =
            Packet::parse(sighting.frame, true)
        else {
            return;
        };
        if segment.payload.is_empty() {
            return;
        }
        // The packet's destination is its local end.
        let place = |port: u16| usize::from(port.wrapping_sub(FIRST_PORT));
        let (to, from) = (place(flow.local.port()), place(flow.remote.port()));
        let at = match (self.flows.get(to), self.flows.get(from)) {
            (Some(flow), _) if !flow.reverse => to,
            (_, Some(flow)) if flow.reverse => from,
            _ => return,
        };
        let seen = &mut self.flows[at];
        match sighting.direction {
            Direction::Sent => {
                let end = segment.seq + u32::try_from(segment.payload.len()).unwrap_or(u32::MAX);
                let new = seen.highest.is_none_or(|highest| highest.before(end));
                seen.highest = if new { Some(end) } else { seen.highest };
                seen.segments += 1;
                seen.resent += u64::from(!new);
            }
            Direction::Received => {
                seen.marked += u64::from(ip.ecn == EcnCodepoint::Ce);
                seen.waits.add(sighting.queued);
                seen.latest.0 += sighting.queued;
                seen.latest.1 += 1;
            }
        }
    }

    /// What the flow's segments have waited on average since the last call.
    pub(super) fn take_latest(&mut self, flow: usize) -> Option<Duration> {
        let (sum, count) = std::mem::take(&mut self.flows[flow].latest);
        (count > 0).then(|| sum / count)
    }

    /// Counts from zero.
    pub(super) fn reset(&mut self) {
        for seen in &mut self.flows {
            let Seen { reverse, highest, .. } = *seen;
            *seen = Seen { reverse, highest, ..Seen::default() };
        }
    }
}
