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
    /// How long it was busy, nanoseconds; while it is, when that would have begun had it been busy
    /// ever since.
    busy: u64,
    /// Most connections never wait for these.
    stalled: Option<Box<Stalled>>,
}

/// How long a sender was stalled.
#[derive(Clone, Copy, Debug, Default)]
struct Stalled {
    /// When it was last; meaningless unless it is now.
    since: Instant,
    /// Nanoseconds.
    peer_window: u64,
    send_buffer: u64,
}

impl Stopwatch {
    pub(super) const fn new() -> Self {
        Self { limit: Limit::Work, busy: 0, stalled: None }
    }

    fn note(&mut self, now: Instant, limit: Limit) {
        if limit == self.limit {
            return;
        }
        if (limit == Limit::Work) != (self.limit == Limit::Work) {
            // From how long to since when, or back.
            self.busy = now.as_nanos().saturating_sub(self.busy);
        }
        let stalls = |limit| matches!(limit, Limit::PeerWindow | Limit::SendBuffer);
        if stalls(self.limit) || stalls(limit) {
            let stalled = self.stalled.get_or_insert_default();
            **stalled = stalled.until(now, self.limit);
            stalled.since = now;
        }
        self.limit = limit;
    }

    /// The times until `now`.
    pub(super) fn times(&self, now: Instant) -> Times {
        let busy = match self.limit {
            Limit::Work => self.busy,
            _ => now.as_nanos().saturating_sub(self.busy),
        };
        let stalled = self.stalled.as_deref().copied().unwrap_or_default().until(now, self.limit);
        Times {
            busy: Duration::from_nanos(busy),
            peer_window: Duration::from_nanos(stalled.peer_window),
            send_buffer: Duration::from_nanos(stalled.send_buffer),
        }
    }
}

impl Stalled {
    /// With the time until `now`, in which there was this `limit`.
    fn until(self, now: Instant, limit: Limit) -> Self {
        let spent = now.as_nanos().saturating_sub(self.since.as_nanos());
        let add =
            |time: u64, of: Limit| if limit == of { time.saturating_add(spent) } else { time };
        Self {
            since: self.since,
            peer_window: add(self.peer_window, Limit::PeerWindow),
            send_buffer: add(self.send_buffer, Limit::SendBuffer),
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
