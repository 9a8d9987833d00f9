//! What the bodies see of a network: a server's host and a client's, on either stack.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr};
use std::process::Command;
use std::time::Duration;

use nix::libc;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{setsockopt, sockopt};
use tuntcp::device::Tun;
use tuntcp::runtime::memory_pair;

/// Where the servers are.
pub(crate) const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// Nobody answers here, and nobody says so.
pub(crate) const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 99));
/// An address of neither host.
pub(crate) const FOREIGN: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));

/// An address of IPv4 as a socket of IPv6 knows it.
pub(crate) fn mapped(addr: SocketAddr) -> SocketAddr {
    let IpAddr::V4(v4) = addr.ip() else { panic!("{addr} is none of IPv4") };
    SocketAddr::new(v4.to_ipv6_mapped().into(), addr.port())
}

/// A network with a server's host and a client's.
pub(crate) trait Net: Sized + 'static {
    type Stream: Stream;
    type Listener: Listener<Stream = Self::Stream>;

    /// `None`: it cannot be had here, and the test has to be skipped.
    fn new() -> Option<Self>;
    /// Where connections come from.
    fn client_ip(&self) -> IpAddr;
    fn bind(&self, addr: &[SocketAddr]) -> io::Result<Self::Listener>;
    fn connect(&self, addr: &[SocketAddr]) -> io::Result<Self::Stream>;
    /// To what stands for an address.
    fn connect_to(&self, addr: &str) -> io::Result<Self::Stream>;
    fn connect_timeout(&self, addr: SocketAddr, timeout: Duration) -> io::Result<Self::Stream>;

    /// A server at a free port.
    fn server(&self) -> Self::Listener {
        self.bind(&[(SERVER, 0).into()]).expect("a free port")
    }

    /// Both ends of a new connection: the client's, the server's.
    fn joined(&self) -> (Self::Stream, Self::Stream) {
        let listener = self.server();
        let client = self.connect(&[listener.local_addr().unwrap()]).expect("somebody listens");
        let (server, _) = listener.accept().expect("somebody calls");
        (client, server)
    }

    /// A port of the server's host at which nobody listens.
    fn closed_port(&self) -> SocketAddr {
        self.server().local_addr().unwrap()
    }
}

/// `TcpListener`.
pub(crate) trait Listener: Sized + Send + 'static {
    type Stream: Stream;

    fn accept(&self) -> io::Result<(Self::Stream, SocketAddr)>;
    fn incoming(&self) -> impl Iterator<Item = io::Result<Self::Stream>>;
    fn into_incoming(self) -> impl Iterator<Item = io::Result<Self::Stream>>;
    fn local_addr(&self) -> io::Result<SocketAddr>;
    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()>;
    fn take_error(&self) -> io::Result<Option<io::Error>>;
    fn try_clone(&self) -> io::Result<Self>;
    fn set_ttl(&self, ttl: u32) -> io::Result<()>;
    fn ttl(&self) -> io::Result<u32>;
    fn only_v6(&self) -> io::Result<bool>;
    fn set_only_v6(&self, only_v6: bool) -> io::Result<()>;
}

/// `TcpStream`.
pub(crate) trait Stream: Read + Write + Sized + Send + 'static {
    fn peek(&self, buf: &mut [u8]) -> io::Result<usize>;
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;
    fn try_clone(&self) -> io::Result<Self>;
    fn local_addr(&self) -> io::Result<SocketAddr>;
    fn peer_addr(&self) -> io::Result<SocketAddr>;
    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()>;
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()>;
    fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()>;
    fn read_timeout(&self) -> io::Result<Option<Duration>>;
    fn write_timeout(&self) -> io::Result<Option<Duration>>;
    fn set_nodelay(&self, nodelay: bool) -> io::Result<()>;
    fn nodelay(&self) -> io::Result<bool>;
    fn set_ttl(&self, ttl: u32) -> io::Result<()>;
    fn ttl(&self) -> io::Result<u32>;
    fn take_error(&self) -> io::Result<Option<io::Error>>;
    /// `SO_LINGER`, whole seconds.
    fn set_linger(&self, linger: Option<Duration>);
    /// Reads through a shared reference.
    fn read_shared(&self, buf: &mut [u8]) -> io::Result<usize>;
    /// Writes through a shared reference.
    fn write_shared(&self, buf: &[u8]) -> io::Result<usize>;

    /// Dropped with a RST.
    fn reset(self) {
        self.set_linger(Some(Duration::ZERO));
    }
}

/// Both stacks have the same methods; that they do is half of the test.
macro_rules! same_api {
    ($listener:ty, $stream:ty, $into_incoming:expr, $set_linger:expr) => {
        impl Listener for $listener {
            type Stream = $stream;

            fn accept(&self) -> io::Result<(Self::Stream, SocketAddr)> {
                <$listener>::accept(self)
            }
            fn incoming(&self) -> impl Iterator<Item = io::Result<Self::Stream>> {
                <$listener>::incoming(self)
            }
            fn into_incoming(self) -> impl Iterator<Item = io::Result<Self::Stream>> {
                $into_incoming(self)
            }
            fn local_addr(&self) -> io::Result<SocketAddr> {
                <$listener>::local_addr(self)
            }
            fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
                <$listener>::set_nonblocking(self, nonblocking)
            }
            fn take_error(&self) -> io::Result<Option<io::Error>> {
                <$listener>::take_error(self)
            }
            fn try_clone(&self) -> io::Result<Self> {
                <$listener>::try_clone(self)
            }
            fn set_ttl(&self, ttl: u32) -> io::Result<()> {
                <$listener>::set_ttl(self, ttl)
            }
            fn ttl(&self) -> io::Result<u32> {
                <$listener>::ttl(self)
            }
            #[allow(deprecated, reason = "std has it still")]
            fn only_v6(&self) -> io::Result<bool> {
                <$listener>::only_v6(self)
            }
            #[allow(deprecated, reason = "std has it still")]
            fn set_only_v6(&self, only_v6: bool) -> io::Result<()> {
                <$listener>::set_only_v6(self, only_v6)
            }
        }

        impl Stream for $stream {
            fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
                <$stream>::peek(self, buf)
            }
            fn shutdown(&self, how: Shutdown) -> io::Result<()> {
                <$stream>::shutdown(self, how)
            }
            fn try_clone(&self) -> io::Result<Self> {
                <$stream>::try_clone(self)
            }
            fn local_addr(&self) -> io::Result<SocketAddr> {
                <$stream>::local_addr(self)
            }
            fn peer_addr(&self) -> io::Result<SocketAddr> {
                <$stream>::peer_addr(self)
            }
            fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
                <$stream>::set_nonblocking(self, nonblocking)
            }
            fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
                <$stream>::set_read_timeout(self, timeout)
            }
            fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
                <$stream>::set_write_timeout(self, timeout)
            }
            fn read_timeout(&self) -> io::Result<Option<Duration>> {
                <$stream>::read_timeout(self)
            }
            fn write_timeout(&self) -> io::Result<Option<Duration>> {
                <$stream>::write_timeout(self)
            }
            fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
                <$stream>::set_nodelay(self, nodelay)
            }
            fn nodelay(&self) -> io::Result<bool> {
                <$stream>::nodelay(self)
            }
            fn set_ttl(&self, ttl: u32) -> io::Result<()> {
                <$stream>::set_ttl(self, ttl)
            }
            fn ttl(&self) -> io::Result<u32> {
                <$stream>::ttl(self)
            }
            fn take_error(&self) -> io::Result<Option<io::Error>> {
                <$stream>::take_error(self)
            }
            fn set_linger(&self, linger: Option<Duration>) {
                $set_linger(self, linger);
            }
            fn read_shared(&self, buf: &mut [u8]) -> io::Result<usize> {
                let mut shared = self;
                shared.read(buf)
            }
            fn write_shared(&self, buf: &[u8]) -> io::Result<usize> {
                let mut shared = self;
                shared.write(buf)
            }
        }
    };
}

// std has these two, but not on stable Rust yet.
same_api!(
    std::net::TcpListener,
    std::net::TcpStream,
    |listener: std::net::TcpListener| std::iter::repeat_with(move || Ok(listener.accept()?.0)),
    |stream: &std::net::TcpStream, linger: Option<Duration>| {
        let linger = libc::linger {
            l_onoff: linger.is_some().into(),
            l_linger: linger.map_or(0, |bound| bound.as_secs() as i32),
        };
        setsockopt(stream, sockopt::Linger, &linger).expect("SO_LINGER");
    }
);
same_api!(
    tuntcp::TcpListener,
    tuntcp::TcpStream,
    tuntcp::TcpListener::into_incoming,
    |stream: &tuntcp::TcpStream, linger| stream.set_linger(linger).expect("SO_LINGER")
);

/// Linux, in a namespace of the calling thread: both hosts are one, at the server's address.
pub(crate) struct Kernel {
    /// The network around the host, where nobody is: what the kernel sends there is not read.
    _around: Tun,
}

impl Net for Kernel {
    type Stream = std::net::TcpStream;
    type Listener = std::net::TcpListener;

    fn new() -> Option<Self> {
        if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
            let demanded = std::env::var("CI").is_ok_and(|value| value == "true");
            assert!(!demanded, "no network namespace ({error}), and CI=true forbids to skip this");
            println!("skipped: no network namespace ({error}); run it as root");
            return None;
        }
        let up = Command::new("ip").args(["link", "set", "lo", "up"]).status().expect("iproute2");
        assert!(up.success(), "ip link set lo up: {up}");
        let mut around = Tun::create("tun0").expect("a TUN in a namespace of our own");
        around.configure("192.0.2.1/24".parse().unwrap(), None).expect("our own interface");
        Some(Self { _around: around })
    }

    fn client_ip(&self) -> IpAddr {
        SERVER
    }

    fn bind(&self, addr: &[SocketAddr]) -> io::Result<Self::Listener> {
        std::net::TcpListener::bind(addr)
    }

    fn connect(&self, addr: &[SocketAddr]) -> io::Result<Self::Stream> {
        std::net::TcpStream::connect(addr)
    }

    fn connect_to(&self, addr: &str) -> io::Result<Self::Stream> {
        std::net::TcpStream::connect(addr)
    }

    fn connect_timeout(&self, addr: SocketAddr, timeout: Duration) -> io::Result<Self::Stream> {
        std::net::TcpStream::connect_timeout(&addr, timeout)
    }
}

/// Two hosts of ours with a wire between them.
pub(crate) struct Tuntcp {
    pub(crate) server: tuntcp::Host,
    pub(crate) client: tuntcp::Host,
}

impl Net for Tuntcp {
    type Stream = tuntcp::TcpStream;
    type Listener = tuntcp::TcpListener;

    fn new() -> Option<Self> {
        let (server, client) = memory_pair().expect("two hosts");
        Some(Self { server, client })
    }

    fn client_ip(&self) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, 2).into()
    }

    fn bind(&self, addr: &[SocketAddr]) -> io::Result<Self::Listener> {
        tuntcp::TcpListener::bind(&self.server, addr)
    }

    fn connect(&self, addr: &[SocketAddr]) -> io::Result<Self::Stream> {
        tuntcp::TcpStream::connect(&self.client, addr)
    }

    fn connect_to(&self, addr: &str) -> io::Result<Self::Stream> {
        tuntcp::TcpStream::connect(&self.client, addr)
    }

    fn connect_timeout(&self, addr: SocketAddr, timeout: Duration) -> io::Result<Self::Stream> {
        tuntcp::TcpStream::connect_timeout(&self.client, &addr, timeout)
    }
}
