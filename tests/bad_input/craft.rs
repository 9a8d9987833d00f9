//! Frames made by hand, so that they may be wrong in any way.

use std::net::Ipv4Addr;

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const ACK: u8 = 0x10;

/// A TCP packet; checksums, lengths and the data offset are filled in.
#[derive(Clone, Debug)]
pub(crate) struct Craft {
    pub(crate) source: Ipv4Addr,
    pub(crate) destination: Ipv4Addr,
    pub(crate) ports: (u16, u16),
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: u8,
    pub(crate) window: u16,
    pub(crate) urgent: u16,
    pub(crate) options: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

impl Craft {
    pub(crate) fn frame(&self) -> Vec<u8> {
        assert!(self.options.len().is_multiple_of(4) && self.options.len() <= 40);
        let header = 20 + self.options.len();
        let total = 20 + header + self.payload.len();
        let mut frame = vec![0x45, 0];
        frame.extend(u16::try_from(total).unwrap().to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        frame.extend(self.source.octets());
        frame.extend(self.destination.octets());
        frame.extend(self.ports.0.to_be_bytes());
        frame.extend(self.ports.1.to_be_bytes());
        frame.extend(self.seq.to_be_bytes());
        frame.extend(self.ack.to_be_bytes());
        frame.extend([u8::try_from(header / 4).unwrap() << 4, self.flags]);
        frame.extend(self.window.to_be_bytes());
        frame.extend([0, 0]);
        frame.extend(self.urgent.to_be_bytes());
        frame.extend(&self.options);
        frame.extend(&self.payload);
        mend(&mut frame);
        frame
    }
}

/// Makes the checksums of the IP header and of its TCP segment right, as far as the frame's own
/// lengths make that possible.
pub(crate) fn mend(frame: &mut [u8]) {
    mend_ip(frame);
    mend_tcp(frame);
}

pub(crate) fn mend_ip(frame: &mut [u8]) {
    let header = usize::from(frame[0] & 0xf) * 4;
    if header < 20 || frame.len() < header {
        return;
    }
    frame[10..12].fill(0);
    let sum = !checksum(&[&frame[..header]]);
    frame[10..12].copy_from_slice(&sum.to_be_bytes());
}

pub(crate) fn mend_tcp(frame: &mut [u8]) {
    let header = usize::from(frame[0] & 0xf) * 4;
    let total = usize::from(u16::from_be_bytes([frame[2], frame[3]]));
    if header < 20 || total > frame.len() || total < header + 20 {
        return;
    }
    frame[header + 16..header + 18].fill(0);
    let len = u16::try_from(total - header).unwrap().to_be_bytes();
    let pseudo = [&frame[12..20], &[0, frame[9]], &len].concat();
    let sum = !checksum(&[&pseudo, &frame[header..total]]);
    frame[header + 16..header + 18].copy_from_slice(&sum.to_be_bytes());
}

/// One's complement sum; all parts but the last have an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut total = 0u32;
    for part in parts {
        for pair in part.chunks(2) {
            total += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
            total = (total & 0xffff) + (total >> 16);
        }
    }
    u16::try_from(total).unwrap()
}
