//! Why an endpoint could not be opened.

use std::fmt;

/// Why an endpoint could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OpenError {
    /// Somebody listens there already, or the very connection exists.
    AddrInUse,
    /// Not an address of this host.
    AddrNotAvailable,
    /// No host can have that remote address (RFC 9293 3.9.1.1, MUST-46), or the families differ.
    BadRemote,
    /// Every ephemeral port is taken towards that remote.
    PortsExhausted,
    /// The host is shut down or its device is gone.
    HostDown,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AddrInUse => "address in use",
            Self::AddrNotAvailable => "not an address of this host",
            Self::BadRemote => "no host can have that remote address",
            Self::PortsExhausted => "every ephemeral port is taken",
            Self::HostDown => "the host is shut down",
        })
    }
}

impl std::error::Error for OpenError {}
