//! Virtual I/O Device 1.2, 5.1.6: the header byte by byte.

use std::num::NonZeroU16;

use super::VnetHdr;
use crate::device::super_segment::TcpHeaders;

const V4: TcpHeaders = TcpHeaders { tcp: 20, payload: 52, is_v6: false };
const V6: TcpHeaders = TcpHeaders { tcp: 40, payload: 60, is_v6: true };
const MSS: NonZeroU16 = NonZeroU16::new(1448).unwrap();

/// Numbers of the layout, as this machine lays them out.
fn bytes(flags: u8, gso_type: u8, words: [u16; 4]) -> Vec<u8> {
    [flags, gso_type].into_iter().chain(words.into_iter().flat_map(u16::to_ne_bytes)).collect()
}

#[test]
fn a_frame_of_one_segment_asks_for_its_checksum_alone() {
    for len in [52, 53, 52 + 1448] {
        let asking = VnetHdr::asking(V4, len, MSS).encode();
        assert_eq!(asking[..], bytes(1, 0, [0, 0, 20, 16]), "{len}");
    }
}

#[test]
fn a_longer_one_asks_to_be_cut() {
    let asking = VnetHdr::asking(V4, 52 + 1449, MSS).encode();
    assert_eq!(asking[..], bytes(1, 1, [52, 1448, 20, 16]));
    let asking = VnetHdr::asking(V6, 60 + 1449, MSS).encode();
    assert_eq!(asking[..], bytes(1, 4, [60, 1448, 40, 16]));
}

#[test]
fn what_the_kernel_says_is_understood() {
    let said = |flags, gso_type, size| {
        let bytes = bytes(flags, gso_type, [0, size, 0, 0]);
        let header = VnetHdr::decode(bytes.as_slice().try_into().unwrap());
        (header.vouches(), header.segment().map(NonZeroU16::get))
    };
    assert_eq!(said(0, 0, 0), (false, None), "nothing is said");
    assert_eq!(said(1, 0, 0), (true, None), "the sum was never written: the frame was never away");
    assert_eq!(said(2, 0, 0), (true, None), "the sum was verified");
    assert_eq!(said(1, 1, 1448), (true, Some(1448)), "TCP over IPv4");
    assert_eq!(said(1, 4, 1428), (true, Some(1428)), "TCP over IPv6");
    assert_eq!(said(1, 0x81, 1448), (true, Some(1448)), "with CWR");
    assert_eq!(said(1, 3, 1448), (true, None), "UDP is not TCP");
    assert_eq!(said(1, 1, 0), (true, None), "no size is no size");
}

#[test]
fn what_is_encoded_is_decoded() {
    let asking = VnetHdr::asking(V4, 9000, MSS);
    assert_eq!(VnetHdr::decode(&asking.encode()), asking);
}
