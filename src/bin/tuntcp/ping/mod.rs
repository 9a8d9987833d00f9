//! `tuntcp ping`: echo requests, and who answers how soon.

mod message;
mod tally;

use std::io::{self, ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clap::Args;
use tuntcp::net::{RawPacket, Resolver};
use tuntcp::runtime::clock::Clock;
use tuntcp::time::Instant;
use tuntcp::{Host, RawSocket};

use crate::Failure;
use crate::options::{ClientOptions, seconds};
use crate::signals::Signals;
use message::{Dialogue, Heard};
use tally::{Tally, millis};

/// Send ICMP echo requests and report the answers
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Whom to ask: an address, or a name, which the stack looks up itself
    #[arg(value_name = "PEER")]
    peer: String,
    /// How many requests; without this, until somebody ends it (Ctrl-C)
    #[arg(short, long, value_parser = clap::value_parser!(u16).range(1..))]
    count: Option<u16>,
    /// Seconds between two requests
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    interval: Duration,
    /// Seconds to wait for the last answers
    #[arg(short = 'W', long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    timeout: Duration,
    /// Payload of a request, bytes; what is more than the MTU goes in fragments
    #[arg(short, long, default_value_t = 56, value_parser = clap::value_parser!(u16).range(..=65507))]
    size: u16,
    /// Hops that a request may take
    #[arg(short, long, value_name = "HOPS", default_value_t = 64, value_parser = clap::value_parser!(u8).range(1..))]
    ttl: u8,
    /// Only the first line and the summary
    #[arg(short, long)]
    quiet: bool,
    /// Do not ask for the name of the address that answers
    #[arg(short, long)]
    numeric: bool,

    #[command(flatten)]
    stack: ClientOptions,
}

const EXAMPLES: &str = "\
Examples:
  tuntcp ping 192.0.2.1                  until Ctrl-C
  tuntcp ping 2001:db8::1
  tuntcp ping -6 one.example --dns 192.0.2.1
  tuntcp ping -t 1 198.51.100.1          who is the first router?
  tuntcp ping 192.0.2.1 -c 100 -i 0.01 --impair loss=10%,delay=5ms

Exit status: 0 when anybody answered, 1 when nobody did.";

/// More than any packet carries.
const LONGEST: usize = 65_536;

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let signals = Signals::block()?;
    let host = arguments.stack.start()?;
    let peer = arguments.peer.clone();
    let tally = Arc::new(Mutex::new(Tally::default()));
    let interrupted = Arc::clone(&tally);
    signals.on_first(move |_| {
        let tally = lock(&interrupted);
        // Nobody reads it: that changes nothing.
        let _ = say(&tally.report(&peer));
        process::exit(tally.exit_status().into());
    })?;

    let addresses = arguments.stack.names.lookup(&host, &arguments.peer)?;
    // A name that is found has an address.
    let Some(&peer) = addresses.first() else { return Ok(ExitCode::FAILURE) };
    let pinging = Pinging::new(&host, peer, arguments, &tally)?;
    match pinging.run() {
        Ok(()) => {}
        // Whoever reads it has enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            return Ok(lock(&tally).exit_status().into());
        }
        Err(error) => return Err(format!("cannot ask {peer}: {error}").into()),
    }
    let tally = lock(&tally);
    let _ = say(&tally.report(&arguments.peer));
    Ok(tally.exit_status().into())
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

/// A peer who is being asked.
struct Pinging<'a> {
    arguments: &'a Arguments,
    tally: &'a Mutex<Tally>,
    clock: Clock,
    /// It hears the errors, too.
    socket: RawSocket,
    dialogue: Dialogue,
    payload: Vec<u8>,
    /// The peer as the one who answers.
    name: String,
}

impl<'a> Pinging<'a> {
    fn new(
        host: &Host,
        peer: IpAddr,
        arguments: &'a Arguments,
        tally: &'a Mutex<Tally>,
    ) -> io::Result<Self> {
        // Two of us at the same address hear of each other's requests.
        let identifier = (process::id() & 0xffff) as u16;
        let dialogue = Dialogue { peer, identifier };
        let any: IpAddr = match peer {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = RawSocket::bind(host, any, dialogue.protocol())?;
        socket.set_ttl(arguments.ttl.into())?;
        let given_as_address = arguments.peer.parse::<IpAddr>().is_ok();
        let name = match Resolver::new(host) {
            resolver if !given_as_address && !arguments.numeric => resolver.reverse(peer).ok(),
            _ => None,
        };
        // Whoever runs that server chooses it; it shall not command the terminal.
        let name = name.filter(|name| !name.contains(char::is_control));
        let name = name.map_or_else(|| peer.to_string(), |name| format!("{name} ({peer})"));
        let payload = (0..arguments.size).map(|index| index.to_le_bytes()[0]).collect();
        Ok(Self { arguments, tally, clock: host.clock(), socket, dialogue, payload, name })
    }

    fn run(&self) -> io::Result<()> {
        let Arguments { size, peer, .. } = self.arguments;
        let address = self.dialogue.peer;
        say(&match address {
            // With the headers of ICMP and IP.
            IpAddr::V4(_) => {
                format!("PING {peer} ({address}) {size}({}) bytes of data.", u32::from(*size) + 28)
            }
            IpAddr::V6(_) => format!("PING {peer}({address}) {size} data bytes"),
        })?;
        let mut count = 0_u64;
        let mut sequence = 0_u16;
        loop {
            (count, sequence) = (count + 1, sequence.wrapping_add(1));
            let request = self.dialogue.request(sequence, &self.payload);
            let now = self.clock.now();
            lock(self.tally).ask(sequence, now);
            self.socket.send_to(&request, address)?;
            if self.arguments.count.is_some_and(|wanted| u64::from(wanted) == count) {
                return self.hear_until(now + self.arguments.timeout, Some(count));
            }
            self.hear_until(now + self.arguments.interval, None)?;
        }
    }

    /// Until then, or until so many have been heard of. At least once it looks whether there is
    /// something.
    fn hear_until(&self, until: Instant, enough: Option<u64>) -> io::Result<()> {
        let mut message = vec![0; LONGEST];
        while enough.is_none_or(|count| !lock(self.tally).has_heard(count)) {
            let now = self.clock.now();
            let left = if until.is_due(now) { Duration::ZERO } else { until - now };
            self.socket.set_read_timeout(Some(left.max(Duration::from_micros(1))))?;
            match self.socket.recv(&mut message) {
                Ok(packet) => self.hear(&packet, &message[..packet.len])?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            if until.is_due(self.clock.now()) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn hear(&self, packet: &RawPacket, message: &[u8]) -> io::Result<()> {
        let now = self.clock.now();
        let line = match self.dialogue.read(packet, message) {
            None => return Ok(()),
            Some(Heard::Error(sequence, text)) => {
                if !lock(self.tally).error(sequence, now) {
                    return Ok(());
                }
                format!("From {} icmp_seq={sequence} {text}", packet.from)
            }
            Some(Heard::Reply(sequence, payload)) => {
                let answer = lock(self.tally).answer(sequence, now);
                let Some((took, first)) = answer else { return Ok(()) };
                let note = match (first, payload == self.payload) {
                    (false, _) => " (DUP!)",
                    (true, false) => " (wrong data!)",
                    (true, true) => "",
                };
                let from = if packet.from == self.dialogue.peer {
                    self.name.clone()
                } else {
                    packet.from.to_string()
                };
                format!(
                    "{} bytes from {from}: icmp_seq={sequence} ttl={} time={} ms{note}",
                    payload.len() + 8,
                    packet.ttl,
                    millis(took),
                )
            }
        };
        if self.arguments.quiet { Ok(()) } else { say(&line) }
    }
}
