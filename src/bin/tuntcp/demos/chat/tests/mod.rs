//! Where messages begin and end.

use std::time::Duration;

use tuntcp::time::Instant;

use super::super::frames::Frames;
use super::super::lines::Lines;
use super::pace::Pace;
use super::{Found, Framing};

/// The messages of `bytes`, and what is there behind them.
fn messages(framing: &dyn Framing, bytes: &[u8]) -> (Vec<Vec<u8>>, Found) {
    let mut found = Vec::new();
    let mut begin = 0;
    loop {
        match framing.first(&bytes[begin..]) {
            Found::Message { at, next } => {
                found.push(bytes[begin..][at].to_vec());
                begin += next;
            }
            other => return (found, other),
        }
    }
}

/// A framing, bytes, and the messages that they are.
type Row = (&'static dyn Framing, &'static [u8], &'static [&'static [u8]]);

#[test]
fn messages_are_the_same_wherever_they_are_cut() {
    let framings: [Row; 3] = [
        (&Lines, b"one\ntwo\r\n\nfour: \xff\0\r5\r\n", &[b"one", b"two", b"", b"four: \xff\0\r5"]),
        (&Frames, b"\0\0\0\x03one\0\0\0\0\0\0\0\x02\r\n", &[b"one", b"", b"\r\n"]),
        (&Frames, b"\0\0\0\x08\0\0\0\x04four", &[b"\0\0\0\x04four"]),
    ];
    for (framing, bytes, wanted) in framings {
        assert_eq!(
            messages(framing, bytes),
            (wanted.iter().map(|m| m.to_vec()).collect(), Found::Part)
        );
        for cut in 0..bytes.len() {
            let (before, rest) = messages(framing, &bytes[..cut]);
            assert_eq!(rest, Found::Part, "at {cut}");
            assert!(before.len() < wanted.len(), "the last one is not whole at {cut}");
            assert!(wanted.starts_with(&before.iter().map(Vec::as_slice).collect::<Vec<_>>()));
        }
    }
}

#[test]
fn a_message_has_its_longest_length_and_no_more() {
    let line = |length: usize, end: &str| [&vec![b'x'; length], end.as_bytes()].concat();
    let too_long = |bytes: &[u8]| matches!(Lines.first(bytes), Found::TooLong(_));
    for end in ["\n", "\r\n"] {
        assert_eq!(messages(&Lines, &line(1024, end)).0, [vec![b'x'; 1024]]);
        assert!(too_long(&line(1025, end)));
    }
    assert_eq!(Lines.first(&line(1024, "\r")), Found::Part);
    assert!(too_long(&line(1025, "")) && too_long(&line(1024, "\rx")));

    // Of a length that is too large nothing else need be there.
    for length in [65_537_u32, 1 << 24, u32::MAX] {
        assert!(matches!(Frames.first(&length.to_be_bytes()), Found::TooLong(_)), "{length}");
    }
    assert_eq!(Frames.first(&65_536_u32.to_be_bytes()), Found::Part);
    let longest = [&65_536_u32.to_be_bytes()[..], &[7; 65_536]].concat();
    assert_eq!(messages(&Frames, &longest).0, [vec![7; 65_536]]);
}

#[test]
fn a_line_shows_what_it_cannot_hold_and_a_frame_holds_it() {
    let odd = b"a\tb\x1b[31m\r\nc\xff \xe2\x82\xac\\";
    assert_eq!(Lines.frame(odd), "a\tb\\u{1b}[31m\\r\\nc\u{fffd} €\\\r\n".as_bytes());
    assert_eq!(messages(&Frames, &Frames.frame(odd)).0, [odd]);
}

#[test]
fn who_talks_too_much_is_heard_slowly() {
    let mut pace = Pace::default();
    let start = Instant::ZERO + Duration::from_secs(5);
    let mut paused = Duration::ZERO;
    for _ in 0..4096 {
        paused += pace.pause(start + paused, 1024 - 64);
    }
    // 4 MiB, of which the first 128 KiB are free, at 1 MiB a second.
    assert!((3874..=3875).contains(&paused.as_millis()), "{paused:?}");
    assert_eq!(pace.pause(start + Duration::from_secs(60), 64 << 10), Duration::ZERO);
}
