//! Socket options, as Linux and the wire see them.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tuntcp::Host;
use tuntcp::net::SocketOptions;

use crate::wire::{Tcpdump, await_capture, count};
use crate::world::{PATIENCE, World, at, connect};

fn host() -> Host {
    Host::open("tun0", "192.0.2.2/24".parse().unwrap()).expect("tun0 is there")
}

#[test]
fn mss_ttl_and_dscp_cross_the_wire() {
    let _world = World::new();
    let host = host();
    let file = std::env::temp_dir().join(format!("tuntcp-options-{}.pcap", std::process::id()));
    let tcpdump = Tcpdump::start(&file);
    let options = SocketOptions::new().maximum_segment(700).ttl(9).dscp(46);

    let listener = options.listen(&host, at(8000)).expect("a free port");
    let mut client = connect(8000);
    let (mut server, _) = listener.accept().expect("somebody has called");
    server.write_all(b"from the server").unwrap();
    client.read_exact(&mut [0; 15]).expect("it arrives");

    let theirs = TcpListener::bind("192.0.2.1:0").expect("a free port");
    let mut ours = options.connect(&host, theirs.local_addr().unwrap()).expect("Linux answers");
    let (mut peer, _) = theirs.accept().expect("somebody has called");
    ours.write_all(b"from the client").unwrap();
    peer.read_exact(&mut [0; 15]).expect("it arrives");
    await_capture(&file, b"from the client");
    tcpdump.stop();

    let some = |filter: &str| count(&file, &format!("ip.src == 192.0.2.2 && {filter}"));
    let as_told = "ip.ttl == 9 && ip.dsfield.dscp == 46";
    assert_eq!(some(&format!("tcp.flags.syn == 1 && tcp.options.mss_val == 700 && {as_told}")), 2);
    assert_eq!(some(&format!("tcp.len == 15 && {as_told}")), 2);
    assert_eq!(some(&format!("!({as_told})")), 0);
    std::fs::remove_file(&file).expect("the capture can go");
}

#[test]
fn linux_sees_where_a_connection_comes_from() {
    let _world = World::new();
    let host = host();
    let theirs = TcpListener::bind("192.0.2.1:0").expect("a free port");
    let there = theirs.local_addr().unwrap();
    let from = SocketOptions::new().bind("192.0.2.2:1023".parse().unwrap());
    let _first = from.connect(&host, there).expect("Linux answers");
    assert_eq!(theirs.accept().unwrap().1, at(1023));
    let range = SocketOptions::new().ephemeral_ports(600..=603);
    let _second = range.connect_timeout(&host, &there, PATIENCE).expect("Linux answers");
    assert!((600..=603).contains(&theirs.accept().unwrap().1.port()));
}

#[test]
fn who_says_nothing_is_not_accepted_at_once() {
    let _world = World::new();
    let host = host();
    let options = SocketOptions::new().defer_accept(Duration::from_secs(60));
    let listener = options.listen(&host, at(8000)).expect("a free port");
    let silent = connect(8000);
    let mut talker = connect(8000);
    talker.write_all(b"hello").unwrap();
    let (_stream, from) = listener.accept().expect("one has spoken");
    assert_eq!(from, talker.local_addr().unwrap());
    drop(silent);
    let (mut stream, _) = listener.accept().expect("an end is something, too");
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

#[test]
fn listeners_share_the_connections_of_linux() {
    let _world = World::new();
    let host = host();
    let shared = SocketOptions::new().reuse_port(true);
    let listeners = [(); 2].map(|()| shared.listen(&host, at(8000)).expect("they share it"));
    let (tell, told) = mpsc::channel();
    for (index, listener) in listeners.into_iter().enumerate() {
        let tell = tell.clone();
        // Until the host is gone.
        thread::spawn(move || while listener.accept().is_ok() && tell.send(index).is_ok() {});
    }
    let clients: Vec<TcpStream> = (0..64).map(|_| connect(8000)).collect();
    let mut accepted = [0; 2];
    for _ in &clients {
        accepted[told.recv_timeout(PATIENCE).expect("each is accepted")] += 1;
    }
    assert!(accepted.iter().all(|&count| count > 8), "{accepted:?}");
}
