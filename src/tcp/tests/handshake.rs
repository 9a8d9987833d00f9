//! Options at the handshake (RFC 9293 3.7.1; RFC 7323; RFC 2018).

use super::script::{At, Setup, at};

fn nothing() -> Setup {
    at(At::Nothing)
}

/// What our SYN offers.
/// Proves: SHLD-5, RFC7323-2.2-c, RFC7323-3.2-d, RFC6691-2-a.
#[test]
fn our_syn() {
    nothing().rows(&[(
        "everything",
        "open; > S 0:0(0) win 10000 <mss 1460,sackOK,TS val 0 ecr 0,nop,wscale 0>",
    )]);
    nothing()
        .config(|config| config.timestamps = false)
        .rows(&[("no timestamps", "open; > S 0:0(0) win 10000 <mss 1460,sackOK,nop,wscale 0>")]);
    nothing()
        .config(|config| config.sack = false)
        .rows(&[("no sack", "open; > S 0:0(0) win 10000 <mss 1460,TS val 0 ecr 0,nop,wscale 0>")]);
    nothing()
        .config(|config| config.window_scaling = false)
        .rows(&[("no scale", "open; > S 0:0(0) win 10000 <mss 1460,sackOK,TS val 0 ecr 0>")]);
    nothing().receive_buffer(1 << 20).rows(&[(
        "a megabyte: shift 5, window unscaled",
        "open; > S 0:0(0) win 65535 <mss 1460,sackOK,TS val 0 ecr 0,nop,wscale 5>",
    )]);
    nothing().receive_buffer(65_535).rows(&[(
        "the most without a shift",
        "open; > S 0:0(0) win 65535 <mss 1460,sackOK,TS val 0 ecr 0,nop,wscale 0>",
    )]);
    nothing().receive_buffer(65_536).rows(&[(
        "one more",
        "open; > S 0:0(0) win 65535 <mss 1460,sackOK,TS val 0 ecr 0,nop,wscale 1>",
    )]);
    nothing().receive_buffer(1 << 31).rows(&[(
        "more than can be said",
        "open; > S 0:0(0) win 65535 <mss 1460,sackOK,TS val 0 ecr 0,nop,wscale 14>",
    )]);
    nothing().config(|config| config.window_scale = Some(7)).rows(&[(
        "a shift as asked",
        "open; > S 0:0(0) win 10000 <mss 1460,sackOK,TS val 0 ecr 0,nop,wscale 7>",
    )]);
    nothing().config(|config| config.window_scale = Some(200)).rows(&[(
        "never above 14",
        "open; > S 0:0(0) win 10000 <mss 1460,sackOK,TS val 0 ecr 0,nop,wscale 14>",
    )]);
}

/// MUST-14, MUST-67: the MSS that we offer is the path's MTU less 40, or what was asked for.
/// Proves: SHLD-5, MAY-3, RFC6691-2-a.
#[test]
fn our_mss() {
    for (mtu, asked, offered) in [
        (1500, None, 1460),
        (576, None, 536),
        (9000, None, 8960),
        (1500, Some(1000), 1000),
        (576, Some(1460), 536),
    ] {
        nothing().mtu(mtu).config(|config| config.mss = asked).rows(&[
            (
                "active",
                &format!("open; > S 0:0(0) <mss {offered},sackOK,TS val 0 ecr 0,nop,wscale 0>"),
            ),
            ("passive", &format!("< S 0:0(0) win 100; > S. 0:0(0) ack 1 <mss {offered}>")),
        ]);
    }
}

/// An option goes into the SYN-ACK only if the SYN had it (RFC 7323 2.2, 3.2; RFC 2018 2).
/// Proves: RFC7323-2.2-d, RFC2018-4-a.
#[test]
fn our_syn_ack() {
    nothing().receive_buffer(1 << 20).rows(&[
        ("nothing offered", "< S 0:0(0) win 100; > S. 0:0(0) ack 1 win 65535 <mss 1460>"),
        ("mss", "< S 0:0(0) win 100 <mss 1460>; > S. 0:0(0) ack 1 win 65535 <mss 1460>"),
        ("sack", "< S 0:0(0) win 100 <mss 1460,sackOK>; > S. 0:0(0) ack 1 <mss 1460,sackOK>"),
        (
            "scale",
            "< S 0:0(0) win 100 <mss 1460,nop,wscale 3>
             > S. 0:0(0) ack 1 win 65535 <mss 1460,nop,wscale 5>",
        ),
        (
            "timestamps",
            "< S 0:0(0) win 100 <mss 1460,TS val 77 ecr 0>
             > S. 0:0(0) ack 1 <mss 1460,TS val 0 ecr 77>",
        ),
        (
            "everything",
            "< S 0:0(0) win 100 <mss 1460,sackOK,TS val 77 ecr 0,nop,wscale 3>
             > S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS val 0 ecr 77,nop,wscale 5>",
        ),
    ]);
    nothing().config(|config| config.sack = false).rows(&[(
        "sack is off",
        "< S 0:0(0) win 100 <mss 1460,sackOK>; > S. 0:0(0) ack 1 <mss 1460>",
    )]);
    nothing().config(|config| config.timestamps = false).rows(&[(
        "timestamps are off",
        "< S 0:0(0) win 100 <mss 1460,TS val 7 ecr 0>; > S. 0:0(0) ack 1 <mss 1460>",
    )]);
    nothing().config(|config| config.window_scaling = false).rows(&[(
        "scaling is off",
        "< S 0:0(0) win 100 <mss 1460,nop,wscale 7>; > S. 0:0(0) ack 1 <mss 1460>",
    )]);
}

/// Simultaneous open: the SYN-ACK is our SYN again, which offers windows that scale and timestamps
/// whatever the peer's has offered; SACK is permitted if both do.
#[test]
fn simultaneous() {
    nothing().rows(&[
        (
            "nothing",
            "open; >+; +5ms; < S 0:0(0) win 100 <mss 1460>
             > S. 0:0(0) ack 1 <mss 1460,nop,nop,TS val 5 ecr 0,nop,wscale 0>
             < . 1:1(0) ack 1 win 100; write 10; > P. 1:11(10) ack 1",
        ),
        (
            "everything",
            "open; >+; +5ms; < S 0:0(0) win 100 <mss 1460,sackOK,TS val 77 ecr 0,nop,wscale 3>
             > S. 0:0(0) ack 1 <mss 1460,sackOK,TS val 5 ecr 77,nop,wscale 0>",
        ),
        (
            "timestamps only",
            "open; >+; +5ms; < S 0:0(0) win 100 <mss 1460,nop,nop,TS val 77 ecr 0>
             > S. 0:0(0) ack 1 <mss 1460,nop,nop,TS val 5 ecr 77,nop,wscale 0>",
        ),
        (
            "a shift only",
            "open; >+; +5ms; < S 0:0(0) win 100 <mss 1460,nop,wscale 3>
             > S. 0:0(0) ack 1 <mss 1460,nop,nop,TS val 5 ecr 0,nop,wscale 0>",
        ),
        (
            "sack only",
            "open; >+; +5ms; < S 0:0(0) win 100 <mss 1460,nop,nop,sackOK>
             > S. 0:0(0) ack 1 <mss 1460,sackOK,TS val 5 ecr 0,nop,wscale 0>",
        ),
    ]);
}

/// MUST-15, MUST-16: what we send is bounded by the peer's MSS, 536 without one, and by the path.
/// Proves: RFC1122-3.3.3.
#[test]
fn send_mss() {
    at(At::Established)
        .peer(|peer| peer.mss = None)
        .rows(&[("none: 536", "write 1072; > . 1:537(536) ack 1; > P. 537:1073(536) ack 1")]);
    at(At::Established)
        .peer(|peer| peer.mss = Some(100))
        .rows(&[("the peer's", "write 200; > . 1:101(100) ack 1; > P. 101:201(100) ack 1")]);
    at(At::Established)
        .peer(|peer| peer.mss = Some(65_535))
        .rows(&[("the path's", "write 2920; > . 1:1461(1460) ack 1; > P. 1461:2921(1460) ack 1")]);
    at(At::Established)
        .mtu(576)
        .rows(&[("a small path", "write 1072; > . 1:537(536) ack 1; > P. 537:1073(536) ack 1")]);
    at(At::Established).config(|config| config.mss = Some(1000)).rows(&[(
        "our own limit",
        "write 2000; > . 1:1001(1000) ack 1; > P. 1001:2001(1000) ack 1",
    )]);
    for tiny in [0, 1, 63] {
        at(At::Established).peer(|peer| peer.mss = Some(tiny)).rows(&[(
            "a hostile one has a floor",
            "write 128; > . 1:65(64) ack 1; > P. 65:129(64) ack 1",
        )]);
        at(At::Established).timestamps().peer(|peer| peer.mss = Some(tiny)).rows(&[(
            "also with options",
            "write 52; > P. 1:53(52) ack 1; < . 1:1(0) ack 53; timer never",
        )]);
    }
}

/// RFC 7323 2.2, 2.3: scaling is on only if both offered; a count above 14 is 14.
/// Proves: RFC7323-2.2-a, RFC7323-2.2-b, RFC7323-2.2-c, RFC7323-2.3-a, RFC7323-2.3-b.
#[test]
fn window_scale() {
    nothing().receive_buffer(1 << 20).rows(&[
        (
            "both: our windows are shifted",
            "open; >+; < S. 0:0(0) ack 1 win 100 <mss 1460,nop,wscale 0>
             > . 1:1(0) ack 1 win 32768",
        ),
        ("we alone", "open; >+; < S. 0:0(0) ack 1 win 100 <mss 1460>; > . 1:1(0) ack 1 win 65535"),
        (
            "passive",
            "< S 0:0(0) win 100 <mss 1460,nop,wscale 0>; >+; < P. 1:11(10) ack 1; +40ms
             > . 1:1(0) ack 11 win 32767",
        ),
    ]);
    nothing().rows(&[
        (
            "14 at the most",
            "open; >+; < S. 0:0(0) ack 1 win 0 <mss 1460,nop,wscale 15>; >+; < . 1:1(0) ack 1 win 1
             write 20000; burst 1 10 1460",
        ),
        (
            "255 is 14 too",
            "open; >+; < S. 0:0(0) ack 1 win 0 <mss 1460,nop,wscale 255>; >+; < . 1:1(0) ack 1 win 1
             write 20000; burst 1 10 1460",
        ),
        (
            "the window of a SYN is not shifted",
            "open; >+; < S. 0:0(0) ack 1 win 1460 <mss 1460,nop,wscale 7>; >+; write 5000
             > . 1:1461(1460) ack 1",
        ),
        (
            "one on another segment is ignored",
            "open; >+; < S. 0:0(0) ack 1 win 65535 <mss 1460>; >+
             < . 1:1(0) ack 1 win 1460 <nop,wscale 7>; write 5000; > . 1:1461(1460) ack 1",
        ),
    ]);
}

/// Options of the handshake on other segments are ignored (RFC 2018 2, RFC 7323 2.2, 3.2).
/// Proves: MUST-5, RFC7323-2.2-b, RFC7323-3.2-c.
#[test]
fn elsewhere_ignored() {
    at(At::Established).rows(&[
        ("mss", "< . 1:1(0) ack 1 <mss 100>; write 1460; > P. 1:1461(1460) ack 1"),
        ("sackOK", "< . 1:1(0) ack 1 <nop,nop,sackOK>; < P. 11:21(10) ack 1; > . 1:1(0) ack 1"),
        (
            "timestamps",
            "< P. 1:11(10) ack 1 <nop,nop,TS val 1 ecr 0>; readable 10; +40ms
             > . 1:1(0) ack 11 <none>",
        ),
        (
            "sack blocks",
            "write 100; >+; < . 1:1(0) ack 1 <nop,nop,sack 50:101>; state Established; +1s
             > P. 1:101(100) ack 1; >*",
        ),
    ]);
}

/// RFC 6298 2.1, 5: SYN and SYN-ACK are sent again after 1, 2, 4 ... seconds.
/// Proves: RFC6298-2.1.
#[test]
fn sent_again() {
    nothing().rows(&[
        (
            "syn",
            "open; > S 0:0(0) <...>; +999ms; +1ms; > S 0:0(0) <...>; +1999ms; +1ms; > S 0:0(0) <...>
             +3999ms; +1ms; > S 0:0(0) <...>; +8s; > S 0:0(0) <...>",
        ),
        (
            "syn-ack",
            "< S 0:0(0) win 100 <mss 1460>; > S. 0:0(0) ack 1 <mss 1460>; +999ms; +1ms
             > S. 0:0(0) ack 1 <mss 1460>; +2s; > S. 0:0(0) ack 1 <mss 1460>; +4s
             > S. 0:0(0) ack 1 <mss 1460>",
        ),
        (
            "opens after the second",
            "open; >+; +1s; > S 0:0(0) <...>; +100ms; < S. 0:0(0) ack 1; > . 1:1(0) ack 1",
        ),
        ("no more once open", "open; >+; < S. 0:0(0) ack 1; >+; timer never; +1h"),
        (
            "the peer's syn-ack again",
            "open; >+; < S. 0:0(0) ack 1; >+; < S. 0:0(0) ack 1; > . 1:1(0) ack 1",
        ),
    ]);
}

/// MUST-22, MUST-23: a SYN is tried for three minutes at least, then the application learns of it.
#[test]
fn gives_up() {
    nothing().rows(&[
        (
            "syn",
            "open; >+; +179s; >+; state SynSent; +71s; >*; state Closed; error TimedOut
             timer never",
        ),
        (
            "syn-ack",
            "< S 0:0(0) win 100; >+; +179s; >+; state SynReceived; +71s; >*; state Closed
             timer never",
        ),
        (
            "an answer in the last moment",
            "open; >+; +179s; >+; < S. 0:0(0) ack 1; >+; state Established",
        ),
    ]);
}
