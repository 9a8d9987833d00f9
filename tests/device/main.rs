//! The devices: one contract that all of them keep, and what each has of its own.

mod capture;
mod contract;
mod impair_spec;
mod impaired;
mod impairment;
mod memory;
mod queueing;
mod tun;
mod tun_queue;
