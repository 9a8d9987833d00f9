//! A small key-value server in the Redis protocol (RESP2). [`request`] finds requests in the stream,
//! [`commands`] is the table of what they may ask for, [`store`] holds keys and values, [`reply`] says
//! what comes of it.

mod commands;
mod glob;
mod inline;
mod reply;
mod request;
mod store;
#[cfg(test)]
mod tests;
mod value;

use std::io::{self, ErrorKind, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tuntcp::TcpStream;
use tuntcp::runtime::clock::Clock;
use tuntcp::time::Instant;

use crate::farewell::part;
use commands::Call;
use reply::Reply;
use request::{Requests, Wrong};
use store::Store;

/// A string of any bytes, which may be in several places at once.
type Bytes = Arc<[u8]>;

/// Bytes that are read at once.
const READ: usize = 16 << 10;
/// Replies wait for the others of what was read, but only up to so many bytes.
const WRITE: usize = 64 << 10;
/// How long a client may have nothing to ask.
const IDLE: Duration = Duration::from_secs(600);
/// How long a request may take to arrive, once it has begun.
const REQUEST: Duration = Duration::from_secs(30);
/// How long a client may take no byte of a reply.
const STALL: Duration = Duration::from_secs(30);

/// The server: what all clients share.
pub(super) struct Resp {
    store: Mutex<Store>,
    clock: Clock,
    /// Clients so far.
    clients: AtomicU64,
}

/// What there is to know about a client.
#[derive(Default)]
struct Session {
    id: u64,
    name: Option<Bytes>,
    /// He said goodbye.
    quits: bool,
}

impl Resp {
    pub(super) fn new() -> Self {
        Self { store: Mutex::default(), clock: Clock::start(), clients: AtomicU64::new(0) }
    }

    /// Serves a client until he leaves.
    pub(super) fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(STALL))?;
        let id = 1 + self.clients.fetch_add(1, Ordering::Relaxed);
        let session = Session { id, ..Session::default() };
        let mut client = Client {
            server: self,
            stream,
            session,
            requests: Requests::default(),
            replies: Vec::new(),
        };
        let outcome = client.serve();
        if outcome.is_err() {
            // Without this, what he does not take would be kept for him after we have gone.
            stream.set_linger(Some(Duration::ZERO))?;
        }
        outcome
    }

    /// What comes of a request.
    fn answer(&self, session: &mut Session, request: &[Bytes]) -> Reply {
        let now = self.clock.now();
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.expire(now);
        commands::run(request, Call { store: &mut store, session, now, arguments: &[] })
    }
}

/// A client, and how far he is served.
struct Client<'a> {
    server: &'a Resp,
    stream: &'a TcpStream,
    session: Session,
    requests: Requests,
    /// What is still to be sent.
    replies: Vec<u8>,
}

impl Client<'_> {
    fn serve(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; READ];
        let mut until = self.server.clock.now() + IDLE;
        loop {
            let count = self.read(&mut buffer, until)?;
            if count == 0 {
                return Ok(());
            }
            let was_midway = self.requests.is_midway();
            self.requests.feed(&buffer[..count]);
            let (answered, outcome) = self.answer_all()?;
            self.send()?;
            if let Err(Wrong(why)) = outcome {
                log::info!("resp: client {}: {why}", self.session.id);
                return part(self.stream);
            }
            if self.session.quits {
                return part(self.stream);
            }
            if !self.requests.is_midway() {
                until = self.server.clock.now() + IDLE;
            } else if answered || !was_midway {
                until = self.server.clock.now() + REQUEST;
            }
        }
    }

    fn read(&mut self, buffer: &mut [u8], until: Instant) -> io::Result<usize> {
        let left = until - self.server.clock.now();
        self.stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        self.stream.read(buffer).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => io::Error::new(ErrorKind::TimedOut, "he was silent too long"),
            _ => error,
        })
    }

    /// Answers all requests that are whole; whether there was one, and what is wrong with the next.
    /// Clients need not wait for a reply before they send on (pipelining): what is read at once is
    /// answered at once, too.
    fn answer_all(&mut self) -> io::Result<(bool, Result<(), Wrong>)> {
        let mut any = false;
        while !self.session.quits {
            match self.requests.next() {
                Ok(Some(request)) => {
                    any = true;
                    self.server.answer(&mut self.session, &request).encode(&mut self.replies);
                    if self.replies.len() > WRITE {
                        self.send()?;
                    }
                }
                Ok(None) => break,
                Err(wrong) => {
                    let text = format!("ERR Protocol error: {}", wrong.0);
                    Reply::Error(text.into()).encode(&mut self.replies);
                    return Ok((any, Err(wrong)));
                }
            }
        }
        Ok((any, Ok(())))
    }

    fn send(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.replies)?;
        self.replies.clear();
        // What a long reply needed is not kept.
        self.replies.shrink_to(2 * WRITE);
        Ok(())
    }
}

/// The integer that `text` is, written as one writes integers: without blanks, plus or leading zeros.
fn integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    match digits {
        [b'0'] if digits.len() == text.len() => Some(0),
        [b'1'..=b'9', ..] => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => None,
    }
}
