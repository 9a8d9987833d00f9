//! What did the peer put behind the header? Every TCP option we know (RFC 9293, 3.2; RFC 7323;
//! RFC 2018).

use super::Malformed;
use super::seq::SeqRange;

/// Timestamps option (RFC 7323, 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Timestamps {
    /// TSval: the sender's clock.
    pub value: u32,
    /// TSecr: the clock that is echoed; meaningful only with ACK.
    pub echo: u32,
}

/// Up to four SACK blocks, the newest first (RFC 2018, 3), held inline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SackBlocks {
    blocks: [SeqRange; Self::MAX],
    len: u8,
}

impl SackBlocks {
    /// As many as fit into 40 bytes of options.
    pub const MAX: usize = 4;

    /// Adds a block behind the others; `false` when there is no room for it.
    pub fn push(&mut self, block: SeqRange) -> bool {
        let room = usize::from(self.len) < Self::MAX;
        if room {
            self.blocks[usize::from(self.len)] = block;
            self.len += 1;
        }
        room
    }

    /// Keeps the first `len` blocks.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(u8::try_from(len).unwrap_or(u8::MAX));
    }

    /// The blocks.
    #[must_use]
    pub fn as_slice(&self) -> &[SeqRange] {
        &self.blocks[..usize::from(self.len)]
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// The options of one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Options {
    /// Maximum segment size (kind 2), payload bytes.
    pub mss: Option<u16>,
    /// Window scale (kind 3), a shift count, as on the wire: it may exceed 14.
    pub window_scale: Option<u8>,
    /// SACK-permitted (kind 4).
    pub sack_permitted: bool,
    /// SACK (kind 5).
    pub sack: SackBlocks,
    /// Timestamps (kind 8).
    pub timestamps: Option<Timestamps>,
}

impl Options {
    /// Reads an option area. Unknown kinds are skipped by their length (RFC 9293 3.1, MUST-6);
    /// a length that is 0, 1, wrong for its kind or runs past the area is `BadOption` (MUST-7).
    pub fn parse(_area: &[u8]) -> Result<Self, Malformed> {
        todo!()
    }

    /// Bytes that `emit` writes: a multiple of four, at most 40.
    #[must_use]
    pub fn wire_len(&self) -> usize {
        todo!()
    }

    /// Writes the options, padded to a multiple of four, into `area` of `wire_len` bytes.
    pub fn emit(&self, _area: &mut [u8]) {
        todo!()
    }
}
