//! What a loss does to the window, and how it grows from there (RFC 5681 3.1, 4.3): NewReno at work
//! in a connection.

use super::harness::Harness;
use super::script::{At, at};

/// Bytes of a full segment.
const MSS: u32 = 1_460;

/// A bulk sender.
struct Sender {
    harness: Harness,
    /// The oldest number that is not acknowledged.
    una: u32,
}

impl Sender {
    /// With far more to send than any window; ten segments are in flight.
    fn new() -> Self {
        // Segments stay as they are, whatever is lost.
        let setup = at(At::Established).reno().config(|config| config.mtu_probing = false);
        let mut harness = setup.start();
        harness.must("cork");
        for _ in 0..15 {
            harness.must("write 65536");
        }
        harness.must("uncork; burst 1 10 1460");
        Self { harness, una: 1 }
    }

    /// The congestion window, ssthresh and what flies, segments.
    fn now(&mut self) -> (u32, u32, u32) {
        let now = self.harness.now;
        let info = self.harness.connection().info(now);
        (info.cwnd / MSS, info.ssthresh / MSS, info.unacked / MSS)
    }

    /// The next `segments` are acknowledged, one ACK at a time.
    fn acknowledge(&mut self, segments: u32) {
        for _ in 0..segments {
            self.una += MSS;
            self.harness.must(&format!("< . 1:1(0) ack {}; >*", self.una));
        }
    }

    /// All that flies is acknowledged; the window afterwards.
    fn round(&mut self) -> u32 {
        let (.., flight) = self.now();
        self.acknowledge(flight);
        self.now().0
    }

    /// The first segment in flight is lost: three duplicates, then all is acknowledged.
    fn lose_one(&mut self) {
        for _ in 0..3 {
            self.harness.must(&format!("< . 1:1(0) ack {}; >*", self.una));
        }
        let (.., flight) = self.now();
        self.una += flight * MSS;
        self.harness.must(&format!("< . 1:1(0) ack {}; >*", self.una));
    }

    fn time_out(&mut self) {
        let now = self.harness.now;
        let rto = self.harness.connection().info(now).rto;
        self.harness.must(&format!("+{}ms; >*", rto.as_millis()));
    }
}

/// RFC 5681 3.1: ssthresh begins high, and a loss makes it half of what flew.
/// Proves: RFC5681-3.1-ssthresh, RFC5681-3.1-eq4, RFC5681-3.1-lw.
#[test]
fn half_of_what_flew() {
    let mut sender = Sender::new();
    assert!(sender.now().1 > 1_000_000);
    sender.time_out();
    assert_eq!(sender.now(), (1, 5, 10));

    // Never below two.
    let mut sender = Sender { harness: at(At::Established).reno().start(), una: 1 };
    sender.harness.must("write 2920; >+");
    sender.time_out();
    assert_eq!(sender.now(), (1, 2, 2));
}

/// RFC 5681 3.1: the same segment again is the same loss.
/// Proves: RFC5681-3.1-hold.
#[test]
fn further_time_outs_of_a_segment_take_nothing_more() {
    let mut sender = Sender::new();
    for _ in 0..5 {
        sender.time_out();
        assert_eq!(sender.now(), (1, 5, 10));
    }
}

/// RFC 5681 3.1, 4.3: slow start up to ssthresh, from there one segment a round trip.
/// Proves: RFC5681-3.1-ca, RFC5681-4.3-a, MUST-19.
#[test]
fn congestion_avoidance() {
    let mut sender = Sender::new();
    sender.lose_one();
    assert_eq!(sender.now(), (2, 5, 2));
    let windows: Vec<u32> = (0..10).map(|_| sender.round()).collect();
    assert_eq!(windows, [4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
}

/// RFC 5681 4.3: a loss in each of two windows halves twice, and so does the loss of what was
/// sent again.
/// Proves: RFC5681-4.3-b, RFC5681-3.2-ssthresh.
#[test]
fn each_window_with_a_loss_counts() {
    let mut sender = Sender::new();
    for _ in 0..2 {
        sender.round();
    }
    sender.acknowledge(1);
    let (.., flight) = sender.now();
    sender.lose_one();
    assert_eq!(sender.now().1, flight / 2);
    while sender.round() < flight / 2 {}
    let (.., flight) = sender.now();
    sender.lose_one();
    assert_eq!(sender.now().1, flight / 2);

    let mut sender = Sender::new();
    sender.harness.must("< . 1:1(0) ack 1; >*; < . 1:1(0) ack 1; >*; < . 1:1(0) ack 1; >*");
    assert_eq!(sender.now(), (8, 5, 12), "inflated by three duplicates");
    sender.time_out();
    assert_eq!(sender.now().0, 1, "the retransmission is lost too");
}
