//! IPv6 beside IPv4: who is heard and answered, and connections of both families on one host (RFC
//! 8200, RFC 4443, RFC 8201).

use std::net::SocketAddr;
use std::time::Duration;

use tuntcp::HostConfig;
use tuntcp::device::memory;
use tuntcp::engine::{Engine, OpenError, Socket};
use tuntcp::tcp::{Error, State};
use tuntcp::time::Instant;
use tuntcp::trace::Dropped;
use tuntcp::wire::checksum::Sum;
use tuntcp::wire::icmp::{Message, emit_unreachable};
use tuntcp::wire::{Body, Flags, Flow, IpFields, Packet, RawWindow, Segment, SeqNum, ip, udp};

use crate::world::{
    self, Bench, Duo, HERE_V6 as HERE, MTU, THERE_V6 as THERE, address, at, both, config_at, frame,
    only, tcp,
};

fn bench() -> Bench {
    Bench::with(both())
}

fn duo() -> Duo {
    let mut there = config_at("192.0.2.1/24");
    there.addresses.push("2001:db8::1/64".parse().unwrap());
    Duo { here: bench(), there: Bench::with(there) }
}

fn echo_request(payload: &[u8]) -> Vec<u8> {
    world::echo_request(THERE, HERE, payload)
}

#[test]
fn pings_of_any_size_come_back() {
    let mut duo = duo();
    let pinger = duo.here.engine.pinger().unwrap();
    for (sequence, len) in [(1, 0), (2, 56), (3, 5000), (4, 65_507)] {
        let payload = vec![sequence as u8; len];
        pinger.send(duo.now(), address(THERE), sequence, &payload).expect("a host");
        duo.settle();
        let reply = pinger.receive().expect("an answer");
        assert_eq!((reply.from, reply.sequence), (address(THERE), sequence));
        assert_eq!(reply.payload, payload);
    }
    for nowhere in ["::", "::1", "ff02::1", HERE, "::ffff:127.0.0.1"] {
        assert!(pinger.send(duo.now(), address(nowhere), 1, b"").is_err(), "{nowhere}");
    }
}

/// What the routers and neighbours of an Ethernet say to each other, and all that is for many.
#[test]
fn who_is_not_heard() {
    let rows = [
        (THERE, "ff02::1", Dropped::NotOurs),
        (THERE, "ff02::1:ff00:2", Dropped::NotOurs),
        (THERE, "2001:db8::3", Dropped::NotOurs),
        ("ff02::1", HERE, Dropped::FromMulticast),
        ("::1", HERE, Dropped::FromLoopback),
        ("::", HERE, Dropped::FromNowhere),
        (HERE, HERE, Dropped::FromOurselves),
    ];
    for (from, to, why) in rows {
        let mut bench = bench();
        let fields = IpFields::default();
        let packet = ip::emit_packet(address(from), address(to), 99, &fields, b"whatever");
        assert!(bench.give([packet]).is_empty(), "{from} to {to}");
        assert_eq!(bench.dropped(why), 1, "{from} to {to}");
    }
    let mut bench = bench();
    let mut solicitation = echo_request(&[0; 16]);
    solicitation[40] = 135;
    solicitation[42..44].fill(0);
    let sum = Sum::pseudo(address(THERE), address(HERE), 58, solicitation.len() - 40)
        .plus(&solicitation[40..])
        .finish();
    solicitation[42..44].copy_from_slice(&sum.to_be_bytes());
    assert!(bench.give([solicitation]).is_empty());
    assert_eq!(bench.dropped(Dropped::IcmpIgnored), 1);
}

/// RFC 4443 3.1, 3.4; RFC 8200 4, 4.2, 4.7.
#[test]
fn what_nobody_here_takes() {
    let mut datagram = Vec::new();
    let flow = Flow { local: at(THERE, 5000), remote: at(HERE, 53) };
    udp::emit(&mut datagram, &flow, &IpFields::default(), b"what");
    let packet = |protocol: u8, payload: &[u8]| {
        let fields = IpFields { dscp: 46, ..IpFields::default() };
        ip::emit_packet(address(THERE), address(HERE), protocol, &fields, payload)
    };
    let extended = |option: &[u8]| packet(60, &[option, &[0; 8]].concat());
    let unknown_option = extended(&[6, 0, 0xc9, 4, 0, 0, 0, 0]);
    let rows = [
        (datagram, Dropped::NoUdpPort, Some(([1, 4], 0))),
        (packet(99, b"whatever"), Dropped::UnknownProtocol, Some(([4, 1], 6))),
        (packet(1, b"whatever"), Dropped::UnknownProtocol, Some(([4, 1], 6))),
        (extended(&[99, 0, 1, 4, 0, 0, 0, 0]), Dropped::UnknownProtocol, Some(([4, 1], 40))),
        (unknown_option, Dropped::UnknownExtension, Some(([4, 2], 42))),
        (packet(59, b"nothing"), Dropped::UnknownProtocol, None),
    ];
    for (packet, why, answer) in rows {
        let mut bench = bench();
        let sent = bench.give([packet.clone()]);
        assert_eq!(bench.dropped(why), 1, "{why:?}");
        let Some((head, pointer)) = answer else {
            assert!(sent.is_empty(), "{why:?}");
            continue;
        };
        let sent = only(sent);
        assert_eq!(sent[40..42], head, "{why:?}");
        assert_eq!(sent[44..48], u32::to_be_bytes(pointer), "{why:?}");
        assert_eq!(sent[48..], packet, "all of it");
        assert_eq!(sent[..2], [0x60, 0], "of no special service");
        assert!(Packet::parse(&sent, false).is_ok());
    }
}

/// RFC 8200 4.5: a minute, where IPv4 has half of it.
#[test]
fn a_datagram_that_is_not_whole_in_time() {
    for (place, told) in [(1_u16, 1), (9, 0)] {
        let mut bench = bench();
        let [a, b] = place.to_be_bytes();
        let piece = [&[99, 0, a, b, 1, 2, 3, 4][..], &[5; 16]].concat();
        let fields = IpFields::default();
        let piece = ip::emit_packet(address(THERE), address(HERE), 44, &fields, &piece);
        assert!(bench.give([piece.clone()]).is_empty());
        bench.now += Duration::from_secs(59);
        bench.turn();
        assert!(bench.sent().is_empty());
        bench.now += Duration::from_secs(1);
        bench.turn();
        let answers = bench.sent();
        assert_eq!((answers.len(), bench.dropped(Dropped::FragmentTimedOut)), (told, 1));
        for answer in answers {
            assert_eq!(answer[40..42], [3, 1], "fragment reassembly time exceeded");
            assert_eq!(answer[48..], piece);
        }
    }
}

/// RFC 8200 4.5: what belongs together is told by the addresses and the identification alone, and
/// what it is by its first piece.
#[test]
fn a_datagram_in_pieces() {
    let whole = echo_request(&[7; 100]);
    let piece = |protocol: u8, start: usize, end: usize| {
        let more = u16::from(end < whole.len());
        let [a, b] = (u16::try_from(start - 40).unwrap() | more).to_be_bytes();
        let piece = [&[protocol, 0, a, b, 1, 2, 3, 4][..], &whole[start..end]].concat();
        ip::emit_packet(address(THERE), address(HERE), 44, &IpFields::default(), &piece)
    };
    let mut bench = bench();
    assert!(bench.give([piece(17, 88, whole.len())]).is_empty());
    let answer = only(bench.give([piece(58, 40, 88)]));
    assert!(matches!(
        Packet::parse(&answer, false).unwrap().body,
        Body::Icmp(Message::EchoReply(echo)) if echo.payload == [7; 100]
    ));
    // A fragment of a fragment is none.
    let inner = [&[99, 0, 0, 1, 9, 9, 9, 9][..], &[1; 16]].concat();
    let outer = |place: u8, text: &[u8]| {
        let piece = [&[44, 0, 0, place, 1, 2, 3, 5][..], text].concat();
        ip::emit_packet(address(THERE), address(HERE), 44, &IpFields::default(), &piece)
    };
    assert!(bench.give([outer(1, &inner[..16]), outer(16, &inner[16..])]).is_empty());
    assert_eq!(bench.dropped(Dropped::UnknownExtension), 1);
}

/// A peer who offers an MSS, or none, and our end; with the first frame that it gets.
fn opened(bench: &mut Bench, mss: Option<u16>) -> (Flow, Socket, Vec<u8>) {
    let listener = bench.engine.listen(at(HERE, 7), 1).expect("a free port");
    let flow = Flow { local: at(THERE, 5000), remote: at(HERE, 7) };
    let mut syn = Segment {
        seq: SeqNum::new(1000),
        flags: Flags::SYN,
        window: RawWindow(65_535),
        ..Segment::default()
    };
    syn.options.mss = mss;
    let syn_ack = only(bench.give([frame(&flow, &syn, b"")]));
    let segment = tcp(&syn_ack);
    assert_eq!(segment.options.mss, Some(1440), "RFC 9293 3.7.1, MUST-67");
    let ack = Segment {
        seq: SeqNum::new(1001),
        ack: Some(segment.seq + 1),
        window: RawWindow(65_535),
        ..Segment::default()
    };
    assert!(bench.give([frame(&flow, &ack, b"")]).is_empty());
    let socket = listener.accept().unwrap().expect("it is open");
    socket.write(bench.now, &[7; 2_000]).unwrap();
    let sent = bench.sent();
    (flow, socket, sent.first().expect("text").clone())
}

/// RFC 9293 3.7.1, MUST-15. Proves: MUST-15.
#[test]
fn largest_segments() {
    for (offered, len) in [(Some(1440), 1440), (Some(9000), 1440), (None, 1220), (Some(500), 500)] {
        let (_, _, first) = opened(&mut bench(), offered);
        assert_eq!(tcp(&first).payload.len(), len, "{offered:?}");
        assert_eq!(first.len(), 60 + len);
    }
}

/// A router says that `offending` does not fit into `mtu`.
fn too_big(mtu: u32, offending: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let from = address("2001:db8:1::9");
    emit_unreachable(&mut out, from, address(HERE), 0, offending);
    out[40..42].copy_from_slice(&[2, 0]);
    out[44..48].copy_from_slice(&mtu.to_be_bytes());
    out[42..44].fill(0);
    let sum = Sum::pseudo(from, address(HERE), 58, out.len() - 40).plus(&out[40..]).finish();
    out[42..44].copy_from_slice(&sum.to_be_bytes());
    out
}

/// RFC 8201 4: down to what every link carries, and never below it.
#[test]
fn the_path_mtu_is_learned() {
    for (told, learned) in [(1400, Some(1400)), (1280, Some(1280)), (1279, None), (0, None)] {
        let mut bench = bench();
        let (_, socket, first) = opened(&mut bench, Some(1440));
        assert_eq!(first.len(), MTU);
        let again = bench.give([too_big(told, &first)]);
        assert_eq!(socket.info(bench.now).path_mtu, learned.unwrap_or(1500), "{told}");
        match learned {
            Some(mtu) => assert_eq!(again[0].len(), mtu as usize, "{told}"),
            None => assert!(again.is_empty(), "{told}"),
        }
    }
}

/// RFC 8201 5.1: what is too large for the path is cut for it, too, by who sends it.
#[test]
fn datagrams_are_cut_for_the_path() {
    let mut bench = bench();
    let (_, _, first) = opened(&mut bench, Some(1440));
    bench.give([too_big(1280, &first)]);
    let answer = bench.give([echo_request(&[7; 1400])]);
    assert_eq!(answer.iter().map(Vec::len).collect::<Vec<_>>(), [1280, 48 + 1408 - 1232]);
    let identification = |frame: &Vec<u8>| Packet::parse(frame, false).unwrap().ip.identification;
    assert_eq!(identification(&answer[0]), identification(&answer[1]));
    let next = bench.give([echo_request(&[7; 1400])]);
    assert_ne!(identification(&answer[0]), identification(&next[0]));
}

/// RFC 8201 5.1: so do datagrams that were too large for it, if somebody here may have sent them.
/// Proves: RFC8899-3-b.
#[test]
fn a_datagram_tells_how_narrow_the_path_is() {
    let mut bench = bench();
    let socket = bench.engine.udp(at(HERE, 5000)).expect("a free port");
    let send = |bench: &mut Bench| {
        socket.send_to(bench.now, &[7; 1440], at(THERE, 53)).expect("it goes");
        bench.sent()
    };
    let first = only(send(&mut bench));
    let mut stranger = first.clone();
    stranger[41] ^= 1;
    for (told, about) in [(1279, &first), (1500, &first), (1280, &stranger)] {
        assert!(bench.give([too_big(told, about)]).is_empty());
        assert_eq!(send(&mut bench).len(), 1, "{told}");
    }
    bench.give([too_big(1400, &first)]);
    assert_eq!(send(&mut bench).iter().map(Vec::len).collect::<Vec<_>>(), [1400, 144]);
    // It never raises it.
    bench.give([too_big(1450, &first)]);
    assert_eq!(send(&mut bench).len(), 2);

    let pinger = bench.engine.pinger().unwrap();
    let ping = |bench: &mut Bench| {
        pinger.send(bench.now, address("2001:db8::9"), 1, &[7; 1400]).unwrap();
        bench.sent()
    };
    let request = only(ping(&mut bench));
    bench.give([too_big(1280, &request)]);
    assert_eq!(ping(&mut bench).len(), 2);
}

/// RFC 4443 3.1, 3.4; RFC 9293 3.9.2.2.
#[test]
fn an_error_ends_an_attempt() {
    let rows = [
        ([1, 0], Error::NetworkUnreachable),
        ([1, 1], Error::Unreachable),
        ([1, 3], Error::Unreachable),
        ([1, 4], Error::Refused),
        ([4, 1], Error::ProtocolUnreachable),
    ];
    for (head, expected) in rows {
        let mut bench = bench();
        let socket = bench.engine.connect(bench.now, None, at(THERE, 80)).expect("a free port");
        let syn = only(bench.sent());
        assert!(bench.give([error(head, &syn)]).is_empty());
        assert_eq!(socket.opened(), Err(expected), "{head:?}");
    }
    for head in [[3, 0], [3, 1], [4, 0], [4, 2]] {
        let mut bench = bench();
        let socket = bench.engine.connect(bench.now, None, at(THERE, 80)).expect("a free port");
        let syn = only(bench.sent());
        assert!(bench.give([error(head, &syn)]).is_empty());
        assert_eq!(socket.opened(), Ok(false), "{head:?}");
        assert_eq!(socket.info(bench.now).soft_error, Some(Error::Unreachable), "{head:?}");
    }
    // An open connection takes them as hints.
    let mut bench = bench();
    let (_, socket, first) = opened(&mut bench, Some(1440));
    assert!(bench.give([error([1, 4], &first)]).is_empty());
    assert_eq!(socket.info(bench.now).state, State::Established);
    assert_eq!(socket.info(bench.now).soft_error, Some(Error::Refused));
}

fn error(head: [u8; 2], offending: &[u8]) -> Vec<u8> {
    let mut out = too_big(0, offending);
    out[40..42].copy_from_slice(&head);
    out[42..44].fill(0);
    let from = address("2001:db8:1::9");
    let sum = Sum::pseudo(from, address(HERE), 58, out.len() - 40).plus(&out[40..]).finish();
    out[42..44].copy_from_slice(&sum.to_be_bytes());
    out
}

#[test]
fn strangers_are_reset() {
    let mut bench = bench();
    let flow = Flow { local: at(THERE, 5000), remote: at(HERE, 9) };
    let syn = Segment { seq: SeqNum::new(1000), flags: Flags::SYN, ..Segment::default() };
    let reset = only(bench.give([frame(&flow, &syn, b"")]));
    assert!(tcp(&reset).flags.contains(Flags::RST));
    assert_eq!(tcp(&reset).ack, Some(SeqNum::new(1001)));
}

/// At `0.0.0.0` all of IPv4, at `::` everything, as on Linux.
#[test]
fn listeners_at_any_address() {
    let bench = bench();
    let engine = &bench.engine;
    let listen = |text: &str| engine.listen(text.parse::<SocketAddr>().unwrap(), 1);
    let rows = [
        ("0.0.0.0:7", "[::]:7", false),
        ("0.0.0.0:7", "192.0.2.2:7", false),
        ("0.0.0.0:7", "[2001:db8::2]:7", true),
        ("[::]:7", "192.0.2.2:7", false),
        ("[::]:7", "0.0.0.0:7", false),
        ("[::]:7", "[2001:db8::2]:7", false),
        ("192.0.2.2:7", "[2001:db8::2]:7", true),
    ];
    for (first, second, both) in rows {
        let _first = listen(first).expect("a free port");
        let second_there = listen(second).map(drop);
        let expected = if both { Ok(()) } else { Err(OpenError::AddrInUse) };
        assert_eq!(second_there, expected, "{first} and {second}");
    }
    let mut duo = duo();
    for (at_any, v4, v6) in [("0.0.0.0:7", true, false), ("[::]:7", true, true)] {
        let any = at_any.parse().unwrap();
        let listener = duo.there.engine.listen(any, 8).expect("a free port");
        for (remote, heard) in [("192.0.2.1", v4), (THERE, v6)] {
            let socket = duo.here.engine.connect(duo.now(), None, at(remote, 7)).unwrap();
            duo.settle();
            assert_eq!(socket.opened() == Ok(true), heard, "{at_any}, {remote}");
            let accepted = listener.accept().unwrap();
            assert_eq!(accepted.map(|it| it.local_addr()), heard.then(|| at(remote, 7)));
        }
    }
}

/// RFC 6724 5: from an address of the remote's network, or of its scope.
#[test]
fn the_address_to_speak_from() {
    let mut config = both();
    config.addresses.push("fe80::2/64".parse().unwrap());
    config.addresses.insert(0, "fe80:0:0:1::2/64".parse().unwrap());
    let bench = Bench::with(config);
    let rows = [
        (THERE, HERE),
        ("2001:db8:9::1", HERE),
        ("fe80::1", "fe80::2"),
        ("fe80:0:0:7::1", "fe80:0:0:1::2"),
        // IPv4 in the guise of IPv6 (RFC 4291 2.5.5.2).
        ("::ffff:192.0.2.1", "192.0.2.2"),
    ];
    for (remote, expected) in rows {
        let socket = bench.engine.connect(bench.now, None, at(remote, 80)).unwrap();
        assert_eq!(socket.local_addr().ip(), address(expected), "{remote}");
        assert_eq!(socket.peer_addr().ip(), address(remote).to_canonical());
    }
    let mixed = bench.engine.connect(bench.now, Some(at("192.0.2.2", 0)), at(THERE, 80));
    assert_eq!(mixed.map(drop), Err(OpenError::BadRemote));
}

/// A transfer in super-segments, whose every segment has the length that IPv6 leaves.
#[test]
fn text_goes_in_frames_of_up_to_64_kib() {
    let (near, far) = memory::pair_with_offload(1500);
    let there = {
        let mut config = HostConfig::new(vec!["2001:db8::1/64".parse().unwrap()]);
        config.tcp.timestamps = false;
        config
    };
    let engines = [Engine::new(Box::new(near), both()), Engine::new(Box::new(far), there)];
    let mut now = Instant::ZERO;
    let mut turn = || {
        for engine in &engines {
            now += Duration::from_millis(1);
            engine.turn(now).unwrap();
        }
        now
    };
    let listener = engines[1].listen(at(THERE, 80), 1).unwrap();
    let client = engines[0].connect(Instant::ZERO, None, at(THERE, 80)).unwrap();
    for _ in 0..3 {
        turn();
    }
    let server = listener.accept().unwrap().expect("it is open");
    let text: Vec<u8> = (0..4 << 20_u32).map(|at| (at % 251) as u8).collect();
    let (mut written, mut heard, mut buffer) = (0, Vec::new(), vec![0; 1 << 16]);
    for _ in 0..10_000 {
        let now = turn();
        written += client.write(now, &text[written..]).unwrap().unwrap_or(0);
        while let Some(count) = server.read(now, &mut buffer, false).unwrap() {
            heard.extend_from_slice(&buffer[..count]);
        }
        if heard.len() == text.len() {
            break;
        }
    }
    assert!(heard == text, "{} bytes of {}", heard.len(), text.len());
    let info = client.info(turn());
    assert_eq!((info.mss, info.advertised_mss), (1440, 1440));
    let full = text.len().div_ceil(1440) as u32;
    assert!((full..full + 20).contains(&info.data_segments_out), "segments, not frames");
    let frames = engines[0].counters().frames_out.load(std::sync::atomic::Ordering::Relaxed);
    assert!(frames < u64::from(full) / 10, "{frames} frames");
}
