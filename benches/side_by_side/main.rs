//! tuntcp beside other stacks: each serves over the same kind of TUN, in a network namespace of its
//! own, and Linux's TCP is the client. Rounds are interleaved, so that a noisy machine is noisy for
//! everybody; what counts is the ratio.

mod client;
mod measures;
mod report;
#[path = "../shared/mod.rs"]
mod shared;
mod smoltcp_server;
mod tuntcp_server;
mod world;

use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use measures::{MEASURES, Measure};
use report::Report;
use world::Contender;

#[derive(Parser)]
#[command(version, about = "Measures tuntcp and its peers side by side")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// How often each contender is measured
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// Seconds that one goodput or latency measure takes
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = shared::parse_seconds)]
    seconds: Duration,

    /// One short round: shows that everything works, and little more
    #[arg(long, conflicts_with_all = ["rounds", "seconds"])]
    quick: bool,

    /// Only the measures whose name contains this
    #[arg(long)]
    measure: Option<String>,

    /// Only the contenders whose name contains this
    #[arg(long)]
    only: Option<String>,

    /// What `cargo bench` passes to every harness
    #[arg(long, hide = true)]
    bench: bool,
}

/// What the harness starts itself as.
#[derive(Subcommand)]
enum Command {
    /// Serve on `tun0` as a contender, until killed
    #[command(hide = true)]
    Server {
        /// Its name
        contender: String,
        /// Thousands of idle connections are to come
        #[arg(long)]
        idle: bool,
    },
}

fn main() {
    let arguments = Arguments::parse();
    if let Some(Command::Server { contender, idle }) = &arguments.command {
        world::end_with_harness();
        match contender.strip_prefix("smoltcp-") {
            Some(kib) => smoltcp_server::run(kib.parse().expect("a buffer size in KiB"), *idle),
            None => tuntcp_server::run(),
        }
        return;
    }
    let (rounds, span) = if arguments.quick {
        (1, Duration::from_millis(500))
    } else {
        (arguments.rounds, arguments.seconds)
    };
    let contenders: Vec<&Contender> = world::CONTENDERS
        .iter()
        .filter(|one| arguments.only.as_ref().is_none_or(|part| one.name.contains(part)))
        .collect();
    let measures: Vec<&Measure> = MEASURES
        .iter()
        .filter(|one| arguments.measure.as_ref().is_none_or(|part| one.is_called(part)))
        .collect();
    if contenders.is_empty() || measures.is_empty() {
        let error = "no contender or no measure has such a name: benches/README.md lists them";
        Arguments::command().error(ErrorKind::InvalidValue, error).exit();
    }
    let mut report = Report::new();
    for round in 0..rounds {
        for measure in &measures {
            for contender in &contenders {
                let name = measure.figures[0].name;
                eprintln!("round {} of {rounds}: {name}, {}", round + 1, contender.name);
                let values = measure_once(measure, contender, span);
                report.note(measure, contender, values.as_deref());
            }
        }
    }
    report.print(&measures, &contenders);
}

/// One run, in a namespace that lives as long as the thread that made it; nothing if it failed,
/// with the reason on standard error.
fn measure_once(
    measure: &'static Measure,
    contender: &'static Contender,
    span: Duration,
) -> Option<Vec<f64>> {
    let thread = std::thread::spawn(move || {
        let world = world::World::new(contender, measure.idle);
        (measure.run)(&world, span)
    });
    thread.join().ok()
}
