//! When does a packet loop go to sleep? Not at once: what answers a packet is often there within
//! microseconds, and to be woken takes longer.
//!
//! ```text
//!   something came ──▶ looks at the device again and again ──▶ something comes: it was worth it
//!        ▲                │                                       │
//!        └────────────────┼───────────────────────────────────────┘
//!                         ├──▶ the time is over: it was not worth it ──▶ sleeps
//!                         └──▶ others had the CPU meanwhile: they want it ──▶ sleeps, for a while
//!                                                                           without looking first
//! ```
//!
//! Where it is not worth it more often than it is, it is only tried now and then. So an idle host
//! looks a few times and sleeps.

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::engine::BusyPolling;
use crate::time::Instant;

/// How long to look by default: as long as it takes to be woken, at the worst.
const LASTS: Duration = Duration::from_micros(50);

/// Looks that were worth it, less those that were not; no more are remembered.
const MOST_CREDIT: u64 = 16;

/// Where there is no credit left, one burst in so many is tried.
const TRIES: u64 = 32;

/// Two looks are this far apart at the most, unless others had the CPU.
const GAP: Duration = Duration::from_micros(40);

/// How long not to look where others want the CPU.
const BARRED: Duration = Duration::from_millis(10);

/// The looks that a packet loop takes at an empty device before it waits for it. Only the one who
/// leads asks; that one changes.
#[derive(Debug)]
pub(crate) struct BusyPoll {
    /// How long it looks after something came; zero: never.
    lasts: Duration,
    /// Whether it learns what is worth it.
    adapts: bool,
    /// CPUs of this machine that this process may use.
    cpus: usize,
    /// Nanoseconds on the host's clock: until when it looks.
    until: AtomicU64,
    /// When it looked last; zero: not since something came.
    looked: AtomicU64,
    /// Until when it does not look at all.
    barred: AtomicU64,
    credit: AtomicU64,
    bursts: AtomicU64,
}

impl BusyPoll {
    /// Nothing has come yet.
    pub(crate) fn new(policy: BusyPolling) -> Self {
        match policy {
            BusyPolling::Auto => {
                let cpus = thread::available_parallelism().map_or(2, NonZero::get);
                // On the only CPU whoever looks keeps those waiting who would answer.
                let lasts = if cpus == 1 { Duration::ZERO } else { LASTS };
                Self { cpus, ..Self::adaptive(lasts) }
            }
            BusyPolling::Off => Self::lasting(Duration::ZERO, false),
            BusyPolling::For(lasts) => Self::lasting(lasts, false),
        }
    }

    /// Learns whether it is worth it.
    pub(super) fn adaptive(lasts: Duration) -> Self {
        Self::lasting(lasts, true)
    }

    fn lasting(lasts: Duration, adapts: bool) -> Self {
        Self {
            lasts,
            adapts,
            cpus: 2,
            until: AtomicU64::new(0),
            looked: AtomicU64::new(0),
            barred: AtomicU64::new(0),
            credit: AtomicU64::new(MOST_CREDIT),
            bursts: AtomicU64::new(0),
        }
    }

    /// Something has come, or was sent, and more may follow soon.
    ///
    /// Each of so many `connections` has a thread that wants a CPU, and often its peer has one on the
    /// same machine: where there are fewer CPUs, whoever looks takes one from them.
    pub(crate) fn note_burst(&self, now: Instant, connections: usize) {
        if self.adapts && connections > 1 && 2 * connections > self.cpus {
            self.looked.store(0, Ordering::Relaxed);
            return self.until.store(0, Ordering::Relaxed);
        }
        if self.looked.swap(0, Ordering::Relaxed) > 0 {
            self.earn();
        }
        let bursts = self.bursts.fetch_add(1, Ordering::Relaxed);
        let worth_it = self.credit.load(Ordering::Relaxed) > 0 || bursts.is_multiple_of(TRIES);
        let barred = now.as_nanos() < self.barred.load(Ordering::Relaxed);
        let lasts = if worth_it && !barred { self.lasts } else { Duration::ZERO };
        self.until.store((now + lasts).as_nanos(), Ordering::Relaxed);
    }

    /// Whether to look again, rather than to sleep.
    pub(crate) fn looks_again(&self, now: Instant) -> bool {
        let looked = self.looked.load(Ordering::Relaxed);
        if now.as_nanos() < self.until.load(Ordering::Relaxed) {
            let gap = Duration::from_nanos(now.as_nanos().saturating_sub(looked));
            if !self.adapts || looked == 0 || gap < GAP {
                self.looked.store(now.as_nanos().max(1), Ordering::Relaxed);
                return true;
            }
            self.barred.store((now + BARRED).as_nanos(), Ordering::Relaxed);
        }
        if looked > 0 {
            self.looked.store(0, Ordering::Relaxed);
            self.spend();
        }
        self.until.store(0, Ordering::Relaxed);
        false
    }

    fn earn(&self) {
        let credit = self.credit.load(Ordering::Relaxed) + 2;
        self.credit.store(credit.min(MOST_CREDIT), Ordering::Relaxed);
    }

    fn spend(&self) {
        let credit = self.credit.load(Ordering::Relaxed);
        let left = if self.adapts { credit.saturating_sub(1) } else { credit };
        self.credit.store(left, Ordering::Relaxed);
    }
}
