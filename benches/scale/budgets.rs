//! What a connection may cost in memory. The figures are exact, the same on every machine with a
//! 64-bit glibc, so each budget is what it costs now, and a little: whoever makes it cheaper lowers
//! the budget, whoever makes it dearer says why.
//!
//! Without the harness of tests, whose threads would be counted, too.

use std::time::Duration;

use scale::{Counting, Crowd, Stage};
use tuntcp::time::Instant;

#[global_allocator]
static MEMORY: Counting = Counting::new();

/// Connections.
const MANY: usize = 10_000;

fn main() {
    let half_open = cost(Stage::HalfOpen, |_| ());
    let established = cost(Stage::Established, |crowd| {
        crowd.pass(Duration::from_secs(100));
        // Nothing waits for a moment, and so nothing costs time.
        assert_eq!(crowd.turn(), Instant::NEVER, "an idle connection has a timer");
    });
    let time_wait = cost(Stage::TimeWait, |crowd| {
        crowd.pass(Duration::from_secs(30));
        assert_eq!(crowd.engine().connections(), MANY + 1);
    });
    println!("half-open {half_open}, established {established}, TIME-WAIT {time_wait} bytes");
    assert!(half_open <= 315, "a half-open connection costs {half_open} bytes");
    assert!(established <= 705, "an idle connection costs {established} bytes");
    assert!(time_wait <= 160, "a TIME-WAIT costs {time_wait} bytes");
}

/// Bytes that each of many connections costs that have come to `stage`, and then to `rest`.
fn cost(stage: Stage, rest: impl FnOnce(&mut Crowd)) -> usize {
    let mut crowd = Crowd::new(MANY + 1);
    // What the first one costs is paid once.
    crowd.bring(MANY, stage);
    let before = MEMORY.bytes();
    for nth in 0..MANY {
        crowd.bring(nth, stage);
    }
    rest(&mut crowd);
    (MEMORY.bytes() - before) / MANY
}
