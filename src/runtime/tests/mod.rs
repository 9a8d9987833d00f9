//! Leader and followers, one step at a time.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::busy::BusyPoll;
use super::clock::Clock;
use super::lead::Lead;
use crate::time::Instant;

/// A worker that takes the lead, says so, and steps aside when told to, again and again.
fn worker(lead: &Arc<Lead>) -> (mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (says, hears) = mpsc::channel();
    let (tell, told) = mpsc::channel::<()>();
    let lead = Arc::clone(lead);
    thread::spawn(move || {
        lead.worker_takes();
        while says.send(()).is_ok() && told.recv().is_ok() {
            lead.step_aside();
        }
    });
    (hears, tell)
}

#[test]
fn only_one_leads() {
    let lead = Lead::new(Clock::start());
    let term = lead.try_take();
    assert!(term.is_some());
    assert!(lead.try_take().is_none());
    drop(term);
    assert!(lead.try_take().is_some());
}

#[test]
fn the_worker_takes_what_lies_unused() {
    let lead = Arc::new(Lead::new(Clock::start()));
    let (hears, _tell) = worker(&lead);
    hears.recv().expect("it leads");
    assert!(lead.try_take().is_none(), "it does not share");
}

#[test]
fn the_worker_steps_aside_for_one_who_wants_and_comes_back() {
    let lead = Arc::new(Lead::new(Clock::start()));
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
fn what_was_left_for_good_is_taken_at_once() {
    let lead = Arc::new(Lead::new(Clock::start()));
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
    let lead = Arc::new(Lead::new(Clock::start()));
    let term = lead.try_take().expect("nobody leads");
    let (hears, _tell) = worker(&lead);
    lead.reclaim();
    assert!(lead.is_reclaimed());
    assert!(hears.try_recv().is_err(), "two lead");
    drop(term);
    hears.recv().expect("the worker leads");
    assert!(lead.try_take().is_none());
}

#[test]
fn the_packet_loop_looks_again_for_a_while_after_each_burst() {
    let at = |micros: u64| Instant::from_nanos(micros * 1_000);
    let mut busy = BusyPoll::new(Duration::from_micros(50));
    assert!(!busy.looks_again(at(100)), "nothing has come");
    busy.note_burst(at(100));
    assert!(busy.looks_again(at(149)));
    busy.note_burst(at(149));
    assert!(busy.looks_again(at(198)), "the time begins anew");
    assert!(!busy.looks_again(at(199)));
    let mut off = BusyPoll::new(Duration::ZERO);
    off.note_burst(at(100));
    assert!(!off.looks_again(at(100)));
}
