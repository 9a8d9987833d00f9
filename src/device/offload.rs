//! The fast path to a TUN: frames of up to 64 KiB, checksums left to the kernel, several queues.
//!
//! Before each frame stands a header (`vnet_hdr.rs`) that tells how the kernel would have cut a
//! super-segment, or how it shall: it need not, where both ends are on this machine, so that one
//! system call carries what otherwise takes forty. tun-tap can set neither `IFF_VNET_HDR` nor
//! `IFF_MULTI_QUEUE`, and its descriptor cannot be given them afterwards: hence the ioctls.

#[cfg(test)]
#[path = "tests/offload.rs"]
mod tests;

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::num::NonZeroU16;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sys::uio::{readv, writev};

use super::interface::Interface;
use super::super_segment::{TcpHeaders, cut};
use super::tun_end::{DRIVER, TunEnd, attach_error, driver_error, existing_interface, system};
use super::tun_error::TunError;
use super::vnet_hdr::{self, VnetHdr};
use super::{Capabilities, Device, Offload, Received, joined, refuse_length};
use crate::time::Instant;

/// The largest frame: an IPv4 packet.
const MAX_FRAME: usize = 65_535;

/// What the kernel may leave undone in frames that it hands to us (`TUN_F_...`): checksums, and the
/// cutting of TCP, with congestion marks or without.
const OFFLOADS: libc::c_uint =
    libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6 | libc::TUN_F_TSO_ECN;

/// Parts of a frame that go to the kernel from where they lie.
const MOST_PARTS: usize = 8;

/// One queue of a TUN interface, with the kernel's offloads or, like [`Tun`](super::Tun), without.
///
/// ```no_run
/// use tuntcp::device::{Device, TunQueue};
///
/// let queues = TunQueue::open("tun0", 1, true)?;
/// println!("frames of up to {} bytes", queues[0].capabilities().max_frame);
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct TunQueue {
    file: File,
    end: TunEnd,
    offloads: bool,
    /// The kernel has refused a frame that asked for something, which all queues of the interface
    /// ask for no more.
    refused: Arc<AtomicBool>,
}

impl TunQueue {
    /// Opens `queues` queues of the interface `name`, which must exist in the calling thread's
    /// network namespace. With several, or where it was made for several, the interface must have
    /// the flag `multi_queue`. `offloads`: whether the kernel shall cut, join and sum.
    ///
    /// # Errors
    /// `NoOffload` where the kernel has none; `WrongKind` where the interface has not so many
    /// queues; or another of [`TunError`], but `Exists` and `MayNotCreate`.
    pub fn open(name: &str, queues: usize, offloads: bool) -> Result<Vec<Self>, TunError> {
        let refused = Arc::new(AtomicBool::new(false));
        let mut opened: Vec<Self> = Vec::new();
        for _ in 0..queues.max(1) {
            let interface = existing_interface(name)?;
            let file = attach(&interface, queues > 1, offloads)?;
            let end = TunEnd::new(interface)?;
            opened.push(Self { file, end, offloads, refused: Arc::clone(&refused) });
        }
        if let Some(first) = opened.first() {
            first.end.settle();
        }
        Ok(opened)
    }

    /// Sends a frame with its header.
    fn write(&self, header: &VnetHdr, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let encoded = header.encode();
        let mut all = [IoSlice::new(&encoded); MOST_PARTS + 1];
        let Some(places) = all.get_mut(1..=parts.len()) else {
            return self.write(header, &[IoSlice::new(&joined(parts))]);
        };
        places.copy_from_slice(parts);
        // On a TUN without headers the frame goes alone.
        let before = usize::from(!self.offloads);
        writev(self.file.as_fd(), &all[before..=parts.len()])?;
        Ok(())
    }

    /// The frame whole if the kernel takes it, else in pieces, and from then on always.
    fn write_tcp(&self, parts: &[IoSlice<'_>], len: usize, segment: NonZeroU16) -> io::Result<()> {
        let headers = parts.first().and_then(|head| TcpHeaders::of(head));
        let headers = headers.ok_or(io::ErrorKind::InvalidInput)?;
        if !self.refused.load(Ordering::Relaxed) {
            let asking = VnetHdr::asking(headers, len, segment);
            match self.write(&asking, parts) {
                Err(error) if is_refusal(&error) => {
                    if !self.refused.swap(true, Ordering::Relaxed) {
                        log::warn!(
                            target: "tuntcp::device",
                            "{}: the kernel refuses to cut segments ({error}): from now on the \
                             stack cuts them itself",
                            self.end.interface.name()
                        );
                    }
                }
                other => return other,
            }
        }
        let mut result = Ok(());
        cut(&mut joined(parts), Some(segment), |packet| {
            let sent = self.write(&VnetHdr::default(), &[IoSlice::new(packet)]);
            if result.is_ok() {
                result = sent;
            }
        });
        result
    }
}

impl AsFd for TunQueue {
    /// The descriptor, readable while a frame is there: for an event loop of one's own.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Device for TunQueue {
    fn capabilities(&self) -> Capabilities {
        let max_frame = if self.offloads { MAX_FRAME.max(self.end.mtu) } else { self.end.mtu };
        Capabilities { mtu: self.end.mtu, max_frame, offloads: self.offloads }
    }

    fn receive(&self, _now: Instant, frame: &mut [u8]) -> io::Result<Option<Received>> {
        let mut header = [0; vnet_hdr::LEN];
        let mut both = [IoSliceMut::new(&mut header), IoSliceMut::new(frame)];
        let (parts, before) =
            if self.offloads { (&mut both[..], vnet_hdr::LEN) } else { (&mut both[1..], 0) };
        match readv(self.file.as_fd(), parts) {
            Ok(len) => {
                let header = VnetHdr::decode(&header);
                let len = len.saturating_sub(before);
                Ok(Some(Received { len, vouched: header.vouches(), segment: header.segment() }))
            }
            Err(error) => self.end.not_received(error.into()),
        }
    }

    fn transmit(&self, now: Instant, frame: &[u8], offload: Offload) -> io::Result<()> {
        self.transmit_parts(now, &[IoSlice::new(frame)], offload)
    }

    fn transmit_parts(
        &self,
        _now: Instant,
        parts: &[IoSlice<'_>],
        offload: Offload,
    ) -> io::Result<()> {
        let len = parts.iter().map(|part| part.len()).sum();
        refuse_length(len, self.capabilities().max_frame)?;
        let written = match offload {
            Offload::None => self.write(&VnetHdr::default(), parts),
            Offload::Tcp { segment } => self.write_tcp(parts, len, segment),
        };
        written.map_err(|error| self.end.not_sent(error))
    }

    fn wait(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.end.wait(self.file.as_fd(), timeout)
    }

    fn wake(&self) {
        self.end.wake();
    }
}

/// Whether the kernel will not do what the header of a frame asks for.
fn is_refusal(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::EINVAL | Errno::EOPNOTSUPP | Errno::EPROTO))
}

/// A descriptor for a queue of the interface.
fn attach(interface: &Interface, several: bool, offloads: bool) -> Result<File, TunError> {
    let name = interface.name();
    let mut options = File::options();
    options.read(true).write(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC);
    let file = options.open(DRIVER).map_err(driver_error)?;
    let fd = file.as_raw_fd();
    let mut wanted = libc::IFF_TUN | libc::IFF_NO_PI;
    if offloads {
        let mut features = 0;
        // SAFETY: the ioctl writes one integer, which lives until it returns.
        let known = unsafe { sys::features(fd, &raw mut features) };
        if known.is_err() || features & libc::IFF_VNET_HDR as libc::c_uint == 0 {
            return Err(TunError::NoOffload { name: name.to_owned() });
        }
        wanted |= libc::IFF_VNET_HDR;
    }
    let try_attach = |flags: i32| {
        let mut request = interface.request();
        request.ifr_ifru.ifru_flags = flags as i16;
        // SAFETY: the ioctl reads and writes one ifreq, which lives until it returns.
        unsafe { sys::attach(fd, &raw const request) }
    };
    let one_of_several = wanted | libc::IFF_MULTI_QUEUE;
    let attached = match (several, try_attach(if several { one_of_several } else { wanted })) {
        // The interface was made for several queues, and one of them will do.
        (false, Err(Errno::EINVAL)) => try_attach(one_of_several),
        (_, result) => result,
    };
    attached.map_err(|errno| attach_error(name, errno.into()))?;
    if offloads {
        let set = |what| system(name, what, Errno::last().into());
        let len = vnet_hdr::LEN as i32;
        // SAFETY: the ioctl reads one integer, which lives until it returns.
        unsafe { sys::header_len(fd, &raw const len) }.map_err(|_| set("set its header"))?;
        // SAFETY: the argument is a number.
        unsafe { sys::offload(fd, OFFLOADS as libc::c_int) }
            .map_err(|_| TunError::NoOffload { name: name.to_owned() })?;
    } else {
        withdraw_offloads(file.as_fd()).map_err(|e| system(name, "take back offloads", e))?;
    }
    Ok(file)
}

/// Takes back what an earlier owner of a persistent interface has let the kernel leave undone:
/// that outlives him.
pub(super) fn withdraw_offloads(tun: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the argument is a number.
    unsafe { sys::offload(tun.as_raw_fd(), 0) }?;
    Ok(())
}

/// The driver's own ioctls, whose arguments are not always what their numbers say.
mod sys {
    use nix::libc;

    nix::ioctl_read_bad!(features, libc::TUNGETFEATURES, libc::c_uint);
    nix::ioctl_write_ptr_bad!(attach, libc::TUNSETIFF, libc::ifreq);
    nix::ioctl_write_ptr_bad!(header_len, libc::TUNSETVNETHDRSZ, libc::c_int);
    nix::ioctl_write_int_bad!(offload, libc::TUNSETOFFLOAD);
}
