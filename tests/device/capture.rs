//! The wrapper that writes pcapng.

use std::io::{self, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tuntcp::device::{Capture, Device, Impaired, Memory, Offload, memory};
use tuntcp::time::Instant;
use tuntcp::wire::{Body, Flow, IpFields, Packet, Segment, SeqNum, emit_tcp_unsummed};

use crate::contract::{self, HERE, THERE};

/// A file that the test can look into, and that may be full.
#[derive(Clone, Default)]
struct Sink {
    bytes: Arc<Mutex<Vec<u8>>>,
    room: Arc<Mutex<Option<usize>>>,
}

impl Write for Sink {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        let mut bytes = self.bytes.lock().unwrap();
        if self.room.lock().unwrap().is_some_and(|room| bytes.len() + more.len() > room) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const EPOCH: Duration = Duration::from_secs(1_700_000_000);

/// What was left to the device stands in the file as a wire would have carried it.
#[test]
fn a_super_segment_is_written_as_its_packets() {
    let (near, far) = memory::pair_with_offload(1500);
    let sink = Sink::default();
    let near = Capture::new(Box::new(near), Box::new(sink.clone()), EPOCH).unwrap();
    let flow = Flow { local: HERE.into(), remote: THERE.into() };
    let mut frame = Vec::new();
    let segment = Segment { seq: SeqNum::new(5), ..Segment::default() };
    emit_tcp_unsummed(&mut frame, &flow, &IpFields::default(), &segment, 2500, |_| {});
    let offload = Offload::Tcp { segment: NonZeroU16::new(1000).unwrap() };
    near.transmit(Instant::ZERO, &frame, offload).unwrap();
    let mut heard = vec![0; 65_535];
    let received = far.receive(Instant::ZERO, &mut heard).unwrap().unwrap();
    assert_eq!(received.len, frame.len(), "the other end gets it whole");
    drop(near);
    let seen: Vec<_> = frames(&sink)
        .iter()
        .map(|(_, _, frame)| match Packet::parse(frame, false).expect("its checksum right").body {
            Body::Tcp(_, segment) => (segment.seq.raw(), segment.payload.len()),
            _ => panic!("TCP"),
        })
        .collect();
    assert_eq!(seen, [(5, 1000), (1005, 1000), (2005, 500)]);
}

fn captured() -> (Capture, Memory, Sink) {
    let (near, far) = memory::pair(1500);
    let sink = Sink::default();
    (Capture::new(Box::new(near), Box::new(sink.clone()), EPOCH).unwrap(), far, sink)
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[..4].try_into().unwrap())
}

/// The blocks of a file: kind and body. Checks what frames them.
fn blocks(mut file: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let mut blocks = Vec::new();
    while !file.is_empty() {
        let len = word(&file[4..]) as usize;
        assert_eq!(len % 4, 0);
        assert_eq!(word(&file[len - 4..]) as usize, len, "both lengths agree");
        blocks.push((word(file), file[8..len - 4].to_vec()));
        file = &file[len..];
    }
    blocks
}

/// The frames of a file: time from the start of the host, direction, bytes.
fn frames(sink: &Sink) -> Vec<(Duration, u32, Vec<u8>)> {
    let blocks = blocks(&sink.bytes.lock().unwrap());
    let of_a_frame = |(kind, body): &(u32, Vec<u8>)| {
        assert_eq!((*kind, word(body)), (6, 0), "a packet of the one interface");
        let nanos = u64::from(word(&body[4..])) << 32 | u64::from(word(&body[8..]));
        let len = word(&body[12..]) as usize;
        assert_eq!(word(&body[16..]) as usize, len, "nothing is cut off");
        let options = &body[20 + len.next_multiple_of(4)..];
        assert_eq!((&options[..4], &options[8..]), (&[2, 0, 4, 0][..], &[0; 4][..]));
        (Duration::from_nanos(nanos) - EPOCH, word(&options[4..]), body[20..20 + len].to_vec())
    };
    blocks[2..].iter().map(of_a_frame).collect()
}

#[test]
fn keeps_the_contract() {
    let (near, far, _sink) = captured();
    contract::check(&near, &far);
}

#[test]
fn a_wrapper_in_a_wrapper_keeps_the_contract() {
    let (near, far, _sink) = captured();
    let impaired = Impaired::new(Box::new(near), &"".parse().unwrap());
    let near = Capture::new(Box::new(impaired), Box::new(Sink::default()), EPOCH).unwrap();
    contract::check(&near, &far);
}

#[test]
fn the_file_begins_with_a_section_of_raw_ip_in_nanoseconds() {
    let (near, _far, sink) = captured();
    let blocks = blocks(&sink.bytes.lock().unwrap());
    assert_eq!(blocks[0].0, 0x0a0d_0d0a);
    assert_eq!(blocks[0].1, *b"\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff");
    // LINKTYPE_RAW, no limit, if_tsresol 9.
    assert_eq!(blocks[1].0, 1);
    assert_eq!(blocks[1].1, *b"\x65\0\0\0\0\0\0\0\x09\0\x01\0\x09\0\0\0\0\0\0\0");
    assert_eq!(blocks.len(), 2);
    drop(near);
}

#[test]
fn both_directions_are_there_with_time_and_bytes() {
    let (near, far, sink) = captured();
    let sent = Instant::from_nanos(1);
    let came = Instant::from_nanos(5_000_000_007);
    near.transmit(sent, b"quest", Offload::None).unwrap();
    far.transmit(came, b"response", Offload::None).unwrap();
    near.receive(came, &mut [0; 1500]).unwrap().unwrap();
    assert_eq!(near.receive(came, &mut [0; 1500]).unwrap(), None);
    near.transmit(came, &[0; 1501], Offload::None).unwrap_err();
    assert!(frames(&sink).is_empty(), "they are still buffered");

    near.wait(Some(Duration::ZERO)).unwrap();
    let expected = vec![
        (Duration::from_nanos(1), 2, b"quest".to_vec()),
        (Duration::from_nanos(5_000_000_007), 1, b"response".to_vec()),
    ];
    assert_eq!(frames(&sink), expected, "and written before a sleep");

    near.transmit(came, b"end", Offload::None).unwrap();
    drop(near);
    assert_eq!(frames(&sink).len(), 3, "and at the end");
}

#[test]
fn a_full_disk_ends_the_capture_and_nothing_else() {
    let (near, far, sink) = captured();
    let full = sink.bytes.lock().unwrap().len();
    *sink.room.lock().unwrap() = Some(full);
    for round in 0..100 {
        if round == 50 {
            *sink.room.lock().unwrap() = None;
        }
        near.transmit(Instant::ZERO, &[round; 1000], Offload::None).unwrap();
        let received = far.receive(Instant::ZERO, &mut [0; 1500]).unwrap();
        assert_eq!(received.unwrap().len, 1000);
        near.wait(Some(Duration::ZERO)).unwrap();
    }
    drop(near);
    assert_eq!(sink.bytes.lock().unwrap().len(), full, "it does not go on with a gap");
}

#[test]
fn a_sink_that_fails_at_once_is_told() {
    let (near, _far) = memory::pair(1500);
    let sink = Sink { room: Arc::new(Mutex::new(Some(0))), ..Sink::default() };
    let error = Capture::new(Box::new(near), Box::new(sink), EPOCH).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}
