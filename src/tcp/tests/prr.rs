//! Proportional rate reduction (RFC 9937, RFC 6937), by the algorithm as it is written there.

use proptest::prelude::*;

use super::harness::Harness;
use super::script::{At, at};
use crate::tcp::prr::{Arrival, Prr};

/// Bytes of a segment.
const MSS: u32 = 1_460;

/// The algorithm word by word, in numbers that cannot overflow.
struct Written {
    recover_fs: u64,
    prr_delivered: u64,
    prr_out: u64,
}

impl Written {
    fn begin(recover_fs: u64) -> Self {
        Self { recover_fs, prr_delivered: 0, prr_out: 0 }
    }

    /// What may be sent for an ACK: sndcnt.
    fn ack(&mut self, delivered: u64, in_flight: u64, ssthresh: u64, safe: bool) -> u64 {
        self.prr_delivered += delivered;
        let sndcnt = if in_flight > ssthresh {
            let product = self.prr_delivered * ssthresh;
            product.div_ceil(self.recover_fs).saturating_sub(self.prr_out)
        } else {
            let mut sndcnt = self.prr_delivered.saturating_sub(self.prr_out).max(delivered);
            if safe {
                sndcnt += u64::from(MSS);
            }
            sndcnt.min(ssthresh - in_flight)
        };
        // Less than a segment cannot be sent again.
        if self.prr_out == 0 { sndcnt.max(u64::from(MSS)) } else { sndcnt }
    }
}

/// One arrival after the other: segments delivered, lost, how much of what may be sent is used.
fn arrivals() -> impl Strategy<Value = Vec<(u32, u32, bool, u8)>> {
    prop::collection::vec((0..4u32, 0..3u32, any::<bool>(), 0..=4u8), 1..200)
}

proptest! {
    /// Proves: RFC6937-3-a, RFC6937-3-b, RFC9937-a, RFC9937-c.
    #[test]
    fn as_it_is_written(flight in 2..2_000u32, share in 1..100u32, arrivals in arrivals()) {
        let flight = flight * MSS;
        let ssthresh = (u64::from(flight) * u64::from(share) / 100).max(2 * u64::from(MSS)) as u32;
        let (mut prr, mut written) = (Prr::new(flight), Written::begin(flight.into()));
        let mut pipe = flight;
        for (delivered, lost, safe, used) in arrivals {
            let delivered = (delivered * MSS).min(pipe);
            pipe -= delivered;
            pipe -= (lost * MSS).min(pipe);
            if delivered == 0 {
                continue;
            }
            prr.on_ack(&Arrival { delivered, pipe, safe }, ssthresh, MSS);
            let wanted = written.ack(delivered.into(), pipe.into(), ssthresh.into(), safe);
            prop_assert_eq!(u64::from(prr.window() - pipe), wanted);
            let sent = (prr.window() - pipe) / 4 * u32::from(used);
            prr.sent(sent);
            written.prr_out += u64::from(sent);
            pipe += sent;
        }
    }
}

/// The extremes: nothing overflows.
#[test]
fn extremes() {
    for ssthresh in [1, MSS, u32::MAX] {
        for flight in [0, 1, u32::MAX] {
            let mut prr = Prr::new(flight);
            for delivered in [0, 1, u32::MAX, u32::MAX] {
                for pipe in [0, ssthresh, u32::MAX] {
                    prr.on_ack(&Arrival { delivered, pipe, safe: true }, ssthresh, MSS);
                    prr.sent(u32::MAX);
                    prr.on_timer(pipe, u32::MAX);
                }
            }
        }
    }
}

/// A bulk sender with `window` segments in flight, the first few of which are lost.
struct Sender {
    harness: Harness,
}

impl Sender {
    fn new(window: u32) -> Self {
        let setup = at(At::Established).sack().peer(|peer| peer.window_scale = Some(4));
        let setup = setup.config(|config| {
            config.congestion = "reno".parse().unwrap();
            config.initial_window = window;
        });
        let mut harness = setup.start();
        harness.must("cork; ack 1");
        for _ in 0..15 {
            harness.must("write 65536");
        }
        harness.must(&format!("uncork; sends 1-{window}; +100ms"));
        Self { harness }
    }

    /// What leaves for this acknowledgement, segments.
    fn ack(&mut self, ack: u32, blocks: &str) -> u32 {
        self.harness.run(&format!("ack {ack} {blocks}")).ok();
        let count = u32::try_from(self.harness.emitted.len()).unwrap();
        self.harness.emitted.clear();
        count
    }

    /// The congestion window, ssthresh and what flies.
    fn state(&mut self) -> (u32, u32, u32) {
        let now = self.harness.now;
        let info = self.harness.connection().info(now);
        (info.cwnd / MSS, info.ssthresh / MSS, info.in_flight / MSS)
    }
}

/// One segment of twenty is lost: for two that arrive one is sent, and in the end ssthresh fly.
/// Proves: RFC6937-3-a, RFC6937-3-c, RFC6937-4-d, RFC9937-b, RFC5681-4.3-a.
#[test]
fn in_proportion() {
    let mut sender = Sender::new(20);
    let mut sent = Vec::new();
    for last in 2..=20 {
        sent.push(sender.ack(1, &format!("2-{last}")));
    }
    // Two by limited transmit. The third begins it: RecoverFS is 22 - 2, ssthresh 10; one in two.
    assert_eq!(sent, [1, 1, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 1]);
    assert_eq!(sender.state(), (10, 10, 10));
    // What arrives makes room for as much.
    assert_eq!([sender.ack(1, "2-21"), sender.ack(1, "2-22")], [1, 1]);
    sender.harness.must("+100ms");
    assert_eq!(sender.ack(23, ""), 1);
    assert_eq!(sender.state(), (10, 10, 10));
}

/// RFC 9937: where more is lost than the window shrinks by, it is sent as fast as segments arrive, and
/// one more for each acknowledgement that is good news.
/// Proves: RFC6937-3-b, RFC9937-a, RFC9937-c.
#[test]
fn reduction_bound() {
    let mut sender = Sender::new(20);
    // 15 of 20 are lost, five arrive behind them: 5 fly no more, 15 are lost.
    assert_eq!(sender.ack(1, "16-18"), 3, "as many as have arrived");
    assert_eq!(sender.ack(1, "16-19"), 1);
    assert_eq!(sender.ack(1, "16-20"), 1);
    sender.harness.must("+100ms");
    assert_eq!(sender.ack(2, "16-20"), 2, "one that arrives in order, and one more");
    assert_eq!(sender.ack(3, "16-20"), 2);
    assert_eq!(sender.ack(4, "16-20"), 2);
    assert_eq!(sender.ack(5, "16-20"), 2);
    assert_eq!(sender.ack(6, "16-20"), 2);
    assert_eq!(sender.state(), (10, 10, 10), "ssthresh is reached");
    assert_eq!(sender.ack(7, "16-20"), 1, "and kept");
    assert_eq!(sender.state(), (10, 10, 10));
}

/// The first retransmission leaves even if the share would be none, and the peer's window, where it
/// is less, lets no burst grow up behind it.
/// Proves: RFC9937-c, RFC6937-4-d.
#[test]
fn first_retransmission() {
    let mut sender = Sender::new(20);
    assert_eq!(sender.ack(1, "4-20"), 10, "17 have arrived, nothing flies: ssthresh");
    assert_eq!(sender.state().1, 10);

    let mut sender = Sender::new(20);
    assert_eq!(sender.ack(1, "18-20 win 1200"), 3);
    // Nothing more fits into the window: 20 segments of it are out.
    sender.harness.must("+100ms; ack 4 18-20 win 1000; >*; ack 8 18-20 win 700; >*");
    sender.ack(18, "win 2000");
    let (window, ssthresh, in_flight) = sender.state();
    assert!(window <= ssthresh && in_flight <= ssthresh, "{window} {ssthresh} {in_flight}");
}

/// ACKs lost or held back on their way: the next one stands for them.
/// Proves: RFC6937-3-c, RFC6937-4-d.
#[test]
fn few_acknowledgements() {
    let mut sender = Sender::new(20);
    let sent: Vec<u32> = [5, 9, 13, 17, 20].map(|last| sender.ack(1, &format!("2-{last}"))).into();
    // RecoverFS 20, ssthresh 10: half of what has arrived, until no more than ssthresh fly.
    assert_eq!(sent, [2, 2, 2, 1, 3]);
    let mut sender = Sender::new(20);
    assert_eq!(sender.ack(1, "2-20"), 10, "all at once: no more than ssthresh fly");
    assert_eq!(sender.state(), (10, 10, 10));
}
