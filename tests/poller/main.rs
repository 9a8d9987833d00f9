//! One thread that waits for many sockets.

mod crowd;
mod datagrams;
mod endings;
mod packet_loop;
mod readiness;

use std::io::{self, ErrorKind};
use std::time::Duration;

use tuntcp::net::{Event, Interest, Poller};
use tuntcp::runtime::memory_pair;
use tuntcp::{Host, TcpListener, TcpStream};

const SERVER: &str = "192.0.2.1:80";

/// How long a test waits for what must come; far longer than it ever takes.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(30));
/// How long it waits for what must not come.
const MOMENT: Option<Duration> = Some(Duration::from_millis(20));
const AT_ONCE: Option<Duration> = Some(Duration::ZERO);

const BOTH: Interest = Interest::READABLE.union(Interest::WRITABLE);

/// Two hosts, and both ends of a connection between them, which do not block: of the first host and
/// of the second.
fn joined() -> (Host, Host, TcpStream, TcpStream) {
    let (a, b) = memory_pair().unwrap();
    let listener = TcpListener::bind(&a, SERVER).unwrap();
    let theirs = TcpStream::connect(&b, SERVER).unwrap();
    let (ours, _) = listener.accept().unwrap();
    ours.set_nonblocking(true).unwrap();
    (a, b, ours, theirs)
}

/// The events of one wait.
fn events(poller: &Poller, timeout: Option<Duration>) -> Vec<Event> {
    let mut events = Vec::new();
    let count = poller.wait(&mut events, timeout).unwrap();
    assert_eq!(count, events.len());
    events
}

/// The one event that comes.
#[track_caller]
fn event(poller: &Poller) -> Event {
    match events(poller, PATIENCE)[..] {
        [event] => event,
        ref events => panic!("one event was expected: {events:?}"),
    }
}

#[track_caller]
fn quiet(poller: &Poller) {
    assert_eq!(events(poller, MOMENT), []);
}

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    result.err().expect("a failure").kind()
}
