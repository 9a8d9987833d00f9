//! Opening a connection.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use crate::nets::{FOREIGN, Listener, NOBODY, Net, SERVER, Stream, mapped};

mod tests {
    crate::twins! {
        connect_to_a_closed_port_is_refused
        connect_tries_each_address
        connect_to_no_address_is_invalid
        connect_takes_text
        connect_to_a_mapped_address
        connect_timeout_opens
        connect_timeout_passes
        connect_timeout_is_refused_before_it_passes
        connect_timeout_of_zero_is_invalid
        connect_does_not_wait_for_accept
        both_ends_know_both_addresses
        connections_get_ports_of_their_own
    }
}

const LONG: Duration = Duration::from_secs(60);

fn connect_to_a_closed_port_is_refused<N: Net>(net: &N) {
    let error = net.connect(&[net.closed_port()]).err().expect("nobody listens");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

fn connect_tries_each_address<N: Net>(net: &N) {
    let listener = net.server();
    let addr = listener.local_addr().unwrap();
    let client = net.connect(&[net.closed_port(), addr]).expect("the second answers");
    assert_eq!(client.peer_addr().unwrap(), addr);

    let error = net.connect(&[(SERVER, 1).into(), (SERVER, 2).into()]).err().expect("neither");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

fn connect_takes_text<N: Net>(net: &N) {
    let listener = net.server();
    let addr = listener.local_addr().unwrap();
    let client = net.connect_to(&addr.to_string()).expect("somebody listens");
    assert_eq!(client.peer_addr().unwrap(), addr);
    for text in ["", "192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1"] {
        let error = net.connect_to(text).err().expect("no address");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text:?}");
    }
}

fn connect_to_a_mapped_address<N: Net>(net: &N) {
    let listener = net.server();
    let addr = listener.local_addr().unwrap();
    let clients = [
        net.connect(&[mapped(addr)]).expect("the same as that of IPv4"),
        net.connect_timeout(mapped(addr), LONG).expect("the same as that of IPv4"),
    ];
    for client in clients {
        assert_eq!(client.peer_addr().unwrap(), mapped(addr));
        let (server, from) = listener.accept().unwrap();
        assert_eq!(client.local_addr().unwrap(), mapped(from));
        assert_eq!((from.ip(), server.local_addr().unwrap()), (net.client_ip(), addr));
    }
    let error = net.connect(&[mapped(net.closed_port())]).err().expect("nobody listens");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

fn connect_to_no_address_is_invalid<N: Net>(net: &N) {
    assert_eq!(net.connect(&[]).err().expect("nowhere").kind(), ErrorKind::InvalidInput);
    assert_eq!(net.bind(&[]).err().expect("nowhere").kind(), ErrorKind::InvalidInput);
}

fn connect_timeout_opens<N: Net>(net: &N) {
    let listener = net.server();
    let mut client = net.connect_timeout(listener.local_addr().unwrap(), LONG).unwrap();
    // The bound was for the connect alone.
    assert_eq!(client.read_timeout().unwrap(), None);
    let (mut server, _) = listener.accept().unwrap();
    server.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
}

fn connect_timeout_passes<N: Net>(net: &N) {
    let error = net.connect_timeout((NOBODY, 7).into(), Duration::from_millis(50)).err();
    assert_eq!(error.expect("nobody answers").kind(), ErrorKind::TimedOut);
}

fn connect_timeout_is_refused_before_it_passes<N: Net>(net: &N) {
    let error = net.connect_timeout(net.closed_port(), LONG).err().expect("nobody listens");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

fn connect_timeout_of_zero_is_invalid<N: Net>(net: &N) {
    let listener = net.server();
    let error = net.connect_timeout(listener.local_addr().unwrap(), Duration::ZERO).err();
    assert_eq!(error.expect("no time at all").kind(), ErrorKind::InvalidInput);
}

fn connect_does_not_wait_for_accept<N: Net>(net: &N) {
    let listener = net.server();
    let mut client = net.connect(&[listener.local_addr().unwrap()]).unwrap();
    client.write_all(b"early").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let mut text = String::new();
    listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
    assert_eq!(text, "early");
}

fn both_ends_know_both_addresses<N: Net>(net: &N) {
    let listener = net.server();
    let addr = listener.local_addr().unwrap();
    let client = net.connect(&[addr]).unwrap();
    let (server, from) = listener.accept().unwrap();
    assert_eq!(client.peer_addr().unwrap(), addr);
    assert_eq!(server.local_addr().unwrap(), addr);
    assert_eq!(server.peer_addr().unwrap(), client.local_addr().unwrap());
    assert_eq!(from, client.local_addr().unwrap());
    assert_eq!(from.ip(), net.client_ip());
}

fn connections_get_ports_of_their_own<N: Net>(net: &N) {
    let listener = net.server();
    let addr = listener.local_addr().unwrap();
    let clients: Vec<_> = (0..20).map(|_| net.connect(&[addr]).unwrap()).collect();
    let mut ports: Vec<_> = clients.iter().map(|c| c.local_addr().unwrap().port()).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), clients.len());
    assert_eq!(net.bind(&[(FOREIGN, 0).into()]).err().unwrap().kind(), ErrorKind::AddrNotAvailable);
}
