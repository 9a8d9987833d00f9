//! What does one segment say? (RFC 9293, 3.1)

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use bitflags::bitflags;
use etherparse::TcpHeaderSlice;

use super::checksum::Sum;
use super::options::Options;
use super::seq::SeqNum;
use super::{EcnCodepoint, Malformed, PROTOCOL_TCP};

/// Bytes of a TCP header without options.
pub const HEADER: usize = 20;

/// The ACK bit, which [`Segment::ack`] stands for.
const ACK: u8 = 0x10;

bitflags! {
    /// The control bits, but for ACK: whether a segment acknowledges is told by [`Segment::ack`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct Flags: u8 {
        /// No more data from the sender.
        const FIN = 0x01;
        /// Synchronise sequence numbers.
        const SYN = 0x02;
        /// Reset the connection.
        const RST = 0x04;
        /// Hand the data to the application now.
        const PSH = 0x08;
        /// The urgent pointer is significant.
        const URG = 0x20;
        /// ECN echo (RFC 3168).
        const ECE = 0x40;
        /// Congestion window reduced (RFC 3168).
        const CWR = 0x80;
    }
}

/// The window field as it stands in the header, not yet scaled. Unsigned everywhere
/// (RFC 9293 3.1, MUST-1); a type of its own so that it is never taken for a number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct RawWindow(pub u16);

impl RawWindow {
    /// The window in bytes under the peer's `shift` (RFC 7323, 2.3).
    #[must_use]
    pub const fn scaled(self, shift: u8) -> u32 {
        (self.0 as u32) << shift
    }
}

/// Both ends of a connection as this host sees them: the key of every lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Our address and port.
    pub local: SocketAddr,
    /// The peer's address and port.
    pub remote: SocketAddr,
}

impl Hash for Flow {
    /// What the derived one would do in twelve small steps, for every packet, in two.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let ports = u32::from(self.local.port()) << 16 | u32::from(self.remote.port());
        match (self.local.ip(), self.remote.ip()) {
            (IpAddr::V4(local), IpAddr::V4(remote)) => {
                state.write_u64(u64::from(local.to_bits()) << 32 | u64::from(remote.to_bits()));
            }
            (local, remote) => (local, remote).hash(state),
        }
        state.write_u32(ports);
    }
}

/// One segment: header fields as numbers, payload where it lies.
///
/// `Display` and `FromStr` (in `notation.rs`) speak packetdrill's notation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Sequence number of the first byte of the payload, or of the SYN.
    pub seq: SeqNum,
    /// The acknowledgement number; `None` when the ACK bit is off.
    pub ack: Option<SeqNum>,
    /// The other control bits.
    pub flags: Flags,
    /// The window field, unscaled.
    pub window: RawWindow,
    /// The urgent pointer, meaningful with URG: an offset from `seq` to the byte after the urgent
    /// data (RFC 9293 3.8.5, MUST-62).
    pub urgent: u16,
    /// The options that this stack knows.
    pub options: Options,
    /// The text.
    pub payload: &'a [u8],
    /// How many MSS-sized packets this stands for: 1 as read from a plain wire, more when the
    /// kernel handed over a super-segment, so that acknowledgement policy and congestion control
    /// count segments, not reads.
    pub wire_segments: u16,
    /// What the IP header that it came with tells of congestion (RFC 3168, 5).
    pub ecn: EcnCodepoint,
}

impl Segment<'_> {
    /// SEG.LEN: the sequence space that the segment takes, SYN and FIN counted (RFC 9293, 3.4).
    #[must_use]
    pub fn len(&self) -> u32 {
        let controls =
            u32::from(self.flags.contains(Flags::SYN)) + u32::from(self.flags.contains(Flags::FIN));
        // A payload is at most one IP datagram.
        u32::try_from(self.payload.len()).unwrap_or(u32::MAX) + controls
    }

    /// Whether the segment takes no sequence space.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sequence number after the segment: SEG.SEQ + SEG.LEN.
    #[must_use]
    pub fn end(&self) -> SeqNum {
        self.seq + self.len()
    }
}

impl Default for Segment<'_> {
    fn default() -> Self {
        Self {
            seq: SeqNum::default(),
            ack: None,
            flags: Flags::empty(),
            window: RawWindow(0),
            urgent: 0,
            options: Options::default(),
            payload: &[],
            wire_segments: 1,
            ecn: EcnCodepoint::NotEct,
        }
    }
}

/// Reads a segment; `ecn` is what its IP header says of congestion.
#[inline]
pub(super) fn parse(
    [source, destination]: [IpAddr; 2],
    data: &[u8],
    ecn: EcnCodepoint,
    vouched: bool,
) -> Result<(Flow, Segment<'_>), Malformed> {
    if data.len() < HEADER {
        return Err(Malformed::Truncated);
    }
    // RFC 9293 3.1, MUST-3: before any field is believed, the data offset too.
    if !vouched {
        let sum = Sum::pseudo(source, destination, PROTOCOL_TCP, data.len()).plus(data);
        if sum.finish() != 0 {
            return Err(Malformed::BadTcpChecksum);
        }
    }
    let header = TcpHeaderSlice::from_slice(data).map_err(|_| Malformed::BadDataOffset)?;
    let flow = Flow {
        local: SocketAddr::new(destination, header.destination_port()),
        remote: SocketAddr::new(source, header.source_port()),
    };
    let bits = data[13];
    let segment = Segment {
        seq: SeqNum::new(header.sequence_number()),
        ack: (bits & ACK != 0).then(|| SeqNum::new(header.acknowledgment_number())),
        flags: Flags::from_bits_truncate(bits & !ACK),
        window: RawWindow(header.window_size()),
        urgent: header.urgent_pointer(),
        options: Options::parse(&data[HEADER..header.slice().len()])?,
        payload: &data[header.slice().len()..],
        wire_segments: 1,
        ecn,
    };
    Ok((flow, segment))
}

/// Writes the header of `segment` with its options into `area`, which is zero and as long as they
/// are; the checksum stays zero.
pub(super) fn emit_header(area: &mut [u8], flow: &Flow, segment: &Segment<'_>) {
    let words = u8::try_from(area.len() / 4).unwrap_or(0);
    let ack_bit = if segment.ack.is_some() { ACK } else { 0 };
    area[0..2].copy_from_slice(&flow.local.port().to_be_bytes());
    area[2..4].copy_from_slice(&flow.remote.port().to_be_bytes());
    area[4..8].copy_from_slice(&segment.seq.raw().to_be_bytes());
    area[8..12].copy_from_slice(&segment.ack.map_or(0, SeqNum::raw).to_be_bytes());
    area[12] = words << 4;
    area[13] = segment.flags.bits() | ack_bit;
    area[14..16].copy_from_slice(&segment.window.0.to_be_bytes());
    area[18..20].copy_from_slice(&segment.urgent.to_be_bytes());
    segment.options.emit(&mut area[HEADER..]);
}
