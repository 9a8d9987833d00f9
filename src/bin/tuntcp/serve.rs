//! `tuntcp serve`: the demo servers.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use clap::{Args, ValueEnum};
use nix::sys::signal::Signal;
use tuntcp::Host;

use crate::Failure;
use crate::demos::{self, Demo, Door, Polled, Settings};
use crate::names;
use crate::options::HostOptions;
use crate::signals::Signals;

/// Run the demo servers until SIGINT or SIGTERM
#[derive(Args)]
#[command(after_help = help())]
pub(crate) struct Arguments {
    /// What to serve, and where: a service at its well-known port, or at another, given as a number
    /// or by its name (http-alt); all by default
    #[arg(value_name = "SERVICE[=PORT]")]
    services: Vec<Service>,

    /// List the services, and how to talk to each, and end
    #[arg(long)]
    list: bool,

    /// How the small services (echo to time) are served: by a thread for each client, or by one for all
    /// of them; the others have a thread for each
    #[arg(long, value_enum, value_name = "MODEL", default_value = "threads")]
    model: Model,

    /// Clients that a service has at once; who comes beyond that is sent away
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = at_least_one)]
    max_clients: usize,

    #[command(flatten)]
    settings: Settings,

    #[command(flatten)]
    host: HostOptions,
}

/// How many threads serve.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Model {
    /// One for each client.
    Threads,
    /// One for all, by a poller.
    Poll,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|&number| number > 0);
    number.ok_or_else(|| "a number from 1 on is wanted".into())
}

const EXAMPLES: &str = "\
Examples:
  tuntcp serve                              all of them
  tuntcp serve echo=7007 chargen            two of them, one elsewhere
  tuntcp serve echo=http-alt                at the port that /etc/services calls so
  tuntcp serve http --root public           the files below a directory
  tuntcp serve --model poll echo            one thread for all clients
  tuntcp serve --impair loss=5%,delay=20ms  over a bad wire
  tuntcp serve --capture echo.pcapng        and look at it with Wireshark

Exit status: 0 after SIGINT or SIGTERM, 1 when the TUN could not be opened or vanished.";

fn help() -> String {
    format!("Services, and how to talk to them:\n{}\n{EXAMPLES}", list())
}

/// A line for each service.
fn list() -> String {
    let line = |Demo { name, port, about, client, .. }: &Demo| {
        format!("  {name:<8}{port:>4}  {about:<46}{client}\n")
    };
    demos::ALL.iter().map(line).collect()
}

/// A demo and its port.
#[derive(Clone)]
struct Service {
    demo: &'static Demo,
    port: u16,
}

impl FromStr for Service {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, port) =
            text.split_once('=').map_or((text, None), |(name, port)| (name, Some(port)));
        let demo = demos::ALL.iter().find(|demo| demo.name == name).ok_or_else(|| {
            let known: Vec<_> = demos::ALL.iter().map(|demo| demo.name).collect();
            format!("there is no service '{name}'; there are {}", known.join(", "))
        })?;
        let port = port.map_or(Ok(demo.port), names::port)?;
        Ok(Self { demo, port })
    }
}

/// Why serving ends.
enum End {
    /// A signal asked for it.
    Asked(Signal),
    /// A listener failed: the host is down.
    Down,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.list {
        return Ok(io::stdout().write_all(list().as_bytes())?);
    }
    let (tell, told) = mpsc::channel();
    let signals = Signals::block()?;
    let mut services = arguments.services.clone();
    if services.is_empty() {
        services.extend(demos::ALL.iter().map(|demo| Service { demo, port: demo.port }));
    }
    let servers = services.iter().map(|service| (service.demo.start)(&arguments.settings));
    let servers = servers.collect::<Result<Vec<_>, _>>()?;

    let host = arguments.host.start()?;
    let mut ready = String::from("ready");
    for address in arguments.host.addresses() {
        ready.push_str(&format!(" {address}"));
    }
    let mut doors = Vec::new();
    for (Service { demo, port }, server) in services.iter().zip(servers) {
        let server = Arc::new(server);
        for address in arguments.host.addresses() {
            let at = SocketAddr::new(address, *port);
            doors.push(Door::open(&host, at, demo.name, &server, arguments.max_clients)?);
        }
        ready.push_str(&format!(" {}={port}", demo.name));
    }
    open(&host, doors, arguments.model, &tell)?;
    writeln!(io::stdout(), "{ready}").map_err(|error| format!("cannot say `ready`: {error}"))?;

    signals.on_first(move |signal| {
        // Nobody to tell: the program is ending already.
        let _ = tell.send(End::Asked(signal));
    })?;
    match told.recv()? {
        End::Asked(signal) => {
            log::info!("{signal}: closing");
            drop(host);
            Ok(())
        }
        End::Down => {
            let error = host.wait_down(Some(Duration::from_secs(1)));
            let cause = error.map_or("the stack stopped".into(), |error| error.to_string());
            Err(format!(
                "{cause}; set the device up again and restart: sudo ./scripts/setup_tun.sh"
            )
            .into())
        }
    }
}

/// Lets the clients in.
fn open(host: &Host, doors: Vec<Door>, model: Model, tell: &Sender<End>) -> io::Result<()> {
    let down = || {
        let tell = tell.clone();
        move || {
            let _ = tell.send(End::Down);
        }
    };
    let (polled, threaded): (Vec<_>, Vec<_>) =
        doors.into_iter().partition(|door| model == Model::Poll && door.server.has_turns());
    if !polled.is_empty() {
        Polled::new(host, polled)?.start(down())?;
    }
    threaded.into_iter().try_for_each(|door| demos::start_threads(door, down()))
}
