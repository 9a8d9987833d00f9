//! `UdpSocket`: options, groups, broadcasts.

use std::fmt::Debug;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::nets::SERVER;
use crate::udp_nets::{Datagrams, Udp};

mod tests {
    crate::twins! {
        timeouts
        not_to_wait
        clones_are_the_same_socket
        how_far_it_goes
        broadcasts_take_leave
        broadcasts_are_for_everybody
        members_get_what_is_for_the_group
        what_membership_takes
        groups_of_ipv6
    }
}

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);
const ENODEV: i32 = 19;
const ENOPROTOOPT: i32 = 92;

fn kind<T: Debug>(result: io::Result<T>) -> ErrorKind {
    result.expect_err("a failure").kind()
}

fn number<T: Debug>(result: io::Result<T>) -> Option<i32> {
    result.expect_err("a failure").raw_os_error()
}

fn server_ip() -> Ipv4Addr {
    match SERVER {
        IpAddr::V4(v4) => v4,
        IpAddr::V6(_) => unreachable!("it is one of IPv4"),
    }
}

/// One at the unspecified address of the server's host.
fn any<N: Datagrams>(net: &N) -> (N::Udp, u16) {
    let any = net.bind_udp(&["0.0.0.0:0".parse().unwrap()]).unwrap();
    let port = any.local_addr().unwrap().port();
    (any, port)
}

fn silent<U: Udp>(socket: &U) {
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    assert_eq!(kind(socket.recv(&mut [0])), ErrorKind::WouldBlock);
    socket.set_read_timeout(None).unwrap();
}

fn timeouts<N: Datagrams>(net: &N) {
    let (server, _) = net.udp_server();
    assert_eq!(server.read_timeout().unwrap(), None);
    assert_eq!(server.write_timeout().unwrap(), None);
    server.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    server.set_write_timeout(Some(Duration::from_secs(4))).unwrap();
    assert_eq!(server.read_timeout().unwrap(), Some(Duration::from_millis(20)));
    assert_eq!(server.write_timeout().unwrap(), Some(Duration::from_secs(4)));
    let zero = Some(Duration::ZERO);
    assert_eq!(kind(server.set_read_timeout(zero)), ErrorKind::InvalidInput);
    assert_eq!(kind(server.set_write_timeout(zero)), ErrorKind::InvalidInput);
    for _ in 0..2 {
        assert_eq!(kind(server.recv(&mut [0])), ErrorKind::WouldBlock);
        assert_eq!(kind(server.recv_from(&mut [0])), ErrorKind::WouldBlock);
        assert_eq!(kind(server.peek(&mut [0])), ErrorKind::WouldBlock);
        assert_eq!(kind(server.peek_from(&mut [0])), ErrorKind::WouldBlock);
    }
    server.set_read_timeout(None).unwrap();
    server.set_write_timeout(None).unwrap();
    assert_eq!(server.read_timeout().unwrap(), None);
    assert_eq!(server.write_timeout().unwrap(), None);
}

fn not_to_wait<N: Datagrams>(net: &N) {
    let (server, at) = net.udp_server();
    let (client, _) = net.udp_client();
    server.set_nonblocking(true).unwrap();
    assert_eq!(kind(server.recv(&mut [0])), ErrorKind::WouldBlock);
    assert_eq!(kind(server.peek_from(&mut [0])), ErrorKind::WouldBlock);
    client.send_to(b"x", &[at]).unwrap();
    assert_eq!(crate::eventually("a datagram", || server.recv(&mut [0; 9]).ok()), 1);
    server.set_nonblocking(false).unwrap();
    client.send_to(b"xy", &[at]).unwrap();
    assert_eq!(server.recv(&mut [0; 9]).unwrap(), 2);
}

fn clones_are_the_same_socket<N: Datagrams>(net: &N) {
    let (server, at) = net.udp_server();
    let (client, from) = net.udp_client();
    let clone = server.try_clone().unwrap();
    server.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    assert_eq!(clone.read_timeout().unwrap(), Some(Duration::from_secs(3)));
    server.set_broadcast(true).unwrap();
    assert!(clone.broadcast().unwrap());
    clone.connect(&[from]).unwrap();
    assert_eq!(server.peer_addr().unwrap(), from);
    drop(server);
    client.send_to(b"x", &[at]).unwrap();
    assert_eq!(clone.recv(&mut [0; 9]).unwrap(), 1);
    assert_eq!(clone.send(b"xy").unwrap(), 2);
    assert_eq!(client.recv_from(&mut [0; 9]).unwrap(), (2, at));
    clone.set_nonblocking(true).unwrap();
    assert_eq!(kind(clone.try_clone().unwrap().recv(&mut [0])), ErrorKind::WouldBlock);
}

fn how_far_it_goes<N: Datagrams>(net: &N) {
    let (server, _) = net.udp_server();
    assert_eq!(server.ttl().unwrap(), 64);
    assert_eq!(server.multicast_ttl_v4().unwrap(), 1);
    for ttl in [1, 64, 255] {
        server.set_ttl(ttl).unwrap();
        server.set_multicast_ttl_v4(ttl - 1).unwrap();
        assert_eq!(server.ttl().unwrap(), ttl);
        assert_eq!(server.multicast_ttl_v4().unwrap(), ttl - 1);
    }
    for ttl in [0, 256, 1 << 20] {
        assert_eq!(kind(server.set_ttl(ttl)), ErrorKind::InvalidInput, "{ttl}");
    }
    assert_eq!(kind(server.set_multicast_ttl_v4(256)), ErrorKind::InvalidInput);
    assert_eq!((server.ttl().unwrap(), server.multicast_ttl_v4().unwrap()), (255, 254));
}

fn broadcasts_take_leave<N: Datagrams>(net: &N) {
    let (client, _) = net.udp_client();
    assert!(!client.broadcast().unwrap());
    for everybody in ["192.0.2.255:9", "255.255.255.255:9"] {
        let to: [SocketAddr; 1] = [everybody.parse().unwrap()];
        assert_eq!(kind(client.send_to(b"x", &to)), ErrorKind::PermissionDenied, "{everybody}");
        assert_eq!(kind(client.connect(&to)), ErrorKind::PermissionDenied, "{everybody}");
    }
    client.set_broadcast(true).unwrap();
    assert!(client.broadcast().unwrap());
    client.set_broadcast(false).unwrap();
    assert!(!client.broadcast().unwrap());
}

fn broadcasts_are_for_everybody<N: Datagrams>(net: &N) {
    let (client, from) = net.udp_client();
    client.set_broadcast(true).unwrap();
    let (any, port) = any(net);
    let everybody = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 255), port));
    client.send_to(b"hello", &[everybody]).unwrap();
    assert_eq!(any.recv_from(&mut [0; 9]).unwrap(), (5, from));
    drop(any);
    // Whoever is bound to one address hears what is sent there, and that is the broadcast's.
    let exact = net.bind_udp(&[(SERVER, port).into()]).unwrap();
    let all = net.bind_udp(&[everybody]).unwrap();
    client.send_to(b"again", &[everybody]).unwrap();
    assert_eq!(all.recv_from(&mut [0; 9]).unwrap(), (5, from));
    silent(&exact);
    // And what nobody hears is no error.
    drop((exact, all));
    client.connect(&[everybody]).unwrap();
    client.send(b"hello").unwrap();
    silent(&client);
}

fn members_get_what_is_for_the_group<N: Datagrams>(net: &N) {
    let (client, from) = net.udp_client();
    let (member, port) = any(net);
    let group = SocketAddr::from((GROUP, port));
    member.join_multicast_v4(&GROUP, &server_ip()).unwrap();
    client.send_to(b"hello", &[group]).unwrap();
    assert_eq!(member.recv_from(&mut [0; 9]).unwrap(), (5, from));
    member.leave_multicast_v4(&GROUP, &server_ip()).unwrap();
    client.send_to(b"gone", &[group]).unwrap();
    silent(&member);
    drop(member);
    // A socket may be bound to the group, and so hears nothing else.
    let member = net.bind_udp(&[group]).unwrap();
    assert_eq!(member.local_addr().unwrap(), group);
    member.join_multicast_v4(&GROUP, &server_ip()).unwrap();
    client.send_to(b"you", &[(SERVER, port).into()]).unwrap();
    client.send_to(b"members", &[group]).unwrap();
    assert_eq!(member.recv_from(&mut [0; 9]).unwrap(), (7, from));
    // A peer of a whole group.
    client.connect(&[group]).unwrap();
    client.send(b"again").unwrap();
    assert_eq!(member.recv_from(&mut [0; 9]).unwrap(), (5, from));
}

fn what_membership_takes<N: Datagrams>(net: &N) {
    let (server, _) = net.udp_server();
    let here = server_ip();
    let elsewhere = Ipv4Addr::new(198, 51, 100, 1);
    assert!(server.multicast_loop_v4().unwrap());
    server.set_multicast_loop_v4(false).unwrap();
    assert!(!server.multicast_loop_v4().unwrap());
    assert_eq!(kind(server.join_multicast_v4(&here, &here)), ErrorKind::InvalidInput);
    assert_eq!(number(server.join_multicast_v4(&GROUP, &elsewhere)), Some(ENODEV));
    assert_eq!(kind(server.leave_multicast_v4(&GROUP, &here)), ErrorKind::AddrNotAvailable);
    server.join_multicast_v4(&GROUP, &here).unwrap();
    assert_eq!(kind(server.join_multicast_v4(&GROUP, &here)), ErrorKind::AddrInUse);
    server.leave_multicast_v4(&GROUP, &here).unwrap();
    assert_eq!(kind(server.leave_multicast_v4(&GROUP, &here)), ErrorKind::AddrNotAvailable);
}

fn groups_of_ipv6<N: Datagrams>(net: &N) {
    let group: Ipv6Addr = "ff02::4242".parse().unwrap();
    let (server, _) = net.udp_server();
    assert_eq!(number(server.set_multicast_loop_v6(true)), Some(ENOPROTOOPT));
    assert_eq!(kind(server.multicast_loop_v6()), ErrorKind::Unsupported);
    assert_eq!(number(server.join_multicast_v6(&group, 0)), Some(ENOPROTOOPT));
    assert_eq!(number(server.leave_multicast_v6(&group, 0)), Some(ENOPROTOOPT));
    let both = net.bind_udp(&["[::]:0".parse().unwrap()]).unwrap();
    assert!(both.multicast_loop_v6().unwrap());
    both.set_multicast_loop_v6(false).unwrap();
    assert!(!both.multicast_loop_v6().unwrap());
    let unspecified = Ipv6Addr::UNSPECIFIED;
    assert_eq!(kind(both.join_multicast_v6(&unspecified, 0)), ErrorKind::InvalidInput);
    assert_eq!(number(both.join_multicast_v6(&group, 4711)), Some(ENODEV));
    assert_eq!(kind(both.leave_multicast_v6(&group, 0)), ErrorKind::AddrNotAvailable);
}
