//! What has the sender waited for, and for how long? The chronographs of Linux's `tcp_info`.
//!
//! ```text
//!   nothing to do | busy                                          | nothing to do
//!                 |      | peer's window |         | send buffer | |
//! ```
//!
//! Busy is whoever has something to send, or not acknowledged. Two limits are told from the usual
//! one, the path: the peer's window is too small, or the send buffer is, as all of it flies.

use std::time::Duration;

use super::tcb::Tcb;
use crate::time::Instant;

/// What limits the sender now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    /// There is nothing to do.
    Work,
    /// The network, or our own turn.
    Path,
    /// The peer's window.
    PeerWindow,
    /// The send buffer.
    SendBuffer,
}

/// Times spent so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) busy: Duration,
    pub(super) peer_window: Duration,
    pub(super) send_buffer: Duration,
}

/// The stopwatch of one connection.
#[derive(Debug)]
pub(super) struct Stopwatch {
    limit: Limit,
    since: Instant,
    /// Nanoseconds.
    busy: u64,
    /// Most connections never wait for these: nanoseconds of `PeerWindow`, of `SendBuffer`.
    stalled: Option<Box<[u64; 2]>>,
}

impl Stopwatch {
    pub(super) const fn new() -> Self {
        Self { limit: Limit::Work, since: Instant::ZERO, busy: 0, stalled: None }
    }

    fn note(&mut self, now: Instant, limit: Limit) {
        if limit == self.limit {
            return;
        }
        let spent = (now - self.since).as_nanos();
        let spent = u64::try_from(spent).unwrap_or(u64::MAX);
        if self.limit != Limit::Work {
            self.busy = self.busy.saturating_add(spent);
        }
        let stall = match self.limit {
            Limit::Work | Limit::Path => None,
            Limit::PeerWindow => Some(0),
            Limit::SendBuffer => Some(1),
        };
        if let Some(stall) = stall {
            let stalled = &mut self.stalled.get_or_insert_default()[stall];
            *stalled = stalled.saturating_add(spent);
        }
        (self.limit, self.since) = (limit, now);
    }

    /// The times until `now`.
    pub(super) fn times(&self, now: Instant) -> Times {
        let running = now - self.since;
        let [peer_window, send_buffer] = self.stalled.as_deref().copied().unwrap_or_default();
        let time = |nanos: u64, runs: bool| {
            let running = if runs { running } else { Duration::ZERO };
            Duration::from_nanos(nanos).saturating_add(running)
        };
        Times {
            busy: time(self.busy, self.limit != Limit::Work),
            peer_window: time(peer_window, self.limit == Limit::PeerWindow),
            send_buffer: time(send_buffer, self.limit == Limit::SendBuffer),
        }
    }
}

impl Tcb {
    /// Nothing more can be sent at the moment: the reason counts from now on.
    pub(super) fn note_time(&mut self, now: Instant) {
        let snd = &self.snd;
        let limit = if snd.has_unsent() {
            let least = snd.unsent().min(self.mss());
            let peer = snd.usable() < least && self.room() >= least;
            if peer { Limit::PeerWindow } else { Limit::Path }
        } else if snd.outstanding() == 0 {
            Limit::Work
        } else if snd.queue.len() >= snd.capacity as usize {
            Limit::SendBuffer
        } else {
            Limit::Path
        };
        self.stopwatch.note(now, limit);
    }
}
