//! Reassembly: RFC 791 3.2, RFC 1122 3.3.2, RFC 3168 5.3, RFC 5722 4.

use std::ops::Range;
use std::time::Duration;

use proptest::prelude::*;

use super::{Fragments, MOST_BYTES, MOST_DATAGRAMS, TimedOut};
use crate::time::Instant;
use crate::trace::Dropped;
use crate::wire::ip::{emit_packet, fragment_packet};
use crate::wire::{Body, EcnCodepoint, Fragment, IpFields, Packet};

const SOURCE: [u8; 4] = [192, 0, 2, 1];
const DESTINATION: [u8; 4] = [192, 0, 2, 2];
/// A protocol that nobody reads, so that only reassembly has a say.
const PROTOCOL: u8 = 200;
const START: Instant = Instant::ZERO;
const SECOND: Duration = Duration::from_secs(1);

/// The byte of every datagram at `at`.
fn byte(at: usize) -> u8 {
    (at * 31 + at / 256) as u8
}

fn text(range: Range<usize>) -> Vec<u8> {
    range.map(byte).collect()
}

/// A reassembler, and what it said.
#[derive(Default)]
struct Desk {
    fragments: Fragments,
    dropped: Vec<Dropped>,
}

/// One piece, good in every way.
struct Piece {
    id: u16,
    offset: usize,
    payload: Vec<u8>,
    more: bool,
    ecn: EcnCodepoint,
}

fn piece(id: u16, range: Range<usize>, more: bool) -> Piece {
    Piece { id, offset: range.start, payload: text(range), more, ecn: EcnCodepoint::NotEct }
}

impl Desk {
    fn insert(&mut self, now: Instant, piece: &Piece) -> Option<Vec<u8>> {
        let header = [0x45; 20];
        let ip =
            IpFields { identification: piece.id.into(), ecn: piece.ecn, ..IpFields::default() };
        let body = Body::Fragment(Fragment {
            protocol: PROTOCOL,
            offset: u16::try_from(piece.offset).expect("an offset"),
            more: piece.more,
            payload: &piece.payload,
            header: &header,
        });
        let packet = Packet { source: SOURCE.into(), destination: DESTINATION.into(), ip, body };
        let whole = self.fragments.insert(now, &packet, |why| self.dropped.push(why));
        assert!(self.fragments.bytes <= MOST_BYTES);
        assert!(self.fragments.datagrams.len() <= MOST_DATAGRAMS);
        let cost: usize = self.fragments.datagrams.values().map(super::Datagram::cost).sum();
        assert_eq!(self.fragments.bytes, cost);
        whole
    }

    fn expire(&mut self, now: Instant) -> Vec<TimedOut> {
        self.fragments.expire(now, |why| self.dropped.push(why))
    }

    fn is_empty(&self) -> bool {
        self.fragments.datagrams.is_empty() && self.fragments.bytes == 0
    }
}

/// A whole packet of `len` bytes of text, as one reads it.
fn assert_whole(packet: &[u8], len: usize) {
    let read = Packet::parse(packet, false).expect("a good packet");
    assert_eq!((read.source, read.destination), (SOURCE.into(), DESTINATION.into()));
    assert_eq!(read.body, Body::Other(PROTOCOL));
    assert_eq!(packet[20..], text(0..len));
}

/// Proves: RFC791-3.2-reasm, RFC1122-3.2.1.4.
#[test]
fn pieces_in_every_order() {
    let cuts = [0..8, 8..24, 24..32, 32..37];
    let orders: [[usize; 4]; 6] =
        [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1], [3, 0, 1, 2], [1, 2, 3, 0]];
    for order in orders {
        let mut desk = Desk::default();
        for (count, index) in order.into_iter().enumerate() {
            let whole = desk.insert(START, &piece(1, cuts[index].clone(), index < 3));
            assert_eq!(whole.is_some(), count == 3, "{order:?}");
            if let Some(whole) = whole {
                assert_whole(&whole, 37);
            }
        }
        assert!(desk.is_empty() && desk.dropped.is_empty(), "{order:?}");
    }
}

/// RFC 791 3.2: source, destination, protocol and identification keep datagrams apart.
/// Proves: RFC791-3.2-reasm.
#[test]
fn interleaved_datagrams() {
    let mut desk = Desk::default();
    assert_eq!(desk.insert(START, &piece(1, 0..8, true)), None);
    assert_eq!(desk.insert(START, &piece(2, 8..12, false)), None);
    assert_whole(&desk.insert(START, &piece(1, 8..16, false)).expect("whole"), 16);
    assert_whole(&desk.insert(START, &piece(2, 0..8, true)).expect("whole"), 12);
    assert!(desk.is_empty());
}

#[test]
fn pieces_that_contradict_each_other() {
    let held = || vec![piece(1, 8..24, true), piece(1, 40..48, true)];
    let last = || vec![piece(1, 8..24, false)];
    let mut changed = piece(1, 8..24, true);
    changed.payload[3] ^= 1;
    let rows = [
        ("over the beginning", held(), piece(1, 0..16, true)),
        ("over the end", held(), piece(1, 16..32, true)),
        ("inside", held(), piece(1, 16..24, true)),
        ("around", held(), piece(1, 0..32, true)),
        ("over two", held(), piece(1, 16..48, true)),
        ("same place, shorter", held(), piece(1, 8..16, true)),
        ("same place, longer", held(), piece(1, 8..32, true)),
        ("same place, other bytes", held(), changed),
        ("a last piece before the others' end", held(), piece(1, 32..40, false)),
        ("beyond the last piece", last(), piece(1, 24..32, true)),
        ("two last pieces", last(), piece(1, 24..32, false)),
    ];
    for (name, before, wrong) in rows {
        let mut desk = Desk::default();
        for piece in &before {
            assert_eq!(desk.insert(START, piece), None, "{name}");
        }
        assert_eq!(desk.insert(START, &wrong), None, "{name}");
        assert_eq!(desk.dropped, [Dropped::FragmentOverlap], "{name}");
        assert_eq!(desk.fragments.bytes, 0, "{name}");
        // RFC 5722 4: nothing that comes behind makes it whole, or is counted again.
        assert_eq!(desk.insert(START, &piece(1, 0..8, true)), None, "{name}");
        assert_eq!(desk.insert(START, &piece(1, 8..16, false)), None, "{name}");
        assert_eq!(desk.expire(START + 30 * SECOND), [], "{name}");
        assert_eq!(desk.dropped.len(), 1, "{name}");
        assert!(desk.is_empty());
        // Its identification may be used again.
        assert_eq!(desk.insert(START, &piece(1, 0..8, true)), None);
        assert_whole(&desk.insert(START, &piece(1, 8..16, false)).expect(name), 16);
    }
}

/// A network that duplicates is no attacker.
#[test]
fn exact_duplicates_are_ignored() {
    let mut desk = Desk::default();
    for _ in 0..3 {
        assert_eq!(desk.insert(START, &piece(1, 16..20, false)), None);
        assert_eq!(desk.insert(START, &piece(1, 0..8, true)), None);
    }
    assert_whole(&desk.insert(START, &piece(1, 8..16, true)).expect("whole"), 20);
    assert!(desk.is_empty() && desk.dropped.is_empty());
}

/// Proves: RFC791-3.2-timer, RFC1122-3.3.2-b.
#[test]
fn thirty_seconds_from_the_first_piece() {
    let mut desk = Desk::default();
    assert_eq!(desk.fragments.deadline(), Instant::NEVER);
    desk.insert(START, &piece(1, 0..8, true));
    desk.insert(START + 20 * SECOND, &piece(1, 16..24, true));
    desk.insert(START + 20 * SECOND, &piece(2, 8..16, true));
    assert_eq!(desk.fragments.deadline(), START + 30 * SECOND);
    assert_eq!(desk.expire(START + 29 * SECOND), []);

    // RFC 1122 3.3.2: the sender is told when the first piece had come.
    let quote = [&[0x45; 20][..], &text(0..8)].concat();
    let told = TimedOut { source: SOURCE.into(), destination: DESTINATION.into(), quote };
    assert_eq!(desk.expire(START + 30 * SECOND), [told]);
    assert_eq!(desk.fragments.deadline(), START + 50 * SECOND);
    assert_eq!(desk.expire(START + 60 * SECOND), []);
    assert_eq!(desk.dropped, [Dropped::FragmentTimedOut; 2]);
    assert!(desk.is_empty());
}

/// RFC 1122 3.2.2: no error about what may be an error.
/// Proves: RFC1122-3.2.2-d.
#[test]
fn no_error_about_icmp_but_echo_requests() {
    for (kind, told) in [(8, true), (0, false), (3, false), (11, false)] {
        let body = Body::Fragment(Fragment {
            protocol: 1,
            offset: 0,
            more: true,
            payload: &[kind, 0, 0, 0, 0, 0, 0, 0],
            header: &[0x45; 20],
        });
        let (source, destination) = (SOURCE.into(), DESTINATION.into());
        let packet = Packet { source, destination, ip: IpFields::default(), body };
        let mut fragments = Fragments::new();
        assert_eq!(fragments.insert(START, &packet, |_| {}), None);
        assert_eq!(fragments.expire(Instant::NEVER, |_| {}).len(), usize::from(told), "{kind}");
    }
}

#[test]
fn the_oldest_gives_way_to_the_65th() {
    let mut desk = Desk::default();
    for id in 0..65 {
        desk.insert(START, &piece(id, 0..8, true));
    }
    assert_eq!(desk.dropped, [Dropped::FragmentNoRoom]);
    assert_whole(&desk.insert(START, &piece(64, 8..16, false)).expect("whole"), 16);
    assert_whole(&desk.insert(START, &piece(1, 8..16, false)).expect("whole"), 16);
    assert_eq!(desk.insert(START, &piece(0, 8..16, false)), None);
}

#[test]
fn one_mebibyte() {
    let mut desk = Desk::default();
    // More than fit of almost the largest datagrams; insert() checks the bound.
    for id in 0..20 {
        assert_eq!(desk.insert(START, &piece(id, 0..64_000, true)), None);
    }
    assert_eq!(desk.dropped, [Dropped::FragmentNoRoom; 4]);
    assert_whole(&desk.insert(START, &piece(19, 64_000..64_001, false)).expect("whole"), 64_001);
}

/// Even where it is the oldest, the datagram that grows is not the one that gives way.
/// Proves: RFC791-3.2-576, RFC1122-3.3.2-a.
#[test]
fn whoever_grows_stays() {
    let mut desk = Desk::default();
    for id in 0..16 {
        desk.insert(START, &piece(id, 0..65_000, true));
    }
    assert_eq!(desk.insert(START, &piece(16, 0..7_000, true)), None);
    assert_eq!(desk.dropped, []);
    assert_whole(&desk.insert(START, &piece(0, 65_000..65_500, false)).expect("whole"), 65_500);
    assert_eq!(desk.dropped, [Dropped::FragmentNoRoom]);
}

/// However small the pieces: the oldest gives way, not the one that grows.
#[test]
fn tiny_pieces_are_bounded_too() {
    let mut desk = Desk::default();
    for id in 0..64 {
        for at in 0..1_000 {
            desk.insert(START, &piece(id, at * 16..at * 16 + 8, true));
        }
        assert!(desk.fragments.datagrams.values().any(|datagram| datagram.pieces.len() == 1_000));
    }
    assert!(desk.dropped.len() > 40);
}

/// Proves: RFC3168-5.3.
#[test]
fn congestion_marks() {
    use EcnCodepoint::{Ce, Ect0, Ect1, NotEct};
    let rows = [
        (NotEct, NotEct, Some(NotEct)),
        (Ect0, Ect0, Some(Ect0)),
        (Ect1, Ect0, Some(Ect1)),
        (Ect0, Ce, Some(Ce)),
        (Ce, Ect0, Some(Ce)),
        (Ce, Ce, Some(Ce)),
        (NotEct, Ce, None),
        (Ce, NotEct, None),
    ];
    for (first, last, expected) in rows {
        for first_comes_last in [false, true] {
            let mut desk = Desk::default();
            let mut pieces = [
                Piece { ecn: first, ..piece(1, 0..8, true) },
                Piece { ecn: last, ..piece(1, 8..9, false) },
            ];
            if first_comes_last {
                pieces.reverse();
            }
            desk.insert(START, &pieces[0]);
            let whole = desk.insert(START, &pieces[1]);
            let ecn = whole.map(|whole| Packet::parse(&whole, false).expect("good").ip.ecn);
            assert_eq!(ecn, expected, "{first:?} and {last:?}");
            assert_eq!(desk.dropped.is_empty(), expected.is_some(), "{first:?} and {last:?}");
            assert!(desk.is_empty());
        }
    }
}

/// Proves: RFC791-3.2-df.
/// Proves: RFC1122-3.3.3-b.
#[test]
fn what_may_not_be_cut_is_not() {
    let mut pieces = Vec::new();
    let packet = emit_packet(
        SOURCE.into(),
        DESTINATION.into(),
        PROTOCOL,
        &IpFields::default(),
        &text(0..1_000),
    );
    fragment_packet(&packet, 1_019, 7, |piece| pieces.push(piece.to_vec()));
    assert_eq!(pieces, Vec::<Vec<u8>>::new());
    fragment_packet(&packet, 1_020, 7, |piece| pieces.push(piece.to_vec()));
    assert_eq!(pieces, [packet]);
}

proptest! {
    /// What was cut for any MTU comes together in any order, each piece once or twice.
    #[test]
    fn cut_then_assembled_is_the_same(
        len in 1usize..5_000, mtu in 68usize..1_500, id: u16, seed: u64,
    ) {
        let ip = IpFields { dont_fragment: false, ..IpFields::default() };
        let packet =
            emit_packet(SOURCE.into(), DESTINATION.into(), PROTOCOL, &ip, &text(0..len));
        let mut pieces = Vec::new();
        fragment_packet(&packet, mtu, id.into(), |piece| pieces.push(piece.to_vec()));
        prop_assert!(pieces.iter().all(|piece| piece.len() <= mtu));
        if let [only] = &pieces[..] {
            assert_whole(only, len);
            return Ok(());
        }
        let mut random = fastrand::Rng::with_seed(seed);
        let again = random.usize(..pieces.len());
        let duplicate = pieces[again].clone();
        random.shuffle(&mut pieces);
        let keep_back = pieces.pop().expect("several");
        pieces.push(duplicate);

        let mut fragments = Fragments::new();
        let mut insert = |frame: &[u8]| {
            let packet = Packet::parse(frame, false).expect("a good fragment");
            fragments.insert(START, &packet, |why| panic!("{why:?}"))
        };
        let mut whole = None;
        for piece in pieces.iter().chain([&keep_back]) {
            whole = whole.or(insert(piece));
        }
        assert_whole(&whole.expect("whole"), len);
    }
}
