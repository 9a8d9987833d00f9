//! Who is registered where, and the end of sockets, pollers and hosts.

use std::io::{ErrorKind, Read, Write};
use std::thread;
use std::time::Duration;

use tuntcp::net::{Interest, Poller};
use tuntcp::runtime::memory_pair;
use tuntcp::{TcpListener, TcpStream};

use crate::{AT_ONCE, BOTH, PATIENCE, event, events, joined, kind, quiet};

#[test]
fn a_socket_is_registered_once() {
    let (a, _b, ours, mut theirs) = joined();
    let (poller, other) = (Poller::new(&a), Poller::new(&a));
    assert_eq!(kind(poller.deregister(&ours)), ErrorKind::NotFound);
    assert_eq!(kind(poller.reregister(&ours, 0, BOTH)), ErrorKind::NotFound);
    poller.register(&ours, 7, Interest::READABLE).unwrap();
    let clone = ours.try_clone().unwrap();
    assert_eq!(kind(poller.register(&clone, 8, BOTH)), ErrorKind::AlreadyExists);
    assert_eq!(kind(other.register(&ours, 8, BOTH)), ErrorKind::AlreadyExists);
    assert_eq!(kind(other.deregister(&ours)), ErrorKind::NotFound);
    theirs.write_all(b"x").unwrap();
    assert_eq!(event(&poller).token(), 7);
    quiet(&other);
    // From a clone as well: all of them are one.
    poller.deregister(&clone).unwrap();
    quiet(&poller);
    other.register(&ours, 9, Interest::READABLE).unwrap();
    assert_eq!(event(&other).token(), 9);
    quiet(&poller);
}

#[test]
fn a_socket_that_is_dropped_is_forgotten() {
    let (a, b, ours, mut theirs) = joined();
    let poller = Poller::new(&a);
    poller.register(&ours, 0, Interest::READABLE).unwrap();
    theirs.write_all(b"x").unwrap();
    // It stands in the list of those that are ready.
    assert!(event(&poller).is_readable());
    let clone = ours.try_clone().unwrap();
    drop(ours);
    assert!(event(&poller).is_readable(), "a clone is left");
    drop(clone);
    quiet(&poller);
    assert_eq!(format!("{poller:?}"), "Poller { ready: 0, .. }");

    let listener = TcpListener::bind(&a, "192.0.2.1:81").unwrap();
    poller.register(&listener, 0, Interest::READABLE).unwrap();
    let _client = TcpStream::connect(&b, "192.0.2.1:81").unwrap();
    assert!(event(&poller).is_readable());
    drop(listener);
    quiet(&poller);
}

#[test]
fn what_outlives_its_poller_can_have_another() {
    let (a, _b, mut ours, mut theirs) = joined();
    let poller = Poller::new(&a);
    poller.register(&ours, 0, Interest::READABLE).unwrap();
    theirs.write_all(b"x").unwrap();
    assert!(event(&poller).is_readable());
    drop(poller);
    ours.read_exact(&mut [0]).unwrap();
    theirs.write_all(b"y").unwrap();
    let poller = Poller::new(&a);
    poller.register(&ours, 1, Interest::READABLE).unwrap();
    assert_eq!(event(&poller).token(), 1);
    ours.read_exact(&mut [0]).unwrap();
    quiet(&poller);
}

#[test]
fn a_waker_ends_one_wait() {
    let (a, _b) = memory_pair().unwrap();
    let poller = Poller::new(&a);
    let waker = poller.waker();
    waker.wake();
    waker.clone().wake();
    assert_eq!(events(&poller, None), []);
    quiet(&poller);
    thread::scope(|scope| {
        let waits = scope.spawn(|| events(&poller, None));
        thread::sleep(Duration::from_millis(20));
        waker.wake();
        assert_eq!(waits.join().unwrap(), []);
    });
    drop(poller);
    waker.wake();
}

#[test]
fn what_was_in_the_events_before_is_gone() {
    let (a, _b, ours, _theirs) = joined();
    let poller = Poller::new(&a);
    poller.register(&ours, 0, Interest::WRITABLE).unwrap();
    let mut events = Vec::new();
    assert_eq!(poller.wait(&mut events, PATIENCE).unwrap(), 1);
    assert_eq!(poller.wait(&mut events, PATIENCE).unwrap(), 1);
    poller.deregister(&ours).unwrap();
    assert_eq!(poller.wait(&mut events, AT_ONCE).unwrap(), 0);
    assert_eq!(events, []);
}

#[test]
fn a_host_that_is_dropped_ends_every_wait() {
    let (mut a, _b, mut ours, _theirs) = joined();
    a.set_drain(Duration::ZERO);
    let (poller, empty) = (Poller::new(&a), Poller::new(&a));
    poller.register(&ours, 0, Interest::READABLE).unwrap();
    thread::scope(|scope| {
        let waits = scope.spawn(|| event(&poller));
        let waits_for_nothing = scope.spawn(|| kind(empty.wait(&mut Vec::new(), None)));
        thread::sleep(Duration::from_millis(20));
        drop(a);
        let told = waits.join().unwrap();
        assert!(told.is_readable() && told.is_read_closed());
        assert_eq!(waits_for_nothing.join().unwrap(), ErrorKind::NetworkDown);
    });
    let _ = ours.read(&mut [0]);
    assert_eq!(ours.read(&mut [0]).unwrap(), 0);
    drop(ours);
    assert_eq!(kind(poller.wait(&mut Vec::new(), None)), ErrorKind::NetworkDown);
}
