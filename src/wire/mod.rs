//! Bytes to values and back. Pure: may fail, must not panic.

pub mod checksum;
pub mod icmp;
pub mod ip;
mod notation;
pub mod options;
pub mod seq;
pub mod tcp;
pub mod udp;

use std::net::IpAddr;

pub use ip::{Fragment, IpFields};
pub use options::{Options, SackBlocks, Timestamps};
pub use seq::{SeqNum, SeqRange};
pub use tcp::{Flags, Flow, RawWindow, Segment};

/// Why a frame could not be read. Each is counted under its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Malformed {
    /// Shorter than its headers, or than its own total length.
    Truncated,
    /// Neither IPv4 nor (where it is spoken) IPv6.
    BadVersion,
    /// The IP header's length or total length makes no sense.
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
    /// The UDP checksum is wrong.
    BadUdpChecksum,
    /// The ICMP checksum is wrong.
    BadIcmpChecksum,
    /// A fragment whose offset and length run past 65,535, or a middle one that is no multiple of 8.
    BadFragment,
}

impl Malformed {
    /// Every variant, in the order of the counters.
    pub const ALL: [Self; 11] = [
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
    /// An ICMP message.
    Icmp(icmp::Message<'a>),
    /// A piece of a datagram, to be reassembled.
    Fragment(Fragment<'a>),
    /// Another protocol, by number.
    Other(u8),
}

impl<'a> Packet<'a> {
    /// Reads one frame. Every checksum is verified, unless the device `vouched` for the
    /// transport's (RFC 9293 3.1, MUST-3). Bytes beyond the IP total length are ignored.
    pub fn parse(_frame: &'a [u8], _vouched: bool) -> Result<Self, Malformed> {
        todo!()
    }
}

/// Appends one TCP packet to `out`: IP header, TCP header, options and `payload_len` bytes that
/// `fill` writes. `segment.payload` is not looked at: payload comes through `fill`, so that it is
/// copied once, from the send queue into the frame.
pub fn emit_tcp(
    _out: &mut Vec<u8>,
    _flow: &Flow,
    _ip: &IpFields,
    _segment: &Segment<'_>,
    _payload_len: usize,
    _fill: impl FnOnce(&mut [u8]),
) {
    todo!()
}
