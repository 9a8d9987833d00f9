//! Explicit Congestion Notification (RFC 3168) on an open connection; `ecn_setup` opens it.

use super::harness::flow;
use super::script::{At, Setup, at};
use crate::tcp::Limits;
use crate::wire::{Body, EcnCodepoint, Flags, Packet, RawWindow, Segment, SeqNum};

const MSS: u32 = 1_460;

/// Both sides have asked for it; a window is halved.
fn open() -> Setup {
    in_state(At::Established)
}

fn in_state(state: At) -> Setup {
    at(state).ecn().config(|config| config.congestion = "reno".parse().expect("it is there"))
}

/// RFC 3168 6.1.1: what was agreed on does not outlive the connection.
#[test]
fn time_wait_knows_nothing_of_it() {
    let lingering = "< [ce] P. 1:2(1) ack 1; > .E 1:1(0) ack 2; read 1; shutdown write
                     > F.E 1:1(0) ack 2; < F. 2:2(0) ack 2; > . 2:2(0) ack 3; state TimeWait";
    open().rows(&[("an ack", &format!("{lingering}; < F. 2:2(0) ack 2; > . 2:2(0) ack 3"))]);
}

/// RFC 3168 6.1.3: a mark is echoed on all that leaves until CWR arrives. The change is told at
/// once, what follows may wait for company.
/// Proves: RFC3168-6.1.3.
#[test]
fn echo() {
    let marked = "< [ce] P. 1:101(100) ack 1; > .E 1:1(0) ack 101";
    open().rows(&[
        ("at once", marked),
        ("no mark, no hurry", "< [ect0] P. 1:101(100) ack 1; +39ms; +1ms; > . 1:1(0) ack 101"),
        (
            "on what comes later",
            &format!("{marked}; < [ect0] P. 101:201(100) ack 1; +39ms; +1ms; > .E 1:1(0) ack 201"),
        ),
        (
            "a second mark is no news",
            &format!("{marked}; < [ce] P. 101:201(100) ack 1; +39ms; +1ms; > .E 1:1(0) ack 201"),
        ),
        ("on text", &format!("{marked}; write 10; > [ect0] P.E 1:11(10) ack 101")),
        (
            "on what is sent again",
            &format!(
                "write 10; >+; {marked2}; +300ms; > P.E 1:11(10) ack 101",
                marked2 = "< [ce] P. 1:101(100) ack 1; > .E 11:11(0) ack 101"
            ),
        ),
        ("on a FIN", &format!("{marked}; shutdown write; > F.E 1:1(0) ack 101")),
        (
            "on a challenge",
            &format!(
                "{marked}; < S 5:5(0); > .E 1:1(0) ack 101; < R 150:150(0); > .E 1:1(0) ack 101"
            ),
        ),
        ("not on a reset", &format!("{marked}; abort; > R. 1:1(0) ack 101")),
        (
            "until CWR, which hurries too",
            &format!(
                "{marked}; < [ect0] P.W 101:201(100) ack 1; > . 1:1(0) ack 201
                 < [ect0] P. 201:301(100) ack 1; +40ms; > . 1:1(0) ack 301"
            ),
        ),
        (
            "a mark on the CWR begins anew",
            &format!(
                "{marked}; < [ce] P.W 101:201(100) ack 1; > .E 1:1(0) ack 201
                 < [ect0] P. 201:301(100) ack 1; +40ms; > .E 1:1(0) ack 301"
            ),
        ),
        (
            "and so does one after it",
            &format!(
                "{marked}; < [ect0] P.W 101:201(100) ack 1; > . 1:1(0) ack 201
                 < [ce] P. 201:301(100) ack 1; > .E 1:1(0) ack 301"
            ),
        ),
        (
            "CWR on a FIN",
            &format!("{marked}; < F.W 101:101(0) ack 1; > . 1:1(0) ack 102; state CloseWait"),
        ),
        (
            "ahead of a gap",
            "< [ce] P. 101:201(100) ack 1; > .E 1:1(0) ack 1; < [ect0] P. 1:101(100) ack 1
             > .E 1:1(0) ack 201",
        ),
        (
            "CWR ahead of a gap",
            &format!("{marked}; < [ect0] P.W 201:301(100) ack 1; > . 1:1(0) ack 101"),
        ),
        (
            "all in one batch: the delayed ACK tells of all",
            "cork; < [ect0] P. 1:101(100) ack 1; < [ce] P. 101:201(100) ack 1
             < [ect0] P. 201:301(100) ack 1; uncork; > .E 1:1(0) ack 301",
        ),
        (
            "a segment that was marked before the CWR left",
            "cork; < [ce] P. 1:101(100) ack 1; < [ect0] P.W 101:201(100) ack 1; uncork
             > . 1:1(0) ack 201",
        ),
    ]);
}

/// RFC 3168 6.1.5: marks on what is no news are somebody's idea of a joke; 6.1.4: nobody marks what
/// is not ECT.
/// Proves: RFC3168-6.1.5.
#[test]
fn marks_without_meaning() {
    let taken = "< P. 1:101(100) ack 1; +40ms; >+; read 100";
    open().rows(&[
        ("old text", &format!("{taken}; < [ce] P. 1:101(100) ack 1; > . 1:1(0) ack 101")),
        (
            "beyond the window",
            &format!("{taken}; < [ce] P. 10101:10201(100) ack 1; > . 1:1(0) ack 101"),
        ),
        (
            "an old CWR",
            "< [ce] P. 1:101(100) ack 1; >+; < P.W 1:101(100) ack 1; > .E 1:1(0) ack 101",
        ),
        ("a bare ACK", "write 1; >+; < [ce] . 1:1(0) ack 2; write 1; > [ect0] P. 2:3(1) ack 1"),
        (
            "a bare CWR",
            "< [ce] P. 1:2(1) ack 1; >+; < .W 2:2(0) ack 1; write 1; > [ect0] P.E 1:2(1) ack 2",
        ),
        ("a bare FIN", "< [ce] F. 1:1(0) ack 1; > . 1:1(0) ack 2"),
        ("a wrong ACK", "< [ce] P. 1:101(100) ack 2; > . 1:1(0) ack 1"),
    ]);
    open().receive_buffer(100).rows(&[(
        "a probe of the closed window",
        "< P. 1:101(100) ack 1; +40ms; >+; < [ce] . 101:102(1) ack 1; > . 1:1(0) ack 101",
    )]);
    at(At::Established)
        .rows(&[("nobody asked", "< [ce] P. 1:2(1) ack 1; +40ms; > . 1:1(0) ack 2")]);
}

/// RFC 3168 6.1.2, 6.1.4 to 6.1.6: new text is ECT(0); nothing else is.
/// Proves: RFC3168-6.1.2-a, RFC3168-6.1.4, RFC3168-6.1.5, RFC3168-6.1.6.
#[test]
fn what_may_be_marked() {
    open().rows(&[
        ("new text", "write 10; > [ect0] P. 1:11(10) ack 1"),
        ("with a FIN", "cork; write 10; shutdown write; uncork; > [ect0] FP. 1:11(10) ack 1"),
        ("not a FIN alone", "shutdown write; > F. 1:1(0) ack 1"),
        ("not what times out", "write 10; >+; +300ms; > P. 1:11(10) ack 1"),
        (
            "not what is lost",
            "write 5840; burst 1 4 1460; < . 1:1(0) ack 1; < . 1:1(0) ack 1; < . 1:1(0) ack 1
             > . 1:1461(1460) ack 1",
        ),
        (
            "but what limited transmit sends",
            "write 21000; burst 1 10 1460; < . 1:1(0) ack 1; > [ect0] . 14601:16061(1460) ack 1",
        ),
        ("not an ACK", "< [ect0] P. 1:11(10) ack 1; +40ms; > . 1:1(0) ack 11"),
        ("not a reset", "abort; > R. 1:1(0) ack 1"),
    ]);
    open().window(0).rows(&[
        (
            "not a probe, nor its like again",
            "write 5000; +300ms; > . 1:2(1) ack 1; +600ms; > . 1:2(1) ack 1",
        ),
        (
            "what a probe has not carried",
            "write 100; +300ms; > . 1:2(1) ack 1; < . 1:1(0) ack 2 win 65535
             > [ect0] P. 2:101(99) ack 1",
        ),
    ]);
    open()
        .config(|config| config.keepalive = Some(crate::tcp::KeepAlive::default()))
        .rows(&[("not a keep-alive", "+2h; > . 0:0(0) ack 1")]);
    open().mtu(1000).rows(&[(
        "not what was too long",
        "write 960; > [ect0] P. 1:961(960) ack 1; too_big 1 1000 600; >+",
    )]);
}

/// Ten segments fly, more wait.
const TEN: &str = "write 30000; burst 1 10 1460";

/// RFC 3168 6.1.2: half the window on the first echo for a window of data, CWR on the new text that
/// follows, and no other reduction until what was sent after that is acknowledged.
/// Proves: RFC3168-6.1.2-b, RFC3168-6.1.2-c, RFC3168-5.
#[test]
fn a_reduction() {
    let once =
        format!("{TEN}; < .E 1:1(0) ack 1461; ssthresh 7300; > [ect0] .W 14601:16061(1460) ack 1");
    open().rows(&[
        ("half of what flew", &once),
        ("further echoes say the same", &format!("{once}; < .E 1:1(0) ack 2921; ssthresh 7300")),
        ("duplicates too", &format!("{once}; < .E 1:1(0) ack 1461; >*; ssthresh 7300")),
        (
            "half of what arrives is sent, without CWR",
            &format!(
                "{once}; < .E 1:1(0) ack 2921; < .E 1:1(0) ack 4381; < .E 1:1(0) ack 5841
                 > [ect0] . 16061:17521(1460) ack 1; < .E 1:1(0) ack 7301; < .E 1:1(0) ack 8761
                 > [ect0] . 17521:18981(1460) ack 1"
            ),
        ),
        (
            "the last of that window of data",
            &format!("{once}; < .E 1:1(0) ack 13141; >+; < .E 1:1(0) ack 14601; >*; ssthresh 7300"),
        ),
        (
            "the next window counts again",
            &format!(
                "{once}; < .E 1:1(0) ack 14601; >+; < . 1:1(0) ack 16061; >*
                 < .E 1:1(0) ack 17521; ssthresh 3650; > [ect0] .W 23361:24821(1460) ack 1"
            ),
        ),
        (
            "CWR is lost",
            &format!(
                "{once}; < .E 1:1(0) ack 14601; >+; < .E 1:1(0) ack 14601; >*
                 < .E 1:1(0) ack 14601; >*; < .E 1:1(0) ack 14601; > . 14601:16061(1460) ack 1
                 >*; ssthresh 3650"
            ),
        ),
        ("none before there was text", "< .E 1:1(0) ack 1; cwnd 14600"),
        (
            "an echo of old",
            &format!("{TEN}; < . 1:1(0) ack 14601; >*; < .E 1:1(0) ack 2921; cwnd 29200; >*"),
        ),
        (
            "a later duplicate brings it",
            &format!("{TEN}; < . 1:1(0) ack 1461; >*; < .E 1:1(0) ack 1461; ssthresh 8030; >*"),
        ),
        ("no growth on an echo", &format!("{once}; < .E 1:1(0) ack 14601; >+; cwnd 7300")),
    ]);
    at(At::Established)
        .rows(&[("nobody asked", &format!("{TEN}; < .E 1:1(0) ack 1461; >*; cwnd 16060"))]);
}

/// RFC 3168 6.1.2, 6.1.3: marks are echoed as long as there is text to come, and echoes obeyed as
/// long as there is text of ours under way.
/// Proves: RFC3168-6.1.2-b, RFC3168-6.1.3.
#[test]
fn in_each_state() {
    for state in [At::Established, At::FinWait1, At::FinWait2] {
        in_state(state).rows(&[(
            "a mark",
            "< [ce] P. {rcv}:{rcv+1}(1) ack {una}; > .E {snd}:{snd}(0) ack {rcv+1}
             < P.W {rcv+1}:{rcv+2}(1) ack {una}; > . {snd}:{snd}(0) ack {rcv+2}",
        )]);
    }
    for state in [At::Established, At::CloseWait] {
        in_state(state).rows(&[
            ("an echo", &format!("{TEN}; < .E {{rcv}}:{{rcv}}(0) ack 1461; ssthresh 7300; >*")),
            (
                "an echo, and our FIN waits",
                &format!(
                    "{TEN}; shutdown write; < .E {{rcv}}:{{rcv}}(0) ack 1461; ssthresh 7300; >*"
                ),
            ),
        ]);
    }
    // The peer's FIN comes while the last of our text, and our FIN, is under way.
    in_state(At::Established).rows(&[(
        "CLOSING",
        "write 7300; >+; shutdown write; >+; < F. 1:1(0) ack 1; >+; state Closing
         < .E 2:2(0) ack 1461; ssthresh 3650",
    )]);
    for state in At::SYNCHRONIZED {
        in_state(state).rows(&[("an echo of nothing", "< .E {rcv}:{rcv}(0) ack {una}; >*")]);
    }
}

/// RFC 3168 6.1.2: a loss reduces the window as well, and the peer learns of it; one reduction is
/// enough for one window of data.
/// Proves: RFC3168-6.1.2-b, RFC3168-6.1.2-c.
#[test]
fn a_loss_is_answered_with_cwr() {
    let lost = format!(
        "{TEN}; < . 1:1(0) ack 1; >*; < . 1:1(0) ack 1; >*; < . 1:1(0) ack 1
         > . 1:1461(1460) ack 1; ssthresh 7300"
    );
    open().rows(&[
        (
            "echoes while it is repaired",
            &format!(
                "{lost}; < .E 1:1(0) ack 1; >*; ssthresh 7300; < .E 1:1(0) ack 2921; >*; ssthresh 7300"
            ),
        ),
        (
            "CWR on new text, not on what is sent again",
            "write 14600; burst 1 10 1460; < . 1:1(0) ack 1; < . 1:1(0) ack 1; < . 1:1(0) ack 1
                 > . 1:1461(1460) ack 1; < . 1:1(0) ack 2921; > . 2921:4381(1460) ack 1
                 < . 1:1(0) ack 14601; write 10; > [ect0] P.W 14601:14611(10) ack 1
                 write 10; < . 1:1(0) ack 14611; > [ect0] P. 14611:14621(10) ack 1",
        ),
        (
            "a time-out",
            "write 10; >+; +300ms; > P. 1:11(10) ack 1; < .E 1:1(0) ack 11
             write 10; > [ect0] P.W 11:21(10) ack 1; cwnd 1460",
        ),
    ]);
}

/// A frame may stand for several segments: CWR would stand on each of them, so it has a frame of its
/// own. Proves: RFC3168-6.1.2-c.
#[test]
fn cwr_is_on_one_segment() {
    let mut harness = open().start();
    harness.must(&format!("{TEN}; cork; < .E 1:1(0) ack 14601"));
    let (now, limits) =
        (harness.now, Limits { max_frame: 8 * 1500, offloads: true, ..Limits::plain(1500) });
    let mut next = || {
        let mut frame = Vec::new();
        let sent = harness.connection().poll_transmit(now, &flow(), &limits, &mut frame);
        let packet = Packet::parse(&frame, true).expect("what we send is good");
        let Body::Tcp(_, segment) = packet.body else { panic!("no segment") };
        (sent.expect("more").wire_segments, segment.flags.contains(Flags::CWR), segment.ecn)
    };
    assert_eq!(next(), (1, true, EcnCodepoint::Ect0));
    assert_eq!(next(), (4, false, EcnCodepoint::Ect0));
}

/// A reduction that was a mistake is undone (RFC 5682, RFC 3522), and nobody is told of it; what is
/// echoed then wants an answer of its own.
#[test]
fn a_mistake_is_no_answer() {
    let late = format!(
        "{TEN}; +400ms; > . 1:1461(1460) ack 1; ssthresh 7300
         < . 1:1(0) ack 1461 <nop,nop,TS val 600 ecr 100>
         > [ect0] . 14601:16061(1460) ack 1; >*; ssthresh 4294967295"
    );
    let stamped = open().timestamps().peer(|peer| peer.mss = Some(1472)).mtu(1512);
    stamped.rows(&[
        ("no CWR", &late),
        (
            "an echo",
            &format!(
                "{late}; < .E 1:1(0) ack 2921 <nop,nop,TS val 600 ecr 100>; >*; ssthresh 8030"
            ),
        ),
    ]);
}

/// RFC 3168 6.1.2: when the window is one segment the timer decides when the next one leaves.
/// Proves: RFC3168-6.1.2-b.
#[test]
fn a_window_of_one_segment() {
    // One segment acknowledged, a window of one, an echo.
    let least = "write 30000; burst 1 10 1460; < .E 1:1(0) ack 14601; >*; cwnd 7300
         < .E 1:1(0) ack 21901; >*; cwnd 3650; < .E 1:1(0) ack 24821; >*; cwnd 1460
         < .E 1:1(0) ack 26281";
    // The same, and nothing is left to be sent.
    let spent = "write 7300; burst 1 5 1460; < .E 1:1(0) ack 7301; cwnd 3650; write 1460; >+
         < .E 1:1(0) ack 8761; cwnd 1460; write 1460; >+; < .E 1:1(0) ack 10221; timer never";
    open().rows(&[
        ("it waits", &format!("{least}; cwnd 1460; +349ms; +1ms; >+")),
        (
            "and bears CWR",
            &format!("{least}; +350ms; > [ect0] .W 26281:27741(1460) ack 1; +300ms; +50ms; >+"),
        ),
        (
            "an ACK does not wait",
            &format!("{least}; < P. 1:11(10) ack 26281; +40ms; > . 26281:26281(0) ack 11; +309ms; +1ms; >+"),
        ),
        ("nor what is written later", &format!("{spent}; +1s; write 10; > [ect0] P.W 10221:10231(10) ack 1")),
        (
            "it is no reason to draw a cork",
            &format!("{spent}; set cork on; write 10; +550ms; +2ms; >+"),
        ),
    ]);
}

/// An echo that never ends, whatever is answered, is not believed; nor is a path that drops ECT text
/// asked to carry more of it.
#[test]
fn broken_paths() {
    let drops = "write 10; > [ect0] P. 1:11(10) ack 1; +300ms; > P. 1:11(10) ack 1
                 < . 1:1(0) ack 11; write 10; > [ect0] P.W 11:21(10) ack 1; +600ms
                 > P. 11:21(10) ack 1; ecn stopped; < . 1:1(0) ack 21";
    open().rows(&[
        (
            "ECT is dropped",
            &format!(
                "{drops}; write 10; > P.W 21:31(10) ack 1; +100ms; < . 1:1(0) ack 31; ecn stopped"
            ),
        ),
        (
            "an outage is no proof",
            "write 10; >+; +300ms; >+; +600ms; >+; +1200ms; >+; +2400ms; >+; ecn on
             < . 1:1(0) ack 11; write 10; > [ect0] P.W 11:21(10) ack 1; < . 1:1(0) ack 21
             write 10; >+; +5s; >*; ecn on",
        ),
        (
            "text that arrives is one",
            "write 10; >+; +300ms; >+; < . 1:1(0) ack 11; write 10; >+; < . 1:1(0) ack 21
             write 10; >+; +400ms; >+; ecn on",
        ),
    ]);
}

/// Echoes that never end, though each one is answered: they are believed until the window cannot be
/// any smaller, and a while longer. Proves: RFC9438-4.6-c.
#[test]
fn an_echo_that_never_ends() {
    for algorithm in ["reno", "cubic"] {
        let congestion = algorithm.parse().expect("it is there");
        let mut harness = open().config(|config| config.congestion = congestion).start();
        harness.must("cork");
        for _ in 0..10 {
            harness.must("write 65536");
        }
        harness.must("uncork; burst 1 10 1460");
        let (mut windows, mut capable, mut una) = (Vec::new(), Vec::new(), 1);
        for _ in 0..16 {
            let info = harness.info();
            una += info.unacked;
            windows.push(info.cwnd);
            harness.inject(echo_of(una), false).expect("it is taken");
            if harness.emitted.is_empty() {
                harness.advance(info.rto).expect("the timer fires");
            }
            let sent = std::mem::take(&mut harness.emitted);
            assert!(!sent.is_empty());
            capable.push(sent.iter().all(|sent| sent.ecn == EcnCodepoint::Ect0));
        }
        let least = windows.iter().position(|&window| window == MSS).expect("it comes down");
        assert!(windows[..=least].is_sorted_by(|one, next| one > next), "{algorithm}: {windows:?}");
        assert_eq!(windows[least..least + 3], [MSS; 3], "{algorithm}");
        let stopped = capable.iter().position(|capable| !capable);
        assert_eq!(stopped, Some(least + 2), "{algorithm}");
        assert!(windows[15] > 4 * MSS, "{algorithm}, and up again: {windows:?}");
        assert!(harness.info().ecn_stopped);
    }
}

fn echo_of(ack: u32) -> Segment<'static> {
    Segment {
        seq: SeqNum::new(1),
        ack: Some(SeqNum::new(ack)),
        flags: Flags::ECE,
        window: RawWindow(65_535),
        ..Segment::default()
    }
}

/// Marks again and again are no proof of a broken path, as long as an acknowledgement without an echo
/// comes between them.
#[test]
fn much_congestion() {
    let mut harness = open().start();
    harness.must("cork; write 65536; write 65536; write 65536; uncork; burst 1 10 1460");
    let (mut una, mut held, mut released) = (1, 0, false);
    for _ in 0..60 {
        let before = harness.info();
        una += before.unacked;
        // What had to wait meets no congestion.
        let flags = if std::mem::take(&mut released) { "" } else { "E" };
        harness.must(&format!("< .{flags} 1:1(0) ack {una}; >*; ecn on"));
        if harness.info().unacked == 0 {
            held += 1;
            released = true;
            harness.advance(before.rto).expect("the timer fires");
            harness.must(">+");
        }
    }
    assert!(held > 5, "{held}");
}

/// What people are told.
#[test]
fn counters() {
    let mut harness = open().start();
    let info = harness.info();
    assert!(info.ecn && !info.ecn_seen && !info.ecn_stopped);
    harness.must("< [ect0] P. 1:11(10) ack 1; +40ms; >+");
    assert!(harness.info().ecn_seen);
    harness.must("< [ce] P. 11:21(10) ack 1; >+; < [ce] P. 21:31(10) ack 1; +40ms; >+");
    assert_eq!(harness.info().ce_received, 2);
    harness.must(
        "write 30000; >+; < .E 31:31(0) ack 1461; >*; < .E 31:31(0) ack 4382; >*
         < .E 31:31(0) ack 4382; >*",
    );
    let info = harness.info();
    assert_eq!((info.ece_received, info.ce_delivered), (3, 4));
}
