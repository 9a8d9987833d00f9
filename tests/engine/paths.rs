//! Path MTU discovery between many connections (RFC 1191).

use std::time::Duration;

use tuntcp::engine::Socket;
use tuntcp::trace::Dropped;
use tuntcp::wire::icmp::emit_unreachable;
use tuntcp::wire::{Flags, Packet, checksum::Sum};

use crate::world::{Bench, HERE, MTU, Peer, THERE, address, at, tcp};

/// A router says that `offending` does not fit into `mtu`.
fn too_big(mtu: u16, offending: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    emit_unreachable(&mut out, address("192.0.2.9"), address(HERE), 4, offending);
    out[26..28].copy_from_slice(&mtu.to_be_bytes());
    out[22..24].fill(0);
    let sum = Sum::new().plus(&out[20..]).finish().to_be_bytes();
    out[22..24].copy_from_slice(&sum);
    out
}

fn lengths(frames: &[Vec<u8>]) -> Vec<usize> {
    frames.iter().map(Vec::len).collect()
}

/// A peer who takes large segments, and our end.
fn open(bench: &mut Bench, port: u16) -> (Peer, Socket) {
    let listener = bench.listen(port, 8);
    let mut peer = Peer::new(5000, port);
    let mut syn = tuntcp::wire::Segment {
        seq: peer.seq,
        flags: Flags::SYN,
        window: tuntcp::wire::RawWindow(65_535),
        ..tuntcp::wire::Segment::default()
    };
    syn.options.mss = Some(1460);
    let syn_ack = crate::world::only(bench.give([crate::world::frame(&peer.flow, &syn, b"")]));
    // Our own MSS is that of our link (RFC 1191, 3.1), whatever the path takes.
    assert_eq!(tcp(&syn_ack).options.mss, Some(1460));
    peer.seq += 1;
    peer.ack = Some(tcp(&syn_ack).seq + 1);
    bench.give([peer.segment(Flags::empty(), b"")]);
    (peer, listener.accept().unwrap().expect("it is open"))
}

/// Proves: RFC1191-3-a, RFC1191-3-c, RFC1191-3-e, RFC1191-6.4, RFC792-du4.
#[test]
fn all_who_use_a_path_learn_how_narrow_it_is() {
    let mut bench = Bench::new();
    let (mut first, near) = open(&mut bench, 7);
    let (_second, other) = open(&mut bench, 8);
    near.write(bench.now, &[7; 2920]).unwrap();
    let sent = bench.sent();
    assert_eq!(lengths(&sent), [MTU, MTU]);
    // RFC 1191 3: nothing may be fragmented on its way.
    assert!(sent.iter().all(|frame| Packet::parse(frame, false).unwrap().ip.dont_fragment));
    // A message for each that was dropped: sent again once.
    let again = bench.give([too_big(1000, &sent[0]), too_big(1000, &sent[1])]);
    assert_eq!(lengths(&again), [1000, 1000, 1000, 80]);
    assert_eq!(near.info(bench.now).path_mtu, 1000);
    first.ack = first.ack.map(|ack| ack + 2920);
    bench.give([first.segment(Flags::empty(), b"")]);

    other.write(bench.now, &[7; 1920]).unwrap();
    assert_eq!(lengths(&bench.sent()), [1000, 1000]);
    let (_third, new) = open(&mut bench, 9);
    new.write(bench.now, &[7; 960]).unwrap();
    assert_eq!(lengths(&bench.sent()), [1000]);

    // RFC 1191 6.3: ten minutes later a larger one is tried.
    bench.now += Duration::from_secs(599);
    near.write(bench.now, &[7; 960]).unwrap();
    assert_eq!(lengths(&bench.sent()), [1000]);
    first.ack = first.ack.map(|ack| ack + 960);
    bench.give([first.segment(Flags::empty(), b"")]);
    bench.now += Duration::from_secs(1);
    near.write(bench.now, &[7; 1460]).unwrap();
    assert!(lengths(&bench.sent()).contains(&MTU));
}

#[test]
fn what_is_not_believed_is_counted() {
    let mut bench = Bench::new();
    let (_peer, socket) = open(&mut bench, 7);
    socket.write(bench.now, &[7; 1460]).unwrap();
    let sent = crate::world::only(bench.sent());
    let mut other_seq = sent.clone();
    other_seq[27] ^= 0x80;
    let mut stranger = sent.clone();
    stranger[23] ^= 1;
    let lies = [too_big(1000, &other_seq), too_big(1500, &sent), too_big(1000, &stranger)];
    assert!(bench.give(lies).is_empty());
    assert_eq!(bench.dropped(Dropped::IcmpIgnored), 2);
    assert_eq!(bench.dropped(Dropped::IcmpStranger), 1);
    assert_eq!(socket.info(bench.now).path_mtu, 1500);
    // Nobody else is any the wiser.
    let other = bench.engine.connect(bench.now, None, at(THERE, 80)).unwrap();
    drop(other);
}
