//! Which address is tried first? RFC 6724 6, as far as a host on a TUN can tell: rules 1, 2, 5, 6, 8
//! and 9. (It has neither home addresses nor deprecated ones, nor does it know what is tunnelled.)

use std::cmp::Reverse;
use std::net::{IpAddr, Ipv6Addr};

/// RFC 6724 2.1: prefix, its length, precedence, label.
const POLICY: [(Ipv6Addr, u32, u8, u8); 9] = [
    (Ipv6Addr::LOCALHOST, 128, 50, 0),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, 35, 4),
    (Ipv6Addr::UNSPECIFIED, 96, 1, 3),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, 5, 5),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, 30, 2),
    (Ipv6Addr::new(0x3ffe, 0, 0, 0, 0, 0, 0, 0), 16, 1, 12),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, 1, 11),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, 3, 13),
    (Ipv6Addr::UNSPECIFIED, 0, 40, 1),
];

/// Sorts `addresses`, the best first; `source` says from where one would be reached, if at all. What
/// is alike keeps the order in which the server gave it (rule 10).
pub(crate) fn by_preference(addresses: &mut [IpAddr], source: impl Fn(IpAddr) -> Option<IpAddr>) {
    addresses.sort_by_cached_key(|&address| {
        let from = source(address);
        let (precedence, label) = policy(address);
        let scope = scope(address);
        // `false` comes before `true`.
        (
            from.is_none(),
            from.is_some_and(|from| self::scope(from) != scope),
            from.is_some_and(|from| policy(from).1 != label),
            Reverse(precedence),
            scope,
            Reverse(from.map_or(0, |from| common_prefix(address, from))),
        )
    });
}

/// Precedence and label.
fn policy(address: IpAddr) -> (u8, u8) {
    let bits = as_v6(address).to_bits();
    let matches =
        |prefix: Ipv6Addr, len: u32| len == 0 || (bits ^ prefix.to_bits()).leading_zeros() >= len;
    let row = POLICY.iter().find(|&&(prefix, len, ..)| matches(prefix, len));
    row.map_or((40, 1), |&(.., precedence, label)| (precedence, label))
}

/// RFC 6724 3.1, 3.2: how far an address reaches. 2 the link, 5 the site, 14 the world.
fn scope(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(v4) if v4.is_loopback() || v4.is_link_local() => 2,
        IpAddr::V6(v6) if v6.is_multicast() => v6.octets()[1] & 15,
        IpAddr::V6(v6) if v6.is_loopback() || v6.is_unicast_link_local() => 2,
        IpAddr::V6(v6) if v6.octets()[0] == 0xfe && v6.octets()[1] & 0xc0 == 0xc0 => 5,
        _ => 14,
    }
}

/// Bits in front that are alike, up to 64, which rule 9 compares within IPv6 only.
fn common_prefix(one: IpAddr, other: IpAddr) -> u32 {
    match (one, other) {
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            (one.to_bits() ^ other.to_bits()).leading_zeros().min(64)
        }
        _ => 0,
    }
}

fn as_v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}
