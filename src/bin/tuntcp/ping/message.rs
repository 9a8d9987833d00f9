//! Echo requests, their replies, and errors about them (RFC 792, RFC 4443).

use std::net::IpAddr;

use tuntcp::net::RawPacket;
use tuntcp::wire::checksum::Sum;

/// Protocol numbers.
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
/// Next header of IPv6: a fragment (RFC 8200 4.5).
const FRAGMENT: u8 = 44;
/// Bytes of the header of an echo, and of an error.
const HEADER: usize = 8;
/// Bytes of the header of IPv6.
const IPV6_HEADER: usize = 40;

/// Those who are asked, by whom.
#[derive(Clone, Copy)]
pub(super) struct Dialogue {
    pub(super) peer: IpAddr,
    pub(super) identifier: u16,
}

/// What is heard of a request.
pub(super) enum Heard<'a> {
    /// It is answered.
    Reply(u16, &'a [u8]),
    /// It came to grief, and how.
    Error(u16, String),
}

impl Dialogue {
    /// The number of the protocol.
    pub(super) fn protocol(self) -> u8 {
        if self.peer.is_ipv4() { ICMP } else { ICMPV6 }
    }

    /// A request. The checksum of that of IPv6 is left to the socket.
    pub(super) fn request(self, sequence: u16, payload: &[u8]) -> Vec<u8> {
        let kind = if self.peer.is_ipv4() { 8 } else { 128 };
        let ([a, b], [c, d]) = (self.identifier.to_be_bytes(), sequence.to_be_bytes());
        let mut message = vec![kind, 0, 0, 0, a, b, c, d];
        message.extend_from_slice(payload);
        if self.peer.is_ipv4() {
            let sum = Sum::new().plus(&message).finish();
            message[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        message
    }

    /// What a packet says of one of our requests, if it says anything. Whatever else arrives at this
    /// host comes here, too.
    pub(super) fn read<'a>(self, packet: &RawPacket, message: &'a [u8]) -> Option<Heard<'a>> {
        let sum = match self.protocol() {
            ICMP => Sum::new(),
            protocol => Sum::pseudo(packet.from, packet.to, protocol, message.len()),
        };
        if sum.plus(message).finish() != 0 || message.len() < HEADER {
            return None;
        }
        let (header, body) = message.split_at(HEADER);
        let reply = if self.peer.is_ipv4() { 0 } else { 129 };
        if header[0] == reply && header[1] == 0 {
            return self.sequence(header).map(|sequence| Heard::Reply(sequence, body));
        }
        let word = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        let text = match self.peer {
            IpAddr::V4(_) => error_of_v4(header[0], header[1], word)?,
            IpAddr::V6(_) => error_of_v6(header[0], header[1], word)?,
        };
        Some(Heard::Error(self.quoted(body)?, text))
    }

    /// Which of our requests this echo, by its header, belongs to.
    fn sequence(self, echo: &[u8]) -> Option<u16> {
        let &[_, _, _, _, a, b, c, d, ..] = echo else { return None };
        (u16::from_be_bytes([a, b]) == self.identifier).then(|| u16::from_be_bytes([c, d]))
    }

    /// Which of our requests an error quotes.
    fn quoted(self, packet: &[u8]) -> Option<u16> {
        match self.peer {
            IpAddr::V4(peer) => {
                let header = usize::from(packet.first()? & 0x0f) * 4;
                let ours = *packet.get(9)? == ICMP && *packet.get(16..20)? == peer.octets();
                let echo = packet.get(header..).filter(|_| ours)?;
                self.sequence(echo).filter(|_| echo[0] == 8)
            }
            IpAddr::V6(peer) => {
                let ours = *packet.get(24..IPV6_HEADER)? == peer.octets();
                let (next, echo) = match *packet.get(6)? {
                    FRAGMENT => (*packet.get(IPV6_HEADER)?, packet.get(IPV6_HEADER + 8..)?),
                    next => (next, packet.get(IPV6_HEADER..)?),
                };
                self.sequence(echo).filter(|_| ours && next == ICMPV6 && echo[0] == 128)
            }
        }
    }
}

/// An error of IPv4 as `ping` tells it; `word` are the header's last four bytes.
fn error_of_v4(kind: u8, code: u8, word: u32) -> Option<String> {
    let text = match (kind, code) {
        (3, 0) => "Destination Net Unreachable",
        (3, 1) => "Destination Host Unreachable",
        (3, 2) => "Destination Protocol Unreachable",
        (3, 3) => "Destination Port Unreachable",
        (3, 4) => return Some(format!("Frag needed and DF set (mtu = {})", word & 0xffff)),
        (3, 5) => "Source Route Failed",
        (3, 6) => "Destination Net Unknown",
        (3, 7) => "Destination Host Unknown",
        (3, 8) => "Source Host Isolated",
        (3, 9) => "Destination Net Prohibited",
        (3, 10) => "Destination Host Prohibited",
        (3, 11) => "Destination Net Unreachable for Type of Service",
        (3, 12) => "Destination Host Unreachable for Type of Service",
        (3, 13) => "Packet filtered",
        (3, 14) => "Precedence Violation",
        (3, 15) => "Precedence Cutoff",
        (3, _) => return Some(format!("Dest Unreachable, Bad Code: {code}")),
        (11, 0) => "Time to live exceeded",
        (11, 1) => "Frag reassembly time exceeded",
        (11, _) => return Some(format!("Time exceeded, Bad Code: {code}")),
        (12, _) => return Some(format!("Parameter problem: pointer = {}", word >> 24)),
        _ => return None,
    };
    Some(text.into())
}

/// The same of IPv6.
fn error_of_v6(kind: u8, code: u8, word: u32) -> Option<String> {
    let text = match (kind, code) {
        (1, 0) => "Destination unreachable: No route",
        (1, 1) => "Destination unreachable: Administratively prohibited",
        (1, 2) => "Destination unreachable: Beyond scope of source address",
        (1, 3) => "Destination unreachable: Address unreachable",
        (1, 4) => "Destination unreachable: Port unreachable",
        (1, _) => return Some(format!("Destination unreachable: Unknown code {code}")),
        (2, _) => return Some(format!("Packet too big: mtu={word}")),
        (3, 0) => "Time exceeded: Hop limit",
        (3, 1) => "Time exceeded: Defragmentation failure",
        (3, _) => return Some(format!("Time exceeded: code {code}")),
        (4, _) => return Some(format!("Parameter problem: code {code} at {word}")),
        _ => return None,
    };
    Some(text.into())
}
