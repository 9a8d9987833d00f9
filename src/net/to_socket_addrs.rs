//! What can stand for an address.

use std::io::{self, ErrorKind};
use std::iter::Cloned;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::{option, slice, vec};

use crate::names::{Cause, NameError, Protocol, Services};

use super::Resolver;

/// What can stand for one or several addresses, as [`std::net::ToSocketAddrs`]; names are looked up
/// by the host that is to use them, over its own UDP and TCP: that is what the [`Resolver`] is for.
///
/// `"192.0.2.1:80"`, `"[2001:db8::1]:80"`, `"one.example:80"`, `"one.example:http"`, and a name or an
/// address beside a port: `("one.example", 80)`.
///
/// ```
/// use tuntcp::names::{Hosts, Names, ResolverConfig, Services};
/// use tuntcp::net::{Resolver, ToSocketAddrs};
///
/// let (_peer, host) = tuntcp::runtime::memory_pair()?;
/// let hosts: Hosts = "192.0.2.1 one.example".parse()?;
/// host.set_names(Names::new(ResolverConfig::default(), hosts, Services::well_known()));
///
/// let resolver = Resolver::new(&host);
/// let expected = "192.0.2.1:80".parse()?;
/// assert_eq!("one.example:http".to_socket_addrs(&resolver)?.next(), Some(expected));
/// assert_eq!(("192.0.2.1", 80).to_socket_addrs(&resolver)?.next(), Some(expected));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait ToSocketAddrs {
    /// The addresses, in the order in which to try them.
    type Iter: Iterator<Item = SocketAddr>;

    /// The addresses, as the host of `resolver` knows them.
    ///
    /// Fails with `InvalidInput` for what is neither an address nor a name and a port, or names a
    /// service that nobody knows; otherwise as [`Resolver::lookup`].
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use tuntcp::net::{Resolver, ToSocketAddrs};
    ///
    /// let (host, _peer) = tuntcp::runtime::memory_pair()?;
    /// let error = "192.0.2.1".to_socket_addrs(&Resolver::new(&host)).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidInput);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn to_socket_addrs(&self, resolver: &Resolver) -> io::Result<Self::Iter>;
}

impl ToSocketAddrs for SocketAddr {
    type Iter = option::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self, _: &Resolver) -> io::Result<Self::Iter> {
        Ok(Some(*self).into_iter())
    }
}

impl ToSocketAddrs for SocketAddrV4 {
    type Iter = option::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self, resolver: &Resolver) -> io::Result<Self::Iter> {
        SocketAddr::V4(*self).to_socket_addrs(resolver)
    }
}

impl ToSocketAddrs for SocketAddrV6 {
    type Iter = option::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self, resolver: &Resolver) -> io::Result<Self::Iter> {
        SocketAddr::V6(*self).to_socket_addrs(resolver)
    }
}

impl ToSocketAddrs for (IpAddr, u16) {
    type Iter = option::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self, resolver: &Resolver) -> io::Result<Self::Iter> {
        SocketAddr::from(*self).to_socket_addrs(resolver)
    }
}

impl ToSocketAddrs for (Ipv4Addr, u16) {
    type Iter = option::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self, resolver: &Resolver) -> io::Result<Self::Iter> {
        SocketAddr::from(*self).to_socket_addrs(resolver)
    }
}

impl ToSocketAddrs for (Ipv6Addr, u16) {
    type Iter = option::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self, resolver: &Resolver) -> io::Result<Self::Iter> {
        SocketAddr::from(*self).to_socket_addrs(resolver)
    }
}

impl ToSocketAddrs for (&str, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self, resolver: &Resolver) -> io::Result<Self::Iter> {
        let (name, port) = *self;
        let addresses = resolver.lookup(name)?.into_iter();
        let addresses: Vec<_> = addresses.map(|ip| SocketAddr::new(ip, port)).collect();
        Ok(addresses.into_iter())
    }
}

impl ToSocketAddrs for (String, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self, resolver: &Resolver) -> io::Result<Self::Iter> {
        (self.0.as_str(), self.1).to_socket_addrs(resolver)
    }
}

impl ToSocketAddrs for str {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self, resolver: &Resolver) -> io::Result<Self::Iter> {
        if let Ok(address) = self.parse() {
            return Ok(vec![address].into_iter());
        }
        let parts = self.rsplit_once(':');
        // More colons than one, without brackets, are an IPv6 address without a port.
        let parts = parts.filter(|(name, _)| !name.contains(':') || name.starts_with('['));
        let Some((name, service)) = parts else {
            let text = format!("{self:?} is no address: NAME:PORT is wanted");
            return Err(io::Error::new(ErrorKind::InvalidInput, text));
        };
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        let port = port(resolver.names().services(), service)?;
        (bare.unwrap_or(name), port).to_socket_addrs(resolver)
    }
}

impl ToSocketAddrs for String {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self, resolver: &Resolver) -> io::Result<Self::Iter> {
        self.as_str().to_socket_addrs(resolver)
    }
}

impl<'a> ToSocketAddrs for &'a [SocketAddr] {
    type Iter = Cloned<slice::Iter<'a, SocketAddr>>;

    fn to_socket_addrs(&self, _: &Resolver) -> io::Result<Self::Iter> {
        Ok(self.iter().cloned())
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    type Iter = T::Iter;

    fn to_socket_addrs(&self, resolver: &Resolver) -> io::Result<Self::Iter> {
        (**self).to_socket_addrs(resolver)
    }
}

/// A port as a number or by its name. Most names mean the same port of TCP and UDP; where one of them
/// has none, the other's is meant.
fn port(services: &Services, text: &str) -> io::Result<u16> {
    let by_name = || {
        let port = services.port(text, Protocol::Tcp);
        port.or_else(|| services.port(text, Protocol::Udp))
    };
    let port = text.parse().ok().or_else(by_name);
    port.ok_or_else(|| NameError::of_service(text, Cause::UnknownService).into())
}
