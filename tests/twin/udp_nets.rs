//! What the bodies see of datagrams, on either stack.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::nets::{Kernel, Net, SERVER, Tuntcp};

/// A network whose hosts have UDP.
pub(crate) trait Datagrams: Net {
    type Udp: Udp;

    /// A socket of the server's host.
    fn bind_udp(&self, addr: &[SocketAddr]) -> io::Result<Self::Udp>;
    /// A socket of the client's host.
    fn bind_client(&self, addr: &[SocketAddr]) -> io::Result<Self::Udp>;

    /// One at the server's address and a free port, and where that is.
    fn udp_server(&self) -> (Self::Udp, SocketAddr) {
        let server = self.bind_udp(&[(SERVER, 0).into()]).expect("a free port");
        let addr = server.local_addr().expect("it is bound");
        (server, addr)
    }

    /// The same of the client's.
    fn udp_client(&self) -> (Self::Udp, SocketAddr) {
        let client = self.bind_client(&[(self.client_ip(), 0).into()]).expect("a free port");
        let addr = client.local_addr().expect("it is bound");
        (client, addr)
    }

    /// A port of the server's host at which nobody is.
    fn closed_udp_port(&self) -> SocketAddr {
        self.udp_server().1
    }
}

/// `UdpSocket`: both stacks have the same methods; that they do is half of the test.
macro_rules! same_methods {
    ($(fn $name:ident(&self $(, $argument:ident: $type:ty)*) -> $result:ty;)*) => {
        pub(crate) trait Udp: Sized + Send + 'static {
            $(fn $name(&self $(, $argument: $type)*) -> $result;)*
        }

        impl Udp for std::net::UdpSocket {
            $(fn $name(&self $(, $argument: $type)*) -> $result {
                std::net::UdpSocket::$name(self $(, $argument)*)
            })*
        }

        impl Udp for tuntcp::UdpSocket {
            $(fn $name(&self $(, $argument: $type)*) -> $result {
                tuntcp::UdpSocket::$name(self $(, $argument)*)
            })*
        }
    };
}

same_methods! {
    fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)>;
    fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)>;
    fn send_to(&self, buf: &[u8], addr: &[SocketAddr]) -> io::Result<usize>;
    fn recv(&self, buf: &mut [u8]) -> io::Result<usize>;
    fn peek(&self, buf: &mut [u8]) -> io::Result<usize>;
    fn send(&self, buf: &[u8]) -> io::Result<usize>;
    fn connect(&self, addr: &[SocketAddr]) -> io::Result<()>;
    fn peer_addr(&self) -> io::Result<SocketAddr>;
    fn local_addr(&self) -> io::Result<SocketAddr>;
    fn try_clone(&self) -> io::Result<Self>;
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()>;
    fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()>;
    fn read_timeout(&self) -> io::Result<Option<Duration>>;
    fn write_timeout(&self) -> io::Result<Option<Duration>>;
    fn set_broadcast(&self, broadcast: bool) -> io::Result<()>;
    fn broadcast(&self) -> io::Result<bool>;
    fn set_multicast_loop_v4(&self, looped: bool) -> io::Result<()>;
    fn multicast_loop_v4(&self) -> io::Result<bool>;
    fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()>;
    fn multicast_ttl_v4(&self) -> io::Result<u32>;
    fn set_multicast_loop_v6(&self, looped: bool) -> io::Result<()>;
    fn multicast_loop_v6(&self) -> io::Result<bool>;
    fn set_ttl(&self, ttl: u32) -> io::Result<()>;
    fn ttl(&self) -> io::Result<u32>;
    fn join_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()>;
    fn leave_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()>;
    fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()>;
    fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()>;
    fn take_error(&self) -> io::Result<Option<io::Error>>;
    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()>;
}

impl Datagrams for Kernel {
    type Udp = std::net::UdpSocket;

    fn bind_udp(&self, addr: &[SocketAddr]) -> io::Result<Self::Udp> {
        std::net::UdpSocket::bind(addr)
    }

    fn bind_client(&self, addr: &[SocketAddr]) -> io::Result<Self::Udp> {
        std::net::UdpSocket::bind(addr)
    }
}

impl Datagrams for Tuntcp {
    type Udp = tuntcp::UdpSocket;

    fn bind_udp(&self, addr: &[SocketAddr]) -> io::Result<Self::Udp> {
        tuntcp::UdpSocket::bind(&self.server, addr)
    }

    fn bind_client(&self, addr: &[SocketAddr]) -> io::Result<Self::Udp> {
        tuntcp::UdpSocket::bind(&self.client, addr)
    }
}
