//! What a thread that waits for a connection spares it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use crate::device::memory;
use crate::engine::{Engine, HostConfig, Socket};
use crate::tcp::{Shutdown, State};
use crate::time::Instant;

/// Two engines on one cable, and both ends of a connection between them.
struct Pair {
    engines: [Arc<Engine>; 2],
    near: Socket,
    far: Socket,
}

const NOW: Instant = Instant::from_nanos(1_000_000_000);

impl Pair {
    fn new() -> Self {
        let (left, right) = memory::pair(1500);
        let config = |address: &str| HostConfig::new(vec![address.parse().expect("a network")]);
        let engines = [
            Engine::new(Box::new(left), config("192.0.2.1/24")),
            Engine::new(Box::new(right), config("192.0.2.2/24")),
        ];
        let addr: SocketAddr = "192.0.2.2:7".parse().expect("an address");
        let listener = engines[1].listen(addr, 1).expect("a free port");
        let near = engines[0].connect(NOW, None, addr).expect("a free port");
        for _ in 0..2 {
            engines.iter().for_each(|engine| turn(engine, NOW));
        }
        let far = listener.accept().expect("the host is up").expect("it is open");
        Self { engines, near, far }
    }

    /// The near end says that it is done, and the far one hears of it.
    fn end(&self) {
        self.near.shutdown(NOW, Shutdown::Write).expect("it is open");
        turn(&self.engines[1], NOW);
        turn(&self.engines[0], NOW);
    }

    /// Frames that the far end has sent.
    fn answers(&self) -> u64 {
        self.engines[1].counters().frames_out.load(Ordering::Relaxed)
    }
}

fn turn(engine: &Engine, now: Instant) {
    engine.turn(now).expect("the device lives");
}

/// The FIN of one who waits for nothing is acknowledged at once.
#[test]
fn a_fin_that_nobody_waits_for() {
    let pair = Pair::new();
    let before = pair.answers();
    pair.end();
    assert_eq!(pair.answers() - before, 1);
    assert_eq!(pair.near.info(NOW).state, State::FinWait2);
}

#[test]
fn a_fin_that_the_packet_loop_itself_waits_for() {
    let pair = Pair::new();
    let before = pair.answers();
    pair.far.set_leads(Some(0));
    pair.end();
    pair.far.set_leads(None);
    assert_eq!(pair.near.info(NOW).state, State::FinWait1);
    pair.far.close(NOW);
    turn(&pair.engines[0], NOW);
    assert_eq!(pair.answers() - before, 1, "one frame ends and acknowledges");
    assert_eq!(pair.near.info(NOW).state, State::TimeWait);
}

#[test]
fn a_fin_that_a_thread_sleeps_for() {
    let pair = Pair::new();
    let before = pair.answers();
    thread::scope(|scope| {
        let reader = scope.spawn(|| pair.far.wait_readable(None));
        while !pair.far.slot.lock().is_waited_for(0) {
            thread::yield_now();
        }
        pair.end();
        assert!(reader.join().expect("no panic"), "it is told, whatever was put off");
    });
    assert_eq!(pair.answers() - before, 0);
    // It does something else: the acknowledgement does not wait for it for ever.
    let later = NOW + Duration::from_millis(40);
    turn(&pair.engines[1], later);
    turn(&pair.engines[0], later);
    assert_eq!(pair.answers() - before, 1);
    assert_eq!(pair.near.info(later).state, State::FinWait2);
}
