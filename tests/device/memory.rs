//! The pair in memory.

use std::io::ErrorKind;

use tuntcp::device::{Device, Memory, Offload, memory};
use tuntcp::time::Instant;

use crate::contract::{self, Far, HERE, THERE, await_payload, datagram};

impl Far for Memory {
    fn say(&self, payload: &[u8]) {
        self.transmit(Instant::ZERO, &datagram(THERE, HERE, payload), Offload::None).unwrap();
    }

    fn hear(&self) -> Vec<u8> {
        await_payload(self)
    }
}

#[test]
fn keeps_the_contract() {
    for mtu in [68, 1500, 65_535] {
        let (near, far) = memory::pair(mtu);
        assert_eq!(near.capabilities().mtu, mtu);
        contract::check(&near, &far);
    }
}

#[test]
fn one_frame_too_many_is_lost_and_the_others_are_not() {
    let (near, far) = memory::pair(100);
    for number in 0..memory::CAPACITY {
        near.transmit(Instant::ZERO, &number.to_be_bytes(), Offload::None).unwrap();
    }
    let error = near.transmit(Instant::ZERO, b"x", Offload::None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);

    let mut frame = [0; 100];
    for number in 0..memory::CAPACITY {
        let received = far.receive(Instant::ZERO, &mut frame).unwrap().expect("it fitted");
        assert_eq!(frame[..received.len], number.to_be_bytes());
    }
    assert_eq!(far.receive(Instant::ZERO, &mut frame).unwrap(), None);
    near.transmit(Instant::ZERO, b"there is room again", Offload::None).unwrap();
}

#[test]
fn an_end_that_is_left_alone_stays_usable() {
    let (near, far) = memory::pair(100);
    far.transmit(Instant::ZERO, b"last words", Offload::None).unwrap();
    drop(far);
    near.transmit(Instant::ZERO, b"anybody?", Offload::None).unwrap();
    let mut frame = [0; 100];
    assert_eq!(near.receive(Instant::ZERO, &mut frame).unwrap().unwrap().len, 10);
    assert_eq!(near.receive(Instant::ZERO, &mut frame).unwrap(), None);
}

#[test]
fn a_buffer_that_is_too_small_gets_the_beginning() {
    let (near, far) = memory::pair(100);
    far.transmit(Instant::ZERO, b"0123456789", Offload::None).unwrap();
    let mut frame = [0; 4];
    assert_eq!(near.receive(Instant::ZERO, &mut frame).unwrap().unwrap().len, 4);
    assert_eq!(&frame, b"0123");
}
