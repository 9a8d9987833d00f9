//! What stands in a packet, byte by byte? Frames that the script sends, and those of the stack taken
//! apart again. By hand and on purpose not with the stack's own code, whose mistakes it would share.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::script::TcpOption;

pub(super) const FIN: u16 = 0x01;
pub(super) const SYN: u16 = 0x02;
pub(super) const PSH: u16 = 0x08;
pub(super) const ACK: u16 = 0x10;
pub(super) const URG: u16 = 0x20;

pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;

/// Bytes of an IPv4 header without options.
const IP_HEADER: usize = 20;
/// Bytes of a TCP header without options.
pub(super) const TCP_HEADER: usize = 20;
/// Bytes of a UDP header, and of an ICMP one.
const SHORT_HEADER: usize = 8;

/// The network layer of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ip {
    pub(super) source: Ipv4Addr,
    pub(super) destination: Ipv4Addr,
    pub(super) tos: u8,
    pub(super) ttl: u8,
    pub(super) id: u16,
    pub(super) df: bool,
}

/// A TCP segment with the numbers of the wire.
#[derive(Clone, Debug)]
pub(super) struct Tcp {
    pub(super) source: u16,
    pub(super) destination: u16,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) flags: u16,
    pub(super) window: u16,
    pub(super) urgent: u16,
    pub(super) options: Vec<TcpOption>,
    pub(super) payload: Vec<u8>,
}

/// What an IP packet carries.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Tcp(Tcp),
    Udp { source: u16, destination: u16, payload: Vec<u8> },
    Icmp { kind: u8, code: u8, rest: [u8; 4], payload: Vec<u8> },
    Other(u8),
}

/// A frame of the stack, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) ip: Ip,
    pub(super) body: Body,
}

/// The whole packet as bytes.
pub(super) fn emit(packet: &Packet) -> Vec<u8> {
    let (protocol, mut transport) = match &packet.body {
        Body::Tcp(tcp) => (TCP, tcp_bytes(tcp)),
        Body::Udp { source, destination, payload } => {
            let length = u16::try_from(SHORT_HEADER + payload.len()).unwrap_or(u16::MAX);
            let mut bytes = Vec::with_capacity(usize::from(length));
            for field in [*source, *destination, length, 0] {
                bytes.extend(field.to_be_bytes());
            }
            bytes.extend(payload);
            (UDP, bytes)
        }
        Body::Icmp { kind, code, rest, payload } => {
            let mut bytes = vec![*kind, *code, 0, 0];
            bytes.extend(rest);
            bytes.extend(payload);
            (ICMP, bytes)
        }
        Body::Other(protocol) => (*protocol, Vec::new()),
    };
    let at = match protocol {
        TCP => Some(16),
        UDP => Some(6),
        ICMP => Some(2),
        _ => None,
    };
    if let Some(at) = at {
        let sum = transport_sum(&packet.ip, protocol, &transport);
        transport[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
    let mut frame = ip_header(&packet.ip, protocol, transport.len());
    frame.extend(transport);
    frame
}

fn ip_header(ip: &Ip, protocol: u8, payload: usize) -> Vec<u8> {
    let length = u16::try_from(IP_HEADER + payload).unwrap_or(u16::MAX);
    let mut header = vec![0x45, ip.tos];
    header.extend(length.to_be_bytes());
    header.extend(ip.id.to_be_bytes());
    header.extend([if ip.df { 0x40 } else { 0 }, 0, ip.ttl, protocol, 0, 0]);
    header.extend(ip.source.octets());
    header.extend(ip.destination.octets());
    let sum = !folded(words(&header));
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header
}

fn tcp_bytes(tcp: &Tcp) -> Vec<u8> {
    let mut options = Vec::new();
    for option in &tcp.options {
        option_bytes(option, &mut options);
    }
    while !options.len().is_multiple_of(4) {
        options.push(0);
    }
    let words = (TCP_HEADER + options.len()) / 4;
    let offset_and_flags = u16::try_from(words << 12).unwrap_or(0xf000) | tcp.flags;
    let mut bytes = Vec::new();
    bytes.extend(tcp.source.to_be_bytes());
    bytes.extend(tcp.destination.to_be_bytes());
    bytes.extend(tcp.seq.to_be_bytes());
    bytes.extend(tcp.ack.to_be_bytes());
    bytes.extend(offset_and_flags.to_be_bytes());
    bytes.extend(tcp.window.to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(tcp.urgent.to_be_bytes());
    bytes.extend(options);
    bytes.extend(&tcp.payload);
    bytes
}

fn option_bytes(option: &TcpOption, out: &mut Vec<u8>) {
    let (kind, data): (u8, Vec<u8>) = match option {
        TcpOption::Eol => return out.push(0),
        TcpOption::Nop => return out.push(1),
        TcpOption::Mss(mss) => (2, mss.to_be_bytes().into()),
        TcpOption::WindowScale(shift) => (3, vec![*shift]),
        TcpOption::SackPermitted => (4, Vec::new()),
        TcpOption::Sack(blocks) => (
            5,
            blocks
                .iter()
                .flat_map(|(left, right)| [*left, *right])
                .flat_map(u32::to_be_bytes)
                .collect(),
        ),
        TcpOption::Timestamps { value, echo } => {
            (8, [*value, *echo].into_iter().flat_map(u32::to_be_bytes).collect())
        }
        TcpOption::FastOpen(cookie) => (34, cookie.clone()),
        TcpOption::FastOpenExperimental(cookie) => {
            (254, [0xf9, 0x89].into_iter().chain(cookie.iter().copied()).collect())
        }
        TcpOption::Md5(digest) => (19, digest.clone()),
        TcpOption::Other { kind, data } => (*kind, data.clone()),
        TcpOption::Unknown(_) => return,
    };
    out.push(kind);
    out.push(u8::try_from(data.len() + 2).unwrap_or(u8::MAX));
    out.extend(data);
}

/// Takes a frame of the stack apart; every length and checksum must be right.
pub(super) fn parse(frame: &[u8]) -> Result<Packet, String> {
    let [0x45, tos, ..] = frame else {
        return Err("its first byte is not that of an IPv4 header without options".into());
    };
    if frame.len() < IP_HEADER || usize::from(be16(frame, 2)) != frame.len() {
        return Err(format!("its length field is wrong: the frame has {} bytes", frame.len()));
    }
    let (header, transport) = frame.split_at(IP_HEADER);
    if folded(words(header)) != 0xffff {
        return Err("its IP checksum is wrong".into());
    }
    let ip = Ip {
        source: address(header, 12),
        destination: address(header, 16),
        tos: *tos,
        ttl: header[8],
        id: be16(header, 4),
        df: header[6] & 0x40 != 0,
    };
    let protocol = header[9];
    if be16(header, 6) & 0x3fff != 0 {
        return Err("it is a fragment".into());
    }
    if matches!(protocol, TCP | UDP | ICMP) && transport_sum(&ip, protocol, transport) != 0 {
        return Err("its transport checksum is wrong".into());
    }
    let body = match protocol {
        TCP => Body::Tcp(parse_tcp(transport)?),
        UDP if transport.len() >= SHORT_HEADER => Body::Udp {
            source: be16(transport, 0),
            destination: be16(transport, 2),
            payload: transport[SHORT_HEADER..].to_vec(),
        },
        ICMP if transport.len() >= SHORT_HEADER => Body::Icmp {
            kind: transport[0],
            code: transport[1],
            rest: [transport[4], transport[5], transport[6], transport[7]],
            payload: transport[SHORT_HEADER..].to_vec(),
        },
        UDP | ICMP => return Err("it is shorter than its header".into()),
        other => Body::Other(other),
    };
    Ok(Packet { ip, body })
}

fn parse_tcp(bytes: &[u8]) -> Result<Tcp, String> {
    if bytes.len() < TCP_HEADER {
        return Err("it is shorter than a TCP header".into());
    }
    let offset = usize::from(bytes[12] >> 4) * 4;
    if !(TCP_HEADER..=bytes.len()).contains(&offset) {
        return Err("its data offset is wrong".into());
    }
    Ok(Tcp {
        source: be16(bytes, 0),
        destination: be16(bytes, 2),
        seq: be32(bytes, 4),
        ack: be32(bytes, 8),
        flags: be16(bytes, 12) & 0x1ff,
        window: be16(bytes, 14),
        urgent: be16(bytes, 18),
        options: parse_options(&bytes[TCP_HEADER..offset])?,
        payload: bytes[offset..].to_vec(),
    })
}

fn parse_options(mut area: &[u8]) -> Result<Vec<TcpOption>, String> {
    let mut options = Vec::new();
    while let [kind, rest @ ..] = area {
        match kind {
            0 => options.push(TcpOption::Eol),
            1 => options.push(TcpOption::Nop),
            _ => {
                let length = rest.first().map_or(0, |&length| usize::from(length));
                let data = area.get(2..length).ok_or("an option of it has a wrong length")?;
                options.push(parse_option(*kind, data));
                area = &area[length..];
                continue;
            }
        }
        area = rest;
    }
    Ok(options)
}

fn parse_option(kind: u8, data: &[u8]) -> TcpOption {
    match (kind, data) {
        (2, &[a, b]) => TcpOption::Mss(u16::from_be_bytes([a, b])),
        (3, &[shift]) => TcpOption::WindowScale(shift),
        (4, []) => TcpOption::SackPermitted,
        (5, _) if data.len().is_multiple_of(8) => TcpOption::Sack(
            data.chunks_exact(8).map(|block| (be32(block, 0), be32(block, 4))).collect(),
        ),
        (8, _) if data.len() == 8 => {
            TcpOption::Timestamps { value: be32(data, 0), echo: be32(data, 4) }
        }
        (34, _) => TcpOption::FastOpen(data.into()),
        (254, [0xf9, 0x89, cookie @ ..]) => TcpOption::FastOpenExperimental(cookie.into()),
        (19, _) => TcpOption::Md5(data.into()),
        _ => TcpOption::Other { kind, data: data.into() },
    }
}

impl fmt::Display for TcpOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nop => f.write_str("nop"),
            Self::Eol => f.write_str("eol"),
            Self::Mss(mss) => write!(f, "mss {mss}"),
            Self::WindowScale(shift) => write!(f, "wscale {shift}"),
            Self::SackPermitted => f.write_str("sackOK"),
            Self::Sack(blocks) => {
                f.write_str("sack")?;
                blocks.iter().try_for_each(|(left, right)| write!(f, " {left}:{right}"))
            }
            Self::Timestamps { value, echo } => write!(f, "TS val {value} ecr {echo}"),
            Self::FastOpen(cookie) => write!(f, "FO {}", hex(cookie)),
            Self::FastOpenExperimental(cookie) => write!(f, "FOEXP {}", hex(cookie)),
            Self::Md5(digest) => write!(f, "md5 {}", hex(digest)),
            Self::Other { kind, data } => write!(f, "kind {kind} {}", hex(data)),
            Self::Unknown(name) => f.write_str(name),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn transport_sum(ip: &Ip, protocol: u8, bytes: &[u8]) -> u16 {
    let mut sum = words(bytes);
    if protocol != ICMP {
        sum += words(&ip.source.octets()) + words(&ip.destination.octets());
        sum += u64::from(protocol) + bytes.len() as u64;
    }
    !folded(sum)
}

fn words(bytes: &[u8]) -> u64 {
    bytes
        .chunks(2)
        .map(|pair| u64::from(pair[0]) << 8 | pair.get(1).map_or(0, |&low| u64::from(low)))
        .sum()
}

fn folded(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).unwrap_or(0)
}

pub(super) fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

pub(super) fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn address(bytes: &[u8], at: usize) -> Ipv4Addr {
    Ipv4Addr::from(be32(bytes, at))
}

/// Both ends of a segment, the source first.
pub(super) fn ends(ip: &Ip, source: u16, destination: u16) -> (SocketAddrV4, SocketAddrV4) {
    (SocketAddrV4::new(ip.source, source), SocketAddrV4::new(ip.destination, destination))
}
