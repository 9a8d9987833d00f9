//! Two engines whose packets are carried by hand: no thread, no clock, no device of the kernel.
//!
//! ```console
//! $ cargo run --example two_engines
//! ```
//!
//! An engine asks for nothing but a [`Device`] to send to and receive from, and to be told what time
//! it is. Here the device is two lists, and time goes on from one deadline to the next: to wait for a
//! packet that was lost takes no time at all.

use std::collections::VecDeque;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tuntcp::HostConfig;
use tuntcp::device::{Capabilities, Device, Offload, Received};
use tuntcp::engine::{Engine, Socket};
use tuntcp::tcp::Shutdown;
use tuntcp::time::Instant;
use tuntcp::wire::{Body, Packet};

/// Packets, each as long as it is.
type Packets = Mutex<VecDeque<Vec<u8>>>;

/// One end of a wire that somebody has to carry the packets of.
#[derive(Clone, Default)]
struct End {
    arrived: Arc<Packets>,
    sent: Arc<Packets>,
}

fn lock(packets: &Packets) -> MutexGuard<'_, VecDeque<Vec<u8>>> {
    packets.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Device for End {
    fn capabilities(&self) -> Capabilities {
        Capabilities::plain(1500)
    }

    fn receive(&self, _now: Instant, frame: &mut [u8]) -> io::Result<Option<Received>> {
        let Some(packet) = lock(&self.arrived).pop_front() else { return Ok(None) };
        frame[..packet.len()].copy_from_slice(&packet);
        Ok(Some(Received::plain(packet.len())))
    }

    fn transmit(&self, _now: Instant, frame: &[u8], _offload: Offload) -> io::Result<()> {
        lock(&self.sent).push_back(frame.to_vec());
        Ok(())
    }

    /// Who turns the engine by hand has no thread that waits.
    fn wait(&self, _timeout: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn wake(&self) {}
}

/// An engine, and its end of the wire.
struct Host {
    name: &'static str,
    engine: Arc<Engine>,
    end: End,
}

impl Host {
    fn new(name: &'static str, address: &str) -> Result<Self, Box<dyn Error>> {
        let end = End::default();
        let mut config = HostConfig::new(vec![address.parse()?]);
        // Sequence numbers follow from it: whoever speaks to strangers draws it at random.
        config.secret = [7; 16];
        Ok(Self { name, engine: Engine::new(Box::new(end.clone()), config), end })
    }
}

/// Two hosts and the time.
struct World {
    client: Host,
    server: Host,
    now: Instant,
    /// Packets that were carried, and the one that gets lost.
    carried: usize,
    lost: usize,
}

impl World {
    /// Carries what `from` has sent.
    fn carry(&mut self, from_client: bool) {
        let (from, to) = match from_client {
            true => (&self.client, &self.server),
            false => (&self.server, &self.client),
        };
        while let Some(packet) = lock(&from.end.sent).pop_front() {
            self.carried += 1;
            let lost = self.carried == self.lost;
            let text = match Packet::parse(&packet, false).map(|packet| packet.body) {
                Ok(Body::Tcp(_, segment)) => segment.to_string(),
                other => format!("{other:?}"),
            };
            let fate = if lost { "   (lost)" } else { "" };
            println!("{} {} > {text}{fate}", self.now, from.name);
            if !lost {
                lock(&to.end.arrived).push_back(packet);
            }
        }
    }

    /// Lets the time pass until `done`, which it may never be: then until nothing is left to do.
    fn pass_until(&mut self, done: impl Fn() -> bool) -> io::Result<()> {
        loop {
            let hosts = [&self.client, &self.server];
            let [client, server] = hosts.map(|host| host.engine.turn(self.now));
            let deadline = client?.min(server?);
            if done() {
                return Ok(());
            }
            let silent = hosts.iter().all(|host| lock(&host.end.sent).is_empty());
            if silent && deadline.is_never() {
                return Ok(());
            }
            if silent {
                self.now = deadline.max(self.now);
            }
            self.carry(true);
            self.carry(false);
        }
    }

    /// All of the peer's text.
    fn read_all(&mut self, socket: &Socket) -> Result<Vec<u8>, Box<dyn Error>> {
        let (mut text, mut buf) = (Vec::new(), [0; 1024]);
        loop {
            match socket.read(self.now, &mut buf, false).map_err(io::Error::from)? {
                Some(0) => return Ok(text),
                Some(len) => text.extend_from_slice(&buf[..len]),
                None => self.pass_until(|| socket.is_readable())?,
            }
        }
    }
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let mut world = World {
        client: Host::new("client", "192.0.2.2/24")?,
        server: Host::new("server", "192.0.2.1/24")?,
        now: Instant::ZERO,
        carried: 0,
        lost: 4,
    };
    let there: SocketAddr = "192.0.2.1:7".parse()?;
    let listener = world.server.engine.listen(there, 8)?;
    let near = world.client.engine.connect(world.now, None, there)?;
    world.pass_until(|| listener.is_acceptable())?;
    let far = listener.accept()?.ok_or("nobody came")?;

    // What is said here is the fourth packet: it comes late, and comes.
    near.write(world.now, b"Is anybody there?").map_err(io::Error::from)?;
    near.shutdown(world.now, Shutdown::Write).map_err(io::Error::from)?;
    let question = world.read_all(&far)?;
    println!("{} the server reads: {}", world.now, String::from_utf8_lossy(&question));
    far.write(world.now, b"Two engines.").map_err(io::Error::from)?;
    far.close(world.now);
    let answer = world.read_all(&near)?;
    println!("{} the client reads: {}", world.now, String::from_utf8_lossy(&answer));

    assert_eq!((&question[..], &answer[..]), (&b"Is anybody there?"[..], &b"Two engines."[..]));
    assert!(world.now > Instant::ZERO, "to notice the loss took time");
    // A minute of TIME-WAIT, and nothing is left.
    drop(near);
    world.pass_until(|| false)?;
    assert_eq!((world.client.engine.connections(), world.server.engine.connections()), (0, 0));
    println!("{} nothing is left to do", world.now);
    Ok(())
}
