//! FIN (RFC 9293 3.10.7.4, eighth).

use super::script::{At, at};

/// It takes a number, is acknowledged at once and moves the state on.
/// Proves: RFC9293-3.10.7.4-f, MUST-12.
#[test]
fn moves_on() {
    at(At::Established).rows(&[
        (
            "alone",
            "< F. 1:1(0) ack 1; > . 1:1(0) ack 2; state CloseWait; signal READABLE; ended read",
        ),
        (
            "it takes no buffer",
            "< F. 1:1(0) ack 1 win 100; > . 1:1(0) ack 2 win 10000; state CloseWait",
        ),
        ("with text", "< FP. 1:11(10) ack 1; > . 1:1(0) ack 12; state CloseWait; readable 10"),
        ("before its text", "< F. 11:11(0) ack 1; > . 1:1(0) ack 1; state Established; ended none"),
        (
            "then its text",
            "< F. 11:11(0) ack 1; >+; < P. 1:11(10) ack 1; > . 1:1(0) ack 12; state CloseWait
             readable 10",
        ),
        (
            "on text out of order",
            "< FP. 11:21(10) ack 1; >+; < P. 1:11(10) ack 1; > . 1:1(0) ack 22; state CloseWait
             read 20",
        ),
        (
            "on text known already",
            "< P. 1:11(10) ack 1; < FP. 1:11(10) ack 1; > . 1:1(0) ack 12; state CloseWait
             readable 10",
        ),
        (
            "on text known in part",
            "< P. 1:6(5) ack 1; < FP. 1:11(10) ack 1; > . 1:1(0) ack 12; read 10",
        ),
        (
            "with an ack of new data",
            "write 10; >+; < F. 1:1(0) ack 11; > . 11:11(0) ack 2; timer never",
        ),
        (
            "twice, out of order",
            "< F. 11:11(0) ack 1; >+; < F. 11:11(0) ack 1; > . 1:1(0) ack 1; < P. 1:11(10) ack 1
             > . 1:1(0) ack 12",
        ),
        (
            "a second one further on",
            "< F. 1:1(0) ack 1; >+; < F. 9:9(0) ack 1; >*; state CloseWait",
        ),
        (
            "two places, out of order: the first counts",
            "< F. 21:21(0) ack 1; >+; < FP. 1:11(10) ack 1; > . 1:1(0) ack 11; state Established
             < P. 11:21(10) ack 1; > . 1:1(0) ack 22; state CloseWait; readable 20",
        ),
        (
            "text has gone over it",
            "< F. 11:11(0) ack 1; >+; < P. 1:21(20) ack 1; >*; state Established
             < F. 21:21(0) ack 1; > . 1:1(0) ack 22; state CloseWait; readable 20",
        ),
        ("urgent with it", "< FP.U 1:11(10) ack 1 urg 9; > . 1:1(0) ack 12; signal URGENT"),
    ]);
}

/// Its acknowledgement waits for what the application is about to say, as that of text does, if the
/// FIN alone is owed one.
/// Proves: RFC5681-4.2-b, MUST-40.
#[test]
fn put_off() {
    at(At::Established).rows(&[
        (
            "goes with our own",
            "cork; < F. 1:1(0) ack 1; put_off; uncork; shutdown write; > F. 1:1(0) ack 2",
        ),
        ("or with text", "cork; < F. 1:1(0) ack 1; put_off; uncork; write 10; > P. 1:11(10) ack 2"),
        (
            "for 40 ms at most",
            "cork; < F. 1:1(0) ack 1; put_off; uncork; +39ms; +1ms; > . 1:1(0) ack 2; timer never",
        ),
        (
            "what was acknowledged before does not matter",
            "< P. 1:11(10) ack 1; write 10; >+; cork; < F. 11:11(0) ack 11; put_off; uncork
             shutdown write; > F. 11:11(0) ack 12",
        ),
        ("not with text", "cork; < FP. 1:11(10) ack 1; put_off; uncork; > . 1:1(0) ack 12"),
        (
            "not behind text that waits for its own",
            "< P. 1:11(10) ack 1; cork; < F. 11:11(0) ack 1; put_off; uncork; > . 1:1(0) ack 12",
        ),
        (
            "not when it came twice",
            "cork; < F. 1:1(0) ack 1; < F. 1:1(0) ack 1; put_off; uncork; > . 1:1(0) ack 2",
        ),
        (
            "not when text came out of order",
            "cork; < F. 11:11(0) ack 1; < P. 1:11(10) ack 1; put_off; uncork; > . 1:1(0) ack 12",
        ),
        (
            "not before it is its turn",
            "cork; < F. 11:11(0) ack 1; put_off; uncork; > . 1:1(0) ack 1",
        ),
        (
            "not when we have closed: nothing follows",
            "shutdown write; >+; cork; < F. 1:1(0) ack 1; put_off; uncork; > . 2:2(0) ack 2",
        ),
        (
            "not when acknowledgements shall not wait",
            "set quick_ack on; cork; < F. 1:1(0) ack 1; put_off; uncork; > . 1:1(0) ack 2",
        ),
        ("once it has left it is not owed again", "< F. 1:1(0) ack 1; >+; put_off; timer never"),
    ]);
}

/// Where the window ends.
#[test]
fn at_the_edge() {
    at(At::Established).receive_buffer(1_000).rows(&[
        // Beside the RFC, as Linux: a FIN needs no buffer.
        (
            "at the right edge",
            "< F. 1:1001(1000) ack 1; > . 1:1(0) ack 1002; state CloseWait; read 1000; >*",
        ),
        (
            "beyond the window is cut off",
            "< F. 1:1101(1100) ack 1; >*; state Established; readable 1000; +40ms; >*",
        ),
        (
            "as the last number",
            "< F. 1:1000(999) ack 1; > . 1:1(0) ack 1001; state CloseWait; readable 999",
        ),
        (
            "cut off, then again",
            "< F. 1:1101(1100) ack 1; >*; +40ms; >*; read 1000; >*; < F. 1001:1001(0) ack 1
             > . 1:1(0) ack 1002; state CloseWait",
        ),
    ]);
}

/// FIN-WAIT-1 and FIN-WAIT-2: the peer closes too.
/// Proves: RFC9293-3.10.7.4-f.
#[test]
fn after_ours() {
    at(At::FinWait1).rows(&[
        ("without our ack", "< F. 1:1(0) ack 1; > . 2:2(0) ack 2; state Closing"),
        ("with our ack", "< F. 1:1(0) ack 2; > . 2:2(0) ack 2; state TimeWait"),
        (
            "with text and our ack",
            "< FP. 1:11(10) ack 2; > . 2:2(0) ack 12; state TimeWait; readable 10; read 10",
        ),
        ("out of order with our ack", "< F. 11:11(0) ack 2; > . 2:2(0) ack 1; state FinWait2"),
    ]);
    at(At::FinWait1).config(|config| config.repeat_fin = true).rows(&[
        ("without our ack", "< F. 1:1(0) ack 1; > F. 1:1(0) ack 2; state Closing"),
        (
            "and again",
            "< F. 1:1(0) ack 1; > F. 1:1(0) ack 2; < F. 1:1(0) ack 1; > . 2:2(0) ack 2
             state Closing",
        ),
        ("with our ack", "< F. 1:1(0) ack 2; > . 2:2(0) ack 2; state TimeWait"),
    ]);
    at(At::FinWait2).rows(&[
        ("alone", "< F. 1:1(0) ack 2; > . 2:2(0) ack 2; state TimeWait; ended both"),
        (
            "with text",
            "< FP. 1:11(10) ack 2; > . 2:2(0) ack 12; state TimeWait; readable 10; read 10",
        ),
        (
            "out of order",
            "< F. 11:11(0) ack 2; > . 2:2(0) ack 1; state FinWait2; < P. 1:11(10) ack 2
             > . 2:2(0) ack 12; state TimeWait",
        ),
    ]);
}

/// Sent again, because our ACK was lost: acknowledged again, nothing moves.
#[test]
fn again() {
    for state in [At::CloseWait, At::Closing, At::LastAck] {
        at(state).rows(&[(
            "acknowledged again",
            "< F. 1:1(0) ack 1; > . {snd}:{snd}(0) ack 2; error none; nosignal CLOSED",
        )]);
    }
    at(At::CloseWait).rows(&[("stays", "< F. 1:1(0) ack 1; >+; state CloseWait")]);
    at(At::Closing).rows(&[("stays", "< F. 1:1(0) ack 1; >+; state Closing")]);
    at(At::LastAck).rows(&[("stays", "< F. 1:1(0) ack 1; >+; state LastAck")]);
}
