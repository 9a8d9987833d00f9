//! Leader and followers, one step at a time.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::busy::BusyPoll;
use super::clock::Clock;
use super::lead::Lead;
use crate::engine::BusyPolling;
use crate::time::Instant;

fn lead() -> Lead {
    Lead::new(Clock::start(), BusyPoll::new(BusyPolling::Off))
}

/// A worker that takes the lead, says so, and steps aside when told to, again and again.
fn worker(lead: &Arc<Lead>) -> (mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (says, hears) = mpsc::channel();
    let (tell, told) = mpsc::channel::<()>();
    let lead = Arc::clone(lead);
    thread::spawn(move || {
        lead.worker_takes();
        while says.send(()).is_ok() && told.recv().is_ok() {
            lead.step_aside(true);
        }
    });
    (hears, tell)
}

#[test]
fn only_one_leads() {
    let lead = lead();
    let term = lead.try_take();
    assert!(term.is_some());
    assert!(lead.try_take().is_none());
    drop(term);
    assert!(lead.try_take().is_some());
}

#[test]
fn the_worker_takes_what_lies_unused() {
    let lead = Arc::new(lead());
    let (hears, _tell) = worker(&lead);
    hears.recv().expect("it leads");
    assert!(lead.try_take().is_none(), "it does not share");
}

#[test]
fn the_worker_steps_aside_for_one_who_wants_and_comes_back() {
    let lead = Arc::new(lead());
    let (hears, tell) = worker(&lead);
    hears.recv().expect("it leads");
    assert!(lead.try_take().is_none());
    tell.send(()).expect("it listens");
    let term = loop {
        // It steps aside when it gets to it, and is back if this thread was too slow to notice.
        if let Some(term) = lead.try_take() {
            break term;
        }
        if hears.try_recv().is_ok() {
            tell.send(()).expect("it listens");
        }
        thread::yield_now();
    };
    assert!(hears.try_recv().is_err(), "two lead");
    drop(term);
    hears.recv().expect("it leads again");
}

#[test]
fn the_worker_knows_that_it_was_away() {
    let lead = lead();
    lead.worker_takes();
    assert!(!lead.step_aside(true), "nobody wants the lead");
    assert!(lead.try_take().is_none());
    assert!(lead.step_aside(true), "somebody did: it left, and took what lay unused");
    assert!(lead.try_take().is_none());
    lead.reclaim();
    assert!(!lead.step_aside(true), "only the worker leads now");
}

#[test]
fn what_was_left_for_good_is_taken_at_once() {
    let lead = Arc::new(lead());
    let term = lead.try_take().expect("nobody leads");
    let (hears, _tell) = worker(&lead);
    drop(term);
    lead.hand_on();
    hears.recv().expect("the worker leads");
    lead.hand_on();
    assert!(lead.try_take().is_none(), "what is led is not handed on");
}

#[test]
fn nobody_takes_what_is_reclaimed() {
    let lead = Arc::new(lead());
    let term = lead.try_take().expect("nobody leads");
    let (hears, _tell) = worker(&lead);
    lead.reclaim();
    assert!(lead.is_reclaimed());
    assert!(hears.try_recv().is_err(), "two lead");
    drop(term);
    hears.recv().expect("the worker leads");
    assert!(lead.try_take().is_none());
}

fn at(micros: u64) -> Instant {
    Instant::from_nanos(micros * 1_000)
}

const MICROS_50: BusyPolling = BusyPolling::For(Duration::from_micros(50));

#[test]
fn the_packet_loop_looks_again_for_a_while_after_each_burst() {
    let busy = BusyPoll::new(MICROS_50);
    assert!(!busy.looks_again(at(100)), "nothing has come");
    busy.note_burst(at(100), 1);
    assert!(busy.looks_again(at(149)));
    busy.note_burst(at(149), 1);
    assert!(busy.looks_again(at(198)), "the time begins anew");
    assert!(!busy.looks_again(at(199)));
    let off = BusyPoll::new(BusyPolling::Off);
    off.note_burst(at(100), 1);
    assert!(!off.looks_again(at(100)));
}

/// Bursts so far apart, the time that was spent on looking at nothing, and how many were tried.
fn looking_in_vain(busy: &BusyPoll, from: u64, bursts: u64, apart: u64) -> u64 {
    let mut tried = 0;
    for burst in 0..bursts {
        let begin = from + burst * apart;
        busy.note_burst(at(begin), 1);
        let mut now = begin;
        while busy.looks_again(at(now)) {
            now += 5;
        }
        tried += u64::from(now > begin);
    }
    tried
}

#[test]
fn what_is_never_worth_it_is_hardly_tried() {
    let busy = BusyPoll::adaptive(Duration::from_micros(50));
    let tried = looking_in_vain(&busy, 1_000, 10_000, 1_000);
    assert!((10_000 / 64..10_000 / 16).contains(&tried), "{tried} of 10000");
    let told = BusyPoll::new(MICROS_50);
    assert_eq!(looking_in_vain(&told, 1_000, 1_000, 1_000), 1_000, "unless it was asked for");
}

#[test]
fn what_is_worth_it_again_is_done_again() {
    let busy = BusyPoll::adaptive(Duration::from_micros(50));
    looking_in_vain(&busy, 1_000, 1_000, 1_000);
    // From now on something comes 20 µs after each burst.
    let mut looked = 0;
    for burst in 0..1_000 {
        let begin = 10_000_000 + burst * 20;
        busy.note_burst(at(begin), 1);
        looked += u64::from((0..20).step_by(5).all(|later| busy.looks_again(at(begin + later))));
    }
    assert!(looked > 900, "{looked} of 1000");
}

#[test]
fn who_loses_the_cpu_while_looking_leaves_it_to_others_for_a_while() {
    let busy = BusyPoll::adaptive(Duration::from_micros(50));
    busy.note_burst(at(100), 1);
    assert!(busy.looks_again(at(101)));
    assert!(!busy.looks_again(at(145)), "somebody else ran");
    busy.note_burst(at(200), 1);
    assert!(!busy.looks_again(at(201)));
    busy.note_burst(at(10_200), 1);
    assert!(busy.looks_again(at(10_201)));
}

#[test]
fn where_more_are_busy_than_there_are_cpus_nobody_looks() {
    let busy = BusyPoll::adaptive(Duration::from_micros(50));
    busy.note_burst(at(100), 2);
    assert!(!busy.looks_again(at(101)), "two connections and their peers want both CPUs");
    busy.note_burst(at(110), 1);
    assert!(busy.looks_again(at(111)));
    busy.note_burst(at(112), 2);
    assert!(!busy.looks_again(at(113)), "what began before ends, too");
    let told = BusyPoll::new(MICROS_50);
    told.note_burst(at(100), 100);
    assert!(told.looks_again(at(101)), "it was asked for");
}
