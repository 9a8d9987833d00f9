//! The TUN of a namespace as a plain descriptor, for the contenders that bring no device of their own.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use nix::libc::{IFF_NO_PI, IFF_TUN, IFF_VNET_HDR, c_char, c_int, c_short, ifreq};

/// Bytes of the header that stands before each frame where offloads are on: `struct virtio_net_hdr`.
pub(crate) const VNET_HDR: usize = 10;
/// The longest frame, with offloads.
pub(crate) const MAX_FRAME: usize = 65_535;

/// `TUN_F_CSUM`, `TUN_F_TSO4`, `TUN_F_TSO6` and `TUN_F_TSO_ECN`: checksums may be missing, and
/// segments of TCP over IPv4 and IPv6 come together, those with CWR as well.
const OFFLOADS: c_int = 0x01 | 0x02 | 0x04 | 0x08;

mod ioctl {
    use nix::libc::{c_int, ifreq};

    nix::ioctl_write_ptr_bad!(set_iff, nix::request_code_write!(b'T', 202, 4), ifreq);
    nix::ioctl_write_int_bad!(set_offload, nix::request_code_write!(b'T', 208, size_of::<c_int>()));
}

/// Opens `tun0`, which exists, in the calling thread's namespace; with `offload` a
/// `virtio_net_hdr` stands before each frame, which may be a super-segment.
pub(crate) fn open(offload: bool) -> io::Result<File> {
    let file = File::options().read(true).write(true).open("/dev/net/tun")?;
    // SAFETY: an `ifreq` is plain data, for which zeroes are a value.
    let mut request: ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"tun0") {
        *to = *from as c_char;
    }
    let flags = IFF_TUN | IFF_NO_PI | if offload { IFF_VNET_HDR } else { 0 };
    request.ifr_ifru.ifru_flags = flags as c_short;
    // SAFETY: the descriptor is open, and the kernel reads and writes one `ifreq` at this address.
    unsafe { ioctl::set_iff(file.as_raw_fd(), &raw const request) }?;
    if offload {
        // SAFETY: the descriptor is open; the argument is a number.
        unsafe { ioctl::set_offload(file.as_raw_fd(), OFFLOADS) }?;
    }
    Ok(file)
}

/// The MTU of `tun0` in the calling thread's namespace.
pub(crate) fn mtu() -> usize {
    // Not from /sys, which shows the devices of the namespace that it was mounted in.
    let output = std::process::Command::new("ip").args(["-o", "link", "show", "tun0"]).output();
    let text = output.expect("iproute2 is there").stdout;
    let text = String::from_utf8_lossy(&text);
    let mut words = text.split_whitespace().skip_while(|word| *word != "mtu");
    words.nth(1).and_then(|mtu| mtu.parse().ok()).expect("tun0 has an MTU")
}

/// Makes reads and writes answer `WouldBlock` instead of waiting.
pub(crate) fn set_nonblocking(file: &File) -> io::Result<()> {
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    let flags = OFlag::from_bits_retain(fcntl(file, FcntlArg::F_GETFL)?);
    fcntl(file, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}
