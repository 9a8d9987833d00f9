//! `tuntcp ping`: echo requests, and who answers how soon.

use std::io::{self, Write};
use std::process;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clap::Args;
use tuntcp::engine::EchoReply;
use tuntcp::net::Resolver;
use tuntcp::time::Instant;

use crate::Failure;
use crate::names::NameOptions;
use crate::options::{HostOptions, seconds};
use crate::signals::Signals;

/// Send ICMP echo requests and report the answers
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Whom to ask: an address, or a name, which the stack looks up itself
    #[arg(value_name = "PEER")]
    peer: String,
    /// How many requests
    #[arg(short, long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    count: u16,
    /// Seconds between two requests
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    interval: Duration,
    /// Seconds to wait for the last answers
    #[arg(short = 'W', long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    timeout: Duration,
    /// Payload of a request, bytes
    #[arg(short, long, default_value_t = 56, value_parser = clap::value_parser!(u16).range(..=1472))]
    size: u16,

    #[command(flatten)]
    names: NameOptions,

    #[command(flatten)]
    host: HostOptions,
}

const EXAMPLES: &str = "\
Examples:
  tuntcp ping 192.0.2.1
  tuntcp ping 2001:db8::1
  tuntcp ping one.example --dns 192.0.2.1
  tuntcp ping 192.0.2.1 -c 100 -i 0.01 --impair loss=10%,delay=5ms

Exit status: 0 when anybody answered, 1 when nobody did.";

/// What has come back so far.
struct Tally {
    /// As it was given.
    peer: String,
    sent_at: Vec<Instant>,
    answered: Vec<bool>,
    /// Milliseconds, in the order of the answers.
    times: Vec<f64>,
    duplicates: u32,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let signals = Signals::block()?;
    let host = arguments.host.start()?;
    let tally = Arc::new(Mutex::new(Tally::new(arguments)));
    let interrupted = Arc::clone(&tally);
    signals.on_first(move |_| {
        let tally = lock(&interrupted);
        tally.report();
        process::exit(tally.exit_status().into());
    })?;

    arguments.names.apply(&host)?;
    let addresses = Resolver::new(&host).lookup(&arguments.peer)?;
    // A name that is found has an address.
    let Some(&peer) = addresses.first() else { return Ok(ExitCode::FAILURE) };
    let clock = host.clock();
    let pinger = host.engine().pinger()?;
    let payload: Vec<u8> = (0..arguments.size).map(|index| index.to_le_bytes()[0]).collect();
    say(&format!("PING {peer} {} bytes of data", arguments.size));
    for sequence in 0..arguments.count {
        let now = clock.now();
        lock(&tally).sent_at.push(now);
        pinger
            .send(now, peer, sequence, &payload)
            .map_err(|error| format!("cannot ask {peer}: {error}"))?;
        let last = sequence + 1 == arguments.count;
        let until = now + if last { arguments.timeout } else { arguments.interval };
        while !(last && lock(&tally).is_complete()) && clock.now() < until {
            if let Some(error) = host.wait_down(Some(Duration::ZERO)) {
                return Err(error.into());
            }
            pinger.wait(Some(until - clock.now()));
            while let Some(reply) = pinger.receive() {
                lock(&tally).take(&reply, &payload);
            }
        }
    }
    let tally = lock(&tally);
    tally.report();
    Ok(tally.exit_status().into())
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether anybody still reads what is said changes nothing.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

impl Tally {
    fn new(arguments: &Arguments) -> Self {
        Self {
            peer: arguments.peer.clone(),
            sent_at: Vec::new(),
            answered: vec![false; arguments.count.into()],
            times: Vec::new(),
            duplicates: 0,
        }
    }

    /// 0 when anybody answered, 1 when nobody did.
    fn exit_status(&self) -> u8 {
        self.times.is_empty().into()
    }

    fn is_complete(&self) -> bool {
        self.times.len() == self.answered.len()
    }

    fn take(&mut self, reply: &EchoReply, payload: &[u8]) {
        let index = usize::from(reply.sequence);
        let Some(&sent) = self.sent_at.get(index) else { return };
        let millis = (reply.at - sent).as_secs_f64() * 1e3;
        let first = !std::mem::replace(&mut self.answered[index], true);
        if first {
            self.times.push(millis);
        } else {
            self.duplicates += 1;
        }
        let note = match (first, reply.payload == payload) {
            (false, _) => " (DUP!)",
            (true, false) => " (wrong data!)",
            (true, true) => "",
        };
        say(&format!(
            "{} bytes from {}: icmp_seq={} ttl={} time={millis:.3} ms{note}",
            reply.payload.len() + 8,
            reply.from,
            index + 1,
            reply.ttl,
        ));
    }

    fn report(&self) {
        let (sent, received) = (self.sent_at.len(), self.times.len());
        let loss = 100.0 * (sent - received) as f64 / sent.max(1) as f64;
        let duplicates = match self.duplicates {
            0 => String::new(),
            count => format!("+{count} duplicates, "),
        };
        say(&format!("\n--- {} ping statistics ---", self.peer));
        say(&format!(
            "{sent} packets transmitted, {received} received, {duplicates}{loss:.0}% packet loss"
        ));
        if received == 0 {
            return;
        }
        let least = self.times.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.times.iter().copied().fold(0.0, f64::max);
        let mean = self.times.iter().sum::<f64>() / received as f64;
        let squares = self.times.iter().map(|time| time * time).sum::<f64>() / received as f64;
        let deviation = (squares - mean * mean).max(0.0).sqrt();
        say(&format!("rtt min/avg/max/mdev = {least:.3}/{mean:.3}/{most:.3}/{deviation:.3} ms"));
    }
}
