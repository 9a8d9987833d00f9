//! A device with several queues.

use std::sync::Arc;
use std::time::Duration;

use tuntcp::device::{Device, Memory, Offload, memory};
use tuntcp::engine::Engine;
use tuntcp::time::Instant;
use tuntcp::wire::{Body, Flags, Flow, IpFields, Packet, RawWindow, Segment, SeqNum, emit_tcp};

use crate::world::{at, config_at};

/// The peer's side: what it sends, and gets, on each queue.
struct Queues([Memory; 2]);

impl Queues {
    fn send(&self, queue: usize, segment: &Segment<'_>) {
        let flow = Flow { local: at("192.0.2.1", 4000), remote: at("192.0.2.2", 7) };
        let mut frame = Vec::new();
        let text = segment.payload;
        emit_tcp(&mut frame, &flow, &IpFields::default(), segment, text.len(), |space| {
            space.extend_from_slice(text);
        });
        self.0[queue].transmit(Instant::ZERO, &frame, Offload::None).unwrap();
    }

    /// What has come on each queue, the first of it.
    fn get(&self) -> [Option<(Flags, SeqNum, SeqNum)>; 2] {
        [0, 1].map(|queue| {
            let mut frame = [0; 1500];
            let received = self.0[queue].receive(Instant::ZERO, &mut frame).unwrap()?;
            let Body::Tcp(_, segment) = Packet::parse(&frame[..received.len], false).unwrap().body
            else {
                panic!("TCP");
            };
            Some((segment.flags, segment.seq, segment.ack.unwrap()))
        })
    }
}

/// An engine on two queues, and its peer.
fn joined() -> (Arc<Engine>, Queues) {
    let (near, far) = memory::pair(1500);
    let (other_near, other_far) = memory::pair(1500);
    let devices: Vec<Box<dyn Device>> = vec![Box::new(near), Box::new(other_near)];
    let engine = Engine::with_queues(devices, config_at("192.0.2.2/24"));
    (engine, Queues([far, other_far]))
}

#[test]
fn a_connection_goes_where_its_frames_come_from() {
    let (engine, peer) = joined();
    assert_eq!(engine.queues(), 2);
    let listener = engine.listen(at("192.0.2.2", 7), 1).unwrap();
    let mut now = Instant::ZERO;
    let window = RawWindow(1000);
    let syn = Segment { seq: SeqNum::new(9), flags: Flags::SYN, window, ..Segment::default() };

    peer.send(1, &syn);
    engine.turn_queue(0, now).unwrap();
    assert_eq!(peer.get(), [None, None], "the other loop knows nothing of it");
    let next = engine.turn_queue(1, now).unwrap();
    let [None, Some((Flags::SYN, iss, ack))] = peer.get() else { panic!("a SYN on its queue") };
    assert_eq!(ack, SeqNum::new(10));

    // Its timer is in the wheel of that queue's loop.
    assert!(!next.is_never() && engine.turn_queue(0, now).unwrap().is_never());
    now += Duration::from_secs(1);
    engine.turn_queue(0, now).unwrap();
    assert_eq!(peer.get(), [None, None]);
    engine.turn_queue(1, now).unwrap();
    let [None, Some((Flags::SYN, again, _))] = peer.get() else { panic!("the SYN again") };
    assert_eq!(again, iss);

    // The kernel has changed its mind, and so do we.
    let text = Segment {
        seq: SeqNum::new(10),
        ack: Some(iss + 1),
        window,
        payload: b"from the other queue",
        ..Segment::default()
    };
    peer.send(0, &text);
    engine.turn_queue(0, now).unwrap();
    let socket = listener.accept().unwrap().expect("it is open");
    socket.write(now, b"answer").unwrap();
    let [Some((_, _, ack)), None] = peer.get() else { panic!("an answer on the new queue") };
    assert_eq!(ack, text.end());
    let mut heard = [0; 100];
    assert_eq!(socket.read(now, &mut heard, false), Ok(Some(text.payload.len())));
}

/// Each queue gets its share of those that we open.
#[test]
fn connections_are_opened_on_every_queue() {
    let (engine, Queues([far, other_far])) = joined();
    let sockets: Vec<_> = (1..=40)
        .map(|port| engine.connect(Instant::ZERO, None, at("192.0.2.1", port)).unwrap())
        .collect();
    let count = |device: &Memory| {
        (0..)
            .take_while(|_| device.receive(Instant::ZERO, &mut [0; 1500]).unwrap().is_some())
            .count()
    };
    let counts = [count(&far), count(&other_far)];
    assert_eq!(counts[0] + counts[1], sockets.len());
    assert!(counts.iter().all(|&count| count > 5), "{counts:?}");
}
