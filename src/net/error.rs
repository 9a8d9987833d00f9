//! The one mapping of our errors to `io::Error`: the kind that std gives on Linux for the same
//! event, with our error inside, so that `downcast` still finds it.

use std::io::{self, ErrorKind};

use crate::engine::{DatagramError, NotOpen, OpenError, WriteError};
use crate::names::NameError;
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

/// Numbers of Linux's errors for which std has no kind that could be named (asm-generic/errno.h).
mod linux {
    pub(super) const NO_DEVICE: i32 = 19;
    pub(super) const NO_DESTINATION: i32 = 89;
    pub(super) const MESSAGE_TOO_LONG: i32 = 90;
    pub(super) const NO_SUCH_OPTION: i32 = 92;
    pub(super) const FAMILY_NOT_SUPPORTED: i32 = 97;
}

impl From<DatagramError> for io::Error {
    fn from(error: DatagramError) -> Self {
        let kind = match error {
            DatagramError::BadRemote => ErrorKind::NetworkUnreachable,
            DatagramError::NoPort | DatagramError::NoGroup => ErrorKind::InvalidInput,
            DatagramError::Broadcast => ErrorKind::PermissionDenied,
            DatagramError::NotOurs | DatagramError::NotJoined => ErrorKind::AddrNotAvailable,
            DatagramError::Joined => ErrorKind::AddrInUse,
            DatagramError::HostDown => ErrorKind::NetworkDown,
            DatagramError::Failed(error) => return error.into(),
            DatagramError::TooLong => return Self::from_raw_os_error(linux::MESSAGE_TOO_LONG),
            DatagramError::NoPeer => return Self::from_raw_os_error(linux::NO_DESTINATION),
            DatagramError::NoInterface => return Self::from_raw_os_error(linux::NO_DEVICE),
            DatagramError::WrongFamily => {
                return Self::from_raw_os_error(linux::FAMILY_NOT_SUPPORTED);
            }
        };
        Self::new(kind, error)
    }
}

/// An option of the other family.
pub(super) fn no_such_option() -> io::Error {
    io::Error::from_raw_os_error(linux::NO_SUCH_OPTION)
}

/// An option of the other family that is asked for.
pub(super) fn unsupported() -> io::Error {
    io::Error::new(ErrorKind::Unsupported, "an option of IPv6")
}

/// A time to live or a DSCP that no header can hold.
pub(super) fn out_of_range(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, what)
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

impl From<NameError> for io::Error {
    fn from(error: NameError) -> Self {
        Self::new(error.kind(), error)
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
