//! Why a datagram could not be sent or received.

use std::fmt;

use crate::tcp::Error;

/// Why a datagram could not be sent or received, or a peer not be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DatagramError {
    /// Nobody can be reached at that address from here.
    BadRemote,
    /// The address is of a family that the endpoint does not speak.
    WrongFamily,
    /// A datagram to port 0.
    NoPort,
    /// Longer than any datagram can be.
    TooLong,
    /// A broadcast address, and broadcasts are not allowed (`SO_BROADCAST`).
    Broadcast,
    /// No peer was chosen.
    NoPeer,
    /// The source is no address of this host, and the endpoint is not transparent.
    NotOurs,
    /// No address of any group, or of the wrong family.
    NoGroup,
    /// The group was joined already.
    Joined,
    /// The group was not joined.
    NotJoined,
    /// The host has no such interface.
    NoInterface,
    /// The network said so of a datagram that was sent (RFC 1122, 4.1.3.3).
    Failed(Error),
    /// The host is shut down or its device is gone.
    HostDown,
}

impl fmt::Display for DatagramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadRemote => "nobody can be reached at that address from here",
            Self::WrongFamily => "an address of the other family",
            Self::NoPort => "nobody can be reached at port 0",
            Self::TooLong => "longer than any datagram can be",
            Self::Broadcast => "a broadcast address, and broadcasts are not allowed",
            Self::NoPeer => "no peer was chosen",
            Self::NotOurs => "not an address of this host",
            Self::NoGroup => "not the address of a group",
            Self::Joined => "the group was joined already",
            Self::NotJoined => "the group was not joined",
            Self::NoInterface => "no interface of this host",
            Self::Failed(error) => return error.fmt(f),
            Self::HostDown => "the host is shut down",
        })
    }
}

impl std::error::Error for DatagramError {}
