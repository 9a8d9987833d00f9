//! Segments of no connection (RFC 9293 3.10.7.1, 3.10.7.2).

use tuntcp::trace::Dropped;
use tuntcp::wire::{Flags, IpFields, Malformed, Segment, SeqNum, udp};

use crate::world::{Bench, Peer, only, tcp};

/// What a segment meets where nobody listens, or where somebody does.
fn answer(
    listening: bool,
    flags: Flags,
    ack: Option<u32>,
    payload: &[u8],
) -> Option<Segment<'static>> {
    let mut bench = Bench::new();
    let _listener = listening.then(|| bench.listen(7, 8));
    let mut peer = Peer::new(5000, 7);
    peer.ack = ack.map(SeqNum::new);
    let sent = bench.give([peer.segment(flags, payload)]);
    assert_eq!(bench.dropped(Dropped::NoConnection), 1, "{flags:?}");
    assert_eq!(bench.engine.connections(), 0);
    if sent.is_empty() {
        return None;
    }
    let frame = only(sent);
    let reset = tcp(&frame);
    assert_eq!(reset.flags, Flags::RST);
    Some(Segment { payload: &[], ..reset.clone() })
}

/// What arrives: its flags, ACK and text; and the answer's SEQ and ACK.
type Row = (Flags, Option<u32>, &'static [u8], Option<(u32, Option<u32>)>);

/// Proves: RFC9293-3.10.7.1-a, RFC9293-3.5.2-a.
#[test]
fn where_nobody_listens() {
    // RFC 9293 3.10.7.1.
    let rows: [Row; 8] = [
        (Flags::SYN, None, b"", Some((0, Some(1001)))),
        (Flags::SYN, None, b"text", Some((0, Some(1005)))),
        (Flags::FIN, None, b"", Some((0, Some(1001)))),
        (Flags::empty(), None, b"text", Some((0, Some(1004)))),
        (Flags::empty(), Some(77), b"", Some((77, None))),
        (Flags::SYN, Some(77), b"", Some((77, None))),
        (Flags::RST, None, b"", None),
        (Flags::RST, Some(77), b"", None),
    ];
    for (flags, ack, payload, expected) in rows {
        let reset = answer(false, flags, ack, payload);
        let got = reset.map(|reset| (reset.seq.raw(), reset.ack.map(SeqNum::raw)));
        assert_eq!(got, expected, "{flags:?} {ack:?}");
    }
}

/// Proves: RFC9293-3.10.7.2-a.
#[test]
fn where_somebody_listens() {
    // RFC 9293 3.10.7.2: a RST is ignored, an ACK is reset, what is no SYN is dropped.
    let rows: [(Flags, Option<u32>, Option<u32>); 6] = [
        (Flags::RST, None, None),
        (Flags::RST, Some(77), None),
        (Flags::empty(), Some(77), Some(77)),
        (Flags::SYN, Some(77), Some(77)),
        (Flags::FIN, None, None),
        (Flags::empty(), None, None),
    ];
    for (flags, ack, seq) in rows {
        let reset = answer(true, flags, ack, b"");
        assert_eq!(reset.map(|reset| reset.seq.raw()), seq, "{flags:?} {ack:?}");
    }
}

/// Proves: MUST-3.
#[test]
fn a_broken_checksum_gets_no_answer() {
    let mut bench = Bench::new();
    let mut frame = Peer::new(5000, 7).syn();
    let last = frame.len() - 1;
    frame[last] ^= 1;
    assert!(bench.give([frame]).is_empty());
    assert_eq!(bench.engine.counters().malformed(Malformed::BadTcpChecksum), 1);
    assert_eq!(bench.engine.counters().iter().collect::<Vec<_>>(), [("BadTcpChecksum".into(), 1)]);

    // RFC 1122 4.1.3.4, RFC1122-4.1.3.4-b: nor does a datagram.
    let mut frame = Vec::new();
    udp::emit(&mut frame, &Peer::new(5000, 7).flow, &IpFields::default(), b"whatever");
    let last = frame.len() - 1;
    frame[last] ^= 1;
    assert!(bench.give([frame]).is_empty());
    assert_eq!(bench.engine.counters().malformed(Malformed::BadUdpChecksum), 1);
}
