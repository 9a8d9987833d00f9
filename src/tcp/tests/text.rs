//! Segment text (RFC 9293 3.10.7.4, seventh).

use super::script::{At, at};

/// ESTABLISHED, FIN-WAIT-1 and FIN-WAIT-2 take text (3.6: half-close).
#[test]
fn taken() {
    for state in [At::Established, At::FinWait1, At::FinWait2] {
        at(state).rows(&[
            (
                "in order",
                "< P. 1:101(100) ack {snd}; signal READABLE; readable 100; read 100; +40ms
                 > . {snd}:{snd}(0) ack 101",
            ),
            (
                "out of order",
                "< P. 11:21(10) ack {snd}; > . {snd}:{snd}(0) ack 1; nosignal READABLE
                 readable 0",
            ),
            (
                "the gap is filled",
                "< P. 11:21(10) ack {snd}; >+; < P. 1:11(10) ack {snd}; > . {snd}:{snd}(0) ack 21
                 readable 20; read 20",
            ),
            (
                "the gap is filled in part",
                "< P. 11:21(10) ack {snd}; >+; < P. 1:6(5) ack {snd}; > . {snd}:{snd}(0) ack 6
                 readable 5",
            ),
            (
                "filled and overlapped",
                "< P. 11:21(10) ack {snd}; >+; < P. 1:31(30) ack {snd}; > . {snd}:{snd}(0) ack 31
                 readable 30; read 30",
            ),
            (
                "the same again",
                "< P. 1:11(10) ack {snd}; +40ms; >+; < P. 1:11(10) ack {snd}
                 > . {snd}:{snd}(0) ack 11; readable 10",
            ),
            (
                "two in any order, both kept",
                "< P. 21:31(10) ack {snd}; >+; < P. 11:21(10) ack {snd}; >+
                 < P. 1:11(10) ack {snd}; > . {snd}:{snd}(0) ack 31; read 30",
            ),
            (
                "overlap from the left",
                "< P. 11:31(20) ack {snd}; >+; < P. 6:21(15) ack {snd}; >+; < P. 1:6(5) ack {snd}
                 >+; read 30",
            ),
            (
                "overlap from the right",
                "< P. 11:21(10) ack {snd}; >+; < P. 16:31(15) ack {snd}; >+
                 < P. 1:11(10) ack {snd}; >+; read 30",
            ),
            (
                "inside of what is held",
                "< P. 11:31(20) ack {snd}; >+; < P. 16:21(5) ack {snd}; >+
                 < P. 1:11(10) ack {snd}; >+; read 30",
            ),
            (
                "around what is held",
                "< P. 16:21(5) ack {snd}; >+; < P. 11:31(20) ack {snd}; >+
                 < P. 1:11(10) ack {snd}; >+; read 30",
            ),
        ]);
    }
}

/// SHLD-31: any number of gaps inside of the window is kept.
#[test]
fn many_gaps() {
    let mut harness = at(At::Established).receive_buffer(60_000).start();
    for nth in (1..500).rev() {
        let first = 1 + nth * 100;
        harness.must(&format!("< P. {first}:{}(50) ack 1; > . 1:1(0) ack 1", first + 50));
    }
    for nth in (0..500).rev() {
        let first = 51 + nth * 100;
        harness
            .must(&format!("< P. {first}:{}(50) ack 1; > . 1:1(0) ack 1; readable 0", first + 50));
    }
    harness.must("< P. 1:51(50) ack 1; > . 1:1(0) ack 50001; readable 50000; read 50000; >*");
}

/// CLOSE-WAIT, CLOSING, LAST-ACK, TIME-WAIT: there is no text after a FIN.
/// Proves: RFC9293-3.10.7.4-g.
#[test]
fn ignored_after_the_fin() {
    for state in [At::CloseWait, At::Closing, At::LastAck, At::TimeWait] {
        at(state).rows(&[
            ("at RCV.NXT", "< P. 2:12(10) ack {una}; >*; readable 0; error none"),
            ("further on", "< P. 20:30(10) ack {una}; >*; readable 0; error none"),
        ]);
    }
    at(At::CloseWait).rows(&[(
        "what came before it stays",
        "< P. 2:12(10) ack 1; >*; state CloseWait; write 10; > P. 1:11(10) ack 2",
    )]);
    at(At::Established).rows(&[
        (
            "text read after the fin",
            "< FP. 1:11(10) ack 1; >+; state CloseWait; readable 10; read 10; ended read; >*",
        ),
        (
            "its ack counts all the same",
            "< F. 1:1(0) ack 1; >+; write 10; >+; < P. 2:12(10) ack 11; >*; timer never",
        ),
    ]);
}

/// SHLD-3: text after the application let go resets the connection.
/// Proves: MAY-1.
#[test]
fn after_close() {
    at(At::Established).rows(&[
        (
            "FIN-WAIT-1",
            "close; > F. 1:1(0) ack 1; < P. 1:11(10) ack 1; > R* 2:2(0); discard DataAfterClose
             state Closed; signal CLOSED",
        ),
        (
            "FIN-WAIT-2",
            "close; > F. 1:1(0) ack 1; < . 1:1(0) ack 2; < P. 1:11(10) ack 2; > R* 2:2(0)
             discard DataAfterClose; state Closed",
        ),
        ("text with a fin", "close; >+; < FP. 1:11(10) ack 2; > R* 2:2(0); state Closed"),
        (
            "text with the ack of our fin",
            "close; >+; < P. 1:11(10) ack 2; > R* 2:2(0); state Closed",
        ),
        (
            "a fin alone is welcome",
            "close; >+; < F. 1:1(0) ack 2; > . 2:2(0) ack 2; state TimeWait",
        ),
        ("an ack is welcome", "close; >+; < . 1:1(0) ack 2; state FinWait2"),
        (
            "old text is only old",
            "< P. 1:11(10) ack 1; read 10; +40ms; >+; close; >+; < P. 1:11(10) ack 1
             > . 2:2(0) ack 11; state FinWait1",
        ),
        (
            "not after a mere half-close",
            "shutdown write; >+; < P. 1:11(10) ack 2; +40ms; > . 2:2(0) ack 11; readable 10",
        ),
    ]);
}

/// Reading shut down: nobody waits for what still arrives, but it may be read, as with Linux.
#[test]
fn reading_shut_down() {
    at(At::Established).rows(&[
        (
            "acknowledged",
            "shutdown read; < P. 1:101(100) ack 1; readable 100; +40ms; > . 1:1(0) ack 101",
        ),
        ("woken", "shutdown read; ended read; write 1; >+; state Established"),
        ("the end is at hand", "shutdown read; ended read"),
        (
            "not without end",
            "shutdown read; < . 1:10001(10000) ack 1; >*; < . 10001:20001(10000) ack 1
             > . 1:1(0) ack 10001 win 0",
        ),
        ("the other direction lives", "shutdown read; write 10; > P. 1:11(10) ack 1"),
        (
            "a gap",
            "shutdown read; < P. 11:21(10) ack 1; > . 1:1(0) ack 1; < P. 1:11(10) ack 1
             > . 1:1(0) ack 21; read 20",
        ),
        ("the peer's fin", "shutdown read; < F. 1:1(0) ack 1; > . 1:1(0) ack 2; state CloseWait"),
    ]);
}
