//! `tuntcp ping`: echo requests, and who answers how soon.

use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tuntcp::engine::EchoReply;
use tuntcp::time::Instant;

use crate::Failure;
use crate::options::HostOptions;

/// Send ICMP echo requests and report the answers
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Whom to ask
    address: IpAddr,
    /// How many requests
    #[arg(short, long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    count: u16,
    /// Seconds between two requests
    #[arg(short, long, default_value_t = 1.0, value_parser = seconds)]
    interval: f64,
    /// Seconds to wait for the last answers
    #[arg(short = 'W', long, default_value_t = 2.0, value_parser = seconds)]
    timeout: f64,
    /// Payload of a request, bytes
    #[arg(short, long, default_value_t = 56, value_parser = clap::value_parser!(u16).range(..=1472))]
    size: u16,

    #[command(flatten)]
    host: HostOptions,
}

const EXAMPLES: &str = "\
Examples:
  tuntcp ping 192.0.2.1
  tuntcp ping 192.0.2.1 -c 100 -i 0.01 --impair loss=10%,delay=5ms

Exit status: 0 when anybody answered, 1 when nobody did.";

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("a number of seconds from 0 to 3600 is wanted".into()),
    }
}

/// What has come back so far.
struct Tally {
    sent_at: Vec<Instant>,
    answered: Vec<bool>,
    times: Vec<f64>,
    duplicates: u32,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let host = arguments.host.start()?;
    let clock = host.clock();
    let pinger = host.engine().pinger()?;
    let payload: Vec<u8> = (0..arguments.size).map(|index| index.to_le_bytes()[0]).collect();
    let count = usize::from(arguments.count);
    let mut tally = Tally {
        sent_at: Vec::new(),
        answered: vec![false; count],
        times: Vec::new(),
        duplicates: 0,
    };
    println!("PING {} {} bytes of data", arguments.address, arguments.size);
    for sequence in 0..arguments.count {
        let now = clock.now();
        tally.sent_at.push(now);
        pinger
            .send(now, arguments.address, sequence, &payload)
            .map_err(|error| format!("cannot ask {}: {error}", arguments.address))?;
        let last = sequence + 1 == arguments.count;
        let patience = if last { arguments.timeout } else { arguments.interval };
        let until = now + Duration::from_secs_f64(patience);
        while !(last && tally.is_complete()) && clock.now() < until {
            if let Some(error) = host.wait_down(Some(Duration::ZERO)) {
                return Err(error.into());
            }
            pinger.wait(Some(until - clock.now()));
            while let Some(reply) = pinger.receive() {
                tally.take(&reply, &payload);
            }
        }
    }
    tally.report(arguments.address);
    Ok(if tally.times.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Tally {
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
        println!(
            "{} bytes from {}: icmp_seq={} ttl={} time={millis:.3} ms{note}",
            reply.payload.len() + 8,
            reply.from,
            index + 1,
            reply.ttl,
        );
    }

    fn report(&self, address: IpAddr) {
        let (sent, received) = (self.sent_at.len(), self.times.len());
        let loss = 100.0 * (sent - received) as f64 / sent as f64;
        println!("\n--- {address} ping statistics ---");
        let duplicates = match self.duplicates {
            0 => String::new(),
            count => format!("+{count} duplicates, "),
        };
        println!(
            "{sent} packets transmitted, {received} received, {duplicates}{loss:.0}% packet loss"
        );
        if received == 0 {
            return;
        }
        let least = self.times.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.times.iter().copied().fold(0.0, f64::max);
        let mean = self.times.iter().sum::<f64>() / received as f64;
        let squares = self.times.iter().map(|time| time * time).sum::<f64>() / received as f64;
        let deviation = (squares - mean * mean).max(0.0).sqrt();
        println!("rtt min/avg/max/mdev = {least:.3}/{mean:.3}/{most:.3}/{deviation:.3} ms");
    }
}
