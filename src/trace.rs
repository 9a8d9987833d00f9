//! What happened, and how often? Counters and log events; formatting costs nothing unless enabled.

use std::sync::atomic::{AtomicU64, Ordering};

use log::{debug, log_enabled, trace};

use crate::tcp::Discard;
use crate::wire::{Body, Flow, Malformed, Packet, Segment};

/// The log target of every packet: `RUST_LOG=tuntcp::wire=trace` shows them all.
const WIRE: &str = "tuntcp::wire";

/// A segment has arrived.
pub(crate) fn received(flow: &Flow, segment: &Segment<'_>) {
    trace!(target: WIRE, "< {} > {} {segment}", flow.remote, flow.local);
}

/// Whether somebody looks at every frame.
pub(crate) fn shows_frames() -> bool {
    log_enabled!(target: WIRE, log::Level::Trace)
}

/// A frame is sent. It is read again to be shown, which happens only when somebody looks.
pub(crate) fn sent(frame: &[u8]) {
    if !shows_frames() {
        return;
    }
    match Packet::parse(frame, true) {
        Ok(Packet { body: Body::Tcp(flow, segment), .. }) => {
            trace!(target: WIRE, "> {} > {} {segment}", flow.remote, flow.local);
        }
        Ok(packet) => trace!(target: WIRE, "> {packet:?}"),
        Err(malformed) => trace!(target: WIRE, "> {malformed:?}: {frame:02x?}"),
    }
}

/// A connection has refused a segment.
pub(crate) fn discarded(flow: &Flow, segment: &Segment<'_>, why: Discard) {
    debug!(target: WIRE, "refused ({why:?}): {} > {} {segment}", flow.remote, flow.local);
}

/// The host has dropped a packet.
pub(crate) fn dropped(packet: &Packet<'_>, why: Dropped) {
    debug!(target: WIRE, "dropped ({why:?}): {} > {}", packet.source, packet.destination);
}

/// A frame could not be read.
pub(crate) fn malformed(frame: &[u8], why: Malformed) {
    debug!(target: WIRE, "malformed ({why:?}), {} bytes", frame.len());
}

/// Why the host dropped a packet that was well formed, or a frame it could not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dropped {
    /// Its destination is not an address of ours.
    NotOurs,
    /// Its source is multicast.
    FromMulticast,
    /// Its source is a broadcast address.
    FromBroadcast,
    /// Its source is a loopback address.
    FromLoopback,
    /// Its source is an address of ours.
    FromOurselves,
    /// Its source is unspecified or reserved: nobody could be answered.
    FromNowhere,
    /// A transport that we do not speak.
    UnknownProtocol,
    /// An IPv6 extension header or option asks for what we do not do (answered by parameter problem).
    UnknownExtension,
    /// A SYN beyond a listener's backlog.
    BacklogFull,
    /// SYN with FIN, while `HostConfig::drop_syn_fin` is on.
    SynFin,
    /// A segment for a connection that does not exist (answered by a RST, unless it was one).
    NoConnection,
    /// A UDP datagram to a port where nobody listens (answered by port unreachable).
    NoUdpPort,
    /// A datagram for an endpoint whose inbox was full, or for which there was no memory.
    ReceiveBufferFull,
    /// Overlapping fragments: the datagram was dropped.
    FragmentOverlap,
    /// Too many fragments were under way.
    FragmentNoRoom,
    /// A datagram was not whole in time.
    FragmentTimedOut,
    /// An ICMP message of a type that we ignore.
    IcmpIgnored,
    /// An ICMP error that quotes nothing of ours (RFC 5927, 4.1).
    IcmpStranger,
    /// The device could not take a frame.
    DeviceBusy,
}

impl Dropped {
    /// Every variant, in the order of the counters.
    pub const ALL: [Self; 19] = [
        Self::NotOurs,
        Self::FromMulticast,
        Self::FromBroadcast,
        Self::FromLoopback,
        Self::FromOurselves,
        Self::FromNowhere,
        Self::UnknownProtocol,
        Self::UnknownExtension,
        Self::BacklogFull,
        Self::SynFin,
        Self::NoConnection,
        Self::NoUdpPort,
        Self::ReceiveBufferFull,
        Self::FragmentOverlap,
        Self::FragmentNoRoom,
        Self::FragmentTimedOut,
        Self::IcmpIgnored,
        Self::IcmpStranger,
        Self::DeviceBusy,
    ];
}

/// Counts what the engine saw. Reading is always allowed; every count only grows.
#[derive(Debug, Default)]
pub struct Counters {
    malformed: [AtomicU64; Malformed::ALL.len()],
    discards: [AtomicU64; Discard::ALL.len()],
    drops: [AtomicU64; Dropped::ALL.len()],
    /// Frames received.
    pub frames_in: AtomicU64,
    /// Frames sent.
    pub frames_out: AtomicU64,
}

impl Counters {
    /// Frames that could not be read, for this reason.
    #[must_use]
    pub fn malformed(&self, why: Malformed) -> u64 {
        self.malformed[why as usize].load(Ordering::Relaxed)
    }

    /// Segments that a connection refused by this rule.
    #[must_use]
    pub fn discarded(&self, why: Discard) -> u64 {
        self.discards[why as usize].load(Ordering::Relaxed)
    }

    /// Packets dropped by the host, for this reason.
    #[must_use]
    pub fn dropped(&self, why: Dropped) -> u64 {
        self.drops[why as usize].load(Ordering::Relaxed)
    }

    /// Every count that is not zero, by the name of its reason.
    pub fn iter(&self) -> impl Iterator<Item = (String, u64)> {
        let malformed = Malformed::ALL.iter().map(|&why| (format!("{why:?}"), self.malformed(why)));
        let discards = Discard::ALL.iter().map(|&why| (format!("{why:?}"), self.discarded(why)));
        let drops = Dropped::ALL.iter().map(|&why| (format!("{why:?}"), self.dropped(why)));
        malformed.chain(discards).chain(drops).filter(|(_, count)| *count > 0)
    }

    pub(crate) fn count_malformed(&self, why: Malformed) {
        self.malformed[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_discard(&self, why: Discard) {
        self.discards[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_drop(&self, why: Dropped) {
        self.drops[why as usize].fetch_add(1, Ordering::Relaxed);
    }
}
