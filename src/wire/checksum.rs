//! The Internet checksum (RFC 1071): is the packet what its sender wrote?

use std::net::IpAddr;

/// A one's complement sum under way. Every piece but the last has an even length.
///
/// ```
/// use tuntcp::wire::checksum::Sum;
///
/// // The example of RFC 1071, 3.
/// let sum = Sum::new().plus(&[0x00, 0x01, 0xf2, 0x03]).plus(&[0xf4, 0xf5, 0xf6, 0xf7]);
/// assert_eq!(sum.finish(), !0xddf2);
/// ```
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
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let [from, to] = [from, to].map(|end| u32::from_ne_bytes(end.octets()));
                Self(u64::from(from) + u64::from(to))
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => Self(0).plus(&from.octets()).plus(&to.octets()),
            // Two families never stand in one header.
            _ => Self(0),
        };
        let len = u32::try_from(len).unwrap_or(u32::MAX).to_be();
        let protocol = u32::from(protocol).to_be();
        Self(sum.0 + u64::from(len) + u64::from(protocol))
    }

    /// Adds `bytes`; an odd one at the end counts as if a zero followed.
    #[inline]
    #[must_use]
    pub fn plus(self, bytes: &[u8]) -> Self {
        // The sum is the same in either byte order but for the order of the result (RFC 1071, 2),
        // so words are added as they lie in memory. The carries of the plain sum are lost; but the
        // upper halves are summed for themselves, of which there are never enough to overflow, and
        // what that leaves of the plain sum is the lower halves'. In this form the compiler keeps
        // both in vector registers.
        let (words, rest) = bytes.as_chunks();
        let (mut plain, mut upper) = (0_u64, 0);
        for word in words {
            let word = u64::from_ne_bytes(*word);
            plain = plain.wrapping_add(word);
            upper += word >> 32;
        }
        let lower = plain.wrapping_sub(upper << 32);
        let mut last = [0; 8];
        for (place, byte) in last.iter_mut().zip(rest) {
            *place = *byte;
        }
        let last = u64::from_ne_bytes(last);
        Self(self.0 + lower + upper + (last >> 32) + (last & 0xffff_ffff))
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
