//! What has arrived, and what do we say about it? RCV.*, the window to advertise, when to
//! acknowledge (RFC 9293, 3.8.6.2.2, 3.8.6.3; RFC 5681, 4.2), and what came twice (RFC 2883).
//!
//! ```text
//!        to be read      |<-- window -->|
//!  ----+-----------------+--------------+-----> sequence numbers
//!                     RCV.NXT          edge      (never moves left)
//! ```

use std::ops::Range;

use super::buffers::ReceiveBuffer;
use super::negotiation::Negotiated;
use super::reassembly::Reassembly;
use super::rightsizing::Progress;
use super::tcb::TIMESTAMP_BYTES;
use crate::buffer::{Pool, Queue};
use crate::wire::{RawWindow, SackBlocks, SeqNum, SeqRange};

/// The receiving half of a connection. Fields bear the RFC's names.
#[derive(Debug)]
pub(super) struct ReceiveHalf {
    /// Next sequence number expected.
    pub(super) nxt: SeqNum,
    /// Right edge of the largest window ever advertised (RFC 7323 2.4: all of it is honoured).
    pub(super) edge: SeqNum,
    /// Shift of the windows that we advertise.
    pub(super) shift: u8,
    /// How much may wait to be read.
    pub(super) buffer: ReceiveBuffer,
    /// Largest segment we told the peer to send, payload bytes.
    pub(super) our_mss: u16,
    /// Largest payload that one packet brought: what the peer calls a full-sized segment.
    pub(super) full_sized: u16,
    /// Text in order, to be read.
    pub(super) queue: Queue,
    /// Text that arrived too early.
    reassembly: Reassembly,
    /// What few peers ever send.
    rare: Option<Box<Rare>>,
    /// Position of `nxt` in the stream: bytes received in order.
    pub(super) position: u64,
    /// The peer's FIN was reached.
    pub(super) ended: bool,
    /// The application shut down reading.
    pub(super) shut: bool,
    /// Bytes received in order and not yet acknowledged.
    unacknowledged: u32,
    /// Segments that have arrived before their turn.
    pub(super) early_segments: u32,
}

/// What has arrived that most connections never see.
#[derive(Clone, Copy, Debug, Default)]
struct Rare {
    /// Text that has arrived once more, and is yet to be reported (RFC 2883, 4).
    duplicate: Option<SeqRange>,
    /// End of the urgent data (RCV.UP).
    urgent: Option<SeqNum>,
    /// Where the peer's FIN stands that came before its turn.
    early_fin: Option<SeqNum>,
}

/// How soon what has just arrived wants to be acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acknowledge {
    /// At once.
    Now,
    /// At once, and with an acknowledgement of its own.
    Each,
    /// With the next segment, or when the timer expires.
    Later,
}

impl ReceiveHalf {
    /// The peer's SYN, `irs`, has arrived; `buffer` is the one that our SYN told of.
    pub(super) fn new(negotiated: &Negotiated, buffer: ReceiveBuffer) -> Self {
        let nxt = negotiated.irs + 1;
        // Timestamps take their room from the payload (RFC 6691, 2). No MSS is less than 64.
        let options = if negotiated.timestamps.is_some() { TIMESTAMP_BYTES } else { 0 };
        Self {
            nxt,
            edge: nxt + u32::from(buffer.syn_window().0),
            shift: negotiated.receive_shift,
            buffer,
            our_mss: negotiated.our_mss,
            full_sized: negotiated.our_mss.min(SMALL_MSS) - options,
            queue: Queue::new(),
            reassembly: Reassembly::new(),
            rare: None,
            position: 0,
            ended: false,
            shut: false,
            unacknowledged: 0,
            early_segments: 0,
        }
    }

    /// How far it has come.
    pub(super) fn progress(&self) -> Progress {
        let arrived = self.position + self.reassembly.len() as u64;
        Progress { arrived, queued: self.queued() }
    }

    /// RCV.WND: what lies between RCV.NXT and the edge.
    pub(super) fn wnd(&self) -> u32 {
        if self.nxt.before(self.edge) { self.edge.since(self.nxt) } else { 0 }
    }

    /// Takes text whose first byte is `seq`; what lies outside of the window is cut off
    /// (RFC 9293 3.10.7.4, seventh). How soon it wants to be acknowledged.
    pub(super) fn take_text(
        &mut self,
        pool: &Pool,
        seq: SeqNum,
        text: &[u8],
        wire_segments: u16,
    ) -> Acknowledge {
        let (seq, text) = self.trim(seq, text);
        if text.is_empty() {
            // Nothing new: a duplicate, which its sender must learn of, or a closed window.
            return Acknowledge::Now;
        }
        self.learn_full_size(text.len(), wire_segments);
        if seq != self.nxt {
            self.early_segments = self.early_segments.wrapping_add(wire_segments.into());
            let ahead = u64::from(seq.since(self.nxt));
            // Crumbs whose records outweigh the whole buffer are an attack.
            let crumbs = self.reassembly.overhead() >= self.buffer.capacity();
            if !crumbs && !self.buffer.is_short() {
                self.reassembly.insert(pool, self.position + ahead, text);
            }
            // RFC 5681 3.2, 4.2, RFC5681-3.2-recv-ooo: a gap is told at once, and again for every
            // segment behind it: the sender counts.
            return Acknowledge::Each;
        }
        let fills_gap = !self.reassembly.is_empty();
        self.queue.extend(pool, text);
        self.advance(text.len() as u64);
        if fills_gap {
            let next = self.reassembly.take_ready(pool, self.position, &mut self.queue);
            self.advance(next - self.position);
            // RFC 5681 3.2, RFC5681-3.2-recv-gap: as is the filling of one.
            return Acknowledge::Now;
        }
        // RFC 9293 3.8.6.3, SHLD-19: two full-sized segments are enough. RFC 5681 4.2,
        // RFC5681-4.2-a.
        let enough = self.unacknowledged >= 2 * u32::from(self.full_sized);
        if enough { Acknowledge::Now } else { Acknowledge::Later }
    }

    /// Whether so much is not acknowledged that its sender may run out of window.
    pub(super) fn is_pressing(&self) -> bool {
        self.unacknowledged >= self.buffer.capacity() / 3
    }

    /// Passes the FIN once everything before it has arrived; `true` the one time that it does.
    /// `brought` is where the segment at hand has one. The first FIN counts, unless text has gone over
    /// it.
    pub(super) fn pass_fin(&mut self, brought: Option<SeqNum>) -> bool {
        let ahead = |fin: &SeqNum| !self.ended && !fin.before(self.nxt);
        let early = self.rare.as_ref().and_then(|rare| rare.early_fin).filter(ahead);
        let Some(fin) = early.or(brought).filter(ahead) else { return false };
        if fin != self.nxt {
            self.rare.get_or_insert_default().early_fin = Some(fin);
            return false;
        }
        self.nxt += 1;
        // It takes a number but no buffer: the window stays what it was.
        self.edge += 1;
        self.ended = true;
        true
    }

    /// The window to advertise now; the edge moves along with it.
    ///
    /// RFC 9293 3.8.6.2.2, MUST-39: the edge stands still until it can move by half the buffer or
    /// one segment; it never moves left (SHLD-14), but for what the shift cannot express.
    pub(super) fn advertise(&mut self) -> RawWindow {
        let kept = self.wnd();
        // One step beyond what the field expresses, so that there, too, the edge may move.
        let most = self.expressible().saturating_add(self.step());
        let offer = self.buffer.secure(self.queued(), kept, most);
        let candidate = self.nxt + offer;
        let unit = 1 << self.shift;
        let raw = if candidate.after(self.edge) && candidate.since(self.edge) >= self.step() {
            (offer >> self.shift).max(kept.div_ceil(unit))
        } else if kept.div_ceil(unit) * unit <= offer.saturating_add(unit) {
            kept.div_ceil(unit)
        } else {
            // Rounding up again and again would promise what the buffer does not have.
            kept >> self.shift
        };
        let raw = u16::try_from(raw).unwrap_or(u16::MAX);
        self.edge = self.edge.later(self.nxt + (u32::from(raw) << self.shift));
        self.buffer.promise(self.wnd());
        self.unacknowledged = 0;
        RawWindow(raw)
    }

    /// Whether reading has freed so much that the peer should hear of it: at least twice what it
    /// still has, and a quarter of the buffer more, unless it may hardly send at all. While text
    /// flows, its acknowledgements tell the rest.
    pub(super) fn update_due(&self) -> bool {
        if self.ended {
            return false;
        }
        let less =
            if self.wnd() < u32::from(self.our_mss) { 0 } else { self.buffer.capacity() / 4 };
        let least = self.step().max(less);
        let worth_it = |offer: u32| {
            let candidate = self.nxt + offer;
            let grows = candidate.after(self.edge) && candidate.since(self.edge) >= least;
            grows && u64::from(offer) >= 2 * u64::from(self.wnd())
        };
        // No more than the window field can express, or every read would be worth an update. Mostly
        // it is not, however much memory there is.
        let (queued, most) = (self.queued(), self.expressible());
        worth_it(self.buffer.room(queued, most))
            && worth_it(self.buffer.offer(queued, self.wnd(), most))
    }

    /// Notes what of `text`, which has arrived and is not taken yet, was received before: the first
    /// stretch of it (RFC 2883 4, 4.2.3, RFC2883-4-a, RFC2883-4-c). Stretches that touch are reported
    /// as one, else the last.
    pub(super) fn note_duplicate(&mut self, text: SeqRange) {
        let Some(found) = self.old_part(text).or_else(|| self.held_part(text)) else { return };
        let duplicate = &mut self.rare.get_or_insert_default().duplicate;
        *duplicate = Some(match *duplicate {
            Some(before) if !before.end.before(found.start) && !found.end.before(before.start) => {
                let start = before.start.earlier(found.start);
                SeqRange { start, end: before.end.later(found.end) }
            }
            _ => found,
        });
    }

    fn duplicate(&self) -> Option<SeqRange> {
        self.rare.as_ref()?.duplicate
    }

    /// Whether there is a duplicate to report.
    pub(super) fn has_duplicate(&self) -> bool {
        self.duplicate().is_some()
    }

    /// The duplicate was reported, which happens once (RFC 2883, 4).
    pub(super) fn duplicate_reported(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.duplicate = None;
        }
    }

    /// The SACK blocks to report, at most `max`: a duplicate, then what is held, last changed
    /// first, which begins with what holds the duplicate (RFC 2018 3, 4, RFC2018-3; RFC 2883 4,
    /// RFC2883-4-b).
    pub(super) fn sack_blocks(&self, max: usize) -> SackBlocks {
        let mut blocks = SackBlocks::default();
        let mut room = max;
        if let Some(duplicate) = self.duplicate() {
            blocks.push(duplicate);
            room -= 1;
        }
        self.reassembly.report(room, |range| {
            blocks.push(self.range_at(&range));
        });
        blocks
    }

    /// Whether there is anything to tell in SACK blocks.
    pub(super) fn has_blocks(&self) -> bool {
        self.duplicate().is_some() || !self.reassembly.is_empty()
    }

    /// End of the urgent data (RCV.UP), if there was any.
    fn urgent(&self) -> Option<SeqNum> {
        self.rare.as_ref()?.urgent
    }

    /// RFC 9293 3.10.7.4, sixth: urgent data up to `end` is told of. Whether RCV.UP moves forward.
    pub(super) fn take_urgent(&mut self, end: SeqNum) -> bool {
        let news = end.after(self.urgent().unwrap_or(self.nxt));
        if news {
            self.rare.get_or_insert_default().urgent = Some(end);
        }
        news
    }

    /// Bytes of urgent data, up to its end, that were not read (RFC 9293 3.8.5, MUST-33).
    pub(super) fn urgent_unread(&self) -> u32 {
        let read_up_to = self.nxt - u32::try_from(self.queue.len()).unwrap_or(0);
        self.urgent()
            .map_or(0, |end| if read_up_to.before(end) { end.since(read_up_to) } else { 0 })
    }

    /// Cuts off what was received already and what lies beyond the window.
    fn trim<'a>(&self, seq: SeqNum, text: &'a [u8]) -> (SeqNum, &'a [u8]) {
        let (seq, text) = if seq.before(self.nxt) {
            let old = self.nxt.since(seq) as usize;
            (self.nxt, text.get(old..).unwrap_or(&[]))
        } else {
            (seq, text)
        };
        let room = if seq.before(self.edge) { self.edge.since(seq) as usize } else { 0 };
        (seq, &text[..text.len().min(room)])
    }

    fn learn_full_size(&mut self, len: usize, wire_segments: u16) {
        let each = len.div_ceil(usize::from(wire_segments.max(1)));
        let each = u16::try_from(each).unwrap_or(u16::MAX).min(self.our_mss);
        self.full_sized = self.full_sized.max(each);
    }

    fn advance(&mut self, bytes: u64) {
        // At most a window, which is far below 2^32.
        let step = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.nxt += step;
        self.position += bytes;
        self.unacknowledged = self.unacknowledged.saturating_add(step);
    }

    /// Bytes that wait to be read.
    fn queued(&self) -> u32 {
        u32::try_from(self.queue.len()).unwrap_or(u32::MAX)
    }

    /// The largest window that our window field can express.
    fn expressible(&self) -> u32 {
        u32::from(u16::MAX) << self.shift
    }

    fn step(&self) -> u32 {
        (self.buffer.capacity() / 2).min(u32::from(self.our_mss))
    }

    /// What of `text` was received in order. SYN and FIN are no text.
    fn old_part(&self, text: SeqRange) -> Option<SeqRange> {
        let stop = self.nxt - u32::from(self.ended);
        let known = self.position.min(u64::from(u32::MAX / 2));
        let first = stop - u32::try_from(known).unwrap_or(0);
        let old = SeqRange { start: text.start.later(first), end: text.end.earlier(stop) };
        old.start.before(old.end).then_some(old)
    }

    /// The first stretch of `text` that arrived too early before.
    fn held_part(&self, text: SeqRange) -> Option<SeqRange> {
        let (start, end) = (text.start.later(self.nxt), text.end.earlier(self.edge));
        if !start.before(end) {
            return None;
        }
        let position = |seq: SeqNum| self.position + u64::from(seq.since(self.nxt));
        let held = self.reassembly.overlap(position(start)..position(end))?;
        Some(self.range_at(&held))
    }

    fn range_at(&self, range: &Range<u64>) -> SeqRange {
        // Held ranges lie inside of the window.
        let at = |position: u64| u32::try_from(position - self.position).unwrap_or(u32::MAX);
        SeqRange { start: self.nxt + at(range.start), end: self.nxt + at(range.end) }
    }
}

/// What a full-sized segment has at least, unless we asked for less: that of a peer whose path
/// carries no more than it must (RFC 9293 3.7.1). Smaller ones are the application's choice, and
/// wait for company.
const SMALL_MSS: u16 = 536;
