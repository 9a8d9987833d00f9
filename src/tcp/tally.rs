//! What has happened since the connection opened? What recovery counts for people and tests.

/// The counts of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Bytes sent again.
    pub(super) resent: u64,
    /// Segments sent again, SYNs included.
    pub(super) resent_segments: u32,
    /// Segments thought lost.
    pub(super) lost: u32,
    /// Segments that D-SACKs have told to have arrived twice.
    pub(super) duplicates: u32,
    /// Reductions that were undone.
    pub(super) undone: u32,
    /// Tail probes sent.
    pub(super) probes: u32,
    /// Time-outs.
    pub(super) timeouts: u32,
    /// Segments that have arrived; it wraps.
    pub(super) delivered: u32,
}
