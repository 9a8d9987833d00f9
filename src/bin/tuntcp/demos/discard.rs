//! Discard (RFC 863): whatever comes is thrown away.

use std::io::{self, Read};

use tuntcp::TcpStream;

use super::polled::{self, Next, read_now};

pub(super) fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; super::BUFFER];
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}

/// The same for one of many clients of a thread.
pub(super) struct Turns;

impl polled::Turns for Turns {
    fn turn(&mut self, stream: &TcpStream, buffer: &mut [u8]) -> io::Result<Next> {
        match read_now(stream, buffer)? {
            Some(0) => Ok(Next::Done),
            _ => Ok(Next::Read),
        }
    }
}

pub(super) fn answer(_: &[u8], _: &mut Vec<u8>) -> bool {
    false
}
