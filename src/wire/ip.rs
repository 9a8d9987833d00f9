//! What IP headers of both versions have in common. How each is read and written stands in `ipv4.rs`
//! (RFC 791) and `ipv6.rs` (RFC 8200).

use std::net::{IpAddr, Ipv6Addr};

pub(crate) use super::ipv6::unknown_transport;
use super::{ipv4, ipv6};

/// Bytes of an IPv4 header without options.
pub const IPV4_HEADER: usize = ipv4::HEADER;

/// Bytes of an IPv6 header without extension headers.
pub const IPV6_HEADER: usize = ipv6::HEADER;

/// What every link of IPv6 carries (RFC 8200, 5), bytes.
pub const LEAST_MTU_V6: u16 = 1280;

/// Bytes of the IP header that a packet to `address` gets.
#[must_use]
pub const fn header_len(address: IpAddr) -> usize {
    match address {
        IpAddr::V4(_) => IPV4_HEADER,
        IpAddr::V6(_) => IPV6_HEADER,
    }
}

/// What the stack reads from and writes into an IP header besides the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpFields {
    /// Time to live of IPv4, hop limit of IPv6: hops.
    pub ttl: u8,
    /// DSCP, 6 bits (RFC 2474).
    pub dscp: u8,
    /// ECN codepoint (RFC 3168).
    pub ecn: EcnCodepoint,
    /// Routers may not fragment it: a bit of IPv4, always so for IPv6 (RFC 8200, 5).
    pub dont_fragment: bool,
    /// What fragments of one datagram have in common: 16 bits of IPv4, meaningful only there
    /// (RFC 6864), 32 of IPv6, and 0 where that has no fragment header.
    pub identification: u32,
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

/// A piece of a datagram (RFC 791, 3.2; RFC 8200, 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// The protocol of the whole datagram; of IPv6, what the first piece says of it.
    pub protocol: u8,
    /// Offset of `payload` in the datagram's payload, bytes.
    pub offset: u16,
    /// More fragments follow.
    pub more: bool,
    /// The piece itself.
    pub payload: &'a [u8],
    /// The IP header of this piece with its options or extension headers, as it arrived: what an
    /// error about it quotes.
    pub header: &'a [u8],
}

/// Appends an IP header for `payload_len` bytes behind it, as many as a datagram may have. Whether it
/// did: no header has addresses of both versions.
#[inline]
pub(crate) fn emit(
    out: &mut Vec<u8>,
    [source, destination]: [IpAddr; 2],
    protocol: u8,
    fields: &IpFields,
    payload_len: usize,
) -> bool {
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            ipv4::emit(out, source, destination, protocol, fields, payload_len);
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            ipv6::emit(out, source, destination, protocol, fields, payload_len);
        }
        _ => {
            debug_assert!(false, "{source} and {destination} in one header");
            return false;
        }
    }
    true
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
    let mut packet = Vec::with_capacity(header_len(destination) + payload.len());
    if emit(&mut packet, [source, destination], protocol, fields, payload.len()) {
        packet.extend_from_slice(payload);
    }
    packet
}

/// Cuts an IP packet without options or extension headers into fragments of at most `mtu` bytes and
/// hands each to `each`; a packet that fits stays whole. `identification` tells the pieces of one
/// datagram from those of another; of IPv4 it is 16 bits, and what may not be cut but does not fit
/// comes to nothing. Pieces of IPv6 are cut here or nowhere.
pub(crate) fn fragment_packet(
    packet: &[u8],
    mtu: usize,
    identification: u32,
    each: impl FnMut(&[u8]),
) {
    if is_v6(packet) {
        ipv6::cut(packet, mtu, identification, each);
    } else {
        ipv4::cut(packet, mtu, identification, each);
    }
}

/// Writes the length that `packet` has into its header, and the header's checksum where there is
/// one.
pub(crate) fn seal(packet: &mut [u8]) {
    if is_v6(packet) { ipv6::seal(packet) } else { ipv4::seal(packet) }
}

/// The protocol of a packet that is no fragment, and what it carries behind its IP headers.
pub(crate) fn transport(packet: &[u8]) -> Option<(u8, &[u8])> {
    if is_v6(packet) {
        return match ipv6::parse(packet).ok()?.behind {
            ipv6::Behind::Transport(protocol, payload) => Some((protocol, payload)),
            ipv6::Behind::Fragment(_) | ipv6::Behind::Problem(_) => None,
        };
    }
    let (header, payload) = ipv4::parse(packet).ok()?;
    let is_whole = ipv4::fragment(&header, payload).ok()?.is_none();
    is_whole.then(|| (header.protocol().0, payload))
}

/// Whether a packet's header says that it is IPv6.
#[must_use]
pub(crate) fn is_v6(packet: &[u8]) -> bool {
    packet.first().is_some_and(|first| first >> 4 == 6)
}

/// Where an IPv6 packet wants to go.
pub(crate) fn destination_v6(packet: &[u8]) -> Option<Ipv6Addr> {
    let octets: [u8; 16] = packet.get(24..IPV6_HEADER)?.try_into().ok()?;
    is_v6(packet).then(|| octets.into())
}

/// Whether `address` can name one host: not unspecified, multicast, broadcast, reserved or
/// loopback (RFC 1122, 3.2.1.3; RFC 4291, 2.5.2, 2.5.3, 2.7).
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
