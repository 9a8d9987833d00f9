//! How much may wait? The room for what arrives and for what is to be sent, and what of it the
//! memory of the host allows.
//!
//! A window that was offered is a promise: whatever the peer sends into it is taken (RFC 9293
//! 3.8.6, SHLD-14). So the account of the host counts windows like text: what all connections
//! together have promised and hold never exceeds its limit, though every peer filled its window at
//! once and nobody read. When memory is short, windows are renewed no further than to what their
//! connections began with, then hardly at all, and writers wait; but every connection may have
//! [`FLOOR`] each way, without which those that hold memory could not go on and give it back.

use super::BufferSize;
use super::rightsizing::{ROOM_FOR_A_WHILE, Rightsizing};
use super::tcb::Tcb;
use crate::buffer::{Pool, Purpose, Share};
use crate::wire::RawWindow;

/// Bytes each way that a connection has room for however short memory is (Linux: the first number
/// of `tcp_rmem` and `tcp_wmem`).
pub(super) const FLOOR: u32 = 4096;

/// The largest window that 16 bits and a shift of 14 express (RFC 7323, 2.3).
const MAX_WINDOW: u32 = 65_535 << 14;

/// The room for what arrives.
#[derive(Debug)]
pub(super) struct ReceiveBuffer {
    /// What the peer may still send and was not counted otherwise: the window, as told last.
    promised: Share,
    /// Bytes that may wait to be read.
    capacity: u32,
    /// What it began with.
    initial: u32,
    /// What tells how large it ought to be, while it may grow and does something.
    rightsizing: Option<Box<Rightsizing>>,
}

impl ReceiveBuffer {
    /// For a connection that begins: with a full window, or a small one where memory is short.
    pub(super) fn new(pool: &Pool, size: BufferSize) -> Self {
        let mut buffer =
            Self { promised: Share::new(pool), capacity: 0, initial: 0, rightsizing: None };
        buffer.pin(size.initial);
        if !buffer.promised.try_set(buffer.first_window(), Purpose::Begin) {
            if size.max > size.initial {
                // It may show that it needs more.
                buffer.pin(size.initial.min(FLOOR as usize));
            }
            buffer.promised.set(buffer.first_window().min(FLOOR));
        }
        buffer
    }

    /// What a SYN can tell of it, never scaled (RFC 7323 2.2).
    fn first_window(&self) -> u32 {
        self.capacity.min(u32::from(u16::MAX))
    }

    /// The window of our SYN: what was promised before there was any other.
    pub(super) fn syn_window(&self) -> RawWindow {
        RawWindow(u16::try_from(self.promised.bytes()).unwrap_or(u16::MAX))
    }

    /// The window that is accounted for.
    pub(super) fn promised(&self) -> u32 {
        self.promised.bytes()
    }

    /// Bytes that may wait to be read.
    pub(super) fn capacity(&self) -> u32 {
        self.capacity
    }

    /// So many bytes from now on; what was promised stays promised.
    pub(super) fn pin(&mut self, bytes: usize) {
        self.capacity = most_bytes(bytes);
        self.initial = self.capacity;
        self.rightsizing = None;
    }

    /// What tells how large the buffer of a connection that has received `position` bytes in order
    /// ought to be, unless it may not grow beyond what it is; made when it is first worth asking.
    pub(super) fn rightsizing(
        &mut self,
        max: usize,
        position: u64,
        make: impl FnOnce() -> Rightsizing,
    ) -> Option<&mut Rightsizing> {
        let quiet = self.rightsizing.is_none() && position < u64::from(self.capacity / 4);
        if quiet || self.capacity >= most_bytes(max) {
            return None;
        }
        Some(self.rightsizing.get_or_insert_with(|| Box::new(make())))
    }

    /// So many bytes would be right: they are, up to `max`, unless memory is short.
    pub(super) fn grow(&mut self, wanted: u32, max: usize) {
        let wanted = wanted.min(most_bytes(max));
        if wanted > self.capacity && self.pool().left(Purpose::Grow) > 0 {
            self.capacity = wanted;
        }
    }

    /// The same buffer of another phase of the connection, with what is promised.
    pub(super) fn take(&mut self) -> Self {
        let nothing = Share::new(self.promised.pool());
        Self {
            promised: std::mem::replace(&mut self.promised, nothing),
            rightsizing: self.rightsizing.take(),
            ..*self
        }
    }

    /// Whether text that is not needed yet is better dropped, and sent again later.
    pub(super) fn is_short(&self) -> bool {
        self.pool().left(Purpose::Keep) == 0
    }

    /// The window that may be offered where `queued` bytes wait to be read, the peer has `kept` of
    /// what was offered before, and the window field expresses `most`.
    pub(super) fn offer(&self, queued: u32, kept: u32, most: u32) -> u32 {
        let room = |size: u32| size.saturating_sub(queued).min(most);
        let left = |purpose| u32::try_from(self.pool().left(purpose)).unwrap_or(u32::MAX);
        let affordable = |purpose| self.promised.bytes().saturating_add(left(purpose));
        let all = room(self.capacity);
        let modest = room(self.initial.min(self.capacity)).min(affordable(Purpose::Keep));
        let grown = if self.is_short() { 0 } else { all.min(affordable(Purpose::Grow)) };
        grown.max(modest).max(kept.max(room(FLOOR)).min(all))
    }

    /// The most that `offer` can say.
    pub(super) fn room(&self, queued: u32, most: u32) -> u32 {
        self.capacity.saturating_sub(queued).min(most)
    }

    /// What `offer` says, with the memory for it taken: `promise` tells what of it was told.
    pub(super) fn secure(&mut self, queued: u32, kept: u32, most: u32) -> u32 {
        let offer = self.offer(queued, kept, most);
        if offer <= self.promised.bytes() || self.promised.try_set(offer, Purpose::Keep) {
            return offer;
        }
        // Somebody else was faster, or memory is short and this is the least.
        kept.max(FLOOR.saturating_sub(queued)).min(offer)
    }

    /// The window was told to be this.
    pub(super) fn promise(&mut self, window: u32) {
        self.promised.set(window);
    }

    pub(super) fn pool(&self) -> &Pool {
        self.promised.pool()
    }
}

impl Tcb {
    /// Bytes that the application may hand over now.
    pub(super) fn writable(&self) -> usize {
        let queued = self.snd.queue.len();
        let memory = self.rcv.buffer.pool().left(Purpose::Send);
        let floor = (FLOOR as usize).saturating_sub(queued);
        self.send_limit().saturating_sub(queued).min(memory.max(floor))
    }

    /// New data was acknowledged: there may be more of it in flight now. The queue has room for that
    /// twice, since what is in flight stays in it until it is acknowledged, and by then as much again
    /// shall be there to follow, while a loss is repaired, too.
    ///
    /// A window that has outgrown twice what the path delivers in its least round trip stands in some
    /// queue for the most part, maybe in this very host: that is no reason to hold more.
    pub(super) fn tune_send_buffer(&mut self) {
        let max = self.config.send_buffer.max;
        if self.snd.capacity as usize >= max || self.rcv.buffer.pool().left(Purpose::Grow) == 0 {
            return;
        }
        let round = self.rtt.least().unwrap_or_default().as_micros();
        let round = u64::try_from(round).unwrap_or(u64::MAX);
        let path = self.delivery_rate.saturating_mul(round) / 1_000_000;
        let path = u32::try_from(path).unwrap_or(u32::MAX);
        let useful = path.saturating_mul(2).saturating_add(ROOM_FOR_A_WHILE);
        let wanted = self.congestion.window().min(useful).saturating_mul(2) as usize;
        if wanted > self.snd.capacity as usize {
            self.snd.set_capacity(wanted.min(max));
        }
    }

    /// Whether it is worth writing: a third of the send buffer is free, as with Linux, and there is memory.
    /// Whoever was woken for less would be woken for each acknowledgement. While this does not hold
    /// something is unacknowledged: an acknowledgement will tell when it does.
    pub(super) fn is_writable(&self) -> bool {
        let queued = self.snd.queue.len();
        let memory = || self.rcv.buffer.pool().left(Purpose::Send) > 0;
        queued * 3 <= self.send_limit() * 2 && (queued < FLOOR as usize || memory())
    }

    /// The size of the send buffer, bytes, while memory is as it is.
    fn send_limit(&self) -> usize {
        let capacity = self.snd.capacity as usize;
        match self.rcv.buffer.pool().left(Purpose::Grow) {
            0 => capacity.min(self.config.send_buffer.initial),
            _ => capacity,
        }
    }
}

fn most_bytes(capacity: usize) -> u32 {
    u32::try_from(capacity).unwrap_or(u32::MAX).min(MAX_WINDOW)
}
