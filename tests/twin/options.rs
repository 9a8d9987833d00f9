//! Options: what they begin with, and that clones share them.

use std::io::{ErrorKind, Read};
use std::time::Duration;

use crate::nets::{Net, Stream};

mod tests {
    crate::twins! {
        timeouts_begin_unset
        a_timeout_of_zero_is_invalid
        clones_share_options
        nodelay_is_off_until_set
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
