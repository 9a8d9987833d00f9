//! SIGINT and SIGTERM: whoever ends a command gets a proper end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use nix::sys::signal::{SigSet, Signal};

use crate::Failure;

/// The signals, kept back until somebody waits for them.
pub(crate) struct Signals(SigSet);

impl Signals {
    /// Keeps SIGINT and SIGTERM from ending the process. To be called before other threads start,
    /// so that none of them gets the signal instead.
    pub(crate) fn block() -> Result<Self, Failure> {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGINT);
        signals.add(Signal::SIGTERM);
        signals.thread_block()?;
        Ok(Self(signals))
    }

    /// Calls `then` in a thread of its own when the first of them comes. Whoever holds what this returns
    /// does not end by himself once it has come, as with an error that only `then` has caused.
    pub(crate) fn on_first(
        self,
        then: impl FnOnce(Signal) + Send + 'static,
    ) -> Result<Precedence, Failure> {
        let precedence = Precedence(Arc::default());
        let ending = Arc::clone(&precedence.0);
        thread::Builder::new().name("signals".into()).spawn(move || {
            if let Ok(signal) = self.0.wait() {
                let _ending = lock(&ending);
                then(signal);
            }
        })?;
        Ok(precedence)
    }
}

/// When it is dropped, an end that a signal has begun goes first.
pub(crate) struct Precedence(Arc<Mutex<()>>);

impl Drop for Precedence {
    fn drop(&mut self) {
        drop(lock(&self.0));
    }
}

fn lock(ending: &Mutex<()>) -> MutexGuard<'_, ()> {
    ending.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The exit status of a command that a signal has ended, as shells count.
pub(crate) fn exit_status(signal: Signal) -> i32 {
    128 + signal as i32
}
