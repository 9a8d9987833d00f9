//! One test body, two stacks: what `std::net` does on Linux is what our API must do.
//!
//! Each body is written once against [`Net`] and runs twice: on `std::net`, in a network namespace
//! of its own, and on two of our hosts, joined in memory. A body that fails on `std::net` is wrong
//! about Linux; one that fails only on ours has found a difference.

mod nets;
mod udp_nets;

mod closing;
mod datagram_options;
mod datagrams;
mod listening;
mod opening;
mod options;
mod reading;
mod writing;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use nets::Net;

/// No body takes nearly as long: this turns a hang into a failure.
const HANG: Duration = Duration::from_secs(60);

/// Runs `body` on a network of its own, in a thread of its own: a namespace is a thread's.
fn run<N: Net>(body: fn(&N)) {
    let (done, finished) = mpsc::channel();
    let thread = thread::spawn(move || {
        if let Some(net) = N::new() {
            body(&net);
        }
        let _ = done.send(());
    });
    match finished.recv_timeout(HANG) {
        Err(RecvTimeoutError::Timeout) => panic!("the body hangs"),
        Ok(()) | Err(RecvTimeoutError::Disconnected) => {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

/// Waits for what has no call that could wait for it.
#[track_caller]
fn eventually<T>(what: &str, mut poll: impl FnMut() -> Option<T>) -> T {
    let patience = std::time::Duration::from_secs(30);
    let (tick, ticks) = (Duration::from_millis(1), patience.as_millis());
    for _ in 0..ticks {
        if let Some(value) = poll() {
            return value;
        }
        thread::park_timeout(tick);
    }
    panic!("never happened: {what}");
}

/// A test for each stack of each body named.
macro_rules! twins {
    ($($body:ident)*) => {
        $(mod $body {
            #[test]
            fn std_net() {
                crate::run::<crate::nets::Kernel>(super::super::$body);
            }

            #[test]
            fn tuntcp() {
                crate::run::<crate::nets::Tuntcp>(super::super::$body);
            }
        })*
    };
}
pub(crate) use twins;
