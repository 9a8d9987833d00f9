//! IP reassembly within bounds (RFC 791, 3.2; RFC 1122, 3.3.2; RFC 5722 for overlaps).

use crate::time::Instant;
use crate::trace::Dropped;
use crate::wire::Packet;

/// Datagrams that are not yet whole.
#[derive(Debug, Default)]
pub struct Fragments {}

impl Fragments {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        todo!()
    }

    /// Adds a fragment (`packet.body` is `Body::Fragment`). When its datagram is whole, the whole
    /// IP packet, with a header that says so. `dropped` is called once for every datagram given up.
    pub fn insert(
        &mut self,
        _now: Instant,
        _packet: &Packet<'_>,
        _dropped: impl FnMut(Dropped),
    ) -> Option<Vec<u8>> {
        todo!()
    }

    /// When `expire` wants to be called.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        todo!()
    }

    /// Drops what has not become whole in time.
    pub fn expire(&mut self, _now: Instant, _dropped: impl FnMut(Dropped)) {
        todo!()
    }
}
