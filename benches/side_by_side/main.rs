//! tuntcp beside other stacks: each serves over the same kind of TUN, in a network namespace of its
//! own, and Linux's TCP is the client. Rounds are interleaved, so that a noisy machine is noisy for
//! everybody; what counts is the ratio.

mod client;
mod measures;
mod report;
mod smoltcp_server;
mod tuntcp_server;
mod world;

use std::time::Duration;

use clap::{Parser, Subcommand};

use measures::{MEASURES, Measure};
use report::Report;
use world::Contender;

#[derive(Parser)]
#[command(version, about = "Measures tuntcp and its peers side by side")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// How often each contender is measured
    #[arg(long, default_value_t = 5)]
    rounds: usize,

    /// Seconds that one goodput or latency measure takes
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,

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
        match contender.strip_prefix("smoltcp-") {
            Some(kib) => smoltcp_server::run(kib.parse().expect("a buffer size in KiB"), *idle),
            None => tuntcp_server::run(),
        }
        return;
    }
    let span = Duration::from_secs_f64(arguments.seconds);
    let wanted = |filter: &Option<String>, name: &str| {
        filter.as_ref().is_none_or(|part| name.contains(part.as_str()))
    };
    let contenders: Vec<_> =
        world::CONTENDERS.iter().filter(|one| wanted(&arguments.only, one.name)).collect();
    let chosen: Vec<&Measure> =
        MEASURES.iter().filter(|one| wanted(&arguments.measure, one.name)).collect();
    let mut report = Report::new();
    for round in 0..arguments.rounds {
        for measure in &chosen {
            for contender in &contenders {
                eprintln!("round {}: {} of {}", round + 1, measure.name, contender.name);
                report.note(measure, contender, measure_once(measure, contender, span));
            }
        }
    }
    report.print(&chosen, &contenders);
}

/// One figure, in a namespace that lives as long as the thread that made it.
fn measure_once(measure: &'static Measure, contender: &'static Contender, span: Duration) -> f64 {
    let thread = std::thread::spawn(move || {
        let world = world::World::new(contender, measure.idle);
        (measure.run)(&world, span)
    });
    thread.join().unwrap_or(f64::NAN)
}
