//! A userspace TCP stack for Linux over a TUN device: the map.
//!
//! # A tour
//!
//! | question | where |
//! | --- | --- |
//! | What does a packet say? | [`wire`]: headers, options, checksums, sequence numbers, packetdrill notation |
//! | Where do bytes wait? | [`buffer`]: blocks, chunks, queues |
//! | What does the protocol want? | [`tcp`]: one [`tcp::Connection`], pure; begin with [`tcp::state`] |
//! | What does RFC 9293 3.10.7.4 look like as code? | `tcp/input.rs`, a short function a step |
//! | What may go with a SYN? | `tcp/fast_open.rs`, `engine/fast_open.rs` |
//! | What is sent next? | `tcp/output.rs`: `choose`, then `build` |
//! | What does an acknowledgement tell? | `tcp/acknowledgement.rs`, `tcp/harvest.rs`, `tcp/scoreboard.rs` |
//! | How much may wait, and how large a window does a peer need? | `tcp/buffers.rs`, `tcp/rightsizing.rs` |
//! | What does sending wait for, and since when? | `tcp/stopwatch.rs`, `tcp/info.rs` |
//! | What is lost? | `tcp/rack.rs`, `tcp/tail_probe.rs`, `tcp/recovery.rs`; was it? `tcp/undo.rs` |
//! | How much may fly? | [`tcp::congestion`], and during a repair `tcp/prr.rs` |
//! | When may it leave? How long is the path, how fast? | `tcp/pacing.rs`, `tcp/rtt.rs`, `tcp/delivery.rs` |
//! | Whose segment is this? Whose timer? | [`engine`]: many connections on one device |
//! | Where do frames come from? | [`device`]: a TUN, a pair in memory, a bad wire, a capture |
//! | What time is it? Who turns the engine? | [`runtime`]: the clock, the worker, [`Host`] |
//! | What does an application see? | [`net`]: [`TcpListener`], [`TcpStream`], [`UdpSocket`], as in `std::net` |
//! | Whose datagram is this, and where does it wait? | `engine/datagram_table.rs`, `engine/inbox.rs` |
//! | What does a name stand for? | [`names`]: servers, hosts, services; [`net::Resolver`] asks |
//! | What would happen if? | [`sim`]: the same engine in virtual time |
//! | How do algorithms fare on a path, and beside each other? | [`sim::lab`] |
//! | What happened, and how often? | [`trace`]: counters and log events |
//!
//! # The arrows
//!
//! ```text
//!    time     wire     buffer          leaves: they import nothing of ours
//!      \       |  \     /
//!       \     tcp  icmp  \     device  tcp: the pure protocol; device: a trait and Linux
//!        \      \   |     \    /
//!              engine                  the composition
//!              /    \
//! names - runtime    sim               names: a leaf, too · the clock, threads, descriptors · virtual time, seeded links
//!            |        |
//!           net       |                the blocking API
//!             \      /
//!          bin (and any other user)    public API only
//! ```
//!
//! # How a byte flows
//!
//! Out: [`TcpStream`]'s `write` fills a chunk with no lock held, hands it to the connection, and
//! flushes: frame after frame is built under the connection's lock and sent without it, a
//! super-segment's text from where it lies. In:
//! [`engine::Engine::turn`] takes a batch of frames; each finds its connection, and its text the
//! receive queue; then acknowledgements go out and readers are woken. A thread that would wait
//! for a packet turns the engine itself where nobody else does.
//!
//! # Words of the RFCs
//!
//! | name | meaning |
//! | --- | --- |
//! | SEG.SEQ, SEG.ACK, SEG.LEN, SEG.WND | a segment's first number, the number it expects, the numbers it takes (SYN and FIN too), the window it offers |
//! | SND.UNA, SND.NXT, SND.WND | oldest number not acknowledged, next to be sent, what the peer takes from SND.UNA on |
//! | SND.WL1, SND.WL2 | SEG.SEQ and SEG.ACK of the last window update |
//! | RCV.NXT, RCV.WND | next number expected, what we take from there on |
//! | ISS, IRS | the first number of ours, of the peer's |
//! | MSL, 2MSL | how long a segment may live in the network; how long TIME-WAIT lasts |
//! | MSS | largest text of a segment |
//! | RTT, SRTT, RTTVAR, RTO | a round trip, its mean, its variance, the time-out made of them |
//! | cwnd, ssthresh, flight | what congestion control lets fly, where slow start ends, what flies |
//! | R1, R2 | when the application may learn of trouble; when a connection is given up |
//! | PAWS | old segments told by their timestamps |
//! | ECT, CE, ECE, CWR | what may be marked by a congested network, what was; the echo of a mark, the answer to that (`tcp/ecn.rs`) |

pub mod buffer;
pub mod device;
pub mod engine;
pub mod fragments;
pub mod icmp;
pub mod names;
pub mod net;
pub mod runtime;
pub mod sim;
pub mod tcp;
pub mod time;
pub mod trace;
pub mod wire;

pub use engine::HostConfig;
pub use net::{RawSocket, TcpListener, TcpStream, UdpSocket};
pub use runtime::Host;

/// The README's examples are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// So are those of the page on sockets.
#[cfg(doctest)]
#[doc = include_str!("../docs/sockets.md")]
struct Sockets;
