//! A thread for each client: it does one thing after the other, and sleeps where it has to wait.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tuntcp::{TcpListener, TcpStream, UdpSocket};

use super::{Answer, Door, Number, Server, answers_itself};

/// Accepts at `door` in a thread of its own, and answers datagrams in another; `down` is called by
/// whichever finds that the host is down.
pub(crate) fn start(door: Door, down: impl Fn() + Send + Clone + 'static) -> io::Result<()> {
    let Door { name, server, listener, socket, max_clients } = door;
    if let (Some(socket), Some(answer)) = (socket, server.datagram) {
        let down = down.clone();
        thread::Builder::new().name(format!("{name}-udp")).spawn(move || {
            answer_all(&socket, answer);
            down();
        })?;
    }
    let clients = Clients { name, server, limit: max_clients, present: Arc::default() };
    thread::Builder::new().name(name.into()).spawn(move || {
        accept_all(&listener, &clients);
        down();
    })?;
    Ok(())
}

/// The clients of a server.
struct Clients {
    name: &'static str,
    server: Arc<Server>,
    limit: usize,
    /// One reference for each of them.
    present: Arc<AtomicUsize>,
}

/// Until the host is down.
fn accept_all(listener: &TcpListener, clients: &Clients) {
    for number in 0.. {
        let Ok((stream, client)) = listener.accept() else { return };
        clients.receive(stream, client, number);
    }
}

impl Clients {
    /// Gives the client a thread, if there is room for him.
    fn receive(&self, stream: TcpStream, client: SocketAddr, number: Number) {
        let name = self.name;
        let Some(place) = Place::take(&self.present, self.limit) else {
            log::warn!("{name}: {client} is sent away: there are {} clients already", self.limit);
            return;
        };
        log::info!("{name}: {client} connected");
        let server = Arc::clone(&self.server);
        let started = thread::Builder::new().spawn(move || {
            let _place = place;
            match (server.stream)(stream, number) {
                Ok(()) => log::info!("{name}: {client} is done"),
                Err(error) => log::info!("{name}: {client}: {error}"),
            }
        });
        if let Err(error) = started {
            // Its stream was dropped with the thread that it was for: the client is told.
            log::warn!("{name}: no thread for {client}: {error}");
        }
    }
}

/// One of the places that a server has for clients, given back when it is dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(present: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        let place = Self(Arc::clone(present));
        (present.fetch_add(1, Ordering::Relaxed) < limit).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Until the host is down.
fn answer_all(socket: &UdpSocket, answer: Answer) {
    let mut buffer = vec![0; super::BUFFER];
    let mut text = Vec::new();
    loop {
        match socket.recv_from(&mut buffer) {
            Ok((len, from)) => {
                text.clear();
                if !answers_itself(from) && answer(&buffer[..len], &mut text) {
                    // Lost, as any datagram may be.
                    let _ = socket.send_to(&text, from);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NetworkDown => return,
            Err(error) => log::debug!("a datagram: {error}"),
        }
    }
}
