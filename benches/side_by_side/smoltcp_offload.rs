//! The device that smoltcp has the hook for and does not ship: a TUN with offloads, over which a
//! super-segment goes either way in one system call and no payload is summed.
//!
//! As fast as one can be made for it: nothing is allocated for a frame, and each is copied once, by
//! the kernel.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, RawFd};

use smoltcp::phy::{self, Checksum, DeviceCapabilities, Medium, PacketMeta};
use smoltcp::time::Instant;
use smoltcp::wire::{IpProtocol, Ipv4Packet, TcpPacket};

use crate::tun::{self, MAX_FRAME, VNET_HDR};

/// `VIRTIO_NET_HDR_F_NEEDS_CSUM` and `VIRTIO_NET_HDR_GSO_TCPV4`.
const NEEDS_CSUM: u8 = 1;
const GSO_TCPV4: u8 = 1;
/// Where TCP's checksum stands in its header.
const CHECKSUM_AT: u16 = 16;

/// A TUN with offloads.
pub(crate) struct OffloadTun {
    file: File,
    mtu: usize,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl OffloadTun {
    pub(crate) fn open() -> Self {
        let file = tun::open(true).expect("the harness made tun0");
        tun::set_nonblocking(&file).expect("a TUN can be polled");
        let room = || vec![0; VNET_HDR + MAX_FRAME];
        Self { file, mtu: tun::mtu(), input: room(), output: room() }
    }
}

impl AsRawFd for OffloadTun {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

impl phy::Device for OffloadTun {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        // All that comes is from this machine's kernel, whose header vouches for what it left open:
        // smoltcp can ignore the sums of a device, not those of one frame.
        capabilities.checksum.ipv4 = Checksum::Tx;
        capabilities.checksum.tcp = Checksum::None;
        capabilities.segmentation.tcpv4 = NonZeroUsize::new(MAX_FRAME);
        capabilities
    }

    fn receive(&mut self, _: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        let count = match self.file.read(&mut self.input) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) => panic!("{error}"),
        };
        let frame = self.input[..count].get(VNET_HDR..)?;
        Some((RxToken(frame), TxToken::new(&mut self.file, &mut self.output)))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_>> {
        Some(TxToken::new(&mut self.file, &mut self.output))
    }
}

pub(crate) struct RxToken<'a>(&'a [u8]);

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(self.0)
    }
}

pub(crate) struct TxToken<'a> {
    file: &'a mut File,
    output: &'a mut [u8],
    meta: PacketMeta,
}

impl<'a> TxToken<'a> {
    fn new(file: &'a mut File, output: &'a mut [u8]) -> Self {
        Self { file, output, meta: PacketMeta::default() }
    }
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, fill: F) -> R {
        let (header, frame) = self.output[..VNET_HDR + len].split_at_mut(VNET_HDR);
        let result = fill(frame);
        header.fill(0);
        let segment = self.meta.segmentation_offload_size.map(u16::from);
        describe(frame, segment, header);
        // What the device does not take is lost, as smoltcp's own does it.
        let _ = self.file.write(&self.output[..VNET_HDR + len]);
        result
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.meta = meta;
    }
}

/// Tells the kernel what is still to be done to a frame of TCP: its sum, and cutting it into
/// segments of so many bytes.
fn describe(frame: &mut [u8], segment: Option<u16>, header: &mut [u8]) {
    let Ok(mut ip) = Ipv4Packet::new_checked(&mut *frame) else { return };
    if ip.next_header() != IpProtocol::Tcp {
        return;
    }
    let ip_len = u16::from(ip.header_len());
    let (source, destination) = (ip.src_addr().octets(), ip.dst_addr().octets());
    let tcp_len = ip.payload_mut().len();
    let mut tcp = TcpPacket::new_unchecked(ip.payload_mut());
    let words = [source, destination].concat();
    let sum = words.chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
    let sum = sum.sum::<u32>() + u32::from(u8::from(IpProtocol::Tcp)) + tcp_len as u32;
    let sum = (sum & 0xffff) + (sum >> 16);
    tcp.set_checksum(((sum & 0xffff) + (sum >> 16)) as u16);
    header[0] = NEEDS_CSUM;
    if let Some(segment) = segment {
        header[1] = GSO_TCPV4;
        header[2..4].copy_from_slice(&(ip_len + u16::from(tcp.header_len())).to_ne_bytes());
        header[4..6].copy_from_slice(&segment.to_ne_bytes());
    }
    header[6..8].copy_from_slice(&ip_len.to_ne_bytes());
    header[8..10].copy_from_slice(&CHECKSUM_AT.to_ne_bytes());
}
