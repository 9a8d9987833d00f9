//! What a million connections cost: memory of each, and whether time depends on how many there are.
//!
//! `cargo bench --bench scale`; options stand behind `--`. benches/README.md says how to read it.

use std::time::Duration;

use clap::Parser;
use scale::{Counting, Crowd, Stage};

#[global_allocator]
static MEMORY: Counting = Counting::new();

/// How many connections are open where packets are timed.
const SIZES: [usize; 4] = [10, 1_000, 100_000, 1_000_000];

/// Segments of an exchange: a byte, the byte back, its acknowledgement.
const SEGMENTS: usize = 3;

/// Memory and time of very many connections.
#[derive(Debug, Parser)]
struct Arguments {
    /// Connections whose memory is measured
    #[arg(long, default_value_t = 1_000_000)]
    connections: usize,
    /// Rounds of timing, interleaved
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Exchanges of a byte in each round
    #[arg(long, default_value_t = 20_000)]
    exchanges: usize,
    /// What cargo adds
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let count = arguments.connections;
    println!("{count} connections, by what they have come to\n");
    println!("| | bytes each | opened a second, tenth by tenth, thousands | longest, ms |");
    println!("| --- | --- | --- | --- |");
    for stage in [Stage::HalfOpen, Stage::Established, Stage::TimeWait] {
        memory(stage, count);
    }
    time(&arguments);
}

/// What each of `count` connections takes, and how steadily they are made.
fn memory(stage: Stage, count: usize) {
    let mut crowd = Crowd::new(count + 1);
    crowd.bring(count, stage);
    let before = MEMORY.bytes();
    let mut rates = Vec::new();
    let mut longest = Duration::ZERO;
    for tenth in 0..10 {
        let from = crowd.spent();
        let few = count * tenth / 10..count * (tenth + 1) / 10;
        let made = few.len();
        for nth in few {
            let started = crowd.spent();
            crowd.bring(nth, stage);
            longest = longest.max(crowd.spent() - started);
        }
        let rate = made as f64 / (crowd.spent() - from).as_secs_f64();
        rates.push(format!("{:.0}", rate / 1e3));
    }
    match stage {
        Stage::HalfOpen => {}
        Stage::Established => _ = crowd.pass(Duration::from_secs(100)),
        // Less than 2 MSL, and more than what a closed connection's last timer holds it for.
        Stage::TimeWait => _ = crowd.pass(Duration::from_secs(30)),
    }
    let bytes = (MEMORY.bytes() - before) / count.max(1);
    let longest = longest.as_secs_f64() * 1e3;
    println!("| {stage:?} | {bytes} | {} | {longest:.1} |", rates.join(" "));
    if stage == Stage::Established {
        let from = crowd.spent();
        let turns = crowd.pass(Duration::from_secs(60));
        let spent = (crowd.spent() - from).as_secs_f64() * 1e6;
        println!(
            "| ... and a minute in which nothing happens: {turns} turns, {spent:.1} µs | | | |"
        );
    }
}

/// Figures of all rounds for one number of connections.
#[derive(Default)]
struct Figures {
    /// Nanoseconds a segment, between eight of them.
    few: Vec<f64>,
    /// Nanoseconds a segment, between any of them.
    any: Vec<f64>,
}

/// Whether a segment costs more where there are more connections.
fn time(arguments: &Arguments) {
    let mut crowds: Vec<_> = SIZES.into_iter().map(open).collect();
    let mut figures: Vec<_> = SIZES.iter().map(|_| Figures::default()).collect();
    for round in 0..=arguments.rounds {
        for (crowd, figures) in crowds.iter_mut().zip(&mut figures) {
            let len = crowd.len();
            let few = exchange(crowd, arguments.exchanges, |nth| nth % 8);
            let any = exchange(crowd, arguments.exchanges, |_| fastrand::usize(..len));
            if round > 0 {
                // The one before any warms up.
                figures.few.push(few);
                figures.any.push(any);
            }
        }
    }
    println!(
        "\nns a segment, engine and socket: median (least to most), and by how much that is more"
    );
    println!("than with {} connections\n", SIZES[0]);
    println!("| open | eight of them exchange bytes | | any of them do | |");
    println!("| --- | --- | --- | --- | --- |");
    for (size, of) in SIZES.iter().zip(&figures) {
        let cells =
            [(&of.few, &figures[0].few), (&of.any, &figures[0].any)].map(|(these, least)| {
                let ratios: Vec<_> =
                    these.iter().zip(least).map(|(this, base)| this / base).collect();
                format!("{} | {:.2}", spread(these), median(&ratios))
            });
        println!("| {size} | {} |", cells.join(" | "));
    }
}

fn open(count: usize) -> Crowd {
    let mut crowd = Crowd::new(count);
    for nth in 0..count {
        crowd.bring(nth, Stage::Established);
    }
    crowd.pass(Duration::from_secs(100));
    crowd
}

/// Nanoseconds that a segment takes.
fn exchange(crowd: &mut Crowd, times: usize, which: impl Fn(usize) -> usize) -> f64 {
    let from = crowd.spent();
    for nth in 0..times {
        crowd.exchange(which(nth));
    }
    (crowd.spent() - from).as_nanos() as f64 / (times * SEGMENTS) as f64
}

fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn spread(figures: &[f64]) -> String {
    let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
    let most = figures.iter().copied().fold(0.0, f64::max);
    format!("{:.0} ({least:.0} to {most:.0})", median(figures))
}
