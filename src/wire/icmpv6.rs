//! ICMP messages of IPv6 (RFC 4443).

use std::net::IpAddr;

use super::checksum::Sum;
use super::icmp::{Echo, ErrorKind, HEADER, Message, Quote, quote_of};
use super::{Malformed, PROTOCOL_ICMPV6, ip, ipv6};

/// Types (RFC 4443, 2.1).
pub(super) const UNREACHABLE: u8 = 1;
const PACKET_TOO_BIG: u8 = 2;
pub(super) const TIME_EXCEEDED: u8 = 3;
pub(super) const PARAMETER_PROBLEM: u8 = 4;
pub(super) const ECHO_REQUEST: u8 = 128;
pub(super) const ECHO_REPLY: u8 = 129;

/// Code of PARAMETER_PROBLEM: the next header is unknown.
const UNKNOWN_HEADER: u8 = 1;

/// Bytes of the offending packet that an error quotes (RFC 4443, 2.4 c).
pub(super) const QUOTED: usize = ip::LEAST_MTU_V6 as usize - ipv6::HEADER - HEADER;

/// Reads a message; the checksum covers all of it, and the addresses (RFC 4443, 2.3).
pub(super) fn parse(
    source: IpAddr,
    destination: IpAddr,
    data: &[u8],
) -> Result<Message<'_>, Malformed> {
    let &[kind, code, _, _, a, b, c, d, ref body @ ..] = data else {
        return Err(Malformed::Truncated);
    };
    let sum = Sum::pseudo(source, destination, PROTOCOL_ICMPV6, data.len()).plus(data);
    if sum.finish() != 0 {
        return Err(Malformed::BadIcmpChecksum);
    }
    let word = u32::from_be_bytes([a, b, c, d]);
    let (identifier, sequence) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let echo = Echo { identifier, sequence, payload: body };
    let kind = match (kind, code) {
        (ECHO_REQUEST, 0) => return Ok(Message::EchoRequest(echo)),
        (ECHO_REPLY, 0) => return Ok(Message::EchoReply(echo)),
        (UNREACHABLE, code) => ErrorKind::Unreachable(code),
        // RFC 4443 3.2: whatever its code.
        (PACKET_TOO_BIG, _) => {
            ErrorKind::FragmentationNeeded(u16::try_from(word).unwrap_or(u16::MAX))
        }
        (TIME_EXCEEDED, code) => ErrorKind::TimeExceeded(code),
        (PARAMETER_PROBLEM, UNKNOWN_HEADER) => ErrorKind::UnknownHeader,
        (PARAMETER_PROBLEM, _) => {
            ErrorKind::ParameterProblem(u8::try_from(word).unwrap_or(u8::MAX))
        }
        (other, _) => return Ok(Message::Other(other)),
    };
    Ok(Message::Error(kind, quote(body)?))
}

/// The packet that an error quotes, of which the end may be missing.
fn quote(data: &[u8]) -> Result<Quote, Malformed> {
    let packet = ipv6::quoted(data)?;
    let ends = packet.ends.map(IpAddr::V6);
    quote_of(packet.protocol, ends, packet.is_first, packet.payload, packet.total_len)
}
