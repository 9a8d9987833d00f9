//! Which of its two forms has an address of IPv4? In packets its own; for who speaks of addresses of
//! IPv6 it is mapped to one of those, `::ffff:192.0.2.1` (RFC 4291, 2.5.5.2; RFC 3493, 3.7).

use std::net::{IpAddr, SocketAddr};

/// As it stands in packets.
pub(super) fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

/// As it is shown to who speaks of addresses of IPv6, or does not.
pub(crate) fn shown(addr: SocketAddr, as_v6: bool) -> SocketAddr {
    match addr.ip() {
        IpAddr::V4(v4) if as_v6 => SocketAddr::new(v4.to_ipv6_mapped().into(), addr.port()),
        _ => addr,
    }
}
