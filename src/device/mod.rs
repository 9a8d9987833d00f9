//! Frames to the world and from it: one trait, and the devices that implement it.

use std::io;
use std::time::Duration;

use crate::time::Instant;

/// What a device can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Largest IP packet, bytes.
    pub mtu: usize,
    /// Largest frame that `receive` may deliver and `transmit` take, bytes: `mtu`, or more where
    /// the kernel cuts and joins segments for us.
    pub max_frame: usize,
}

/// What the device says of a frame that it delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Bytes of the frame.
    pub len: usize,
    /// The transport checksum was already verified, or the frame never left this machine.
    pub vouched: bool,
    /// MSS-sized packets that the frame stands for, 1 at least.
    pub wire_segments: u16,
}

/// What the device shall still do to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Offload {
    /// Nothing: the frame is complete.
    #[default]
    None,
}

/// Something that carries IP packets.
///
/// All methods take `&self`: a device is shared by the packet loop, which receives, and by every
/// thread that sends. No method blocks but `wait`.
pub trait Device: Send + Sync {
    /// What this device can do; constant for its life.
    fn capabilities(&self) -> Capabilities;

    /// Takes the next frame, if one is there. `frame` has room for `max_frame` bytes. An error
    /// means that the device is gone for good.
    fn receive(&self, now: Instant, frame: &mut [u8]) -> io::Result<Option<Received>>;

    /// Sends one frame. A frame that a live device cannot take now is lost, as on any wire, and
    /// reported as `WouldBlock`; any other error means that the device is gone for good.
    fn transmit(&self, now: Instant, frame: &[u8], offload: Offload) -> io::Result<()>;

    /// When `receive` must be called though nothing arrived, because this device holds frames
    /// back (an impaired one does); `NEVER` for most.
    fn deadline(&self) -> Instant {
        Instant::NEVER
    }

    /// Sleeps until a frame arrives, `wake` is called or `timeout` has passed.
    fn wait(&self, timeout: Option<Duration>) -> io::Result<()>;

    /// Ends a `wait`, now or the next one.
    fn wake(&self);
}
