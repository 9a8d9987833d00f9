//! Any text is a segment or an error; a segment is printed and read as the same again, whether it
//! came from a text or from a frame.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tuntcp::wire::{EcnCodepoint, Options, Segment, SeqNum};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(segment) = text.parse::<Segment<'static>>()
    {
        assert_eq!(segment.to_string().parse(), Ok(segment));
    }
    let [a, b, c, d, window, options @ ..] = bytes else { return };
    let segment = Segment {
        seq: SeqNum::new(u32::from_be_bytes([*a, *b, *c, *d])),
        ack: (a & 1 == 1).then_some(SeqNum::new(u32::from_be_bytes([*d, *c, *b, *a]))),
        urgent: u16::from(*window),
        options: Options::parse(options).unwrap_or_default(),
        wire_segments: u16::from(*b),
        ecn: EcnCodepoint::from_bits(*c),
        ..Segment::default()
    };
    assert_eq!(segment.to_string().parse(), Ok(segment));
});
