//! What number does a name stand for? Constants of the system calls, as Linux numbers them, and the
//! names of errors.

use tuntcp::tcp::Error;

/// `errno` names that calls answer with.
pub(super) fn errno_of(error: Error) -> &'static str {
    match error {
        Error::Reset => "ECONNRESET",
        Error::Refused => "ECONNREFUSED",
        Error::TimedOut => "ETIMEDOUT",
        Error::Aborted => "ECONNABORTED",
        Error::Unreachable => "EHOSTUNREACH",
        Error::NetworkUnreachable => "ENETUNREACH",
        Error::ProtocolUnreachable => "ENOPROTOOPT",
    }
}

/// The value of a constant.
pub(super) fn value(name: &str) -> Option<i64> {
    let find = |table: &[(&str, i64)], name: &str| {
        table.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    };
    let state = name.strip_prefix("TCPS_").or_else(|| name.strip_prefix("TCPI_"));
    find(CONSTANTS, name).or_else(|| find(ERRORS, name)).or_else(|| find(STATES, state?))
}

/// Whether it is the name of an error.
pub(super) fn is_errno(name: &str) -> bool {
    ERRORS.iter().any(|(known, _)| *known == name)
}

/// The name of an error number.
pub(super) fn errno_name(number: i64) -> Option<&'static str> {
    ERRORS.iter().find(|(_, value)| *value == number).map(|(name, _)| *name)
}

/// The bit that `F_SETFL` sets for calls that do not block.
pub(super) const O_NONBLOCK: i64 = 0o4000;
/// The same bit as the BSDs number it.
pub(super) const O_NONBLOCK_BSD: i64 = 4;
pub(super) const O_RDWR: i64 = 2;
pub(super) const SOCK_NONBLOCK: i64 = 0o4000;
pub(super) const SOCK_CLOEXEC: i64 = 0o2000000;
pub(super) const SOCK_STREAM: i64 = 1;
pub(super) const AF_INET: i64 = 2;
pub(super) const POLLIN: i64 = 0x001;
pub(super) const POLLPRI: i64 = 0x002;
pub(super) const POLLOUT: i64 = 0x004;
pub(super) const POLLERR: i64 = 0x008;
pub(super) const POLLHUP: i64 = 0x010;
pub(super) const POLLNVAL: i64 = 0x020;
pub(super) const POLLRDNORM: i64 = 0x040;
pub(super) const POLLWRNORM: i64 = 0x100;
pub(super) const POLLRDHUP: i64 = 0x2000;
pub(super) const EPOLLET: i64 = 1 << 31;
pub(super) const EPOLLONESHOT: i64 = 1 << 30;
pub(super) const MSG_OOB: i64 = 0x1;
pub(super) const MSG_PEEK: i64 = 0x2;
pub(super) const MSG_TRUNC: i64 = 0x20;
pub(super) const MSG_DONTWAIT: i64 = 0x40;
pub(super) const MSG_WAITALL: i64 = 0x100;
pub(super) const MSG_MORE: i64 = 0x8000;

/// States as the BSDs name them, numbered as Linux does.
const STATES: &[(&str, i64)] = &[
    ("ESTABLISHED", 1),
    ("SYN_SENT", 2),
    ("SYN_RECEIVED", 3),
    ("FIN_WAIT_1", 4),
    ("FIN_WAIT_2", 5),
    ("TIME_WAIT", 6),
    ("CLOSED", 7),
    ("CLOSE_WAIT", 8),
    ("LAST_ACK", 9),
    ("LISTEN", 10),
    ("CLOSING", 11),
];

const CONSTANTS: &[(&str, i64)] = &[
    ("NULL", 0),
    ("PF_INET", AF_INET),
    ("AF_INET", AF_INET),
    ("AF_UNSPEC", 0),
    ("AF_INET6", 10),
    ("PF_INET6", 10),
    ("SOCK_STREAM", SOCK_STREAM),
    ("SOCK_DGRAM", 2),
    ("SOCK_RAW", 3),
    ("SOCK_SEQPACKET", 5),
    ("SOCK_NONBLOCK", SOCK_NONBLOCK),
    ("SOCK_CLOEXEC", SOCK_CLOEXEC),
    ("IPPROTO_IP", 0),
    ("SOL_IP", 0),
    ("IPPROTO_ICMP", 1),
    ("IPPROTO_TCP", 6),
    ("SOL_TCP", 6),
    ("IPPROTO_UDP", 17),
    ("SOL_UDP", 17),
    ("IPPROTO_IPV6", 41),
    ("SOL_IPV6", 41),
    ("IPPROTO_SCTP", 132),
    ("SOL_SOCKET", 1),
    ("SHUT_RD", 0),
    ("SHUT_WR", 1),
    ("SHUT_RDWR", 2),
    ("F_GETFD", 1),
    ("F_SETFD", 2),
    ("F_GETFL", 3),
    ("F_SETFL", 4),
    ("FD_CLOEXEC", 1),
    ("O_RDONLY", 0),
    ("O_WRONLY", 1),
    ("O_RDWR", O_RDWR),
    ("O_NONBLOCK", O_NONBLOCK),
    ("MSG_OOB", MSG_OOB),
    ("MSG_PEEK", MSG_PEEK),
    ("MSG_DONTROUTE", 0x4),
    ("MSG_CTRUNC", 0x8),
    ("MSG_TRUNC", MSG_TRUNC),
    ("MSG_DONTWAIT", MSG_DONTWAIT),
    ("MSG_EOR", 0x80),
    ("MSG_EOF", 0x200),
    ("MSG_WAITALL", MSG_WAITALL),
    ("MSG_NOSIGNAL", 0x4000),
    ("MSG_MORE", MSG_MORE),
    ("MSG_ERRQUEUE", 0x2000),
    ("MSG_ZEROCOPY", 0x400_0000),
    ("MSG_FASTOPEN", 0x2000_0000),
    ("POLLIN", POLLIN),
    ("POLLPRI", POLLPRI),
    ("POLLOUT", POLLOUT),
    ("POLLERR", POLLERR),
    ("POLLHUP", POLLHUP),
    ("POLLNVAL", POLLNVAL),
    ("POLLRDNORM", POLLRDNORM),
    ("POLLRDBAND", 0x080),
    ("POLLWRNORM", POLLWRNORM),
    ("POLLWRBAND", 0x200),
    ("POLLRDHUP", POLLRDHUP),
    ("EPOLLIN", POLLIN),
    ("EPOLLPRI", POLLPRI),
    ("EPOLLOUT", POLLOUT),
    ("EPOLLERR", POLLERR),
    ("EPOLLHUP", POLLHUP),
    ("EPOLLRDNORM", POLLRDNORM),
    ("EPOLLWRNORM", POLLWRNORM),
    ("EPOLLRDHUP", POLLRDHUP),
    ("EPOLLET", EPOLLET),
    ("EPOLLONESHOT", EPOLLONESHOT),
    ("EPOLL_CTL_ADD", 1),
    ("EPOLL_CTL_DEL", 2),
    ("EPOLL_CTL_MOD", 3),
    ("TCP_CLOSE", 7),
    ("TCP_ESTABLISHED", 1),
    ("TCP_SYN_SENT", 2),
    ("TCP_SYN_RECV", 3),
    ("TCP_FIN_WAIT1", 4),
    ("TCP_FIN_WAIT2", 5),
    ("TCP_TIME_WAIT", 6),
    ("TCP_CLOSE_WAIT", 8),
    ("TCP_LAST_ACK", 9),
    ("TCP_LISTEN", 10),
    ("TCP_CLOSING", 11),
    ("TCP_CA_Open", 0),
    ("TCP_CA_Disorder", 1),
    ("TCP_CA_CWR", 2),
    ("TCP_CA_Recovery", 3),
    ("TCP_CA_Loss", 4),
    ("TCPI_OPT_TIMESTAMPS", 1),
    ("TCPI_OPT_SACK", 2),
    ("TCPI_OPT_WSCALE", 4),
    ("TCPI_OPT_ECN", 8),
    ("TCPI_OPT_ECN_SEEN", 16),
    ("TCPI_OPT_SYN_DATA", 32),
    ("IPTOS_LOWDELAY", 0x10),
    ("IPTOS_THROUGHPUT", 0x08),
    ("IPTOS_RELIABILITY", 0x04),
    ("IPTOS_MINCOST", 0x02),
    ("IPTOS_DSCP_CS0", 0x00),
    ("IPTOS_DSCP_CS1", 0x20),
    ("IPTOS_DSCP_CS2", 0x40),
    ("IPTOS_DSCP_CS3", 0x60),
    ("IPTOS_DSCP_CS4", 0x80),
    ("IPTOS_DSCP_CS5", 0xa0),
    ("IPTOS_DSCP_CS6", 0xc0),
    ("IPTOS_DSCP_CS7", 0xe0),
    ("IPTOS_DSCP_AF11", 0x28),
    ("IPTOS_DSCP_AF21", 0x48),
    ("IPTOS_DSCP_AF31", 0x68),
    ("IPTOS_DSCP_AF41", 0x88),
    ("IPTOS_DSCP_EF", 0xb8),
    ("IP_PMTUDISC_DONT", 0),
    ("IP_PMTUDISC_WANT", 1),
    ("IP_PMTUDISC_DO", 2),
    ("IP_PMTUDISC_PROBE", 3),
];

const ERRORS: &[(&str, i64)] = &[
    ("EPERM", 1),
    ("EINTR", 4),
    ("EBADF", 9),
    ("EAGAIN", 11),
    ("EWOULDBLOCK", 11),
    ("ENOMEM", 12),
    ("EACCES", 13),
    ("EFAULT", 14),
    ("EEXIST", 17),
    ("EINVAL", 22),
    ("EMFILE", 24),
    ("EPIPE", 32),
    ("ENOENT", 2),
    ("ENOTSOCK", 88),
    ("EDESTADDRREQ", 89),
    ("EMSGSIZE", 90),
    ("EPROTOTYPE", 91),
    ("ENOPROTOOPT", 92),
    ("EPROTONOSUPPORT", 93),
    ("EOPNOTSUPP", 95),
    ("EAFNOSUPPORT", 97),
    ("EADDRINUSE", 98),
    ("EADDRNOTAVAIL", 99),
    ("ENETDOWN", 100),
    ("ENETUNREACH", 101),
    ("ECONNABORTED", 103),
    ("ECONNRESET", 104),
    ("ENOBUFS", 105),
    ("EISCONN", 106),
    ("ENOTCONN", 107),
    ("ESHUTDOWN", 108),
    ("ETIMEDOUT", 110),
    ("ECONNREFUSED", 111),
    ("EHOSTDOWN", 112),
    ("EHOSTUNREACH", 113),
    ("EALREADY", 114),
    ("EINPROGRESS", 115),
    ("ENOTSUP", 95),
];
