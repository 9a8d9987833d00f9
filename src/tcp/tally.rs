//! What has happened since the connection opened? What recovery counts for people and tests.

/// The counts of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Segments that have arrived; it wraps.
    pub(super) delivered: u32,
    /// Nothing while all goes well, as for most.
    troubles: Option<Box<Troubles>>,
}

/// What has not gone well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Troubles {
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
}

impl Tally {
    pub(super) fn troubles(&self) -> Troubles {
        self.troubles.as_deref().copied().unwrap_or_default()
    }

    /// To count one more.
    pub(super) fn troubles_mut(&mut self) -> &mut Troubles {
        self.troubles.get_or_insert_default()
    }

    /// So many segments are thought lost.
    pub(super) fn count_lost(&mut self, segments: u32) {
        if segments > 0 {
            let lost = &mut self.troubles_mut().lost;
            *lost = lost.wrapping_add(segments);
        }
    }
}
