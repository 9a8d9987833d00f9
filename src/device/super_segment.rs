//! How does one TCP packet become many? What the kernel does to a super-segment, done here, for
//! where no kernel does it: a device that carries packets as they are, one whose kernel refuses, a
//! wire that is impaired packet by packet, a capture.
//!
//! ```text
//!   | IP | TCP | ............... payload ............... |      one frame, up to 64 KiB
//!   | IP | TCP | .... |  | IP | TCP | .... |  | IP | TCP | .. |   sequence numbers, lengths and
//!                                                           checksums of their own
//! ```

#[cfg(test)]
#[path = "tests/super_segment.rs"]
mod tests;

use std::net::IpAddr;
use std::num::NonZeroU16;

use super::Received;
use crate::wire::checksum::Sum;
use crate::wire::{Flags, PROTOCOL_TCP, PROTOCOL_UDP, ip};

/// The control bits that belong to the last segment, and to the first (RFC 3168, 6.1.2: one CWR is
/// enough).
const LAST: u8 = Flags::FIN.union(Flags::PSH).bits();
const FIRST: u8 = Flags::CWR.bits();

/// Where the headers of a TCP packet lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpHeaders {
    /// The first byte of the TCP header, which is the length of the IP header.
    pub tcp: usize,
    /// The first byte of the payload.
    pub payload: usize,
    /// It is IPv6.
    pub is_v6: bool,
}

impl TcpHeaders {
    /// Of an IP packet that carries the beginning of a TCP segment directly behind its header;
    /// `None` of anything else.
    #[must_use]
    pub fn of(frame: &[u8]) -> Option<Self> {
        let (tcp, protocol) = transport(frame)?;
        let words = usize::from(*frame.get(tcp + 12)? >> 4);
        let payload = tcp + 4 * words;
        let fits = protocol == PROTOCOL_TCP && words >= 5 && payload <= frame.len();
        fits.then_some(Self { tcp, payload, is_v6: frame[0] >> 4 == 6 })
    }
}

/// Hands to `each` the packets that a wire would carry in place of `frame`, complete with their
/// checksums: the frame itself where it is no super-segment and nothing is missing from it. `frame`
/// serves as the workspace: of several packets each is built at its end of it.
pub fn cut(frame: &mut [u8], segment: Option<NonZeroU16>, mut each: impl FnMut(&[u8])) {
    let end = frame.len();
    let cuttable = TcpHeaders::of(frame).zip(segment.map(|size| usize::from(size.get())));
    let Some((headers, size)) = cuttable.filter(|(headers, size)| end - headers.payload > *size)
    else {
        complete(frame);
        return each(frame);
    };
    let (first_seq, flags, first_id) =
        (word32(frame, headers.tcp + 4), frame[headers.tcp + 13], word16(frame, 4));
    let mut header = [0; 128];
    let header = &mut header[..headers.payload];
    header.copy_from_slice(&frame[..headers.payload]);
    let starts = (headers.payload..end).step_by(size);
    for (index, start) in starts.enumerate() {
        let stop = end.min(start + size);
        // The header goes where the payload before has been sent from already.
        let begin = start - headers.payload;
        let packet = &mut frame[begin..stop];
        packet[..headers.payload].copy_from_slice(header);
        #[expect(clippy::cast_possible_truncation, reason = "a frame has at most 64 KiB")]
        let (offset, count) = ((start - headers.payload) as u32, index as u16);
        let seq = first_seq.wrapping_add(offset);
        packet[headers.tcp + 4..headers.tcp + 8].copy_from_slice(&seq.to_be_bytes());
        let not_last = if stop < end { LAST } else { 0 };
        let not_first = if index > 0 { FIRST } else { 0 };
        packet[headers.tcp + 13] = flags & !not_last & !not_first;
        if !headers.is_v6 {
            packet[4..6].copy_from_slice(&first_id.wrapping_add(count).to_be_bytes());
        }
        ip::seal(packet);
        complete(packet);
        each(packet);
    }
}

/// The packets of a received frame, as [`cut`] gives them; a frame that nobody vouched for is left
/// as it came, right or wrong.
pub fn cut_received(frame: &mut [u8], received: Received, mut each: impl FnMut(&[u8])) {
    if received.is_plain() {
        each(frame);
    } else {
        cut(frame, received.segment, each);
    }
}

/// Writes the checksum of a TCP segment or UDP datagram, where it is a whole one.
fn complete(packet: &mut [u8]) {
    let Some((at, protocol)) = transport(packet) else { return };
    let place = match protocol {
        PROTOCOL_TCP => at + 16,
        PROTOCOL_UDP => at + 6,
        _ => return,
    };
    if packet.len() < place + 2 {
        return;
    }
    packet[place..place + 2].fill(0);
    let (source, destination) = ends(packet);
    let sum = Sum::pseudo(source, destination, protocol, packet.len() - at).plus(&packet[at..]);
    let checksum = match sum.finish() {
        // RFC 768: zero would say that there is none.
        0 if protocol == PROTOCOL_UDP => u16::MAX,
        checksum => checksum,
    };
    packet[place..place + 2].copy_from_slice(&checksum.to_be_bytes());
}

/// Where the transport's header begins, and which one it is; `None` of a fragment, and of what is
/// no IP packet.
fn transport(frame: &[u8]) -> Option<(usize, u8)> {
    match frame.first()? >> 4 {
        4 => {
            let header = 4 * usize::from(frame[0] & 0x0f);
            let fits = (20..=frame.len()).contains(&header);
            let whole = fits && word16(frame, 6) & 0x3fff == 0;
            whole.then(|| (header, frame[9]))
        }
        6 => (frame.len() >= ip::IPV6_HEADER).then(|| (ip::IPV6_HEADER, frame[6])),
        _ => None,
    }
}

/// Source and destination of an IP packet whose header is there.
fn ends(packet: &[u8]) -> (IpAddr, IpAddr) {
    let v4 = |at: usize| IpAddr::from(<[u8; 4]>::try_from(&packet[at..at + 4]).unwrap_or_default());
    let v6 =
        |at: usize| IpAddr::from(<[u8; 16]>::try_from(&packet[at..at + 16]).unwrap_or_default());
    if packet[0] >> 4 == 6 { (v6(8), v6(24)) } else { (v4(12), v4(16)) }
}

fn word16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn word32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
