//! A device that writes down what passes, for Wireshark and tcpdump to read.
//!
//! The file is pcapng: one section, one interface of raw IP packets, and a block for each frame
//! with its time in nanoseconds and its direction. Three kinds of block are all that takes, hence
//! no crate for it.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::super_segment::cut;
use super::{Capabilities, Device, Offload, Received, refuse_length};
use crate::time::Instant;

/// Wraps a device and writes every frame of both directions to a pcapng file.
///
/// A frame to be sent is written before the inner device gets it, so no answer stands before its
/// cause; it is in the file also when the inner device then loses it. Around an
/// [`Impaired`](super::Impaired) device this shows what the stack sees, inside one what the wire
/// sees. A super-segment is written as the packets that it stands for, with their checksums.
///
/// When writing fails, a warning is logged, capturing ends and traffic goes on. What is buffered is
/// written before each sleep and at the end.
///
/// ```no_run
/// use std::path::Path;
/// use std::time::{Duration, SystemTime};
/// use tuntcp::device::{Capture, Tun};
///
/// let tun = Tun::open("tun0")?;
/// let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
/// let device = Capture::create(Box::new(tun), Path::new("tun0.pcapng"), started)?;
/// # std::io::Result::Ok(())
/// ```
pub struct Capture {
    inner: Box<dyn Device>,
    writer: Arc<Mutex<Option<Writer>>>,
    epoch: Duration,
}

impl Capture {
    /// Captures the traffic of `inner` to `sink`, which need not be buffered. `epoch` is the time
    /// from the beginning of 1970 to the start of the host, whose clock the frames' times come from.
    ///
    /// # Errors
    /// The beginning of the file could not be written.
    pub fn new(
        inner: Box<dyn Device>,
        sink: Box<dyn Write + Send>,
        epoch: Duration,
    ) -> io::Result<Self> {
        let mut writer =
            Writer { sink: BufWriter::new(sink), block: Vec::new(), frame: Vec::new() };
        writer.begin()?;
        Ok(Self { inner, writer: Arc::new(Mutex::new(Some(writer))), epoch })
    }

    /// Captures the traffic of `inner`, another queue of the same interface, to the same file.
    #[must_use]
    pub fn beside(&self, inner: Box<dyn Device>) -> Self {
        Self { inner, writer: Arc::clone(&self.writer), epoch: self.epoch }
    }

    /// The same to a new file at `path`; what stood there is replaced.
    ///
    /// # Errors
    /// The file could not be created or written.
    pub fn create(inner: Box<dyn Device>, path: &Path, epoch: Duration) -> io::Result<Self> {
        Self::new(inner, Box::new(File::create(path)?), epoch)
    }

    /// Writes, and gives up on the file at the first failure.
    fn with_writer(&self, write: impl FnOnce(&mut Writer) -> io::Result<()>) {
        let mut slot = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(writer) = slot.as_mut() else {
            return;
        };
        if let Err(error) = write(writer) {
            log::warn!("capturing ends, the file cannot be written: {error}");
            if let Some(writer) = slot.take() {
                // Without this the buffer would be written once more.
                let _ = writer.sink.into_parts();
            }
        }
    }

    fn note(&self, now: Instant, direction: Direction, frame: &[u8], is: Received) {
        let time = self.epoch.saturating_add(now - Instant::ZERO);
        self.with_writer(|writer| writer.packets(time, direction, frame, is));
    }
}

impl Device for Capture {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn receive(&self, now: Instant, frame: &mut [u8]) -> io::Result<Option<Received>> {
        let received = self.inner.receive(now, frame)?;
        if let Some(received) = received {
            let len = received.len.min(frame.len());
            self.note(now, Direction::Inbound, &frame[..len], received);
        }
        Ok(received)
    }

    fn transmit(&self, now: Instant, frame: &[u8], offload: Offload) -> io::Result<()> {
        refuse_length(frame.len(), self.capabilities().max_frame)?;
        let plain = Received::plain(frame.len());
        let is = match offload {
            Offload::None => plain,
            Offload::Tcp { segment } => Received { vouched: true, segment: Some(segment), ..plain },
        };
        self.note(now, Direction::Outbound, frame, is);
        self.inner.transmit(now, frame, offload)
    }

    fn deadline(&self) -> Instant {
        self.inner.deadline()
    }

    fn wait(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.with_writer(|writer| writer.sink.flush());
        self.inner.wait(timeout)
    }

    fn wake(&self) {
        self.inner.wake();
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.with_writer(|writer| writer.sink.flush());
    }
}

/// As `epb_flags` has it.
#[derive(Clone, Copy)]
enum Direction {
    Inbound = 1,
    Outbound = 2,
}

// Blocks and options of draft-ietf-opsawg-pcapng: sections 4.1, 4.2, 4.3 and 3.5.
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const OPTION_FLAGS: u16 = 2;
const OPTION_TIME_RESOLUTION: u16 = 9;
/// `LINKTYPE_RAW`: a packet begins with its IP header.
const RAW_IP: u16 = 101;

struct Writer {
    sink: BufWriter<Box<dyn Write + Send>>,
    /// The block that is being built; its memory serves the next one too.
    block: Vec<u8>,
    /// The frame that is being cut, likewise.
    frame: Vec<u8>,
}

impl Writer {
    fn begin(&mut self) -> io::Result<()> {
        self.block.extend_from_slice(&BYTE_ORDER_MAGIC.to_le_bytes());
        self.block.extend_from_slice(&1_u16.to_le_bytes()); // version 1
        self.block.extend_from_slice(&0_u16.to_le_bytes()); // .0
        self.block.extend_from_slice(&u64::MAX.to_le_bytes()); // a section of unknown length
        self.end_block(SECTION_HEADER)?;

        self.block.extend_from_slice(&RAW_IP.to_le_bytes());
        self.block.extend_from_slice(&0_u16.to_le_bytes()); // reserved
        self.block.extend_from_slice(&0_u32.to_le_bytes()); // frames are never cut off
        self.option(OPTION_TIME_RESOLUTION, &[9]); // 10^-9 s
        self.option(0, &[]);
        self.end_block(INTERFACE_DESCRIPTION)?;
        self.sink.flush()
    }

    /// The packets that a frame stands for.
    fn packets(
        &mut self,
        time: Duration,
        direction: Direction,
        frame: &[u8],
        is: Received,
    ) -> io::Result<()> {
        if is.is_plain() {
            return self.packet(time, direction, frame);
        }
        let mut copy = std::mem::take(&mut self.frame);
        copy.clear();
        copy.extend_from_slice(frame);
        let mut result = Ok(());
        cut(&mut copy, is.segment, |packet| {
            if result.is_ok() {
                result = self.packet(time, direction, packet);
            }
        });
        self.frame = copy;
        result
    }

    fn packet(&mut self, time: Duration, direction: Direction, frame: &[u8]) -> io::Result<()> {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let len = u32::try_from(frame.len()).map_err(io::Error::other)?;
        let (high, low) = ((nanos >> 32) as u32, nanos as u32);
        // Interface, time, bytes captured, bytes of the frame.
        for word in [0, high, low, len, len] {
            self.block.extend_from_slice(&word.to_le_bytes());
        }
        self.block.extend_from_slice(frame);
        self.pad();
        self.option(OPTION_FLAGS, &(direction as u32).to_le_bytes());
        self.option(0, &[]);
        self.end_block(ENHANCED_PACKET)
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        self.block.extend_from_slice(&code.to_le_bytes());
        self.block.extend_from_slice(&(value.len() as u16).to_le_bytes());
        self.block.extend_from_slice(value);
        self.pad();
    }

    /// Everything stands at a multiple of four bytes.
    fn pad(&mut self) {
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }

    /// Writes the block with its kind in front and its length at both ends.
    fn end_block(&mut self, kind: u32) -> io::Result<()> {
        let len = (self.block.len() as u32 + 12).to_le_bytes();
        self.sink.write_all(&kind.to_le_bytes())?;
        self.sink.write_all(&len)?;
        self.sink.write_all(&self.block)?;
        self.sink.write_all(&len)?;
        self.block.clear();
        Ok(())
    }
}
