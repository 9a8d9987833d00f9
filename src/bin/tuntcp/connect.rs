//! `tuntcp connect`: our own nc.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use clap::Args;
use tuntcp::net::{Resolver, ToSocketAddrs};
use tuntcp::{Host, TcpStream};

use crate::Failure;
use crate::names::{self, NameOptions};
use crate::options::{HostOptions, seconds};
use crate::signals::{self, Signals};

/// Connect standard input and output to a peer, as nc does
///
/// Standard input goes to the peer, and its end closes our half; what the peer sends goes to
/// standard output until he closes his.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The peer: an address, or a name, which the stack looks up itself
    #[arg(value_name = "PEER")]
    peer: String,
    /// The peer's port, or its name (http)
    #[arg(value_parser = names::port)]
    port: u16,
    /// How long to wait for the connection to open, to each of the peer's addresses; 0, or without it,
    /// as long as TCP tries
    #[arg(short = 'w', long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,

    #[command(flatten)]
    names: NameOptions,

    #[command(flatten)]
    host: HostOptions,
}

const EXAMPLES: &str = "\
Examples:
  nc -l 192.0.2.1 4000                   the kernel listens
  tuntcp connect 192.0.2.1 4000          and we talk to it
  tuntcp connect 192.0.2.1 4000 < file   or send a file
  tuntcp connect one.example http --dns 192.0.2.1
                                         a peer and a port by name

Exit status: 0 after both sides have closed, 1 when the connection failed, with the cause.
A TUN serves one program at a time: beside a running `tuntcp serve`, give this one a TUN of its own
(sudo ./scripts/setup_tun.sh tun1 198.51.100.1/24, then --tun tun1 --address 198.51.100.2/24).";

/// How long the peer may take to acknowledge the last of what was sent.
const LAST_WORDS: Duration = Duration::from_secs(60);
/// The same when a signal wants an end.
const SHORT_GOODBYE: Duration = Duration::from_secs(2);
/// When the peer has closed his half, how long standard input may be silent before that is taken
/// for the end of the conversation.
const SILENCE: Duration = Duration::from_millis(500);

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let signals = Signals::block()?;
    let host = Arc::new(arguments.host.start()?);
    let interrupted = Arc::downgrade(&host);
    signals.on_first(move |signal| {
        if let Some(host) = interrupted.upgrade() {
            host.close(SHORT_GOODBYE);
            host.engine().abort_all(host.clock().now());
        }
        process::exit(signals::exit_status(signal));
    })?;

    arguments.names.apply(&host)?;
    let peer = (arguments.peer.as_str(), arguments.port);
    let addresses = peer.to_socket_addrs(&Resolver::new(&host))?;
    let (stream, peer) = open(&host, addresses, arguments.timeout)?;
    let input = Input::start(stream.try_clone()?)?;
    match receive(&stream).map_err(|error| format!("{peer}: {error}"))? {
        End::Peer => input.finish().map_err(|error| format!("{peer}: {error}"))?,
        End::Reader => return Ok(()),
    }
    if !host.close(LAST_WORDS) {
        return Err(format!("{peer} did not acknowledge all that was sent to it").into());
    }
    Ok(())
}

/// A connection to the first of `addresses` that answers.
fn open(
    host: &Host,
    addresses: impl Iterator<Item = SocketAddr>,
    timeout: Option<Duration>,
) -> Result<(TcpStream, SocketAddr), Failure> {
    let mut failure = String::from("the peer has no address");
    for peer in addresses {
        let opened = match timeout {
            None | Some(Duration::ZERO) => TcpStream::connect(host, peer),
            Some(timeout) => TcpStream::connect_timeout(host, &peer, timeout),
        };
        match opened {
            Ok(stream) => return Ok((stream, peer)),
            Err(error) => {
                failure = format!("cannot connect to {peer}: {error}{}", advice(&error));
            }
        }
    }
    Err(failure.into())
}

/// What to do next about a connection that could not be opened.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::ConnectionRefused => {
            "; nobody listens there, start the server first (for a try: nc -l ADDRESS PORT)"
        }
        ErrorKind::TimedOut => {
            "; nobody answered: is the address right, does the kernel know the way to it (ip route \
             get ADDRESS), and does no firewall drop our packets?"
        }
        ErrorKind::HostUnreachable => {
            "; beyond the TUN's own network the kernel has to forward (sysctl net.ipv4.ip_forward)"
        }
        ErrorKind::NetworkUnreachable => "; is it the stack's own (--address)?",
        _ => "",
    }
}

/// Which side has ended the conversation.
enum End {
    /// The peer closed his half.
    Peer,
    /// Whoever read our output has enough.
    Reader,
}

/// The peer to standard output, until he closes his half.
fn receive(mut stream: &TcpStream) -> io::Result<End> {
    let mut buffer = vec![0; 64 << 10];
    let mut output = io::stdout().lock();
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(End::Peer);
        }
        match output.write_all(&buffer[..count]).and_then(|()| output.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(End::Reader),
            Err(error) => return Err(said("cannot write standard output", &error)),
            Ok(()) => {}
        }
    }
}

/// The thread that sends standard input to the peer. It may sleep in a read for ever, so nobody
/// simply waits for it.
struct Input {
    thread: JoinHandle<io::Result<()>>,
    /// Something was read.
    progress: Receiver<()>,
    /// What was read is not yet sent.
    sending: Arc<AtomicBool>,
}

impl Input {
    fn start(stream: TcpStream) -> io::Result<Self> {
        let (tell, progress) = mpsc::sync_channel(1);
        let sending = Arc::new(AtomicBool::new(false));
        let thread = {
            let sending = Arc::clone(&sending);
            let send = move || send_input(&stream, &tell, &sending);
            thread::Builder::new().name("input".into()).spawn(send)?
        };
        Ok(Self { thread, progress, sending })
    }

    /// The peer has closed his half and may still read: waits until standard input has ended, or
    /// is silent, as that of somebody who has forgotten about it.
    fn finish(self) -> io::Result<()> {
        loop {
            match self.progress.recv_timeout(SILENCE) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) if self.sending.load(Ordering::Acquire) => {}
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the input thread panicked")))
    }
}

/// Standard input to the peer; at its end our half is closed.
fn send_input(stream: &TcpStream, tell: &SyncSender<()>, sending: &AtomicBool) -> io::Result<()> {
    let outcome = copy_input(stream, tell, sending);
    // Fails where the connection is over, which is what it is for.
    let _ = stream.shutdown(Shutdown::Write);
    outcome
}

fn copy_input(
    mut stream: &TcpStream,
    tell: &SyncSender<()>,
    sending: &AtomicBool,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = match io::stdin().read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(said("cannot read standard input", &error)),
        };
        sending.store(true, Ordering::Release);
        // Full: the last one was not noticed yet, which says the same.
        let _ = tell.try_send(());
        stream
            .write_all(&buffer[..count])
            .map_err(|error| said("not all of the input could be sent", &error))?;
        sending.store(false, Ordering::Release);
    }
}

/// The error, with what was tried.
fn said(tried: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{tried}: {error}"))
}
