//! The protocol. Pure: no IO, no clock, no locks.
//!
//! A [`Connection`] has one door in, [`Connection::on_segment`], and one door out,
//! [`Connection::poll_transmit`]. Handlers never send: they change state and note what is owed.

pub mod config;
pub mod reassembly;
pub mod state;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bitflags::bitflags;

pub use config::{Config, KeepAlive};
pub use state::State;

use crate::buffer::{Chunk, Pool};
use crate::time::Instant;
use crate::wire::{Flow, Segment, SeqNum};

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
    /// The network says that the peer cannot be reached.
    Unreachable,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reset => "connection reset by peer",
            Self::Refused => "connection refused",
            Self::TimedOut => "connection timed out",
            Self::Aborted => "connection aborted",
            Self::Unreachable => "host unreachable",
        })
    }
}

impl std::error::Error for Error {}

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
    /// RFC 5961 3.2: a RST outside the window, or not at its left edge (then it was challenged).
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
        /// There is room to write, or writing is over.
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
    /// MSS-sized segments that one frame may stand for.
    pub segments: usize,
}

/// A frame was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// MSS-sized packets it stands for.
    pub wire_segments: u16,
}

/// Which side of a connection to shut down.
pub use std::net::Shutdown;

/// A snapshot of a connection for people and tests; grows with the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// RFC 9293's name of the state.
    pub state: State,
}

/// Where a new connection gets its numbers from.
#[derive(Clone, Debug)]
pub struct Birth {
    /// Both ends.
    pub flow: Flow,
    /// Initial send sequence number (RFC 6528).
    pub iss: SeqNum,
    /// Offset of our timestamp clock (RFC 7323, 7.1).
    pub timestamp_offset: u32,
    /// MTU of the path, bytes.
    pub mtu: usize,
    /// Settings.
    pub config: Arc<Config>,
}

/// One TCP connection, from the first SYN to the end of TIME-WAIT.
#[derive(Debug)]
pub struct Connection {}

impl Connection {
    /// Active open: a SYN is owed.
    #[must_use]
    pub fn active(_now: Instant, _birth: Birth) -> Self {
        todo!()
    }

    /// Passive open by `syn`, which the caller has found to be a SYN without ACK and RST: a
    /// SYN-ACK is owed.
    #[must_use]
    pub fn passive(_now: Instant, _birth: Birth, _syn: &Segment<'_>) -> Self {
        todo!()
    }

    /// The only door in: one segment of this connection has arrived, its checksum verified.
    pub fn on_segment(&mut self, _now: Instant, _segment: &Segment<'_>, _pool: &Pool) -> Reaction {
        todo!()
    }

    /// A moment that `poll_timeout` named has come. Calling it too early does nothing.
    pub fn on_timeout(&mut self, _now: Instant) -> Signals {
        todo!()
    }

    /// When `on_timeout` wants to be called; `NEVER` when no timer runs.
    #[must_use]
    pub fn poll_timeout(&self) -> Instant {
        todo!()
    }

    /// The only door out: appends one IP packet that is owed to `out`, which is empty, or returns
    /// `None`. Call it until it returns `None`.
    pub fn poll_transmit(
        &mut self,
        _now: Instant,
        _limits: &Limits,
        _out: &mut Vec<u8>,
    ) -> Option<Outgoing> {
        todo!()
    }

    /// An ICMP error quotes a segment of ours with `seq` (RFC 9293 3.9.2.2, RFC 5927 4.1): `hard`
    /// is the error that ends a connection attempt; an open connection only notes it.
    pub fn on_icmp(&mut self, _now: Instant, _seq: SeqNum, _hard: Option<Error>) -> Signals {
        todo!()
    }

    /// Hands `chunk` over to be sent. As much as the send buffer has room for is taken; how much
    /// that was (0: wait for `WRITABLE`). Before the connection is open it takes nothing.
    pub fn write(&mut self, _now: Instant, _chunk: Chunk) -> Result<usize, Error> {
        todo!()
    }

    /// Bytes that `write` would take now.
    #[must_use]
    pub fn writable(&self) -> usize {
        todo!()
    }

    /// Bytes that wait to be read.
    #[must_use]
    pub fn readable(&self) -> usize {
        todo!()
    }

    /// Takes the first whole chunk that waits to be read, if it fits into `max` bytes.
    pub fn read_chunk(&mut self, _max: usize) -> Option<Chunk> {
        todo!()
    }

    /// Copies what waits to be read into `out` and, unless `peek`, takes it away; how much it was.
    pub fn read(&mut self, _out: &mut [u8], _peek: bool) -> usize {
        todo!()
    }

    /// Whether the peer's FIN was reached, or reading was shut down, or the connection is over:
    /// when nothing is readable nothing will be.
    #[must_use]
    pub fn read_ended(&self) -> bool {
        todo!()
    }

    /// Whether writing is over: shut down by us, or the connection is over.
    #[must_use]
    pub fn write_ended(&self) -> bool {
        todo!()
    }

    /// CLOSE of one direction or both while the application keeps the connection
    /// (RFC 9293 3.10.4). Reading shut down: what arrives is acknowledged and thrown away.
    pub fn shutdown(&mut self, _now: Instant, _how: Shutdown) {
        todo!()
    }

    /// The application lets go: CLOSE of both directions. With unread data, or with a `linger` of
    /// zero, the connection is reset (RFC 9293 3.6.1, SHLD-3).
    pub fn close(&mut self, _now: Instant) -> Signals {
        todo!()
    }

    /// ABORT (RFC 9293 3.10.5): a RST is owed where the state wants one.
    pub fn abort(&mut self, _now: Instant) -> Signals {
        todo!()
    }

    /// Why the connection ended, if not in good order.
    #[must_use]
    pub fn error(&self) -> Option<Error> {
        todo!()
    }

    /// The state by its RFC name.
    #[must_use]
    pub fn state(&self) -> State {
        todo!()
    }

    /// A snapshot.
    #[must_use]
    pub fn info(&self, _now: Instant) -> Info {
        todo!()
    }

    /// `TCP_NODELAY`.
    pub fn set_nodelay(&mut self, _nodelay: bool) {
        todo!()
    }

    /// Keep-alive on, with these settings, or off.
    pub fn set_keepalive(&mut self, _now: Instant, _keepalive: Option<KeepAlive>) {
        todo!()
    }

    /// The user timeout, or none (then `Config::r2` decides).
    pub fn set_user_timeout(&mut self, _timeout: Option<Duration>) {
        todo!()
    }
}
