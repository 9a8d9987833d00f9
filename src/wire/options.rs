//! What did the peer put behind the header? Every TCP option we know (RFC 9293, 3.2; RFC 7323;
//! RFC 2018; RFC 7413).

use super::Malformed;
use super::seq::{SeqNum, SeqRange};

/// Timestamps option (RFC 7323, 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Timestamps {
    /// TSval: the sender's clock.
    pub value: u32,
    /// TSecr: the clock that is echoed; meaningful only with ACK.
    pub echo: u32,
}

/// Up to four SACK blocks, the newest first (RFC 2018, 3), held inline.
#[derive(Clone, Copy, Debug, Default)]
pub struct SackBlocks {
    blocks: [SeqRange; Self::MAX],
    len: u8,
}

impl PartialEq for SackBlocks {
    /// What `truncate` has left behind the end does not count.
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for SackBlocks {}

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

    /// The blocks behind the first `skip` of them, sorted by how far ahead of `from` they begin.
    pub fn sort_from(&mut self, skip: usize, from: SeqNum) -> &[SeqRange] {
        let len = usize::from(self.len);
        let blocks = &mut self.blocks[skip.min(len)..len];
        blocks.sort_unstable_by_key(|block| block.start.since(from));
        blocks
    }

    /// What has arrived twice, if the first block tells that (D-SACK): it lies below `ack`, the
    /// acknowledgement of the same segment, or inside of the second block (RFC 2883, 5).
    #[must_use]
    pub fn duplicate(&self, ack: SeqNum) -> Option<SeqRange> {
        let (&first, others) = self.as_slice().split_first()?;
        let inside =
            |outer: &SeqRange| !first.start.before(outer.start) && !first.end.after(outer.end);
        let told = first.start.before(ack) || others.first().is_some_and(inside);
        told.then_some(first)
    }
}

/// What TCP Fast Open tells a client by (RFC 7413, 2): 4 to 16 bytes, an even number of them; or
/// none, where a client asks for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Cookie {
    bytes: [u8; Self::MAX],
    len: u8,
}

impl Cookie {
    /// The longest one, bytes.
    pub const MAX: usize = 16;

    /// What asks for one.
    pub const REQUEST: Self = Self { bytes: [0; Self::MAX], len: 0 };

    /// A cookie of these bytes, or the request for one; `None` where their number is none that a
    /// cookie has.
    #[must_use]
    pub fn new(cookie: &[u8]) -> Option<Self> {
        let valid = cookie.is_empty() || (4..=Self::MAX).contains(&cookie.len());
        if !valid || !cookie.len().is_multiple_of(2) {
            return None;
        }
        let mut bytes = [0; Self::MAX];
        bytes[..cookie.len()].copy_from_slice(cookie);
        Some(Self { bytes, len: u8::try_from(cookie.len()).ok()? })
    }

    /// Its bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Whether it asks for one.
    #[must_use]
    pub const fn is_request(&self) -> bool {
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
    /// TCP Fast Open (kind 34).
    pub fast_open: Option<Cookie>,
}

/// Option kinds (RFC 9293 3.2, RFC 7323, RFC 2018, RFC 7413).
const END: u8 = 0;
const NOP: u8 = 1;
const MSS: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;
const FAST_OPEN: u8 = 34;

/// Bytes that a TCP header has room for.
const AREA: usize = 40;
/// Bytes of a SACK block.
const BLOCK: usize = 8;

impl Options {
    /// Reads an option area. Unknown kinds are skipped by their length (RFC 9293 3.1, MUST-6,
    /// MUST-68); a length that is 0, 1, wrong for its kind or runs past the area is `BadOption`
    /// (MUST-7). They stand at any alignment (MUST-64); of two of a kind the first counts.
    pub fn parse(mut area: &[u8]) -> Result<Self, Malformed> {
        let mut options = Self::default();
        // What nearly every segment of a connection with timestamps carries, and nothing else.
        if let [NOP, NOP, TIMESTAMPS, 10, value @ ..] = area
            && value.len() == 8
        {
            options.take(TIMESTAMPS, value)?;
            return Ok(options);
        }
        while let [kind, rest @ ..] = area {
            match *kind {
                END => break,
                NOP => area = rest,
                kind => {
                    let len = usize::from(*rest.first().ok_or(Malformed::BadOption)?);
                    let option =
                        area.get(..len).filter(|_| len >= 2).ok_or(Malformed::BadOption)?;
                    options.take(kind, &option[2..])?;
                    area = &area[len..];
                }
            }
        }
        Ok(options)
    }

    fn take(&mut self, kind: u8, value: &[u8]) -> Result<(), Malformed> {
        match (kind, value) {
            (MSS, &[a, b]) => {
                self.mss.get_or_insert(u16::from_be_bytes([a, b]));
            }
            (WINDOW_SCALE, &[shift]) => {
                self.window_scale.get_or_insert(shift);
            }
            (SACK_PERMITTED, []) => self.sack_permitted = true,
            (TIMESTAMPS, &[a, b, c, d, e, f, g, h]) => {
                self.timestamps.get_or_insert(Timestamps {
                    value: u32::from_be_bytes([a, b, c, d]),
                    echo: u32::from_be_bytes([e, f, g, h]),
                });
            }
            // RFC 7413 4.1.1, RFC7413-4.1.1: a length that is none is no reason to refuse the segment.
            (FAST_OPEN, cookie) => self.fast_open = self.fast_open.or(Cookie::new(cookie)),
            (SACK, blocks @ [_, ..])
                if blocks.len().is_multiple_of(BLOCK)
                    && blocks.len() <= SackBlocks::MAX * BLOCK =>
            {
                let first = self.sack.is_empty();
                for block in blocks.chunks_exact(BLOCK).filter(|_| first) {
                    self.sack.push(SeqRange { start: number(block, 0), end: number(block, 4) });
                }
            }
            (MSS | WINDOW_SCALE | SACK_PERMITTED | TIMESTAMPS | SACK, _) => {
                return Err(Malformed::BadOption);
            }
            _ => {}
        }
        Ok(())
    }

    /// Bytes that `emit` writes: a multiple of four, at most 40.
    #[must_use]
    pub fn wire_len(&self) -> usize {
        self.fixed_len() + self.sack_len()
    }

    /// Bytes of all options but SACK.
    fn fixed_len(&self) -> usize {
        let mss = if self.mss.is_some() { 4 } else { 0 };
        let scale = if self.window_scale.is_some() { 4 } else { 0 };
        // SACK-permitted takes the place of the padding in front of the timestamps.
        let timestamps = if self.timestamps.is_some() { 12 } else { 0 };
        let permitted = if self.sack_permitted && timestamps == 0 { 4 } else { 0 };
        let fast_open =
            self.fast_open.map_or(0, |cookie| (2 + cookie.as_slice().len()).next_multiple_of(4));
        mss + permitted + timestamps + scale + fast_open
    }

    fn sack_len(&self) -> usize {
        let blocks = self.fitting_blocks();
        if blocks == 0 { 0 } else { 4 + blocks * BLOCK }
    }

    /// SACK blocks that there is room for (RFC 2018, 3).
    pub(super) fn fitting_blocks(&self) -> usize {
        let room = AREA.saturating_sub(self.fixed_len() + 4) / BLOCK;
        self.sack.as_slice().len().min(room)
    }

    /// Writes the options, padded to a multiple of four, into `area` of `wire_len` bytes, in the
    /// order that Linux uses: MSS, SACK-permitted, timestamps, window scale, SACK, Fast Open.
    pub fn emit(&self, area: &mut [u8]) {
        let mut writer = Writer { area, at: 0 };
        if let Some(mss) = self.mss {
            writer.put(&[MSS, 4]);
            writer.put(&mss.to_be_bytes());
        }
        match (self.sack_permitted, self.timestamps) {
            (true, Some(_)) => writer.put(&[SACK_PERMITTED, 2]),
            (true, None) => writer.put(&[NOP, NOP, SACK_PERMITTED, 2]),
            (false, Some(_)) => writer.put(&[NOP, NOP]),
            (false, None) => {}
        }
        if let Some(Timestamps { value, echo }) = self.timestamps {
            writer.put(&[TIMESTAMPS, 10]);
            writer.put(&value.to_be_bytes());
            writer.put(&echo.to_be_bytes());
        }
        if let Some(shift) = self.window_scale {
            writer.put(&[NOP, WINDOW_SCALE, 3, shift]);
        }
        let blocks = &self.sack.as_slice()[..self.fitting_blocks()];
        if !blocks.is_empty() {
            // At most four blocks.
            let len = u8::try_from(2 + blocks.len() * BLOCK).unwrap_or(2);
            writer.put(&[NOP, NOP, SACK, len]);
            for block in blocks {
                writer.put(&block.start.raw().to_be_bytes());
                writer.put(&block.end.raw().to_be_bytes());
            }
        }
        if let Some(cookie) = &self.fast_open {
            // At most sixteen bytes.
            let len = 2 + cookie.len;
            writer.put(&[FAST_OPEN, len]);
            writer.put(cookie.as_slice());
            // All of them are even.
            if !len.is_multiple_of(4) {
                writer.put(&[NOP, NOP]);
            }
        }
    }
}

struct Writer<'a> {
    area: &'a mut [u8],
    at: usize,
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) {
        self.area[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }
}

fn number(block: &[u8], at: usize) -> SeqNum {
    SeqNum::new(u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]))
}
