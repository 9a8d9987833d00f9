//! ICMP as scripts name it: kinds, codes, and the packets that they quote.

use super::dialogue::Dialogue;
use super::frame::{self, Body, Ip, Packet, TCP, Tcp, UDP, be16, be32};
use super::script::{IcmpSpec, Quoted};

/// Kinds by name (RFC 792), and the codes of a kind by name.
const KINDS: &[(&str, u8)] = &[
    ("echo_reply", 0),
    ("unreachable", 3),
    ("dest_unreachable", 3),
    ("destination_unreachable", 3),
    ("source_quench", 4),
    ("redirect", 5),
    ("echo_request", 8),
    ("echo", 8),
    ("time_exceeded", 11),
    ("parameter_problem", 12),
];

const UNREACHABLE: u8 = 3;
const FRAGMENTATION_NEEDED: u8 = 4;

const CODES: &[(&str, u8)] = &[
    ("net_unreachable", 0),
    ("network_unreachable", 0),
    ("host_unreachable", 1),
    ("protocol_unreachable", 2),
    ("port_unreachable", 3),
    ("frag_needed", 4),
    ("fragmentation_needed", 4),
    ("source_route_failed", 5),
    ("net_unknown", 6),
    ("host_unknown", 7),
    ("source_host_isolated", 8),
    ("net_prohibited", 9),
    ("host_prohibited", 10),
    ("net_unreachable_for_tos", 11),
    ("host_unreachable_for_tos", 12),
    ("communication_prohibited", 13),
    ("packet_filtered", 13),
    ("host_precedence_violation", 14),
    ("precedence_cutoff", 15),
    ("exceeded_ttl", 0),
    ("ttl_exceeded", 0),
    ("exceeded_fragment_time", 1),
    ("fragment_time_exceeded", 1),
];

fn find(table: &[(&str, u8)], word: &str) -> Result<u8, String> {
    let named = table.iter().find(|(name, _)| *name == word).map(|(_, number)| *number);
    named
        .or_else(|| word.trim_start_matches("type_").trim_start_matches("code_").parse().ok())
        .ok_or_else(|| format!("there is no ICMP type or code {word:?}"))
}

/// Type and code.
fn numbers(spec: &IcmpSpec) -> Result<(u8, u8), String> {
    let kind = find(KINDS, &spec.kind)?;
    let code = spec.code.as_deref().map_or(Ok(0), |code| find(CODES, code))?;
    Ok((kind, code))
}

/// The message that the script sends about a packet of the stack.
pub(super) fn build(spec: &IcmpSpec, dialogue: &Dialogue) -> Result<Body, String> {
    let (kind, code) = numbers(spec)?;
    let mtu = u16::try_from(spec.mtu.unwrap_or(0)).map_err(|_| "that MTU is too large")?;
    let [high, low] = spec.sequence.unwrap_or(mtu).to_be_bytes();
    let [first, second] = spec.id.unwrap_or(0).to_be_bytes();
    let payload = match &spec.quoted {
        None => vec![0; spec.len.unwrap_or(0) as usize],
        Some(Quoted::Other(name)) => return Err(format!("a quote of {name}")),
        Some(quoted) => quote(quoted, dialogue),
    };
    Ok(Body::Icmp { kind, code, rest: [first, second, high, low], payload })
}

/// The header of a packet of the stack and the first eight bytes behind it (RFC 792).
fn quote(quoted: &Quoted, dialogue: &Dialogue) -> Vec<u8> {
    let ip = Ip {
        source: *dialogue.local.ip(),
        destination: *dialogue.remote.ip(),
        tos: 0,
        ttl: 63,
        id: 0,
        df: true,
    };
    let (source, destination) = (dialogue.local.port(), dialogue.remote.port());
    let body = match quoted {
        Quoted::Tcp { seq, len } => Body::Tcp(Tcp {
            source,
            destination,
            seq: dialogue.to_wire(*seq),
            ack: 0,
            flags: 0,
            window: 0,
            urgent: 0,
            options: Vec::new(),
            payload: vec![0; *len as usize],
        }),
        Quoted::Udp { len } => Body::Udp { source, destination, payload: vec![0; *len as usize] },
        Quoted::Other(_) => Body::Other(0),
    };
    let mut bytes = frame::emit(&Packet { ip, body });
    bytes.truncate(28);
    bytes
}

/// Compares a message of the stack.
pub(super) fn check(
    spec: &IcmpSpec,
    got: (u8, u8),
    rest: [u8; 4],
    payload: &[u8],
    dialogue: &Dialogue,
) -> Result<(), String> {
    let (kind, code) = numbers(spec)?;
    if got != (kind, code) {
        return Err(format!(
            "ICMP: expected type {kind} code {code}, got type {} code {}",
            got.0, got.1
        ));
    }
    if let (Some(mtu), (UNREACHABLE, FRAGMENTATION_NEEDED)) = (spec.mtu, got)
        && mtu != u32::from(be16(&rest, 2))
    {
        return Err(format!("ICMP: expected MTU {mtu}, got {}", be16(&rest, 2)));
    }
    match &spec.quoted {
        None => Ok(()),
        Some(quoted) => check_quote(quoted, payload, dialogue),
    }
}

/// A quote of a packet that the script sent.
fn check_quote(quoted: &Quoted, payload: &[u8], dialogue: &Dialogue) -> Result<(), String> {
    if payload.len() < 28 {
        return Err("ICMP: it quotes less than a header and eight bytes".into());
    }
    let ports = (dialogue.remote.port(), dialogue.local.port());
    if (be16(payload, 20), be16(payload, 22)) != ports {
        return Err("ICMP: it quotes a packet of another connection".into());
    }
    let right = match quoted {
        Quoted::Other(_) => return Err("ICMP: a quote of an unknown protocol".into()),
        Quoted::Tcp { seq, .. } => payload[9] == TCP && be32(payload, 24) == *seq,
        Quoted::Udp { len } => payload[9] == UDP && u32::from(be16(payload, 24)) == len + 8,
    };
    if right { Ok(()) } else { Err("ICMP: it quotes another packet".into()) }
}
