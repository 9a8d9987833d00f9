//! Options that every subcommand takes, and the host that they describe.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use ipnet::IpNet;
use tuntcp::device::impair::{Impaired, Spec};
use tuntcp::device::{Capture, Device, Tun};
use tuntcp::{Host, HostConfig};

use crate::Failure;

/// Where the stack lives.
#[derive(Args)]
pub(crate) struct HostOptions {
    /// The TUN device, as ./scripts/setup_tun.sh makes it
    #[arg(long, value_name = "NAME", default_value = "tun0")]
    tun: String,

    /// The address of the stack and its network; not the kernel's own
    #[arg(long = "address", value_name = "CIDR", default_value = "192.0.2.2/24")]
    stack: IpNet,

    /// Make the wire a bad one, both ways: loss=1%,delay=20ms,jitter=5ms,reorder=2%,duplicate=1%,
    /// corrupt=0.1%,rate=50mbit,queue=100,seed=7, any of them
    #[arg(long, value_name = "SPEC")]
    impair: Option<Spec>,

    /// Write every packet to this file (pcapng, for Wireshark), as the wire carries it
    #[arg(long, value_name = "FILE")]
    capture: Option<PathBuf>,
}

impl HostOptions {
    /// The address of the stack.
    pub(crate) fn address(&self) -> std::net::IpAddr {
        self.stack.addr()
    }

    /// Opens the device and starts the stack on it.
    pub(crate) fn start(&self) -> Result<Host, Failure> {
        let mut device: Box<dyn Device> = Box::new(Tun::open(&self.tun)?);
        if let Some(path) = &self.capture {
            device = Box::new(
                Capture::create(device, path, since_1970())
                    .map_err(|error| format!("cannot write {}: {error}", path.display()))?,
            );
        }
        if let Some(spec) = &self.impair {
            device = Box::new(Impaired::new(device, spec));
        }
        let host = Host::new(device, HostConfig::new(vec![self.stack]));
        Ok(host.map_err(|error| format!("cannot start the stack: {error}"))?)
    }
}

/// What a capture's clock begins with.
#[expect(clippy::disallowed_methods, reason = "a capture tells the time of day")]
fn since_1970() -> std::time::Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
