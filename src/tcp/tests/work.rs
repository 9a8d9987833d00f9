//! How often the scoreboard looks at one of its records.

use std::cell::Cell;

thread_local! {
    static NOTED: Cell<u64> = const { Cell::new(0) };
}

pub(in crate::tcp) fn note() {
    NOTED.set(NOTED.get() + 1);
}

/// How often since this thread began.
pub(in crate::tcp) fn noted() -> u64 {
    NOTED.get()
}
