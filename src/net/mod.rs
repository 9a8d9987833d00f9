//! `std::net`'s API on our stack: blocking calls, the same names, the same kinds of error.
//!
//! What differs, and why:
//!
//! * `bind` and `connect` take the [`Host`](crate::Host) to do it on, for a host is a value here.
//! * `peer_addr` and `local_addr` still answer when the connection is over; a kernel forgets them.
//! * A call on a stack that is gone fails with `NetworkDown` or `ConnectionAborted`.
//! * There is no file descriptor, so none can be polled; timeouts and threads do that work.
//! * [`KeepAlive`], linger and congestion control can be set, which std leaves to other crates.

mod congestion;
mod endpoint;
mod error;
mod tcp_listener;
mod tcp_stream;

pub use crate::tcp::{CongestionState, Info, KeepAlive, State};
pub use tcp_listener::{Incoming, IntoIncoming, TcpListener};
pub use tcp_stream::TcpStream;
