//! SIGINT and SIGTERM: whoever ends a command gets a proper end.

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

    /// Calls `then` in a thread of its own when the first of them comes.
    pub(crate) fn on_first(
        self,
        then: impl FnOnce(Signal) + Send + 'static,
    ) -> Result<(), Failure> {
        thread::Builder::new().name("signals".into()).spawn(move || {
            if let Ok(signal) = self.0.wait() {
                then(signal);
            }
        })?;
        Ok(())
    }
}

/// The exit status of a command that a signal has ended, as shells count.
pub(crate) fn exit_status(signal: Signal) -> i32 {
    128 + signal as i32
}
