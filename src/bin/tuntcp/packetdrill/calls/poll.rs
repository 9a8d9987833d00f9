//! Waiting for several descriptors: `poll` and `epoll`.

use std::time::Duration;

use tuntcp::tcp::State;

use super::super::kernel::{
    Answer, Attempt, Fault, File, Kernel, Outcome, Phase, Watch, argument, int, member, number,
};
use super::super::script::{Call, Expr};
use super::super::symbols::{
    EPOLLET, EPOLLONESHOT, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLPRI, POLLRDHUP,
    POLLRDNORM, POLLWRNORM,
};

impl Kernel {
    /// What is ready on a descriptor, and a number that grows with what came in.
    fn readiness(&mut self, fd: i64) -> (i64, usize) {
        let now = self.world.now;
        let ready_pipe = match self.files.get(&fd) {
            None => return (POLLNVAL, 0),
            Some(File::Epoll(_)) => return (0, 0),
            Some(File::Pipe { writes: true, .. }) => return (POLLOUT, 0),
            Some(File::Pipe { index, .. }) => Some(self.pipes[*index].len()),
            Some(File::Socket(_)) => None,
        };
        if let Some(bytes) = ready_pipe {
            return (if bytes > 0 { POLLIN } else { 0 }, bytes);
        }
        let Some(File::Socket(sock)) = self.files.get_mut(&fd) else { return (0, 0) };
        let error = sock.pending_error().is_some();
        let socket = match &sock.phase {
            Phase::Fresh => return (POLLOUT | POLLHUP, 0),
            Phase::Listening(listener) => {
                let ready = listener.wait(Some(Duration::ZERO));
                return (if ready { POLLIN | POLLRDNORM } else { 0 }, usize::from(ready));
            }
            Phase::Connection(socket) => socket,
        };
        let state = socket.info(now).state;
        let over = matches!(state, State::Closed);
        let peer_closed = state.peer_closed() || over;
        let mut ready = 0;
        if socket.is_readable() || error || over {
            ready |= POLLIN | POLLRDNORM;
        }
        if socket.urgent_unread() > 0 {
            ready |= POLLPRI;
        }
        if peer_closed {
            ready |= POLLRDHUP;
        }
        if socket.is_writable() || error || over {
            ready |= POLLOUT | POLLWRNORM;
        }
        if error {
            ready |= POLLERR;
        }
        let both = peer_closed && (socket.write_ended() || over);
        if both && !matches!(state, State::SynSent | State::SynReceived) {
            ready |= POLLHUP;
        }
        (ready, socket.readable())
    }

    pub(in super::super) fn poll(&mut self, call: &Call, attempt: &mut Attempt) -> Outcome {
        let Expr::List(entries) = argument(call, 0)?.clone() else {
            return Err(Fault::Wrong("poll wants a list".into()));
        };
        let mut told = Vec::new();
        let mut count = 0;
        for entry in &entries {
            let part = |name| {
                member(entry, name)
                    .ok_or_else(|| Fault::Wrong(format!("poll: {name} is missing")))
                    .and_then(number)
            };
            let (fd, events) = (part("fd")?, part("events")?);
            let ready = self.readiness(fd).0 & (events | POLLERR | POLLHUP | POLLNVAL);
            count += i64::from(ready != 0);
            told.push((fd, ready, part("revents")?));
        }
        if count == 0 && !self.patience_ends(int(call, 2)?, attempt) {
            return Ok(None);
        }
        for (fd, ready, expected) in told {
            if ready != expected {
                return Err(Fault::Wrong(format!(
                    "poll: revents of {fd}: expected {}, got {}",
                    events_named(expected),
                    events_named(ready)
                )));
            }
        }
        Answer::ok(count)
    }

    /// Whether a call that waits for `timeout` milliseconds has waited enough.
    fn patience_ends(&self, timeout: i64, attempt: &mut Attempt) -> bool {
        let patience = u64::try_from(timeout).ok().map(Duration::from_millis);
        attempt.gives_up(self.world.now, patience)
    }

    pub(in super::super) fn epoll_create(&mut self, call: &Call) -> Outcome {
        let fd = self.new_fd(call);
        self.files.insert(fd, File::Epoll(Vec::new()));
        Answer::ok(fd)
    }

    pub(in super::super) fn epoll_ctl(&mut self, call: &Call) -> Outcome {
        let (epoll, fd) = (int(call, 0)?, int(call, 2)?);
        let Expr::Word(command) = argument(call, 1)?.clone() else {
            return Err(Fault::Wrong("epoll_ctl wants the name of a command".into()));
        };
        if !self.files.contains_key(&fd) {
            return Answer::fail("EBADF");
        }
        let event = call.arguments.get(3).cloned().unwrap_or(Expr::Ellipsis);
        let Some(File::Epoll(watches)) = self.files.get_mut(&epoll) else {
            return Answer::fail("EINVAL");
        };
        let known = watches.iter().position(|watch| watch.fd == fd);
        let new = || -> Result<Watch, Fault> {
            let events = member(&event, "events").map_or(Ok(0), number)?;
            Ok(Watch { fd, events, data: event.clone(), told: (0, 0), spent: false })
        };
        match (command.as_str(), known) {
            ("EPOLL_CTL_ADD", None) => watches.push(new()?),
            ("EPOLL_CTL_ADD", Some(_)) => return Answer::fail("EEXIST"),
            ("EPOLL_CTL_MOD", Some(at)) => watches[at] = new()?,
            ("EPOLL_CTL_DEL", Some(at)) => drop(watches.remove(at)),
            (_, None) => return Answer::fail("ENOENT"),
            (other, _) => return Err(Fault::Wrong(format!("there is no {other}"))),
        }
        Answer::ok(0)
    }

    pub(in super::super) fn epoll_wait(&mut self, call: &Call, attempt: &mut Attempt) -> Outcome {
        let epoll = int(call, 0)?;
        let room = usize::try_from(int(call, 2)?).unwrap_or(0);
        let Some(File::Epoll(watches)) = self.files.get_mut(&epoll) else {
            return Answer::fail("EINVAL");
        };
        let mut watches = std::mem::take(watches);
        let mut told = Vec::new();
        for watch in &mut watches {
            let (ready, seen) = self.readiness(watch.fd);
            let ready = ready & (watch.events | POLLERR | POLLHUP);
            let changed = ready & !watch.told.0 != 0 || seen > watch.told.1;
            let due = watch.events & EPOLLET == 0 || changed;
            if ready != 0 && due && !watch.spent && told.len() < room {
                told.push((ready, watch.data.clone()));
                watch.spent = watch.events & EPOLLONESHOT != 0;
                watch.told = (ready, seen);
            } else if ready & watch.told.0 != watch.told.0 || seen < watch.told.1 {
                watch.told = (watch.told.0 & ready, seen);
            }
        }
        self.files.insert(epoll, File::Epoll(watches));
        if told.is_empty() && !self.patience_ends(int(call, 3)?, attempt) {
            return Ok(None);
        }
        let expected = match argument(call, 1)? {
            Expr::Ellipsis => None,
            Expr::List(entries) => Some(entries.clone()),
            one => Some(vec![one.clone()]),
        };
        for (entry, (ready, data)) in expected.iter().flatten().zip(&told) {
            check_event(entry, *ready, data)?;
        }
        Answer::ok(told.len() as i64)
    }
}

fn check_event(entry: &Expr, ready: i64, data: &Expr) -> Result<(), Fault> {
    let expected = member(entry, "events").map_or(Ok(ready), number)?;
    if expected != ready {
        return Err(Fault::Wrong(format!(
            "epoll_wait: events: expected {}, got {}",
            events_named(expected),
            events_named(ready)
        )));
    }
    for name in ["fd", "ptr", "u32", "u64"] {
        if let (Some(wanted), Some(got)) = (member(entry, name), member(data, name))
            && wanted != got
        {
            return Err(Fault::Wrong(format!(
                "epoll_wait: {name}: expected {wanted:?}, got {got:?}"
            )));
        }
    }
    Ok(())
}

fn events_named(events: i64) -> String {
    let names = [
        (POLLIN, "POLLIN"),
        (POLLRDNORM, "POLLRDNORM"),
        (POLLOUT, "POLLOUT"),
        (POLLWRNORM, "POLLWRNORM"),
        (POLLERR, "POLLERR"),
        (POLLHUP, "POLLHUP"),
        (POLLNVAL, "POLLNVAL"),
        (POLLRDHUP, "POLLRDHUP"),
    ];
    let named: Vec<_> =
        names.iter().filter(|(bit, _)| events & bit != 0).map(|(_, name)| *name).collect();
    if named.is_empty() { "0".into() } else { named.join("|") }
}
