//! Frames to the world and from it: one trait, and the devices that implement it.
//!
//! A frame is one whole IP packet, header first, or a *super-segment*: a TCP packet of up to 64 KiB
//! that stands for many segments of the wire, cut or joined by the kernel. Devices: a TUN of the
//! kernel, by the plain path ([`Tun`]) or the fast one ([`TunQueue`]), which [`open`] chooses
//! between, and [`memory::pair`]; around each, [`Impaired`] makes a bad wire and [`Capture`] writes
//! a pcapng file. This room knows nothing of TCP but where its header ends, and reads no clock;
//! descriptors and `unsafe` stay inside. Who calls it: the engine (`receive`, `transmit`,
//! `deadline`) and the worker (`wait`, `wake`). A device of your own should pass the test of the contract in `tests/device/`.

use std::io::{self, IoSlice};
use std::num::NonZeroU16;
use std::time::Duration;

use crate::time::Instant;

pub mod capture;
pub mod impair;
#[expect(unsafe_code, reason = "ioctls")]
mod interface;
pub mod memory;
#[expect(unsafe_code, reason = "ioctls")]
pub mod offload;
mod open;
pub mod super_segment;
#[expect(unsafe_code, reason = "the tun-tap crate tells its descriptor as a number")]
pub mod tun;
mod tun_end;
mod tun_error;
mod vnet_hdr;

pub use capture::Capture;
pub use impair::Impaired;
pub use memory::Memory;
pub use offload::TunQueue;
pub use open::{OffloadPolicy, TunOptions, open};
pub use tun::Tun;
pub use tun_error::TunError;

/// What a device can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Largest IP packet, bytes.
    pub mtu: usize,
    /// Largest frame that `receive` may deliver and `transmit` take, bytes: `mtu`, or more where
    /// the kernel cuts and joins segments for us.
    pub max_frame: usize,
    /// `transmit` takes [`Offload::Tcp`].
    pub offloads: bool,
}

impl Capabilities {
    /// Of a device that carries packets of up to `mtu` bytes, and each as it is.
    #[must_use]
    pub const fn plain(mtu: usize) -> Self {
        Self { mtu, max_frame: mtu, offloads: false }
    }
}

/// What the device says of a frame that it delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Bytes of the frame.
    pub len: usize,
    /// The transport checksum was already verified, or the frame never left this machine; then it
    /// may not even be there.
    pub vouched: bool,
    /// Bytes of payload of each segment (the last may have fewer), where the frame is a
    /// super-segment.
    pub segment: Option<NonZeroU16>,
}

impl Received {
    /// A frame of `len` bytes as a wire carries it: one segment, with a checksum of its own.
    #[must_use]
    pub const fn plain(len: usize) -> Self {
        Self { len, vouched: false, segment: None }
    }

    /// Whether the frame is as a wire carries it, right or wrong: nobody vouched for it.
    #[must_use]
    pub const fn is_plain(self) -> bool {
        !self.vouched && self.segment.is_none()
    }
}

/// What the device shall still do to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Offload {
    /// Nothing: the frame is complete.
    #[default]
    None,
    /// The frame is a TCP packet whose checksum field holds the sum of the pseudo-header alone, and
    /// whose payload, where it is longer, is to be cut into segments of so many bytes: every one
    /// gets the header with its own sequence number, length and checksum, and FIN and PSH only the
    /// last.
    Tcp {
        /// Bytes of payload of each segment.
        segment: NonZeroU16,
    },
}

/// Something that carries IP packets.
///
/// All methods take `&self`: a device is shared by the packet loop, which receives, and by every
/// thread that sends. No method blocks but `wait`.
///
/// Frames keep their bounds and, unless the device impairs them on purpose, their order. A device
/// may lose frames, as any wire may.
pub trait Device: Send + Sync {
    /// What this device can do; constant for its life.
    fn capabilities(&self) -> Capabilities;

    /// Takes the next frame, if one is there. `frame` has room for `max_frame` bytes; a longer
    /// frame is cut off. An error means that the device is gone for good.
    fn receive(&self, now: Instant, frame: &mut [u8]) -> io::Result<Option<Received>>;

    /// Sends one frame. A frame that a live device cannot take now is lost, as on any wire, and
    /// reported as `WouldBlock`; one that it can never take (empty, longer than `max_frame`, not
    /// IP) is lost too and reported as `InvalidInput`. Any other error means that the device is
    /// gone for good ([`is_gone`]).
    fn transmit(&self, now: Instant, frame: &[u8], offload: Offload) -> io::Result<()>;

    /// The same for a frame that lies in several parts, both headers in the first.
    fn transmit_parts(
        &self,
        now: Instant,
        parts: &[IoSlice<'_>],
        offload: Offload,
    ) -> io::Result<()> {
        self.transmit(now, &joined(parts), offload)
    }

    /// When `receive` must be called though nothing arrived, because this device holds frames
    /// back (an impaired one does); `NEVER` for most.
    fn deadline(&self) -> Instant {
        Instant::NEVER
    }

    /// Sleeps until a frame arrives, `wake` is called or `timeout` has passed (`None`: no limit).
    /// May return early; knows nothing of `deadline`, by which the caller bounds `timeout`. One
    /// thread at a time.
    fn wait(&self, timeout: Option<Duration>) -> io::Result<()>;

    /// Ends a `wait`, now or the next one.
    fn wake(&self);
}

/// Whether an error of [`Device::transmit`] means that the device is gone for good, not only that
/// this frame is lost.
#[must_use]
pub fn is_gone(error: &io::Error) -> bool {
    !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::InvalidInput)
}

/// Parts of a frame as one.
pub(crate) fn joined(parts: &[IoSlice<'_>]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| frame.extend_from_slice(part));
    frame
}

/// The answer to a frame that no device can take.
fn refuse_length(len: usize, max_frame: usize) -> io::Result<()> {
    if (1..=max_frame).contains(&len) {
        return Ok(());
    }
    let text = format!("a frame of {len} bytes, where 1 to {max_frame} fit");
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}
