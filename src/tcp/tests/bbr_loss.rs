//! What losses and marks do to the model, one by one (5.5.10, 5.5.11).

use std::time::Duration;

use super::super::State;
use super::super::units::INFINITE;
use super::{BDP, Feed, MSS, RATE, RTT};
use crate::tcp::congestion::{Ack, Congestion, CongestionControl, Lost, Start};
use crate::time::Instant;

const LOSS: Congestion = Congestion::Loss { flight: BDP as u32 };
const TIMEOUT: Congestion = Congestion::Timeout { flight: BDP as u32, again: false };
const MARK: Congestion = Congestion::Ecn { flight: BDP as u32 };

impl Feed {
    /// A segment is lost that was sent with `tx_in_flight` in flight; `lost` are since then.
    fn lose(&mut self, tx_in_flight: u32, lost: u32) {
        self.bbr.on_lost(self.now, &Lost { lost, ..Lost::new(MSS, tx_in_flight) });
    }

    /// The bounds: long-term on the flight, short-term on the rate and on the flight.
    fn bounds(&self) -> (u64, u64, u64) {
        let bbr = &self.bbr;
        (bbr.inflight_longterm, bbr.bw_shortterm, bbr.inflight_shortterm)
    }
}

const NONE: (u64, u64, u64) = (INFINITE, INFINITE, INFINITE);

/// 5.5.10.2: while it probes, up to 2 % of what flew may be lost; more end Up, and leave a bound.
#[test]
fn a_probe_that_goes_too_high() {
    let mut feed = Feed::in_state(State::Up);
    feed.round(RATE);
    feed.lose(150_000, 3_000);
    assert_eq!((feed.bbr.state, feed.bounds()), (State::Up, NONE), "2 %");
    feed.lose(150_000, 4_000);
    assert_eq!(feed.bbr.state, State::Down);
    // InflightAtLoss: 147,980 with 2 % lost are the 149,000 less the segment, and what fits of it.
    let bound = 149_000;
    assert_eq!(feed.bbr.inflight_longterm, bound);
    assert!(feed.bbr.cycle.too_high);
    // Once for each probe.
    feed.lose(50_000, 30_000);
    assert_eq!(feed.bbr.inflight_longterm, bound);
    // One segment is no rate.
    let mut feed = Feed::in_state(State::Up);
    feed.round(RATE);
    feed.lose(3_000, 1_000);
    assert_eq!((feed.bbr.state, feed.bounds()), (State::Up, NONE));
    // Where hardly anything flew, not below 70 % of what the path holds.
    feed.lose(3_000, 2_000);
    assert_eq!(feed.bbr.inflight_longterm, BDP * 7 / 10);
    // A.6: an application that sends little ends the probe, too, but leaves no bound.
    let mut feed = Feed::in_state(State::Up);
    feed.round(RATE);
    let lost = Lost { app_limited: true, lost: 2 * MSS, ..Lost::new(MSS, 2_000) };
    feed.bbr.on_lost(feed.now, &lost);
    assert_eq!((feed.bbr.state, feed.bounds()), (State::Down, NONE));
}

/// InflightAtLoss: where in a segment that stands for many the limit lies.
#[test]
fn the_limit_within_a_burst() {
    let mut feed = Feed::in_state(State::Up);
    feed.round(RATE);
    // 100,000 without a loss, then all of a burst of 20,000: 2 % of x are lost when
    // x = 100,000 / 0.98.
    let lost = Lost { bytes: 20_000, lost: 20_000, ..Lost::new(1, 120_000) };
    feed.bbr.on_lost(feed.now, &lost);
    assert_eq!(feed.bbr.inflight_longterm, 102_040);
}

/// Without SACK each loss counts, in Startup as well.
#[test]
fn without_sack() {
    let start = Start { sack: false, ..Start::new(Instant::ZERO, MSS, 10 * MSS) };
    let mut feed = Feed::from(start);
    feed.round(RATE);
    feed.lose(1_000_000, 1_000);
    feed.in_recovery = true;
    feed.bbr.on_congestion(feed.now, &LOSS);
    feed.round(RATE);
    assert_eq!(feed.bbr.state, State::Startup);
    feed.sample(RATE, RTT, 1_000);
    assert!(feed.bbr.full_pipe.reached && feed.bbr.state != State::Startup);
}

/// 5.3.1.3: Startup ends when six acknowledgements of a round trip, the first of the repair or a
/// later one, tell of losses, and more than 2 % are lost. Not before.
#[test]
fn heavy_losses_end_startup() {
    let run = |events: u32, lost: u32, in_recovery: bool| {
        let mut feed = Feed::new();
        feed.round(RATE);
        feed.in_recovery = in_recovery;
        feed.lose(BDP as u32, lost);
        feed.bbr.on_congestion(feed.now, &LOSS);
        for _ in 0..events {
            let ack = Ack { delivered: MSS, lost: 1, ..Ack::in_order(feed.now, 0, BDP as u32) };
            feed.bbr.on_ack(&ack);
        }
        feed.sample(RATE * 2, RTT, lost);
        feed.bbr
    };
    let bbr = run(5, 5_000, true);
    assert!(bbr.full_pipe.reached, "five, and the one that ends the round trip");
    assert_eq!(bbr.inflight_longterm, 2 * BDP, "what has arrived in a round trip");
    assert!(!run(4, 5_000, true).full_pipe.reached, "five events");
    assert!(!run(6, 4_000, true).full_pipe.reached, "4 of 204: less than 2 %");
    assert!(!run(6, 5_000, false).full_pipe.reached, "nothing is being repaired");
}

/// 5.5.10.3: while it does not probe, a round trip with a loss bounds rate and flight to what
/// arrived, by 30 % at most; Refill forgets that.
#[test]
fn losses_while_cruising() {
    let mut feed = Feed::in_state(State::Cruise);
    let window = u64::from(feed.bbr.window());
    // The margin of the pace is no loss.
    feed.round(RATE * 99 / 100);
    feed.lose(BDP as u32, 1_000);
    feed.bbr.on_congestion(feed.now, &LOSS);
    feed.round(RATE * 99 / 100);
    let bw = RATE * 99 / 100 * 101 / 100;
    assert_eq!(feed.bounds(), (INFINITE, bw, window * 7 / 10));
    assert_eq!(feed.bbr.pacing_rate(), Some(bw * 99 / 100));
    // A round trip without a loss does nothing.
    feed.round(RATE / 2);
    assert_eq!(feed.bounds(), (INFINITE, bw, window * 7 / 10));
    // Half of it is gone: 30 % less.
    feed.lose(BDP as u32, 1_000);
    feed.round(RATE / 2);
    assert_eq!(feed.bounds(), (INFINITE, bw * 7 / 10, window * 7 / 10 * 7 / 10));
    // And the rest.
    feed.lose(BDP as u32, 1_000);
    feed.round(RATE / 2);
    assert_eq!(feed.bbr.bw_shortterm, RATE / 2 * 101 / 100);
    while feed.bbr.state != State::Refill {
        feed.round(RATE / 2);
    }
    assert_eq!(feed.bounds(), NONE);
}

/// 5.5.10.1: Startup goes on with a loss.
#[test]
fn losses_while_probing() {
    for state in [State::Startup, State::Refill, State::Up] {
        let mut feed = Feed::new();
        feed.round(RATE);
        if state != State::Startup {
            feed = Feed::in_state(state);
        }
        feed.lose(BDP as u32, 1_000);
        feed.bbr.on_congestion(feed.now, &LOSS);
        feed.round(RATE);
        assert_eq!(feed.bounds(), NONE, "{state:?}");
    }
}

/// Losses among what ProbeRTT has sent say nothing of the path at its rate.
#[test]
fn losses_while_held_down() {
    let mut feed = Feed::in_state(State::ProbeRtt);
    feed.pipe = BDP as u32 / 2;
    while feed.bbr.state == State::ProbeRtt {
        feed.round(RATE / 2);
    }
    feed.lose(BDP as u32 / 2, 1_000);
    feed.bbr.on_congestion(feed.now, &LOSS);
    feed.round(RATE / 2);
    assert_eq!(feed.bbr.bw_shortterm, INFINITE);
    feed.lose(BDP as u32 / 2, 1_000);
    feed.round(RATE * 8 / 10);
    assert_eq!(feed.bbr.bw_shortterm, RATE * 8 / 10 * 101 / 100);
}

/// 5.6.4.4: what the window was before a repair it is afterwards; a time-out leaves room for one
/// segment, until what arrives makes more, and has had its effect on the bounds from the window
/// before it.
#[test]
fn the_window_in_a_repair() {
    let mut feed = Feed::in_state(State::Refill);
    let window = feed.bbr.window();
    feed.bbr.on_congestion(feed.now, &LOSS);
    assert_eq!(feed.bbr.window(), window, "it governs recovery");
    feed.bbr.on_congestion(feed.now, &TIMEOUT);
    assert_eq!(feed.bbr.window(), MSS);
    feed.bbr.on_recovered(feed.now, 0);
    assert_eq!(feed.bbr.window(), window);

    // Where nobody says that what timed out is repaired, acknowledgements do.
    let mut feed = Feed::in_state(State::Refill);
    let window = feed.bbr.window();
    feed.bbr.on_congestion(feed.now, &TIMEOUT);
    feed.pipe = 10 * MSS;
    feed.sample(u64::from(MSS) * 10, RTT, 0);
    assert_eq!(feed.bbr.window(), 4 * MSS, "four segments at least");
    feed.bbr.on_congestion(feed.now, &TIMEOUT);
    feed.sample(u64::from(MSS) * 10, RTT, 0);
    feed.sample(u64::from(MSS) * 100, RTT, 0);
    assert!(feed.bbr.window() >= window * 7 / 10);

    let mut feed = Feed::in_state(State::Cruise);
    let window = u64::from(feed.bbr.window());
    feed.bbr.on_congestion(feed.now, &TIMEOUT);
    feed.round(u64::from(MSS) * 10);
    assert_eq!(feed.bbr.inflight_shortterm, window * 7 / 10);
}

/// A time-out may have led to another path: the search for the end of the pipe begins anew.
#[test]
fn a_time_out_is_no_plateau() {
    let mut feed = Feed::new();
    feed.pipe = 10 * BDP as u32;
    (0..3).for_each(|_| feed.round(RATE));
    feed.bbr.on_congestion(feed.now, &TIMEOUT);
    (0..3).for_each(|_| feed.round(RATE));
    assert_eq!(feed.bbr.state, State::Startup);
    feed.round(RATE);
    assert_eq!(feed.bbr.state, State::Drain);
}

/// A loss that nobody repairs is over with its round trip: what is taken back later is what came
/// later.
#[test]
fn a_loss_that_is_over() {
    let mut feed = Feed::in_state(State::Cruise);
    feed.lose(BDP as u32, 1_000);
    feed.round(RATE / 2);
    let bounds = feed.bounds();
    assert_ne!(bounds, NONE);
    feed.lose(BDP as u32, 1_000);
    feed.bbr.on_congestion(feed.now, &LOSS);
    feed.round(RATE / 2);
    assert_ne!(feed.bounds(), bounds);
    feed.bbr.on_spurious(feed.now);
    assert_eq!(feed.bounds(), bounds);
}

/// A.18, A.19: nothing was lost, so everything is as before, and the probe is made again.
#[test]
fn a_mistake_is_taken_back() {
    for cause in [LOSS, TIMEOUT] {
        let mut feed = Feed::in_state(State::Cruise);
        let window = feed.bbr.window();
        feed.lose(BDP as u32, 1_000);
        feed.bbr.on_congestion(feed.now, &cause);
        feed.pipe = 10 * BDP as u32;
        for _ in 0..3 {
            feed.round(RATE / 2);
            feed.lose(BDP as u32, 1_000);
        }
        assert!(feed.bbr.bw < RATE * 8 / 10 && feed.bbr.window() < window);
        feed.bbr.on_recovered(feed.now, 0);
        feed.bbr.on_spurious(feed.now);
        assert_eq!((feed.bounds(), feed.bbr.window()), (NONE, window));
        feed.round(RATE);
        assert_eq!(feed.bbr.bw, RATE);
    }

    let mut feed = Feed::in_state(State::Up);
    feed.round(RATE);
    // The first of them ends Up, the rest and the repair must not save what that has done.
    for lost in 1..10 {
        feed.lose(BDP as u32, lost * 1_000);
    }
    feed.bbr.on_congestion(feed.now, &LOSS);
    assert_eq!(feed.bbr.state, State::Down);
    feed.round(RATE);
    feed.bbr.on_spurious(feed.now);
    assert_eq!((feed.bbr.state, feed.bounds()), (State::Refill, NONE));
    feed.bbr.start_cruise();
    feed.bbr.on_spurious(feed.now);
    assert_eq!(feed.bbr.state, State::Cruise, "once");
}

/// The same for Startup.
#[test]
fn startup_goes_on_after_a_mistake() {
    for probe_rtt in [false, true] {
        let mut feed = Feed::new();
        feed.round(RATE);
        feed.pipe = 10 * BDP as u32;
        feed.in_recovery = true;
        feed.lose(BDP as u32, 50_000);
        feed.bbr.on_congestion(feed.now, &LOSS);
        for _ in 0..6 {
            let ack =
                Ack { delivered: MSS, lost: 1, ..Ack::in_order(feed.now, 0, 10 * BDP as u32) };
            feed.bbr.on_ack(&ack);
        }
        feed.sample(RATE * 2, RTT, 50_000);
        assert_eq!(feed.bbr.state, State::Drain);
        if probe_rtt {
            feed.now += Duration::from_secs(6);
            feed.round(RATE);
            assert_eq!(feed.bbr.state, State::ProbeRtt);
        }
        feed.bbr.on_spurious(feed.now);
        assert_eq!(feed.bounds(), NONE);
        assert!(!feed.bbr.full_pipe.reached);
        let state = if probe_rtt { State::ProbeRtt } else { State::Startup };
        assert_eq!(feed.bbr.state, state);
    }
}

/// 3.7: a mark is congestion. It ends a probe, ...
#[test]
fn a_mark_ends_a_probe() {
    let mut feed = Feed::in_state(State::Up);
    feed.round(RATE);
    feed.bbr.on_congestion(feed.now, &MARK);
    assert_eq!((feed.bbr.state, feed.bbr.inflight_longterm), (State::Down, BDP));
    // It was no mistake, and nothing is lost: there is nothing to be taken back.
    feed.bbr.on_spurious(feed.now);
    assert_eq!(feed.bbr.state, State::Down);
}

/// ... takes the queue out of the window, not more, ...
#[test]
fn a_mark_takes_the_queue() {
    let mut feed = Feed::in_state(State::Cruise);
    let window = u64::from(feed.bbr.window());
    // What arrives in two round trips' time contains a queue as large as what the path holds.
    feed.bbr.on_congestion(feed.now, &MARK);
    feed.sample(RATE, 2 * RTT, 0);
    assert_eq!(feed.bbr.inflight_shortterm, (window * 7 / 10).max(BDP));
    for _ in 0..5 {
        feed.bbr.on_congestion(feed.now, &MARK);
        feed.sample(RATE, 2 * RTT, 0);
    }
    assert_eq!(feed.bbr.inflight_shortterm, BDP * 101 / 100);
    assert_eq!(feed.bbr.bw, RATE);
}

/// ... and ends Startup in the second round trip in a row.
#[test]
fn marks_end_startup() {
    for (marks, ends) in [([true, true], true), ([true, false], false), ([false, true], false)] {
        let mut feed = Feed::new();
        feed.pipe = 10 * BDP as u32;
        feed.round(RATE);
        for mark in marks {
            if mark {
                feed.bbr.on_congestion(feed.now, &MARK);
            }
            let rate = 2 * feed.bbr.bw;
            feed.round(rate);
        }
        assert_eq!(feed.bbr.state != State::Startup, ends, "{marks:?}");
    }
}

/// 5.3.3.6: after a probe that went too high the next one stops where that one was, and if all goes
/// well another one follows at once that goes further.
#[test]
fn a_careful_probe() {
    let mut feed = Feed::in_state(State::Up);
    feed.round(RATE);
    feed.lose(130_000, 4_000);
    let bound = feed.bbr.inflight_longterm;
    feed.pipe = 50_000;
    while feed.bbr.state != State::Up {
        feed.round(RATE);
    }
    feed.pipe = bound as u32;
    feed.round(RATE);
    assert_eq!(feed.bbr.state, State::Down, "as soon as as much flies");
    feed.round(RATE);
    assert_eq!(feed.bbr.state, State::Refill, "nothing was lost");
    feed.round(RATE);
    assert_eq!(feed.bbr.state, State::Up);
    // 5.3.3.5: by 1, 2, 4, ... segments a round trip now.
    let mut before = feed.bbr.inflight_longterm;
    let mut growth = Vec::new();
    for _ in 0..5 {
        // The window is that bound, and most acknowledgements see it so.
        feed.sample(feed.bbr.inflight_longterm * 10, RTT, 0);
        feed.bbr.on_ack(&Ack::in_order(feed.now, 0, feed.pipe));
        growth.push((feed.bbr.inflight_longterm - before) / u64::from(MSS));
        before = feed.bbr.inflight_longterm;
    }
    assert_eq!(feed.bbr.state, State::Up, "it is no plateau where the bound is the limit");
    assert!(growth.windows(2).all(|pair| pair[1] >= 2 * pair[0] - 1), "{growth:?}");
    assert!(growth[4] >= 15, "{growth:?}");
}

/// 5.3.3.9: Cruise leaves 15 % of the bound to others, the rest of the cycle does not.
#[test]
fn headroom() {
    for (state, share) in [(State::Cruise, 85), (State::Refill, 100), (State::Down, 100)] {
        let mut feed = Feed::in_state(state);
        feed.bbr.inflight_longterm = 150_000;
        feed.bbr.bound_window();
        assert_eq!(u64::from(feed.bbr.window()), 1_500 * share, "{state:?}");
    }
    let mut feed = Feed::in_state(State::Cruise);
    feed.bbr.inflight_longterm = 1_000;
    feed.bbr.bound_window();
    assert_eq!(feed.bbr.window(), 4 * MSS, "four segments in flight keep a path busy");
}
