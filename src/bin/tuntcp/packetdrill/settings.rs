//! What does a script ask of its host? Runner options, in-script options and `sysctl` lines, as the
//! configuration of the stack under test.

use std::net::Ipv4Addr;
use std::time::Duration;

use tuntcp::tcp::{BufferSize, Config, EcnPolicy, KeepAlive};

use super::kernel::Fault;
use super::script::ScriptOption;

/// Whose kernel the script was written for: their defaults differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Dialect {
    #[default]
    Google,
    Bsd,
}

/// Everything that can be set before or while a script runs.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) dialect: Dialect,
    /// What a dialect's defaults do not override.
    pub(super) given: Given,
    pub(super) local: Ipv4Addr,
    pub(super) remote: Ipv4Addr,
    pub(super) bind_port: u16,
    pub(super) connect_port: u16,
    pub(super) mtu: usize,
    /// How far a time may be off, microseconds ...
    pub(super) tolerance: i64,
    /// ... and as a part of the time since the event before, percent.
    pub(super) tolerance_percent: f64,
    /// A tick of the stack's timestamp clock that is checked, microseconds; 0: unchecked.
    pub(super) timestamp_tick: i64,
    /// Segments must be cut as the script cuts them.
    pub(super) strict_segments: bool,
    /// Options must stand in the script's order, padding included.
    pub(super) strict_options: bool,
    /// A segment that no statement expects is a failure even behind the last one.
    pub(super) exact: bool,
    /// Packets, and calls, that are not as expected are told and do not end the script.
    pub(super) goes_on: (bool, bool),
    pub(super) tcp: Config,
    /// `HostConfig::drop_syn_fin`
    pub(super) drop_syn_fin: bool,
    /// What `SO_KEEPALIVE` turns on.
    pub(super) keepalive_defaults: KeepAlive,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dialect: Dialect::Google,
            given: Given::default(),
            local: Ipv4Addr::new(192, 168, 0, 1),
            remote: Ipv4Addr::new(192, 0, 2, 1),
            bind_port: 8080,
            connect_port: 8080,
            mtu: 1500,
            tolerance: 4_000,
            tolerance_percent: 12.5,
            timestamp_tick: 0,
            strict_segments: false,
            strict_options: false,
            exact: false,
            goes_on: (false, false),
            tcp: fixed_buffers(),
            drop_syn_fin: false,
            keepalive_defaults: KeepAlive::default(),
        }
    }
}

/// What scripts reckon with unless they say otherwise: windows that nothing but reading moves.
fn fixed_buffers() -> Config {
    let mut config = Config::default();
    config.receive_buffer = BufferSize::fixed(1 << 20);
    config.send_buffer = BufferSize::fixed(1 << 20);
    config
}

impl Settings {
    /// What the BSDs begin with, where it differs.
    pub(super) fn become_bsd(&mut self) {
        if self.dialect == Dialect::Bsd {
            return;
        }
        self.dialect = Dialect::Bsd;
        self.tcp.repeat_fin = true;
        self.tcp.tail_probe = false;
        if !self.given.receive_buffer {
            self.tcp.receive_buffer = BufferSize::fixed(65_536);
        }
        if !self.given.window_scale {
            self.tcp.window_scale = Some(6);
        }
    }

    /// An option that stands in the script, named without its dashes.
    pub(super) fn take_option(&mut self, option: &ScriptOption) -> Result<(), Fault> {
        let value = option.value.trim().trim_matches('"');
        let wrong = || Fault::Wrong(format!("--{} takes no value like {value:?}", option.name));
        let number = || value.parse::<i64>().map_err(|_| wrong());
        let address = || value.parse::<Ipv4Addr>().map_err(|_| wrong());
        match option.name.as_str() {
            "ip_version" if value == "ipv4" => {}
            "ip_version" if matches!(value, "ipv6" | "ipv4-mapped-ipv6") => {
                return Err(Fault::Unsupported(format!(
                    "--ip_version={value}: the stack speaks IPv4"
                )));
            }
            "local_ip" => self.local = address()?,
            "remote_ip" => {
                let plain = value.split('/').next().unwrap_or(value);
                self.remote = plain.parse().map_err(|_| wrong())?;
            }
            // How the original cuts what it injects: no affair of the stack.
            "mss" => drop(number()?),
            "bind_port" => self.bind_port = value.parse().map_err(|_| wrong())?,
            "connect_port" => self.connect_port = value.parse().map_err(|_| wrong())?,
            "mtu" => self.mtu = value.parse().map_err(|_| wrong())?,
            "tolerance_usecs" => self.tolerance = number()?,
            "tolerance_percent" => {
                self.tolerance_percent = value.parse().map_err(|_| wrong())?;
            }
            "tcp_ts_tick_usecs" => self.timestamp_tick = number()?,
            "non_fatal" => {
                let names = |kind| value.split([',', ' ']).any(|what| what == kind);
                self.goes_on = (names("packet"), names("syscall"));
            }
            "strict_segments" => self.strict_segments = value != "0",
            // Where the original's machine is, how it drives it, and how much it prints.
            "gateway_ip" | "netmask_ip" | "speed" | "send_omit_free" | "wire_client"
            | "wire_server" | "wire_server_ip" | "wire_server_at" | "wire_server_port"
            | "wire_client_dev" | "wire_server_dev" | "init_scripts" | "code_command"
            | "code_format" | "code_sockopt" | "verbose" | "debug" | "dry_run" | "define"
            | "so_filename" | "so_flags" | "is_anyip" | "tcp_ts_ecr_scaled" => {}
            name => return Err(Fault::Wrong(format!("--{name} is no option of packetdrill"))),
        }
        Ok(())
    }

    /// The arguments of a `sysctl` line.
    pub(super) fn take_sysctls(&mut self, arguments: &[&str]) -> Result<(), Fault> {
        let mut arguments = arguments.iter().filter(|argument| !argument.starts_with('-'));
        while let Some(argument) = arguments.next() {
            let (name, value) = match argument.split_once('=') {
                Some((name, "")) => (name.trim(), arguments.next().copied().unwrap_or("")),
                Some((name, value)) => (name.trim(), value),
                // Only asked for.
                None => continue,
            };
            self.set(name, value)?;
        }
        Ok(())
    }

    /// What the script `defaults.sh` of the original sets, as far as there is something to set.
    pub(super) fn take_linux_defaults(&mut self) -> Result<(), Fault> {
        const DEFAULTS: &[(&str, &str)] = &[
            ("net.ipv4.tcp_congestion_control", "cubic"),
            ("net.ipv4.tcp_slow_start_after_idle", "0"),
            ("net.ipv4.tcp_rmem", "4096 540000 15728640"),
            ("net.ipv4.tcp_wmem", "4096 262144 4194304"),
        ];
        let given = self.tcp.receive_buffer;
        DEFAULTS.iter().try_for_each(|(name, value)| self.take_sysctl(name, value))?;
        if self.given.receive_buffer {
            self.tcp.receive_buffer = given;
        }
        Ok(())
    }

    /// One setting, by its name or by its file.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        let name = name.trim_start_matches("/proc/sys/").replace('/', ".");
        self.take_sysctl(&name, value.trim())
    }

    fn take_sysctl(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        if let Some(name) = name.strip_prefix("net.inet.tcp.") {
            self.become_bsd();
            return self.take_bsd(name, value);
        }
        if let Some(name) = name.strip_prefix("net.ipv4.") {
            return self.take_linux(name, value);
        }
        let prefix =
            ["net.inet.", "net.inet6.", "kern.", "net.core.", "net.ipv6.", "net.mptcp.", "vm."];
        if prefix.iter().any(|prefix| name.starts_with(prefix)) {
            if name.starts_with("net.inet") || name.starts_with("kern.") {
                self.become_bsd();
            }
            return Ok(());
        }
        Err(Fault::Unsupported(format!("sysctl {name}")))
    }

    fn take_bsd(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        let tcp = &mut self.tcp;
        match name {
            "rfc1323" => {
                (tcp.window_scaling, tcp.timestamps) = match number(value)? {
                    0 => (false, false),
                    2 => (true, false),
                    3 => (false, true),
                    _ => (true, true),
                };
            }
            "sack.enable" => tcp.sack = number(value)? != 0,
            "recvspace" => tcp.receive_buffer = size(value)?.into(),
            "sendspace" => tcp.send_buffer = size(value)?.into(),
            "delayed_ack" if number(value)? == 0 => tcp.delayed_ack = Duration::ZERO,
            "delacktime" => tcp.delayed_ack = millis(value)?,
            "rexmit_initial" => tcp.rto_initial = millis(value)?,
            "rexmit_min" | "rexmit_slop" => tcp.rto_min = millis(value)?,
            "msl" => tcp.time_wait = 2 * millis(value)?,
            "keepidle" | "keepintvl" | "keepcnt" | "always_keepalive" | "keepinit" => {
                self.take_keepalive(name, value)?;
            }
            "initcwnd_segments" => tcp.initial_window = number(value)? as u32,
            "insecure_rst" => tcp.secure_reset = number(value)? == 0,
            "insecure_syn" => tcp.secure_syn = number(value)? == 0,
            "ecn.enable" => tcp.ecn = ecn(&format!("net.inet.tcp.{name}"), value)?,
            "blackhole" | "log_in_vain" if number(value)? != 0 && name == "blackhole" => {
                return Err(Fault::Unsupported(format!("sysctl net.inet.tcp.{name}={value}")));
            }
            "drop_synfin" => self.drop_syn_fin = number(value)? != 0,
            "cc.algorithm" => self.take_congestion(value)?,
            _ => {}
        }
        Ok(())
    }

    fn take_linux(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        let tcp = &mut self.tcp;
        match name {
            "tcp_timestamps" => tcp.timestamps = number(value)? != 0,
            "tcp_sack" => tcp.sack = number(value)? != 0,
            "tcp_window_scaling" => tcp.window_scaling = number(value)? != 0,
            "tcp_rmem" => tcp.receive_buffer = memory(value)?,
            "tcp_wmem" => tcp.send_buffer = memory(value)?,
            "tcp_fin_timeout" => tcp.orphan_timeout = Duration::from_secs(number(value)? as u64),
            "tcp_keepalive_time" | "tcp_keepalive_intvl" | "tcp_keepalive_probes" => {
                self.take_keepalive(name, value)?;
            }
            "tcp_congestion_control" => self.take_congestion(value)?,
            "tcp_slow_start_after_idle" => tcp.restart_after_idle = number(value)? != 0,
            // 3 and 4 mean probes, the rest that there are none.
            "tcp_early_retrans" => tcp.tail_probe = matches!(number(value)?, 3 | 4),
            "tcp_mtu_probing" => tcp.mtu_probing = number(value)? != 0,
            "tcp_rto_min_us" => tcp.rto_min = Duration::from_micros(number(value)? as u64),
            "tcp_challenge_ack_limit" => {}
            "ip_default_ttl" => tcp.ttl = number(value)? as u8,
            "tcp_ecn" => tcp.ecn = ecn(&format!("net.ipv4.{name}"), value)?,
            "tcp_ecn_fallback" if number(value)? == 0 => {
                return Err(Fault::Unsupported(format!("sysctl net.ipv4.{name}={value}")));
            }
            name if name.starts_with("tcp_")
                || name.starts_with("ip_")
                || name.starts_with("icmp_")
                || name.starts_with("route.")
                || name.starts_with("conf.") => {}
            _ => return Err(Fault::Unsupported(format!("sysctl net.ipv4.{name}"))),
        }
        Ok(())
    }

    fn take_congestion(&mut self, value: &str) -> Result<(), Fault> {
        let algorithm = value.parse();
        self.tcp.congestion =
            algorithm.map_err(|_| Fault::Unsupported(format!("congestion control {value}")))?;
        Ok(())
    }

    /// Defaults of keep-alive. They are kept whether or not it is on.
    fn take_keepalive(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        // The BSDs count milliseconds.
        let unit = if name.starts_with("tcp_") { 1_000 } else { 1 };
        let time = Duration::from_millis(number(value)? as u64 * unit);
        let count = number(value)? as u32;
        let mut keepalive = self.keepalive_defaults;
        match name {
            "keepidle" | "tcp_keepalive_time" => keepalive.idle = time,
            "keepintvl" | "tcp_keepalive_intvl" => keepalive.interval = time,
            "keepcnt" | "tcp_keepalive_probes" => keepalive.probes = count,
            "always_keepalive" => {
                self.tcp.keepalive = (count != 0).then_some(keepalive);
                return Ok(());
            }
            _ => return Ok(()),
        }
        self.keepalive_defaults = keepalive;
        Ok(())
    }
}

/// What the command line has set: a dialect's defaults do not override it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Given {
    pub(super) receive_buffer: bool,
    pub(super) window_scale: bool,
}

fn number(value: &str) -> Result<i64, Fault> {
    let value = value.trim();
    value.parse().map_err(|_| Fault::Wrong(format!("{value:?} is no number")))
}

/// Linux and FreeBSD number alike; what follows is accurate ECN (RFC 9768).
fn ecn(name: &str, value: &str) -> Result<EcnPolicy, Fault> {
    match number(value)? {
        0 => Ok(EcnPolicy::Off),
        1 => Ok(EcnPolicy::Request),
        2 => Ok(EcnPolicy::Accept),
        _ => Err(Fault::Unsupported(format!("sysctl {name}={value}"))),
    }
}

fn size(value: &str) -> Result<usize, Fault> {
    usize::try_from(number(value)?).map_err(|_| Fault::Wrong(format!("{value:?} is no size")))
}

fn millis(value: &str) -> Result<Duration, Fault> {
    Ok(Duration::from_millis(size(value)? as u64))
}

/// What a buffer begins with and may grow to, of `minimum default maximum`; or its one size.
fn memory(value: &str) -> Result<BufferSize, Fault> {
    let numbers: Vec<_> = value.split_whitespace().map(size).collect::<Result<_, _>>()?;
    match numbers[..] {
        [_, initial, max] => Ok(BufferSize { initial, max }),
        [one] | [_, one] => Ok(one.into()),
        _ => Err(Fault::Wrong(format!("{value:?} is no minimum, default and maximum"))),
    }
}
