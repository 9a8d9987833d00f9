//! The one mapping of our errors to `io::Error`: the kind that std gives on Linux for the same
//! event, with our error inside, so that `downcast` still finds it.

use std::io::{self, ErrorKind};

use crate::engine::{NotOpen, OpenError, WriteError};
use crate::tcp;
use crate::tcp::congestion::UnknownAlgorithm;

impl From<tcp::Error> for io::Error {
    fn from(error: tcp::Error) -> Self {
        let kind = match error {
            tcp::Error::Reset => ErrorKind::ConnectionReset,
            tcp::Error::Refused => ErrorKind::ConnectionRefused,
            tcp::Error::TimedOut => ErrorKind::TimedOut,
            tcp::Error::Aborted => ErrorKind::ConnectionAborted,
            tcp::Error::Unreachable => ErrorKind::HostUnreachable,
            tcp::Error::NetworkUnreachable => ErrorKind::NetworkUnreachable,
            // std has no kind for ENOPROTOOPT.
            tcp::Error::ProtocolUnreachable => ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

impl From<OpenError> for io::Error {
    fn from(error: OpenError) -> Self {
        let kind = match error {
            OpenError::AddrInUse => ErrorKind::AddrInUse,
            // Linux says EADDRNOTAVAIL, too, when no ephemeral port is free.
            OpenError::AddrNotAvailable | OpenError::PortsExhausted => ErrorKind::AddrNotAvailable,
            OpenError::BadRemote => ErrorKind::NetworkUnreachable,
            OpenError::HostDown => ErrorKind::NetworkDown,
        };
        Self::new(kind, error)
    }
}

impl From<WriteError> for io::Error {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Ended => Self::new(ErrorKind::BrokenPipe, "writing is over"),
            WriteError::Failed(error) => error.into(),
        }
    }
}

impl From<NotOpen> for io::Error {
    fn from(NotOpen: NotOpen) -> Self {
        Self::new(ErrorKind::NotConnected, "the connection is not open")
    }
}

impl From<UnknownAlgorithm> for io::Error {
    fn from(error: UnknownAlgorithm) -> Self {
        // As Linux: ENOENT.
        Self::new(ErrorKind::NotFound, error)
    }
}

/// The call may not wait, or not any longer. Linux reports a timeout of a read or write like this,
/// too (EAGAIN); it comes often, so it costs no allocation.
pub(super) fn would_block() -> io::Error {
    ErrorKind::WouldBlock.into()
}

/// A timeout of zero, which std refuses.
pub(super) fn zero_timeout() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "a timeout of zero: None waits for ever")
}

/// A name that stands for no address, as std reports it.
pub(super) fn no_addresses() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "could not resolve to any addresses")
}
