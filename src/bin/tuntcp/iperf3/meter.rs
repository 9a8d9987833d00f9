//! What the streams of a test achieve: interval by interval, and in all.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use tuntcp::net::Info;
use tuntcp::runtime::clock::Clock;
use tuntcp::time::Instant;

use super::flow::Flow;
use super::protocol::{Results, StreamResult};

/// What went over one stream, or several, in a span of time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Part {
    /// Seconds since the test began.
    pub(crate) start: f64,
    pub(crate) end: f64,
    pub(crate) bytes: u64,
    /// Segments sent again, where the sender tells.
    pub(crate) retransmits: Option<u64>,
}

impl Part {
    pub(crate) fn seconds(&self) -> f64 {
        self.end - self.start
    }

    pub(crate) fn bits_per_second(&self) -> f64 {
        let seconds = self.seconds();
        if seconds > 0.0 { self.bytes as f64 * 8.0 / seconds } else { 0.0 }
    }

    /// All of them together; `None` if there are none.
    pub(crate) fn sum(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        parts.into_iter().reduce(|sum, part| Self {
            start: sum.start.min(part.start),
            end: sum.end.max(part.end),
            bytes: sum.bytes + part.bytes,
            retransmits: sum.retransmits.zip(part.retransmits).map(|(a, b)| a + b),
        })
    }
}

/// A stream in an interval.
pub(crate) struct Row {
    pub(crate) id: u32,
    pub(crate) sends: bool,
    pub(crate) part: Part,
    /// At its end.
    pub(crate) info: Info,
}

/// What all streams did in a span of time.
pub(crate) struct Interval {
    /// It does not count.
    pub(crate) omitted: bool,
    pub(crate) rows: Vec<Row>,
}

/// How far a stream was at some moment.
#[derive(Clone, Copy)]
struct Mark {
    bytes: u64,
    retransmits: u64,
}

impl Mark {
    fn of(flow: &Flow) -> Self {
        Self { bytes: flow.bytes(), retransmits: flow.stream.info().retransmissions }
    }

    /// The same later on. A connection that is over has forgotten what it sent again.
    fn later(self, flow: &Flow) -> Self {
        let now = Self::of(flow);
        Self { retransmits: now.retransmits.max(self.retransmits), ..now }
    }
}

/// Measures while a test runs.
pub(crate) struct Meter<'a> {
    flows: &'a [Flow],
    clock: Clock,
    interval: Option<Duration>,
    /// When the test began; before, what is left out.
    zero: Instant,
    /// When what is left out ends.
    omit_until: Option<Instant>,
    /// When the interval ends.
    next: Instant,
    /// When it began, and how far the streams were then.
    since: Instant,
    marks: Vec<Mark>,
    /// How far they were when the test began.
    base: Vec<Mark>,
    cpu: (Duration, Duration),
    cpu_since: Instant,
}

impl<'a> Meter<'a> {
    /// From now on; nothing is told between the beginning and the end where `interval` is zero.
    pub(crate) fn start(
        flows: &'a [Flow],
        clock: Clock,
        interval: Duration,
        omit: Duration,
    ) -> Self {
        let now = clock.now();
        let marks: Vec<_> = flows.iter().map(Mark::of).collect();
        let interval = (!interval.is_zero()).then_some(interval);
        Self {
            flows,
            clock,
            interval,
            next: end(now, interval),
            zero: now,
            omit_until: (!omit.is_zero()).then(|| now + omit),
            since: now,
            base: marks.clone(),
            marks,
            cpu: cpu_time(),
            cpu_since: now,
        }
    }

    /// When [`tick`](Self::tick) wants to be called next.
    pub(crate) fn due(&self) -> Instant {
        self.omit_until.map_or(self.next, |omit| omit.min(self.next))
    }

    /// Bytes since the test began, of those streams that send or that receive.
    pub(crate) fn bytes(&self, sends: bool) -> u64 {
        let pairs = self.flows.iter().zip(&self.base).filter(|(flow, _)| flow.sends == sends);
        pairs.map(|(flow, base)| flow.bytes() - base.bytes).sum()
    }

    /// Bytes of all streams, ever.
    pub(crate) fn all_bytes(&self) -> u64 {
        self.flows.iter().map(Flow::bytes).sum()
    }

    /// When the test began, unless that is still to come.
    pub(crate) fn began(&self) -> Option<Instant> {
        self.omit_until.is_none().then_some(self.zero)
    }

    /// Something is due: an interval is over.
    pub(crate) fn tick(&mut self) -> Interval {
        let now = self.clock.now();
        let interval = self.cut(now);
        self.since = now;
        if self.omit_until.is_some_and(|until| until.is_due(now)) {
            self.omit_until = None;
            self.zero = now;
            self.base.clone_from(&self.marks);
            self.next = end(now, self.interval);
        }
        while self.next.is_due(now) {
            // Not from now: that this call is late must not add up.
            self.next = end(self.next, self.interval);
        }
        interval
    }

    fn cut(&mut self, now: Instant) -> Interval {
        let span = self.span(self.since, now);
        let marks = self.marks.iter().zip(self.flows).map(|(mark, flow)| mark.later(flow));
        let marks: Vec<_> = marks.collect();
        let rows = self.flows.iter().zip(&self.marks).zip(&marks);
        let rows = rows.map(|((flow, from), to)| Row {
            id: flow.id,
            sends: flow.sends,
            part: part(span, flow, *from, *to),
            info: flow.stream.info(),
        });
        let interval = Interval { omitted: self.omit_until.is_some(), rows: rows.collect() };
        self.marks = marks;
        interval
    }

    /// Seconds from the beginning.
    fn span(&self, from: Instant, to: Instant) -> (f64, f64) {
        ((from - self.zero).as_secs_f64(), (to - self.zero).as_secs_f64())
    }

    /// The last interval, unless nothing happened in it, and what there was in all, once the streams
    /// stand still. `stopped`: when they were told to.
    pub(crate) fn end(mut self, stopped: Instant) -> (Option<Interval>, Total) {
        let end = self.flows.iter().map(Flow::last_read).fold(stopped, Ord::max);
        let interval = self.cut(end);
        let is_something = |row: &Row| row.part.bytes > 0 || row.part.seconds() > 0.1;
        let last = interval.rows.iter().any(is_something).then_some(interval);
        let span = self.span(self.zero, end);
        let parts = self.flows.iter().zip(&self.base).zip(&self.marks);
        let parts = parts.map(|((flow, from), to)| (flow.id, part(span, flow, *from, *to)));
        let (user, system) = cpu_time();
        let wall = (self.clock.now() - self.cpu_since).as_secs_f64();
        let percent = |now: Duration, then: Duration| {
            now.saturating_sub(then).as_secs_f64() / wall.max(1e-6) * 100.0
        };
        let total = Total {
            parts: parts.collect(),
            sends: self.flows.iter().any(|flow| flow.sends),
            congestion: self.flows.first().map_or("", |flow| flow.stream.info().congestion),
            user: percent(user, self.cpu.0),
            system: percent(system, self.cpu.1),
        };
        (last, total)
    }
}

/// When an interval that begins then is over.
fn end(since: Instant, interval: Option<Duration>) -> Instant {
    interval.map_or(Instant::NEVER, |interval| since + interval)
}

fn part((start, end): (f64, f64), flow: &Flow, from: Mark, to: Mark) -> Part {
    Part {
        start,
        end,
        bytes: to.bytes - from.bytes,
        retransmits: flow.sends.then(|| to.retransmits - from.retransmits),
    }
}

/// What one side has seen in all.
pub(crate) struct Total {
    /// Each stream's number, and what went over it.
    pub(crate) parts: Vec<(u32, Part)>,
    /// Whether any of them sends.
    sends: bool,
    congestion: &'static str,
    /// What this process took of a processor meanwhile, percent.
    user: f64,
    system: f64,
}

impl Total {
    /// As the other side is told.
    pub(crate) fn results(&self) -> Results {
        let streams = self.parts.iter().map(|&(id, part)| StreamResult {
            id: id.into(),
            bytes: part.bytes,
            retransmits: part.retransmits,
            jitter: 0.0,
            errors: 0.0,
            packets: 0.0,
            start_time: part.start,
            end_time: part.end,
        });
        Results {
            cpu_util_total: self.user + self.system,
            cpu_util_user: self.user,
            cpu_util_system: self.system,
            sender_has_retransmits: self.sends.then_some(1),
            congestion_used: Some(self.congestion.into()),
            server_output_text: None,
            streams: streams.collect(),
        }
    }
}

/// What the process has taken of a processor, in its own code and in the kernel.
fn cpu_time() -> (Duration, Duration) {
    let whole = |time: TimeVal| {
        let (seconds, micros) = (time.tv_sec(), time.tv_usec());
        Duration::from_secs(seconds.unsigned_abs()) + Duration::from_micros(micros.unsigned_abs())
    };
    getrusage(UsageWho::RUSAGE_SELF).map_or((Duration::ZERO, Duration::ZERO), |usage| {
        (whole(usage.user_time()), whole(usage.system_time()))
    })
}
