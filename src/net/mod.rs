//! `std::net`'s API on our stack: blocking calls, the same names, the same kinds of error.
//!
//! What differs, and why:
//!
//! * `bind` and `connect` take the [`Host`](crate::Host) to do it on, for a host is a value here; names
//!   are looked up by that host, through its own device ([`ToSocketAddrs`], [`Resolver`]).
//! * `peer_addr` and `local_addr` still answer when the connection is over; a kernel forgets them.
//! * A call on a stack that is gone fails with `NetworkDown` or `ConnectionAborted`.
//! * [`UdpSocket`] hears the groups that it has joined itself; nobody else is told of them (there are no
//!   reports of membership).
//! * A datagram to an address of the host's own comes back without having been on the wire.
//! * [`SocketOptions`] chooses what must be known before a socket opens, and more can be set on an open
//!   one than std does, which leaves it to other crates.
//! * There is no file descriptor that the kernel could poll: [`Poller`] waits for many sockets.

mod addr_info;
mod changes;
mod congestion;
mod endpoint;
mod error;
mod opening;
mod options;
mod poller;
mod raw_socket;
mod ready;
mod resolver;
mod settings;
mod source;
mod tcp_listener;
mod tcp_stream;
mod to_socket_addrs;
#[cfg(feature = "tokio")]
pub mod tokio;
mod udp_options;
mod udp_socket;
mod waiting;

pub use crate::tcp::{CongestionState, Info, KeepAlive, State};
pub use addr_info::{
    AddrInfo, AddrInfoFlags, Family, Hints, NameInfoFlags, SocketType, getaddrinfo, getnameinfo,
};
pub use options::SocketOptions;
pub use poller::{Event, Interest, Poller, Waker};
pub use raw_socket::{RawPacket, RawSocket};
pub use resolver::Resolver;
pub use source::Source;
pub use tcp_listener::{Incoming, IntoIncoming, TcpListener};
pub use tcp_stream::TcpStream;
pub use to_socket_addrs::ToSocketAddrs;
pub use udp_socket::UdpSocket;
