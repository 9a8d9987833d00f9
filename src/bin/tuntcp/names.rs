//! Options on names, and ports by name.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use tuntcp::Host;
use tuntcp::names::{BadLine, Names, Protocol};
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

/// A port of TCP as a number or by its name, as /etc/services has it.
pub(crate) fn port(text: &str) -> Result<u16, String> {
    let bad = || format!("'{text}' is no port from 1 to 65535");
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().filter(|&port| port > 0).ok_or_else(bad);
    }
    let port = machine_names().services().port(text, Protocol::Tcp);
    port.ok_or_else(|| bad() + ", nor the name of a service (/etc/services)")
}
