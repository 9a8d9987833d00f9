//! `tuntcp iperf3`: how fast is it? The client of iperf3's protocol over TCP, and what it shares with the
//! server, which is among the demos.

mod client;
pub(crate) mod flow;
mod json;
pub(crate) mod meter;
pub(crate) mod protocol;
pub(crate) mod report;

use std::net::SocketAddr;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use clap::Args;

use crate::Failure;
use crate::names;
use crate::options::{ClientOptions, seconds};
use crate::signals::{self, Signals};

pub(crate) use protocol::PORT;

/// Measure how fast data goes to an iperf3 server, or comes from it
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The server: an address, or a name, which the stack looks up itself
    #[arg(short, long = "client", value_name = "HOST")]
    client: String,
    /// The server's port, or its name
    #[arg(short, long, default_value_t = PORT, value_parser = names::port)]
    port: u16,
    /// Seconds to test
    #[arg(
        short,
        long,
        value_name = "SECONDS",
        default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(1..=protocol::MAX_TIME)
    )]
    time: u64,
    /// Bytes to test with, instead of a time: 10M is 10 MiB
    #[arg(short = 'n', long, value_name = "N[KMGT]", value_parser = bytes, conflicts_with_all = ["time", "omit"])]
    bytes: Option<u64>,
    /// Streams at once
    #[arg(
        short = 'P',
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u64).range(1..=u64::from(protocol::MAX_STREAMS))
    )]
    parallel: u64,
    /// The server sends
    #[arg(short = 'R', long, conflicts_with = "bidir")]
    reverse: bool,
    /// Both send
    #[arg(long)]
    bidir: bool,
    /// Bytes to write at once
    #[arg(short, long, value_name = "N[KM]", default_value = "128K", value_parser = block)]
    length: u64,
    /// Bits per second of each stream, as many as go by default: 10M are 10,000,000
    #[arg(short, long, value_name = "N[KMGT]", default_value = "0", value_parser = bits)]
    bitrate: u64,
    /// Seconds to leave out in the beginning
    #[arg(
        short = 'O',
        long,
        value_name = "SECONDS",
        default_value_t = 0,
        value_parser = clap::value_parser!(u64).range(..=protocol::MAX_OMIT)
    )]
    omit: u64,
    /// Seconds between two lines; 0 for the end alone
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    interval: Duration,
    /// Print JSON instead
    #[arg(short = 'J', long)]
    json: bool,

    #[command(flatten)]
    stack: ClientOptions,
}

const EXAMPLES: &str = "\
Examples:
  iperf3 -s                              the kernel serves
  tuntcp iperf3 -c 192.0.2.1             and we measure how fast we send to it
  tuntcp iperf3 -c 192.0.2.1 -R -P 4     how fast it sends, over four streams
  tuntcp iperf3 -c 192.0.2.1 -n 100M -J  in JSON, as iperf3 -J
  tuntcp iperf3 -c 192.0.2.1 --congestion reno --impair loss=1%,delay=10ms
The other way round: `tuntcp serve iperf3`, and `iperf3 -c 192.0.2.2`.

Exit status: 0 after the test, 1 when it failed, with the cause.
A TUN serves one program at a time: beside a running `tuntcp serve`, give this one a TUN of its own
(sudo ./scripts/setup_tun.sh tun1 198.51.100.1/24, then --tun tun1 --address 198.51.100.2/24).";

/// How long the server may take to acknowledge the last of what was sent, and how long a signal waits for
/// the end.
const LAST_WORDS: Duration = Duration::from_secs(2);

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let signals = Signals::block()?;
    let host = Arc::new(arguments.stack.start()?);
    let interrupted = Arc::new(AtomicBool::new(false));
    let (interrupt, down) = (Arc::clone(&interrupted), Arc::downgrade(&host));
    signals.on_first(move |signal| {
        // A test that runs tells what it has seen.
        interrupt.store(true, Ordering::Release);
        thread::sleep(LAST_WORDS);
        if let Some(host) = down.upgrade() {
            host.engine().abort_all(host.clock().now());
        }
        process::exit(signals::exit_status(signal));
    })?;

    let addresses = arguments.stack.names.lookup(&host, &arguments.client)?;
    let addresses: Vec<_> =
        addresses.into_iter().map(|address| SocketAddr::new(address, arguments.port)).collect();
    let outcome = client::test(&host, &addresses, arguments, &interrupted);
    host.close(LAST_WORDS);
    outcome
}

/// Bytes to write at once.
fn block(text: &str) -> Result<u64, String> {
    let length = bytes(text).ok().filter(|length| (1..=protocol::MAX_BLOCK).contains(length));
    length.ok_or_else(|| "a number of bytes from 1 to 1M is wanted".into())
}

fn bytes(text: &str) -> Result<u64, String> {
    scaled(text, 1024.0)
        .filter(|&bytes| bytes > 0)
        .ok_or_else(|| "a number of bytes is wanted, such as 1000, 64K, 10M or 1G".into())
}

fn bits(text: &str) -> Result<u64, String> {
    scaled(text, 1000.0)
        .ok_or_else(|| "a number of bits per second is wanted, such as 500K, 10M or 1G".into())
}

/// A number with the unit that iperf3 knows, each so many times the one before.
fn scaled(text: &str, step: f64) -> Option<u64> {
    let last = text.chars().next_back()?.to_ascii_uppercase();
    let (digits, steps) = ['K', 'M', 'G', 'T']
        .iter()
        .zip(1..)
        .find(|(unit, _)| **unit == last)
        .map_or((text, 0), |(_, steps)| (&text[..text.len() - 1], steps));
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = digits.parse::<f64>().ok().filter(|_| plain)? * step.powi(steps);
    (number <= 1e15).then_some(number as u64)
}
