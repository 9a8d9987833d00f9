//! tuntcp's server: a thread a connection, public API only.

use tuntcp::device::{self, OffloadPolicy, TunOptions};
use tuntcp::{Host, HostConfig, TcpListener};

use crate::services;
use crate::world::{ECHO, IDLE, SINK, SOURCE, STACK, say_ready};

/// Serves on `tun0`, with so many queues, until it is killed.
pub(crate) fn run(offload: OffloadPolicy, queues: usize) {
    let address = "192.0.2.2/24".parse().expect("an address");
    let options = TunOptions { offload, queues };
    let queues = device::open("tun0", &options).expect("the harness made tun0");
    let host = Host::with_queues(queues, HostConfig::new(vec![address]));
    let host = host.expect("threads can be made");
    let bind = |port| TcpListener::bind(&host, (STACK, port)).expect("the port is free");
    for port in [SINK, SOURCE, ECHO] {
        let listener = bind(port);
        services::serve(port, move || listener.accept().map(|(stream, _)| stream));
    }
    let idle = bind(IDLE);
    say_ready();
    services::hold(|| idle.accept().map(|(stream, _)| stream));
}
