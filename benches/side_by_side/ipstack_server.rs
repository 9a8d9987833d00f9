//! ipstack's server, with the settings of its own example.

use std::time::Duration;

use ipstack::{IpStack, IpStackConfig, IpStackStream, TcpConfig, TcpOptions};

use crate::async_services::{runtime, serve};
use crate::async_tun::AsyncTun;
use crate::tun;
use crate::world::say_ready;

/// Headers of IPv4 and TCP, bytes.
const HEADERS: u16 = 40;

/// Serves on `tun0` until it is killed.
pub(crate) fn run() {
    let mtu = u16::try_from(tun::mtu()).expect("an MTU is a small number");
    runtime().block_on(async {
        let mut tcp = TcpConfig::default();
        tcp.options = Some(vec![TcpOptions::MaximumSegmentSize(mtu - HEADERS)]);
        tcp.max_unacked_bytes = 256 << 10;
        // Twice the length of any measure: what is idle for longer it ends.
        tcp.timeout = Duration::from_secs(240);
        let mut config = IpStackConfig::default();
        config.mtu(mtu).expect("it takes this MTU").with_tcp_config(tcp);
        let mut stack = IpStack::new(config, AsyncTun::open());
        say_ready();
        while let Ok(stream) = stack.accept().await {
            if let IpStackStream::Tcp(stream) = stream {
                serve(stream.peer_addr().port(), stream);
            }
        }
    });
}
