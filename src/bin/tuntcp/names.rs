//! Options on names, and ports by name.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{fs, io};

use clap::Args;
use tuntcp::Host;
use tuntcp::names::{BadLine, Names, Protocol};
use tuntcp::net::{AddrInfoFlags, Family, Hints, Resolver, SocketType, getaddrinfo};
use tuntcp::runtime::machine_names;

use crate::Failure;

/// What names stand for: by default what the machine's own files say.
#[derive(Args)]
pub(crate) struct NameOptions {
    /// Ask this name server, in place of those of resolv.conf; may be given more than once
    #[arg(long, value_name = "SERVER[:PORT]", value_parser = server)]
    dns: Vec<SocketAddr>,

    /// Names that need no asking, as /etc/hosts has them
    #[arg(long, value_name = "FILE")]
    hosts: Option<PathBuf>,

    /// Which name servers to ask, and how, as /etc/resolv.conf says it
    #[arg(long, value_name = "FILE")]
    resolv_conf: Option<PathBuf>,

    /// Only addresses of IPv4
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,

    /// Only addresses of IPv6
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
}

impl NameOptions {
    /// Tells `host`. Files of the machine that it does not need are not read.
    pub(crate) fn apply(&self, host: &Host) -> Result<(), Failure> {
        if self.dns.is_empty() && self.hosts.is_none() && self.resolv_conf.is_none() {
            return Ok(());
        }
        let machine = machine_names();
        let (mut resolver, mut hosts) = (machine.resolver().clone(), machine.hosts().clone());
        if let Some(path) = &self.resolv_conf {
            resolver = read(path)?;
        }
        if let Some(path) = &self.hosts {
            hosts = read(path)?;
        }
        if !self.dns.is_empty() {
            resolver.servers.clone_from(&self.dns);
        }
        host.set_names(Names::new(resolver, hosts, machine.services().clone()));
        Ok(())
    }

    /// The addresses of `name`, the best first, of the families that were asked for.
    pub(crate) fn lookup(&self, host: &Host, name: &str) -> io::Result<Vec<IpAddr>> {
        let family = match (self.ipv4, self.ipv6) {
            (false, false) => return Resolver::new(host).lookup(name),
            (true, _) => Family::Inet,
            (false, true) => Family::Inet6,
        };
        let hints =
            Hints { family, socket_type: Some(SocketType::Stream), flags: AddrInfoFlags::empty() };
        let found = getaddrinfo(host, Some(name), None, &hints)?;
        Ok(found.into_iter().map(|info| info.address.ip()).collect())
    }
}

fn read<T: FromStr<Err = BadLine>>(path: &Path) -> Result<T, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(text.parse().map_err(|error: BadLine| format!("{}: {error}", path.display()))?)
}

/// A name server; names cannot name it.
fn server(text: &str) -> Result<SocketAddr, String> {
    let with_port = text.parse().ok();
    let server = with_port.or_else(|| Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, 53)));
    server.ok_or_else(|| "the address of a name server is wanted, such as 192.0.2.53".into())
}

/// A port as a number or by its name, as /etc/services has it for TCP, or else for UDP.
pub(crate) fn port(text: &str) -> Result<u16, String> {
    let bad = || format!("'{text}' is no port from 1 to 65535");
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().filter(|&port| port > 0).ok_or_else(bad);
    }
    let of = |protocol| machine_names().services().port(text, protocol);
    of(Protocol::Tcp)
        .or_else(|| of(Protocol::Udp))
        .ok_or_else(|| bad() + ", nor the name of a service (/etc/services)")
}
