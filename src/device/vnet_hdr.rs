//! What does the kernel say of a frame, and what do we ask of it? The header that stands before
//! each one where `IFF_VNET_HDR` is set: `struct virtio_net_hdr` (Virtual I/O Device 1.2, 5.1.6), in
//! the machine's own byte order as a TUN has it.
//!
//! ```text
//!    0      1         2        4         6           8            10
//!    | flags | gso_type | hdr_len | gso_size | csum_start | csum_offset |
//! ```

#[cfg(test)]
#[path = "tests/vnet_hdr.rs"]
mod tests;

use std::num::NonZeroU16;

use super::super_segment::TcpHeaders;

/// Bytes of the header.
pub(super) const LEN: usize = 10;

/// The checksum is to be written: the sum from `csum_start` on, to `csum_offset` behind it.
const NEEDS_CSUM: u8 = 1;
/// The checksum was found right.
const DATA_VALID: u8 = 2;

const GSO_NONE: u8 = 0;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
/// Beside the type: segments with CWR, of which only the first shall keep it.
const GSO_ECN: u8 = 0x80;

/// Where the checksum stands in a TCP header.
const TCP_CHECKSUM: u16 = 16;

/// The header of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct VnetHdr {
    flags: u8,
    gso_type: u8,
    hdr_len: u16,
    gso_size: u16,
    csum_start: u16,
    csum_offset: u16,
}

impl VnetHdr {
    /// Asks for what [`Offload::Tcp`](super::Offload::Tcp) says of a frame with these headers.
    pub(super) fn asking(headers: TcpHeaders, frame_len: usize, segment: NonZeroU16) -> Self {
        let cut = frame_len - headers.payload > usize::from(segment.get());
        let gso_type = match (cut, headers.is_v6) {
            (false, _) => GSO_NONE,
            (true, false) => GSO_TCPV4,
            (true, true) => GSO_TCPV6,
        };
        Self {
            flags: NEEDS_CSUM,
            gso_type,
            hdr_len: if cut { bytes_u16(headers.payload) } else { 0 },
            gso_size: if cut { segment.get() } else { 0 },
            csum_start: bytes_u16(headers.tcp),
            csum_offset: TCP_CHECKSUM,
        }
    }

    /// The transport's checksum is known to be right.
    pub(super) fn vouches(&self) -> bool {
        self.flags & (NEEDS_CSUM | DATA_VALID) != 0
    }

    /// Bytes of payload of each segment, where the frame is a TCP super-segment.
    pub(super) fn segment(&self) -> Option<NonZeroU16> {
        matches!(self.gso_type & !GSO_ECN, GSO_TCPV4 | GSO_TCPV6)
            .then(|| NonZeroU16::new(self.gso_size))
            .flatten()
    }

    /// As it stands before a frame.
    pub(super) fn encode(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[0] = self.flags;
        bytes[1] = self.gso_type;
        let words = [self.hdr_len, self.gso_size, self.csum_start, self.csum_offset];
        for (place, word) in bytes[2..].chunks_exact_mut(2).zip(words) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    /// What stood before a frame.
    pub(super) fn decode(bytes: &[u8; LEN]) -> Self {
        let word = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
        Self {
            flags: bytes[0],
            gso_type: bytes[1],
            hdr_len: word(2),
            gso_size: word(4),
            csum_start: word(6),
            csum_offset: word(8),
        }
    }
}

/// Lengths of headers are far below 2^16.
fn bytes_u16(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}
