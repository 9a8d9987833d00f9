//! A TUN interface of the kernel: each read and each write is one IP packet.
//!
//! This is the plain path, one packet a system call. It sets neither `IFF_VNET_HDR` nor
//! `IFF_MULTI_QUEUE`, and takes back what `TUNSETOFFLOAD` may have set for somebody before: the
//! kernel would hand over packets with half a checksum and no header to say so.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use ipnet::Ipv4Net;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use tun_tap::{Iface, Mode};

use super::interface::Interface;
use super::offload::withdraw_offloads;
use super::tun_end::{
    DRIVER, TunEnd, attach_error, driver_error, existing_interface, interface, system,
};
use super::tun_error::TunError;
use super::{Capabilities, Device, Offload, Received, refuse_length};
use crate::time::Instant;

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
    end: TunEnd,
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
        let tun = Self::attach(existing_interface(name)?)?;
        tun.end.settle();
        Ok(tun)
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
            self.end.interface.set_mtu(usize::from(mtu))?;
            self.end.mtu = self.end.interface.mtu()?;
        }
        self.end.interface.set_address(kernel)?;
        self.end.interface.bring_up()
    }

    /// The interface's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.end.interface.name()
    }

    fn attach(interface: Interface) -> Result<Self, TunError> {
        // Tried on its own first: EPERM may come from here as well as from what follows.
        File::options().read(true).write(true).open(DRIVER).map_err(driver_error)?;
        let name = interface.name();
        let tun = Iface::without_packet_info(name, Mode::Tun).map_err(|e| attach_error(name, e))?;
        set_nonblocking(borrow(&tun)).map_err(|e| system(name, "make it non-blocking", e))?;
        withdraw_offloads(borrow(&tun)).map_err(|e| system(name, "take back offloads", e))?;
        Ok(Self { tun, end: TunEnd::new(interface)? })
    }
}

impl AsFd for Tun {
    /// The descriptor, readable while a frame is there: for an event loop of one's own.
    fn as_fd(&self) -> BorrowedFd<'_> {
        borrow(&self.tun)
    }
}

impl Device for Tun {
    fn capabilities(&self) -> Capabilities {
        Capabilities::plain(self.end.mtu)
    }

    fn receive(&self, _now: Instant, frame: &mut [u8]) -> io::Result<Option<Received>> {
        match self.tun.recv(frame) {
            Ok(len) => Ok(Some(Received::plain(len))),
            Err(error) => self.end.not_received(error),
        }
    }

    fn transmit(&self, _now: Instant, frame: &[u8], _offload: Offload) -> io::Result<()> {
        refuse_length(frame.len(), self.end.mtu)?;
        self.tun.send(frame).map_err(|error| self.end.not_sent(error))?;
        Ok(())
    }

    fn wait(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.end.wait(borrow(&self.tun), timeout)
    }

    fn wake(&self) {
        self.end.wake();
    }
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
