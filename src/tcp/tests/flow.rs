//! A controller without a connection: what a path tells it, in segments of a thousand bytes, and
//! the window that it makes of that.

use std::time::Duration;

use crate::tcp::congestion::{Ack, Algorithm, Congestion, CongestionControl, Start};
use crate::time::Instant;

/// Bytes of a segment.
pub(super) const MSS: u32 = 1_000;

/// Segments of the initial window.
pub(super) const INITIAL: u32 = 10;

pub(super) fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

pub(super) fn millis(millis: f64) -> Duration {
    Duration::from_secs_f64(millis / 1e3)
}

/// A flow that always has something to send.
pub(super) struct Flow {
    pub(super) controller: Box<dyn CongestionControl>,
    pub(super) now: Instant,
    start: Instant,
    /// Bytes acknowledged, and sent, since it began.
    acked: u64,
    sent: u64,
}

impl Flow {
    /// At its beginning.
    pub(super) fn new(name: &str) -> Self {
        Self::with(name, |_| {})
    }

    /// In congestion avoidance with so many segments.
    pub(super) fn avoiding(name: &str, window: u32) -> Self {
        Self::with(name, |start| {
            (start.window, start.ssthresh) = (window * MSS, window * MSS);
        })
    }

    pub(super) fn with(name: &str, change: impl FnOnce(&mut Start)) -> Self {
        let now = Instant::ZERO + seconds(1_000.0);
        let mut start = Start::new(now, MSS, INITIAL * MSS);
        change(&mut start);
        let algorithm: Algorithm = name.parse().expect("it is registered");
        let controller = algorithm.start(start);
        let sent = controller.window().into();
        Self { controller, now, start: now, acked: 0, sent }
    }

    /// The window, bytes.
    pub(super) fn window(&self) -> u32 {
        self.controller.window()
    }

    /// Window and ssthresh, bytes.
    pub(super) fn both(&self) -> (u32, u32) {
        (self.controller.window(), self.controller.ssthresh())
    }

    /// The clock shows so many seconds since the flow, or `start_clock`, began.
    pub(super) fn at(&mut self, time: f64) -> &mut Self {
        self.now = self.start + seconds(time);
        self
    }

    pub(super) fn start_clock(&mut self) {
        self.start = self.now;
    }

    /// An acknowledgement of `bytes`; what it makes room for is sent.
    pub(super) fn ack_with(&mut self, bytes: u32, change: impl FnOnce(&mut Ack)) -> &mut Self {
        let flight = u32::try_from(self.sent - self.acked).unwrap();
        self.acked += u64::from(bytes);
        self.sent = self.sent.max(self.acked);
        let mut ack = Ack::in_order(self.now, bytes, flight.max(bytes));
        (ack.acked_total, ack.sent_total) = (self.acked, self.sent);
        change(&mut ack);
        self.controller.on_ack(&ack);
        self.sent = self.sent.max(self.acked + u64::from(self.controller.window()));
        self
    }

    pub(super) fn ack(&mut self, bytes: u32) -> &mut Self {
        self.ack_with(bytes, |_| {})
    }

    /// A window's worth of bytes is acknowledged at once; the window then.
    pub(super) fn ack_window(&mut self) -> u32 {
        let window = self.window();
        self.ack(window).window()
    }

    /// A round trip: the whole segments that are outstanding are acknowledged, one at a time, the nth
    /// after the round trip that `rtt` gives for it. How many there were, and by how many bytes the
    /// window has grown.
    pub(super) fn round(&mut self, rtt: impl Fn(u32) -> Option<Duration>) -> (u32, u32) {
        let (before, end) = (self.window(), self.sent);
        let mut segments = 0;
        while self.acked + u64::from(MSS) <= end {
            self.ack_with(MSS, |ack| ack.rtt = rtt(segments));
            segments += 1;
        }
        (segments, self.window() - before)
    }

    pub(super) fn loss(&mut self, segments: u32) -> &mut Self {
        self.congestion(Congestion::Loss { flight: segments * MSS })
    }

    pub(super) fn timeout(&mut self, segments: u32, again: bool) -> &mut Self {
        self.congestion(Congestion::Timeout { flight: segments * MSS, again })
    }

    pub(super) fn mark(&mut self, segments: u32) -> &mut Self {
        self.congestion(Congestion::Ecn { flight: segments * MSS })
    }

    fn congestion(&mut self, congestion: Congestion) -> &mut Self {
        self.controller.on_congestion(self.now, &congestion);
        self
    }

    pub(super) fn spurious(&mut self) -> &mut Self {
        self.controller.on_spurious(self.now);
        self
    }
}
