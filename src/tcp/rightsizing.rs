//! How large a window does the peer need? The receive buffer grows with what is delivered in a round
//! trip (dynamic right-sizing, Fisk and Feng 2001), so that the window is never what limits it.
//!
//! ```text
//!   |<----- round ----->|<----- round ----->|        a round trip, as the receiver sees it
//!   |     29 kB         |     58 kB         |        what was delivered in it
//!   64 kB          117 kB              232 kB        the buffer: for twice that, and for the next
//!                                                    doubling of slow start
//! ```
//!
//! *Delivered* is what has arrived, behind a gap too, less what has come to wait for the application:
//! if that is slow, more room would only hold more of it.
//!
//! **In a round trip.** The least window that fills a path is what it delivers in a round trip. Twice
//! that lets the sender go on while a lost segment is sent again, which takes another one. While more
//! arrives from round to round the sender is probably in slow start, where a round brings twice what
//! the one before did, and is answered at its end: four times what was delivered, then.
//!
//! A sender's round trips are no guide where it sends nothing. What the receiver has: that of the
//! handshake; timestamps that come back to it with text (RFC 7323, 3), in milliseconds, and late
//! where the sender had nothing to send; and the time until text arrives that no earlier window
//! allowed. All of these are too long at times and too short never, so the least of late counts, as
//! it must: where a queue stands on the way, a larger window makes it longer and nothing faster, and
//! by the round trip through it every window would be too small.
//!
//! **In a while.** On a path of microseconds it is the application that takes long to come back, for
//! it waits for its turn on a core. For that, too, there is room, but not without end: text that
//! waits outside of the core's cache costs more than an idle sender.
//!
//! Asked with every segment of text; what is offered in the end is `buffers`' question.

use std::time::Duration;

use super::tcb::Tcb;
use crate::time::Instant;
use crate::wire::Segment;

/// The least time to measure over: what arrives in less tells how frames are batched.
const LEAST: Duration = Duration::from_millis(1);

/// How long an application may take to come back.
const WHILE: Duration = Duration::from_millis(100);

/// The room for what is delivered meanwhile, at most, bytes.
pub(super) const ROOM_FOR_A_WHILE: u32 = 512 << 10;

/// The same where the device hands over many segments in one frame. They cost the application so
/// little that it needs less time to catch up, and what waits for it keeps those who share the path
/// waiting, too.
const ROOM_FOR_JOINED: u32 = 128 << 10;

/// So many segments in a frame are many.
const JOINED: u16 = 4;

/// How long the least round trip counts, at least; twice that at most. A path may become longer.
const PERIOD: Duration = Duration::from_secs(30);

/// How far a connection has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    /// Bytes that have arrived since the connection opened, each counted once.
    pub(super) arrived: u64,
    /// Bytes that wait to be read.
    pub(super) queued: u32,
}

/// A stretch of time in which deliveries are counted.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    began: Instant,
    from: Progress,
}

impl Stretch {
    /// Bytes delivered since it began; where it has lasted longer than `time`, the part of them that
    /// came in so long.
    fn delivered(&self, now: Instant, progress: Progress, time: Duration) -> u32 {
        let arrived = progress.arrived.saturating_sub(self.from.arrived);
        let left = progress.queued.saturating_sub(self.from.queued);
        let bytes = u32::try_from(arrived).unwrap_or(u32::MAX).saturating_sub(left);
        let lasted = (now - self.began).max(LEAST);
        if lasted <= time {
            return bytes;
        }
        let part = u128::from(bytes) * time.as_nanos() / lasted.as_nanos();
        u32::try_from(part).unwrap_or(u32::MAX)
    }
}

/// What is known of one connection. An idle one owns none.
#[derive(Debug)]
pub(super) struct Rightsizing {
    /// The least round trip of this period, and of the one before.
    round_trip: [Option<Duration>; 2],
    /// When this period began.
    period: Instant,
    /// Where the window ended when that was looked at last, as a position in the stream, and when.
    mark: Option<(u64, Instant)>,
    /// The round that has begun.
    round: Stretch,
    /// Bytes delivered in the one before.
    before: Option<u32>,
    /// The while that has begun.
    pause: Stretch,
    /// The room for what comes in a while, at most, bytes.
    room: u32,
}

impl Rightsizing {
    /// Begins to measure. `round_trip` is what is known already.
    pub(super) fn new(now: Instant, progress: Progress, round_trip: Option<Duration>) -> Self {
        let stretch = Stretch { began: now, from: progress };
        Self {
            round_trip: [round_trip, None],
            period: now,
            mark: None,
            round: stretch,
            before: None,
            pause: stretch,
            room: ROOM_FOR_A_WHILE,
        }
    }

    /// A frame of so many segments has come.
    pub(super) fn note_frame(&mut self, segments: u16) {
        if segments >= JOINED {
            self.room = ROOM_FOR_JOINED;
        }
    }

    /// A round trip has taken at most so long.
    pub(super) fn note_round_trip(&mut self, now: Instant, at_most: Duration) {
        if now - self.period >= PERIOD {
            self.round_trip = [None, self.round_trip[0]];
            self.period = now;
        }
        let least = &mut self.round_trip[0];
        *least = Some(least.map_or(at_most, |known| known.min(at_most)));
    }

    /// Text has come in order up to `position`, and the window reaches to `edge`.
    pub(super) fn note_window(&mut self, now: Instant, position: u64, edge: u64) {
        match self.mark {
            Some((mark, since)) if position > mark => {
                // Whoever sent this had heard of a later window.
                self.note_round_trip(now, now - since);
                self.mark = Some((edge, now));
            }
            Some(_) => {}
            None => self.mark = Some((edge, now)),
        }
    }

    /// How large the buffer should be at least, bytes.
    pub(super) fn wanted(&mut self, now: Instant, progress: Progress) -> u32 {
        let for_a_while = self.for_a_while(now, progress);
        let known = self.round_trip.iter().flatten().min().copied();
        let for_a_round = known.map_or(0, |time| self.for_a_round(now, progress, time));
        for_a_round.max(for_a_while)
    }

    fn for_a_round(&mut self, now: Instant, progress: Progress, round_trip: Duration) -> u32 {
        let delivered = self.round.delivered(now, progress, round_trip);
        let twice = delivered.saturating_mul(2);
        let wanted = match self.before {
            None => twice.saturating_mul(2),
            Some(before) => {
                let growth = delivered.saturating_sub(before);
                twice.saturating_add(growth.saturating_mul(4))
            }
        };
        if now - self.round.began >= round_trip.max(LEAST) {
            self.round = Stretch { began: now, from: progress };
            self.before = Some(delivered);
        }
        wanted
    }

    fn for_a_while(&mut self, now: Instant, progress: Progress) -> u32 {
        let delivered = self.pause.delivered(now, progress, WHILE);
        if now - self.pause.began >= WHILE {
            self.pause = Stretch { began: now, from: progress };
        }
        delivered.saturating_mul(2).min(self.room)
    }
}

impl Tcb {
    /// Text has arrived: lets the buffer grow if it ought to be larger.
    pub(super) fn tune_receive_buffer(&mut self, now: Instant, segment: &Segment<'_>) {
        let max = self.config.receive_buffer.max;
        let known = self.rtt.least().or(self.rtt.smoothed());
        let rcv = &mut self.rcv;
        let (position, progress) = (rcv.position, rcv.progress());
        let edge = position + u64::from(rcv.wnd());
        let begin = || Rightsizing::new(now, progress, known);
        let Some(sizing) = rcv.buffer.rightsizing(max, position, begin) else { return };
        if let (Some(clock), Some(theirs)) = (&self.timestamps, segment.options.timestamps)
            && let Some(ago) = clock.round_trip(now, theirs.echo)
        {
            // The clock had just ticked, or was just about to.
            sizing.note_round_trip(now, ago + Duration::from_millis(1));
        }
        sizing.note_frame(segment.wire_segments);
        sizing.note_window(now, position, edge);
        let wanted = sizing.wanted(now, progress);
        rcv.buffer.grow(wanted, max);
    }
}
