//! A conversation of datagrams.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

use tuntcp::{Host, UdpSocket};

use super::{Arguments, said};
use crate::Failure;
use crate::dial::advice;

/// Bytes of standard input that are read at once, and so go in one datagram: as nc has it.
const READ: usize = 16 << 10;
/// No datagram is longer.
const LONGEST: usize = 65_535;
/// How long the peer may be silent after the end of standard input, unless it was said.
const SILENCE: Duration = Duration::from_secs(1);

/// What ends the conversation, or keeps it alive.
enum Event {
    Received,
    InputOver,
    Failed(io::Error),
    /// Whoever reads our output has enough.
    ReaderGone,
}

pub(super) fn talk(
    host: &Host,
    addresses: &[IpAddr],
    arguments: &Arguments,
) -> Result<(), Failure> {
    let (socket, peer) = if arguments.listen {
        wait_for_peer(host, addresses, arguments)?
    } else {
        choose_peer(host, addresses, arguments.port)?
    };
    let (tell, events) = mpsc::sync_channel(16);
    let (input, told) = (socket.try_clone()?, tell.clone());
    thread::Builder::new().name("input".into()).spawn(move || send_input(&input, &told))?;
    thread::Builder::new().name("output".into()).spawn(move || receive(&socket, &tell))?;

    let silence = arguments.timeout.unwrap_or(SILENCE);
    let mut input_over = false;
    loop {
        let event = if input_over && !silence.is_zero() {
            events.recv_timeout(silence)
        } else {
            events.recv().map_err(RecvTimeoutError::from)
        };
        match event {
            Ok(Event::Received) => {}
            Ok(Event::InputOver) => input_over = true,
            Ok(Event::Failed(error)) => {
                return Err(format!("{peer}: {error}{}", advice(&error)).into());
            }
            Ok(Event::ReaderGone) | Err(_) => return Ok(()),
        }
    }
}

/// A socket whose peer is the first of `addresses` that there is a way to.
fn choose_peer(
    host: &Host,
    addresses: &[IpAddr],
    port: u16,
) -> Result<(UdpSocket, SocketAddr), Failure> {
    let mut failure = String::from("the peer has no address");
    for &address in addresses {
        let any: IpAddr = match address {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let peer = SocketAddr::new(address, port);
        let socket = UdpSocket::bind(host, (any, 0))?;
        match socket.connect(peer) {
            Ok(()) => return Ok((socket, peer)),
            Err(error) => failure = format!("cannot send to {peer}: {error}{}", advice(&error)),
        }
    }
    Err(failure.into())
}

/// A socket whose peer is who sends the first datagram; that one is printed already.
fn wait_for_peer(
    host: &Host,
    addresses: &[IpAddr],
    arguments: &Arguments,
) -> Result<(UdpSocket, SocketAddr), Failure> {
    let at: Vec<_> = addresses.iter().map(|&ip| SocketAddr::new(ip, arguments.port)).collect();
    let socket = UdpSocket::bind(host, at.as_slice())
        .map_err(|error| format!("cannot listen at port {}: {error}", arguments.port))?;
    log::info!("listening at {}", socket.local_addr()?);
    let mut buffer = vec![0; LONGEST];
    let (count, peer) = loop {
        let (count, peer) = socket.recv_from(&mut buffer)?;
        // The unspecified address of IPv6 stands for both families.
        if !arguments.stack.names.ipv6 || peer.is_ipv6() {
            break (count, peer);
        }
    };
    socket.connect(peer)?;
    log::info!("{peer} is the peer");
    print(&buffer[..count])?;
    Ok((socket, peer))
}

/// The peer's datagrams to standard output.
fn receive(socket: &UdpSocket, tell: &SyncSender<Event>) {
    let mut buffer = vec![0; LONGEST];
    loop {
        let event = match socket.recv(&mut buffer) {
            Ok(count) => match print(&buffer[..count]) {
                Ok(()) => Event::Received,
                Err(error) if error.kind() == ErrorKind::BrokenPipe => Event::ReaderGone,
                Err(error) => Event::Failed(error),
            },
            Err(error) => Event::Failed(error),
        };
        let is_over = !matches!(event, Event::Received);
        if tell.send(event).is_err() || is_over {
            return;
        }
    }
}

fn print(bytes: &[u8]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    let written = output.write_all(bytes).and_then(|()| output.flush());
    written.map_err(|error| said("cannot write standard output", &error))
}

/// Standard input to the peer, a datagram for each read.
fn send_input(socket: &UdpSocket, tell: &SyncSender<Event>) {
    let mut buffer = vec![0; READ];
    let event = loop {
        match io::stdin().read(&mut buffer) {
            Ok(0) => break Event::InputOver,
            Ok(count) => {
                if let Err(error) = socket.send(&buffer[..count]) {
                    break Event::Failed(error);
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => break Event::Failed(said("cannot read standard input", &error)),
        }
    };
    // Nobody listens any more where the conversation is over.
    let _ = tell.send(event);
}
