//! What is sent, what is acknowledged, what may be sent? SND.*, window arithmetic, Nagle,
//! silly-window avoidance (RFC 9293, 3.3.1, 3.7.4, 3.8.6).
//!
//! ```text
//!            queue: bytes from SND.UNA on, FIN behind them once closed
//!       |<---------------------------------------------->| FIN
//!  -----+----------------------+-------------------------+-----> sequence numbers
//!    SND.UNA                SND.NXT                  queue_end
//!       |<-- outstanding ----->|
//!       |<------------- SND.WND ------------>| window_edge
//! ```
//!
//! SND.NXT never moves back: what must be sent again is `recovery`'s question.

use super::negotiation::Negotiated;
use super::scoreboard::Burst;
use super::{Config, MIN_MSS};
use crate::buffer::Queue;
use crate::time::Instant;
use crate::wire::{SeqNum, SeqRange};

/// The sending half of a connection. Fields bear the RFC's names.
#[derive(Debug)]
pub(super) struct SendHalf {
    /// Oldest unacknowledged sequence number.
    pub(super) una: SeqNum,
    /// Next sequence number to be sent.
    pub(super) nxt: SeqNum,
    /// Send window, bytes from `una`.
    pub(super) wnd: u32,
    /// Largest window the peer ever offered (MAX.SND.WND).
    pub(super) max_wnd: u32,
    /// SEG.SEQ of the last window update.
    pub(super) wl1: SeqNum,
    /// SEG.ACK of the last window update.
    pub(super) wl2: SeqNum,
    /// Shift of the peer's windows.
    pub(super) shift: u8,
    /// Largest TCP payload and options of a segment, bytes: the least of the peer's MSS and the
    /// path's, options not yet subtracted (RFC 6691).
    pub(super) mss: u16,
    /// Sequence space acknowledged since our SYN.
    pub(super) acked: u64,
    /// Bytes from `una` on.
    pub(super) queue: Queue,
    /// Bytes that it may hold.
    pub(super) capacity: u32,
    /// The application closed: a FIN stands behind the queue.
    pub(super) closed: bool,
    /// The FIN was sent and acknowledged.
    fin_acked: bool,
    /// When something with sequence space was sent last.
    pub(super) last_sent: Instant,
    /// End of the last segment sent that was not full.
    pub(super) small_end: SeqNum,
    /// The override timer let a small segment pass (RFC 9293 3.8.6.2.1).
    pub(super) override_held: bool,
    /// A zero-window probe is due.
    pub(super) probe_due: bool,
    /// How often the probe timer expired in a row.
    pub(super) probes: u8,
}

/// A stretch of new sequence space to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Bytes of text.
    pub(super) text: u32,
    /// The FIN follows the text.
    pub(super) fin: bool,
    /// It is one segment, longer than others, that probes the path (`mtu_search.rs`).
    pub(super) probes: bool,
}

impl Stretch {
    /// Its segments, of `payload` bytes at most, from `start` on. The FIN goes with the last one.
    pub(super) fn burst(self, start: SeqNum, payload: u32) -> Burst {
        let segments = u16::try_from(self.text.div_ceil(payload).max(1)).unwrap_or(u16::MAX);
        let range = SeqRange::of_len(start, self.text + u32::from(self.fin));
        Burst { range, segments, size: payload }
    }
}

impl SendHalf {
    /// Our SYN, `iss`, is acknowledged; nothing else was sent.
    pub(super) fn new(iss: SeqNum, negotiated: &Negotiated, capacity: usize, now: Instant) -> Self {
        Self {
            una: iss + 1,
            nxt: iss + 1,
            wnd: negotiated.send_window,
            max_wnd: negotiated.send_window,
            wl1: negotiated.irs,
            wl2: iss + 1,
            shift: negotiated.send_shift,
            mss: negotiated.mss.max(MIN_MSS),
            acked: 0,
            queue: Queue::new(),
            capacity: most_bytes(capacity),
            closed: false,
            fin_acked: false,
            last_sent: now,
            small_end: iss,
            override_held: false,
            probe_due: false,
            probes: 0,
        }
    }

    /// The queue may hold so much from now on; what it holds already stays.
    pub(super) fn set_capacity(&mut self, bytes: usize) {
        self.capacity = most_bytes(bytes);
    }

    /// Sequence space sent and not acknowledged.
    pub(super) fn outstanding(&self) -> u32 {
        self.nxt.since(self.una)
    }

    /// Bytes of text sent at least once since our SYN.
    pub(super) fn bytes_sent(&self) -> u64 {
        let fins = u64::from(self.fin_sent());
        self.acked + u64::from(self.outstanding()) - fins
    }

    /// The sequence number behind the last byte of the queue: the FIN's.
    pub(super) fn queue_end(&self) -> SeqNum {
        // The queue is far below 2^31. An acknowledged FIN is before SND.UNA.
        self.una + u32::try_from(self.queue.len()).unwrap_or(u32::MAX >> 1)
            - u32::from(self.fin_acked)
    }

    /// Whether the FIN was sent at least once.
    pub(super) fn fin_sent(&self) -> bool {
        self.closed && self.nxt.after(self.queue_end())
    }

    /// Bytes of text that were never sent.
    pub(super) fn unsent(&self) -> u32 {
        if self.fin_sent() { 0 } else { self.queue_end().since(self.nxt) }
    }

    /// Whether anything, text or FIN, was never sent.
    pub(super) fn has_unsent(&self) -> bool {
        self.unsent() > 0 || (self.closed && !self.fin_sent())
    }

    /// Nothing is unsent or unacknowledged, the FIN included once closed.
    pub(super) fn is_flushed(&self) -> bool {
        self.outstanding() == 0 && !self.has_unsent()
    }

    /// The right edge of the window.
    pub(super) fn window_edge(&self) -> SeqNum {
        self.una + self.wnd
    }

    /// The sequence number of a segment without text: SND.NXT, unless that lies beyond the peer's
    /// window, where a probe has led us. The peer would refuse the segment there, and with it the
    /// acknowledgement; two ends that probe each other would never hear each other again. What
    /// the shift cannot express is not beyond (RFC 7323 2.4).
    pub(super) fn bare_seq(&self) -> SeqNum {
        let edge = self.window_edge();
        let rounding = (1 << self.shift) - 1;
        let inside = self.wnd > 0 && !self.nxt.after(edge + rounding);
        if inside { self.nxt } else { self.nxt.earlier(edge) }
    }

    /// What the peer's window leaves beyond SND.NXT. Nothing when the window shrank below what is
    /// outstanding (RFC 9293 3.8.6, MUST-34, SHLD-15).
    pub(super) fn usable(&self) -> u32 {
        let edge = self.window_edge();
        if self.nxt.before(edge) { edge.since(self.nxt) } else { 0 }
    }

    /// What to send next of the new data, when the peer's window and `room` (what congestion
    /// control leaves) allow; `payload` is the largest payload of a segment and `most` the largest
    /// of a frame.
    ///
    /// RFC 9293 3.8.6.2.1, MUST-38: send a full segment; or all there is, when nothing is
    /// outstanding or Nagle is off; or half the largest window ever seen; or whatever the override
    /// timer lets pass. A cork holds back all but the first, and what a window of that size takes.
    pub(super) fn next_stretch(
        &self,
        room: u32,
        payload: u32,
        most: u32,
        config: &Config,
    ) -> Option<Stretch> {
        let unsent = self.unsent();
        let usable = self.usable().min(room);
        let mut text = unsent.min(usable).min(most);
        let fin = self.closed && !self.fin_sent() && text == unsent && usable > text;
        if text == 0 && !fin {
            return None;
        }
        let corked = config.cork && !self.closed && !self.override_held;
        // RFC 9293 3.7.4, MUST-17, SHLD-7: Nagle holds a small segment back, as Linux does only
        // while another small one is outstanding: the tail of a large write does not wait for a
        // delayed ACK. Behind a close nothing more can join it.
        let at_once = config.nodelay || !self.small_end.after(self.una);
        let held_back = corked || !at_once && !self.closed && !self.override_held;
        if text > payload && (text < unsent || held_back) {
            // A frame of several segments ends with a full one while more follows, or may.
            text -= text % payload;
        }
        let all = text == unsent && (at_once || self.closed) && !corked;
        let half_window = at_once && text >= (self.max_wnd / 2).max(1);
        let go = fin || text >= payload || all || half_window || self.override_held;
        go.then_some(Stretch { text, fin, probes: false })
    }

    /// Whether the peer's window is closed although there is something to send, or something
    /// beyond its (shrunken) edge: then probes replace retransmissions (MUST-35, MUST-36).
    pub(super) fn window_closed(&self) -> bool {
        self.wnd == 0 && (self.outstanding() > 0 || self.has_unsent())
    }

    /// RFC 9293 3.10.7.4, fifth: takes over the window of a segment, unless an older segment
    /// arrives later than a newer one. `true` when the window moved.
    pub(super) fn update_window(&mut self, seq: SeqNum, ack: SeqNum, wnd: u32) -> bool {
        let newer = self.wl1.before(seq) || (self.wl1 == seq && !ack.before(self.wl2));
        if !newer {
            return false;
        }
        let changed = self.wnd != wnd;
        self.wnd = wnd;
        self.max_wnd = self.max_wnd.max(wnd);
        self.wl1 = seq;
        self.wl2 = ack;
        changed
    }

    /// Everything before `ack`, which lies in (SND.UNA, SND.NXT], has arrived. Whether our FIN was
    /// part of it.
    pub(super) fn acknowledge(&mut self, ack: SeqNum) -> bool {
        let fin_acked = self.closed && ack.after(self.queue_end());
        let bytes = ack.since(self.una) - u32::from(fin_acked);
        // Only now: what is SACKed may be thrown away yet (RFC 2018 8, RFC2018-8-a; RFC6675-4-keep).
        self.queue.discard(bytes as usize);
        self.acked += u64::from(ack.since(self.una));
        self.una = ack;
        // Two gigabytes later it would lie ahead.
        self.small_end = self.small_end.later(ack);
        self.wnd = self.wnd.saturating_sub(bytes + u32::from(fin_acked));
        self.fin_acked |= fin_acked;
        fin_acked
    }

    /// Notes that sequence space up to `end` leaves now.
    pub(super) fn sent(&mut self, now: Instant, end: SeqNum) {
        self.nxt = self.nxt.later(end);
        self.last_sent = now;
        self.override_held = false;
    }
}

/// Sequence numbers tell before from after within 2^31.
fn most_bytes(capacity: usize) -> u32 {
    u32::try_from(capacity).unwrap_or(u32::MAX).min(1 << 30)
}
