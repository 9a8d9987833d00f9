//! Discard (RFC 863): whatever comes is thrown away.

use std::io::{self, Read};

use tuntcp::TcpStream;

pub(super) fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; super::BUFFER];
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}
