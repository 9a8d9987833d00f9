//! Two engines over a device that carries super-segments.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tuntcp::HostConfig;
use tuntcp::device::{Capabilities, Device, Offload, Received, memory};
use tuntcp::engine::{Engine, Socket};
use tuntcp::time::Instant;

use crate::world::{at, config_at};

/// What a device has carried.
#[derive(Default)]
struct Carried {
    largest: AtomicUsize,
    frames: AtomicUsize,
    /// Every so manieth frame with text is lost; 0: none.
    lose: AtomicUsize,
}

struct Watched<D>(D, Arc<Carried>);

impl<D: Device> Device for Watched<D> {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn receive(&self, now: Instant, frame: &mut [u8]) -> std::io::Result<Option<Received>> {
        self.0.receive(now, frame)
    }

    fn transmit(&self, now: Instant, frame: &[u8], offload: Offload) -> std::io::Result<()> {
        if let Offload::Tcp { segment } = offload {
            assert_eq!(Some(segment), NonZeroU16::new(1448), "an MSS less the timestamps");
        }
        self.1.largest.fetch_max(frame.len(), Ordering::Relaxed);
        if frame.len() > 100 {
            let frames = self.1.frames.fetch_add(1, Ordering::Relaxed) + 1;
            let lose = self.1.lose.load(Ordering::Relaxed);
            if lose > 0 && frames.is_multiple_of(lose) {
                return Ok(());
            }
        }
        self.0.transmit(now, frame, offload)
    }

    fn wait(&self, timeout: Option<Duration>) -> std::io::Result<()> {
        self.0.wait(timeout)
    }

    fn wake(&self) {
        self.0.wake();
    }
}

struct Pair {
    engines: [Arc<Engine>; 2],
    now: Instant,
    carried: Arc<Carried>,
}

impl Pair {
    fn new(config: impl Fn(&str) -> HostConfig) -> Self {
        let (near, far) = memory::pair_with_offload(1500);
        let carried = Arc::new(Carried::default());
        let near = Watched(near, Arc::clone(&carried));
        let engines = [
            Engine::new(Box::new(near), config("192.0.2.2/24")),
            Engine::new(Box::new(far), config("192.0.2.1/24")),
        ];
        Self { engines, now: Instant::ZERO, carried }
    }

    /// A millisecond each way passes.
    fn turn(&mut self) {
        for engine in &self.engines {
            self.now += Duration::from_millis(1);
            engine.turn(self.now).unwrap();
        }
    }

    /// A connection from the first to the second.
    fn connected(&mut self) -> (Socket, Socket) {
        let listener = self.engines[1].listen(at("192.0.2.1", 80), 1).unwrap();
        let client = self.engines[0].connect(self.now, None, at("192.0.2.1", 80)).unwrap();
        for _ in 0..3 {
            self.turn();
        }
        (client, listener.accept().unwrap().expect("it is open"))
    }

    /// What arrives when all of `text` is written.
    fn carry(&mut self, from: &Socket, to: &Socket, text: &[u8]) -> Vec<u8> {
        let (mut written, mut heard) = (0, Vec::new());
        let mut buffer = vec![0; 1 << 16];
        for _ in 0..10_000 {
            written += from.write(self.now, &text[written..]).unwrap().unwrap_or(0);
            self.turn();
            while let Some(count) = to.read(self.now, &mut buffer, false).unwrap() {
                heard.extend_from_slice(&buffer[..count]);
            }
            if heard.len() == text.len() {
                break;
            }
        }
        heard
    }
}

fn text() -> Vec<u8> {
    (0..4 << 20_u32).map(|at| (at % 251) as u8).collect()
}

#[test]
fn text_goes_in_frames_of_up_to_64_kib() {
    let mut pair = Pair::new(config_at);
    let (client, server) = pair.connected();
    let text = text();
    assert!(pair.carry(&client, &server, &text) == text);
    let largest = pair.carried.largest.load(Ordering::Relaxed);
    assert!((60_000..=65_535).contains(&largest), "{largest}");
    let info = client.info(pair.now);
    // A frame or two ends with a small segment, where the buffer was empty for a moment.
    let full = text.len().div_ceil(1448) as u32;
    assert!((full..full + 20).contains(&info.data_segments_out), "segments, not frames");
    assert_eq!(server.info(pair.now).data_segments_in, info.data_segments_out);
}

/// What was in flight in one frame is lost in one; it is known, and sent again, segment by segment.
#[test]
fn a_lost_super_segment_is_sent_again() {
    let mut pair = Pair::new(config_at);
    let (client, server) = pair.connected();
    pair.carried.lose.store(10, Ordering::Relaxed);
    let text = text();
    assert!(pair.carry(&client, &server, &text) == text);
    let info = client.info(pair.now);
    assert!(info.retransmissions > 0);
}
