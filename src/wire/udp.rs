//! UDP headers (RFC 768).

use std::net::{IpAddr, SocketAddr};

use etherparse::UdpHeaderSlice;

use super::checksum::Sum;
use super::tcp::Flow;
use super::{Malformed, PROTOCOL_UDP};

/// Bytes of a UDP header.
const HEADER: usize = 8;

/// Reads a datagram. A checksum of zero was not computed (RFC 768); any other must be right
/// (RFC 1122 4.1.3.4).
pub(super) fn parse(
    source: IpAddr,
    destination: IpAddr,
    data: &[u8],
    vouched: bool,
) -> Result<(Flow, &[u8]), Malformed> {
    let header = UdpHeaderSlice::from_slice(data).map_err(|_| Malformed::Truncated)?;
    let len = usize::from(header.length());
    let data = data.get(..len).filter(|_| len >= HEADER).ok_or(Malformed::BadUdpLength)?;
    if !vouched && header.checksum() != 0 {
        let sum = Sum::pseudo(source, destination, PROTOCOL_UDP, len).plus(data);
        if sum.finish() != 0 {
            return Err(Malformed::BadUdpChecksum);
        }
    }
    let flow = Flow {
        local: SocketAddr::new(destination, header.destination_port()),
        remote: SocketAddr::new(source, header.source_port()),
    };
    Ok((flow, &data[HEADER..]))
}
