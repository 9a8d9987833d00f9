//! Echo (RFC 862): whatever comes goes back, until the client has closed his half.

use std::io::{self, Read, Write};

use tuntcp::TcpStream;

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
