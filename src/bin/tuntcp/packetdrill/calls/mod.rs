//! The system calls, by what they are about.

mod io;
mod lifecycle;
mod options;
mod poll;
