//! ICMP errors about our segments (RFC 9293 3.9.2.2; RFC 5927 4.1, 5).

use super::harness::Harness;
use super::script::{At, at};
use crate::tcp::Error;

/// SHLD-26: a hard error ends an attempt to connect, if it quotes our SYN.
/// Proves: RFC5927-4.1, MUST-54.
#[test]
fn while_opening() {
    at(At::SynSent).rows(&[
        ("refused", "icmp 0 hard Refused; state Closed; error Refused; signal CLOSED"),
        ("unreachable", "icmp 0 hard Unreachable; state Closed; error Unreachable"),
        ("soft", "icmp 0 soft Unreachable; state SynSent; error none; nosignal CLOSED; +1s; > S 0:0(0) <...>"),
        ("another number", "icmp 1 hard Refused; state SynSent; error none"),
        ("far away", "icmp 1000000 hard Refused; state SynSent; error none"),
        ("one before", "icmp 4294967295 hard Refused; state SynSent; error none"),
        ("opens after a soft one", "icmp 0 soft Unreachable; < S. 0:0(0) ack 1; >+; state Established; error none"),
    ]);
    at(At::Simultaneous).rows(&[
        ("refused", "icmp 0 hard Refused; state Closed; error Refused"),
        ("another number", "icmp 9 hard Refused; state SynReceived"),
    ]);
    at(At::SynReceived).rows(&[
        ("another number", "icmp 9 hard Refused; state SynReceived"),
        ("soft", "icmp 0 soft Unreachable; state SynReceived; error none"),
        ("nobody is told", "icmp 0 soft Unreachable; +3min; >*; state Closed; error none"),
        ("hard", "icmp 0 hard Refused; state Closed; signal CLOSED; nosignal OPENED"),
    ]);
}

/// MUST-56, RFC 5927 5.2: on an open connection every such error is soft.
/// Proves: RFC1122-3.2.2.1-b, SHLD-26.
#[test]
fn once_open() {
    for state in At::SYNCHRONIZED {
        at(state).rows(&[
            ("hard, in the window", "icmp {una} hard Refused; error none; nosignal CLOSED"),
            ("hard, outside", "icmp {snd+100} hard Unreachable; error none; nosignal CLOSED"),
            ("soft", "icmp {una} soft Unreachable; error none; nosignal CLOSED"),
        ]);
    }
    at(At::Established).rows(&[
        (
            "data outstanding",
            "write 100; >+; icmp 1 hard Unreachable; state Established; error none; < . 1:1(0) ack 101
             timer never",
        ),
        (
            "the stream goes on",
            "icmp 1 hard Refused; < P. 1:11(10) ack 1; readable 10; +40ms; >+; write 10
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
    harness.must("icmp 1 hard Unreachable; write 100; >+; icmp 0 hard Unreachable; icmp 101 hard Unreachable");
    assert_eq!(noted(&mut harness), None);
    harness.must("icmp 100 hard Unreachable; state Established; error none");
    assert_eq!(noted(&mut harness), Some(Error::Unreachable));
    harness.must("< . 1:1(0) ack 101");
    assert_eq!(noted(&mut harness), None);
}

/// After the end nothing happens any more.
#[test]
fn when_closed() {
    at(At::SynSent).rows(&[("closed", "close; icmp 0 hard Refused; state Closed; +1h")]);
    at(At::Established).rows(&[("aborted", "abort; >+; icmp 1 hard Refused; state Closed")]);
}

/// RFC 1122 4.2.3.9, as Linux and BSD: who times out is told what the network has said of it.
/// Proves: MUST-47.
#[test]
fn told_when_it_times_out() {
    at(At::SynSent).rows(&[
        ("syn", "icmp 0 soft Unreachable; +3min; >*; state Closed; error Unreachable"),
        (
            "the last one",
            "icmp 0 soft Unreachable; icmp 0 soft NetworkUnreachable; +3min; >*
             error NetworkUnreachable",
        ),
        ("another number", "icmp 1 soft Unreachable; +3min; >*; error TimedOut"),
    ]);
    at(At::Established).rows(&[
        ("r2", "write 9; >+; +20s; >*; icmp 1 hard Refused; +15min; >*; error Refused"),
        ("before r1", "write 9; >+; icmp 1 soft Unreachable; +16min; >*; error Unreachable"),
        ("nothing said", "write 9; >+; +16min; >*; error TimedOut"),
        (
            "progress forgets it",
            "write 9; >+; icmp 1 hard Refused; < . 1:1(0) ack 5; >*; +16min; >*; error TimedOut",
        ),
        (
            "the user timeout",
            "set user_timeout 5s; write 9; >+; icmp 1 soft Unreachable; +6s; >*; error Unreachable",
        ),
    ]);
}

/// MUST-20, SHLD-9: at R1 the application may learn that the peer does not answer; what the
/// network has said of it stays.
/// Proves: SHLD-9.
#[test]
fn told_at_r1() {
    for (said, told) in [("", Error::TimedOut), ("icmp 1 soft Unreachable;", Error::Unreachable)] {
        let mut harness = at(At::Established).start();
        harness.must(&format!("write 9; >+; {said} +3s; >*"));
        let now = harness.now;
        let info = harness.connection().info(now);
        assert_eq!((info.timeouts, info.soft_error), (3, Some(told)));
        harness.must("state Established; < . 1:1(0) ack 10");
        assert_eq!(harness.connection().info(now).soft_error, None);
    }
}
