//! `resolv.conf`, `hosts`, `services`, and what is a name at all.

use std::time::Duration;

use proptest::prelude::*;

use super::{at, ip, name};
use crate::names::{DomainName, Hosts, Protocol, ResolverConfig, Services};

#[test]
fn names_are_checked() {
    let long_label = "a".repeat(63);
    let longest = format!("{long_label}.{long_label}.{long_label}.{}", "a".repeat(61));
    assert_eq!(longest.len(), 253);
    for good in ["a", "A.b-c", "_service._tcp.example.", "xn--bcher-kva.example", "1", &longest] {
        let expected = good.trim_end_matches('.').to_ascii_lowercase();
        assert_eq!(DomainName::new(good).unwrap().as_str(), expected);
    }
    let rows = [
        ("", "empty"),
        (".", "empty"),
        ("a..b", "a label"),
        (".a", "a label"),
        ("a..", "a label"),
        ("a b", "only letters"),
        ("a/b", "only letters"),
        ("a\\.b", "only letters"),
        ("a\0", "only letters"),
        ("bücher.example", "beyond ASCII"),
        (&"a".repeat(64), "exceeds 63"),
        (&format!("{longest}a"), "253"),
    ];
    for (bad, wanted) in rows {
        let why = DomainName::new(bad).unwrap_err();
        assert!(why.contains(wanted), "{bad:?}: {why}");
    }
}

#[test]
fn resolv_conf_is_read() {
    let text = "\
# a comment
; another
nameserver 192.0.2.53 # the first
  nameserver\t2001:db8::53
nameserver fe80::1%3
domain gone.example
search corp.example Example. .
sortlist 192.0.2.0
options ndots:3 timeout:2 attempts:4 rotate use-vc edns0 no-such-option trust-ad
family inet4
";
    let config: ResolverConfig = text.parse().unwrap();
    assert_eq!(config.servers[..2], [at("192.0.2.53"), at("2001:db8::53")]);
    assert_eq!(config.servers[2].to_string(), "[fe80::1%3]:53");
    assert_eq!(config.search, [name("corp.example"), name("example")]);
    assert_eq!((config.ndots, config.attempts), (3, 4));
    assert_eq!(config.timeout, Duration::from_secs(2));
    assert!(config.rotate && config.use_vc && config.edns0);
}

#[test]
fn resolv_conf_keeps_to_bounds() {
    assert_eq!("".parse::<ResolverConfig>().unwrap(), ResolverConfig::default());
    let config: ResolverConfig = "options ndots:99 timeout:0 attempts:0".parse().unwrap();
    assert_eq!((config.ndots, config.timeout.as_secs(), config.attempts), (15, 1, 1));
    let config: ResolverConfig = "options timeout:9999 attempts:9999".parse().unwrap();
    assert_eq!((config.timeout.as_secs(), config.attempts), (30, 5));
    // `domain` has one, and the last of the two keywords holds.
    let config: ResolverConfig = "search a b\ndomain c d".parse().unwrap();
    assert_eq!(config.search, [name("c")]);
}

#[test]
fn bad_lines_are_told_and_passed_over() {
    for line in [
        "nameserver",
        "nameserver localhost",
        "nameserver 192.0.2.256",
        "nameserver fe80::1%eth0",
        "options ndots",
        "options timeout:soon",
        "options attempts:-1",
        "search a..b",
    ] {
        let text = format!("nameserver 192.0.2.1\n\n{line}\nnameserver 192.0.2.2");
        let error = text.parse::<ResolverConfig>().unwrap_err();
        assert_eq!((error.number, error.text.as_str()), (3, line), "{error}");
        let (config, bad) = ResolverConfig::lenient(&text);
        assert_eq!((config.servers.len(), bad), (2, vec![error]));
    }
}

#[test]
fn hosts_are_read() {
    let text = "\
127.0.0.1\tlocalhost
::1 localhost ip6-localhost
192.0.2.1 One.example one   # comment
192.0.2.2 two.example one
192.0.2.1 again.example
fe80::1%lo0 localhost
";
    let hosts: Hosts = text.parse().unwrap();
    assert_eq!(hosts.addresses("LOCALHOST"), [ip("127.0.0.1"), ip("::1")]);
    assert_eq!(hosts.addresses("one"), [ip("192.0.2.1"), ip("192.0.2.2")]);
    assert_eq!(hosts.addresses("one.example."), [ip("192.0.2.1")]);
    assert!(hosts.addresses("three").is_empty() && hosts.addresses("not a name").is_empty());
    assert_eq!(hosts.name(ip("192.0.2.1")), Some("one.example"));
    assert_eq!(hosts.name(ip("192.0.2.9")), None);
    for line in ["one 192.0.2.1", "192.0.2.1", "192.0.2 one", "192.0.2.1 a..b", "192.0.2.1 ü"] {
        let error = line.parse::<Hosts>().unwrap_err();
        assert_eq!((error.number, error.text.as_str()), (1, line));
    }
}

#[test]
fn services_are_read() {
    let text = "# ports\nhttp 80/tcp www\nhttp 80/udp\nwww 81/tcp\nsctp-only 5/sctp\nOdd 9/tcp";
    let services: Services = text.parse().unwrap();
    assert_eq!(services.port("HTTP", Protocol::Tcp), Some(80));
    // The first line that has a name holds.
    assert_eq!(services.port("www", Protocol::Tcp), Some(80));
    assert_eq!(services.name(81, Protocol::Tcp), Some("www"));
    assert_eq!(services.port("odd", Protocol::Tcp), Some(9));
    assert_eq!(services.port("sctp-only", Protocol::Tcp), None);
    assert_eq!(services.name(80, Protocol::Udp), Some("http"));
    for line in ["http", "http 80", "http 65536/tcp", "http tcp/80", "http -1/udp", "x 99999/sctp"]
    {
        let error = line.parse::<Services>().unwrap_err();
        assert_eq!((error.number, error.text.as_str()), (1, line));
    }
}

#[test]
fn well_known_services_are_well_formed() {
    let services = Services::well_known();
    for (service, port) in [("echo", 7), ("daytime", 13), ("www", 80), ("http-alt", 8080)] {
        assert_eq!(services.port(service, Protocol::Tcp), Some(port), "{service}");
    }
    assert_eq!(services.port("domain", Protocol::Udp), Some(53));
}

/// Lines of words that those files have, and others.
fn lines() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("nameserver".to_owned()),
        Just("search".to_owned()),
        Just("domain".to_owned()),
        Just("options".to_owned()),
        Just("192.0.2.1".to_owned()),
        "(ndots|timeout|attempts):[0-9x]{0,20}",
        "[0-9]{0,6}/(tcp|udp|sctp|)",
        "[a-zA-Z.:%#;/ü0-9 \t\n-]{0,12}",
        any::<String>(),
    ];
    proptest::collection::vec(word, 0..20).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn no_text_makes_the_parsers_panic(text in lines()) {
        let (config, bad) = ResolverConfig::lenient(&text);
        prop_assert!((1..=5).contains(&config.attempts) && config.ndots <= 15);
        prop_assert!((1..=30).contains(&config.timeout.as_secs()));
        prop_assert_eq!(text.parse::<ResolverConfig>().is_ok(), bad.is_empty());
        let (_, bad) = Hosts::lenient(&text);
        prop_assert_eq!(text.parse::<Hosts>().is_ok(), bad.is_empty());
        let (_, bad) = Services::lenient(&text);
        prop_assert_eq!(text.parse::<Services>().is_ok(), bad.is_empty());
    }

    #[test]
    fn what_is_a_name_can_be_asked_for(text in "[a-zA-Z0-9_.-]{1,260}") {
        if let Ok(name) = DomainName::new(&text) {
            let query = super::super::message::query(7, &name, super::super::RecordType::A, true);
            let packet = simple_dns::Packet::parse(&query).unwrap();
            prop_assert_eq!(packet.questions[0].qname.to_string(), name.to_string());
        }
    }
}
