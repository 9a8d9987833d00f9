//! Streams and listeners: what futures do, and what becomes of those that are dropped.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tuntcp::Host;
use tuntcp::net::tokio::{TcpListener, TcpStream, UdpSocket};
use tuntcp::net::{Interest, Poller};
use tuntcp::runtime::memory_pair;

use crate::{MOMENT, SERVER, run};

/// Two hosts, and both ends of a connection: of the first and of the second.
async fn joined() -> (Host, Host, TcpStream, TcpStream) {
    let (a, b) = memory_pair().unwrap();
    let listener = TcpListener::bind(&a, SERVER).await.unwrap();
    let theirs = TcpStream::connect(&b, SERVER).await.unwrap();
    let (ours, _) = listener.accept().await.unwrap();
    (a, b, ours, theirs)
}

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    result.err().expect("a failure").kind()
}

#[test]
fn bytes_go_both_ways() {
    run(async {
        let (_a, _b, mut ours, mut theirs) = joined().await;
        // More than any buffer: both have to wait for each other.
        let much: Vec<u8> = (0..=250).cycle().take(16 << 20).collect();
        let expected = much.clone();
        let writes = tokio::spawn(async move {
            theirs.write_all(&much).await.unwrap();
            theirs.shutdown().await.unwrap();
            theirs.shutdown().await.expect("ended already, which is well");
            let mut answer = Vec::new();
            theirs.read_to_end(&mut answer).await.unwrap();
            assert!(answer == much);
        });
        let mut text = Vec::new();
        ours.read_to_end(&mut text).await.unwrap();
        assert!(text == expected);
        ours.write_all(&text).await.unwrap();
        drop(ours);
        writes.await.unwrap();
    });
}

#[test]
fn a_task_that_waits_is_woken() {
    run(async {
        let (_a, _b, mut ours, mut theirs) = joined().await;
        let mut byte = [0];
        assert!(timeout(MOMENT, ours.read(&mut byte)).await.is_err(), "nothing has come");
        let reads = tokio::spawn(async move { ours.read_u8().await.unwrap() });
        tokio::time::sleep(MOMENT).await;
        theirs.write_all(b"x").await.unwrap();
        assert_eq!(reads.await.unwrap(), b'x');
    });
}

#[test]
fn parts_are_written_together() {
    run(async {
        let (_a, _b, mut ours, mut theirs) = joined().await;
        assert!(tokio::io::AsyncWrite::is_write_vectored(&ours));
        let parts = [IoSlice::new(b"one "), IoSlice::new(b""), IoSlice::new(b"text")];
        assert_eq!(ours.write_vectored(&parts).await.unwrap(), 8);
        ours.shutdown().await.unwrap();
        let mut text = String::new();
        theirs.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "one text");
        assert_eq!(kind(ours.write(b"x").await), ErrorKind::BrokenPipe);
    });
}

#[test]
fn each_half_has_a_task_of_its_own() {
    run(async {
        let (_a, _b, ours, theirs) = joined().await;
        let (mut reads, mut writes) = ours.into_split();
        let much = vec![7; 4 << 20];
        let echo = tokio::spawn(async move {
            let (mut reads, mut writes) = theirs.into_split();
            tokio::io::copy(&mut reads, &mut writes).await.unwrap()
        });
        let writer = tokio::spawn(async move {
            writes.write_all(&much).await.unwrap();
            // The drop says that this was all.
        });
        let mut back = Vec::new();
        reads.read_to_end(&mut back).await.unwrap();
        writer.await.unwrap();
        assert_eq!(echo.await.unwrap(), 4 << 20);
        assert!(back == [7; 4 << 20]);
    });
}

#[test]
fn an_attempt_to_connect_fails_as_it_does_elsewhere() {
    run(async {
        let (a, b) = memory_pair().unwrap();
        let refused = TcpStream::connect(&b, SERVER).await;
        assert_eq!(kind(refused), ErrorKind::ConnectionRefused);
        let nowhere: &[std::net::SocketAddr] = &[];
        assert_eq!(kind(TcpStream::connect(&b, nowhere).await), ErrorKind::InvalidInput);
        // Of several addresses the first that answers.
        let listener = TcpListener::bind(&a, "192.0.2.1:81").await.unwrap();
        let both = [SERVER.parse().unwrap(), listener.local_addr().unwrap()];
        let stream = TcpStream::connect(&b, &both[..]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap().port(), 81);
    });
}

#[test]
fn an_attempt_that_is_given_up_leaves_nothing() {
    run(async {
        let (_a, b) = memory_pair().unwrap();
        assert!(timeout(MOMENT, TcpStream::connect(&b, "192.0.2.99:80")).await.is_err());
        assert_eq!(b.engine().connections(), 0);
    });
}

#[test]
fn an_accept_that_is_given_up_takes_nobody() {
    run(async {
        let (a, b) = memory_pair().unwrap();
        let listener = TcpListener::bind(&a, SERVER).await.unwrap();
        assert!(timeout(MOMENT, listener.accept()).await.is_err());
        let client = TcpStream::connect(&b, SERVER).await.unwrap();
        let (_, addr) = listener.accept().await.unwrap();
        assert_eq!(addr, client.local_addr().unwrap());
    });
}

#[test]
fn each_of_several_who_accept_gets_one() {
    run(async {
        let (a, b) = memory_pair().unwrap();
        let listener = Arc::new(TcpListener::bind(&a, SERVER).await.unwrap());
        let accept = |_| {
            let listener = Arc::clone(&listener);
            tokio::spawn(async move { listener.accept().await.unwrap() })
        };
        let tasks: Vec<_> = (0..100).map(accept).collect();
        tokio::time::sleep(MOMENT).await;
        let mut clients = Vec::new();
        for _ in &tasks {
            clients.push(TcpStream::connect(&b, SERVER).await.unwrap());
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
}

/// Is woken, and nobody hears of it.
struct Deaf;

impl Wake for Deaf {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn what_is_dropped_keeps_no_waker() {
    run(async {
        let (a, b) = memory_pair().unwrap();
        let listener = TcpListener::bind(&a, SERVER).await.unwrap();
        let deaf = Arc::new(Deaf);
        let waker = Waker::from(Arc::clone(&deaf));
        for _ in 0..10 {
            let mut accept = pin!(listener.accept());
            let polled = accept.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(matches!(polled, Poll::Pending));
        }
        drop(waker);
        assert_eq!(Arc::strong_count(&deaf), 1);
        let client = TcpStream::connect(&b, SERVER).await.unwrap();
        assert_eq!(listener.accept().await.unwrap().1, client.local_addr().unwrap());
    });
}

#[test]
fn a_host_that_is_dropped_ends_what_waits() {
    run(async {
        let (mut a, _b, mut ours, _theirs) = joined().await;
        a.set_drain(Duration::ZERO);
        let listener = TcpListener::bind(&a, "192.0.2.1:81").await.unwrap();
        let reads = tokio::spawn(async move {
            let result = ours.read(&mut [0]).await;
            (result, ours)
        });
        let accepts = tokio::spawn(async move { listener.accept().await });
        tokio::time::sleep(MOMENT).await;
        tokio::task::spawn_blocking(move || drop(a)).await.unwrap();
        let (result, mut ours) = reads.await.unwrap();
        assert_eq!(kind(result), ErrorKind::ConnectionAborted);
        assert_eq!(ours.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(kind(accepts.await.unwrap()), ErrorKind::NetworkDown);
    });
}

#[test]
fn a_socket_waits_for_one_party() {
    run(async {
        let (a, _b, ours, _theirs) = joined().await;
        let poller = Poller::new(&a);
        let below = ours.get_ref().try_clone().unwrap();
        assert_eq!(kind(poller.register(&below, 0, Interest::READABLE)), ErrorKind::AlreadyExists);
        assert_eq!(kind(TcpStream::new(below.try_clone().unwrap())), ErrorKind::AlreadyExists);
        drop(ours);
        poller.register(&below, 0, Interest::WRITABLE).unwrap();
        assert_eq!(kind(TcpStream::new(below)), ErrorKind::AlreadyExists);
    });
}

#[test]
fn datagrams_go_both_ways() {
    run(async {
        let (a, b) = memory_pair().unwrap();
        let server = UdpSocket::bind(&a, SERVER).await.unwrap();
        let client = UdpSocket::bind(&b, "0.0.0.0:0").await.unwrap();
        assert!(timeout(MOMENT, server.recv_from(&mut [0])).await.is_err(), "nothing has come");
        let echo = tokio::spawn(async move {
            let mut buf = [0; 64];
            loop {
                let (len, from) = server.recv_from(&mut buf).await.unwrap();
                server.send_to(&buf[..len], from).await.unwrap();
                if len == 0 {
                    return;
                }
            }
        });
        client.connect(SERVER).await.unwrap();
        let mut buf = [0; 64];
        for text in [&b"one"[..], b"another", b""] {
            assert_eq!(client.send(text).await.unwrap(), text.len());
            assert_eq!(client.peek(&mut buf).await.unwrap(), text.len());
            assert_eq!(client.recv(&mut buf).await.unwrap(), text.len());
            assert_eq!(&buf[..text.len()], text);
        }
        echo.await.unwrap();
        // The server's port is free by now, and the network says so.
        client.send(b"is anybody there?").await.unwrap();
        assert_eq!(kind(client.recv(&mut buf).await), ErrorKind::ConnectionRefused);
    });
}
