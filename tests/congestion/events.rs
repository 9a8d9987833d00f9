//! A script of bytes as what a connection may tell its congestion controller, in any order and with
//! any numbers, and what must hold whatever that was. For the property test and the fuzzer.

use std::time::Duration;

use tuntcp::tcp::congestion::{
    Ack, Algorithm, Congestion, CongestionControl, Lost, RateSample, Sent, Start,
};
use tuntcp::time::Instant;

/// Bytes of a script, one after the other; zeros behind its end.
struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn number(&mut self) -> u32 {
        u32::from_be_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    fn is(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    fn maybe<T>(&mut self, what: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.is().then(|| what(self))
    }

    /// A number of bytes: some that are usual, the extremes, or any.
    fn size(&mut self, mss: u32) -> u32 {
        match self.byte() % 12 {
            0 => 0,
            1 => 1,
            2 => mss,
            3 => mss.saturating_mul(2),
            4 => mss.saturating_mul(10),
            5 => mss.saturating_mul(1_000),
            6 => u32::from(self.byte()),
            7 => u32::from(self.byte()).saturating_mul(mss),
            8 => u32::MAX - u32::from(self.byte()),
            9 => u32::MAX / 2,
            _ => self.number(),
        }
    }

    fn mss(&mut self) -> u32 {
        match self.byte() % 6 {
            0 => 1,
            1 => 64,
            2 => 1_460,
            3 => 8_960,
            4 => 65_535,
            _ => 1 + self.number() % 65_535,
        }
    }

    fn duration(&mut self) -> Duration {
        match self.byte() % 8 {
            0 => Duration::ZERO,
            1 => Duration::from_nanos(1),
            2 => Duration::from_micros(20),
            3 => Duration::from_millis(u64::from(self.byte())),
            4 => Duration::from_secs(u64::from(self.byte())),
            5 => Duration::from_secs(u64::from(self.number())),
            6 => Duration::MAX,
            _ => Duration::from_nanos(u64::from(self.number())),
        }
    }
}

/// One controller, and what its connection knows.
struct Flow {
    controller: Box<dyn CongestionControl>,
    now: Instant,
    mss: u32,
    acked: u64,
    sent: u64,
    delivered: u64,
}

/// Does what `script` says to a controller of `algorithm`.
///
/// # Panics
/// When the controller does, or when it breaks a promise.
pub(crate) fn run(algorithm: Algorithm, script: &[u8]) {
    let mut script = Script(script);
    let now = Instant::ZERO + script.duration();
    let mss = script.mss();
    let mut start = Start::new(now, mss, script.size(mss));
    if script.is() {
        start.window = script.size(mss);
        start.ssthresh = script.size(mss);
        start.srtt = script.maybe(Script::duration);
    }
    start.seed = u64::from(script.number());
    let controller = algorithm.start(start);
    let mut flow = Flow { controller, now, mss, acked: 0, sent: 0, delivered: 0 };
    flow.check();
    while !script.0.is_empty() {
        flow.step(&mut script);
        flow.check();
    }
}

impl Flow {
    fn check(&self) {
        let controller = &self.controller;
        let window = controller.window();
        assert!(window >= self.mss, "{window} bytes, but segments of {}: {controller:?}", self.mss);
        // They may be asked for at any time.
        let _ = (controller.ssthresh(), controller.pacing_rate(), controller.governs_recovery());
    }

    /// Half a dozen acknowledgements for each of anything else.
    fn step(&mut self, script: &mut Script<'_>) {
        match script.byte() % 16 {
            0..=5 => self.acknowledge(script),
            6 => self.now += script.duration(),
            7 => self.lose(script),
            8 => self.congest(script, |flight| Congestion::Loss { flight }),
            9 => self.congest(script, |flight| Congestion::Ecn { flight }),
            10 => self.congest(script, |flight| Congestion::Timeout { flight, again: false }),
            11 => self.congest(script, |flight| Congestion::Timeout { flight, again: true }),
            12 => self.controller.on_recovered(self.now, script.size(self.mss)),
            13 if script.is() => self.controller.on_idle(self.now),
            13 => self.controller.on_spurious(self.now),
            14 => {
                self.mss = script.mss();
                self.controller.on_mss(self.mss);
            }
            _ => {
                let mut sent = Sent::new(script.size(self.mss), script.size(self.mss));
                (sent.again, sent.app_limited) = (script.is(), script.is());
                self.sent = self.sent.saturating_add(sent.bytes.into());
                self.controller.on_sent(self.now, &sent);
            }
        }
    }

    fn acknowledge(&mut self, script: &mut Script<'_>) {
        let bytes = script.size(self.mss);
        self.acked = self.acked.saturating_add(bytes.into());
        self.sent = self.sent.max(self.acked);
        let mut ack = Ack::in_order(self.now, bytes, script.size(self.mss).max(bytes));
        (ack.acked_total, ack.sent_total) = (self.acked, self.sent);
        if script.is() {
            ack.delivered = script.size(self.mss);
            ack.lost = script.size(self.mss);
            (ack.pipe_before, ack.pipe) = (script.size(self.mss), script.size(self.mss));
        }
        self.delivered = self.delivered.saturating_add(ack.delivered.into());
        ack.rtt = script.maybe(Script::duration);
        ack.min_rtt = script.maybe(Script::duration);
        ack.srtt = script.maybe(Script::duration);
        ack.window_limited = !script.is();
        ack.in_recovery = script.is();
        ack.ecn_echo = script.is();
        ack.rate = script.maybe(|script| self.rate(script));
        let before = self.controller.window();
        self.controller.on_ack(&ack);
        if !self.controller.governs_recovery() {
            let after = self.controller.window();
            assert!(after >= before, "less by {ack:?}");
            assert!(after - before <= bytes.max(self.mss), "{before} to {after} by {ack:?}");
            let idle = !ack.window_limited || ack.in_recovery;
            assert!(!idle || after == before, "more by {ack:?}");
        }
    }

    fn rate(&self, script: &mut Script<'_>) -> RateSample {
        let mut rate = RateSample::new(script.size(self.mss).into(), script.duration());
        rate.delivered_total = self.delivered;
        rate.prior_delivered = self.delivered.saturating_sub(script.size(self.mss).into());
        rate.tx_in_flight = script.size(self.mss);
        rate.lost = script.size(self.mss);
        rate.app_limited = script.is();
        rate
    }

    fn lose(&mut self, script: &mut Script<'_>) {
        let mut lost = Lost::new(script.size(self.mss), script.size(self.mss));
        lost.lost = script.size(self.mss);
        lost.app_limited = script.is();
        self.controller.on_lost(self.now, &lost);
    }

    fn congest(&mut self, script: &mut Script<'_>, what: impl Fn(u32) -> Congestion) {
        let flight = script.size(self.mss);
        let congestion = what(flight);
        let (window, ssthresh) = (self.controller.window(), self.controller.ssthresh());
        self.controller.on_congestion(self.now, &congestion);
        if self.controller.governs_recovery() {
            return;
        }
        // RFC 5681 3.1: what losses leave is two segments at least, of which a time-out lets one go.
        let least = self.mss.saturating_mul(2);
        let again = matches!(congestion, Congestion::Timeout { again: true, .. });
        let left = self.controller.ssthresh();
        assert!(left >= least || again, "ssthresh is {left} after {congestion:?}");
        let now = self.controller.window();
        if matches!(congestion, Congestion::Timeout { .. }) {
            assert_eq!(now, self.mss, "after {congestion:?}");
        }
        let was_half = flight <= window;
        assert!(!was_half || now <= window.max(least), "{window} to {now}, {congestion:?}");
        let mistake = script.is() && !matches!(congestion, Congestion::Ecn { .. }) && !again;
        if mistake {
            self.controller.on_spurious(self.now);
            let after = (self.controller.window(), self.controller.ssthresh());
            if now < window {
                assert_eq!(after, (window, ssthresh), "{congestion:?} was none");
            }
        }
    }
}
