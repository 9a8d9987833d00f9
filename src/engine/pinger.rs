//! Who answers? Echo requests and their replies (RFC 792; RFC 4443, 4).

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::{Engine, OpenError, lock};
use crate::time::Instant;
use crate::wire::icmp::{Echo, emit_echo};
use crate::wire::ip;

/// Replies that wait to be received; the oldest gives way.
const MOST_REPLIES: usize = 1024;

/// Bytes that an echo request can carry: a datagram without its IP and ICMP headers.
const MOST_PAYLOAD: usize = 65_535 - 20 - 8;

/// An endpoint that sends echo requests. Dropping it closes it.
#[derive(Debug)]
pub struct Pinger {
    engine: Arc<Engine>,
    identifier: u16,
    inbox: Arc<Inbox>,
}

/// The answer to an echo request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EchoReply {
    /// Who answered.
    pub from: IpAddr,
    /// Which request.
    pub sequence: u16,
    /// What came back.
    pub payload: Vec<u8>,
    /// Time to live it arrived with, hops.
    pub ttl: u8,
    /// When it arrived.
    pub at: Instant,
}

#[derive(Debug, Default)]
struct Inbox {
    replies: Mutex<VecDeque<EchoReply>>,
    arrived: Condvar,
}

/// Every open pinger by its identifier.
pub(super) struct Pingers {
    open: Mutex<HashMap<u16, Arc<Inbox>>>,
    next: AtomicU32,
}

impl Pingers {
    pub(super) fn new() -> Self {
        Self { open: Mutex::default(), next: AtomicU32::new(1) }
    }

    /// A reply for `identifier`; whether anybody waits for such.
    pub(super) fn deliver(&self, identifier: u16, reply: EchoReply) -> bool {
        let Some(inbox) = lock(&self.open).get(&identifier).cloned() else { return false };
        let mut replies = lock(&inbox.replies);
        if replies.len() == MOST_REPLIES {
            replies.pop_front();
        }
        replies.push_back(reply);
        drop(replies);
        inbox.arrived.notify_all();
        true
    }

    /// Whether there are any.
    pub(super) fn are_open(&self) -> bool {
        !lock(&self.open).is_empty()
    }

    pub(super) fn wake_all(&self) {
        for inbox in lock(&self.open).values() {
            inbox.arrived.notify_all();
        }
    }
}

impl Pinger {
    pub(super) fn open(engine: &Arc<Engine>) -> Result<Self, OpenError> {
        let mut open = lock(&engine.pingers.open);
        for _ in 0..=u16::MAX {
            let next = engine.pingers.next.fetch_add(1, Ordering::Relaxed) & 0xffff;
            let identifier = u16::try_from(next).unwrap_or(0);
            if let std::collections::hash_map::Entry::Vacant(place) = open.entry(identifier) {
                let inbox = Arc::new(Inbox::default());
                place.insert(Arc::clone(&inbox));
                return Ok(Self { engine: Arc::clone(engine), identifier, inbox });
            }
        }
        Err(OpenError::PortsExhausted)
    }

    /// Sends one request, in fragments where it is longer than the MTU. Of `payload` at most
    /// 65,507 bytes are sent: no datagram holds more.
    pub fn send(
        &self,
        now: Instant,
        to: IpAddr,
        sequence: u16,
        payload: &[u8],
    ) -> Result<(), OpenError> {
        self.engine.refuse_when_down()?;
        if !ip::is_host(to) || self.engine.is_broadcast(to) || self.engine.is_ours(to) {
            return Err(OpenError::BadRemote);
        }
        let from = self.engine.source_for(to).ok_or(OpenError::BadRemote)?;
        let mut frame = self.engine.take_frame_buffer();
        let payload = &payload[..payload.len().min(MOST_PAYLOAD)];
        let echo = Echo { identifier: self.identifier, sequence, payload };
        emit_echo(&mut frame, from, to, false, &echo);
        self.engine.send_datagram(now, 0, &frame);
        self.engine.give_frame_buffer(frame);
        Ok(())
    }

    /// The next answer, if one has arrived.
    #[must_use]
    pub fn receive(&self) -> Option<EchoReply> {
        lock(&self.inbox.replies).pop_front()
    }

    /// Sleeps until `receive` has something or `timeout` has passed (`false` then).
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        let replies = lock(&self.inbox.replies);
        let idle = |replies: &mut VecDeque<EchoReply>| replies.is_empty() && !self.engine.is_down();
        match timeout {
            None => {
                let woken = self.inbox.arrived.wait_while(replies, idle);
                !woken.unwrap_or_else(PoisonError::into_inner).is_empty()
            }
            Some(timeout) => {
                let woken = self.inbox.arrived.wait_timeout_while(replies, timeout, idle);
                !woken.unwrap_or_else(PoisonError::into_inner).0.is_empty()
            }
        }
    }
}

impl Drop for Pinger {
    fn drop(&mut self) {
        lock(&self.engine.pingers.open).remove(&self.identifier);
    }
}
