//! ICMP errors about our segments (RFC 9293 3.9.2.2; RFC 5927 4.1, 5).

use super::script::{At, at};

/// SHLD-26: a hard error ends an attempt to connect, if it quotes our SYN.
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

/// After the end nothing happens any more.
#[test]
fn when_closed() {
    at(At::SynSent).rows(&[("closed", "close; icmp 0 Refused; state Closed; +1h")]);
    at(At::Established).rows(&[("aborted", "abort; >+; icmp 1 Refused; state Closed")]);
}
