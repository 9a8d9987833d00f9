//! What must hold whatever happens: events in any order, with numbers as they never should be.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{Bbr, State};
use crate::tcp::congestion::{Ack, Congestion, CongestionControl, Lost, RateSample, Sent, Start};
use crate::time::Instant;

#[derive(Clone, Debug)]
enum Event {
    Ack(Ack),
    Lost(Lost),
    Congestion(Congestion),
    Sent(Sent),
    Mss(u32),
    Recovered,
    Spurious,
    Idle,
}

/// Numbers around the limits, and usual ones.
fn bytes() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), Just(1), Just(u32::MAX), 0..100_000_u32, any::<u32>()]
}

fn long() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(u64::MAX), 0..10_000_000_u64, any::<u64>()]
}

fn time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::from_nanos(1)),
        Just(Duration::MAX),
        (0..200_000_u64).prop_map(Duration::from_micros),
        (0..20_u64).prop_map(Duration::from_secs),
    ]
}

fn mss() -> impl Strategy<Value = u32> {
    prop_oneof![Just(1), Just(65_535), 1..65_536_u32]
}

fn rate() -> impl Strategy<Value = RateSample> {
    (long(), time(), long(), long(), bytes(), bytes(), any::<bool>()).prop_map(
        |(
            delivered,
            interval,
            prior_delivered,
            delivered_total,
            tx_in_flight,
            lost,
            app_limited,
        )| {
            RateSample {
                prior_delivered,
                delivered_total,
                tx_in_flight,
                lost,
                app_limited,
                ..RateSample::new(delivered, interval)
            }
        },
    )
}

fn ack() -> impl Strategy<Value = Event> {
    let flags = (any::<bool>(), any::<bool>());
    let rate = prop::option::of(rate());
    let totals = (long(), long());
    (bytes(), bytes(), bytes(), totals, prop::option::of(time()), flags, rate).prop_map(
        |(delivered, lost, pipe, (acked_total, sent_total), rtt, (limited, repairs), rate)| {
            Event::Ack(Ack {
                lost,
                pipe,
                acked_total,
                sent_total,
                rtt,
                window_limited: limited,
                in_recovery: repairs,
                rate,
                ..Ack::in_order(Instant::ZERO, delivered, pipe)
            })
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    let lost = (bytes(), bytes(), bytes(), any::<bool>()).prop_map(
        |(bytes, tx_in_flight, lost, app_limited)| {
            Event::Lost(Lost { lost, app_limited, ..Lost::new(bytes, tx_in_flight) })
        },
    );
    let congestion = (bytes(), any::<bool>(), 0..3).prop_map(|(flight, again, kind)| {
        Event::Congestion(match kind {
            0 => Congestion::Loss { flight },
            1 => Congestion::Timeout { flight, again },
            _ => Congestion::Ecn { flight },
        })
    });
    let sent = (bytes(), bytes(), any::<bool>()).prop_map(|(bytes, pipe, app_limited)| {
        Event::Sent(Sent { app_limited, ..Sent::new(bytes, pipe) })
    });
    prop_oneof![
        10 => ack(),
        3 => lost,
        2 => congestion,
        2 => sent,
        1 => mss().prop_map(Event::Mss),
        1 => Just(Event::Recovered),
        1 => Just(Event::Spurious),
        1 => Just(Event::Idle),
    ]
}

fn happen(bbr: &mut Bbr, now: Instant, event: &Event) {
    match event {
        Event::Ack(ack) => bbr.on_ack(&Ack { now, ..*ack }),
        Event::Lost(lost) => bbr.on_lost(now, lost),
        Event::Congestion(congestion) => bbr.on_congestion(now, congestion),
        Event::Sent(sent) => bbr.on_sent(now, sent),
        Event::Mss(mss) => bbr.on_mss(*mss),
        Event::Recovered => bbr.on_recovered(now, 0),
        Event::Spurious => bbr.on_spurious(now),
        Event::Idle => bbr.on_idle(now),
    }
}

fn check(bbr: &Bbr, event: &Event) {
    let mss = bbr.mss;
    let window = u64::from(bbr.window());
    assert_eq!(window, bbr.window, "a window of more than 32 bits");
    assert!(window >= mss, "less than a segment");
    if matches!(event, Event::Ack(_)) {
        assert!(window >= 4 * mss, "less than keeps a path busy");
    }
    assert!(bbr.pacing_rate().is_some_and(|rate| rate >= mss), "slower than a segment a second");
    assert!(bbr.bw <= bbr.max_bw.max() && bbr.bw <= bbr.bw_shortterm || bbr.bw == 0);
    // Bounds are put while the state is one that puts them.
    if matches!(bbr.state, State::Startup) {
        assert!(!bbr.full_pipe.reached, "Startup goes on though the pipe was full");
    }
    if bbr.state.is_probe_bw() || bbr.state == State::Drain {
        assert!(bbr.full_pipe.reached, "{:?} though the pipe was never full", bbr.state);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn any_events(
        (mss, window, srtt) in (mss(), bytes(), prop::option::of(time())),
        (seed, sack) in (any::<u64>(), any::<bool>()),
        events in vec((time(), event()), 1..200),
    ) {
        let start = Start { window, srtt, seed, sack, ..Start::new(Instant::ZERO, mss, 10 * mss) };
        let mut bbr = Bbr::new(start);
        let mut now = Instant::ZERO;
        for (wait, event) in &events {
            now += *wait;
            happen(&mut bbr, now, event);
            check(&bbr, event);
        }
    }

    /// The same events make the same of it: chance comes from the seed alone.
    #[test]
    fn it_is_reproducible(seed in any::<u64>(), events in vec((time(), event()), 1..50)) {
        let start = Start { seed, ..Start::new(Instant::ZERO, 1_460, 14_600) };
        let [one, other] = [(); 2].map(|()| {
            let mut bbr = Bbr::new(start);
            let mut now = Instant::ZERO;
            for (wait, event) in &events {
                now += *wait;
                happen(&mut bbr, now, event);
            }
            format!("{bbr:?}")
        });
        prop_assert_eq!(one, other);
    }
}
