//! The protocol. Pure: no IO, no clock, no locks.
//!
//! A [`Connection`] has one door in, [`Connection::on_segment`], and one door out,
//! [`Connection::poll_transmit`]. Handlers never send: they change state and note what is owed.

mod acknowledgement;
mod blind;
mod buffers;
pub mod config;
pub mod congestion;
mod connection;
mod delivery;
mod ecn;
mod fast_open;
mod flight;
mod handshake;
mod harvest;
mod info;
mod input;
pub mod isn;
mod loss_detection;
mod mtu_search;
mod negotiation;
mod output;
mod pacing;
mod path;
mod prr;
mod rack;
pub mod reassembly;
mod receive;
mod recovery;
mod rightsizing;
mod rtt;
mod scoreboard;
mod send;
mod settings;
pub mod state;
mod stopwatch;
mod tail_probe;
mod tally;
mod tcb;
mod time_wait;
mod timers;
mod timestamps;
mod undo;

#[cfg(test)]
mod tests;

use std::fmt;
use std::num::NonZeroU16;
use std::sync::Arc;

use bitflags::bitflags;

pub use config::{BufferSize, Config, EcnPolicy, KeepAlive, UnknownEcnPolicy};
pub use connection::Connection;
use handshake::MIN_MSS;
pub use info::{CongestionState, Info};
pub use output::Reset;
pub use state::State;
/// Which side of a connection to shut down.
pub use std::net::Shutdown;
pub(crate) use time_wait::{TimeWait, Verdict};

use crate::buffer::{Lent, Pool};
use crate::wire::SeqNum;

/// Why a connection ended before its time. Sticky on its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Error {
    /// The peer reset an open connection.
    Reset,
    /// The peer (or its host, by ICMP) refused the connection.
    Refused,
    /// The peer did not answer for R2, the user timeout, or all keep-alive probes.
    TimedOut,
    /// We aborted it.
    Aborted,
    /// The network says that the peer's host cannot be reached.
    Unreachable,
    /// The network says that the peer's network cannot be reached.
    NetworkUnreachable,
    /// The peer's host does not speak TCP.
    ProtocolUnreachable,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reset => "connection reset by peer",
            Self::Refused => "connection refused",
            Self::TimedOut => "connection timed out",
            Self::Aborted => "connection aborted",
            Self::Unreachable => "host unreachable",
            Self::NetworkUnreachable => "network unreachable",
            Self::ProtocolUnreachable => "protocol unreachable",
        })
    }
}

impl std::error::Error for Error {}

/// What the network reports of a segment of ours (ICMP).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// It ends an attempt to connect. For an open connection it is a hint, too (RFC 5927, 5.2).
    Hard(Error),
    /// A hint: what is to be told if the connection times out (RFC 1122 4.2.3.9).
    Soft(Error),
}

impl Trouble {
    pub(crate) const fn error(self) -> Error {
        match self {
            Self::Hard(error) | Self::Soft(error) => error,
        }
    }
}

/// The rule that refused a segment, one variant a rule. Counted; tests assert on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Discard {
    /// RFC 9293 3.10.7.4, first: nothing of the segment lies in the window.
    OutsideWindow,
    /// RFC 7323 5.3, R1: its timestamp is older than the last one.
    OldTimestamp,
    /// RFC 7323 3.2: timestamps were negotiated and it has none.
    MissingTimestamp,
    /// RFC 5961 3.2: a RST outside the window, or not at its left edge (then it was challenged,
    /// unless too many were).
    BlindReset,
    /// RFC 9293 3.10.7.3: a RST in SYN-SENT whose ACK does not cover our SYN.
    UnsolicitedReset,
    /// RFC 5961 4.2: a SYN on a synchronised connection (challenged).
    BlindSyn,
    /// RFC 9293 3.10.7.4, fifth: no ACK bit.
    MissingAck,
    /// RFC 9293 3.10.7.4, fifth: it acknowledges what was never sent.
    FutureAck,
    /// RFC 5961 5.2: it acknowledges what is older than any window.
    AncientAck,
    /// RFC 9293 3.10.7.3 and 3.10.7.4: it acknowledges something else than our SYN (reset).
    UnacceptableAck,
    /// RFC 9293 3.10.7.3: neither SYN nor RST in SYN-SENT.
    NotASyn,
    /// RFC 9293 3.6.1, SHLD-3: data after the application let go (reset).
    DataAfterClose,
    /// RFC 6191: a SYN that may not reuse a TIME-WAIT.
    OldSyn,
    /// RFC 1337: a RST in TIME-WAIT.
    ResetInTimeWait,
    /// The connection is over.
    Closed,
}

impl Discard {
    /// Every variant, in the order of the counters.
    pub const ALL: [Self; 15] = [
        Self::OutsideWindow,
        Self::OldTimestamp,
        Self::MissingTimestamp,
        Self::BlindReset,
        Self::UnsolicitedReset,
        Self::BlindSyn,
        Self::MissingAck,
        Self::FutureAck,
        Self::AncientAck,
        Self::UnacceptableAck,
        Self::NotASyn,
        Self::DataAfterClose,
        Self::OldSyn,
        Self::ResetInTimeWait,
        Self::Closed,
    ];
}

bitflags! {
    /// What a verb has changed for those who wait outside.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct Signals: u8 {
        /// There is something to read: text, the end, or an error.
        const READABLE = 0x01;
        /// There is room to write, a third of the send buffer, or writing is over.
        const WRITABLE = 0x02;
        /// The connection has become open (both directions were opened).
        const OPENED = 0x04;
        /// The connection is over: nothing will be sent or received any more once
        /// `poll_transmit` has returned `None`.
        const CLOSED = 0x08;
        /// Urgent data became pending or moved forward (RFC 9293 3.8.5, MUST-32).
        const URGENT = 0x10;
        /// A TIME-WAIT gave way: the segment, a SYN, shall be handed to the listener (RFC 6191).
        const REUSE = 0x20;
        /// The peer has used up a third of the receive buffer since our last acknowledgement.
        const PRESSING = 0x40;
    }
}

/// What `on_segment` tells its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Reaction {
    /// What changed.
    pub signals: Signals,
    /// The rule that refused the segment, if one did.
    pub discard: Option<Discard>,
}

/// What one frame may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest IP packet of the path, bytes.
    pub mtu: usize,
    /// Largest frame, bytes: a packet, or with `offloads` one that stands for several.
    pub max_frame: usize,
    /// Who takes the frame cuts it and writes checksums: it carries the sum of the pseudo-header
    /// alone.
    pub offloads: bool,
    /// Who takes it also takes text that lies elsewhere (`Outgoing::text`).
    pub lends: bool,
}

impl Limits {
    /// One segment a frame, with its checksum, on a path of this MTU, bytes.
    #[must_use]
    pub const fn plain(mtu: usize) -> Self {
        Self { mtu, max_frame: mtu, offloads: false, lends: false }
    }

    /// The same towards a host to which the path takes no more than `mtu` bytes.
    #[must_use]
    pub fn on_path(self, mtu: usize) -> Self {
        let mtu = self.mtu.min(mtu);
        let max_frame = if self.offloads { self.max_frame } else { mtu };
        Self { mtu, max_frame, ..self }
    }
}

/// A frame was built.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// MSS-sized packets it stands for.
    pub wire_segments: u16,
    /// What is left to do, where `Limits::offloads` said that it may be: the checksum, and to cut the
    /// text into pieces of so many bytes.
    pub cut: Option<NonZeroU16>,
    /// Text that was not copied into the frame, and follows what stands there.
    pub text: Option<Box<Lent>>,
}

/// Where a new connection gets its numbers from.
#[derive(Clone, Debug)]
pub struct Birth {
    /// Initial send sequence number (RFC 6528).
    pub iss: SeqNum,
    /// Offset of our timestamp clock (RFC 7323, 7.1).
    pub timestamp_offset: u32,
    /// MTU of the path, bytes.
    pub mtu: usize,
    /// Bytes of the IP header that its segments get: 20 for IPv4, 40 for IPv6.
    pub ip_header: usize,
    /// Settings.
    pub config: Arc<Config>,
    /// Where text lies, and the account of the host's memory.
    pub pool: Pool,
}
