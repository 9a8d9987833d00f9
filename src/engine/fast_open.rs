//! Whose text is taken with a SYN, and who takes ours? The cookies of TCP Fast Open (RFC 7413): those
//! that we give as a server, and those that servers have given us.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::listener::Shared;
use super::packed::PackedFlow;
use super::slot::Slot;
use super::{Baton, Engine, lock};
use crate::buffer::Queue;
use crate::tcp::{Connection, Signals};
use crate::time::Instant;
use crate::wire::{Cookie, Flags, Flow, Segment};

/// How long a cookie of ours is given; it is taken for as long again (RFC 7413 4.1.2).
const EPOCH: Duration = Duration::from_secs(3600);

/// Servers that are remembered: beyond that, the one that was heard of longest ago goes.
const MOST: usize = 4096;

/// How long Fast Open is not tried with a server after a SYN that tried it was lost: something on the
/// way may drop those (RFC 7413 4.1.3, 7.1). As Linux, to begin with.
const AVOIDED: Duration = Duration::from_secs(3600);

/// Bytes of text in one piece.
const PIECE: usize = 64 << 10;

/// What servers have given us (RFC 7413 4.1.3, RFC7413-4.1.3).
pub(super) struct Cookies {
    known: Mutex<HashMap<IpAddr, Known>>,
}

/// What is known of a server.
#[derive(Clone, Copy)]
struct Known {
    cookie: Cookie,
    /// What it said that a segment to it may have, bytes.
    mss: u16,
    /// Until when it is not tried, if it is not.
    avoided_until: Option<Instant>,
    heard_of: Instant,
}

/// The MSS of a server that has told none, bytes (RFC 7413 4.1.3; RFC 9293 3.7.1, MUST-15).
fn default_mss(server: IpAddr) -> u16 {
    if server.is_ipv6() { 1220 } else { 536 }
}

impl Cookies {
    pub(super) fn new() -> Self {
        Self { known: Mutex::default() }
    }

    /// What to say to `server` with a SYN, and the MSS that it told: a cookie, the request for one, or
    /// nothing.
    fn find(&self, now: Instant, server: IpAddr) -> (Option<Cookie>, u16) {
        match lock(&self.known).get(&server) {
            Some(known) if known.avoided_until.is_some_and(|until| !until.is_due(now)) => (None, 0),
            Some(known) => (Some(known.cookie), known.mss),
            None => (Some(Cookie::REQUEST), default_mss(server)),
        }
    }

    /// `server` gives us a cookie.
    fn learn(&self, now: Instant, server: IpAddr, cookie: Cookie, mss: u16) {
        let avoided_until = None;
        self.put(server, Known { cookie, mss, avoided_until, heard_of: now });
    }

    /// A SYN to `server` that tried it was lost, or seems to be.
    pub(super) fn avoid(&self, now: Instant, server: IpAddr) {
        let known = lock(&self.known).get(&server).copied();
        let (cookie, mss) =
            known.map_or((Cookie::REQUEST, default_mss(server)), |known| (known.cookie, known.mss));
        self.put(server, Known { cookie, mss, avoided_until: Some(now + AVOIDED), heard_of: now });
    }

    fn put(&self, server: IpAddr, news: Known) {
        let mut known = lock(&self.known);
        if known.len() >= MOST && !known.contains_key(&server) {
            let oldest = known.iter().min_by_key(|(server, known)| (known.heard_of, **server));
            if let Some(oldest) = oldest.map(|(server, _)| *server) {
                known.remove(&oldest);
            }
        }
        known.insert(server, news);
    }
}

impl Engine {
    /// What is said before an active open.
    pub(super) fn say_early(
        &self,
        now: Instant,
        connection: &mut Connection,
        flow: &Flow,
        fast_open: bool,
        text: &[u8],
    ) {
        if !fast_open && text.is_empty() {
            return;
        }
        let mut queue = Queue::new();
        for piece in text.chunks(PIECE) {
            let mut chunk = self.pool.chunk(piece.len());
            chunk.extend(piece);
            queue.append(chunk);
        }
        let (cookie, mss) =
            if fast_open { self.cookies.find(now, flow.remote.ip()) } else { (None, 0) };
        connection.say_early(cookie, mss, queue);
    }

    /// A connection is open with this segment: a SYN-ACK may give us a cookie (RFC 7413 4.1.1,
    /// RFC7413-4.1.1: elsewhere it counts for nothing).
    pub(super) fn note_cookie(&self, now: Instant, flow: &PackedFlow, segment: &Segment<'_>) {
        if segment.flags.contains(Flags::SYN)
            && let Some(cookie) = segment.options.fast_open
            && !cookie.is_request()
        {
            let server = flow.flow().remote.ip();
            let mss = segment.options.mss.unwrap_or_else(|| default_mss(server));
            self.cookies.learn(now, server, cookie, mss);
        }
    }

    /// A SYN for a listener that keeps a place for it.
    pub(super) fn take_syn(
        &self,
        now: Instant,
        flow: Flow,
        syn: &Segment<'_>,
        listener: &Arc<Shared>,
        baton: &mut Baton,
    ) {
        let (connection, early) = self.passive(now, flow, syn, listener);
        let slot = Slot::new(flow, connection, (!early).then_some(listener));
        slot.set_queue(baton.queue);
        let slot = Arc::new(slot);
        if self.demux.insert_new(&flow, || Arc::clone(&slot)).is_none() {
            // Somebody here has begun to open the same connection meanwhile.
            return listener.given_up();
        }
        if early {
            slot.lock().note_past(Signals::OPENED);
            if !listener.opened(Arc::clone(&slot)) {
                self.abort(now, &slot);
            }
        }
        baton.owed.push(slot);
    }

    /// The connection that a SYN begins, and whether the application may have it at once
    /// (RFC 7413 4.2.2).
    fn passive(
        &self,
        now: Instant,
        flow: Flow,
        syn: &Segment<'_>,
        listener: &Shared,
    ) -> (Connection, bool) {
        let birth = self.birth(now, flow, &listener.config());
        let shown = syn.options.fast_open.filter(|_| listener.offers_fast_open());
        let Some(shown) = shown else { return (Connection::passive(now, birth, syn), false) };
        let epoch = now.as_nanos() / EPOCH.as_nanos() as u64;
        let cookie_of = |epoch| self.isn.cookie(flow.remote.ip(), flow.local.ip(), epoch);
        let current = cookie_of(epoch);
        let good = [Some(current), epoch.checked_sub(1).map(cookie_of)]
            .iter()
            .flatten()
            .any(|cookie| cookie[..] == *shown.as_slice());
        let place = if good && !syn.payload.is_empty() { listener.fast_open_place() } else { None };
        if let Some(place) = place {
            return (Connection::passive_early(now, birth, syn, &self.pool, place), true);
        }
        // RFC7413-4.2.2-a: only the SYN is acknowledged, its text comes again.
        let mut connection = Connection::passive(now, birth, syn);
        let stale = shown.as_slice() != current;
        if let Some(cookie) = Cookie::new(&current).filter(|_| stale) {
            connection.give_cookie(cookie);
        }
        (connection, false)
    }
}
