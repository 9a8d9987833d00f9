//! `getaddrinfo` and `getnameinfo`, as textbooks know them (RFC 3493 6).

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bitflags::bitflags;
use ipnet::IpNet;

use crate::names::{Cause, NameError, Names, Protocol, RecordType};
use crate::runtime::Host;

use super::Resolver;

bitflags! {
    /// `AI_*`: how [`getaddrinfo`] shall go about it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct AddrInfoFlags: u32 {
        /// `AI_PASSIVE`: without a node, addresses to bind to: the unspecified ones.
        const PASSIVE = 1;
        /// `AI_CANONNAME`: tell the name to which aliases have led, in the first entry.
        const CANONNAME = 1 << 1;
        /// `AI_NUMERICHOST`: the node is an address, nobody is asked.
        const NUMERICHOST = 1 << 2;
        /// `AI_NUMERICSERV`: the service is a number.
        const NUMERICSERV = 1 << 3;
        /// `AI_ADDRCONFIG`: only families in which the host has an address.
        const ADDRCONFIG = 1 << 4;
    }
}

bitflags! {
    /// `NI_*`: how [`getnameinfo`] shall go about it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct NameInfoFlags: u32 {
        /// `NI_NUMERICHOST`: the address as it is, nobody is asked.
        const NUMERICHOST = 1;
        /// `NI_NUMERICSERV`: the port as a number.
        const NUMERICSERV = 1 << 1;
        /// `NI_NAMEREQD`: an address without a name is an error.
        const NAMEREQD = 1 << 2;
        /// `NI_NOFQDN`: only the first part of names in a domain of the search list.
        const NOFQDN = 1 << 3;
        /// `NI_DGRAM`: the service is one of UDP.
        const DGRAM = 1 << 4;
    }
}

/// `ai_family`: which addresses are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Family {
    /// `AF_UNSPEC`: of both.
    #[default]
    Unspecified,
    /// `AF_INET`: IPv4.
    Inet,
    /// `AF_INET6`: IPv6.
    Inet6,
}

/// `ai_socktype`: what kind of socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketType {
    /// `SOCK_STREAM`: TCP.
    Stream,
    /// `SOCK_DGRAM`: UDP.
    Datagram,
}

/// What [`getaddrinfo`] is told beside the names. Default: everything there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Hints {
    /// Which addresses are wanted.
    pub family: Family,
    /// For which kind of socket; `None` for both.
    pub socket_type: Option<SocketType>,
    /// How to go about it.
    pub flags: AddrInfoFlags,
}

/// One address to use, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddrInfo {
    /// What kind of socket to make.
    pub socket_type: SocketType,
    /// What to bind it or connect it to.
    pub address: SocketAddr,
    /// The name to which aliases have led; in the first entry, if it was asked for.
    pub canonical_name: Option<String>,
}

/// The addresses of `node` with the port of `service`, in the order in which to try them, as
/// `getaddrinfo` (RFC 3493 6.1). Without a `node` they are the host's own, or with
/// [`PASSIVE`](AddrInfoFlags::PASSIVE) those that stand for any. (The loopback address, which a kernel
/// gives, is none of a stack on a TUN.) Without a `service` the port is 0.
///
/// Fails with `InvalidInput` if there is neither, for a service that nobody knows and for what
/// should be a number and is none; otherwise as [`Resolver::lookup`].
///
/// ```
/// use tuntcp::names::{Hosts, Names, ResolverConfig, Services};
/// use tuntcp::net::{Hints, SocketType, getaddrinfo};
///
/// let (_peer, host) = tuntcp::runtime::memory_pair()?;
/// let hosts: Hosts = "192.0.2.1 one.example".parse()?;
/// host.set_names(Names::new(ResolverConfig::default(), hosts, Services::well_known()));
///
/// let hints = Hints { socket_type: Some(SocketType::Stream), ..Hints::default() };
/// let found = getaddrinfo(&host, Some("one.example"), Some("http"), &hints)?;
/// assert_eq!(found.len(), 1);
/// assert_eq!(found[0].address.to_string(), "192.0.2.1:80");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn getaddrinfo(
    host: &Host,
    node: Option<&str>,
    service: Option<&str>,
    hints: &Hints,
) -> io::Result<Vec<AddrInfo>> {
    if node.is_none() && service.is_none() {
        let text = "neither a node nor a service is named";
        return Err(io::Error::new(ErrorKind::InvalidInput, text));
    }
    let ports = ports(&host.names(), service, hints)?;
    let resolver = Resolver::new(host);
    let mut families = match hints.family {
        Family::Unspecified => vec![RecordType::A, RecordType::Aaaa],
        Family::Inet => vec![RecordType::A],
        Family::Inet6 => vec![RecordType::Aaaa],
    };
    if hints.flags.contains(AddrInfoFlags::ADDRCONFIG) {
        let spoken = resolver.families();
        families.retain(|family| spoken.contains(family));
    }
    let (addresses, canonical) = match node {
        None => (own(host, &families, hints.flags.contains(AddrInfoFlags::PASSIVE)), None),
        Some(node) => {
            let numeric = hints.flags.contains(AddrInfoFlags::NUMERICHOST);
            if numeric && node.parse::<IpAddr>().is_err() {
                return Err(NameError::of_name(node, Cause::NotNumeric).into());
            }
            let found = resolver.resolve(node, &families)?;
            (found.addresses, Some(found.canonical))
        }
    };
    let mut canonical = canonical.filter(|_| hints.flags.contains(AddrInfoFlags::CANONNAME));
    let mut all = Vec::new();
    for address in addresses {
        for &(socket_type, port) in &ports {
            let address = SocketAddr::new(address, port);
            all.push(AddrInfo { socket_type, address, canonical_name: canonical.take() });
        }
    }
    Ok(all)
}

/// The port of `service` for each kind of socket that is wanted.
fn ports(
    names: &Names,
    service: Option<&str>,
    hints: &Hints,
) -> io::Result<Vec<(SocketType, u16)>> {
    let types = [SocketType::Stream, SocketType::Datagram].into_iter();
    let types = types.filter(|&one| hints.socket_type.is_none_or(|wanted| wanted == one));
    let service = service.unwrap_or("0");
    if let Ok(port) = service.parse() {
        return Ok(types.map(|one| (one, port)).collect());
    }
    if hints.flags.contains(AddrInfoFlags::NUMERICSERV) {
        return Err(NameError::of_service(service, Cause::NotNumeric).into());
    }
    let port = |socket_type| {
        let protocol = match socket_type {
            SocketType::Stream => Protocol::Tcp,
            SocketType::Datagram => Protocol::Udp,
        };
        names.services().port(service, protocol)
    };
    let ports: Vec<_> = types.filter_map(|one| port(one).map(|port| (one, port))).collect();
    if ports.is_empty() {
        return Err(NameError::of_service(service, Cause::UnknownService).into());
    }
    Ok(ports)
}

/// Addresses where no node is named.
fn own(host: &Host, families: &[RecordType], passive: bool) -> Vec<IpAddr> {
    let all: Vec<IpAddr> = if passive {
        vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()]
    } else {
        host.engine().config().addresses.iter().map(IpNet::addr).collect()
    };
    let family = |ip: &IpAddr| if ip.is_ipv4() { RecordType::A } else { RecordType::Aaaa };
    all.into_iter().filter(|ip| families.contains(&family(ip))).collect()
}

/// The name of an address and that of its port, as `getnameinfo` (RFC 3493 6.2). What has no name is
/// told as a number.
///
/// Fails as [`Resolver::reverse`] does, and only with [`NAMEREQD`](NameInfoFlags::NAMEREQD).
///
/// ```
/// use tuntcp::names::{Hosts, Names, ResolverConfig, Services};
/// use tuntcp::net::{NameInfoFlags, getnameinfo};
///
/// let (_peer, host) = tuntcp::runtime::memory_pair()?;
/// let hosts: Hosts = "192.0.2.1 one.example".parse()?;
/// host.set_names(Names::new(ResolverConfig::default(), hosts, Services::well_known()));
///
/// let (node, service) = getnameinfo(&host, "192.0.2.1:80".parse()?, NameInfoFlags::empty())?;
/// assert_eq!((node.as_str(), service.as_str()), ("one.example", "http"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn getnameinfo(
    host: &Host,
    address: SocketAddr,
    flags: NameInfoFlags,
) -> io::Result<(String, String)> {
    let names = host.names();
    let required = flags.contains(NameInfoFlags::NAMEREQD);
    let node = if flags.contains(NameInfoFlags::NUMERICHOST) {
        if required {
            return Err(NameError::of_address(address.ip(), Cause::NotNumeric).into());
        }
        address.ip().to_string()
    } else {
        match Resolver::new(host).reverse(address.ip()) {
            Ok(name) if flags.contains(NameInfoFlags::NOFQDN) => short(&names, name),
            Ok(name) => name,
            Err(error) if required => return Err(error),
            Err(_) => address.ip().to_string(),
        }
    };
    let datagram = flags.contains(NameInfoFlags::DGRAM);
    let protocol = if datagram { Protocol::Udp } else { Protocol::Tcp };
    let service = match names.services().name(address.port(), protocol) {
        Some(name) if !flags.contains(NameInfoFlags::NUMERICSERV) => name.to_owned(),
        _ => address.port().to_string(),
    };
    Ok((node, service))
}

/// `name` without the domain of the search list in which it stands.
fn short(names: &Names, name: String) -> String {
    let mut domains = names.resolver().search.iter();
    let rest = domains.find_map(|domain| {
        let rest = name.strip_suffix(domain.as_str())?;
        rest.strip_suffix('.').map(str::to_owned)
    });
    rest.unwrap_or(name)
}
