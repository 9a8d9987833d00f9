//! Names in the hands of tasks: whoever waits for a name server keeps nobody else from running.

use std::io::ErrorKind;

use tokio::runtime::Builder;
use tokio::time::timeout;
use tuntcp::Host;
use tuntcp::names::{Cause, Hosts, NameError, Names, Services};
use tuntcp::net::tokio::{TcpListener, TcpStream, UdpSocket};
use tuntcp::runtime::memory_pair;

use crate::{MOMENT, PATIENCE, server};

const ZONE: &str = "\
one.example A 192.0.2.1
two.example A 192.0.2.2
mute.example SILENCE";

/// The host of a name server, and one that asks it.
fn hosts() -> (Host, Host) {
    let (a, b) = memory_pair().unwrap();
    server::start(&a, "192.0.2.1:53".parse().unwrap(), ZONE);
    let config = "nameserver 192.0.2.1\noptions timeout:10".parse().unwrap();
    b.set_names(Names::new(config, Hosts::default(), Services::well_known()));
    (a, b)
}

/// Runs `test` on this thread alone: if a call keeps it, everything stands still.
fn run(test: impl Future<Output = ()>) {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { timeout(PATIENCE, test).await.expect("it hangs") });
}

#[test]
fn a_task_that_waits_for_a_name_lets_others_run() {
    run(async {
        let (_a, b) = hosts();
        let socket = UdpSocket::bind(&b, "0.0.0.0:0").await.unwrap();
        // The time-out is another task's: it passes while they wait.
        assert!(timeout(MOMENT, TcpStream::connect(&b, "mute.example:80")).await.is_err());
        assert!(timeout(MOMENT, TcpListener::bind(&b, "mute.example:80")).await.is_err());
        assert!(timeout(MOMENT, UdpSocket::bind(&b, "mute.example:80")).await.is_err());
        assert!(timeout(MOMENT, socket.connect("mute.example:80")).await.is_err());
        assert!(timeout(MOMENT, socket.send_to(b"hello", "mute.example:80")).await.is_err());
    });
}

#[test]
fn names_lead_to_sockets() {
    run(async {
        let (a, b) = hosts();
        let theirs = TcpListener::bind(&a, "192.0.2.1:80").await.unwrap();
        let stream = TcpStream::connect(&b, "one.example:http").await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), theirs.local_addr().unwrap());
        let ours = TcpListener::bind(&b, ("two.example", 81)).await.unwrap();
        assert_eq!(ours.local_addr().unwrap().to_string(), "192.0.2.2:81");

        let theirs = UdpSocket::bind(&a, "192.0.2.1:9").await.unwrap();
        let ours = UdpSocket::bind(&b, "two.example:9").await.unwrap();
        ours.send_to(b"hello", "one.example:9").await.unwrap();
        assert_eq!(theirs.recv(&mut [0; 9]).await.unwrap(), 5);
        ours.connect("one.example:9").await.unwrap();
        assert_eq!(ours.get_ref().peer_addr().unwrap().to_string(), "192.0.2.1:9");
    });
}

#[test]
fn a_name_that_is_not_there_names_the_server() {
    run(async {
        let (_a, b) = hosts();
        let error = TcpStream::connect(&b, "nowhere.example:80").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let inner = error.into_inner().expect("an error of ours");
        let cause = inner.downcast::<NameError>().expect("a NameError").cause;
        assert!(matches!(cause, Cause::NoSuchName(server) if server.port() == 53));
        let error = TcpStream::connect(&b, "one.example").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}
