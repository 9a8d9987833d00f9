//! Is a segment of the stack the one that the script expects?

use std::fmt::Write as _;

use super::dialogue::{Dialogue, pattern};
use super::frame::{ACK, Body, FIN, Ip, PSH, Packet, SYN, Tcp, URG};
use super::icmp;
use super::script::{BodySpec, Ecn, IpSpec, OptionsSpec, PacketSpec, TcpOption, TcpSpec};
use super::settings::Settings;

/// What was found wrong with it.
pub(super) type Mismatch = String;

/// What became of a segment that was compared.
pub(super) enum Verdict {
    /// It is the one.
    Whole,
    /// It is the first part of what is expected; the rest is still to come.
    Part(TcpSpec),
    /// What is expected is its first part; the rest of it is still to be judged.
    More(Packet),
}

/// Compares the network layer.
pub(super) fn check_ip(spec: &IpSpec, ip: &Ip) -> Result<(), Mismatch> {
    let ecn = ip.tos & 3;
    let ecn_is = |ecn: u8, wanted| match wanted {
        Ecn::NotEct => ecn == 0,
        Ecn::Ect0 => ecn == 2,
        Ecn::Ect1 => ecn == 1,
        Ecn::Ect01 => ecn == 1 || ecn == 2,
        Ecn::Ce => ecn == 3,
    };
    if let Some(wanted) = spec.ecn
        && !ecn_is(ecn, wanted)
    {
        return Err(format!("ECN bits: expected {wanted:?}, got {ecn:#04b}"));
    }
    differs("type of service", spec.tos, ip.tos)?;
    differs("DSCP", spec.dscp, ip.tos >> 2)?;
    differs("time to live", spec.ttl, ip.ttl)?;
    differs("identification", spec.id, ip.id)?;
    differs("don't fragment", spec.df, ip.df)
}

/// Compares what the packet carries.
pub(super) fn check(
    spec: &PacketSpec,
    packet: &Packet,
    dialogue: &Dialogue,
    settings: &Settings,
) -> Result<Verdict, Mismatch> {
    check_ip(&spec.ip, &packet.ip)?;
    match (&spec.body, &packet.body) {
        (BodySpec::Tcp(spec), Body::Tcp(tcp)) => check_tcp(spec, packet, tcp, dialogue, settings),
        (BodySpec::Udp(spec), Body::Udp { payload, .. }) => {
            differs("UDP payload", Some(spec.len as usize), payload.len())?;
            Ok(Verdict::Whole)
        }
        (BodySpec::Icmp(spec), Body::Icmp { kind, code, rest, payload }) => {
            icmp::check(spec, (*kind, *code), *rest, payload, dialogue)?;
            Ok(Verdict::Whole)
        }
        _ => Err("it is of another protocol".into()),
    }
}

fn check_tcp(
    spec: &TcpSpec,
    packet: &Packet,
    tcp: &Tcp,
    dialogue: &Dialogue,
    settings: &Settings,
) -> Result<Verdict, Mismatch> {
    let length = u32::try_from(tcp.payload.len()).unwrap_or(u32::MAX);
    let cut = !settings.strict_segments && length > 0 && spec.len > 0;
    // A part of a whole may lack what only the last one has.
    let ends = match (cut && length != spec.len, spec.is_rest) {
        (true, _) => PSH | FIN,
        (false, true) => PSH,
        (false, false) => 0,
    };
    if !spec.any_flags && (tcp.flags ^ spec.flags) & !ends != 0 {
        return Err(format!("flags: expected {}, got {}", flags(spec.flags), flags(tcp.flags)));
    }
    check_seq(spec, tcp, dialogue)?;
    if let Some(ack) = spec.ack {
        if tcp.flags & ACK == 0 {
            return Err(format!("acknowledgement: expected {ack}, got none"));
        }
        if tcp.ack != ack {
            return Err(number("acknowledgement", ack, tcp.ack));
        }
    }
    differs("window", spec.window, tcp.window)?;
    if spec.flags & URG != 0 {
        differs("urgent pointer", spec.urgent, tcp.urgent)?;
    }
    if let OptionsSpec::List(wanted) = &spec.options {
        check_options((wanted, spec), tcp, dialogue, settings)?;
    }
    check_text(tcp, dialogue)?;
    if cut && length < spec.len {
        let (seq, len) = (spec.seq.wrapping_add(length), spec.len - length);
        let rest = TcpSpec { seq, len, is_rest: true, ..spec.clone() };
        return Ok(Verdict::Part(rest));
    }
    if cut && length > spec.len {
        let mut rest = packet.clone();
        if let Body::Tcp(tcp) = &mut rest.body {
            tcp.seq = tcp.seq.wrapping_add(spec.len);
            tcp.payload.drain(..spec.len as usize);
        }
        return Ok(Verdict::More(rest));
    }
    differs("length", Some(spec.len), length)?;
    Ok(Verdict::Whole)
}

fn check_seq(spec: &TcpSpec, tcp: &Tcp, dialogue: &Dialogue) -> Result<(), Mismatch> {
    let got = if spec.absolute_seq { tcp.seq } else { dialogue.to_script(tcp.seq) };
    if got == spec.seq || spec.any_seq {
        return Ok(());
    }
    Err(number("sequence number", spec.seq, got))
}

/// The bytes must be those that were written.
fn check_text(tcp: &Tcp, dialogue: &Dialogue) -> Result<(), Mismatch> {
    let (Some(iss), false) = (dialogue.iss, dialogue.opaque) else { return Ok(()) };
    let syn = u32::from(tcp.flags & SYN != 0);
    let start = tcp.seq.wrapping_add(syn).wrapping_sub(iss).wrapping_sub(1);
    // A number before the first byte's is 2^32 - 1, where a plain count would run over.
    let places = (0..).map(|index| start.wrapping_add(index));
    let wrong = places.zip(&tcp.payload).find(|&(at, byte)| pattern(at) != *byte);
    match wrong {
        None => Ok(()),
        Some((at, _)) => Err(format!("text: byte {at} of the stream is not what was written")),
    }
}

fn check_options(
    (wanted, spec): (&[TcpOption], &TcpSpec),
    tcp: &Tcp,
    dialogue: &Dialogue,
    settings: &Settings,
) -> Result<(), Mismatch> {
    let in_order = settings.strict_options;
    let told = |options: &[TcpOption]| {
        let mut told: Vec<String> = options
            .iter()
            .filter(|option| in_order || !matches!(option, TcpOption::Nop | TcpOption::Eol))
            .map(|option| match option {
                // Its value is compared apart.
                TcpOption::Timestamps { .. } if spec.any_echo => "TS".to_owned(),
                TcpOption::Timestamps { echo, .. } => format!("TS ecr {echo}"),
                option => option.to_string(),
            })
            .collect();
        if !in_order {
            told.sort();
        }
        told
    };
    let (expected, got) = (told(wanted), told(&tcp.options));
    if expected != got {
        return Err(format!(
            "options: expected <{}>, got <{}>",
            list(wanted),
            list(&shown_options(&tcp.options, dialogue))
        ));
    }
    Ok(())
}

/// Whether the stack's timestamp clock has gone on as the script says.
pub(super) fn check_stamp(
    at: i64,
    (script, wire): (u32, u32),
    dialogue: &Dialogue,
    settings: &Settings,
) -> Result<(), Mismatch> {
    let tick = settings.timestamp_tick;
    let Some((error, _)) = dialogue.stamp_error(at, script, wire).filter(|_| tick > 0) else {
        return Ok(());
    };
    if error.abs() * tick > settings.tolerance + tick {
        let got = dialogue.stamp_to_script(wire);
        return Err(format!("timestamp: expected {script}, got {got} ({error:+} ticks)"));
    }
    Ok(())
}

fn differs<T: Copy + PartialEq + std::fmt::Display>(
    what: &str,
    wanted: Option<T>,
    got: T,
) -> Result<(), Mismatch> {
    match wanted {
        Some(wanted) if wanted != got => Err(format!("{what}: expected {wanted}, got {got}")),
        _ => Ok(()),
    }
}

fn number(what: &str, wanted: u32, got: u32) -> Mismatch {
    format!("{what}: expected {wanted}, got {got}")
}

/// Flags as a script writes them.
pub(super) fn flags(bits: u16) -> String {
    let names = [
        (0x002, 'S'),
        (0x001, 'F'),
        (0x004, 'R'),
        (0x008, 'P'),
        (0x020, 'U'),
        (0x100, 'A'),
        (0x080, 'W'),
        (0x040, 'E'),
        (0x010, '.'),
    ];
    let named: String =
        names.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect();
    if named.is_empty() { "-".into() } else { named }
}

/// A packet of the stack as a script would write it.
pub(super) fn show(packet: &Packet, dialogue: &Dialogue) -> String {
    match &packet.body {
        Body::Tcp(tcp) => {
            let seq = dialogue.to_script(tcp.seq);
            let length = u32::try_from(tcp.payload.len()).unwrap_or(u32::MAX);
            let mut text =
                format!("{} {seq}:{}({length})", flags(tcp.flags), seq.wrapping_add(length));
            if tcp.flags & ACK != 0 {
                let _ = write!(text, " ack {}", tcp.ack);
            }
            let _ = write!(text, " win {}", tcp.window);
            if tcp.flags & URG != 0 {
                let _ = write!(text, " urg {}", tcp.urgent);
            }
            if !tcp.options.is_empty() {
                let _ = write!(text, " <{}>", list(&shown_options(&tcp.options, dialogue)));
            }
            text
        }
        Body::Udp { payload, .. } => format!("udp ({})", payload.len()),
        Body::Icmp { kind, code, .. } => format!("icmp type {kind} code {code}"),
        Body::Other(protocol) => format!("protocol {protocol}"),
    }
}

fn shown_options(options: &[TcpOption], dialogue: &Dialogue) -> Vec<TcpOption> {
    let shown = |option: &TcpOption| match option {
        TcpOption::Timestamps { value, echo } => {
            TcpOption::Timestamps { value: dialogue.stamp_to_script(*value), echo: *echo }
        }
        option => option.clone(),
    };
    options.iter().map(shown).collect()
}

fn list(options: &[TcpOption]) -> String {
    options.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
