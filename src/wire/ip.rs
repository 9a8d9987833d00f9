//! IP headers, through etherparse's slices (RFC 791).

use std::net::IpAddr;

/// What the stack reads from and writes into an IP header besides the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpFields {
    /// Time to live, hops.
    pub ttl: u8,
    /// DSCP, 6 bits (RFC 2474).
    pub dscp: u8,
    /// ECN codepoint, 2 bits (RFC 3168).
    pub ecn: u8,
    /// Don't fragment.
    pub dont_fragment: bool,
    /// IPv4 identification; meaningful only for fragments (RFC 6864).
    pub identification: u16,
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
    /// The whole IP header of this fragment with its options, as it arrived.
    pub header: &'a [u8],
}

/// Whether `address` can name one host: not unspecified, multicast, broadcast, class E or loopback.
#[must_use]
pub fn is_host(_address: IpAddr) -> bool {
    todo!()
}
