//! What every benchmark needs: a namespace with a TUN, and words about the machine.

use std::process::Command;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};

/// Moves the calling thread, and what it starts from now on, into a network namespace of its own.
pub(crate) fn enter_namespace() {
    unshare(CloneFlags::CLONE_NEWNET)
        .expect("a network namespace takes root, or `unshare --user --map-root-user`");
    ip("link set dev lo up");
}

/// Makes `tun0` in the calling thread's namespace, up, with the kernel at `address` on it; with
/// `many`, one that has several queues.
pub(crate) fn make_tun(address: &str, mtu: usize, many: bool) {
    ip(&format!("tuntap add dev tun0 mode tun{}", if many { " multi_queue" } else { "" }));
    ip(&format!("address add {address} dev tun0"));
    // As scripts/setup_tun.sh does, for everybody.
    ip("link set dev tun0 txqueuelen 4000");
    ip(&format!("link set dev tun0 mtu {mtu} up"));
}

/// Runs `ip` in the calling thread's namespace.
pub(crate) fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status().expect("iproute2 is there");
    assert!(status.success(), "ip {arguments}");
}

/// The time that an argument tells.
pub fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(span) if !span.is_zero() && span <= Duration::from_secs(3600) => Ok(span),
        _ => Err("more than 0 and at most 3600".to_owned()),
    }
}

/// The middle one of sorted values, NaN of none.
pub(crate) fn median(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => sorted[len / 2],
        len => f64::midpoint(sorted[len / 2 - 1], sorted[len / 2]),
    }
}

/// What the figures were taken on.
pub(crate) fn machine() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{} CPUs ({}), Linux {}",
        std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        model.map_or("unknown", |(_, name)| name),
        kernel.trim(),
    )
}

/// Of the last minute. Figures of a busy machine are not worth much.
pub(crate) fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}
