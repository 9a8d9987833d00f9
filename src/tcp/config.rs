//! Every knob of the protocol: its default, its unit, where it comes from.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::congestion::Algorithm;

/// Settings of a connection. A host has one set, which its connections begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Bytes that may wait to be read, and so the largest window that is advertised: it grows with
    /// what is delivered in a round trip. Default 64 KiB to 32 MiB. Taken as it is needed, not in
    /// advance, and as far as the memory of the host allows.
    ///
    /// 100 ms at 1 Gbit/s are 12.5 MB in flight, and twice that while a lost segment is sent again:
    /// 6 MiB, the maximum of Linux for long, would leave that path at half of its rate.
    pub receive_buffer: BufferSize,
    /// Bytes that may wait to be sent or acknowledged: it grows with the congestion window. Default
    /// 64 KiB to 32 MiB, for the same reason.
    pub send_buffer: BufferSize,
    /// Upper limit of the MSS that is offered and used, bytes; the path gives another. Default none.
    pub mss: Option<u16>,
    /// Shift of the windows that we advertise (RFC 7323, 2.3), at most 14. Default: the least that
    /// can express the largest `receive_buffer`.
    pub window_scale: Option<u8>,
    /// Offer and accept window scaling (RFC 7323, 2). Default on.
    pub window_scaling: bool,
    /// Offer and accept timestamps (RFC 7323, 3). Default on.
    pub timestamps: bool,
    /// Offer and accept SACK (RFC 2018). Default on.
    pub sack: bool,
    /// Explicit Congestion Notification (RFC 3168). Default: if the peer asks for it, as Linux.
    pub ecn: EcnPolicy,
    /// Send small segments at once (`TCP_NODELAY`; RFC 9293 3.7.4, MUST-17). Default off.
    pub nodelay: bool,
    /// Send full segments only, the rest late (`TCP_CORK` of Linux). Default off.
    pub cork: bool,
    /// How long an acknowledgement may wait for company (RFC 9293 3.8.6.3, MUST-40: below 500 ms).
    /// Default 40 ms.
    pub delayed_ack: Duration,
    /// Acknowledge text at once (`TCP_QUICKACK` of Linux, but it stays). Default off.
    pub quick_ack: bool,
    /// How long the sender's silly-window avoidance holds a small segment back (RFC 9293
    /// 3.8.6.2.1: 0.1 to 1 s), and how long a cork does. Default 200 ms.
    pub override_timeout: Duration,
    /// Initial congestion window, segments (RFC 6928). Default 10.
    pub initial_window: u32,
    /// Begin with the initial window again after nothing was sent for longer than the retransmission
    /// time-out (RFC 5681, 4.1). Default on.
    pub restart_after_idle: bool,
    /// Retransmission time-out before the first sample (RFC 6298, 2.1). Default 1 s.
    pub rto_initial: Duration,
    /// Least variance term of the retransmission time-out, which so lies that much above the mean
    /// round trip at least: room for an acknowledgement that the peer delays. RFC 6298, 2.4 says
    /// 1 s for the whole; like Linux we begin at 200 ms.
    pub rto_min: Duration,
    /// Probe for a lost tail before the retransmission timer expires (RFC 8985, 7), where SACK was
    /// negotiated. Default on.
    pub tail_probe: bool,
    /// Greatest retransmission time-out and probe interval (RFC 6298, 2.5: at least 60 s).
    /// Default 120 s.
    pub rto_max: Duration,
    /// R1: retransmissions of one segment after which the application may learn of the trouble
    /// (RFC 9293 3.8.3, SHLD-10: at least 3). Default 3.
    pub r1: u32,
    /// R2: how long a segment is retransmitted before the connection is given up (RFC 9293 3.8.3,
    /// SHLD-11: at least 100 s). Default 15 min.
    pub r2: Duration,
    /// R2 for a SYN (RFC 9293 3.8.3, MUST-23: at least 3 min). Default 3 min.
    pub r2_syn: Duration,
    /// User timeout: how long sent data may stay unacknowledged (RFC 9293 3.9.1). Default none:
    /// `r2` decides.
    pub user_timeout: Option<Duration>,
    /// Keep-alive (RFC 9293 3.8.4, MUST-25: off unless asked for). Default none.
    pub keepalive: Option<KeepAlive>,
    /// How long TIME-WAIT lasts: 2 MSL. Default 2 × 30 s (RFC 9293 3.4.2 takes an MSL of 2 min;
    /// like Linux we linger for a minute).
    pub time_wait: Duration,
    /// How long a connection that the application let go of waits in FIN-WAIT-2 for the peer's
    /// FIN. Default 60 s, as Linux.
    pub orphan_timeout: Duration,
    /// Time to live of what we send, hops (RFC 9293 3.9.2, MUST-49). Default 64.
    pub ttl: u8,
    /// DSCP of what we send (RFC 9293 3.9.1.9, MUST-48). Default 0.
    pub dscp: u8,
    /// Challenge ACKs that one connection sends in a second (RFC 5961, 7). Default 10.
    pub challenge_acks: u32,
    /// Least path MTU that is believed, bytes: nobody shall make us send crumbs (RFC 5927, 7).
    /// Default 552, as Linux.
    pub min_path_mtu: u16,
    /// Find the path MTU by trying, where large segments are lost time-out by time-out and no router
    /// says why: a black hole (RFC 4821, RFC 8899). `net.ipv4.tcp_mtu_probing` of Linux, whose 1 it is.
    /// Default on.
    pub mtu_probing: bool,
    /// A RST must be exact to reset (RFC 5961, 3.2); otherwise any in the window does, as in RFC
    /// 9293 3.10.7.4. Default on. (`net.inet.tcp.insecure_rst` of FreeBSD is its opposite.)
    pub secure_reset: bool,
    /// A SYN never ends an open connection (RFC 5961, 4.2); otherwise one in the window resets it,
    /// as in RFC 793. Default on. (`net.inet.tcp.insecure_syn` of FreeBSD is its opposite.)
    pub secure_syn: bool,
    /// When both ends close at once, send our FIN again with the acknowledgement of the peer's, as
    /// 4.4BSD does: one that was lost costs no time-out then, but a peer that goes by RFC 9293
    /// 3.10.7.4 drops the old number with the acknowledgement, and asks for it again. Default off.
    pub repeat_fin: bool,
    /// Congestion control. Default: the first of the registry.
    pub congestion: Algorithm,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            receive_buffer: BufferSize { initial: 64 << 10, max: 32 << 20 },
            send_buffer: BufferSize { initial: 64 << 10, max: 32 << 20 },
            mss: None,
            window_scale: None,
            window_scaling: true,
            timestamps: true,
            sack: true,
            ecn: EcnPolicy::default(),
            nodelay: false,
            cork: false,
            delayed_ack: Duration::from_millis(40),
            quick_ack: false,
            override_timeout: Duration::from_millis(200),
            initial_window: 10,
            restart_after_idle: true,
            rto_initial: Duration::from_secs(1),
            rto_min: Duration::from_millis(200),
            tail_probe: true,
            rto_max: Duration::from_secs(120),
            r1: 3,
            r2: Duration::from_secs(15 * 60),
            r2_syn: Duration::from_secs(3 * 60),
            user_timeout: None,
            keepalive: None,
            time_wait: Duration::from_secs(60),
            orphan_timeout: Duration::from_secs(60),
            ttl: 64,
            dscp: 0,
            challenge_acks: 10,
            min_path_mtu: 552,
            mtu_probing: true,
            secure_reset: true,
            secure_syn: true,
            repeat_fin: false,
            congestion: Algorithm::default(),
        }
    }
}

/// How large a buffer is, bytes of text: it begins with `initial` and grows with its connection up
/// to `max`. A number converts into a buffer of that size, which stays.
///
/// ```
/// use tuntcp::tcp::config::BufferSize;
///
/// let fixed: BufferSize = 20_000.into();
/// assert_eq!(fixed, BufferSize { initial: 20_000, max: 20_000 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferSize {
    /// What it begins with.
    pub initial: usize,
    /// What it may grow to; nothing, if that is less.
    pub max: usize,
}

impl BufferSize {
    /// A buffer that stays as it is.
    #[must_use]
    pub const fn fixed(bytes: usize) -> Self {
        Self { initial: bytes, max: bytes }
    }

    /// The most that it will ever be.
    #[must_use]
    pub const fn largest(self) -> usize {
        if self.max > self.initial { self.max } else { self.initial }
    }

    /// Never more than `bytes`.
    pub fn clamp(&mut self, bytes: usize) {
        self.initial = self.initial.min(bytes);
        self.max = self.max.min(bytes);
    }
}

impl From<usize> for BufferSize {
    fn from(bytes: usize) -> Self {
        Self::fixed(bytes)
    }
}

/// Whether congestion may be told by marks instead of losses (RFC 3168). `net.ipv4.tcp_ecn` of
/// Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum EcnPolicy {
    /// Never. Linux's 0.
    Off,
    /// When the peer asks for it. Linux's 2.
    #[default]
    Accept,
    /// That, and we ask for it. Linux's 1. A SYN that asks and is not answered, or is reset, is
    /// sent again without asking.
    Request,
}

impl EcnPolicy {
    /// Every policy, with its name.
    const NAMES: [(&str, Self); 3] =
        [("off", Self::Off), ("accept", Self::Accept), ("request", Self::Request)];
}

/// No policy has that name. The message lists those that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownEcnPolicy(String);

impl fmt::Display for UnknownEcnPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: ECN is off, accept or request", self.0)
    }
}

impl std::error::Error for UnknownEcnPolicy {}

/// `off`, `accept` or `request`.
impl FromStr for EcnPolicy {
    type Err = UnknownEcnPolicy;

    fn from_str(name: &str) -> Result<Self, UnknownEcnPolicy> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, policy)| *policy).ok_or_else(|| UnknownEcnPolicy(name.to_owned()))
    }
}

impl fmt::Display for EcnPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Self::NAMES.iter().find(|(_, policy)| policy == self);
        f.pad(found.map_or("", |(name, _)| name))
    }
}

/// Keep-alive settings (RFC 9293 3.8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// How long the connection must be silent before the first probe (MUST-28: two hours or more
    /// by default).
    pub idle: Duration,
    /// Between two probes.
    pub interval: Duration,
    /// Unanswered probes after which the peer is taken for dead (MUST-29: more than one); 255 at most.
    pub probes: u32,
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self { idle: Duration::from_secs(7200), interval: Duration::from_secs(75), probes: 9 }
    }
}
