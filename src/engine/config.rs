//! Settings of a host.

use std::ops::RangeInclusive;

use ipnet::IpNet;

use crate::tcp::Config;

/// Settings of a host.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// The addresses that the stack answers at, each with the network it stands in.
    pub addresses: Vec<IpNet>,
    /// What connections begin with.
    pub tcp: Config,
    /// Connections that may wait to be accepted, half-open ones included, unless `listen` says
    /// otherwise. Default 1,024.
    pub backlog: usize,
    /// Ephemeral ports (RFC 6056, 3.2). Default 1,024 to 65,535.
    pub ephemeral_ports: RangeInclusive<u16>,
    /// Key of sequence numbers, timestamps and ports (RFC 6528, 3). The runtime takes it from the
    /// operating system's random numbers, the simulator from its seed.
    pub secret: [u8; 16],
}

impl HostConfig {
    /// The defaults, at these addresses, with an all-zero secret.
    #[must_use]
    pub fn new(addresses: Vec<IpNet>) -> Self {
        Self {
            addresses,
            tcp: Config::default(),
            backlog: 1024,
            ephemeral_ports: 1024..=65_535,
            secret: [0; 16],
        }
    }
}
