//! Urgent data: the pointer is kept, the bytes are delivered in line (RFC 9293 3.8.5;
//! 3.10.7.4, sixth).

use super::harness::Harness;
use super::script::{At, at};

/// MUST-30, MUST-32: the application is told when urgent data becomes pending or moves forward.
#[test]
fn pointer() {
    for state in [At::Established, At::FinWait1, At::FinWait2] {
        at(state).rows(&[
            (
                "with its bytes",
                "< P.U 1:11(10) ack {snd} urg 5; signal URGENT; readable 10; read 10; +40ms; >+",
            ),
            ("ahead of its bytes", "< .U 1:1(0) ack {snd} urg 500; signal URGENT; readable 0; >*"),
            (
                "the same again",
                "< P.U 1:11(10) ack {snd} urg 100; signal URGENT; < P.U 11:21(10) ack {snd} urg 90
                 nosignal URGENT; +40ms; >+",
            ),
            (
                "moves on",
                "< P.U 1:11(10) ack {snd} urg 100; < P.U 11:21(10) ack {snd} urg 100
                 signal URGENT; +40ms; >+",
            ),
            (
                "never back",
                "< P.U 1:11(10) ack {snd} urg 100; < P.U 11:21(10) ack {snd} urg 5
                 nosignal URGENT; +40ms; >+",
            ),
            ("not without the flag", "< P. 1:11(10) ack {snd}; nosignal URGENT; +40ms; >+"),
            (
                "largest pointer, MUST-31",
                "< P.U 1:11(10) ack {snd} urg 65535; signal URGENT; +40ms; >+",
            ),
            (
                "in line, in order",
                "< P.U 11:21(10) ack {snd} urg 10; >+; readable 0; < P. 1:11(10) ack {snd}; >+
                 read 20",
            ),
        ]);
    }
}

/// RFC 9293 3.10.7.4, sixth: after the peer's FIN urgent data is ignored.
#[test]
fn after_the_fin() {
    for state in [At::CloseWait, At::Closing, At::LastAck, At::TimeWait] {
        at(state).rows(&[("ignored", "< .U {rcv}:{rcv}(0) ack {snd} urg 5; >*; nosignal URGENT")]);
    }
}

/// MUST-33: how much of it is unread.
/// Proves: MUST-62.
#[test]
fn unread() {
    let mut harness = at(At::Established).start();
    let unread = |harness: &mut Harness| {
        let now = harness.now;
        harness.connection().info(now).urgent_unread
    };
    assert_eq!(unread(&mut harness), 0);
    harness.must("< P.U 1:11(10) ack 1 urg 5; +40ms; >+");
    assert_eq!(unread(&mut harness), 5);
    harness.must("read 3");
    assert_eq!(unread(&mut harness), 2);
    harness.must("read 3");
    assert_eq!(unread(&mut harness), 0);
    harness.must("< .U 11:11(0) ack 1 urg 90; signal URGENT");
    assert_eq!(unread(&mut harness), 94);
}
