//! A conversation over a connection.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tuntcp::net::SocketOptions;
use tuntcp::{Host, TcpStream};

use super::{Arguments, said};
use crate::Failure;
use crate::dial::dial;

/// How long the peer may take to acknowledge the last of what was sent.
const LAST_WORDS: Duration = Duration::from_secs(60);
/// When the peer has closed his half, how long standard input may be silent before that is taken
/// for the end of the conversation.
const SILENCE: Duration = Duration::from_millis(500);

pub(super) fn talk(
    host: &Host,
    addresses: Vec<IpAddr>,
    arguments: &Arguments,
) -> Result<(), Failure> {
    let (stream, peer) = if arguments.listen {
        accept(host, &addresses, arguments)?
    } else {
        dial(host, addresses, arguments.port, arguments.timeout)?
    };
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

/// The connection of the first peer that comes; whoever comes later is refused.
fn accept(
    host: &Host,
    addresses: &[IpAddr],
    arguments: &Arguments,
) -> Result<(TcpStream, SocketAddr), Failure> {
    let at: Vec<_> = addresses.iter().map(|&ip| SocketAddr::new(ip, arguments.port)).collect();
    let options = SocketOptions::new().backlog(1).only_v6(arguments.stack.names.ipv6);
    let listener = options
        .listen(host, at.as_slice())
        .map_err(|error| format!("cannot listen at port {}: {error}", arguments.port))?;
    log::info!("listening at {}", listener.local_addr()?);
    let (stream, peer) = listener.accept()?;
    log::info!("{peer} connected");
    Ok((stream, peer))
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
