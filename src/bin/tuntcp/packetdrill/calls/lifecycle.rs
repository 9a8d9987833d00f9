//! Opening and closing: `socket` to `close`, and what describes a descriptor.

use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use tuntcp::engine::{ListenOptions, OpenError};
use tuntcp::tcp::{Shutdown, State};

use super::super::kernel::{
    Answer, Attempt, Fault, File, Kernel, Outcome, Phase, Sock, address, argument, int,
};
use super::super::script::{Call, Expr};
use super::super::settings::Dialect;
use super::super::symbols::{self, errno_of};

fn open_errno(error: OpenError) -> &'static str {
    match error {
        OpenError::AddrInUse => "EADDRINUSE",
        OpenError::AddrNotAvailable | OpenError::PortsExhausted => "EADDRNOTAVAIL",
        OpenError::BadRemote => "ENETUNREACH",
        OpenError::HostDown => "ENETDOWN",
    }
}

impl Kernel {
    pub(in super::super) fn socket(&mut self, call: &Call) -> Outcome {
        let domain = match argument(call, 0)? {
            Expr::Ellipsis => symbols::AF_INET,
            _ => int(call, 0)?,
        };
        let kind = int(call, 1)?;
        let flags = symbols::SOCK_NONBLOCK | symbols::SOCK_CLOEXEC;
        if domain != symbols::AF_INET {
            return Err(Fault::Unsupported("sockets that are not AF_INET".into()));
        }
        if kind & !flags != symbols::SOCK_STREAM || !matches!(int(call, 2)?, 0 | 6) {
            return Err(Fault::Unsupported("sockets that are not TCP".into()));
        }
        let fd = self.new_fd(call);
        let nonblocking = kind & symbols::SOCK_NONBLOCK != 0;
        let sock = Sock::new(self.settings.tcp.clone(), nonblocking);
        self.files.insert(fd, File::Socket(Box::new(sock)));
        self.current = Some(fd);
        Answer::ok(fd)
    }

    pub(in super::super) fn bind(&mut self, call: &Call) -> Outcome {
        let default = SocketAddrV4::new(self.settings.local, self.settings.bind_port);
        let wanted = address(argument(call, 1)?)?.unwrap_or(default);
        let ours = wanted.ip().is_unspecified() || *wanted.ip() == self.settings.local;
        let fd = int(call, 0)?;
        let taken = self.is_taken(fd, wanted.port());
        let sock = match self.sock(fd) {
            Ok(sock) => sock,
            Err(errno) => return Answer::fail(errno),
        };
        if sock.bound.is_some() || !matches!(sock.phase, Phase::Fresh) {
            return Answer::fail("EINVAL");
        }
        if !ours {
            return Answer::fail("EADDRNOTAVAIL");
        }
        if taken {
            return Answer::fail("EADDRINUSE");
        }
        sock.bound = Some(wanted);
        Answer::ok(0)
    }

    /// Whether another socket holds the port and does not share it.
    fn is_taken(&self, fd: i64, port: u16) -> bool {
        self.files.iter().any(|(other, file)| {
            let File::Socket(sock) = file else { return false };
            let same = sock.bound.is_some_and(|bound| bound.port() == port && port != 0);
            let listens = matches!(sock.phase, Phase::Listening(_));
            *other != fd && same && (listens || !sock.kept.contains_key("SO_REUSEADDR"))
        })
    }

    pub(in super::super) fn listen(&mut self, call: &Call) -> Outcome {
        let (fd, backlog) = (int(call, 0)?, int(call, 1)?);
        // As the kernels do it, one more than asked for may wait.
        let backlog = usize::try_from(backlog).unwrap_or(0).saturating_add(1);
        let engine = Arc::clone(&self.world.engine);
        let any = SocketAddrV4::new(self.settings.local, 0);
        let sock = match self.sock(fd) {
            Ok(sock) => sock,
            Err(errno) => return Answer::fail(errno),
        };
        match &sock.phase {
            Phase::Connection(_) => return Answer::fail("EINVAL"),
            Phase::Listening(_) => return Answer::ok(0),
            Phase::Fresh => {}
        }
        let at = SocketAddr::V4(sock.bound.unwrap_or(any));
        let mut options = ListenOptions::new(backlog, Arc::new(sock.config.clone()));
        let queue = sock.kept.get("TCP_FASTOPEN").copied().unwrap_or(0);
        options.fast_open = usize::try_from(queue).unwrap_or(0);
        let listener = match engine.listen_as(at, &options) {
            Ok(listener) => listener,
            Err(error) => return Answer::fail(open_errno(error)),
        };
        let SocketAddr::V4(at) = listener.local_addr() else {
            return Err(Fault::Unsupported("IPv6".into()));
        };
        sock.bound = Some(at);
        sock.phase = Phase::Listening(listener);
        let ip = if at.ip().is_unspecified() { self.settings.local } else { *at.ip() };
        self.expects_peer = Some(SocketAddrV4::new(ip, at.port()));
        Answer::ok(0)
    }

    pub(in super::super) fn accept(&mut self, call: &Call, attempt: &mut Attempt) -> Outcome {
        let fd = int(call, 0)?;
        let flags = if call.name == "accept4" { int(call, 3)? } else { 0 };
        let inherits = self.settings.dialect == Dialect::Bsd;
        let now = self.world.now;
        let sock = match self.sock(fd) {
            Ok(sock) => sock,
            Err(errno) => return Answer::fail(errno),
        };
        let Phase::Listening(listener) = &sock.phase else { return Answer::fail("EINVAL") };
        let socket = match listener.accept() {
            Ok(Some(socket)) => socket,
            Ok(None) if sock.nonblocking => return Answer::fail("EAGAIN"),
            Ok(None) => {
                let over = attempt.gives_up(now, sock.receive_timeout);
                return if over { Answer::fail("EAGAIN") } else { Ok(None) };
            }
            Err(error) => return Answer::fail(open_errno(error)),
        };
        let nonblocking = flags & symbols::SOCK_NONBLOCK != 0 || inherits && sock.nonblocking;
        let mut new = Sock::new(sock.config.clone(), nonblocking);
        new.linger = sock.linger;
        new.kept = sock.kept.clone();
        new.connected = true;
        if let SocketAddr::V4(local) = socket.local_addr() {
            new.bound = Some(local);
        }
        if let Some(told) = argument(call, 1)?.clone().into_told()
            && let SocketAddr::V4(peer) = socket.peer_addr()
            && address(&told)? != Some(peer)
        {
            return Err(Fault::Wrong(format!("the peer's address is {peer}")));
        }
        new.phase = Phase::Connection(socket);
        let new_fd = self.new_fd(call);
        self.files.insert(new_fd, File::Socket(Box::new(new)));
        self.current = Some(new_fd);
        Answer::ok(new_fd)
    }

    pub(in super::super) fn connect(&mut self, call: &Call, attempt: &mut Attempt) -> Outcome {
        let fd = int(call, 0)?;
        let default = SocketAddrV4::new(self.settings.remote, self.settings.connect_port);
        let remote = address(argument(call, 1)?)?.unwrap_or(default);
        let (engine, now) = (Arc::clone(&self.world.engine), self.world.now);
        let sock = match self.sock(fd) {
            Ok(sock) => sock,
            Err(errno) => return Answer::fail(errno),
        };
        match &sock.phase {
            Phase::Listening(_) => Answer::fail("EISCONN"),
            Phase::Fresh => {
                let local = sock.bound.map(SocketAddr::V4);
                let config = Arc::new(sock.config.clone());
                match engine.connect_with(now, local, SocketAddr::V4(remote), config) {
                    Ok(socket) => sock.phase = Phase::Connection(socket),
                    Err(error) => return Answer::fail(open_errno(error)),
                }
                if sock.nonblocking {
                    return Answer::fail("EINPROGRESS");
                }
                attempt.again = true;
                Ok(None)
            }
            Phase::Connection(_) if sock.connected => Answer::fail("EISCONN"),
            Phase::Connection(socket) => {
                if let Some(error) = sock.error.take() {
                    return Answer::fail(errno_of(error));
                }
                match socket.opened() {
                    Ok(true) => {
                        sock.connected = true;
                        Answer::ok(0)
                    }
                    Ok(false) if attempt.again => Ok(None),
                    Ok(false) => Answer::fail("EALREADY"),
                    Err(error) => Answer::fail(errno_of(error)),
                }
            }
        }
    }

    pub(in super::super) fn close(&mut self, call: &Call, attempt: &mut Attempt) -> Outcome {
        let fd = int(call, 0)?;
        let now = self.world.now;
        // On Linux `O_NONBLOCK` changes nothing here; the BSDs do not wait then.
        let waits_anyway = self.settings.dialect == Dialect::Google;
        let flushed = match self.files.get_mut(&fd) {
            None => return Answer::fail("EBADF"),
            Some(File::Socket(sock)) => {
                let lingers = sock.linger.filter(|_| waits_anyway || !sock.nonblocking);
                match &sock.phase {
                    Phase::Connection(socket) if sock.linger == Some(0) => {
                        socket.abort(now);
                        true
                    }
                    Phase::Connection(socket) => {
                        if !attempt.again {
                            socket.close(now);
                            attempt.again = true;
                            let lingers = Duration::from_secs(u64::from(lingers.unwrap_or(0)));
                            attempt.deadline = Some(now + lingers);
                        }
                        lingers.is_none() || socket.wait_flushed(Some(Duration::ZERO))
                    }
                    _ => true,
                }
            }
            Some(_) => true,
        };
        if !flushed && attempt.deadline.is_some_and(|deadline| !deadline.is_due(now)) {
            return Ok(None);
        }
        self.files.remove(&fd);
        for file in self.files.values_mut() {
            if let File::Epoll(watches) = file {
                watches.retain(|watch| watch.fd != fd);
            }
        }
        Answer::ok(0)
    }

    pub(in super::super) fn shutdown(&mut self, call: &Call) -> Outcome {
        let (fd, how) = (int(call, 0)?, int(call, 1)?);
        let now = self.world.now;
        let sock = match self.sock(fd) {
            Ok(sock) => sock,
            Err(errno) => return Answer::fail(errno),
        };
        let how = match how {
            0 => Shutdown::Read,
            1 => Shutdown::Write,
            2 => Shutdown::Both,
            _ => return Answer::fail("EINVAL"),
        };
        let Some(socket) = sock.connection() else { return Answer::fail("ENOTCONN") };
        if socket.shutdown(now, how).is_err() {
            return Answer::fail("ENOTCONN");
        }
        Answer::ok(0)
    }

    pub(in super::super) fn fcntl(&mut self, call: &Call) -> Outcome {
        let (fd, command) = (int(call, 0)?, argument(call, 1)?.clone());
        let Expr::Word(command) = command else {
            return Err(Fault::Wrong("fcntl wants the name of a command".into()));
        };
        let bsd = self.settings.dialect == Dialect::Bsd;
        let expected = call.result.clone();
        let sock = match self.sock(fd) {
            Ok(sock) => sock,
            Err(errno) => return Answer::fail(errno),
        };
        match command.as_str() {
            "F_GETFL" => {
                // A script may write the bit as its own system has it.
                let theirs = symbols::O_RDWR | symbols::O_NONBLOCK_BSD;
                let bit = match (sock.nonblocking, bsd || expected == Some(Expr::Int(theirs))) {
                    (false, _) => 0,
                    (true, true) => symbols::O_NONBLOCK_BSD,
                    (true, false) => symbols::O_NONBLOCK,
                };
                Answer::ok(symbols::O_RDWR | bit)
            }
            "F_SETFL" => {
                sock.nonblocking = int(call, 2)? & symbols::O_NONBLOCK != 0;
                Answer::ok(0)
            }
            "F_GETFD" | "F_SETFD" => Answer::ok(0),
            other => Err(Fault::Unsupported(format!("fcntl {other}"))),
        }
    }

    pub(in super::super) fn ioctl(&mut self, call: &Call) -> Outcome {
        let fd = int(call, 0)?;
        let Expr::Word(command) = argument(call, 1)?.clone() else {
            return Err(Fault::Wrong("ioctl wants the name of a command".into()));
        };
        let now = self.world.now;
        let sock = match self.sock(fd) {
            Ok(sock) => sock,
            Err(errno) => return Answer::fail(errno),
        };
        if command == "FIONBIO" {
            sock.nonblocking = int(call, 2)? != 0;
            return Answer::ok(0);
        }
        let Some(socket) = sock.connection() else {
            return match sock.phase {
                Phase::Listening(_) => Answer::fail("EINVAL"),
                _ => Answer::ok(0),
            };
        };
        let info = socket.info(now);
        let value = match command.as_str() {
            "SIOCINQ" | "FIONREAD" => {
                // Linux counts the end as a byte when nothing is before it.
                let ended = info.state.peer_closed() && self.settings.dialect == Dialect::Google;
                let readable = self.readable_of(fd);
                if readable == 0 && ended { 1 } else { readable }
            }
            "SIOCOUTQ" | "FIONWRITE" | "TIOCOUTQ" => {
                let fin = i64::from(matches!(
                    info.state,
                    State::FinWait1 | State::Closing | State::LastAck
                ));
                (i64::from(info.unacked) + i64::from(info.unsent) - fin).max(0)
            }
            "SIOCOUTQNSD" => i64::from(info.unsent),
            "SIOCATMARK" => i64::from(info.urgent_unread == 0),
            other => return Err(Fault::Unsupported(format!("ioctl {other}"))),
        };
        let told = super::super::kernel::number(argument(call, 2)?)?;
        if told != value {
            return Err(Fault::Wrong(format!("{command}: expected {told}, got {value}")));
        }
        Answer::ok(0)
    }

    fn readable_of(&self, fd: i64) -> i64 {
        let Some(File::Socket(sock)) = self.files.get(&fd) else { return 0 };
        sock.connection().map_or(0, |socket| i64::try_from(socket.readable()).unwrap_or(i64::MAX))
    }

    /// `getsockname`, `getpeername`.
    pub(in super::super) fn name_of(&mut self, call: &Call) -> Outcome {
        let fd = int(call, 0)?;
        let told = argument(call, 1)?.clone();
        let sock = match self.sock(fd) {
            Ok(sock) => sock,
            Err(errno) => return Answer::fail(errno),
        };
        let name = match (&sock.phase, call.name.as_str()) {
            (Phase::Connection(socket), "getpeername") => socket.peer_addr(),
            (_, "getpeername") => return Answer::fail("ENOTCONN"),
            (Phase::Connection(socket), _) => socket.local_addr(),
            (Phase::Listening(listener), _) => listener.local_addr(),
            (Phase::Fresh, _) => {
                let any = SocketAddrV4::new(std::net::Ipv4Addr::UNSPECIFIED, 0);
                SocketAddr::V4(sock.bound.unwrap_or(any))
            }
        };
        match address(&told)? {
            Some(told) if SocketAddr::V4(told) != name => {
                Err(Fault::Wrong(format!("the address is {name}")))
            }
            _ => Answer::ok(0),
        }
    }
}

impl Expr {
    /// An address that the script expects to be told.
    fn into_told(self) -> Option<Self> {
        matches!(self, Self::Struct(_)).then_some(self)
    }
}
