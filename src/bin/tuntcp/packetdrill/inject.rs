//! What the script sends: its packets, with the numbers of the wire.

use std::net::{IpAddr, SocketAddrV4};

use super::dialogue::{Dialogue, text};
use super::frame::{self, ACK, Body, Ip, Packet, SYN, Tcp};
use super::icmp;
use super::kernel::{Fault, File};
use super::run::{Run, wrong};
use super::script::{BodySpec, Ecn, OptionsSpec, PacketSpec, TcpOption, TcpSpec, Way};

/// Ports of the script's end where it names none.
const FIRST_REMOTE_PORT: u16 = 51_000;

impl Run<'_> {
    pub(super) fn inject(&mut self, spec: &PacketSpec) -> Result<(), Fault> {
        if let Some(wrapped) = spec.ip.encapsulation.first() {
            return Err(Fault::Unsupported(format!("{wrapped} around a packet")));
        }
        let index = self.dialogue_for(spec)?;
        let dialogue = &mut self.kernel.dialogues[index];
        let (source, destination) = (dialogue.remote.port(), dialogue.local.port());
        let body = match &spec.body {
            BodySpec::Tcp(tcp) => {
                refuse_extras(tcp)?;
                if tcp.flags & SYN != 0 {
                    dialogue.note_remote_syn(tcp.seq);
                }
                Body::Tcp(segment_to_wire(tcp, dialogue)?)
            }
            BodySpec::Udp(udp) => {
                Body::Udp { source, destination, payload: vec![0; udp.len as usize] }
            }
            BodySpec::Icmp(message) => icmp::build(message, dialogue).map_err(wrong)?,
            BodySpec::Other(name) => return Err(Fault::Unsupported(format!("{name} packets"))),
        };
        let class = spec.ip.tos.or(spec.ip.dscp.map(|dscp| dscp << 2)).unwrap_or(0);
        let tos = class & !3
            | match spec.ip.ecn {
                None => class & 3,
                Some(Ecn::NotEct) => 0,
                Some(Ecn::Ect1) => 1,
                Some(Ecn::Ect0 | Ecn::Ect01) => 2,
                Some(Ecn::Ce) => 3,
            };
        let ip = Ip {
            source: *dialogue.remote.ip(),
            destination: *dialogue.local.ip(),
            tos,
            ttl: spec.ip.ttl.unwrap_or(255),
            id: spec.ip.id.unwrap_or(0),
            df: spec.ip.df.unwrap_or(false),
        };
        if !self.kernel.world.deliver(frame::emit(&Packet { ip, body })) {
            return Err(wrong("the packet is larger than the MTU"));
        }
        Ok(())
    }

    /// The dialogue that a packet of the script belongs to.
    fn dialogue_for(&mut self, spec: &PacketSpec) -> Result<usize, Fault> {
        if let Some((remote, local)) = self.named_ends(spec)? {
            return Ok(self.find_or_make(local, remote));
        }
        if let Some(at) = self.kernel.expects_peer.take() {
            let remote = self.next_remote();
            return Ok(self.find_or_make(at, remote));
        }
        if let Some(index) = self.under_test {
            return Ok(index);
        }
        let settings = &self.kernel.settings;
        let bound = self.kernel.files.values().find_map(|file| match file {
            File::Socket(sock) => sock.bound,
            _ => None,
        });
        let port = bound.map_or(settings.bind_port, |bound| bound.port());
        let local = SocketAddrV4::new(settings.local, port);
        let remote = self.next_remote();
        Ok(self.find_or_make(local, remote))
    }

    /// Source and destination, where the script names them.
    pub(super) fn named_ends(
        &self,
        spec: &PacketSpec,
    ) -> Result<Option<(SocketAddrV4, SocketAddrV4)>, Fault> {
        if let Some((source, destination)) = spec.addresses {
            let (IpAddr::V4(from), IpAddr::V4(to)) = (source.address, destination.address) else {
                return Err(Fault::Unsupported("IPv6".into()));
            };
            let ends =
                (SocketAddrV4::new(from, source.port), SocketAddrV4::new(to, destination.port));
            return Ok(Some(ends));
        }
        let settings = &self.kernel.settings;
        let (from, to) = match spec.way {
            Way::In => (settings.remote, settings.local),
            Way::Out => (settings.local, settings.remote),
        };
        let ends = |(source, destination)| {
            (SocketAddrV4::new(from, source), SocketAddrV4::new(to, destination))
        };
        Ok(spec.ports.map(ends))
    }

    fn next_remote(&self) -> SocketAddrV4 {
        let used = u16::try_from(self.kernel.dialogues.len()).unwrap_or(0);
        SocketAddrV4::new(self.kernel.settings.remote, FIRST_REMOTE_PORT.saturating_add(used))
    }

    pub(super) fn find_or_make(&mut self, local: SocketAddrV4, remote: SocketAddrV4) -> usize {
        let dialogues = &mut self.kernel.dialogues;
        let known = dialogues.iter().position(|of| of.local == local && of.remote == remote);
        let index = known.unwrap_or_else(|| {
            dialogues.push(Dialogue::new(local, remote));
            dialogues.len() - 1
        });
        self.under_test = Some(index);
        index
    }
}

/// `ack 5!`: the acknowledgement as it is on the wire.
const ABSOLUTE_ACK: &str = "ack!";

fn refuse_extras(tcp: &TcpSpec) -> Result<(), Fault> {
    let unknown = match &tcp.options {
        OptionsSpec::List(options) => options.iter().find_map(|option| match option {
            TcpOption::Unknown(name) => Some(name),
            _ => None,
        }),
        OptionsSpec::Any => None,
    };
    let extra = tcp.extras.iter().find(|extra| *extra != ABSOLUTE_ACK);
    match unknown.or(extra) {
        Some(what) => Err(Fault::Unsupported(format!("{what} in a TCP header"))),
        None => Ok(()),
    }
}

fn segment_to_wire(tcp: &TcpSpec, dialogue: &Dialogue) -> Result<Tcp, Fault> {
    let OptionsSpec::List(options) = &tcp.options else {
        return Err(wrong("a packet that is sent must name its options"));
    };
    if tcp.any_flags {
        return Err(wrong("a packet that is sent must name its flags"));
    }
    let start = dialogue.irs.map_or(0, |irs| irs.wrapping_add(1));
    // Text on a SYN is the first.
    let at = if tcp.flags & SYN != 0 { 0 } else { tcp.seq.wrapping_sub(start) };
    Ok(Tcp {
        source: dialogue.remote.port(),
        destination: dialogue.local.port(),
        seq: tcp.seq,
        ack: match tcp.ack {
            Some(ack) if tcp.extras.iter().any(|extra| extra == ABSOLUTE_ACK) => ack,
            ack => ack.map_or(0, |ack| dialogue.to_wire(ack)),
        },
        flags: tcp.flags,
        window: tcp.window.unwrap_or(0),
        urgent: tcp.urgent.unwrap_or(0),
        options: dialogue.options_to_wire(options, tcp.flags & ACK != 0 && !tcp.absolute_echo),
        payload: text(at, tcp.len as usize),
    })
}
