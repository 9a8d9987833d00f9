//! A userspace TCP stack for Linux over a TUN device.

pub mod buffer;
pub mod device;
pub mod engine;
pub mod fragments;
pub mod icmp;
pub mod net;
pub mod runtime;
pub mod sim;
pub mod tcp;
pub mod time;
pub mod trace;
pub mod wire;

pub use engine::HostConfig;
pub use net::{TcpListener, TcpStream};
pub use runtime::Host;
