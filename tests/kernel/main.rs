//! Linux's own TCP and real programs against the stack, over a real TUN.
//!
//! Each test makes a network namespace for its own thread; the TUN, the server and every client
//! that it starts live there and nowhere else.

mod browser;
mod clients;
mod connect;
mod datagrams;
mod embedding;
mod fast_open;
mod faults;
mod frames;
mod get;
mod http;
#[cfg(feature = "tokio")]
mod hyper;
mod iperf3;
mod iperf3_wrong;
mod ipv6;
mod lines;
mod marks;
mod names;
mod oauth;
mod options;
mod ping;
mod raw;
mod resp;
mod textbook;
mod transfers;
mod transparent;
mod wire;
mod world;
