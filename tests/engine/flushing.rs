//! Who sends, in which order, and who is woken for it.

use std::sync::Arc;
use std::time::Duration;

use tuntcp::tcp::KeepAlive;
use tuntcp::time::Instant;
use tuntcp::wire::Flags;

use crate::world::{Bench, Peer, THERE, at, config_at, only, tcp};

#[test]
fn acknowledgements_are_made_per_batch() {
    // RFC 9293 3.10.7.4, MUST-58, MUST-59.
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    let mut peer = Peer::open(&mut bench, 5000, 7);
    let _socket = listener.accept().unwrap().unwrap();
    let segments: Vec<_> = (0..20)
        .map(|_| {
            let frame = peer.segment(Flags::empty(), &[7; 536]);
            peer.seq += 536;
            frame
        })
        .collect();
    let answer = only(bench.give(segments));
    assert_eq!(tcp(&answer).ack, Some(peer.seq));
}

/// What is acknowledged when 200 segments of 100 bytes arrive at once, more than a batch;
/// the receive buffer holds so many of them.
fn acknowledged(buffer: usize) -> Vec<u32> {
    let mut config = config_at("192.0.2.2/24");
    config.tcp.receive_buffer = (buffer * 100).into();
    let mut bench = Bench::with(config);
    let listener = bench.listen(7, 8);
    let mut peer = Peer::open(&mut bench, 5000, 7);
    let _socket = listener.accept().unwrap().unwrap();
    let start = peer.seq;
    let segments: Vec<_> = (0..200)
        .map(|_| {
            let frame = peer.segment(Flags::empty(), &[7; 100]);
            peer.seq += 100;
            frame
        })
        .collect();
    let mut answers = bench.give(segments);
    while bench.turn() == bench.now {}
    answers.extend(bench.sent());
    answers.iter().map(|answer| tcp(answer).ack.unwrap().since(start) / 100).collect()
}

#[test]
fn one_acknowledgement_does_while_text_pours_in() {
    assert_eq!(acknowledged(1_000), [200]);
}

#[test]
fn who_waits_for_text_that_pours_in_is_told_when_it_has() {
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    let mut peer = Peer::open(&mut bench, 5000, 7);
    let socket = listener.accept().unwrap().unwrap();
    for _ in 0..128 {
        bench.world_gets(peer.segment(Flags::empty(), &[7; 100]));
        peer.seq += 100;
    }
    assert_eq!(bench.turn(), bench.now, "the first batch looks for more");
    // Whoever tells of something else tells of the text as well, while nobody is shown it yet.
    socket.write(bench.now, b"something").unwrap();
    let (tells, told) = std::sync::mpsc::channel();
    std::thread::scope(|threads| {
        threads.spawn(|| {
            tells.send("waits").unwrap();
            socket.wait_readable(None);
            tells.send("reads").unwrap();
        });
        assert_eq!(told.recv(), Ok("waits"));
        // Nothing tells that a thread sleeps; one that does not yet is shown the text at once.
        std::thread::sleep(Duration::from_millis(20));
        while bench.turn() == bench.now {}
        let reads = told.recv_timeout(Duration::from_secs(10));
        socket.abort(bench.now);
        assert_eq!(reads, Ok("reads"), "the reader was not told");
    });
}

/// The packet loop has been here while another sends, and it comes again, still meanwhile.
#[test]
fn text_that_pours_in_while_another_sends_is_shown() {
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    let mut peer = Peer::open(&mut bench, 5000, 7);
    let socket = listener.accept().unwrap().unwrap();
    let mut batches = [1, 10].map(|count| {
        let segment = |_| {
            let frame = peer.segment(Flags::empty(), &[7; 100]);
            peer.seq += 100;
            frame
        };
        (0..count).map(segment).collect::<Vec<_>>()
    });
    let (engine, world, now) = (Arc::clone(&bench.engine), Arc::clone(&bench.world), bench.now);
    bench.world.during_transmit(move || {
        for batch in &mut batches {
            batch.drain(..).for_each(|frame| world.gets(frame));
            while engine.turn(now).unwrap() == now {}
        }
    });
    socket.write(now, b"something").unwrap();
    while bench.turn() == bench.now {}
    assert_eq!(socket.read(now, &mut [0; 2_000], false), Ok(Some(1_100)));
}

#[test]
fn a_peer_that_may_run_out_of_window_is_not_put_off() {
    // The first batch has filled a third of the buffer.
    assert_eq!(acknowledged(300), [128, 200]);
}

#[test]
fn frames_of_two_writers_leave_in_order() {
    for _ in 0..20 {
        let mut bench = Bench::new();
        let listener = bench.listen(7, 8);
        let mut peer = Peer::open(&mut bench, 5000, 7);
        let socket = listener.accept().unwrap().unwrap();
        let now = bench.now;
        let first = peer.ack.unwrap();
        let (mut next, mut received) = (first, 0);
        std::thread::scope(|threads| {
            for _ in 0..2 {
                threads.spawn(|| {
                    for _ in 0..200 {
                        while socket.write(now, &[1; 100]).unwrap().is_none() {
                            std::thread::yield_now();
                        }
                    }
                });
            }
            while received < 2 * 200 * 100 {
                let frames = bench.sent();
                for frame in &frames {
                    let segment = tcp(frame);
                    assert_eq!(segment.seq, next, "after {received} bytes");
                    next = segment.end();
                    received += segment.payload.len();
                }
                if !frames.is_empty() {
                    peer.ack = Some(next);
                    bench.world_gets(peer.segment(Flags::empty(), &[]));
                    bench.turn();
                }
            }
        });
        assert_eq!(received, 40_000);
    }
}

#[test]
fn who_comes_while_another_sends_leaves_his_bytes_to_him() {
    // While the device has a frame, and when the sender has found nothing more to send: no lock of
    // the connection is held then, and nothing is forgotten.
    for while_it_leaves in [false, true] {
        let mut bench = Bench::new();
        let listener = bench.listen(7, 8);
        let _peer = Peer::open(&mut bench, 5000, 7);
        let socket = Arc::new(listener.accept().unwrap().unwrap());
        socket.set_nodelay(bench.now, true);
        bench.pass(Duration::from_secs(1));
        let (other, now) = (Arc::clone(&socket), bench.now);
        let write = move || assert_eq!(other.write(now, b"second"), Ok(Some(6)));
        if while_it_leaves {
            bench.world.during_wake(write);
        } else {
            bench.world.during_transmit(write);
        }
        assert_eq!(socket.write(now, b"first"), Ok(Some(5)));
        let sent = bench.sent();
        let texts: Vec<_> = sent.iter().map(|frame| tcp(frame).payload).collect();
        assert_eq!(texts, [&b"first"[..], b"second"]);
    }
}

#[test]
fn the_packet_loop_is_woken_once_for_an_earlier_timer() {
    let bench = Bench::new();
    assert_eq!(bench.turn(), Instant::NEVER);
    assert_eq!(bench.wakes(), 0);
    let _first = bench.engine.connect(bench.now, None, at(THERE, 80)).unwrap();
    assert_eq!(bench.wakes(), 1, "it sleeps past the retransmission of the SYN");
    let _second = bench.engine.connect(bench.now, None, at(THERE, 81)).unwrap();
    assert_eq!(bench.wakes(), 1, "it was woken already");
    let next = bench.turn();
    assert!(next > bench.now && next <= bench.now + Duration::from_secs(1), "{next}");
    let later = bench.now + Duration::from_millis(1);
    let _third = bench.engine.connect(later, None, at(THERE, 82)).unwrap();
    assert_eq!(bench.wakes(), 1, "it wakes up earlier by itself");
}

#[test]
fn an_idle_connection_has_no_timer() {
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    let peer = Peer::open(&mut bench, 5000, 7);
    let socket = listener.accept().unwrap().unwrap();
    socket.write(bench.now, b"text").unwrap();
    bench.sent();
    let peer = Peer { ack: peer.ack.map(|ack| ack + 4), ..peer };
    bench.give([peer.segment(Flags::empty(), b"question")]);
    bench.pass(Duration::from_secs(5));
    assert_eq!(bench.turn(), Instant::NEVER);
    assert_eq!(bench.engine.connections(), 1);
}

#[test]
fn a_retransmission_comes_when_it_is_due() {
    let bench = &mut Bench::new();
    let _socket = bench.engine.connect(bench.now, None, at(THERE, 80)).unwrap();
    let syn = only(bench.sent());
    bench.pass(Duration::from_millis(999));
    assert!(bench.sent().is_empty());
    bench.pass(Duration::from_millis(1));
    assert_eq!(tcp(&only(bench.sent())).seq, tcp(&syn).seq);
    bench.pass(Duration::from_millis(1999));
    assert!(bench.sent().is_empty());
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.sent().len(), 1);
}

#[test]
fn a_far_deadline_is_kept_behind_near_ones() {
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    let mut peer = Peer::open(&mut bench, 5000, 7);
    let socket = listener.accept().unwrap().unwrap();
    let idle = Duration::from_secs(600);
    let keepalive = KeepAlive { idle, ..KeepAlive::default() };
    socket.set_keepalive(bench.now, Some(keepalive));
    for _ in 0..50 {
        // Each is acknowledged late, by a timer far before the keep-alive's.
        bench.give([peer.segment(Flags::PSH, b"one byte or two")]);
        peer.seq += 15;
        bench.pass(Duration::from_millis(100));
        socket.read(bench.now, &mut [0; 100], false).unwrap();
    }
    bench.sent();
    let turns = bench.pass(idle - Duration::from_secs(1));
    assert!(turns < 100, "{turns} turns for one connection: entries were left in the wheel");
    assert!(bench.sent().is_empty());
    bench.pass(Duration::from_secs(2));
    let probe = only(bench.sent());
    assert_eq!(tcp(&probe).seq + 1, peer.ack.unwrap());
}

#[test]
fn what_is_closed_leaves_the_wheel_soon() {
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    let _peer = Peer::open(&mut bench, 5000, 7);
    let socket = listener.accept().unwrap().unwrap();
    socket.set_keepalive(bench.now, Some(KeepAlive::default()));
    // The handshake's timer goes, the keep-alive's takes its place.
    bench.pass(Duration::from_secs(2));
    assert_ne!(bench.turn(), Instant::NEVER);
    socket.abort(bench.now);
    bench.pass(Duration::from_secs(61));
    assert_eq!(bench.turn(), Instant::NEVER, "two hours are a long time to keep it");
}

#[test]
fn every_thread_that_writes_may_be_the_one_that_sends() {
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    let _peer = Peer::open(&mut bench, 5000, 7);
    let socket = Arc::new(listener.accept().unwrap().unwrap());
    let (writing, now) = (Arc::clone(&socket), bench.now);
    let writer = std::thread::spawn(move || writing.write(now, b"sent without a turn"));
    assert_eq!(writer.join().unwrap(), Ok(Some(19)));
    assert_eq!(tcp(&only(bench.sent())).payload, b"sent without a turn");
}
