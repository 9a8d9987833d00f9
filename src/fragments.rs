//! Which datagrams are not yet whole? IP reassembly within bounds (RFC 791, 3.2; RFC 1122, 3.3.2).

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use crate::time::Instant;
use crate::trace::Dropped;
use crate::wire::ip::emit_packet;
use crate::wire::{Body, Fragment, IpFields, Packet};

/// How long a datagram may take to become whole. RFC 1122 3.3.2 recommends 60 to 120 s for the
/// Internet of 1989; like Linux we keep fragments for 30 s.
const PATIENCE: Duration = Duration::from_secs(30);

/// Datagrams under way at the most.
const MOST_DATAGRAMS: usize = 64;

/// Bytes of fragments held at the most.
const MOST_BYTES: usize = 1 << 20;

/// Pieces of one datagram at the most: of the smallest size that is useful.
const MOST_PIECES: usize = 1024;

/// RFC 791 3.2: what makes fragments belong together.
type Key = (IpAddr, IpAddr, u8, u16);

/// Datagrams that are not yet whole.
#[derive(Debug, Default)]
pub struct Fragments {
    datagrams: HashMap<Key, Datagram>,
    bytes: usize,
    /// Grows with every datagram, to tell the oldest.
    count: u64,
}

#[derive(Debug)]
struct Datagram {
    age: u64,
    expires: Instant,
    /// Each piece by its offset; none overlaps another.
    pieces: BTreeMap<u16, Vec<u8>>,
    /// Length of the whole, once the last piece is here.
    len: Option<usize>,
    ip: IpFields,
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
    /// IP packet, with a header that says so. `dropped` is called once for every datagram given up.
    pub fn insert(
        &mut self,
        now: Instant,
        packet: &Packet<'_>,
        mut dropped: impl FnMut(Dropped),
    ) -> Option<Vec<u8>> {
        let Body::Fragment(fragment) = &packet.body else { return None };
        let identification = packet.ip.identification;
        let key = (packet.source, packet.destination, fragment.protocol, identification);
        self.make_room(&key, fragment.payload.len(), &mut dropped);
        self.count += 1;
        let datagram = self.datagrams.entry(key).or_insert_with(|| Datagram {
            age: self.count,
            expires: now + PATIENCE,
            pieces: BTreeMap::new(),
            len: None,
            ip: packet.ip,
            held: 0,
            poisoned: false,
        });
        let before = datagram.held;
        if !datagram.poisoned && datagram.add(fragment, packet.ip).is_err() {
            // RFC 5722 for IPv6, and good sense for IPv4: nobody honest sends overlaps, and who
            // reassembles them otherwise than a filter on the way is deceived.
            datagram.poison();
            dropped(Dropped::FragmentOverlap);
        }
        self.bytes = self.bytes - before + datagram.held;
        if !datagram.is_whole() {
            return None;
        }
        let datagram = self.datagrams.remove(&key)?;
        self.bytes -= datagram.held;
        Some(datagram.assemble(packet.source, packet.destination, fragment.protocol))
    }

    /// When `expire` wants to be called.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.datagrams.values().map(|datagram| datagram.expires).min().unwrap_or(Instant::NEVER)
    }

    /// Drops what has not become whole in time.
    pub fn expire(&mut self, now: Instant, mut dropped: impl FnMut(Dropped)) {
        if self.datagrams.is_empty() {
            return;
        }
        self.datagrams.retain(|_, datagram| {
            let late = datagram.expires.is_due(now);
            if late {
                self.bytes -= datagram.held;
                if !datagram.poisoned {
                    dropped(Dropped::FragmentTimedOut);
                }
            }
            !late
        });
    }

    /// The oldest datagrams give way to a piece of `len` bytes.
    fn make_room(&mut self, key: &Key, len: usize, dropped: &mut impl FnMut(Dropped)) {
        loop {
            let crowded =
                self.datagrams.len() >= MOST_DATAGRAMS && !self.datagrams.contains_key(key);
            if !crowded && self.bytes + len <= MOST_BYTES {
                return;
            }
            let oldest = self.datagrams.iter().min_by_key(|(_, datagram)| datagram.age);
            let Some(oldest) = oldest.map(|(key, _)| *key) else { return };
            if let Some(datagram) = self.datagrams.remove(&oldest) {
                self.bytes -= datagram.held;
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
        // RFC 3168 5.3: a congestion mark on a piece is one on the whole.
        if ip.ecn == CONGESTION_EXPERIENCED {
            self.ip.ecn = ip.ecn;
        }
        self.held += fragment.payload.len();
        self.pieces.insert(fragment.offset, fragment.payload.to_vec());
        Ok(())
    }

    fn poison(&mut self) {
        self.poisoned = true;
        self.held = 0;
        self.pieces = BTreeMap::new();
        self.len = None;
    }

    fn is_whole(&self) -> bool {
        self.len == Some(self.held)
    }

    fn assemble(self, source: IpAddr, destination: IpAddr, protocol: u8) -> Vec<u8> {
        let payload: Vec<u8> = self.pieces.into_values().flatten().collect();
        emit_packet(source, destination, protocol, &self.ip, &payload)
    }
}

/// The ECN codepoint CE (RFC 3168, 5).
const CONGESTION_EXPERIENCED: u8 = 0b11;
