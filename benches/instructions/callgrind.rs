//! How many instructions is that? Callgrind counts them, and only inside of [`counted`].
//!
//! `valgrind` itself is called, not a crate around it: such crates compare with an earlier run on
//! the same machine, and want a program of the very same version installed beside them.

use std::path::PathBuf;
use std::process::Command;

use crate::path::Path;

/// What callgrind looks for in the names of functions.
const COUNTED: &str = "*callgrind*counted*";

/// Copies go the way that every machine of this architecture knows: elsewhere they would take half as
/// many instructions, or, by `rep movsb`, one for each byte.
const PLAIN_COPIES: &str =
    "glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM";

/// Runs `what`, whose instructions count. Callgrind starts to count where this is called and stops
/// where it returns.
#[inline(never)]
pub(crate) fn counted<R>(what: impl FnOnce() -> R) -> R {
    std::hint::black_box(what())
}

/// Instructions that a unit of this path takes.
pub(crate) fn count(path: Path) -> Result<u64, String> {
    let profile =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.callgrind", path.name()));
    let this = std::env::current_exe().map_err(|error| format!("this program: {error}"))?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet", "--cache-sim=no"])
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(this)
        .args(["--run", &path.name()])
        .env("GLIBC_TUNABLES", PLAIN_COPIES)
        .output()
        .map_err(|error| format!("valgrind: {error}; install it (apt-get install valgrind)"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("valgrind, {}: {}\n{said}", path.name(), output.status));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let units: u64 = said.trim().parse().map_err(|_| format!("{} said `{said}`", path.name()))?;
    let profile = std::fs::read_to_string(&profile)
        .map_err(|error| format!("{}: {error}", profile.display()))?;
    let total = profile.lines().find_map(|line| line.strip_prefix("totals: ")?.parse::<u64>().ok());
    match total {
        Some(total) if total > 0 => Ok(total / units.max(1)),
        _ => Err(format!("callgrind counted nothing for {}", path.name())),
    }
}
