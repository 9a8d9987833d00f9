//! What came of it?

use std::time::Duration;

use crate::device::impair::{Backlog, Tally};
use crate::tcp::Info;
use crate::time::Instant;

/// What a scenario led to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// When it was over: the scenario's duration, or when the last flow had ended.
    pub ended: Instant,
    /// What all flows got together, bits a second of the time that was measured.
    pub goodput: f64,
    /// Each flow, in the order of the scenario.
    pub flows: Vec<FlowReport>,
    /// Each direction of each link: there, back, in the order of the scenario.
    pub links: Vec<LinkReport>,
    /// Every flow over time.
    pub flow_samples: Vec<FlowSample>,
    /// Every direction of every link over time.
    pub link_samples: Vec<LinkSample>,
}

/// What a flow got and what it cost, its warm-up left out.
#[derive(Clone, Debug)]
pub struct FlowReport {
    /// Its name.
    pub name: String,
    /// Its congestion control.
    pub algorithm: &'static str,
    /// Bytes that the receiving program has read.
    pub bytes: u64,
    /// The same, bits a second of the flow's life: from its start to its end, or the scenario's.
    pub goodput: f64,
    /// Its share of what all flows got together, 0 to 1.
    pub share: f64,
    /// Segments with text that left the sender.
    pub segments: u64,
    /// Those whose text had left before.
    pub resent: u64,
    /// Segments with text that arrived with a mark (RFC 3168).
    pub marked: u64,
    /// Expirations of the retransmission timer.
    pub timeouts: u32,
    /// What arriving segments with text had waited in queues, on average.
    pub queued_mean: Option<Duration>,
    /// What 95 % of them had not exceeded, to within 3 %.
    pub queued_p95: Option<Duration>,
    /// Mean of the smoothed round trip over the samples.
    pub rtt_mean: Option<Duration>,
    /// When the receiving program read the end, if it has.
    pub finished: Option<Instant>,
    /// What ended it before its time.
    pub failed: Option<String>,
}

impl FlowReport {
    /// The share of segments that were sent again, 0 to 1.
    #[must_use]
    pub fn resent_share(&self) -> f64 {
        self.resent as f64 / self.segments.max(1) as f64
    }
}

/// What a direction of a link has done, the warm-up left out.
#[derive(Clone, Debug)]
pub struct LinkReport {
    /// Its name, and `there` or `back`.
    pub name: String,
    /// What it carried, as a share of what its rate could have; `None` without a rate.
    pub utilisation: Option<f64>,
    /// From the beginning on.
    pub tally: Tally,
}

/// A flow at one moment.
#[derive(Clone, Debug)]
pub struct FlowSample {
    /// When.
    pub at: Instant,
    /// Its place in the scenario.
    pub flow: usize,
    /// What the sender tells; `None` before there is one.
    pub info: Option<Info>,
    /// Bytes that the receiving program has read so far.
    pub received: u64,
    /// Bits a second since the last sample.
    pub goodput: f64,
    /// What segments with text have waited in queues since the last sample, on average.
    pub queued: Option<Duration>,
}

/// A direction of a link at one moment.
#[derive(Clone, Copy, Debug)]
pub struct LinkSample {
    /// When.
    pub at: Instant,
    /// Its place among [`Outcome::links`].
    pub link: usize,
    /// What waits.
    pub backlog: Backlog,
    /// What it has done so far.
    pub tally: Tally,
}

impl Outcome {
    /// Jain's index of the goodputs.
    #[must_use]
    pub fn fairness(&self) -> f64 {
        jain(self.flows.iter().map(|flow| flow.goodput))
    }
}

/// Jain's index of fairness: 1 where all have the same, 1/n where one of n has all. Of nothing, 1.
///
/// ```
/// use tuntcp::sim::lab::jain;
///
/// assert_eq!(jain([5.0, 5.0]), 1.0);
/// assert_eq!(jain([5.0, 0.0]), 0.5);
/// ```
pub fn jain(of: impl IntoIterator<Item = f64>) -> f64 {
    let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for part in of {
        count += 1.0;
        sum += part;
        squares += part * part;
    }
    if squares > 0.0 { sum * sum / (count * squares) } else { 1.0 }
}
