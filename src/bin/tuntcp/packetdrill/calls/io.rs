//! Moving bytes: every form of `read` and `write`, pipes and `splice`.

use std::net::SocketAddr;

use tuntcp::engine::{Socket, WriteError};
use tuntcp::tcp::State;
use tuntcp::time::Instant;

use super::super::dialogue::text;
use super::super::kernel::{
    Answer, Attempt, Fault, File, Kernel, Outcome, Phase, argument, int, member, number,
};
use super::super::script::{Call, Expr};
use super::super::symbols::{
    MSG_DONTWAIT, MSG_MORE, MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, errno_of,
};

/// Bytes that a `readv`, `writev` or message has room for.
fn vector_length(expr: &Expr) -> Result<usize, Fault> {
    let Expr::List(parts) = expr else {
        return Err(Fault::Wrong("a list of buffers is wanted".into()));
    };
    parts.iter().try_fold(0, |all, part| {
        let length = match part {
            Expr::Struct(members) => members.last().map(|(_, value)| value),
            Expr::List(members) => members.last(),
            _ => None,
        };
        let length = length.ok_or_else(|| Fault::Wrong("a buffer without a length".into()))?;
        Ok(all + usize::try_from(number(length)?).unwrap_or(0))
    })
}

/// Whether fewer than `length` bytes wait to be read, and more may come.
fn may_fill(socket: &Socket, now: Instant, length: usize) -> bool {
    let state = socket.info(now).state;
    socket.readable() < length && !state.peer_closed() && state != State::Closed
}

/// How many bytes a call moves, and its flags.
fn length_and_flags(call: &Call) -> Result<(usize, i64), Fault> {
    let length = |index| Ok(usize::try_from(int(call, index)?).unwrap_or(0));
    match call.name.as_str() {
        "read" | "write" => Ok((length(2)?, 0)),
        "readv" | "writev" => Ok((vector_length(argument(call, 1)?)?, 0)),
        "recvmsg" | "sendmsg" => {
            let message = argument(call, 1)?;
            let vector = member(message, "msg_iov")
                .ok_or_else(|| Fault::Wrong("a message without msg_iov".into()))?;
            Ok((vector_length(vector)?, int(call, 2)?))
        }
        _ => Ok((length(2)?, int(call, 3)?)),
    }
}

impl Kernel {
    pub(in super::super) fn receive(&mut self, call: &Call, attempt: &mut Attempt) -> Outcome {
        let fd = int(call, 0)?;
        let (length, flags) = length_and_flags(call)?;
        if flags & MSG_OOB != 0 {
            return Err(Fault::Unsupported("MSG_OOB".into()));
        }
        let now = self.world.now;
        if let Some(File::Pipe { index, writes: false }) = self.files.get(&fd) {
            let pipe = &mut self.pipes[*index];
            let count = length.min(pipe.len());
            pipe.drain(..count);
            return Answer::ok(count as i64);
        }
        let sock = match self.sock(fd) {
            Ok(sock) => sock,
            Err(errno) => return Answer::fail(errno),
        };
        // As on Linux nothing, not even a listener, makes `read` wait for no bytes.
        if length == 0 && call.name == "read" {
            return Answer::ok(0);
        }
        let Phase::Connection(socket) = &sock.phase else { return Answer::fail("ENOTCONN") };
        let waits = !sock.nonblocking && flags & MSG_DONTWAIT == 0;
        let peek = flags & MSG_PEEK != 0;
        if peek
            && flags & MSG_WAITALL != 0
            && waits
            && may_fill(socket, now, length)
            && !attempt.gives_up(now, sock.receive_timeout)
        {
            return Ok(None);
        }
        let mut buffer = vec![0; length - attempt.done.min(length)];
        let outcome = match sock.error.filter(|_| socket.readable() == 0) {
            Some(error) => {
                sock.error = None;
                Err(error)
            }
            None => socket.read(now, &mut buffer, peek),
        };
        let count = match outcome {
            Ok(Some(count)) => count,
            Ok(None) => {
                let over = attempt.gives_up(now, sock.receive_timeout) || !waits;
                return match (over, attempt.done) {
                    (false, _) => Ok(None),
                    (true, 0) => Answer::fail("EAGAIN"),
                    (true, done) => Answer::ok(done as i64),
                };
            }
            // What was read before counts; the error is told by the next call.
            Err(error) if attempt.done > 0 => {
                sock.error = Some(error);
                return Answer::ok(attempt.done as i64);
            }
            Err(error) => return Answer::fail(errno_of(error)),
        };
        let flow = (socket.local_addr(), socket.peer_addr());
        let at = sock.read;
        if !peek {
            sock.read = at.wrapping_add(u32::try_from(count).unwrap_or(0));
        }
        if flags & MSG_TRUNC == 0 && self.knows_text_of(flow) && buffer[..count] != text(at, count)
        {
            return Err(Fault::Wrong("what was read is not what was sent".into()));
        }
        attempt.done += count;
        if flags & MSG_WAITALL != 0 && count > 0 && attempt.done < length && waits && !peek {
            return self.receive(call, attempt);
        }
        Answer::ok(attempt.done as i64)
    }

    /// Whether the script has opened that connection, so that every byte of it is known.
    fn knows_text_of(&self, (local, remote): (SocketAddr, SocketAddr)) -> bool {
        self.dialogues.iter().any(|dialogue| {
            SocketAddr::V4(dialogue.local) == local
                && SocketAddr::V4(dialogue.remote) == remote
                && dialogue.irs.is_some()
        })
    }

    pub(in super::super) fn send(&mut self, call: &Call, attempt: &mut Attempt) -> Outcome {
        let fd = int(call, 0)?;
        let (length, flags) = length_and_flags(call)?;
        if flags & MSG_OOB != 0 {
            return Err(Fault::Unsupported("MSG_OOB".into()));
        }
        if let Some(File::Pipe { index, writes: true }) = self.files.get(&fd) {
            let pipe = &mut self.pipes[*index];
            pipe.extend(std::iter::repeat_n(0, length));
            return Answer::ok(length as i64);
        }
        let now = self.world.now;
        let sock = match self.sock(fd) {
            Ok(sock) => sock,
            Err(errno) => return Answer::fail(errno),
        };
        let Phase::Connection(socket) = &sock.phase else {
            return Answer::fail(if sock.kept.is_empty() { "EPIPE" } else { "ENOTCONN" });
        };
        if let Some(error) = sock.error.take() {
            return Answer::fail(errno_of(error));
        }
        let waits = !sock.nonblocking && flags & MSG_DONTWAIT == 0;
        let corked = flags & MSG_MORE != 0 && !sock.kept.contains_key("TCP_CORK");
        if corked {
            socket.set_cork(now, true);
        }
        let bytes = text(sock.written, length - attempt.done);
        let outcome = socket.write(now, &bytes);
        // Only what a call before has corked: uncorking sends what Nagle would hold, too.
        let uncork = socket.cork() && sock.kept.get("TCP_CORK").is_none_or(|&cork| cork == 0);
        if !corked && uncork {
            socket.set_cork(now, false);
        }
        let count = match outcome {
            Ok(count) => count.unwrap_or(0),
            Err(_) if attempt.done > 0 => return Answer::ok(attempt.done as i64),
            Err(WriteError::Ended) => return Answer::fail("EPIPE"),
            Err(WriteError::Failed(error)) => return Answer::fail(errno_of(error)),
        };
        sock.written = sock.written.wrapping_add(u32::try_from(count).unwrap_or(0));
        attempt.done += count;
        if attempt.done == length {
            return Answer::ok(length as i64);
        }
        let over = attempt.gives_up(now, sock.send_timeout) || !waits;
        match (over, attempt.done) {
            (false, _) => Ok(None),
            (true, 0) => Answer::fail("EAGAIN"),
            (true, done) => Answer::ok(done as i64),
        }
    }

    pub(in super::super) fn pipe(&mut self, call: &Call) -> Outcome {
        let Expr::List(ends) = argument(call, 0)? else {
            return Err(Fault::Wrong("pipe wants a list of two descriptors".into()));
        };
        let [read, write] = &ends[..] else {
            return Err(Fault::Wrong("pipe wants a list of two descriptors".into()));
        };
        let index = self.pipes.len();
        self.pipes.push(std::collections::VecDeque::new());
        self.files.insert(number(read)?, File::Pipe { index, writes: false });
        self.files.insert(number(write)?, File::Pipe { index, writes: true });
        Answer::ok(0)
    }

    /// `splice(from, NULL, to, NULL, length, flags)` between a socket and a pipe.
    pub(in super::super) fn splice(&mut self, call: &Call, attempt: &mut Attempt) -> Outcome {
        let (from, to, length) = (int(call, 0)?, int(call, 2)?, int(call, 4)?);
        let length = usize::try_from(length).unwrap_or(0);
        let now = self.world.now;
        if let Some(File::Pipe { index, writes: true }) = self.files.get(&to) {
            let index = *index;
            let form = Call {
                name: "read".into(),
                arguments: vec![Expr::Int(from), Expr::Ellipsis, Expr::Int(length as i64)],
                result: None,
                errno: None,
                note: None,
                until: None,
            };
            let outcome = self.receive(&form, attempt)?;
            if let Some(Answer { value: count @ 1.., .. }) = outcome {
                let count = usize::try_from(count).unwrap_or(0);
                self.pipes[index].extend(std::iter::repeat_n(0, count));
            }
            return Ok(outcome);
        }
        let Some(File::Pipe { index, writes: false }) = self.files.get(&from) else {
            return Answer::fail("EINVAL");
        };
        let index = *index;
        let count = length.min(self.pipes[index].len());
        let sock = match self.sock(to) {
            Ok(sock) => sock,
            Err(errno) => return Answer::fail(errno),
        };
        let Some(socket) = sock.connection() else { return Answer::fail("ENOTCONN") };
        let bytes = text(sock.written, count);
        match socket.write(now, &bytes) {
            Ok(Some(count)) => {
                sock.written = sock.written.wrapping_add(u32::try_from(count).unwrap_or(0));
                self.pipes[index].drain(..count);
                Answer::ok(count as i64)
            }
            Ok(None) if sock.nonblocking => Answer::fail("EAGAIN"),
            Ok(None) => Ok(None),
            Err(WriteError::Ended) => Answer::fail("EPIPE"),
            Err(WriteError::Failed(error)) => Answer::fail(errno_of(error)),
        }
    }
}
