//! IPv6 headers, and the extension headers between them and the transport (RFC 8200).
//!
//! ```text
//!   | IPv6: 40 bytes | extension headers: 8 n bytes each, any number, each names the next | TCP ...
//!                  6 |__ first byte ...
//! ```
//!
//! Extension headers are passed over within bounds. Options say themselves what is done by who does
//! not know them; a fragment is for reassembly, which knows what stands behind its header.

use std::net::Ipv6Addr;

use super::ip::{EcnCodepoint, Fragment, IpFields};
use super::{Malformed, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP};

/// Bytes of the header without extension headers.
pub(super) const HEADER: usize = 40;

/// Extension headers, by the number that stands in the header before.
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;

/// Extension headers that a packet may have, and their bytes: nobody needs more (RFC 8504, 5.3, lets
/// a host set such limits), and each one costs a look.
const MOST_EXTENSIONS: usize = 8;
const MOST_BYTES: usize = 512;

/// Bytes of a fragment header.
const FRAGMENT_HEADER: usize = 8;

/// What a packet may not ask of us, and its sender is told (ICMPv6 Parameter Problem, RFC 4443 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Problem {
    /// 0: a field is wrong, 1: an unknown header, 2: an unknown option, 3: the first fragment lacks
    /// headers (RFC 7112, 5).
    pub code: u8,
    /// Where in the packet, bytes from its beginning.
    pub pointer: u32,
}

/// Codes of a parameter problem.
const WRONG_FIELD: u8 = 0;
const UNKNOWN_HEADER: u8 = 1;
const UNKNOWN_OPTION: u8 = 2;
const HEADERS_MISSING: u8 = 3;

/// An IPv6 packet, as far as its headers go.
pub(super) struct Header<'a> {
    pub(super) source: Ipv6Addr,
    pub(super) destination: Ipv6Addr,
    pub(super) fields: IpFields,
    pub(super) behind: Behind<'a>,
}

/// What stands behind the headers.
pub(super) enum Behind<'a> {
    /// A transport, by its number.
    Transport(u8, &'a [u8]),
    Fragment(Fragment<'a>),
    Problem(Problem),
}

/// Reads all headers. What lies behind the payload length is ignored.
pub(super) fn parse(frame: &[u8]) -> Result<Header<'_>, Malformed> {
    let [source, destination] = ends(frame)?;
    let payload_len = usize::from(u16::from_be_bytes([frame[4], frame[5]]));
    let packet = frame.get(..HEADER + payload_len).ok_or(Malformed::Truncated)?;
    let class = packet[0] << 4 | packet[1] >> 4;
    let mut fields = IpFields {
        ttl: packet[7],
        dscp: class >> 2,
        ecn: EcnCodepoint::from_bits(class),
        dont_fragment: true,
        identification: 0,
    };
    let behind = walk(packet, &mut fields)?;
    Ok(Header { source, destination, fields, behind })
}

/// Source and destination of a packet of which the header is there.
fn ends(packet: &[u8]) -> Result<[Ipv6Addr; 2], Malformed> {
    let first = packet.first().ok_or(Malformed::Truncated)?;
    if first >> 4 != 6 {
        return Err(Malformed::BadVersion);
    }
    let (header, _) = packet.split_at_checked(HEADER).ok_or(Malformed::Truncated)?;
    let address = |at: usize| {
        let octets: [u8; 16] = header[at..at + 16].try_into().unwrap_or_default();
        Ipv6Addr::from(octets)
    };
    let ends = [address(8), address(24)];
    // RFC 4291 2.5.5.2: they stand for addresses of IPv4 inside of hosts, and in no packet.
    let mapped = ends.iter().any(|end| end.to_ipv4_mapped().is_some());
    if mapped { Err(Malformed::BadIpHeader) } else { Ok(ends) }
}

/// The headers of a packet, one after the other.
struct Chain<'a> {
    packet: &'a [u8],
    /// What stands at `at`, and where the header before says so.
    next: u8,
    told_at: usize,
    at: usize,
    passed: usize,
}

/// One extension header: its number, where it begins, its bytes.
struct Extension<'a> {
    kind: u8,
    start: usize,
    bytes: &'a [u8],
}

impl<'a> Chain<'a> {
    /// Behind the IPv6 header, which is there.
    fn of(packet: &'a [u8]) -> Self {
        Self { packet, next: packet[6], told_at: 6, at: HEADER, passed: 0 }
    }

    /// The next extension header, and what follows it; `None` where the transport stands. What may
    /// stand only behind the IPv6 header is unknown elsewhere (RFC 8200, 4.1), and so are those that
    /// need keys which we do not have.
    fn pass(&mut self) -> Result<Option<Extension<'a>>, Malformed> {
        let kind = self.next;
        let known = matches!(kind, ROUTING | FRAGMENT | DESTINATION_OPTIONS)
            || kind == HOP_BY_HOP && self.at == HEADER;
        if !known {
            return Ok(None);
        }
        let rest = &self.packet[self.at..];
        let &[next, units, ..] = rest else { return Err(Malformed::BadExtension) };
        let len = if kind == FRAGMENT { FRAGMENT_HEADER } else { 8 * (1 + usize::from(units)) };
        let bytes = rest.get(..len).ok_or(Malformed::BadExtension)?;
        let start = self.at;
        (self.told_at, self.next) = (self.at, next);
        self.at += len;
        self.passed += 1;
        if self.passed > MOST_EXTENSIONS || self.at - HEADER > MOST_BYTES {
            return Err(Malformed::BadExtension);
        }
        Ok(Some(Extension { kind, start, bytes }))
    }

    /// What stands behind the headers passed so far.
    fn rest(&self) -> &'a [u8] {
        &self.packet[self.at..]
    }

    /// Whether all headers up to the transport's, and that one, are there.
    fn reaches_transport(mut self) -> bool {
        loop {
            match self.pass() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return false,
            }
        }
        let wanted = match self.next {
            PROTOCOL_TCP => super::tcp::HEADER,
            PROTOCOL_UDP | PROTOCOL_ICMPV6 => 8,
            _ => 0,
        };
        self.rest().len() >= wanted
    }
}

/// Passes over extension headers up to the transport, a fragment, or what nobody may ask of us.
fn walk<'a>(packet: &'a [u8], fields: &mut IpFields) -> Result<Behind<'a>, Malformed> {
    let mut chain = Chain::of(packet);
    let mut problem = None;
    while let Some(extension) = chain.pass()? {
        let found = match extension.kind {
            FRAGMENT => match fragment(&extension, &chain, fields)? {
                // RFC 6946 4: one that is the whole of its datagram is no fragment.
                None => None,
                Some(fragment) => return Ok(problem.map_or(fragment, Behind::Problem)),
            },
            // RFC 8200 4.4: a route that is done is passed over, and we follow none (RFC 5095).
            ROUTING if extension.bytes[3] == 0 => None,
            ROUTING => Some(problem_at(WRONG_FIELD, extension.start + 2)),
            _ => options(&extension)?,
        };
        problem = problem.or(found);
    }
    let Some(problem) = problem else { return Ok(Behind::Transport(chain.next, chain.rest())) };
    // RFC 4443 2.4 (e.1): an error is not answered by another.
    let is_icmp = chain.next == PROTOCOL_ICMPV6;
    let is_error = is_icmp && chain.rest().first().is_none_or(|&kind| kind < 128);
    if is_error { Err(Malformed::BadExtension) } else { Ok(Behind::Problem(problem)) }
}

fn problem_at(code: u8, pointer: usize) -> Problem {
    Problem { code, pointer: u32::try_from(pointer).unwrap_or(u32::MAX) }
}

/// Looks through the options of a header (RFC 8200, 4.2): the highest two bits of each one's type
/// say what becomes of a packet where nobody knows it, and we know only those that fill gaps.
fn options(extension: &Extension<'_>) -> Result<Option<Problem>, Malformed> {
    let mut at = 2;
    while let Some(&kind) = extension.bytes.get(at) {
        // Pad1 is a byte without a length.
        let len = match (kind, extension.bytes.get(at + 1)) {
            (0, _) => 1,
            (_, Some(&len)) => 2 + usize::from(len),
            (_, None) => return Err(Malformed::BadExtension),
        };
        match kind >> 6 {
            0b00 => {}
            0b01 => return Err(Malformed::BadExtension),
            // What is for many is not for us at all, so both others are answered.
            _ => return Ok(Some(problem_at(UNKNOWN_OPTION, extension.start + at))),
        }
        at += len;
    }
    // The last one must end with the header.
    if at == extension.bytes.len() { Ok(None) } else { Err(Malformed::BadExtension) }
}

/// The fragment that a packet is with this fragment header, if it is one (RFC 8200, 4.5); behind it
/// stands what `chain` has not passed yet.
fn fragment<'a>(
    extension: &Extension<'a>,
    chain: &Chain<'a>,
    fields: &mut IpFields,
) -> Result<Option<Behind<'a>>, Malformed> {
    let &[protocol, _, a, b, c, d, e, f] = extension.bytes else {
        return Err(Malformed::BadExtension);
    };
    let place = u16::from_be_bytes([a, b]);
    let (offset, more) = (place & !0b111, place & MORE_FRAGMENTS != 0);
    if offset == 0 && !more {
        return Ok(None);
    }
    let payload = chain.rest();
    if payload.is_empty() {
        return Err(Malformed::BadFragment);
    }
    if more && !payload.len().is_multiple_of(8) {
        // The payload length is wrong.
        return Ok(Some(Behind::Problem(problem_at(WRONG_FIELD, 4))));
    }
    if usize::from(offset) + payload.len() > usize::from(u16::MAX) {
        return Ok(Some(Behind::Problem(problem_at(WRONG_FIELD, extension.start + 2))));
    }
    // RFC 7112 5: who filters must see all headers in the first one.
    let whole_chain = Chain { passed: 0, ..*chain };
    if offset == 0 && !whole_chain.reaches_transport() {
        return Ok(Some(Behind::Problem(problem_at(HEADERS_MISSING, 0))));
    }
    fields.identification = u32::from_be_bytes([c, d, e, f]);
    let header = &chain.packet[..chain.at];
    Ok(Some(Behind::Fragment(Fragment { protocol, offset, more, payload, header })))
}

/// The last bit of the field that has the offset in units of 8 bytes above it.
const MORE_FRAGMENTS: u16 = 1;

/// The problem of a packet whose transport nobody here knows: where its number stands.
pub(crate) fn unknown_transport(packet: &[u8]) -> Problem {
    let mut pointer = 6;
    if packet.len() >= HEADER {
        let mut chain = Chain::of(packet);
        while let Ok(Some(_)) = chain.pass() {}
        pointer = chain.told_at;
    }
    problem_at(UNKNOWN_HEADER, pointer)
}

/// What an ICMP error quotes of a packet, which may be cut off anywhere.
pub(super) struct Quoted<'a> {
    pub(super) ends: [Ipv6Addr; 2],
    pub(super) protocol: u8,
    pub(super) total_len: u16,
    /// It begins with the header of its transport: not so in a later fragment.
    pub(super) is_first: bool,
    pub(super) payload: &'a [u8],
}

/// Reads what an ICMP error quotes.
pub(super) fn quoted(packet: &[u8]) -> Result<Quoted<'_>, Malformed> {
    let ends = ends(packet)?;
    let payload_len = u16::from_be_bytes([packet[4], packet[5]]);
    let mut chain = Chain::of(packet);
    let mut is_first = true;
    while let Some(extension) = chain.pass().map_err(|_| Malformed::Truncated)? {
        if extension.kind == FRAGMENT
            && u16::from_be_bytes([extension.bytes[2], extension.bytes[3]]) & !0b111 != 0
        {
            is_first = false;
            break;
        }
    }
    let total_len = payload_len.saturating_add(HEADER as u16);
    Ok(Quoted { ends, protocol: chain.next, total_len, is_first, payload: chain.rest() })
}

/// Appends a header for `payload_len` bytes behind it, at most 65,535. Its flow label is 0: who looks
/// at it finds ports behind it (RFC 6437, 2).
pub(super) fn emit(
    out: &mut Vec<u8>,
    source: Ipv6Addr,
    destination: Ipv6Addr,
    protocol: u8,
    fields: &IpFields,
    payload_len: usize,
) {
    debug_assert!(payload_len <= usize::from(u16::MAX), "no datagram is that long");
    let class = fields.dscp << 2 | fields.ecn.bits();
    let mut header = [0; HEADER];
    header[0] = 0x60 | class >> 4;
    header[1] = class << 4;
    let payload_len = u16::try_from(payload_len).unwrap_or(u16::MAX);
    header[4..6].copy_from_slice(&payload_len.to_be_bytes());
    header[6] = protocol;
    // Who receives it does not look (RFC 8200, 3), but no router forwards a zero.
    header[7] = fields.ttl.max(1);
    header[8..24].copy_from_slice(&source.octets());
    header[24..].copy_from_slice(&destination.octets());
    out.extend_from_slice(&header);
}

/// Writes the payload length that `packet` has.
pub(super) fn seal(packet: &mut [u8]) {
    let payload_len = u16::try_from(packet.len() - HEADER).unwrap_or(u16::MAX);
    packet[4..6].copy_from_slice(&payload_len.to_be_bytes());
}

/// Cuts a packet without extension headers into fragments of at most `mtu` bytes (RFC 8200, 4.5); one
/// that fits stays whole.
pub(super) fn cut(packet: &[u8], mtu: usize, identification: u32, mut each: impl FnMut(&[u8])) {
    if packet.len() <= mtu {
        return each(packet);
    }
    let (header, payload) = packet.split_at(HEADER);
    let room = mtu.saturating_sub(HEADER + FRAGMENT_HEADER) / 8 * 8;
    if room == 0 {
        return;
    }
    let last = (payload.len() - 1) / room;
    let mut piece = Vec::with_capacity(mtu);
    for (index, text) in payload.chunks(room).enumerate() {
        let more = if index < last { MORE_FRAGMENTS } else { 0 };
        // A datagram has at most 65,535 bytes, so it fits.
        let offset = u16::try_from(index * room).unwrap_or(u16::MAX);
        piece.clear();
        piece.extend_from_slice(header);
        piece.extend_from_slice(&[header[6], 0]);
        piece.extend_from_slice(&(offset | more).to_be_bytes());
        piece.extend_from_slice(&identification.to_be_bytes());
        piece.extend_from_slice(text);
        piece[6] = FRAGMENT;
        seal(&mut piece);
        each(&piece);
    }
}
