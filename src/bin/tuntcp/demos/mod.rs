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
    /// Serves one client until he, or the server, is done.
    pub(crate) serve: fn(TcpStream) -> io::Result<()>,
}

/// Every demo server.
pub(crate) static ALL: [Demo; 4] = [
    Demo { name: "echo", port: 7, serve: echo::serve },
    Demo { name: "discard", port: 9, serve: discard::serve },
    Demo { name: "daytime", port: 13, serve: daytime::serve },
    Demo { name: "chargen", port: 19, serve: chargen::serve },
];

/// Bytes that are read or written at once.
const BUFFER: usize = 64 << 10;
