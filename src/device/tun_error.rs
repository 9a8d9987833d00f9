//! Why a TUN could not be opened, in words that help.

use std::{error, fmt, io};

/// Why [`open`](super::open), [`Tun::create`](super::Tun::create) or another of their kind failed. `Display`
/// says what was tried, what the system answered and what to do next.
#[derive(Debug)]
#[non_exhaustive]
pub enum TunError {
    /// No interface can have that name.
    BadName {
        /// The name that was asked for.
        name: String,
    },
    /// The system has no TUN driver: `/dev/net/tun` is missing.
    NoDriver(io::Error),
    /// `/dev/net/tun` may not be opened.
    DriverNotPermitted(io::Error),
    /// There is no such interface.
    Missing {
        /// The name that was asked for.
        name: String,
    },
    /// There is such an interface, and nothing should have created it again.
    Exists {
        /// The name that was asked for.
        name: String,
    },
    /// Somebody else has it open.
    Busy {
        /// The name that was asked for.
        name: String,
    },
    /// It belongs to another user, and this process lacks `CAP_NET_ADMIN`.
    NotPermitted {
        /// The name that was asked for.
        name: String,
    },
    /// A new interface needs `CAP_NET_ADMIN`.
    MayNotCreate {
        /// The name that was asked for.
        name: String,
    },
    /// It is an interface of another kind, or a TUN with another number of queues: one where several
    /// were wanted, or the reverse.
    WrongKind {
        /// The name that was asked for.
        name: String,
    },
    /// The kernel cannot be asked to cut, join and sum.
    NoOffload {
        /// The name that was asked for.
        name: String,
    },
    /// The system refused something else.
    System {
        /// The name that was asked for.
        name: String,
        /// What was tried.
        tried: &'static str,
        /// What the system answered.
        source: io::Error,
    },
}

impl fmt::Display for TunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName { name } => write!(
                f,
                "no interface can be called {name:?}: a name has 1 to 15 bytes, and no space, \
                 slash, colon or percent sign; try `tun0`"
            ),
            Self::NoDriver(source) => write!(
                f,
                "this system offers no TUN (/dev/net/tun: {source}); run `sudo modprobe tun`, or \
                 start the container with `--device /dev/net/tun`"
            ),
            Self::DriverNotPermitted(source) => write!(
                f,
                "/dev/net/tun may not be opened ({source}); run `sudo chmod 0666 /dev/net/tun` \
                 (its usual mode, the kernel still checks each interface's owner), or run this as \
                 root"
            ),
            Self::Missing { name } => write!(
                f,
                "there is no interface {name}; make it with `sudo ./scripts/setup_tun.sh {name}`, \
                 or look for another name with `ip tuntap list`"
            ),
            Self::Exists { name } => write!(
                f,
                "an interface {name} exists already; choose another name, or remove it with \
                 `sudo ./scripts/teardown_tun.sh {name}`"
            ),
            Self::Busy { name } => write!(
                f,
                "{name} is in use by another process; end that one, or make a second interface \
                 with `sudo ./scripts/setup_tun.sh NAME`"
            ),
            Self::NotPermitted { name } => write!(
                f,
                "{name} belongs to another user; make it yours with \
                 `sudo ./scripts/teardown_tun.sh {name}` and `sudo ./scripts/setup_tun.sh {name}`, \
                 or run this as its owner or as root"
            ),
            Self::MayNotCreate { name } => write!(
                f,
                "creating {name} needs CAP_NET_ADMIN; run this as root, or let \
                 `sudo ./scripts/setup_tun.sh {name}` make one that is yours to open"
            ),
            Self::WrongKind { name } => write!(
                f,
                "{name} is not a TUN interface, or was not made for so many queues; \
                 `ip -details link show {name}` tells, and \
                 `sudo ./scripts/setup_tun.sh NAME` makes one for one queue, with `--queues N` one \
                 for several"
            ),
            Self::NoOffload { name } => {
                write!(f, "{name}: this kernel offers no offloads (IFF_VNET_HDR, TUNSETOFFLOAD)")
            }
            Self::System { name, tried, source } => write!(f, "{name}: cannot {tried}: {source}"),
        }
    }
}

impl error::Error for TunError {}

impl From<TunError> for io::Error {
    fn from(error: TunError) -> Self {
        let kind = match &error {
            TunError::BadName { .. } | TunError::WrongKind { .. } => io::ErrorKind::InvalidInput,
            TunError::NoDriver(_) | TunError::Missing { .. } => io::ErrorKind::NotFound,
            TunError::Exists { .. } => io::ErrorKind::AlreadyExists,
            TunError::Busy { .. } => io::ErrorKind::ResourceBusy,
            TunError::DriverNotPermitted(_)
            | TunError::NotPermitted { .. }
            | TunError::MayNotCreate { .. } => io::ErrorKind::PermissionDenied,
            TunError::NoOffload { .. } => io::ErrorKind::Unsupported,
            TunError::System { source, .. } => source.kind(),
        };
        Self::new(kind, error)
    }
}
