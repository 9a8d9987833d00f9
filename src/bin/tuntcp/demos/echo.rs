//! Echo (RFC 862): whatever comes goes back, until the client has closed his half.

use std::io::{self, Read, Write};

use tuntcp::TcpStream;

use super::polled::{self, Next, Unsent, read_now};

pub(super) fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; super::BUFFER];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count])?;
    }
}

/// The same for one of many clients of a thread: what he does not take at once waits here, and
/// meanwhile nothing more is read from him.
#[derive(Default)]
pub(super) struct Turns {
    unsent: Unsent,
}

impl polled::Turns for Turns {
    fn turn(&mut self, stream: &TcpStream, buffer: &mut [u8]) -> io::Result<Next> {
        if !self.unsent.flush(stream)? {
            return Ok(Next::Write);
        }
        let sent = match read_now(stream, buffer)? {
            None => true,
            Some(0) => return Ok(Next::Done),
            Some(count) => self.unsent.send(stream, &buffer[..count])?,
        };
        Ok(if sent { Next::Read } else { Next::Write })
    }
}

pub(super) fn answer(datagram: &[u8], answer: &mut Vec<u8>) -> bool {
    answer.extend_from_slice(datagram);
    true
}
