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

/// How long the server waits for a client.
struct Patience {
    /// To ask for something.
    idle: Duration,
    /// To send a request to its end, once it has begun: whoever sends a byte now and then does not
    /// hold a thread for ever.
    request: Duration,
    /// To take a byte of a reply.
    stall: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(600),
            request: Duration::from_secs(30),
            stall: Duration::from_secs(30),
        }
    }
}

/// The server: what all clients share.
pub(super) struct Resp {
    patience: Patience,
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
        Self::with_patience(Patience::default())
    }

    fn with_patience(patience: Patience) -> Self {
        let (store, clock, clients) = (Mutex::default(), Clock::start(), AtomicU64::new(0));
        Self { patience, store, clock, clients }
    }

    /// Serves a client until he leaves.
    pub(super) fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(self.patience.stall))?;
        let id = 1 + self.clients.fetch_add(1, Ordering::Relaxed);
        let session = Session { id, ..Session::default() };
        let mut client = Client {
            server: self,
            stream,
            session,
            requests: Requests::default(),
            replies: Vec::new(),
        };
        client.serve()
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
        let Resp { patience, clock, .. } = self.server;
        let mut until = clock.now() + patience.idle;
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
                until = clock.now() + patience.idle;
            } else if answered || !was_midway {
                until = clock.now() + patience.request;
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
        if let Err(error) = self.stream.write_all(&self.replies) {
            // Without this, what he does not take would be kept for him after we have gone.
            self.stream.set_linger(Some(Duration::ZERO))?;
            return Err(error);
        }
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
