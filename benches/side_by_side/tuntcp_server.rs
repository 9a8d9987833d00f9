//! tuntcp's server: a thread a connection, public API only.

use tuntcp::device::{self, OffloadPolicy, TunOptions};
use tuntcp::{Host, HostConfig, TcpListener};

use crate::services;
use crate::world::{ECHO, IDLE, SINK, SOURCE, STACK, say_ready};

/// Serves on `tun0` until it is killed.
pub(crate) fn run(offload: OffloadPolicy) {
    let address = "192.0.2.2/24".parse().expect("an address");
    let options = TunOptions { offload, ..TunOptions::default() };
    let mut queues = device::open("tun0", &options).expect("the harness made tun0");
    let queue = queues.pop().expect("a device has a queue at least");
    let host = Host::new(queue, HostConfig::new(vec![address])).expect("threads can be made");
    let bind = |port| TcpListener::bind(&host, (STACK, port)).expect("the port is free");
    for port in [SINK, SOURCE, ECHO] {
        let listener = bind(port);
        services::serve(port, move || listener.accept().map(|(stream, _)| stream));
    }
    let idle = bind(IDLE);
    say_ready();
    services::hold(|| idle.accept().map(|(stream, _)| stream));
}
