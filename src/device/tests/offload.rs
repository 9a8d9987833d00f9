//! What happens when the kernel will not cut: seen in what arrives at the kernel's end.

use std::io::IoSlice;
use std::num::NonZeroU16;
use std::process::Command;
use std::sync::atomic::Ordering;

use nix::sched::{CloneFlags, unshare};

use super::TunQueue;
use crate::device::{Device, Offload};
use crate::time::Instant;
use crate::wire::{Flow, IpFields, Segment, emit_tcp_unsummed};

/// Packets, and TCP segments with a wrong checksum, that the kernel has counted.
fn counted() -> (u64, u64) {
    let column = |file: &str, row: &str, column: usize| {
        let text = std::fs::read_to_string(format!("/proc/thread-self/net/{file}")).unwrap();
        let row = text.lines().rfind(|line| line.trim_start().starts_with(row)).unwrap();
        row.split_whitespace().nth(column).unwrap().parse().unwrap()
    };
    (column("dev", "tun0:", 2), column("snmp", "Tcp:", 15))
}

#[test]
fn a_kernel_that_refuses_gets_plain_packets() {
    if unshare(CloneFlags::CLONE_NEWNET).is_err() {
        // tests/device/ insists on it where it must not be skipped.
        return;
    }
    for arguments in
        ["tuntap add dev tun0 mode tun", "address add 192.0.2.1/24 dev tun0", "link set tun0 up"]
    {
        assert!(Command::new("ip").args(arguments.split(' ')).status().unwrap().success());
    }
    let queue = TunQueue::open("tun0", 1, true).unwrap().pop().unwrap();
    let flow =
        Flow { local: "192.0.2.2:7".parse().unwrap(), remote: "192.0.2.1:4000".parse().unwrap() };
    let mut frame = Vec::new();
    emit_tcp_unsummed(&mut frame, &flow, &IpFields::default(), &Segment::default(), 4500, |_| {});
    let offload = Offload::Tcp { segment: NonZeroU16::new(1000).unwrap() };
    let before = counted();
    queue.transmit(Instant::ZERO, &frame, offload).unwrap();
    assert_eq!(counted(), (before.0 + 1, before.1), "one frame, whose checksum nobody looks at");
    queue.refused.store(true, Ordering::Relaxed);
    queue.transmit(Instant::ZERO, &frame, offload).unwrap();
    assert_eq!(counted(), (before.0 + 6, before.1), "five more, their checksums right");
    let (head, text) = frame.split_at(40);
    let parts: Vec<_> = std::iter::once(head).chain(text.chunks(300)).map(IoSlice::new).collect();
    assert!(parts.len() > super::MOST_PARTS + 1);
    queue.transmit_parts(Instant::ZERO, &parts, offload).unwrap();
    assert_eq!(counted(), (before.0 + 11, before.1), "in however many parts it comes");
    queue.refused.store(false, Ordering::Relaxed);
    queue.transmit_parts(Instant::ZERO, &parts, offload).unwrap();
    queue.transmit_parts(Instant::ZERO, &[head, text].map(IoSlice::new), offload).unwrap();
    assert_eq!(counted(), (before.0 + 13, before.1));
}
