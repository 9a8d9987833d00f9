//! What do the programs at both ends of a flow do? One writes, the other one reads.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::scenario::{Flow, OnOff};
use crate::engine::{Engine, Listener, Socket, WriteError};
use crate::sim::{App, Next};
use crate::tcp::{Config, Shutdown};
use crate::time::Instant;

/// Bytes that are written or read at once.
const PIECE: usize = 64 << 10;

/// A program that writes at a rate wakes up no more often than this.
const TICK: Duration = Duration::from_millis(1);

/// How a flow fares, told by its programs.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The end that sends, once it is there.
    pub(super) sender: Option<Rc<Socket>>,
    /// Bytes that the other end's program has read.
    pub(super) received: u64,
    /// Expirations of the sender's retransmission timer: a connection that is over tells nothing.
    pub(super) timeouts: u32,
    /// When it read the end.
    pub(super) finished: Option<Instant>,
    /// What ended it before its time.
    pub(super) failed: Option<String>,
}

pub(super) type SharedProgress = Rc<RefCell<Progress>>;

/// How a program gets its socket.
pub(super) enum Door {
    /// It calls, when it is time.
    Connect(Instant, SocketAddr, Arc<Config>),
    /// It is called.
    Accept(Listener),
}

/// The program at one end.
pub(super) struct End {
    door: Door,
    socket: Option<Rc<Socket>>,
    source: Option<Source>,
    progress: SharedProgress,
    piece: Vec<u8>,
}

/// What is to be written.
struct Source {
    stop: Instant,
    bytes: u64,
    rate: Option<u64>,
    on_off: Option<OnOff>,
    opened: Option<Instant>,
    written: u64,
    shut: bool,
}

impl End {
    /// The end that writes.
    pub(super) fn sender(door: Door, flow: &Flow, progress: &SharedProgress) -> Self {
        let source = Source {
            stop: flow.stop.map_or(Instant::NEVER, |stop| Instant::ZERO + stop),
            bytes: flow.bytes.unwrap_or(u64::MAX),
            rate: flow.rate,
            on_off: flow.on_off,
            opened: None,
            written: 0,
            shut: false,
        };
        Self { source: Some(source), ..Self::receiver(door, progress) }
    }

    /// The end that reads.
    pub(super) fn receiver(door: Door, progress: &SharedProgress) -> Self {
        Self {
            door,
            socket: None,
            source: None,
            progress: Rc::clone(progress),
            piece: vec![0; PIECE],
        }
    }

    fn proceed(&mut self, now: Instant, engine: &Arc<Engine>) -> Result<Next, String> {
        let Some(socket) = self.enter(now, engine)? else {
            let later = match &self.door {
                Door::Connect(start, ..) if !start.is_due(now) => Next::At(*start),
                _ => Next::OnEvent,
            };
            return Ok(later);
        };
        if self.source.is_some() {
            let timeouts = socket.info(now).rto_expirations;
            let mut progress = self.progress.borrow_mut();
            progress.timeouts = progress.timeouts.max(timeouts);
        }
        let ended = self.read(now, &socket)?;
        let next = match &mut self.source {
            Some(source) => source.write(now, &socket, &self.piece)?,
            None => Next::OnEvent,
        };
        if ended {
            socket.close(now);
            return Ok(Next::Done);
        }
        Ok(next)
    }

    /// The socket, once it is open.
    fn enter(&mut self, now: Instant, engine: &Arc<Engine>) -> Result<Option<Rc<Socket>>, String> {
        if self.socket.is_none() {
            let socket = match &self.door {
                Door::Connect(start, ..) if !start.is_due(now) => None,
                Door::Connect(_, remote, config) => {
                    let opened = engine.connect_with(now, None, *remote, Arc::clone(config));
                    Some(opened.map_err(|error| format!("cannot be opened: {error}"))?)
                }
                Door::Accept(listener) => {
                    listener.accept().map_err(|error| format!("cannot be accepted: {error}"))?
                }
            };
            self.socket = socket.map(Rc::new);
            if self.source.is_some() {
                self.progress.borrow_mut().sender.clone_from(&self.socket);
            }
        }
        let Some(socket) = &self.socket else { return Ok(None) };
        let open = socket.opened().map_err(|error| format!("was not opened: {error}"))?;
        Ok(open.then(|| Rc::clone(socket)))
    }

    /// Whether the end has come.
    fn read(&mut self, now: Instant, socket: &Socket) -> Result<bool, String> {
        loop {
            let read = socket.read(now, &mut self.piece, false);
            match read.map_err(|error| format!("has ended: {error}"))? {
                None => return Ok(false),
                Some(0) => break,
                Some(count) => self.progress.borrow_mut().received += count as u64,
            }
        }
        let mut progress = self.progress.borrow_mut();
        if self.source.is_none() {
            progress.finished.get_or_insert(now);
        }
        Ok(true)
    }
}

impl App for End {
    fn poll(&mut self, now: Instant, engine: &Arc<Engine>) -> Next {
        self.proceed(now, engine).unwrap_or_else(|why| {
            self.progress.borrow_mut().failed.get_or_insert(why);
            Next::Done
        })
    }
}

impl Source {
    /// Writes what may be written at `now`; when there will be more.
    fn write(&mut self, now: Instant, socket: &Socket, zeros: &[u8]) -> Result<Next, String> {
        if self.shut {
            return Ok(Next::OnEvent);
        }
        let opened = *self.opened.get_or_insert(now);
        let (due, more_at) = self.due(now - opened);
        while self.written < due.min(self.bytes) && !self.stop.is_due(now) {
            let left = usize::try_from(due.min(self.bytes) - self.written).unwrap_or(usize::MAX);
            match socket.write(now, &zeros[..left.min(zeros.len())]) {
                Ok(Some(taken)) => self.written += taken as u64,
                Ok(None) => {
                    let stop = self.stop;
                    return Ok(if stop.is_never() { Next::OnEvent } else { Next::At(stop) });
                }
                Err(WriteError::Failed(error)) => return Err(format!("has ended: {error}")),
                Err(WriteError::Ended) => return Err("cannot be written to".to_owned()),
            }
        }
        if self.written >= self.bytes || self.stop.is_due(now) {
            self.shut = true;
            let shut = socket.shutdown(now, Shutdown::Write);
            return shut.map(|()| Next::OnEvent).map_err(|_| "is not open any more".to_owned());
        }
        Ok(Next::At((opened + more_at).min(self.stop)))
    }

    /// Bytes that are to be written until so long after the opening, and when there will be more.
    fn due(&self, elapsed: Duration) -> (u64, Duration) {
        let (written_for, resting_until) = match self.on_off {
            None => (elapsed, None),
            Some(rhythm) => rhythm.at(elapsed),
        };
        let Some(rate) = self.rate else {
            let due = if resting_until.is_some() { self.written } else { u64::MAX };
            return (due, resting_until.unwrap_or(Duration::MAX));
        };
        let bits = u128::from(rate) * written_for.as_nanos() / 1_000_000_000;
        let due = u64::try_from(bits / 8).unwrap_or(u64::MAX);
        // A full segment at a time, as far as that is not too often.
        let a_segment = Duration::from_secs_f64(1448.0 * 8.0 / rate.max(1) as f64);
        (due, resting_until.unwrap_or(elapsed + a_segment.max(TICK)))
    }
}

impl OnOff {
    /// For how long the program has written so long after the opening; when it ends to rest, if it
    /// rests.
    fn at(self, elapsed: Duration) -> (Duration, Option<Duration>) {
        let cycle = (self.on + self.off).as_nanos().max(1);
        let (cycles, within) = (elapsed.as_nanos() / cycle, elapsed.as_nanos() % cycle);
        let nanos = |nanos: u128| Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let written_for = nanos(cycles * self.on.as_nanos() + within.min(self.on.as_nanos()));
        let rests = within >= self.on.as_nanos();
        (written_for, rests.then(|| nanos((cycles + 1) * cycle)))
    }
}

#[cfg(test)]
#[path = "tests/traffic.rs"]
mod tests;
