//! BBR as in draft-ietf-ccwg-bbr-06: its rules one by one here, what becomes of flows on a path in
//! `paths`, and what must hold whatever happens in `random`.

#[path = "bbr_loss.rs"]
mod loss;
#[path = "bbr_path.rs"]
mod path;
#[path = "bbr_paths.rs"]
mod paths;
#[path = "bbr_random.rs"]
mod random;
#[path = "bbr_sender.rs"]
mod sender;

use std::time::Duration;

use super::filter::WindowedMax;
use super::units::{self, Gain, INFINITE};
use super::{Bbr, State};
use crate::tcp::congestion::{Ack, Algorithm, CongestionControl, RateSample, Sent, Start};
use crate::time::Instant;

const MSS: u32 = 1_000;
const RTT: Duration = Duration::from_millis(100);
/// What the path of these tests delivers, bytes a second: 100 segments a round trip.
const RATE: u64 = 1_000_000;
const BDP: u64 = 100_000;

/// A controller and the acknowledgements that it gets, each one for a whole round trip.
struct Feed {
    bbr: Bbr,
    now: Instant,
    delivered: u64,
    app_limited: bool,
    pipe: u32,
    window_limited: bool,
    in_recovery: bool,
}

impl Feed {
    fn new() -> Self {
        Self::from(Start::new(Instant::ZERO, MSS, 10 * MSS))
    }

    fn from(start: Start) -> Self {
        Self {
            bbr: Bbr::new(start),
            now: start.now,
            delivered: 0,
            app_limited: false,
            pipe: 0,
            window_limited: true,
            in_recovery: false,
        }
    }

    /// After Startup on a path of [`RATE`], and at the end of Drain.
    fn steady() -> Self {
        let mut feed = Self::new();
        feed.round(RATE / 2);
        for _ in 0..5 {
            feed.round(RATE);
        }
        assert_eq!(feed.bbr.state, State::Cruise);
        feed.round(RATE);
        feed
    }

    /// The same, in `state` of the cycle.
    fn in_state(state: State) -> Self {
        let mut feed = Self::steady();
        feed.pipe = BDP as u32;
        while feed.bbr.state != state {
            assert!(feed.now < Instant::ZERO + Duration::from_secs(60), "never {state:?}");
            feed.round(RATE);
        }
        feed
    }

    /// A round trip in which `rate` bytes a second arrived.
    fn round(&mut self, rate: u64) {
        self.sample(rate, RTT, 0);
    }

    /// One whose segments took `rtt`, while `lost` bytes were lost.
    fn sample(&mut self, rate: u64, rtt: Duration, lost: u32) {
        let prior_delivered = self.delivered;
        let arrived = units::volume(rate, rtt);
        self.now += rtt;
        self.delivered += arrived;
        let pipe = self.pipe;
        let rate = RateSample {
            prior_delivered,
            delivered_total: self.delivered,
            tx_in_flight: arrived as u32 + lost,
            lost,
            app_limited: self.app_limited,
            ..RateSample::new(arrived, rtt)
        };
        self.bbr.on_ack(&Ack {
            delivered: arrived as u32,
            lost,
            pipe,
            acked_total: self.delivered,
            sent_total: self.delivered + u64::from(pipe),
            rtt: Some(rtt),
            window_limited: self.window_limited,
            in_recovery: self.in_recovery,
            rate: Some(rate),
            ..Ack::in_order(self.now, arrived as u32, pipe + arrived as u32)
        });
    }
}

#[test]
fn it_is_in_the_registry() {
    let algorithm: Algorithm = "bbr".parse().unwrap();
    let controller = algorithm.start(Start::new(Instant::ZERO, MSS, 10 * MSS));
    assert!(controller.governs_recovery());
    assert!(format!("{controller:?}").contains("Startup"));
}

/// 5.6.2: the initial window in the round trip that is assumed, then in the one that was measured;
/// where another controller was before, in the one that is known.
#[test]
fn the_first_rate() {
    let mut feed = Feed::new();
    assert_eq!(feed.bbr.pacing_rate(), Some(10_000_000 * 277 / 100));
    feed.round(10_000);
    assert_eq!(feed.bbr.pacing_rate(), Some(100_000 * 277 / 100), "not what the first sample says");
    feed.round(200_000);
    assert_eq!(feed.bbr.pacing_rate(), Some(200_000 * 277 / 100 * 99 / 100));
    feed.round(100_000);
    assert_eq!(feed.bbr.pacing_rate(), Some(200_000 * 277 / 100 * 99 / 100), "not down in Startup");

    let start = Start { window: 50_000, srtt: Some(RTT), ..Start::new(feed.now, MSS, 10 * MSS) };
    let feed = Feed::from(start);
    assert_eq!((feed.bbr.window(), feed.bbr.pacing_rate()), (50_000, Some(500_000 * 277 / 100)));
}

/// 5.6.4.6: until the initial window has arrived the window grows with it, whatever the bandwidth
/// seems to be.
#[test]
fn the_first_window() {
    let mut feed = Feed::new();
    feed.app_limited = true;
    let windows: Vec<u32> = (0..12)
        .map(|_| {
            feed.round(10_000);
            feed.bbr.window() / MSS
        })
        .collect();
    assert_eq!(windows, [11, 12, 13, 14, 15, 16, 17, 18, 19, 19, 19, 19]);
}

/// 5.6.1: gains, and what follows from them.
#[test]
fn each_state_has_its_pace_and_window() {
    use State::{Cruise, Down, Drain, ProbeRtt, Refill, Startup, Up};
    for (state, pace, window) in [
        (Startup, 277, 200),
        (Drain, 50, 200),
        (Down, 90, 200),
        (Cruise, 100, 200),
        (Refill, 100, 200),
        (Up, 125, 225),
        (ProbeRtt, 100, 50),
    ] {
        assert_eq!(state.pacing_gain(), Gain::percent(pace), "{state:?}");
        assert_eq!(state.window_gain(), Gain::percent(window), "{state:?}");
        assert_eq!(state.is_probe_bw(), matches!(state, Down | Cruise | Refill | Up));
        assert_eq!(state.is_probing(), matches!(state, Startup | Refill | Up));
    }
    for state in [Down, Cruise, Refill, Up, ProbeRtt] {
        let feed = Feed::in_state(state);
        let rate = state.pacing_gain().of(RATE) * 99 / 100;
        assert_eq!(feed.bbr.pacing_rate(), Some(rate), "{state:?}");
        let extra = if state == ProbeRtt { 0 } else { feed.bbr.extra_acked() };
        let probe = if state == Up { 2 * u64::from(MSS) } else { 0 };
        let window = state.window_gain().of(BDP) + extra + probe;
        assert_eq!(u64::from(feed.bbr.window()), window, "{state:?}");
    }
}

/// 5.3.1.2: three round trips without a quarter more; less than three say nothing.
#[test]
fn a_plateau_ends_startup() {
    let mut feed = Feed::new();
    feed.pipe = 2 * BDP as u32;
    for rate in [100, 125, 130, 140, 170, 171, 172] {
        feed.round(rate * 1_000);
        assert_eq!(feed.bbr.state, State::Startup, "{rate}");
    }
    // 5.3.1.2: nor do round trips that the application has limited.
    feed.app_limited = true;
    (0..10).for_each(|_| feed.round(100_000));
    assert_eq!(feed.bbr.state, State::Startup);
    feed.app_limited = false;
    feed.round(173_000);
    assert_eq!(feed.bbr.state, State::Drain);
    // 5.3.2: until the queue is gone, for three round trips at most.
    for _ in 0..3 {
        feed.round(173_000);
        assert_eq!(feed.bbr.state, State::Drain);
    }
    feed.round(173_000);
    assert_eq!(feed.bbr.state, State::Down);
}

/// 5.3.3.1: Down ends when nothing queues, and when others find room.
#[test]
fn down_makes_room() {
    let mut feed = Feed::in_state(State::Down);
    feed.bbr.inflight_longterm = BDP;
    for (flight, state) in [(100, State::Down), (86, State::Down), (85, State::Cruise)] {
        feed.pipe = flight * MSS;
        feed.round(RATE);
        assert_eq!(feed.bbr.state, state, "{flight} segments fly");
    }
    let mut feed = Feed::in_state(State::Down);
    for (flight, state) in [(101, State::Down), (100, State::Cruise)] {
        feed.pipe = flight * MSS;
        feed.round(RATE);
        assert_eq!(feed.bbr.state, state, "{flight} segments fly, and there is no bound");
    }
}

/// 5.5.4: an application that sends little does not make the path slower, but one that gets more
/// than was believed makes it faster.
#[test]
fn what_the_application_limits() {
    let mut feed = Feed::steady();
    feed.app_limited = true;
    (0..100).for_each(|_| feed.round(RATE / 10));
    assert_eq!(feed.bbr.max_bw.max(), RATE);
    feed.round(RATE + 10);
    assert_eq!(feed.bbr.max_bw.max(), RATE + 10);
    feed.app_limited = false;
    (0..100).for_each(|_| feed.round(RATE / 10));
    assert_eq!(feed.bbr.max_bw.max(), RATE / 10);
}

/// 5.5.6: what a cycle has seen is known in the next one, and not in the one after that.
#[test]
fn bandwidth_is_remembered_for_two_cycles() {
    let mut max = WindowedMax::<2>::new();
    for (value, most) in [(5, 5), (9, 9), (7, 9)] {
        max.note(value);
        assert_eq!(max.max(), most);
    }
    max.advance();
    max.note(3);
    assert_eq!((max.current(), max.max(), max.max_of(1)), (3, 9, 3));
    max.advance();
    assert_eq!((max.current(), max.max()), (0, 3));

    // A cycle without a sample is none.
    let mut feed = Feed::steady();
    (0..5).for_each(|_| feed.bbr.advance_max_bw());
    assert_eq!(feed.bbr.max_bw.max(), RATE);
}

/// 5.5.7: ten seconds; in ProbeRTT a greater round trip is believed, later not even a least one of
/// long ago.
#[test]
fn the_least_round_trip() {
    let mut feed = Feed::steady();
    let least = |feed: &Feed| feed.bbr.min_rtt.get().unwrap();
    feed.sample(RATE, RTT / 2, 0);
    assert_eq!(least(&feed), RTT / 2);
    let seen = feed.now;
    while feed.now < seen + Duration::from_secs(10) {
        feed.round(RATE);
        assert_eq!(
            least(&feed),
            if feed.now > seen + Duration::from_secs(10) { RTT } else { RTT / 2 }
        );
    }
    feed.round(RATE);
    assert_eq!(least(&feed), RTT);
}

/// 5.3.3.8: 2 to 3 seconds, or as many round trips as Reno needs, 63 at most; not the same for all.
#[test]
fn the_wait_between_probes() {
    let wait = |seed, rtt, rate| {
        let mut feed = Feed::from(Start { seed, ..Start::new(Instant::ZERO, MSS, 10 * MSS) });
        (0..8).for_each(|_| feed.sample(rate, rtt, 0));
        assert_eq!(feed.bbr.state, State::Cruise);
        let since = (feed.now, feed.bbr.rounds.count);
        while feed.bbr.state == State::Cruise {
            feed.sample(rate, rtt, 0);
        }
        (feed.now - since.0, feed.bbr.rounds.count - since.1)
    };
    let waits: Vec<Duration> = (0..20).map(|seed| wait(seed, RTT, RATE).0).collect();
    // Some round trips of Cruise have passed before.
    let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
    assert!(*least > Duration::from_millis(1_600) && *most < Duration::from_millis(3_100));
    assert!(*most - *least > Duration::from_millis(500), "{least:?} to {most:?}");
    // 10 ms, 100 segments: Reno's bound of 63 round trips is earlier. Of 20 segments: 20.
    let rounds = |rate| (0..9).map(move |seed| wait(seed, RTT / 10, rate).1);
    assert!(rounds(10 * RATE).all(|rounds| (57..=63).contains(&rounds)));
    assert!(rounds(2 * RATE).all(|rounds| (14..=20).contains(&rounds)));
}

/// 5.4.1: from idleness at the bandwidth, be it in Up; what starts is not ProbeRTT.
#[test]
fn restart_from_idle() {
    let mut feed = Feed::in_state(State::Up);
    assert!(feed.bbr.pacing_rate().unwrap() > RATE);
    feed.now += Duration::from_secs(20);
    let sent = Sent { app_limited: true, ..Sent::new(MSS, 0) };
    feed.bbr.on_sent(feed.now, &Sent { pipe: 1, ..sent });
    feed.bbr.on_sent(feed.now, &Sent { app_limited: false, ..sent });
    assert!(feed.bbr.pacing_rate().unwrap() > RATE, "something flies, or nothing is idle");
    feed.bbr.on_sent(feed.now, &sent);
    assert_eq!(feed.bbr.pacing_rate(), Some(RATE * 99 / 100));
    feed.round(RATE);
    assert_ne!(feed.bbr.state, State::ProbeRtt);

    // ProbeRTT ends while nothing is sent.
    let mut feed = Feed::in_state(State::ProbeRtt);
    feed.pipe = 0;
    feed.round(RATE / 2);
    assert_eq!(feed.bbr.state, State::ProbeRtt);
    feed.now += Duration::from_secs(1);
    feed.bbr.on_idle(feed.now);
    assert_eq!(feed.bbr.state, State::Cruise);
    assert!(u64::from(feed.bbr.window()) > BDP, "the window before it");
}

/// 5.5.9: what came before a pause is no part of the clump that comes after it.
#[test]
fn pauses_do_not_add_up() {
    let mut feed = Feed::steady();
    feed.app_limited = true;
    for _ in 0..20 {
        feed.now += Duration::from_secs(1);
        let sent = Sent { app_limited: true, ..Sent::new(MSS, 0) };
        feed.bbr.on_sent(feed.now, &sent);
        feed.sample(RATE, RTT / 2, 0);
    }
    assert_eq!(feed.bbr.extra_acked(), BDP / 2);
}

/// 5.3.4.1: the next ProbeRTT is due 5 s after the end of the last one.
#[test]
fn probe_rtt_comes_again() {
    let mut feed = Feed::in_state(State::ProbeRtt);
    feed.pipe = 0;
    let run_while = |feed: &mut Feed, condition: fn(State) -> bool| {
        let begun = feed.now;
        while condition(feed.bbr.state) {
            feed.round(RATE);
        }
        feed.now - begun
    };
    let took = run_while(&mut feed, |state| state == State::ProbeRtt);
    assert!((200..=400).contains(&took.as_millis()), "{took:?}");
    let wait = run_while(&mut feed, |state| state != State::ProbeRtt);
    assert!(wait > Duration::from_secs(5) && wait < Duration::from_millis(5_200), "{wait:?}");
}

/// A.20: from ProbeRTT back to Startup, if the pipe was never full.
#[test]
fn probe_rtt_in_startup() {
    let mut feed = Feed::new();
    feed.app_limited = true;
    while feed.bbr.state == State::Startup {
        feed.round(RATE);
    }
    assert_eq!(feed.bbr.state, State::ProbeRtt);
    (0..4).for_each(|_| feed.round(RATE));
    assert_eq!(feed.bbr.state, State::Startup);
}

/// RFC 1191 6.4: the window stays, in bytes, unless a segment does not fit.
#[test]
fn another_segment_size() {
    let mut feed = Feed::steady();
    let window = feed.bbr.window();
    feed.bbr.on_mss(500);
    assert_eq!(feed.bbr.window(), window);
    feed.bbr.on_mss(60_000);
    assert_eq!(feed.bbr.window(), window.max(60_000));
    feed.round(RATE);
    assert_eq!(feed.bbr.window(), 6 * 2 * 60_000 / 2, "three quanta of two segments");
    let mut bbr = Bbr::new(Start::new(Instant::ZERO, 500, 1_000));
    bbr.on_mss(65_535);
    assert_eq!(bbr.window(), 65_535);
}

#[test]
fn arithmetic_saturates() {
    let long = Duration::MAX;
    assert_eq!(units::volume(u64::MAX, long), u64::MAX);
    assert_eq!(units::rate(u64::MAX, Duration::ZERO), u64::MAX);
    assert_eq!(units::rate(1, long), 0);
    assert_eq!(Gain::percent(277).of(u64::MAX), u64::MAX);
    assert_eq!(Gain::percent(50).of(3), 1);
    assert_eq!(Gain::percent(100).of(INFINITE), INFINITE);
}
