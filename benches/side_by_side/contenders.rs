//! Who is measured.

use tuntcp::device::OffloadPolicy;

use crate::{ipstack_server, kernel_server, netstack_server, smoltcp_server, tuntcp_server};

/// A stack under test, over one device.
pub(crate) struct Contender {
    /// Its name, which `server NAME` starts.
    pub(crate) name: &'static str,
    /// What brings its frames.
    pub(crate) path: Path,
    /// Of several that differ in their buffers, the one that is measured where buffers matter little.
    pub(crate) typical: bool,
    /// Serves until killed.
    pub(crate) serve: fn(&Order),
}

/// What brings the frames of a contender to the client's kernel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    /// A TUN.
    Tun,
    /// A TUN with several queues.
    Queues,
    /// A pair of veth that the server makes.
    Veth,
}

/// What a server is told.
pub(crate) struct Order {
    /// Bytes; a TUN that is there has it already.
    pub(crate) mtu: usize,
    /// So many idle connections are to come.
    pub(crate) idle: usize,
}

/// Everybody, a line each.
pub(crate) static CONTENDERS: &[Contender] = &[
    over_tun("tuntcp-offload", |_| tuntcp_server::run(OffloadPolicy::Auto, 1)),
    over_tun("tuntcp-plain", |_| tuntcp_server::run(OffloadPolicy::Off, 1)),
    Contender {
        path: Path::Queues,
        ..over_tun("tuntcp-2-queues", |_| tuntcp_server::run(OffloadPolicy::Auto, 2))
    },
    over_tun("smoltcp-256", |order| smoltcp_server::run(256, order.idle)),
    variant("smoltcp-64", |order| smoltcp_server::run(64, order.idle)),
    variant("smoltcp-1024", |order| smoltcp_server::run(1024, order.idle)),
    over_tun("smoltcp-offload-1024", |order| smoltcp_server::run_offload(1024, order.idle)),
    variant("smoltcp-offload-256", |order| smoltcp_server::run_offload(256, order.idle)),
    over_tun("ipstack", |_| ipstack_server::run()),
    over_tun("netstack-smoltcp", |_| netstack_server::run()),
    over_tun("netstack-smoltcp-tun-rs", |_| netstack_server::run_offload()),
    over_tun("kernel-plain", |_| kernel_server::run_shuttled(false)),
    over_tun("kernel-offload", |_| kernel_server::run_shuttled(true)),
    Contender {
        path: Path::Veth,
        ..over_tun("kernel-veth", |order| kernel_server::run_veth(order.mtu))
    },
];

const fn over_tun(name: &'static str, serve: fn(&Order)) -> Contender {
    Contender { name, path: Path::Tun, typical: true, serve }
}

/// One that differs from its neighbour in its buffers only.
const fn variant(name: &'static str, serve: fn(&Order)) -> Contender {
    Contender { typical: false, ..over_tun(name, serve) }
}

impl Contender {
    /// Whether the kernel's TCP serves.
    pub(crate) fn is_kernel(&self) -> bool {
        self.name.starts_with("kernel-")
    }
}
