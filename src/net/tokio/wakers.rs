//! Which tasks wait for a socket?

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::engine::{Readiness, Watched, Watcher};
use crate::net::ready;
use crate::net::source::Source;

/// The tasks that wait for one socket.
pub(super) struct Wakers {
    socket: Arc<dyn Watched>,
    state: Mutex<State>,
}

struct State {
    waiting: Vec<Waiting>,
    /// The next ticket's.
    next: u64,
}

/// A task that waits.
struct Waiting {
    key: u64,
    until: Readiness,
    waker: Waker,
}

/// The task that polls for something to read, or the one that polls for room to write: the last of
/// each, as the contract of `poll_read` and `poll_write` is.
const POLLS: u64 = 8;

impl Wakers {
    /// For the tasks that will wait for `source`, which nobody else watches.
    pub(super) fn watch(source: &impl Source) -> io::Result<Arc<Self>> {
        let state = State { waiting: Vec::new(), next: POLLS };
        let wakers = Arc::new(Self { socket: source.watched(), state: Mutex::new(state) });
        ready::watch(&*wakers.socket, wakers.clone())?;
        Ok(wakers)
    }

    /// What `call` says, once that is not `WouldBlock`; before it waits for `until`.
    pub(super) fn poll<T>(
        &self,
        cx: &Context<'_>,
        until: Readiness,
        call: impl FnMut() -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        self.poll_as(until.bits().into(), cx, until, call)
    }

    /// The same for one of any number of tasks.
    pub(super) async fn call<T>(
        &self,
        until: Readiness,
        mut call: impl FnMut() -> io::Result<T>,
    ) -> io::Result<T> {
        let ticket = self.ticket();
        poll_fn(|cx| self.poll_as(ticket.key, cx, until, &mut call)).await
    }

    fn poll_as<T>(
        &self,
        key: u64,
        cx: &Context<'_>,
        until: Readiness,
        mut call: impl FnMut() -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        match call() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            other => return Poll::Ready(other),
        }
        self.note(key, until, cx.waker());
        // What has come in between was told to nobody.
        match call() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
            other => Poll::Ready(other),
        }
    }

    fn note(&self, key: u64, until: Readiness, waker: &Waker) {
        let mut state = self.lock();
        match state.waiting.iter_mut().find(|waiting| waiting.key == key) {
            Some(waiting) => waiting.waker.clone_from(waker),
            None => state.waiting.push(Waiting { key, until, waker: waker.clone() }),
        }
    }

    fn ticket(&self) -> Ticket<'_> {
        let mut state = self.lock();
        state.next += 1;
        Ticket { wakers: self, key: state.next }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher for Wakers {
    fn notify(&self) {
        let ready = self.socket.readiness();
        let mut state = self.lock();
        let has_come = |waiting: &mut Waiting| ready.intersects(waiting.until);
        let woken: Vec<Waiting> = state.waiting.extract_if(.., has_come).collect();
        drop(state);
        woken.into_iter().for_each(|waiting| waiting.waker.wake());
    }
}

/// A task may wait by this; dropped, it waits no more, whatever became of it.
struct Ticket<'a> {
    wakers: &'a Wakers,
    key: u64,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut state = self.wakers.lock();
        let its = |waiting: &mut Waiting| waiting.key == self.key;
        let waiting: Vec<Waiting> = state.waiting.extract_if(.., its).collect();
        // The waker's own drop is none of this lock's business.
        drop(state);
        drop(waiting);
    }
}
