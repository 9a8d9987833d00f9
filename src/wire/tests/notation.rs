//! Packetdrill's notation, both ways.

use proptest::prelude::*;

use super::{any_segment, flow};
use crate::wire::{
    EcnCodepoint, Flags, Options, RawWindow, SackBlocks, Segment, SeqNum, SeqRange, Timestamps,
};

static ZEROS: [u8; 65_535] = [0; 65_535];

fn rows() -> Vec<(&'static str, Segment<'static>)> {
    let mut sack = SackBlocks::default();
    sack.push(SeqRange { start: SeqNum::new(5), end: SeqNum::new(9) });
    sack.push(SeqRange { start: SeqNum::new(12), end: SeqNum::new(20) });
    let syn = Options {
        mss: Some(1460),
        window_scale: Some(7),
        sack_permitted: true,
        timestamps: Some(Timestamps { value: 1, echo: 0 }),
        ..Options::default()
    };
    let none = Segment::default();
    let acked = Segment { seq: SeqNum::new(1), ack: Some(SeqNum::new(1)), ..none.clone() };
    vec![
        ("- 0:0(0) win 0", none.clone()),
        (
            "S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>",
            Segment { flags: Flags::SYN, window: RawWindow(65_535), options: syn, ..none.clone() },
        ),
        (
            "S. 0:0(0) ack 1 win 9 <mss 1460,nop,nop,sackOK,nop,wscale 7>",
            Segment {
                flags: Flags::SYN,
                ack: Some(SeqNum::new(1)),
                window: RawWindow(9),
                options: Options { timestamps: None, ..syn },
                ..none.clone()
            },
        ),
        (". 1:1(0) ack 1 win 512", Segment { window: RawWindow(512), ..acked.clone() }),
        (
            "P.U 1:101(100) ack 1 win 512 urg 5 <nop,nop,TS val 3 ecr 4>",
            Segment {
                flags: Flags::PSH | Flags::URG,
                window: RawWindow(512),
                urgent: 5,
                options: Options {
                    timestamps: Some(Timestamps { value: 3, echo: 4 }),
                    ..Options::default()
                },
                payload: &ZEROS[..100],
                ..acked.clone()
            },
        ),
        (
            ". 1:1(0) ack 1 win 0 <nop,nop,sack 5:9 12:20>",
            Segment { options: Options { sack, ..Options::default() }, ..acked.clone() },
        ),
        (
            "FSRP.UEW 4294967295:1(2) ack 4294967295 win 0",
            Segment {
                seq: SeqNum::new(u32::MAX),
                ack: Some(SeqNum::new(u32::MAX)),
                flags: Flags::all(),
                payload: &ZEROS[..2],
                ..none.clone()
            },
        ),
        (
            ". 1:65536(65535) ack 1 win 0 segs 45",
            Segment { payload: &ZEROS, wire_segments: 45, ..acked.clone() },
        ),
        ("- 0:0(0) win 0 segs 0", Segment { wire_segments: 0, ..none.clone() }),
        ("[ect0] . 1:1(0) ack 1 win 0", Segment { ecn: EcnCodepoint::Ect0, ..acked.clone() }),
        ("[ect1] . 1:1(0) ack 1 win 0", Segment { ecn: EcnCodepoint::Ect1, ..acked.clone() }),
        ("[ce] . 1:1(0) ack 1 win 0", Segment { ecn: EcnCodepoint::Ce, ..acked }),
        ("R 7:7(0) win 0", Segment { seq: SeqNum::new(7), flags: Flags::RST, ..none }),
    ]
}

#[test]
fn printed_and_read() {
    for (text, segment) in rows() {
        assert_eq!(segment.to_string(), text);
        assert_eq!(text.parse(), Ok(segment), "{text}");
    }
}

#[test]
fn read_as_people_write_it() {
    let rows = [
        ("  .   1:1(0)\tack 1  win 5  ", ". 1:1(0) ack 1 win 5"),
        (". 1:1(0) ack 1", ". 1:1(0) ack 1 win 0"),
        (".P 1:1(0) ack 1", "P. 1:1(0) ack 1 win 0"),
        (" [noecn] . 1:1(0) ack 1", ". 1:1(0) ack 1 win 0"),
        ("[ce]. 1:1(0) ack 1", "[ce] . 1:1(0) ack 1 win 0"),
        ("S 0:0(0) win 5 <>", "S 0:0(0) win 5"),
        ("S 0:0(0) win 5 < mss  9 , eol >", "S 0:0(0) win 5 <mss 9>"),
        ("S 0:0(0) <wscale 7,mss 9,nop,eol>", "S 0:0(0) win 0 <mss 9,nop,wscale 7>"),
        ("S 0:0(0) win 5<mss 9>segs 2", "S 0:0(0) win 5 <mss 9> segs 2"),
    ];
    for (written, printed) in rows {
        let segment: Segment = written.parse().unwrap_or_else(|error| panic!("{written}: {error}"));
        assert_eq!(segment.to_string(), printed);
    }
}

#[test]
fn what_is_wrong_is_named() {
    let rows = [
        ("", "flags"),
        ("X 0:0(0)", "'X'"),
        ("S", "start:end(length)"),
        ("[ect2] S 0:0(0)", "[ect1]"),
        ("[ce S 0:0(0)", "[ect1]"),
        ("S [ce] 0:0(0)", "'[ce]'"),
        ("S 0:0", "'0:0'"),
        ("S 0(0)", "'0(0)'"),
        ("S 0:0(0", "'0:0(0'"),
        ("S 0:5(4)", "'0:5(4)'"),
        ("S 0:65536(65536)", "'65536'"),
        ("S 4294967296:0(0)", "'4294967296'"),
        ("S -1:0(1)", "'-1'"),
        ("S 0:0(0) win", "a number"),
        ("S 0:0(0) win 65536", "'65536'"),
        ("S 0:0(0) wim 5", "'wim'"),
        ("S 0:0(0) ack 5", "ack number exactly with the dot"),
        (". 0:0(0) win 5", "ack number exactly with the dot"),
        ("S 0:0(0) urg 70000", "'70000'"),
        ("S 0:0(0) <mss 9", "closing '>'"),
        ("S 0:0(0) <mss>", "'mss'"),
        ("S 0:0(0) <mss 9 9>", "'mss 9 9'"),
        ("S 0:0(0) <wscale 256>", "'256'"),
        ("S 0:0(0) <TS val 1>", "'TS val 1'"),
        ("S 0:0(0) <sack>", "'sack'"),
        ("S 0:0(0) <sack 5>", "'5'"),
        ("S 0:0(0) <sack 1:2 1:2 1:2 1:2 1:2>", "four SACK blocks"),
        ("S 0:0(0) <mss 9> <mss 9>", "'<mss'"),
    ];
    for (text, named) in rows {
        let error = text.parse::<Segment>().expect_err(text).to_string();
        assert!(error.contains(named), "{text}: {error}");
    }
}

#[test]
fn a_flow_is_printed_from_here_to_there() {
    assert_eq!(flow().to_string(), "192.0.2.1:40000 > 192.0.2.2:7");
}

proptest! {
    #[test]
    fn printed_then_read_is_the_same(
        segment in any_segment(), len in 0usize..=65_535, wire_segments: u16,
    ) {
        let segment = Segment { payload: &ZEROS[..len], wire_segments, ..segment };
        prop_assert_eq!(segment.to_string().parse(), Ok(segment));
    }

    #[test]
    fn random_text_never_panics(text in "[FSRP.UEW0-9:() <>\\[\\],a-zA-Zé]{0,40}") {
        let _ = text.parse::<Segment>();
    }
}
