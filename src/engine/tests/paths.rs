//! What is remembered of paths, and for how long (RFC 1191, 6.3).

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::{MOST, Paths};
use crate::time::Instant;

const LASTS: Duration = Duration::from_secs(600);

fn host(number: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(number).unwrap()))
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

/// Proves: RFC1191-3-c.
#[test]
fn remembered_for_its_time() {
    let paths = Paths::new(LASTS);
    assert_eq!(paths.mtu(at(0), host(1)), None);
    paths.learn(at(0), host(1), 1000);
    paths.learn(at(100), host(2), 900);
    assert_eq!(paths.mtu(at(599), host(1)), Some(1000));
    assert_eq!(paths.mtu(at(600), host(1)), None);
    assert_eq!((paths.mtu(at(600), host(2)), paths.mtu(at(600), host(3))), (Some(900), None));
    // What is learned again is remembered from then on.
    paths.learn(at(600), host(2), 800);
    assert_eq!(paths.mtu(at(1199), host(2)), Some(800));
    assert_eq!(paths.mtu(at(1200), host(2)), None);
}

#[test]
fn no_more_than_there_is_room_for() {
    let paths = Paths::new(LASTS);
    for number in 0..MOST + 10 {
        paths.learn(at(number as u64 / 100), host(number), 1000);
    }
    let known = |now| (0..MOST + 10).filter(|&n| paths.mtu(now, host(n)).is_some()).count();
    assert_eq!(known(at(50)), MOST);
    assert_eq!(paths.mtu(at(50), host(0)), None, "the oldest has gone");
    assert_eq!(paths.mtu(at(50), host(MOST + 9)), Some(1000));
    // What has had its time goes before anything else.
    paths.learn(at(620), host(MOST + 10), 1000);
    assert_eq!(paths.mtu(at(620), host(MOST + 9)), Some(1000));
    assert_eq!(known(at(700)), 0);
}
