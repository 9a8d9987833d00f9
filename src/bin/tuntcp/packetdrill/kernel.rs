//! What do the script's calls act on? Its descriptors, and what stands behind each of them.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddrV4;
use std::time::Duration;

use tuntcp::engine::{Listener, Socket};
use tuntcp::tcp::{Config, Error, State};
use tuntcp::time::Instant;

use super::dialogue::Dialogue;
use super::script::{Call, Expr};
use super::settings::Settings;
use super::symbols;
use super::world::World;

/// Why a statement was not carried out.
#[derive(Debug)]
pub(super) enum Fault {
    /// The stack has nothing that it could mean.
    Unsupported(String),
    /// It says or expects something wrong.
    Wrong(String),
}

/// What a call gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) value: i64,
    pub(super) errno: Option<&'static str>,
}

impl Answer {
    pub(super) fn ok(value: i64) -> Outcome {
        Ok(Some(Self { value, errno: None }))
    }

    pub(super) fn fail(errno: &'static str) -> Outcome {
        Ok(Some(Self { value: -1, errno: Some(errno) }))
    }
}

/// `Ok(None)`: the call goes on waiting.
pub(super) type Outcome = Result<Option<Answer>, Fault>;

/// What one call has done while it waits.
#[derive(Debug, Default)]
pub(super) struct Attempt {
    /// It has been tried before.
    pub(super) again: bool,
    /// Bytes that it has moved.
    pub(super) done: usize,
    /// When it stops waiting, if it does by itself.
    pub(super) deadline: Option<Instant>,
}

impl Attempt {
    /// Whether it has waited enough; the first time that it is asked `patience` begins.
    pub(super) fn gives_up(&mut self, now: Instant, patience: Option<Duration>) -> bool {
        let deadline = patience.map_or(Instant::NEVER, |patience| now + patience);
        self.deadline.get_or_insert(deadline).is_due(now)
    }
}

/// What a descriptor stands for.
pub(super) enum File {
    Socket(Box<Sock>),
    Epoll(Vec<Watch>),
    /// Both ends of a pipe hold the index of its bytes.
    Pipe {
        index: usize,
        writes: bool,
    },
}

/// A watched descriptor.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) fd: i64,
    pub(super) events: i64,
    pub(super) data: Expr,
    /// What was told last, for those that are told of changes only.
    pub(super) told: (i64, usize),
    pub(super) spent: bool,
}

/// A TCP socket through its life.
pub(super) struct Sock {
    pub(super) phase: Phase,
    pub(super) nonblocking: bool,
    /// What its connections begin with.
    pub(super) config: Config,
    pub(super) bound: Option<SocketAddrV4>,
    /// Seconds that `close` lingers.
    pub(super) linger: Option<u32>,
    /// An attempt to connect has been told of as open.
    pub(super) connected: bool,
    /// An error that was found but not told yet.
    pub(super) error: Option<Error>,
    /// Bytes that the application has written and read.
    pub(super) written: u32,
    pub(super) read: u32,
    pub(super) receive_timeout: Option<Duration>,
    pub(super) send_timeout: Option<Duration>,
    /// Options that have no meaning here but are kept as on every system.
    pub(super) kept: BTreeMap<String, i64>,
}

pub(super) enum Phase {
    Fresh,
    Listening(Listener),
    Connection(Socket),
}

impl Sock {
    pub(super) fn new(config: Config, nonblocking: bool) -> Self {
        Self {
            phase: Phase::Fresh,
            nonblocking,
            config,
            bound: None,
            linger: None,
            connected: false,
            error: None,
            written: 0,
            read: 0,
            receive_timeout: None,
            send_timeout: None,
            kept: BTreeMap::new(),
        }
    }

    pub(super) fn connection(&self) -> Option<&Socket> {
        if let Phase::Connection(socket) = &self.phase { Some(socket) } else { None }
    }

    /// The error that is pending, without telling it.
    pub(super) fn pending_error(&mut self) -> Option<Error> {
        if self.error.is_none()
            && let Phase::Connection(socket) = &self.phase
        {
            self.error = socket.take_error();
        }
        self.error
    }

    /// The same, told.
    pub(super) fn take_error(&mut self) -> Option<Error> {
        self.pending_error();
        self.error.take()
    }
}

/// The stack under test as its application sees it.
pub(super) struct Kernel {
    pub(super) world: World,
    pub(super) settings: Settings,
    pub(super) files: BTreeMap<i64, File>,
    pub(super) pipes: Vec<VecDeque<u8>>,
    pub(super) dialogues: Vec<Dialogue>,
    /// A socket has begun to listen: the next segment that comes in is of a new connection to it.
    pub(super) expects_peer: Option<SocketAddrV4>,
    /// The descriptor that was used last.
    pub(super) current: Option<i64>,
}

impl Kernel {
    pub(super) fn new(settings: Settings, world: World) -> Self {
        Self {
            world,
            settings,
            files: BTreeMap::new(),
            pipes: Vec::new(),
            dialogues: Vec::new(),
            expects_peer: None,
            current: None,
        }
    }

    /// Carries out a call, or goes on with one that waits.
    pub(super) fn call(&mut self, call: &Call, attempt: &mut Attempt) -> Outcome {
        match call.name.as_str() {
            "socket" => self.socket(call),
            "bind" => self.bind(call),
            "listen" => self.listen(call),
            "accept" | "accept4" => self.accept(call, attempt),
            "connect" => self.connect(call, attempt),
            "close" => self.close(call, attempt),
            "shutdown" => self.shutdown(call),
            "fcntl" => self.fcntl(call),
            "ioctl" => self.ioctl(call),
            "getsockname" | "getpeername" => self.name_of(call),
            "read" | "recv" | "recvfrom" | "readv" | "recvmsg" => self.receive(call, attempt),
            "write" | "send" | "sendto" | "writev" | "sendmsg" => self.send(call, attempt),
            "pipe" => self.pipe(call),
            "splice" => self.splice(call, attempt),
            "getsockopt" => self.getsockopt(call),
            "setsockopt" => self.setsockopt(call),
            "poll" => self.poll(call, attempt),
            "epoll_create" | "epoll_create1" => self.epoll_create(call),
            "epoll_ctl" => self.epoll_ctl(call),
            "epoll_wait" => self.epoll_wait(call, attempt),
            name => Err(Fault::Unsupported(format!("the call {name}"))),
        }
    }

    /// The socket of an argument; `Ok(Err(errno))` when there is none.
    pub(super) fn sock(&mut self, fd: i64) -> Result<&mut Sock, &'static str> {
        match self.files.get_mut(&fd) {
            Some(File::Socket(sock)) => {
                self.current = Some(fd);
                Ok(sock)
            }
            Some(_) => Err("ENOTSOCK"),
            None => Err("EBADF"),
        }
    }

    /// The number that the script calls a new descriptor by.
    pub(super) fn new_fd(&self, call: &Call) -> i64 {
        match call.result {
            Some(Expr::Int(fd)) if fd >= 0 => fd,
            _ => self.files.keys().next_back().map_or(3, |last| last + 1),
        }
    }

    /// The connections of the engine, and whether a script's descriptor holds them, as `sockstat`
    /// and `ss` list them: local end, remote end, state, held.
    pub(super) fn list_sockets(&self) -> Vec<(String, String, &'static str, bool)> {
        let mut rows = Vec::new();
        for file in self.files.values() {
            let File::Socket(sock) = file else { continue };
            match &sock.phase {
                Phase::Listening(listener) => {
                    let local = listener.local_addr().to_string();
                    rows.push((local, "*:*".to_owned(), "LISTEN", true));
                }
                Phase::Fresh => rows.push(("*:*".to_owned(), "*:*".to_owned(), "CLOSED", true)),
                Phase::Connection(_) => {}
            }
        }
        for (flow, state) in self.world.engine.flows() {
            let held = self.files.values().any(|file| {
                matches!(file, File::Socket(sock) if sock.connection().is_some_and(|socket| {
                    socket.local_addr() == flow.local && socket.peer_addr() == flow.remote
                }))
            });
            rows.push((flow.local.to_string(), flow.remote.to_string(), bsd_name(state), held));
        }
        rows
    }
}

/// A state as BSD's `sockstat` names it.
fn bsd_name(state: State) -> &'static str {
    match state {
        State::Closed => "CLOSED",
        State::SynSent => "SYN_SENT",
        State::SynReceived => "SYN_RCVD",
        State::Established => "ESTABLISHED",
        State::CloseWait => "CLOSE_WAIT",
        State::FinWait1 => "FIN_WAIT_1",
        State::Closing => "CLOSING",
        State::LastAck => "LAST_ACK",
        State::FinWait2 => "FIN_WAIT_2",
        State::TimeWait => "TIME_WAIT",
    }
}

/// The argument at `index`.
pub(super) fn argument(call: &Call, index: usize) -> Result<&Expr, Fault> {
    call.arguments
        .get(index)
        .ok_or_else(|| Fault::Wrong(format!("{}: argument {} is missing", call.name, index + 1)))
}

/// Its number.
pub(super) fn int(call: &Call, index: usize) -> Result<i64, Fault> {
    number(argument(call, index)?)
}

/// The number of an expression.
pub(super) fn number(expr: &Expr) -> Result<i64, Fault> {
    match expr {
        Expr::Int(number) => Ok(*number),
        Expr::Word(name) => {
            symbols::value(name).ok_or_else(|| Fault::Unsupported(format!("the constant {name}")))
        }
        Expr::Or(parts) => parts.iter().try_fold(0, |all, part| Ok(all | number(part)?)),
        Expr::Not(of) => Ok(!number(of)?),
        Expr::List(items) if items.len() == 1 => number(&items[0]),
        Expr::Apply(name, of) if of.len() == 1 && matches!(name.as_str(), "htons" | "htonl") => {
            number(&of[0])
        }
        other => Err(Fault::Wrong(format!("a number is wanted, not {other:?}"))),
    }
}

/// A member of a structure.
pub(super) fn member<'a>(expr: &'a Expr, name: &str) -> Option<&'a Expr> {
    let expr = match expr {
        Expr::List(items) if items.len() == 1 => &items[0],
        expr => expr,
    };
    let Expr::Struct(members) = expr else { return None };
    members.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// An address that is given, or `None` for `...`.
pub(super) fn address(expr: &Expr) -> Result<Option<SocketAddrV4>, Fault> {
    if matches!(expr, Expr::Ellipsis | Expr::Int(0)) || *expr == Expr::Word("NULL".into()) {
        return Ok(None);
    }
    let wrong = || Fault::Wrong(format!("an address is wanted, not {expr:?}"));
    let family = member(expr, "sa_family").or_else(|| member(expr, "sin_family"));
    if family.is_some_and(|family| *family == Expr::Word("AF_INET6".into())) {
        return Err(Fault::Unsupported("IPv6".into()));
    }
    let port = member(expr, "sin_port").ok_or_else(wrong)?;
    let port = u16::try_from(number(port)?).map_err(|_| wrong())?;
    let ip = match member(expr, "sin_addr").ok_or_else(wrong)? {
        Expr::Apply(_, of) => match of.first() {
            Some(Expr::Str(text)) => text.parse().map_err(|_| wrong())?,
            _ => return Err(wrong()),
        },
        Expr::Str(text) => text.parse().map_err(|_| wrong())?,
        Expr::Word(any) if any == "INADDR_ANY" => std::net::Ipv4Addr::UNSPECIFIED,
        _ => return Err(wrong()),
    };
    Ok(Some(SocketAddrV4::new(ip, port)))
}
