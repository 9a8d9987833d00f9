//! One connection in the application's hand.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::Engine;
use super::slot::{Event, Inner, Past, Slot};
use super::watch::Watched;
use crate::buffer::Chunk;
use crate::tcp::{Error, Info, Shutdown, Signals, State};
use crate::time::Instant;

/// The largest chunk that is handed over at once, bytes.
const CHUNK: usize = 64 << 10;

/// Chunks that one read takes away whole; what it wants beyond them is copied under the lock.
const WHOLE_CHUNKS: usize = 16;

/// One connection in the application's hand. Every call is without blocking but `wait_*`.
/// Dropping it closes the connection.
pub struct Socket {
    pub(super) engine: Arc<Engine>,
    pub(super) slot: Arc<Slot>,
    closed: AtomicBool,
}

/// The connection is not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotOpen;

/// Why a write failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// Writing was shut down, or the connection is over and its error was told: `BrokenPipe`.
    Ended,
    /// The connection ended before its time.
    Failed(Error),
}

impl Socket {
    pub(super) fn new(engine: Arc<Engine>, slot: Arc<Slot>) -> Self {
        Self { engine, slot, closed: AtomicBool::new(false) }
    }

    /// Our end.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.slot.flow.flow().local
    }

    /// The peer's end.
    #[must_use]
    pub fn peer_addr(&self) -> SocketAddr {
        self.slot.flow.flow().remote
    }

    /// Whether the connection was opened (`Ok(true)`), still opens (`Ok(false)`) or has failed; a
    /// failure is told once.
    pub fn opened(&self) -> Result<bool, Error> {
        let mut inner = self.slot.lock();
        if inner.past.contains(Past::OPENED) {
            return Ok(true);
        }
        match inner.connection.state() {
            State::Closed => Err(inner.take_error().unwrap_or(Error::Aborted)),
            _ => Ok(false),
        }
    }

    /// Reads into `buf`; `Ok(None)` when nothing is there yet, `Ok(Some(0))` at the end. What has
    /// arrived comes first; then an error, told once, as by a kernel, unless the peer had closed
    /// before it; then the end.
    pub fn read(&self, now: Instant, buf: &mut [u8], peek: bool) -> Result<Option<usize>, Error> {
        let mut inner = self.slot.lock();
        if !can_read(&inner) {
            return Ok(None);
        }
        if inner.connection.readable() == 0 {
            let error =
                if inner.past.contains(Past::PEER_CLOSED) { None } else { inner.take_error() };
            return error.map_or(Ok(Some(0)), Err);
        }
        if peek {
            return Ok(Some(inner.connection.read(buf, true)));
        }
        let mut chunks = [const { None }; WHOLE_CHUNKS];
        let taken = take_chunks(&mut inner, buf.len(), &mut chunks);
        // What is left of `buf` is smaller than the next chunk: that part is copied right here.
        let (whole, rest) = buf.split_at_mut(taken);
        let count = taken + inner.connection.read(rest, false);
        // The peer may have to hear of the room, unless the packet loop is about to tell him.
        let tell = !inner.noted && inner.connection.owes_ack();
        drop(inner);
        copy_out(&chunks, whole);
        self.engine.note_time(now);
        if tell {
            self.engine.flush(now, &self.slot);
        }
        Ok(Some(count))
    }

    /// Writes from `buf`; `Ok(None)` when there is no room yet. The bytes are copied with no lock
    /// held, and this thread sends them.
    pub fn write(&self, now: Instant, buf: &[u8]) -> Result<Option<usize>, WriteError> {
        let mut written = 0;
        loop {
            let Some(room) = self.room() else {
                if written == 0 {
                    return Err(self.write_error());
                }
                // The next call tells why.
                break;
            };
            let part = room.min(buf.len() - written).min(CHUNK);
            if part == 0 {
                break;
            }
            let mut chunk = self.engine.pool.chunk(part);
            chunk.extend(&buf[written..written + part]);
            let outcome = self.engine.act(now, &self.slot, |inner| {
                (Signals::empty(), inner.connection.write(now, chunk))
            });
            let Ok(taken) = outcome else { continue };
            written += taken;
        }
        Ok((written > 0 || buf.is_empty()).then_some(written))
    }

    /// Bytes that may be written now; `None` when writing is over.
    fn room(&self) -> Option<usize> {
        let inner = self.slot.lock();
        (!inner.connection.write_ended()).then(|| inner.connection.writable())
    }

    fn write_error(&self) -> WriteError {
        let mut inner = self.slot.lock();
        match inner.take_error() {
            // Like Linux: who writes to a peer that has closed learns that nobody reads it.
            Some(Error::Reset) if inner.past.contains(Past::PEER_CLOSED) => WriteError::Ended,
            error => error.map_or(WriteError::Ended, WriteError::Failed),
        }
    }

    /// Bytes that wait to be read.
    #[must_use]
    pub fn readable(&self) -> usize {
        self.slot.lock().connection.readable()
    }

    /// Whether writing is over: `write` would fail.
    #[must_use]
    pub fn write_ended(&self) -> bool {
        self.room().is_none()
    }

    /// The engine that runs the connection.
    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// The queue that its frames come from, as long as the kernel does not change its mind.
    pub(crate) fn queue(&self) -> usize {
        self.slot.queue().into()
    }

    /// A thread that waits for this connection becomes the packet loop of this queue, or has been.
    pub(crate) fn set_leads(&self, queue: Option<usize>) {
        self.slot.lock().leads = queue.and_then(|queue| u8::try_from(queue).ok());
    }

    /// Whether `read` has something to say.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        can_read(&self.slot.lock())
    }

    /// Whether it is worth calling `write`: a third of the send buffer is free, as with Linux, writing is
    /// over, or an open has ended. It may be `false` though `write` would still take a little.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        can_write(&self.slot.lock())
    }

    /// Sleeps until `read` has something to say or `timeout` has passed (`false` then).
    pub fn wait_readable(&self, timeout: Option<Duration>) -> bool {
        self.slot.wait(Event::Readable, timeout, can_read)
    }

    /// Sleeps until [`is_writable`](Self::is_writable), or `timeout` has passed (`false` then).
    pub fn wait_writable(&self, timeout: Option<Duration>) -> bool {
        self.slot.wait(Event::Writable, timeout, can_write)
    }

    /// Sleeps until every byte and our FIN is acknowledged, the connection is over, or `timeout`
    /// has passed (`false` then).
    pub fn wait_flushed(&self, timeout: Option<Duration>) -> bool {
        self.slot.wait(Event::Writable, timeout, |inner| inner.connection.flushed())
    }

    /// Bytes of urgent data, up to its end, that were not read (RFC 9293 3.8.5, MUST-33): they are in
    /// line, and `read` gives them (RFC 6093).
    #[must_use]
    pub fn urgent_unread(&self) -> u32 {
        self.slot.lock().connection.urgent_unread()
    }

    /// Sleeps until more than `known` bytes of urgent data were not read, which may be under way
    /// still (RFC 9293 3.8.5, MUST-32), nothing will be read any more, or `timeout` has passed
    /// (`false` then).
    pub fn wait_urgent(&self, known: u32, timeout: Option<Duration>) -> bool {
        self.slot.wait(Event::Readable, timeout, |inner| {
            inner.connection.urgent_unread() > known || inner.connection.read_ended()
        })
    }

    /// Shuts down one direction or both. `NotOpen`: there is nothing to shut down any more.
    pub fn shutdown(&self, now: Instant, how: Shutdown) -> Result<(), NotOpen> {
        self.engine.act(now, &self.slot, |inner| {
            let open = inner.past.contains(Past::OPENED)
                && !matches!(inner.connection.state(), State::Closed | State::TimeWait);
            let signals = inner.connection.shutdown(now, how);
            (signals, open.then_some(()).ok_or(NotOpen))
        })
    }

    /// Lets go: CLOSE. Later calls do nothing.
    pub fn close(&self, now: Instant) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            self.engine.act(now, &self.slot, |inner| (inner.connection.close(now), ()));
        }
    }

    /// Resets the connection.
    pub fn abort(&self, now: Instant) {
        self.closed.store(true, Ordering::Release);
        self.engine.abort(now, &self.slot);
    }

    /// The error that ended the connection, told once (`SO_ERROR`).
    pub fn take_error(&self) -> Option<Error> {
        self.slot.lock().take_error()
    }

    /// A snapshot.
    #[must_use]
    pub fn info(&self, now: Instant) -> Info {
        self.slot.lock().connection.info(now)
    }
}

/// While text pours in, it is shown when it is acknowledged, or when it is worth a call: a reader
/// that ran after the packet loop would take a few segments at a time and fight it for the lock.
pub(super) fn can_read(inner: &Inner) -> bool {
    let readable = inner.connection.readable();
    let shown = readable >= CHUNK || !inner.pours();
    readable > 0 && shown || inner.connection.read_ended()
}

pub(super) fn can_write(inner: &Inner) -> bool {
    inner.connection.is_writable() || inner.connection.write_ended()
}

impl Inner {
    /// The error that ended the connection, the first time that it is asked for.
    fn take_error(&mut self) -> Option<Error> {
        if self.past.contains(Past::ERROR_TOLD) {
            return None;
        }
        let error = self.connection.error();
        self.past.set(Past::ERROR_TOLD, error.is_some());
        error
    }
}

/// Takes chunks that fit whole into `max` bytes, as many as there is room for in `chunks`; their
/// ownership is all that moves.
fn take_chunks(inner: &mut Inner, max: usize, chunks: &mut [Option<Chunk>]) -> usize {
    let mut taken = 0;
    for place in chunks {
        if taken == max {
            break;
        }
        let Some(chunk) = inner.connection.read_chunk(max - taken) else { break };
        taken += chunk.len();
        *place = Some(chunk);
    }
    taken
}

fn copy_out(chunks: &[Option<Chunk>], mut into: &mut [u8]) {
    for chunk in chunks.iter().flatten() {
        let (now, later) = into.split_at_mut(chunk.len());
        now.copy_from_slice(chunk.as_slice());
        into = later;
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        drop(self.slot.set_watcher(None));
        self.close(self.engine.last_now());
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Socket({})", self.slot.flow.flow())
    }
}
