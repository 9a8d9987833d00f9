//! What every device must do, whatever it is made of.

use std::io::{ErrorKind, IoSlice};
use std::net::Ipv4Addr;
use std::time::Duration;

use etherparse::PacketBuilder;
use tuntcp::device::{Device, Offload, is_gone};
use tuntcp::time::Instant;

/// Our address, and the far end's.
pub(crate) const HERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 2), 4000);
pub(crate) const THERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 5000);

/// Long enough for any machine; reached only by a test that fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What stands at the far end of the device.
pub(crate) trait Far: Sync {
    /// Sends the payload, in a datagram from `THERE` to `HERE`.
    fn say(&self, payload: &[u8]);
    /// Waits for the next datagram from `HERE` to `THERE`; its payload.
    fn hear(&self) -> Vec<u8>;
}

/// The contract of [`Device`].
pub(crate) fn check(device: &dyn Device, far: &dyn Far) {
    capabilities_are_sane(device);
    nothing_held_nothing_due(device);
    frames_arrive_whole_and_in_order(device, far);
    bad_frames_are_refused_and_harmless(device, far);
    waits_end(device, far);
}

fn capabilities_are_sane(device: &dyn Device) {
    let capabilities = device.capabilities();
    // RFC 791: every module must be able to forward 68 bytes.
    assert!(capabilities.mtu >= 68, "{capabilities:?}");
    assert!(capabilities.max_frame >= capabilities.mtu, "{capabilities:?}");
    assert_eq!(capabilities, device.capabilities());
}

fn nothing_held_nothing_due(device: &dyn Device) {
    assert_eq!(next(device), None);
    assert_eq!(device.deadline(), Instant::NEVER);
}

fn frames_arrive_whole_and_in_order(device: &dyn Device, far: &dyn Far) {
    let longest = vec![0xa5; device.capabilities().mtu - 28];
    for payload in [b"one".as_slice(), b"", &longest, b"two"] {
        let frame = datagram(HERE, THERE, payload);
        device.transmit(Instant::ZERO, &frame, Offload::None).expect("a frame that fits");
        assert_eq!(far.hear(), payload, "outwards");
        let (head, tail) = frame.split_at(28);
        let (some, more) = tail.split_at(tail.len() / 3);
        let parts = [head, some, more].map(IoSlice::new);
        device.transmit_parts(Instant::ZERO, &parts, Offload::None).expect("the same in parts");
        assert_eq!(far.hear(), payload, "outwards, in parts");
    }
    for payload in [b"one".as_slice(), b"", &longest, b"two"] {
        far.say(payload);
    }
    for payload in [b"one".as_slice(), b"", &longest, b"two"] {
        assert_eq!(await_payload(device), payload, "inwards");
    }
    nothing_held_nothing_due(device);
}

fn bad_frames_are_refused_and_harmless(device: &dyn Device, far: &dyn Far) {
    for frame in [vec![], vec![0x45; device.capabilities().max_frame + 1]] {
        let error = device.transmit(Instant::ZERO, &frame, Offload::None).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(!is_gone(&error));
        assert!(error.to_string().contains(&frame.len().to_string()), "{error}");
    }
    let frame = datagram(HERE, THERE, b"still alive");
    device.transmit(Instant::ZERO, &frame, Offload::None).expect("a good frame after bad ones");
    assert_eq!(far.hear(), b"still alive");
}

/// Each of these would hang for ever if a wake-up or a frame were overlooked.
fn waits_end(device: &dyn Device, far: &dyn Far) {
    // Time passes.
    device.wait(Some(Duration::ZERO)).unwrap();
    device.wait(Some(Duration::from_micros(1))).unwrap();
    // Woken before, twice: one wait uses up both.
    device.wake();
    device.wake();
    device.wait(None).unwrap();
    assert!(sleeps(device), "a wake-up was used twice");
    // Woken meanwhile.
    std::thread::scope(|scope| {
        scope.spawn(|| device.wake());
        device.wait(None).unwrap();
    });
    // A frame that waits ends every wait until it is taken.
    far.say(b"look");
    for _ in 0..3 {
        device.wait(None).unwrap();
    }
    assert_eq!(await_payload(device), b"look");
    // A wake-up is not lost because of a frame beside it.
    far.say(b"again");
    device.wake();
    device.wait(None).unwrap();
    assert_eq!(await_payload(device), b"again");
    // A frame arrives meanwhile.
    std::thread::scope(|scope| {
        scope.spawn(|| far.say(b"late"));
        device.wait(None).unwrap();
    });
    assert_eq!(await_payload(device), b"late");
}

/// Whether a short wait on an idle device lasts. A stray frame of the kernel's own (an IPv6 router
/// solicitation) may end one, so it has a few tries.
fn sleeps(device: &dyn Device) -> bool {
    const NAP: Duration = Duration::from_millis(2);
    (0..20).any(|_| {
        let before = elapsed();
        device.wait(Some(NAP)).unwrap();
        let slept = elapsed() - before >= NAP;
        if !slept {
            assert_eq!(next(device), None);
        }
        slept
    })
}

fn elapsed() -> Duration {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).unwrap().into()
}

/// The payload of the next datagram, waited for.
pub(crate) fn await_payload(device: &dyn Device) -> Vec<u8> {
    for _ in 0..100 {
        if let Some(payload) = next(device) {
            return payload;
        }
        device.wait(Some(PATIENCE)).unwrap();
    }
    panic!("nothing arrived");
}

/// The payload of the datagram that is there, if one is; what else the kernel says is skipped.
pub(crate) fn next(device: &dyn Device) -> Option<Vec<u8>> {
    let mut frame = vec![0; device.capabilities().max_frame];
    loop {
        let received = device.receive(Instant::ZERO, &mut frame).expect("a live device")?;
        assert_eq!(received.segment, None, "a datagram is no super-segment");
        if let Some(payload) = payload_of(&frame[..received.len]) {
            return Some(payload.to_vec());
        }
    }
}

/// An IPv4 packet with a UDP datagram, from, to.
pub(crate) fn datagram(from: (Ipv4Addr, u16), to: (Ipv4Addr, u16), payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ipv4(from.0.octets(), to.0.octets(), 64)
        .udp(from.1, to.1)
        .write(&mut frame, payload)
        .expect("a vector takes it all");
    frame
}

/// The payload of one of our datagrams; `None` for anything else.
pub(crate) fn payload_of(frame: &[u8]) -> Option<&[u8]> {
    let packet = etherparse::SlicedPacket::from_ip(frame).ok()?;
    match packet.transport? {
        etherparse::TransportSlice::Udp(udp) if packet.net?.ipv4_ref().is_some() => {
            Some(udp.payload())
        }
        _ => None,
    }
}
