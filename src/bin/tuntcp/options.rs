//! Options that every subcommand takes, and the host that they describe.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Args;
use ipnet::IpNet;
use tuntcp::device::impair::{Impaired, Spec};
use tuntcp::device::{self, Capture, Device, OffloadPolicy, TunOptions};
use tuntcp::engine::BusyPolling;
use tuntcp::tcp::EcnPolicy;
use tuntcp::tcp::congestion::Algorithm;
use tuntcp::{Host, HostConfig};

use crate::Failure;
use crate::names::NameOptions;

/// Where the stack lives.
#[derive(Args)]
pub(crate) struct HostOptions {
    /// The TUN device, as ./scripts/setup_tun.sh makes it
    #[arg(long, value_name = "NAME", default_value = "tun0")]
    tun: String,

    /// An address of the stack and its network, not the kernel's own; may be given several times, of
    /// IPv4 and of IPv6
    #[arg(
        long = "address",
        value_name = "CIDR",
        default_values = ["192.0.2.2/24", "2001:db8::2/64"],
        value_parser = stack_address
    )]
    stack: Vec<IpNet>,

    /// Let the kernel cut, join and sum segments, so that one system call carries up to 64 KiB:
    /// auto (where it can, and the wire is not made a bad one) or off
    #[arg(long, value_name = "auto|off", default_value_t)]
    offload: OffloadPolicy,

    /// Queues of the device, each with a thread of its own, 1 to 8; for more than one the device
    /// must have been made with `setup_tun.sh --queues N`
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u8).range(1..=8),
        conflicts_with = "impair"
    )]
    queues: u8,

    /// Look at the device again and again before sleeping: auto (where it is worth it), off, or so
    /// long after something came, up to 1ms
    #[arg(long, value_name = "auto|off|50us", default_value_t)]
    busy_poll: BusyPolling,

    /// Congestion control, by its name
    #[arg(long, value_name = "NAME", default_value_t)]
    congestion: Algorithm,

    /// Make the wire a bad one, both ways: any of loss=1%,burst=5,mark=1%,delay=20ms,jitter=5ms,
    /// reorder=2%,duplicate=1%,corrupt=0.1%,rate=50mbit,queue=100,aqm=codel,target=5ms,
    /// interval=100ms,ecn=off,outage=5s-7s,seed=7
    #[arg(long, value_name = "SPEC")]
    impair: Option<Spec>,

    /// Marks of congestion (ECN, RFC 3168): off, accept (if the peer asks for it) or request (ask
    /// for it, too)
    #[arg(long, value_name = "POLICY", default_value_t)]
    ecn: EcnPolicy,

    /// Write every packet to this file (pcapng, for Wireshark), as the wire carries it
    #[arg(long, value_name = "FILE")]
    capture: Option<PathBuf>,
}

/// What every client is told.
#[derive(Args)]
pub(crate) struct ClientOptions {
    #[command(flatten)]
    pub(crate) names: NameOptions,

    #[command(flatten)]
    host: HostOptions,
}

impl ClientOptions {
    /// Starts the stack, which then knows what names stand for.
    pub(crate) fn start(&self) -> Result<Host, Failure> {
        let host = self.host.start()?;
        self.names.apply(&host)?;
        Ok(host)
    }
}

impl HostOptions {
    /// The addresses of the stack, one at least.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.stack.iter().map(IpNet::addr)
    }

    /// Opens the device and starts the stack on it.
    pub(crate) fn start(&self) -> Result<Host, Failure> {
        // What is done to a wire is done to its packets, one by one.
        let offload = if self.impair.is_some() { OffloadPolicy::Off } else { self.offload };
        let options = TunOptions { offload, queues: self.queues.into() };
        let mut queues = device::open(&self.tun, &options)?;
        if let Some(path) = &self.capture {
            queues = captured(queues, path)
                .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
        if let Some(spec) = &self.impair {
            // There is one queue: it cannot be asked for several beside this.
            queues = queues.into_iter().map(|queue| boxed(Impaired::new(queue, spec))).collect();
        }
        let mut config = HostConfig::new(self.stack.clone());
        config.busy_poll = self.busy_poll;
        config.tcp.congestion = self.congestion;
        config.tcp.ecn = self.ecn;
        let host = Host::with_queues(queues, config);
        Ok(host.map_err(|error| format!("cannot start the stack: {error}"))?)
    }
}

/// The same devices, whose traffic is written to a file.
fn captured(queues: Vec<Box<dyn Device>>, path: &Path) -> io::Result<Vec<Box<dyn Device>>> {
    let mut queues = queues.into_iter();
    let Some(first) = queues.next() else { return Ok(Vec::new()) };
    let first = Capture::create(first, path, since_1970())?;
    let mut captured: Vec<_> = queues.map(|queue| boxed(first.beside(queue))).collect();
    captured.insert(0, boxed(first));
    Ok(captured)
}

fn boxed(device: impl Device + 'static) -> Box<dyn Device> {
    Box::new(device)
}

/// An address that a stack may have.
fn stack_address(text: &str) -> Result<IpNet, String> {
    let net: IpNet = text.parse().map_err(|_| {
        "an address with the length of its network's prefix is wanted, such as 192.0.2.2/24 \
         or 2001:db8::2/64"
            .to_owned()
    })?;
    let address = net.addr();
    let has_hosts_between = net.max_prefix_len() - net.prefix_len() > 1;
    match net {
        IpNet::V4(v4)
            if has_hosts_between && [v4.network(), v4.broadcast()].contains(&v4.addr()) =>
        {
            return Err(format!("{address} stands for all of {}, not for one host", net.trunc()));
        }
        // RFC 4291 2.6.1.
        IpNet::V6(v6) if has_hosts_between && v6.network() == v6.addr() => {
            return Err(format!(
                "{address} stands for the routers of {}, not for one host",
                net.trunc()
            ));
        }
        _ => {}
    }
    let mapped = address.to_canonical() != address;
    if address.is_loopback() || address.is_multicast() || address.is_unspecified() || mapped {
        return Err(format!("no host on a TUN can have the address {address}"));
    }
    Ok(net)
}

/// A number of seconds on the command line.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=3600.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("a number of seconds from 0 to 3600 is wanted".into()),
    }
}

/// What a capture's clock begins with.
#[expect(clippy::disallowed_methods, reason = "a capture tells the time of day")]
fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
