//! What may be chosen about an endpoint when it is opened? What holds for the connection itself is in
//! [`Config`]; this is about addresses, ports and who is accepted.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use crate::tcp::Config;

/// How to listen: [`Engine::listen_as`](super::Engine::listen_as).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListenOptions {
    /// What connections begin with.
    pub config: Arc<Config>,
    /// Connections that may wait to be accepted, half-open ones included.
    pub backlog: usize,
    /// Where port 0 takes one from; `None`: from the host's ephemeral ports.
    pub ports: Option<RangeInclusive<u16>>,
    /// Connections that have the port already, TIME-WAIT among them, are no hindrance
    /// (`SO_REUSEADDR`). Default on, as std's listeners have it.
    pub reuse_address: bool,
    /// Others who say so, too, may listen at the same place: each gets a share of the connections
    /// (`SO_REUSEPORT` of Linux).
    pub reuse_port: bool,
    /// Connections to addresses that are not ours are taken as well (`IP_TRANSPARENT` of Linux): an
    /// unspecified address stands for all that packets come to, port 0 for every port.
    pub transparent: bool,
    /// `[::]` does not stand for the addresses of IPv4 (`IPV6_V6ONLY`).
    pub only_v6: bool,
    /// A connection is accepted when it has said something, or after so long, a minute at most
    /// (`TCP_DEFER_ACCEPT` of Linux).
    pub defer_accept: Option<Duration>,
    /// Connections that may be accepted with the text of their SYN before their peer has shown that it
    /// is where it says (`TCP_FASTOPEN` of Linux; RFC 7413 4.2). Default 0: none, and no cookies are
    /// given.
    pub fast_open: usize,
}

impl ListenOptions {
    /// As std listens, with these settings.
    #[must_use]
    pub fn new(backlog: usize, config: Arc<Config>) -> Self {
        Self {
            config,
            backlog,
            ports: None,
            reuse_address: true,
            reuse_port: false,
            transparent: false,
            only_v6: false,
            defer_accept: None,
            fast_open: 0,
        }
    }
}

/// How to open actively: [`Engine::connect_as`](super::Engine::connect_as).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// What the connection begins with.
    pub config: Arc<Config>,
    /// Where an ephemeral port is taken from; `None`: from the host's.
    pub ports: Option<RangeInclusive<u16>>,
    /// A local port that was asked for may have other connections, to other remotes (RFC 9293
    /// 3.9.1.1, MUST-42). Default on.
    pub reuse_address: bool,
    /// The local address may be one that is not ours (`IP_TRANSPARENT` of Linux): its packets must
    /// come to us.
    pub transparent: bool,
    /// Text goes with the SYN where the server has given us a cookie; otherwise we ask for one
    /// (`TCP_FASTOPEN_CONNECT` of Linux; RFC 7413 4.1). Default off, as what goes with a SYN may
    /// arrive twice (RFC 7413 2, RFC7413-2).
    pub fast_open: bool,
}

impl ConnectOptions {
    /// With these settings.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        Self { config, ports: None, reuse_address: true, transparent: false, fast_open: false }
    }
}
