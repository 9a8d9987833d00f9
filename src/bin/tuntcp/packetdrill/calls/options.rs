//! `getsockopt` and `setsockopt`. Options go by their names: their numbers differ from system to
//! system.

use std::sync::Arc;
use std::time::Duration;

use tuntcp::tcp::{Config, KeepAlive};

use super::super::kernel::{
    Answer, Fault, Kernel, Outcome, Phase, Sock, argument, int, member, number,
};
use super::super::script::{Call, Expr};
use super::super::settings::Dialect;
use super::super::symbols::{self, errno_of};

/// Options that are kept and given back, and mean nothing else here.
const KEPT: &[&str] = &[
    "SO_REUSEADDR",
    "SO_REUSEPORT",
    "SO_DEBUG",
    "SO_BROADCAST",
    "SO_DONTROUTE",
    "SO_OOBINLINE",
    "SO_PRIORITY",
    "SO_MARK",
    "SO_RCVLOWAT",
    "SO_SNDLOWAT",
    "SO_TIMESTAMP",
    "SO_TIMESTAMPING",
    "SO_NOSIGPIPE",
    "SO_INCOMING_CPU",
    "SO_BUSY_POLL",
    "SO_LOCK_FILTER",
    "SO_TXREHASH",
    "SO_USELOOPBACK",
    "TCP_SYNCNT",
    "TCP_LINGER2",
    "TCP_DEFER_ACCEPT",
    // Heeded when it listens.
    "TCP_FASTOPEN",
    "TCP_NOTSENT_LOWAT",
    "TCP_THIN_LINEAR_TIMEOUTS",
    "TCP_THIN_DUPACK",
    "TCP_INQ",
    "TCP_TX_DELAY",
    "TCP_KEEPINIT",
    "TCP_NOOPT",
    "TCP_SAVE_SYN",
    "TCP_FUNCTION_BLK",
    "TCP_LOG",
    "TCP_LOGID",
    "TCP_LOGBUF",
    "TCP_DELACK",
    "TCP_TIMESTAMP",
    "TCP_REUSPORT_LB_NUMA",
    "IP_MTU_DISCOVER",
    "IP_RECVERR",
    "IP_RECVTTL",
    "IP_RECVTOS",
    "IP_FREEBIND",
    "IP_BIND_ADDRESS_NO_PORT",
    "IP_TRANSPARENT",
    "IP_PKTINFO",
    "IP_DONTFRAG",
    "IP_MINTTL",
];

impl Kernel {
    pub(in super::super) fn setsockopt(&mut self, call: &Call) -> Outcome {
        let fd = int(call, 0)?;
        let name = option_name(call)?;
        let value = argument(call, 3)?.clone();
        let (now, bsd) = (self.world.now, self.settings.dialect == Dialect::Bsd);
        let defaults = self.settings.keepalive_defaults;
        let sock = match self.sock(fd) {
            Ok(sock) => sock,
            Err(errno) => return Answer::fail(errno),
        };
        match name.as_str() {
            "SO_LINGER" => {
                let (on, seconds) = (member(&value, "onoff"), member(&value, "linger"));
                let (Some(on), Some(seconds)) = (on, seconds) else {
                    return Err(Fault::Wrong("SO_LINGER wants onoff and linger".into()));
                };
                let seconds = u32::try_from(number(seconds)?).unwrap_or(u32::MAX);
                sock.linger = (number(on)? != 0).then_some(seconds);
                return Answer::ok(0);
            }
            "SO_RCVTIMEO" | "SO_SNDTIMEO" => {
                let part = |name| member(&value, name).map_or(Ok(0), number);
                let time = Duration::from_secs(part("tv_sec")? as u64)
                    + Duration::from_micros(part("tv_usec")? as u64);
                let time = (!time.is_zero()).then_some(time);
                match name.as_str() {
                    "SO_RCVTIMEO" => sock.receive_timeout = time,
                    _ => sock.send_timeout = time,
                }
                return Answer::ok(0);
            }
            "TCP_CONGESTION" => {
                let Some(name) = text(&value) else {
                    return Err(Fault::Wrong("TCP_CONGESTION wants a name".into()));
                };
                let Ok(algorithm) = name.parse() else {
                    return Err(Fault::Unsupported(format!("congestion control {name}")));
                };
                sock.config.congestion = algorithm;
                match &sock.phase {
                    Phase::Fresh => {}
                    Phase::Listening(listener) => listener.set_congestion(algorithm),
                    Phase::Connection(socket) => socket.set_congestion(now, algorithm),
                }
                return Answer::ok(0);
            }
            "TCP_FUNCTION_BLK" => return Answer::ok(0),
            _ => {}
        }
        let number = number(&value)?;
        let outcome = set_number(sock, now, &name, number, &Host { bsd, defaults });
        if let Phase::Listening(listener) = &sock.phase {
            listener.set_config(Arc::new(sock.config.clone()));
        }
        outcome
    }

    pub(in super::super) fn getsockopt(&mut self, call: &Call) -> Outcome {
        let fd = int(call, 0)?;
        let name = option_name(call)?;
        let wanted = argument(call, 3)?.clone();
        let now = self.world.now;
        let dialect = self.settings.dialect;
        let defaults = self.settings.keepalive_defaults;
        let sock = match self.sock(fd) {
            Ok(sock) => sock,
            Err(errno) => return Answer::fail(errno),
        };
        let value = match name.as_str() {
            "SO_ERROR" => {
                let error = sock
                    .take_error()
                    .map_or(0, |error| symbols::value(errno_of(error)).unwrap_or(0));
                return told_error(&wanted, error);
            }
            "SO_LINGER" => {
                let on = i64::from(sock.linger.is_some());
                let seconds = i64::from(sock.linger.unwrap_or(0));
                told(&name, member(&wanted, "onoff"), on)?;
                told(&name, member(&wanted, "linger"), seconds)?;
                return Answer::ok(0);
            }
            "TCP_INFO" | "TCP_CC_INFO" | "TCP_FUNCTION_BLK" if wanted == Expr::Ellipsis => {
                return Answer::ok(0);
            }
            "TCP_CONGESTION" => {
                let chosen = sock
                    .connection()
                    .map_or(sock.config.congestion, tuntcp::engine::Socket::congestion);
                let told = text(&wanted).is_some_and(|name| name.parse() == Ok(chosen));
                return if told || wanted == Expr::Ellipsis {
                    Answer::ok(0)
                } else {
                    Err(Fault::Wrong(format!("{name}: expected {wanted:?}, got {chosen}")))
                };
            }
            "SO_RCVBUF" => receive_buffer(sock, dialect, &wanted, now)?,
            "SO_SNDBUF" => {
                let bytes = sock
                    .connection()
                    .map_or(sock.config.send_buffer.initial, tuntcp::engine::Socket::send_buffer);
                doubled(bytes, dialect)
            }
            "SO_TYPE" => symbols::SOCK_STREAM,
            "SO_DOMAIN" => symbols::AF_INET,
            "SO_PROTOCOL" => 6,
            "SO_ACCEPTCONN" => i64::from(matches!(sock.phase, Phase::Listening(_))),
            name => get_number(sock, now, name, &Host { bsd: dialect == Dialect::Bsd, defaults })?,
        };
        told(&name, Some(&wanted), value)?;
        Answer::ok(0)
    }
}

/// What the host of a socket decides.
struct Host {
    bsd: bool,
    defaults: KeepAlive,
}

fn option_name(call: &Call) -> Result<String, Fault> {
    match argument(call, 2)? {
        Expr::Word(name) => Ok(name.clone()),
        other => Err(Fault::Unsupported(format!("the option {other:?}"))),
    }
}

/// A text, alone or as the only one of a list.
fn text(value: &Expr) -> Option<&str> {
    match value {
        Expr::Str(text) => Some(text),
        Expr::List(of) => match &of[..] {
            [Expr::Str(text)] => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// Compares what the script says that it is told.
fn told(name: &str, wanted: Option<&Expr>, value: i64) -> Result<(), Fault> {
    match wanted {
        None | Some(Expr::Ellipsis) => Ok(()),
        Some(wanted) if number(wanted)? == value => Ok(()),
        Some(wanted) => {
            Err(Fault::Wrong(format!("{name}: expected {}, got {value}", number(wanted)?)))
        }
    }
}

fn told_error(wanted: &Expr, error: i64) -> Outcome {
    let named = |error| symbols::errno_name(error).unwrap_or("0");
    match wanted {
        Expr::Ellipsis => {}
        wanted if number(wanted)? == error => {}
        wanted => {
            return Err(Fault::Wrong(format!(
                "SO_ERROR: expected {}, got {}",
                named(number(wanted)?),
                named(error)
            )));
        }
    }
    Answer::ok(0)
}

/// Linux tells of twice what was asked for: half of it is for its own records.
fn doubled(bytes: usize, dialect: Dialect) -> i64 {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    if dialect == Dialect::Google { bytes.saturating_mul(2) } else { bytes }
}

/// The BSDs round a receive buffer up to whole segments once the connection is open. A script that
/// tells of that gets the buffer that it counts with.
fn receive_buffer(
    sock: &Sock,
    dialect: Dialect,
    wanted: &Expr,
    now: tuntcp::time::Instant,
) -> Result<i64, Fault> {
    // Theirs is 65,536 to begin with, of which a window that is not scaled tells all but one.
    let theirs = matches!(wanted, Expr::List(of) if of[..] == [Expr::Int(65_536)]);
    let Phase::Connection(socket) = &sock.phase else {
        let bytes = sock.config.receive_buffer.initial;
        let told =
            if dialect == Dialect::Bsd && theirs && bytes == 65_535 { 65_536 } else { bytes };
        return Ok(doubled(told, dialect));
    };
    let bytes = socket.receive_buffer();
    let segment = socket.info(now).advertised_mss.max(1) as usize;
    let rounded = bytes.div_ceil(segment) * segment;
    if dialect == Dialect::Bsd
        && *wanted != Expr::Ellipsis
        && usize::try_from(number(wanted)?) == Ok(rounded)
    {
        socket.set_receive_buffer(now, rounded);
        return Ok(doubled(rounded, dialect));
    }
    if dialect == Dialect::Bsd && theirs && bytes == 65_535 {
        return Ok(65_536);
    }
    Ok(doubled(bytes, dialect))
}

fn set_number(
    sock: &mut Sock,
    now: tuntcp::time::Instant,
    name: &str,
    value: i64,
    host: &Host,
) -> Outcome {
    let on = value != 0;
    let bytes = usize::try_from(value).unwrap_or(0);
    match name {
        "SO_RCVBUF" | "SO_RCVBUFFORCE" => {
            sock.config.receive_buffer = bytes.into();
            if let Phase::Connection(socket) = &sock.phase {
                socket.set_receive_buffer(now, bytes);
            }
        }
        "SO_SNDBUF" | "SO_SNDBUFFORCE" => {
            sock.config.send_buffer = bytes.into();
            if let Phase::Connection(socket) = &sock.phase {
                socket.set_send_buffer(now, bytes);
            }
        }
        "TCP_NODELAY" => {
            sock.config.nodelay = on;
            if let Phase::Connection(socket) = &sock.phase {
                socket.set_nodelay(now, on);
            }
        }
        "TCP_CORK" | "TCP_NOPUSH" => {
            sock.kept.insert("TCP_CORK".into(), value);
            if let Phase::Connection(socket) = &sock.phase {
                socket.set_cork(now, on);
            }
        }
        "TCP_QUICKACK" => {
            sock.kept.insert(name.into(), value);
            if let Phase::Connection(socket) = &sock.phase {
                socket.set_quick_ack(now, on);
            }
        }
        "TCP_MAXSEG" => {
            if !(1..=65_535).contains(&value) {
                return Answer::fail("EINVAL");
            }
            sock.config.mss = u16::try_from(value).ok();
        }
        "TCP_WINDOW_CLAMP" => sock.config.receive_buffer.clamp(bytes),
        "TCP_USER_TIMEOUT" => {
            let timeout = on.then(|| Duration::from_millis(value.unsigned_abs()));
            sock.config.user_timeout = timeout;
            if let Phase::Connection(socket) = &sock.phase {
                socket.set_user_timeout(now, timeout);
            }
        }
        "SO_KEEPALIVE" | "TCP_KEEPIDLE" | "TCP_KEEPALIVE" | "TCP_KEEPINTVL" | "TCP_KEEPCNT" => {
            return set_keepalive(sock, now, name, value, host);
        }
        "IP_TOS" => {
            sock.config.dscp = u8::try_from(value & 0xff).unwrap_or(0) >> 2;
            if let Phase::Connection(socket) = &sock.phase {
                socket.set_dscp(now, sock.config.dscp);
            }
        }
        "IP_TTL" => {
            if value != -1 && !(1..=255).contains(&value) {
                return Answer::fail("EINVAL");
            }
            sock.config.ttl = u8::try_from(value).unwrap_or(64);
            if let Phase::Connection(socket) = &sock.phase {
                socket.set_ttl(now, sock.config.ttl);
            }
        }
        name if KEPT.contains(&name) => drop(sock.kept.insert(name.into(), value)),
        name => return Err(Fault::Unsupported(format!("the option {name}"))),
    }
    Answer::ok(0)
}

fn set_keepalive(
    sock: &mut Sock,
    now: tuntcp::time::Instant,
    name: &str,
    value: i64,
    host: &Host,
) -> Outcome {
    let mut keepalive = sock.kept_keepalive(host.defaults);
    let seconds = Duration::from_secs(value.unsigned_abs());
    match name {
        "SO_KEEPALIVE" => drop(sock.kept.insert(name.into(), i64::from(value != 0))),
        _ if value < 1 => return Answer::fail("EINVAL"),
        "TCP_KEEPINTVL" => keepalive.interval = seconds,
        "TCP_KEEPCNT" => keepalive.probes = u32::try_from(value).unwrap_or(u32::MAX),
        _ => keepalive.idle = seconds,
    }
    sock.keep_keepalive(keepalive);
    let on = sock.kept.get("SO_KEEPALIVE").is_some_and(|&on| on != 0);
    sock.config.keepalive = on.then_some(keepalive);
    if let Phase::Connection(socket) = &sock.phase {
        socket.set_keepalive(now, sock.config.keepalive);
    }
    Answer::ok(0)
}

fn get_number(
    sock: &Sock,
    now: tuntcp::time::Instant,
    name: &str,
    host: &Host,
) -> Result<i64, Fault> {
    let config: &Config = &sock.config;
    let info = sock.connection().map(|socket| socket.info(now));
    let keepalive = sock.kept_keepalive(host.defaults);
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Ok(match name {
        "TCP_NODELAY" => i64::from(config.nodelay),
        "TCP_CORK" | "TCP_NOPUSH" => sock.kept.get("TCP_CORK").copied().unwrap_or(0),
        "TCP_QUICKACK" => sock.kept.get(name).copied().unwrap_or(1),
        "TCP_MAXSEG" => match info.filter(|info| info.mss > 0) {
            Some(info) => i64::from(info.mss),
            None => i64::from(config.mss.unwrap_or(536)),
        },
        "TCP_WINDOW_CLAMP" => i64::try_from(config.receive_buffer.largest()).unwrap_or(i64::MAX),
        "TCP_USER_TIMEOUT" => config
            .user_timeout
            .map_or(0, |timeout| i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX)),
        "SO_KEEPALIVE" => sock.kept.get(name).copied().unwrap_or(0),
        // The BSDs tell of milliseconds nowhere: all of these are seconds.
        "TCP_KEEPIDLE" | "TCP_KEEPALIVE" => seconds(keepalive.idle),
        "TCP_KEEPINTVL" => seconds(keepalive.interval),
        "TCP_KEEPCNT" => i64::from(keepalive.probes),
        "TCP_KEEPINIT" => sock.kept.get(name).copied().unwrap_or(75),
        "IP_TOS" => i64::from(config.dscp) << 2,
        "IP_TTL" => i64::from(config.ttl),
        "IP_MTU" => match info {
            Some(info) => i64::from(info.mss) + 40,
            None => return Err(Fault::Unsupported("IP_MTU without a connection".into())),
        },
        "SO_DEBUG" if host.bsd => sock.kept.get(name).copied().unwrap_or(0),
        name if KEPT.contains(&name) => sock.kept.get(name).copied().unwrap_or(0),
        name => return Err(Fault::Unsupported(format!("the option {name}"))),
    })
}

impl Sock {
    /// Keep-alive settings, whether or not it is on.
    fn kept_keepalive(&self, defaults: KeepAlive) -> KeepAlive {
        let number = |name: &str| self.kept.get(name).map(|number| number.unsigned_abs());
        KeepAlive {
            idle: number("idle").map_or(defaults.idle, Duration::from_secs),
            interval: number("interval").map_or(defaults.interval, Duration::from_secs),
            probes: number("probes")
                .map_or(defaults.probes, |probes| u32::try_from(probes).unwrap_or(u32::MAX)),
        }
    }

    fn keep_keepalive(&mut self, keepalive: KeepAlive) {
        let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        self.kept.insert("idle".into(), seconds(keepalive.idle));
        self.kept.insert("interval".into(), seconds(keepalive.interval));
        self.kept.insert("probes".into(), i64::from(keepalive.probes));
    }
}
