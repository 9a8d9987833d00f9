//! The demo servers: one short file each over the public API. To add one, write its file and its
//! line in [`ALL`].

mod chargen;
mod chat;
mod daytime;
mod discard;
mod echo;
mod frames;
mod http;
mod iperf3;
mod lines;
mod oauth;
mod polled;
mod resp;
mod threads;
mod time;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tuntcp::net::{KeepAlive, SocketOptions};
use tuntcp::{Host, TcpListener, TcpStream, UdpSocket};

use crate::Failure;

pub(crate) use polled::Polled;
pub(crate) use threads::start as start_threads;

/// A demo server.
pub(crate) struct Demo {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// Its well-known port.
    pub(crate) port: u16,
    /// What it does, for people.
    pub(crate) about: &'static str,
    /// How people talk to it, at its well-known port.
    pub(crate) client: &'static str,
    /// Makes it ready.
    pub(crate) start: fn(&Settings) -> Result<Server, Failure>,
}

/// Every demo server.
pub(crate) static ALL: [Demo; 11] = [
    Demo {
        name: "echo",
        port: 7,
        about: "sends back what it gets (RFC 862)",
        client: "nc 192.0.2.2 7",
        start: |_| {
            Ok(Server::textbook(echo::serve, || Box::<echo::Turns>::default(), echo::answer))
        },
    },
    Demo {
        name: "discard",
        port: 9,
        about: "throws away what it gets (RFC 863)",
        client: "nc 192.0.2.2 9",
        start: |_| {
            Ok(Server::textbook(discard::serve, || Box::new(discard::Turns), discard::answer))
        },
    },
    Demo {
        name: "daytime",
        port: 13,
        about: "says what time it is (RFC 867)",
        client: "nc 192.0.2.2 13",
        start: |_| Ok(Server::textbook(daytime::serve, daytime::turns, daytime::answer)),
    },
    Demo {
        name: "chargen",
        port: 19,
        about: "talks until you hang up (RFC 864)",
        client: "nc 192.0.2.2 19",
        start: |_| {
            Ok(Server::textbook(
                chargen::serve,
                || Box::<chargen::Turns>::default(),
                chargen::answer,
            ))
        },
    },
    Demo {
        name: "time",
        port: 37,
        about: "seconds since 1900, as a number (RFC 868)",
        client: "nc 192.0.2.2 37 | od -An -tx1",
        start: |_| Ok(Server::textbook(time::serve, time::turns, time::answer)),
    },
    Demo {
        name: "http",
        port: 80,
        about: "the files below --root (RFC 9110)",
        client: "curl http://192.0.2.2/",
        start: |settings| http::start(&settings.http),
    },
    Demo {
        name: "resp",
        port: 6379,
        about: "keeps keys and values (the Redis protocol)",
        client: "redis-cli -h 192.0.2.2",
        start: |_| {
            let resp = resp::Resp::new();
            Ok(Server::threaded(move |stream| resp.serve(&stream)))
        },
    },
    Demo {
        name: "lines",
        port: 7070,
        about: "a chat by lines",
        client: "nc 192.0.2.2 7070",
        start: |_| {
            let room = chat::Room::default();
            Ok(Server::threaded(move |stream| lines::serve(&room, &stream)))
        },
    },
    Demo {
        name: "frames",
        port: 7071,
        about: "a chat by frames that tell their length",
        client: r"printf '\0\0\0\4/who' | nc -N 192.0.2.2 7071 | od -An -tx1",
        start: |_| {
            let room = chat::Room::default();
            Ok(Server::threaded(move |stream| frames::serve(&room, &stream)))
        },
    },
    Demo {
        name: "iperf3",
        port: crate::iperf3::PORT,
        about: "how fast is it? TCP, both directions",
        client: "iperf3 -c 192.0.2.2",
        start: |_| Ok(iperf3::server()),
    },
    Demo {
        name: "oauth",
        port: 8080,
        about: "an OAuth 2.0 provider, and a page to try it",
        client: "chromium http://192.0.2.2:8080/",
        start: |settings| Ok(oauth::start(&settings.oauth)),
    },
];

/// What the servers are told on the command line.
#[derive(Args)]
pub(crate) struct Settings {
    #[command(flatten)]
    http: http::Options,
    #[command(flatten)]
    oauth: oauth::Options,
}

/// A server at work: what it does for whom.
pub(crate) struct Server {
    /// Serves one client until he, or the server, is done; called in a thread of his own.
    stream: Box<dyn Fn(TcpStream, Number) -> io::Result<()> + Send + Sync>,
    /// The same a step at a time, for one thread that serves all.
    turns: Option<fn() -> Box<dyn polled::Turns>>,
    datagram: Option<Answer>,
}

/// The how-many-th of a door's clients one is: threads do not begin in the order in which those came
/// for whom they were started.
type Number = u64;

/// Puts the answer to a datagram into an empty buffer; `false` if there is none.
type Answer = fn(&[u8], &mut Vec<u8>) -> bool;

impl Server {
    /// One that gives each client a thread.
    pub(crate) fn threaded(
        stream: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::numbered(move |client, _| stream(client))
    }

    /// The same for a server that must know in what order its clients came.
    fn numbered(
        stream: impl Fn(TcpStream, Number) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self { stream: Box::new(stream), turns: None, datagram: None }
    }

    /// One of the small services that a textbook begins with: over TCP in either model, and over UDP.
    fn textbook(
        stream: fn(TcpStream) -> io::Result<()>,
        turns: fn() -> Box<dyn polled::Turns>,
        datagram: Answer,
    ) -> Self {
        let threaded = Self::threaded(stream);
        Self { turns: Some(turns), datagram: Some(datagram), ..threaded }
    }

    /// Whether one thread can serve all of its clients.
    pub(crate) fn has_turns(&self) -> bool {
        self.turns.is_some()
    }
}

/// Where a server listens.
pub(crate) struct Door {
    pub(crate) name: &'static str,
    pub(crate) server: Arc<Server>,
    pub(crate) listener: TcpListener,
    pub(crate) socket: Option<UdpSocket>,
    /// Clients that are served at once; who comes beyond that is sent away.
    pub(crate) max_clients: usize,
}

impl Door {
    /// Opens the ports of `server` at `at`.
    pub(crate) fn open(
        host: &Host,
        at: SocketAddr,
        name: &'static str,
        server: &Arc<Server>,
        max_clients: usize,
    ) -> Result<Self, Failure> {
        let failed = |error| format!("cannot listen at {at} for {name}: {error}");
        // As many as can come at once when a test bed or a browser starts. Who has vanished gives his
        // place back.
        let options = SocketOptions::new().backlog(1024).keepalive(KEEP_ALIVE);
        let listener = options.listen(host, at).map_err(failed)?;
        let socket = server.datagram.map(|_| UdpSocket::bind(host, at)).transpose();
        let socket = socket.map_err(failed)?;
        Ok(Self { name, server: Arc::clone(server), listener, socket, max_clients })
    }
}

/// Clients may be silent as long as they like, as long as they are there.
const KEEP_ALIVE: KeepAlive =
    KeepAlive { idle: Duration::from_secs(60), interval: Duration::from_secs(15), probes: 4 };

/// Bytes that are read or written at once.
const BUFFER: usize = 64 << 10;

/// Ports whose servers answer any datagram: ours, and the quote of the day (17, RFC 865).
const ANSWERERS: [u16; 5] = [7, 13, 17, 19, 37];

/// Whether a datagram from there gets no answer: two servers that answer each other, set up by one
/// forged datagram, would do so for ever. Nobody is at port 0.
fn answers_itself(from: SocketAddr) -> bool {
    from.port() == 0 || ANSWERERS.contains(&from.port())
}
