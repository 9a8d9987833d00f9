//! The demo servers: one short file each over the public API. To add one, write its file and its
//! line in [`ALL`].

mod chargen;
mod daytime;
mod discard;
mod echo;

use std::io;

use tuntcp::TcpStream;

/// A demo server.
pub(crate) struct Demo {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// Its well-known port.
    pub(crate) port: u16,
    /// What it does, for people.
    pub(crate) about: &'static str,
    /// Serves one client until he, or the server, is done.
    pub(crate) serve: fn(TcpStream) -> io::Result<()>,
}

/// Every demo server.
#[rustfmt::skip]
pub(crate) static ALL: [Demo; 4] = [
    Demo { name: "echo", port: 7, about: "sends back what it gets (RFC 862)", serve: echo::serve },
    Demo { name: "discard", port: 9, about: "throws away what it gets (RFC 863)", serve: discard::serve },
    Demo { name: "daytime", port: 13, about: "says what time it is (RFC 867)", serve: daytime::serve },
    Demo { name: "chargen", port: 19, about: "talks until you hang up (RFC 864)", serve: chargen::serve },
];

/// Bytes that are read or written at once.
const BUFFER: usize = 64 << 10;
