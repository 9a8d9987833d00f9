//! TCP options: RFC 9293 3.1 and 3.2, RFC 7323 2 and 3, RFC 2018 2 and 3.

use proptest::prelude::*;

use super::any_options;
use crate::wire::{Cookie, Malformed, Options, SackBlocks, SeqNum, SeqRange, Timestamps};

const TIMES: Timestamps = Timestamps { value: 0x0102_0304, echo: 0x0506_0708 };

fn blocks(ranges: &[(u32, u32)]) -> SackBlocks {
    let mut blocks = SackBlocks::default();
    for &(start, end) in ranges {
        assert!(blocks.push(SeqRange { start: SeqNum::new(start), end: SeqNum::new(end) }));
    }
    blocks
}

fn emitted(options: &Options) -> Vec<u8> {
    let mut area = vec![0xee; options.wire_len()];
    options.emit(&mut area);
    area
}

/// Proves: MUST-4.
#[test]
fn what_is_read() {
    let none = Options::default();
    let mss = Options { mss: Some(1460), ..none };
    let times = Options { timestamps: Some(TIMES), ..none };
    let sack = Options { sack: blocks(&[(1, 2)]), ..none };
    let rows: [(&str, &[u8], Options); 17] = [
        ("nothing", &[], none),
        ("end of list", &[0], none),
        ("nothing behind the end of list counts", &[0, 2, 4, 5, 0xb4], none),
        ("not even nonsense", &[1, 0, 2, 0], none),
        ("no operation", &[1, 1, 1], none),
        ("mss", &[2, 4, 5, 0xb4], mss),
        ("mss 0 is for the handshake to judge", &[2, 4, 0, 0], Options { mss: Some(0), ..none }),
        ("MUST-64: any alignment", &[1, 2, 4, 5, 0xb4, 1], mss),
        ("the first of two", &[2, 4, 5, 0xb4, 2, 4, 0, 1], mss),
        ("window scale", &[3, 3, 14], Options { window_scale: Some(14), ..none }),
        ("window scale beyond 14", &[3, 3, 255], Options { window_scale: Some(255), ..none }),
        ("sack permitted", &[4, 2], Options { sack_permitted: true, ..none }),
        ("timestamps", &[8, 10, 1, 2, 3, 4, 5, 6, 7, 8], times),
        ("timestamps as everyone sends them", &[1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8], times),
        ("one block", &[5, 10, 0, 0, 0, 1, 0, 0, 0, 2], sack),
        (
            "MUST-6: unknown kinds are skipped",
            &[254, 2, 99, 5, 1, 2, 3, 2, 4, 5, 0xb4, 253, 2],
            mss,
        ),
        (
            "behind aligned timestamps too",
            &[1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 2, 4, 5, 0xb4],
            Options { mss: Some(1460), ..times },
        ),
    ];
    for (name, area, expected) in rows {
        assert_eq!(Options::parse(area), Ok(expected), "{name}");
    }
}

/// RFC 9293 3.1, MUST-7: every kind with every length that it must not have.
/// Proves: MUST-68.
#[test]
fn every_wrong_length_is_refused() {
    for kind in 2..=255u8 {
        for len in 0..=255u8 {
            let mut area = [0; 40];
            area[0] = kind;
            area[1] = len;
            let right = match kind {
                2 => len == 4,
                3 => len == 3,
                4 => len == 2,
                5 => [10, 18, 26, 34].contains(&len),
                8 => len == 10,
                _ => (2..=40).contains(&len),
            };
            let read = Options::parse(&area);
            assert_eq!(read.is_ok(), right, "kind {kind}, length {len}: {read:?}");
            assert!(right || read == Err(Malformed::BadOption));
        }
    }
}

/// Proves: MUST-7.
#[test]
fn an_option_cut_anywhere_is_refused() {
    let all = Options {
        mss: Some(1),
        window_scale: Some(2),
        sack_permitted: true,
        sack: blocks(&[(3, 4), (5, 6)]),
        timestamps: Some(TIMES),
        fast_open: None,
    };
    let area = emitted(&all);
    assert_eq!(area.len(), 40);
    // Where an option has just ended, or NOPs follow one.
    let boundaries = [0, 4, 6, 16, 17, 20, 21, 22, 40];
    for len in 0..=area.len() {
        let read = Options::parse(&area[..len]);
        assert_eq!(read.is_ok(), boundaries.contains(&len), "{len} bytes: {read:?}");
    }
}

/// Proves: MUST-4, MUST-69.
#[test]
fn what_is_written() {
    let none = Options::default();
    let syn = Options {
        mss: Some(1460),
        window_scale: Some(7),
        sack_permitted: true,
        timestamps: Some(Timestamps { value: 1, echo: 0 }),
        ..none
    };
    let rows: [(&str, Options, &[u8]); 6] = [
        ("nothing", none, &[]),
        (
            "a SYN with everything",
            syn,
            &[2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7],
        ),
        (
            "a SYN without timestamps",
            Options { timestamps: None, ..syn },
            &[2, 4, 5, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7],
        ),
        (
            "timestamps",
            Options { timestamps: Some(TIMES), ..none },
            &[1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8],
        ),
        (
            "one block",
            Options { sack: blocks(&[(1, 2)]), ..none },
            &[1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2],
        ),
        ("window scale", Options { window_scale: Some(0), ..none }, &[1, 3, 3, 0]),
    ];
    for (name, options, expected) in rows {
        assert_eq!(emitted(&options), expected, "{name}");
    }
}

/// RFC 2018 3: four blocks fill 36 bytes, beside timestamps there is room for three.
/// Proves: RFC2018-3.
#[test]
fn blocks_that_do_not_fit_are_cut() {
    let four = Options { sack: blocks(&[(1, 2), (3, 4), (5, 6), (7, 8)]), ..Options::default() };
    assert_eq!(four.wire_len(), 36);
    assert_eq!(Options::parse(&emitted(&four)), Ok(four));

    let beside_times = Options { timestamps: Some(TIMES), ..four };
    assert_eq!(beside_times.wire_len(), 40);
    let mut cut = beside_times;
    cut.sack.truncate(3);
    assert_eq!(Options::parse(&emitted(&beside_times)), Ok(cut));
}

proptest! {
    #[test]
    fn written_then_read_is_the_same(options in any_options()) {
        let area = emitted(&options);
        prop_assert!(area.len() <= 40 && area.len().is_multiple_of(4));
        let read = Options::parse(&area).expect("our own options");
        let kept = read.sack.as_slice().len();
        prop_assert!(options.sack.as_slice().len() == kept || area.len() > 32);
        let mut expected = options;
        expected.sack.truncate(kept);
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn random_bytes_never_panic(area in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = Options::parse(&area);
    }
}

/// A length that no cookie has is passed over, as if the option were not there.
/// Proves: RFC7413-4.1.1.
#[test]
fn cookies() {
    let bytes: [u8; 38] = std::array::from_fn(|at| u8::try_from(at).unwrap());
    for len in 0..=38_usize {
        let option = [&[34, u8::try_from(2 + len).unwrap()], &bytes[..len]].concat();
        let read = Options::parse(&option).expect("its length is one that an option may have");
        let valid = [0, 4, 6, 8, 10, 12, 14, 16].contains(&len);
        assert_eq!(read.fast_open.is_some(), valid, "{len}");
        let Some(cookie) = read.fast_open else { continue };
        assert_eq!(cookie.as_slice(), &bytes[..len]);
        assert_eq!(cookie.is_request(), len == 0);
        let written = emitted(&read);
        assert_eq!(written[..2 + len], option);
        assert!(
            written.len().is_multiple_of(4) && written[2 + len..].iter().all(|&byte| byte == 1)
        );
        let shown = read.to_string();
        assert_eq!(shown.parse(), Ok(read), "{shown}");
    }
    assert_eq!(
        emitted(&Options { fast_open: Cookie::new(&[7; 4]), ..Options::default() }).len(),
        8
    );
    let syn = Options {
        mss: Some(1460),
        window_scale: Some(7),
        sack_permitted: true,
        timestamps: Some(TIMES),
        fast_open: Cookie::new(&[7; 16]),
        ..Options::default()
    };
    assert_eq!(emitted(&syn).len(), 40, "a SYN with everything has room for the longest");
    for bad in ["FO 01", "FO 010", "FO 0g020304", "FO 01 02", "FO 0102030405"] {
        assert!(bad.parse::<Options>().is_err(), "{bad}");
    }
}
