//! One small cell, so that the instrument does not rot, and what the shuttle counts.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use against_linux::paths::{PATHS, Path};
use against_linux::report::Report;
use against_linux::shuttle::Shuttle;
use against_linux::trial::{Contender, Outcome, Trial};
use tuntcp::device::{Device, Offload, memory};
use tuntcp::time;
use tuntcp::wire::{self, Flow, IpFields, Segment, SeqNum};

fn trial(path: &str, contender: Contender) -> Trial {
    Trial {
        path: path_called(path),
        contender,
        algorithm: "reno".to_owned(),
        seed: 1,
        span: Duration::from_millis(500),
        capture: None,
    }
}

fn path_called(name: &str) -> &'static Path {
    PATHS.iter().find(|path| path.name == name).expect("it is in the matrix")
}

/// Makes namespaces.
#[test]
fn every_contender_carries_data_over_a_slow_path() {
    let trials = Contender::ALL.map(|contender| trial("slow", contender));
    let outcomes = thread::scope(|scope| {
        let threads = trials.each_ref().map(|trial| scope.spawn(|| trial.run()));
        threads.map(|thread| thread.join().expect("no panic").expect("a transfer"))
    });
    for (outcome, trial) in outcomes.iter().zip(&trials) {
        assert!(outcome.goodput > 0.0, "{}: {outcome}", trial.name());
        assert!(outcome.again < 1.0 && outcome.gap < trial.span, "{}: {outcome}", trial.name());
        assert_eq!(outcome.strays, 0, "{}: {outcome}", trial.name());
    }
}

/// A frame of a connection from 192.0.2.1 to 192.0.2.2: payload of `len` bytes at `seq`.
fn frame(seq: u32, len: usize) -> Vec<u8> {
    let at = |last, port| SocketAddr::from(([192, 0, 2, last], port));
    let flow = Flow { local: at(1, 1024), remote: at(2, 9) };
    let segment =
        Segment { seq: SeqNum::new(seq), ack: Some(SeqNum::new(1)), ..Segment::default() };
    let mut frame = Vec::new();
    wire::emit_tcp(&mut frame, &flow, &IpFields::default(), &segment, len, |frame| {
        frame.extend(vec![7; len]);
    });
    frame
}

/// What arrives of `frames`, in order; gives up after a while.
fn arrivals(device: &dyn Device, count: usize) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut room = [0; 1500];
    #[expect(clippy::disallowed_methods, reason = "a bound on reality")]
    let begun = Instant::now();
    while frames.len() < count && begun.elapsed() < Duration::from_secs(10) {
        device.wait(Some(Duration::from_millis(100))).expect("memory does not vanish");
        while let Some(received) = device.receive(time::Instant::ZERO, &mut room).expect("nor here")
        {
            frames.push(room[..received.len].to_vec());
        }
    }
    frames
}

#[test]
fn the_shuttle_carries_both_ways_and_counts_what_comes_again() {
    let (sender, near) = memory::pair(1500);
    let (far, receiver) = memory::pair(1500);
    let wire = "delay=1ms".parse().expect("a spec");
    let shuttle = Shuttle::between(Box::new(near), Box::new(far), &wire, &wire);
    // Past the end of the numbers: new, new, the second again, half of it with as much new, no data.
    let start = 0_u32.wrapping_sub(1500);
    let at = |offset: u32| start.wrapping_add(offset);
    let sent = [
        frame(at(0), 1000),
        frame(at(1000), 1000),
        frame(at(1000), 1000),
        frame(at(1500), 1000),
        frame(at(2500), 0),
    ];
    for frame in &sent {
        sender.transmit(time::Instant::ZERO, frame, Offload::None).expect("there is room");
    }
    assert_eq!(arrivals(&receiver, sent.len()), sent);
    receiver.transmit(time::Instant::ZERO, &sent[4], Offload::None).expect("there is room");
    assert_eq!(arrivals(&sender, 1), [sent[4].clone()]);
    let (data, acks) = shuttle.end().expect("it was well");
    assert_eq!((data.payload, data.again, data.tally.delivered), (4000, 1500, 5));
    assert_eq!((acks.payload, acks.again, acks.tally.delivered), (0, 0, 1));
}

#[test]
fn the_shuttle_loses_what_the_wire_loses() {
    let (sender, near) = memory::pair(1500);
    let (far, receiver) = memory::pair(1500);
    let [lost, kept] = ["loss=100%", ""].map(|text| text.parse().expect("a spec"));
    let shuttle = Shuttle::between(Box::new(near), Box::new(far), &lost, &kept);
    sender.transmit(time::Instant::ZERO, &frame(1, 100), Offload::None).expect("there is room");
    receiver.transmit(time::Instant::ZERO, &frame(1, 0), Offload::None).expect("there is room");
    assert_eq!(arrivals(&sender, 1).len(), 1);
    let (data, acks) = shuttle.end().expect("it was well");
    assert_eq!((data.tally.lost, data.tally.delivered, data.payload), (1, 0, 100));
    assert_eq!((acks.tally.lost, acks.tally.delivered), (0, 1));
}

#[test]
fn the_report_marks_what_misses_a_goal() {
    let good = Outcome {
        goodput: 9e6,
        again: 0.01,
        gap: Duration::from_millis(60),
        timeouts: 0,
        strays: 0,
        late: 0.0,
    };
    let bad = Outcome { goodput: 8e6, again: 0.02, gap: Duration::from_secs(1), ..good };
    let mut report = Report::new("a command".to_owned());
    for (contender, outcome) in
        [(Contender::Linux, good), (Contender::Control, good), (Contender::Sends, bad)]
    {
        report.note(&trial("slow", contender), Some(outcome));
    }
    report.note(&trial("slow", Contender::Receives), None);
    let text = report.to_string();
    let lines = [
        "| reno | control | 1.000 | 1.00, slow | 0 | 0 | 0 |",
        "| reno | ours sends | 0.889 | 0.89, slow | 1 | 1 | 1 |",
        "| slow | 9.00 (9.00 to 9.00) | 1.00 (1.00 to 1.00) | **0.89 (0.89 to 0.89)** | **failed** |",
    ];
    for line in lines {
        assert!(text.contains(line), "{line} is missing:\n{text}");
    }
    assert!(text.contains("| **2.00** |") && text.contains("| **1000** |"), "{text}");
}
