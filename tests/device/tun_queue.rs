//! The fast path to the kernel's TUN, and the choice between it and the plain one.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::num::NonZeroU16;

use tuntcp::device::super_segment::TcpHeaders;
use tuntcp::device::{
    self, Device, Offload, OffloadPolicy, Received, Tun, TunError, TunOptions, TunQueue,
};
use tuntcp::time::Instant;
use tuntcp::wire::{
    Body, Flags, Flow, IpFields, Options, Packet, RawWindow, Segment, SeqNum, emit_tcp,
    emit_tcp_unsummed,
};

use crate::contract::{self, PATIENCE, THERE};
use crate::tun::{close, in_a_namespace, ip};

fn make(arguments: &str, mtu: u16) -> UdpSocket {
    ip(format!("tuntap add dev tun0 mode tun {arguments}").trim());
    ip("address add 192.0.2.1/24 dev tun0");
    ip(&format!("link set tun0 mtu {mtu} up"));
    let socket = UdpSocket::bind(THERE).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn open(offload: OffloadPolicy, queues: usize) -> Result<Vec<Box<dyn Device>>, TunError> {
    device::open("tun0", &TunOptions { offload, queues })
}

#[test]
fn keeps_the_contract() {
    for arguments in ["", "multi_queue"] {
        for (mtu, offload) in [(1500, true), (9000, true), (1500, false)] {
            std::thread::spawn(move || {
                if in_a_namespace() {
                    let socket = make(arguments, mtu);
                    let queue = TunQueue::open("tun0", 1, offload).unwrap().pop().unwrap();
                    assert_eq!(queue.capabilities().offloads, offload);
                    contract::check(&queue, &socket);
                }
            })
            .join()
            .unwrap();
        }
    }
}

#[test]
fn each_kind_of_interface_is_opened_as_it_can_be() {
    if !in_a_namespace() {
        return;
    }
    let socket = make("", 1500);
    assert!(matches!(open(OffloadPolicy::Auto, 2), Err(TunError::WrongKind { .. })));
    assert!(matches!(open(OffloadPolicy::Off, 2), Err(TunError::WrongKind { .. })));
    close(socket);
    ip("link delete tun0");
    let _socket = make("multi_queue", 1500);
    for offload in [OffloadPolicy::Auto, OffloadPolicy::Off] {
        for queues in [1, 2, 8] {
            let devices = open(offload, queues).unwrap();
            assert_eq!(devices.len(), queues);
            let offloads = offload == OffloadPolicy::Auto;
            assert!(devices.iter().all(|device| device.capabilities().offloads == offloads));
            close(devices);
        }
    }
    assert!(matches!(
        device::open("tun1", &TunOptions::default()),
        Err(TunError::Missing { name }) if name == "tun1"
    ));
}

/// A kernel that goes on leaving checksums out would be misunderstood for ever.
#[test]
fn the_plain_path_gets_whole_packets_from_an_interface_that_had_offloads() {
    if !in_a_namespace() {
        return;
    }
    let _socket = make("", 1500);
    close(open(OffloadPolicy::Auto, 1).unwrap());
    let tun = Tun::open("tun0").unwrap();
    let mut peer = Peer::open(&tun);
    let sent = vec![7; 100_000];
    peer.kernel.set_nonblocking(true).unwrap();
    let written = peer.kernel.write(&sent).unwrap();
    assert!(written > 20_000, "a window of 64 KiB: {written}");
    let mut seen = 0;
    while seen < 10 * 1460 {
        let (frame, received) = peer.next();
        assert!(frame.len() <= 1500 && received == Received::plain(frame.len()));
        let packet = Packet::parse(&frame, false).expect("whole, its checksum right");
        let Body::Tcp(_, segment) = packet.body else { panic!("TCP") };
        seen += segment.payload.len();
    }
}

/// The kernel's connection, and by hand the stack's end of it.
struct Peer<'a> {
    device: &'a dyn Device,
    kernel: TcpStream,
    next_seq: SeqNum,
    rcv_nxt: SeqNum,
}

const STACK: &str = "192.0.2.2:4000";

fn flow() -> Flow {
    Flow { local: STACK.parse().unwrap(), remote: "192.0.2.1:80".parse().unwrap() }
}

impl<'a> Peer<'a> {
    /// Connects to a listener of the kernel.
    fn open(device: &'a dyn Device) -> Self {
        let listener = TcpListener::bind("192.0.2.1:80").unwrap();
        let options = Options { mss: Some(1460), ..Options::default() };
        let syn = Segment {
            seq: SeqNum::new(999),
            flags: Flags::SYN,
            window: RawWindow(u16::MAX),
            options,
            ..Segment::default()
        };
        let mut frame = Vec::new();
        emit_tcp(&mut frame, &flow(), &IpFields::default(), &syn, 0, |_| {});
        device.transmit(Instant::ZERO, &frame, Offload::None).unwrap();
        let (frame, _) = next_tcp(device);
        let Body::Tcp(_, answer) = Packet::parse(&frame, true).unwrap().body else { panic!() };
        assert!(answer.flags.contains(Flags::SYN), "{answer}");
        let rcv_nxt = answer.end();
        let accepted = std::thread::spawn(move || listener.accept().unwrap().0);
        let ack = Segment {
            seq: SeqNum::new(1000),
            ack: Some(rcv_nxt),
            window: RawWindow(u16::MAX),
            ..Segment::default()
        };
        let mut frame = Vec::new();
        emit_tcp(&mut frame, &flow(), &IpFields::default(), &ack, 0, |_| {});
        device.transmit(Instant::ZERO, &frame, Offload::None).unwrap();
        let kernel = accepted.join().unwrap();
        kernel.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { device, kernel, next_seq: SeqNum::new(1000), rcv_nxt }
    }

    fn next(&self) -> (Vec<u8>, Received) {
        next_tcp(self.device)
    }

    /// Sends text in one frame, to be cut into segments of 1,460 bytes.
    fn send(&mut self, text: &[u8]) {
        let segment = Segment {
            seq: self.next_seq,
            ack: Some(self.rcv_nxt),
            flags: Flags::PSH,
            window: RawWindow(u16::MAX),
            ..Segment::default()
        };
        let mut frame = Vec::new();
        emit_tcp_unsummed(&mut frame, &flow(), &IpFields::default(), &segment, text.len(), |to| {
            to.extend_from_slice(text);
        });
        let offload = Offload::Tcp { segment: NonZeroU16::new(1460).unwrap() };
        self.device.transmit(Instant::ZERO, &frame, offload).unwrap();
        self.next_seq += u32::try_from(text.len()).unwrap();
    }
}

/// The next TCP packet of the kernel, within bounds.
fn next_tcp(device: &dyn Device) -> (Vec<u8>, Received) {
    let mut frame = vec![0; device.capabilities().max_frame];
    for _ in 0..1000 {
        if let Some(received) = device.receive(Instant::ZERO, &mut frame).unwrap() {
            frame.truncate(received.len);
            if TcpHeaders::of(&frame).is_some() {
                return (frame, received);
            }
            frame = vec![0; device.capabilities().max_frame];
        } else {
            device.wait(Some(PATIENCE)).unwrap();
        }
    }
    panic!("the kernel sends no TCP")
}

#[test]
fn super_segments_pass_both_ways() {
    if !in_a_namespace() {
        return;
    }
    let _socket = make("", 1500);
    let device = open(OffloadPolicy::Auto, 1).unwrap().pop().unwrap();
    let mut peer = Peer::open(&*device);
    let text: Vec<u8> = (0..60_000_u32).map(|at| (at % 251) as u8).collect();
    peer.send(&text);
    let mut heard = vec![0; text.len()];
    peer.kernel.read_exact(&mut heard).unwrap();
    assert!(heard == text, "the kernel hears what was sent");
    peer.kernel.write_all(&text[..14_600]).unwrap();
    let mut got = Vec::new();
    let mut largest = 0;
    while got.len() < 14_600 {
        let (frame, received) = peer.next();
        let Body::Tcp(_, segment) = Packet::parse(&frame, received.vouched).unwrap().body else {
            panic!("TCP")
        };
        if segment.payload.len() > 1460 {
            assert!(received.vouched);
            assert_eq!(received.segment.map(NonZeroU16::get), Some(1460));
        }
        largest = largest.max(segment.payload.len());
        // A little more than once would be a retransmission.
        if segment.seq == peer.rcv_nxt + u32::try_from(got.len()).unwrap() {
            got.extend_from_slice(segment.payload);
        }
    }
    assert!(got == text[..14_600], "what the kernel has sent is heard");
    assert!(largest > 1460, "in super-segments: {largest}");
}
