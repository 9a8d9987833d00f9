//! The kernel's TCP as a contender, in a second namespace that this process makes.
//!
//! Over TUNs its frames are shuttled as they are by two threads, one each way, that do nothing else:
//! what the device costs even a perfect stack. Over veth there is no device to pay for.
//!
//! ```text
//!   client ── kernel ── tun0 ── thread each way ── tun0 ── kernel ── server
//!             namespace of the harness             namespace of this process
//! ```

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsFd;
use std::sync::mpsc;
use std::thread;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::gettid;

use crate::services;
use crate::shared::{ip, make_tun};
use crate::tun::{self, MAX_FRAME, VNET_HDR};
use crate::world::{ECHO, IDLE, SINK, SOURCE, say_ready};

/// Serves behind two TUNs until it is killed.
pub(crate) fn run_shuttled(offload: bool) {
    let near = tun::open(offload).expect("the harness made tun0");
    let mtu = tun::mtu();
    unshare(CloneFlags::CLONE_NEWNET).expect("a namespace can be made");
    make_tun("192.0.2.2/24", mtu, false);
    let far = tun::open(offload).expect("it was just made");
    let again = |file: &File| file.try_clone().expect("a descriptor can be cloned");
    let (from_near, to_far) = (again(&near), again(&far));
    thread::spawn(move || shuttle(from_near, to_far));
    thread::spawn(move || shuttle(far, near));
    serve();
}

/// Serves behind a pair of veth until it is killed.
pub(crate) fn run_veth(mtu: usize) {
    ip(&format!("link add veth0 mtu {mtu} type veth peer name veth1 mtu {mtu}"));
    ip("address add 192.0.2.1/24 dev veth0");
    ip("link set dev veth0 up");
    let (tell, told) = mpsc::channel();
    let (moved, wait) = mpsc::channel();
    let server = thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).expect("a namespace can be made");
        tell.send(gettid()).expect("somebody listens");
        wait.recv().expect("the other end is moved here");
        ip("link set dev lo up");
        ip("address add 192.0.2.2/24 dev veth1");
        ip("link set dev veth1 up");
        serve();
    });
    let there = told.recv().expect("the thread tells");
    ip(&format!("link set veth1 netns {there}"));
    moved.send(()).expect("the thread waits");
    server.join().expect("the server is well");
}

/// Frames of one device to the other, for ever.
fn shuttle(mut from: File, mut to: File) {
    let mut frame = vec![0; VNET_HDR + MAX_FRAME];
    loop {
        let count = match from.read(&mut frame) {
            Ok(count) => count,
            // It is not up yet.
            Err(_) => {
                let mut fds = [PollFd::new(from.as_fd(), PollFlags::POLLIN)];
                let _ = poll(&mut fds, PollTimeout::from(10_u16));
                continue;
            }
        };
        // What a device does not take is lost, as on any wire.
        let _ = to.write(&frame[..count]);
    }
}

fn serve() {
    let bind = |port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).expect("the port is free");
    for port in [SINK, SOURCE, ECHO] {
        let listener = bind(port);
        services::serve(port, move || listener.accept().map(|(stream, _)| stream));
    }
    let idle = bind(IDLE);
    say_ready();
    services::hold(|| idle.accept().map(|(stream, _)| stream));
}
