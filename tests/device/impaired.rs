//! The wrapper that makes a wire bad.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tuntcp::device::{Capabilities, Device, Impaired, Memory, Offload, Received, is_gone, memory};
use tuntcp::time::Instant;

use crate::contract;

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn impaired(spec: &str) -> (Impaired, Memory) {
    let (near, far) = memory::pair(1500);
    (Impaired::new(Box::new(near), &spec.parse().unwrap()), far)
}

fn take(device: &dyn Device, now: Instant) -> Option<Vec<u8>> {
    let mut frame = vec![0; 1500];
    let received = device.receive(now, &mut frame).unwrap()?;
    frame.truncate(received.len);
    Some(frame)
}

fn give(device: &dyn Device, now: Instant, frame: &[u8]) {
    device.transmit(now, frame, Offload::None).unwrap();
}

#[test]
fn keeps_the_contract_when_nothing_is_impaired() {
    let (near, far) = impaired("");
    contract::check(&near, &far);
    assert_eq!(near.outbound().offered, near.outbound().delivered);
}

#[test]
fn received_frames_come_out_at_their_time() {
    let (near, far) = impaired("delay=20ms");
    give(&far, at(0), b"one");
    assert_eq!(take(&near, at(5)), None);
    give(&far, at(0), b"two");
    assert_eq!(take(&near, at(6)), None);
    assert_eq!(near.deadline(), at(25));
    assert_eq!(take(&near, at(24)), None);
    assert_eq!(take(&near, at(25)).as_deref(), Some(b"one".as_slice()));
    assert_eq!(near.deadline(), at(26));
    assert_eq!(take(&near, at(26)).as_deref(), Some(b"two".as_slice()));
    assert_eq!((take(&near, at(99)), near.deadline()), (None, Instant::NEVER));
}

#[test]
fn transmitted_frames_move_on_with_any_later_call() {
    let (near, far) = impaired("delay=20ms");
    give(&near, at(0), b"one");
    give(&near, at(10), b"two");
    assert_eq!((take(&far, at(19)), near.deadline()), (None, at(20)));
    assert_eq!(take(&near, at(20)), None);
    assert_eq!(take(&far, at(20)).as_deref(), Some(b"one".as_slice()));
    give(&near, at(30), b"three");
    assert_eq!(take(&far, at(30)).as_deref(), Some(b"two".as_slice()));
    assert_eq!((take(&far, at(30)), near.deadline()), (None, at(50)));
}

/// Each `wait(None)` would last for ever without a wake-up.
#[test]
fn a_deadline_that_moved_forward_ends_the_wait() {
    let (near, _far) = impaired("delay=20ms");
    std::thread::scope(|scope| {
        scope.spawn(|| give(&near, at(0), b"first"));
        near.wait(None).unwrap();
    });
    assert_eq!(near.deadline(), at(20));
}

#[test]
fn a_deadline_that_stays_wakes_nobody() {
    let woken = std::sync::Arc::new(AtomicU64::new(0));
    let near = Impaired::new(Box::new(Probe::new(&woken)), &"delay=20ms".parse().unwrap());
    give(&near, at(0), b"first");
    assert_eq!(woken.load(Relaxed), 1);
    give(&near, at(1), b"second");
    give(&near, at(20), b"third, takes the first along");
    assert_eq!(woken.load(Relaxed), 1);
}

#[test]
fn the_directions_have_draws_of_their_own() {
    let (near, far) = impaired("loss=50%,seed=1");
    let mut outward = Vec::new();
    let mut inward = Vec::new();
    for _ in 0..200 {
        give(&near, at(0), b"x");
        outward.push(take(&far, at(0)).is_some());
        give(&far, at(0), b"x");
        inward.push(take(&near, at(0)).is_some());
    }
    assert_ne!(outward, inward);
    assert_eq!(near.inbound().lost, inward.iter().filter(|&&arrived| !arrived).count() as u64);
    assert_eq!(near.outbound().lost, outward.iter().filter(|&&arrived| !arrived).count() as u64);
}

#[test]
fn a_flood_that_is_lost_does_not_hold_the_packet_loop() {
    let woken = std::sync::Arc::default();
    let near = Impaired::new(Box::new(Probe::new(&woken)), &"loss=100%".parse().unwrap());
    assert_eq!(take(&near, at(0)), None);
    assert!(near.inbound().offered >= 1);
}

#[test]
fn a_full_device_behind_it_is_told_and_a_dead_one_too() {
    let woken = std::sync::Arc::default();
    for (spec, kind) in [("", ErrorKind::WouldBlock), ("delay=1ms", ErrorKind::NotConnected)] {
        let mut probe = Probe::new(&woken);
        probe.answer = Some(kind);
        let near = Impaired::new(Box::new(probe), &spec.parse().unwrap());
        let sent = near.transmit(at(0), b"x", Offload::None);
        if kind == ErrorKind::WouldBlock {
            assert_eq!(sent.unwrap_err().kind(), kind);
            assert_eq!(take(&near, at(1)).as_deref(), Some(b"frame".as_slice()));
        } else {
            sent.unwrap();
            let error = near.receive(at(1), &mut [0; 1500]).unwrap_err();
            assert!(is_gone(&error));
        }
    }
}

/// A device with an endless supply of frames, which counts its wake-ups.
struct Probe {
    woken: std::sync::Arc<AtomicU64>,
    answer: Option<ErrorKind>,
}

impl Probe {
    fn new(woken: &std::sync::Arc<AtomicU64>) -> Self {
        Self { woken: std::sync::Arc::clone(woken), answer: None }
    }
}

impl Device for Probe {
    fn capabilities(&self) -> Capabilities {
        Capabilities::plain(1500)
    }

    fn receive(&self, _now: Instant, frame: &mut [u8]) -> io::Result<Option<Received>> {
        frame[..5].copy_from_slice(b"frame");
        Ok(Some(Received { len: 5, vouched: true, segment: None }))
    }

    fn transmit(&self, _now: Instant, _frame: &[u8], _offload: Offload) -> io::Result<()> {
        self.answer.map_or(Ok(()), |kind| Err(kind.into()))
    }

    fn wait(&self, _timeout: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn wake(&self) {
        self.woken.fetch_add(1, Relaxed);
    }
}
