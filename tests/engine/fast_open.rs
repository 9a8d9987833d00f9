//! TCP Fast Open: text with the SYN, on both sides (RFC 7413).

use std::sync::Arc;
use std::time::Duration;

use tuntcp::engine::{ConnectOptions, ListenOptions, Listener, Socket};
use tuntcp::tcp::{Config, Error, State};
use tuntcp::wire::{Cookie, Flags, Options, RawWindow, Segment, SeqNum};

use crate::world::{Bench, Duo, HERE, Peer, THERE, at, frame, only, tcp};

fn listen(bench: &Bench, ip: &str, queue: usize) -> Listener {
    let mut options = ListenOptions::new(16, Arc::new(Config::default()));
    options.fast_open = queue;
    bench.engine.listen_as(at(ip, 7), &options).expect("a free port")
}

fn fast() -> ConnectOptions {
    let mut options = ConnectOptions::new(Arc::new(Config::default()));
    options.fast_open = true;
    options
}

/// A server with room for so many unconfirmed connections.
fn server(queue: usize) -> (Bench, Listener) {
    let bench = Bench::new();
    let listener = listen(&bench, HERE, queue);
    (bench, listener)
}

/// A SYN with this option and this text.
fn syn(peer: &Peer, cookie: Option<Cookie>, text: &[u8]) -> Vec<u8> {
    let options = Options { mss: Some(1460), fast_open: cookie, ..Options::default() };
    let segment = Segment {
        seq: peer.seq,
        flags: Flags::SYN,
        window: RawWindow(65_535),
        options,
        ..Segment::default()
    };
    frame(&peer.flow, &segment, text)
}

/// The cookie that the server gives.
fn cookie(bench: &mut Bench) -> Cookie {
    let asks = Peer::new(4999, 7);
    let syn_ack = only(bench.give([syn(&asks, Some(Cookie::REQUEST), b"")]));
    let cookie = tcp(&syn_ack).options.fast_open.expect("it was asked for");
    assert!(!cookie.is_request());
    let gone = Peer { seq: asks.seq + 1, ..asks };
    bench.give([gone.segment(Flags::RST, b"")]);
    cookie
}

fn read(socket: &Socket, bench: &Bench) -> Vec<u8> {
    let mut text = [0; 4096];
    let len = socket.read(bench.now, &mut text, false).expect("no error").unwrap_or(0);
    text[..len].to_vec()
}

/// Proves: RFC7413-2.
#[test]
fn a_port_that_does_not_offer_it_knows_nothing_of_it() {
    let mut bench = Bench::new();
    let listener = bench.listen(7, 8);
    let asks = Peer::new(5000, 7);
    let syn_ack = only(bench.give([syn(&asks, Some(Cookie::REQUEST), b"early")]));
    assert_eq!(tcp(&syn_ack).options.fast_open, None);
    assert_eq!(tcp(&syn_ack).ack, Some(asks.seq + 1));
    assert!(listener.accept().unwrap().is_none());
    let connecting = bench.engine.connect(bench.now, None, at(THERE, 80)).unwrap();
    assert_eq!(tcp(&only(bench.sent())).options.fast_open, None);
    drop(connecting);
}

/// Proves: RFC7413-4.1.1, RFC7413-4.2.2-a.
#[test]
fn text_without_a_good_cookie_comes_again() {
    let (mut bench, listener) = server(8);
    let good = cookie(&mut bench);
    let bad = Cookie::new(&[7; 8]);
    let short = Cookie::new(&good.as_slice()[..4]);
    for (port, shown, given) in [
        (5000, None, None),
        (5001, bad, Some(good)),
        (5002, short, Some(good)),
        (5003, Some(Cookie::REQUEST), Some(good)),
    ] {
        let peer = Peer::new(port, 7);
        let syn_ack = only(bench.give([syn(&peer, shown, b"early")]));
        let syn_ack = tcp(&syn_ack);
        assert_eq!(syn_ack.ack, Some(peer.seq + 1), "only the SYN");
        assert_eq!(syn_ack.options.fast_open, given);
        assert!(listener.accept().unwrap().is_none());
    }
    // Lengths that no cookie has are passed over.
    for odd in [1, 2, 3, 5, 7, 17, 18] {
        assert_eq!(Cookie::new(&vec![7; odd]), None);
    }
    // Somebody else's cookie is worth nothing (RFC 7413 4.1.2).
    let mut other = Peer::new(5004, 7);
    other.flow.local = at("192.0.2.77", 5004);
    let syn_ack = only(bench.give([syn(&other, Some(good), b"early")]));
    assert_eq!(tcp(&syn_ack).ack, Some(other.seq + 1));
    assert_ne!(tcp(&syn_ack).options.fast_open, Some(good));
}

/// Proves: RFC7413-4.1.2.
#[test]
fn cookies_grow_old() {
    let (mut bench, _listener) = server(8);
    let first = cookie(&mut bench);
    assert_eq!(cookie(&mut bench), first);
    bench.pass(Duration::from_secs(3600));
    bench.sent();
    let second = cookie(&mut bench);
    assert_ne!(second, first);
    let taken = |bench: &mut Bench, port, cookie| {
        let peer = Peer::new(port, 7);
        let syn_ack = only(bench.give([syn(&peer, Some(cookie), b"early")]));
        tcp(&syn_ack).ack == Some(peer.seq + 6)
    };
    assert!(taken(&mut bench, 5000, first), "still good");
    assert!(taken(&mut bench, 5001, second));
    bench.pass(Duration::from_secs(3600));
    bench.sent();
    assert!(!taken(&mut bench, 5002, first));
    assert!(taken(&mut bench, 5003, second));
}

#[test]
fn text_with_a_good_cookie_is_accepted_and_answered_at_once() {
    let (mut bench, listener) = server(8);
    let good = cookie(&mut bench);
    let mut peer = Peer::new(5000, 7);
    let syn_ack = only(bench.give([syn(&peer, Some(good), b"early")]));
    let syn_ack = tcp(&syn_ack);
    assert!(syn_ack.flags.contains(Flags::SYN));
    assert_eq!((syn_ack.ack, syn_ack.payload), (Some(peer.seq + 6), &b""[..]));
    assert_eq!(syn_ack.window, RawWindow(65_530), "less what has come already");
    let socket = listener.accept().unwrap().expect("it is there");
    assert_eq!(socket.opened(), Ok(true));
    assert_eq!(bench.engine.flows()[0].1, State::SynReceived);
    assert_eq!(read(&socket, &bench), b"early");
    assert_eq!(socket.write(bench.now, b"answer"), Ok(Some(6)));
    let answer = only(bench.sent());
    let answer = tcp(&answer);
    assert_eq!((answer.seq, answer.payload), (syn_ack.seq + 1, &b"answer"[..]));

    peer.seq += 6;
    peer.ack = Some(syn_ack.seq + 7);
    bench.give([peer.segment(Flags::empty(), b"more")]);
    assert_eq!(bench.engine.flows()[0].1, State::Established);
    assert_eq!(read(&socket, &bench), b"more");
    // Nothing is owed any more.
    bench.pass(Duration::from_secs(10));
    assert!(bench.sent().iter().all(|frame| tcp(frame).payload.is_empty()));
    assert!(bench.sent().iter().all(|frame| !tcp(frame).flags.contains(Flags::SYN)));
}

#[test]
fn an_answer_waits_behind_the_syn_ack_and_a_fin_may_come_with_the_syn() {
    let (mut bench, listener) = server(8);
    let good = cookie(&mut bench);
    let mut peer = Peer::new(5000, 7);
    let options = Options { fast_open: Some(good), ..Options::default() };
    let segment = Segment {
        seq: peer.seq,
        flags: Flags::SYN | Flags::FIN,
        window: RawWindow(65_535),
        options,
        ..Segment::default()
    };
    let syn_ack = only(bench.give([frame(&peer.flow, &segment, b"all")]));
    assert_eq!(tcp(&syn_ack).ack, Some(peer.seq + 5));
    let socket = listener.accept().unwrap().expect("it is there");
    assert_eq!(read(&socket, &bench), b"all");
    assert_eq!(socket.read(bench.now, &mut [0], false), Ok(Some(0)));
    socket.write(bench.now, b"answer").unwrap();
    socket.close(bench.now);
    bench.sent();
    peer.seq += 5;
    peer.ack = Some(tcp(&syn_ack).seq + 8);
    bench.give([peer.segment(Flags::empty(), b"")]);
    assert_eq!(bench.engine.connections(), 0);
}

/// Proves: RFC7413-4.2.2-b.
#[test]
fn a_syn_ack_that_is_lost_comes_again_bare() {
    let (mut bench, listener) = server(8);
    let good = cookie(&mut bench);
    let peer = Peer::new(5000, 7);
    let first = only(bench.give([syn(&peer, Some(good), b"early")]));
    let socket = listener.accept().unwrap().expect("it is there");
    // By the timer, and when the peer asks again, who has given up the text by then.
    bench.pass(Duration::from_secs(1));
    let again = only(bench.sent());
    assert_eq!((tcp(&again).seq, tcp(&again).ack), (tcp(&first).seq, Some(peer.seq + 6)));
    assert!(tcp(&again).flags.contains(Flags::SYN) && tcp(&again).payload.is_empty());
    let asked = only(bench.give([syn(&peer, None, b"")]));
    assert_eq!(tcp(&asked).ack, Some(peer.seq + 6));
    assert!(tcp(&asked).flags.contains(Flags::SYN));
    assert_eq!(read(&socket, &bench), b"early", "once");
    // Nobody is there.
    bench.pass(Duration::from_secs(300));
    assert_eq!(socket.read(bench.now, &mut [0], false), Err(Error::TimedOut));
    assert_eq!(bench.engine.connections(), 0);
}

/// A SYN-ACK that gives a cookie does so once.
/// Proves: RFC7413-4.2.2-b.
#[test]
fn a_cookie_is_given_with_the_first_syn_ack() {
    let (mut bench, _listener) = server(8);
    let peer = Peer::new(5000, 7);
    let first = only(bench.give([syn(&peer, Some(Cookie::REQUEST), b"")]));
    assert!(tcp(&first).options.fast_open.is_some());
    bench.pass(Duration::from_secs(1));
    assert_eq!(tcp(&only(bench.sent())).options.fast_open, None);
}

/// Proves: RFC7413-4.2.
#[test]
fn so_many_and_no_more_are_unconfirmed() {
    let (mut bench, listener) = server(2);
    let good = cookie(&mut bench);
    let call = |bench: &mut Bench, port| {
        let mut peer = Peer::new(port, 7);
        let syn_ack = only(bench.give([syn(&peer, Some(good), b"early")]));
        let early = tcp(&syn_ack).ack == Some(peer.seq + 6);
        peer.seq += if early { 6 } else { 1 };
        peer.ack = Some(tcp(&syn_ack).seq + 1);
        (peer, early)
    };
    let (first, early) = call(&mut bench, 5000);
    assert!(early);
    let (second, early) = call(&mut bench, 5001);
    assert!(early);
    let (_third, early) = call(&mut bench, 5002);
    assert!(!early, "an ordinary handshake");
    // One is confirmed, one is reset: there is room for two.
    bench.give([first.segment(Flags::empty(), b"")]);
    assert!(call(&mut bench, 5003).1);
    assert!(!call(&mut bench, 5004).1);
    bench.give([second.segment(Flags::RST, b"")]);
    assert!(call(&mut bench, 5005).1);
    let accepted = std::iter::from_fn(|| listener.accept().unwrap()).count();
    assert_eq!(accepted, 4);
}

/// Proves: RFC7413-4.2.2-c.
#[test]
fn an_unconfirmed_peer_gets_an_initial_window_and_no_more() {
    let (mut bench, listener) = server(8);
    let good = cookie(&mut bench);
    let peer = Peer::new(5000, 7);
    bench.give([syn(&peer, Some(good), b"early")]);
    let socket = listener.accept().unwrap().expect("it is there");
    socket.write(bench.now, &[7; 60_000]).unwrap();
    bench.turn();
    let sent: usize = bench.sent().iter().map(|frame| tcp(frame).payload.len()).sum();
    assert_eq!(sent, 10 * 1460);
}

/// What a client says first, to a server that the test plays.
fn call(bench: &mut Bench, text: &[u8]) -> (Socket, Peer, Vec<u8>) {
    let (socket, taken) = bench
        .engine
        .connect_with_text(bench.now, None, at(THERE, 80), &fast(), text)
        .expect("a free port");
    assert_eq!(taken, text.len());
    let syn = only(bench.sent());
    let mut peer = Peer::new(80, 0).to(socket.local_addr());
    peer.ack = Some(tcp(&syn).seq + 1);
    (socket, peer, syn)
}

/// The server's answer, which acknowledges so much of the text.
fn answer(bench: &mut Bench, peer: &mut Peer, cookie: Option<Cookie>, taken: u32) -> Vec<Vec<u8>> {
    let options = Options { mss: Some(1000), fast_open: cookie, ..Options::default() };
    let segment = Segment {
        seq: peer.seq,
        ack: peer.ack.map(|ack| ack + taken),
        flags: Flags::SYN,
        window: RawWindow(65_535),
        options,
        ..Segment::default()
    };
    let answers = bench.give([frame(&peer.flow, &segment, b"")]);
    peer.seq += 1;
    answers
}

/// Proves: RFC7413-4.1.3.
#[test]
fn a_client_asks_for_a_cookie_keeps_it_and_shows_it() {
    let mut bench = Bench::new();
    let given = Cookie::new(&[1, 2, 3, 4, 5, 6, 7, 8]);
    let (first, mut peer, syn) = call(&mut bench, b"hello");
    assert_eq!(tcp(&syn).options.fast_open, Some(Cookie::REQUEST));
    assert!(tcp(&syn).payload.is_empty(), "the server does not know us");
    let sent = answer(&mut bench, &mut peer, given, 0);
    assert_eq!(first.opened(), Ok(true));
    assert!(sent.iter().any(|frame| tcp(frame).payload == b"hello"), "now it may have it");

    let (second, mut peer, syn) = call(&mut bench, &[7; 5000]);
    assert_eq!(tcp(&syn).options.fast_open, given);
    // The MSS of the server, and the options take their share of it: MSS 4, SACK and timestamps 12,
    // window scale 4, cookie 12.
    assert_eq!(tcp(&syn).payload.len(), 1000 - 32);
    let sent = answer(&mut bench, &mut peer, None, 968);
    assert_eq!(second.opened(), Ok(true));
    assert_eq!(tcp(&sent[0]).seq, peer.ack.unwrap() + 968);
    let rest: usize = sent.iter().map(|frame| tcp(frame).payload.len()).sum();
    assert_eq!(rest, 5000 - 968, "each byte once");
    assert_eq!(second.info(bench.now).retransmissions, 0);
}

#[test]
fn text_that_the_server_does_not_take_is_sent_again() {
    for taken in [0, 2] {
        let mut bench = Bench::new();
        let (_first, mut peer, _) = call(&mut bench, b"");
        answer(&mut bench, &mut peer, Cookie::new(&[7; 8]), 0);
        let (socket, mut peer, syn) = call(&mut bench, b"hello");
        assert_eq!(tcp(&syn).payload, b"hello");
        let start = peer.ack.unwrap();
        let sent = answer(&mut bench, &mut peer, None, taken);
        let text: Vec<_> = sent.iter().filter(|frame| !tcp(frame).payload.is_empty()).collect();
        assert_eq!(tcp(text[0]).payload, &b"hello"[taken as usize..]);
        assert_eq!(tcp(text[0]).seq, start + taken);
        assert_eq!(socket.opened(), Ok(true));
    }
}

#[test]
fn an_acknowledgement_of_more_than_the_syn_carried_is_refused() {
    let mut bench = Bench::new();
    let (_first, mut peer, _) = call(&mut bench, b"");
    answer(&mut bench, &mut peer, Cookie::new(&[7; 8]), 0);
    let (socket, mut peer, _) = call(&mut bench, b"hello");
    let reset = only(answer(&mut bench, &mut peer, None, 6));
    assert!(tcp(&reset).flags.contains(Flags::RST));
    assert_eq!(socket.opened(), Ok(false));
}

/// Proves: RFC7413-4.1.3, RFC7413-4.2.2-b.
#[test]
fn a_syn_that_is_lost_comes_again_bare_and_the_next_one_does_not_try() {
    let mut bench = Bench::new();
    let given = Cookie::new(&[7; 8]);
    let (_first, mut peer, _) = call(&mut bench, b"");
    answer(&mut bench, &mut peer, given, 0);
    let (second, mut peer, syn) = call(&mut bench, b"hello");
    assert_eq!(tcp(&syn).payload, b"hello");
    bench.pass(Duration::from_secs(1));
    let again = only(bench.sent());
    assert_eq!((tcp(&again).seq, tcp(&again).flags), (tcp(&syn).seq, Flags::SYN));
    assert_eq!((tcp(&again).options.fast_open, tcp(&again).payload), (None, &b""[..]));
    // The first one has arrived after all.
    answer(&mut bench, &mut peer, None, 5);
    assert_eq!(second.opened(), Ok(true));
    assert!(second.info(bench.now).unsent == 0);

    let (_third, _, syn) = call(&mut bench, b"hello");
    assert_eq!((tcp(&syn).options.fast_open, tcp(&syn).payload), (None, &b""[..]));
    bench.pass(Duration::from_secs(3600));
    bench.sent();
    let (_fourth, _, syn) = call(&mut bench, b"hello");
    assert_eq!((tcp(&syn).options.fast_open, tcp(&syn).payload), (given, &b"hello"[..]));
}

#[test]
fn two_of_ours_save_a_round_trip() {
    let mut duo = Duo::new();
    let listener = listen(&duo.there, THERE, 8);
    let call = |duo: &mut Duo| {
        let (socket, _) = duo
            .here
            .engine
            .connect_with_text(duo.now(), None, at(THERE, 7), &fast(), b"hello")
            .expect("a free port");
        // One frame has crossed.
        let syn = only(duo.here.sent());
        let answers = duo.there.give([syn]);
        let early = listener.accept().unwrap();
        for answer in answers {
            duo.here.world_gets(answer);
        }
        duo.settle();
        let served = early.is_some();
        let peer = early.or_else(|| listener.accept().unwrap()).expect("it is open");
        assert_eq!(read(&peer, &duo.there), b"hello");
        socket.write(duo.now(), b" and more").unwrap();
        // It may wait for the acknowledgement of what came before (Nagle).
        duo.pass(Duration::from_secs(1));
        assert_eq!(read(&peer, &duo.there), b" and more");
        drop((socket, peer));
        duo.settle();
        served
    };
    assert!(!call(&mut duo), "the first asks for the cookie");
    assert!(call(&mut duo));
    assert!(call(&mut duo));
}

/// What stands at a number that wraps is no different.
#[test]
fn numbers_wrap() {
    let (mut bench, listener) = server(8);
    let good = cookie(&mut bench);
    let peer = Peer { seq: SeqNum::new(u32::MAX - 1), ..Peer::new(5000, 7) };
    let syn_ack = only(bench.give([syn(&peer, Some(good), b"early")]));
    assert_eq!(tcp(&syn_ack).ack, Some(SeqNum::new(4)));
    assert_eq!(read(&listener.accept().unwrap().expect("it is there"), &bench), b"early");
}
