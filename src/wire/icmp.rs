//! ICMP messages (RFC 792).

use std::net::IpAddr;

use super::seq::SeqNum;
use super::tcp::Flow;

/// One ICMP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Type 8: to be answered.
    EchoRequest(Echo<'a>),
    /// Type 0.
    EchoReply(Echo<'a>),
    /// An error about a packet that we sent (types 3, 11, 12).
    Error(ErrorKind, Quote),
    /// Another type: ignored (RFC 1122, 3.2.2). Source quench is among them (RFC 6633).
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

/// What an ICMP error says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Type 3, its code (but 4).
    Unreachable(u8),
    /// Type 3 code 4, and the next hop's MTU (0 when not told).
    FragmentationNeeded(u16),
    /// Type 11, its code.
    TimeExceeded(u8),
    /// Type 12, its pointer.
    ParameterProblem(u8),
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
}

/// Appends one IP packet with an echo request or reply to `out`.
pub fn emit_echo(_out: &mut Vec<u8>, _from: IpAddr, _to: IpAddr, _reply: bool, _echo: &Echo<'_>) {
    todo!()
}

/// Appends one IP packet with a destination-unreachable of `code` that quotes `offending` (a whole
/// IP packet; its header and 8 bytes are quoted).
pub fn emit_unreachable(
    _out: &mut Vec<u8>,
    _from: IpAddr,
    _to: IpAddr,
    _code: u8,
    _offending: &[u8],
) {
    todo!()
}
