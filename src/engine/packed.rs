//! A flow in 36 bytes instead of 64, for every connection has one.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::wire::Flow;

/// A [`Flow`] for keeping: addresses as IPv6 has them, those of IPv4 mapped (RFC 4291, 2.5.5.2), which
/// no packet may have (so none is mistaken for another).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct PackedFlow {
    local: Ipv6Addr,
    remote: Ipv6Addr,
    ports: [u16; 2],
}

impl PackedFlow {
    pub(super) fn new(flow: &Flow) -> Self {
        let packed = |ip: IpAddr| match ip {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        Self {
            local: packed(flow.local.ip()),
            remote: packed(flow.remote.ip()),
            ports: [flow.local.port(), flow.remote.port()],
        }
    }

    /// All of it in eight bits, in a few steps.
    pub(super) fn mixed(&self) -> u8 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the low bits of addresses differ most"
        )]
        let [local, remote] = [self.local, self.remote].map(|ip| ip.to_bits() as u32);
        let ports = u32::from(self.ports[0]) << 16 | u32::from(self.ports[1]);
        // Fibonacci hashing (Knuth, The Art of Computer Programming, 6.4): the high bits are mixed.
        let [mixed, ..] =
            (local ^ remote.rotate_left(8) ^ ports).wrapping_mul(0x9e37_79b9).to_be_bytes();
        mixed
    }

    pub(super) fn flow(&self) -> Flow {
        let [local, remote] = self.ports;
        Flow {
            local: SocketAddr::new(self.local.to_canonical(), local),
            remote: SocketAddr::new(self.remote.to_canonical(), remote),
        }
    }
}

impl Hash for PackedFlow {
    /// In few steps, for it is done with every packet: of mapped addresses, what differs.
    fn hash<H: Hasher>(&self, state: &mut H) {
        match (self.local.to_ipv4_mapped(), self.remote.to_ipv4_mapped()) {
            (Some(local), Some(remote)) => {
                state.write_u64(u64::from(local.to_bits()) << 32 | u64::from(remote.to_bits()));
            }
            _ => {
                state.write_u128(self.local.to_bits());
                state.write_u128(self.remote.to_bits());
            }
        }
        let [local, remote] = self.ports;
        state.write_u32(u32::from(local) << 16 | u32::from(remote));
    }
}
