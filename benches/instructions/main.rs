//! What does a segment cost? Instructions on the main paths, counted by callgrind, against budgets
//! that are checked in.
//!
//! ```text
//!   this program ──> valgrind ──> this program, which runs one path: the engine turned by hand over
//!   a budget a path  a count      a device in memory, in virtual time, on one thread
//! ```
//!
//! The same code and the same compiler give the same figures, on a busy machine, too. A [`path`] is
//! run for a while before it is counted, and only what the engine and its sockets do counts: not the
//! [`peer`], which is written by hand.

mod budgets;
mod callgrind;
mod path;
mod peer;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use budgets::{Budgets, Verdict};
use path::Path;

#[derive(Parser)]
#[command(version, about = "Counts the instructions that tuntcp takes for a segment")]
struct Arguments {
    /// Only these paths
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Path>,

    /// Runs a path and says how many units of it were counted: what callgrind looks at
    #[arg(long, value_enum, hide = true)]
    run: Option<Path>,

    /// Cargo says so
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(path) = arguments.run {
        println!("{}", path.run());
        return ExitCode::SUCCESS;
    }
    match check(&arguments.only) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every path keeps to its budget.
fn check(only: &[Path]) -> Result<bool, String> {
    let mut budgets = Budgets::read()?;
    let bless = std::env::var_os("TUNTCP_BLESS").is_some();
    let mut kept = true;
    for &path in Path::value_variants() {
        if !only.is_empty() && !only.contains(&path) {
            continue;
        }
        let count = callgrind::count(path)?;
        let verdict = budgets.judge(path, count);
        println!("{:<14} {count:>6} instructions per {:<15} {verdict}", path.name(), path.unit());
        kept &= !matches!(verdict, Verdict::Above(_) | Verdict::Unknown);
        budgets.set(path, count);
    }
    if bless {
        budgets.write()?;
        return Ok(true);
    }
    if !kept {
        eprintln!(
            "\na path costs more than its budget allows: make it cheaper, or say in the commit why \
             it must cost that, and write the budgets anew with\n\n    \
             TUNTCP_BLESS=1 cargo bench --bench instructions\n"
        );
    }
    Ok(kept)
}
