//! What one asks the kernel about an interface, and tells it: netdevice(7)'s ioctls.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};

use ipnet::Ipv4Net;
use nix::libc::{self, ifreq, sockaddr, sockaddr_in};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use sys::{index, read_flags, read_mtu, write_address, write_flags, write_mtu, write_netmask};

/// One interface, spoken to through a socket: a socket belongs to the network namespace it was
/// made in, so all of this also works from a thread that has since moved to another.
#[derive(Debug)]
pub(super) struct Interface {
    name: String,
    socket: OwnedFd,
}

impl Interface {
    /// The interface `name` of the calling thread's namespace, whether it exists or not. `name`
    /// has 15 bytes at most.
    pub(super) fn named(name: &str) -> io::Result<Self> {
        let family = AddressFamily::Inet;
        let socket = socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
        Ok(Self { name: name.to_owned(), socket })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The index; `ENODEV` where there is no such interface.
    pub(super) fn index(&self) -> io::Result<i32> {
        let request = self.ask(index)?;
        // SAFETY: SIOCGIFINDEX filled this member.
        Ok(unsafe { request.ifr_ifru.ifru_ifindex })
    }

    /// The MTU, bytes.
    pub(super) fn mtu(&self) -> io::Result<usize> {
        let request = self.ask(read_mtu)?;
        // SAFETY: SIOCGIFMTU filled this member.
        let mtu = unsafe { request.ifr_ifru.ifru_mtu };
        usize::try_from(mtu).map_err(io::Error::other)
    }

    pub(super) fn set_mtu(&self, mtu: usize) -> io::Result<()> {
        let mut request = self.request();
        request.ifr_ifru.ifru_mtu = i32::try_from(mtu).unwrap_or(i32::MAX);
        self.tell(write_mtu, request)
    }

    /// The address of the kernel's end, and the network behind the interface.
    pub(super) fn set_address(&self, net: Ipv4Net) -> io::Result<()> {
        let mut request = self.request();
        request.ifr_ifru.ifru_addr = socket_address(net.addr());
        self.tell(write_address, request)?;
        request.ifr_ifru.ifru_netmask = socket_address(net.netmask());
        self.tell(write_netmask, request)
    }

    pub(super) fn bring_up(&self) -> io::Result<()> {
        let mut request = self.ask(read_flags)?;
        // SAFETY: SIOCGIFFLAGS filled this member.
        let flags = unsafe { request.ifr_ifru.ifru_flags };
        request.ifr_ifru.ifru_flags = flags | libc::IFF_UP as i16;
        self.tell(write_flags, request)
    }

    /// Whether the interface is down, or up and already carries packets.
    pub(super) fn is_settled(&self) -> io::Result<bool> {
        let request = self.ask(read_flags)?;
        // SAFETY: SIOCGIFFLAGS filled this member.
        let flags = i32::from(unsafe { request.ifr_ifru.ifru_flags });
        Ok(flags & libc::IFF_UP == 0 || flags & libc::IFF_RUNNING != 0)
    }

    fn ask(&self, ioctl: Ioctl<*mut ifreq>) -> io::Result<ifreq> {
        let mut request = self.request();
        // SAFETY: the ioctl reads and writes one ifreq, which lives until it returns.
        unsafe { ioctl(self.socket.as_raw_fd(), &raw mut request) }?;
        Ok(request)
    }

    fn tell(&self, ioctl: Ioctl<*const ifreq>, request: ifreq) -> io::Result<()> {
        // SAFETY: the ioctl reads one ifreq, which lives until it returns.
        unsafe { ioctl(self.socket.as_raw_fd(), &raw const request) }?;
        Ok(())
    }

    /// A request that names the interface, and is zero otherwise.
    pub(super) fn request(&self) -> ifreq {
        // SAFETY: an ifreq is plain integers and arrays, for which all zeroes is a value.
        let mut request: ifreq = unsafe { std::mem::zeroed() };
        // The last byte stays zero: it ends the name.
        let room = request.ifr_name.len() - 1;
        for (to, from) in request.ifr_name[..room].iter_mut().zip(self.name.bytes()) {
            *to = from.cast_signed();
        }
        request
    }
}

fn socket_address(address: Ipv4Addr) -> sockaddr {
    let address = sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: 0,
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.octets()) },
        sin_zero: [0; 8],
    };
    // SAFETY: both are 16 bytes of plain integers and begin with the family.
    unsafe { std::mem::transmute::<sockaddr_in, sockaddr>(address) }
}

type Ioctl<Argument> = unsafe fn(i32, Argument) -> nix::Result<i32>;

/// The system calls. The numbers predate the scheme that encodes direction and size, hence `bad`.
mod sys {
    use nix::libc;

    nix::ioctl_readwrite_bad!(index, libc::SIOCGIFINDEX, libc::ifreq);
    nix::ioctl_readwrite_bad!(read_mtu, libc::SIOCGIFMTU, libc::ifreq);
    nix::ioctl_readwrite_bad!(read_flags, libc::SIOCGIFFLAGS, libc::ifreq);
    nix::ioctl_write_ptr_bad!(write_mtu, libc::SIOCSIFMTU, libc::ifreq);
    nix::ioctl_write_ptr_bad!(write_address, libc::SIOCSIFADDR, libc::ifreq);
    nix::ioctl_write_ptr_bad!(write_netmask, libc::SIOCSIFNETMASK, libc::ifreq);
    nix::ioctl_write_ptr_bad!(write_flags, libc::SIOCSIFFLAGS, libc::ifreq);
}
