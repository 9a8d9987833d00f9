//! The devices: one contract that all of them keep, and what each has of its own.

mod contract;
mod memory;
mod tun;
