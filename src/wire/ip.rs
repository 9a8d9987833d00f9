//! IP headers, through etherparse's slices (RFC 791).

use std::net::{IpAddr, Ipv4Addr};

use etherparse::Ipv4HeaderSlice;

use super::Malformed;
use super::checksum::Sum;

/// Bytes of an IPv4 header without options.
pub const IPV4_HEADER: usize = 20;

/// What the stack reads from and writes into an IP header besides the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpFields {
    /// Time to live, hops.
    pub ttl: u8,
    /// DSCP, 6 bits (RFC 2474).
    pub dscp: u8,
    /// ECN codepoint (RFC 3168).
    pub ecn: EcnCodepoint,
    /// Don't fragment.
    pub dont_fragment: bool,
    /// IPv4 identification; meaningful only for fragments (RFC 6864).
    pub identification: u16,
}

impl Default for IpFields {
    /// What we send where nobody asks for anything else: 64 hops, never to be fragmented.
    fn default() -> Self {
        Self { ttl: 64, dscp: 0, ecn: EcnCodepoint::NotEct, dont_fragment: true, identification: 0 }
    }
}

/// The two bits of an IP header that tell of congestion (RFC 3168, 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum EcnCodepoint {
    /// The transport does not understand marks: a router that is congested drops the packet.
    #[default]
    NotEct = 0b00,
    /// It does: ECT(1), which experiments have given another meaning (RFC 8311).
    Ect1 = 0b01,
    /// It does: ECT(0).
    Ect0 = 0b10,
    /// A router has marked the packet instead of dropping it.
    Ce = 0b11,
}

impl EcnCodepoint {
    /// From the lowest two bits of `bits`.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 0b11 {
            0b00 => Self::NotEct,
            0b01 => Self::Ect1,
            0b10 => Self::Ect0,
            _ => Self::Ce,
        }
    }

    /// As it stands in the header, 0 to 3.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self as u8
    }
}

/// A piece of a datagram (RFC 791, 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// The protocol of the whole datagram.
    pub protocol: u8,
    /// Offset of `payload` in the datagram's payload, bytes.
    pub offset: u16,
    /// More fragments follow.
    pub more: bool,
    /// The piece itself.
    pub payload: &'a [u8],
    /// The IP header of this piece with its options, as it arrived: what an error about it quotes.
    pub header: &'a [u8],
}

/// Reads an IPv4 header and finds its payload. What lies behind the total length is ignored
/// (RFC 791 3.1), options are skipped (RFC 9293 3.9.2, MUST-50).
pub(super) fn parse_v4(frame: &[u8]) -> Result<(Ipv4HeaderSlice<'_>, &[u8]), Malformed> {
    let header = header_v4(frame)?;
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
pub(super) fn header_v4(frame: &[u8]) -> Result<Ipv4HeaderSlice<'_>, Malformed> {
    let first = frame.first().ok_or(Malformed::Truncated)?;
    if first >> 4 != 4 {
        return Err(Malformed::BadVersion);
    }
    if frame.len() < IPV4_HEADER {
        return Err(Malformed::Truncated);
    }
    let header_len = usize::from(frame[0] & 0x0f) * 4;
    if header_len < IPV4_HEADER {
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
    let beyond = usize::from(offset) + payload.len() > usize::from(u16::MAX) - IPV4_HEADER;
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
pub(crate) fn emit_v4(
    out: &mut Vec<u8>,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: u8,
    fields: &IpFields,
    payload_len: usize,
) {
    debug_assert!(payload_len <= usize::from(u16::MAX) - IPV4_HEADER, "no datagram is that long");
    let total = u16::try_from(IPV4_HEADER + payload_len).unwrap_or(u16::MAX).to_be_bytes();
    let identification = fields.identification.to_be_bytes();
    let mut header = [0; IPV4_HEADER];
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

/// A whole IP packet of these parts, not a fragment.
#[must_use]
pub fn emit_packet(
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    fields: &IpFields,
    payload: &[u8],
) -> Vec<u8> {
    let mut packet = Vec::with_capacity(IPV4_HEADER + payload.len());
    if let (IpAddr::V4(source), IpAddr::V4(destination)) = (source, destination) {
        emit_v4(&mut packet, source, destination, protocol, fields, payload.len());
        packet.extend_from_slice(payload);
    }
    packet
}

/// Cuts an IPv4 packet without options into fragments of at most `mtu` bytes and hands each to
/// `each`; a packet that fits stays whole (RFC 791, 3.2). `identification` tells the pieces of one
/// datagram from those of another, and so does it when the whole is cut on its way (RFC 6864, 4.3).
/// What may not be cut needs no number (4.1), and where it does not fit it comes to nothing.
pub(crate) fn fragment_packet(
    packet: &[u8],
    mtu: usize,
    identification: u16,
    mut each: impl FnMut(&[u8]),
) {
    let fits = packet.len() <= mtu;
    if packet[6] & DONT_FRAGMENT != 0 {
        if fits {
            each(packet);
        }
        return;
    }
    let (header, payload) = packet.split_at(IPV4_HEADER);
    let room = if fits { payload.len() } else { mtu.saturating_sub(IPV4_HEADER) / 8 * 8 };
    if room == 0 && !fits {
        return;
    }
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
        piece[4..6].copy_from_slice(&identification.to_be_bytes());
        piece[6..8].copy_from_slice(&(more | offset).to_be_bytes());
        seal_v4(&mut piece);
        each(&piece);
    }
}

/// Writes the total length that `packet` has, at most 65,535, and the checksum of its header.
pub(crate) fn seal_v4(packet: &mut [u8]) {
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

/// Whether `address` can name one host: not unspecified, multicast, broadcast, reserved or
/// loopback (RFC 1122, 3.2.1.3).
#[must_use]
pub fn is_host(address: IpAddr) -> bool {
    let address = address.to_canonical();
    let named = !address.is_unspecified() && !address.is_multicast() && !address.is_loopback();
    let assignable = match address {
        // 0/8 is "this network", 240/4 was never given out and holds the limited broadcast.
        IpAddr::V4(v4) => v4.octets()[0] != 0 && v4.octets()[0] < 240,
        IpAddr::V6(_) => true,
    };
    named && assignable
}
