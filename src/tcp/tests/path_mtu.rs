//! Path MTU discovery (RFC 1191), and what of it is believed (RFC 5927 4.1, 7). Our link takes 1,500
//! bytes.

use super::script::{At, Setup, at};

fn open() -> Setup {
    at(At::Established)
}

/// RFC 1191 6.4: what is outstanding is sent again, once, in segments that fit.
/// Proves: RFC1191-3-a, RFC1191-6.4, RFC1191-6.4-b.
#[test]
fn sent_again() {
    let two = "write 2920; burst 1 2 1460;";
    let smaller = "> . 1:961(960) ack 1; > . 961:1921(960) ack 1; > . 1921:2881(960) ack 1
                   > P. 2881:2921(40) ack 1";
    open().rows(&[
        ("at once", &format!("{two} too_big 1 1500 1000; {smaller}")),
        ("whichever it was", &format!("{two} too_big 1461 1500 1000; {smaller}")),
        ("once", &format!("{two} too_big 1 1500 1000; {smaller}; too_big 1461 1500 1000 ignored")),
        (
            "the timer begins anew",
            &format!("{two} +100ms; too_big 1 1500 1000; {smaller}; timer 300ms"),
        ),
        ("the next segments fit", &format!("{two} too_big 1 1500 1000; {smaller}; write 960; >+")),
        (
            "narrower still",
            &format!(
                "{two} too_big 1 1500 1000; {smaller}; too_big 961 1000 600; burst 1 5 560; >+"
            ),
        ),
        (
            "what was acknowledged is not",
            &format!(
                "{two} < . 1:1(0) ack 1461; too_big 1461 1500 1000; > . 1461:2421(960) ack 1
                      > P. 2421:2921(500) ack 1"
            ),
        ),
        (
            "with the fin",
            "cork; write 1460; shutdown write; uncork; > FP. 1:1461(1460) ack 1; too_big 1 1500 1000; > . 1:961(960) ack 1
             > FP. 961:1461(500) ack 1",
        ),
        ("not into a closed window", &format!("{two} < . 1:1(0) ack 1 win 0; too_big 1 1500 1000")),
    ]);
    open().timestamps().rows(&[(
        "options count",
        "write 2896; burst 1 2 1448; too_big 1 1500 1000; burst 1 3 948; >+",
    )]);
}

/// RFC 1191 6.4: nobody has been told of congestion. Proves: RFC1191-6.4-b, RFC5681-3.1-pmtu.
#[test]
fn no_congestion() {
    let mut harness = open().start();
    let seen = |harness: &mut super::harness::Harness| {
        let now = harness.now;
        let info = harness.connection().info(now);
        (info.cwnd, info.ssthresh, info.timeouts, info.mss, info.path_mtu)
    };
    let (cwnd, ssthresh, ..) = seen(&mut harness);
    assert_eq!(seen(&mut harness), (cwnd, ssthresh, 0, 1460, 1500));
    harness.must("write 5840; burst 1 4 1460; too_big 1 1500 1000; >+");
    assert_eq!(seen(&mut harness), (cwnd, ssthresh, 0, 960, 1000));
}

/// A message counts only if it quotes what is outstanding, and was too long; it never raises.
/// Proves: RFC1191-3-b, RFC5927-4.1.
#[test]
fn lies() {
    let rows = [
        ("acknowledged", "too_big 0 1500 1000 ignored"),
        ("never sent", "too_big 2921 1500 1000 ignored"),
        ("far away", "too_big 100000000 1500 1000 ignored"),
        ("it would have fitted", "too_big 1 900 1000 ignored"),
        ("just", "too_big 1 1000 1000 ignored"),
        ("as before", "too_big 1 1500 1500 ignored"),
        ("more", "too_big 1 65535 9000 ignored"),
        ("crumbs", "too_big 1 1500 68 552; >+"),
        ("crumbs, of what would have fitted", "too_big 1 552 68 ignored"),
        ("no length", "too_big 1 0 68 ignored"),
    ];
    for (name, row) in rows {
        open().rows(&[(name, &format!("write 2920; >+; {row}"))]);
    }
    open().config(|config| config.min_path_mtu = 68).rows(&[(
        "RFC 1191's own least",
        "write 100; >+; too_big 1 140 68; burst 1 3 28; > P. 85:101(16) ack 1",
    )]);
    at(At::SynSent).rows(&[("a syn is short", "too_big 0 60 50 ignored")]);
    at(At::TimeWait).rows(&[("over", "too_big 1 1500 1000 ignored")]);
}

/// RFC 1191 7.1: who does not tell the next hop's MTU makes us try the plateaus.
/// Proves: RFC1191-3-d.
#[test]
fn plateaus() {
    open().rows(&[(
        "down",
        "write 1460; >+; too_big 1 1500 0 1492; >+; too_big 1 1492 0 1006; >+
         too_big 1 1006 0 552; >+; too_big 1 552 0 ignored",
    )]);
    // Some count the header twice.
    open().rows(&[("a length that is too great", "write 1460; >+; too_big 1 1520 0 1492; >+")]);
    open().mtu(9000).peer(|peer| peer.mss = Some(8960)).rows(&[(
        "large ones",
        "write 8960; >+; too_big 1 9000 0 8166; >+; too_big 1 8166 0 4352; >+",
    )]);
}

/// Somebody else has found the path narrower, or it may be wider again.
#[test]
fn learned_from_others() {
    open().rows(&[
        ("what may have been too large", "write 1460; >+; mtu 1000; burst 1 1 960; >+"),
        ("small ones are left alone", "write 100; >+; mtu 1000"),
        ("and followed by what fits", "mtu 1000; write 960; >+; write 960; burst 961 1 960"),
        ("wider again", "mtu 1000; write 1000; >+; mtu 1500; write 1460; burst 1001 1 1460"),
    ]);
    // After a time-out the window is one segment, also of a path that has become wider.
    open().rows(&[(
        "the least window",
        "mtu 600; write 560; >+; +300ms; >+; mtu 1500; < . 1:1(0) ack 561; write 1460; >+",
    )]);
}
