//! Two hosts with a wire between them, for tests and examples.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::device::memory;
use crate::engine::HostConfig;

use super::host::Host;

/// Bytes in an IP packet on the wire between the two.
const MTU: usize = 1500;

/// Two running hosts, joined in memory: the first stands at 192.0.2.1, the second at 192.0.2.2.
/// Whatever speaks TCP can be tested on them without a TUN, a privilege or a port of the machine.
///
/// Fails as [`Host::new`] does.
///
/// ```
/// use std::io::{Read, Write};
/// use tuntcp::{TcpListener, TcpStream};
///
/// let (server_host, client_host) = tuntcp::runtime::memory_pair()?;
/// let listener = TcpListener::bind(&server_host, "192.0.2.1:80")?;
/// let mut client = TcpStream::connect(&client_host, "192.0.2.1:80")?;
/// let (mut server, client_addr) = listener.accept()?;
/// assert_eq!(client_addr.ip().to_string(), "192.0.2.2");
/// server.write_all(b"it works")?;
/// drop(server);
/// let mut text = String::new();
/// client.read_to_string(&mut text)?;
/// assert_eq!(text, "it works");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn memory_pair() -> io::Result<(Host, Host)> {
    let (left, right) = memory::pair(MTU);
    Ok((Host::new(Box::new(left), at(1))?, Host::new(Box::new(right), at(2))?))
}

/// The defaults at 192.0.2.`last` (TEST-NET-1, RFC 5737).
fn at(last: u8) -> HostConfig {
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, last));
    HostConfig::new(vec![IpNet::new_assert(address, 24)])
}
