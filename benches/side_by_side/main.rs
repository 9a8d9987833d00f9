//! tuntcp beside other stacks: each serves over the same kind of TUN, in a network namespace of its
//! own, and Linux's TCP is the client. Rounds are interleaved, so that a noisy machine is noisy for
//! everybody; what counts is the ratio.

mod async_services;
mod async_tun;
mod chart;
mod client;
mod contenders;
mod ipstack_server;
mod kernel_server;
mod measures;
mod netstack_server;
mod report;
mod results;
mod services;
#[path = "../shared/mod.rs"]
mod shared;
mod smoltcp_offload;
mod smoltcp_server;
mod targets;
mod tun;
mod tuntcp_server;
mod world;

use std::error::Error;
use std::fs;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use contenders::{CONTENDERS, Contender, Order};
use measures::Measure;
use report::Report;
use results::Results;

/// What a whole run writes.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/benchmarks.md");
const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/benchmarks.svg");
const PREFACE: &str = include_str!("preface.md");

#[derive(Parser)]
#[command(version, about = "Measures tuntcp and its peers side by side")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// How often each contender is measured
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// Seconds that one goodput, latency or connection measure takes
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = shared::parse_seconds)]
    seconds: Duration,

    /// One short round: shows that everything works, and little more
    #[arg(long, conflicts_with_all = ["rounds", "seconds"])]
    quick: bool,

    /// Only the measures whose name contains this
    #[arg(long)]
    measure: Option<String>,

    /// Only the contenders whose name contains one of these
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,

    /// Write docs/benchmarks.md and its chart, though this run is not a whole one
    #[arg(long)]
    write: bool,

    /// Names the measures and the contenders
    #[arg(long)]
    list: bool,

    /// What `cargo bench` passes to every harness
    #[arg(long, hide = true)]
    bench: bool,
}

/// What the harness starts itself as.
#[derive(Subcommand)]
enum Command {
    /// Serve as a contender, until killed
    #[command(hide = true)]
    Server {
        /// Its name
        contender: String,
        /// Bytes
        #[arg(long)]
        mtu: usize,
        /// So many idle connections are to come
        #[arg(long)]
        idle: usize,
    },
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if let Some(Command::Server { contender, mtu, idle }) = arguments.command {
        world::end_with_harness();
        let one = CONTENDERS.iter().find(|one| one.name == contender);
        (one.ok_or("there is no such contender")?.serve)(&Order { mtu, idle });
        return Ok(());
    }
    let measures = measures::all();
    if arguments.list {
        list(&measures);
        return Ok(());
    }
    let contenders = CONTENDERS.iter().filter(|one| {
        arguments.only.is_empty() || arguments.only.iter().any(|part| one.name.contains(part))
    });
    let contenders: Vec<&Contender> = contenders.collect();
    let wanted = measures
        .iter()
        .filter(|one| arguments.measure.as_ref().is_none_or(|part| one.is_called(part)));
    let wanted: Vec<&Measure> = wanted.collect();
    if contenders.is_empty() || wanted.is_empty() {
        let error = "no contender or no measure has such a name: --list tells them";
        Arguments::command().error(ErrorKind::InvalidValue, error).exit();
    }
    let load = shared::load();
    let results = run(&arguments, &wanted, &contenders);
    let report = Report { measures: wanted, contenders, results, command: command_line(), load };
    println!("{report}");
    let whole = !arguments.quick && arguments.measure.is_none() && arguments.only.is_empty();
    if whole || arguments.write {
        fs::write(DOCUMENT, format!("{PREFACE}\n{report}"))?;
        fs::write(CHART, chart::draw(&report)?)?;
        eprintln!("wrote docs/benchmarks.md and its chart");
    }
    Ok(())
}

fn list(measures: &[Measure]) {
    println!("measures:");
    for figure in measures.iter().flat_map(|measure| &measure.figures) {
        println!("  {}", figure.name);
    }
    println!("contenders:");
    for contender in CONTENDERS {
        println!("  {}", contender.name);
    }
}

fn run(arguments: &Arguments, measures: &[&Measure], contenders: &[&'static Contender]) -> Results {
    let quick = Duration::from_millis(300);
    let (rounds, span) =
        if arguments.quick { (1, quick) } else { (arguments.rounds, arguments.seconds) };
    let mut results = Results::default();
    for round in 0..rounds {
        for measure in measures.iter().filter(|measure| round == 0 || !measure.once()) {
            for contender in contenders.iter().filter(|contender| measure.takes(contender)) {
                let name = &measure.figures[0].name;
                eprintln!("round {} of {rounds}: {name}, {}", round + 1, contender.name);
                let values = measure_once(measure, contender, span, arguments.quick);
                results.note(measure, contender, values.as_deref());
            }
        }
    }
    results
}

/// One run, in a namespace that lives as long as the thread that made it; nothing if it failed,
/// with the reason on standard error.
fn measure_once(
    measure: &Measure,
    contender: &'static Contender,
    span: Duration,
    quick: bool,
) -> Option<Vec<f64>> {
    std::thread::scope(|scope| scope.spawn(move || measure.run(contender, span, quick)).join().ok())
}

/// What the user typed, or would have.
fn command_line() -> String {
    let arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let arguments: Vec<String> = arguments.collect();
    let separator = if arguments.is_empty() { "" } else { " -- " };
    format!("cargo bench --bench side_by_side{separator}{}", arguments.join(" "))
}
