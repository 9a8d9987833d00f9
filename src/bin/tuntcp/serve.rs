//! `tuntcp serve`: the demo servers.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use clap::Args;
use nix::sys::signal::Signal;
use tuntcp::{Host, TcpListener};

use crate::Failure;
use crate::demos::{self, Demo};
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

    #[command(flatten)]
    host: HostOptions,
}

const EXAMPLES: &str = "\
Examples:
  tuntcp serve                              all of them
  tuntcp serve echo=7007 chargen            two of them, one elsewhere
  tuntcp serve echo=http-alt                at the port that /etc/services calls so
  tuntcp serve --impair loss=5%,delay=20ms  over a bad wire
  tuntcp serve --capture echo.pcapng        and look at it with Wireshark

Exit status: 0 after SIGINT or SIGTERM, 1 when the TUN could not be opened or vanished.";

fn help() -> String {
    let mut text = String::from("Services:\n");
    for Demo { name, port, about, .. } in &demos::ALL {
        text.push_str(&format!("  {name:<8}{port:>3}  {about:<38}nc 192.0.2.2 {port}\n"));
    }
    text + "\n" + EXAMPLES
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
    let (tell, told) = mpsc::channel();
    let signals = Signals::block()?;
    let host = arguments.host.start()?;
    let mut services = arguments.services.clone();
    if services.is_empty() {
        services.extend(demos::ALL.iter().map(|demo| Service { demo, port: demo.port }));
    }
    let mut ready = String::from("ready");
    for address in arguments.host.addresses() {
        ready.push_str(&format!(" {address}"));
    }
    for service in &services {
        for address in arguments.host.addresses() {
            serve(&host, SocketAddr::new(address, service.port), service.demo, &tell)?;
        }
        ready.push_str(&format!(" {}={}", service.demo.name, service.port));
    }
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

/// Accepts in a thread of its own, and gives each client another.
fn serve(
    host: &Host,
    at: SocketAddr,
    demo: &'static Demo,
    tell: &Sender<End>,
) -> Result<(), Failure> {
    let listener = TcpListener::bind(host, at)
        .map_err(|error| format!("cannot listen at {at} for {}: {error}", demo.name))?;
    let tell = tell.clone();
    thread::Builder::new().name(demo.name.into()).spawn(move || {
        loop {
            let Ok((stream, client)) = listener.accept() else {
                let _ = tell.send(End::Down);
                return;
            };
            log::info!("{}: {client} connected", demo.name);
            let started = thread::Builder::new().spawn(move || match (demo.serve)(stream) {
                Ok(()) => log::info!("{}: {client} is done", demo.name),
                Err(error) => log::info!("{}: {client}: {error}", demo.name),
            });
            if let Err(error) = started {
                // Its stream was dropped with the thread that it was for: the client is told.
                log::warn!("{}: no thread for {client}: {error}", demo.name);
            }
        }
    })?;
    Ok(())
}
