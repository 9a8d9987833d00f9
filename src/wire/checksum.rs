//! The Internet checksum (RFC 1071): is the packet what its sender wrote?

use std::net::IpAddr;

/// A one's complement sum under way. Every piece but the last has an even length.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum(u64);

impl Sum {
    /// Nothing summed.
    #[must_use]
    pub const fn new() -> Self {
        Self(0)
    }

    /// The pseudo-header of a transport (RFC 9293 3.1; RFC 8200 8.1): both addresses, the protocol
    /// and the length of the transport's header and payload.
    #[must_use]
    pub fn pseudo(source: IpAddr, destination: IpAddr, protocol: u8, len: usize) -> Self {
        let sum = match (source, destination) {
            (IpAddr::V4(from), IpAddr::V4(to)) => Self(0).plus(&from.octets()).plus(&to.octets()),
            (IpAddr::V6(from), IpAddr::V6(to)) => Self(0).plus(&from.octets()).plus(&to.octets()),
            // Two families never stand in one header.
            _ => Self(0),
        };
        let len = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
        sum.plus(&len).plus(&[0, protocol])
    }

    /// Adds `bytes`; an odd one at the end counts as if a zero followed.
    #[must_use]
    pub fn plus(self, bytes: &[u8]) -> Self {
        // The sum is the same in either byte order but for the order of the result (RFC 1071, 2),
        // so words are added as they lie in memory, four bytes at a time into eight.
        let mut sum = self.0;
        let mut lanes = [0_u64; 4];
        let mut blocks = bytes.chunks_exact(16);
        for block in &mut blocks {
            for (lane, word) in lanes.iter_mut().zip(block.chunks_exact(4)) {
                *lane += u64::from(u32::from_ne_bytes([word[0], word[1], word[2], word[3]]));
            }
        }
        sum += lanes.iter().sum::<u64>();
        let mut pairs = blocks.remainder().chunks_exact(2);
        for pair in &mut pairs {
            sum += u64::from(u16::from_ne_bytes([pair[0], pair[1]]));
        }
        if let [last] = pairs.remainder() {
            sum += u64::from(u16::from_ne_bytes([*last, 0]));
        }
        Self(sum)
    }

    /// The checksum: what to write into the field, or zero when a sum that included the field was
    /// right.
    #[must_use]
    pub fn finish(self) -> u16 {
        let mut sum = self.0;
        while sum >> 16 != 0 {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        #[expect(clippy::cast_possible_truncation, reason = "it was folded to 16 bits")]
        let folded = sum as u16;
        u16::from_be(!folded)
    }
}
