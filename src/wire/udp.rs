//! UDP headers (RFC 768).

use std::net::{IpAddr, SocketAddr};

use etherparse::UdpHeaderSlice;

use super::checksum::Sum;
use super::ip::{self, IpFields};
use super::tcp::Flow;
use super::{Malformed, PROTOCOL_UDP};

/// Bytes of a UDP header.
const HEADER: usize = 8;

/// Reads a datagram. A checksum of zero was not computed (RFC 768), which IPv6 does not allow (RFC
/// 8200, 8.1); any other must be right (RFC 1122 4.1.3.4).
pub(super) fn parse(
    source: IpAddr,
    destination: IpAddr,
    data: &[u8],
    vouched: bool,
) -> Result<(Flow, &[u8]), Malformed> {
    let header = UdpHeaderSlice::from_slice(data).map_err(|_| Malformed::Truncated)?;
    let len = usize::from(header.length());
    let data = data.get(..len).filter(|_| len >= HEADER).ok_or(Malformed::BadUdpLength)?;
    let is_summed = header.checksum() != 0;
    if !vouched && (is_summed || source.is_ipv6()) {
        let sum = Sum::pseudo(source, destination, PROTOCOL_UDP, len).plus(data);
        if sum.finish() != 0 || !is_summed {
            return Err(Malformed::BadUdpChecksum);
        }
    }
    let flow = Flow {
        local: SocketAddr::new(destination, header.destination_port()),
        remote: SocketAddr::new(source, header.source_port()),
    };
    Ok((flow, &data[HEADER..]))
}

/// Appends one packet with a UDP datagram to `out`; with its headers it is at most 65,535 bytes.
pub fn emit(out: &mut Vec<u8>, flow: &Flow, fields: &IpFields, payload: &[u8]) {
    let (from, to) = (flow.local.ip(), flow.remote.ip());
    let len = HEADER + payload.len();
    if !ip::emit(out, [from, to], PROTOCOL_UDP, fields, len) {
        return;
    }
    let mut header = [0; HEADER];
    header[0..2].copy_from_slice(&flow.local.port().to_be_bytes());
    header[2..4].copy_from_slice(&flow.remote.port().to_be_bytes());
    header[4..6].copy_from_slice(&u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes());
    let sum = Sum::pseudo(from, to, PROTOCOL_UDP, len).plus(&header).plus(payload);
    // RFC 768: a sum of zero is sent as all ones, since zero says that there is none.
    let checksum = match sum.finish() {
        0 => u16::MAX,
        checksum => checksum,
    };
    header[6..8].copy_from_slice(&checksum.to_be_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(payload);
}
