//! IPv4 headers, through etherparse's slices (RFC 791).

use std::net::Ipv4Addr;

use etherparse::Ipv4HeaderSlice;

use super::Malformed;
use super::checksum::Sum;
use super::ip::{Fragment, IpFields};

/// Bytes of an IPv4 header without options.
pub(super) const HEADER: usize = 20;

/// Reads an IPv4 header and finds its payload. What lies behind the total length is ignored
/// (RFC 791 3.1), options are skipped (RFC 9293 3.9.2, MUST-50).
pub(super) fn parse(frame: &[u8]) -> Result<(Ipv4HeaderSlice<'_>, &[u8]), Malformed> {
    let header = header(frame)?;
    // RFC 1122 3.2.1.2: a header that is not what its sender wrote is dropped.
    if Sum::new().plus(header.slice()).finish() != 0 {
        return Err(Malformed::BadIpChecksum);
    }
    let header_len = header.slice().len();
    let total = usize::from(header.total_len());
    if total < header_len {
        return Err(Malformed::BadIpHeader);
    }
    let payload = frame.get(header_len..total).ok_or(Malformed::Truncated)?;
    Ok((header, payload))
}

/// The header alone, by its version and its own length: its checksum and total length are not
/// looked at.
pub(super) fn header(frame: &[u8]) -> Result<Ipv4HeaderSlice<'_>, Malformed> {
    let first = frame.first().ok_or(Malformed::Truncated)?;
    if first >> 4 != 4 {
        return Err(Malformed::BadVersion);
    }
    if frame.len() < HEADER {
        return Err(Malformed::Truncated);
    }
    let header_len = usize::from(frame[0] & 0x0f) * 4;
    if header_len < HEADER {
        return Err(Malformed::BadIpHeader);
    }
    if frame.len() < header_len {
        return Err(Malformed::Truncated);
    }
    Ipv4HeaderSlice::from_slice(frame).map_err(|_| Malformed::BadIpHeader)
}

/// The fragment that an IPv4 packet is, if it is one (RFC 791, 3.2). A piece of no bytes is refused
/// too: it says nothing.
pub(super) fn fragment<'a>(
    header: &Ipv4HeaderSlice<'a>,
    payload: &'a [u8],
) -> Result<Option<Fragment<'a>>, Malformed> {
    let offset = header.fragments_offset().byte_offset();
    let more = header.more_fragments();
    if offset == 0 && !more {
        return Ok(None);
    }
    let beyond = usize::from(offset) + payload.len() > usize::from(u16::MAX) - HEADER;
    let ragged = more && !payload.len().is_multiple_of(8);
    if beyond || ragged || payload.is_empty() {
        return Err(Malformed::BadFragment);
    }
    Ok(Some(Fragment {
        protocol: header.protocol().0,
        offset,
        more,
        payload,
        header: header.slice(),
    }))
}

/// Appends an IPv4 header for `payload_len` bytes behind it, which together are at most 65,535.
pub(super) fn emit(
    out: &mut Vec<u8>,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: u8,
    fields: &IpFields,
    payload_len: usize,
) {
    debug_assert!(payload_len <= usize::from(u16::MAX) - HEADER, "no datagram is that long");
    let total = u16::try_from(HEADER + payload_len).unwrap_or(u16::MAX).to_be_bytes();
    let [_, _, identification @ ..] = fields.identification.to_be_bytes();
    let mut header = [0; HEADER];
    header[0] = 0x45;
    header[1] = fields.dscp << 2 | fields.ecn.bits();
    header[2..4].copy_from_slice(&total);
    header[4..6].copy_from_slice(&identification);
    header[6] = if fields.dont_fragment { DONT_FRAGMENT } else { 0 };
    // RFC 1122 3.2.1.7: never zero.
    header[8] = fields.ttl.max(1);
    header[9] = protocol;
    header[12..16].copy_from_slice(&source.octets());
    header[16..20].copy_from_slice(&destination.octets());
    let checksum = Sum::new().plus(&header).finish().to_be_bytes();
    header[10..12].copy_from_slice(&checksum);
    out.extend_from_slice(&header);
}

/// Cuts an IPv4 packet without options into fragments of at most `mtu` bytes and hands each to
/// `each`; a packet that fits stays whole (RFC 791, 3.2). `identification` tells the pieces of one
/// datagram from those of another, and so does it when the whole is cut on its way (RFC 6864, 4.3).
/// What may not be cut needs no number (4.1), and where it does not fit it comes to nothing.
pub(super) fn cut(packet: &[u8], mtu: usize, identification: u32, mut each: impl FnMut(&[u8])) {
    let fits = packet.len() <= mtu;
    if packet[6] & DONT_FRAGMENT != 0 {
        if fits {
            each(packet);
        }
        return;
    }
    let (header, payload) = packet.split_at(HEADER);
    let room = if fits { payload.len() } else { mtu.saturating_sub(HEADER) / 8 * 8 };
    if room == 0 && !fits {
        return;
    }
    let [_, _, identification @ ..] = identification.to_be_bytes();
    let mut piece = Vec::with_capacity(packet.len().min(mtu));
    let last = if fits { 0 } else { (payload.len() - 1) / room };
    for index in 0..=last {
        let start = index * room;
        piece.clear();
        piece.extend_from_slice(header);
        piece.extend_from_slice(&payload[start..payload.len().min(start + room)]);
        let more = if index < last { MORE_FRAGMENTS } else { 0 };
        // A datagram has at most 65,535 bytes, so it fits.
        let offset = u16::try_from(start / 8).unwrap_or(u16::MAX);
        piece[4..6].copy_from_slice(&identification);
        piece[6..8].copy_from_slice(&(more | offset).to_be_bytes());
        seal(&mut piece);
        each(&piece);
    }
}

/// Writes the total length that `packet` has, at most 65,535, and the checksum of its header.
pub(super) fn seal(packet: &mut [u8]) {
    let total = u16::try_from(packet.len()).unwrap_or(u16::MAX);
    packet[2..4].copy_from_slice(&total.to_be_bytes());
    packet[10..12].fill(0);
    let header = 4 * usize::from(packet[0] & 0x0f);
    let checksum = Sum::new().plus(&packet[..header]).finish();
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
}

/// The bit of the fragment field that says so.
const MORE_FRAGMENTS: u16 = 0x2000;

/// The bit of the fragment field's first byte that says so.
const DONT_FRAGMENT: u8 = 0x40;
