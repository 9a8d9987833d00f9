//! Which sequence number, which timestamp, which port comes first? Numbers that nobody outside can
//! guess (RFC 6528; RFC 9293 3.4.1; RFC 7323 7.1; RFC 6056 3.3).

#[cfg(test)]
#[path = "tests/isn.rs"]
mod tests;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use siphasher::sip::SipHasher24;

use crate::time::Instant;
use crate::wire::{Flow, SeqNum};

/// What a hash is for: the same flow must not give the same number twice.
#[derive(Hash)]
enum Purpose {
    SequenceNumber,
    Timestamp,
    Port,
    Listener,
    Cookie,
}

/// A host's generator of first numbers, keyed by its secret.
#[derive(Clone)]
pub struct IsnGenerator {
    key: [u8; 16],
}

impl IsnGenerator {
    /// A generator with this key (RFC 9293 3.4.1, MUST-9: unknown outside).
    #[must_use]
    pub const fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    /// The initial sequence number of a connection: a clock that ticks every 4 µs (MUST-8) plus a
    /// keyed hash of the flow (SHLD-1; RFC 6528, 3), so that the numbers of one flow grow and those
    /// of two flows say nothing about each other.
    #[must_use]
    pub fn isn(&self, now: Instant, flow: &Flow) -> SeqNum {
        #[expect(clippy::cast_possible_truncation, reason = "the clock wraps")]
        let ticks = (now.as_nanos() / 4_000) as u32;
        SeqNum::new(ticks) + self.hash(&(Purpose::SequenceNumber, flow))
    }

    /// What is added to the timestamp clock towards a peer (RFC 7323, 7.1). By the pair of
    /// addresses, not by the ports: the next connection between them must show a later timestamp
    /// for a TIME-WAIT to give way (RFC 6191).
    #[must_use]
    pub fn timestamp_offset(&self, flow: &Flow) -> u32 {
        self.hash(&(Purpose::Timestamp, flow.local.ip(), flow.remote.ip()))
    }

    /// F of RFC 6056, 3.3.3: where the search for an ephemeral port towards `remote` begins.
    #[must_use]
    pub fn port_offset(&self, local: IpAddr, remote: SocketAddr) -> u32 {
        self.hash(&(Purpose::Port, local, remote))
    }

    /// How much a connection of this flow belongs to a listener: of several, to the one where this is
    /// greatest.
    #[must_use]
    pub fn weight(&self, flow: &Flow, listener: u64) -> u32 {
        self.hash(&(Purpose::Listener, flow, listener))
    }

    /// What proves that `client` gets what is sent to it, to `server`, in this `epoch` (RFC 7413
    /// 4.1.2): a keyed hash of both addresses that is worthless in another one.
    #[must_use]
    pub fn cookie(&self, client: IpAddr, server: IpAddr, epoch: u64) -> [u8; 8] {
        self.long_hash(&(Purpose::Cookie, client, server, epoch)).to_be_bytes()
    }

    fn hash(&self, what: &impl Hash) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "half of the hash is enough")]
        let half = self.long_hash(what) as u32;
        half
    }

    fn long_hash(&self, what: &impl Hash) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        what.hash(&mut hasher);
        hasher.finish()
    }
}

impl fmt::Debug for IsnGenerator {
    /// The key stays a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IsnGenerator").finish_non_exhaustive()
    }
}
