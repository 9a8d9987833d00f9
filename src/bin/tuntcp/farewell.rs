//! The end of a connection whose client was told why it ends.

use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;
use std::time::Duration;

use tuntcp::TcpStream;
use tuntcp::runtime::clock::Clock;

/// How long, and for how many bytes, the rest of what was refused is read and thrown away.
const PATIENCE: Duration = Duration::from_secs(2);
const MOST: usize = 4 << 20;

/// Ends the connection so that the client gets what was written last: a stream that is dropped with
/// bytes unread is reset, which would take it from him (RFC 9112 9.6).
pub(crate) fn part(mut stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    let clock = Clock::start();
    let until = clock.now() + PATIENCE;
    let mut taken = 0;
    let mut scrap = [0; 8 << 10];
    while taken < MOST && !until.is_due(clock.now()) {
        let left = (until - clock.now()).max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut scrap) {
            Ok(0) => break,
            Ok(count) => taken += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
