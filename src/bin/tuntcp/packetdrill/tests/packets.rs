//! Lines with packets.

use std::net::IpAddr;

use super::super::script::{
    BodySpec, Ecn, IcmpSpec, IpSpec, OptionsSpec, Quoted, TcpOption, TcpSpec, UdpSpec, Way,
};
use super::{mistake, packet, script, tcp};

fn icmp(text: &str) -> IcmpSpec {
    match packet(text).body {
        BodySpec::Icmp(icmp) => icmp,
        other => panic!("not ICMP: {text}: {other:?}"),
    }
}

fn options(text: &str) -> Vec<TcpOption> {
    match tcp(&format!("> . 1:1(0) ack 1 <{text}>")).options {
        OptionsSpec::List(list) => list,
        OptionsSpec::Any => panic!("any: {text}"),
    }
}

#[test]
fn flags_come_in_any_order() {
    let cases = [
        ("S", 0x02),
        ("S.", 0x12),
        (".S", 0x12),
        (".", 0x10),
        ("-", 0),
        ("F.", 0x11),
        ("P.", 0x18),
        ("PU.", 0x38),
        ("FP.", 0x19),
        ("R", 0x04),
        ("SEW", 0xc2),
        ("SE.", 0x52),
        ("SWE", 0xc2),
        ("E.", 0x50),
        ("SEWA", 0x1c2),
        ("SA.", 0x112),
        ("5.", 0x150),
        (".5", 0x150),
        ("P5.", 0x158),
        ("P.5", 0x158),
        ("F0.", 0x11),
        ("7.", 0x1d0),
        ("S .", 0x12),
    ];
    for (text, flags) in cases {
        let read = tcp(&format!("> {text} 1:1(0) ack 1"));
        assert_eq!((read.flags, read.seq, read.ack), (flags, 1, Some(1)), "{text}");
        assert_eq!(tcp(&format!(">[noecn]{text}\t1:1(0) ack 1")).flags, flags, "{text}");
    }
}

#[test]
fn a_segment_has_a_sequence_and_more() {
    let cases = [
        ("> S 0:0(0) win 65535 <mss 1460>", 0, 0, None, Some(65535), None),
        ("> . 1:1001(1000) ack 1", 1, 1000, Some(1), None, None),
        (">    P. 1001:1002(1) ack 5 win 257 urg 3", 1001, 1, Some(5), Some(257), Some(3)),
        ("> . 4294967295:4(5) ack 4294967295", u32::MAX, 5, Some(u32::MAX), None, None),
        ("> . 3000000000:3000000001(1) ack 1", 3_000_000_000, 1, Some(1), None, None),
        ("> . 1:1(0) win 0", 1, 0, None, Some(0), None),
        ("< S 123:123(0)       ack    1 win   0 <nop>", 123, 0, Some(1), Some(0), None),
    ];
    for (text, seq, len, ack, window, urgent) in cases {
        let read = tcp(text);
        assert_eq!((read.seq, read.len), (seq, len), "{text}");
        assert_eq!((read.ack, read.window, read.urgent), (ack, window, urgent), "{text}");
        assert!(!read.any_flags && !read.any_seq && !read.absolute_seq, "{text}");
    }
}

#[test]
fn what_is_expected_may_be_left_open() {
    let open = |text| {
        let read = tcp(text);
        (read.any_flags, read.any_seq, read.absolute_seq, read.len)
    };
    assert_eq!(open("> . ...(1000) ack 1"), (false, true, false, 1000));
    assert_eq!(open("> ... 1:1(0) ack 1"), (true, false, false, 0));
    assert_eq!(open("> ... ...(7)"), (true, true, false, 7));
    assert_eq!(open("> ..."), (true, true, false, 0));
    assert_eq!(open("> R. 0:0(0)! ack 1 win 0"), (false, false, true, 0));
    assert_eq!(tcp("> S. 0:0(0) ack 1 <...>").options, OptionsSpec::Any);
    assert_eq!(tcp("> S. 0:0(0) ack 1 <>").options, OptionsSpec::default());
    let stamps = tcp("> . 1:1(0) ack 1 <nop,nop,TS val ... ecr 7!>");
    assert!(stamps.any_timestamp && stamps.absolute_echo && !stamps.any_echo);
    assert!(tcp("> . 1:1(0) ack 1 <TS val 7 ecr ...>").any_echo);
    let two = script("0 > ...\n+0 > ...\n1 > . 1:1(0)\n").events.len();
    assert_eq!(two, 3);
}

#[test]
fn options_of_tcp() {
    let unknown = |text: &str| TcpOption::Unknown(text.to_string());
    let cases = [
        ("", vec![]),
        ("mss 1460", vec![TcpOption::Mss(1460)]),
        ("nop, nop,eol", vec![TcpOption::Nop, TcpOption::Nop, TcpOption::Eol]),
        ("wscale 7,sackOK", vec![TcpOption::WindowScale(7), TcpOption::SackPermitted]),
        ("TS val 100 ecr 0", vec![TcpOption::Timestamps { value: 100, echo: 0 }]),
        ("sack 1:2", vec![TcpOption::Sack(vec![(1, 2)])]),
        ("sack 1:2 3:4", vec![TcpOption::Sack(vec![(1, 2), (3, 4)])]),
        ("sack 1:2, 3:4,nop", vec![TcpOption::Sack(vec![(1, 2), (3, 4)]), TcpOption::Nop]),
        ("FO", vec![TcpOption::FastOpen(vec![])]),
        ("FO,nop", vec![TcpOption::FastOpen(vec![]), TcpOption::Nop]),
        ("FO 0a1b", vec![TcpOption::FastOpen(vec![0x0a, 0x1b])]),
        ("FO 00112233", vec![TcpOption::FastOpen(vec![0, 0x11, 0x22, 0x33])]),
        ("FO abcd", vec![TcpOption::FastOpen(vec![0xab, 0xcd])]),
        ("FOEXP 12ab", vec![TcpOption::FastOpenExperimental(vec![0x12, 0xab])]),
        ("exp-FO 12ab", vec![TcpOption::FastOpenExperimental(vec![0x12, 0xab])]),
        ("exp-FO", vec![TcpOption::FastOpenExperimental(vec![])]),
        ("md5 valid", vec![TcpOption::Md5(vec![])]),
        ("md5 invalid,nop", vec![TcpOption::Md5(vec![]), TcpOption::Nop]),
        ("md5 00ff", vec![TcpOption::Md5(vec![0, 255])]),
        ("md5", vec![TcpOption::Md5(vec![])]),
        ("30 0102", vec![TcpOption::Other { kind: 30, data: vec![1, 2] }]),
        ("0x1e [1, 0x2]", vec![TcpOption::Other { kind: 30, data: vec![1, 2] }]),
        ("ECN e0b 1 ceb 0 e1b 1,nop", vec![unknown("ECN e0b 1 ceb 0 e1b 1"), TcpOption::Nop]),
        ("AccECN1", vec![unknown("AccECN1")]),
        ("exp-AccECN0 ee0b 1", vec![unknown("exp-AccECN0 ee0b 1")]),
        ("exp-tarr 5", vec![unknown("exp-tarr 5")]),
        ("mp_capable v1 flags[flag_h] nokey", vec![unknown("mp_capable v1 flags[flag_h] nokey")]),
        ("dss dack4=f(a, b) dsn8 5,nop", vec![unknown("dss dack4=f(a, b) dsn8 5"), TcpOption::Nop]),
    ];
    for (text, list) in cases {
        assert_eq!(options(text), list, "{text}");
    }
}

#[test]
fn annotations_of_the_ip_header() {
    let ip = IpSpec::default;
    let cases = [
        ("[ect0]", IpSpec { ecn: Some(Ecn::Ect0), ..ip() }),
        ("[noecn]", IpSpec { ecn: Some(Ecn::NotEct), ..ip() }),
        ("(ce)", IpSpec { ecn: Some(Ecn::Ce), ..ip() }),
        ("[ect01]", IpSpec { ecn: Some(Ecn::Ect01), ..ip() }),
        ("(ecn ect1)", IpSpec { ecn: Some(Ecn::Ect1), ..ip() }),
        ("(tos 0x28)", IpSpec { tos: Some(0x28), ..ip() }),
        ("(class 0x28)", IpSpec { tos: Some(0x28), ..ip() }),
        ("(tos 0x28, ttl 64)", IpSpec { tos: Some(0x28), ttl: Some(64), ..ip() }),
        ("[ttl 5]", IpSpec { ttl: Some(5), ..ip() }),
        ("[hlim 5]", IpSpec { ttl: Some(5), ..ip() }),
        ("(flowlabel 0xabcde)", IpSpec { flow_label: Some(0xabcde), ..ip() }),
        ("[noecn, ttl 5]", IpSpec { ecn: Some(Ecn::NotEct), ttl: Some(5), ..ip() }),
        ("[dscp af11]", IpSpec { dscp: Some(10), ..ip() }),
        ("[dscp 0x0b, ecn ce]", IpSpec { dscp: Some(11), ecn: Some(Ecn::Ce), ..ip() }),
        (
            "(dscp EF, flowlabel 0x1, hlim 3)",
            IpSpec { dscp: Some(46), flow_label: Some(1), ttl: Some(3), ..ip() },
        ),
        ("[id 7] (df)", IpSpec { id: Some(7), df: Some(true), ..ip() }),
        (
            "ipv4 192.0.2.1 > 192.0.2.2: gre:",
            IpSpec {
                encapsulation: vec!["ipv4 192.0.2.1 > 192.0.2.2".to_string(), "gre".to_string()],
                ..ip()
            },
        ),
        (
            "ipv6 (tos 0x1) 2001:db8::1 > 2001:db8::2: [ce]",
            IpSpec {
                encapsulation: vec!["ipv6 (tos 0x1) 2001:db8::1 > 2001:db8::2".to_string()],
                ecn: Some(Ecn::Ce),
                ..ip()
            },
        ),
        (
            "ipv4 192.0.2.1 > 192.0.2.2 : psp spi 12, vc 0x5:",
            IpSpec {
                encapsulation: vec![
                    "ipv4 192.0.2.1 > 192.0.2.2".to_string(),
                    "psp spi 12, vc 0x5".to_string(),
                ],
                ..ip()
            },
        ),
        (
            "encap psp spi 0xf1, vc 7",
            IpSpec { encapsulation: vec!["encap psp spi 0xf1, vc 7".to_string()], ..ip() },
        ),
        (
            "mpls (label 5, tc 1, [S], ttl 9):",
            IpSpec { encapsulation: vec!["mpls (label 5, tc 1, [S], ttl 9)".to_string()], ..ip() },
        ),
        (
            "gre flags [sequence# present], sum 0, off 0, key=5, seq 1:",
            IpSpec {
                encapsulation: vec![
                    "gre flags [sequence# present], sum 0, off 0, key=5, seq 1".to_string(),
                ],
                ..ip()
            },
        ),
    ];
    for (text, ip) in cases {
        assert_eq!(packet(&format!("> {text} . 1:1(0) ack 1")).ip, ip, "{text}");
    }
    mistake("0 > (ttl 256) . 1:1(0)");
    mistake("0 > (flowlabel 0x100000) . 1:1(0)");
    mistake("0 > (dscp 64) . 1:1(0)");
    mistake("0 > (dscp cs9) . 1:1(0)");
}

#[test]
fn endpoints_before_the_header() {
    let read = packet("< 192.0.2.1:80 > 198.51.100.7:9000 S 0:0(0) win 5");
    let (source, destination) = read.addresses.expect("addresses");
    assert_eq!((source.port, destination.port), (80, 9000));
    assert_eq!(source.address, "192.0.2.1".parse::<IpAddr>().expect("an address"));
    let read = packet("< [2001:db8::1]:80 > [2001:db8::2]:90: S 0:0(0) win 5");
    let (_, destination) = read.addresses.expect("addresses");
    assert_eq!(destination.address, "2001:db8::2".parse::<IpAddr>().expect("an address"));
    assert_eq!(packet("< 80 > 90 S 0:0(0)").ports, Some((80, 90)));
    assert_eq!(packet("> 80 > 90 5. 0:0(0)").ports, Some((80, 90)));
    assert_eq!(packet("> udp 80 > 90 (3)").ports, Some((80, 90)));
    assert_eq!(packet("> [ect0] . 0:0(0)").ports, None);
}

#[test]
fn udp() {
    let read = packet("< udp (1000)");
    assert_eq!((read.way, read.body), (Way::In, BodySpec::Udp(UdpSpec { len: 1000 })));
    assert_eq!(packet("> [ce] udp(5)").body, BodySpec::Udp(UdpSpec { len: 5 }));
    assert_eq!(packet("< udplite (1000, 8)").body, BodySpec::Other("udplite".to_string()));
    let multipath = BodySpec::Other("addr".to_string());
    assert_eq!(packet("> addr[a] > addr[b] S 0:0(0) <nop>").body, multipath);
    assert_eq!(packet("> > addr[b] S 0:0(0) <mp_join_syn token=f(k)>").body, multipath);
}

#[test]
fn icmp_and_what_it_quotes() {
    let blank = |kind: &str, code: Option<&str>| IcmpSpec {
        kind: kind.to_string(),
        code: code.map(str::to_string),
        mtu: None,
        id: None,
        sequence: None,
        len: None,
        quoted: None,
    };
    let quoted = Some(Quoted::Tcp { seq: 1, len: 1000 });
    let unreachable = blank("unreachable", Some("host_unreachable"));
    let too_big = IcmpSpec { mtu: Some(840), ..blank("unreachable", Some("frag_needed")) };
    let cases = [
        ("icmp source_quench", blank("source_quench", None)),
        ("icmp type_3 code_1", blank("type_3", Some("code_1"))),
        ("icmp 3 1", blank("3", Some("1"))),
        ("icmp unreachable host_unreachable", unreachable.clone()),
        ("icmp unreachable frag_needed mtu 840", too_big.clone()),
        (
            "icmp unreachable frag_needed mtu 840 [1:1001(1000)]",
            IcmpSpec { quoted: quoted.clone(), ..too_big },
        ),
        ("[1:1001(1000)]icmp unreachable host_unreachable", IcmpSpec { quoted, ..unreachable }),
        (
            "icmp packet_too_big mtu 1280 [1:1(0)/udp(1 > 2)]",
            IcmpSpec {
                mtu: Some(1280),
                quoted: Some(Quoted::Tcp { seq: 1, len: 0 }),
                ..blank("packet_too_big", None)
            },
        ),
        (
            "icmp unreachable port_unreachable [udp (1000)]",
            IcmpSpec {
                quoted: Some(Quoted::Udp { len: 1000 }),
                ..blank("unreachable", Some("port_unreachable"))
            },
        ),
        (
            "icmp echo_request id 5 [raw (64)]",
            IcmpSpec {
                id: Some(5),
                quoted: Some(Quoted::Other("raw (64)".to_string())),
                ..blank("echo_request", None)
            },
        ),
        (
            "icmp echo_reply id 5 seq 2 (64)",
            IcmpSpec { id: Some(5), sequence: Some(2), len: Some(64), ..blank("echo_reply", None) },
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(icmp(&format!("< {text}")), expected, "{text}");
    }
    let lines = script("0 < icmp source_quench\n1 < [ttl 3] icmp redirect\n2 close(3) = 0\n");
    assert_eq!(lines.events.len(), 3);
}

#[test]
fn what_else_stands_in_a_segment_is_kept() {
    let text = "> S 0:0(0) <mss 5> { mut ipv4 ihl; trun tcp 34-36; ins ipv4 34 2 }";
    assert_eq!(tcp(text).extras, ["{ mut ipv4 ihl; trun tcp 34-36; ins ipv4 34 2 }"]);
    assert_eq!(tcp("> . 1:1(0) ack 1 <nop>/udp(5 > 6)").extras, ["/udp(5 > 6)"]);
    assert_eq!(tcp("> . 1:1(0) source_port 5").extras, ["source_port 5"]);
    assert_eq!(tcp("> . 1:1(0) ack 5!").extras, ["ack!"]);
    assert_eq!(tcp("> . 1:1(0)"), TcpSpec { flags: 0x10, seq: 1, ..TcpSpec::default() });
}
