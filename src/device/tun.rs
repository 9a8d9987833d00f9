//! A TUN interface of the kernel: each read and each write is one IP packet.
//!
//! This is the plain path, one packet a system call. It sets neither `IFF_VNET_HDR` nor
//! `IFF_MULTI_QUEUE`, and never calls `TUNSETOFFLOAD`: the kernel would accept it and then hand over
//! packets with half a checksum and no header to say so.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use ipnet::Ipv4Net;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;
use tun_tap::{Iface, Mode};

use super::interface::Interface;
use super::tun_error::TunError;
use super::{Capabilities, Device, Offload, Received, refuse_length};
use crate::time::Instant;

const DRIVER: &str = "/dev/net/tun";

/// How often, and how many times at the most, an interface is asked whether it carries packets.
const LOOK: Duration = Duration::from_millis(1);
const SETTLING: u32 = 500;

/// A TUN interface.
///
/// ```no_run
/// use tuntcp::device::{Device, Tun};
///
/// let tun = Tun::open("tun0")?;
/// println!("packets of up to {} bytes", tun.capabilities().mtu);
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct Tun {
    tun: Iface,
    interface: Interface,
    mtu: usize,
    woken: EventFd,
}

impl Tun {
    /// Opens the interface `name`, which must exist in the calling thread's network namespace.
    ///
    /// The kernel would create what does not exist; here that is an error, since it is more
    /// likely a misspelt name. See [`Tun::create`].
    ///
    /// The MTU is read once: after changing it, open the interface again.
    ///
    /// # Errors
    /// Each variant of [`TunError`] but `Exists` and `MayNotCreate`.
    pub fn open(name: &str) -> Result<Self, TunError> {
        let interface = interface(name)?;
        match interface.index() {
            Ok(_) => {
                let tun = Self::attach(interface)?;
                tun.settle();
                Ok(tun)
            }
            Err(error) if is(&error, Errno::ENODEV) => {
                Err(TunError::Missing { name: name.to_owned() })
            }
            Err(source) => Err(system(name, "look it up", source)),
        }
    }

    /// Creates an interface in the calling thread's network namespace. It has no address, is down,
    /// and vanishes with this value (or a moment later, where another thread is just starting a
    /// process). For tests and for programs that have `CAP_NET_ADMIN`.
    ///
    /// # Errors
    /// `Exists` where the name is taken, `MayNotCreate` without the capability, or another of
    /// [`TunError`].
    pub fn create(name: &str) -> Result<Self, TunError> {
        let interface = interface(name)?;
        if interface.index().is_ok() {
            return Err(TunError::Exists { name: name.to_owned() });
        }
        Self::attach(interface).map_err(|error| match error {
            TunError::NotPermitted { name } => TunError::MayNotCreate { name },
            other => other,
        })
    }

    /// Gives the kernel's end its address and network, sets the MTU if one is given (bytes) and
    /// brings the interface up. Needs `CAP_NET_ADMIN`; works from any thread.
    ///
    /// # Errors
    /// What the system answered, e.g. `EPERM`, or `EINVAL` for an MTU that it does not take.
    pub fn configure(&mut self, kernel: Ipv4Net, mtu: Option<u16>) -> io::Result<()> {
        if let Some(mtu) = mtu {
            self.interface.set_mtu(usize::from(mtu))?;
            self.mtu = self.interface.mtu()?;
        }
        self.interface.set_address(kernel)?;
        self.interface.bring_up()
    }

    /// The interface's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.interface.name()
    }

    fn attach(interface: Interface) -> Result<Self, TunError> {
        // Tried on its own first: EPERM may come from here as well as from what follows.
        File::options().read(true).write(true).open(DRIVER).map_err(driver_error)?;
        let name = interface.name();
        let tun = Iface::without_packet_info(name, Mode::Tun).map_err(|e| attach_error(name, e))?;
        set_nonblocking(borrow(&tun)).map_err(|e| system(name, "make it non-blocking", e))?;
        let mtu = interface.mtu().map_err(|e| system(name, "read its MTU", e))?;
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let woken = EventFd::from_flags(flags)
            .map_err(|e| system(name, "make an event descriptor", e.into()))?;
        Ok(Self { tun, interface, mtu, woken })
    }

    /// Waits until an interface that is up carries packets: for a moment after its reader came the
    /// kernel throws them away, and the answer to a first SYN or ping with them.
    fn settle(&self) {
        for _ in 0..SETTLING {
            if self.interface.is_settled().unwrap_or(true) {
                return;
            }
            // A sleep of a millisecond that a wake-up ends early, as any wait.
            let mut woken = [PollFd::new(self.woken.as_fd(), PollFlags::POLLIN)];
            let _ = ppoll(&mut woken, Some(TimeSpec::from_duration(LOOK)), None);
        }
    }

    /// The error for a TUN that was deleted while open, with its name; any other as it is.
    fn gone(&self, error: io::Error) -> io::Error {
        if !is(&error, Errno::EBADFD) {
            return error;
        }
        let text = format!("interface {} was deleted while in use", self.name());
        io::Error::new(ErrorKind::NotConnected, text)
    }
}

impl Device for Tun {
    fn capabilities(&self) -> Capabilities {
        Capabilities { mtu: self.mtu, max_frame: self.mtu }
    }

    fn receive(&self, _now: Instant, frame: &mut [u8]) -> io::Result<Option<Received>> {
        match self.tun.recv(frame) {
            Ok(len) => Ok(Some(Received { len, vouched: false, wire_segments: 1 })),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                Ok(None)
            }
            Err(e) => Err(self.gone(e)),
        }
    }

    fn transmit(&self, _now: Instant, frame: &[u8], _offload: Offload) -> io::Result<()> {
        refuse_length(frame.len(), self.mtu)?;
        let Err(error) = self.tun.send(frame) else {
            return Ok(());
        };
        match error.raw_os_error().map(Errno::from_raw) {
            // Full, out of memory, or (EIO) the interface is down, which may be up again soon.
            Some(Errno::EAGAIN | Errno::ENOBUFS | Errno::ENOMEM | Errno::EINTR | Errno::EIO) => {
                Err(ErrorKind::WouldBlock.into())
            }
            // EINVAL (neither IPv4 nor IPv6) has the kind `InvalidInput` already.
            _ => Err(self.gone(error)),
        }
    }

    fn wait(&self, timeout: Option<Duration>) -> io::Result<()> {
        let mut fds = [
            PollFd::new(borrow(&self.tun), PollFlags::POLLIN),
            PollFd::new(self.woken.as_fd(), PollFlags::POLLIN),
        ];
        match ppoll(&mut fds, timeout.map(TimeSpec::from_duration), None) {
            // A signal ends a wait like anything else; the caller looks around and waits again.
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        if fds[1].any() == Some(true) {
            // Nothing to read: another waiter was quicker.
            let _ = self.woken.read();
        }
        Ok(())
    }

    fn wake(&self) {
        // This fails only if the counter stands at its maximum, and then a wake-up is under way.
        let _ = self.woken.write(1);
    }
}

fn interface(name: &str) -> Result<Interface, TunError> {
    // What the kernel takes (up to IFNAMSIZ with a zero at the end), less `%`, which it would
    // replace by a number.
    let bad = |byte: u8| byte.is_ascii_whitespace() || b"\0\x0b/:%".contains(&byte);
    if !(1..16).contains(&name.len()) || name == "." || name == ".." || name.bytes().any(bad) {
        return Err(TunError::BadName { name: name.to_owned() });
    }
    Interface::named(name).map_err(|e| system(name, "open a socket to ask about it", e))
}

fn driver_error(error: io::Error) -> TunError {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOENT | Errno::ENODEV | Errno::ENXIO) => TunError::NoDriver(error),
        Some(Errno::EACCES | Errno::EPERM) => TunError::DriverNotPermitted(error),
        _ => system(DRIVER, "open it", error),
    }
}

fn attach_error(name: &str, error: io::Error) -> TunError {
    let name = name.to_owned();
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EPERM) => TunError::NotPermitted { name },
        Some(Errno::EBUSY) => TunError::Busy { name },
        Some(Errno::EINVAL) => TunError::WrongKind { name },
        _ => system(&name, "attach to it", error),
    }
}

fn system(name: &str, tried: &'static str, source: io::Error) -> TunError {
    TunError::System { name: name.to_owned(), tried, source }
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno as i32)
}

fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

fn borrow(tun: &Iface) -> BorrowedFd<'_> {
    // SAFETY: the descriptor stays open as long as `tun`, which the borrow does not outlive.
    unsafe { BorrowedFd::borrow_raw(tun.as_raw_fd()) }
}
