//! Options: what they begin with, and that clones share them.

use std::io::{ErrorKind, Read};
use std::time::Duration;

use crate::nets::{Listener, Net, Stream};

mod tests {
    crate::twins! {
        timeouts_begin_unset
        a_timeout_of_zero_is_invalid
        clones_share_options
        nodelay_is_off_until_set
        ttl_is_64_until_set
        a_ttl_that_is_none_is_invalid
        a_listener_hands_its_ttl_on
        only_v6_is_for_v6
    }
}

fn timeouts_begin_unset<N: Net>(net: &N) {
    let (client, server) = net.joined();
    for stream in [client, server] {
        assert_eq!(stream.read_timeout().unwrap(), None);
        assert_eq!(stream.write_timeout().unwrap(), None);
        stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(4))).unwrap();
        assert_eq!(stream.read_timeout().unwrap(), Some(Duration::from_secs(3)));
        assert_eq!(stream.write_timeout().unwrap(), Some(Duration::from_secs(4)));
        stream.set_read_timeout(None).unwrap();
        assert_eq!(stream.read_timeout().unwrap(), None);
    }
}

fn a_timeout_of_zero_is_invalid<N: Net>(net: &N) {
    let (client, _server) = net.joined();
    client.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    let zero = Some(Duration::ZERO);
    assert_eq!(client.set_read_timeout(zero).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(client.set_write_timeout(zero).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(client.read_timeout().unwrap(), Some(Duration::from_secs(3)));
}

fn clones_share_options<N: Net>(net: &N) {
    let (client, _server) = net.joined();
    let mut clone = client.try_clone().unwrap();
    client.set_nodelay(true).unwrap();
    assert!(clone.nodelay().unwrap());
    client.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    assert_eq!(clone.read_timeout().unwrap(), Some(Duration::from_secs(3)));
    client.set_nonblocking(true).unwrap();
    assert_eq!(clone.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn nodelay_is_off_until_set<N: Net>(net: &N) {
    let (client, server) = net.joined();
    for stream in [client, server] {
        assert!(!stream.nodelay().unwrap());
        stream.set_nodelay(true).unwrap();
        assert!(stream.nodelay().unwrap());
        stream.set_nodelay(false).unwrap();
        assert!(!stream.nodelay().unwrap());
    }
}

fn ttl_is_64_until_set<N: Net>(net: &N) {
    let (client, server) = net.joined();
    for stream in [client, server] {
        assert_eq!(stream.ttl().unwrap(), 64);
        stream.set_ttl(8).unwrap();
        assert_eq!(stream.ttl().unwrap(), 8);
        assert_eq!(stream.try_clone().unwrap().ttl().unwrap(), 8);
        stream.set_ttl(255).unwrap();
        assert_eq!(stream.ttl().unwrap(), 255);
    }
}

fn a_ttl_that_is_none_is_invalid<N: Net>(net: &N) {
    let listener = net.server();
    let client = net.connect(&[listener.local_addr().unwrap()]).unwrap();
    for hops in [0, 256] {
        assert_eq!(client.set_ttl(hops).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(listener.set_ttl(hops).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!((client.ttl().unwrap(), listener.ttl().unwrap()), (64, 64));
}

fn a_listener_hands_its_ttl_on<N: Net>(net: &N) {
    let listener = net.server();
    listener.set_ttl(8).unwrap();
    assert_eq!(listener.ttl().unwrap(), 8);
    let client = net.connect(&[listener.local_addr().unwrap()]).unwrap();
    let (server, _) = listener.accept().unwrap();
    assert_eq!((server.ttl().unwrap(), client.ttl().unwrap()), (8, 64));
}

fn only_v6_is_for_v6<N: Net>(net: &N) {
    let four = net.server();
    assert!(four.only_v6().is_err() && four.set_only_v6(true).is_err());
    let both = net.bind(&["[::]:0".parse().unwrap()]).unwrap();
    assert!(!both.only_v6().unwrap());
    assert_eq!(both.set_only_v6(true).unwrap_err().kind(), ErrorKind::InvalidInput);
}
