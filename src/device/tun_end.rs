//! What both ways to a TUN have in common: its interface, its MTU, waiting and errors.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;

use super::Received;
use super::interface::Interface;
use super::tun_error::TunError;

pub(super) const DRIVER: &str = "/dev/net/tun";

/// How often, and how many times at the most, an interface is asked whether it carries packets.
const LOOK: Duration = Duration::from_millis(1);
const SETTLING: u32 = 500;

/// Our end of a TUN, but for its descriptor.
#[derive(Debug)]
pub(super) struct TunEnd {
    pub(super) interface: Interface,
    /// Bytes.
    pub(super) mtu: usize,
    woken: EventFd,
}

impl TunEnd {
    /// Of an interface that was just attached to.
    pub(super) fn new(interface: Interface) -> Result<Self, TunError> {
        let name = interface.name();
        let mtu = interface.mtu().map_err(|e| system(name, "read its MTU", e))?;
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let woken = EventFd::from_flags(flags)
            .map_err(|e| system(name, "make an event descriptor", e.into()))?;
        Ok(Self { interface, mtu, woken })
    }

    /// Waits until an interface that is up carries packets: for a moment after its reader came the
    /// kernel throws them away, and the answer to a first SYN or ping with them.
    pub(super) fn settle(&self) {
        for _ in 0..SETTLING {
            if self.interface.is_settled().unwrap_or(true) {
                return;
            }
            // A sleep of a millisecond that a wake-up ends early, as any wait.
            let mut woken = [PollFd::new(self.woken.as_fd(), PollFlags::POLLIN)];
            let _ = ppoll(&mut woken, Some(TimeSpec::from_duration(LOOK)), None);
        }
    }

    /// [`Device::wait`](super::Device::wait), on this descriptor.
    pub(super) fn wait(&self, tun: BorrowedFd<'_>, timeout: Option<Duration>) -> io::Result<()> {
        let mut fds = [
            PollFd::new(tun, PollFlags::POLLIN),
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

    /// [`Device::wake`](super::Device::wake).
    pub(super) fn wake(&self) {
        // This fails only if the counter stands at its maximum, and then a wake-up is under way.
        let _ = self.woken.write(1);
    }

    /// What a read that failed means.
    pub(super) fn not_received(&self, error: io::Error) -> io::Result<Option<Received>> {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::Interrupted => Ok(None),
            _ => Err(self.gone(error)),
        }
    }

    /// What a write that failed means.
    pub(super) fn not_sent(&self, error: io::Error) -> io::Error {
        match error.raw_os_error().map(Errno::from_raw) {
            // Full, out of memory, or (EIO) the interface is down, which may be up again soon.
            Some(Errno::EAGAIN | Errno::ENOBUFS | Errno::ENOMEM | Errno::EINTR | Errno::EIO) => {
                ErrorKind::WouldBlock.into()
            }
            // EINVAL (neither IPv4 nor IPv6) has the kind `InvalidInput` already.
            _ => self.gone(error),
        }
    }

    /// The error for a TUN that was deleted while open, with its name; any other as it is.
    fn gone(&self, error: io::Error) -> io::Error {
        if !is(&error, Errno::EBADFD) {
            return error;
        }
        let text = format!("interface {} was deleted while in use", self.interface.name());
        io::Error::new(ErrorKind::NotConnected, text)
    }
}

/// The interface `name` of the calling thread's namespace, whether or not it exists.
pub(super) fn interface(name: &str) -> Result<Interface, TunError> {
    // What the kernel takes (up to IFNAMSIZ with a zero at the end), less `%`, which it would
    // replace by a number.
    let bad = |byte: u8| byte.is_ascii_whitespace() || b"\0\x0b/:%".contains(&byte);
    if !(1..16).contains(&name.len()) || name == "." || name == ".." || name.bytes().any(bad) {
        return Err(TunError::BadName { name: name.to_owned() });
    }
    Interface::named(name).map_err(|e| system(name, "open a socket to ask about it", e))
}

/// The same, if it exists.
pub(super) fn existing_interface(name: &str) -> Result<Interface, TunError> {
    let interface = interface(name)?;
    match interface.index() {
        Ok(_) => Ok(interface),
        Err(error) if is(&error, Errno::ENODEV) => Err(TunError::Missing { name: name.to_owned() }),
        Err(source) => Err(system(name, "look it up", source)),
    }
}

pub(super) fn driver_error(error: io::Error) -> TunError {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOENT | Errno::ENODEV | Errno::ENXIO) => TunError::NoDriver(error),
        Some(Errno::EACCES | Errno::EPERM) => TunError::DriverNotPermitted(error),
        _ => system(DRIVER, "open it", error),
    }
}

pub(super) fn attach_error(name: &str, error: io::Error) -> TunError {
    let name = name.to_owned();
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EPERM) => TunError::NotPermitted { name },
        Some(Errno::EBUSY) => TunError::Busy { name },
        Some(Errno::EINVAL) => TunError::WrongKind { name },
        _ => system(&name, "attach to it", error),
    }
}

pub(super) fn system(name: &str, tried: &'static str, source: io::Error) -> TunError {
    TunError::System { name: name.to_owned(), tried, source }
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno as i32)
}
