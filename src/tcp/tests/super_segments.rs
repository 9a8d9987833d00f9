//! One frame may stand for many segments; what has become of each of them is known all the same.

use super::harness::{Harness, flow};
use super::script::{At, at};
use crate::tcp::Limits;

/// A connection that has handed over so much text, and sent it in one frame of `segments`.
fn framed(script: &str, segments: u16) -> Harness {
    let setup = at(At::Established).sack();
    let reno = setup.config(|config| config.congestion = "reno".parse().expect("it is there"));
    let mut harness = reno.start();
    harness.must(&format!("cork; {script}"));
    let (now, limits) = (harness.now, Limits { segments: 10, ..Limits::plain(1500) });
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

#[test]
fn a_fin_goes_with_the_last() {
    let mut harness = framed("write 2000; shutdown write", 2);
    harness.must("ack 2; +300ms; > FP. 1461:2001(540) ack 1; ack =2002; state FinWait2");
}
