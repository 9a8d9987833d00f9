//! Connections to peers that may have several addresses, and what to do where there is none.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tuntcp::{Host, TcpStream};

use crate::Failure;

/// A connection to the first of `addresses` that answers, and which that is. `timeout` is for each of
/// them; `None`, or zero, is as long as TCP tries.
pub(crate) fn dial(
    host: &Host,
    addresses: Vec<IpAddr>,
    port: u16,
    timeout: Option<Duration>,
) -> Result<(TcpStream, SocketAddr), Failure> {
    let mut failure = String::from("the peer has no address");
    for address in addresses {
        let peer = SocketAddr::new(address, port);
        let opened = match timeout {
            None | Some(Duration::ZERO) => TcpStream::connect(host, peer),
            Some(timeout) => TcpStream::connect_timeout(host, &peer, timeout),
        };
        match opened {
            Ok(stream) => return Ok((stream, peer)),
            Err(error) => {
                failure = format!("cannot connect to {peer}: {error}{}", advice(&error));
            }
        }
    }
    Err(failure.into())
}

/// What to do next about a peer that could not be reached.
pub(crate) fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::ConnectionRefused => {
            "; nobody listens there, start the server first (for a try: nc -l ADDRESS PORT)"
        }
        ErrorKind::TimedOut => {
            "; nobody answered: is the address right, does the kernel know the way to it (ip route \
             get ADDRESS), and does no firewall drop our packets?"
        }
        ErrorKind::HostUnreachable => {
            "; beyond the TUN's own network the kernel has to forward (sysctl net.ipv4.ip_forward)"
        }
        ErrorKind::NetworkUnreachable => "; is it the stack's own (--address)?",
        _ => "",
    }
}
