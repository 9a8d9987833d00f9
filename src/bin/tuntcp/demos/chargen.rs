//! Character generator (RFC 864): lines of 72 printable characters, each begun one character
//! further, as long as the client takes them; to a datagram, a random number of them.

use std::io::{self, ErrorKind, Write};

use tuntcp::TcpStream;

use super::polled::{self, Next, write_now};

/// Printable characters of ASCII, from the space on.
const PRINTABLE: usize = 95;
/// Characters of a line.
const WIDTH: usize = 72;
/// The most that a datagram carries (RFC 864).
const DATAGRAM: usize = 512;

/// Bytes of a line, its end included.
const LINE: usize = WIDTH + 2;

/// All lines that there are, nine times, to be written at once; behind the last one the first begins
/// again.
static BLOCK: [u8; 9 * PRINTABLE * LINE] = block();

const fn block() -> [u8; 9 * PRINTABLE * LINE] {
    let mut block = [0; 9 * PRINTABLE * LINE];
    let mut at = 0;
    while at < block.len() {
        block[at] = match at % LINE {
            WIDTH => b'\r',
            column if column > WIDTH => b'\n',
            column => b' ' + ((at / LINE + column) % PRINTABLE) as u8,
        };
        at += 1;
    }
    block
}

pub(super) fn serve(mut stream: TcpStream) -> io::Result<()> {
    loop {
        match stream.write_all(&BLOCK) {
            Err(error) if is_hung_up(&error) => return Ok(()),
            outcome => outcome?,
        }
    }
}

/// There is no other way for a client to say that he has enough.
fn is_hung_up(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

/// The same for one of many clients of a thread.
#[derive(Default)]
pub(super) struct Turns {
    /// How much of the block he has.
    at: usize,
}

impl polled::Turns for Turns {
    fn turn(&mut self, stream: &TcpStream, _: &mut [u8]) -> io::Result<Next> {
        match write_now(stream, &BLOCK[self.at..]) {
            Err(error) if is_hung_up(&error) => return Ok(Next::Done),
            written => self.at = (self.at + written?) % BLOCK.len(),
        }
        Ok(Next::Write)
    }
}

pub(super) fn answer(_: &[u8], answer: &mut Vec<u8>) -> bool {
    answer.extend_from_slice(&BLOCK[..fastrand::usize(..=DATAGRAM)]);
    true
}
