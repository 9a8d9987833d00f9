//! RFC 1071: our sum against the definition, and against etherparse's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use crate::wire::checksum::Sum;

/// The definition: the complement of the one's complement sum of all 16-bit words.
pub(super) fn naive(bytes: &[u8]) -> u16 {
    let mut sum = 0u32;
    for pair in bytes.chunks(2) {
        let low = pair.get(1).copied().unwrap_or(0);
        sum += u32::from(u16::from_be_bytes([pair[0], low]));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).expect("folded")
}

fn naive_pseudo(from: &[u8], to: &[u8], protocol: u8, transport: &[u8]) -> u16 {
    let len = u32::try_from(transport.len()).expect("a short packet");
    naive(&[from, to, &len.to_be_bytes(), &[0, 0, 0, protocol], transport].concat())
}

#[test]
fn extremes() {
    for len in (0..200).chain([1_459, 1_460, 65_534, 65_535]) {
        let zeros = vec![0; len];
        assert_eq!(Sum::new().plus(&zeros).finish(), 0xffff, "{len} zeros");
        let ones = vec![0xff; len];
        assert_eq!(Sum::new().plus(&ones).finish(), naive(&ones), "{len} times 0xff");
    }
}

#[test]
fn an_odd_last_byte_is_the_high_half_of_its_word() {
    assert_eq!(Sum::new().plus(&[0x12]).finish(), !0x1200);
    assert_eq!(Sum::new().plus(&[0, 1, 0x12]).finish(), !0x1201);
}

proptest! {
    #[test]
    fn equals_the_definition(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0usize..150) {
        let even = (2 * cut).min(bytes.len() & !1);
        let sum = Sum::new().plus(&bytes[..even]).plus(&bytes[even..]);
        prop_assert_eq!(sum.finish(), naive(&bytes));
        prop_assert_eq!(sum.finish(), etherparse::checksum::Sum16BitWords::new().add_slice(&bytes).ones_complement().to_be());
    }

    #[test]
    fn equals_the_definition_under_pseudo_headers(
        a in any::<[u8; 16]>(), b in any::<[u8; 16]>(), protocol in any::<u8>(),
        bytes in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let (from, to) = (IpAddr::V6(Ipv6Addr::from(a)), IpAddr::V6(Ipv6Addr::from(b)));
        let sum = Sum::pseudo(from, to, protocol, bytes.len()).plus(&bytes);
        prop_assert_eq!(sum.finish(), naive_pseudo(&a, &b, protocol, &bytes));

        let (a, b) = ([a[0], a[1], a[2], a[3]], [b[0], b[1], b[2], b[3]]);
        let (from, to) = (IpAddr::V4(Ipv4Addr::from(a)), IpAddr::V4(Ipv4Addr::from(b)));
        let sum = Sum::pseudo(from, to, protocol, bytes.len()).plus(&bytes);
        prop_assert_eq!(sum.finish(), naive_pseudo(&a, &b, protocol, &bytes));
    }
}
