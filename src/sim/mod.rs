//! Hosts, links and seeds in virtual time around the real engine.
//!
//! The question this room answers: what does the very code that runs on a TUN do on a bad network,
//! and does it do the same again? A [`Network`] owns a number of hosts, each one [`Engine`] on a
//! device made of two queues, and a clock that jumps from event to event: an hour of keep-alives
//! costs as much as the packets in it. Nothing is drawn from anywhere but the seed, so the same
//! seed gives the same packets, and a failure is replayed by its number.
//!
//! ```text
//!   host A                    switch                    host B
//!   engine -> egress of A  ----> o ---->  ingress of B -> engine
//!   engine <- ingress of A <---- o <----   egress of B <- engine
//! ```
//!
//! Every host hangs on one cable, which ends in a switch that knows every address. Each direction
//! of a cable is an [`Impairment`]: it may lose, delay, reorder, duplicate and corrupt, and has a
//! rate and a queue. A frame passes the egress of its sender and the ingress of the host that owns
//! its destination; a frame to an address that nobody owns is lost at the switch. Two hosts make a
//! line with an impairment each way, and the ingress of one host that several others talk to is
//! their shared bottleneck. Where that is not the shape that is wanted, links stand between cables:
//!
//! ```text
//!   A --egress--\                                /--ingress-- C     set_route(A, C, &[link])
//!                o ---> link (rate, queue) ---> o
//!   B --egress--/                                \--ingress-- D     set_route(B, D, &[link])
//! ```
//!
//! Not here: programs for the hosts beyond the trait [`App`], and judgement of what was seen; a
//! test brings its own, with [`Network::tap`] for every frame.
//!
//! [`Engine`]: crate::engine::Engine
//! [`Impairment`]: crate::device::impair::Impairment

mod agenda;
mod app;
mod device;
pub mod lab;
mod log;
mod network;
mod wires;

pub use app::{App, Next};
pub use device::SimDevice;
pub use log::{Direction, Sighting};
pub use network::{HostId, LinkId, Network, Stalled};
