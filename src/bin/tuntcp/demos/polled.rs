//! One thread for all clients of all servers: it never waits for one of them, but asks a poller which
//! of them have something to say or room to listen, and does for each what can be done at once.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use tuntcp::net::{Event, Interest, Poller};
use tuntcp::{Host, TcpStream, UdpSocket};

use super::{Door, Server, answers_itself};

/// Service to one client, a step at a time.
pub(crate) trait Turns: Send {
    /// Does what can be done without waiting, with a buffer for the time of the call. What a client
    /// sends all the time is not read to its end in one call: others want their turn, too.
    fn turn(&mut self, stream: &TcpStream, buffer: &mut [u8]) -> io::Result<Next>;
}

/// What a client's next turn waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    /// Something to read.
    Read,
    /// Room to write.
    Write,
    /// Nothing: he is served.
    Done,
}

/// Reads what is there; `None` if nothing is, yet.
pub(super) fn read_now(mut stream: &TcpStream, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    match stream.read(buffer) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        outcome => outcome.map(Some),
    }
}

/// Writes what there is room for.
pub(super) fn write_now(mut stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match stream.write(bytes) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        outcome => outcome,
    }
}

/// What a client did not take yet. Who sends through it and reads on only when it is empty keeps one
/// buffer at most.
#[derive(Default)]
pub(super) struct Unsent {
    bytes: Vec<u8>,
    sent: usize,
}

impl Unsent {
    /// Sends what waits; whether nothing does any more.
    pub(super) fn flush(&mut self, stream: &TcpStream) -> io::Result<bool> {
        while self.sent < self.bytes.len() {
            match write_now(stream, &self.bytes[self.sent..])? {
                0 => return Ok(false),
                count => self.sent += count,
            }
        }
        *self = Self::default();
        Ok(true)
    }

    /// Sends `bytes` behind what waits; whether nothing does.
    pub(super) fn send(&mut self, stream: &TcpStream, bytes: &[u8]) -> io::Result<bool> {
        let now = if self.flush(stream)? { write_now(stream, bytes)? } else { 0 };
        self.bytes.extend_from_slice(&bytes[now..]);
        self.flush(stream)
    }
}

/// Service that says one thing and is done.
pub(super) struct Speech(Unsent);

impl Speech {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self(Unsent { bytes: bytes.to_vec(), sent: 0 })
    }
}

impl Turns for Speech {
    fn turn(&mut self, stream: &TcpStream, _: &mut [u8]) -> io::Result<Next> {
        Ok(if self.0.flush(stream)? { Next::Done } else { Next::Write })
    }
}

/// The servers of one thread, and their clients.
pub(crate) struct Polled {
    poller: Poller,
    doors: Vec<Door>,
    /// How many clients came through each door and are here.
    present: Vec<usize>,
    /// By their tokens.
    clients: HashMap<usize, Client>,
    /// The next client's token.
    next_token: usize,
    buffer: Vec<u8>,
}

/// A client, and how far he is served.
struct Client {
    /// Through which door he came.
    door: usize,
    address: SocketAddr,
    stream: TcpStream,
    turns: Box<dyn Turns>,
    waits: Next,
}

impl Polled {
    pub(crate) fn new(host: &Host, doors: Vec<Door>) -> io::Result<Self> {
        let poller = Poller::new(host);
        // Each door has two tokens: its listener's and its socket's.
        for (index, door) in doors.iter().enumerate() {
            door.listener.set_nonblocking(true)?;
            poller.register(&door.listener, 2 * index, Interest::READABLE)?;
            if let Some(socket) = &door.socket {
                socket.set_nonblocking(true)?;
                poller.register(socket, 2 * index + 1, Interest::READABLE)?;
            }
        }
        let (next_token, present) = (2 * doors.len(), vec![0; doors.len()]);
        let buffer = vec![0; super::BUFFER];
        Ok(Self { poller, doors, present, clients: HashMap::new(), next_token, buffer })
    }

    /// Serves in a thread of its own; `down` is called when the host is down.
    pub(crate) fn start(mut self, down: impl FnOnce() + Send + 'static) -> io::Result<()> {
        thread::Builder::new().name("poll".into()).spawn(move || {
            let Err(error) = self.run();
            log::debug!("poll: {error}");
            down();
        })?;
        Ok(())
    }

    /// Until the host is down.
    fn run(&mut self) -> Result<std::convert::Infallible, io::Error> {
        let mut events = Vec::new();
        loop {
            self.poller.wait(&mut events, None)?;
            for event in &events {
                self.handle(event)?;
            }
        }
    }

    fn handle(&mut self, event: &Event) -> io::Result<()> {
        let token = event.token();
        if token >= 2 * self.doors.len() {
            self.serve(token);
            return Ok(());
        }
        let door = token / 2;
        if token.is_multiple_of(2) { self.accept(door) } else { self.answer(door) }
    }

    /// Takes in who waits at a door.
    fn accept(&mut self, index: usize) -> io::Result<()> {
        loop {
            let door = &self.doors[index];
            let (stream, address) = match door.listener.accept() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                outcome => outcome?,
            };
            let Some(turns) = door.server.turns else { continue };
            if self.present[index] >= door.max_clients {
                let (name, limit) = (door.name, door.max_clients);
                log::warn!("{name}: {address} is sent away: there are {limit} clients already");
                continue;
            }
            log::info!("{}: {address} connected", door.name);
            let token = self.next_token;
            self.next_token += 1;
            stream.set_nonblocking(true)?;
            self.poller.register(&stream, token, Interest::READABLE)?;
            let waits = Next::Read;
            let client = Client { door: index, address, stream, turns: turns(), waits };
            self.clients.insert(token, client);
            self.present[index] += 1;
            self.serve(token);
        }
    }

    /// A turn of one client's.
    fn serve(&mut self, token: usize) {
        let Some(client) = self.clients.get_mut(&token) else { return };
        let (name, address) = (self.doors[client.door].name, client.address);
        let outcome = client.turns.turn(&client.stream, &mut self.buffer).and_then(|next| {
            let interest = match next {
                Next::Done => return Ok(true),
                Next::Read => Interest::READABLE,
                Next::Write => Interest::WRITABLE,
            };
            if next != client.waits {
                client.waits = next;
                self.poller.reregister(&client.stream, token, interest)?;
            }
            Ok(false)
        });
        match outcome {
            Ok(false) => return,
            Ok(true) => log::info!("{name}: {address} is done"),
            Err(error) => log::info!("{name}: {address}: {error}"),
        }
        self.present[client.door] -= 1;
        // Its stream goes with it, and closes.
        self.clients.remove(&token);
    }

    /// Answers the datagrams that wait at a door.
    fn answer(&mut self, door: usize) -> io::Result<()> {
        let Door { server, socket: Some(socket), name, .. } = &self.doors[door] else {
            return Ok(());
        };
        match answer_waiting(socket, server, &mut self.buffer) {
            Err(error) if error.kind() == ErrorKind::NetworkDown => Err(error),
            Err(error) => {
                log::debug!("{name}: a datagram: {error}");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

fn answer_waiting(socket: &UdpSocket, server: &Arc<Server>, buffer: &mut [u8]) -> io::Result<()> {
    let Some(answer) = server.datagram else { return Ok(()) };
    let mut text = Vec::new();
    loop {
        let (len, from) = match socket.recv_from(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            outcome => outcome?,
        };
        text.clear();
        if !answers_itself(from) && answer(&buffer[..len], &mut text) {
            // Lost, as any datagram may be.
            let _ = socket.send_to(&text, from);
        }
    }
}
