//! Which datagrams are not yet whole? IP reassembly within bounds (RFC 791, 3.2; RFC 1122, 3.3.2;
//! RFC 8200, 4.5).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::time::Instant;
use crate::trace::Dropped;
use crate::wire::icmp::quotable;
use crate::wire::ip::emit_packet;
use crate::wire::{Body, EcnCodepoint, Fragment, IpFields, PROTOCOL_ICMP, PROTOCOL_ICMPV6, Packet};

#[cfg(test)]
#[path = "tests/fragments.rs"]
mod tests;

/// How long a datagram may take to become whole. RFC 1122 3.3.2 recommends 60 to 120 s for the
/// Internet of 1989; like Linux we keep fragments for 30 s.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same for IPv6 (RFC 8200, 4.5).
const PATIENCE_V6: Duration = Duration::from_secs(60);

/// Datagrams under way at the most.
const MOST_DATAGRAMS: usize = 64;

/// Bytes of fragments held at the most, [`OVERHEAD`] included.
const MOST_BYTES: usize = 1 << 20;

/// What keeping a piece costs beside its own bytes, so that tiny pieces do not come free.
const OVERHEAD: usize = 64;

/// Pieces of one datagram at the most: of the smallest size that is useful.
const MOST_PIECES: usize = 1024;

/// What makes fragments belong together: of IPv4 the protocol, too (RFC 791, 3.2), which later
/// fragments of IPv6 need not know (RFC 8200, 4.5).
type Key = (IpAddr, IpAddr, Option<u8>, u32);

/// A datagram of which the first piece came, but not all others in time: to be told to its sender
/// (RFC 1122, 3.3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedOut {
    /// Who sent it.
    pub source: IpAddr,
    /// To whom.
    pub destination: IpAddr,
    /// The first piece, as it arrived: of IPv4 its IP header and 8 bytes, of IPv6 as much as an error
    /// quotes.
    pub quote: Vec<u8>,
}

/// Datagrams that are not yet whole: at most 64, in at most 1 MiB, each for at most 30 s (of IPv6
/// 60 s). Where room is short the oldest gives way, so that a flood has to last to keep others out.
///
/// ```
/// use tuntcp::fragments::Fragments;
/// use tuntcp::time::Instant;
///
/// let fragments = Fragments::new();
/// assert_eq!(fragments.deadline(), Instant::NEVER);
/// ```
#[derive(Debug, Default)]
pub struct Fragments {
    /// Ordered, so that one seed gives the same packets every time.
    datagrams: BTreeMap<Key, Datagram>,
    bytes: usize,
    /// Grows with every datagram, to tell the oldest.
    count: u64,
}

#[derive(Debug)]
struct Datagram {
    age: u64,
    expires: Instant,
    /// What the first piece says that it carries.
    protocol: u8,
    /// Each piece by its offset; none overlaps another.
    pieces: BTreeMap<u16, Vec<u8>>,
    /// Length of the whole, once the last piece is here.
    len: Option<usize>,
    /// Of the piece at offset 0, once that is here, and of the first to come until then.
    ip: IpFields,
    /// The ECN codepoints of the pieces, a bit each.
    ecn_seen: u8,
    /// The header of the piece at offset 0 and its first 8 bytes: what an error quotes.
    quote: Vec<u8>,
    /// Bytes of payload.
    held: usize,
    /// Pieces that overlap have come: what else belongs to it is dropped until it expires.
    poisoned: bool,
}

impl Fragments {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fragment (`packet.body` is `Body::Fragment`). When its datagram is whole, the whole
    /// IP packet, with a header that says so. `dropped` is called once for every datagram given up;
    /// those whose pieces contradict each other in any way are counted as overlaps.
    pub fn insert(
        &mut self,
        now: Instant,
        packet: &Packet<'_>,
        mut dropped: impl FnMut(Dropped),
    ) -> Option<Vec<u8>> {
        let Body::Fragment(fragment) = &packet.body else { return None };
        let is_v6 = packet.source.is_ipv6();
        let protocol = (!is_v6).then_some(fragment.protocol);
        let key = (packet.source, packet.destination, protocol, packet.ip.identification);
        self.make_room(&key, fragment.payload.len(), &mut dropped);
        self.count += 1;
        let datagram = self.datagrams.entry(key).or_insert_with(|| Datagram {
            age: self.count,
            expires: now + if is_v6 { PATIENCE_V6 } else { PATIENCE },
            protocol: fragment.protocol,
            pieces: BTreeMap::new(),
            len: None,
            ip: packet.ip,
            ecn_seen: 0,
            quote: Vec::new(),
            held: 0,
            poisoned: false,
        });
        let before = datagram.cost();
        if !datagram.poisoned && datagram.add(fragment, packet.ip).is_err() {
            // RFC 5722 for IPv6, and good sense for IPv4: nobody honest sends overlaps, and who
            // reassembles them otherwise than a filter on the way is deceived.
            datagram.poison();
            dropped(Dropped::FragmentOverlap);
        }
        self.bytes = self.bytes - before + datagram.cost();
        if !datagram.is_whole() {
            return None;
        }
        let datagram = self.datagrams.remove(&key)?;
        self.bytes -= datagram.cost();
        if datagram.marks_contradict() {
            dropped(Dropped::FragmentOverlap);
            return None;
        }
        Some(datagram.assemble(packet.source, packet.destination))
    }

    /// When `expire` wants to be called.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.datagrams.values().map(|datagram| datagram.expires).min().unwrap_or(Instant::NEVER)
    }

    /// Drops what has not become whole in time; of that, what its sender may be told.
    pub fn expire(&mut self, now: Instant, mut dropped: impl FnMut(Dropped)) -> Vec<TimedOut> {
        let mut timed_out = Vec::new();
        self.datagrams.retain(|&(source, destination, ..), datagram| {
            if !datagram.expires.is_due(now) {
                return true;
            }
            self.bytes -= datagram.cost();
            if !datagram.poisoned {
                dropped(Dropped::FragmentTimedOut);
            }
            if !datagram.quote.is_empty() {
                let quote = std::mem::take(&mut datagram.quote);
                timed_out.push(TimedOut { source, destination, quote });
            }
            false
        });
        timed_out
    }

    /// The oldest of the others give way to a piece of `len` bytes of the datagram `key`, which
    /// by itself is far smaller than the bound.
    fn make_room(&mut self, key: &Key, len: usize, dropped: &mut impl FnMut(Dropped)) {
        loop {
            let crowded =
                self.datagrams.len() >= MOST_DATAGRAMS && !self.datagrams.contains_key(key);
            if !crowded && self.bytes + len + OVERHEAD <= MOST_BYTES {
                return;
            }
            let others = self.datagrams.iter().filter(|(other, _)| *other != key);
            let oldest = others.min_by_key(|(_, datagram)| datagram.age);
            let Some(oldest) = oldest.map(|(key, _)| *key) else { return };
            if let Some(datagram) = self.datagrams.remove(&oldest) {
                self.bytes -= datagram.cost();
                if !datagram.poisoned {
                    dropped(Dropped::FragmentNoRoom);
                }
            }
        }
    }
}

/// Two pieces of a datagram contradict each other.
struct Overlap;

impl Datagram {
    fn add(&mut self, fragment: &Fragment<'_>, ip: IpFields) -> Result<(), Overlap> {
        let start = usize::from(fragment.offset);
        let end = start + fragment.payload.len();
        if let Some(same) = self.pieces.get(&fragment.offset)
            && same == fragment.payload
        {
            // The network has made two of one: that is no overlap.
            return Ok(());
        }
        let left = self.pieces.range(..=fragment.offset).next_back();
        let right = self.pieces.range(fragment.offset..).next();
        let reaches = |(&at, piece): (&u16, &Vec<u8>)| usize::from(at) + piece.len();
        if left.map_or(0, reaches) > start
            || right.is_some_and(|(&at, _)| usize::from(at) < end)
            || self.len.is_some_and(|len| end > len || !fragment.more)
            || self.pieces.len() == MOST_PIECES
        {
            return Err(Overlap);
        }
        if !fragment.more {
            let last = self.pieces.last_key_value().map_or(0, reaches);
            if last > end {
                return Err(Overlap);
            }
            self.len = Some(end);
        }
        self.ecn_seen |= 1 << ip.ecn.bits();
        if start == 0 {
            self.ip = ip;
            self.protocol = fragment.protocol;
            self.quote = quote(fragment);
        }
        self.held += fragment.payload.len();
        self.pieces.insert(fragment.offset, fragment.payload.to_vec());
        Ok(())
    }

    /// RFC 5722 4: what else comes of it is dropped silently until it would have expired.
    fn poison(&mut self) {
        self.poisoned = true;
        self.held = 0;
        self.pieces = BTreeMap::new();
        self.quote = Vec::new();
        self.len = None;
    }

    /// What counts against [`MOST_BYTES`].
    fn cost(&self) -> usize {
        self.held + self.pieces.len() * OVERHEAD
    }

    /// RFC 3168 5.3: a router marks only what may be marked, so a mark on one piece and none
    /// possible on another cannot both be true.
    fn marks_contradict(&self) -> bool {
        self.ecn_seen & CE != 0 && self.ecn_seen & NOT_ECT != 0
    }

    fn is_whole(&self) -> bool {
        self.len == Some(self.held)
    }

    fn assemble(mut self, source: IpAddr, destination: IpAddr) -> Vec<u8> {
        // RFC 3168 5.3: a mark on a piece is one on the whole.
        if self.ecn_seen & CE != 0 {
            self.ip.ecn = EcnCodepoint::Ce;
        }
        let payload: Vec<u8> = self.pieces.into_values().flatten().collect();
        emit_packet(source, destination, self.protocol, &self.ip, &payload)
    }
}

/// What a time-exceeded about this first piece quotes; nothing where none may be sent, because it
/// may be an ICMP error itself (RFC 1122, 3.2.2; RFC 4443, 2.4 e.1).
fn quote(first: &Fragment<'_>) -> Vec<u8> {
    const ECHO_REQUEST: u8 = 8;
    const INFORMATIONAL_V6: u8 = 128;
    let kind = first.payload.first().copied().unwrap_or(0);
    let may_be_error = match first.protocol {
        PROTOCOL_ICMP => kind != ECHO_REQUEST,
        PROTOCOL_ICMPV6 => kind < INFORMATIONAL_V6,
        _ => false,
    };
    if may_be_error {
        return Vec::new();
    }
    let mut quote = [first.header, first.payload].concat();
    quote.truncate(quotable(&quote).len());
    quote.shrink_to_fit();
    quote
}

/// Bits of [`Datagram::ecn_seen`].
const CE: u8 = 1 << EcnCodepoint::Ce.bits();
const NOT_ECT: u8 = 1 << EcnCodepoint::NotEct.bits();
