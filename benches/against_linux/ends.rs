//! The two kinds of ends: Linux's TCP in a namespace of its own, and a `Host` of ours.
//!
//! Linux's frames leave and come through the TUN of its namespace. A TUN's other end is a descriptor,
//! which the shuttle holds; so ours, whose place is at a descriptor too, has none between itself and
//! the shuttle, but a pair of devices in memory. Each stack so is one hop away from the path, a hop
//! that has room for thousands of frames and adds neither delay nor loss. (A TUN for ours as well
//! would have taken the kernel's forwarding between two TUNs, a hop that Linux's end does not have.)

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{self, Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use nix::libc::linger;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{Linger, TcpCongestion};

use tuntcp::device::{Device, Tun, memory};
use tuntcp::tcp::congestion::Algorithm;
use tuntcp::trace::Dropped;
use tuntcp::{Host, HostConfig, TcpListener, TcpStream};

use crate::Failure;
use crate::shared::{enter_namespace, make_tun};

/// Whose TCP it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The kernel's.
    Linux,
    /// `tuntcp`.
    Ours,
}

/// How long a step of setting up may take.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How long a read or a write waits before its caller looks at the time.
const GLANCE: Duration = Duration::from_millis(20);

const MTU: usize = 1500;

/// What the kernel tunes its buffers between: its own defaults since Linux 6.17, least, first and
/// greatest, bytes. Ours has its own.
const BUFFERS: [(&str, &str); 2] =
    [("tcp_rmem", "4096 131072 33554432"), ("tcp_wmem", "4096 16384 4194304")];

/// An end: a stack at an address. Linux's is used by the thread that made it, and by no other.
pub enum End {
    /// In the namespace of this thread, to which only sockets may tell any algorithm.
    Linux {
        /// Of the connections that it opens.
        algorithm: String,
    },
    /// A host of ours.
    Ours(Host),
}

impl End {
    /// An end at `address`, in 192.0.2.0/24, and the device by which its frames come and go. An
    /// algorithm that ours does not know is left at the default: it may receive from one that does.
    pub fn new(
        kind: Kind,
        address: Ipv4Addr,
        algorithm: &str,
    ) -> Result<(Self, Box<dyn Device>), Failure> {
        if kind == Kind::Linux {
            enter_namespace();
            make_tun(&format!("{address}/24"), MTU, false);
            for (name, value) in BUFFERS {
                set(name, value)?;
            }
            // What a socket begins with, before it is told what to do: the machine's default might
            // leave traces, such as pacing.
            set("tcp_congestion_control", "reno")?;
            let algorithm = algorithm.to_owned();
            return Ok((Self::Linux { algorithm }, Box::new(Tun::open("tun0")?)));
        }
        let (near, far) = memory::pair(MTU);
        let mut config = HostConfig::new(vec![format!("{address}/24").parse()?]);
        config.tcp.congestion = algorithm.parse().unwrap_or_default();
        let mut host = Host::new(Box::new(near), config)?;
        // What a transfer that is over has not delivered is of no interest.
        host.set_drain(Duration::ZERO);
        Ok((Self::Ours(host), Box::new(far)))
    }

    /// A connection to `to`.
    pub fn connect(&self, to: SocketAddr) -> io::Result<Stream> {
        let stream = match self {
            Self::Linux { algorithm } => {
                let stream = net::TcpStream::connect_timeout(&to, PATIENCE)?;
                setsockopt(&stream, TcpCongestion, &OsString::from(algorithm))?;
                Stream::Linux(stream)
            }
            Self::Ours(host) => Stream::Ours(TcpStream::connect_timeout(host, &to, PATIENCE)?),
        };
        stream.prepare()
    }

    /// Listens at `at`.
    pub fn listen(&self, at: SocketAddr) -> io::Result<Listener> {
        let listener = match self {
            Self::Linux { .. } => Listener::Linux(net::TcpListener::bind(at)?),
            Self::Ours(host) => Listener::Ours(TcpListener::bind(host, at)?),
        };
        match &listener {
            Listener::Linux(listener) => listener.set_nonblocking(true)?,
            Listener::Ours(listener) => listener.set_nonblocking(true)?,
        }
        Ok(listener)
    }

    /// Frames that this end had for the shuttle and could not hand over: they are no part of the path.
    pub fn dropped(&self) -> Result<u64, Failure> {
        match self {
            Self::Linux { .. } => dropped_by_tun(),
            Self::Ours(host) => Ok(host.engine().counters().dropped(Dropped::DeviceBusy)),
        }
    }

    /// Retransmission time-outs so far: of all its connections where the kernel counts, of `stream`
    /// where we do.
    pub fn timeouts(&self, stream: &Stream) -> Result<u64, Failure> {
        match stream {
            Stream::Linux(_) => kernel_timeouts(),
            Stream::Ours(stream) => Ok(stream.info().rto_expirations.into()),
        }
    }
}

/// Waits for connections.
pub enum Listener {
    /// Of the kernel's.
    Linux(net::TcpListener),
    /// Of ours.
    Ours(TcpListener),
}

impl Listener {
    /// The first connection. It is looked for every millisecond, for std's listener has no time-out.
    pub fn accept(&self) -> io::Result<Stream> {
        let begun = Instant::now();
        loop {
            let stream = match self {
                Self::Linux(listener) => listener.accept().map(|(one, _)| Stream::Linux(one)),
                Self::Ours(listener) => listener.accept().map(|(one, _)| Stream::Ours(one)),
            };
            match stream {
                Ok(stream) => return stream.prepare(),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                Err(_) if begun.elapsed() > PATIENCE => return Err(io::ErrorKind::TimedOut.into()),
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        }
    }
}

/// A connection. Reads and writes give up after a moment, with `WouldBlock` or `TimedOut`.
pub enum Stream {
    /// Of the kernel's.
    Linux(net::TcpStream),
    /// Of ours.
    Ours(TcpStream),
}

impl Stream {
    fn prepare(self) -> io::Result<Self> {
        match &self {
            Self::Linux(stream) => {
                stream.set_nonblocking(false)?;
                stream.set_read_timeout(Some(GLANCE))?;
                stream.set_write_timeout(Some(GLANCE))?;
                // The namespace goes when the last connection in it has gone.
                setsockopt(stream, Linger, &linger { l_onoff: 1, l_linger: 0 })?;
            }
            Self::Ours(stream) => {
                stream.set_nonblocking(false)?;
                stream.set_read_timeout(Some(GLANCE))?;
                stream.set_write_timeout(Some(GLANCE))?;
            }
        }
        Ok(self)
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Linux(stream) => stream.read(buf),
            Self::Ours(stream) => stream.read(buf),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Linux(stream) => stream.write(buf),
            Self::Ours(stream) => stream.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a stack knows the algorithm, or what it knows.
pub fn knows(kind: Kind, algorithm: &str) -> Result<(), Failure> {
    if kind == Kind::Ours {
        algorithm.parse::<Algorithm>()?;
        return Ok(());
    }
    let known = fs::read_to_string("/proc/sys/net/ipv4/tcp_available_congestion_control")?;
    if !known.split_whitespace().any(|name| name == algorithm) {
        return Err(format!("the kernel has {} only", known.trim()).into());
    }
    Ok(())
}

/// A setting of the namespace of this thread.
fn set(name: &str, value: &str) -> Result<(), Failure> {
    let path = format!("/proc/sys/net/ipv4/{name}");
    fs::write(&path, value).map_err(|error| format!("{path} = {value}: {error}").into())
}

fn dropped_by_tun() -> Result<u64, Failure> {
    let text = fs::read_to_string("/proc/thread-self/net/dev")?;
    let line = text.lines().find_map(|line| line.trim().strip_prefix("tun0:"));
    // Eight figures of what was received, then bytes, packets, errors and drops of what was sent.
    let figure = line.and_then(|line| line.split_whitespace().nth(11)?.parse().ok());
    figure.ok_or_else(|| "the kernel does not tell what tun0 has dropped".into())
}

fn kernel_timeouts() -> Result<u64, Failure> {
    let text = fs::read_to_string("/proc/thread-self/net/netstat")?;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("TcpExt: "));
    let (names, figures) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    let mut both = names.split_whitespace().zip(figures.split_whitespace());
    let figure = both.find(|(name, _)| *name == "TCPTimeouts").and_then(|(_, n)| n.parse().ok());
    figure.ok_or_else(|| "the kernel does not count time-outs".into())
}
