//! Listening and accepting.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::thread;

use crate::nets::{FOREIGN, Listener, Net, SERVER, Stream, mapped};

mod tests {
    crate::twins! {
        bind_to_a_taken_port_fails
        bind_to_any_address_takes_the_port_of_each
        bind_to_a_foreign_address_fails
        bind_takes_the_first_address_that_works
        port_zero_is_a_free_port
        a_port_is_free_when_its_listener_is_dropped
        a_port_is_free_though_connections_of_it_live
        any_address_accepts
        any_address_of_ipv6_accepts_ipv4
        a_mapped_address_is_one_of_ipv4
        accept_in_nonblocking_mode
        accepted_streams_block
        clones_share_the_queue
        incoming_goes_on
        into_incoming_goes_on
        dropping_the_listener_resets_whom_nobody_accepted
        listeners_have_no_error
        the_ttl_is_64
    }
}

fn bind_to_a_taken_port_fails<N: Net>(net: &N) {
    let listener = net.server();
    let error = net.bind(&[listener.local_addr().unwrap()]).err().expect("taken");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

fn bind_to_any_address_takes_the_port_of_each<N: Net>(net: &N) {
    let any = net.bind(&[(Ipv4Addr::UNSPECIFIED, 0).into()]).unwrap();
    let port = any.local_addr().unwrap().port();
    let error = net.bind(&[(SERVER, port).into()]).err().expect("taken");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);

    let one = net.server();
    let port = one.local_addr().unwrap().port();
    let error = net.bind(&[(Ipv4Addr::UNSPECIFIED, port).into()]).err().expect("taken");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

fn bind_to_a_foreign_address_fails<N: Net>(net: &N) {
    let error = net.bind(&[(FOREIGN, 0).into()]).err().expect("not ours");
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
}

fn bind_takes_the_first_address_that_works<N: Net>(net: &N) {
    let taken = net.server().local_addr().unwrap();
    let _holder = net.bind(&[taken]).unwrap();
    let free: SocketAddr = (SERVER, 0).into();
    let listener = net.bind(&[(FOREIGN, 0).into(), taken, free]).expect("the third is free");
    assert_eq!(listener.local_addr().unwrap().ip(), SERVER);
}

fn port_zero_is_a_free_port<N: Net>(net: &N) {
    let listeners: Vec<_> = (0..20).map(|_| net.server()).collect();
    let mut ports: Vec<_> = listeners.iter().map(|l| l.local_addr().unwrap().port()).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), listeners.len());
    assert!(ports.iter().all(|&port| port != 0));
}

fn a_port_is_free_when_its_listener_is_dropped<N: Net>(net: &N) {
    let addr = net.server().local_addr().unwrap();
    let listener = net.bind(&[addr]).expect("free again");
    let clone = listener.try_clone().unwrap();
    drop(listener);
    let error = net.bind(&[addr]).err().expect("a clone listens still");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    drop(clone);
    net.bind(&[addr]).expect("free again");
}

fn a_port_is_free_though_connections_of_it_live<N: Net>(net: &N) {
    let listener = net.server();
    let addr = listener.local_addr().unwrap();
    let mut client = net.connect(&[addr]).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    drop(listener);
    let _again = net.bind(&[addr]).expect("as std, which sets SO_REUSEADDR");
    server.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
}

fn any_address_accepts<N: Net>(net: &N) {
    let any = net.bind(&[(Ipv4Addr::UNSPECIFIED, 0).into()]).unwrap();
    let here = any.local_addr().unwrap();
    assert_eq!(here.ip(), Ipv4Addr::UNSPECIFIED);
    let client = net.connect(&[(SERVER, here.port()).into()]).unwrap();
    let (server, _) = any.accept().unwrap();
    assert_eq!(server.local_addr().unwrap(), client.peer_addr().unwrap());
}

fn any_address_of_ipv6_accepts_ipv4<N: Net>(net: &N) {
    let any = net.bind(&[(Ipv6Addr::UNSPECIFIED, 0).into()]).unwrap();
    let here = any.local_addr().unwrap();
    assert_eq!(here.ip(), Ipv6Addr::UNSPECIFIED);
    let client = net.connect(&[(SERVER, here.port()).into()]).unwrap();
    let from = client.local_addr().unwrap();
    assert_eq!(from.ip(), net.client_ip());
    let (server, peer) = any.accept().unwrap();
    assert_eq!(peer, mapped(from));
    assert_eq!(server.peer_addr().unwrap(), mapped(from));
    assert_eq!(server.local_addr().unwrap(), mapped(client.peer_addr().unwrap()));
    let again = server.try_clone().unwrap();
    assert_eq!(again.peer_addr().unwrap(), mapped(from));
}

fn a_mapped_address_is_one_of_ipv4<N: Net>(net: &N) {
    let listener = net.bind(&[mapped((SERVER, 0).into())]).unwrap();
    let here = listener.local_addr().unwrap();
    assert_eq!(here.ip(), mapped((SERVER, 0).into()).ip());
    assert!(!listener.only_v6().unwrap());
    let plain = (SERVER, here.port()).into();
    for taken in [plain, here, (Ipv4Addr::UNSPECIFIED, here.port()).into()] {
        let error = net.bind(&[taken]).err().expect("taken");
        assert_eq!(error.kind(), ErrorKind::AddrInUse, "{taken}");
    }
    let client = net.connect(&[plain]).unwrap();
    let (server, peer) = listener.accept().unwrap();
    assert_eq!(peer, mapped(client.local_addr().unwrap()));
    assert_eq!(server.local_addr().unwrap(), here);
    let error = net.bind(&[mapped((FOREIGN, 0).into())]).err().expect("not ours");
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
}

fn accept_in_nonblocking_mode<N: Net>(net: &N) {
    let listener = net.server();
    let clone = listener.try_clone().unwrap();
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().err().expect("nobody").kind(), ErrorKind::WouldBlock);
    assert_eq!(clone.accept().err().expect("nobody").kind(), ErrorKind::WouldBlock);
    let failed = listener.incoming().next().expect("it never ends");
    assert_eq!(failed.err().expect("nobody").kind(), ErrorKind::WouldBlock);

    listener.set_nonblocking(false).unwrap();
    let _client = net.connect(&[listener.local_addr().unwrap()]).unwrap();
    clone.accept().expect("somebody");
}

fn accepted_streams_block<N: Net>(net: &N) {
    let listener = net.server();
    let mut client = net.connect(&[listener.local_addr().unwrap()]).unwrap();
    listener.set_nonblocking(true).unwrap();
    let mut server = crate::eventually("a connection", || listener.accept().ok()).0;
    let sink = thread::spawn(move || std::io::copy(&mut client, &mut std::io::sink()).unwrap());
    let text = vec![7; 16 << 20];
    server.write_all(&text).expect("it waits for room");
    drop(server);
    assert_eq!(sink.join().unwrap(), 16 << 20);
}

fn clones_share_the_queue<N: Net>(net: &N) {
    let listener = net.server();
    let clone = listener.try_clone().unwrap();
    let addr = listener.local_addr().unwrap();
    let clients = [net.connect(&[addr]).unwrap(), net.connect(&[addr]).unwrap()];
    let accepted = [listener.accept().unwrap().1, clone.accept().unwrap().1];
    for client in &clients {
        assert!(accepted.contains(&client.local_addr().unwrap()));
    }
}

fn incoming_goes_on<N: Net>(net: &N) {
    let listener = net.server();
    let addr = listener.local_addr().unwrap();
    let clients = [(); 3].map(|()| net.connect(&[addr]).unwrap());
    for (client, stream) in clients.iter().zip(listener.incoming()) {
        assert_eq!(stream.unwrap().peer_addr().unwrap(), client.local_addr().unwrap());
    }
}

fn into_incoming_goes_on<N: Net>(net: &N) {
    let listener = net.server();
    let addr = listener.local_addr().unwrap();
    let clients = [(); 3].map(|()| net.connect(&[addr]).unwrap());
    for (client, stream) in clients.iter().zip(listener.into_incoming()) {
        assert_eq!(stream.unwrap().peer_addr().unwrap(), client.local_addr().unwrap());
    }
    let error = net.connect(&[addr]).err().expect("the iterator owned the listener");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

fn dropping_the_listener_resets_whom_nobody_accepted<N: Net>(net: &N) {
    let listener = net.server();
    let mut client = net.connect(&[listener.local_addr().unwrap()]).unwrap();
    drop(listener);
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

fn listeners_have_no_error<N: Net>(net: &N) {
    assert!(net.server().take_error().unwrap().is_none());
}

fn the_ttl_is_64<N: Net>(net: &N) {
    assert_eq!(net.server().ttl().unwrap(), 64);
}
