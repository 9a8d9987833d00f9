//! Which address is tried first: RFC 6724 6, and its examples of 10.2.

use std::net::IpAddr;

use super::ip;
use crate::names::by_preference;

/// `addresses` in the order in which they are tried from these sources, the first of each family.
fn ordered(addresses: &[&str], sources: &[&str]) -> Vec<String> {
    let mut all: Vec<IpAddr> = addresses.iter().map(|text| ip(text)).collect();
    by_preference(&mut all, |to| {
        let sources = sources.iter().map(|text| ip(text));
        let mut fitting = sources.filter(|from| {
            let link = |ip: &IpAddr| ip.to_string().starts_with("fe80");
            from.is_ipv4() == to.is_ipv4() && link(from) == link(&to)
        });
        fitting.next()
    });
    all.iter().map(IpAddr::to_string).collect()
}

#[test]
fn what_cannot_be_reached_comes_last() {
    let both = ["2001:db8:1::1", "198.51.100.121"];
    assert_eq!(ordered(&both, &["192.0.2.2"]), ["198.51.100.121", "2001:db8:1::1"]);
    assert_eq!(ordered(&both, &["2001:db8::2", "192.0.2.2"]), both);
    let turned = ["198.51.100.121", "2001:db8:1::1"];
    assert_eq!(ordered(&turned, &["2001:db8::2", "192.0.2.2"]), both, "IPv6 before IPv4");
}

#[test]
fn scopes_labels_and_prefixes_decide() {
    // 10.2: the scope that matches, rule 2.
    let both = ["2001:db8:1::1", "198.51.100.121"];
    assert_eq!(
        ordered(&both, &["2001:db8:1::2", "169.254.13.78"]),
        ["2001:db8:1::1", "198.51.100.121"]
    );
    // Rule 5: 6to4 from a native address is worse than IPv4 from IPv4.
    let both = ["2002:c633:6401::1", "192.0.2.9"];
    assert_eq!(ordered(&both, &["2001:db8::2", "192.0.2.2"]), ["192.0.2.9", "2002:c633:6401::1"]);
    // Rule 8: the smaller scope.
    let both = ["2001:db8:1::1", "fe80::1"];
    assert_eq!(ordered(&both, &["2001:db8:1::2", "fe80::2"]), ["fe80::1", "2001:db8:1::1"]);
    // Rule 9: the longer common prefix.
    let both = ["2001:db8:3ffe::1", "2001:db8:1::1"];
    assert_eq!(ordered(&both, &["2001:db8:1::2"]), ["2001:db8:1::1", "2001:db8:3ffe::1"]);
    // Rule 10: what is alike stays as it is, and IPv4 knows no rule 9.
    let same = ["192.0.2.9", "198.51.100.1", "192.0.2.1"];
    assert_eq!(ordered(&same, &["192.0.2.2"]), same);
}
