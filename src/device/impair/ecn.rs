//! Does a packet's sender understand marks, and how is one made? RFC 3168's two bits.

/// The codepoint of a packet that has met congestion.
const CE: u8 = 0b11;

/// Where the two bits are, and how far from the right.
fn place(frame: &[u8]) -> Option<(usize, u32)> {
    match frame.first()? >> 4 {
        4 if frame.len() >= 20 => Some((1, 0)),
        6 if frame.len() >= 40 => Some((1, 4)),
        _ => None,
    }
}

/// Whether the packet is of a transport that understands marks: ECT(0), ECT(1), or CE already
/// (RFC 3168, 5).
pub(super) fn is_capable(frame: &[u8]) -> bool {
    place(frame).is_some_and(|(at, shift)| frame[at] >> shift & CE != 0)
}

/// Sets CE; the checksum of an IPv4 header stays right.
pub(super) fn mark(frame: &mut [u8]) {
    let Some((at, shift)) = place(frame) else { return };
    let before = u16::from_be_bytes([frame[0], frame[1]]);
    frame[at] |= CE << shift;
    let after = u16::from_be_bytes([frame[0], frame[1]]);
    if frame[0] >> 4 == 4 {
        // RFC 1624, 3: the checksum changes by what the word changes by, in one's complement.
        let checksum = u16::from_be_bytes([frame[10], frame[11]]);
        let sum = u32::from(!checksum) + u32::from(!before) + u32::from(after);
        let sum = (sum & 0xffff) + (sum >> 16);
        let sum = (sum & 0xffff) + (sum >> 16);
        #[expect(clippy::cast_possible_truncation, reason = "it was folded to 16 bits")]
        let folded = sum as u16;
        frame[10..12].copy_from_slice(&(!folded).to_be_bytes());
    }
}
