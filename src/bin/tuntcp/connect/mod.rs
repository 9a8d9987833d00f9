//! `tuntcp connect`: our own nc.

mod datagrams;
mod stream;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use crate::Failure;
use crate::names;
use crate::options::{ClientOptions, seconds};
use crate::signals::{self, Signals};

/// Connect standard input and output to a peer, as nc does
///
/// Standard input goes to the peer, and its end closes our half; what the peer sends goes to
/// standard output until he closes his. Over UDP each read of standard input is a datagram.
#[derive(Args)]
#[command(after_help = EXAMPLES, allow_missing_positional = true)]
pub(crate) struct Arguments {
    /// The peer: an address, or a name, which the stack looks up itself. With --listen, which of the
    /// stack's own addresses to wait at; without it, at all of them
    #[arg(value_name = "PEER", required_unless_present = "listen")]
    peer: Option<String>,
    /// The peer's port, or its name (http); with --listen our own
    #[arg(value_parser = names::port)]
    port: u16,
    /// Wait for one peer to come, instead of calling one. Over UDP, that is whoever sends the first
    /// datagram
    #[arg(short, long)]
    listen: bool,
    /// Datagrams instead of a connection
    #[arg(short, long)]
    udp: bool,
    /// How long to wait for the connection to open, to each of the peer's addresses; 0, or without it,
    /// as long as TCP tries. Over UDP: how long the peer may be silent after the end of standard
    /// input, 1 without it, and 0 for ever
    #[arg(short = 'w', long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,

    #[command(flatten)]
    stack: ClientOptions,
}

const EXAMPLES: &str = "\
Examples:
  nc -l 192.0.2.1 4000                   the kernel listens
  tuntcp connect 192.0.2.1 4000          and we talk to it
  tuntcp connect 192.0.2.1 4000 < file   or send a file
  tuntcp connect one.example http --dns 192.0.2.1
                                         a peer and a port by name
  tuntcp connect --listen 4000 > file    we listen,
  nc -N 192.0.2.2 4000 < file            and the kernel sends
  tuntcp connect --udp 192.0.2.1 4000    datagrams, to nc -u -l 192.0.2.1 4000
  tuntcp connect -u -l 2001:db8::2 4000  or from nc -u 2001:db8::2 4000

Exit status: 0 after both sides have closed (over UDP: after the end of standard input, and silence),
1 when the connection or a datagram failed, with the cause.
A TUN serves one program at a time: beside a running `tuntcp serve`, give this one a TUN of its own
(sudo ./scripts/setup_tun.sh tun1 198.51.100.1/24, then --tun tun1 --address 198.51.100.2/24).";

/// How long the peer may take to acknowledge the last of what was sent when a signal wants an end.
const SHORT_GOODBYE: Duration = Duration::from_secs(2);

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let signals = Signals::block()?;
    let host = Arc::new(arguments.stack.start()?);
    let interrupted = Arc::downgrade(&host);
    let _precedence = signals.on_first(move |signal| {
        if let Some(host) = interrupted.upgrade() {
            host.close(SHORT_GOODBYE);
            host.engine().abort_all(host.clock().now());
        }
        process::exit(signals::exit_status(signal));
    })?;

    let addresses = match &arguments.peer {
        Some(peer) => arguments.stack.names.lookup(&host, peer)?,
        None => vec![arguments.any()],
    };
    if arguments.udp {
        datagrams::talk(&host, &addresses, arguments)
    } else {
        stream::talk(&host, addresses, arguments)
    }
}

impl Arguments {
    /// What stands for every address of the stack, of the families that were asked for.
    fn any(&self) -> IpAddr {
        if self.stack.names.ipv4 {
            Ipv4Addr::UNSPECIFIED.into()
        } else {
            Ipv6Addr::UNSPECIFIED.into()
        }
    }
}

/// The error, with what was tried.
fn said(tried: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{tried}: {error}"))
}
