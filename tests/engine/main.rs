//! The engine: what reaches a connection, what answers when none is there, and what the
//! application sees of it. Everything happens in virtual time.

mod black_holes;
mod choices;
mod datagrams;
mod datagrams_v6;
mod deferring;
mod drops;
mod fast_open;
mod flushing;
mod icmp;
mod ipv6;
mod lifetime;
mod listening;
mod offload;
mod opening;
mod paths;
mod queues;
mod raw;
mod settings;
mod sockets;
mod strangers;
mod transparent;
mod watching;
mod world;
