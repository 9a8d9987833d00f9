//! Settings of a host.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;

use crate::device::impair::units;
use crate::tcp::Config;

/// How long a packet loop looks at an empty device before it sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum BusyPolling {
    /// Up to 50 µs after something came, as long as that is mostly worth it and nobody else wants the
    /// CPU; never where there is one CPU.
    #[default]
    Auto,
    /// Not at all.
    Off,
    /// So long after something came, whatever else there is to do.
    For(Duration),
}

impl fmt::Display for BusyPolling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Off => f.write_str("off"),
            Self::For(time) => write!(f, "{}us", time.as_micros()),
        }
    }
}

impl FromStr for BusyPolling {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            _ => {
                let time = units::time(text).filter(|&time| time <= LONGEST_BUSY_POLL);
                time.map(Self::For).ok_or("auto, off or a time up to 1ms, such as 50us, is wanted")
            }
        }
    }
}

/// More would keep a core busy for what a wake-up costs dozens of times.
const LONGEST_BUSY_POLL: Duration = Duration::from_millis(1);

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
    /// Memory for the text of all connections, bytes: what waits to be sent or read, and what peers
    /// may send since a window was offered to them; and for datagrams that wait to be received. Default 1 GiB: 32 connections with the largest
    /// window, or 16,384 that read nothing of a first window of 64 KiB.
    ///
    /// From a half on new connections begin with a small window, from three quarters on no buffer
    /// grows, from seven eighths on writers wait, and at the limit text that is not next is dropped.
    /// Datagrams are dropped from three quarters on. Every connection may have 4 KiB each way whatever
    /// the others hold, and every socket for datagrams 4 KiB of those: more than 16,384 connections that
    /// all want it may exceed the limit.
    pub memory_limit: usize,
    /// How long a path MTU that a router has told is remembered, before a larger packet is tried
    /// (RFC 1191, 6.3: never less than 5 minutes). Default 10 minutes.
    pub path_mtu_timeout: Duration,
    /// Ephemeral ports (RFC 6056, 3.2). Default 1,024 to 65,535.
    pub ephemeral_ports: RangeInclusive<u16>,
    /// Whether a packet loop goes on looking at an empty device before it sleeps: what comes meanwhile
    /// costs no wake-up, at the price of so much of a core. Default: where it is worth it.
    pub busy_poll: BusyPolling,
    /// Drop what opens and closes at once, SYN with FIN, as some guards of networks do. Default off:
    /// RFC 9293 3.10.7 takes the SYN and heeds the FIN as it does any other.
    pub drop_syn_fin: bool,
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
            memory_limit: 1 << 30,
            path_mtu_timeout: Duration::from_secs(600),
            ephemeral_ports: 1024..=65_535,
            busy_poll: BusyPolling::Auto,
            drop_syn_fin: false,
            secret: [0; 16],
        }
    }
}
