//! tuntcp's server: a thread a connection, public API only.

use tuntcp::{Host, TcpListener};

use crate::services;
use crate::world::{ECHO, IDLE, SINK, SOURCE, STACK, say_ready};

/// Serves on `tun0` until it is killed.
pub(crate) fn run() {
    let address = "192.0.2.2/24".parse().expect("an address");
    let host = Host::open("tun0", address).expect("the harness made tun0");
    let bind = |port| TcpListener::bind(&host, (STACK, port)).expect("the port is free");
    for port in [SINK, SOURCE, ECHO] {
        let listener = bind(port);
        services::serve(port, move || listener.accept().map(|(stream, _)| stream));
    }
    let idle = bind(IDLE);
    say_ready();
    services::hold(|| idle.accept().map(|(stream, _)| stream));
}
