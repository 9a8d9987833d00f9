//! Bytes to values and back. Pure: may fail, must not panic.

pub mod checksum;
pub mod icmp;
mod icmpv6;
pub mod ip;
mod ipv4;
mod ipv6;
mod notation;
pub mod options;
pub mod seq;
pub mod tcp;
pub mod udp;

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::ops::Range;

use checksum::Sum;
pub use ip::{EcnCodepoint, Fragment, IpFields};
use ipv6::Behind;
pub use ipv6::Problem;
pub use notation::BadNotation;
pub use options::{Cookie, Options, SackBlocks, Timestamps};
pub use seq::{SeqNum, SeqRange};
pub use tcp::{Flags, Flow, RawWindow, Segment};

/// Why a frame could not be read. Each is counted under its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Malformed {
    /// Shorter than its headers, or than its own total length.
    Truncated,
    /// Neither IPv4 nor IPv6.
    BadVersion,
    /// The IP header's length or total length makes no sense, or an address that no packet has.
    BadIpHeader,
    /// The IP header's checksum is wrong.
    BadIpChecksum,
    /// The TCP data offset is below 5 or beyond the segment.
    BadDataOffset,
    /// A TCP option whose length is 0, 1, wrong for its kind, or past the header.
    BadOption,
    /// The TCP checksum is wrong.
    BadTcpChecksum,
    /// The UDP length is below 8 or beyond the datagram.
    BadUdpLength,
    /// The UDP checksum is wrong, or missing from IPv6.
    BadUdpChecksum,
    /// The ICMP checksum is wrong.
    BadIcmpChecksum,
    /// A fragment whose offset and length run past 65,535, or a middle one that is no multiple of 8.
    BadFragment,
    /// IPv6 extension headers that are cut off, too many or too long (8, 512 bytes), or an option in
    /// them that wants the packet dropped.
    BadExtension,
}

impl Malformed {
    /// Every variant, in the order of the counters.
    pub const ALL: [Self; 12] = [
        Self::Truncated,
        Self::BadVersion,
        Self::BadIpHeader,
        Self::BadIpChecksum,
        Self::BadDataOffset,
        Self::BadOption,
        Self::BadTcpChecksum,
        Self::BadUdpLength,
        Self::BadUdpChecksum,
        Self::BadIcmpChecksum,
        Self::BadFragment,
        Self::BadExtension,
    ];
}

/// One IP packet, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Where it came from.
    pub source: IpAddr,
    /// Where it wants to go.
    pub destination: IpAddr,
    /// The rest of the IP header that anyone asks for.
    pub ip: IpFields,
    /// What it carries.
    pub body: Body<'a>,
}

/// What an IP packet carries. The `Flow`'s local end is the packet's destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// A TCP segment.
    Tcp(Flow, Segment<'a>),
    /// A UDP datagram and its payload.
    Udp(Flow, &'a [u8]),
    /// An ICMP message, of the packet's IP version.
    Icmp(icmp::Message<'a>),
    /// A piece of a datagram, to be reassembled.
    Fragment(Fragment<'a>),
    /// Something in the headers of IPv6 that we do not do, and that its sender is told.
    Problem(Problem),
    /// Another protocol, by number.
    Other(u8),
}

pub(crate) const PROTOCOL_ICMP: u8 = 1;
pub(crate) const PROTOCOL_TCP: u8 = 6;
pub(crate) const PROTOCOL_UDP: u8 = 17;
pub(crate) const PROTOCOL_ICMPV6: u8 = 58;
/// What stands in an IPv6 header behind which there is nothing (RFC 8200, 4.7).
pub(crate) const NO_NEXT_HEADER: u8 = 59;

impl<'a> Packet<'a> {
    /// Reads one frame. Every checksum is verified, unless the device `vouched` for the
    /// transport's (RFC 9293 3.1, MUST-3). Bytes beyond the length that the IP header tells are
    /// ignored.
    pub fn parse(frame: &'a [u8], vouched: bool) -> Result<Self, Malformed> {
        if ip::is_v6(frame) {
            return Self::parse_v6(frame, vouched);
        }
        let (header, payload) = ipv4::parse(frame)?;
        let source = IpAddr::V4(header.source_addr());
        let destination = IpAddr::V4(header.destination_addr());
        let ip = IpFields {
            ttl: header.ttl(),
            dscp: header.dcp().value(),
            ecn: EcnCodepoint::from_bits(header.ecn().value()),
            dont_fragment: header.dont_fragment(),
            identification: header.identification().into(),
        };
        let body = if let Some(fragment) = ipv4::fragment(&header, payload)? {
            Body::Fragment(fragment)
        } else if header.protocol().0 == PROTOCOL_ICMP {
            Body::Icmp(icmp::parse(payload)?)
        } else {
            let ends = [source, destination];
            return Self::with_transport(header.protocol().0, ends, ip, payload, vouched);
        };
        Ok(Self { source, destination, ip, body })
    }

    fn parse_v6(frame: &'a [u8], vouched: bool) -> Result<Self, Malformed> {
        let header = ipv6::parse(frame)?;
        let [source, destination] = [header.source, header.destination].map(IpAddr::V6);
        let body = match header.behind {
            Behind::Fragment(fragment) => Body::Fragment(fragment),
            Behind::Problem(problem) => Body::Problem(problem),
            Behind::Transport(PROTOCOL_ICMPV6, payload) => {
                Body::Icmp(icmpv6::parse(source, destination, payload)?)
            }
            Behind::Transport(protocol, payload) => {
                let ends = [source, destination];
                return Self::with_transport(protocol, ends, header.fields, payload, vouched);
            }
        };
        Ok(Self { source, destination, ip: header.fields, body })
    }

    /// With a transport that both versions of IP carry. The packet is large: it is made here where the
    /// caller wants it, and moved nowhere.
    fn with_transport(
        protocol: u8,
        [source, destination]: [IpAddr; 2],
        ip: IpFields,
        payload: &'a [u8],
        vouched: bool,
    ) -> Result<Self, Malformed> {
        let made = |body| Self { source, destination, ip, body };
        match protocol {
            PROTOCOL_TCP => {
                let ends = [source, destination];
                let (flow, segment) = tcp::parse(ends, payload, ip.ecn, vouched)?;
                Ok(made(Body::Tcp(flow, segment)))
            }
            PROTOCOL_UDP => {
                let (flow, payload) = udp::parse(source, destination, payload, vouched)?;
                Ok(made(Body::Udp(flow, payload)))
            }
            other => Ok(made(Body::Other(other))),
        }
    }
}

/// Appends one TCP packet to `out`: IP header, TCP header, options and `payload_len` bytes that
/// `fill` appends, or zeros where it does not. `segment.payload` is not looked at: payload comes
/// through `fill`, so that it is written once, from the send queue into the frame; nor is
/// `segment.ecn`, which is the IP header's and so `ip`'s. The checksum is computed over all of it
/// (RFC 9293 3.1, MUST-2).
pub fn emit_tcp(
    out: &mut Vec<u8>,
    flow: &Flow,
    ip: &IpFields,
    segment: &Segment<'_>,
    payload_len: usize,
    fill: impl FnOnce(&mut Vec<u8>),
) {
    let Some((start, sum)) = emit_head(out, flow, ip, segment, payload_len) else { return };
    let header_end = append(out, payload_len, fill);
    let (header, payload) = out[start..].split_at_mut(header_end - start);
    let checksum = sum.plus(header).plus(payload).finish();
    header[CHECKSUM].copy_from_slice(&checksum.to_be_bytes());
}

/// The same for a device that writes the checksum: the field holds the sum of the pseudo-header,
/// not inverted, as devices want it.
pub fn emit_tcp_unsummed(
    out: &mut Vec<u8>,
    flow: &Flow,
    ip: &IpFields,
    segment: &Segment<'_>,
    payload_len: usize,
    fill: impl FnOnce(&mut Vec<u8>),
) {
    emit_tcp_head(out, flow, ip, segment, payload_len);
    append(out, payload_len, fill);
}

/// Appends as many bytes of payload, what `fill` does not bring as zeros; where they begin.
fn append(out: &mut Vec<u8>, payload_len: usize, fill: impl FnOnce(&mut Vec<u8>)) -> usize {
    let start = out.len();
    out.reserve(payload_len);
    fill(out);
    out.resize(start + payload_len, 0);
    start
}

/// The same without the payload, which goes to the device from where it lies.
pub fn emit_tcp_head(
    out: &mut Vec<u8>,
    flow: &Flow,
    ip: &IpFields,
    segment: &Segment<'_>,
    payload_len: usize,
) {
    if let Some((start, sum)) = emit_head(out, flow, ip, segment, payload_len) {
        out[start..][CHECKSUM].copy_from_slice(&(!sum.finish()).to_be_bytes());
    }
}

/// Where the checksum stands in a TCP header.
const CHECKSUM: Range<usize> = 16..18;

/// Appends both headers without the checksum; where the TCP header begins, and the sum of the
/// pseudo-header.
fn emit_head(
    out: &mut Vec<u8>,
    flow: &Flow,
    ip: &IpFields,
    segment: &Segment<'_>,
    payload_len: usize,
) -> Option<(usize, Sum)> {
    let header_len = tcp::HEADER + segment.options.wire_len();
    let len = header_len + payload_len;
    if !ip::emit(out, [flow.local.ip(), flow.remote.ip()], PROTOCOL_TCP, ip, len) {
        return None;
    }
    let start = out.len();
    out.resize(start + header_len, 0);
    tcp::emit_header(&mut out[start..], flow, segment);
    Some((start, Sum::pseudo(flow.local.ip(), flow.remote.ip(), PROTOCOL_TCP, len)))
}
