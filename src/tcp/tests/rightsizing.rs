//! How the receive buffer finds its size, and the send buffer its own.

use std::time::Duration;

use super::script::{At, Setup, at};
use crate::tcp::BufferSize;
use crate::tcp::rightsizing::{Progress, Rightsizing};
use crate::time::Instant;

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// An application that takes everything at once, and what the buffer should be after each stretch of
/// `(milliseconds, bytes)`.
struct Reader {
    sizing: Rightsizing,
    now: Instant,
    progress: Progress,
}

impl Reader {
    fn new(round_trip: Option<Duration>) -> Self {
        let now = Instant::ZERO + Duration::from_secs(9);
        let progress = Progress { arrived: 0, queued: 0 };
        Self { sizing: Rightsizing::new(now, progress, round_trip), now, progress }
    }

    fn after(&mut self, time: Duration, bytes: u64) -> u32 {
        self.now += time;
        self.progress.arrived += bytes;
        self.sizing.wanted(self.now, self.progress)
    }

    fn wants(&mut self, stretches: &[(u64, u64)]) -> Vec<u32> {
        stretches.iter().map(|&(time, bytes)| self.after(millis(time), bytes)).collect()
    }
}

/// Round trips of 200 ms: twice what one delivers, and more while that grows.
#[test]
fn a_round_trip() {
    let wants = |stretches: &[_]| Reader::new(Some(millis(200))).wants(stretches);
    assert_eq!(wants(&[(200, 100), (200, 100), (200, 100)]), [400, 200, 200], "a steady rate");
    assert_eq!(wants(&[(200, 100), (200, 200), (200, 400)]), [400, 800, 1600], "slow start");
    assert_eq!(wants(&[(200, 100), (200, 50), (200, 60)]), [400, 100, 160], "less");
    assert_eq!(wants(&[(50, 100), (50, 100), (100, 100)]), [400, 800, 1200], "not at its end only");
    assert_eq!(wants(&[(200, 100), (400, 400)]), [400, 800], "late: so much in each of two");
    assert_eq!(wants(&[(0, 900)]), [3600], "all at once");
}

/// Of what takes longer than a round trip, a part is delivered in it; but in a while there is room
/// for all of it, within bounds.
#[test]
fn a_while() {
    let mut short = Reader::new(Some(millis(1)));
    assert_eq!(short.wants(&[(50, 10_000), (50, 10_000), (50, 10_000)]), [20_000, 40_000, 20_000]);
    assert_eq!(short.after(millis(950), 90_000), 20_000, "a tenth of it");
    assert_eq!(short.after(millis(100), 1_000_000), 512 << 10);
    let mut unknown = Reader::new(None);
    assert_eq!(unknown.wants(&[(100, 10_000), (100, 10_000)]), [20_000, 20_000]);
}

/// Less room does where many segments come in one frame, and whatever comes between them.
#[test]
fn a_while_of_super_segments() {
    let mut reader = Reader::new(None);
    reader.sizing.note_frame(1);
    assert_eq!(reader.after(millis(100), 1_000_000), 512 << 10);
    reader.sizing.note_frame(40);
    reader.sizing.note_frame(1);
    assert_eq!(reader.after(millis(100), 1_000_000), 128 << 10);
}

/// On a path of microseconds a batch of frames is no measure.
#[test]
fn a_batch() {
    let mut reader = Reader::new(Some(Duration::from_micros(50)));
    // 20,000 bytes a millisecond are 1,000 in 50 microseconds, and 2,000,000 in a while.
    assert_eq!(reader.after(Duration::ZERO, 20_000), 40_000);
    assert_eq!(reader.after(millis(1), 19_980_000), 4_000_000, "20 GB/s");
}

/// What comes to wait for the application was not delivered; what waited before may be.
#[test]
fn unread() {
    let mut reader = Reader::new(Some(millis(200)));
    reader.progress.queued = 300;
    assert_eq!(reader.after(millis(200), 300), 0);
    reader.progress.queued = 350;
    assert_eq!(reader.after(millis(200), 300), 2 * 250 + 4 * 250);
    reader.progress.queued = 0;
    assert_eq!(reader.after(millis(200), 0), 0, "it came before");
}

/// The least round trip of late counts, whoever tells of it.
#[test]
fn round_trips() {
    let mut reader = Reader::new(Some(millis(500)));
    reader.sizing.note_round_trip(reader.now, millis(200));
    reader.sizing.note_round_trip(reader.now, millis(900));
    assert_eq!(reader.after(millis(400), 400), 800, "200 in each of two, and four times that");
    // Text beyond the edge of a window comes a round trip after it was told.
    reader.sizing.note_window(reader.now, 0, 100);
    reader.now += millis(150);
    reader.sizing.note_window(reader.now, 100, 200);
    assert_eq!(reader.after(millis(250), 400), 400, "no text beyond the edge yet");
    reader.now += millis(100);
    reader.sizing.note_window(reader.now, 101, 300);
    // Half a minute later, and one later still, it is forgotten.
    let start = reader.now;
    for (least, after) in [(200, 29), (200, 32), (200, 60), (600, 65)] {
        reader.now = start + Duration::from_secs(after);
        reader.sizing.note_round_trip(reader.now, millis(600));
        reader.after(millis(600), 0);
        reader.after(millis(600), 0);
        assert_eq!(reader.after(millis(600), 6_000), 6 * 10 * least, "{least} after {after} s");
    }
}

fn tuned() -> Setup {
    at(At::Established).config(|config| {
        config.receive_buffer = BufferSize { initial: 10_000, max: 30_000 };
        config.send_buffer = BufferSize { initial: 20_000, max: 22_000 };
    })
}

/// The window follows; it stays within the maximum, and within what memory allows.
#[test]
fn the_window() {
    let round = |from: u32| {
        let end = from + 5_000;
        format!("+100ms; < P. {from}:{end}(5000) ack 1; >+; read 5000; >*")
    };
    let twice = format!("{}; {}", round(1), round(5_001));
    let now = "< P. 10001:10011(10) ack 1; +40ms;";
    tuned().rows(&[
        ("grows", &format!("{twice}; {now} > . 1:1(0) ack 10011 win 19990")),
        ("once", &format!("{}; +1ms; < P. 5001:5011(10) ack 1; +40ms; >+", round(1))),
        (
            "up to its maximum",
            &format!(
                "{twice}; +100ms; < P. 10001:20001(10000) ack 1; >+; read 10000; >*
                 +100ms; < P. 20001:40001(20000) ack 1; >+; read 20000; > . 1:1(0) ack 40001 win 30000"
            ),
        ),
        ("not when it is pinned", &format!("set receive_buffer 10000; {twice}; {now} > . 1:1(0) ack 10011 win 9990")),
    ]);
    tuned().memory(50_000).rows(&[(
        "not when memory is short",
        &format!("memory 30000; {twice}; {now} > . 1:1(0) ack 10011 win 9990"),
    )]);
}

/// Twice the congestion window, which ten segments begin with.
#[test]
fn the_send_buffer() {
    let setup = tuned().config(|config| config.congestion = "reno".parse().unwrap());
    let full = "writable 20000; write 20000; >+; writable 0";
    setup.rows(&[
        ("holds what it began with", full),
        ("grows where it is empty", "write 1460; >+; < . 1:1(0) ack 1461; writable 22000"),
        ("grows", &format!("{full}; < . 1:1(0) ack 1461; >+; writable 3460; nosignal WRITABLE; < . 1:1(0) ack 7301; signal WRITABLE; >*")),
        (
            "not when it is pinned",
            &format!("set send_buffer 20000; {full}; < . 1:1(0) ack 1461; >+; writable 1460"),
        ),
    ]);
    setup.memory(600_000).rows(&[(
        "not when memory is short",
        "write 20000; >+; memory 600000; < . 1:1(0) ack 1461; >+; memory 0; writable 1460",
    )]);
}
