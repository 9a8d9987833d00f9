//! The agenda, against a plain list in which everything is looked for.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;

use super::{Agenda, Station};
use crate::time::Instant;

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn any_station(rng: &mut Rng) -> Station {
    let id = rng.usize(..4);
    [Station::Egress(id), Station::Link(id), Station::Ingress(id), Station::Host(id)]
        [rng.usize(..4)]
}

#[test]
fn every_station_acts_at_its_last_moment_and_in_order() {
    for seed in 0..200 {
        let mut rng = Rng::with_seed(seed);
        let mut agenda = Agenda::default();
        let mut list: BTreeMap<Station, Instant> = BTreeMap::new();
        let mut now = Instant::ZERO;
        for _ in 0..300 {
            // Somebody from outside sets a few moments, some of them twice.
            for _ in 0..rng.usize(..4) {
                let station = any_station(&mut rng);
                let moment = match rng.u8(..8) {
                    0 => Instant::NEVER,
                    1 => now,
                    _ => now + Duration::from_nanos(rng.u64(..20)),
                };
                agenda.set(station, moment, now);
                list.insert(station, moment);
            }
            let next = list.values().min().copied().unwrap_or(Instant::NEVER);
            assert_eq!(agenda.next(), next, "seed {seed}");
            if next.is_never() {
                continue;
            }
            now = now.max(next);
            // A round: each that is due, in order; what becomes due behind it still takes part.
            agenda.begin(now);
            let mut due: Vec<Station> = due_after(&list, None, now);
            let mut acted = None;
            while let Some(&station) = due.first() {
                assert_eq!(agenda.take(), Some(station), "seed {seed}");
                acted = Some(station);
                list.insert(station, Instant::NEVER);
                for _ in 0..rng.usize(..3) {
                    let other = any_station(&mut rng);
                    let moment = now + Duration::from_nanos(rng.u64(..3));
                    agenda.set(other, moment, now);
                    list.insert(other, moment);
                }
                due = due_after(&list, acted, now);
            }
            assert_eq!(agenda.take(), None, "seed {seed}");
            assert!(acted.is_some());
        }
    }
}

/// Those that are due and whose turn comes after that of `acted`.
fn due_after(
    list: &BTreeMap<Station, Instant>,
    acted: Option<Station>,
    now: Instant,
) -> Vec<Station> {
    let due = list.iter().filter(|(_, moment)| moment.is_due(now)).map(|(station, _)| *station);
    due.filter(|station| acted.is_none_or(|acted| *station > acted)).collect()
}

#[test]
fn what_was_overtaken_is_forgotten() {
    let mut agenda = Agenda::default();
    for moment in (1..1000).rev() {
        agenda.set(Station::Host(0), at(moment), Instant::ZERO);
    }
    agenda.set(Station::Host(0), at(5000), Instant::ZERO);
    agenda.set(Station::Link(0), at(4000), Instant::ZERO);
    assert_eq!(agenda.next(), at(4000));
    agenda.set(Station::Link(0), Instant::NEVER, Instant::ZERO);
    assert_eq!((agenda.next(), agenda.heap.len()), (at(5000), 1));
}
