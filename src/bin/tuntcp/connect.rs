//! `tuntcp connect`: our own nc.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::thread;

use clap::Args;
use tuntcp::TcpStream;

use crate::Failure;
use crate::options::HostOptions;

/// Connect standard input and output to a peer, as nc does
///
/// Standard input goes to the peer, and its end closes our half; what the peer sends goes to
/// standard output until he closes his.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The peer's address
    address: IpAddr,
    /// The peer's port
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,

    #[command(flatten)]
    host: HostOptions,
}

const EXAMPLES: &str = "\
Examples:
  nc -l 192.0.2.1 4000                   the kernel listens
  tuntcp connect 192.0.2.1 4000          and we talk to it
  tuntcp connect 192.0.2.1 4000 < file   or send a file

Exit status: 0 after both sides have closed, 1 when the connection failed, with the cause.
A TUN serves one program at a time: beside a running `tuntcp serve`, give this one a TUN of its own
(sudo ./scripts/setup_tun.sh tun1 198.51.100.1/24, then --tun tun1 --address 198.51.100.2/24).";

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let host = arguments.host.start()?;
    let peer = SocketAddr::new(arguments.address, arguments.port);
    let stream = TcpStream::connect(&host, peer)
        .map_err(|error| format!("cannot connect to {peer}: {error}"))?;
    let upstream = stream.try_clone()?;
    // It may sleep in a read of standard input for ever: nobody waits for it.
    thread::Builder::new().name("input".into()).spawn(move || send_input(&upstream))?;
    let outcome = receive(&stream);
    // Closing takes the host: it ends in good order within a bound.
    drop((stream, host));
    outcome.map_err(|error| format!("{peer}: {error}").into())
}

/// Standard input to the peer; at its end our half is closed.
fn send_input(mut stream: &TcpStream) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = match io::stdin().read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                eprintln!("tuntcp: cannot read standard input: {error}");
                break;
            }
        };
        if stream.write_all(&buffer[..count]).is_err() {
            // The peer is gone: the one who reads from him says why.
            return;
        }
    }
    // Fails where the peer is gone, see above.
    let _ = stream.shutdown(Shutdown::Write);
}

/// The peer to standard output, until he closes his half.
fn receive(mut stream: &TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    let mut output = io::stdout().lock();
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        match output.write_all(&buffer[..count]).and_then(|()| output.flush()) {
            // Whoever read our output has enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            outcome => outcome?,
        }
    }
}
