//! Duplicate ACKs (RFC 5681 2, 3.2), NewReno (RFC 6582), limited transmit (RFC 3042), without SACK.

use super::script::{At, Setup, at};

/// Ten segments in flight, four more and a half to send.
const TEN: &str = "write 21000; burst 1 10 1460";
const DUP: &str = "< . 1:1(0) ack 1";

fn open() -> Setup {
    at(At::Established).reno()
}

fn dups(count: usize) -> String {
    vec![DUP; count].join(";")
}

/// RFC 5681 2: what is a duplicate ACK. Three of them send the first segment again.
/// Proves: RFC5681-2-dupack, RFC5681-3.2-fr.
#[test]
fn duplicates() {
    let four = "write 5840; burst 1 4 1460";
    open().rows(&[
        ("three", &format!("{four}; {}; > . 1:1461(1460) ack 1", dups(3))),
        ("two", &format!("{four}; {}", dups(2))),
        ("only once", &format!("{four}; {}; >+; {}", dups(3), dups(1))),
        (
            "text makes none",
            &format!(
                "{four}; < P. 1:2(1) ack 1; < P. 2:3(1) ack 1; < P. 3:4(1) ack 1
                      < P. 4:5(1) ack 1; readable 4; +40ms; > . 5841:5841(0) ack 5"
            ),
        ),
        (
            "a window makes none",
            &format!(
                "{four}; < . 1:1(0) ack 1 win 60000; < . 1:1(0) ack 1 win 60001
                      < . 1:1(0) ack 1 win 60002; < . 1:1(0) ack 1 win 60003"
            ),
        ),
        (
            "a fin makes none",
            &format!("{four}; {}; < F. 1:1(0) ack 1; > . 5841:5841(0) ack 2", dups(2)),
        ),
        ("nothing outstanding", &dups(5)),
        ("older acks make none", &format!("{four}; < . 1:1(0) ack 1461; {}", dups(4))),
        (
            "progress between them",
            &format!(
                "{four}; {}; < . 1:1(0) ack 1461; < . 1:1(0) ack 1461; < . 1:1(0) ack 1461",
                dups(2)
            ),
        ),
        (
            "at the next one",
            &format!(
                "{four}; < . 1:1(0) ack 1461; < . 1:1(0) ack 1461; < . 1:1(0) ack 1461
                      < . 1:1(0) ack 1461; > . 1461:2921(1460) ack 1"
            ),
        ),
        (
            "only the fin outstanding",
            "shutdown write; >+; < . 1:1(0) ack 1; < . 1:1(0) ack 1; < . 1:1(0) ack 1; >*
             state FinWait1",
        ),
    ]);
}

/// RFC 3042 2: each of the first two lets one new segment go.
/// Proves: RFC5681-3.2-lt, RFC3042-2-a.
#[test]
fn limited_transmit() {
    open().rows(&[
        ("first", &format!("{TEN}; {}; > . 14601:16061(1460) ack 1", dups(1))),
        (
            "second",
            &format!(
                "{TEN}; {}; > . 14601:16061(1460) ack 1; {}; > . 16061:17521(1460) ack 1",
                dups(1),
                dups(1)
            ),
        ),
        (
            // RFC 3042 2, RFC3042-2-b: 11 segments after the ACK, as if there had been none.
            "the window stays",
            &format!(
                "{TEN}; {DUP}; >+; {DUP}; >+; < . 1:1(0) ack 1461; < . 1:1(0) ack 2921
                 burst 17521 2 1460"
            ),
        ),
        (
            "not beyond the window",
            "< . 1:1(0) ack 1 win 14600; write 21000; burst 1 10 1460; < . 1:1(0) ack 1 win 14600
             < . 1:1(0) ack 1 win 14600",
        ),
    ]);
}

/// Enters fast recovery with two limited segments under way: `recover` is 17,521, ssthresh 7,300.
fn entered() -> String {
    format!("{TEN}; {DUP}; >+; {DUP}; >+; {DUP}; > . 1:1461(1460) ack 1")
}

/// RFC 5681 3.2, RFC 6582 3.2: the window is inflated by each duplicate that follows.
/// Proves: RFC5681-3.2-infl, RFC5681-3.2-ssthresh.
#[test]
fn inflation() {
    let entered = entered();
    // cwnd is 7,300 + 3 * 1,460 = 11,680, in flight are 17,520: the fifth more makes room for none,
    // the fifth after the third gives 18,980.
    open().rows(&[
        ("four more are silent", &format!("{entered}; {}", dups(4))),
        ("the fifth lets one go", &format!("{entered}; {}; > . 17521:18981(1460) ack 1", dups(5))),
        (
            "and so does each that follows",
            &format!("{entered}; {}; >+; {DUP}; > . 18981:20441(1460) ack 1", dups(5)),
        ),
    ]);
}

/// RFC 6582 3.2: a partial ACK sends the next hole at once, a full one ends it.
/// Proves: RFC6582-3.2-partial, RFC6582-3.2-2.
#[test]
fn partial_and_full() {
    let entered = entered();
    open().rows(&[
        ("partial", &format!("{entered}; < . 1:1(0) ack 2921; > . 2921:4381(1460) ack 1; >*")),
        (
            "each of them",
            &format!(
                "{entered}; < . 1:1(0) ack 1461; > . 1461:2921(1460) ack 1; >*
                      < . 1:1(0) ack 2921; > . 2921:4381(1460) ack 1; >*"
            ),
        ),
        (
            "full, in flight little: two segments",
            &format!("{entered}; < . 1:1(0) ack 17521; burst 17521 2 1460; >*"),
        ),
        (
            "full, then no more of the old",
            &format!("{entered}; < . 1:1(0) ack 17521; >+; +100ms; state Established"),
        ),
        (
            "dups of a partial ack repeat nothing",
            &format!(
                "{entered}; < . 1:1(0) ack 2921; >+; < . 1:1(0) ack 2921; >*
                      < . 1:1(0) ack 2921; >*; < . 1:1(0) ack 2921; >*; state Established"
            ),
        ),
        (
            "everything arrives",
            &format!(
                "{entered}; < . 1:1(0) ack 2921; >*; < . 1:1(0) ack 17521; >*
                      < . 1:1(0) ack 20441; >*; < . 1:1(0) ack 21001; timer never"
            ),
        ),
    ]);
}

/// RFC 6582 3.2: after recovery the window is ssthresh at most, then grows by one a round.
#[test]
fn congestion_avoidance() {
    let entered = entered();
    // After the full ACK: min(7,300, max(0, 1,460) + 1,460) = 2,920, below ssthresh.
    open().rows(&[(
        "slow start up to ssthresh",
        &format!(
            "{entered}; < . 1:1(0) ack 17521; burst 17521 2 1460; < . 1:1(0) ack 18981; >*
                  state Established"
        ),
    )]);
}

/// RFC 6582 3.2, step 3: what a partial ACK takes from the window, and what a full one leaves.
/// Proves: RFC6582-3.2-partial, RFC6582-3.2-full, RFC5681-3.2-infl, RFC5681-4.3-a.
#[test]
fn deflation() {
    let more = "write 40000; burst 1 10 1460";
    open().rows(&[
        (
            // 18,980 - 2,920 + 1,460 = 17,520, of which 16,060 fly.
            "partial",
            &format!(
                "{more}; {DUP}; >+; {DUP}; >+; {DUP}; >+; {}; > . 17521:18981(1460) ack 1
                 < . 1:1(0) ack 2921
                 > . 2921:4381(1460) ack 1; > . 18981:20441(1460) ack 1",
                dups(5)
            ),
        ),
        (
            // min(7,300, max(0, 1,460) + 1,460).
            "full",
            &format!(
                "{more}; {DUP}; >+; {DUP}; >+; {DUP}; >+; < . 1:1(0) ack 17521; burst 17521 2 1460"
            ),
        ),
        (
            // min(7,300, 4,380 + 1,460): 5,840, of which 4,380 fly.
            "full, some in flight",
            &format!(
                "{more}; {DUP}; >+; {DUP}; >+; {DUP}; >+; {}; >+; {DUP}; >+; {DUP}; >+
                 < . 1:1(0) ack 17521; burst 21901 1 1460",
                dups(5)
            ),
        ),
    ]);
}

/// RFC 6298 5: a segment that was sent again waits a whole RTO.
/// Proves: RFC6298-5-early, RFC6582-3.2-partial.
#[test]
fn timer() {
    let entered = entered();
    open().rows(&[
        ("since the fast retransmit", &format!("+50ms; {entered}; timer 300ms")),
        (
            "not since the first transmission",
            &format!("{TEN}; {DUP}; >+; +200ms; {DUP}; >+; {DUP}; >+; timer 300ms"),
        ),
        (
            "since a partial ack's",
            &format!("{entered}; +200ms; < . 1:1(0) ack 2921; >+; timer 300ms"),
        ),
    ]);
}

/// RFC 6582 3.2, step 1: duplicates of what a time-out repeats start no fast retransmit.
/// Proves: RFC6582-3.2-1.
#[test]
fn recover_guard() {
    let four = "write 5840; burst 1 4 1460; +300ms; > . 1:1461(1460) ack 1";
    open().rows(&[
        ("after a time-out", &format!("{four}; {}", dups(4))),
        (
            "still after progress below recover",
            &format!(
                "{four}; < . 1:1(0) ack 1461; burst 1461 2 1460; < . 1:1(0) ack 1461
                      < . 1:1(0) ack 1461; < . 1:1(0) ack 1461; < . 1:1(0) ack 1461"
            ),
        ),
        (
            "recover itself is not enough",
            &format!(
                "{four}; < . 1:1(0) ack 5841; write 2920; burst 5841 2 1460; < . 1:1(0) ack 5841
                 < . 1:1(0) ack 5841; < . 1:1(0) ack 5841; < . 1:1(0) ack 5841"
            ),
        ),
        (
            "beyond recover it works again",
            &format!(
                "{four}; < . 1:1(0) ack 5841; write 7300; >+; < . 1:1(0) ack 7301; >*
                      < . 1:1(0) ack 8761; >*
                      < . 1:1(0) ack 8761; >*; < . 1:1(0) ack 8761; >*; < . 1:1(0) ack 8761
                      > . 8761:10221(1460) ack 1; >*"
            ),
        ),
    ]);
}

/// RFC 6582 3.2, RFC 6298 5: a time-out ends fast recovery.
/// Proves: RFC6582-3.2-rto.
#[test]
fn time_out_in_recovery() {
    let entered = entered();
    open().rows(&[
        (
            "the first again",
            &format!("{entered}; +300ms; > . 1:1461(1460) ack 1; >*; state Established"),
        ),
        (
            "then in slow start",
            &format!("{entered}; +300ms; >+; < . 1:1(0) ack 1461; burst 1461 2 1460"),
        ),
        ("no fast retransmit out of it", &format!("{entered}; +300ms; >+; {}", dups(4))),
        (
            "all of it arrives",
            &format!(
                "{entered}; +300ms; >+; < . 1:1(0) ack 17521; >*; < . 1:1(0) ack 20441; >*
                      < . 1:1(0) ack 21001; timer never"
            ),
        ),
    ]);
}
