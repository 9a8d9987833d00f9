//! ICMP errors about our segments (RFC 9293 3.9.2.2; RFC 5927 4.1, 5).

use super::harness::Harness;
use super::script::{At, at};
use crate::tcp::Error;

/// SHLD-26: a hard error ends an attempt to connect, if it quotes our SYN.
/// Proves: RFC5927-4.1, MUST-54.
#[test]
fn while_opening() {
    at(At::SynSent).rows(&[
        ("refused", "icmp 0 Refused; state Closed; error Refused; signal CLOSED"),
        ("unreachable", "icmp 0 Unreachable; state Closed; error Unreachable"),
        ("soft", "icmp 0; state SynSent; error none; nosignal CLOSED; +1s; > S 0:0(0) <...>"),
        ("another number", "icmp 1 Refused; state SynSent; error none"),
        ("far away", "icmp 1000000 Refused; state SynSent; error none"),
        ("one before", "icmp 4294967295 Refused; state SynSent; error none"),
        ("opens after a soft one", "icmp 0; < S. 0:0(0) ack 1; >+; state Established; error none"),
    ]);
    at(At::Simultaneous).rows(&[
        ("refused", "icmp 0 Refused; state Closed; error Refused"),
        ("another number", "icmp 9 Refused; state SynReceived"),
    ]);
    at(At::SynReceived).rows(&[
        ("another number", "icmp 9 Refused; state SynReceived"),
        ("soft", "icmp 0; state SynReceived; error none"),
    ]);
}

/// MUST-56, RFC 5927 5.2: on an open connection every such error is soft.
/// Proves: RFC1122-3.2.2.1-b, SHLD-26.
#[test]
fn once_open() {
    for state in At::SYNCHRONIZED {
        at(state).rows(&[
            ("hard, in the window", "icmp {una} Refused; error none; nosignal CLOSED"),
            ("hard, outside", "icmp {snd+100} Unreachable; error none; nosignal CLOSED"),
            ("soft", "icmp {una}; error none; nosignal CLOSED"),
        ]);
    }
    at(At::Established).rows(&[
        (
            "data outstanding",
            "write 100; >+; icmp 1 Unreachable; state Established; error none; < . 1:1(0) ack 101
             timer never",
        ),
        (
            "the stream goes on",
            "icmp 1 Refused; < P. 1:11(10) ack 1; readable 10; +40ms; >+; write 10
             > P. 1:11(10) ack 11",
        ),
    ]);
}

/// MUST-47, SHLD-25, RFC 5927 4.1: noted for whoever asks, if it quotes what is outstanding.
/// Proves: RFC5927-4.1, SHLD-20.
#[test]
fn soft_error() {
    let mut harness = at(At::Established).start();
    let noted = |harness: &mut Harness| {
        let now = harness.now;
        harness.connection().info(now).soft_error
    };
    harness.must("icmp 1 Unreachable; write 100; >+; icmp 0 Unreachable; icmp 101 Unreachable");
    assert_eq!(noted(&mut harness), None);
    harness.must("icmp 100 Unreachable; state Established; error none");
    assert_eq!(noted(&mut harness), Some(Error::Unreachable));
    harness.must("< . 1:1(0) ack 101");
    assert_eq!(noted(&mut harness), None);
}

/// After the end nothing happens any more.
#[test]
fn when_closed() {
    at(At::SynSent).rows(&[("closed", "close; icmp 0 Refused; state Closed; +1h")]);
    at(At::Established).rows(&[("aborted", "abort; >+; icmp 1 Refused; state Closed")]);
}
