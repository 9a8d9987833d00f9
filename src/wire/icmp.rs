//! ICMP messages: what those of IPv4 (RFC 792) and IPv6 (RFC 4443, `icmpv6.rs`) have in common, and
//! how those of IPv4 are read.

use std::net::{IpAddr, SocketAddr};

use super::checksum::Sum;
use super::ip::{self, IpFields};
use super::ipv6::Problem;
use super::seq::SeqNum;
use super::tcp::Flow;
use super::{Malformed, PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP};
use super::{icmpv6, ipv4};

/// One ICMP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Type 8 (of IPv6 128): to be answered.
    EchoRequest(Echo<'a>),
    /// Type 0 (129).
    EchoReply(Echo<'a>),
    /// An error about a packet that we sent (types 3, 11, 12; of IPv6 1 to 4).
    Error(ErrorKind, Quote),
    /// Another type: ignored (RFC 1122, 3.2.2). Source quench is among them (RFC 6633), and what
    /// neighbours on an Ethernet tell each other.
    Other(u8),
}

/// An echo request or reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo<'a> {
    /// Who asks.
    pub identifier: u16,
    /// Which question.
    pub sequence: u16,
    /// What comes back unchanged.
    pub payload: &'a [u8],
}

/// What an ICMP error says. Its codes are those of the IP version that its quote tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Type 3, its code (but 4); of IPv6 type 1.
    Unreachable(u8),
    /// Type 3 code 4 (of IPv6 type 2), and the next hop's MTU (0 when not told).
    FragmentationNeeded(u16),
    /// Type 11 (of IPv6 3), its code.
    TimeExceeded(u8),
    /// Type 12 (of IPv6 4, with code 0, 2 or 3), its pointer.
    ParameterProblem(u8),
    /// IPv6 type 4 code 1: the transport is unknown.
    UnknownHeader,
}

/// The packet that an ICMP error quotes: one that we are said to have sent, so `flow.local` is
/// its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Protocol number of the quoted packet.
    pub protocol: u8,
    /// Addresses; for TCP and UDP the ports too, otherwise 0.
    pub flow: Flow,
    /// For TCP the sequence number, otherwise 0.
    pub seq: SeqNum,
    /// Total length of the quoted packet, bytes, as the one who reports it has it.
    pub total_len: u16,
}

/// Types (RFC 792).
const ECHO_REPLY: u8 = 0;
const UNREACHABLE: u8 = 3;
const ECHO_REQUEST: u8 = 8;
const TIME_EXCEEDED: u8 = 11;
const PARAMETER_PROBLEM: u8 = 12;

/// Code of UNREACHABLE: fragmentation needed (RFC 1191).
const FRAGMENTATION_NEEDED: u8 = 4;

/// Bytes of an ICMP header.
pub(super) const HEADER: usize = 8;
/// Bytes of the offending packet's payload that an error quotes (RFC 792).
const QUOTED: usize = 8;

/// Reads a message; the checksum covers all of it (RFC 792). Every type has these eight bytes;
/// etherparse's slice wants more of some types that are ignored here.
pub(super) fn parse(data: &[u8]) -> Result<Message<'_>, Malformed> {
    let &[kind, code, _, _, a, b, c, d, ref body @ ..] = data else {
        return Err(Malformed::Truncated);
    };
    if Sum::new().plus(data).finish() != 0 {
        return Err(Malformed::BadIcmpChecksum);
    }
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let echo = Echo { identifier: high, sequence: low, payload: body };
    let kind = match kind {
        ECHO_REQUEST if code == 0 => return Ok(Message::EchoRequest(echo)),
        ECHO_REPLY if code == 0 => return Ok(Message::EchoReply(echo)),
        UNREACHABLE if code == FRAGMENTATION_NEEDED => ErrorKind::FragmentationNeeded(low),
        UNREACHABLE => ErrorKind::Unreachable(code),
        TIME_EXCEEDED => ErrorKind::TimeExceeded(code),
        PARAMETER_PROBLEM => ErrorKind::ParameterProblem(a),
        other => return Ok(Message::Other(other)),
    };
    Ok(Message::Error(kind, quote(body)?))
}

/// The packet that an error quotes: its header, whose checksum and total length routers may have
/// changed, and at least eight bytes (RFC 1122 3.2.2).
fn quote(data: &[u8]) -> Result<Quote, Malformed> {
    let header = ipv4::header(data)?;
    let payload = &data[header.slice().len()..];
    let ends = [IpAddr::V4(header.source_addr()), IpAddr::V4(header.destination_addr())];
    let is_first = header.fragments_offset().value() == 0;
    quote_of(header.protocol().0, ends, is_first, payload, header.total_len())
}

/// The quote of a packet that begins like this behind its IP headers. A later fragment has text of
/// its datagram where the first one has the ports.
pub(super) fn quote_of(
    protocol: u8,
    [source, destination]: [IpAddr; 2],
    is_first: bool,
    payload: &[u8],
    total_len: u16,
) -> Result<Quote, Malformed> {
    let &[a, b, c, d, e, f, g, h, ..] = payload else { return Err(Malformed::Truncated) };
    let has_ports = is_first && matches!(protocol, PROTOCOL_TCP | PROTOCOL_UDP);
    let (from, to) =
        if has_ports { (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])) } else { (0, 0) };
    let has_seq = is_first && protocol == PROTOCOL_TCP;
    let seq = if has_seq { u32::from_be_bytes([e, f, g, h]) } else { 0 };
    let flow =
        Flow { local: SocketAddr::new(source, from), remote: SocketAddr::new(destination, to) };
    Ok(Quote { protocol, flow, seq: SeqNum::new(seq), total_len })
}

/// Appends one IP packet with an echo request, or the reply to one, to `out`.
pub fn emit_echo(out: &mut Vec<u8>, from: IpAddr, to: IpAddr, reply: bool, echo: &Echo<'_>) {
    let kind = match (from.is_ipv6(), reply) {
        (false, false) => ECHO_REQUEST,
        (false, true) => ECHO_REPLY,
        (true, false) => icmpv6::ECHO_REQUEST,
        (true, true) => icmpv6::ECHO_REPLY,
    };
    let [a, b] = echo.identifier.to_be_bytes();
    let [c, d] = echo.sequence.to_be_bytes();
    emit(out, from, to, [kind, 0, 0, 0, a, b, c, d], echo.payload);
}

/// Appends one IP packet with a destination-unreachable of `code`, of the IP version of the addresses,
/// that quotes `offending` (a whole IP packet): of IPv4 its header and 8 bytes, unchanged (RFC 1122
/// 3.2.2), of IPv6 as much as a packet of 1,280 bytes takes (RFC 4443, 2.4).
pub fn emit_unreachable(out: &mut Vec<u8>, from: IpAddr, to: IpAddr, code: u8, offending: &[u8]) {
    let kind = if from.is_ipv6() { icmpv6::UNREACHABLE } else { UNREACHABLE };
    emit(out, from, to, [kind, code, 0, 0, 0, 0, 0, 0], quotable(offending));
}

/// Appends one IP packet with a time-exceeded that quotes `offending` as [`emit_unreachable`] does.
/// Its code 1 says that not all of a datagram's fragments came in time (RFC 1122, 3.3.2; RFC 8200,
/// 4.5).
pub fn emit_time_exceeded(out: &mut Vec<u8>, from: IpAddr, to: IpAddr, offending: &[u8]) {
    let kind = if from.is_ipv6() { icmpv6::TIME_EXCEEDED } else { TIME_EXCEEDED };
    emit(out, from, to, [kind, 1, 0, 0, 0, 0, 0, 0], quotable(offending));
}

/// Appends one IPv6 packet with a parameter problem that quotes `offending` as [`emit_unreachable`]
/// does (RFC 4443, 3.4).
pub fn emit_problem(
    out: &mut Vec<u8>,
    from: IpAddr,
    to: IpAddr,
    problem: Problem,
    offending: &[u8],
) {
    debug_assert!(from.is_ipv6(), "of IPv4 we send none");
    let [a, b, c, d] = problem.pointer.to_be_bytes();
    let head = [icmpv6::PARAMETER_PROBLEM, problem.code, 0, 0, a, b, c, d];
    emit(out, from, to, head, quotable(offending));
}

/// What an error about an IP packet quotes, or what there is of it.
pub(crate) fn quotable(offending: &[u8]) -> &[u8] {
    let most = if ip::is_v6(offending) {
        icmpv6::QUOTED
    } else {
        offending.first().map_or(0, |first| usize::from(first & 0x0f) * 4) + QUOTED
    };
    &offending[..offending.len().min(most)]
}

fn emit(out: &mut Vec<u8>, from: IpAddr, to: IpAddr, mut header: [u8; HEADER], body: &[u8]) {
    let len = HEADER + body.len();
    // RFC 4443 2.3: that of IPv6 covers the addresses, too.
    let (protocol, sum) = if from.is_ipv6() {
        (PROTOCOL_ICMPV6, Sum::pseudo(from, to, PROTOCOL_ICMPV6, len))
    } else {
        (PROTOCOL_ICMP, Sum::new())
    };
    let checksum = sum.plus(&header).plus(body).finish();
    header[2..4].copy_from_slice(&checksum.to_be_bytes());
    // What answers a datagram of any size may itself be fragmented.
    let fields = IpFields { dont_fragment: false, ..IpFields::default() };
    if ip::emit(out, [from, to], protocol, &fields, len) {
        out.extend_from_slice(&header);
        out.extend_from_slice(body);
    }
}
