//! The command: a TCP over a TUN device, at work.

mod connect;
mod demos;
mod dial;
mod farewell;
mod get;
mod http1;
mod iperf3;
mod names;
mod options;
mod packetdrill;
mod ping;
mod serve;
mod signals;
mod sim;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a command ends with when it fails: a text for people, the cause included.
type Failure = Box<dyn std::error::Error>;

/// A userspace TCP over a TUN device.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
First, once:   sudo ./scripts/setup_tun.sh      makes tun0, with the kernel at 192.0.2.1
Then:          tuntcp serve                     answers at 192.0.2.2
and:           nc 192.0.2.2 7                   talks to its echo server
               tcpdump -ni tun0                 watches

RUST_LOG=debug says what is refused and why, RUST_LOG=tuntcp::wire=trace shows every segment in
packetdrill's notation.";

#[derive(Subcommand)]
enum Command {
    Serve(serve::Arguments),
    Connect(connect::Arguments),
    Get(get::Arguments),
    Ping(ping::Arguments),
    Iperf3(iperf3::Arguments),
    Packetdrill(packetdrill::Arguments),
    Sim(sim::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    let outcome = match arguments.command {
        Command::Serve(arguments) => serve::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Connect(arguments) => connect::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Get(arguments) => get::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Ping(arguments) => ping::run(&arguments),
        Command::Iperf3(arguments) => iperf3::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Packetdrill(arguments) => packetdrill::run(&arguments),
        Command::Sim(arguments) => sim::run(&arguments),
    };
    outcome.unwrap_or_else(|failure| {
        eprintln!("tuntcp: {failure}");
        ExitCode::FAILURE
    })
}
