//! One frame may stand for many segments; what has become of each of them is known all the same.

use super::harness::{Harness, flow};
use super::script::{At, at};
use crate::buffer::Pool;
use crate::tcp::Limits;

/// A connection that has handed over so much text, and sent it in one frame of `segments`.
fn framed(script: &str, segments: u16) -> Harness {
    let setup = at(At::Established).sack();
    let reno = setup.config(|config| config.congestion = "reno".parse().expect("it is there"));
    let mut harness = reno.start();
    harness.must(&format!("cork; {script}"));
    let (now, limits) =
        (harness.now, Limits { max_frame: 10 * 1500, offloads: true, ..Limits::plain(1500) });
    let sent = harness.connection().poll_transmit(now, &flow(), &limits, &mut Vec::new());
    assert_eq!(sent.map(|frame| frame.wire_segments), Some(segments));
    harness.must("uncork; +100ms");
    harness
}

/// Proves: RFC6675-4-pipe, RFC8985-4-a.
#[test]
fn a_part_of_it_is_lost() {
    framed("write 14600", 10).must(
        "info in_flight 10mss; ack 1 2-4; sends 1; info sacked 3mss; info lost_segments 1
         +100ms; ack 5 7-9; sends 5-6 10; info sacked 3mss; info lost_segments 4; ack 11",
    );
}

/// Hands over so much text, and sends nothing yet.
fn write(harness: &mut Harness, len: usize) {
    let mut chunk = Pool::new().chunk(len);
    chunk.extend(&vec![0; len]);
    let now = harness.now;
    assert_eq!(harness.connection().write(now, chunk), Ok(len));
}

/// A frame holds what the application has written as Nagle would have sent it in plain segments: a
/// small one stays behind while another is outstanding.
#[test]
fn a_small_tail_waits_for_another() {
    let mut harness = at(At::Established).start();
    harness.must("write 100; > P. 1:101(100) ack 1");
    write(&mut harness, 3000);
    let limits = Limits { max_frame: 10 * 1500, offloads: true, ..Limits::plain(1500) };
    let send = |harness: &mut Harness| {
        let now = harness.now;
        let sent = harness.connection().poll_transmit(now, &flow(), &limits, &mut Vec::new());
        sent.map(|frame| frame.wire_segments)
    };
    assert_eq!(send(&mut harness), Some(2), "two full ones");
    assert_eq!(send(&mut harness), None, "and 80 bytes that wait");
    write(&mut harness, 1380);
    assert_eq!(send(&mut harness), Some(1), "until they fill a segment");
}

#[test]
fn a_fin_goes_with_the_last() {
    let mut harness = framed("write 2000; shutdown write", 2);
    harness.must("ack 2; +300ms; > FP. 1461:2001(540) ack 1; ack =2002; state FinWait2");
}

/// Proves: RFC8985-7.3-b.
#[test]
fn the_probe_of_its_tail_is_its_last_segment() {
    let mut harness = framed("write 14000", 10);
    harness.must("ack 6; +250ms; > P. 13141:14001(860) ack 1");
}

/// Proves: RFC2883-4-a.
#[test]
fn a_duplicate_is_reported_by_one_of_them() {
    let mut harness = at(At::Established).sack().start();
    harness.must("< . 1:11(10) ack 1; +40ms; >*; cork; < . 1:11(10) ack 1; write 4380");
    let now = harness.now;
    let limits = Limits { max_frame: 10 * 1500, offloads: true, ..Limits::plain(1500) };
    let mut next = || {
        let sent = harness.connection().poll_transmit(now, &flow(), &limits, &mut Vec::new());
        sent.map(|frame| frame.wire_segments)
    };
    // The block takes 12 bytes of the first one, and they come last.
    assert_eq!([next(), next(), next()], [Some(1), Some(3), None]);
}
