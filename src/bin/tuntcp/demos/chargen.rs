//! Character generator (RFC 864): lines of 72 printable characters, each begun one character
//! further, as long as the client takes them.

use std::io::{self, ErrorKind, Write};

use tuntcp::TcpStream;

/// Printable characters of ASCII, from the space on.
const PRINTABLE: usize = 95;
/// Characters of a line.
const WIDTH: usize = 72;

pub(super) fn serve(mut stream: TcpStream) -> io::Result<()> {
    // All lines that there are; behind the last one the first begins again.
    let lines: Vec<u8> = (0..PRINTABLE).flat_map(line).collect();
    let block = lines.repeat(super::BUFFER / lines.len());
    loop {
        match stream.write_all(&block) {
            // There is no other way for a client to say that he has enough.
            Err(error)
                if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) =>
            {
                return Ok(());
            }
            outcome => outcome?,
        }
    }
}

fn line(first: usize) -> impl Iterator<Item = u8> {
    let characters = (first..first + WIDTH).map(|index| b' ' + (index % PRINTABLE) as u8);
    characters.chain(*b"\r\n")
}
