//! What does a script say? Its statements as values, still in the script's own numbers.
//!
//! Written by `parse`, carried out by `run`. Nothing here knows what a system call or an option
//! means.

use std::net::IpAddr;

/// A whole file, includes and conditionals dissolved.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Script {
    /// `--name=value` lines, in order.
    pub(super) options: Vec<ScriptOption>,
    /// What happens, in order.
    pub(super) events: Vec<Event>,
}

/// `--name` or `--name=value` within a script.
#[derive(Debug, PartialEq)]
pub(super) struct ScriptOption {
    /// Where it stands.
    pub(super) at: Place,
    /// Without the dashes.
    pub(super) name: String,
    /// Empty when there is none.
    pub(super) value: String,
}

/// File and line of a statement; the file is an index into what was read, 0 the script itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Index of the file.
    pub(super) file: usize,
    /// Counted from 1.
    pub(super) line: usize,
}

/// One statement.
#[derive(Debug, PartialEq)]
pub(super) struct Event {
    /// Where it stands.
    pub(super) at: Place,
    /// The statement as it is written, white space folded to single blanks: what failures show.
    pub(super) text: String,
    /// When it happens.
    pub(super) when: When,
    /// What.
    pub(super) what: What,
}

/// Microseconds. `Relative` ones count from the event before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// `*`: whenever it comes.
    Any,
    /// `0.1`
    Absolute(i64),
    /// `+0.1`
    Relative(i64),
    /// `0.1~0.2`
    AbsoluteRange(i64, i64),
    /// `+0.1~+0.2` or `+0.1~0.2`
    RelativeRange(i64, i64),
}

#[derive(Debug, PartialEq)]
pub(super) enum What {
    /// `<` and `>`
    Packet(Box<PacketSpec>),
    /// `socket(...) = 3`
    Call(Call),
    /// A shell line in backquotes.
    Shell(String),
    /// `%{ ... }%`
    Code(String),
}

/// Which way a packet goes, as the stack under test sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// `<`: the script sends it to the stack.
    In,
    /// `>`: the stack is expected to send it.
    Out,
}

#[derive(Debug, PartialEq)]
pub(super) struct PacketSpec {
    pub(super) way: Way,
    pub(super) ip: IpSpec,
    /// `1.2.3.4:80 > 5.6.7.8:90` in front of the transport header (source, destination).
    pub(super) addresses: Option<(Endpoint, Endpoint)>,
    /// `80 > 8080` in front of the flags or behind `udp` (source, destination).
    pub(super) ports: Option<(u16, u16)>,
    pub(super) body: BodySpec,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) address: IpAddr,
    pub(super) port: u16,
}

/// Annotations of the IP header: `[ect0]`, `[noecn, ttl 5]`, `(tos 0x28)`, `[flowlabel 0x1]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct IpSpec {
    pub(super) ecn: Option<Ecn>,
    /// The whole traffic class octet, DSCP and ECN.
    pub(super) tos: Option<u8>,
    /// `dscp ef`: the six bits above the ECN field; `ecn` goes with it.
    pub(super) dscp: Option<u8>,
    pub(super) ttl: Option<u8>,
    pub(super) flow_label: Option<u32>,
    pub(super) id: Option<u16>,
    /// Don't Fragment, where a script names it.
    pub(super) df: Option<bool>,
    /// Headers that a script wraps around the packet (`ipv4 ... :`, `gre:`, `mpls ...:`), as it
    /// names them.
    pub(super) encapsulation: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ecn {
    /// `noecn`
    NotEct,
    /// `ect0`
    Ect0,
    /// `ect1`
    Ect1,
    /// `ect01`: either
    Ect01,
    /// `ce`
    Ce,
}

#[derive(Debug, PartialEq)]
pub(super) enum BodySpec {
    Tcp(TcpSpec),
    Udp(UdpSpec),
    Icmp(IcmpSpec),
    /// A protocol that this runner has no words for, as the script names it (`sctp`, `udplite`).
    Other(String),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct TcpSpec {
    /// FIN 0x01, SYN 0x02, RST 0x04, PSH 0x08, ACK 0x10, URG 0x20, ECE 0x40, CWR 0x80, AE 0x100.
    pub(super) flags: u16,
    /// `...` instead of flags, sequence or both: unchecked. Only outbound.
    pub(super) any_flags: bool,
    /// It is what is left of a larger one: where that pushed is the affair of who cut it.
    pub(super) is_rest: bool,
    /// `...(1000)`: the sequence number is unchecked, its length is not.
    pub(super) any_seq: bool,
    /// `0:0(0)!`: the sequence number as it is on the wire, counted from no initial one.
    pub(super) absolute_seq: bool,
    /// `TS val ...`: the value is unchecked (and 0 in the option).
    pub(super) any_timestamp: bool,
    /// `ecr 5!`: the echo as it is on the wire.
    pub(super) absolute_echo: bool,
    /// `ecr ...`: the echo is unchecked (and 0 in the option).
    pub(super) any_echo: bool,
    /// First sequence number and length of the payload. `0:1(0)` counts no control bits: the length
    /// is what stands in parentheses.
    pub(super) seq: u32,
    pub(super) len: u32,
    pub(super) ack: Option<u32>,
    /// The window field, raw; unchecked when absent, 0 when it is sent.
    pub(super) window: Option<u16>,
    /// `urg 5`
    pub(super) urgent: Option<u16>,
    /// `<...>` (`AnyOptions`), or a list; an absent `<>` is an empty list.
    pub(super) options: OptionsSpec,
    /// `source_port`, `checksum`, and other annotations of the header that scripts may have, as
    /// they stand.
    pub(super) extras: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum OptionsSpec {
    /// `<...>`: unchecked.
    Any,
    List(Vec<TcpOption>),
}

impl Default for OptionsSpec {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TcpOption {
    Nop,
    Eol,
    Mss(u16),
    WindowScale(u8),
    SackPermitted,
    /// Blocks as (left, right).
    Sack(Vec<(u32, u32)>),
    /// `TS val 100 ecr 50`
    Timestamps {
        value: u32,
        echo: u32,
    },
    /// `FO 0123abcd` (kind 34), the cookie's bytes; empty: a request.
    FastOpen(Vec<u8>),
    /// `FOEXP 0123abcd` (kind 254, magic 0xf989).
    FastOpenExperimental(Vec<u8>),
    /// `md5 0123...` or `md5 valid`/`invalid`: empty bytes when the script gives none.
    Md5(Vec<u8>),
    /// A kind by number with its bytes, or one that this runner has no words for.
    Other {
        kind: u8,
        data: Vec<u8>,
    },
    /// An option's name that has no meaning here (`mp_capable`), as it stands.
    Unknown(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UdpSpec {
    /// Bytes of payload.
    pub(super) len: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct IcmpSpec {
    /// `unreachable`, `time_exceeded`, `parameter_problem`, `echo_request`, ..., or a number.
    pub(super) kind: String,
    /// `host_unreachable`, `frag_needed`, ..., or a number; `None` when absent.
    pub(super) code: Option<String>,
    /// `mtu 1200`
    pub(super) mtu: Option<u32>,
    /// `id 5` of an echo.
    pub(super) id: Option<u16>,
    /// `seq 1` of an echo.
    pub(super) sequence: Option<u16>,
    /// `(64)`: bytes of payload of an echo.
    pub(super) len: Option<u32>,
    /// `[1:1001(1000)]` or `[udp (1000)]`: the packet that it quotes.
    pub(super) quoted: Option<Quoted>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Quoted {
    /// Sequence and length.
    Tcp {
        seq: u32,
        len: u32,
    },
    Udp {
        len: u32,
    },
    /// A protocol that this runner has no words for, as it stands (`raw (64)`, `sctp (1)`).
    Other(String),
}

/// `name(arguments) = result`
#[derive(Debug, PartialEq)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) arguments: Vec<Expr>,
    /// `= 3`, `= -1`, `= ...` or `= ?`; `None` for a call without a result.
    pub(super) result: Option<Expr>,
    /// `EAGAIN` behind the result.
    pub(super) errno: Option<String>,
    /// A note in parentheses behind it, such as `flags O_RDWR`.
    pub(super) note: Option<String>,
    /// `0.1...0.3`, the second number (microseconds): the call blocks until then; counted from the
    /// same zero as the event's time is (the event before, for a relative one).
    pub(super) until: Option<i64>,
}

/// An argument or a result.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    /// `...`
    Ellipsis,
    Int(i64),
    /// A name: `SOCK_STREAM`, `EINVAL`, `NULL`.
    Word(String),
    Str(String),
    /// `a | b | c`
    Or(Vec<Expr>),
    /// `~a`
    Not(Box<Expr>),
    /// `[a, b]`
    List(Vec<Expr>),
    /// `{a=1, b=2}` (also `{onoff=1, linger=0}`); members without a name (`{..., 1000}`) have an
    /// empty one.
    Struct(Vec<(String, Expr)>),
    /// `htons(80)`, `inet_addr("1.2.3.4")`, `htonl(...)`
    Apply(String, Vec<Expr>),
}
